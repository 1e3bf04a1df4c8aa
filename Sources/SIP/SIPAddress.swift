/// Where messages go to and come from: a numeric address or, for a first hop, a name that the edge
/// resolves.
public struct SIPAddress: Hashable, Sendable {
    /// IPv6 without brackets.
    public var host: String
    /// 1…65535 where something is to be sent; not checked here.
    public var port: Int
    /// What messages go there over.
    public var transport: SIPTransport
    /// The connection, while it is open: its number within this process. When it is closed another
    /// one is opened to `host` and `port`.
    public var flow: UInt64?
    /// The domain whose certificate the other end of TLS must show (RFC 5922 4); nil: its address.
    public var name: String?

    /// Values as given; nothing is checked or looked up.
    public init(
        host: String, port: Int, transport: SIPTransport = .udp, flow: UInt64? = nil,
        name: String? = nil
    ) {
        self.host = host
        self.port = port
        self.transport = transport
        self.flow = flow
        self.name = name
    }

    /// Where a URI says that it is reached, without looking anything up (RFC 3261 19.1.2).
    public init(_ uri: SIPURI) {
        let transport = SIPTransport(of: uri)
        self.init(
            host: uri.host, port: uri.port ?? transport.defaultPort, transport: transport)
    }

    /// Of UDP and TCP (RFC 3261 18.2.1); `SIPTransport.defaultPort` has the others.
    public static let defaultPort = 5060

    /// True for an IPv4 or IPv6 address in digits.
    public var isNumeric: Bool {
        if host.utf8.contains(UInt8(ascii: ":")) { return true }
        let parts = host.utf8.split(
            separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { parseDecimal($0).map { $0 <= 255 } ?? false }
    }

    /// False for the unspecified, multicast and broadcast addresses: a Contact or Via must not make
    /// us send there (RFC 4475 bcast).
    public var isUnicast: Bool {
        if host.utf8.contains(UInt8(ascii: ":")) {
            return host != "::" && !host.asciiLowercased.hasPrefix("ff")
        }
        guard let first = host.utf8.split(separator: UInt8(ascii: ".")).first,
            let octet = parseDecimal(first)
        else { return true }
        return octet != 0 && octet < 224
    }
}
