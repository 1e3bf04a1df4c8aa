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
// transport G does not run and I is 0. Nor does it run for a stranger who has heard nothing yet: whoever
// sent the INVITE repeats it until he hears something, and an address that was made up gets one message.

/// The server's side of one INVITE. The TU sends 2xx again itself, through `respond`.
public struct InviteServerTransaction: Sendable {
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

    public private(set) var state: State = .proceeding
    public let request: SIPMessage
    private let timing: SIPTimers
    private var timers = TimerTable<TransactionTimer>()
    private var intervalG: Interval
    private var lastResponse: [UInt8] = []
    private let isStranger: Bool

    /// - Parameter isStranger: the request may come from another address than it says: over UDP, outside
    ///   a dialog and from nobody we know.
    public init(
        _ request: SIPMessage, timing: SIPTimers, isStranger: Bool = false, now: Instant
    ) {
        self.request = request
        self.timing = timing
        self.isStranger = isStranger
        intervalG = timing.t1
        timers.set(.trying, at: now + Self.tryingDelay)
    }

    public var deadline: Instant? { timers.next }

    /// A response of the TU. Ignored once a final one has gone, except further 2xx in Accepted.
    public mutating func respond(
        _ response: SIPMessage, now: Instant, out: inout Outbox<TransactionOutput>
    ) {
        guard let status = response.status else { return }
        let hasHeard = !lastResponse.isEmpty
        if state == .proceeding { timers.cancel(.trying) }
        switch (state, status) {
        case (.proceeding, 100...199):
            lastResponse = response.serialised
            out.push(.transmit(lastResponse))
        case (.proceeding, 200...299):
            state = .accepted
            timers.set(.l, at: now + timing.timeout)
            out.push(.transmit(response.serialised))
        case (.proceeding, 300...):
            state = .completed
            lastResponse = response.serialised
            if !timing.isReliable, hasHeard || !isStranger { timers.set(.g, at: now + intervalG) }
            timers.set(.h, at: now + timing.timeout)
            out.push(.transmit(lastResponse))
        case (.accepted, 200...299): out.push(.retransmit(response.serialised))
        default: break
        }
    }

    /// A copy of the INVITE.
    public mutating func receiveRetransmission(out: inout Outbox<TransactionOutput>) {
        guard state == .proceeding || state == .completed, !lastResponse.isEmpty else { return }
        out.push(.retransmit(lastResponse))
    }

    /// An ACK with this transaction's branch: that of a refusal.
    public mutating func receiveACK(now: Instant) {
        guard state == .completed else { return }
        state = .confirmed
        timers.cancelAll()
        timers.set(.i, at: now + timing.absorption)
    }

    public mutating func handleTimers(now: Instant, out: inout Outbox<TransactionOutput>) {
        while let timer = timers.popExpired(now: now) {
            switch timer {
            case .trying:
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

    public mutating func terminate() {
        state = .terminated
        timers.cancelAll()
    }
}
