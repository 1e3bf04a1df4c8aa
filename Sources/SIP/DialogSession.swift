public import Base

//   early ──2xx──▶ confirmed ──BYE, timeout, 481──▶ over
//
//   peer's request ─▶ From tag, CSeq order ─▶ BYE     → 200, ended          +Requests
//                                             INVITE  → offer, or the wish for one, to the owner
//                                                       → 200 … ACK
//                                             UPDATE  → 200, or offer to the owner
//                                             INFO    → digit;  OPTIONS → 200;  others → 405
//                                             REFER, NOTIFY                  +Transfer
//   owner ─▶ changeMedia → re-INVITE or UPDATE ─▶ answer, 491 and again      +Changes
//         ─▶ sendDigit → INFO;  transfer → REFER;  hangUp → BYE              +Sending
//   session timer ─▶ refresh, or BYE when none comes                         SessionTimer

/// One dialog from either side, early or confirmed, and what goes on inside it.
public struct DialogSession: Sendable {
    enum Timer: Hashable, Sendable {
        /// Send our 200 again (RFC 3261 13.3.1.4: T1 doubling to T2).
        case repeatOK
        /// Stop waiting for the ACK.
        case acknowledgement
        /// The owner has not answered the offer.
        case offer
        /// No final response to our re-INVITE.
        case change
        /// After a 491 (RFC 3261 14.1).
        case retry
        /// RFC 4028: our turn to refresh, and the end of the session.
        case refresh, expiry
        /// No NOTIFY about our REFER.
        case transfer
        /// The owner has not decided about the peer's REFER.
        case referral
    }

    enum Phase: Sendable { case early, confirmed, over }

    /// How long an owner may think about an offer or a REFER of the peer.
    public static let offerLimit: Interval = .seconds(10)
    /// The longest a re-INVITE of ours may stay open: nobody has to pick up a telephone.
    static let changeLimit: Interval = .seconds(60)

    /// An offer of the peer that the owner has to answer, and what carries the answer. With an empty
    /// `sdp` the peer wants an offer: the owner's takes the answer's way, the ACK brings its answer.
    struct TheirOffer: Sendable {
        enum Reply: Sendable {
            /// The response to an INVITE, UPDATE or PRACK.
            case response(SIPMessage, TransactionKey)
            /// The ACK of a 2xx to an INVITE of ours without offer.
            case ack(of: SIPMessage, answersCall: Bool)
            /// The PRACK of a reliable response to our INVITE without offer.
            case prack(SIPMessage)
        }
        var sdp: [UInt8]
        var reply: Reply
    }

    struct PendingOK: Sendable {
        var response: SIPMessage
        var key: TransactionKey
        var sequence: UInt32
        var interval: Interval
        /// True for the 200 that answers the call, false for one of a re-INVITE.
        var answersCall: Bool
        /// Our offer stands in it, so that the ACK must bring an answer (13.2.1).
        var offers: Bool
    }

    /// Whose offer in the INVITE has no answer yet.
    enum InitialOffer: Sendable { case ours, theirs, answered }

    /// What the peer said it can do; nil: it said nothing.
    struct PeerAbilities: Sendable {
        var methods: Set<SIPMethod>?
        func allows(_ method: SIPMethod) -> Bool { methods?.contains(method) ?? false }
        mutating func learn(_ message: SIPMessage) {
            guard message.headers[.allow] != nil else { return }
            methods = Set(message.headers.values(.allow).map { SIPMethod($0) })
        }
    }

