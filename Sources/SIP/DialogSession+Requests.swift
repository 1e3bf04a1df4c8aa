internal import Base

extension DialogSession {
    // MARK: the peer's requests

    /// A request of the peer other than ACK, CANCEL and PRACK.
    ///
    /// - Returns: false when it is not of this dialog: the owner answers 481.
    mutating func receive(
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
        peer.learn(request)
        switch request.method {
        case .some(.bye): receiveBye(request, key, &step)
        case .some(.invite), .some(.update): receiveOffer(request, key, &step)
        case .some(.info): receiveInfo(request, key, &step)
        case .some(.options):
            var response = request.makeResponse(200)
            response.addCapabilities(step.policy)
            step.out.push(.respond(response, key))
        case .some(.refer): receiveRefer(request, key, &step)
        case .some(.notify): receiveNotify(request, key, &step)
        default:
            var response = request.makeResponse(405)
            response.addCapabilities(step.policy)
            step.out.push(.respond(response, key))
        }
        return true
    }

    private mutating func receiveBye(
        _ request: SIPMessage, _ key: TransactionKey, _ step: inout CallStep
    ) {
        refusePending(487, &step)
        step.out.push(.respond(request.makeResponse(200), key))
        end(CallEnd(.remoteBye, status: 200, reason: request.reasonText), bye: false, &step)
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

    // MARK: the peer's offers

    private mutating func receiveOffer(
        _ request: SIPMessage, _ key: TransactionKey, _ step: inout CallStep
    ) {
        if let refusal = SessionTimer.refusal(of: request, policy: step.policy.sessionTimer) {
            step.out.push(.respond(request.makeRefusal(refusal), key))
            return
        }
        let brings = request.sdp != nil
        guard brings || request.body.isEmpty else {
            var response = request.makeResponse(415)
            response.headers.append(.accept, "application/sdp")
            step.out.push(.respond(response, key))
            return
        }
        if request.method == .update, !brings {
            // A refresh touches no offer and is never in the way (RFC 3311 5.2).
            dialog.refreshTarget(request)
            answerUpdate(request, key, sdp: [], &step)
            return
        }
        guard let status = offerConflict(request.method == .invite) else {
            guard takesOffer(request.body, &step) else {
                var response = request.makeResponse(500)
                response.headers.append(.retryAfter, String(SIPLimits.offerRetrySeconds))
                step.out.push(.respond(response, key))
                return
            }
            // Without an offer it asks for one: the owner's goes out in our 200 (14.2).
            theirOffer = TheirOffer(sdp: request.body, reply: .response(request, key))
            timers.set(.offer, at: step.now + Self.offerLimit)
            step.notify(.offer(sdp: request.body))
            return
        }
        var response = request.makeResponse(status)
        if status == 500 { response.headers.append(.retryAfter, String(step.entropy.next() % 10)) }
        step.out.push(.respond(response, key))
    }

    /// Why an offer of the peer cannot be taken now: 500 while one of its own is open, 491 while one
    /// of ours is (RFC 3261 14.2, RFC 3311 5.2).
    private func offerConflict(_ isInvite: Bool) -> Int? {
        if theirOffer != nil || initialOffer == .theirs { return 500 }
        if unacknowledged != nil || initialOffer == .ours { return 491 }
        if let change, change.sequence != nil, isInvite || change.opensOffer { return 491 }
        if isInvite, phase == .early { return 491 }
        return nil
    }

    /// Each offer costs its owner an answer. 491 would say that ours is in the way, and bring the offer
    /// back within 4 s; 500 leaves the session as it was (RFC 3261 14.1).
    private func takesOffer(_ sdp: [UInt8], _ step: inout CallStep) -> Bool {
        let isRefresh = !sdp.isEmpty && sdp == remoteSDP
        let takes = step.offers.take(
            now: step.now, leaving: isRefresh ? 0 : SIPLimits.refreshReserve)
        if !takes { step.refusedOffers += 1 }
        return takes
    }

    private mutating func answerUpdate(
        _ request: SIPMessage, _ key: TransactionKey, sdp: [UInt8], _ step: inout CallStep
    ) {
        var response = request.makeResponse(200)
        addOurHeaders(&response, step)
        sessionTimer.answer(request, in: &response, policy: step.policy.sessionTimer)
        response.attach(sdp: sdp)
        step.out.push(.respond(response, key))
        restartSessionTimer(step.now)
    }

    /// A PRACK that carries an offer, or nothing; the reliable response is acknowledged already.
    mutating func receivePrack(
        _ request: SIPMessage, _ key: TransactionKey, _ step: inout CallStep
    ) {
        guard let sdp = request.sdp, !sdp.isEmpty else {
            step.out.push(.respond(request.makeResponse(200), key))
            return
        }
        if initialOffer == .ours {
            // Our offer went out in the reliable response: this is its answer (RFC 3262 5).
            initialOffer = .answered
            remoteSDP = sdp
            step.out.push(.respond(request.makeResponse(200), key))
            step.notify(.earlyMedia(sdp: sdp))
        } else if theirOffer != nil || initialOffer == .theirs || change?.sequence != nil {
            step.out.push(.respond(request.makeResponse(491), key))
        } else {
            theirOffer = TheirOffer(sdp: sdp, reply: .response(request, key))
            timers.set(.offer, at: step.now + Self.offerLimit)
            step.notify(.offer(sdp: sdp))
        }
    }

    /// The owner's answer to the peer's offer, or its offer to a peer that asked for one; ignored when
    /// nothing is pending.
    public mutating func answerOffer(_ sdp: [UInt8], _ step: inout CallStep) {
        guard let pending = theirOffer, !isOver else { return }
        theirOffer = nil
        timers.cancel(.offer)
        localSDP = sdp
        remoteSDP = pending.sdp
        switch pending.reply {
        case .response(let request, let key):
            dialog.refreshTarget(request)
            if request.method == .invite {
                sendOK(to: request, key: key, sdp: sdp, answersCall: false, &step)
            } else if request.method == .update {
                answerUpdate(request, key, sdp: sdp, &step)
            } else {
                var response = request.makeResponse(200)
                response.attach(sdp: sdp)
                step.out.push(.respond(response, key))
            }
        case .ack(let invite, let answersCall):
            acknowledge(invite, sdp: sdp, &step)
            initialOffer = .answered
            if answersCall { step.notify(.answered(sdp: [])) }
            startNextChange(&step)
        case .prack(let response):
            initialOffer = .answered
            sendPrack(for: response, sdp: sdp, &step)
        }
        startNextChange(&step)
    }

    /// The owner cannot take the peer's offer: 488 keeps the session as it was (14.2). An offer in a
    /// 2xx cannot be refused, only hung up on.
    public mutating func refuseOffer(_ status: Int = 488, _ step: inout CallStep) {
        refusePending(status, &step)
    }

    mutating func refusePending(_ status: Int, _ step: inout CallStep) {
        guard let pending = theirOffer else { return }
        theirOffer = nil
        timers.cancel(.offer)
        switch pending.reply {
        case .response(let request, let key):
            let final = (300...699).contains(status) ? status : 488
            step.out.push(.respond(request.makeResponse(final), key))
            startNextChange(&step)
        case .ack(let invite, _):
            acknowledge(invite, sdp: [], &step)
            end(CallEnd(.protocolError, status: 200), bye: true, &step)
        case .prack(let response): sendPrack(for: response, sdp: [], &step)
        }
    }

    /// CANCEL of a re-INVITE that the owner has not answered yet.
    mutating func cancelOffer(_ key: TransactionKey, _ step: inout CallStep) {
        guard case .response(_, key)? = theirOffer?.reply else { return }
        refusePending(487, &step)
    }
}
