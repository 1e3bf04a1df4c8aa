/// How losses and discards of one source fall together: bursts and gaps by the definition of
/// RFC 3611 4.7.2 with Gmin 16, and the burst ratio of ITU-T G.107.
///
/// ```
/// received, discarded (any order) ─► window of 64 numbers ─► in order ─► burst | gap counts
/// ```
/// A burst begins and ends with a loss or discard, holds at least two, and less than Gmin received
/// packets in a row; all else is gap, a lone loss included. The counts are exact; RFC 3611 A.2
/// reaches the same averages through the transitions of a four-state model.
public struct LossPattern: Sendable {
    /// Received packets in a row that end a burst (RFC 3611 4.7.2, recommended).
    public static let gapThreshold = 16
    /// Sequence numbers after which a packet that has not come is lost.
    public static let window: Int64 = 64
    /// A jump of this or more begins anew (RFC 3550 A.1 MAX_DROPOUT).
    static let maximumJump: Int64 = 3000

    private var unwrapper = SequenceUnwrapper()
    /// Bit n: number `highest - n` came, and came in time.
    private var came: UInt64 = 0
    private var discards: UInt64 = 0
    private var highest: Int64?
    /// The first number of the source: what lies before it is not lost.
    private var first: Int64 = 0

    private var goodRun = Self.gapThreshold
    private var groupLosses = 0
    private var groupSpan = 0
    private var burstPackets = 0
    private var burstLosses = 0
    private var gapLosses = 0
    private var bursts = 0
    private var lossRuns = 0
    private var wasLost = false
    private var isResuming = false

    /// Packets whose fate is known: the last `window` numbers are still open.
    public private(set) var decided = 0
    /// Never came, of those `decided`.
    public private(set) var lost = 0
    /// Came, but not in time to be used.
    public private(set) var discarded = 0

    /// Nothing received: the first packet of the source is the first number counted.
    public init() {}

    /// A packet came in time.
    public mutating func receive(sequence: UInt16) { note(sequence, isUsable: true) }

    /// A packet came too late (or too early) to be used.
    public mutating func discard(sequence: UInt16) { note(sequence, isUsable: false) }

    private mutating func note(_ sequence: UInt16, isUsable: Bool) {
        if isResuming, let top = highest {
            let behind = top - unwrapper.peek(sequence)
            // A straggler of before: its fate has been counted. One from further back is no straggler, but
            // what the source has come to behind a hold of 2¹⁶ packets.
            if behind >= 0, behind <= Int64(ReceiverStatistics.maximumMisorder) { return }
            beginSource()
        }
        guard let top = highest else {
            begin(at: unwrapper.unwrap(sequence), isUsable)
            return
        }
        let number = unwrapper.peek(sequence)
        guard abs(number - top) < Self.maximumJump else {
            beginSource()
            begin(at: unwrapper.unwrap(sequence), isUsable)
            return
        }
        if number > top {
            _ = unwrapper.unwrap(sequence)
            let step = number - top
            settle(through: number - Self.window)
            came = step >= Self.window ? 0 : came << UInt64(step)
            discards = step >= Self.window ? 0 : discards << UInt64(step)
            highest = number
            mark(0, isUsable)
        } else if top - number < Self.window, number >= first {
            mark(top - number, isUsable)
        }
    }

    /// What the source has sent since its last packet was not to be received, and is not lost.
    public mutating func resume() {
        if let highest { settle(through: highest) }
        isResuming = true
    }

    /// Another source, or the same with new numbers: the counts go on, the window begins anew.
    public mutating func beginSource() {
        isResuming = false
        guard let highest else { return }
        settle(through: highest)
        self.highest = nil
        unwrapper = SequenceUnwrapper()
    }

    /// The same source has numbered anew, which shows at its second packet (RFC 3550 A.1): `sequence`,
    /// about to be counted. A step back of less than `maximumJump` looks late until then.
    public mutating func restart(at sequence: UInt16) {
        let before = sequence &- 1
        if let highest, UInt16(truncatingIfNeeded: highest) == before { return }
        beginSource()
        receive(sequence: before)
    }

    private mutating func begin(at number: Int64, _ isUsable: Bool) {
        highest = number
        first = number
        settled = number - 1
        came = 0
        discards = 0
        mark(0, isUsable)
    }

    private mutating func mark(_ back: Int64, _ isUsable: Bool) {
        let bit = UInt64(1) << UInt64(back)
        if isUsable { came |= bit } else if came & bit == 0 { discards |= bit }
    }

    /// The last number whose fate has been counted.
    private var settled: Int64 = -1

