public import Base

//   peer's request ─▶ From tag, CSeq order ─▶ BYE     → 200, ended
//                                             INVITE  → offer to the owner → 200 … ACK
//                                             UPDATE  → 200, or offer to the owner
//                                             INFO    → digit, 200
//                                             OPTIONS → 200;  others → 405
//   owner ─▶ hangUp → BYE ─▶ 401/407 answered once ─▶ done

/// An answered call from either side: one confirmed dialog and what goes on inside it.
public struct DialogSession: Sendable {
    enum Timer: Hashable, Sendable {
        /// Send our 200 again (RFC 3261 13.3.1.4: T1 doubling to T2).
        case repeatOK
        /// Stop waiting for the ACK.
        case acknowledgement
        /// The owner has not answered the offer.
        case offer
    }

    /// How long an owner may think about an offer of the peer.
    public static let offerLimit: Interval = .seconds(10)

    private struct PendingOffer: Sendable {
        var request: SIPMessage
        var key: TransactionKey
        var isInvite: Bool { request.method == .invite }
    }

    private struct PendingOK: Sendable {
        var response: SIPMessage
        var key: TransactionKey
        var sequence: UInt32
        var interval: Interval
        /// True for the 200 that answers the call, false for one of a re-INVITE.
        var answersCall: Bool
    }

    public private(set) var dialog: Dialog
    /// `ended` has been said.
    public private(set) var isOver = false
    private let contactUser: String?
    private var localSDP: [UInt8]
    private var remoteSDP: [UInt8]
    private var offer: PendingOffer?
    private var unacknowledged: PendingOK?
    private var byeWaits = false
    private var authenticator: DigestAuthenticator
    private var timers = TimerTable<Timer>()

    public init(
        dialog: Dialog, contactUser: String?, localSDP: [UInt8], remoteSDP: [UInt8],
        authenticator: DigestAuthenticator
    ) {
        self.dialog = dialog
        self.contactUser = contactUser
        self.localSDP = localSDP
        self.remoteSDP = remoteSDP
        self.authenticator = authenticator
    }

    public var deadline: Instant? { timers.next }

    // MARK: the owner

    /// BYE. While our 200 is unacknowledged it waits for the ACK (RFC 3261 15).
    public mutating func hangUp(_ step: inout CallStep) {
        guard !isOver else { return }
        refusePending(487, &step)
        if unacknowledged?.answersCall == true { byeWaits = true } else { sendBye(&step) }
        end(CallEnd(.localBye, status: 200), &step)
    }

    /// The owner's answer to the peer's offer; ignored when none is pending.
    public mutating func answerOffer(_ sdp: [UInt8], _ step: inout CallStep) {
        guard let pending = offer, !isOver else { return }
        offer = nil
        timers.cancel(.offer)
        localSDP = sdp
        remoteSDP = pending.request.sdp ?? remoteSDP
        dialog.refreshTarget(pending.request)
        sendOK(to: pending.request, key: pending.key, answersCall: false, &step)
    }

    /// The owner cannot take the peer's offer: 488 keeps the session as it was (14.2).
    public mutating func refuseOffer(_ status: Int = 488, _ step: inout CallStep) {
        refusePending(status, &step)
    }

    private mutating func refusePending(_ status: Int, _ step: inout CallStep) {
        guard let pending = offer else { return }
        offer = nil
        timers.cancel(.offer)
        step.out.push(.respond(pending.request.makeResponse(status), pending.key))
    }

    // MARK: our 200 and its ACK

    /// Answers an INVITE or UPDATE with `localSDP`; an INVITE's 200 is repeated until the ACK.
    mutating func sendOK(
        to request: SIPMessage, key: TransactionKey, answersCall: Bool, _ step: inout CallStep
    ) {
        var response = request.makeResponse(200, toTag: dialog.localTag)
        if answersCall {
            for route in request.headers.lines(.recordRoute) {
                response.headers.append(.recordRoute, route)
            }
        }
        response.headers.append(.contact, step.party.contact(user: contactUser))
        response.addCapabilities()
        response.headers.append(.server, step.party.product)
        response.attach(sdp: localSDP)
        step.out.push(.respond(response, key))
        guard request.method == .invite else { return }
        let sequence = (try? CSeq(request.headers[.cseq] ?? ""))?.number ?? 0
        unacknowledged = PendingOK(
            response: response, key: key, sequence: sequence, interval: step.timing.t1,
            answersCall: answersCall)
        timers.set(.repeatOK, at: step.now + step.timing.t1)
        timers.set(.acknowledgement, at: step.now + step.timing.timeout)
    }

    public mutating func receiveACK(
        _ ack: SIPMessage, _ essentials: MessageEssentials, _ step: inout CallStep
    ) {
        guard let pending = unacknowledged, pending.sequence == essentials.cseq.number,
            belongs(essentials)
        else { return }
        unacknowledged = nil
        timers.cancel(.repeatOK)
        timers.cancel(.acknowledgement)
        if byeWaits {
            byeWaits = false
            sendBye(&step)
        }
        guard !isOver else { return }
        let sdp = ack.sdp ?? []
        if pending.answersCall {
            if !sdp.isEmpty { remoteSDP = sdp }
            step.notify(.answered(sdp: sdp))
        } else if !sdp.isEmpty, sdp != remoteSDP {
            // The answer to the offer that our 200 to an empty re-INVITE made.
            remoteSDP = sdp
            step.notify(.answered(sdp: sdp))
        }
    }

