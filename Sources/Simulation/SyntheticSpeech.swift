internal import Audio
internal import Base

/// A voice without a recording: pulses of falling pitch through two resonances a syllable, four
/// syllables a second, with breath between words. No language, but everything that a voice activity
/// detector lives by: harmonics, formants that move, levels that move.
public struct SyntheticSpeech: Sendable {
    /// Samples of a syllable, 250 ms.
    static let syllable = 2000
    /// The part of a syllable that sounds.
    static let voicedPart = 0.8
    /// Formants of five vowels, Hz.
    private static let vowels: [(Double, Double)] = [
        (730, 1090), (530, 1840), (390, 1990), (570, 840), (440, 1020),
    ]

    private var random: SeededGenerator

    /// Equal seeds speak equally.
    public init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    /// `milliseconds` of talk at `levelDBm0` (RMS), 8 kHz.
    public mutating func talk(milliseconds: Int, levelDBm0: Double = -18) -> [Int16] {
        let count = max(0, milliseconds) * 8
        var wave: [Double] = []
        wave.reserveCapacity(count)
        while wave.count < count {
            sayStep(into: &wave, count: min(Self.syllable, count - wave.count))
        }
        var power = 0.0
        for value in wave { power += value * value }
        let rms = (power / Double(max(count, 1))).squareRoot()
        let wanted = Level.amplitude(dBm0: levelDBm0) / 2.0.squareRoot()
        let gain = rms > 0 ? wanted / rms : 0
        return wave.map { clippedSample($0 * gain) }
    }

    private mutating func sayStep(into wave: inout [Double], count: Int) {
        let vowel = Self.vowels[Int(random.next() % UInt64(Self.vowels.count))]
        let pitch = 110 + 60 * random.fraction()
        var low = Resonance(hertz: vowel.0)
        var high = Resonance(hertz: vowel.1)
        var phase = 1.0
        let voiced = Double(count) * Self.voicedPart
        // A recurrence for the half sine of the envelope: one cosine a syllable.
        let turn = Elementary.pi / max(voiced, 1)
        let twice = 2 * Elementary.cos(turn)
        var envelope = 0.0
        var before = -Elementary.sin(turn)
        for index in 0..<count {
            let fall = 1 - 0.25 * Double(index) / Double(Self.syllable)
            phase += pitch * fall / 8000
            var breath = (random.fraction() - 0.5) * 0.02
            if phase >= 1 {
                phase -= 1
                breath += 1
            }
            let loudness = Double(index) < voiced ? max(0, envelope) : 0
            wave.append((low.pass(breath) + 0.5 * high.pass(breath)) * loudness)
            (before, envelope) = (envelope, twice * envelope - before)
        }
    }

    private struct Resonance {
        private let first: Double
        private let second: Double
        private var last = 0.0
        private var lastButOne = 0.0

        /// A pole pair of radius 0.97: some 80 Hz wide.
        init(hertz: Double) {
            first = 2 * 0.97 * Elementary.cos(2 * Elementary.pi * hertz / 8000)
            second = -0.97 * 0.97
        }

        mutating func pass(_ value: Double) -> Double {
            let output = value + first * last + second * lastButOne
            (lastButOne, last) = (last, output)
            return output
        }
    }
}
