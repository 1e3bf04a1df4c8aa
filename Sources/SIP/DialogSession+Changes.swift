internal import Base

//   changeMedia ──way free?──no──▶ nextChange (latest wins)
//        │yes
//        ▼
//   re-INVITE (confirmed) or UPDATE (early) ──2xx──▶ ACK, offerAnswered
//        ▲                                  ├─491──▶ wait (14.1) ─┐
//        └──────────────────────────────────┼─422──▶ higher Min-SE┤
//        └──────────────────────────────────┴─401, 407 ───────────┘
//                                           ├─408, 481──▶ BYE, ended
//                                           └─else──▶ offerRefused, session as it was

extension DialogSession {
    /// A re-INVITE or UPDATE of ours.
    struct Change: Sendable {
        enum Kind: Sendable, Equatable {
            /// New media: hold, resume, another address or codec.
            case offer([UInt8])
            /// A re-INVITE without offer: the peer's comes in the 2xx.
            case ask
            /// Session timer only.
            case refresh
        }
        var kind: Kind
        /// CSeq of the request under way; nil while it waits after a 491.
        var sequence: UInt32?
        var usesInvite: Bool
        var tries = 0

        /// True when the request under way carries or asks for an offer.
        var opensOffer: Bool { kind != .refresh || usesInvite }
    }

    /// Offers `sdp` to the peer (RFC 3264 8). Waits its turn behind what is open already.
    mutating func changeMedia(_ sdp: [UInt8], _ step: inout CallStep) {
        want(.offer(sdp), &step)
    }

    /// Asks the peer for an offer.
    mutating func askForOffer(_ step: inout CallStep) { want(.ask, &step) }

    private mutating func want(_ kind: Change.Kind, _ step: inout CallStep) {
        guard phase != .over else { return }
        if kind == .ask, phase == .early { return }
        nextChange = kind
        startNextChange(&step)
    }

    /// True when an INVITE or UPDATE with an offer of ours may go out.
    private var wayIsFree: Bool {
        phase != .over && change == nil && theirOffer == nil && unacknowledged == nil
            && initialOffer == .answered
    }

    mutating func startNextChange(_ step: inout CallStep) {
        guard wayIsFree, let kind = nextChange else { return }
        nextChange = nil
        // In an early dialog only UPDATE may change the session (RFC 3311 5.1).
        guard phase == .confirmed || peer.allows(.update) else {
            nextChange = kind
            return
        }
        start(
            Change(kind: kind, usesInvite: phase == .confirmed), &step)
    }

    private mutating func start(_ wanted: Change, _ step: inout CallStep) {
        var wanted = wanted
        let sdp: [UInt8]
        switch wanted.kind {
        case .offer(let offer): sdp = offer
        case .ask: sdp = []
        case .refresh: sdp = wanted.usesInvite ? localSDP : []
        }
        let (policy, early) = (step.policy, phase == .early)
        let contact = step.party.contact(user: contactUser)
        let timer = sessionTimer
        wanted.sequence = send(wanted.usesInvite ? .invite : .update, for: .change, &step) {
            $0.headers.append(.contact, contact)
            $0.addCapabilities(policy)
            if !early { timer.announce(in: &$0, policy: policy.sessionTimer) }
            $0.attach(sdp: sdp)
        }
        guard wanted.sequence != nil else {
            changeFailed(wanted, status: 500, &step)
            return
        }
        change = wanted
        if wanted.usesInvite { timers.set(.change, at: step.now + Self.changeLimit) }
    }

    mutating func receiveChange(
        _ response: SIPMessage, _ status: Int, _ entry: Outgoing, _ step: inout CallStep
    ) {
        guard var current = change, current.sequence == entry.request.cseqNumber, !isOver else {
            // Answered after the end: a 2xx still needs its ACK.
            if entry.request.method == .invite, (200...299).contains(status) {
                acknowledge(entry.request, sdp: [], &step)
            }
            return
        }
        timers.cancel(.change)
        switch status {
        case 200...299: changeSucceeded(response, current, entry.request, &step)
        case 491 where current.tries < SIPLimits.glareTries:
            current.tries += 1
            current.sequence = nil
            change = current
            timers.set(.retry, at: step.now + glareWait(&step))
        case 422 where sessionTimer.raise(by: response):
            change = nil
            start(current, &step)
        case 405 where !current.usesInvite && phase == .confirmed,
            501 where !current.usesInvite && phase == .confirmed:
            // A peer whose Allow said too much.
            change = nil
            current.usesInvite = true
            start(current, &step)
        case 408, 481: end(CallEnd(.peerLost, status: status), bye: true, &step)
        default:
            change = nil
            changeFailed(current, status: status, &step)
        }
    }

