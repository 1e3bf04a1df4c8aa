import Base
import CallModel
import SIP
import Signalling

private let hangsUpWhenAnswered: ScenarioOwner.Reaction = { _, leg, event in
    if case .answered = event { leg.hangUp() }
}

/// Session timers of seconds, where the protocol has minutes.
private let shortTimers: @Sendable (inout SignallingConfiguration) -> Void = {
    $0.policy.sessionTimer = SessionTimerPolicy(minimum: .seconds(2))
}

/// 64·T1 in two seconds.
private let quick: @Sendable (inout SignallingConfiguration) -> Void = {
    $0.timing.t1 = .milliseconds(30)
    $0.timing.t2 = .milliseconds(240)
}

/// The trunk is SIPp (its port is filled in), and it wants a password.
private let asTrunk: @Sendable (inout SignallingConfiguration) -> Void = {
    $0.trunk = TrunkConfiguration(
        host: "127.0.0.1", port: 0, username: "alice", password: Redacted("secret"))
}

/// Callers have to prove themselves.
private let asksForPasswords: @Sendable (inout SignallingConfiguration) -> Void = {
    $0.callerAuthentication = CallerAuthentication(
        realm: "trunkline", users: ["alice": Redacted("secret")],
        // SIPp reads the first challenge and knows MD5.
        algorithms: [.md5])
}

extension Scenario {
    /// We call.
    static let called: [Scenario] = [
        Scenario(
            name: "uas-answers-and-is-hung-up-on", ends: [.localHangup], react: hangsUpWhenAnswered,
            events: [.trying, .ringing]),
        Scenario(name: "uas-answers-and-hangs-up", ends: [.remoteHangup]),
        Scenario(name: "uas-is-busy", ends: [.busy]),
        Scenario(name: "uas-declines", ends: [.declined]),
        Scenario(name: "uas-is-blocked-by-analytics", ends: [.blockedByAnalytics]),
        Scenario(name: "uas-calls-us-unwanted", ends: [.unwanted]),
        Scenario(name: "uas-rejects-by-analytics", ends: [.blockedByAnalytics]),
        Scenario(name: "uas-does-not-answer-in-isdn", ends: [.noAnswer]),
        Scenario(name: "uas-has-no-such-number", ends: [.invalidNumber]),
        Scenario(name: "uas-is-busy-behind-a-gateway", ends: [.busy]),
        Scenario(name: "uas-wants-an-identity", ends: [.identityError]),
        Scenario(name: "uas-has-no-circuit", ends: [.trunkError]),
        Scenario(name: "uas-takes-no-codec", ends: [.configurationError]),
        Scenario(
            name: "uas-rings-until-cancelled", ends: [.noAnswer], ringTimeout: .milliseconds(300)),
        Scenario(
            name: "uas-answers-into-the-cancel", ends: [.noAnswer],
            ringTimeout: .milliseconds(300)),
        Scenario(name: "uas-never-answers", ends: [.trunkError], configure: quick),
        Scenario(name: "uas-challenges-with-md5", ends: [.remoteHangup], configure: asTrunk),
        Scenario(name: "uas-proxy-prefers-sha256", ends: [.remoteHangup], configure: asTrunk),
        Scenario(
            name: "uas-challenges-for-ever", ends: [.configurationError], configure: asTrunk),
        Scenario(name: "uas-wants-a-longer-interval", ends: [.remoteHangup]),
        Scenario(name: "uas-lets-us-refresh", ends: [.remoteHangup], configure: shortTimers),
        Scenario(
            name: "uas-lets-us-refresh-by-re-invite", ends: [.remoteHangup],
            configure: shortTimers),
        Scenario(name: "uas-refreshes", ends: [.remoteHangup], configure: shortTimers),
        Scenario(name: "uas-forgets-to-refresh", ends: [.remoteHangup], configure: shortTimers),
        Scenario(name: "uas-rings-reliably", ends: [.remoteHangup]),
        Scenario(name: "uas-updates-early", ends: [.remoteHangup]),
        Scenario(name: "uas-updates-too-early", ends: [.remoteHangup]),
        Scenario(name: "uas-plays-two-announcements", ends: [.remoteHangup]),
        Scenario(name: "uas-answers-on-two-branches", ends: [.remoteHangup]),
        Scenario(name: "uas-holds-and-resumes", ends: [.remoteHangup]),
        Scenario(
            name: "uas-is-put-on-hold", ends: [.localHangup],
            react: { owner, leg, event in
                switch event {
                case .answered:
                    leg.changeMedia(offer: ScenarioOwner.sdp(30000, version: 2, "sendonly"))
                case .offerAnswered(let sdp):
                    if String(decoding: sdp, as: UTF8.self).contains("recvonly") {
                        leg.changeMedia(offer: ScenarioOwner.sdp(30000, version: 3, "sendrecv"))
                    } else {
                        leg.hangUp()
                    }
                default: break
                }
            }),
        Scenario(
            name: "uas-meets-glare", ends: [.localHangup],
            react: { owner, leg, event in
                switch event {
                case .answered: leg.changeMedia(offer: ScenarioOwner.sdp(30004, version: 2))
                case .offerAnswered: leg.hangUp()
                default: break
                }
            }),
        Scenario(
            name: "uas-refuses-a-change", ends: [.remoteHangup],
            react: { _, leg, event in
                if case .answered = event {
                    leg.changeMedia(offer: ScenarioOwner.sdp(30004, version: 2))
                }
            }, events: [.offerRefused(status: 488)]),
        Scenario(
            name: "uas-forgets-the-call", ends: [.remoteHangup],
            react: { _, leg, event in
                if case .answered = event {
                    leg.changeMedia(offer: ScenarioOwner.sdp(30004, version: 2))
                }
            }),
        Scenario(name: "uas-offers-in-its-200", ends: [.remoteHangup], offer: []),
        Scenario(name: "uas-asks-for-an-offer", ends: [.remoteHangup]),
        Scenario(
            name: "uas-redirects-and-is-followed", ends: [.remoteHangup],
            configure: { $0.policy.redirects = RedirectPolicy(limit: 2) }),
        Scenario(
            name: "uas-redirects-to-a-toll-number", ends: [.configurationError],
            configure: { $0.policy.redirects = RedirectPolicy(limit: 2) }),
        Scenario(
            name: "uas-is-asked-to-transfer", ends: [.localHangup],
            react: { _, leg, event in
                switch event {
                case .answered: leg.transfer(to: "sip:agents@127.0.0.1")
                case .transferProgress(200, isFinal: true): leg.hangUp()
                default: break
                }
            }, events: [.transferProgress(status: 100, isFinal: false)]),
        Scenario(
            name: "uas-refuses-to-transfer", ends: [.remoteHangup],
            react: { _, leg, event in
                if case .answered = event { leg.transfer(to: "sip:agents@127.0.0.1") }
            }, events: [.transferProgress(status: 603, isFinal: true)]),
        Scenario(
            name: "uas-transfers-us", ends: [.remoteHangup],
            react: { _, leg, event in
                if case .transferRequested(let wish) = event,
                    wish.target == "sip:desk@127.0.0.1:5099"
                {
                    leg.acceptTransfer()
                    leg.reportTransfer(status: 200)
                }
            }),
        Scenario(
            name: "uas-may-not-transfer-us", ends: [.remoteHangup],
            react: { _, leg, event in
                if case .transferRequested = event { leg.refuseTransfer() }
            }),
        Scenario(
            name: "uas-takes-digits-by-info", ends: [.localHangup],
            react: { _, leg, event in
                guard case .answered = event else { return }
                leg.sendDigit("1")
                leg.sendDigit("#")
                // BYE waits for nobody: the second digit has to be out first.
                leg.hangUp(after: .seconds(3))
            }),
        Scenario(
            name: "uas-presses-keys-by-info", ends: [.remoteHangup],
            events: [.dtmf("5"), .dtmf("9")]),
        Scenario(name: "uas-asks-this-and-that", ends: [.remoteHangup]),
        Scenario(name: "uas-answers-without-sdp", ends: [.trunkError]),
        Scenario(
            name: "uas-registers-us", ends: [],
            configure: {
                asTrunk(&$0)
                $0.trunk?.registration = TrunkRegistration()
            }, placesNoCall: true),
    ]

