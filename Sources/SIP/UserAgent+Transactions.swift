public import Base

extension UserAgent {
    // MARK: actions of calls

    mutating func perform(
        _ action: CallAction, of key: CallKey, _ now: Instant,
        _ out: inout Outbox<UserAgentOutput>
    ) {
        switch action {
        case .request(let message, let destination):
            startClient(message, to: destination, for: .call(key), now, &out)
        case .acknowledge(let message, let destination):
            let (message, destination, _) = routed(message, to: destination)
            send(message.serialised, to: destination, &out)
        case .respond(let message, let transaction): respond(message, transaction, now, &out)
        case .abandon(let invite):
            if let transaction = clientKey(of: invite) {
                inviteClients[transaction]?.transaction.terminate()
                settleInviteClient(transaction)
            }
        case .notice(let notice): out.push(.notice(key, notice))
        }
    }

    mutating func startClient(
        _ message: SIPMessage, to destination: SIPAddress, for owner: ClientOwner, _ now: Instant,
        _ out: inout Outbox<UserAgentOutput>
    ) {
        guard let transactionKey = clientKey(of: message) else { return }
        let (message, destination, fallback) = routed(message, to: destination)
        let timing = timing(for: destination)
        clientCount &+= 1
        var outputs = Outbox<TransactionOutput>()
        if message.method == .invite {
            inviteClients[transactionKey] = ClientEntry(
                transaction: InviteClientTransaction(
                    message, timing: timing, now: now, out: &outputs),
                owner: owner, destination: destination, fallback: fallback, order: clientCount)
        } else {
            clients[transactionKey] = ClientEntry(
                transaction: ClientTransaction(
                    message, timing: timing, now: now, out: &outputs),
                owner: owner, destination: destination, fallback: fallback, order: clientCount)
        }
        if case .call(let key) = owner { calls[key]?.openTransactions += 1 }
        emit(&outputs, to: destination, &out)
        settleInviteClient(transactionKey)
        settleClient(transactionKey)
    }

    private func clientKey(of message: SIPMessage) -> TransactionKey? {
        guard let method = message.method, let line = message.headers[.via],
            let branch = (try? Via(line))?.branch
        else { return nil }
        return TransactionKey(clientBranch: branch, method: method)
    }

    /// Sends a response through its server transaction.
    mutating func respond(
        _ response: SIPMessage, _ key: TransactionKey, _ now: Instant,
        _ out: inout Outbox<UserAgentOutput>
    ) {
        var outputs = Outbox<TransactionOutput>()
        if let destination = inviteServers[key]?.destination {
            let response = addressed(response, for: destination)
            inviteServers[key]?.transaction.respond(response, now: now, out: &outputs)
            emit(&outputs, to: destination, &out)
            settleInviteServer(key)
        } else if let destination = servers[key]?.destination {
            let response = addressed(response, for: destination)
            servers[key]?.transaction.respond(response, now: now, out: &outputs)
            emit(&outputs, to: destination, &out)
            settleServer(key)
        }
    }

    // MARK: datagrams out

    mutating func send(
        _ bytes: [UInt8], to destination: SIPAddress, _ out: inout Outbox<UserAgentOutput>
    ) {
        counters.countSent(MessageKind(bytes))
        out.push(.send(bytes, to: destination))
    }

    /// Sends what a transaction wants sent and returns the responses it delivers.
    @discardableResult
    mutating func emit(
        _ outputs: inout Outbox<TransactionOutput>, to destination: SIPAddress,
        _ out: inout Outbox<UserAgentOutput>
    ) -> (delivered: [SIPMessage], timedOut: Bool) {
        var delivered: [SIPMessage] = []
        var timedOut = false
        for output in outputs.takeAll() {
            switch output {
            case .transmit(let bytes): send(bytes, to: destination, &out)
            case .retransmit(let bytes):
                counters.retransmissions += 1
                send(bytes, to: destination, &out)
            case .deliver(let message): delivered.append(message)
            case .timedOut: timedOut = true
            }
        }
        return (delivered, timedOut)
    }

    // MARK: after each change: the new deadline, or the end

