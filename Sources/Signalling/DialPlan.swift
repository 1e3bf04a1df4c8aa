internal import Base
internal import SIP

/// One way an outbound call may go: where to, under which address, and whether it may show
/// credentials.
struct DialPlan {
    let target: SIPURI
    /// What is resolved for the first hop.
    let hop: SIPURI
    /// Its place in the configuration, when the hop is a trunk's.
    let trunk: Int?
    private let from: NameAddress
    private let identityHeaders: [(name: String, value: String)]
    private let credentials: DigestCredentials?

    /// Every way, best first. None when the target is no SIP URI, or a bare number without a trunk
    /// to take it.
    static func plans(
        for call: OutboundCall, _ configuration: SignallingConfiguration, localHost: String
    ) -> [DialPlan] {
        let trunks = configuration.trunks
        if call.target.contains(":") {
            guard let uri = try? SIPURI(call.target) else { return [] }
            if let next = call.nextHop {
                var hop = SIPURI(host: next.host, port: next.port, parameters: uri.parameters)
                hop.isSecure = uri.isSecure
                let trunk = trunks.firstIndex { $0.host == next.host && $0.port == next.port }
                return [DialPlan(call, uri, hop, trunk, configuration, localHost)]
            }
            let index = trunks.firstIndex { $0.host == uri.host || $0.domain == uri.host }
            guard let index else {
                return [DialPlan(call, uri, uri, nil, configuration, localHost)]
            }
            return [DialPlan(call, uri, trunks[index].uri, index, configuration, localHost)]
        }
        guard !call.target.isEmpty else { return [] }
        return trunks.enumerated().compactMap { index, trunk in
            if let wanted = call.trunk, wanted != trunk.name { return nil }
            let uri = SIPURI(user: call.target, host: trunk.domain ?? trunk.host)
            return DialPlan(call, uri, trunk.uri, index, configuration, localHost)
        }
    }

    private init(
        _ call: OutboundCall, _ target: SIPURI, _ hop: SIPURI, _ index: Int?,
        _ configuration: SignallingConfiguration, _ localHost: String
    ) {
        self.target = target
        self.hop = hop
        trunk = index
        let trunk = index.map { configuration.trunks[$0] }
        let style = trunk?.callerIdentity ?? CallerIdentity()
        let domain = trunk.map { $0.domain ?? $0.host } ?? localHost
        from = style.from(call.from, domain: domain)
        identityHeaders = style.headers(call.from, domain: domain)
        if let username = trunk?.username, let password = trunk?.password {
            credentials = DigestCredentials(username: username, password: password)
        } else {
            credentials = nil
        }
    }

    /// - Parameters:
    ///   - identity: the call's Identity value, if it is signed.
    ///   - routes: the Service-Route of our registration with the trunk.
    func setup(
        _ call: OutboundCall, to destination: SIPAddress, identity: String?, routes: [String]
    ) -> CallSetup {
        var headers = identityHeaders + call.headers.map { (name: $0.0, value: $0.1) }
        if let identity { headers.append((HeaderName.identity.text, identity)) }
        return CallSetup(
            target: target, from: from, offer: call.offer, destination: destination,
            ringTimeout: call.ringTimeout, headers: headers, credentials: credentials,
            routes: routes)
    }
}
