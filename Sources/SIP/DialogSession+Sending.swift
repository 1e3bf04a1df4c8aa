internal import Base

extension DialogSession {
    /// A request of ours inside the dialog that waits for its final response.
    struct Outgoing: Sendable {
        enum Purpose: Sendable { case bye, change, digit, refer, notify(UInt32), prack }
        var request: SIPMessage
        var purpose: Purpose
    }

    /// Sends a request with a fresh CSeq.
    ///
    /// - Returns: its CSeq; nil when too many requests wait (only BYE always goes).
    @discardableResult
    mutating func send(
        _ method: SIPMethod, for purpose: Outgoing.Purpose, _ step: inout CallStep,
        _ complete: (inout SIPMessage) -> Void = { _ in }
    ) -> UInt32? {
        guard method == .bye || outgoing.count < SIPLimits.dialogRequests else { return nil }
        authenticator.resetTries()
        var request = dialog.makeRequest(method, party: step.party, entropy: &step.entropy)
        complete(&request)
        authenticator.authorize(&request, entropy: &step.entropy)
        outgoing[dialog.localSequence] = Outgoing(request: request, purpose: purpose)
        step.out.push(.request(request, to: dialog.nextHop))
        return dialog.localSequence
    }

    /// The same request once more: new CSeq and branch, our credentials.
    mutating func sendAgain(
        _ entry: Outgoing, _ step: inout CallStep, _ change: (inout SIPMessage) -> Void = { _ in }
    ) -> UInt32 {
        var request = dialog.makeRequest(
            entry.request.method ?? .info, party: step.party, entropy: &step.entropy)
        let fixed: [HeaderName] = [
            .via, .maxForwards, .route, .from, .to, .callID, .cseq, .userAgent, .contentLength,
        ]
        for line in entry.request.headers.lines where !fixed.contains(line.name) {
            request.headers.append(line.name, line.value)
        }
        request.body = entry.request.body
        change(&request)
        authenticator.authorize(&request, entropy: &step.entropy)
        outgoing[dialog.localSequence] = Outgoing(request: request, purpose: entry.purpose)
        step.out.push(.request(request, to: dialog.nextHop))
        return dialog.localSequence
    }

    mutating func sendBye(_ step: inout CallStep) { send(.bye, for: .bye, &step) }

    // MARK: responses

    /// A response to a request of ours inside the dialog.
    mutating func receive(
        response: SIPMessage, _ essentials: MessageEssentials, _ step: inout CallStep
    ) {
        let number = essentials.cseq.number
        guard let status = response.status else { return }
        guard let entry = outgoing[number], entry.request.method == essentials.cseq.method else {
            if essentials.cseq.method == .invite { repeatACK(number, status, &step) }
            return
        }
        guard status >= 200 else { return }
        outgoing[number] = nil
        if status == 401 || status == 407, authenticator.accept(response, inDialog: true) {
            // A challenged BYE is answered even though the call is over.
            let again = sendAgain(entry, &step)
            if case .change = entry.purpose { change?.sequence = again }
            if case .refer = entry.purpose { ourTransfer?.sequence = again }
            return
        }
        if status < 300 { peer.learn(response) }
        switch entry.purpose {
        case .bye, .prack: break
        case .change: receiveChange(response, status, entry, &step)
        case .digit: digitIsAnswered(status, &step)
        case .refer: referIsAnswered(status, number, &step)
        case .notify(let id): if status == 481 { reports[id] = nil }
        }
    }

    /// A client transaction of ours heard no final response: the peer is gone (12.2.1.2), except for
    /// what the call does not hang on.
    mutating func timedOut(_ request: SIPMessage, _ step: inout CallStep) {
        guard let entry = outgoing.removeValue(forKey: request.cseqNumber) else { return }
        switch entry.purpose {
        case .bye, .prack: break
        case .change: end(CallEnd(.peerLost, status: 408), bye: true, &step)
        case .digit: digitIsAnswered(408, &step)
        case .refer: endTransfer(status: 408, &step)
        case .notify(let id): reports[id] = nil
        }
    }

    // MARK: ACK and PRACK