    /// Counts every number up to `last`, all of which are leaving the window.
    private mutating func settle(through last: Int64) {
        guard let highest else { return }
        while settled < last {
            settled += 1
            let back = highest - settled
            // Numbers above the old top were jumped over: a loss of more than a window at once.
            let bit = back >= 0 && back < Self.window ? UInt64(1) << UInt64(back) : 0
            count(came: came & bit != 0, discarded: discards & bit != 0)
        }
    }

    private mutating func count(came isGood: Bool, discarded isDiscarded: Bool) {
        decided += 1
        guard !isGood else {
            goodRun += 1
            wasLost = false
            return
        }
        if isDiscarded { discarded += 1 } else { lost += 1 }
        if !wasLost { lossRuns += 1 }
        wasLost = true
        if goodRun >= Self.gapThreshold {
            closeGroup()
            groupLosses = 1
            groupSpan = 1
        } else {
            groupSpan += goodRun + 1
            groupLosses += 1
        }
        goodRun = 0
    }

    private mutating func closeGroup() {
        guard groupLosses > 0 else { return }
        if groupLosses == 1 {
            gapLosses += 1
        } else {
            bursts += 1
            burstPackets += groupSpan
            burstLosses += groupLosses
        }
        groupLosses = 0
        groupSpan = 0
    }

    /// The pattern up to now, the open window and the open burst included.
    public var summary: Summary {
        var all = self
        if let highest { all.settle(through: highest) }
        let endsInBurst = all.groupLosses > 1 && all.goodRun < Self.gapThreshold
        all.closeGroup()
        let gapPackets = all.decided - all.burstPackets
        let gaps = max(1, all.bursts + (endsInBurst ? 0 : 1))
        return Summary(
            expected: all.decided, lost: all.lost, discarded: all.discarded, bursts: all.bursts,
            burstPackets: all.burstPackets, burstLosses: all.burstLosses, gaps: gaps,
            gapPackets: gapPackets, gapLosses: all.gapLosses, lossRuns: all.lossRuns)
    }

    /// Counts of packets, and the ratios that reports want.
    public struct Summary: Equatable, Sendable {
        /// Numbers from the first to the highest received, over all sources of the pattern.
        public var expected = 0
        /// Never came, or not yet.
        public var lost = 0
        /// Came, but not in time to be used.
        public var discarded = 0
        /// Bursts, the open one included when it has two losses.
        public var bursts = 0
        /// Numbers from first to last loss of all bursts, those received between them included.
        public var burstPackets = 0
        /// Lost or discarded within bursts.
        public var burstLosses = 0
        /// Gaps: one before each burst, and one behind the last when it has ended; at least 1.
        public var gaps = 1
        /// Numbers outside bursts.
        public var gapPackets = 0
        /// Lost or discarded outside bursts, each with no other near it.
        public var gapLosses = 0
        /// Runs of consecutive losses or discards.
        public var lossRuns = 0

        /// Lost or discarded, 0…1.
        public var unusableFraction: Double {
            expected > 0 ? Double(lost + discarded) / Double(expected) : 0
        }

        /// G.107 BurstR: the mean length of loss runs over what random loss would give; at least 1.
        public var burstRatio: Double {
            guard lossRuns > 0 else { return 1 }
            let mean = Double(lost + discarded) / Double(lossRuns)
            return max(1, mean * (1 - unusableFraction))
        }

        /// Fills in the loss and burst fields (RFC 3611 4.7.1, 4.7.2).
        public func apply(to metrics: inout VoIPMetrics, packetMilliseconds: Int) {
            metrics.lossRate = Self.ratio(lost, expected)
            metrics.discardRate = Self.ratio(discarded, expected)
            metrics.burstDensity = Self.ratio(burstLosses, burstPackets)
            metrics.gapDensity = Self.ratio(gapLosses, gapPackets)
            metrics.burstDuration = Self.duration(burstPackets, bursts, packetMilliseconds)
            metrics.gapDuration = Self.duration(gapPackets, gaps, packetMilliseconds)
            metrics.gapThreshold = UInt8(LossPattern.gapThreshold)
        }

        private static func ratio(_ part: Int, _ whole: Int) -> UInt8 {
            whole > 0 ? UInt8(max(0, min(255, part * 256 / whole))) : 0
        }

        private static func duration(_ packets: Int, _ periods: Int, _ ms: Int) -> UInt16 {
            periods > 0 ? UInt16(max(0, min(0xFFFF, packets * ms / periods))) : 0
        }
    }
}
