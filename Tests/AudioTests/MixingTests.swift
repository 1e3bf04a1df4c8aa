import Audio
import Base
import Testing

private func mixed(
    _ mixer: inout Mixer, _ limiter: inout Limiter, without own: [Int16]? = nil, count: Int = 160
) -> [Int16] {
    var output = [Int16](repeating: 999, count: count)
    output.withUnsafeMutableBufferPointer { target in
        if let own {
            own.withUnsafeBufferPointer {
                _ = mixer.write(without: $0, limiter: &limiter, into: target)
            }
        } else {
            mixer.write(limiter: &limiter, into: target)
        }
    }
    return output
}

private func add(_ frame: [Int16], to mixer: inout Mixer) {
    frame.withUnsafeBufferPointer { mixer.add($0) }
}

@Test func listenersHearTheOthersBitForBitAndNotThemselves() {
    var mixer = Mixer(capacity: 160)
    var limiter = Limiter()
    let one = [Int16](repeating: 1000, count: 160)
    let two = (0..<160).map { Int16($0) }
    let three = [Int16](repeating: -300, count: 160)
    mixer.begin(160)
    for voice in [one, two, three] { add(voice, to: &mixer) }
    #expect(mixed(&mixer, &limiter) == (0..<160).map { Int16($0 + 700) })
    #expect(mixed(&mixer, &limiter, without: one) == (0..<160).map { Int16($0 - 300) })
    #expect(mixed(&mixer, &limiter, without: two) == [Int16](repeating: 700, count: 160))
    // The next frame starts from silence; a short voice fills the front only.
    mixer.begin(160)
    add([5, 6], to: &mixer)
    #expect(mixed(&mixer, &limiter) == [5, 6] + [Int16](repeating: 0, count: 158))
    #expect(limiter.gain == 1)
}

/// −32,768 is full scale as 32,767 is: whoever speaks alone is heard bit for bit, clipped or not.
@Test func fullScaleOfBothSignsIsNotTurnedDown() {
    var mixer = Mixer(capacity: 160)
    var limiter = Limiter()
    let loud = (0..<160).map { $0 % 16 < 8 ? Int16.max : Int16.min }
    mixer.begin(160)
    add(loud, to: &mixer)
    #expect(mixed(&mixer, &limiter) == loud)
    #expect(limiter.gain == 1)
    // One more is too much, on either side.
    for extra in [Int16(1), -1] {
        var limiter = Limiter()
        mixer.begin(160)
        add(loud, to: &mixer)
        add([Int16](repeating: extra, count: 160), to: &mixer)
        _ = mixed(&mixer, &limiter)
        #expect(limiter.gain < 1)
    }
}

@Test func loudVoicesAreTurnedDownWithoutClipping() {
    var mixer = Mixer(capacity: 160)
    var limiter = Limiter()
    var voices = [300.0, 460, 710, 930].map {
        ToneGenerator(frequencies: [$0], levelDBm0: 0)
    }
    var output: [Int16] = []
    var truth: [Double] = []
    for _ in 0..<50 {
        mixer.begin(160)
        var sum = [Double](repeating: 0, count: 160)
        for index in voices.indices {
            let frame = voices[index].next(160)
            add(frame, to: &mixer)
            for place in 0..<160 { sum[place] += Double(frame[place]) }
        }
        truth += sum
        output += mixed(&mixer, &limiter)
    }
    #expect(truth.map(abs).max() ?? 0 > 80_000)
    // Nothing at full scale: no clipped peak.
    #expect(output.allSatisfy { abs(Int($0)) < 32_767 })
    #expect(output.contains { abs(Int($0)) > 28_000 })
    // What is heard follows the truth: the distortion of cutting peaks off is far below 20 dB.
    var product = 0.0
    var energy = 0.0
    var heard = 0.0
    for index in 800..<8000 {
        product += truth[index] * Double(output[index])
        energy += truth[index] * truth[index]
        heard += Double(output[index]) * Double(output[index])
    }
    #expect(product / (energy * heard).squareRoot() > 0.97)
    // Quiet again: full gain within 100 ms.
    for _ in 0..<5 {
        mixer.begin(160)
        _ = mixed(&mixer, &limiter)
    }
    #expect(limiter.gain == 1)
}

@Test func limiterTakesWhateverComes() {
    var limiter = Limiter()
    var generator = SeededGenerator(seed: 32)
    for _ in 0..<100 {
        let shift = generator.next() % 30
        let sums = (0..<Int(generator.next() % 200)).map { _ in
            Int32(truncatingIfNeeded: generator.next()) >> Int32(shift)
        }
        var output = [Int16](repeating: 0, count: 200)
        sums.withUnsafeBufferPointer { sums in
            output.withUnsafeMutableBufferPointer { limiter.limit(sums, into: $0) }
        }
        for (sum, sample) in zip(sums, output) where sample != 0 {
            #expect(sum.signum() == Int32(sample.signum()))
        }
        #expect(limiter.gain > 0 && limiter.gain <= 1)
    }
    var edge = Limiter()
    var output = [Int16](repeating: 0, count: 2)
    [Int32.min, Int32.max].withUnsafeBufferPointer { sums in
        output.withUnsafeMutableBufferPointer { edge.limit(sums, into: $0) }
    }
    #expect(output[0] < -30_000 && output[1] > 30_000)
}

@Test func meterTellsPeakRMSAndActiveLevelApart() throws {
    var tone = ToneGenerator(frequencies: [1000], levelDBm0: -16)
    var meter = LevelMeter()
    #expect(meter.active == nil)
    #expect(meter.rmsDBm0 == Level.silenceDBm0)
    // 10 s: one second of sound, four of silence, twice.
    for _ in 0..<2 {
        tone.next(8000).withUnsafeBufferPointer { meter.add($0) }
        [Int16](repeating: 0, count: 32_000).withUnsafeBufferPointer { meter.add($0) }
    }
    // A fifth of the time: 10 log₁₀ 5 = 7 dB below.
    #expect(abs(meter.rmsDBm0 + 23) < 0.1)
    #expect(abs(meter.peakDBm0 + 16) < 0.1)
    let active = try #require(meter.active)
    // The 200 ms hangover and the envelope's own tail count as active.
    #expect(abs(active.levelDBm0 + 16.9) < 0.6)
    #expect(abs(active.share - 0.25) < 0.04)
    var silent = LevelMeter()
    [Int16](repeating: 0, count: 800).withUnsafeBufferPointer { silent.add($0) }
    #expect(silent.active == nil)
    #expect(silent.peak == 0)
    var extreme = LevelMeter()
    [Int16](repeating: .min, count: 800).withUnsafeBufferPointer { extreme.add($0) }
    #expect(extreme.peak == 32_768)
}

@Test func linearSamplesTravelHighByteFirst() {
    let samples: [Int16] = [0, 1, -1, 0x1234, .min, .max]
    var payload = [UInt8](repeating: 0xEE, count: 13)
    let count = samples.withUnsafeBufferPointer { samples in
        payload.withUnsafeMutableBytes { L16.encode(samples, into: $0) }
    }
    #expect(count == 12)
    #expect(payload == [0, 0, 0, 1, 0xFF, 0xFF, 0x12, 0x34, 0x80, 0, 0x7F, 0xFF, 0xEE])
    var back = [Int16](repeating: 7, count: 8)
    // The odd byte at the end is left out.
    let written = payload.withUnsafeBytes { payload in
        back.withUnsafeMutableBufferPointer { L16.decode(payload, into: $0) }
    }
    #expect(written == 6)
    #expect(back == samples + [7, 7])
}
