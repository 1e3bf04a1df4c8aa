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
/// done only in and after a loss; nothing is allocated after `init`. At 8 or 16 kHz.
public struct LossConcealer: Sendable {
    /// Milliseconds kept.
    static let historyMilliseconds = 60
    /// Pitch lags searched at 8 kHz: 2.5 ms (400 Hz) to 17.5 ms (57 Hz).
    static let lags = 20...140
    /// Samples at 8 kHz that must match at the best lag, and those over which the level's trend is
    /// taken. Short ones: the newest few milliseconds say most.
    static let matchCount = 40
    static let trendCount = 60
    /// How far a fall of level is carried on, in dB per dB: speech that falls goes on falling.
    static let trendWeight = 1.4
    /// Milliseconds of concealment after which two cycles are repeated, and three: less buzz.
    static let twoCyclesAfter = 15
    static let threeCyclesAfter = 30
    /// Milliseconds of concealment after which only silence remains.
    static let fadeOut = 80
    /// Milliseconds in which the step at the start decays.
    static let stepMilliseconds = 2

    /// 8000 or 16 000 Hz.
    public let sampleRate: Int
    /// Samples a millisecond, and for one sample at 8 kHz.
    let perMillisecond: Int
    let scale: Int
    private let historyCount: Int
    let fadeOutCount: Int
    let stepCount: Int

    // A ring whose oldest sample is at `oldest`: of each packet of each call only its own samples
    // are written.
    private var history: [Int16]
    private var oldest = 0
    // The history as it was when the loss began, oldest first; `cycleCount` samples of its end are
    // repeated (`cycle`).
    private var before: [Int16]
    // What is being faded into them.
    var leaving: [Float]
    private var leavingIndex = 0
    private var leavingCount = 0
    private var cycleCount: Int
    private var cycleIndex = 0
    private var lag: Int
    private var step: Float = 0
    private var gain: Float = 1
    private var gainStep: Float = 1
    /// Samples concealed since the last good one.
    public private(set) var concealedRun = 0
    /// Anything was heard: before that there is nothing to go on with, and nothing to join.
    var hasHeard = false

    /// - Parameter sampleRate: 8000 or 16000 Hz; any other counts as 8000.
    public init(sampleRate: Int = 8000) {
        self.sampleRate = sampleRate == 16_000 ? 16_000 : 8000
        scale = self.sampleRate / 8000
        perMillisecond = 8 * scale
        historyCount = Self.historyMilliseconds * perMillisecond
        fadeOutCount = Self.fadeOut * perMillisecond
        stepCount = Self.stepMilliseconds * perMillisecond
        lag = Self.lags.upperBound * scale
        cycleCount = lag
        history = [Int16](repeating: 0, count: historyCount)
        before = [Int16](repeating: 0, count: historyCount)
        leaving = [Float](repeating: 0, count: lag)
    }

    /// A frame that did arrive; any count. Give the buffer that is played (the other `good`) where
    /// it may be changed: the join after a loss is smoother.
    public mutating func good(_ frame: UnsafeBufferPointer<Int16>) {
        guard !frame.isEmpty else { return }
        remember(frame)
        concealedRun = 0
        hasHeard = true
    }

