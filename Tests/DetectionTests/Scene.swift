import Audio
import Base
import CallModel
import Detection
import Foundation
import Testing

/// A piece of telephone audio put together for a test, with the times of its parts.
struct Scene {
    private(set) var samples: [Int16] = []
    private var generator: SeededGenerator

    init(seed: UInt64 = 1) { generator = SeededGenerator(seed: seed) }

    /// Length so far, which is where the next part begins.
    var ms: Int { samples.count / 8 }

    mutating func silence(_ ms: Int) { samples += [Int16](repeating: 0, count: ms * 8) }

    /// Each frequency sounds at `level`; edges are ramped over 4 ms.
    mutating func tone(_ frequencies: [Double], ms: Int, level: Double = -15) {
        var tone = ToneGenerator(frequencies: frequencies, levelDBm0: level)
        var part = tone.next(ms * 8)
        for index in 0..<min(32, part.count / 2) {
            part[index] = Int16(Int(part[index]) * index / 32)
            part[part.count - 1 - index] = Int16(Int(part[part.count - 1 - index]) * index / 32)
        }
        samples += part
    }

    mutating func cadence(_ frequencies: [Double], _ pattern: [Int], times: Int) {
        for _ in 0..<times {
            for (index, ms) in pattern.enumerated() {
                if index % 2 == 0 { tone(frequencies, ms: ms, level: -18) } else { silence(ms) }
            }
        }
    }

    mutating func digits(_ digits: String, on: Int = 50, off: Int = 50, twist: Double = 0) {
        for digit in digits {
            guard let pair = DTMF.frequencies(of: digit) else { continue }
            var low = ToneGenerator(frequencies: [pair.row], levelDBm0: -12)
            var high = ToneGenerator(frequencies: [pair.column], levelDBm0: -12 - twist)
            var part = low.next(on * 8)
            part.withUnsafeMutableBufferPointer { high.mix(into: $0) }
            samples += part
            silence(off)
        }
    }

    /// Recorded speech of Debian's asterisk-core-sounds-en-wav.
    mutating func prompt(_ name: String) throws { samples += try Prompt.samples(name) }

    /// Vowel-like pulses through two resonances with falling pitch: speech without a recording.
    mutating func babbling(ms: Int, level: Double = -18) {
        samples += syllables(count: ms * 8, level: level, generator: &generator)
    }

    mutating func append(_ other: [Int16]) { samples += other }

    /// The whole scene over line noise of `noise` dBm0, through µ-law.
    mutating func onTheLine(noise: Double = -60) -> [Int16] {
        // The sum of four 16-bit uniform values, all out of one draw, is Gaussian enough; its
        // deviation is 65536 / √3.
        let scale = Level.amplitude(dBm0: noise) / 2.0.squareRoot() * 3.0.squareRoot() / 65536
        return samples.map { sample in
            let bits = generator.next()
            let sum =
                Int(bits & 0xFFFF) + Int(bits >> 16 & 0xFFFF) + Int(bits >> 32 & 0xFFFF)
                + Int(bits >> 48) - 131_070
            let value = clippedSample(Double(sample) + Double(sum) * scale)
            return G711.sample(muLaw: G711.muLaw(value))
        }
    }
}

private func syllables(count: Int, level: Double, generator: inout SeededGenerator) -> [Int16] {
    var output = [Double](repeating: 0, count: count)
    var phase = 0.0
    var state = [0.0, 0, 0, 0]
    let formants = [(700.0, 1200.0), (400, 2000), (300, 900), (550, 1700)]
    for n in 0..<count {
        // Four syllables a second, each with its own vowel.
        let syllable = n / 2000
        let within = Double(n % 2000) / 2000
        let envelope = within < 0.8 ? sin(within / 0.8 * .pi) : 0
        let pitch = 180 - 50 * within + Double(syllable * 37 % 40)
        phase += pitch / 8000
        var x = 0.0
        if phase >= 1 {
            phase -= 1
            x = 1
        }
        x += (Double(generator.next() >> 40) / 16_777_216 - 0.5) * 0.02
        let (f1, f2) = formants[syllable % formants.count]
        for (index, f) in [f1, f2].enumerated() {
            let r = 0.97
            let y =
                x + 2 * r * cos(2 * .pi * f / 8000) * state[2 * index]
                - r * r * state[2 * index + 1]
            state[2 * index + 1] = state[2 * index]
            state[2 * index] = y
            output[n] += y * envelope * (index == 0 ? 1 : 0.5)
        }
    }
    let power = output.reduce(0) { $0 + $1 * $1 } / Double(max(count, 1))
    let gain = Level.amplitude(dBm0: level) / 2.0.squareRoot() / max(power.squareRoot(), 1e-9)
    return output.map { clippedSample($0 * gain) }
}

/// Recorded prompts; tools/setup installs them.
enum Prompt {
    struct Missing: Error, CustomStringConvertible {
        let description =
            "recorded prompts are missing: run tools/setup (Debian asterisk-core-sounds-en-wav)"
    }
    static let folder = "/usr/share/asterisk/sounds/en_US_f_Allison/"

    static func samples(_ name: String) throws -> [Int16] {
        guard let bytes = FileManager.default.contents(atPath: folder + name + ".wav") else {
            throw Missing()
        }
        return try WAVFile(parsing: [UInt8](bytes)).channel(0, at: 8000)
    }

    /// Names of all prompts whose name begins with `prefix`, sorted.
    static func names(_ prefix: String) throws -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let names = files.filter { $0.hasPrefix(prefix) && $0.hasSuffix(".wav") }
            .map { String($0.dropLast(4)) }.sorted()
        guard !names.isEmpty else { throw Missing() }
        return names
    }
}

// MARK: results

func events(
    _ samples: [Int16], policy: DetectionPolicy = .balanced
) throws -> [DetectionEvent] {
    try FileDetection.run(samples: samples, policy: policy).events
}

struct Beep: Equatable {
    var start: Int
    var end: Int
    var hertz: Double
    var level: Double
    var knownAt: Int
}

extension [DetectionEvent] {
    var beeps: [Beep] {
        compactMap {
            guard case .beep(let start, let end, let hertz, let level, let known) = $0 else {
                return nil
            }
            return Beep(start: start, end: end, hertz: hertz, level: level, knownAt: known)
        }
    }
    var tones: [ToneKind] {
        compactMap { if case .tone(let kind, _, _, _) = $0 { kind } else { nil } }
    }
    /// What special information tones said.
    var information: [SpecialInformation?] {
        compactMap { if case .tone(.sit, _, _, let information) = $0 { information } else { nil } }
    }
    var digits: String {
        String(compactMap { if case .dtmf(let digit, _, _) = $0 { digit } else { nil } })
    }
    /// Verdict, final, time.
    var verdicts: [(verdict: AnswerVerdict, final: Bool, reason: String, ms: Int)] {
        compactMap {
            guard case .verdict(let verdict, let final, _, let reason, let ms, _) = $0 else {
                return nil
            }
            return (verdict, final, reason, ms)
        }
    }
    var finalVerdicts: [AnswerVerdict] { verdicts.filter(\.final).map(\.verdict) }
    var speechStarts: [Int] {
        compactMap { if case .speechStart(let ms) = $0 { ms } else { nil } }
    }
    var speechEnds: [Int] { compactMap { if case .speechEnd(let ms) = $0 { ms } else { nil } } }
    var greetingEnds: [Int] {
        compactMap { if case .greetingEnd(let ms) = $0 { ms } else { nil } }
    }
    var readies: [Int] {
        compactMap { if case .readyForMessage(let ms) = $0 { ms } else { nil } }
    }
}
