public import CallModel
internal import SIP

/// A handle on one call of the agent. Every method hops onto the agent's event loop; a method that
/// no longer applies does nothing.
public final class CallLeg: Sendable {
    /// That of the `OutboundCall` or `InboundCall` it is of.
    public let id: CallID
    let key: CallKey
    let agent: CallAgent

    init(id: CallID, key: CallKey, agent: CallAgent) {
        self.id = id
        self.key = key
        self.agent = agent
    }

    /// CANCEL before the answer, BYE after it.
    public func hangUp() {
        agent.withCore { [key] in $0.hangUp(key) }
    }

    /// Media came to the port in our answer from `InboundCall.isStranger`: he is where he says, and the
    /// answer is repeated until his ACK comes.
    public func vouch() {
        agent.withCore { [key] in $0.vouch(for: key) }
    }

    /// Answers the offer that `CallLegEvent.offer` brought, or makes the one that it asked for: 200 with
    /// `sdp`.
    public func answerOffer(_ sdp: [UInt8]) {
        agent.withCore { [key] in $0.answerOffer(key, sdp) }
    }

    /// Refuses the offer and leaves the session as it was. An offer that is neither answered nor
    /// refused within 10 s is refused with 488.
    public func refuseOffer(status: Int = 488) {
        agent.withCore { [key] in $0.refuseOffer(key, status) }
    }
}

/// A call from outside, not answered yet. When it is neither answered nor rejected within 180 s it
/// is refused with 480.
public final class InboundCall: Sendable {
    /// `in-` and 20 random characters.
    public let id: CallID
    /// User part of the Request-URI: `echo`, a number. "" when the caller gave none.
    public let user: String
    /// User part of From. A number is a person's: never log it.
    public let from: String
    /// The caller's SDP; nil when it wants our offer (`answer(sdp:)` then carries an offer and the
    /// `answered` event the caller's answer).
    public let offer: [UInt8]?
    /// What its STIR signature proves: `absent`, `verified_A`, `failed_stale` …; nil when nobody
    /// looked.
    public let identity: String?
    /// It comes from a trunk's address or one of its `sources`.
    public let isFromTrunk: Bool
    /// The user of `callerAuthentication` who proved to be the caller.
    public let authenticatedUser: String?
    /// True when it takes the place of another call of ours (RFC 3891): answering ends that one.
    public let replacesCall: Bool
    /// Its address may be made up: UDP, from nobody we know. The answer goes there once; nothing else
    /// should until `answered` has come or media has (`CallLeg.vouch`).
    public let isStranger: Bool
    /// Where the INVITE came from.
    public let source: (host: String, port: Int)
    let key: CallKey
    let agent: CallAgent

    init(
        id: CallID, key: CallKey, invite: IncomingInvite, traits: CallerTraits, agent: CallAgent
    ) {
        identity = traits.identity
        isFromTrunk = traits.isTrunk
        authenticatedUser = invite.authenticatedUser
        isStranger = invite.isStranger
        replacesCall = invite.replaces != nil
        self.id = id
        self.key = key
        self.agent = agent
        user = invite.user
        from = invite.from
        offer = invite.offer
        source = (invite.source.host, invite.source.port)
    }

    /// 180 Ringing.
    public func ring() {
        agent.withCore { [key] in $0.ring(key) }
    }

    /// 200 with `sdp`. `events` tells what follows: `answered` when the ACK is in, `ended` last.
    /// When the caller has gone meanwhile, `ended` is all that comes.
    public func answer(
        sdp: [UInt8], events: @escaping @Sendable (CallLegEvent) -> Void
    ) -> CallLeg {
        agent.withCore { [key] in $0.answer(key, sdp, events) }
        return CallLeg(id: id, key: key, agent: agent)
    }

    /// A final response: 486, 404, 503 … A status outside 300…699 is sent as 500.
    public func reject(status: Int) {
        agent.withCore { [key] in $0.reject(key, status) }
    }

    /// Tells once when the call ends before `answer`: the caller gave up, or it was refused.
    public func onEnded(_ body: @escaping @Sendable (EndReason, Int) -> Void) {
        agent.withCore { [key] in $0.observe(key, body) }
    }
}
