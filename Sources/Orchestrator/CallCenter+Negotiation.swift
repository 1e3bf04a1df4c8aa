internal import CallModel
internal import Logging
internal import MediaEngine
internal import Signalling

//  the peer's answer ─► accept ─► leg            one that cannot be used ends the call
//  its offer ─────────► answer ─► leg, 200       488, and all stays as it was
//  its wish for one ──► offer ──► 200            the leg waits for the answer in the ACK

/// Offers and answers of a call that stands (RFC 3264 8).
extension CallCenter {
    /// An answer to what we said last: in a response, an ACK or a PRACK.
    func acceptAnswer(_ sdp: [UInt8], _ id: CallID, _ now: CallFlow.Moment) {
        guard let parts, let active = calls[id] else { return }
        do {
            guard let media = try calls[id]?.negotiation.accept(sdp) else { return }
            calls[id]?.lacksTelephoneEvents = media.telephoneEventPayloadType == nil
            parts.engine.send(.configure(media), to: active.leg)
        } catch {
            parts.logger.warning(
                "unusable SDP answer", metadata: ["call": "\(id)", "reason": "\(error)"])
            calls[id]?.flow.abort(.configurationError, now, out: &outbox)
        }
    }

    /// A re-INVITE or UPDATE.
    ///
    /// - Parameter sdp: its offer; empty: it wants ours (RFC 3261 14.2).
    func answerOffer(_ sdp: [UInt8], _ id: CallID) {
        guard let parts, let active = calls[id] else { return }
        do {
            guard !sdp.isEmpty else {
                guard let offer = try calls[id]?.negotiation.offer() else { return }
                active.sip?.answerOffer(offer)
                return
            }
            guard let answer = try calls[id]?.negotiation.answer(sdp) else { return }
            calls[id]?.lacksTelephoneEvents = answer.media.telephoneEventPayloadType == nil
            calls[id]?.unprovenMedia = nil
            parts.engine.send(.configure(answer.media), to: active.leg)
            active.sip?.answerOffer(answer.sdp)
        } catch {
            parts.logger.info(
                "re-INVITE refused", metadata: ["call": "\(id)", "reason": "\(error)"])
            active.sip?.refuseOffer(status: 488)
        }
    }
}
