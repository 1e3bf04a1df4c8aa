/// Losing and gaining one pitch period without a click: waveform similarity overlap-add on a
/// contiguous piece of audio. Pure functions; work in the order of 10 µs, only when the delay is
/// being changed.
///
/// ```
/// compress:  x[0 ── O) fades into x[T ── T+O), goes on at x[T+O …]      T samples fewer
/// expand:    x[0 … T), x[T ── T+O) fades into x[0 ── O), goes on at x[O …]   T samples more
/// ```
enum PlayoutTimeScale {
    /// Normalised correlation from which two stretches count as the same waveform.
    static let similar: Float = 0.6
    /// Mean square below which any cut is inaudible: −55 dB of full scale.
    static let quiet: Float = 3400

    /// The lag in `lags` at which `x` resembles itself most, and how much (−1…1). `window` samples
    /// are compared, fewer at lags that leave less.
    static func bestLag(
        _ x: UnsafeBufferPointer<Int16>, lags: ClosedRange<Int>, window: Int
    ) -> (lag: Int, similarity: Float) {
        var best = (lag: lags.lowerBound, similarity: Float(-1))
        for lag in lags {
            let count = min(window, x.count - lag)
            guard count > 0 else { break }
            var cross: Float = 0
            var first: Float = 0
            var second: Float = 0
            for index in 0..<count {
                let a = Float(x[index])
                let b = Float(x[index + lag])
                cross += a * b
                first += a * a
                second += b * b
            }
            let energy = (first * second).squareRoot()
            let similarity = energy > 0 ? cross / energy : 0
            if similarity > best.similarity { best = (lag, similarity) }
        }
        return best
    }

    static func meanSquare(_ x: UnsafeBufferPointer<Int16>) -> Float {
        guard !x.isEmpty else { return 0 }
        var sum: Float = 0
        for sample in x { sum += Float(sample) * Float(sample) }
        return sum / Float(x.count)
    }

    /// Fills `frame` from `x` with `lag` samples left out; needs frame.count + lag samples.
    static func compress(
        _ x: UnsafeBufferPointer<Int16>, lag: Int, overlap: Int,
        into frame: UnsafeMutableBufferPointer<Int16>
    ) {
        guard x.count >= frame.count + lag else { return }
        for index in frame.indices {
            frame[index] =
                index < overlap
                ? blend(x[index], x[index + lag], index, overlap) : x[index + lag]
        }
    }

    /// Fills `frame` from `x` with `lag` samples played twice; needs frame.count samples and
    /// frame.count ≥ lag + overlap.
    static func expand(
        _ x: UnsafeBufferPointer<Int16>, lag: Int, overlap: Int,
        into frame: UnsafeMutableBufferPointer<Int16>
    ) {
        guard x.count >= frame.count, frame.count >= lag + overlap else { return }
        for index in frame.indices {
            if index < lag {
                frame[index] = x[index]
            } else if index < lag + overlap {
                frame[index] = blend(x[index], x[index - lag], index - lag, overlap)
            } else {
                frame[index] = x[index - lag]
            }
        }
    }

    /// From `a` to `b` in `steps` equal steps.
    @inline(__always)
    static func blend(_ a: Int16, _ b: Int16, _ step: Int, _ steps: Int) -> Int16 {
        let mixed = (Int(a) * (steps - step) + Int(b) * step) / max(1, steps)
        return Int16(truncatingIfNeeded: mixed)
    }
}
