public import Base

/// Where the agent listens, whom it calls through, and its limits.
public struct SignallingConfiguration: Sendable {
    /// Address to bind: `127.0.0.1`, `0.0.0.0`, `::1`.
    public var host: String
    /// UDP port to bind; 0 lets the system choose.
    public var port: Int
    /// The address peers reach us under, in Via and Contact. Must be set when `host` is a wildcard.
    public var publicHost: String?
    /// The provider that calls go out through; nil: each call goes straight to its target's host.
    public var trunk: TrunkConfiguration?
    /// Value of User-Agent and Server.
    public var userAgent: String
    /// Calls at one time, both directions; one more is refused with 503.
    public var maximumCalls: Int
    /// SIP transactions at one time; beyond it requests get a stateless 503.
    public var maximumTransactions: Int

    public init(
        host: String = "127.0.0.1", port: Int = 5060, publicHost: String? = nil,
        trunk: TrunkConfiguration? = nil, userAgent: String = "Trunkline",
        maximumCalls: Int = 2_000, maximumTransactions: Int = 20_000
    ) {
        self.host = host
        self.port = port
        self.publicHost = publicHost
        self.trunk = trunk
        self.userAgent = userAgent
        self.maximumCalls = maximumCalls
        self.maximumTransactions = maximumTransactions
    }
}

/// A SIP trunk: the next hop of outbound calls and what it knows us by.
public struct TrunkConfiguration: Sendable {
    /// Host name or address that requests are sent to.
    public var host: String
    public var port: Int
    /// Digest username (RFC 7616); nil: the trunk trusts our address.
    public var username: String?
    public var password: Redacted<String>?
    /// Domain of our From address; the trunk's host when nil.
    public var domain: String?

    public init(
        host: String, port: Int = 5060, username: String? = nil,
        password: Redacted<String>? = nil, domain: String? = nil
    ) {
        self.host = host
        self.port = port
        self.username = username
        self.password = password
        self.domain = domain
    }
}

/// Why the agent could not start. Each case describes itself in one line with the remedy.
public enum SignallingError: Error, Equatable, Sendable, CustomStringConvertible {
    case portInUse(address: String)
    case addressNotAvailable(address: String)
    case permissionDenied(address: String)
    /// A wildcard address is bound and no public address is configured.
    case publicHostRequired(address: String)
    case bindFailed(address: String, reason: String)
    case alreadyStarted

    public var description: String {
        switch self {
        case .portInUse(let address):
            "SIP address \(address) (UDP) is in use: stop the program that holds it "
                + "(`ss -lunp` shows it) or choose another with --sip HOST:PORT"
        case .addressNotAvailable(let address):
            "SIP address \(address) is not an address of this machine: "
                + "choose one that `ip address` lists with --sip HOST:PORT"
        case .permissionDenied(let address):
            "SIP address \(address) may not be bound by this user: "
                + "choose a port of 1024 or above with --sip HOST:PORT"
        case .publicHostRequired(let address):
            "SIP address \(address) is a wildcard: set the public host that peers reach us under, "
                + "or bind one address with --sip HOST:PORT"
        case .bindFailed(let address, let reason):
            "SIP address \(address) could not be bound (\(reason)): choose another with "
                + "--sip HOST:PORT"
        case .alreadyStarted: "the SIP agent was started twice: start it once"
        }
    }
}
