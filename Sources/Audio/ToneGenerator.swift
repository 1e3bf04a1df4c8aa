/// A sum of sines that goes on without a break from call to call.
public struct ToneGenerator: Sendable {
    private struct Partial: Sendable {
        var phase: Double
        var step: Double
    }
    private var partials: [Partial]
    private let amplitude: Double

    /// - Parameters:
    ///   - frequencies: Hz; each sounds at `levelDBm0`.
    ///   - levelDBm0: level of each sine; a full-scale sine is +3.14 dBm0. The sum clips at full
    ///     scale.
    public init(frequencies: [Double], levelDBm0: Double, sampleRate: Int = 8000) {
        let rate = Double(max(sampleRate, 1))
        partials = frequencies.map { Partial(phase: 0, step: 2 * Double.pi * $0 / rate) }
        amplitude = Level.amplitude(dBm0: levelDBm0)
    }

    /// The next value of the sum, unclipped, in 16-bit units.
    public mutating func nextValue() -> Double {
        var sum = 0.0
        for index in partials.indices {
            sum += Elementary.sin(partials[index].phase)
            partials[index].phase += partials[index].step
            if partials[index].phase >= 2 * Double.pi { partials[index].phase -= 2 * Double.pi }
        }
        return sum * amplitude
    }

    /// Overwrites `samples` with the tone.
    public mutating func fill(into samples: UnsafeMutableBufferPointer<Int16>) {
        for index in samples.indices { samples[index] = clippedSample(nextValue()) }
    }

    /// Adds the tone to what `samples` holds, clipping.
    public mutating func mix(into samples: UnsafeMutableBufferPointer<Int16>) {
        for index in samples.indices {
            samples[index] = clippedSample(Double(samples[index]) + nextValue())
        }
    }

    /// The next `count` samples.
    public mutating func next(_ count: Int) -> [Int16] {
        var samples = [Int16](repeating: 0, count: max(count, 0))
        samples.withUnsafeMutableBufferPointer { fill(into: $0) }
        return samples
    }
}

/// Sixteen DTMF digits (ITU-T Q.23).
public enum DTMF {
    /// Low group, Hz, from the top row down.
    public static let rows: [Double] = [697, 770, 852, 941]
    /// High group, Hz, from left to right.
    public static let columns: [Double] = [1209, 1336, 1477, 1633]
    /// Row by row.
    public static let digits: [Character] = [
        "1", "2", "3", "A", "4", "5", "6", "B", "7", "8", "9", "C", "*", "0", "#", "D",
    ]

    /// Row and column frequency of `digit` in Hz, or nil when it is none of the sixteen.
    public static func frequencies(of digit: Character) -> (row: Double, column: Double)? {
        guard let index = digits.firstIndex(of: digit) else { return nil }
        return (rows[index / 4], columns[index % 4])
    }
}
