import Base
import RTP
import Testing

@testable import Media

/// A far end's presses as telephone-events, each as three packets and three copies of the end.
private struct Dialler {
    var far = FarEnd()

    mutating func press(_ bench: LegBench, _ event: UInt8, packets: Int = 6) {
        for step in 0..<packets {
            let duration = UInt16(min(step + 1, 4)) * 160
            bench.receive(
                rtp(
                    RTPHeader(
                        marker: step == 0, payloadType: 101, sequence: far.sequence,
                        timestamp: far.timestamp, ssrc: far.ssrc),
                    [
                        event, (step >= 3 ? 0x80 : 0) | 10, UInt8(duration >> 8),
                        UInt8(duration & 255),
                    ]))
            far.sequence &+= 1
        }
        far.timestamp &+= 1600
    }
}

private func digits(_ bench: LegBench) -> String {
    bench.outputs.reduce(into: "") { text, output in
        if case .dtmf(let digit, _) = output { text.append(digit) }
    }
}

@Suite struct PressBudgetTests {
    /// A key for each packet, with another timestamp each: a forger needs no more.
    @Test func aFloodOfPressesIsToldOfAtTheRateOfAHandAndTheRestIsCounted() throws {
        let bench = try LegBench()
        var dialler = Dialler()
        bench.receive(dialler.far.audio())
        // 10 s, fifty presses each 20 ms.
        for _ in 0..<500 {
            for key in 0..<50 { dialler.press(bench, UInt8(key % 10), packets: 1) }
            bench.now += MediaLeg.tick
        }
        // 32 at once and 16 a second.
        #expect(digits(bench).count == 32 + 159)
        #expect(bench.counters.digitsIgnored == 25_000 - 191)
        #expect(bench.rejected(.payloadType) == 0)
    }

    /// Eleven a second is as fast as tones are understood (Q.24), and a dial string may come at once.
    @Test func nobodyWhoDialsIsTooFast() throws {
        let bench = try LegBench()
        var dialler = Dialler()
        bench.receive(dialler.far.audio())
        let number = (0..<32).map { UInt8($0 % 10) }
        for key in number { dialler.press(bench, key) }
        bench.now += .seconds(2)
        for round in 0..<660 {
            dialler.press(bench, UInt8(round % 12))
            bench.now += .milliseconds(91)
        }
        #expect(digits(bench).count == 32 + 660)
        #expect(digits(bench).hasPrefix("01234567890123456789012345678901"))
        #expect(bench.counters.digitsIgnored == 0)
    }

    /// A press that was one too many stays so: none of its later packets is a press, and the next key
    /// is told of once.
    @Test func whatWasIgnoredIsNotAPressLater() throws {
        let bench = try LegBench()
        var dialler = Dialler()
        bench.receive(dialler.far.audio())
        for _ in 0..<40 { dialler.press(bench, 1, packets: 1) }
        #expect(digits(bench).count == 32)
        let before = digits(bench).count
        // Held down while the budget recovers.
        for step in 0..<20 {
            let duration = UInt16(step + 1) * 160
            bench.receive(
                rtp(
                    RTPHeader(
                        payloadType: 101, sequence: dialler.far.sequence,
                        timestamp: dialler.far.timestamp, ssrc: dialler.far.ssrc),
                    [5, 10, UInt8(duration >> 8), UInt8(duration & 255)]))
            dialler.far.sequence &+= 1
            bench.now += .milliseconds(50)
        }
        #expect(digits(bench).count == before)
        #expect(bench.counters.digitsIgnored == 9)
        dialler.far.timestamp &+= 8000
        dialler.press(bench, 6)
        #expect(digits(bench).hasSuffix("16"))
        #expect(bench.counters.digitsIgnored == 9)
    }
}