    /// A frame that did arrive; after a loss its first samples are blended from what was being
    /// played.
    public mutating func good(_ frame: UnsafeMutableBufferPointer<Int16>) {
        guard !frame.isEmpty else { return }
        if concealedRun > 0, concealedRun < fadeOutCount {
            let count = min(
                frame.count, concealedRun > 20 * perMillisecond ? 32 * scale : 24 * scale)
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
        guard hasHeard else { return frame.update(repeating: 0) }
        if concealedRun == 0 { prepare() }
        for index in frame.indices {
            frame[index] = concealedRun < fadeOutCount ? Self.sample(next()) : 0
        }
        remember(UnsafeBufferPointer(frame))
    }

    /// The newest samples of the history were a first guess: these stand in their place, and there
    /// is no loss any more whose end would have to be joined.
    mutating func replaceNewest(_ frame: UnsafeBufferPointer<Int16>) {
        let count = min(frame.count, historyCount)
        for index in 0..<count {
            history[(oldest + historyCount - count + index) % historyCount] =
                frame[frame.count - count + index]
        }
        concealedRun = 0
    }

    private mutating func remember(_ frame: UnsafeBufferPointer<Int16>) {
        guard let source = frame.baseAddress else { return }
        let keep = min(frame.count, historyCount)
        let newest = source + (frame.count - keep)
        let start = oldest
        let atEnd = min(keep, historyCount - start)
        history.withUnsafeMutableBufferPointer { history in
            guard let base = history.baseAddress else { return }
            // SAFETY: start + atEnd ≤ historyCount, and keep − atEnd ≤ start.
            (base + start).update(from: newest, count: atEnd)
            base.update(from: newest + atEnd, count: keep - atEnd)
        }
        oldest = (start + keep) % historyCount
    }

    /// The next sample of the substitute.
    private mutating func next() -> Float {
        if concealedRun == Self.twoCyclesAfter * perMillisecond { lengthen(to: 2) }
        if concealedRun == Self.threeCyclesAfter * perMillisecond { lengthen(to: 3) }
        var value = cycle(cycleIndex)
        cycleIndex = cycleIndex + 1 == cycleCount ? 0 : cycleIndex + 1
        if leavingIndex < leavingCount {
            let share = (Float(leavingIndex) + 0.5) / Float(leavingCount)
            value = leaving[leavingIndex] + (value - leaving[leavingIndex]) * share
            leavingIndex += 1
        }
        if concealedRun < stepCount {
            value += step * Float(stepCount - concealedRun) / Float(stepCount)
        }
        gain *= gainStep
        value *= gain
        value *= Float(fadeOutCount - concealedRun) / Float(fadeOutCount)
        if concealedRun < fadeOutCount { concealedRun += 1 }
        return value
    }

    /// The loss begins: finds the pitch and the trend, and takes the first cycle.
    private mutating func prepare() {
        for index in 0..<historyCount {
            before[index] = history[(oldest + index) % historyCount]
        }
        // On the stack: a temporary allocation of more than 1 KiB would be one of the heap.
        var room = InlineArray<960, Float>(repeating: 0)
        for index in 0..<historyCount { room[index] = Float(before[index]) }
        (lag, gainStep) = room.span.withUnsafeBufferPointer { room in
            let samples = UnsafeBufferPointer(rebasing: room[..<historyCount])
            let lag = Self.bestLag(samples, scale)
            let span = max(lag, Self.trendCount * scale)
            let newer = Self.energy(samples, historyCount - span, span)
            let older = Self.energy(samples, historyCount - 2 * span, span)
            // 20 dB a span at most, and never louder.
            let ratio = min(max((newer / older).squareRoot(), 0.2), 1)
            let trend = Self.trendWeight * Elementary.log(Double(ratio)) / Double(span)
            return (lag, Float(Elementary.exp(trend)))
        }
        gain = 1
        step = Float(before[historyCount - 1]) - Float(before[historyCount - 1 - lag])
        cycleCount = lag
        cycleIndex = 0
        leavingCount = 0
        leavingIndex = 0
    }

    /// Repeats `cycles` lags from now on, from the same place in the cycle.
    private mutating func lengthen(to cycles: Int) {
        leavingCount = lag / 4
        leavingIndex = 0
        for index in 0..<leavingCount {
            leaving[index] = cycle((cycleIndex + index) % cycleCount)
        }
        cycleIndex %= lag
        cycleCount = lag * cycles
    }

    /// A sample of what is repeated, the last `cycleCount` before the loss; their last quarter lag
    /// turns into what stood before their first, so that the end goes over into the start.
    private func cycle(_ index: Int) -> Float {
        let last = Float(before[historyCount - cycleCount + index])
        let blend = lag / 4
        let blended = index - (cycleCount - blend)
        guard blended >= 0 else { return last }
        let first = Float(before[historyCount - cycleCount - blend + blended])
        return last + (first - last) * ((Float(blended) + 0.5) / Float(blend))
    }

    /// The lag at which the newest samples resemble older ones most.
    private static func bestLag(_ samples: UnsafeBufferPointer<Float>, _ scale: Int) -> Int {
        let raw = UnsafeRawBufferPointer(samples)
        let count = samples.count
        var best = (lag: lags.upperBound * scale, likeness: -Float.infinity)
        for lag in lags.lowerBound * scale...lags.upperBound * scale {
            var product = SIMD8<Float>.zero
            var newer = SIMD8<Float>.zero
            var older = SIMD8<Float>.zero
            for index in stride(from: count - matchCount * scale, to: count, by: 8) {
                // SAFETY: index + 8 ≤ count and index − lag ≥ 0.
                let a = raw.loadUnaligned(fromByteOffset: 4 * index, as: SIMD8<Float>.self)
                let b = raw.loadUnaligned(fromByteOffset: 4 * (index - lag), as: SIMD8<Float>.self)
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

    /// Of `count` samples, never 0.
    private static func energy(
        _ samples: UnsafeBufferPointer<Float>, _ start: Int, _ count: Int
    ) -> Float {
        var sum: Float = 1
        for index in start..<start + count { sum += samples[index] * samples[index] }
        return sum
    }

    @inline(__always)
    static func sample(_ value: Float) -> Int16 {
        Int16(min(max(value, -32768), 32767).rounded())
    }
}
