internal import Base

/// How far a timeline that follows timestamps is ahead of the moments at which its packets came.
///
///     +2 s ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─   full: timestamps are not believed any more (`InOrderTap.arrivalSlack`)
///        ╱▔▔╲                        time that timestamps claim fills it, time that passes empties it
///      0 ────────────────────────
///          ╲__╱                      behind: a network that stood still, and gives back what it held
///     −10 s ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─
///
/// Each packet alone may be early; a sum of such claims is no time that has passed. It is pulled towards 0 by
/// 2 ms a second, more than clocks drift apart: an honest sender's lead is the jitter of its path.
struct TimelineLead {
    /// Of the time that passes, the part by which the lead goes back to 0: 2000 ppm.
    private static let pull: Int64 = 500
    /// What comes at once behind a network that stood still is early against nothing.
    private static let longestStall = Interval.seconds(10)

    /// When the next sample of the timeline is neither early nor late.
    private var due = Instant.zero
    /// Of the newest packet that was handed on.
    private(set) var lastArrival = Instant.zero

    mutating func begin(at arrival: Instant) {
        due = arrival
        lastArrival = arrival
    }

    /// The timeline goes on by so many units of a clock of `rate` Hz.
    mutating func advance(_ units: Int64, rate: Int64) {
        due += .nanoseconds(units / rate &* 1_000_000_000 &+ units % rate &* 1_000_000_000 / rate)
    }

    /// What the next sample would be ahead by, had it come at `arrival`.
    func ahead(at arrival: Instant) -> Interval { due - arrival }

    /// A packet that came at `arrival` is handed on at the timeline's place of this moment.
    mutating func follow(_ arrival: Instant) {
        let pull = max(.zero, arrival - lastArrival) / Self.pull
        let back = max(.zero - pull, min(due - arrival, pull))
        due = max(arrival - Self.longestStall, min(due - back, arrival + InOrderTap.arrivalSlack))
        lastArrival = arrival
    }
}
