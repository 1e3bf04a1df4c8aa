public import Base

//      INVITE: 100
//         ▼
//   ┌──────────┐ ring: 180   reject: 300-699, CANCEL: 487, BYE: 487 ─────▶ over
//   │ incoming │
//   └──────────┘ answer: 200, repeated until the ACK (DialogSession)
//         ▼
//   ┌──────────┐ BYE either way, or no ACK in 64·T1: BYE ─────────────────▶ over
//   │ answered │
//   └──────────┘

/// One inbound call (RFC 3261 13.3).
public struct UASCall: Sendable {
    public enum Phase: String, Sendable { case incoming, answered, over }

    /// An owner that neither answers nor refuses within this time is taken for absent (the length
    /// of a proxy's Timer C, 16.6).
    public static let pendingLimit: Interval = .seconds(180)

    public private(set) var phase: Phase = .incoming
    public private(set) var session: DialogSession?
    public let localTag: String
    public let callID: String
    public let inviteKey: TransactionKey
    private let invite: SIPMessage
    private let essentials: MessageEssentials
    private let peer: SIPAddress
    private let hashes: DigestHashes
    private var isRinging = false
    private var limit: Instant?

    public init(
        invite: SIPMessage, essentials: MessageEssentials, key: TransactionKey,
        from address: SIPAddress, hashes: DigestHashes, step: inout CallStep
    ) {
        self.invite = invite
        self.essentials = essentials
        inviteKey = key
        peer = address
        self.hashes = hashes
        callID = essentials.callID
        localTag = step.entropy.token(12)
        limit = step.now + Self.pendingLimit
        step.out.push(.respond(invite.makeResponse(100), key))
    }

    public var isOver: Bool { phase == .over }

    public var deadline: Instant? { phase == .incoming ? limit : session?.deadline }

    /// The SDP of the INVITE, if it had any.
    public var offer: [UInt8]? { invite.sdp }

    // MARK: the owner

    public mutating func ring(_ step: inout CallStep) {
        guard phase == .incoming, !isRinging else { return }
        isRinging = true
        var response = invite.makeResponse(180, toTag: localTag)
        for route in invite.headers.lines(.recordRoute) {
            response.headers.append(.recordRoute, route)
        }
        response.headers.append(.contact, step.party.contact(user: user))
        response.headers.append(.server, step.party.product)
        step.out.push(.respond(response, inviteKey))
    }

    /// 200 with our answer, or with our offer when the INVITE had none.
    public mutating func answer(_ sdp: [UInt8], _ step: inout CallStep) {
        guard phase == .incoming else { return }
        phase = .answered
        let dialog = Dialog(
            invite: invite, essentials: essentials, localTag: localTag, from: peer,
            entropy: &step.entropy)
        var session = DialogSession(
            dialog: dialog, contactUser: user, localSDP: sdp, remoteSDP: invite.sdp ?? [],
            authenticator: DigestAuthenticator(credentials: nil, hashes: hashes))
        session.sendOK(to: invite, key: inviteKey, answersCall: true, &step)
        self.session = session
    }

    public mutating func reject(_ status: Int, _ step: inout CallStep) {
        refuse(status, CallEnd(.refused, status: status), &step)
    }

    public mutating func hangUp(_ step: inout CallStep) {
        if phase == .incoming {
            reject(503, &step)
        } else {
            session?.hangUp(&step)
            followSession()
        }
    }

    public mutating func answerOffer(_ sdp: [UInt8], _ step: inout CallStep) {
        session?.answerOffer(sdp, &step)
    }

    public mutating func refuseOffer(_ status: Int, _ step: inout CallStep) {
        session?.refuseOffer(status, &step)
    }

    private mutating func refuse(_ status: Int, _ end: CallEnd, _ step: inout CallStep) {
        guard phase == .incoming else { return }
        phase = .over
        var response = invite.makeResponse(
            (300...699).contains(status) ? status : 500, toTag: localTag)
        if status == 503 { response.headers.append(.retryAfter, "5") }
        response.headers.append(.server, step.party.product)
        step.out.push(.respond(response, inviteKey))
        step.notify(.ended(end))
    }

    private var user: String? { (try? SIPURI(invite.requestURI ?? ""))?.user }

    // MARK: the peer

    /// CANCEL of the INVITE; the user agent has answered the CANCEL itself (9.2).
    public mutating func cancelled(_ request: SIPMessage, _ step: inout CallStep) {
        refuse(487, CallEnd(.cancelled, status: 487, reason: request.reasonText), &step)
    }

    public mutating func receive(
        request: SIPMessage, _ essentials: MessageEssentials, key: TransactionKey,
        from address: SIPAddress, _ step: inout CallStep
    ) -> Bool {
        if session != nil {
            let taken = session?.receive(request, essentials, key: key, from: address, &step)
            followSession()
            return taken ?? false
        }
        guard phase == .incoming, essentials.from.tag == self.essentials.from.tag else {
            return false
        }
        switch request.method {
        case .some(.bye):
            step.out.push(.respond(request.makeResponse(200), key))
            refuse(487, CallEnd(.remoteBye, status: 487, reason: request.reasonText), &step)
        case .some(.invite), .some(.update):
            step.out.push(.respond(request.makeResponse(491), key))
        case .some(.info), .some(.options):
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

    /// A response to our BYE.
    public mutating func receive(_ response: SIPMessage, _ step: inout CallStep) {
        session?.receiveByeResponse(response, &step)
    }

    public mutating func handleTimers(_ step: inout CallStep) {
        if phase == .incoming, let limit, limit <= step.now {
            refuse(480, CallEnd(.refused, status: 480), &step)
        }
        session?.handleTimers(&step)
        followSession()
    }

    private mutating func followSession() {
        if session?.isOver == true { phase = .over }
    }
}
