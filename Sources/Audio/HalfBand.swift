/// Doubles or halves a sample rate with a half-band filter of 63 taps: every second tap but the
/// middle one is 0, so one phase is a plain delay and the other has 32 symmetric taps.
///
/// ```
/// 8 → 16:  x ──┬► 32 taps ──► even outputs      16 → 8:  even inputs ──► delay 15 ─┐
///              └► delay 15 ─► odd outputs                odd inputs ───► 32 taps ──┴► ½ Σ
/// ```
/// Flat within ±0.003 dB to 3500 Hz, −69.6 dB from 4500 Hz on (of a 16 kHz rate);
/// tools/quality/halfband.py computes the taps and these figures. Allocates nothing after `init`.
struct HalfBand: ~Copyable {
    enum Direction: Sendable { case doubling, halving }

    /// Taps of the filtered phase.
    static let tapCount = 32
    /// Samples of the past that a pass needs.
    private static let pastCount = tapCount - 1
    /// Filtered-phase samples of one pass, a multiple of 8.
    private static let passCount = 320
    /// The delayed phase is this much behind: its sample stands in the middle of the taps.
    private static let phaseDelay = 15
    /// The first 16; the others mirror them. Sum of all 32: 1.
    private static let taps: [Float] = [
        -0.000752743604, 0.00123301944, -0.00219083985, 0.0035881375, -0.00554813073,
        0.00821844277, -0.011779706, 0.016466922, -0.0226074585, 0.0306983926, -0.0415729174,
        0.0567913458, -0.0797049517, 0.119075309, -0.207167223, 0.634924703,
    ]

    let direction: Direction
    // SAFETY: made in init, freed once in deinit, never leave this struct. `filtered` and `delayed`
    // hold pastCount samples of the past, then passCount new ones; `sums` holds passCount.
    private let filtered: UnsafeMutablePointer<Float>
    private let delayed: UnsafeMutablePointer<Float>
    private let sums: UnsafeMutablePointer<Float>
    /// Halving: the even sample of a pair whose odd one has not come yet.
    private var waiting: Float?

    init(_ direction: Direction) {
        self.direction = direction
        let room = Self.pastCount + Self.passCount
        filtered = .allocate(capacity: room)
        filtered.initialize(repeating: 0, count: room)
        delayed = .allocate(capacity: room)
        delayed.initialize(repeating: 0, count: room)
        sums = .allocate(capacity: Self.passCount)
        sums.initialize(repeating: 0, count: Self.passCount)
    }

    deinit {
        filtered.deallocate()
        delayed.deallocate()
        sums.deallocate()
    }

    /// Delay in output samples, whole in both directions.
    var latencySamples: Int { direction == .doubling ? 31 : 15 }

    /// Converts as much of `input` as `output` has room for.
    mutating func process(
        _ input: UnsafeBufferPointer<Int16>, into output: UnsafeMutableBufferPointer<Int16>
    ) -> (consumed: Int, written: Int) {
        var consumed = 0
        var written = 0
        while true {
            let rest = UnsafeBufferPointer(rebasing: input[consumed...])
            let room = UnsafeMutableBufferPointer(rebasing: output[written...])
            let (took, gave) = direction == .doubling ? double(rest, room) : halve(rest, room)
            if took == 0 { return (consumed, written) }
            consumed += took
            written += gave
        }
    }

    private mutating func double(
        _ input: UnsafeBufferPointer<Int16>, _ output: UnsafeMutableBufferPointer<Int16>
    ) -> (Int, Int) {
        let count = min(input.count, output.count / 2, Self.passCount)
        guard count > 0 else { return (0, 0) }
        for index in 0..<count { filtered[Self.pastCount + index] = Float(input[index]) }
        convolve(count)
        let middle = filtered + Self.pastCount - Self.phaseDelay
        for index in 0..<count {
            output[2 * index] = Self.sample(sums[index])
            output[2 * index + 1] = Self.sample(middle[index])
        }
        keepPast(of: filtered, count)
        return (count, 2 * count)
    }

    private mutating func halve(
        _ input: UnsafeBufferPointer<Int16>, _ output: UnsafeMutableBufferPointer<Int16>
    ) -> (Int, Int) {
        guard !input.isEmpty else { return (0, 0) }
        var consumed = 0
        var pairs = 0
        if let even = waiting {
            guard !output.isEmpty else { return (0, 0) }
            delayed[Self.pastCount] = even
            filtered[Self.pastCount] = Float(input[0])
            waiting = nil
            consumed = 1
            pairs = 1
        }
        let whole = min((input.count - consumed) / 2, output.count - pairs, Self.passCount - pairs)
        for index in 0..<whole {
            delayed[Self.pastCount + pairs + index] = Float(input[consumed + 2 * index])
            filtered[Self.pastCount + pairs + index] = Float(input[consumed + 2 * index + 1])
        }
        pairs += whole
        consumed += 2 * whole
        if input.count - consumed == 1 {
            waiting = Float(input[consumed])
            consumed += 1
        }
        convolve(pairs)
        let middle = delayed + Self.pastCount - Self.phaseDelay
        for index in 0..<pairs { output[index] = Self.sample(0.5 * (sums[index] + middle[index])) }
        keepPast(of: filtered, pairs)
        keepPast(of: delayed, pairs)
        return (consumed, pairs)
    }

    /// `sums[n]` = Σ taps[k] · filtered[n + k], eight n at a time and the mirrored taps together.
    private func convolve(_ count: Int) {
        Self.taps.withUnsafeBufferPointer { taps in
            var base = 0
            while base < count {
                var sum = SIMD8<Float>.zero
                for k in 0..<Self.tapCount / 2 {
                    // SAFETY: base + 7 + pastCount < pastCount + passCount, as passCount is a
                    // multiple of 8; what lies beyond `count` is old but initialised.
                    let left = UnsafeRawPointer(filtered + base + k)
                        .loadUnaligned(as: SIMD8<Float>.self)
                    let right = UnsafeRawPointer(filtered + base + Self.pastCount - k)
                        .loadUnaligned(as: SIMD8<Float>.self)
                    sum += (left + right) * taps[k]
                }
                UnsafeMutableRawPointer(sums + base).storeBytes(of: sum, as: SIMD8<Float>.self)
                base += 8
            }
        }
    }

    /// The last `pastCount` samples move to the front.
    private func keepPast(of line: UnsafeMutablePointer<Float>, _ count: Int) {
        line.update(from: line + count, count: Self.pastCount)
    }

    /// Rounded and clipped without a branch: 1.5 · 2²³ leaves the integer in the low bits.
    @inline(__always)
    private static func sample(_ value: Float) -> Int16 {
        let clipped = min(max(value, -32768), 32767)
        return Int16(truncatingIfNeeded: (clipped + 12_582_912).bitPattern)
    }
}