    private mutating func changeSucceeded(
        _ response: SIPMessage, _ done: Change, _ request: SIPMessage, _ step: inout CallStep
    ) {
        change = nil
        dialog.refreshTarget(response)
        sessionTimer.agree(with: response, policy: step.policy.sessionTimer)
        restartSessionTimer(step.now)
        let sdp = response.sdp ?? []
        switch done.kind {
        case .ask:
            guard !sdp.isEmpty else {
                acknowledge(request, sdp: [], &step)
                step.notify(.offerRefused(status: 200))
                break
            }
            theirOffer = TheirOffer(sdp: sdp, reply: .ack(of: request, answersCall: false))
            timers.set(.offer, at: step.now + Self.offerLimit)
            step.notify(.offer(sdp: sdp))
        case .offer(let offer):
            if done.usesInvite { acknowledge(request, sdp: [], &step) }
            guard !sdp.isEmpty else {
                // 13.2.1 wants an answer: without one nothing was agreed.
                step.notify(.offerRefused(status: response.status ?? 200))
                break
            }
            localSDP = offer
            remoteSDP = sdp
            step.notify(.offerAnswered(sdp: sdp))
        case .refresh:
            if done.usesInvite { acknowledge(request, sdp: [], &step) }
            if !sdp.isEmpty, sdp != remoteSDP {
                remoteSDP = sdp
                step.notify(.offerAnswered(sdp: sdp))
            }
        }
        startNextChange(&step)
    }

    private mutating func changeFailed(
        _ failed: Change, status: Int, _ step: inout CallStep
    ) {
        if failed.kind == .refresh {
            // Once more halfway to the end; the expiry stays where it is (RFC 4028 10).
            if let expiry = timers.deadline(of: .expiry) {
                timers.set(.refresh, at: step.now + max(.seconds(1), (expiry - step.now) / 2))
            }
        } else {
            step.notify(.offerRefused(status: status))
        }
        startNextChange(&step)
    }

    /// 14.1: the owner of the Call-ID waits 2.1 to 4 s, the other side 0 to 2 s, in steps of 10 ms.
    private func glareWait(_ step: inout CallStep) -> Interval {
        let random = Int64(step.entropy.next() % (isCaller ? 191 : 201))
        return .milliseconds((isCaller ? 2_100 : 0) + random * 10)
    }

    mutating func retryChange(_ step: inout CallStep) {
        guard var waiting = change, waiting.sequence == nil else { return }
        guard theirOffer == nil, unacknowledged == nil else {
            // The peer's offer came first; ours follows it.
            timers.set(.retry, at: step.now + glareWait(&step))
            return
        }
        // The owner may want something else by now.
        if let newer = nextChange, waiting.kind != .refresh {
            nextChange = nil
            waiting.kind = newer
        }
        change = nil
        start(waiting, &step)
    }

    /// RFC 4028 7.4: UPDATE where the peer takes it, else a re-INVITE with the session as it is.
    mutating func refresh(_ step: inout CallStep) {
        guard phase == .confirmed, sessionTimer.refreshAfter != nil else { return }
        guard wayIsFree else {
            // Whatever is under way may refresh the session itself; look again soon.
            timers.set(.refresh, at: step.now + .seconds(2))
            return
        }
        start(Change(kind: .refresh, usesInvite: !peer.allows(.update)), &step)
    }

    /// The call ends while a re-INVITE is open: nobody waits for it any more.
    mutating func abandonChange(_ step: inout CallStep) {
        nextChange = nil
        guard let open = change else { return }
        change = nil
        if let sequence = open.sequence, let entry = outgoing[sequence], open.usesInvite {
            step.out.push(.abandon(entry.request))
            outgoing[sequence] = nil
        }
    }
}
