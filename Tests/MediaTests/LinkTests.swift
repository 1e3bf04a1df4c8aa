import Audio
import Base
import CallModel
import Testing

@testable import Media

/// A link between two ticks of given phases, on a virtual clock.
private final class LinkLine {
    let link: LegLink
    let reader: LinkReader
    var counters = LinkCounters()
    var heard: [Int16] = []
    /// Samples written so far.
    var written = 0

    init(rate: Int = 8000, legRate: Int? = nil) {
        link = LegLink(id: LinkID(1), from: LegID(1), to: LegID(2), sampleRate: rate)
        reader = LinkReader(link, legRate: legRate ?? rate)
    }

    func write(at ms: Int, _ signal: (Int) -> Int16) {
        write(at: Instant(milliseconds: Int64(ms)), signal)
    }

    func write(at now: Instant, _ signal: (Int) -> Int16) {
        let frame = (0..<link.sampleRate / 50).map { signal(written + $0) }
        written += frame.count
        _ = frame.withUnsafeBufferPointer { link.write($0, now: now) }
    }

    func read(at ms: Int, samples: Int? = nil) {
        read(at: Instant(milliseconds: Int64(ms)), samples: samples)
    }

    func read(at now: Instant, samples: Int? = nil) {
        let count = samples ?? reader.legRate / 50
        reader.take(count, now: now)
        heard +=
            reader.speaks ? Array(reader.frame[0..<count]) : [Int16](repeating: 0, count: count)
        reader.report(to: &counters)
    }
}

/// Counts its own samples, 1 … 32,000.
private func count(_ index: Int) -> Int16 { Int16(index % 32_000 + 1) }

@Test(arguments: 0..<20)
func aLinkDelaysByLessThanAFrameAndATickWhateverThePhases(phase: Int) {
    let line = LinkLine()
    // The writer ticks at 0, 20, 40 … and the reader at `phase` beyond that.
    for tick in 0..<100 {
        line.write(at: tick * 20, count)
        line.read(at: tick * 20 + phase)
    }
    #expect(line.counters.underruns == 0)
    #expect(line.counters.trimmedSamples == 0)
    let last = Int(line.heard[line.heard.count - 1])
    // What is read at 1980 + phase, of what had been written until 1980.
    let behind = line.written - last
    #expect(behind == (phase < 3 ? 160 : 0))
    // From the first frame's ramp on, every sample once and in order.
    let tail = line.heard[320...]
    #expect(zip(tail, tail.dropFirst()).allSatisfy { $1 - $0 == 1 })
}

@Test func aWriterThatComesAfterTheReaderOnTheSamePhaseIsWaitedFor() {
    let line = LinkLine()
    for tick in 0..<100 {
        line.read(at: tick * 20)
        line.write(at: tick * 20, count)
    }
    #expect(line.counters.underruns == 0)
    let tail = line.heard[400...]
    #expect(zip(tail, tail.dropFirst()).allSatisfy { $1 - $0 == 1 })
}

@Test(arguments: [10, 20, 30, 40, 60])
func framesOfAnyLengthAreRead(ptime: Int) {
    let line = LinkLine()
    var budget = max(0, ptime - 20)
    for tick in 0..<200 {
        line.write(at: tick * 20, count)
        budget += 20
        while budget >= ptime {
            budget -= ptime
            line.read(at: tick * 20 + 10, samples: ptime * 8)
        }
    }
    #expect(line.counters.underruns == 0)
    let tail = line.heard[2000...]
    #expect(zip(tail, tail.dropFirst()).allSatisfy { $1 - $0 == 1 })
    #expect(line.written - Int(line.heard[line.heard.count - 1]) <= 480)
}

@Test func startGainMuteAndEndAreFreeOfClicks() {
    let line = LinkLine()
    for tick in 0..<60 {
        if tick == 10 { line.link.setGain(decibels: -20) }
        if tick == 20 { line.link.setGain(decibels: 0) }
        if tick == 30 { line.link.setMuted(true) }
        if tick == 40 { line.link.setMuted(false) }
        if tick == 50 { line.link.end(.disconnected) }
        line.write(at: tick * 20, voiced)
        line.read(at: tick * 20 + 10)
    }
    // The tone's own steps are at most this large.
    let own = largestStep((0..<200).map(voiced))
    #expect(largestStep(line.heard) <= own)
    func level(_ ticks: Range<Int>) -> Double {
        Level.dBm0(Array(line.heard[ticks.lowerBound * 160..<ticks.upperBound * 160]))
    }
    #expect(abs(level(12..<20) - level(2..<10) + 20) < 0.1)
    #expect(abs(level(22..<30) - level(2..<10)) < 0.1)
    #expect(line.heard[31 * 160..<40 * 160].allSatisfy { $0 == 0 })
    #expect(line.heard[51 * 160..<60 * 160].allSatisfy { $0 == 0 })
    #expect(line.reader.isFinished)
    #expect(line.link.ended == .disconnected)
}

