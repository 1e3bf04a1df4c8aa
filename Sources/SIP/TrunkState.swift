public import Base

//            ┌──── OPTIONS or call answered ────┐
//            ▼                                  │
//         ┌──────┐ failures in a row ┌────────────────┐
//         │  up  │──────────────────▶│ down, back-off │── OPTIONS due ─▶ probe
//         └──────┘                   └────────────────┘
//            │ 503 with Retry-After
//            ▼
//         refuses calls until then
//
// RFC 3263 4.3 and RFC 3261 21.5.4: what fails is left alone for a while.

/// What one trunk may take, and whether it is there.
public struct TrunkState: Sendable {
    /// What a trunk may be given, and how often it is asked.
    public struct Limits: Sendable, Equatable {
        /// Calls begun a second; nil: any number. Carriers start at 1.
        public var callsPerSecond: Double?
        /// Calls begun at once, at least 1.
        public var burst: Double
        /// Calls at one time; nil: any number.
        public var maximumCalls: Int?
        /// Between OPTIONS; nil: never asked, always up.
        public var probeInterval: Interval?

        /// A rate below 0 counts as 0, a burst below 1 as 1; the rest is taken as it is.
        public init(
            callsPerSecond: Double? = nil, burst: Double = 1, maximumCalls: Int? = nil,
            probeInterval: Interval? = nil
        ) {
            self.callsPerSecond = callsPerSecond
            self.burst = burst
            self.maximumCalls = maximumCalls
            self.probeInterval = probeInterval
        }
    }

    /// Why a trunk takes no call now.
    public enum Refusal: Sendable, Equatable {
        /// `isUp` is false.
        case down
        /// It asked for a pause (503, Retry-After).
        case paused(until: Instant)
        /// Calls come faster than `Limits.callsPerSecond`; `wait`: until the next may.
        case rate(wait: Interval)
        /// `Limits.maximumCalls` are up.
        case full
    }

    /// Failures in a row that make a trunk down.
    public static let failureLimit = 3
    /// Pauses when Retry-After is absent, and the longest one honoured.
    public static let defaultPause: Interval = .seconds(5)
    /// A longer Retry-After is cut to this.
    public static let maximumPause: Interval = .seconds(300)
    /// Between probes of a trunk that is down: doubling from the first to the second.
    public static let firstBackOff: Interval = .seconds(2)
    /// The second of the two.
    public static let maximumBackOff: Interval = .seconds(64)

    /// As given.
    public let limits: Limits
    /// False from `failureLimit` failures in a row until it answers again; always true without
    /// probes.
    public private(set) var isUp = true
    /// Calls that count against the limit.
    public private(set) var calls = 0
    /// Times it went down.
    public private(set) var outages = 0
    private var bucket: TokenBucket?
    private var failures = 0
    private var pausedUntil: Instant?
    private var backOff = Self.firstBackOff
    private var nextProbe: Instant?
    private var probing = false

    /// Up, and without calls; with probes the first is due at once.
    public init(_ limits: Limits) {
        self.limits = limits
        bucket = limits.callsPerSecond.map { TokenBucket(rate: $0, burst: limits.burst) }
        if limits.probeInterval != nil { nextProbe = .zero }
    }

    // MARK: calls

    /// Takes one call, or says why not. The owner calls `callEnded` for each that was taken.
    public mutating func take(now: Instant) -> Refusal? {
        guard isUp else { return .down }
        if let pausedUntil, pausedUntil > now { return .paused(until: pausedUntil) }
        if let maximum = limits.maximumCalls, calls >= maximum { return .full }
        if bucket != nil, bucket?.take(now: now) == false {
            return .rate(wait: bucket?.wait(now: now) ?? .seconds(3_600))
        }
        calls += 1
        return nil
    }

    /// Until the rate lets a call through; zero when it does.
    public func rateWait(now: Instant) -> Interval {
        var copy = bucket
        return copy == nil ? .zero : copy?.wait(now: now) ?? .seconds(3_600)
    }

    /// Gives back what `take` took.
    public mutating func callEnded() { calls = max(calls - 1, 0) }

    /// The final response of an INVITE or a probe: the trunk lives. 503 asks for a pause.
    public mutating func heard(status: Int, retryAfter: Int?, now: Instant) {
        failures = 0
        if status == 503 {
            let pause = retryAfter.map { Interval.seconds(Int64(clamping: max($0, 0))) }
            let until = now + min(pause ?? Self.defaultPause, Self.maximumPause)
            pausedUntil = max(pausedUntil ?? until, until)
        } else {
            pausedUntil = nil
        }
        setUp(now)
    }

    /// No answer, or no connection.
    public mutating func failed(now: Instant) {
        failures += 1
        guard failures >= Self.failureLimit, isUp, limits.probeInterval != nil else { return }
        isUp = false
        outages += 1
        backOff = Self.firstBackOff
        nextProbe = now + backOff
    }

    private mutating func setUp(_ now: Instant) {
        if !isUp {
            isUp = true
            nextProbe = limits.probeInterval.map { now + $0 }
        }
    }

    // MARK: probes

    /// When a probe is due; nil while one is out, and for trunks that are not asked.
    public var probeDue: Instant? { probing ? nil : nextProbe }

    /// One is out: none is due until `probeAnswered`.
    public mutating func probeSent() { probing = true }

    /// Any final response but 503 and 408 says that it is there: 404 and 405 are answers too.
    public mutating func probeAnswered(status: Int?, retryAfter: Int?, now: Instant) {
        guard probing else { return }
        probing = false
        if let status, status != 408, status != 503 {
            heard(status: status, retryAfter: retryAfter, now: now)
            nextProbe = limits.probeInterval.map { now + $0 }
            return
        }
        let wasUp = isUp
        failed(now: now)
        if isUp {
            nextProbe = limits.probeInterval.map { now + min($0, Self.firstBackOff) }
        } else if !wasUp {
            backOff = min(backOff * 2, Self.maximumBackOff)
            nextProbe = now + backOff
        }
    }
}
