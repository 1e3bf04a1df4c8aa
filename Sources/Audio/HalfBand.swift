import CVector

/// Doubles or halves a sample rate with a half-band filter of 63 taps: every second tap but the
/// middle one is 0, so one phase is a plain delay and the other has 32 symmetric taps.
///
/// ```
/// 8 → 16:  x ──┬► 32 taps ──► even outputs      16 → 8:  even inputs ──► delay 15 ─┐
///              └► delay 15 ─► odd outputs                odd inputs ───► 32 taps ──┴► ½ Σ
/// ```
/// Flat within ±0.003 dB to 3500 Hz, −69.6 dB from 4500 Hz on (of a 16 kHz rate);
/// tools/quality/halfband.py computes the taps and these figures. The sums are of
/// CVector (`tl_half_band_up`, `tl_half_band_down`). Allocates nothing after `init`.
struct HalfBand: ~Copyable {
    enum Direction: Sendable { case doubling, halving }

    /// Samples of the past that a pass needs.
    private static let pastCount = Int(TL_HALF_BAND_TAPS) - 1
    /// Filtered-phase samples of one pass.
    private static let passCount = Int(TL_HALF_BAND_PASS)
    /// The first half; the others mirror them. Sum of all 32: 1.
    static let taps: [Float] = [
        -0.000752743604, 0.00123301944, -0.00219083985, 0.0035881375, -0.00554813073,
        0.00821844277, -0.011779706, 0.016466922, -0.0226074585, 0.0306983926, -0.0415729174,
        0.0567913458, -0.0797049517, 0.119075309, -0.207167223, 0.634924703,
    ]

    let direction: Direction
    // SAFETY: made in init, freed once in deinit, never leave this struct but to CVector. Each holds
    // pastCount samples of the past, then passCount new ones; `delayed` is of use to `halve` only.
    private let filtered: UnsafeMutablePointer<Float>
    private let delayed: UnsafeMutablePointer<Float>?
    /// Halving: the even sample of a pair whose odd one has not come yet.
    private var waiting: Int16?

    init(_ direction: Direction) {
        self.direction = direction
        filtered = Self.line()
        delayed = direction == .halving ? Self.line() : nil
    }

    private static func line() -> UnsafeMutablePointer<Float> {
        let line = UnsafeMutablePointer<Float>.allocate(capacity: pastCount + passCount)
        line.initialize(repeating: 0, count: pastCount + passCount)
        return line
    }

    deinit {
        filtered.deallocate()
        delayed?.deallocate()
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
            let (took, gave) =
                if let delayed { halve(rest, room, delayed) } else { double(rest, room) }
            if took == 0 { return (consumed, written) }
            consumed += took
            written += gave
        }
    }

    private mutating func double(
        _ input: UnsafeBufferPointer<Int16>, _ output: UnsafeMutableBufferPointer<Int16>
    ) -> (Int, Int) {
        let count = min(input.count, output.count / 2, Self.passCount)
        guard count > 0, let from = input.baseAddress, let to = output.baseAddress else {
            return (0, 0)
        }
        // SAFETY: `from` holds count samples, `to` twice as many, the line passCount.
        Self.taps.withUnsafeBufferPointer {
            tl_half_band_up(filtered, $0.baseAddress, from, Int32(count), to)
        }
        return (count, 2 * count)
    }

    private mutating func halve(
        _ input: UnsafeBufferPointer<Int16>, _ output: UnsafeMutableBufferPointer<Int16>,
        _ delayed: UnsafeMutablePointer<Float>
    ) -> (Int, Int) {
        guard let from = input.baseAddress, !input.isEmpty else { return (0, 0) }
        if let even = waiting {
            guard let to = output.baseAddress, !output.isEmpty else { return (0, 0) }
            waiting = nil
            withUnsafeTemporaryAllocation(of: Int16.self, capacity: 2) { pair in
                pair[0] = even
                pair[1] = from[0]
                halve(pair.baseAddress, 1, to, delayed)
            }
            return (1, 1)
        }
        let pairs = min(input.count / 2, output.count, Self.passCount)
        if pairs > 0 {
            halve(from, pairs, output.baseAddress, delayed)
            return (2 * pairs, pairs)
        }
        guard input.count == 1 else { return (0, 0) }
        waiting = from[0]
        return (1, 0)
    }

    /// SAFETY: `from` holds `pairs` pairs of samples, `to` has room for `pairs`, the lines for passCount.
    private func halve(
        _ from: UnsafePointer<Int16>?, _ pairs: Int, _ to: UnsafeMutablePointer<Int16>?,
        _ delayed: UnsafeMutablePointer<Float>
    ) {
        Self.taps.withUnsafeBufferPointer {
            tl_half_band_down(filtered, delayed, $0.baseAddress, from, Int32(pairs), to)
        }
    }
}
