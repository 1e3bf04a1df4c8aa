public import Base

//            start: INVITE
//                  ▼
//            ┌─────────┐ 401/407: INVITE with credentials (CSeq+1), at most twice
//            │ calling │◀─┘            no answer at all: Timer B ──▶ over (timeout)
//            └─────────┘
//                  │ 1xx
//                  ▼
//            ┌────────────┐ 180/183: ringing, early media; the ring clock starts
//            │ proceeding │───── ring timer or hang-up: CANCEL ──▶ ┌────────────┐
//            └────────────┘                                        │ cancelling │
//              │ 2xx: ACK    │ 300-699                             └────────────┘
//              ▼             ▼                     487, 300-699 ──▶ over │ 2xx: ACK, BYE
//      ┌─────────────┐    ┌──────┐◀───────────────────────────────────────┘
//      │ established │───▶│ over │  BYE either way (DialogSession)
//      └─────────────┘    └──────┘
//
// A hang-up before any 1xx waits for one (RFC 3261 9.1). Another 2xx than the first is a fork: it
// is acknowledged and ended with BYE (13.2.2.4); a copy of a 2xx gets its ACK again.

/// One outbound call (RFC 3261 13.2, 15; RFC 6026).
public struct UACall: Sendable {
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

    public private(set) var phase: Phase = .calling
    public private(set) var session: DialogSession?
    public let localTag: String
    public let callID: String
    private let setup: CallSetup
    private var invite = SIPMessage(.request(method: .invite, uri: ""))
    private var sequence: UInt32
    private var authenticator: DigestAuthenticator
    private var timers = TimerTable<Timer>()
    private var heardProvisional = false
    private var saidTrying = false
    private var saidRinging = false
    private var ringClockRuns = false
    private var earlySDP: [UInt8] = []
    /// Why we are cancelling, when we are.
    private var cancelCause: CallEnd.Cause?
    private var cancelSent = false
    /// The ACK of each 2xx by its To tag, to be sent again with the 2xx's copy.
    private var acknowledged: [(tag: String?, ack: SIPMessage, to: SIPAddress)] = []

    public init(_ setup: CallSetup, hashes: DigestHashes, entropy: inout SeededGenerator) {
        self.setup = setup
        localTag = entropy.token(12)
        callID = entropy.token(24)
        sequence = UInt32(truncatingIfNeeded: entropy.next() & 0x3FFF) + 1
        authenticator = DigestAuthenticator(credentials: setup.credentials, hashes: hashes)
    }

    public var isOver: Bool { phase == .over }

    public var deadline: Instant? {
        [timers.next, session?.deadline].compactMap { $0 }.min()
    }

    // MARK: the owner

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

    public mutating func answerOffer(_ sdp: [UInt8], _ step: inout CallStep) {
        session?.answerOffer(sdp, &step)
    }

    public mutating func refuseOffer(_ status: Int, _ step: inout CallStep) {
        session?.refuseOffer(status, &step)
    }

    // MARK: INVITE and CANCEL

    private mutating func sendInvite(_ step: inout CallStep) {
        var from = setup.from
        from.parameters.set("tag", localTag)
        var uri = setup.target
        uri.rawHeaders = nil
        var request = SIPMessage(.request(method: .invite, uri: uri.serialised))
        request.headers.append(.via, step.party.makeVia(&step.entropy))
        request.headers.append(.maxForwards, "70")
        request.headers.append(.from, from.serialised)
        // 19.1.1: a To URI has neither port nor transport parameters.
        var to = uri
        to.port = nil
        to.parameters = SIPParameters()
        request.headers.append(.to, NameAddress(uri: .sip(to)).serialised)
        request.headers.append(.callID, callID)
        request.headers.append(.cseq, CSeq(number: sequence, method: .invite).serialised)
        request.headers.append(.contact, step.party.contact(user: setup.from.uri.sip?.user))
        request.addCapabilities()
        request.headers.append(.userAgent, step.party.product)
        for line in setup.headers where Self.mayAdd(line.name, line.value) {
            request.headers.append(HeaderName(line.name), line.value)
        }
        request.attach(sdp: setup.offer)
        authenticator.authorize(&request, entropy: &step.entropy)
        invite = request
        step.out.push(.request(request, to: setup.destination))
    }

