public import Base

/// What a receiver knows about one source: validity (RFC 3550 A.1), loss (A.3) and jitter (A.8) in
/// the integer arithmetic of the appendix.
///
/// One deviation, towards the truth: when the probation ends, the packets that passed it are
/// counted (A.1 forgets all but the last), so that `received` is what arrived.
public struct ReceiverStatistics: Sendable {
    /// A.1 MAX_DROPOUT: a jump ahead of at most this many is loss.
    public static let maximumDropout: UInt16 = 3000
    /// A.1 MAX_MISORDER: a step back of at most this many is reordering.
    public static let maximumMisorder: UInt16 = 100
    /// A.1 MIN_SEQUENTIAL: packets in sequence before a source is believed.
    public static let minimumSequential = 2
    /// Transits that differ by more than this, seconds, are no jitter: the source has set its
    /// timestamps anew.
    static let maximumTransitStep: Int64 = 2

    private var clockRate: Int64
    private var maximumSequence: UInt16 = 0
    private var cycles: UInt32 = 0
    private var baseSequence: UInt32 = 0
    private var badSequence: UInt32 = 0x1_0001
    private var probation = Self.minimumSequential
    private var hasSeenPacket = false
    private var isStarted = false
    private var isResuming = false
    private var lastTransit: UInt32 = 0
    private var hasTransit = false
    /// A.8 keeps the estimate scaled by 16.
    private var scaledJitter: UInt32 = 0
    private var expectedPrior = 0
    private var receivedPrior = 0
    private var lastSenderReport: UInt32 = 0
    private var lastSenderReportArrival: Instant?

    /// Valid packets, duplicates included (RFC 3550 A.3).
    public private(set) var received = 0
    /// Times the source restarted its sequence numbers.
    public private(set) var restarts = 0

    /// - Parameter clockRate: RTP clock, Hz; values below 1 count as 8000.
    public init(clockRate: Int) {
        self.clockRate = clockRate > 0 ? Int64(clockRate) : 8000
    }

    /// The source counts by another clock from now on (a payload type of another rate, RFC 7160):
    /// the jitter so far is kept in time, the next packet gives no difference.
    public mutating func changeClock(to clockRate: Int) {
        let rate = clockRate > 0 ? Int64(clockRate) : 8000
        scaledJitter = UInt32(clamping: Int64(scaledJitter) * rate / self.clockRate)
        self.clockRate = rate
        hasTransit = false
    }

    /// Packets were not taken for a while, and are again: what the next one's number has gone on by is
    /// not lost, and its transit no measure against the last one's.
    public mutating func resume() {
        isResuming = isStarted
        hasTransit = false
    }

    /// True once the probation of A.1 is passed.
    public var isValid: Bool { isStarted }

    /// The extended highest sequence number, A.3.
    public var extendedHighestSequence: UInt32 { cycles &+ UInt32(maximumSequence) }

    /// Packets that should have arrived, A.3.
    public var expected: Int {
        isStarted ? Int(Int32(bitPattern: extendedHighestSequence &- baseSequence)) + 1 : 0
    }

    /// `expected - received`; negative when duplicates outnumber losses (A.3).
    public var lost: Int { expected - received }

    /// A.8, timestamp units.
    public var jitter: UInt32 { scaledJitter >> 4 }

    /// `jitter` before it is cut to whole units, ms of the present clock.
    public var jitterMilliseconds: Double {
        Double(scaledJitter) / 16 * 1000 / Double(clockRate)
    }

    /// Counts one packet. Returns false while the source is on probation and for a packet whose
    /// sequence number jumped too far to believe (A.1).
    ///
    /// - Parameter isTimed: the timestamp says when the payload was sampled. That of a
    ///   telephone-event says when the press began, in all its packets (RFC 4733 2.1), and that of
    ///   an unknown type nothing: they count by their number alone, and the transit before them is
    ///   no measure of the next.
    @discardableResult
    public mutating func receive(
        sequence: UInt16, timestamp: UInt32, arrival: Instant, isTimed: Bool = true
    ) -> Bool {
        let isCounted = updateSequence(sequence)
        if !isTimed {
            hasTransit = false
        } else if isCounted || !isStarted {
            updateJitter(timestamp: timestamp, arrival: arrival)
        }
        return isCounted
    }

