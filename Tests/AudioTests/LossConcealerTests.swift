import Audio
import Base
import Testing

private func feed(_ concealer: inout LossConcealer, _ samples: [Int16]) {
    for start in stride(from: 0, to: samples.count, by: 160) {
        Array(samples[start..<min(start + 160, samples.count)]).withUnsafeBufferPointer {
            concealer.good($0)
        }
    }
}

private func concealed(_ concealer: inout LossConcealer, _ count: Int = 160) -> [Int16] {
    var lost = [Int16](repeating: 12_345, count: count)
    lost.withUnsafeMutableBufferPointer { concealer.conceal(into: $0) }
    return lost
}

/// Largest step between neighbours.
private func steepest(_ samples: [Int16]) -> Int {
    zip(samples, samples.dropFirst()).map { abs(Int($1) - Int($0)) }.max() ?? 0
}

@Test(arguments: [100.0, 123, 220, 400, 1000])
func lostPieceOfAToneGoesOnInPhase(frequency: Double) {
    var tone = ToneGenerator(frequencies: [frequency], levelDBm0: -10)
    var concealer = LossConcealer()
    let heard = tone.next(800)
    feed(&concealer, heard)
    let truth = tone.next(160)
    let lost = concealed(&concealer)
    // The first 10 ms: an error well below the tone, and no click at the border.
    let error = (0..<80).map { Int16(clamping: Int(lost[$0]) - Int(truth[$0])) }
    #expect(Level.dBm0(error) < Level.dBm0(Array(truth[0..<80])) - 12)
    #expect(steepest(heard.suffix(1) + lost) <= steepest(heard) * 13 / 10 + 60)
}

@Test func concealmentFallsToSilenceInEightyMilliseconds() {
    var tone = ToneGenerator(frequencies: [200, 400], levelDBm0: -10)
    var concealer = LossConcealer()
    feed(&concealer, tone.next(960))
    let levels = (0..<6).map { _ in Level.dBm0(concealed(&concealer)) }
    // The sum of two sines at −10 dBm0 is at −7.
    #expect(levels[0] > -9 && levels[0] < -6.5)
    #expect(levels[1] < levels[0] && levels[2] < levels[1] && levels[3] < levels[2])
    #expect(levels[3] > -30)
    #expect(levels[4] == Level.silenceDBm0)
    #expect(levels[5] == Level.silenceDBm0)
    #expect(concealer.concealedRun == 640)
    feed(&concealer, tone.next(160))
    #expect(concealer.concealedRun == 0)
}

@Test func fallingSoundGoesOnFallingAndRisingSoundDoesNotGrow() {
    var tone = ToneGenerator(frequencies: [250], levelDBm0: -6)
    let flat = tone.next(800)
    let falling = flat.enumerated().map { Int16(Double($1) * (1 - Double($0) / 850)) }
    var steady = LossConcealer()
    feed(&steady, flat)
    let steadyLevel = Level.dBm0(concealed(&steady))
    var sinking = LossConcealer()
    feed(&sinking, falling)
    let before = Level.dBm0(Array(falling.suffix(80)))
    #expect(Level.dBm0(concealed(&sinking)) < before - 4)
    var rising = LossConcealer()
    feed(&rising, falling.reversed())
    #expect(Level.dBm0(concealed(&rising)) <= steadyLevel + 0.5)
}

@Test func joinAfterALossIsSmootherInTheBufferThatIsPlayed() {
    var tone = ToneGenerator(frequencies: [312.5], levelDBm0: -6)
    var concealer = LossConcealer()
    feed(&concealer, tone.next(800))
    let lost = concealed(&concealer)
    var hard = concealer
    // What comes after the loss stands in opposite phase: 6¼ periods were lost, so at the peak.
    let after = tone.next(160).map { -$0 }
    var joined = after
    joined.withUnsafeMutableBufferPointer { concealer.good($0) }
    #expect(steepest(lost.suffix(1) + joined) * 2 < steepest(lost.suffix(1) + after))
    #expect(Array(joined[24...]) == Array(after[24...]))
    #expect(concealer.concealedRun == 0)
    // A buffer that may not be changed is accepted as it is.
    feed(&hard, after)
    #expect(hard.concealedRun == 0)
    // Without a loss before, nothing is changed.
    let next = tone.next(160)
    var untouched = next
    untouched.withUnsafeMutableBufferPointer { concealer.good($0) }
    #expect(untouched == next)
}

@Test func neverFedConcealerIsSilentAndAnyFrameLengthIsTaken() {
    var fresh = LossConcealer()
    fresh.good(UnsafeBufferPointer(start: nil, count: 0))
    fresh.good(UnsafeMutableBufferPointer(start: nil, count: 0))
    fresh.conceal(into: UnsafeMutableBufferPointer(start: nil, count: 0))
    #expect(concealed(&fresh).allSatisfy { $0 == 0 })

    var generator = SeededGenerator(seed: 711)
    var whole = LossConcealer()
    var cut = LossConcealer()
    for _ in 0..<60 {
        let count = Int(generator.next() % 700)
        let noise = (0..<count).map { _ in Int16(truncatingIfNeeded: generator.next()) }
        noise.withUnsafeBufferPointer { whole.good($0) }
        for start in stride(from: 0, to: count, by: 33) {
            Array(noise[start..<min(start + 33, count)]).withUnsafeBufferPointer { cut.good($0) }
        }
        let wanted = Int(generator.next() % 900)
        var pieces: [Int16] = []
        while pieces.count < wanted { pieces += concealed(&cut, min(47, wanted - pieces.count)) }
        // The same samples, however the loss is cut up.
        #expect(concealed(&whole, wanted) == pieces)
    }
}
