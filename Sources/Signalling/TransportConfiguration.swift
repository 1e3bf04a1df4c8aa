public import Base

/// What listens beside UDP. Every port is on the agent's `host`.
public struct TransportConfiguration: Sendable {
    /// TCP on this port, 0 for the UDP port; nil: no TCP at all, and no switch to it for large
    /// requests.
    public var tcpPort: Int?
    /// TLS on this port; needs `tls` with a certificate.
    public var tlsPort: Int?
    /// WebSocket (RFC 7118) without TLS: for a proxy in front, and for tests.
    public var webSocketPort: Int?
    /// WebSocket over TLS; needs `tls` with a certificate.
    public var secureWebSocketPort: Int?
    /// Values of Origin that a WebSocket handshake may carry; empty: any. Handshakes without Origin
    /// come from programs, not from pages, and are let through.
    public var webSocketOrigins: [String] = []
    /// For TLS and WebSocket over TLS, in both directions.
    public var tls = TLSSettings()
    /// Of all stream transports together.
    public var limits = ConnectionLimits()

    /// Listens on no stream transport.
    public init() {}
}

/// Certificates and trust of SIP over TLS.
public struct TLSSettings: Sendable, Equatable {
    /// PEM files: our certificate with its chain, and its key. Shown to clients, and to servers that
    /// ask for one.
    public var certificateFile: String?
    /// Without it or `certificateFile` we are a client only. Must not need a passphrase.
    public var keyFile: String?
    /// PEM file of the authorities we trust; nil: the system's.
    public var trustFile: String?
    /// Clients must show a certificate of an authority we trust.
    public var requiresClientCertificate = false
    /// RFC 5922 7.2 forbids wildcards in SIP certificates; carriers use them nevertheless.
    public var allowsWildcards = false
    /// How often the files are looked at; new ones are used for new connections.
    public var reloadInterval: Interval = .seconds(30)

    /// No certificate of ours, and the system's trust.
    public init() {}
}

/// What peers on stream transports may make us hold.
public struct ConnectionLimits: Sendable, Equatable {
    /// Connections at one time, both directions.
    public var connections = 4_096
    /// Accepted connections of one `sourceNetwork` (Asterisk AST-2016-005: sixty silent ones were
    /// enough), and ours to it.
    public var perSource = 64
    /// Connections being opened at one time, and messages that wait for one of them.
    public var connecting = 256
    /// The second of the two; one more is dropped.
    public var waitingMessages = 64
    /// From the accept to the first whole message, TLS and upgrade included.
    public var firstMessage: Interval = .seconds(10)
    /// From the first byte of a message to its last.
    public var message: Interval = .seconds(10)
    /// Without a byte from the peer. Peers behind NAT send keep-alives every two minutes
    /// (RFC 5626 4.4.1).
    public var idle: Interval = .seconds(600)
    /// Until a connection of ours is there, TLS included: eight times T1.
    public var connect: Interval = .seconds(4)
    /// Bytes written that the peer has not taken, with `StreamConnection.writeOverhead` a write.
    public var unsentBytes = 1 << 20
    /// CRLF CRLF on connections we opened (RFC 5626 4.4.1: 95 to 120 s).
    public var keepAlive: Interval = .seconds(100)

    /// The values above.
    public init() {}
}
