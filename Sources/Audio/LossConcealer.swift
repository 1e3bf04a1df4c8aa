/// Fills the place of lost audio by going on with the last pitch cycle (after the idea of ITU-T
/// G.711 Appendix I, own design), and joins what comes after the loss to it.
///
/// ```
/// good(frame) ──► history, 60 ms ──► at a loss: lag of the best match ──► the last cycle, its end
///                                                                         blended into its start
/// conceal()   ◄── fade ◄── level trend ◄── step taken away ◄── 1, then 2, then 3 cycles
/// good(frame) ◄── the first 2 to 3 ms blended from what was being played
/// ```
/// No delay, unlike Appendix I, which holds all audio back by 3.75 ms to blend into the loss: here
/// the step between the last real sample and the repeated cycle decays within 2 ms instead. The
/// level falls evenly to silence at 80 ms, and faster where the sound was falling already. Work is
/// done only in and after a loss; nothing is allocated after `init`. Made for 8 kHz.
public struct LossConcealer: Sendable {
    /// Samples kept, 60 ms.
    public static let historyCount = 480
    /// Pitch lags searched: 2.5 ms (400 Hz) to 17.5 ms (57 Hz).
    static let lags = 20...140
    /// Samples that must match at the best lag, and those over which the level's trend is taken.
    /// Short ones: the newest few milliseconds say most.
    static let matchCount = 40
    static let trendCount = 60
    /// How far a fall of level is carried on, in dB per dB: speech that falls goes on falling.
    static let trendWeight = 1.4
    /// Concealed samples after which two cycles are repeated, and three: less buzz.
    static let twoCyclesAfter = 120
    static let threeCyclesAfter = 240
    /// Concealed samples after which only silence remains.
    static let fadeOutCount = 640
    /// Samples in which the step at the start decays.
    static let stepCount = 16

    // Oldest first.
    private var history = [Float](repeating: 0, count: historyCount)
    // The history as it was when the loss began.
    private var before = [Float](repeating: 0, count: historyCount)
    // `cycleCount` samples that are repeated, and what is being faded into them.
    private var cycle = [Float](repeating: 0, count: historyCount)
    private var leaving = [Float](repeating: 0, count: lags.upperBound)
    private var leavingIndex = 0
    private var leavingCount = 0
    private var cycleCount = lags.upperBound
    private var cycleIndex = 0
    private var lag = lags.upperBound
    private var step: Float = 0
    private var gain: Float = 1
    private var gainStep: Float = 1
    /// Samples concealed since the last good one.
    public private(set) var concealedRun = 0

    public init() {}

    /// A frame that did arrive; any count. Give the buffer that is played (the other `good`) where
    /// it may be changed: the join after a loss is smoother.
    public mutating func good(_ frame: UnsafeBufferPointer<Int16>) {
        guard !frame.isEmpty else { return }
        remember(frame)
        concealedRun = 0
    }

    /// A frame that did arrive; after a loss its first samples are blended from what was being
    /// played.
    public mutating func good(_ frame: UnsafeMutableBufferPointer<Int16>) {
        guard !frame.isEmpty else { return }
        if concealedRun > 0, concealedRun < Self.fadeOutCount {
            let count = min(frame.count, concealedRun > 160 ? 32 : 24)
            for index in 0..<count {
                let share = (Float(index) + 0.5) / Float(count)
                let old = next()
                frame[index] = Self.sample(old + (Float(frame[index]) - old) * share)
            }
        }
        good(UnsafeBufferPointer(frame))
    }

    /// Writes a substitute for audio that is lost; any count.
    public mutating func conceal(into frame: UnsafeMutableBufferPointer<Int16>) {
        guard !frame.isEmpty else { return }
        if concealedRun == 0 { prepare() }
        for index in frame.indices {
            frame[index] = concealedRun < Self.fadeOutCount ? Self.sample(next()) : 0
        }
        remember(UnsafeBufferPointer(frame))
    }

    private mutating func remember(_ frame: UnsafeBufferPointer<Int16>) {
        let keep = min(frame.count, Self.historyCount)
        let kept = Self.historyCount - keep
        history.withUnsafeMutableBufferPointer { history in
            // SAFETY: kept + keep = historyCount; both copies stay inside `history`.
            for index in 0..<kept { history[index] = history[index + keep] }
            for index in 0..<keep {
                history[kept + index] = Float(frame[frame.count - keep + index])
            }
        }
    }

