/// A master key by the name that it has in packets (RFC 3711 3.1, 8.1). Never prints itself.
public struct SRTPMasterKey: Equatable, Sendable, CustomStringConvertible,
    CustomDebugStringConvertible, CustomReflectable
{
    /// Master key ‖ master salt.
    public var key: [UInt8]
    /// The MKI that packets under this key carry, at most `SRTPContext.masterKeyIdentifierLimit`
    /// bytes (RFC 4568 6.1); empty: they carry none.
    public var identifier: [UInt8]

    /// Lengths are not checked here; `SRTPContext` does.
    public init(key: [UInt8], identifier: [UInt8]) {
        self.key = key
        self.identifier = identifier
    }

    /// Nothing of the key: what is logged by accident tells nothing.
    public var description: String { "<redacted>" }
    /// As `description`: nothing of the key.
    public var debugDescription: String { description }
    /// No children: dumps and mirrors do not reach the bytes.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
