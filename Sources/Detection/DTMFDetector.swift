internal import Audio

/// In-band DTMF after ITU-T Q.24: eight Goertzel filters over blocks of 102 samples (12.75 ms).
///
/// A digit needs two equal blocks in a row (a 40 ms tone always fills two), whose phases advance
/// as the digit's own frequencies do: 12.75 ms of amplitude alone cannot tell 3 % of a row.
///
/// Q.24 lets a digit go on over an interruption of 10 ms and wants it twice after a pause of 40 ms.
/// In between stands the lost packet of 20 ms, which is bridged when the tones go on where they
/// would be without it; two presses of a key have no common phase.
struct DTMFDetector: Sendable {
    static let blockCount = 102
    /// High group below low group by at most 8 dB, above it by at most 4 dB (Q.24), with 1.2 and
    /// 0.7 dB for the block's own error.
    private static let forwardTwist: Float = 8.3
    private static let reverseTwist: Float = 2.95
    /// The best of a group over every other of it, 8 dB.
    private static let groupMargin: Float = 6.3
    /// Least share of the block's energy that row and column hold together.
    private static let minimumShare: Float = 0.8
    /// Mean square of the weaker tone at −38 dBm0.
    private static let minimumMeanSquare: Float = 41_300
    private static let blocksToBegin = 2
    /// A digit is over after so many blocks without it: 20 ms touch three at most.
    private static let blocksToEnd = 4
    /// Farthest that a frequency may be off by the advance of its phase: Q.24 wants ±1.5 % heard and
    /// ±3.5 % refused. Music has notes at +2.9 % of a column.
    private static let rowTolerance = 0.031
    private static let columnTolerance = 0.0262
    /// Farther off no telephone's digit is (Q.24: ±1.5 %, and this detector's own error), by the mean of so
    /// many blocks.
    private static let telephoneTolerance = 0.02
    private static let blocksToJudge = 6
    /// Samples of silence that never part a digit: above 10 ms, with the blocks' own error.
    private static let interruptionCount: Float = 138
    /// Samples of silence that always do: below 30 ms.
    private static let pauseCount: Float = 230
    /// Cosine of the phase error that still is the same press: 45°.
    private static let samePhase: Float = 0.707

    /// A digit that has just been recognised.
    struct Hit: Sendable, Equatable {
        var digit: Character
        /// Sample at which its first full block began.
        var startSample: Int
    }

    /// A complex number a filter.
    private struct Phasors: Sendable {
        var re = SIMD8<Float>.zero
        var im = SIMD8<Float>.zero

        /// This one after `earlier`: how far each turned, times both magnitudes.
        func since(_ earlier: Phasors) -> Phasors {
            Phasors(
                re: re * earlier.re + im * earlier.im, im: im * earlier.re - re * earlier.im)
        }

        func turned(by other: Phasors) -> Phasors {
            Phasors(re: re * other.re - im * other.im, im: re * other.im + im * other.re)
        }

        var magnitude: SIMD8<Float> { (re * re + im * im).squareRoot() }

        /// Of length 1; zero stays zero.
        var unit: Phasors {
            let length = pointwiseMax(magnitude, SIMD8(repeating: .leastNormalMagnitude))
            return Phasors(re: re / length, im: im / length)
        }
    }

    private static let tables = GoertzelTables(frequencies: DTMF.rows + DTMF.columns)
    private var bank = GoertzelBank(tables)
    /// Own copies: the first use of a static would allocate on the packet path.
    private let digits = DTMF.digits
    private let sines: SIMD8<Float>
    /// Takes out of a block's advance what the filter's own frequency turns in it.
    private let backwards: Phasors
    /// Cosine of the farthest that is left over of a block's advance, and of what a telephone's may leave.
    private let tolerance: SIMD8<Float>
    private let telephone: SIMD8<Float>
    private var filled = 0
    private var position = 0

