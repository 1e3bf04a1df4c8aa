internal import Audio

/// The pairs of frequencies that networks signal with.
enum NetworkTone: Int, Sendable {
    case none
    /// One line at 400, 425, 440 or 450 Hz: most of the world's tones.
    case single
    /// 350 + 440 Hz, North America; 350 + 450 Hz, United Kingdom.
    case dialPair
    /// 440 + 480 Hz, North America.
    case ringPair
    /// 400 + 450 Hz, United Kingdom and Australia.
    case ringPairUK
    /// 480 + 620 Hz, North America: busy and reorder by cadence.
    case busyPair
}

/// Hears the dual tones of dial, ringback and busy: seven Goertzel filters over 50 ms.
///
/// Two frequencies 40 Hz apart beat inside the 32 ms window of `Spectrum`; over 50 ms they are
/// orthogonal.
struct PairDetector: Sendable {
    /// A burst of one pair, over or under way.
    struct Burst: Sendable, Equatable {
        var tone = NetworkTone.none
        /// Samples.
        var start = 0
        var end = 0
        var milliseconds: Int { (end - start) / 8 }
    }

    private static let blockCount = 400
    private static let tables = GoertzelTables(
        frequencies: [350, 400, 425, 440, 450, 480, 620, 620])
    /// Least share of the block's energy in the pair.
    private static let minimumShare: Float = 0.62
    /// The weaker of the two against the stronger.
    private static let minimumBalance: Float = 0.12
    /// Mean square at −45 dBm0.
    private static let minimumMeanSquare: Float = 8240
    private static let fallDecibels: Float = 9

    /// Fed by the owner, hop by hop, before `heardHop`.
    var bank = GoertzelBank(tables)
    private var filled = 0

    private(set) var burst = Burst()
    private var level: Float = -100
    private var wrongBlocks = 0
    private var previousTone = NetworkTone.none
    private var levels = SIMD16<Float>(repeating: -100)

    var isActive: Bool { burst.tone != .none }

    /// One hop has gone through `bank`; returns a burst that is now over.
    mutating func heardHop(levelDBm0: Float, hopEnd: Int) -> Burst? {
        for index in stride(from: 15, to: 0, by: -1) { levels[index] = levels[index - 1] }
        levels[0] = levelDBm0
        var finished: Burst?
        // Pairs beat: only the loudest of four hops tells that the tone is gone.
        let loudest = max(max(levels[0], levels[1]), max(levels[2], levels[3]))
        if isActive, loudest < level - Self.fallDecibels {
            finished = end(at: hopEnd - 4 * DetectorChain.hopCount)
        }
        filled += DetectorChain.hopCount
        guard filled >= Self.blockCount else {
            if isActive { burst.end = hopEnd }
            return finished
        }
        let tone = pair()
        defer { previousTone = tone }
        filled = 0
        bank.beginBlock()
        if isActive {
            if tone == burst.tone {
                wrongBlocks = 0
                level += (loudest - level) * 0.3
            } else {
                wrongBlocks += 1
                if wrongBlocks >= 2 { finished = end(at: hopEnd - 2 * Self.blockCount) }
            }
        } else if tone != .none, tone == previousTone {
            // Two in a row: the first block of a single tone is half empty, hence wide.
            begin(tone, hopEnd)
        }
        if isActive { burst.end = hopEnd }
        return finished
    }

    /// Pairs are not listened for just now: neither what sounds nor what `bank` has heard goes on later.
    mutating func forget() {
        bank.beginBlock()
        filled = 0
        burst = Burst()
        previousTone = .none
        levels = SIMD16(repeating: -100)
    }

    private mutating func begin(_ tone: NetworkTone, _ hopEnd: Int) {
        level = levels[0]
        for index in 1..<5 { level = max(level, levels[index]) }
        // Back to where the level came up, at most 150 ms.
        var hops = 0
        while hops < 15, levels[hops] > level - Self.fallDecibels { hops += 1 }
        burst = Burst(
            tone: tone, start: hopEnd - max(hops, 1) * DetectorChain.hopCount, end: hopEnd)
        wrongBlocks = 0
    }

    private mutating func end(at sample: Int) -> Burst {
        var finished = burst
        finished.end = max(sample, finished.start)
        burst = Burst()
        return finished
    }

    /// The pair that holds the block, if any.
    private mutating func pair() -> NetworkTone {
        let count = Float(Self.blockCount)
        let energy = bank.energy
        guard energy > Self.minimumMeanSquare * count else { return .none }
        let power = bank.power
        let needed = Self.minimumShare * energy * count / 2
        func holds(_ a: Int, _ b: Int) -> Bool {
            power[a] + power[b] > needed
                && min(power[a], power[b]) > Self.minimumBalance * max(power[a], power[b])
        }
        if holds(3, 5) { return .ringPair }
        if holds(5, 6) { return .busyPair }
        if holds(0, 3) || holds(0, 4) { return .dialPair }
        if holds(1, 4) { return .ringPairUK }
        // Australia: 425 Hz modulated with 25 Hz.
        if power[1] + power[2] + power[4] > needed,
            min(power[1], power[4])
                > Self.minimumBalance * max(power[1], power[2], power[4])
        {
            return .ringPairUK
        }
        return .none
    }
}
