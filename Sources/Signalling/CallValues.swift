public import Base
public import CallModel

/// One call to place.
public struct OutboundCall: Sendable {
    /// The owner's name of the call, for events, logs and `CallAgent.trace`.
    public var id: CallID
    /// A SIP URI (`sip:+12125550100@trunk.example`, `sip:echo@127.0.0.1:5062`), or a bare user part
    /// or E.164 number, which goes to the trunk's domain.
    public var target: String
    /// User part of our From address: the caller id in E.164.
    public var from: String
    /// The SDP offer.
    public var offer: [UInt8]
    /// From the first 180 or 183 (from the INVITE plus the setup allowance when neither comes)
    /// until the call is cancelled.
    public var ringTimeout: Interval
    /// Where to send the INVITE; nil: the trunk when the target's host is the trunk's host or
    /// domain, else the target's host. Credentials go to the trunk's address only.
    public var nextHop: (host: String, port: Int)?
    /// The trunk a bare number must take, by name; nil: the first that can.
    public var trunk: String?
    /// Further headers of the INVITE. Names that the agent writes itself, and anything with a line
    /// break in it, are left out.
    public var headers: [(String, String)]

    /// Nothing is checked here: a call that cannot be placed ends at once (`configurationError`).
    public init(
        id: CallID, target: String, from: String, offer: [UInt8],
        ringTimeout: Interval = .seconds(30), nextHop: (host: String, port: Int)? = nil,
        headers: [(String, String)] = []
    ) {
        self.id = id
        self.target = target
        self.from = from
        self.offer = offer
        self.ringTimeout = ringTimeout
        self.nextHop = nextHop
        self.headers = headers
    }
}

/// What happens on a call leg, in order. Delivered on the agent's event loop: return quickly.
public enum CallLegEvent: Sendable, Equatable {
    /// 100 arrived: the INVITE is in somebody's hands.
    case trying
    /// First 180 (or a 183 without SDP).
    case ringing
    /// A provisional response carried SDP: ringback or an announcement is on its way.
    case earlyMedia(sdp: [UInt8])
    /// Outbound: 2xx arrived and has been acknowledged; `sdp` is the answer.
    /// Inbound: our 200 was acknowledged; `sdp` is empty unless the INVITE carried no offer.
    /// Comes again with the answer to an offer that a re-INVITE without one asked for.
    case answered(sdp: [UInt8])
    /// re-INVITE or UPDATE with an offer; the owner calls `leg.answerOffer` or `leg.refuseOffer`.
    /// Empty: a re-INVITE without one wants ours (RFC 3261 14.2); `answerOffer` gives it.
    case offer(sdp: [UInt8])
    /// The peer agreed to what `changeMedia` offered, or changed its side in a refresh.
    case offerAnswered(sdp: [UInt8])
    /// It did not: the session is as it was.
    case offerRefused(status: Int)
    /// What our REFER comes to: the status of the peer's call, or of the REFER when that was refused.
    /// 408: nobody told; 0: the peer stopped telling.
    case transferProgress(status: Int, isFinal: Bool)
    /// The peer's REFER: the owner calls `leg.acceptTransfer` or `leg.refuseTransfer` within 10 s.
    case transferRequested(TransferWish)
    /// A digit by SIP INFO.
    case dtmf(Character)
    /// Exactly once, and last. `status`: final SIP status of the INVITE, 0 when none came.
    case ended(EndReason, status: Int)
}
