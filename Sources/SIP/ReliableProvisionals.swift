internal import Base

//  UAS: send 1xx RSeq n ──T1, 2·T1, 4·T1 … until PRACK──▶ next in the queue
//                       └──64·T1 without PRACK──▶ the INVITE is refused
//  UAC: 1xx RSeq n ──n is the next one──▶ PRACK RAck: n cseq INVITE;  a copy or a gap: not answered

/// RAck (RFC 3262 7.2): which reliable response is acknowledged.
struct RAck: Equatable {
    var rseq: UInt32
    var cseq: UInt32
    var method: SIPMethod

    init(rseq: UInt32, cseq: UInt32, method: SIPMethod) {
        self.rseq = rseq
        self.cseq = cseq
        self.method = method
    }

    init?(_ text: String) {
        let words = text.utf8.split(whereSeparator: SIPCharacter.isSpace)
        guard words.count == 3, let rseq = parseDecimal(words[0]).flatMap({ UInt32(exactly: $0) }),
            let cseq = parseDecimal(words[1]).flatMap({ UInt32(exactly: $0) }),
            words[2].allSatisfy(SIPCharacter.isToken)
        else { return nil }
        self.init(rseq: rseq, cseq: cseq, method: SIPMethod(String(Substring(words[2]))))
    }

    var serialised: String { "\(rseq) \(cseq) \(method.name)" }
}

/// The callee's reliable provisional responses: one under way, others behind it (RFC 3262 3).
struct ReliableProvisionals: Sendable {
    struct Pending: Sendable {
        var response: SIPMessage
        var rseq: UInt32
        var interval: Interval
        var startedAt: Instant
    }

    private(set) var current: Pending?
    private var waiting: [SIPMessage] = []
    private var nextSequence: UInt32?

    /// Takes a response for its turn; false when too many wait.
    mutating func add(_ response: SIPMessage) -> Bool {
        guard waiting.count < SIPLimits.reliableProvisionals else { return false }
        waiting.append(response)
        return true
    }

    /// Starts the next response when none is under way.
    mutating func startNext(now: Instant, t1: Interval, entropy: inout SeededGenerator)
        -> SIPMessage?
    {
        guard current == nil, !waiting.isEmpty else { return nil }
        var response = waiting.removeFirst()
        // 3: the first is chosen between 1 and 2^31 − 1, each next is one more.
        let sequence = nextSequence ?? UInt32(truncatingIfNeeded: entropy.next() % 0x3FFF_FFFF) + 1
        nextSequence = sequence + 1
        response.headers.append(.require, "100rel")
        response.headers.append(.rseq, String(sequence))
        current = Pending(response: response, rseq: sequence, interval: t1, startedAt: now)
        return response
    }

    /// A PRACK; nil when it names nothing that is open (481).
    mutating func acknowledge(_ rack: RAck, invite: UInt32) -> SIPMessage? {
        guard let pending = current, rack.rseq == pending.rseq, rack.cseq == invite,
            rack.method == .invite
        else { return nil }
        current = nil
        return pending.response
    }

    /// The next copy, with the interval to the one after it.
    mutating func repeatCurrent() -> (response: SIPMessage, next: Interval)? {
        guard var pending = current else { return nil }
        pending.interval = pending.interval * 2
        current = pending
        return (pending.response, pending.interval)
    }

    mutating func stop() {
        current = nil
        waiting.removeAll()
    }

    /// 3: a 2xx must not overtake a reliable response that carries SDP.
    var holdsAnswer: Bool {
        current?.response.body.isEmpty == false || waiting.contains { !$0.body.isEmpty }
    }
}
