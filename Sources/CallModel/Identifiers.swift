/// One call: an attempt that reached the trunk, or an inbound call. Also the correlation id of logs,
/// events, recordings and the stream's `callSid`.
public struct CallID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let value: String
    public init(_ value: String) { self.value = value }
    public var description: String { value }
    public static func < (a: CallID, b: CallID) -> Bool { a.value < b.value }
}

/// One media leg of this process.
public struct LegID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let value: UInt32
    public init(_ value: UInt32) { self.value = value }
    public var description: String { "leg-\(value)" }
    public static func < (a: LegID, b: LegID) -> Bool { a.value < b.value }
    /// Reads `leg-17`.
    public init?(description: String) {
        guard description.hasPrefix("leg-"), let value = UInt32(description.dropFirst(4)) else {
            return nil
        }
        self.value = value
    }
}

/// One direction of audio between two media legs of this process.
public struct LinkID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let value: UInt32
    public init(_ value: UInt32) { self.value = value }
    public var description: String { "link-\(value)" }
    public static func < (a: LinkID, b: LinkID) -> Bool { a.value < b.value }
    /// Reads `link-17`.
    public init?(description: String) {
        guard description.hasPrefix("link-"), let value = UInt32(description.dropFirst(5)) else {
            return nil
        }
        self.value = value
    }
}

public struct CampaignID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let value: String
    public init(_ value: String) { self.value = value }
    public var description: String { value }
    public static func < (a: CampaignID, b: CampaignID) -> Bool { a.value < b.value }
}

public struct ContactID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let value: String
    public init(_ value: String) { self.value = value }
    public var description: String { value }
    public static func < (a: ContactID, b: ContactID) -> Bool { a.value < b.value }
}
