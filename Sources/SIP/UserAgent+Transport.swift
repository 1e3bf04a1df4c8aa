public import Base

extension SIPLimits {
    /// RFC 3261 18.1.1: a request larger than this goes over a transport with congestion control
    /// when the path's MTU is not known.
    public static let datagramBytes = 1_300
}

extension UserAgent {
    /// A request as it leaves, and where to: over TCP when it is too large for a datagram; CANCEL
    /// follows its INVITE (RFC 3261 9.1).
    ///
    /// - Returns: `fallback`: where it goes when no connection can be had (18.1.1).
    func routed(
        _ message: SIPMessage, to destination: SIPAddress
    ) -> (message: SIPMessage, destination: SIPAddress, fallback: SIPAddress?) {
        if message.method == .cancel, let branch = message.topBranch,
            let entry = inviteClients[TransactionKey(clientBranch: branch, method: .invite)]
        {
            return (addressed(message, for: entry.destination), entry.destination, nil)
        }
        let request = addressed(message, for: destination)
        guard destination.transport == .udp, configuration.switchesToTCP,
            request.serialisedCount > SIPLimits.datagramBytes
        else { return (request, destination, nil) }
        var stream = destination
        stream.transport = .tcp
        return (addressed(message, for: stream), stream, destination)
    }

    /// Via and Contact say what the message goes over.
    func addressed(_ message: SIPMessage, for destination: SIPAddress) -> SIPMessage {
        let transport = destination.transport
        var message = message
        if message.method != nil, let line = message.headers[.via], var via = try? Via(line),
            via.transport != transport.viaName
        {
            via.transport = transport.viaName
            via.port = configuration.party.streamPorts[transport] ?? configuration.party.port
            message.headers.replaceFirst(.via, via.serialised)
        }
        guard let line = message.headers[.contact],
            var contact = try? NameAddress(line, of: .contact), var uri = contact.uri.sip,
            uri.host == configuration.party.host
        else { return message }
        if transport == .udp {
            // The second way of a request that was meant for a stream.
            guard uri.parameters.contains("transport") else { return message }
            uri.port = configuration.party.port
            uri.parameters.remove("transport")
        } else {
            uri.port = configuration.party.streamPorts[transport] ?? configuration.party.port
            uri.parameters.set("transport", transport.uriName)
            if transport == .wss { uri.isSecure = true }
        }
        contact.uri = .sip(uri)
        message.headers.replaceFirst(.contact, contact.serialised)
        return message
    }

    /// The Call-ID of a call that has not been forgotten.
    public func sipCallID(of key: CallKey) -> String? { calls[key]?.call.dialogKey.callID }

    /// The timers of a transaction over this transport.
    func timing(for destination: SIPAddress) -> SIPTimers {
        var timing = configuration.timing
        timing.isReliable = destination.transport.isReliable
        return timing
    }

    /// Nothing can be sent there: no connection, or it broke with nothing heard. Requests under way
    /// take their second way or fail as by 503 (RFC 3261 8.1.3.1).
    public mutating func transportFailed(
        _ destination: SIPAddress, now: Instant, out: inout Outbox<UserAgentOutput>
    ) {
        let invites = inviteClients.filter {
            $0.value.destination == destination && $0.value.transaction.state == .calling
        }
        for (key, entry) in invites.sorted(by: { $0.value.order < $1.value.order }) {
            var outputs = Outbox<TransactionOutput>()
            if let fallback = entry.fallback {
                let transaction = InviteClientTransaction(
                    addressed(entry.transaction.request, for: fallback),
                    timing: timing(for: fallback), now: now, out: &outputs)
                inviteClients[key]?.transaction = transaction
                inviteClients[key]?.destination = fallback
                inviteClients[key]?.fallback = nil
                emit(&outputs, to: fallback, &out)
                settleInviteClient(key)
            } else {
                inviteClients[key]?.transaction.terminate()
                settleInviteClient(key)
                reportTimeout(
                    entry.transaction.request, entry.owner, isUnreachable: true, now, &out)
            }
        }
        let others = clients.filter {
            $0.value.destination == destination && $0.value.transaction.state != .completed
        }
        for (key, entry) in others.sorted(by: { $0.value.order < $1.value.order }) {
            var outputs = Outbox<TransactionOutput>()
            let request = entry.transaction.request
            if let fallback = entry.fallback {
                let transaction = ClientTransaction(
                    addressed(request, for: fallback), timing: timing(for: fallback), now: now,
                    out: &outputs)
                clients[key]?.transaction = transaction
                clients[key]?.destination = fallback
                clients[key]?.fallback = nil
                emit(&outputs, to: fallback, &out)
                settleClient(key)
            } else {
                clients[key]?.transaction.terminate()
                settleClient(key)
                reportTimeout(request, entry.owner, isUnreachable: true, now, &out)
            }
        }
    }
}

extension SIPMessage {
    var topBranch: String? {
        headers[.via].flatMap { splitList($0).first }.flatMap { try? Via($0) }?.branch
    }
}