    /// Its tags, sequence numbers, route set and targets.
    public internal(set) var dialog: Dialog
    var phase: Phase
    /// `ended` has been said.
    public var isOver: Bool { phase == .over }
    let contactUser: String?
    /// True when our side sent the INVITE: it chooses the longer wait after a 491.
    let isCaller: Bool
    /// What we said last, offer or answer: a refresh by re-INVITE says it again.
    public internal(set) var localSDP: [UInt8]
    /// What the peer said to it, or what it answers; empty: nothing yet.
    public internal(set) var remoteSDP: [UInt8]
    var initialOffer: InitialOffer
    var peer = PeerAbilities()
    var theirOffer: TheirOffer?
    var unacknowledged: PendingOK?
    var change: Change?
    /// What the owner wants changed once the way is free; the latest counts.
    var nextChange: Change.Kind?
    /// The ACK of our last answered INVITE, for a copy of its 2xx.
    var lastACK: (sequence: UInt32, ack: SIPMessage, to: SIPAddress)?
    /// Requests of ours that wait for a final response, by CSeq.
    var outgoing: [UInt32: Outgoing] = [:]
    var digits: [InfoDigit.Press] = []
    var sessionTimer = SessionTimer()
    var lastRSeq: UInt32?
    var ourTransfer: OurTransfer?
    var referral: Referral?
    var reports: [UInt32: Report] = [:]
    var referrals = 0
    var byeWaits = false
    /// The peer's INVITE may have come from another address than it says, and nothing that only who
    /// got our 200 can know has come from there: no request of ours goes to it.
    var isUnproven = false
    var authenticator: DigestAuthenticator
    var timers = TimerTable<Timer>()

    init(
        dialog: Dialog, phase: Phase, isCaller: Bool, contactUser: String?, localSDP: [UInt8],
        remoteSDP: [UInt8], initialOffer: InitialOffer, authenticator: DigestAuthenticator
    ) {
        self.dialog = dialog
        self.phase = phase
        self.isCaller = isCaller
        self.contactUser = contactUser
        self.localSDP = localSDP
        self.remoteSDP = remoteSDP
        self.initialOffer = initialOffer
        self.authenticator = authenticator
    }

    /// When `handleTimers` is due next; nil: nothing is timed.
    public var deadline: Instant? { timers.next }

    /// True when the peer's last Allow names the method.
    public func peerAllows(_ method: SIPMethod) -> Bool { peer.allows(method) }

    func belongs(_ essentials: MessageEssentials) -> Bool {
        essentials.callID == dialog.callID && essentials.from.tag == dialog.remoteTag
    }

    // MARK: life

    /// The 2xx has come or gone: from here on the session timer runs and BYE is the way out.
    mutating func confirm(_ step: inout CallStep) {
        guard phase == .early else { return }
        phase = .confirmed
        restartSessionTimer(step.now)
    }

    /// BYE. While our 200 is unacknowledged it waits for the ACK (RFC 3261 15).
    public mutating func hangUp(_ step: inout CallStep) {
        end(CallEnd(.localBye, status: 200), bye: true, &step)
    }

    /// The end, once: everything open is refused or given up, then BYE if wanted, then the notice.
    mutating func end(_ end: CallEnd, bye: Bool, _ step: inout CallStep) {
        guard phase != .over else { return }
        phase = .over
        refusePending(487, &step)
        abandonChange(&step)
        refuseReferral(&step)
        digits.removeAll()
        if bye, unacknowledged?.answersCall == true {
            byeWaits = true
            keepTimers([.repeatOK, .acknowledgement])
        } else {
            unacknowledged = nil
            timers.cancelAll()
            if bye { sendBye(&step) }
        }
        step.notify(.ended(end))
    }

    private mutating func keepTimers(_ names: [Timer]) {
        let kept = names.compactMap { name in timers.deadline(of: name).map { (name, $0) } }
        timers.cancelAll()
        for (name, deadline) in kept { timers.set(name, at: deadline) }
    }

    func addOurHeaders(_ message: inout SIPMessage, _ step: CallStep) {
        message.headers.append(.contact, step.party.contact(user: contactUser))
        message.addCapabilities(step.policy)
    }

    // MARK: our 200 and its ACK

