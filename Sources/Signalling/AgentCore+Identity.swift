internal import Base
internal import Logging
internal import SIP

// Who we are to trunks and who callers are to us: registration, passwords, STIR.

/// What is known of a caller beside its INVITE.
struct CallerTraits {
    var isTrunk: Bool
    /// `InboundCall.identity`.
    var identity: String?
}

extension AgentCore {
    /// What the configuration says about calls, as the user agent wants it.
    func addCallControl(to settings: inout UserAgent.Configuration) {
        settings.timing = configuration.timing
        settings.policy = configuration.policy
        settings.maximumCallsPerSource = configuration.maximumCallsPerSource
        settings.trustedSources = Set(configuration.trunks.map(\.host))
        settings.trustedRanges = configuration.trunks.flatMap(\.sources)
        guard let callers = configuration.callerAuthentication else { return }
        var system = SystemRandomNumberGenerator()
        let secret = (0..<32).map { _ in UInt8.random(in: 0...255, using: &system) }
        settings.callerAuthentication = DigestServer(
            realm: callers.realm, users: callers.users, secret: secret, hashes: .crypto,
            lifetime: callers.nonceLifetime, algorithms: callers.algorithms)
    }

    // MARK: STIR

    func prepareIdentity() throws(SignallingError) {
        identityKeys = try configuration.identity.map { value throws(SignallingError) in
            try IdentityKeys(value)
        }
    }

    /// The Identity value of a call of ours; nil when calls are not signed.
    func sign(_ call: OutboundCall, _ plan: DialPlan) -> String? {
        identityKeys?.sign(
            from: SIPURI(user: call.from, host: "x").telephoneDigits,
            to: plan.target.telephoneDigits, now: IdentityKeys.secondsSince1970,
            entropy: &entropy)
    }

    /// Whether a trunk calls, and what the caller's signature proves.
    func traits(of invite: IncomingInvite) -> CallerTraits {
        let isTrunk = configuration.trunks.contains { $0.calls(from: invite.source.host) }
        return CallerTraits(
            isTrunk: isTrunk,
            identity: identityKeys?.verdict(
                invite, isTrunk: isTrunk, now: IdentityKeys.secondsSince1970
            ).label)
    }

    // MARK: registration

    func registerWithTrunks() {
        for (index, trunk) in configuration.trunks.enumerated() {
            guard let wanted = trunk.registration else { continue }
            resolver.resolve(trunk.uri) { [self] addresses in
                guard let destination = addresses.first, isOpen, !isStopping else {
                    logger.warning(
                        "not registered: the trunk has no address",
                        metadata: ["trunk": "\(trunk.name)"])
                    return
                }
                gate.expect(destination.host)
                let setup = Self.registration(trunk, wanted, destination)
                act { $0.register(setup, key: index, now: $1, out: &$2) }
            }
        }
    }

    private static func registration(
        _ trunk: TrunkConfiguration, _ wanted: TrunkRegistration, _ destination: SIPAddress
    ) -> RegistrationSetup {
        let domain = trunk.domain ?? trunk.host
        let user = wanted.user ?? trunk.username
        var credentials: DigestCredentials?
        if let username = trunk.username, let password = trunk.password {
            credentials = DigestCredentials(username: username, password: password)
        }
        return RegistrationSetup(
            address: SIPURI(user: user, host: domain), registrar: SIPURI(host: domain),
            destination: destination, contactUser: user, expires: wanted.expires,
            routes: wanted.outboundProxy.map { [$0] } ?? [], credentials: credentials)
    }

    func registered(_ trunk: Int, _ notice: RegistrationNotice) {
        guard configuration.trunks.indices.contains(trunk) else { return }
        let name = configuration.trunks[trunk].name
        defer { publishEdge() }
        switch notice {
        case .registered(let expires, let routes):
            let isFirst = serviceRoutes.updateValue(routes, forKey: trunk) == nil
            guard isFirst else { return }
            logger.info(
                "registered", metadata: ["trunk": "\(name)", "seconds": "\(Int(expires.seconds))"])
        case .failed(let status, let wait):
            serviceRoutes[trunk] = nil
            logger.warning(
                "registration failed",
                metadata: [
                    "trunk": "\(name)", "status": "\(status)",
                    "retrySeconds": "\(Int(wait.seconds))",
                ])
        case .unregistered: serviceRoutes[trunk] = nil
        }
    }
}
