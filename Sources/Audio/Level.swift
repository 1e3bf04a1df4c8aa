/// Sound level on the telephone network's scale.
public enum Level {
    /// A full-scale sine is +3.14 dBm0 (G.711 clause 4, A-law; µ-law's +3.17 rounds to it here).
    public static let fullScaleSineDBm0 = 3.14
    /// What digital silence reads as.
    public static let silenceDBm0 = -100.0

    /// The level of a mean square of 16-bit samples.
    public static func dBm0(meanSquare: Double) -> Double {
        // A full-scale sine has a mean square of 32768² / 2.
        guard meanSquare > 0 else { return silenceDBm0 }
        let level = Elementary.decibels(power: meanSquare / 536_870_912) + fullScaleSineDBm0
        return max(level, silenceDBm0)
    }

    /// RMS level of `samples`; `silenceDBm0` when there are none or all are 0.
    public static func dBm0(_ samples: UnsafeBufferPointer<Int16>) -> Double {
        guard !samples.isEmpty else { return silenceDBm0 }
        return dBm0(meanSquare: sumOfSquares(samples) / Double(samples.count))
    }

    /// RMS level of `samples`; `silenceDBm0` when there are none or all are 0.
    public static func dBm0(_ samples: [Int16]) -> Double {
        samples.withUnsafeBufferPointer { dBm0($0) }
    }

    /// Amplitude (peak, in 16-bit units) of a sine of `level`.
    public static func amplitude(dBm0 level: Double) -> Double {
        32768 * Elementary.amplitude(decibels: level - fullScaleSineDBm0)
    }

    /// Sum of squares, exact.
    public static func sumOfSquares(_ samples: UnsafeBufferPointer<Int16>) -> Double {
        var sum: Int64 = 0
        for sample in samples {
            let value = Int32(sample)
            sum &+= Int64(value &* value)
        }
        return Double(sum)
    }
}

/// `value` rounded to the nearest 16-bit sample, clipped at full scale; not-a-number becomes 0.
@inlinable
public func clippedSample(_ value: Double) -> Int16 {
    guard value == value else { return 0 }
    return Int16(min(max(value, -32768), 32767).rounded())
}
