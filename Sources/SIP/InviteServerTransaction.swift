public import Base

//                            │ INVITE to TU; nothing from TU in 200 ms: send 100
//                            ▼                 INVITE: send last 1xx
//                      ┌────────────┐ ◀─┐
//                      │ Proceeding │───┘ 101-199 from TU: send
//                      └────────────┘
//      300-699 from TU: │          │ 2xx from TU: send
//      send             ▼          ▼
//   INVITE: send ┌───────────┐   ┌──────────┐  INVITE: absorbed; ACK to TU
//   Timer G: send│ Completed │   │ Accepted │  2xx from TU: send
//        └──────▶└───────────┘   └──────────┘
//        ACK │      │ Timer H:     │ Timer L
//            ▼      │ inform TU    │
//      ┌───────────┐│              │
//      │ Confirmed ││              │      ACK: absorbed
//      └───────────┘▼              ▼
//            │ Timer I ───────▶ Terminated
//
// RFC 3261 17.2.1 figure 7 as changed by RFC 6026 7.1 (Accepted). Over a reliable
// transport G does not run and I is 0.
//
// A stranger over UDP may have made his address up, and who lives there gets one message at most, not a
// dozen. Until the TU has let him hear a 1xx he gets no 100, no timer G and no repeated 2xx: as he has
// heard nothing he repeats the INVITE (17.1.1.2), and each copy gets the final response again, in
// Accepted, too. `vouch` ends this when he has shown that he hears us.

/// The server's side of one INVITE. The TU sends 2xx again itself, through `respond`.
public struct InviteServerTransaction: Sendable {
    /// The states of RFC 3261 17.2.1, figure 7, and RFC 6026 7.1.
    public enum State: String, Sendable {
        /// May go to: completed, accepted.
        case proceeding
        /// Refused. May go to: confirmed, terminated.
        case completed
        /// ACK of the refusal came. May go to: terminated.
        case confirmed
        /// Answered with 2xx. May go to: terminated.
        case accepted
        case terminated
    }

    /// What 17.2.1 grants the TU before a 100 must go.
    public static let tryingDelay: Interval = .milliseconds(200)

    /// Where it stands; `terminated`: to be forgotten by its owner.
    public private(set) var state: State = .proceeding
    /// Until something has been said, for the 100.
    private var request: SIPMessage?
    private let timing: SIPTimers
    private var timers = TimerTable<TransactionTimer>()
    private var intervalG: Interval
    private var lastResponse: [UInt8] = []
    private var isStranger: Bool
    /// A final response has gone, which only copies of the INVITE bring out again.
    private var answersCopiesOnly = false

    /// - Parameter isStranger: the request may come from another address than it says: over UDP, outside
    ///   a dialog and from nobody we know.
    public init(
        _ request: SIPMessage, timing: SIPTimers, isStranger: Bool = false, now: Instant
    ) {
        self.request = request
        self.timing = timing
        self.isStranger = isStranger && !timing.isReliable
        intervalG = timing.t1
        if !self.isStranger { timers.set(.trying, at: now + Self.tryingDelay) }
    }

    /// When `handleTimers` is due next; nil while only the TU is waited for, and once terminated.
    public var deadline: Instant? { timers.next }

    /// A response of the TU. Ignored once a final one has gone, except further 2xx in Accepted.
    public mutating func respond(
        _ response: SIPMessage, now: Instant, out: inout Outbox<TransactionOutput>
    ) {
        guard let status = response.status else { return }
        if state == .proceeding {
            timers.cancel(.trying)
            request = nil
            if status >= 200 { answersCopiesOnly = isStranger && lastResponse.isEmpty }
        }
        switch (state, status) {
        case (.proceeding, 100...199):
            lastResponse = response.serialised
            out.push(.transmit(lastResponse))
        case (.proceeding, 200...299):
            state = .accepted
            lastResponse = response.serialised
            timers.set(.l, at: now + timing.timeout)
            out.push(.transmit(lastResponse))
        case (.proceeding, 300...):
            state = .completed
            lastResponse = response.serialised
            if !timing.isReliable, !answersCopiesOnly { timers.set(.g, at: now + intervalG) }
            timers.set(.h, at: now + timing.timeout)
            out.push(.transmit(lastResponse))
        case (.accepted, 200...299) where !answersCopiesOnly:
            out.push(.retransmit(response.serialised))
        default: break
        }
    }

    /// A copy of the INVITE.
    public mutating func receiveRetransmission(out: inout Outbox<TransactionOutput>) {
        switch state {
        case .proceeding, .completed: break
        case .accepted: guard answersCopiesOnly else { return }
        case .confirmed, .terminated: return
        }
        guard !lastResponse.isEmpty else { return }
        out.push(.retransmit(lastResponse))
    }

    /// The sender is no stranger any more: he has shown that he is where he says.
    public mutating func vouch(now: Instant) {
        guard isStranger else { return }
        isStranger = false
        answersCopiesOnly = false
        if state == .proceeding, lastResponse.isEmpty {
            timers.set(.trying, at: now + Self.tryingDelay)
        }
    }

    /// An ACK with this transaction's branch: that of a refusal.
    public mutating func receiveACK(now: Instant) {
        guard state == .completed else { return }
        state = .confirmed
        timers.cancelAll()
        timers.set(.i, at: now + timing.absorption)
    }

    /// Does what is due: the 100; G sends the refusal again, H gives up on its ACK with `timedOut`;
    /// I and L end it.
    public mutating func handleTimers(now: Instant, out: inout Outbox<TransactionOutput>) {
        while let timer = timers.popExpired(now: now) {
            switch timer {
            case .trying:
                guard let request else { continue }
                self.request = nil
                lastResponse = request.makeResponse(100).serialised
                out.push(.transmit(lastResponse))
            case .g:
                intervalG = min(intervalG * 2, timing.t2)
                timers.set(.g, at: now + intervalG)
                out.push(.retransmit(lastResponse))
            case .h:
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