    mutating func settleInviteClient(_ key: TransactionKey) {
        guard let entry = inviteClients[key] else { return }
        deadlines.set(.inviteClient(key), to: entry.transaction.deadline)
        guard entry.transaction.state == .terminated else { return }
        inviteClients[key] = nil
        release(entry.owner)
    }

    mutating func settleClient(_ key: TransactionKey) {
        guard let entry = clients[key] else { return }
        deadlines.set(.client(key), to: entry.transaction.deadline)
        guard entry.transaction.state == .terminated else { return }
        clients[key] = nil
        release(entry.owner)
    }

    private mutating func release(_ owner: ClientOwner) {
        guard case .call(let key) = owner else { return }
        calls[key]?.openTransactions -= 1
        retireIfDone(key)
    }

    mutating func settleInviteServer(_ key: TransactionKey) {
        guard let entry = inviteServers[key] else { return }
        deadlines.set(.inviteServer(key), to: entry.transaction.deadline)
        guard entry.transaction.state == .terminated else { return }
        inviteServers[key] = nil
        if let merge = entry.mergeKey { mergeKeys[merge] = nil }
    }

    mutating func settleServer(_ key: TransactionKey) {
        guard let entry = servers[key] else { return }
        deadlines.set(.server(key), to: entry.transaction.deadline)
        guard entry.transaction.state == .terminated else { return }
        servers[key] = nil
        if let merge = entry.mergeKey { mergeKeys[merge] = nil }
    }

    // MARK: time

    /// Runs everything that is due at `now`.
    public mutating func handleTimers(now: Instant, out: inout Outbox<UserAgentOutput>) {
        while let owner = deadlines.popDue(now: now) {
            switch owner {
            case .call(let key):
                step(key, now, &out) { call, step in
                    call.update(
                        outbound: { $0.handleTimers(&step) },
                        inbound: { $0.handleTimers(&step) })
                }
            case .registration(let key): registrationIsDue(key, now, &out)
            case .inviteClient(let key): inviteClientIsDue(key, now, &out)
            case .client(let key): clientIsDue(key, now, &out)
            case .inviteServer(let key):
                guard let destination = inviteServers[key]?.destination else { continue }
                var outputs = Outbox<TransactionOutput>()
                inviteServers[key]?.transaction.handleTimers(now: now, out: &outputs)
                emit(&outputs, to: destination, &out)
                settleInviteServer(key)
            case .server(let key):
                servers[key]?.transaction.handleTimers(now: now)
                settleServer(key)
            }
        }
    }

    private mutating func inviteClientIsDue(
        _ key: TransactionKey, _ now: Instant, _ out: inout Outbox<UserAgentOutput>
    ) {
        guard let entry = inviteClients[key] else { return }
        var outputs = Outbox<TransactionOutput>()
        inviteClients[key]?.transaction.handleTimers(now: now, out: &outputs)
        let timedOut = emit(&outputs, to: entry.destination, &out).timedOut
        settleInviteClient(key)
        if timedOut { reportTimeout(entry.transaction.request, entry.owner, now, &out) }
    }

    private mutating func clientIsDue(
        _ key: TransactionKey, _ now: Instant, _ out: inout Outbox<UserAgentOutput>
    ) {
        guard let entry = clients[key] else { return }
        var outputs = Outbox<TransactionOutput>()
        clients[key]?.transaction.handleTimers(now: now, out: &outputs)
        let timedOut = emit(&outputs, to: entry.destination, &out).timedOut
        settleClient(key)
        if timedOut { reportTimeout(entry.transaction.request, entry.owner, now, &out) }
    }

    /// No answer: none came in time, or (`isUnreachable`) the request could not be sent.
    mutating func reportTimeout(
        _ request: SIPMessage, _ owner: ClientOwner, isUnreachable: Bool = false, _ now: Instant,
        _ out: inout Outbox<UserAgentOutput>
    ) {
        switch owner {
        case .call(let key):
            step(key, now, &out) { call, step in
                call.update(
                    outbound: {
                        isUnreachable
                            ? $0.transactionFailed(request, &step) : $0.timedOut(request, &step)
                    },
                    inbound: { $0.timedOut(request, &step) })
            }
        case .registration(let key):
            registrationStep(key, now, &out) { $0.timedOut(request, &$1) }
        }
    }
}
