import Audio
import Base
import CallModel
import Testing

@testable import Media

/// What a link of `gain` dB makes of a tone, at the leg's rate; `changes`: level by tick.
private func carried(
    _ frequency: Double, levelDBm0: Double, gain: Double, rate: Int = 8000, legRate: Int = 8000,
    ticks: Int = 100, changes: [Int: Double] = [:]
) -> [Int16] {
    let link = LegLink(
        id: LinkID(1), from: LegID(1), to: LegID(2), sampleRate: rate, gainDecibels: gain)
    let reader = LinkReader(link, legRate: legRate)
    var tone = ToneGenerator(
        frequencies: [frequency], levelDBm0: levelDBm0, sampleRate: rate)
    var heard: [Int16] = []
    for tick in 0..<ticks {
        if let gain = changes[tick] { link.setGain(decibels: gain) }
        let now = Instant(milliseconds: Int64(tick * 20))
        _ = tone.next(rate / 50).withUnsafeBufferPointer { link.write($0, now: now) }
        reader.take(legRate / 50, now: now + .milliseconds(10))
        heard += reader.frame[0..<legRate / 50]
    }
    return heard
}

/// All that is not the tone itself, as a part of it (1: as loud as the tone).
private func distortion(_ samples: ArraySlice<Int16>, _ frequency: Double, rate: Int) -> Double {
    var (s, c, energy) = (0.0, 0.0, 0.0)
    for (index, sample) in samples.enumerated() {
        let angle = 2 * Double.pi * frequency * Double(index) / Double(rate)
        s += Double(sample) * Elementary.sin(angle)
        c += Double(sample) * Elementary.cos(angle)
        energy += Double(sample) * Double(sample)
    }
    // Whole periods: sine and cosine are orthogonal.
    let own = 2 * (s * s + c * c) / Double(samples.count)
    return (max(0, energy - own) / own).squareRoot()
}

/// Longest run of samples at either end of the scale.
private func longestClip(_ samples: some Sequence<Int16>) -> Int {
    var (longest, run) = (0, 0)
    for sample in samples {
        run = abs(Int(sample)) >= 32_700 ? run + 1 : 0
        longest = max(longest, run)
    }
    return longest
}

/// −3 dBm0 and 12 dB are 9 dBm0: twice full scale. Cut off that is a third of distortion.
@Test(arguments: [(440.0, 0.01), (1000, 0.01), (200, 0.04)])
func aLoudVoiceMadeLouderIsTurnedDownNotCut(frequency: Double, limit: Double) {
    for (rate, legRate) in [(8000, 8000), (16_000, 16_000), (8000, 16_000), (16_000, 8000)] {
        let heard = carried(
            frequency, levelDBm0: -3, gain: 12, rate: rate, legRate: legRate)
        #expect(longestClip(heard) == 0, "\(rate) → \(legRate)")
        let steady = heard[legRate..<legRate * 9 / 5]
        let part = distortion(steady, frequency, rate: legRate)
        #expect(part < limit, "\(frequency) Hz, \(rate) → \(legRate): \(part)")
        // As loud as there is room for.
        #expect((steady.max() ?? 0) > 30_000)
    }
}

@Test func aLevelThatHasRoomIsExactAndTheLimiterLetsGo() {
    let quiet = carried(440, levelDBm0: -30, gain: 12)
    #expect(abs(Level.dBm0(Array(quiet[1600...])) + 18) < 0.05)
    #expect(distortion(quiet[1600..<14_400], 440, rate: 8000) < 0.002)
    // From 12 dB back to 0: bit for bit what came, within 100 ms.
    let back = carried(440, levelDBm0: -3, gain: 12, changes: [50: 0])
    let plain = carried(440, levelDBm0: -3, gain: 0)
    #expect(Array(back[(56 * 160)...]) == Array(plain[(56 * 160)...]))
    // On the way there no period is much louder than the one before.
    let peaks = stride(from: 49 * 160, to: 56 * 160, by: 20).map { start in
        back[start..<start + 20].reduce(0) { max($0, abs(Int($1))) }
    }
    #expect(zip(peaks, peaks.dropFirst()).allSatisfy { $1 * 10 <= $0 * 11 }, "\(peaks)")
    // And a level that moves up while a voice speaks has no step larger than the tone's own.
    let up = carried(440, levelDBm0: -3, gain: 0, changes: [50: 12])
    #expect(longestClip(up) == 0)
    let own = 2 * Double.pi * 440 / 8000 * 32_767
    #expect(zip(up, up.dropFirst()).allSatisfy { abs(Double($1) - Double($0)) <= own })
}

/// The same behind mixer and codec.
@Test func whoListensToALoudLinkHearsATone() throws {
    let world = LinkWorld()
    let speaker = try world.join(
        .l16,
        LinkWorld.Talk { index, rate in
            16_000 * Elementary.sin(2 * Double.pi * 400 * Double(index) / Double(rate))
        })
    let listener = try world.join(.l16, phase: 7)
    world.link(speaker, to: listener, gain: 12)
    world.run(milliseconds: 3000)
    let heard = listener.heard[(listener.heard.count - 8000)...]
    #expect(longestClip(heard) == 0)
    #expect(distortion(heard, 400, rate: 8000) < 0.02)
    #expect((heard.max() ?? 0) > 30_000)
}
