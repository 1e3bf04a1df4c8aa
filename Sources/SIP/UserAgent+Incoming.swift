internal import Base

//   request without dialog ─▶ OPTIONS → 200;  REFER → 403;  others → 481
//                             INVITE ─▶ our own? 482 ─▶ limits: 503 ─▶ session timer: 422
//                                    ─▶ password: 401 ─▶ Replaces: 481, 403, 486, 603 ─▶ owner

extension UserAgent {
    mutating func receiveOutOfDialog(
        _ message: SIPMessage, _ essentials: MessageEssentials, _ key: TransactionKey,
        _ source: SIPAddress, _ now: Instant, _ out: inout Outbox<UserAgentOutput>
    ) {
        switch message.method {
        case .some(.options):
            var response = message.makeResponse(200, toTag: entropy.token(8))
            response.addCapabilities(configuration.policy)
            response.headers.append(.server, configuration.party.product)
            respond(response, key, now, &out)
        case .some(.invite):
            receiveInvite(message, essentials, key, source, now, &out)
        case .some(.refer):
            // Nobody may make us call who is in no call with us.
            refuse(message, RequestRefusal(403), key, now, &out)
        case .some(.notify)
        where message.headers[.event].flatMap(EventValue.init)?.package != "refer":
            refuse(message, RequestRefusal(489, .allowEvents, "refer"), key, now, &out)
        default: refuse(message, RequestRefusal(481), key, now, &out)
        }
    }

    private mutating func receiveInvite(
        _ message: SIPMessage, _ essentials: MessageEssentials, _ key: TransactionKey,
        _ source: SIPAddress, _ now: Instant, _ out: inout Outbox<UserAgentOutput>
    ) {
        if let refusal = limitReached(source) ?? loop(message, essentials)
            ?? SessionTimer.refusal(of: message, policy: configuration.policy.sessionTimer)
        {
            refuse(message, refusal, key, now, &out)
            return
        }
        var user: String?
        if digestServer != nil, !configuration.trusts(source.host) {
            switch digestServer?.check(message, now: now, entropy: &entropy) {
            case .accepted(let name):
                // The nonce was ours, and reached him.
                inviteServers[key]?.transaction.vouch(now: now)
                settleInviteServer(key)
                user = name
            case .challenge(let refusal):
                refuse(message, refusal, key, now, &out)
                return
            case nil: break
            }
        }
        var replaced: CallKey?
        switch replacement(message, source) {
        case .none: break
        case .refused(let status):
            refuse(message, RequestRefusal(status), key, now, &out)
            return
        case .call(let call): replaced = call
        }
        let isStranger = user == nil && self.isStranger(source)
        let callKey = nextInboundKey()
        inviteServers[key]?.call = callKey
        var step = makeStep(now)
        let call = UASCall(
            invite: message, essentials: essentials, key: key, from: source,
            hashes: configuration.hashes, replaces: replaced, isStranger: isStranger, step: &step)
        entropy = step.entropy
        add(.inbound(call), callKey, source: sourceNetwork(source.host))
        deadlines.set(.call(callKey), to: call.deadline)
        for action in step.out.takeAll() { perform(action, of: callKey, now, &out) }
        let invite = IncomingInvite(
            user: (try? SIPURI(message.requestURI ?? ""))?.user ?? "",
            from: essentials.from.uri.sip?.user ?? "", offer: message.sdp, source: source,
            replaces: replaced, authenticatedUser: user, isStranger: isStranger,
            headers: message.headers)
        out.push(.incoming(callKey, invite))
    }

    private mutating func limitReached(_ source: SIPAddress) -> RequestRefusal? {
        let isTrusted = configuration.trusts(source.host)
        let ofSource = callsBySource[sourceNetwork(source.host)] ?? 0
        guard
            activeCalls >= configuration.maximumCalls
                || !isTrusted && ofSource >= configuration.maximumCallsPerSource
        else { return nil }
        counters.overloads += 1
        return RequestRefusal(503, .retryAfter, "5")
    }

    /// An INVITE of ours that others sent back to us unchanged (RFC 3261 16.3, 21.4.20). One that comes
    /// straight from us, or for another Request-URI, is a call to ourselves.
    private func loop(
        _ message: SIPMessage, _ essentials: MessageEssentials
    ) -> RequestRefusal? {
        guard essentials.vias.count > 1, let tag = essentials.from.tag,
            let key = callsByDialog[DialogKey(callID: essentials.callID, localTag: tag)],
            case .outbound(let call)? = calls[key]?.call,
            call.invite.requestURI == message.requestURI
        else { return nil }
        return RequestRefusal(482)
    }

    private enum Replacement {
        case none, refused(Int)
        case call(CallKey)
    }

    /// RFC 3891 3, with the rule of its section 5 that not everybody may take over a call: only the
    /// peer itself, and who the policy names.
    private func replacement(_ message: SIPMessage, _ source: SIPAddress) -> Replacement {
        let lines = message.headers.lines(.replaces)
        guard let line = lines.first else { return .none }
        guard lines.count == 1, let wanted = Replaces(line) else { return .refused(400) }
        let dialog = DialogKey(callID: wanted.callID, localTag: wanted.toTag)
        guard let key = callsByDialog[dialog], let call = calls[key]?.call else {
            return .refused(481)
        }
        guard let session = call.session, session.dialog.remoteTag == wanted.fromTag else {
            return .refused(481)
        }
        guard !call.isOver else { return .refused(603) }
        // An early dialog can be replaced by its caller's side only, and that never has a session.
        guard session.phase == .confirmed else { return .refused(481) }
        guard !wanted.isEarlyOnly else { return .refused(486) }
        guard
            source.host == session.dialog.peerAddress.host
                || configuration.policy.replacementSources.contains(source.host)
                || configuration.trusts(source.host)
        else { return .refused(403) }
        return .call(key)
    }
}
