public import Base
public import SIP

/// Where the agent listens, whom it calls through, and its limits.
public struct SignallingConfiguration: Sendable {
    /// Address to bind: `127.0.0.1`, `0.0.0.0`, `::1`.
    public var host: String
    /// UDP port to bind; 0 lets the system choose.
    public var port: Int
    /// The address peers reach us under, in Via and Contact. Must be set when `host` is a wildcard.
    public var publicHost: String?
    /// The providers that calls to numbers go out through, best first: the next one takes what one
    /// cannot. Calls to URIs of other hosts go straight there.
    public var trunks: [TrunkConfiguration]
    /// The only trunk, or the first.
    public var trunk: TrunkConfiguration? {
        get { trunks.first }
        set { trunks = newValue.map { [$0] } ?? [] }
    }
    /// Value of User-Agent and Server.
    public var userAgent: String
    /// Calls at one time, both directions; one more is refused with 503.
    public var maximumCalls: Int
    /// SIP transactions at one time; beyond it requests get a stateless 503.
    public var maximumTransactions: Int
    /// TCP, TLS and WebSocket.
    public var transports = TransportConfiguration()
    /// T1, T2 and T4; the defaults are those of RFC 3261 and suit every network.
    public var timing = SIPTimers()
    /// Session timers, reliable provisional responses, redirections.
    public var policy = CallPolicy()
    /// Callers that are not the trunk have to prove who they are; nil: nobody has to.
    public var callerAuthentication: CallerAuthentication?
    /// nil: calls are neither signed nor are signatures looked at.
    public var identity: IdentityConfiguration?
    /// Inbound calls of one address other than the trunk's at one time.
    public var maximumCallsPerSource = SIPLimits.dialogsPerSource
    /// Addresses and ranges (`192.0.2.0/24`) that may send to us, beside the trunks' own; empty:
    /// everybody. What others send is dropped before it is read.
    public var allowedSources: [AddressRange] = []
    /// Messages a second of one source that is no trunk; nil: any number.
    public var messagesPerSource: Double?
    /// Calls from outside a second, all sources together; more get 503. nil: any number.
    public var inboundCallsPerSecond: Double?
    /// DNS servers (`host`, `port`); empty: those of /etc/resolv.conf, for SRV and NAPTR only.
    public var dnsServers: [(host: String, port: Int)] = []
    /// The messages of calls that are kept for their ladder.
    public var trace = TraceStore.Limits()
    /// A Homer collector that gets a copy of everything; nil: none.
    public var hep: HEPSettings?
    /// How long an INVITE may stay without any answer while there is another way to try.
    public var failoverAfter: Interval = .seconds(5)

    /// Everything else as above. Nothing is checked here: `CallAgent.start` throws.
    public init(
        host: String = "127.0.0.1", port: Int = 5060, publicHost: String? = nil,
        trunk: TrunkConfiguration? = nil, userAgent: String = "Trunkline",
        maximumCalls: Int = 2_000, maximumTransactions: Int = 20_000
    ) {
        self.host = host
        self.port = port
        self.publicHost = publicHost
        trunks = trunk.map { [$0] } ?? []
        self.userAgent = userAgent
        self.maximumCalls = maximumCalls
        self.maximumTransactions = maximumTransactions
    }
}

/// A SIP trunk: the next hop of outbound calls and what it knows us by.
public struct TrunkConfiguration: Sendable {
    /// What calls, logs and the API name it by.
    public var name: String
    /// Host name or address that requests are sent to.
    public var host: String
    /// nil: what DNS says (RFC 3263), else the transport's own.
    public var port: Int?
    /// nil: what DNS says, else UDP.
    public var transport: SIPTransport?
    /// Digest username (RFC 7616); nil: the trunk trusts our address.
    public var username: String?
    /// Used with `username` only; nil: challenges are not answered.
    public var password: Redacted<String>?
    /// Domain of our From address; the trunk's host when nil.
    public var domain: String?
    /// nil: the trunk knows us by our address.
    public var registration: TrunkRegistration?
    /// How it is told who calls.
    public var callerIdentity = CallerIdentity()
    /// How many calls it may be given, and how often it is asked by OPTIONS. None by default.
    public var limits = TrunkState.Limits()
    /// Where its calls come from, beside the address that `host` is.
    public var sources: [AddressRange] = []

    /// Everything else as above; nothing is checked.
    public init(
        name: String = "trunk", host: String, port: Int? = nil, transport: SIPTransport? = nil,
        username: String? = nil, password: Redacted<String>? = nil, domain: String? = nil
    ) {
        self.name = name
        self.host = host
        self.port = port
        self.transport = transport
        self.username = username
        self.password = password
        self.domain = domain
    }

    /// Whether a call from this address is one of its own.
    func calls(from address: String) -> Bool {
        host == address || sources.contains { $0.contains(address) }
    }

    /// What is resolved to reach it.
    var uri: SIPURI {
        var uri = SIPURI(host: host, port: port)
        if let transport {
            uri.parameters.set("transport", transport.uriName)
            uri.isSecure = transport == .wss
        }
        return uri
    }
}

/// Why the agent could not start. Each case describes itself in one line with the remedy.
public enum SignallingError: Error, Equatable, Sendable, CustomStringConvertible {
    /// `address`: `host:port`, here and below.
    case portInUse(address: String)
    /// No address of this machine.
    case addressNotAvailable(address: String)
    /// Mostly a port below 1024.
    case permissionDenied(address: String)
    /// A wildcard address is bound and no public address is configured.
    case publicHostRequired(address: String)
    /// What else the system says.
    case bindFailed(address: String, reason: String)
    /// `CallAgent.start` was called while it listens.
    case alreadyStarted
    /// A certificate, key or trust file cannot be used.
    case tls(reason: String)
    /// A key or certificate for signing calls cannot be used.
    case identity(reason: String)

    /// One line with the remedy.
    public var description: String {
        switch self {
        case .portInUse(let address):
            "SIP address \(address) is in use: stop the program that holds it "
                + "(`ss -lntup` shows it) or choose another with --sip HOST:PORT"
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
        case .tls(let reason):
            "SIP over TLS cannot start (\(reason)): correct the files under sip_tls"
        case .identity(let reason):
            "calls cannot be signed or checked (\(reason)): correct what stir names"
        case .alreadyStarted: "the SIP agent was started twice: start it once"
        }
    }
}