    /// RFC 3550 A.1 `update_seq`.
    private mutating func updateSequence(_ sequence: UInt16) -> Bool {
        guard hasSeenPacket else {
            hasSeenPacket = true
            maximumSequence = sequence
            probation = Self.minimumSequential - 1
            return false
        }
        let delta = sequence &- maximumSequence
        if probation > 0 {
            guard delta == 1 else {
                probation = Self.minimumSequential - 1
                maximumSequence = sequence
                return false
            }
            probation -= 1
            maximumSequence = sequence
            guard probation == 0 else { return false }
            begin(at: sequence, credit: Self.minimumSequential)
            return true
        }
        // A straggler of before says nothing about where the source is now.
        if isResuming, delta > 0, delta <= 0xFFFF - Self.maximumMisorder {
            isResuming = false
            if delta < Self.maximumDropout { baseSequence &+= UInt32(delta - 1) }
        }
        if delta < Self.maximumDropout {
            if sequence < maximumSequence { cycles &+= 0x1_0000 }
            maximumSequence = sequence
        } else if delta <= 0xFFFF - Self.maximumMisorder {
            guard UInt32(sequence) == badSequence else {
                badSequence = UInt32(sequence &+ 1)
                return false
            }
            restarts += 1
            begin(at: sequence, credit: Self.minimumSequential)
            return true
        }
        received += 1
        return true
    }

    /// A.1 `init_seq`, with the `credit` packets that ended here counted.
    private mutating func begin(at sequence: UInt16, credit: Int) {
        let first = sequence &- UInt16(credit - 1)
        baseSequence = UInt32(first)
        maximumSequence = sequence
        cycles = sequence < first ? 0x1_0000 : 0
        badSequence = 0x1_0001
        received = credit
        receivedPrior = 0
        expectedPrior = 0
        isStarted = true
        // A restarted source may have restarted its timestamps: the next transit starts afresh.
        if restarts > 0 { hasTransit = false }
    }

    /// RFC 3550 A.8, integer form, but for a step of the timestamps that no network makes: one of them
    /// would be the jitter of the next minute.
    private mutating func updateJitter(timestamp: UInt32, arrival: Instant) {
        let transit = Self.clockUnits(arrival, rate: clockRate) &- timestamp
        defer {
            lastTransit = transit
            hasTransit = true
        }
        guard hasTransit else { return }
        let difference = (Int32(bitPattern: transit &- lastTransit)).magnitude
        guard difference <= UInt32(clamping: Self.maximumTransitStep * clockRate) else { return }
        scaledJitter = scaledJitter &+ difference &- ((scaledJitter &+ 8) >> 4)
    }

    /// `arrival` in units of an RTP clock of `rate` Hz, modulo 2³².
    static func clockUnits(_ arrival: Instant, rate: Int64) -> UInt32 {
        let seconds = arrival.nanoseconds.flooredDivision(by: 1_000_000_000)
        let rest = arrival.nanoseconds - seconds * 1_000_000_000
        return UInt32(truncatingIfNeeded: seconds &* rate &+ rest &* rate / 1_000_000_000)
    }

    /// Remembers the middle 32 bits of a sender report's NTP time for LSR and DLSR (6.4.1).
    public mutating func receiveSenderReport(ntpTimestamp: UInt64, now: Instant) {
        lastSenderReport = UInt32(truncatingIfNeeded: ntpTimestamp >> 16)
        lastSenderReportArrival = now
    }

    /// The report block about this source (6.4.1, A.3) and the start of a new interval.
    public mutating func makeReportBlock(ssrc: UInt32, now: Instant) -> ReportBlock {
        let expectedNow = expected
        let expectedInterval = expectedNow - expectedPrior
        let lostInterval = expectedInterval - (received - receivedPrior)
        expectedPrior = expectedNow
        receivedPrior = received
        let fraction =
            expectedInterval <= 0 || lostInterval <= 0
            ? 0 : min(255, (lostInterval << 8) / expectedInterval)
        var delay: UInt32 = 0
        if let lastSenderReportArrival {
            let waited = max(0, (now - lastSenderReportArrival).nanoseconds)
            let seconds = min(waited / 1_000_000_000, 0xFFFF)
            let rest = waited % 1_000_000_000
            delay = UInt32(seconds) << 16 | UInt32(rest << 16 / 1_000_000_000)
        }
        return ReportBlock(
            ssrc: ssrc, fractionLost: UInt8(fraction),
            cumulativeLost: Int32(max(-0x80_0000, min(0x7F_FFFF, lost))),
            extendedHighestSequence: extendedHighestSequence, jitter: jitter,
            lastSenderReport: lastSenderReport, delaySinceLastSenderReport: delay)
    }
}
