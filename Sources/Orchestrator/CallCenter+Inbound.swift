internal import CallModel
internal import Logging
internal import Media
internal import MediaEngine
internal import Signalling

//  INVITE ─► route ─┬ with offer ──► check, leg, answer in the 200; to a stranger nothing else
//                   │                until his ACK or his media is here
//                   └ without ─────► leg, our offer in the 200, the answer comes with the ACK

/// Calls from outside.
extension CallCenter {
    func accept(_ inbound: InboundCall, _ now: CallFlow.Moment) {
        guard let parts, acceptsCalls, calls.count < parts.maximumCalls else {
            inbound.reject(status: 503)
            return
        }
        guard let route = parts.route(inbound) else {
            inbound.reject(status: 404)
            return
        }
        guard let offer = inbound.offer else {
            acceptWithOurOffer(inbound, route, parts, now)
            return
        }
        // Before a port is taken: it would have to rest after a leg that never was.
        let trial: RemoteMedia
        do {
            trial = try MediaNegotiation.check(
                offer: offer, address: parts.localAddress, settings: parts.negotiation,
                certificate: parts.certificate)
        } catch {
            parts.logger.info("inbound offer refused", metadata: ["reason": "\(error)"])
            inbound.reject(status: 488)
            return
        }
        let farEnd = SocketAddressValue(address: trial.address, port: trial.port)
        guard let (handle, begun) = makeLeg(for: inbound, route, farEnd: farEnd, parts) else {
            return
        }
        var negotiation = begun
        var answer: (sdp: [UInt8], media: RemoteMedia)
        do {
            answer = try negotiation.answer(offer)
        } catch {
            parts.logger.info("inbound offer refused", metadata: ["reason": "\(error)"])
            parts.engine.removeLeg(handle.id)
            inbound.reject(status: 488)
            return
        }
        let id = route.plan.id
        var active = Active(
            flow: CallFlow(plan: route.plan, now: now), leg: handle.id, mode: route.mode,
            negotiation: negotiation, completion: route.completion)
        if inbound.isStranger {
            active.unprovenMedia = answer.media
            answer.media.speaksFirst = false
        }
        add(active, id: id)
        parts.engine.send(.configure(answer.media), to: handle.id)
        calls[id]?.lacksTelephoneEvents = answer.media.telephoneEventPayloadType == nil
        take(inbound, id, sdp: answer.sdp, now)
    }

    /// An inbound call's leg and what will negotiate for it; nil: there was none, and the call has been
    /// refused.
    private func makeLeg(
        for inbound: InboundCall, _ route: InboundRoute, farEnd: SocketAddressValue?, _ parts: Parts
    ) -> (LegHandle, CallNegotiation)? {
        var options = LegOptions(
            mode: route.mode, detection: true, policy: parts.answerPolicy)
        options.sharedPort = parts.sharesPorts && inbound.isFromTrunk
        options.farEnd = farEnd
        parts.negotiation.apply(to: &options)
        do {
            let handle = try parts.engine.createLeg(options)
            let negotiation = CallNegotiation(
                address: parts.localAddress, port: handle.port, settings: parts.negotiation,
                certificate: parts.certificate)
            return (handle, negotiation)
        } catch {
            parts.logger.error("no media leg", metadata: ["reason": "\(error)"])
            inbound.reject(status: 503)
            return nil
        }
    }

    /// The ACK has come, from where our answer went: the leg may speak.
    func callerIsProven(_ id: CallID) {
        guard let active = calls[id], let media = active.unprovenMedia else { return }
        calls[id]?.unprovenMedia = nil
        parts?.engine.send(.configure(media), to: active.leg)
    }

    /// The 200, and the call's first events.
    private func take(
        _ inbound: InboundCall, _ id: CallID, sdp: [UInt8], _ now: CallFlow.Moment
    ) {
        let feed = self.feed
        calls[id]?.sip = inbound.answer(sdp: sdp) { event in feed.yield(.signalling(id, event)) }
        if let identity = inbound.identity {
            calls[id]?.flow.identified(identity, now, out: &outbox)
        }
        calls[id]?.flow.answeredInbound(now, out: &outbox)
        perform(id, now)
    }

    /// An INVITE without offer (RFC 3261 13.3.1): ours goes out in the 200, the answer comes with the
    /// ACK.
    private func acceptWithOurOffer(
        _ inbound: InboundCall, _ route: InboundRoute, _ parts: Parts, _ now: CallFlow.Moment
    ) {
        guard let (handle, begun) = makeLeg(for: inbound, route, farEnd: nil, parts) else { return }
        var negotiation = begun
        guard let offer = try? negotiation.offer() else {
            parts.engine.removeLeg(handle.id)
            inbound.reject(status: 488)
            return
        }
        let id = route.plan.id
        add(
            Active(
                flow: CallFlow(plan: route.plan, now: now), leg: handle.id, mode: route.mode,
                negotiation: negotiation, completion: route.completion),
            id: id)
        take(inbound, id, sdp: offer, now)
    }
}
