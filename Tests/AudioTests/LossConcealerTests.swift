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

@Test(arguments: [8000, 16_000])
func bothRatesConcealTheSameSoundAlike(rate: Int) {
    var tone = ToneGenerator(frequencies: [220, 660], levelDBm0: -12, sampleRate: rate)
    var concealer = LossConcealer(sampleRate: rate)
    tone.next(rate / 10).withUnsafeBufferPointer { concealer.good($0) }
    let truth = tone.next(rate / 50)
    let lost = concealed(&concealer, rate / 50)
    let error = zip(lost, truth).map { Int16(clamping: Int($0) - Int($1)) }
    #expect(Level.dBm0(Array(error[0..<rate / 100])) < Level.dBm0(truth) - 12)
    let rest = concealed(&concealer, rate / 10)
    #expect(rest.suffix(rate / 50).allSatisfy { $0 == 0 })
    #expect(concealer.concealedRun == rate * 80 / 1000)
}

@Test(arguments: [8000, 16_000])
func aGapIsJoinedToTheSoundBehindIt(rate: Int) {
    let frame = rate / 50
    var low = ToneGenerator(frequencies: [200], levelDBm0: -10, sampleRate: rate)
    var high = ToneGenerator(frequencies: [500], levelDBm0: -16, sampleRate: rate)
    var oneSided = LossConcealer(sampleRate: rate)
    low.next(rate / 10).withUnsafeBufferPointer { oneSided.good($0) }
    var twoSided = oneSided
    // In the gap the sound turns into another.
    _ = high.next(frame)
    var following = high.next(frame)
    var gap = [Int16](repeating: 0, count: frame)
    gap.withUnsafeMutableBufferPointer { gap in
        following.withUnsafeBufferPointer { twoSided.conceal(into: gap, before: $0) }
    }
    let past = concealed(&oneSided, frame)
    // The end of the gap goes over into what follows, which is left as it is.
    let steepestOf500 = 0.5 * 5000 * 2 * Double.pi * 500 / Double(rate)
    let step = abs(Int(following[0]) - Int(gap[frame - 1]))
    #expect(Double(step) < steepestOf500 * 2, "\(step)")
    let kept = following
    following.withUnsafeMutableBufferPointer { twoSided.good($0) }
    #expect(following == kept)
    // Its last quarter is nearer to the truth than the past alone is.
    var again = ToneGenerator(frequencies: [500], levelDBm0: -16, sampleRate: rate)
    let truth = again.next(frame)
    func error(_ guess: [Int16]) -> Double {
        Level.dBm0((frame * 3 / 4..<frame).map { Int16(clamping: Int(guess[$0]) - Int(truth[$0])) })
    }
    #expect(error(gap) < error(past) - 6, "\(error(gap)) against \(error(past))")
}
