public import Base

/// When to send the next RTCP report: the interval of RFC 3550 6.3.1 with the timer reconsideration
/// of 6.3.3 and 6.3.6 (A.7), for a session of two.
public struct RTCPSchedule: Sendable {
    /// 6.2: the least average interval, Tmin.
    public static let minimumInterval = Interval.seconds(5)
    /// UDP and IPv4 headers, counted in the average size (6.2).
    public static let datagramOverhead = 28

    private var generator: SeededGenerator
    /// Session bandwidth given to RTCP, bytes a second (5 % of 64 kbit/s is 400).
    private let bandwidth: Double
    private var averageSize: Double = 128
    private var isInitial = true
    private var isSender = false
    private var members = 1
    private var lastReport: Instant

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

    /// The peer has been heard: two members from now on (6.3.3).
    public mutating func receivedFromPeer() { members = 2 }

    /// Media was sent since the last two reports, or not (6.3.8).
    public mutating func noteSending(_ sending: Bool) { isSender = sending }

    /// An RTCP datagram of `bytes` UDP payload came or went (6.3.3: avg = 1/16 new + 15/16 old).
    public mutating func note(datagramBytes bytes: Int) {
        averageSize = (Double(bytes + Self.datagramOverhead) + 15 * averageSize) / 16
    }

    /// True when a report is to be sent now; the next time is then already set. False may move the
    /// time back (reconsideration, 6.3.6): ask again at `nextReport`.
    public mutating func poll(now: Instant) -> Bool {
        guard now >= nextReport else { return false }
        let wait = interval()
        let due = lastReport + wait
        guard due <= now else {
            nextReport = due
            return false
        }
        lastReport = now
        isInitial = false
        nextReport = now + interval()
        return true
    }

    /// The deterministic interval Td of 6.3.1 in seconds.
    var deterministicSeconds: Double {
        var minimum = Self.minimumInterval.seconds
        if isInitial { minimum /= 2 }
        // Two members, at most two senders: more than a quarter are senders, so all share the
        // bandwidth; with no sender the receivers have three quarters of it.
        let share = isSender ? bandwidth : bandwidth * 0.75
        return max(minimum, averageSize * Double(members) / share)
    }

    /// Td × [0.5, 1.5) ÷ (e − 3/2).
    private mutating func interval() -> Interval {
        let random = 0.5 + Double(generator.next() >> 11) / 9_007_199_254_740_992
        let seconds = deterministicSeconds * random / 1.21828
        return .nanoseconds(Int64(seconds * 1e9))
    }
}
