/// Measures a stretch of sound: peak, RMS, and the active speech level of ITU-T P.56 method B (the
/// level while somebody talks, pauses left out).
///
/// P.56 in short: an envelope of two smoothers of 30 ms counts, for thresholds 6 dB apart, how long
/// it was above each in the last 200 ms; the active level is where level over active time stands
/// 15.9 dB above the threshold that gave that time.
public struct LevelMeter: Sendable {
    static let thresholdCount = 15
    /// P.56's margin between threshold and level, dB.
    static let margin = 15.9

    private let smoothing: Double
    private let hangover: Int
    private var first = 0.0
    private var second = 0.0
    private var activity = [Int](repeating: 0, count: thresholdCount)
    private var hanging: [Int]
    private var sumOfSquares = 0.0
    private var samples = 0
    /// Highest magnitude so far, 0…32768.
    public private(set) var peak = 0

    /// Rates below 1 Hz count as 1.
    public init(sampleRate: Int = 8000) {
        let rate = Double(max(sampleRate, 1))
        smoothing = Elementary.exp(-1 / (0.03 * rate))
        hangover = Int(0.2 * rate + 0.5)
        hanging = [Int](repeating: hangover, count: Self.thresholdCount)
    }

    /// Goes on where the last call ended; any count.
    public mutating func add(_ frame: UnsafeBufferPointer<Int16>) {
        for sample in frame {
            let magnitude = Int(sample.magnitude)
            peak = max(peak, magnitude)
            let value = Double(magnitude)
            sumOfSquares += value * value
            first = smoothing * first + (1 - smoothing) * value
            second = smoothing * second + (1 - smoothing) * first
            var threshold = 1.0
            for index in 0..<Self.thresholdCount {
                if second >= threshold {
                    activity[index] += 1
                    hanging[index] = 0
                } else if hanging[index] < hangover {
                    activity[index] += 1
                    hanging[index] += 1
                }
                threshold *= 2
            }
        }
        samples += frame.count
    }

    /// RMS of everything added, dBm0.
    public var rmsDBm0: Double {
        samples > 0 ? Level.dBm0(meanSquare: sumOfSquares / Double(samples)) : Level.silenceDBm0
    }

    /// Peak as the level of a sine that reaches it, dBm0.
    public var peakDBm0: Double { Level.dBm0(meanSquare: Double(peak * peak) / 2) }

    /// Active speech level and the share of time (0…1) that was active; nil for silence.
    public var active: (levelDBm0: Double, share: Double)? {
        guard sumOfSquares > 0, activity[0] > 0 else { return nil }
        var previous: (level: Double, above: Double)?
        for index in 0..<Self.thresholdCount {
            guard activity[index] > 0 else { break }
            let level = Level.dBm0(meanSquare: sumOfSquares / Double(activity[index]))
            // Threshold 2^index as a root mean square.
            let threshold = Level.dBm0(meanSquare: Double(1 << 2 * index))
            let above = level - threshold - Self.margin
            if above <= 0 {
                guard let previous else { return share(level) }
                let part = previous.above / (previous.above - above)
                return share(previous.level + (level - previous.level) * part)
            }
            previous = (level, above)
        }
        return previous.map { share($0.level) }
    }

    private func share(_ level: Double) -> (levelDBm0: Double, share: Double) {
        (level, min(Elementary.exp((rmsDBm0 - level) * Elementary.ln10 / 10), 1))
    }
}
