public import Base

//        start ─▶ REGISTER ──2xx──▶ registered ──85 % of the time──▶ REGISTER …
//                   ▲   │                │ stop: REGISTER Expires: 0 ──▶ over
//      401/407, 423 ┘   └──else──▶ failed ──back-off, Retry-After──▶ REGISTER …
//
// RFC 3261 10.2. One Call-ID for life, CSeq counted up (10.2); our own Contact only.

/// How we register with a trunk.
public struct RegistrationSetup: Sendable {
    /// Whom calls shall reach: To and From.
    public var address: SIPURI
    /// Request-URI: the registrar's domain, without user.
    public var registrar: SIPURI
    /// Where requests are sent: the registrar or an outbound proxy.
    public var destination: SIPAddress
    /// User part of our Contact.
    public var contactUser: String?
    /// What we ask for.
    public var expires: Interval
    /// An outbound proxy that has to stand in Route.
    public var routes: [String]
    /// For the registrar's challenges; nil: 401 and 407 are failures like others.
    public var credentials: DigestCredentials?

    /// `expires` is brought into 1 s…`SIPLimits.sessionSeconds`; the rest is not checked.
    public init(
        address: SIPURI, registrar: SIPURI, destination: SIPAddress, contactUser: String? = nil,
        expires: Interval = .seconds(3600), routes: [String] = [],
        credentials: DigestCredentials? = nil
    ) {
        self.address = address
        self.registrar = registrar
        self.destination = destination
        self.contactUser = contactUser
        self.expires = min(max(expires, .seconds(1)), .seconds(Int64(SIPLimits.sessionSeconds)))
        self.routes = routes
        self.credentials = credentials
    }
}

/// What becomes of a registration.
public enum RegistrationNotice: Sendable, Equatable {
    /// `serviceRoutes`: Route values for calls through this registrar (RFC 3608).
    case registered(expires: Interval, serviceRoutes: [String])
    /// `status`: 0 when no answer came. The next try starts after `retryAfter`.
    case failed(status: Int, retryAfter: Interval)
    /// Last: we took our binding back, or gave up waiting for the answer to that.
    case unregistered
}

/// One registration, kept alive until it is stopped.
public struct Registration: Sendable {
    /// A REGISTER is out in `trying` and `leaving`; `failed` waits for the next try; `over` is
    /// last.
    public enum State: String, Sendable { case idle, trying, registered, failed, leaving, over }

    enum Action: Sendable {
        case request(SIPMessage, to: SIPAddress)
        case notice(RegistrationNotice)
    }

    struct Step {
        let now: Instant
        let party: LocalParty
        var entropy: SeededGenerator
        var out = Outbox<Action>()
    }

    /// The first wait after a failure; doubled each time, up to the second.
    public static let shortestRetry: Interval = .seconds(30)
    /// The second of the two, and the wait after 403 and 404. Retry-After may ask for more, up to
    /// `SIPLimits.sessionSeconds`.
    public static let longestRetry: Interval = .seconds(1800)

    /// `idle` until the first REGISTER.
    public private(set) var state: State = .idle
    private let setup: RegistrationSetup
    private let callID: String
    private let tag: String
    private var sequence: UInt32 = 0
    private var wanted: Interval
    private var raises = 0
    private var failures = 0
    private var wasRegistered = false
    private var authenticator: DigestAuthenticator
    private(set) var deadline: Instant?

    init(_ setup: RegistrationSetup, hashes: DigestHashes, entropy: inout SeededGenerator) {
        self.setup = setup
        callID = entropy.token(24)
        tag = entropy.token(12)
        wanted = setup.expires
        authenticator = DigestAuthenticator(credentials: setup.credentials, hashes: hashes)
    }

    mutating func start(_ step: inout Step) {
        guard state == .idle || state == .failed || state == .registered else { return }
        state = .trying
        deadline = nil
        raises = 0
        authenticator.resetTries()
        send(expires: wanted, &step)
    }

