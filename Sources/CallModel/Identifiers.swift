/// One call: an attempt that reached the trunk, or an inbound call. Also the correlation id of logs,
/// events, recordings and the stream's `callSid`.
public struct CallID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// `CA…`, `call-…` for a campaign's attempt, `in-…` for one that came in.
    public let value: String
    /// Takes any text; nothing checks its form.
    public init(_ value: String) { self.value = value }
    /// `value` as it is.
    public var description: String { value }
    /// By the characters of `value`: an order for sorted output.
    public static func < (a: CallID, b: CallID) -> Bool { a.value < b.value }
}

/// One media leg of this process.
public struct LegID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Never 0; given again after 2³² others, once it is free.
    public let value: UInt32
    /// The engine gives the numbers; any is taken here.
    public init(_ value: UInt32) { self.value = value }
    /// `leg-17`, on the wire and in logs.
    public var description: String { "leg-\(value)" }
    /// By number: the older leg first, until numbers come round again.
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
    /// Never 0; given again after 2³² others, once it is free.
    public let value: UInt32
    /// The engine gives the numbers; any is taken here.
    public init(_ value: UInt32) { self.value = value }
    /// `link-17`, on the wire and in logs.
    public var description: String { "link-\(value)" }
    /// By number: the older link first, until numbers come round again.
    public static func < (a: LinkID, b: LinkID) -> Bool { a.value < b.value }
    /// Reads `link-17`.
    public init?(description: String) {
        guard description.hasPrefix("link-"), let value = UInt32(description.dropFirst(5)) else {
            return nil
        }
        self.value = value
    }
}

/// One campaign; `direct` stands for calls that none made.
public struct CampaignID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// `camp-` and twelve characters, as the server makes them.
    public let value: String
    /// Takes any text; nothing checks its form.
    public init(_ value: String) { self.value = value }
    /// `value` as it is.
    public var description: String { value }
    /// By the characters of `value`: an order for sorted output.
    public static func < (a: CampaignID, b: CampaignID) -> Bool { a.value < b.value }
}

/// One entry of a campaign's list: a person on two lists has two.
public struct ContactID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// `ct-` and sixteen characters, as the import makes them.
    public let value: String
    /// Takes any text; nothing checks its form.
    public init(_ value: String) { self.value = value }
    /// `value` as it is.
    public var description: String { value }
    /// By the characters of `value`: an order for sorted output.
    public static func < (a: ContactID, b: ContactID) -> Bool { a.value < b.value }
}
