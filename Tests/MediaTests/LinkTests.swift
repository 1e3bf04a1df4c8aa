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
        let frame = (0..<link.sampleRate / 50).map { signal(written + $0) }
        written += frame.count
        _ = frame.withUnsafeBufferPointer {
            link.write($0, now: Instant(milliseconds: Int64(ms)))
        }
    }

    func read(at ms: Int, samples: Int? = nil) {
        let count = samples ?? reader.legRate / 50
        reader.take(count, now: Instant(milliseconds: Int64(ms)))
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