    /// Takes our binding back (10.2.2).
    mutating func stop(_ step: inout Step) {
        switch state {
        case .trying, .registered, .failed:
            let mayBeBound = wasRegistered || state == .trying
            state = .leaving
            deadline = nil
            guard mayBeBound else {
                leave(&step)
                return
            }
            authenticator.resetTries()
            send(expires: .zero, &step)
        case .idle: leave(&step)
        case .leaving, .over: break
        }
    }

    private mutating func send(expires: Interval, _ step: inout Step) {
        sequence &+= 1
        var registrar = setup.registrar
        registrar.rawUser = nil
        registrar.rawHeaders = nil
        var request = SIPMessage(.request(method: .register, uri: registrar.serialised))
        request.headers.append(.via, step.party.makeVia(&step.entropy))
        request.headers.append(.maxForwards, "70")
        for route in setup.routes.prefix(SIPLimits.routeCount) where route.isOneLine {
            request.headers.append(.route, route)
        }
        let address = NameAddress(uri: .sip(setup.address))
        var from = address
        from.parameters.set("tag", tag)
        request.headers.append(.from, from.serialised)
        request.headers.append(.to, address.serialised)
        request.headers.append(.callID, callID)
        request.headers.append(.cseq, CSeq(number: sequence, method: .register).serialised)
        request.headers.append(
            .contact,
            step.party.contact(user: setup.contactUser) + ";expires=" + String(Int(expires.seconds))
        )
        request.headers.append(.expires, String(Int(expires.seconds)))
        request.headers.append(.allow, SIPMethod.supportedNames)
        request.headers.append(.supported, "path")
        request.headers.append(.userAgent, step.party.product)
        authenticator.authorize(&request, entropy: &step.entropy)
        step.out.push(.request(request, to: setup.destination))
    }

    // MARK: responses

    mutating func receive(_ response: SIPMessage, _ step: inout Step) {
        guard let status = response.status, status >= 200, response.cseqNumber == sequence else {
            return
        }
        let isLeaving = state == .leaving
        guard state == .trying || isLeaving else { return }
        if status == 401 || status == 407,
            // Once registered, a new nonce is no wrong password.
            authenticator.accept(response, inDialog: wasRegistered)
        {
            send(expires: isLeaving ? .zero : wanted, &step)
            return
        }
        if isLeaving {
            leave(&step)
            return
        }
        switch status {
        case 200...299: accept(response, &step)
        case 423: raise(response, &step)
        default: fail(status, response, &step)
        }
    }

    private mutating func accept(_ response: SIPMessage, _ step: inout Step) {
        let granted = grantedSeconds(response, step.party)
        guard granted > 0 else {
            fail(response.status ?? 200, response, &step)
            return
        }
        state = .registered
        wasRegistered = true
        failures = 0
        let routes = response.headers.values(.serviceRoute).prefix(SIPLimits.routeCount).filter {
            (try? NameAddress($0, of: .serviceRoute))?.uri.sip != nil
        }
        let expires = Interval.seconds(Int64(granted))
        // Early enough for a few tries, and not all registrations at the same moment.
        let share = 80 + Int64(step.entropy.next() % 8)
        deadline = step.now + max(.seconds(1), expires * share / 100)
        step.out.push(
            .notice(.registered(expires: expires, serviceRoutes: Array(routes))))
    }

    /// 10.2.4: what the registrar granted our own Contact; it may list others. 0: ours is not there.
    private func grantedSeconds(_ response: SIPMessage, _ party: LocalParty) -> Int {
        let contacts = response.headers.values(.contact).compactMap {
            try? NameAddress($0, of: .contact)
        }
        let ours = contacts.first {
            guard let uri = $0.uri.sip else { return false }
            return uri.host.equalsIgnoringCase(party.host)
                && (uri.port ?? SIPAddress.defaultPort) == party.port
                && uri.user == setup.contactUser
        }
        let asked = Int(wanted.seconds)
        guard contacts.isEmpty || ours != nil else { return 0 }
        let text = ours?.parameters["expires"] ?? response.headers[.expires]
        guard let granted = text.flatMap({ parseDecimal($0.utf8) }) else { return asked }
        return min(granted, SIPLimits.sessionSeconds)
    }

