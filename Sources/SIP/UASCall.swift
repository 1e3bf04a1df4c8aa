public import Base

//      INVITE (100 is the transaction's affair)
//         ▼
//   ┌──────────┐ ring: 180; progress: 18x, reliable where the caller can (PRACK)
//   │ incoming │ reject: 300-699, CANCEL: 487, BYE: 487, no PRACK: 504 ───▶ over
//   └──────────┘ answer: 200, repeated until the ACK (DialogSession)
//         ▼
//   ┌──────────┐ BYE either way, or no ACK in 64·T1: BYE ─────────────────▶ over
//   │ answered │ (no BYE to a stranger of whom nothing else was ever heard)
//   └──────────┘

/// One inbound call (RFC 3261 13.3).
public struct UASCall: Sendable {
    /// Before the final response, after a 200, refused or ended.
    public enum Phase: String, Sendable { case incoming, answered, over }

    enum Timer: Hashable, Sendable {
        /// The owner is absent.
        case pending
        /// Send the reliable response again (RFC 3262 3), and stop doing so.
        case repeatReliable, reliableLimit
    }

    /// An owner that neither answers nor refuses within this time is taken for absent (the length
    /// of a proxy's Timer C, 16.6).
    public static let pendingLimit: Interval = .seconds(180)

    /// Never goes back.
    public private(set) var phase: Phase = .incoming
    /// Its one dialog: early until the 200.
    public private(set) var session: DialogSession
    /// The tag we add to To.
    public let localTag: String
    /// The caller's.
    public let callID: String
    /// Its server transaction: where responses to the INVITE go.
    public let inviteKey: TransactionKey
    /// The call whose place this one takes once it is answered.
    let replaces: CallKey?
    private let invite: SIPMessage
    private let essentials: MessageEssentials
    private var reliable = ReliableProvisionals()
    /// Our 200 that waits for the PRACK of a reliable response with SDP.
    private var heldAnswer: [UInt8]?
    private var isRinging = false
    private var timers = TimerTable<Timer>()

    init(
        invite: SIPMessage, essentials: MessageEssentials, key: TransactionKey,
        from address: SIPAddress, hashes: DigestHashes, replaces: CallKey? = nil,
        isStranger: Bool = false, step: inout CallStep
    ) {
        self.invite = invite
        self.essentials = essentials
        self.replaces = replaces
        inviteKey = key
        callID = essentials.callID
        localTag = step.entropy.token(12)
        let dialog = Dialog(
            invite: invite, essentials: essentials, localTag: localTag, from: address,
            entropy: &step.entropy)
        let offer = invite.sdp ?? []
        session = DialogSession(
            dialog: dialog, phase: .early, isCaller: false,
            contactUser: (try? SIPURI(invite.requestURI ?? ""))?.user, localSDP: [],
            remoteSDP: offer, initialOffer: offer.isEmpty ? .ours : .theirs,
            authenticator: DigestAuthenticator(credentials: nil, hashes: hashes))
        session.isUnproven = isStranger
        session.peer.learn(invite)
        timers.set(.pending, at: step.now + Self.pendingLimit)
    }

    /// `CallNotice.ended` was told.
    public var isOver: Bool { phase == .over }

    /// When its timers are due next; nil: nothing is timed.
    public var deadline: Instant? {
        [timers.next, session.deadline].compactMap { $0 }.min()
    }

    /// The SDP of the INVITE, if it had any.
    public var offer: [UInt8]? { invite.sdp }

    // MARK: the owner

    mutating func ring(_ step: inout CallStep) {
        guard !isRinging else { return }
        isRinging = true
        progress(180, sdp: [], &step)
    }

