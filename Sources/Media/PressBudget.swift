internal import Base

/// How many presses of a leg's far end are told of.
///
/// Tones are understood at some eleven digits a second (ITU-T Q.24: 90 ms each, the pause included), and
/// no hand is faster. Who forges telephone-events makes a press with each packet, and each would be an event of
/// the worker's ring, an entry of the call's record and a message to every watcher. A token bucket (as
/// GCRA, ITU-T I.371), one word.
struct PressBudget {
    /// At once: a dial string.
    static let burst: Int64 = 32
    /// One more after each: 16 a second.
    static let interval = Interval.microseconds(62_500)

    /// When all that was taken will have been earned.
    private var paidAt = Instant(nanoseconds: .min)

    /// False: one too many.
    mutating func take(now: Instant) -> Bool {
        let start = max(paidAt, now)
        guard start - now <= Self.interval * (Self.burst - 1) else { return false }
        paidAt = start + Self.interval
        return true
    }
}
