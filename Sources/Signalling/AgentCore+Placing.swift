internal import Base
internal import CallModel
internal import Logging
internal import NIOCore
internal import SIP

//   place ─▶ trunks that may take it ─▶ resolve ─▶ addresses ─▶ INVITE to the first
//                 ▲                                  ▲               │ 503, no answer,
//                 └── no address left ───────────────┴───────────────┘ no connection
//
// Each attempt is a call of its own for the user agent (RFC 3263 4.3: a new transaction); its owner
// sees one call.

/// A call of ours whose callee has shown no sign of life yet.
struct Placement {
    var call: OutboundCall
    /// Where it may still go when everything of the plan at hand has failed.
    var plans: [DialPlan]
    var plan: DialPlan?
    var addresses: [SIPAddress] = []
    /// The attempt under way, as the user agent knows it; nil while looking up.
    var attempt: CallKey?
    /// Until when it may wait for a trunk's rate.
    var patience: Instant
    /// Trunks that hold a place for it.
    var trunk: Int?
    var attempts = 0
    /// 100 came: the attempt is in somebody's hands.
    var isHeard = false
    var saidTrying = false
}

extension AgentCore {
    /// INVITEs sent for one call, all addresses and trunks together.
    static let attemptLimit = 6
    /// How long a call waits for a trunk's calls a second.
    static let patience: Interval = .seconds(10)

    func place(
        _ call: OutboundCall, _ key: CallKey, _ events: @escaping @Sendable (CallLegEvent) -> Void
    ) {
        guard isOpen, !isStopping, let localHost else {
            events(.ended(.interrupted, status: 0))
            return
        }
        let plans = DialPlan.plans(for: call, configuration, localHost: localHost)
        guard !plans.isEmpty else {
            logger.warning(
                "call not placed: its target is no SIP URI, or no trunk is there for it",
                metadata: ["call": "\(call.id)"])
            events(.ended(.configurationError, status: 0))
            return
        }
        listen(to: key, events)
        placements[key] = Placement(call: call, plans: plans, patience: now + Self.patience)
        nextPlan(key, because: CallEnd(.transport, status: 503))
    }

    /// Takes the next trunk (or the one direct way); with none left the call ends.
    func nextPlan(_ key: CallKey, because end: CallEnd) {
        guard var placement = placements[key] else { return }
        var wait: Interval?
        while !placement.plans.isEmpty {
            let plan = placement.plans[0]
            if let trunk = plan.trunk {
                switch trunks.take(trunk, now: now) {
                case nil: placement.trunk = trunk
                case .rate(let pause)?:
                    wait = min(wait ?? pause, pause)
                    placement.plans.append(placement.plans.removeFirst())
                    if wait != nil, placement.plans.allSatisfy({ isRateLimited($0) }) {
                        placements[key] = placement
                        waitForRate(key, wait ?? pause, because: end)
                        return
                    }
                    continue
                case .down?, .paused?, .full?:
                    placement.plans.removeFirst()
                    continue
                }
            }
            placement.plan = placement.plans.removeFirst()
            placement.attempt = nil
            placements[key] = placement
            resolve(key, plan)
            return
        }
        placements[key] = nil
        dispatch(.ended(end), to: key)
    }

    private func isRateLimited(_ plan: DialPlan) -> Bool {
        guard let trunk = plan.trunk else { return false }
        return trunks.wait(trunk, now: now) > .zero
    }

    private func waitForRate(_ key: CallKey, _ wait: Interval, because end: CallEnd) {
        guard let placement = placements[key], now + wait <= placement.patience else {
            placements[key] = nil
            dispatch(.ended(end), to: key)
            return
        }
        after(wait) { $0.nextPlan(key, because: end) }
    }

    private func resolve(_ key: CallKey, _ plan: DialPlan) {
        resolver.resolve(plan.hop) { [self] addresses in
            guard placements[key]?.attempt == nil, placements[key]?.plan != nil else { return }
            if addresses.isEmpty {
                logger.warning(
                    "no address for a next hop", metadata: ["host": "\(plan.hop.host)"])
                if let trunk = plan.trunk { trunks.failed(trunk, now: now) }
                giveBackTrunk(key)
                nextPlan(key, because: CallEnd(.transport, status: 0))
                return
            }
            placements[key]?.addresses = addresses
            nextAddress(key, because: CallEnd(.transport, status: 503))
        }
    }

