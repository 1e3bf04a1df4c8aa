public import Base

//            start: INVITE
//                  ▼
//            ┌─────────┐ 401/407: INVITE with credentials (CSeq+1), at most twice
//            │ calling │◀─┘ 422: higher Session-Expires; 3xx: another target, where allowed
//            └─────────┘    no answer at all: Timer B ──▶ over (timeout)
//                  │ 1xx
//                  ▼
//            ┌────────────┐ 180/183: ringing, early media; the ring clock starts; PRACK
//            │ proceeding │───── ring timer or hang-up: CANCEL ──▶ ┌────────────┐
//            └────────────┘                                        │ cancelling │
//              │ 2xx: ACK    │ 300-699                             └────────────┘
//              ▼             ▼                     487, 300-699 ──▶ over │ 2xx: ACK, BYE
//      ┌─────────────┐    ┌──────┐◀───────────────────────────────────────┘
//      │ established │───▶│ over │  BYE either way (DialogSession)
//      └─────────────┘    └──────┘
//
// A hang-up before any 1xx waits for one (RFC 3261 9.1). Each To tag of a provisional response is an
// early dialog of its own. Another 2xx than the first is a fork: it is acknowledged and ended with
// BYE (13.2.2.4); a copy of a 2xx gets its ACK again.

/// One outbound call (RFC 3261 13.2, 15; RFC 6026).
public struct UACall: Sendable {
    /// Before a 1xx, after it, given up by us, answered, ended.
    public enum Phase: String, Sendable { case calling, proceeding, cancelling, established, over }

    enum Timer: Hashable, Sendable {
        /// Nobody answers.
        case ring
        /// The CANCEL found no one.
        case cancel
    }

    /// What is allowed between the INVITE and the first ringing, on top of the ring time: the ring
    /// clock itself starts when the phone rings (47 CFR 64.1200(a)(6) counts ringing).
    public static let setupAllowance: Interval = .seconds(30)

    /// Goes back only to `calling`, with an INVITE that is sent again.
    public internal(set) var phase: Phase = .calling
    /// The answered dialog.
    public internal(set) var session: DialogSession?
    /// Of From, the same in every INVITE of the call.
    public let localTag: String
    /// The same in every INVITE of the call.
    public let callID: String
    let setup: CallSetup
    /// The branches that have told something, by their To tag, until one answers.
    var earlies: [DialogSession] = []
    var invite = SIPMessage(.request(method: .invite, uri: ""))
    /// Where the INVITE goes now: redirections change it.
    var target: SIPURI
    var destination: SIPAddress
    var sequence: UInt32
    var authenticator: DigestAuthenticator
    var sessionTimer = SessionTimer()
    var redirection = Redirection()
    var timers = TimerTable<Timer>()
    var heardProvisional = false
    var saidTrying = false
    var saidRinging = false
    var ringClockRuns = false
    /// The last early description.
    var earlySDP: [UInt8] = []
    /// How many were reported.
    var earlyDescriptions = 0
    /// Why we are cancelling, when we are.
    var cancelCause: CallEnd.Cause?
    var cancelSent = false
    /// The ACK of each surplus 2xx by its To tag, to be sent again with the 2xx's copy.
    var acknowledged: [(tag: String?, ack: SIPMessage, to: SIPAddress)] = []

    /// Makes tag, Call-ID and first CSeq; nothing goes out before `start`.
    public init(_ setup: CallSetup, hashes: DigestHashes, entropy: inout SeededGenerator) {
        self.setup = setup
        target = setup.target
        destination = setup.destination
        localTag = entropy.token(12)
        callID = entropy.token(24)
        sequence = UInt32(truncatingIfNeeded: entropy.next() & 0x3FFF) + 1
        authenticator = DigestAuthenticator(credentials: setup.credentials, hashes: hashes)
    }

    /// `CallNotice.ended` was told.
    public var isOver: Bool { phase == .over }

    /// When `handleTimers` is due next, for the call or one of its dialogs; nil: nothing is timed.
    public var deadline: Instant? {
        var earliest = [timers.next, session?.deadline].compactMap { $0 }.min()
        for early in earlies {
            if let next = early.deadline, next < earliest ?? .distantFuture { earliest = next }
        }
        return earliest
    }

    // MARK: the owner

    /// Sends the INVITE; while nothing rings it has the ring time and `setupAllowance` to be
    /// answered. To be called once.
    public mutating func start(_ step: inout CallStep) {
        timers.set(.ring, at: step.now + setup.ringTimeout + Self.setupAllowance)
        sendInvite(&step)
    }

    /// CANCEL before the answer, BYE after it.
    public mutating func hangUp(_ step: inout CallStep) {
        if session != nil {
            session?.hangUp(&step)
            followSession()
        } else {
            cancel(.cancelled, &step)
        }
    }

    /// Answers the offer of the answered dialog, before an answer the one that came last; ignored
    /// when none is open.
    public mutating func answerOffer(_ sdp: [UInt8], _ step: inout CallStep) {
        withPendingOffer { $0.answerOffer(sdp, &step) }
    }

