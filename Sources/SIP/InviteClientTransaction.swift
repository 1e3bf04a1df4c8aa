public import Base

//                      │ INVITE from TU, send INVITE
//     Timer A fires    ▼
//     reset A,   ┌─────────┐
//     send INVITE│ Calling │──── Timer B: inform TU ───────────────────┐
//        └──────▶└─────────┘                                           │
//      300-699, │   │1xx to TU       │ 2xx to TU                       │
//      ACK sent,│   ▼                │                                 │
//      resp.    │ ┌────────────┐     │                                 │
//      to TU    │ │ Proceeding │◀┐1xx│to TU                            │
//               │ └────────────┘─┘   │                                 │
//               │   │300-699 │ 2xx   │                                 │
//               ▼   ▼        ▼       ▼                                 │
//             ┌───────────┐ ┌──────────┐                               │
//  300-699 ┌─▶│ Completed │ │ Accepted │◀─┐ 2xx to TU                  │
//  send ACK└──└───────────┘ └──────────┘──┘                            │
//                  │ Timer D     │ Timer M                             ▼
//                  └─────────────┴──────────────────────────▶  Terminated
//
// RFC 3261 17.1.1 figure 5 as changed by RFC 6026 7.2 (Accepted). Over a reliable
// transport A does not run and D is 0.

/// The client's side of one INVITE.
public struct InviteClientTransaction: Sendable {
    /// The states of RFC 3261 17.1.1, figure 5, and RFC 6026 7.2.
    public enum State: String, Sendable {
        /// Sent, nothing heard. May go to: proceeding, completed, accepted, terminated.
        case calling
        /// 1xx heard. May go to: completed, accepted, terminated.
        case proceeding
        /// Refused and acknowledged; absorbs the response's copies. May go to: terminated.
        case completed
        /// Answered; hands every 2xx on, so that a copy is acknowledged again and a fork is
        /// noticed. May go to: terminated.
        case accepted
        case terminated
    }

    /// Where it stands; `terminated`: to be forgotten by its owner.
    public private(set) var state: State = .calling
    /// As it was sent, and as every copy was.
    public let request: SIPMessage
    private let bytes: [UInt8]
    private let timing: SIPTimers
    private var timers = TimerTable<TransactionTimer>()
    private var intervalA: Interval
    private var acknowledgement: [UInt8] = []

    /// Sends the INVITE and starts A and B.
    public init(
        _ request: SIPMessage, timing: SIPTimers, now: Instant,
        out: inout Outbox<TransactionOutput>
    ) {
        self.request = request
        self.timing = timing
        bytes = request.serialised
        intervalA = timing.t1
        if !timing.isReliable { timers.set(.a, at: now + intervalA) }
        timers.set(.b, at: now + timing.timeout)
        out.push(.transmit(bytes))
    }

    /// When `handleTimers` is due next; nil while proceeding and once terminated.
    public var deadline: Instant? { timers.next }

    /// A response that matched this transaction (17.1.3).
    public mutating func receive(
        _ response: SIPMessage, now: Instant, out: inout Outbox<TransactionOutput>
    ) {
        guard let status = response.status else { return }
        switch (state, status) {
        case (.calling, 100...199), (.proceeding, 100...199):
            state = .proceeding
            timers.cancelAll()
            out.push(.deliver(response))
        case (.calling, 200...299), (.proceeding, 200...299):
            state = .accepted
            timers.cancelAll()
            timers.set(.m, at: now + timing.timeout)
            out.push(.deliver(response))
        case (.calling, 300...), (.proceeding, 300...):
            state = .completed
            timers.cancelAll()
            timers.set(.d, at: now + timing.d)
            acknowledgement = Self.makeACK(request, response).serialised
            out.push(.transmit(acknowledgement))
            out.push(.deliver(response))
        case (.completed, 300...): out.push(.retransmit(acknowledgement))
        case (.accepted, 200...299): out.push(.deliver(response))
        default: break
        }
    }

    /// Does what is due: A sends the INVITE again, B gives up with `timedOut`, D and M end it.
    public mutating func handleTimers(now: Instant, out: inout Outbox<TransactionOutput>) {
        while let timer = timers.popExpired(now: now) {
            switch timer {
            case .a:
                intervalA = intervalA * 2
                timers.set(.a, at: now + intervalA)
                out.push(.retransmit(bytes))
            case .b:
                terminate()
                out.push(.timedOut)
            default: terminate()
            }
        }
    }

    /// The TU gives up on it: no answer came to a CANCEL (9.1).
    public mutating func terminate() {
        state = .terminated
        timers.cancelAll()
    }

    /// The ACK of a refusal belongs to the transaction: same branch, Request-URI and Route, To of
    /// the response (17.1.1.3).
    static func makeACK(_ request: SIPMessage, _ response: SIPMessage) -> SIPMessage {
        var ack = SIPMessage(.request(method: .ack, uri: request.requestURI ?? ""))
        for line in request.headers.lines {
            switch line.name {
            case .via where ack.headers.count(.via) == 0: ack.headers.append(.via, line.value)
            case .from, .callID, .route, .maxForwards, .authorization, .proxyAuthorization,
                .userAgent:
                ack.headers.append(line.name, line.value)
            case .to: ack.headers.append(.to, response.headers[.to] ?? line.value)
            case .cseq:
                let number = (try? CSeq(line.value))?.number ?? 1
                ack.headers.append(.cseq, CSeq(number: number, method: .ack).serialised)
            default: break
            }
        }
        return ack
    }
}