@Test func aWriterThatStopsFadesOutAndComesBack() {
    let line = LinkLine()
    for tick in 0..<100 {
        if !(40..<60).contains(tick) { line.write(at: tick * 20, voiced) }
        line.read(at: tick * 20 + 10)
    }
    #expect(line.counters.underruns == 1)
    #expect(line.heard[41 * 160..<60 * 160].allSatisfy { $0 == 0 })
    #expect(line.heard[62 * 160..<100 * 160].contains { $0 > 8000 })
    // 5 ms from the last sample to nothing.
    #expect(largestStep(line.heard) <= 2 * largestStep((0..<200).map(voiced)))
}

@Test func whatAStoppedReaderLeftOutIsWornDownWithoutClicks() {
    let line = LinkLine()
    for tick in 0..<400 {
        line.write(at: tick * 20, voiced)
        if !(50..<54).contains(tick) { line.read(at: tick * 20 + 10) }
    }
    #expect(line.counters.trimmedSamples > 320)
    let left = line.link.ring.count
    #expect(left < 160)
    #expect(largestStep(line.heard) <= largestStep((0..<200).map(voiced)) * 3 / 2)
}

@Test func moreThanAHundredMillisecondsTooMuchAreJumpedOver() {
    let line = LinkLine()
    for tick in 0..<10 {
        line.write(at: tick * 20, voiced)
        line.read(at: tick * 20 + 10)
    }
    // Ten ticks left out: 180 ms too much when it goes on.
    for tick in 10..<20 { line.write(at: tick * 20, voiced) }
    line.read(at: 390)
    #expect(line.link.ring.count == 0)
    #expect(line.counters.trimmedSamples == 9 * 160)
    #expect(largestStep(line.heard) <= largestStep((0..<200).map(voiced)) * 3 / 2)
}

/// Ticks follow the far ends' clocks: ten frames too few or too many in 400 s at 500 ppm.
@Test(arguments: [500e-6, -500e-6], [20, 30])
func ticksThatDriftPastEachOtherCostNoHoleAndNoClick(skew: Double, ptime: Int) {
    let line = LinkLine()
    let own = largestStep((0..<200).map(voiced))
    let reads = 400_000 / ptime
    var writes = 0
    var faults = 0
    for read in 0..<reads {
        // Phases move by whole milliseconds, as a worker's do.
        var now = Int(7 + Double(read * ptime) * (1 - skew))
        // Frames that are no whole ticks are read at the ticks that are due: 30 ms at 0, 20, 60, 80 …
        if ptime % 20 != 0, read % 2 == 1 { now -= 10 }
        while writes * 20 <= now {
            line.write(at: writes * 20, voiced)
            writes += 1
        }
        line.read(at: now, samples: ptime * 8)
        guard read > 10 else { continue }
        let part = Array(line.heard.suffix(ptime * 8 + 1))
        // The tone itself is 0 at two samples of 40.
        if largestStep(part) > own * 3 / 2 || part.count(where: { $0 == 0 }) > ptime { faults += 1 }
        if line.heard.count > 8000 { line.heard.removeFirst(7000) }
    }
    #expect(faults == 0)
    #expect(line.counters.underruns == 0)
    // 1600 samples of drift are stretched or cut, and not much else; nothing piles up.
    let gained = reads * ptime * 8 - (line.written - line.link.ring.count)
    #expect(abs(gained - Int(skew * 400 * 8000)) < 500, "\(gained)")
    #expect(line.counters.trimmedSamples < (skew < 0 ? 2400 : 400))
    #expect(line.link.ring.count <= 480)
}

