import Base
import RTP
import Testing

/// What a tap of 8 kHz made of a stream, in samples.
private struct Heard {
    var tap = InOrderTapBox()
    var payload = 0
    var concealed = 0
    var total: Int { payload + concealed }

    /// One packet of 20 ms.
    mutating func take(
        _ sequence: Int, _ timestamp: Int, at now: Instant, samples: Int = 160
    ) {
        let bytes = [UInt8](repeating: 0, count: samples)
        bytes.withUnsafeBytes {
            _ = tap.tap.insert(
                sequence: UInt16(truncatingIfNeeded: sequence),
                timestamp: UInt32(truncatingIfNeeded: timestamp), payload: $0, payloadType: 9,
                now: now)
        }
        drain(now)
    }

    mutating func drain(_ now: Instant) {
        var payload = payload
        var concealed = concealed
        while tap.tap.next(
            now: now,
            {
                switch $0 {
                case .payload(let bytes, _, _): payload += bytes.count
                case .gap(let samples, _, _): concealed += samples
                }
            })
        {}
        self.payload = payload
        self.concealed = concealed
    }

    var faults: Int { tap.tap.timestampFaults }
}

private final class InOrderTapBox {
    var tap = InOrderTap(maximumConcealment: Int(Int32.max))
}

private func ms(_ milliseconds: Int) -> Instant { Instant(milliseconds: Int64(milliseconds)) }

@Suite struct LyingTimestampTests {
    /// Each packet alone claims no more than may be believed of one.
    @Test(arguments: [1, 2, 3])
    func aSenderThatLeapsWithEachPacketGainsTwoSecondsInAll(numberStep: Int) {
        var heard = Heard()
        for index in 0..<500 {
            heard.take(index * numberStep, index * 16_000, at: ms(index * 20))
            heard.drain(ms(index * 20))
        }
        heard.drain(.distantFuture)
        #expect(heard.payload == 500 * 160)
        #expect(heard.total <= 500 * 160 + 16_000, "\(heard.total - heard.payload)")
    }

    /// A claim is believed again when as much time has passed as was claimed before.
    @Test func timeThatPassesIsBelievedAgain() {
        var heard = Heard()
        heard.take(0, 0, at: ms(0))
        heard.take(1, 160 + 12_000, at: ms(20))
        #expect(heard.concealed == 12_000)
        heard.take(2, 320 + 24_000, at: ms(40))
        #expect(heard.concealed == 12_000 && heard.faults == 1)
        // Nothing for a second: as much as 8000 of the 12,000 is no lead any more.
        heard.take(3, 480 + 36_000, at: ms(1060))
        #expect(heard.concealed == 24_000 && heard.faults == 1)
    }

    /// The arrival clock that measures what timestamps cannot is the timeline's own.
    @Test func anotherSourceAddsNothingToALead() {
        var heard = Heard()
        heard.take(0, 0, at: ms(0))
        heard.take(1, 160 + 12_000, at: ms(20))
        heard.tap.tap.reset()
        heard.take(500, 77, at: ms(1020))
        #expect(heard.concealed == 12_000)
        heard.tap.tap.reset()
        heard.take(9, 9, at: ms(2020))
        // 2 s, less 20 + 1500 + 20 + 20 ms that there are, and the 2 ms that the lead lost meanwhile.
        #expect(heard.concealed == 12_000 + 3520 + 160 + 16)
    }

    /// RFC 3551 4.5.2: G.722 counts by 8000, and 320 a packet of 20 ms is wrong.
    @Test func aClockOfTwiceTheCodecsLeavesNoGaps() {
        var heard = Heard()
        for index in 0..<500 { heard.take(index, index * 320, at: ms(index * 20)) }
        #expect(heard.payload == 500 * 160)
        #expect(heard.concealed == 0 && heard.faults == 0)
    }

