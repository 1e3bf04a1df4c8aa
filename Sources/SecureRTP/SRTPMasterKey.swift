/// A master key by the name that it has in packets (RFC 3711 3.1, 8.1). Never prints itself.
public struct SRTPMasterKey: Equatable, Sendable, CustomStringConvertible,
    CustomDebugStringConvertible, CustomReflectable
{
    /// Master key ‖ master salt.
    public var key: [UInt8]
    public var identifier: [UInt8]

    public init(key: [UInt8], identifier: [UInt8]) {
        self.key = key
        self.identifier = identifier
    }

    public var description: String { "<redacted>" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
