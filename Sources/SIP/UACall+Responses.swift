internal import Base

extension UACall {
    // MARK: responses

    /// A response that a client transaction of this call delivered.
    mutating func receive(
        _ response: SIPMessage, _ essentials: MessageEssentials, from address: SIPAddress,
        _ step: inout CallStep
    ) {
        let isOfThisInvite =
            essentials.cseq.method == .invite && essentials.cseq.number <= sequence
            && session?.outgoing[essentials.cseq.number] == nil
        if isOfThisInvite {
            receiveInviteResponse(response, essentials, address, &step)
        } else if let session, session.dialog.remoteTag == essentials.to.tag {
            self.session?.receive(response: response, essentials, &step)
            followSession()
        } else if let index = earlies.firstIndex(where: {
            $0.dialog.remoteTag == essentials.to.tag
        }) {
            earlies[index].receive(response: response, essentials, &step)
        }
    }

    private mutating func receiveInviteResponse(
        _ response: SIPMessage, _ essentials: MessageEssentials, _ address: SIPAddress,
        _ step: inout CallStep
    ) {
        guard let status = response.status else { return }
        switch status {
        case 100...199: receiveProvisional(response, status, essentials, address, &step)
        case 200...299: receiveSuccess(response, essentials, address, &step)
        default: receiveFailure(response, status, &step)
        }
    }

    private mutating func receiveProvisional(
        _ response: SIPMessage, _ status: Int, _ essentials: MessageEssentials,
        _ address: SIPAddress, _ step: inout CallStep
    ) {
        heardProvisional = true
        if phase == .cancelling {
            sendCancel(&step)
            return
        }
        guard phase == .calling || phase == .proceeding else { return }
        phase = .proceeding
        sayTrying(&step)
        if status > 100, essentials.to.tag != nil {
            guard hearEarly(response, essentials, address, &step) else { return }
        }
        guard status == 180 || status == 183 else { return }
        if !ringClockRuns {
            ringClockRuns = true
            timers.set(.ring, at: step.now + setup.ringTimeout)
        }
        let sdp = setup.offer.isEmpty ? [] : response.sdp ?? []
        if !saidRinging, status == 180 || sdp.isEmpty {
            saidRinging = true
            step.notify(.ringing)
        }
        guard !sdp.isEmpty, sdp != earlySDP else { return }
        earlySDP = sdp
        guard earlyDescriptions < SIPLimits.earlyDescriptions else {
            // The answer's counts: its dialog has kept it.
            step.ignoredDescriptions += 1
            return
        }
        earlyDescriptions += 1
        step.notify(.earlyMedia(sdp: sdp))
    }

    /// Keeps the early dialog of this To tag (12.1.2).
    ///
    /// - Returns: false when the response must not be looked at (RFC 3262 4), or there are too many
    ///   branches.
    private mutating func hearEarly(
        _ response: SIPMessage, _ essentials: MessageEssentials, _ address: SIPAddress,
        _ step: inout CallStep
    ) -> Bool {
        if let index = earlies.firstIndex(where: { $0.dialog.remoteTag == essentials.to.tag }) {
            return earlies[index].receiveProvisional(response, &step)
        }
        guard earlies.count < SIPLimits.forkCount else { return false }
        var early = makeSession(response, essentials, address)
        let counts = early.receiveProvisional(response, &step)
        earlies.append(early)
        return counts
    }

    private func makeSession(
        _ response: SIPMessage, _ essentials: MessageEssentials, _ address: SIPAddress
    ) -> DialogSession {
        let dialog = Dialog(
            request: invite, response: response, essentials: essentials, target: target,
            from: address)
        return DialogSession(
            dialog: dialog, phase: .early, isCaller: true,
            contactUser: setup.from.uri.sip?.user, localSDP: setup.offer, remoteSDP: [],
            initialOffer: setup.offer.isEmpty ? .theirs : .ours, authenticator: authenticator)
    }

    private mutating func receiveSuccess(
        _ response: SIPMessage, _ essentials: MessageEssentials, _ address: SIPAddress,
        _ step: inout CallStep
    ) {
        if let session, session.dialog.remoteTag == essentials.to.tag {
            self.session?.repeatACK(essentials.cseq.number, response.status ?? 200, &step)
            return
        }
        if let known = acknowledged.first(where: { $0.tag == essentials.to.tag }) {
            step.out.push(.acknowledge(known.ack, to: known.to))
            return
        }
        guard acknowledged.count + (session == nil ? 0 : 1) < SIPLimits.forkCount else { return }
        var fresh: DialogSession
        if let index = earlies.firstIndex(where: { $0.dialog.remoteTag == essentials.to.tag }) {
            fresh = earlies.remove(at: index)
            fresh.dialog.confirm(response, from: address)
        } else {
            fresh = makeSession(response, essentials, address)
        }
        fresh.peer.learn(response)
        if phase == .calling || phase == .proceeding {
            establish(fresh, response, &step)
        } else {
            // A late answer, or a fork of an answered call.
            hangUpAtOnce(fresh, essentials, &step)
            if phase == .cancelling {
                end(CallEnd(cancelCause ?? .cancelled, status: response.status ?? 200), &step)
            }
        }
    }

