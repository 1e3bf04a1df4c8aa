/// What carries messages (RFC 3261 18, RFC 7118).
public enum SIPTransport: String, Sendable, Hashable, CaseIterable {
    case udp, tcp, tls, ws, wss

    /// In Via: `UDP` … `WSS`.
    public var viaName: String {
        switch self {
        case .udp: "UDP"
        case .tcp: "TCP"
        case .tls: "TLS"
        case .ws: "WS"
        case .wss: "WSS"
        }
    }

    /// Value of a URI's `transport` parameter: wss is `ws` of a sips: URI (RFC 7118 5.1).
    public var uriName: String { self == .wss ? "ws" : rawValue }

    /// Nothing is lost, so nothing is sent twice.
    public var isReliable: Bool { self != .udp }
    /// Over TLS.
    public var isSecure: Bool { self == .tls || self == .wss }
    /// One SIP message a WebSocket message (RFC 7118 5).
    public var isWebSocket: Bool { self == .ws || self == .wss }

    /// RFC 3261 18.2.1, RFC 7118 7.
    public var defaultPort: Int {
        switch self {
        case .udp, .tcp: 5060
        case .tls: 5061
        case .ws: 80
        case .wss: 443
        }
    }

    /// What a URI asks for: its scheme and its parameter. UDP when it says nothing (RFC 3263 4.1 for
    /// numeric addresses), TLS for sips:.
    public init(of uri: SIPURI) {
        let said = uri.parameters["transport"].map(\.asciiLowercased)
        switch said {
        case "ws": self = uri.isSecure ? .wss : .ws
        case "wss": self = .wss
        case "tls": self = .tls
        case "tcp": self = uri.isSecure ? .tls : .tcp
        default: self = uri.isSecure ? .tls : .udp
        }
    }
}