    /// 10.2.8: the registrar wants a longer time.
    private mutating func raise(_ response: SIPMessage, _ step: inout Step) {
        guard raises < SIPLimits.intervalRaises,
            let least = response.headers[.minExpires].flatMap({ parseDecimal($0.utf8) }),
            least > Int(wanted.seconds), least <= SIPLimits.sessionSeconds
        else {
            fail(423, response, &step)
            return
        }
        raises += 1
        wanted = .seconds(Int64(least))
        send(expires: wanted, &step)
    }

    private mutating func fail(_ status: Int, _ response: SIPMessage?, _ step: inout Step) {
        state = .failed
        failures += 1
        var wait = Self.shortestRetry
        for _ in 1..<max(2, min(failures, 12)) where failures > 1 { wait = wait * 2 }
        // Our account or address is not known there: soon is no better.
        if [403, 404].contains(status) { wait = Self.longestRetry }
        wait = min(wait, Self.longestRetry)
        if let text = response?.headers[.retryAfter],
            let seconds = parseDecimal(text.utf8.prefix(while: SIPCharacter.isDigit))
        {
            wait = max(wait, .seconds(Int64(min(seconds, SIPLimits.sessionSeconds))))
        }
        deadline = step.now + wait
        step.out.push(.notice(.failed(status: status, retryAfter: wait)))
    }

    private mutating func leave(_ step: inout Step) {
        state = .over
        deadline = nil
        step.out.push(.notice(.unregistered))
    }

    // MARK: time

    mutating func timedOut(_ request: SIPMessage, _ step: inout Step) {
        guard request.cseqNumber == sequence else { return }
        switch state {
        case .trying: fail(0, nil, &step)
        case .leaving: leave(&step)
        case .idle, .registered, .failed, .over: break
        }
    }

    mutating func handleTimers(_ step: inout Step) {
        guard let due = deadline, due <= step.now else { return }
        deadline = nil
        start(&step)
    }
}

extension UserAgent {
    /// Registers and stays registered; its notices carry `key`. A second one of a key is ignored, and
    /// so is one beyond `SIPLimits.registrations`.
    public mutating func register(
        _ setup: RegistrationSetup, key: Int, now: Instant, out: inout Outbox<UserAgentOutput>
    ) {
        guard registrations[key] == nil, registrations.count < SIPLimits.registrations else {
            counters.overloads += 1
            return
        }
        registrations[key] = Registration(
            setup, hashes: configuration.hashes, entropy: &entropy)
        registrationStep(key, now, &out) { $0.start(&$1) }
    }

    /// Takes the binding back; `unregistered` is the last notice.
    public mutating func unregister(
        _ key: Int, now: Instant, out: inout Outbox<UserAgentOutput>
    ) {
        registrationStep(key, now, &out) { $0.stop(&$1) }
    }

    /// Takes every binding back, in the order of their keys.
    public mutating func unregisterAll(now: Instant, out: inout Outbox<UserAgentOutput>) {
        for key in registrations.keys.sorted() { unregister(key, now: now, out: &out) }
    }

    mutating func registrationStep(
        _ key: Int, _ now: Instant, _ out: inout Outbox<UserAgentOutput>,
        _ body: (inout Registration, inout Registration.Step) -> Void
    ) {
        guard var registration = registrations[key] else { return }
        var step = Registration.Step(now: now, party: configuration.party, entropy: entropy)
        body(&registration, &step)
        entropy = step.entropy
        registrations[key] = registration.state == .over ? nil : registration
        deadlines.set(.registration(key), to: registration.deadline)
        for action in step.out.takeAll() {
            switch action {
            case .request(let message, let destination):
                startClient(message, to: destination, for: .registration(key), now, &out)
            case .notice(let notice): out.push(.registration(key, notice))
            }
        }
    }

    mutating func registrationIsDue(
        _ key: Int, _ now: Instant, _ out: inout Outbox<UserAgentOutput>
    ) {
        registrationStep(key, now, &out) { $0.handleTimers(&$1) }
    }
}