@Test func aLegThatChangesItsRateGoesOnWithoutAStep() throws {
    let link = LegLink(id: LinkID(1), from: LegID(1), to: LegID(2), sampleRate: 8000)
    let other = LegLink(id: LinkID(2), from: LegID(2), to: LegID(1), sampleRate: 8000)
    var links = LegLinks(rate: 8000)
    #expect(links.add(input: link) && links.add(output: other))
    var heard: [Int16] = []
    var written = 0
    func write(_ tick: Int) {
        let samples = (0..<160).map { voiced(written + $0) }
        written += 160
        samples.withUnsafeBufferPointer {
            _ = link.write($0, now: Instant(milliseconds: Int64(tick * 20)))
        }
    }
    func mix(_ tick: Int) -> Bool {
        var frame = [Int16](repeating: 0, count: links.rate / 50)
        var clip: ClipPlayback?
        let speaks = frame.withUnsafeMutableBufferPointer {
            links.mix(
                into: $0, hasBot: false, clip: &clip,
                now: Instant(milliseconds: Int64(tick * 20 + 10)))
        }
        heard += frame
        return speaks
    }
    for tick in 0..<20 {
        // A hole before the change, which nobody has been told of yet.
        if tick != 5 { write(tick) }
        _ = mix(tick)
    }
    links = LegLinks(from: links, rate: 16_000)
    for tick in 20..<40 {
        write(tick)
        #expect(mix(tick))
    }
    let own = largestStep((0..<200).map(voiced))
    #expect(largestStep(Array(heard[3000..<3300])) <= own * 3 / 2)
    // It plays on in the first frame: no fade-in, no wait.
    #expect(Level.dBm0(Array(heard[3280..<3520])) > Level.dBm0(Array(heard[2800..<3100])) - 4)
    var counters = LinkCounters()
    var out = Outbox<LegOutput>()
    links.close(counters: &counters, out: &out)
    #expect(counters.underruns == 1)
}

@Test func jitterIsRememberedWhenTheCodecChanges() {
    var narrow = PlayoutConfiguration()
    var delay = PlayoutDelay(narrow)
    for index in 0..<500 { delay.note(Int64(index % 5 * 80)) }
    narrow.clockRate = 16_000
    narrow.frameSamples = 320
    var wide = PlayoutDelay(narrow)
    wide.learn(from: delay)
    // 40 ms, in samples of either rate.
    #expect(delay.needed == 320)
    #expect(wide.needed == 640)
    wide.rebase(to: 0)
    wide.note(0)
    #expect(wide.needed == 640)
}

@Test func aReaderThatStandsStillCostsSamplesNotMemory() {
    let line = LinkLine()
    var refused = 0
    for tick in 0..<100 {
        let frame = [Int16](repeating: 1, count: 160)
        refused += frame.withUnsafeBufferPointer {
            line.link.write($0, now: Instant(milliseconds: Int64(tick) * 20))
        }
    }
    #expect(line.link.ring.count == 2048)
    #expect(refused == 100 * 160 - 2048)
}

@Test func aLinkIsConvertedToTheRateOfItsLeg() {
    for (rate, legRate) in [(8000, 16_000), (16_000, 8000)] {
        let line = LinkLine(rate: rate, legRate: legRate)
        let step = 2 * Double.pi * 440 / Double(rate)
        for tick in 0..<100 {
            line.write(at: tick * 20) { Int16(8000 * Elementary.sin(Double($0) * step)) }
            line.read(at: tick * 20 + 10)
        }
        let frame = legRate / 50
        let steady = Array(line.heard[frame * 10..<frame * 90])
        let expected = 2 * Double.pi * 440 / Double(legRate)
        // Any phase: the best of sine and cosine.
        var (s, c, energy) = (0.0, 0.0, 0.0)
        for (index, sample) in steady.enumerated() {
            s += Double(sample) * Elementary.sin(Double(index) * expected)
            c += Double(sample) * Elementary.cos(Double(index) * expected)
            energy += Double(sample) * Double(sample)
        }
        let correlation = ((s * s + c * c) / (energy * Double(steady.count) / 2)).squareRoot()
        #expect(correlation > 0.999)
    }
}

@Test func digitsWaitInTheLinkUpToALimit() {
    let link = LegLink(id: LinkID(1), from: LegID(1), to: LegID(2), relaysDigits: true)
    for digit in "0123456789*#ABCD" { #expect(link.pass(digit: digit)) }
    #expect(!link.pass(digit: "1"))
    #expect(!link.pass(digit: "é"))
    var taken = ""
    while let digit = link.takeDigit() { taken.append(digit) }
    #expect(taken == "0123456789*#ABCD")
}

@Test func theFirstReasonOfAnEndStays() {
    let link = LegLink(id: LinkID(1), from: LegID(1), to: LegID(2), gainDecibels: 99)
    #expect(link.ended == nil)
    #expect(abs(link.gain - 3.981) < 0.001)
    link.end(.targetClosed)
    link.end(.disconnected)
    #expect(link.ended == .targetClosed)
    #expect(
        LinkEndReason.allCases.map(\.label) == ["disconnected", "source_closed", "target_closed"])
}

