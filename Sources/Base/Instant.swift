/// A point on the monotonic clock, in nanoseconds from an origin that only the clock's owner knows.
///
/// Core rooms never read a clock: every function that depends on time takes `now: Instant`. The
/// edge reads `CLOCK_MONOTONIC`; the simulator counts; `trunkline detect` derives it from samples.
/// Arithmetic saturates: `distantFuture` plus anything is still `distantFuture`.
public struct Instant: Hashable, Comparable, Sendable {
    /// Since the clock's origin; negative before it.
    public var nanoseconds: Int64

    /// `nanoseconds` after the clock's origin.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
    /// `milliseconds` after the clock's origin, at most 292 years either way.
    public init(milliseconds: Int64) {
        self.nanoseconds = Interval.milliseconds(milliseconds).nanoseconds
    }

    /// The clock's origin.
    public static let zero = Instant(nanoseconds: 0)
    /// Later than anything a clock will say: a deadline that never comes.
    public static let distantFuture = Instant(nanoseconds: .max)

    /// The earlier instant is the lesser.
    public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
    /// `b` later than `a`, or the nearest bound.
    public static func + (a: Instant, b: Interval) -> Instant {
        Instant(nanoseconds: a.nanoseconds.saturatingAdd(b.nanoseconds))
    }
    /// `b` earlier than `a`, or the nearest bound.
    public static func - (a: Instant, b: Interval) -> Instant {
        Instant(nanoseconds: a.nanoseconds.saturatingSubtract(b.nanoseconds))
    }
    /// From `b` to `a`: negative when `a` is the earlier.
    public static func - (a: Instant, b: Instant) -> Interval {
        Interval(nanoseconds: a.nanoseconds.saturatingSubtract(b.nanoseconds))
    }
    /// Moves `a` by `b`, to the nearest bound at most.
    public static func += (a: inout Instant, b: Interval) { a = a + b }

    /// Whole milliseconds since the origin, cut towards zero.
    public var milliseconds: Int64 { nanoseconds / 1_000_000 }
}

/// A signed length of time in nanoseconds: one machine word, so that it is free on the packet path.
/// Arithmetic saturates at ±292 years.
public struct Interval: Hashable, Comparable, Sendable {
    /// The whole of it; negative for backwards.
    public var nanoseconds: Int64

    /// Negative for backwards.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
    /// Exact.
    public static func nanoseconds(_ n: Int64) -> Interval { Interval(nanoseconds: n) }
    /// Exact within ±292 years, beyond them the nearest bound.
    public static func microseconds(_ n: Int64) -> Interval {
        Interval(nanoseconds: n.saturatingMultiply(1000))
    }
    /// Exact within ±292 years, beyond them the nearest bound.
    public static func milliseconds(_ n: Int64) -> Interval {
        Interval(nanoseconds: n.saturatingMultiply(1_000_000))
    }
    /// Exact within ±292 years, beyond them the nearest bound.
    public static func seconds(_ n: Int64) -> Interval {
        Interval(nanoseconds: n.saturatingMultiply(1_000_000_000))
    }
    /// No time at all.
    public static let zero = Interval(nanoseconds: 0)

    /// Whole milliseconds, cut towards zero.
    public var milliseconds: Int64 { nanoseconds / 1_000_000 }
    /// With the fraction; true to the nanosecond for some three months.
    public var seconds: Double { Double(nanoseconds) / 1e9 }

    /// By signed length: a negative interval is less than zero.
    public static func < (a: Interval, b: Interval) -> Bool { a.nanoseconds < b.nanoseconds }
    /// The sum, or the nearest bound.
    public static func + (a: Interval, b: Interval) -> Interval {
        Interval(nanoseconds: a.nanoseconds.saturatingAdd(b.nanoseconds))
    }
    /// The difference, or the nearest bound.
    public static func - (a: Interval, b: Interval) -> Interval {
        Interval(nanoseconds: a.nanoseconds.saturatingSubtract(b.nanoseconds))
    }
    /// `n` times `a`, or the nearest bound.
    public static func * (a: Interval, n: Int64) -> Interval {
        Interval(nanoseconds: a.nanoseconds.saturatingMultiply(n))
    }
    /// Towards zero; `n` must not be 0.
    public static func / (a: Interval, n: Int64) -> Interval {
        Interval(nanoseconds: a.nanoseconds / n)
    }
}

extension Int64 {
    /// Division that rounds towards minus infinity; `divisor` > 0.
    public func flooredDivision(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }

    /// The sum, or the nearest bound of Int64.
    func saturatingAdd(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    /// The difference, or the nearest bound of Int64.
    func saturatingSubtract(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }

    /// The product, or the nearest bound of Int64.
    func saturatingMultiply(_ other: Int64) -> Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
    }
}
