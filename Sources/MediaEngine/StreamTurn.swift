internal import Base

/// When a worker that has no pause leaves its core to others for a moment.
///
/// A worker has real-time priority, streams' threads do not. Where both share a core, a worker that catches
/// up on a hold-up of the machine would keep them from it for seconds, and audio towards the bots does
/// not wait that long. So of each `window` it leaves `share` to them, as long as some stream is behind.
/// What it has waited by itself counts.
struct StreamTurn {
    static let window = Interval.milliseconds(10)
    /// A thousand multiplexed calls want an eighth of a core.
    static let share = Interval.milliseconds(2)

    private var begin: Instant
    private var waited = Interval.zero
    /// Times that a rest was due.
    private(set) var count = 0

    init(now: Instant) { begin = now }

    /// Call once a turn of the worker's loop.
    ///
    /// - Parameters:
    ///   - waited: how long the turn waited for something to do.
    ///   - isBehind: a stream has been behind in this window; taken away at its end, whatever comes of
    ///     it, so that a stream that has caught up costs no rest later.
    /// - Returns: how long to sleep now; nil: not at all.
    mutating func rest(
        now: Instant, waited more: Interval, isBehind: inout Bool
    ) -> Interval? {
        waited = waited + more
        guard now - begin >= Self.window else { return nil }
        let missing = Self.share - waited
        begin = now
        waited = .zero
        defer { isBehind = false }
        guard isBehind, missing > .zero else { return nil }
        begin = now + missing
        count += 1
        return missing
    }
}
