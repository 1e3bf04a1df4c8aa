public import Base

//                     │ request from TU, send request
//   Timer E           ▼
//   send request ┌────────┐
//        └──────▶│ Trying │──── Timer F: inform TU ────────────────┐
//                └────────┘                                        │
//       200-699   │    │ 1xx to TU                                 │
//       to TU     │    ▼                                           │
//                 │ ┌────────────┐  Timer E: send request          │
//                 │ │ Proceeding │─── Timer F: inform TU ─────────▶│
//                 │ └────────────┘  1xx to TU                      │
//                 ▼    ▼ 200-699 to TU                             │
//               ┌───────────┐                                      │
//               │ Completed │──── Timer K ──────────▶ Terminated ◀─┘
//               └───────────┘
//
// RFC 3261 17.1.2 figure 6. Over a reliable transport E does not run and K is 0.

/// The client's side of one request other than INVITE and ACK.
public struct ClientTransaction: Sendable {
    /// The states of RFC 3261 17.1.2, figure 6.
    public enum State: String, Sendable {
        /// May go to: proceeding, completed, terminated.
        case trying
        /// May go to: completed, terminated.
        case proceeding
        /// Absorbs the response's copies. May go to: terminated.
        case completed
        case terminated
    }

    /// Where it stands; `terminated`: to be forgotten by its owner.
    public private(set) var state: State = .trying
    /// As it was sent, and as every copy was.
    public let request: SIPMessage
    private let bytes: [UInt8]
    private let timing: SIPTimers
    private var timers = TimerTable<TransactionTimer>()
    private var intervalE: Interval

    /// Sends the request and starts E and F.
    public init(
        _ request: SIPMessage, timing: SIPTimers, now: Instant,
        out: inout Outbox<TransactionOutput>
    ) {
        self.request = request
        self.timing = timing
        bytes = request.serialised
        intervalE = timing.t1
        if !timing.isReliable { timers.set(.e, at: now + intervalE) }
        timers.set(.f, at: now + timing.timeout)
        out.push(.transmit(bytes))
    }

    /// When `handleTimers` is due next; nil once terminated.
    public var deadline: Instant? { timers.next }

    /// A response that matched it (17.1.3). Each 1xx and the first final one are delivered; copies
    /// of the final one, and requests, are ignored.
    public mutating func receive(
        _ response: SIPMessage, now: Instant, out: inout Outbox<TransactionOutput>
    ) {
        guard let status = response.status, state == .trying || state == .proceeding else {
            return
        }
        if status < 200 {
            if state == .trying {
                state = .proceeding
                intervalE = timing.t2
            }
            out.push(.deliver(response))
        } else {
            state = .completed
            timers.cancelAll()
            timers.set(.k, at: now + timing.absorption)
            out.push(.deliver(response))
        }
    }

    /// Does what is due: E sends the request again, F gives up with `timedOut`, K ends it.
    public mutating func handleTimers(now: Instant, out: inout Outbox<TransactionOutput>) {
        while let timer = timers.popExpired(now: now) {
            switch timer {
            case .e:
                // 17.1.2.2: T1, 2·T1, 4·T1 … capped at T2; T2 once a 1xx was heard.
                intervalE = state == .proceeding ? timing.t2 : min(intervalE * 2, timing.t2)
                timers.set(.e, at: now + intervalE)
                out.push(.retransmit(bytes))
            case .f:
                terminate()
                out.push(.timedOut)
            default: terminate()
            }
        }
    }

    /// Ends it at once, without output.
    public mutating func terminate() {
        state = .terminated
        timers.cancelAll()
    }
}