/// The far end asks for packets of another length in mid-word (a re-INVITE).
@Test(arguments: [20, 40, 60], [10, 20, 30, 40, 60])
func aListenerHearsNoHoleWhenThePacketsChangeTheirLength(from: Int, to: Int) throws {
    let world = LinkWorld()
    let talker = try world.join(ptime: from)
    let listener = try world.join(phase: 7)
    world.link(talker, to: listener, .sent)
    let signal = tone(437)
    let clip = PlaybackClip(samples: (0..<16_000).map { Int16(signal($0, 8000)) })
    world.play(1, clip, on: talker)
    // At each place that a packet may have in its ticks.
    for change in 0..<6 {
        world.run(milliseconds: 120 + change * 20)
        try talker.leg.configure(
            RemoteMedia(
                address: "127.0.1.1", port: 4000, codec: .pcmu, payloadType: 0,
                telephoneEventClockRate: 8000, ptimeMilliseconds: change % 2 == 0 ? to : from),
            now: Instant(milliseconds: Int64(world.ms)))
    }
    world.run(milliseconds: 200)
    let first = listener.firstHeard ?? 0
    let heard = listener.heard[((100 - first) * 8)..<((1150 - first) * 8)]
    var (quiet, longest) = (0, 0)
    for sample in heard {
        quiet = abs(Int(sample)) < 400 ? quiet + 1 : 0
        longest = max(longest, quiet)
    }
    #expect(longest <= 8)
}

/// Who begins to listen, or to speak, in the middle of a clip changes nothing about the clip.
@Test(arguments: [AudioCodec.pcmu, .g722])
func aLinkThatBeginsUnderAClipIsNotHeardInIt(codec: AudioCodec) throws {
    let world = LinkWorld()
    let callee = try world.join(codec)
    let boss = try world.join(phase: 7)
    let clip = PlaybackClip(samples: [Int16](repeating: 8000, count: 16_000))
    world.play(1, clip, on: callee)
    world.run(milliseconds: 500)
    world.link(callee, to: boss, .both)
    world.run(milliseconds: 300)
    let heard = callee.heardNarrow[2400..<6000]
    #expect(heard.allSatisfy { abs(Int($0) - 8000) < 400 })
}

/// Music is joined to what was said before, also on a leg that had no links until then.
@Test func musicThatBeginsInMidWordDoesNotClick() throws {
    let world = LinkWorld()
    let callee = try world.join()
    let bridge = AudioBridge()
    write([Int16](repeating: 8000, count: 1600), to: bridge.playout)
    let isAttached = callee.leg.attach(bridge)
    world.run(milliseconds: 101)
    let music = PlaybackClip(samples: [Int16](repeating: 4000, count: 8000))
    let isHeld = callee.leg.hold(music: music)
    #expect(isAttached && isHeld)
    world.run(milliseconds: 100)
    let heard = callee.heard[0..<1440]
    #expect(heard.prefix(960).allSatisfy { abs(Int($0) - 8000) < 400 })
    // From one level to the other in 5 ms, and never below either.
    #expect(heard.min().map { abs(Int($0) - 4000) < 300 } == true)
    #expect(largestStep(Array(heard)) < 800)
}

/// Whatever comes from a listener by any of his links is his own: he hears none of it back.
@Test(arguments: [[LinkTap.sent, .received], [.received, .sent], [.both, .received]])
func aListenerWithTwoLinksHearsNeitherBack(taps: [LinkTap]) throws {
    let world = LinkWorld()
    let callee = try world.join(.pcmu, LinkWorld.Talk(signal: tone(440)))
    let boss = try world.join(phase: 9, LinkWorld.Talk(signal: tone(700)))
    for tap in taps { world.link(boss, to: callee, tap) }
    world.link(callee, to: boss, .both)
    world.run(milliseconds: 1500)
    #expect(callee.level(of: 700, from: 700, to: 1400) > -20)
    #expect(abs(boss.level(of: 440, from: 700, to: 1400) - -9.1) < 1)
    #expect(boss.level(of: 700, from: 700, to: 1400) < -50)
}

/// A clip under the talk that is stopped or replaced decays, as one in the place of the talk does.
@Test(arguments: [20, 30, 60])
func aMixedClipThatIsStoppedDoesNotClick(ptime: Int) throws {
    let world = LinkWorld()
    let callee = try world.join(ptime: ptime)
    let clip = PlaybackClip(samples: [Int16](repeating: 8000, count: 16_000))
    world.play(1, clip, mixed: true, on: callee)
    world.run(milliseconds: 301)
    var out = Outbox<LegOutput>()
    callee.leg.stopPlaying(out: &out)
    world.run(milliseconds: 200)
    #expect(callee.heard.contains(0))
    #expect(largestStep(callee.heard) < 800)
    // And the leg is as it was.
    #expect(!callee.hasLinks)
}