    /// The next sample of the substitute.
    private mutating func next() -> Float {
        if concealedRun == Self.twoCyclesAfter { lengthen(to: 2) }
        if concealedRun == Self.threeCyclesAfter { lengthen(to: 3) }
        var value = cycle[cycleIndex]
        cycleIndex = cycleIndex + 1 == cycleCount ? 0 : cycleIndex + 1
        if leavingIndex < leavingCount {
            let share = (Float(leavingIndex) + 0.5) / Float(leavingCount)
            value = leaving[leavingIndex] + (value - leaving[leavingIndex]) * share
            leavingIndex += 1
        }
        if concealedRun < Self.stepCount {
            value += step * Float(Self.stepCount - concealedRun) / Float(Self.stepCount)
        }
        gain *= gainStep
        value *= gain
        value *= Float(Self.fadeOutCount - concealedRun) / Float(Self.fadeOutCount)
        if concealedRun < Self.fadeOutCount { concealedRun += 1 }
        return value
    }

    /// The loss begins: finds the pitch and the trend, and takes the first cycle.
    private mutating func prepare() {
        for index in 0..<Self.historyCount { before[index] = history[index] }
        lag = Self.bestLag(before)
        let end = Self.historyCount
        let span = max(lag, Self.trendCount)
        let newer = Self.energy(before, end - span, span)
        let older = Self.energy(before, end - 2 * span, span)
        // 20 dB a span at most, and never louder.
        let ratio = min(max((newer / older).squareRoot(), 0.2), 1)
        gainStep = Float(
            Elementary.exp(Self.trendWeight * Elementary.log(Double(ratio)) / Double(span)))
        gain = 1
        step = before[end - 1] - before[end - 1 - lag]
        takeCycles(1)
        cycleIndex = 0
        leavingCount = 0
        leavingIndex = 0
    }

    /// Repeats `cycles` lags from now on, from the same place in the cycle.
    private mutating func lengthen(to cycles: Int) {
        leavingCount = lag / 4
        leavingIndex = 0
        for index in 0..<leavingCount {
            leaving[index] = cycle[(cycleIndex + index) % cycleCount]
        }
        cycleIndex %= lag
        takeCycles(cycles)
    }

    /// The last `cycles` lags before the loss; their last quarter lag turns into what stood before
    /// their first, so that the end goes over into the start.
    private mutating func takeCycles(_ cycles: Int) {
        let end = Self.historyCount
        cycleCount = lag * cycles
        for index in 0..<cycleCount { cycle[index] = before[end - cycleCount + index] }
        let blend = lag / 4
        for index in 0..<blend {
            let share = (Float(index) + 0.5) / Float(blend)
            let last = before[end - blend + index]
            let first = before[end - cycleCount - blend + index]
            cycle[cycleCount - blend + index] = last + (first - last) * share
        }
    }

    /// The lag at which the newest samples resemble older ones most.
    private static func bestLag(_ samples: [Float]) -> Int {
        samples.withUnsafeBytes { raw in
            var best = (lag: lags.upperBound, likeness: -Float.infinity)
            for lag in lags {
                var product = SIMD8<Float>.zero
                var newer = SIMD8<Float>.zero
                var older = SIMD8<Float>.zero
                for index in stride(from: historyCount - matchCount, to: historyCount, by: 8) {
                    // SAFETY: index + 8 ≤ historyCount and index − lag ≥ 0.
                    let a = raw.loadUnaligned(fromByteOffset: 4 * index, as: SIMD8<Float>.self)
                    let b = raw.loadUnaligned(
                        fromByteOffset: 4 * (index - lag), as: SIMD8<Float>.self)
                    product += a * b
                    newer += a * a
                    older += b * b
                }
                let norm = (newer.sum() + 1) * (older.sum() + 1)
                let likeness = product.sum() / norm.squareRoot()
                if likeness > best.likeness { best = (lag, likeness) }
            }
            return best.lag
        }
    }

    /// Of `count` samples, never 0.
    private static func energy(_ samples: [Float], _ start: Int, _ count: Int) -> Float {
        var sum: Float = 1
        for index in start..<start + count { sum += samples[index] * samples[index] }
        return sum
    }

    @inline(__always)
    private static func sample(_ value: Float) -> Int16 {
        Int16(min(max(value, -32768), 32767).rounded())
    }
}