    /// The same with a refusal, by 488 when `status` is outside 300…699. An offer in a 2xx cannot
    /// be refused: the call ends (`protocolError`).
    public mutating func refuseOffer(_ status: Int, _ step: inout CallStep) {
        withPendingOffer { $0.refuseOffer(status, &step) }
    }

    /// The dialog that asked: the answered one, else the early one whose offer came last.
    private mutating func withPendingOffer(_ body: (inout DialogSession) -> Void) {
        if var open = session {
            body(&open)
            session = open
            followSession()
        } else if let index = earlies.lastIndex(where: { $0.theirOffer != nil }) {
            body(&earlies[index])
        }
    }

    /// Runs `body` on the answered dialog; nil when there is none.
    mutating func withSession<Result>(_ body: (inout DialogSession) -> Result) -> Result? {
        guard var open = session, phase == .established else { return nil }
        let result = body(&open)
        session = open
        followSession()
        return result
    }

    // MARK: time

    /// A client transaction of this call heard no final response.
    mutating func timedOut(_ request: SIPMessage, _ step: inout CallStep) {
        if request.method == .invite, request.cseqNumber <= sequence {
            guard phase != .established, phase != .over else { return }
            end(CallEnd(cancelCause ?? .timeout, status: 408), &step)
            return
        }
        session?.timedOut(request, &step)
        followSession()
        for index in earlies.indices { earlies[index].timedOut(request, &step) }
    }

    /// A request of this call could not be sent at all.
    mutating func transactionFailed(_ request: SIPMessage, _ step: inout CallStep) {
        guard request.method == .invite, request.cseqNumber <= sequence else {
            timedOut(request, &step)
            return
        }
        guard phase != .established, phase != .over else { return }
        end(CallEnd(cancelCause ?? .transport, status: 503), &step)
    }

    /// Does what is due at `step.now`: the ring clock, the wait after CANCEL, the dialogs' timers.
    public mutating func handleTimers(_ step: inout CallStep) {
        while let timer = timers.popExpired(now: step.now) {
            switch timer {
            case .ring: cancel(.noAnswer, &step)
            case .cancel:
                // 9.1: 64·T1 after the CANCEL the INVITE counts as cancelled.
                step.out.push(.abandon(invite))
                end(CallEnd(cancelCause ?? .timeout, status: 408), &step)
            }
        }
        session?.handleTimers(&step)
        followSession()
        for index in earlies.indices { earlies[index].handleTimers(&step) }
    }

    // MARK: the peer's requests

    /// - Returns: false when the request is of no dialog of this call.
    mutating func receive(
        request: SIPMessage, _ essentials: MessageEssentials, key: TransactionKey,
        from address: SIPAddress, _ step: inout CallStep
    ) -> Bool {
        if let session, session.dialog.remoteTag == essentials.from.tag {
            let taken = self.session?.receive(
                request, essentials, key: key, from: address, &step)
            followSession()
            return taken ?? false
        }
        if acknowledged.contains(where: { $0.tag == essentials.from.tag }) {
            // A branch that we have ended already, or are ending.
            guard request.method == .bye else { return false }
            step.out.push(.respond(request.makeResponse(200), key))
            return true
        }
        guard phase == .calling || phase == .proceeding || phase == .cancelling else {
            return false
        }
        // A callee cannot end an early dialog with BYE (15), and a PRACK is ours to send.
        let takes: [SIPMethod] = [.invite, .update, .info, .options]
        guard let method = request.method, takes.contains(method) else { return false }
        if let index = earlies.firstIndex(where: { $0.dialog.remoteTag == essentials.from.tag }) {
            return earlies[index].receive(
                request, essentials, key: key, from: address, &step)
        }
        // From a branch whose provisional response is still on its way.
        if method == .invite || request.sdp != nil && method == .update {
            step.out.push(.respond(request.makeResponse(491), key))
        } else {
            var response = request.makeResponse(200)
            response.addCapabilities(step.policy)
            step.out.push(.respond(response, key))
        }
        return true
    }

    mutating func receiveACK(
        _ ack: SIPMessage, _ essentials: MessageEssentials, _ step: inout CallStep
    ) {
        session?.receiveACK(ack, essentials, &step)
        followSession()
    }

    mutating func cancelOffer(_ key: TransactionKey, _ step: inout CallStep) {
        session?.cancelOffer(key, &step)
    }

    // MARK: the end

    mutating func followSession() {
        if session?.isOver == true { phase = .over }
    }

    /// Forgets the branches that did not answer. What their owner was still asked about gets its answer
    /// here, as by CANCEL (RFC 3261 9.2): a server transaction waits for one.
    mutating func dropEarlies(_ step: inout CallStep) {
        for early in earlies { early.refuseUpdate(&step) }
        earlies.removeAll()
    }

    mutating func end(_ end: CallEnd, _ step: inout CallStep) {
        guard phase != .over else { return }
        phase = .over
        dropEarlies(&step)
        timers.cancelAll()
        step.notify(.ended(end))
    }
}

extension DialogSession {
    /// 487 to the UPDATE whose offer the owner has not answered, when this dialog is let go.
    func refuseUpdate(_ step: inout CallStep) {
        guard case .response(let request, let key)? = theirOffer?.reply else { return }
        step.out.push(.respond(request.makeResponse(487), key))
    }
}
