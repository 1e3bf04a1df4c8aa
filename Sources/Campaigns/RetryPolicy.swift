public import Base
public import CallModel

/// What becomes of a contact after an attempt.
public enum NextStep: Sendable, Equatable {
    /// No further attempt is called for.
    case complete
    case retry(at: WallTime)
    /// A further attempt would be called for, but none is left.
    case exhausted
}

/// Decides on the next attempt: at most three that count, each no sooner than its end allows.
public enum RetryPolicy {
    /// MAX_RETRY_ATTEMPTS of the original design.
    public static let maximumAttempts = 3
    /// Ends that are our fault or the trunk's do not use up the person's attempts, but a broken
    /// trunk must not dial one person all day: this many, then the contact is given up.
    public static let maximumUncounted = 5
    /// The pause after an uncounted end doubles each time up to this.
    static let longestBackoff = Interval.seconds(3600)
    /// One declined call may be tried again, a second one is an answer.
    static let maximumDeclined = 1

    /// - Parameters:
    ///   - attempt: number of this attempt at the contact, from 1, uncounted ones included.
    ///   - maximum: the campaign's own limit; above 3 it is 3.
    ///   - earlierUncounted: earlier attempts that did not count (`CallRecord.countsAsAttempt`).
    ///   - earlierDeclined: earlier attempts that were declined.
    ///   - hasRung: the person's telephone has: then the attempt counts, whatever ended it.
    public static func after(
        reason: EndReason, attempt: Int, maximum: Int, now: WallTime, earlierUncounted: Int = 0,
        earlierDeclined: Int = 0, hasRung: Bool = false
    ) -> NextStep {
        guard let delay = reason.retryDelay else { return .complete }
        let attempt = min(max(attempt, 1), 1_000_000)
        let earlierUncounted = min(max(earlierUncounted, 0), attempt - 1)
        let limit = min(max(maximum, 1), maximumAttempts)
        if reason == .declined, earlierDeclined >= maximumDeclined { return .exhausted }
        if reason.countsAsAttempt || hasRung {
            guard attempt - earlierUncounted < limit else { return .exhausted }
            return .retry(at: now + delay)
        }
        // Unknown history (0) makes every attempt count, which is the strict reading.
        guard earlierUncounted + 1 <= maximumUncounted, attempt - 1 - earlierUncounted < limit
        else { return .exhausted }
        var backoff = delay
        for _ in 0..<earlierUncounted { backoff = min(backoff * 2, longestBackoff) }
        return .retry(at: now + backoff)
    }

    /// The contact's status that goes with a step.
    public static func status(after step: NextStep, reason: EndReason) -> ContactStatus {
        switch step {
        case .complete: reason == .gateBlocked ? .blocked : .completed
        case .retry: .pending
        case .exhausted: .exhausted
        }
    }
}

/// MAX_RETRY_ATTEMPTS = 3 per telephone number within 30 days, across campaigns.
public enum AttemptFrequency {
    /// How long an attempt counts against its number.
    public static let window = Interval.seconds(30 * 86_400)
    /// Attempts that count within `window`.
    public static let maximum = 3

    /// The first moment at or after `now` at which the number may be attempted again, given the
    /// times of its counted attempts in any order.
    public static func earliestAttempt(attempts: [WallTime], now: WallTime) -> WallTime {
        let recent = attempts.filter { now - $0 < window }.sorted()
        guard recent.count >= maximum else { return now }
        return max(now, recent[recent.count - maximum] + window)
    }
}
