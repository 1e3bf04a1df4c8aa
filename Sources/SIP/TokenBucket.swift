public import Base

/// Lets `rate` things a second through, and `burst` of them at once.
public struct TokenBucket: Sendable, Equatable {
    /// Tokens a second, 0 or more; with 0 the first `burst` are all there will be.
    public let rate: Double
    /// Tokens of a full bucket, at least 1; it begins full.
    public let burst: Double
    private var tokens: Double
    private var filledAt: Instant?

    /// - Parameter burst: at least 1; the rate itself when nil.
    public init(rate: Double, burst: Double? = nil) {
        self.rate = max(rate, 0)
        self.burst = max(burst ?? rate, 1)
        tokens = self.burst
    }

    /// Takes a token; false when there is none beside `reserve`.
    public mutating func take(now: Instant, leaving reserve: Double = 0) -> Bool {
        fill(now)
        guard tokens >= 1 + reserve else { return false }
        tokens -= 1
        return true
    }

    /// Until the next token; nil when there will never be one.
    public mutating func wait(now: Instant) -> Interval? {
        fill(now)
        if tokens >= 1 { return .zero }
        guard rate > 0 else { return nil }
        return Interval(nanoseconds: Int64(((1 - tokens) / rate * 1e9).rounded(.up)))
    }

    private mutating func fill(_ now: Instant) {
        if let filledAt, now > filledAt {
            tokens = min(burst, tokens + rate * (now - filledAt).seconds)
        }
        if filledAt.map({ $0 < now }) ?? true { filledAt = now }
    }
}
