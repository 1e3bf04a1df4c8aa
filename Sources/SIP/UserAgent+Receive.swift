public import Base

extension UserAgent {
    /// One datagram. Whatever it holds, nothing worse happens than a counter going up.
    ///
    /// - Parameters:
    ///   - source: the numeric address it came from.
    ///   - fault: what was wrong with it on a stream: it is answered, and not used.
    public mutating func receive(
        _ bytes: [UInt8], from source: SIPAddress, fault: SIPError? = nil, now: Instant,
        out: inout Outbox<UserAgentOutput>
    ) {
        // Keep-alives: CRLF (RFC 5626 3.5.1) or a NUL.
        guard bytes.contains(where: { $0 != 13 && $0 != 10 && $0 != 0 }) else { return }
        var message: SIPMessage
        do throws(SIPError) {
            message = try SIPMessage(parsing: bytes)
            message.defect = fault ?? message.defect
        } catch {
            counters.count(error)
            return
        }
        counters.countReceived(MessageKind(message))
        if message.method == nil {
            receiveResponse(message, source, now, &out)
        } else {
            receiveRequest(message, source, now, &out)
        }
    }

    // MARK: responses

    private mutating func receiveResponse(
        _ message: SIPMessage, _ source: SIPAddress, _ now: Instant,
        _ out: inout Outbox<UserAgentOutput>
    ) {
        let essentials: MessageEssentials
        do throws(SIPError) {
            if let defect = message.defect { throw defect }
            essentials = try MessageEssentials(message)
        } catch {
            counters.count(error)
            return
        }
        // 18.1.2, 17.1.3: ours has exactly our Via, with our branch.
        guard essentials.vias.count == 1, let branch = essentials.topVia.branch else {
            counters.strays += 1
            return
        }
        let method = essentials.cseq.method
        let key = TransactionKey(clientBranch: branch, method: method)
        var outputs = Outbox<TransactionOutput>()
        let owner: ClientOwner
        let destination: SIPAddress
        if let entry = inviteClients[key] {
            (owner, destination) = (entry.owner, entry.destination)
            inviteClients[key]?.transaction.receive(message, now: now, out: &outputs)
        } else if let entry = clients[key] {
            (owner, destination) = (entry.owner, entry.destination)
            clients[key]?.transaction.receive(message, now: now, out: &outputs)
        } else {
            counters.strays += 1
            return
        }
        let delivered = emit(&outputs, to: destination, &out).delivered
        for response in delivered {
            switch owner {
            case .call(let call):
                step(call, now, &out) { call, step in
                    call.update(
                        outbound: { $0.receive(response, essentials, from: source, &step) },
                        inbound: { $0.receive(response, essentials, &step) })
                }
            case .registration(let registration):
                registrationStep(registration, now, &out) { $0.receive(response, &$1) }
            }
        }
        settleInviteClient(key)
        settleClient(key)
    }

    // MARK: requests

    private mutating func receiveRequest(
        _ received: SIPMessage, _ source: SIPAddress, _ now: Instant,
        _ out: inout Outbox<UserAgentOutput>
    ) {
        var message = received
        // Without a top Via there is nowhere to answer to.
        guard let line = message.headers[.via], let first = splitList(line).first,
            let topVia = try? Via(first)
        else {
            counters.count(.malformed(.via))
            return
        }
        let destination = message.stampSource(source, topVia: topVia)
        let essentials: MessageEssentials
        do throws(SIPError) {
            if let defect = message.defect { throw defect }
            essentials = try MessageEssentials(message)
        } catch {
            counters.count(error)
            respondStateless(message, error.status, to: destination, &out)
            return
        }
        switch message.method {
        case .some(.ack): receiveACK(message, essentials, source, now, &out)
        case .some(.cancel): receiveCancel(message, essentials, destination, now, &out)
        default:
            receiveNew(message, essentials, source, destination, now, &out)
        }
    }