    /// The owner may add headers, but not those the dialog and the parser live by.
    private static func mayAdd(_ name: String, _ value: String) -> Bool {
        let ours: [HeaderName] = [
            .via, .from, .to, .callID, .cseq, .contact, .maxForwards, .contentLength,
            .contentType, .route, .recordRoute, .authorization, .proxyAuthorization, .require,
            .allow, .accept, .supported, .userAgent,
        ]
        return name.isToken && value.isOneLine && !ours.contains(HeaderName(name))
    }

    private mutating func cancel(_ cause: CallEnd.Cause, _ step: inout CallStep) {
        guard phase == .calling || phase == .proceeding else { return }
        cancelCause = cause
        phase = .cancelling
        timers.cancel(.ring)
        if heardProvisional { sendCancel(&step) }
    }

    /// Same Request-URI, top Via, From, To, Call-ID, Route and CSeq number as the INVITE (9.1).
    private mutating func sendCancel(_ step: inout CallStep) {
        guard !cancelSent else { return }
        cancelSent = true
        var request = SIPMessage(.request(method: .cancel, uri: invite.requestURI ?? ""))
        for line in invite.headers.lines {
            switch line.name {
            case .via, .maxForwards, .from, .to, .callID, .route, .userAgent,
                .authorization, .proxyAuthorization:
                request.headers.append(line.name, line.value)
            case .cseq:
                request.headers.append(
                    .cseq, CSeq(number: sequence, method: .cancel).serialised)
            default: break
            }
        }
        timers.set(.cancel, at: step.now + step.timing.timeout)
        step.out.push(.request(request, to: setup.destination))
    }

    // MARK: responses

    /// A response that a client transaction of this call delivered.
    public mutating func receive(
        _ response: SIPMessage, _ essentials: MessageEssentials, from address: SIPAddress,
        _ step: inout CallStep
    ) {
        switch essentials.cseq.method {
        case .invite: receiveInviteResponse(response, essentials, address, &step)
        case .bye: session?.receiveByeResponse(response, &step)
        default: break
        }
    }

    private mutating func receiveInviteResponse(
        _ response: SIPMessage, _ essentials: MessageEssentials, _ address: SIPAddress,
        _ step: inout CallStep
    ) {
        guard let status = response.status else { return }
        switch status {
        case 100...199: receiveProvisional(response, status, &step)
        case 200...299: receiveSuccess(response, essentials, address, &step)
        default: receiveFailure(response, status, &step)
        }
    }

    private mutating func receiveProvisional(
        _ response: SIPMessage, _ status: Int, _ step: inout CallStep
    ) {
        heardProvisional = true
        if phase == .cancelling {
            sendCancel(&step)
            return
        }
        guard phase == .calling || phase == .proceeding else { return }
        phase = .proceeding
        if !saidTrying {
            saidTrying = true
            step.notify(.trying)
        }
        guard status == 180 || status == 183 else { return }
        if !ringClockRuns {
            ringClockRuns = true
            timers.set(.ring, at: step.now + setup.ringTimeout)
        }
        let sdp = response.sdp ?? []
        if !saidRinging, status == 180 || sdp.isEmpty {
            saidRinging = true
            step.notify(.ringing)
        }
        if !sdp.isEmpty, sdp != earlySDP {
            earlySDP = sdp
            step.notify(.earlyMedia(sdp: sdp))
        }
    }

