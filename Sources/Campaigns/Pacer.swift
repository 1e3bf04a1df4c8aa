public import Base

/// Spaces the calls of a campaign evenly: so many a minute, never in bursts, and never more at once
/// than allowed. A rate of 30 a minute is one call every two seconds, not 30 at the full minute:
/// trunks count calls per second.
public struct Pacer: Sendable {
    /// 1…6000.
    public let callsPerMinute: Int
    /// Calls under way at once, at least 1.
    public let maximumConcurrent: Int
    private var next: Instant?

    /// Values below 1 become 1; a rate is at most 6000 a minute.
    public init(callsPerMinute: Int, maximumConcurrent: Int) {
        self.callsPerMinute = min(max(callsPerMinute, 1), 6000)
        self.maximumConcurrent = max(maximumConcurrent, 1)
    }

    /// Time between two calls.
    public var spacing: Interval { .nanoseconds(60_000_000_000 / Int64(callsPerMinute)) }

    /// May a call start now, with `active` calls under way?
    public func mayStart(active: Int, now: Instant) -> Bool {
        active < maximumConcurrent && now >= nextStart(now: now)
    }

    /// When the rate allows the next call, whatever the number of active ones.
    public func nextStart(now: Instant) -> Instant { max(next ?? now, now) }

    /// Tells that a call was started. A start that came late by less than the spacing is made up
    /// for, so that a slow tick does not lower the rate; two starts are never closer than half the
    /// spacing.
    public mutating func started(now: Instant) {
        let due = next ?? now
        let isSlightlyLate = now >= due && now - due < spacing
        next = max(isSlightlyLate ? due + spacing : now + spacing, now + spacing / 2)
    }
}
