internal import Base
internal import SIP

/// Where an outbound call goes, under which address, and whether it may show credentials.
struct DialPlan {
    let target: SIPURI
    /// May be a name.
    let nextHop: SIPAddress
    private let from: SIPURI
    private let credentials: DigestCredentials?

    /// nil when the target is no sip: URI (sips: needs TLS, which this transport does not have), or
    /// a bare number without a trunk to take it.
    init?(_ call: OutboundCall, _ configuration: SignallingConfiguration, localHost: String) {
        let trunk = configuration.trunk
        let trunkDomain = trunk.map { $0.domain ?? $0.host }
        if call.target.contains(":") {
            guard let uri = try? SIPURI(call.target), !uri.isSecure else { return nil }
            target = uri
        } else {
            guard let trunkDomain, !call.target.isEmpty else { return nil }
            target = SIPURI(user: call.target, host: trunkDomain)
        }
        let host = target.host
        let trunkAddress = trunk.map { SIPAddress(host: $0.host, port: $0.port) }
        let hop: SIPAddress
        if let wanted = call.nextHop {
            hop = SIPAddress(host: wanted.host, port: wanted.port)
        } else if let trunkAddress, host == trunkAddress.host || host == trunkDomain {
            hop = trunkAddress
        } else {
            hop = SIPAddress(host: host, port: target.port ?? SIPAddress.defaultPort)
        }
        nextHop = hop
        let viaTrunk = hop == trunkAddress
        from = SIPURI(
            user: call.from.isEmpty ? nil : call.from,
            host: viaTrunk ? trunkDomain ?? localHost : localHost)
        if viaTrunk, let username = trunk?.username, let password = trunk?.password {
            credentials = DigestCredentials(username: username, password: password)
        } else {
            credentials = nil
        }
    }

    func setup(_ call: OutboundCall, to destination: SIPAddress) -> CallSetup {
        CallSetup(
            target: target, from: NameAddress(uri: .sip(from)), offer: call.offer,
            destination: destination, ringTimeout: call.ringTimeout,
            headers: call.headers.map { (name: $0.0, value: $0.1) }, credentials: credentials)
    }
}
