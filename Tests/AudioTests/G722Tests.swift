import Audio
import Base
import Foundation
import Testing

private func bytes(_ name: String) throws -> [UInt8] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Fixtures/audio/")
    return [UInt8](try Data(contentsOf: folder.appending(path: name)))
}

private func samples(_ name: String) throws -> [Int16] {
    let raw = try bytes(name)
    return stride(from: 0, to: raw.count - 1, by: 2).map {
        Int16(truncatingIfNeeded: Int(raw[$0]) | Int(raw[$0 + 1]) << 8)
    }
}

/// In pieces of `step` samples, as a leg would.
private func encoded(_ input: [Int16], step: Int = 320) -> [UInt8] {
    var encoder = G722Encoder()
    var output: [UInt8] = []
    var payload = [UInt8](repeating: 0, count: step / 2)
    for start in stride(from: 0, to: input.count, by: step) {
        let frame = Array(input[start..<min(start + step, input.count)])
        let count = frame.withUnsafeBufferPointer { frame in
            payload.withUnsafeMutableBytes { encoder.encode(frame, into: $0) }
        }
        output += payload[0..<count]
    }
    return output
}

private func decoded(
    _ octets: [UInt8], mode: G722.Mode = .bits64k, step: Int = 160
) -> [Int16] {
    var decoder = G722Decoder(mode: mode)
    var output: [Int16] = []
    var frame = [Int16](repeating: 0, count: 2 * step)
    for start in stride(from: 0, to: octets.count, by: step) {
        let payload = Array(octets[start..<min(start + step, octets.count)])
        let count = payload.withUnsafeBytes { payload in
            frame.withUnsafeMutableBufferPointer { decoder.decode(payload, into: $0) }
        }
        output += frame[0..<count]
    }
    return output
}

/// Signal over error in dB at the best delay of 0…40 samples.
private func signalToNoise(_ sent: [Int16], _ heard: [Int16]) -> (decibels: Double, delay: Int) {
    var best = (-100.0, 0)
    for delay in 0...40 {
        var signal = 0.0
        var noise = 0.0
        for index in 2000..<min(sent.count, heard.count) - 40 {
            let difference = Double(heard[index + delay]) - Double(sent[index])
            signal += Double(sent[index]) * Double(sent[index])
            noise += difference * difference
        }
        let ratio = Elementary.decibels(power: signal / max(noise, 1e-9))
        if ratio > best.0 { best = (ratio, delay) }
    }
    return best
}

@Test func g722EncodesTheBitsOfTheIndependentEncoder() throws {
    let input = try samples("g722-input.raw")
    let expected = try bytes("g722-64k.g722")
    #expect(input.count == 22_400 && expected.count == 11_200)
    #expect(encoded(input) == expected)
    // However the sound is cut.
    #expect(encoded(input, step: 62) == expected)
}

@Test(
    arguments: [
        (G722.Mode.bits64k, "g722-decoded-64k.raw"), (.bits56k, "g722-decoded-56k.raw"),
        (.bits48k, "g722-decoded-48k.raw"),
    ])
func g722DecodesTheSamplesOfTheIndependentDecoder(mode: G722.Mode, name: String) throws {
    #expect(decoded(try bytes("g722-64k.g722"), mode: mode) == (try samples(name)))
}

@Test func g722DecodesAnyOctetsLikeTheIndependentDecoder() throws {
    let garbage = try bytes("g722-garbage.g722")
    let expected = try samples("g722-garbage-decoded.raw")
    #expect(decoded(garbage) == expected)
    #expect(decoded(garbage, step: 7) == expected)
}

@Test(arguments: [(300.0, 30.0), (1000, 30), (3000, 26), (5500, 17)])
func g722CarriesATone(frequency: Double, minimumDecibels: Double) {
    var tone = ToneGenerator(frequencies: [frequency], levelDBm0: -10, sampleRate: 16_000)
    let sent = tone.next(8000)
    let heard = decoded(encoded(sent))
    // Gain 1, and the quantiser's noise well below the tone.
    #expect(abs(Level.dBm0(Array(heard[2000...])) + 10) < 0.3)
    let (ratio, delay) = signalToNoise(sent, heard)
    #expect(ratio > minimumDecibels)
    // Two 24-tap filters delay by 22 samples; a tone cannot tell whole periods apart.
    #expect(frequency != 300 || delay == 22)
}

@Test func g722SilenceStaysSilentAndLoudnessNeverTraps() {
    let silence = decoded(encoded([Int16](repeating: 0, count: 3200)))
    #expect(silence.allSatisfy { abs(Int($0)) <= 16 })
    var generator = SeededGenerator(seed: 722)
    // Full-scale noise: only −32768 and 32767.
    let loud = (0..<4000).map { _ in generator.next() & 1 == 0 ? Int16.min : Int16.max }
    #expect(decoded(encoded(loud)).count == 4000)
    for mode in G722.Mode.allCases {
        #expect(
            decoded((0..<4000).map { _ in UInt8(generator.next() & 255) }, mode: mode).count
                == 8000)
    }
}

@Test func g722StopsAtTheShorterBuffer() {
    var encoder = G722Encoder()
    var decoder = G722Decoder()
    let frame = [Int16](repeating: 100, count: 321)
    var payload = [UInt8](repeating: 0xAA, count: 200)
    let count = frame.withUnsafeBufferPointer { frame in
        payload.withUnsafeMutableBytes { encoder.encode(frame, into: $0) }
    }
    // The odd sample at the end is left out, and nothing is written behind.
    #expect(count == 160)
    #expect(payload[160...].allSatisfy { $0 == 0xAA })
    var room = [Int16](repeating: 77, count: 33)
    let written = payload.withUnsafeBytes { payload in
        room.withUnsafeMutableBufferPointer { room in
            decoder.decode(payload, into: UnsafeMutableBufferPointer(rebasing: room[0..<32]))
        }
    }
    #expect(written == 32)
    #expect(room[32] == 77)
    let nothing = (
        encoder.encode(.init(start: nil, count: 0), into: .init(start: nil, count: 0)),
        decoder.decode(.init(start: nil, count: 0), into: .init(start: nil, count: 0))
    )
    #expect(nothing == (0, 0))
}
