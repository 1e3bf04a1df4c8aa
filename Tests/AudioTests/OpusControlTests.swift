import Audio
import Base
import Testing

/// Pulses through two resonances, like a vowel, with a little noise.
private func voice(_ count: Int, rate: Int) -> [Int16] {
    var generator = SeededGenerator(seed: 6716)
    var memory = (0.0, 0.0)
    let turn = 2 * 0.97 * Elementary.cos(2 * Double.pi * 600 / Double(rate))
    return (0..<count).map { index in
        let noise = Double(generator.next() >> 40) / Double(1 << 24) - 0.5
        let pulse = index % (rate / 120) == 0 ? 6000.0 : 0
        let value = pulse + noise * 200 + turn * memory.0 - 0.9409 * memory.1
        memory = (value, memory.0)
        return clippedSample(value)
    }
}

private func packets(
    _ encoder: inout OpusEncoder, _ sound: [Int16], frame: Int
) throws -> [[UInt8]] {
    var output: [[UInt8]] = []
    var packet = [UInt8](repeating: 0, count: 1275)
    for start in stride(from: 0, to: sound.count - frame + 1, by: frame) {
        let size = try Array(sound[start..<start + frame]).withUnsafeBufferPointer { source in
            try packet.withUnsafeMutableBytes { try encoder.encode(source, into: $0) }
        }
        output.append(Array(packet[0..<size]))
    }
    return output
}

@Test func redundantCopyRestoresALostPacketBetterThanConcealment() throws {
    let sound = voice(16_000, rate: 16_000)
    var encoder = try OpusEncoder(sampleRate: 16_000, expectedLossPercent: 25)
    let sent = try packets(&encoder, sound, frame: 320)
    var whole = try OpusDecoder(sampleRate: 16_000)
    var redundant = try OpusDecoder(sampleRate: 16_000)
    var blind = try OpusDecoder(sampleRate: 16_000)
    var errors = (redundant: 0.0, blind: 0.0)
    for (index, packet) in sent.enumerated() {
        var truth = [Int16](repeating: 0, count: 320)
        var restored = truth
        var guessed = truth
        try packet.withUnsafeBytes { packet in
            try truth.withUnsafeMutableBufferPointer {
                let count = try whole.decode(packet, into: $0)
                #expect(count == 320)
            }
        }
        if index % 5 == 4, index + 1 < sent.count {
            try sent[index + 1].withUnsafeBytes { next in
                try restored.withUnsafeMutableBufferPointer {
                    let count = try redundant.recover(from: next, into: $0)
                    #expect(count == 320)
                }
            }
            try guessed.withUnsafeMutableBufferPointer { _ = try blind.conceal(into: $0) }
            for place in 0..<320 {
                let real = Double(truth[place])
                errors.redundant +=
                    (Double(restored[place]) - real) * (Double(restored[place]) - real)
                errors.blind += (Double(guessed[place]) - real) * (Double(guessed[place]) - real)
            }
        } else {
            try packet.withUnsafeBytes { packet in
                try restored.withUnsafeMutableBufferPointer {
                    _ = try redundant.decode(packet, into: $0)
                }
                try guessed.withUnsafeMutableBufferPointer {
                    _ = try blind.decode(packet, into: $0)
                }
            }
        }
    }
    #expect(errors.redundant < errors.blind)
}

@Test func discontinuousTransmissionSendsAlmostNothingInSilence() throws {
    var encoder = try OpusEncoder(sampleRate: 16_000)
    let silence = [Int16](repeating: 0, count: 32_000)
    let always = try packets(&encoder, silence, frame: 320)
    try encoder.setDiscontinuous(true)
    let sometimes = try packets(&encoder, silence, frame: 320)
    #expect(always.filter { $0.count <= OpusEncoder.silentPacket }.isEmpty)
    let quiet = sometimes.suffix(50).filter { $0.count <= OpusEncoder.silentPacket }
    #expect(quiet.count >= 40)
    // Sound comes through at once.
    let loud = try packets(&encoder, voice(3200, rate: 16_000), frame: 320)
    #expect(loud[1].count > 10)
}

@Test func settingsReachTheEncoder() throws {
    var encoder = try OpusEncoder(sampleRate: 16_000, complexity: 5)
    let start = encoder.settings
    #expect(start == (5, 0))
    try encoder.setComplexity(1)
    try encoder.setExpectedLoss(percent: 12)
    let now = encoder.settings
    #expect(now == (1, 12))
    try encoder.setComplexity(99)
    try encoder.setExpectedLoss(percent: -4)
    let clamped = encoder.settings
    #expect(clamped == (10, 0))
}

@Test func bandwidthIsToldByTheFirstOctet() throws {
    // RFC 6716 3.1: configurations 0–3 are SILK narrow band, 8–11 SILK wide band.
    var encoder = try OpusEncoder(sampleRate: 16_000, bitrate: 24_000)
    let sound = voice(16_000, rate: 16_000)
    let wide = try packets(&encoder, sound, frame: 320)
    #expect((8...11).contains((wide.last?[0] ?? 0) >> 3))
    for bandwidth in OpusEncoder.Bandwidth.allCases { try encoder.setMaximumBandwidth(bandwidth) }
    // A running one changes its bandwidth in a pause of speech only: a fresh one at once.
    encoder = try OpusEncoder(sampleRate: 16_000, bitrate: 24_000)
    try encoder.setMaximumBandwidth(.narrow)
    let narrow = try packets(&encoder, sound, frame: 320)
    #expect((narrow.last?[0] ?? 255) >> 3 <= 3)
    try encoder.setBitrate(6000)
    let small = try packets(&encoder, sound, frame: 320)
    let bytes = { (packets: [[UInt8]]) in packets.reduce(0) { $0 + $1.count } }
    #expect(bytes(small) < bytes(narrow) * 2 / 3)
}

@Test func packetLengthIsKnownBeforeDecoding() throws {
    var encoder = try OpusEncoder(sampleRate: 8000)
    let sent = try packets(&encoder, voice(480, rate: 8000), frame: 480)
    let decoder = try OpusDecoder(sampleRate: 16_000)
    let count = sent[0].withUnsafeBytes { decoder.sampleCount(of: $0) }
    #expect(count == 960)
    let none = decoder.sampleCount(of: UnsafeRawBufferPointer(start: nil, count: 0))
    #expect(none == nil)
    // Code 3 with no frame count octet (RFC 6716 3.2.5) is no packet.
    let broken = [UInt8(0x03)].withUnsafeBytes { decoder.sampleCount(of: $0) }
    #expect(broken == nil)
    var receiver = try OpusDecoder(sampleRate: 8000)
    #expect(throws: AudioError.truncated(needed: 1, have: 0)) {
        _ = try receiver.recover(
            from: UnsafeRawBufferPointer(start: nil, count: 0),
            into: UnsafeMutableBufferPointer(start: nil, count: 0))
    }
}