    private var previous = Phasors()
    private var lastIndex = -1
    private var run = 0
    /// Index of the digit that is sounding, −1 when none is.
    private(set) var sounding = -1
    /// Samples until which the last block lasted that held a pair of digits' tones, however short.
    private(set) var lastPair = -1_000_000
    /// From where to where the last pair sounded whose tones are farther off than a telephone's.
    private(set) var offPitch = (start: -1_000_000, end: -1_000_000)
    private var misses = 0
    /// Energy of a full block of the digit.
    private var level: Float = 0
    /// Samples that the energy of the latest blocks falls short of `level`.
    private var gap: Float = 0
    /// The last block with the digit, and how its phases advance from block to block: the sum of
    /// unit lengths over the press, since one block's advance is off by the other tone's leakage.
    private var kept = Phasors()
    private var advance = Phasors()
    /// The same of the pair that sounds, on a digit's frequencies or beside them: where it began, how many more
    /// blocks held it, how many in a row since did not.
    private var pairAdvance = Phasors()
    private var pairIndex = -1
    private var pairStart = 0
    private var pairBlocks = 0
    private var pairMisses = 0

    init() {
        var sines = SIMD8<Float>.zero
        var backwards = Phasors()
        var tolerance = SIMD8<Float>.zero
        var telephone = SIMD8<Float>.zero
        for (index, hertz) in (DTMF.rows + DTMF.columns).prefix(8).enumerated() {
            let omega = 2 * Double.pi * hertz / Double(DetectorChain.sampleRate)
            let block = omega * Double(Self.blockCount)
            sines[index] = Float(Elementary.sin(omega))
            backwards.re[index] = Float(Elementary.cos(block))
            backwards.im[index] = Float(-Elementary.sin(block))
            let part = index < 4 ? Self.rowTolerance : Self.columnTolerance
            tolerance[index] = Float(Elementary.cos(min(block * part, Double.pi)))
            telephone[index] = Float(Elementary.cos(block * Self.telephoneTolerance))
        }
        self.sines = sines
        self.backwards = backwards
        self.tolerance = tolerance
        self.telephone = telephone
    }

    /// Takes at most one block's worth of samples and returns a digit when one is recognised.
    /// (80 samples end at most one block of 102.) The hop goes through `other`, too.
    mutating func push(
        _ hop: UnsafeBufferPointer<Int16>, beside other: inout GoertzelBank
    ) -> Hit? {
        var hit: Hit?
        var rest = hop
        while !rest.isEmpty {
            let count = min(rest.count, Self.blockCount - filled)
            GoertzelBank.run(&bank, &other, UnsafeBufferPointer(rebasing: rest.prefix(count)))
            bank.endHop()
            filled += count
            position += count
            rest = UnsafeBufferPointer(rebasing: rest.dropFirst(count))
            if filled == Self.blockCount {
                if let found = endBlock() { hit = found }
            }
        }
        other.endHop()
        return hit
    }

    // Mutating, whatever is asked here: what is not gets a copy of the whole detector.

    private mutating func endBlock() -> Hit? {
        let energy = bank.energy
        let index = digitIndex(bank.power, energy)
        let now = phasors()
        // How far each filter turned since the last block, less its own frequency's turn.
        let step = now.since(previous).turned(by: backwards)
        bank.beginBlock()
        filled = 0
        if index >= 0 { lastPair = position }
        judge(step, index)
        let isSame = index >= 0 && index == lastIndex && isOnFrequency(step, index)
        run = isSame ? run + 1 : (index >= 0 ? 1 : 0)
        lastIndex = index
        previous = now
        if sounding >= 0, goesOn(index, now, step, energy) { return nil }
        sounding = -1
        guard run >= Self.blocksToBegin, index >= 0 else { return nil }
        sounding = index
        misses = 0
        gap = 0
        level = energy
        advance = Phasors()
        keep(now, step)
        let start = position - run * Self.blockCount
        return Hit(digit: digits[index], startSample: start)
    }