    private mutating func receiveSuccess(
        _ response: SIPMessage, _ essentials: MessageEssentials, _ address: SIPAddress,
        _ step: inout CallStep
    ) {
        if let known = acknowledged.first(where: { $0.tag == essentials.to.tag }) {
            step.out.push(.acknowledge(known.ack, to: known.to))
            return
        }
        guard acknowledged.count < SIPLimits.forkCount else { return }
        var dialog = Dialog(
            request: invite, response: response, essentials: essentials, target: setup.target,
            from: address)
        var ack = dialog.makeRequest(
            .ack, party: step.party, sequence: essentials.cseq.number, entropy: &step.entropy)
        // 13.2.2.4: the ACK carries the credentials of its INVITE.
        for line in invite.headers.lines
        where line.name == .authorization || line.name == .proxyAuthorization {
            ack.headers.append(line.name, line.value)
        }
        acknowledged.append((essentials.to.tag, ack, dialog.nextHop))
        step.out.push(.acknowledge(ack, to: dialog.nextHop))

        let answer = response.sdp ?? earlySDP
        if phase == .calling || phase == .proceeding, !answer.isEmpty {
            establish(dialog, answer, &step)
            return
        }
        // A late answer, a fork of an answered call, or an answer without SDP: hang it up.
        var bye = dialog.makeRequest(.bye, party: step.party, entropy: &step.entropy)
        authenticator.resetTries()
        authenticator.authorize(&bye, entropy: &step.entropy)
        step.out.push(.request(bye, to: dialog.nextHop))
        let status = response.status ?? 200
        switch phase {
        case .cancelling: end(CallEnd(cancelCause ?? .cancelled, status: status), &step)
        case .calling, .proceeding: end(CallEnd(.protocolError, status: status), &step)
        case .established, .over: break
        }
    }

    private mutating func establish(
        _ dialog: Dialog, _ answer: [UInt8], _ step: inout CallStep
    ) {
        phase = .established
        timers.cancelAll()
        if !saidTrying {
            saidTrying = true
            step.notify(.trying)
        }
        session = DialogSession(
            dialog: dialog, contactUser: setup.from.uri.sip?.user, localSDP: setup.offer,
            remoteSDP: answer, authenticator: authenticator)
        step.notify(.answered(sdp: answer))
    }

    private mutating func receiveFailure(
        _ response: SIPMessage, _ status: Int, _ step: inout CallStep
    ) {
        guard phase != .established, phase != .over else { return }
        if status == 401 || status == 407, phase != .cancelling,
            authenticator.accept(response, inDialog: false)
        {
            phase = .calling
            heardProvisional = false
            sequence &+= 1
            sendInvite(&step)
            return
        }
        let reason = response.reasonText
        switch cancelCause {
        case .some(.cancelled): end(CallEnd(.cancelled, status: status, reason: reason), &step)
        case .some(let cause) where status == 487 || status == 408:
            end(CallEnd(cause, status: status, reason: reason), &step)
        default: end(CallEnd(.rejected, status: status, reason: reason), &step)
        }
    }

    // MARK: time

    /// A client transaction of this call heard no final response.
    public mutating func transactionTimedOut(_ method: SIPMethod, _ step: inout CallStep) {
        guard method == .invite, phase != .established, phase != .over else { return }
        end(CallEnd(cancelCause ?? .timeout, status: 408), &step)
    }

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
    }

    // MARK: the peer's requests

    /// - Returns: false when the request is of no dialog of this call.
    public mutating func receive(
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
        switch request.method {
        case .some(.invite): step.out.push(.respond(request.makeResponse(491), key))
        case .some(.update) where request.sdp != nil:
            // RFC 3311 5.2: our offer is still open.
            step.out.push(.respond(request.makeResponse(491), key))
        case .some(.update), .some(.info), .some(.options):
            var response = request.makeResponse(200)
            response.addCapabilities()
            step.out.push(.respond(response, key))
        default: return false
        }
        return true
    }

    public mutating func receiveACK(
        _ ack: SIPMessage, _ essentials: MessageEssentials, _ step: inout CallStep
    ) {
        session?.receiveACK(ack, essentials, &step)
        followSession()
    }

    public mutating func cancelOffer(_ key: TransactionKey, _ step: inout CallStep) {
        session?.cancelOffer(key, &step)
    }

    private mutating func followSession() {
        if session?.isOver == true { phase = .over }
    }

    private mutating func end(_ end: CallEnd, _ step: inout CallStep) {
        guard phase != .over else { return }
        phase = .over
        timers.cancelAll()
        step.notify(.ended(end))
    }
}
