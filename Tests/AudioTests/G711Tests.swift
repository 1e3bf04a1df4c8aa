import Audio
import Testing

/// ITU-T G.711 tables 1 and 2, written out as decision values, independent of the code under test.
private enum ITU {
    /// Table 2a/2b, µ-law: decision values x₁…x₁₂₈ of the 14-bit scale, upwards from 0.
    static let muDecisions: [Int] = segments(
        first: 1, starts: [31, 95, 223, 479, 991, 2015, 4063, 8159],
        steps: [2, 4, 8, 16, 32, 64, 128, 256])

    /// Table 1a/1b, A-law: decision values of the 13-bit scale (here 12-bit magnitudes × 2).
    static let aDecisions: [Int] = segments(
        first: 2, starts: [64, 128, 256, 512, 1024, 2048, 4096],
        steps: [2, 4, 8, 16, 32, 64, 128])

    private static func segments(first: Int, starts: [Int], steps: [Int]) -> [Int] {
        var values = [first]
        for (end, step) in zip(starts, steps) {
            while let last = values.last, last < end { values.append(last + step) }
        }
        return values
    }

    /// The interval (0 = nearest to zero) that magnitude `m` lies in; `m` equal to a decision
    /// value belongs to the interval above it.
    static func interval(_ m: Double, _ decisions: [Int], _ last: Int) -> Int {
        min(decisions.firstIndex { m < Double($0) } ?? last, last)
    }
}

@Test func muLawDecisionTableIsTheStandards() {
    // Corner values of G.711 table 2a: x₁ … x₁₂₈.
    #expect(ITU.muDecisions.count == 128 + 1 - 1)
    #expect(ITU.muDecisions.prefix(4) == [1, 3, 5, 7])
    #expect(ITU.muDecisions[16] == 35)
    #expect(ITU.muDecisions.last == 8159)
}

@Test func everyLinearSampleEncodesToTheMuLawIntervalOfTable2() {
    var wrong: [Int] = []
    for sample in Int(Int16.min)...Int(Int16.max) {
        // The 14-bit scale; a negative sample on a decision value belongs to the interval below.
        let magnitude = sample >= 0 ? Double(sample) / 4 : (Double(-sample) - 0.5) / 4
        let n = ITU.interval(magnitude, ITU.muDecisions, 127)
        // Table 2a: the character signal of interval n is 1111 1111 − n; negative has bit 1 = 0.
        let code = UInt8((sample >= 0 ? 0xFF : 0x7F) - n)
        if G711.muLaw(Int16(sample)) != code { wrong.append(sample) }
    }
    #expect(wrong == [])
}

@Test func everyLinearSampleEncodesToTheALawIntervalOfTable1() {
    var wrong: [Int] = []
    for sample in Int(Int16.min)...Int(Int16.max) {
        // The 13-bit scale of table 1a counts magnitudes to 4096.
        let magnitude = sample >= 0 ? Double(sample) / 8 : (Double(-sample) - 0.5) / 8
        let n = ITU.interval(magnitude, ITU.aDecisions, 127)
        // Table 1a: interval n is 1000 0000 + n before the even bits are inverted.
        let code = UInt8((sample >= 0 ? 0x80 : 0) + n) ^ 0x55
        if G711.aLaw(Int16(sample)) != code { wrong.append(sample) }
    }
    #expect(wrong == [])
}

@Test func knownCodesDecodeToTheStandardsOutputValues() {
    // G.711 table 2a column 8 (y₀, y₁, y₁₆, y₁₂₇ of the 14-bit scale) × 4.
    #expect(G711.sample(muLaw: 0xFF) == 0)
    #expect(G711.sample(muLaw: 0xFE) == 2 * 4)
    #expect(G711.sample(muLaw: 0xEF) == 33 * 4)
    #expect(G711.sample(muLaw: 0x80) == 8031 * 4)
    #expect(G711.sample(muLaw: 0x00) == -8031 * 4)
    #expect(G711.sample(muLaw: 0x7F) == 0)
    // Table 1a: y₁ = 1, y₃₃ = 66 (of 4096), y₁₂₈ = 4032, × 8.
    #expect(G711.sample(aLaw: 0xD5) == 8)
    #expect(G711.sample(aLaw: 0x55) == -8)
    #expect(G711.sample(aLaw: 0x80 | 0x20 ^ 0x55) == 66 * 8)
    #expect(G711.sample(aLaw: 0xAA) == 4032 * 8)
    #expect(G711.sample(aLaw: 0x2A) == -4032 * 8)
}

@Test func decodedValuesLieInTheMiddleOfTheirIntervals() {
    for n in 1..<127 {
        let low = ITU.muDecisions[n - 1]
        let high = ITU.muDecisions[n]
        #expect(Int(G711.sample(muLaw: UInt8(0xFF - n))) == (low + high) * 2)
    }
    for n in 0..<127 {
        let low = n == 0 ? 0 : ITU.aDecisions[n - 1]
        let high = ITU.aDecisions[n]
        #expect(Int(G711.sample(aLaw: UInt8(0x80 + n) ^ 0x55)) == (low + high) * 4)
    }
}

@Test func all256CodesSurviveARoundTrip() {
    for code in UInt8.min...UInt8.max {
        // µ-law has two zeros; both encode as the positive one.
        let expected: UInt8 = code == 0x7F ? 0xFF : code
        #expect(G711.muLaw(G711.sample(muLaw: code)) == expected)
        #expect(G711.aLaw(G711.sample(aLaw: code)) == code)
    }
}

@Test(arguments: [AudioCodec.pcmu, .pcma])
func codecBuffersStopAtTheShorterOfBoth(codec: AudioCodec) throws {
    let samples: [Int16] = [0, 1000, -1000, 32767, -32768]
    var bytes = [UInt8](repeating: 0xEE, count: 3)
    var encoder = try AudioEncoder(codec)
    var decoder = try AudioDecoder(codec)
    let written = samples.withUnsafeBufferPointer { source in
        bytes.withUnsafeMutableBytes { encoder.encode(source, into: $0) }
    }
    #expect(written == 3)
    var decoded = [Int16](repeating: 77, count: 5)
    let read = bytes.withUnsafeBytes { source in
        decoded.withUnsafeMutableBufferPointer { decoder.decode(source, into: $0) }
    }
    #expect(read == 3)
    #expect(decoded[3...] == [77, 77])
    #expect(abs(Int(decoded[1]) - 1000) <= 32)
    #expect(abs(Int(decoded[2]) + 1000) <= 32)
    let empty = UnsafeMutableBufferPointer<Int16>(start: nil, count: 0)
    let none = bytes.withUnsafeBytes { decoder.decode($0, into: empty) }
    #expect(none == 0)
}

@Test func silenceBytesDecodeToTheSmallestValue() {
    #expect(AudioCodec.pcmu.silence.map { G711.sample(muLaw: $0) } == 0)
    #expect(AudioCodec.pcma.silence.map { G711.sample(aLaw: $0) } == 8)
    #expect(AudioCodec.pcmu.staticPayloadType == 0)
    #expect(AudioCodec.pcma.staticPayloadType == 8)
}
