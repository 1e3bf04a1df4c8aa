import Audio
import Base
import Testing

private func rms(_ samples: ArraySlice<Int16>) -> Double {
    (samples.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(samples.count, 1)))
        .squareRoot()
}

@Test(arguments: [0.0, -10, -20, -40])
func toneHasItsLevelOnTheTelephoneScale(level: Double) {
    var tone = ToneGenerator(frequencies: [1000], levelDBm0: level)
    #expect(abs(Level.dBm0(tone.next(8000)) - level) < 0.05)
}

@Test func fullScaleSineIsPlus3Point14() {
    var tone = ToneGenerator(frequencies: [1000], levelDBm0: 3.14)
    let samples = tone.next(800)
    #expect(samples.max() == 32767)
    #expect(abs(Level.dBm0(samples) - 3.14) < 0.01)
    #expect(Level.dBm0([Int16]()) == Level.silenceDBm0)
    #expect(Level.dBm0([Int16](repeating: 0, count: 160)) == Level.silenceDBm0)
    // All samples at the most negative value: +6.15, and no overflow.
    #expect(abs(Level.dBm0([Int16](repeating: .min, count: 100_000)) - 6.15) < 0.01)
}

@Test func toneIsOneWaveHoweverItIsCut() {
    var whole = ToneGenerator(frequencies: [440, 480], levelDBm0: -18)
    let expected = whole.next(1000)
    var cut = ToneGenerator(frequencies: [440, 480], levelDBm0: -18)
    var joined: [Int16] = []
    for count in [1, 159, 0, 320, 7, 513] { joined += cut.next(count) }
    #expect(joined == expected)
    // Written out: the first samples of a 2 kHz sine are 0, peak, 0, −peak.
    var quarter = ToneGenerator(frequencies: [2000], levelDBm0: 0)
    let peak = Int16(22_827)
    #expect(quarter.next(4) == [0, peak, 0, -peak])
}

@Test func mixedTonesClipInsteadOfWrapping() {
    var samples = [Int16](repeating: 30_000, count: 80)
    var tone = ToneGenerator(frequencies: [1000], levelDBm0: 0)
    samples.withUnsafeMutableBufferPointer { tone.mix(into: $0) }
    #expect(samples.max() == 32767)
    #expect(samples.allSatisfy { $0 > 5000 })
    #expect(clippedSample(.nan) == 0)
    #expect(clippedSample(1e9) == 32767)
    #expect(clippedSample(-1e9) == -32768)
}

@Test func dtmfFrequenciesAreThoseOfQ23() throws {
    let five = try #require(DTMF.frequencies(of: "5"))
    #expect(five == (770, 1336))
    let pound = try #require(DTMF.frequencies(of: "#"))
    #expect(pound == (941, 1477))
    #expect(DTMF.frequencies(of: "E") == nil)
}

@Test(arguments: [(8000, 16_000), (16_000, 8000), (8000, 24_000), (48_000, 8000)])
func resamplingKeepsToneTimeAndLevel(from: Int, to: Int) throws {
    var tone = ToneGenerator(frequencies: [1000], levelDBm0: -10, sampleRate: from)
    // Half a second of silence, then the tone: the edge must stay where it is.
    let input = [Int16](repeating: 0, count: from / 2) + tone.next(from / 2)
    let output = try Resampler.convert(input, from: from, to: to)
    #expect(output.count == to)
    #expect(abs(Level.dBm0(Array(output[(to * 6 / 10)..<(to * 9 / 10)])) + 10) < 0.2)
    #expect(rms(output[0..<(to * 49 / 100)]) < 20)
    var reference = ToneGenerator(frequencies: [1000], levelDBm0: -10, sampleRate: to)
    let ideal = reference.next(to / 2)
    var error: [Int16] = []
    for index in to * 6 / 10..<to * 9 / 10 {
        error.append(Int16(clamping: Int(output[index]) - Int(ideal[index - to / 2])))
    }
    #expect(rms(error[...]) < rms(ideal[...]) * 0.05)
}