    private func nextAddress(_ key: CallKey, because end: CallEnd) {
        guard var placement = placements[key], let plan = placement.plan else { return }
        guard !placement.addresses.isEmpty, placement.attempts < Self.attemptLimit else {
            giveBackTrunk(key)
            if placement.attempts >= Self.attemptLimit { placements[key]?.plans = [] }
            nextPlan(key, because: end)
            return
        }
        let destination = placement.addresses.removeFirst()
        let attempt = placement.attempts == 0 ? key : nextAttemptKey()
        placement.attempt = attempt
        placement.attempts += 1
        placement.isHeard = false
        placements[key] = placement
        owners[attempt] = key
        attempts[key] = attempt == key ? nil : attempt
        gate.expect(destination.host)
        let others = !placement.addresses.isEmpty || !placement.plans.isEmpty
        if others, placement.attempts < Self.attemptLimit {
            after(configuration.failoverAfter) { $0.abandonIfSilent(key, attempt) }
        }
        let setup = plan.setup(
            placement.call, to: destination, identity: sign(placement.call, plan),
            routes: plan.trunk.flatMap { serviceRoutes[$0] } ?? [])
        start(setup, attempt)
    }

    /// Nothing has come back and there are other ways: this one is left. Should it be answered after
    /// all it is cancelled or hung up.
    private func abandonIfSilent(_ key: CallKey, _ attempt: CallKey) {
        guard let placement = placements[key], placement.attempt == attempt, !placement.isHeard
        else { return }
        if let trunk = placement.trunk { trunks.failed(trunk, now: now) }
        owners[attempt] = nil
        abandoned.insert(attempt)
        drop(attempt)
        placements[key]?.attempt = nil
        nextAddress(key, because: CallEnd(.timeout, status: 408))
    }

    // MARK: what comes of it

    /// Whose call a notice is of; nil when nobody wants to know. Ends that another way can mend are
    /// taken here.
    func owner(of attempt: CallKey, _ notice: CallNotice) -> CallKey? {
        if case .ended = notice, abandoned.remove(attempt) != nil { return nil }
        guard !abandoned.contains(attempt) else { return nil }
        guard let key = owners[attempt] else { return attempt }
        switch notice {
        case .ended(let end):
            owners[attempt] = nil
            return ended(key, end) ? nil : key
        case .trying:
            // A proxy says 100 before it finds that it can do nothing (503).
            guard placements[key] != nil else { return key }
            let isFirst = placements[key]?.saidTrying == false
            placements[key]?.isHeard = true
            placements[key]?.saidTrying = true
            return isFirst ? key : nil
        default:
            // The callee is there: from now on the call stands or falls with this attempt.
            settle(key)
            return key
        }
    }

    /// - Returns: true when the call goes on another way.
    private func ended(_ key: CallKey, _ end: CallEnd) -> Bool {
        guard let placement = placements[key] else {
            // It was under way already, or hung up.
            release(heldTrunks.removeValue(forKey: key))
            attempts[key] = nil
            return false
        }
        hearTrunk(placement.trunk, end)
        guard end.isWorthAnotherTry, !isStopping else {
            release(placement.trunk)
            placements[key] = nil
            attempts[key] = nil
            return false
        }
        placements[key]?.attempt = nil
        nextAddress(key, because: end)
        return true
    }

    /// The attempt has been heard of: no other way is tried any more, the trunk stays taken.
    private func settle(_ key: CallKey) {
        guard let placement = placements.removeValue(forKey: key) else { return }
        if let trunk = placement.trunk {
            heldTrunks[key] = trunk
            trunks.heard(trunk, status: 180, retryAfter: nil, now: now)
        }
    }

    private func hearTrunk(_ trunk: Int?, _ end: CallEnd) {
        guard let trunk else { return }
        switch end.cause {
        case .rejected:
            trunks.heard(trunk, status: end.status, retryAfter: end.retryAfter, now: now)
        case .timeout where end.status == 408, .transport: trunks.failed(trunk, now: now)
        default: break
        }
    }

    private func release(_ trunk: Int?) {
        if let trunk { trunks.callEnded(trunk) }
    }

    private func giveBackTrunk(_ key: CallKey) {
        guard let trunk = placements[key]?.trunk else { return }
        release(trunk)
        placements[key]?.trunk = nil
    }

    /// The owner hangs up before anybody has answered the INVITE.
    ///
    /// - Returns: true when there was nothing to cancel.
    func cancelPlacement(_ key: CallKey) -> Bool {
        guard let placement = placements.removeValue(forKey: key) else { return false }
        if let attempt = placement.attempt {
            // Its end gives the trunk back.
            heldTrunks[key] = placement.trunk
            owners[attempt] = key
            return false
        }
        release(placement.trunk)
        dispatch(.ended(CallEnd(.cancelled, status: 0)), to: key)
        return true
    }

    /// The user agent's name of a call.
    func attempt(of key: CallKey) -> CallKey { attempts[key] ?? key }
}

extension CallEnd {
    /// RFC 3263 4.3: 503, no answer, no way to send.
    fileprivate var isWorthAnotherTry: Bool {
        switch cause {
        case .transport, .timeout: true
        case .rejected: status == 503
        default: false
        }
    }
}