    /// Answers an INVITE or UPDATE with `sdp`: our answer, or our offer to an INVITE that brought none.
    /// An INVITE's 200 is repeated until the ACK.
    mutating func sendOK(
        to request: SIPMessage, key: TransactionKey, sdp: [UInt8], answersCall: Bool,
        _ step: inout CallStep
    ) {
        var response = request.makeResponse(200, toTag: dialog.localTag)
        if answersCall { response.copyRecordRoute(of: request) }
        addOurHeaders(&response, step)
        response.headers.append(.server, step.party.product)
        sessionTimer.answer(request, in: &response, policy: step.policy.sessionTimer)
        response.attach(sdp: sdp)
        step.out.push(.respond(response, key))
        if answersCall { confirm(&step) } else { restartSessionTimer(step.now) }
        guard request.method == .invite else { return }
        unacknowledged = PendingOK(
            response: response, key: key, sequence: request.cseqNumber, interval: step.timing.t1,
            answersCall: answersCall,
            offers: answersCall ? initialOffer == .ours : request.sdp == nil)
        timers.set(.repeatOK, at: step.now + step.timing.t1)
        timers.set(.acknowledgement, at: step.now + step.timing.timeout)
    }

    /// The ACK of our 200 ends its repeating, lets a waiting BYE go, and brings
    /// `CallNotice.answered` where it ends the setup of the call or answers our offer. Any other
    /// ACK is ignored.
    public mutating func receiveACK(
        _ ack: SIPMessage, _ essentials: MessageEssentials, _ step: inout CallStep
    ) {
        guard let pending = unacknowledged, pending.sequence == essentials.cseq.number,
            belongs(essentials)
        else { return }
        unacknowledged = nil
        isUnproven = false
        timers.cancel(.repeatOK)
        timers.cancel(.acknowledgement)
        if byeWaits {
            byeWaits = false
            sendBye(&step)
        }
        guard !isOver else { return }
        initialOffer = .answered
        // A body beside our answer means nothing. An answer to our offer counts also when it says what
        // the peer said before: the offer is another.
        let sdp = pending.offers ? ack.sdp ?? [] : []
        if !sdp.isEmpty { remoteSDP = sdp }
        if pending.answersCall || !sdp.isEmpty { step.notify(.answered(sdp: sdp)) }
        startNextChange(&step)
    }

    private mutating func repeatOK(_ step: inout CallStep) {
        guard var pending = unacknowledged else { return }
        pending.interval = min(pending.interval * 2, step.timing.t2)
        unacknowledged = pending
        timers.set(.repeatOK, at: step.now + pending.interval)
        step.out.push(.respond(pending.response, pending.key))
    }

    /// 13.3.1.4: without ACK the dialog stands but the session is ended with BYE, unless there may be
    /// nobody at the other end.
    private mutating func acknowledgementIsMissing(_ step: inout CallStep) {
        unacknowledged = nil
        timers.cancel(.repeatOK)
        if byeWaits {
            byeWaits = false
            if !isUnproven { sendBye(&step) }
        }
        end(CallEnd(.notAcknowledged, status: 200), bye: !isUnproven, &step)
    }

    // MARK: time

    /// Does what is due at `step.now`: copies of our 200, refreshes, refusals, the end.
    public mutating func handleTimers(_ step: inout CallStep) {
        while let timer = timers.popExpired(now: step.now) {
            switch timer {
            case .repeatOK: repeatOK(&step)
            case .acknowledgement: acknowledgementIsMissing(&step)
            case .offer: refusePending(488, &step)
            case .change: end(CallEnd(.peerLost, status: 408), bye: true, &step)
            case .retry: retryChange(&step)
            case .refresh: refresh(&step)
            case .expiry: end(CallEnd(.sessionExpired, status: 200), bye: true, &step)
            case .transfer: endTransfer(status: 408, &step)
            case .referral: refuseReferral(&step)
            }
        }
    }

    mutating func restartSessionTimer(_ now: Instant) {
        timers.cancel(.refresh)
        timers.cancel(.expiry)
        guard phase == .confirmed else { return }
        if let after = sessionTimer.refreshAfter { timers.set(.refresh, at: now + after) }
        if let after = sessionTimer.expiresAfter { timers.set(.expiry, at: now + after) }
    }
}