@Test func resamplingRemovesWhatTheNewRateCannotCarry() throws {
    var tone = ToneGenerator(frequencies: [6000], levelDBm0: -10, sampleRate: 16_000)
    let output = try Resampler.convert(tone.next(16_000), from: 16_000, to: 8000)
    #expect(Level.dBm0(Array(output[1000..<7000])) < -55)
}

@Test func resamplerStreamsWithoutSeams() throws {
    var tone = ToneGenerator(frequencies: [700], levelDBm0: -10, sampleRate: 16_000)
    let input = tone.next(16_000)
    var whole = try Resampler(from: 16_000, to: 8000)
    var expected: [Int16] = []
    input.withUnsafeBufferPointer { whole.process($0, into: &expected) }
    var cut = try Resampler(from: 16_000, to: 8000)
    var joined: [Int16] = []
    for start in stride(from: 0, to: input.count, by: 320) {
        Array(input[start..<min(start + 320, input.count)]).withUnsafeBufferPointer {
            cut.process($0, into: &joined)
        }
    }
    #expect(joined == expected)
    #expect(abs(joined.count - 8000) <= 2)
}

@Test func impossibleRatesAreRefused() {
    #expect(throws: AudioError.badSampleRate(0)) {
        _ = try Resampler.convert([1], from: 0, to: 8000)
    }
    #expect(throws: AudioError.badSampleRate(-5)) {
        _ = try Resampler.convert([1], from: 8000, to: -5)
    }
}

@Test(arguments: [8000, 16_000, 48_000])
func opusCarriesATone(rate: Int) throws {
    var encoder = try OpusEncoder(sampleRate: rate)
    var decoder = try OpusDecoder(sampleRate: rate)
    var tone = ToneGenerator(frequencies: [440], levelDBm0: -10, sampleRate: rate)
    let count = rate / 50
    var heard: [Int16] = []
    var packet = [UInt8](repeating: 0, count: 1275)
    for _ in 0..<25 {
        let frame = tone.next(count)
        let size = try frame.withUnsafeBufferPointer { source in
            try packet.withUnsafeMutableBytes { target in
                try encoder.encode(source, into: target)
            }
        }
        #expect(size > 2 && size < 200)
        var decoded = [Int16](repeating: 0, count: count)
        let written = try packet[0..<size].withUnsafeBytes { source in
            try decoded.withUnsafeMutableBufferPointer { target in
                try decoder.decode(source, into: target)
            }
        }
        #expect(written == count)
        heard += decoded
    }
    #expect(abs(Level.dBm0(Array(heard[(heard.count / 2)...])) + 10) < 1)
    var concealed = [Int16](repeating: 0, count: count)
    let filled = try concealed.withUnsafeMutableBufferPointer { target in
        try decoder.conceal(into: target)
    }
    #expect(filled == count)
    #expect(Level.dBm0(concealed) > -20)
}

@Test func opusRefusesWhatItCannotDo() throws {
    #expect(throws: AudioError.badSampleRate(11_025)) { _ = try OpusEncoder(sampleRate: 11_025) }
    #expect(throws: AudioError.badSampleRate(0)) { _ = try OpusDecoder(sampleRate: 0) }
    var decoder = try OpusDecoder(sampleRate: 8000)
    var encoder = try OpusEncoder(sampleRate: 8000, expectedLossPercent: 10)
    var samples = [Int16](repeating: 0, count: 160)
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<2000 {
        let packet = (0..<Int(generator.next() % 40)).map { _ in UInt8(generator.next() & 255) }
        // Whatever it is: samples that fit, or an error.
        let written = packet.withUnsafeBytes { source in
            samples.withUnsafeMutableBufferPointer { try? decoder.decode(source, into: $0) }
        }
        #expect((written ?? 0) <= 160)
    }
    // A frame length that Opus does not know.
    var packet = [UInt8](repeating: 0, count: 100)
    let odd = [Int16](repeating: 0, count: 77)
    let refused = odd.withUnsafeBufferPointer { source in
        packet.withUnsafeMutableBytes { try? encoder.encode(source, into: $0) }
    }
    #expect(refused == nil)
}
