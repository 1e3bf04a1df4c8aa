public import Base

//                │ request to TU
//                ▼
//           ┌────────┐
//           │ Trying │  (copies of the request: discarded)
//           └────────┘
//   1xx from TU: │  │ 200-699 from TU: send
//   send         ▼  │
//       ┌────────────┐   request, 1xx from TU: send the 1xx
//       │ Proceeding │
//       └────────────┘
//                │ 200-699 from TU: send
//                ▼
//       ┌───────────┐   request: send the response
//       │ Completed │── Timer J ──▶ Terminated
//       └───────────┘
//
// RFC 3261 17.2.2 figure 8. Over a reliable transport J is 0. When the client's Timer F has run out in
// Trying or Proceeding an answer is of no use to anybody (RFC 4320 1.1): Terminated, without one.

/// The server's side of one request other than INVITE and ACK.
public struct ServerTransaction: Sendable {
    /// The states of RFC 3261 17.2.2, figure 8.
    public enum State: String, Sendable {
        /// May go to: proceeding, completed, terminated.
        case trying
        /// May go to: completed, terminated.
        case proceeding
        /// Answers copies of the request. May go to: terminated.
        case completed
        case terminated
    }

    /// Where it stands; `terminated`: to be forgotten by its owner.
    public private(set) var state: State = .trying
    private let timing: SIPTimers
    private var timers = TimerTable<TransactionTimer>()
    private var lastResponse: [UInt8] = []

    /// A request has come. It is not kept: 20,000 large ones would be a gigabyte.
    public init(timing: SIPTimers, now: Instant) {
        self.timing = timing
        timers.set(.f, at: now + timing.timeout)
    }

    /// When `handleTimers` is due next; nil once terminated.
    public var deadline: Instant? { timers.next }

    /// Sends a response of the TU and keeps it for copies of the request. Ignored once a final one
    /// has gone.
    public mutating func respond(
        _ response: SIPMessage, now: Instant, out: inout Outbox<TransactionOutput>
    ) {
        guard let status = response.status, state == .trying || state == .proceeding else {
            return
        }
        lastResponse = response.serialised
        out.push(.transmit(lastResponse))
        if status < 200 {
            state = .proceeding
        } else {
            state = .completed
            timers.cancel(.f)
            timers.set(.j, at: now + timing.j)
        }
    }

    /// A copy of the request.
    public mutating func receiveRetransmission(out: inout Outbox<TransactionOutput>) {
        guard !lastResponse.isEmpty, state != .terminated else { return }
        out.push(.retransmit(lastResponse))
    }

    /// Ends it when F or J is due; nothing is sent.
    public mutating func handleTimers(now: Instant) {
        while timers.popExpired(now: now) != nil { terminate() }
    }

    /// Ends it at once.
    public mutating func terminate() {
        state = .terminated
        timers.cancelAll()
    }
}
