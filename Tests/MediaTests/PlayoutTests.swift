import Base
import Testing

@testable import Media

@Suite struct PlayoutTests {
    @Test func constantDelayIsPlayedBitExactAtOneFrame() {
        var configuration = PlayoutConfiguration()
        configuration.initialDelay = .milliseconds(20)
        var bench = PlayoutBench(configuration)
        bench.run(arrivals(count: 100, signal: voiced) { _ in 30 }, until: 2000)
        // First packet arrives at 30 ms, is due at 50, so the pull at 40 begins it mid-frame.
        #expect(bench.target == 20)
        #expect(bench.delay == 20)
        #expect(
            bench.counters
                == {
                    var want = PlayoutCounters()
                    want.received = 98
                    want.silenceSamples = 400
                    return want
                }())
        let sent = (0..<15_000).map(voiced)
        // The first 5 ms fade in; everything behind is what was sent.
        #expect(Array(bench.output[440..<15_000]) == Array(sent[40..<14_600]))
    }

    struct Row: CustomStringConvertible, Sendable {
        var description: String
        var delay: @Sendable (Int) -> Double?
        var target: ClosedRange<Double>
        var late: ClosedRange<Int>
        var lost: Int
        var underruns: ClosedRange<Int>
    }

    /// 1,500 packets, 30 s.
    static let rows = [
        Row(
            description: "no jitter", delay: { _ in 50 }, target: 20...20, late: 0...0, lost: 0,
            underruns: 0...1),
        Row(
            description: "0 or 30 ms in turn", delay: { $0 % 2 == 0 ? 50 : 80 },
            target: 50...52, late: 0...0, lost: 0, underruns: 0...3),
        Row(
            description: "uniform 0 to 60 ms", delay: { Double(($0 * 7919) % 61) + 40 },
            target: 76...82, late: 0...60, lost: 0, underruns: 0...60),
        Row(
            description: "one spike of 120 ms in 200", delay: { $0 % 200 == 100 ? 170 : 50 },
            target: 20...20, late: 0...8, lost: 0, underruns: 0...8),
        Row(
            description: "5 % single losses", delay: { $0 % 20 == 7 ? nil : 50 }, target: 20...20,
            late: 0...0, lost: 75, underruns: 0...80),
        Row(
            description: "bursts of 5 lost", delay: { $0 % 100 >= 95 ? nil : 50 },
            target: 20...20, late: 0...0, lost: 70, underruns: 0...20),
        Row(
            description: "pairs reordered", delay: { $0 % 10 == 3 ? 75 : 50 }, target: 44...46,
            late: 0...3, lost: 0, underruns: 0...5),
        Row(
            description: "stall of 300 ms, then a burst",
            delay: { $0 >= 700 && $0 < 715 ? 350 - Double($0 - 700) * 20 : 50 },
            target: 20...20, late: 0...15, lost: 0, underruns: 1...2),
    ]

    @Test(arguments: rows) func vectorTable(_ row: Row) {
        var bench = PlayoutBench()
        bench.run(arrivals(count: 1500, signal: voiced, delay: row.delay), until: 30_200)
        let counters = bench.counters
        #expect(row.target.contains(bench.target), "target \(bench.target)")
        #expect(row.late.contains(counters.late), "late \(counters.late)")
        #expect(row.underruns.contains(counters.underruns), "underruns \(counters.underruns)")
        #expect(bench.lost == row.lost)
        #expect(counters.duplicates == 0 && counters.restarts == 0 && counters.early == 0)
        // After 30 s the delay is at its target: 5 ms below to 10 ms above, and one frame.
        #expect(bench.delay <= bench.target + 30, "delay \(bench.delay)")
        // What left is what came, less and more by what is counted.
        let total = bench.total
        #expect(total.audio + total.concealed + total.silence + total.expanded == 1510 * 160)
    }

    @Test func delayFallsAgainAfterAStallWithoutClicks() {
        var bench = PlayoutBench()
        let stalled = arrivals(count: 500, signal: voiced) {
            $0 >= 100 && $0 < 108 ? 210 - Double($0 - 100) * 20 : 50
        }
        bench.run(stalled, until: 10_000)
        let counters = bench.counters
        #expect(counters.compressions > 3)
        #expect(bench.delays.max() ?? 0 > 100)
        #expect(bench.delay <= bench.target + 10)
        // The tone's own largest step is 1726; periods are cut whole.
        #expect(largestStep(Array(bench.output[1000...])) <= 2600)
    }

    @Test func risingJitterStretchesVoiceWithoutClicks() {
        var bench = PlayoutBench()
        bench.run(
            arrivals(count: 600, signal: voiced) { $0 < 200 ? 50 : 50 + Double(($0 * 37) % 25) },
            until: 12_000)
        #expect(bench.counters.expandedSamples > 0)
        #expect(bench.target >= 40)
        #expect(largestStep(Array(bench.output[1000...])) <= 2600)
    }

    @Test func lossIsConcealedAtTheSeamsWithoutClicks() {
        var bench = PlayoutBench()
        bench.run(
            arrivals(count: 310, signal: voiced) { $0 % 25 == 24 ? nil : 50 }, until: 6300)
        #expect(bench.lost == 12)
        #expect(bench.total.concealed >= 12 * 160 - 400)
        #expect(bench.total.concealed <= 12 * 160 + 800)
        // Concealment itself may not be smooth; the seams are: below twice the tone's own steps.
        #expect(largestStep(Array(bench.output[1000...])) <= 4000)
    }

    @Test(arguments: [200e-6, -200e-6]) func clockDriftDoesNotAccumulate(_ skew: Double) {
        var bench = PlayoutBench()
        // Ten minutes: 200 ppm are 120 ms.
        bench.run(arrivals(count: 30_000, skew: skew, signal: voiced) { _ in 50 }, until: 600_000)
        let late = bench.delays[1000...]
        #expect((late.max() ?? 0) <= 45 && (late.min() ?? 0) >= 10)
        let counters = bench.counters
        #expect(counters.late == 0 && counters.restarts == 0 && counters.skippedSamples == 0)
        if skew > 0 {
            // The sender is fast: about 960 samples must go.
            #expect((700...1400).contains(counters.compressedSamples))
        } else {
            let gained = counters.expandedSamples + counters.concealedSamples
            #expect((700...1400).contains(gained))
        }
    }

    @Test func aPauseIsNoLossAndSetsTheDelayRight() {
        var bench = PlayoutBench()
        // Packets 100…199 are never sent: numbers go on, time jumps by 2 s.
        var all = arrivals(count: 100, signal: voiced) { _ in 50 }
        all += arrivals(count: 100, from: 200, signal: voiced) { _ in 50 }.map { packet in
            var packet = packet
            packet.sequence &-= 100
            return packet
        }
        bench.run(all, until: 6000)
        #expect(bench.lost == 0)
        #expect(bench.counters.late == 0)
        // Nobody is late or too early who did not speak.
        #expect(bench.counters.early == 0 && bench.counters.skippedSamples == 0)
        #expect(bench.counters.underruns == 0)
        // Concealment fades after 80 ms; the rest of the 2 s is silence.
        #expect(bench.total.concealed <= 800)
        #expect(bench.total.silence >= 15_000)
        #expect(bench.delay <= 30)
    }

    @Test func aStallOfTheNetworkIsAnUnderrunWhereAPauseIsNone() {
        var bench = PlayoutBench()
        // 700 ms of nothing: numbers and times go on, the packets are lost.
        bench.run(
            arrivals(count: 200, signal: voiced) { (100..<135).contains($0) ? nil : 50 },
            until: 4000)
        #expect(bench.lost == 35)
        #expect(bench.counters.underruns == 1)
        #expect(bench.counters.early == 0)
        #expect(bench.delay <= 30)
    }

    /// 60, 100 and 120 ms in one packet, as some gateways and Opus senders do.
    @Test(arguments: [60, 100, 120]) func longPacketsArePlayedWhole(milliseconds: Int) {
        var bench = PlayoutBench()
        let size = milliseconds * 8
        let count = 6000 / milliseconds
        let packets = (0..<count).map { index in
            PlayoutBench.Arrival(
                at: Double(index * milliseconds + 50 + (index * 7919) % 15),
                sequence: UInt16(index), timestamp: UInt32(index * size),
                samples: (0..<size).map { voiced(index * size + $0) })
        }
        bench.run(packets, until: 6000)
        #expect(bench.insertions.allSatisfy { $0 == .accepted })
        #expect(bench.counters.unusable == 0 && bench.counters.early == 0)
        #expect(bench.lost == 0)
        // After the start, and with what a few late ones cost.
        let played = bench.frames[20...].reduce(0) { $0 + $1.audio + $1.expanded }
        #expect(played >= 280 * 160 * 95 / 100)
        #expect(bench.delay <= bench.target + 30)
    }

    @Test func comfortNoiseNumbersAreNotLost() {
        var bench = PlayoutBench()
        bench.run(arrivals(count: 10) { _ in 5 }, until: 220)
        bench.buffer.insertOther(sequence: 65_510)
        bench.buffer.insertOther(sequence: 65_510)
        bench.run(arrivals(count: 10, from: 11) { _ in 5 }, from: 220, until: 500)
        #expect(bench.lost == 0)
        #expect(bench.counters.received == 20)
    }

    @Test func duplicatesAreCountedAndNotHeard() {
        var bench = PlayoutBench()
        let once = arrivals(count: 50, signal: voiced) { _ in 50 }
        bench.run(
            once
                + once.map { packet in
                    var copy = packet
                    copy.at += 3
                    return copy
                }, until: 1100)
        #expect(bench.counters.duplicates == 50)
        #expect(bench.counters.received == 50)
        #expect(bench.lost == 0)
    }

    @Test func resetFollowsAnotherSource() {
        var bench = PlayoutBench()
        bench.run(arrivals(count: 50, signal: voiced) { _ in 50 }, until: 1000)
        bench.buffer.reset()
        let other = arrivals(
            count: 50, from: 50, sequence: 7, timestamp: 12_345, signal: voiced
        ) { _ in 70 }
        bench.run(other, from: 1000, until: 2100)
        #expect(bench.counters.implausible == 0)
        #expect(bench.counters.restarts == 0)
        #expect(bench.lost == 0)
        #expect(bench.delay <= 50)
        #expect(bench.frames[70...95].allSatisfy { $0.concealed == 0 && $0.silence == 0 })
    }

    @Test func aStreamThatRestartsItsNumbersIsBelievedFromTheSecondPacket() {
        var bench = PlayoutBench()
        bench.run(arrivals(count: 50, signal: voiced) { _ in 50 }, until: 1000)
        let other = arrivals(
            count: 50, from: 50, sequence: 30_000, timestamp: 0x7000_0000, signal: voiced
        ) { _ in 50 }
        bench.run(other, from: 1000, until: 2100)
        #expect(bench.counters.implausible == 1)
        #expect(bench.counters.restarts == 1)
        #expect(bench.counters.received == 96)
    }

    @Test func oneWildTimestampChangesNothing() {
        var bench = PlayoutBench()
        var all = arrivals(count: 100, signal: voiced) { _ in 50 }
        all[50].timestamp &+= 0x4000_0000
        bench.run(all, until: 2000)
        #expect(bench.counters.implausible == 1)
        #expect(bench.counters.restarts == 0)
        #expect(bench.total.concealed >= 60)
        #expect(bench.delay <= 40)
    }

    @Test func anOwnerWhoDoesNotPullHoldsNoMoreThanTheBound() {
        var bench = PlayoutBench()
        for packet in arrivals(count: 500, signal: voiced, delay: { _ in 50 }) {
            bench.insert(packet)
        }
        #expect(bench.buffer.heldSamples <= 4096)
        #expect(bench.counters.early > 0)
        bench.run([], from: 10_050, until: 10_200)
        #expect(bench.frames[0].audio > 0)
        #expect(bench.delay <= 220)
    }

    @Test func aPathThatBecomesLongerForGoodIsFollowed() {
        var bench = PlayoutBench()
        bench.run(arrivals(count: 1000, signal: voiced) { $0 < 300 ? 50 : 550 }, until: 20_000)
        #expect(bench.delays.last ?? 999 <= 60)
        #expect(bench.frames[600...].allSatisfy { $0.concealed == 0 })
    }

    @Test func unusablePacketsAndEmptyPullsAreRefused() {
        var bench = PlayoutBench()
        bench.insert(.init(at: 0, sequence: 1, timestamp: 1, samples: []))
        bench.insert(
            .init(at: 0, sequence: 1, timestamp: 1, samples: [Int16](repeating: 1, count: 961)))
        #expect(bench.insertions == [.unusable, .unusable])
        #expect(bench.counters.unusable == 2)
        let nothing = UnsafeMutableBufferPointer<Int16>(start: nil, count: 0)
        #expect(bench.buffer.pull(into: nothing, now: .zero) == PlayoutFrame())
        bench.run([], until: 40)
        #expect(bench.output == [Int16](repeating: 0, count: 320))
        #expect(bench.total.silence == 320)
    }

    @Test func configurationIsBroughtIntoRange() {
        var wild = PlayoutConfiguration()
        wild.clockRate = 1
        wild.frameSamples = 1_000_000
        wild.maximumDelay = .seconds(99)
        wild.initialDelay = .seconds(-1)
        wild.coverage = 7
        let checked = PlayoutBuffer(wild).configuration
        #expect(checked.clockRate == 8000)
        #expect(checked.frameSamples == 480)
        #expect(checked.maximumDelay == .milliseconds(200))
        #expect(checked.initialDelay == .zero)
        #expect(checked.coverage == 1)
    }
}