    /// The ACK of a 2xx to an INVITE of ours (13.2.2.4): with the credentials of the INVITE.
    mutating func acknowledge(_ invite: SIPMessage, sdp: [UInt8], _ step: inout CallStep) {
        let number = invite.cseqNumber
        var ack = dialog.makeRequest(
            .ack, party: step.party, sequence: number, entropy: &step.entropy)
        for line in invite.headers.lines
        where line.name == .authorization || line.name == .proxyAuthorization {
            ack.headers.append(line.name, line.value)
        }
        ack.attach(sdp: sdp)
        lastACK = (number, ack, dialog.nextHop)
        step.out.push(.acknowledge(ack, to: dialog.nextHop))
    }

    /// A copy of a 2xx gets its ACK again.
    mutating func repeatACK(_ sequence: UInt32, _ status: Int, _ step: inout CallStep) {
        guard (200...299).contains(status), let last = lastACK, last.sequence == sequence else {
            return
        }
        step.out.push(.acknowledge(last.ack, to: last.to))
    }

    /// A provisional response in this early dialog.
    ///
    /// - Returns: false when a reliable one is a copy or came before its predecessor: it must not be
    ///   looked at (RFC 3262 4).
    mutating func receiveProvisional(_ response: SIPMessage, _ step: inout CallStep) -> Bool {
        guard step.policy.reliableProvisionals != .off, response.requires("100rel"),
            let rseq = response.headers[.rseq].flatMap({ parseDecimal($0.utf8) }).flatMap({
                UInt32(exactly: $0)
            }), rseq > 0
        else {
            if let sdp = response.sdp, initialOffer == .ours { remoteSDP = sdp }
            peer.learn(response)
            return true
        }
        if let lastRSeq, rseq != lastRSeq &+ 1 { return false }
        lastRSeq = rseq
        peer.learn(response)
        dialog.refreshTarget(response)
        if let sdp = response.sdp, initialOffer != .answered {
            if initialOffer == .ours {
                initialOffer = .answered
                remoteSDP = sdp
            } else {
                // Our INVITE had no offer: the PRACK carries our answer to theirs.
                theirOffer = TheirOffer(sdp: sdp, reply: .prack(response))
                timers.set(.offer, at: step.now + Self.offerLimit)
                step.notify(.offer(sdp: sdp))
                return true
            }
        }
        sendPrack(for: response, sdp: [], &step)
        return true
    }

    mutating func sendPrack(for response: SIPMessage, sdp: [UInt8], _ step: inout CallStep) {
        guard let rseq = response.headers[.rseq].flatMap({ parseDecimal($0.utf8) }) else { return }
        let rack = RAck(
            rseq: UInt32(truncatingIfNeeded: rseq), cseq: response.cseqNumber, method: .invite)
        send(.prack, for: .prack, &step) { request in
            request.headers.append(.rack, rack.serialised)
            request.attach(sdp: sdp)
        }
    }

    // MARK: digits by INFO

    /// Sends a key press as INFO `application/dtmf-relay`; presses go one after the other.
    ///
    /// - Returns: false when too many wait.
    mutating func sendDigit(_ press: InfoDigit.Press, _ step: inout CallStep) -> Bool {
        guard phase == .confirmed, digits.count < SIPLimits.digitQueue else { return false }
        digits.append(press)
        if digits.count == 1 { sendNextDigit(&step) }
        return true
    }

    private mutating func sendNextDigit(_ step: inout CallStep) {
        guard let press = digits.first, phase == .confirmed else { return }
        let sent = send(.info, for: .digit, &step) { request in
            request.headers.append(.contentType, press.contentType)
            request.body = press.body
        }
        if sent == nil { digits.removeAll() }
    }

    private mutating func digitIsAnswered(_ status: Int, _ step: inout CallStep) {
        guard !digits.isEmpty, phase == .confirmed else { return }
        let press = digits.removeFirst()
        if status == 415, let plain = press.plain {
            // A peer that takes only the digit alone.
            digits.insert(plain, at: 0)
        } else if status == 481 {
            end(CallEnd(.peerLost, status: 481), bye: true, &step)
            return
        }
        sendNextDigit(&step)
    }
}