    /// An answer that leaves no trace here. The tag follows from the request, so that copies of it
    /// get the same answer (8.2.7).
    private mutating func respondStateless(
        _ request: SIPMessage, _ status: Int, to destination: SIPAddress,
        _ out: inout Outbox<UserAgentOutput>
    ) {
        guard request.method != .ack, destination.isUnicast else { return }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in (request.headers[.via] ?? "").utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x0100_0000_01B3
        }
        var response = request.makeResponse(status, toTag: String(hash, radix: 36))
        if status == 503 { response.headers.append(.retryAfter, "5") }
        response.headers.append(.server, configuration.party.product)
        send(response.serialised, to: destination, &out)
    }

    private mutating func receiveACK(
        _ message: SIPMessage, _ essentials: MessageEssentials, _ source: SIPAddress,
        _ now: Instant, _ out: inout Outbox<UserAgentOutput>
    ) {
        let key = TransactionKey(server: message, essentials, as: .ack)
        if let state = inviteServers[key]?.transaction.state, state != .accepted {
            inviteServers[key]?.transaction.receiveACK(now: now)
            settleInviteServer(key)
            return
        }
        guard let call = callKey(essentials) else {
            counters.strays += 1
            return
        }
        step(call, now, &out) { call, step in
            call.update(
                outbound: { $0.receiveACK(message, essentials, &step) },
                inbound: { $0.receiveACK(message, essentials, &step) })
        }
    }

    private func callKey(_ essentials: MessageEssentials) -> CallKey? {
        guard let tag = essentials.to.tag else { return nil }
        return callsByDialog[DialogKey(callID: essentials.callID, localTag: tag)]
    }

    /// 9.2: the CANCEL is answered in its own transaction, then the INVITE it names is ended.
    private mutating func receiveCancel(
        _ message: SIPMessage, _ essentials: MessageEssentials, _ destination: SIPAddress,
        _ now: Instant, _ out: inout Outbox<UserAgentOutput>
    ) {
        let key = TransactionKey(server: message, essentials, as: .cancel)
        let invite = TransactionKey(server: message, essentials, as: .invite)
        let names = inviteServers[invite] != nil
        guard open(key, message, destination, inDialog: names, now, &out) else { return }
        guard let entry = inviteServers[invite] else {
            respond(message.makeResponse(481, toTag: entropy.token(8)), key, now, &out)
            return
        }
        let tag = entry.call.flatMap { calls[$0]?.call.dialogKey.localTag }
        respond(message.makeResponse(200, toTag: tag ?? entropy.token(8)), key, now, &out)
        guard let call = entry.call else { return }
        step(call, now, &out) { call, step in
            if call.pendingInvite == invite {
                call.update(outbound: { _ in }, inbound: { $0.cancelled(message, &step) })
            } else {
                call.update(
                    outbound: { $0.cancelOffer(invite, &step) },
                    inbound: { $0.cancelOffer(invite, &step) })
            }
        }
    }

    /// Makes the server transaction of a request that is neither a copy nor too much.
    private mutating func open(
        _ key: TransactionKey, _ message: SIPMessage, _ destination: SIPAddress,
        inDialog: Bool, mergeKey: String? = nil, _ now: Instant,
        _ out: inout Outbox<UserAgentOutput>
    ) -> Bool {
        var outputs = Outbox<TransactionOutput>()
        if let entry = inviteServers[key] {
            counters.repeatedRequests += 1
            inviteServers[key]?.transaction.receiveRetransmission(out: &outputs)
            emit(&outputs, to: entry.destination, &out)
            return false
        }
        if let entry = servers[key] {
            counters.repeatedRequests += 1
            servers[key]?.transaction.receiveRetransmission(out: &outputs)
            emit(&outputs, to: entry.destination, &out)
            return false
        }
        let limit = configuration.maximumTransactions
        guard transactionCount < (inDialog ? limit + limit / 4 : limit) else {
            counters.overloads += 1
            respondStateless(message, 503, to: destination, &out)
            return false
        }
        if message.method == .invite {
            inviteServers[key] = ServerEntry(
                transaction: InviteServerTransaction(
                    message, timing: timing(for: destination),
                    isStranger: !inDialog && isStranger(destination), now: now),
                destination: destination, mergeKey: mergeKey)
            settleInviteServer(key)
        } else {
            servers[key] = ServerEntry(
                transaction: ServerTransaction(timing: timing(for: destination), now: now),
                destination: destination, mergeKey: mergeKey)
            settleServer(key)
        }
        return true
    }

    /// Who sent from there may be somewhere else: over UDP, and none of our trunks.
    func isStranger(_ source: SIPAddress) -> Bool {
        !timing(for: source).isReliable && !configuration.trusts(source.host)
    }

    private mutating func receiveNew(
        _ message: SIPMessage, _ essentials: MessageEssentials, _ source: SIPAddress,
        _ destination: SIPAddress, _ now: Instant, _ out: inout Outbox<UserAgentOutput>
    ) {
        guard let method = message.method, destination.isUnicast else { return }
        let key = TransactionKey(server: message, essentials, as: method)
        let call = callKey(essentials)
        // 8.2.2.2: the same request by another path. RFC 2543 peers without tags are spared.
        var mergeKey: String?
        if essentials.to.tag == nil, let tag = essentials.from.tag {
            mergeKey = [tag, essentials.callID, essentials.cseq.serialised].joined(separator: " ")
        }
        let other = mergeKey.flatMap { mergeKeys[$0] }
        let isMerged = other != nil && other != key
        guard
            open(
                key, message, destination, inDialog: call != nil,
                mergeKey: isMerged ? nil : mergeKey, now, &out)
        else { return }
        if isMerged {
            refuse(message, RequestRefusal(482), key, now, &out)
            return
        }
        if let mergeKey { mergeKeys[mergeKey] = key }
        if let refusal = RequestPolicy.refusal(
            of: message, essentials, configuration.policy)
        {
            refuse(message, refusal, key, now, &out)
        } else if essentials.to.tag != nil {
            receiveInDialog(message, essentials, key, call, source, now, &out)
        } else {
            receiveOutOfDialog(message, essentials, key, source, now, &out)
        }
    }

    mutating func refuse(
        _ message: SIPMessage, _ refusal: RequestRefusal, _ key: TransactionKey,
        _ now: Instant, _ out: inout Outbox<UserAgentOutput>
    ) {
        var response = message.makeRefusal(refusal, toTag: entropy.token(8))
        response.headers.append(.server, configuration.party.product)
        respond(response, key, now, &out)
    }

    private mutating func receiveInDialog(
        _ message: SIPMessage, _ essentials: MessageEssentials, _ key: TransactionKey,
        _ call: CallKey?, _ source: SIPAddress, _ now: Instant,
        _ out: inout Outbox<UserAgentOutput>
    ) {
        var taken = false
        if let call {
            guard takesNotice(message, call, now) else {
                // Without Retry-After it says nothing about other requests (RFC 3261 21.5.4).
                counters.overloads += 1
                refuse(message, RequestRefusal(503), key, now, &out)
                return
            }
            if message.method == .invite { inviteServers[key]?.call = call }
            taken =
                step(call, now, &out) { call, step in
                    call.update(
                        outbound: {
                            $0.receive(
                                request: message, essentials, key: key, from: source, &step)
                        },
                        inbound: {
                            $0.receive(
                                request: message, essentials, key: key, from: source, &step)
                        })
                } ?? false
            // A PRACK may have let a held answer go.
            if message.method == .prack { endReplaced(by: call, now, &out) }
        }
        if !taken { refuse(message, RequestRefusal(481), key, now, &out) }
    }

    /// INFO and NOTIFY bring their owner a notice each, which nothing else holds back.
    private mutating func takesNotice(
        _ message: SIPMessage, _ call: CallKey, _ now: Instant
    ) -> Bool {
        guard message.method == .info || message.method == .notify else { return true }
        return calls[call]?.notices.take(now: now) ?? true
    }
}
