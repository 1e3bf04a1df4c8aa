public import Base

/// One OPTIONS outside any call, to see whether a trunk answers (RFC 3261 11): a client transaction
/// of its own, beside the user agent's.
public struct OptionsProbe: Sendable {
    /// Begins the branch of every probe, so that its responses are known without a table.
    public static let branchPrefix = Via.magicCookie + "prb"

    /// Of its Via: `branchPrefix` and 16 random characters.
    public let branch: String
    /// Where it goes, every copy too.
    public let destination: SIPAddress
    private var transaction: ClientTransaction

    /// Sends OPTIONS to `uri` without its user part, from our own address.
    ///
    /// - Parameter timing: `isReliable` is taken from the destination's transport instead.
    public init(
        to uri: SIPURI, at destination: SIPAddress, party: LocalParty, timing: SIPTimers,
        entropy: inout SeededGenerator, now: Instant, out: inout Outbox<TransactionOutput>
    ) {
        branch = Self.branchPrefix + entropy.token(16)
        self.destination = destination
        var timing = timing
        timing.isReliable = destination.transport.isReliable
        let port = party.streamPorts[destination.transport] ?? party.port
        var via = Via(host: party.host, port: port, branch: branch)
        via.transport = destination.transport.viaName
        let own = SIPURI(host: party.host, port: port)
        var target = uri
        target.rawUser = nil
        target.rawHeaders = nil
        var request = SIPMessage(.request(method: .options, uri: target.serialised))
        request.headers.append(.via, via.serialised)
        request.headers.append(.maxForwards, "70")
        request.headers.append(
            .from, NameAddress(uri: .sip(own), tag: entropy.token(8)).serialised)
        request.headers.append(.to, NameAddress(uri: .sip(target)).serialised)
        request.headers.append(.callID, entropy.token(20))
        request.headers.append(.cseq, "1 OPTIONS")
        request.headers.append(.contact, "<" + own.serialised + ">")
        request.headers.append(.accept, "application/sdp")
        request.headers.append(.userAgent, party.product)
        transaction = ClientTransaction(request, timing: timing, now: now, out: &out)
    }

    /// When `handleTimers` is due next; nil once nothing more can come.
    public var deadline: Instant? { transaction.deadline }

    /// Not answered yet, and not given up.
    public var isOpen: Bool { transaction.state == .trying || transaction.state == .proceeding }

    /// A response with this branch; what comes out is `ClientTransaction`'s.
    public mutating func receive(
        _ response: SIPMessage, now: Instant, out: inout Outbox<TransactionOutput>
    ) {
        transaction.receive(response, now: now, out: &out)
    }

    /// Does what is due: OPTIONS again (E), or `timedOut` 64·T1 after the first (F).
    public mutating func handleTimers(now: Instant, out: inout Outbox<TransactionOutput>) {
        transaction.handleTimers(now: now, out: &out)
    }
}

extension SIPMessage {
    /// The branch of the one Via of a response to a probe of ours; nil of any other message.
    public var probeBranch: String? {
        guard status != nil, let branch = topBranch, branch.hasPrefix(OptionsProbe.branchPrefix)
        else { return nil }
        return branch
    }

    /// Seconds of Retry-After (RFC 3261 20.33), without comment and parameters.
    public var retryAfter: Int? {
        headers[.retryAfter].flatMap { parseDecimal($0.utf8.prefix(while: SIPCharacter.isDigit)) }
    }
}