    public mutating func handleTimers(_ step: inout CallStep) {
        while let timer = timers.popExpired(now: step.now) {
            switch timer {
            case .repeatOK:
                guard var pending = unacknowledged else { break }
                pending.interval = min(pending.interval * 2, step.timing.t2)
                unacknowledged = pending
                timers.set(.repeatOK, at: step.now + pending.interval)
                step.out.push(.respond(pending.response, pending.key))
            case .acknowledgement:
                // 13.3.1.4: the dialog stands but the session is ended with BYE.
                unacknowledged = nil
                timers.cancel(.repeatOK)
                if !isOver || byeWaits { sendBye(&step) }
                byeWaits = false
                end(CallEnd(.notAcknowledged, status: 200), &step)
            case .offer: refusePending(488, &step)
            }
        }
    }

    // MARK: BYE

    private mutating func sendBye(_ step: inout CallStep) {
        authenticator.resetTries()
        var bye = dialog.makeRequest(.bye, party: step.party, entropy: &step.entropy)
        authenticator.authorize(&bye, entropy: &step.entropy)
        step.out.push(.request(bye, to: dialog.nextHop))
    }

    /// The response to our BYE: a challenge is answered, everything else closes the matter.
    public mutating func receiveByeResponse(_ response: SIPMessage, _ step: inout CallStep) {
        guard response.status == 401 || response.status == 407,
            authenticator.accept(response, inDialog: true)
        else { return }
        var bye = dialog.makeRequest(.bye, party: step.party, entropy: &step.entropy)
        authenticator.authorize(&bye, entropy: &step.entropy)
        step.out.push(.request(bye, to: dialog.nextHop))
    }

    mutating func end(_ end: CallEnd, _ step: inout CallStep) {
        guard !isOver else { return }
        isOver = true
        timers.cancel(.offer)
        step.notify(.ended(end))
    }

    // MARK: the peer's requests

    func belongs(_ essentials: MessageEssentials) -> Bool {
        essentials.callID == dialog.callID && essentials.from.tag == dialog.remoteTag
    }

    /// A request of the peer other than ACK and CANCEL.
    ///
    /// - Returns: false when it is not of this dialog: the owner answers 481.
    public mutating func receive(
        _ request: SIPMessage, _ essentials: MessageEssentials, key: TransactionKey,
        from address: SIPAddress, _ step: inout CallStep
    ) -> Bool {
        guard belongs(essentials) else { return false }
        guard !isOver else {
            // Crossing BYEs: the second is still answered 200.
            guard request.method == .bye else { return false }
            byeWaits = false
            unacknowledged = nil
            timers.cancelAll()
            step.out.push(.respond(request.makeResponse(200), key))
            return true
        }
        guard dialog.accept(remoteSequence: essentials.cseq.number) else {
            step.out.push(.respond(request.makeResponse(500), key))
            return true
        }
        dialog.peerAddress = address
        switch request.method {
        case .some(.bye): receiveBye(request, key, &step)
        case .some(.invite), .some(.update): receiveOffer(request, key, &step)
        case .some(.info): receiveInfo(request, key, &step)
        case .some(.options):
            var response = request.makeResponse(200)
            response.addCapabilities()
            step.out.push(.respond(response, key))
        default:
            var response = request.makeResponse(405)
            response.addCapabilities()
            step.out.push(.respond(response, key))
        }
        return true
    }

    private mutating func receiveBye(
        _ request: SIPMessage, _ key: TransactionKey, _ step: inout CallStep
    ) {
        refusePending(487, &step)
        unacknowledged = nil
        timers.cancelAll()
        step.out.push(.respond(request.makeResponse(200), key))
        end(CallEnd(.remoteBye, status: 200, reason: request.reasonText), &step)
    }

    private mutating func receiveOffer(
        _ request: SIPMessage, _ key: TransactionKey, _ step: inout CallStep
    ) {
        if offer != nil {
            // 14.2: a second one before the first is answered.
            var response = request.makeResponse(500)
            response.headers.append(
                .retryAfter, String(step.entropy.next() % 10))
            step.out.push(.respond(response, key))
            return
        }
        if unacknowledged != nil {
            step.out.push(.respond(request.makeResponse(491), key))
            return
        }
        if request.sdp != nil {
            offer = PendingOffer(request: request, key: key)
            timers.set(.offer, at: step.now + Self.offerLimit)
            if request.method == .invite {
                step.out.push(.respond(request.makeResponse(100), key))
            }
            step.notify(.offer(sdp: request.body))
        } else if !request.body.isEmpty {
            var response = request.makeResponse(415)
            response.headers.append(.accept, "application/sdp")
            step.out.push(.respond(response, key))
        } else if request.method == .invite {
            // No offer: ours stands as it was; the ACK brings the answer.
            dialog.refreshTarget(request)
            sendOK(to: request, key: key, answersCall: false, &step)
        } else {
            dialog.refreshTarget(request)
            var response = request.makeResponse(200)
            response.headers.append(.contact, step.party.contact(user: contactUser))
            step.out.push(.respond(response, key))
        }
    }

    private mutating func receiveInfo(
        _ request: SIPMessage, _ key: TransactionKey, _ step: inout CallStep
    ) {
        guard request.body.isEmpty || InfoDigit.isDigitMessage(request) else {
            var response = request.makeResponse(415)
            response.headers.append(.accept, "application/dtmf-relay, application/dtmf")
            step.out.push(.respond(response, key))
            return
        }
        step.out.push(.respond(request.makeResponse(200), key))
        if let digit = InfoDigit.read(request) { step.notify(.digit(digit)) }
    }

    /// CANCEL of a re-INVITE that the owner has not answered yet.
    public mutating func cancelOffer(_ key: TransactionKey, _ step: inout CallStep) {
        guard offer?.key == key else { return }
        refusePending(487, &step)
    }
}