    /// A provisional response; `sdp` is our answer to the INVITE's offer, or our offer when it had
    /// none (which only a reliable response may carry). After the session is agreed it is left out.
    mutating func progress(_ status: Int, sdp: [UInt8], _ step: inout CallStep) {
        guard phase == .incoming, heldAnswer == nil, (101...199).contains(status) else { return }
        let isReliable = goesReliably(hasSDP: !sdp.isEmpty, step.policy)
        var response = invite.makeResponse(status, toTag: localTag)
        response.copyRecordRoute(of: invite)
        response.headers.append(.contact, step.party.contact(user: session.contactUser))
        response.headers.append(.allow, SIPMethod.supportedNames)
        response.headers.append(.server, step.party.product)
        let mayOffer = isReliable || session.initialOffer == .theirs
        if !sdp.isEmpty, session.initialOffer != .answered, mayOffer, session.localSDP.isEmpty {
            session.localSDP = sdp
            response.attach(sdp: sdp)
        } else if !isReliable, session.initialOffer == .theirs {
            // Said before; a copy may reach who missed the first.
            response.attach(sdp: session.localSDP)
        }
        guard isReliable else {
            step.out.push(.respond(response, inviteKey))
            return
        }
        if reliable.add(response) { sendNextReliable(&step) }
    }

    private func goesReliably(hasSDP: Bool, _ policy: CallPolicy) -> Bool {
        guard policy.reliableProvisionals != .off else { return false }
        if invite.requires("100rel") { return true }
        return invite.supports("100rel")
            && (hasSDP || policy.reliableProvisionals == .required)
    }

    private mutating func sendNextReliable(_ step: inout CallStep) {
        guard
            let response = reliable.startNext(
                now: step.now, t1: step.timing.t1, entropy: &step.entropy)
        else { return }
        step.out.push(.respond(response, inviteKey))
        timers.set(.repeatReliable, at: step.now + step.timing.t1)
        timers.set(.reliableLimit, at: step.now + step.timing.timeout)
    }

    /// 200 with our answer, or with our offer when the INVITE had none.
    mutating func answer(_ sdp: [UInt8], _ step: inout CallStep) {
        guard phase == .incoming, heldAnswer == nil else { return }
        guard !reliable.holdsAnswer else {
            heldAnswer = sdp
            return
        }
        phase = .answered
        stopReliable()
        timers.cancelAll()
        // What a reliable response agreed stays; else this is the answer or the offer.
        if session.initialOffer != .answered { session.localSDP = sdp }
        if session.initialOffer == .theirs { session.initialOffer = .answered }
        session.sendOK(
            to: invite, key: inviteKey, sdp: session.localSDP, answersCall: true, &step)
    }

    mutating func reject(_ status: Int, _ step: inout CallStep) {
        refuse(status, CallEnd(.refused, status: status), &step)
    }

    mutating func hangUp(_ step: inout CallStep) {
        if phase == .incoming {
            reject(503, &step)
        } else {
            session.hangUp(&step)
            followSession()
        }
    }

    /// The caller is where he says.
    mutating func vouch() { session.isUnproven = false }

    mutating func answerOffer(_ sdp: [UInt8], _ step: inout CallStep) {
        session.answerOffer(sdp, &step)
        followSession()
    }

    mutating func refuseOffer(_ status: Int, _ step: inout CallStep) {
        session.refuseOffer(status, &step)
        followSession()
    }

    mutating func withSession<Result>(_ body: (inout DialogSession) -> Result) -> Result? {
        guard phase == .answered else { return nil }
        let result = body(&session)
        followSession()
        return result
    }

    private mutating func refuse(_ status: Int, _ end: CallEnd, _ step: inout CallStep) {
        guard phase == .incoming else { return }
        phase = .over
        stopReliable()
        timers.cancelAll()
        session.phase = .over
        session.refusePending(487, &step)
        session.timers.cancelAll()
        var response = invite.makeResponse(
            (300...699).contains(status) ? status : 500, toTag: localTag)
        if status == 503 { response.headers.append(.retryAfter, "5") }
        response.headers.append(.server, step.party.product)
        step.out.push(.respond(response, inviteKey))
        step.notify(.ended(end))
    }

