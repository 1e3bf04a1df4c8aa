import Base
import Foundation
import Testing

@testable import Audio

/// Against another implementation, on more than the vectors of Fixtures/audio hold. Skipped where
/// libspandsp2 is not installed (tools/setup installs it).
@Suite(.enabled(if: Spandsp.isInstalled, "no libspandsp2 here"))
struct G722DifferentialTests {
    /// Samples of each sound: a second.
    static let count = 16_000

    /// Recorded speech of both bands, from 8 kHz prompts of `tools/setup`; else a made-up voice.
    static func speech() -> [Int16] {
        let folder = "/usr/share/asterisk/sounds/en_US_f_Allison/"
        var samples: [Int16] = []
        for name in ["demo-congrats", "vm-opts-full", "demo-instruct"] {
            guard let bytes = FileManager.default.contents(atPath: folder + name + ".wav"),
                let prompt = try? WAVFile(parsing: Array(bytes)).channel(0, at: 16_000)
            else { continue }
            samples += prompt
        }
        if samples.isEmpty {
            var voice = ToneGenerator(
                frequencies: [180, 540, 1260, 2700, 5300], levelDBm0: -16, sampleRate: 16_000)
            samples = voice.next(count)
        }
        // Prompts end at 4 kHz: every second sample the other way round has their mirror above it.
        let start = min(samples.count, count)
        return samples.prefix(start)
            + samples.prefix(start).enumerated().map { $0 % 2 == 0 ? $1 : 0 - max($1, -32767) }
    }

    static func noise(_ seed: UInt64, peak: Int) -> [Int16] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            Int16(clamping: Int(generator.next() % UInt64(2 * peak + 1)) - peak)
        }
    }

    /// Frequencies from 20 Hz to 8 kHz at full scale, and steps between the extremes.
    static func extremes() -> [Int16] {
        var sweep: [Int16] = []
        var phase = 0.0
        for index in 0..<count / 2 {
            phase += 2 * Double.pi * (20 + 7980 * Double(index) / Double(count / 2)) / 16_000
            sweep.append(Int16(32_767 * sin(phase)))
        }
        var generator = SeededGenerator(seed: 9)
        while sweep.count < count {
            let level: Int16 = [Int16.min, .max, 0, 1, -1][Int(generator.next() % 5)]
            let length = 1 + Int(generator.next() % 300)
            sweep += [Int16](repeating: level, count: length)
        }
        return Array(sweep.prefix(count))
    }

    static let sounds: [(name: String, samples: [Int16])] =
        [
            ("speech", speech()), ("quiet noise", noise(1, peak: 12)),
            ("noise", noise(2, peak: 4000)), ("full-scale noise", noise(3, peak: 32_767)),
            ("extremes", extremes()), ("silence", [Int16](repeating: 0, count: 4000)),
        ]

    /// In pieces of chance.
    static func ours(_ samples: [Int16]) -> [UInt8] {
        var encoder = G722Encoder()
        var generator = SeededGenerator(seed: 5)
        var octets: [UInt8] = []
        var start = 0
        while start < samples.count {
            let end = min(samples.count, start + 2 * (1 + Int(generator.next() % 400)))
            var piece = [UInt8](repeating: 0, count: (end - start) / 2)
            samples[start..<end].withUnsafeBufferPointer { frame in
                piece.withUnsafeMutableBytes { _ = encoder.encode(frame, into: $0) }
            }
            octets += piece
            start = end
        }
        return octets
    }

    static func ours(_ octets: [UInt8], _ mode: G722.Mode) -> [Int16] {
        var decoder = G722Decoder(mode: mode)
        var samples = [Int16](repeating: 0, count: 2 * octets.count)
        octets.withUnsafeBytes { octets in
            samples.withUnsafeMutableBufferPointer { _ = decoder.decode(octets, into: $0) }
        }
        return samples
    }

    @Test func theEncoderGivesTheSameOctets() throws {
        let spandsp = try #require(Spandsp())
        for (name, samples) in Self.sounds {
            let theirs = try #require(spandsp.encoded(samples))
            let ours = Self.ours(samples)
            #expect(ours.count == samples.count / 2 && theirs.count == ours.count)
            let differing = zip(ours, theirs).count { $0 != $1 }
            #expect(differing == 0, "\(name): \(differing) of \(ours.count) octets differ")
        }
    }

    /// Octets that no encoder of sound sends: all of one kind (the adaptation runs into its limits),
    /// by chance, and those of speech with one bit in a hundred octets turned.
    static let streams: [(name: String, octets: [UInt8])] = {
        var generator = SeededGenerator(seed: 722)
        let random = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        var constant: [UInt8] = []
        for octet in UInt8.min...UInt8.max { constant += [UInt8](repeating: octet, count: 60) }
        var alternating: [UInt8] = []
        for octet in UInt8.min...UInt8.max {
            for _ in 0..<16 { alternating += [octet, octet ^ 0x9F] }
        }
        let damaged = ours(speech()).map { octet in
            generator.next() % 100 == 0 ? octet ^ (1 << (generator.next() % 8)) : octet
        }
        return sounds.map { ($0.name, ours($0.samples)) }
            + [
                ("random", random), ("constant", constant), ("alternating", alternating),
                ("damaged speech", damaged),
            ]
    }()

    @Test(arguments: G722.Mode.allCases)
    func theDecoderGivesTheSameSamples(mode: G722.Mode) throws {
        let spandsp = try #require(Spandsp())
        for (name, octets) in Self.streams {
            let theirs = try #require(spandsp.decoded(octets, mode))
            let ours = Self.ours(octets, mode)
            #expect(ours.count == 2 * octets.count && theirs.count == ours.count)
            // spandsp 0.0.6 wraps around where the Recommendation saturates (SATURATE, clause 5.2.2):
            // there ours is at the limit, and the next samples agree again.
            let differing = zip(ours, theirs).count { ours, theirs in
                ours != theirs && ours != .max && ours != .min
            }
            #expect(differing == 0, "\(name): \(differing) of \(ours.count) samples differ")
        }
    }
}