    /// SIPp calls.
    static let calling: [Scenario] = [
        Scenario(name: "uac-calls-and-hangs-up", ends: [.remoteHangup]),
        Scenario(name: "uac-is-hung-up-on", ends: [.localHangup], react: hangsUpWhenAnswered),
        Scenario(
            name: "uac-cancels-while-ringing", ends: [.cancelled],
            receive: { _, call in call.ring() }),
        Scenario(
            name: "uac-is-refused", ends: [.declined],
            receive: { _, call in call.reject(status: 486) }),
        Scenario(name: "uac-has-no-hops-left", ends: []),
        Scenario(name: "uac-requires-the-unknown", ends: []),
        Scenario(name: "uac-asks-for-a-short-interval", ends: []),
        Scenario(name: "uac-replaces-nothing", ends: []),
        Scenario(name: "uac-brings-no-sdp-we-know", ends: []),
        Scenario(
            name: "uac-comes-by-two-paths", ends: [.remoteHangup],
            receive: { owner, call in
                call.ring()
                // Time for the second path.
                owner.answer(call, after: .milliseconds(300))
            }),
        Scenario(name: "uac-is-the-refresher", ends: [.remoteHangup]),
        Scenario(name: "uac-lets-us-refresh", ends: [.remoteHangup], configure: shortTimers),
        Scenario(
            name: "uac-requires-reliable-ringing", ends: [.remoteHangup],
            receive: { owner, call in
                call.progress(sdp: ScenarioOwner.offer)
                owner.answer(call)
            }),
        Scenario(
            name: "uac-never-pracks", ends: [.trunkError], configure: quick,
            receive: { _, call in call.progress(sdp: ScenarioOwner.offer) }),
        Scenario(
            name: "uac-never-acks", ends: [.trunkError],
            configure: { configuration in
                quick(&configuration)
                // As one of ours: a stranger gets no more than his answer.
                configuration.trunk = TrunkConfiguration(host: "127.0.0.1", port: 9)
            }),
        Scenario(
            name: "uac-stranger-never-acks", ends: [.trunkError], configure: quick,
            receive: { owner, call in owner.answer(call) }),
        Scenario(name: "uac-wants-our-offer", ends: [.remoteHangup]),
        Scenario(name: "uac-proves-itself", ends: [.remoteHangup], configure: asksForPasswords),
        Scenario(name: "uac-has-the-wrong-password", ends: [], configure: asksForPasswords),
        Scenario(name: "uac-takes-over-its-own-call", ends: [.transferred, .remoteHangup]),
        Scenario(name: "uac-holds-us", ends: [.remoteHangup]),
        Scenario(name: "uac-asks-out-of-the-blue", ends: []),
    ]
}

extension CallLeg {
    fileprivate func hangUp(after delay: Duration) {
        Task {
            try? await Task.sleep(for: delay)
            hangUp()
        }
    }
}

extension ScenarioOwner {
    fileprivate func answer(_ call: InboundCall, after delay: Duration) {
        Task {
            try? await Task.sleep(for: delay)
            answer(call)
        }
    }
}