    private mutating func stopReliable() {
        reliable.stop()
        timers.cancel(.repeatReliable)
        timers.cancel(.reliableLimit)
    }

    // MARK: the peer

    /// CANCEL of the INVITE; the user agent has answered the CANCEL itself (9.2).
    mutating func cancelled(_ request: SIPMessage, _ step: inout CallStep) {
        refuse(487, CallEnd(.cancelled, status: 487, reason: request.reasonText), &step)
    }

    mutating func receive(
        request: SIPMessage, _ essentials: MessageEssentials, key: TransactionKey,
        from address: SIPAddress, _ step: inout CallStep
    ) -> Bool {
        guard essentials.from.tag == self.essentials.from.tag else { return false }
        // It knows our tag.
        vouch()
        if request.method == .prack { return receivePrack(request, essentials, key, &step) }
        guard phase == .incoming else {
            let taken = session.receive(request, essentials, key: key, from: address, &step)
            followSession()
            return taken
        }
        switch request.method {
        case .some(.bye):
            step.out.push(.respond(request.makeResponse(200), key))
            refuse(487, CallEnd(.remoteBye, status: 487, reason: request.reasonText), &step)
            return true
        case .some(.invite), .some(.update), .some(.info), .some(.options):
            return session.receive(request, essentials, key: key, from: address, &step)
        default: return false
        }
    }

    private mutating func receivePrack(
        _ request: SIPMessage, _ essentials: MessageEssentials, _ key: TransactionKey,
        _ step: inout CallStep
    ) -> Bool {
        guard let rack = request.headers[.rack].flatMap(RAck.init) else {
            step.out.push(.respond(request.makeResponse(400), key))
            return true
        }
        guard phase == .incoming,
            reliable.acknowledge(rack, invite: self.essentials.cseq.number) != nil
        else { return false }
        // 12.2.2 counts PRACK like every request of the dialog.
        _ = session.dialog.accept(remoteSequence: essentials.cseq.number)
        timers.cancel(.repeatReliable)
        timers.cancel(.reliableLimit)
        if session.initialOffer == .theirs, !session.localSDP.isEmpty {
            session.initialOffer = .answered
        }
        session.receivePrack(request, key, &step)
        sendNextReliable(&step)
        if let sdp = heldAnswer, !reliable.holdsAnswer {
            heldAnswer = nil
            answer(sdp, &step)
        }
        return true
    }

    mutating func receiveACK(
        _ ack: SIPMessage, _ essentials: MessageEssentials, _ step: inout CallStep
    ) {
        session.receiveACK(ack, essentials, &step)
        followSession()
    }

    mutating func cancelOffer(_ key: TransactionKey, _ step: inout CallStep) {
        session.cancelOffer(key, &step)
    }

    /// A response to a request of ours.
    mutating func receive(
        _ response: SIPMessage, _ essentials: MessageEssentials, _ step: inout CallStep
    ) {
        session.receive(response: response, essentials, &step)
        followSession()
    }

    mutating func timedOut(_ request: SIPMessage, _ step: inout CallStep) {
        session.timedOut(request, &step)
        followSession()
    }

    // MARK: time

    mutating func handleTimers(_ step: inout CallStep) {
        while let timer = timers.popExpired(now: step.now) {
            switch timer {
            case .pending: refuse(480, CallEnd(.refused, status: 480), &step)
            case .repeatReliable:
                guard let again = reliable.repeatCurrent() else { continue }
                step.out.push(.respond(again.response, inviteKey))
                timers.set(.repeatReliable, at: step.now + again.next)
            case .reliableLimit:
                // RFC 3262 3: a caller that never acknowledges is refused.
                refuse(504, CallEnd(.notAcknowledged, status: 504), &step)
            }
        }
        session.handleTimers(&step)
        followSession()
    }

    private mutating func followSession() {
        if phase == .answered, session.isOver { phase = .over }
    }
}