    /// A 2xx that nobody wants: ACK, BYE.
    private mutating func hangUpAtOnce(
        _ unwanted: DialogSession, _ essentials: MessageEssentials, _ step: inout CallStep
    ) {
        var unwanted = unwanted
        unwanted.refuseUpdate(&step)
        unwanted.acknowledge(invite, sdp: [], &step)
        if let ack = unwanted.lastACK {
            acknowledged.append((essentials.to.tag, ack.ack, ack.to))
        }
        unwanted.sendBye(&step)
    }

    /// The first answer. Once a reliable response brought the SDP answer, that of the 2xx is not
    /// looked at (RFC 3261 13.2.1).
    private mutating func establish(
        _ answered: DialogSession, _ response: SIPMessage, _ step: inout CallStep
    ) {
        var open = answered
        phase = .established
        timers.cancelAll()
        // Other branches get their own final response, or come as a surplus 2xx.
        dropEarlies(&step)
        open.sessionTimer = sessionTimer
        open.sessionTimer.agree(with: response, policy: step.policy.sessionTimer)
        open.authenticator = authenticator
        open.confirm(&step)
        let sdp = response.sdp ?? []
        switch open.initialOffer {
        case .ours:
            if !sdp.isEmpty { open.remoteSDP = sdp }
            open.initialOffer = .answered
            fallthrough
        case .answered:
            open.acknowledge(invite, sdp: [], &step)
            if open.remoteSDP.isEmpty {
                open.end(
                    CallEnd(.protocolError, status: response.status ?? 200), bye: true, &step)
            } else {
                sayTrying(&step)
                step.notify(.answered(sdp: open.remoteSDP))
                open.startNextChange(&step)
            }
        case .theirs:
            if sdp.isEmpty {
                open.acknowledge(invite, sdp: [], &step)
                open.end(
                    CallEnd(.protocolError, status: response.status ?? 200), bye: true, &step)
            } else {
                sayTrying(&step)
                open.offerInAnswer(sdp, invite, &step)
            }
        }
        session = open
        followSession()
    }

    private mutating func sayTrying(_ step: inout CallStep) {
        guard !saidTrying else { return }
        saidTrying = true
        step.notify(.trying)
    }

    private mutating func receiveFailure(
        _ response: SIPMessage, _ status: Int, _ step: inout CallStep
    ) {
        guard phase != .established, phase != .over else { return }
        if phase != .cancelling {
            if status == 401 || status == 407, destination == setup.destination,
                authenticator.accept(response, inDialog: false)
            {
                inviteAgain(&step)
                return
            }
            if status == 422, sessionTimer.raise(by: response) {
                inviteAgain(&step)
                return
            }
            if redirect(response, &step) { return }
        }
        let reason = response.reasonText
        switch cancelCause {
        case .some(.cancelled): end(CallEnd(.cancelled, status: status, reason: reason), &step)
        case .some(let cause) where status == 487 || status == 408:
            end(CallEnd(cause, status: status, reason: reason), &step)
        default:
            end(
                CallEnd(
                    .rejected, status: status, reason: reason, retryAfter: response.retryAfter),
                &step)
        }
    }

    /// Follows a 3xx, or goes on to a target that an earlier one named, when this one refuses.
    private mutating func redirect(_ response: SIPMessage, _ step: inout CallStep) -> Bool {
        let policy = step.policy.redirects
        guard policy.limit > 0, let status = response.status, status < 600 else { return false }
        redirection.take(response, asked: target, original: setup.target, policy: policy)
        while let next = redirection.next(policy) {
            let address = SIPAddress(next)
            if next.host.equalsIgnoringCase(setup.target.host), next.port == setup.target.port {
                destination = setup.destination
            } else if address.isNumeric, address.isUnicast {
                destination = address
            } else {
                // A name is for the edge to look up, which has given us addresses only.
                continue
            }
            target = next
            inviteAgain(&step)
            return true
        }
        return false
    }
}

extension DialogSession {
    /// The 2xx to an INVITE of ours without offer brings the peer's: our ACK carries the answer.
    mutating func offerInAnswer(
        _ sdp: [UInt8], _ invite: SIPMessage, _ step: inout CallStep
    ) {
        initialOffer = .answered
        theirOffer = TheirOffer(sdp: sdp, reply: .ack(of: invite, answersCall: true))
        timers.set(.offer, at: step.now + Self.offerLimit)
        step.notify(.offer(sdp: sdp))
    }
}
