public import Base

/// When to send the next RTCP report: the interval of RFC 3550 6.3.1 with the timer reconsideration
/// of 6.3.6, reverse reconsideration after a BYE (6.3.4) and time-outs (6.3.5), for a session of two.
///
/// ```
/// poll: tn reached? ─▶ members, senders (6.3.3, 6.3.5) ─▶ T = random Td ─▶ tp + T past? ─▶ report
///                                                                            └ no: tn = tp + T
/// ```
/// Two members are never more than 50, so our own BYE is not held back (6.3.7).
public struct RTCPSchedule: Sendable {
    /// 6.2: the least average interval, Tmin.
    public static let minimumInterval = Interval.seconds(5)
    /// 6.3.5: a member that was silent for this many intervals is none.
    public static let timeoutMultiplier = 5.0
    /// UDP and IPv4 headers, counted in the average size (6.2).
    public static let datagramOverhead = 28

    private var generator: SeededGenerator
    /// Session bandwidth given to RTCP, bytes a second (5 % of 64 kbit/s is 400).
    private let bandwidth: Double
    private var averageSize: Double = 128
    private var isInitial = true
    private var isSender = false
    private var peerIsSender = false
    private var members = 1
    /// The peer's newest report, and its BYE.
    private var heard: Instant?
    private var goodbye: Instant?
    private var lastReport: Instant
    /// A BYE has moved the times since our last report.
    private var hasReconsidered = false

    /// When `poll` should next be asked.
    public private(set) var nextReport: Instant

    /// - Parameters:
    ///   - seed: of the randomisation of 6.3.1, so that a simulated call repeats.
    ///   - bandwidthBytesPerSecond: RTCP's share, 6.2.
    public init(seed: UInt64, now: Instant, bandwidthBytesPerSecond: Double = 400) {
        generator = SeededGenerator(seed: seed)
        bandwidth = max(1, bandwidthBytesPerSecond)
        lastReport = now
        nextReport = now
        nextReport = now + interval()
    }

    /// A report of the peer came: it is a member (6.3.3).
    public mutating func receivedReport(now: Instant) {
        heard = now
        members = 2
    }

    /// The peer said BYE: one member is left, and by reverse reconsideration (6.3.4) the next report
    /// comes sooner. What the peer sends later makes it a member again: whoever leaves again and again
    /// moves our times once a report, or the report would never come.
    public mutating func receivedGoodbye(now: Instant) {
        goodbye = now
        peerIsSender = false
        guard members == 2 else { return }
        members = 1
        guard !hasReconsidered else { return }
        hasReconsidered = true
        // tn = tc + (1/2)(tn - tc), tp = tc - (1/2)(tc - tp).
        nextReport = now + max(.zero, nextReport - now) / 2
        lastReport = now - max(.zero, now - lastReport) / 2
    }

    /// Media was sent since the last two reports, or not (6.3.8).
    public mutating func noteSending(_ sending: Bool) { isSender = sending }

    /// An RTCP datagram of `bytes` UDP payload came or went (6.3.3: avg = 1/16 new + 15/16 old).
    public mutating func note(datagramBytes bytes: Int) {
        averageSize = (Double(bytes + Self.datagramOverhead) + 15 * averageSize) / 16
    }

    /// True when a report is to be sent now; the next time is then already set. False may move the
    /// time back (reconsideration, 6.3.6): ask again at `nextReport`.
    ///
    /// - Parameter lastMedia: when the peer's newest RTP packet came.
    public mutating func poll(now: Instant, lastMedia: Instant? = nil) -> Bool {
        guard now >= nextReport else { return false }
        countMembers(now: now, lastMedia: lastMedia)
        let wait = interval()
        let due = lastReport + wait
        guard due <= now else {
            nextReport = due
            return false
        }
        lastReport = now
        hasReconsidered = false
        isInitial = false
        nextReport = now + interval()
        return true
    }

    /// Who is a member and who a sender: whoever was heard lately and has not said BYE since.
    private mutating func countMembers(now: Instant, lastMedia: Instant?) {
        let interval = deterministicSeconds
        func isThere(_ at: Instant?, within intervals: Double) -> Bool {
            guard let at else { return false }
            if let goodbye, at <= goodbye { return false }
            return (now - at).seconds <= intervals * interval
        }
        peerIsSender = isThere(lastMedia, within: 2)
        members =
            isThere(heard, within: Self.timeoutMultiplier)
                || isThere(lastMedia, within: Self.timeoutMultiplier) ? 2 : 1
    }

    /// The deterministic interval Td of 6.3.1 in seconds.
    var deterministicSeconds: Double {
        var minimum = Self.minimumInterval.seconds
        if isInitial { minimum /= 2 }
        // With a sender more than a quarter of two members are senders, so all share the bandwidth;
        // without one the receivers have three quarters of it.
        let share = isSender || peerIsSender ? bandwidth : bandwidth * 0.75
        return max(minimum, averageSize * Double(members) / share)
    }

    /// Td × [0.5, 1.5) ÷ (e − 3/2).
    private mutating func interval() -> Interval {
        let random = 0.5 + Double(generator.next() >> 11) / 9_007_199_254_740_992
        let seconds = deterministicSeconds * random / 1.21828
        return .nanoseconds(Int64(seconds * 1e9))
    }
}