    /// With it, losses, pauses and jitter are measured in its units.
    @Test func underSuchAClockLossesAndPausesHaveTheirLength() {
        var random = SeededGenerator(seed: 4)
        var heard = Heard()
        var lost = 0
        var pauses = 0
        var time = 0
        for index in 0..<5000 {
            if index % 500 == 499 {
                pauses += 200
                time += 200
            }
            if index > 10, index % 40 == 7 {
                lost += 1
            } else {
                let late = index < 4 ? 0 : Int.random(in: 0...15, using: &random)
                heard.take(index, time * 16, at: ms(time + late))
            }
            time += 20
        }
        heard.drain(.distantFuture)
        #expect(heard.payload == (5000 - lost) * 160)
        #expect(heard.concealed == lost * 160 + pauses * 8)
        #expect(heard.faults == 0)
    }

    /// A sender that goes back to the right clock, or whose pauses happen to be as long as a packet.
    @Test func aRightClockIsNotTakenForAWrongOne() {
        var heard = Heard()
        var timestamp = 0
        for index in 0..<100 {
            heard.take(index, timestamp, at: ms(index * 20))
            timestamp += 320
        }
        #expect(heard.concealed == 0)
        timestamp -= 160
        for index in 100..<200 {
            heard.take(index, timestamp, at: ms(index * 20))
            timestamp += index == 150 ? 160 + 800 : 160
        }
        #expect(heard.concealed == 800)
        // A pause of 20 ms, one of 100, and again one of 20, whose ends come early; and then a loss.
        var pauses = Heard()
        let steps = [(0, 0, 0), (1, 320, 20), (2, 1280, 140), (3, 1600, 160), (5, 1920, 200)]
        for (number, timestamp, time) in steps { pauses.take(number, timestamp, at: ms(time)) }
        pauses.drain(ms(300))
        #expect(pauses.concealed == 800 + 160)
        // 20 ms of audio, 20 ms of nothing, each in its time.
        var sparse = Heard()
        for index in 0..<100 { sparse.take(index, index * 320, at: ms(index * 40)) }
        #expect(sparse.concealed == 99 * 160)
    }

    /// What a network held back comes at once: its losses and pauses are true all the same.
    @Test func aBurstBehindALongStallKeepsItsLossesAndPauses() {
        var heard = Heard()
        for index in 0..<50 { heard.take(index, index * 160, at: ms(index * 20)) }
        // Sent in 6 s, arrived in 50 ms: every tenth lost, a pause of a second in the middle.
        var missing = 0
        for index in 50..<300 {
            if index % 10 == 5 {
                missing += 160
                continue
            }
            let pause = index >= 175 ? 8000 : 0
            heard.take(index, index * 160 + pause, at: ms(7000 + index / 5))
        }
        heard.drain(ms(7200))
        #expect(heard.concealed == missing + 8000)
        #expect(heard.faults == 0)
    }

    /// Clocks that drift apart for an hour, with jitter, pauses and losses: every gap is believed, for
    /// the lead does not add up.
    @Test(arguments: [-1000, -100, 100, 1000])
    func driftOfAnHourIsNoLie(ppm: Int) {
        var random = SeededGenerator(seed: UInt64(ppm + 5000))
        var heard = Heard()
        var position = 0
        var number = 0
        var expected = 0
        while position < 3600 * 8000 {
            // 60 ms a packet.
            for _ in 0..<100 {
                if random.next() % 50 != 0 {
                    let sent = Int64(position + 480) * 125_000
                    let arrival = Instant(nanoseconds: sent - sent / 1_000_000 * Int64(ppm))
                    let late = Int64.random(in: 0...40_000_000, using: &random)
                    heard.take(
                        number, position, at: arrival + .nanoseconds(late), samples: 480)
                    expected = position + 480
                }
                position += 480
                number += 1
            }
            position += Int.random(in: 800...16_000, using: &random)
        }
        heard.drain(.distantFuture)
        #expect(heard.total == expected)
        #expect(heard.faults == 0)
    }
}
