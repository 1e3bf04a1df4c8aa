import Base
import Testing

@testable import Audio

private func noise(_ count: Int, _ seed: UInt64, smoothing: Double, rms: Double) -> [Int16] {
    var generator = SeededGenerator(seed: seed)
    var last = 0.0
    // One-pole low-pass; its output has a variance of 1/(1 − smoothing²).
    let scale = rms * (1 - smoothing * smoothing).squareRoot() * 1.732_050_807_568_877_2
    return (0..<count).map { _ in
        let white = Double(generator.next() >> 11) / Double(1 << 52) - 1
        last = smoothing * last + white * scale
        return clippedSample(last)
    }
}

private func payload(of samples: [Int16], order: Int) -> [UInt8] {
    var encoder = ComfortNoiseEncoder(order: order)
    for start in stride(from: 0, to: samples.count - 159, by: 160) {
        Array(samples[start..<start + 160]).withUnsafeBufferPointer { encoder.hear($0) }
    }
    var bytes = [UInt8](repeating: 0, count: ComfortNoise.maximumPayload)
    let count = bytes.withUnsafeMutableBytes { encoder.write(into: $0) }
    return Array(bytes[0..<count])
}

private func generated(_ payload: [UInt8], _ count: Int) -> [Int16] {
    var generator = ComfortNoiseGenerator(seed: 13)
    payload.withUnsafeBytes { _ = generator.describe($0) }
    var samples = [Int16](repeating: 0, count: count)
    samples.withUnsafeMutableBufferPointer { generator.fill(into: $0) }
    return samples
}

/// Correlation of neighbours over energy: the colour in one number.
private func colour(_ samples: [Int16]) -> Double {
    var product = 0.0
    var energy = 1.0
    for index in 1..<samples.count {
        product += Double(samples[index]) * Double(samples[index - 1])
        energy += Double(samples[index]) * Double(samples[index])
    }
    return product / energy
}

@Test func levelOctetIsMinusDBov() {
    // Full-scale square wave: 0 dBov. A tenth: −20. Digital silence: 127.
    let full = (0..<1600).map { $0 / 8 % 2 == 0 ? Int16.max : Int16.min }
    #expect(payload(of: full, order: 0) == [0])
    #expect(payload(of: full.map { $0 / 10 }, order: 0) == [20])
    #expect(payload(of: [Int16](repeating: 0, count: 1600), order: 0) == [127])
}

@Test func reflectionOctetsAreThoseOfTheRFC() {
    // RFC 3389 3.2: k = 258 · (N − 127) / 32768, so N = 127 is 0 and 254 is 0.99994.
    #expect(ComfortNoise.octet(reflection: 0) == 127)
    #expect(ComfortNoise.octet(reflection: 1) == 254)
    #expect(ComfortNoise.octet(reflection: -1) == 0)
    #expect(ComfortNoise.octet(reflection: 0.5) == 191)
    #expect(abs(ComfortNoise.reflection(octet: 191) - 0.503_906_25) < 1e-9)
    for octet in UInt8.min...254 {
        let back = ComfortNoise.octet(reflection: ComfortNoise.reflection(octet: octet))
        #expect(abs(Int(back) - Int(octet)) <= 1)
    }
    #expect(ComfortNoise.reflection(octet: 255) < 1)
}

@Test(arguments: [(0.0, 127), (0.6, 51), (0.9, 13)])
func firstReflectionTellsTheColour(smoothing: Double, expected: Int) {
    // A one-pole process with pole p has k₁ = −p and the others 0.
    let octets = payload(of: noise(16_000, 3389, smoothing: smoothing, rms: 300), order: 4)
    #expect(octets.count == 5)
    #expect(abs(Int(octets[1]) - expected) <= 8)
    for octet in octets[2...] { #expect(abs(Int(octet) - 127) <= 16) }
}

@Test(arguments: [0.0, 0.5, 0.9], [0, 8, 10])
func generatedNoiseHasLevelAndColourOfTheBackground(smoothing: Double, order: Int) {
    let background = noise(16_000, 17, smoothing: smoothing, rms: 200)
    let made = generated(payload(of: background, order: order), 16_000)
    #expect(abs(Level.dBm0(Array(made[800...])) - Level.dBm0(background)) < 1)
    let expected = order == 0 ? 0 : colour(background)
    #expect(abs(colour(Array(made[800...])) - expected) < 0.08)
}

@Test func anyPayloadIsTakenWithoutGrowingLoud() {
    var random = SeededGenerator(seed: 99)
    var generator = ComfortNoiseGenerator(seed: 1)
    var samples = [Int16](repeating: 5, count: 160)
    samples.withUnsafeMutableBufferPointer { generator.fill(into: $0) }
    #expect(samples.allSatisfy { $0 == 0 })
    let taken = generator.describe(UnsafeRawBufferPointer(start: nil, count: 0))
    #expect(!taken)
    for _ in 0..<500 {
        var bytes = (0..<1 + Int(random.next() % 40)).map { _ in UInt8(random.next() & 255) }
        bytes[0] = 60 | bytes[0] & 0x80
        bytes.withUnsafeBytes { _ = generator.describe($0) }
        for _ in 0..<4 { samples.withUnsafeMutableBufferPointer { generator.fill(into: $0) } }
        // The octet is 60 to 127; −60 dBov is a root mean square of 33, five times that 164.
        #expect(samples.allSatisfy { abs(Int($0)) <= 164 })
    }
}

@Test func encoderWritesNothingItDoesNotKnow() {
    var encoder = ComfortNoiseEncoder(order: 10)
    var bytes = [UInt8](repeating: 0, count: 11)
    let early = bytes.withUnsafeMutableBytes { encoder.write(into: $0) }
    #expect(early == 0)
    [Int16](repeating: 40, count: 160).withUnsafeBufferPointer { encoder.hear($0) }
    var small = [UInt8](repeating: 0, count: 10)
    let cramped = small.withUnsafeMutableBytes { encoder.write(into: $0) }
    #expect(cramped == 0)
    let written = bytes.withUnsafeMutableBytes { encoder.write(into: $0) }
    #expect(written == 11)
}