    /// Whether the digit that sounds goes on with this block.
    private mutating func goesOn(
        _ index: Int, _ now: Phasors, _ step: Phasors, _ energy: Float
    ) -> Bool {
        let lacking = max(0, 1 - energy / max(level, 1)) * Float(Self.blockCount)
        guard index == sounding else {
            misses += 1
            gap += lacking
            return misses < Self.blocksToEnd && run < Self.blocksToBegin
        }
        if misses > 0 {
            let whole = gap + lacking
            if whole > Self.pauseCount { return false }
            if whole > Self.interruptionCount, !continues(now, after: misses + 1) { return false }
        }
        misses = 0
        gap = lacking > 8 ? lacking : 0
        if run >= Self.blocksToBegin {
            if energy > 0.9 * level { level += (energy - level) / 4 }
            keep(now, step)
        } else {
            kept = now
        }
        return true
    }

    private mutating func keep(_ now: Phasors, _ step: Phasors) {
        kept = now
        let unit = step.unit
        advance.re += unit.re
        advance.im += unit.im
    }

    /// Whether the tones of the pair that has sounded for some blocks are a telephone's, digit or not.
    private mutating func judge(_ step: Phasors, _ index: Int) {
        guard index == pairIndex, index >= 0 else {
            pairMisses += 1
            // Two tones between the filters' frequencies beat: blocks in between may look like none.
            guard index >= 0 || pairMisses >= Self.blocksToEnd else { return }
            pairIndex = index
            pairStart = position - Self.blockCount
            pairAdvance = Phasors()
            pairBlocks = 0
            pairMisses = 0
            return
        }
        pairMisses = 0
        let unit = step.unit
        pairAdvance.re += unit.re
        pairAdvance.im += unit.im
        pairBlocks += 1
        guard pairBlocks >= Self.blocksToJudge else { return }
        let limit = pairAdvance.magnitude * telephone
        let row = index / 4
        let column = 4 + index % 4
        if pairAdvance.re[row] < limit[row] || pairAdvance.re[column] < limit[column] {
            offPitch = (pairStart, position)
        }
    }

    /// Whether row and column stand where the last block with them, `blocks` ago, would have got to.
    private mutating func continues(_ now: Phasors, after blocks: Int) -> Bool {
        var left = now.since(kept)
        let forth = advance.unit
        let back = Phasors(re: forth.re, im: -forth.im)
        for _ in 0..<min(blocks, Self.blocksToEnd) {
            left = left.turned(by: backwards).turned(by: back)
        }
        let limit = left.magnitude * Self.samePhase
        let row = sounding / 4
        let column = 4 + sounding % 4
        return left.re[row] > limit[row] && left.re[column] > limit[column]
    }

    private mutating func isOnFrequency(_ step: Phasors, _ index: Int) -> Bool {
        let limit = step.magnitude * tolerance
        let row = index / 4
        let column = 4 + index % 4
        return step.re[row] >= limit[row] && step.re[column] >= limit[column]
    }

    private mutating func phasors() -> Phasors {
        let (last, before) = bank.outputs
        return Phasors(re: last - 0.5 * bank.coefficients * before, im: sines * before)
    }

    /// 0…15, or −1 when the block is no digit.
    private mutating func digitIndex(_ power: SIMD8<Float>, _ energy: Float) -> Int {
        var row = 0
        var column = 4
        for index in 1..<4 where power[index] > power[row] { row = index }
        for index in 5..<8 where power[index] > power[column] { column = index }
        let low = power[row]
        let high = power[column]
        // A sine of mean square m gives power m N²/2.
        let half = Float(Self.blockCount * Self.blockCount) / 2
        guard min(low, high) > Self.minimumMeanSquare * half,
            low <= high * Self.forwardTwist, high <= low * Self.reverseTwist,
            low + high > Self.minimumShare * energy * Float(Self.blockCount) / 2
        else { return -1 }
        for index in 0..<4 where index != row {
            guard power[index] * Self.groupMargin < low else { return -1 }
        }
        for index in 4..<8 where index != column {
            guard power[index] * Self.groupMargin < high else { return -1 }
        }
        return row * 4 + column - 4
    }
}
