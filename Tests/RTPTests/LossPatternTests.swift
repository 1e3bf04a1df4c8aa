import Base
import Testing

@testable import RTP

@Suite struct LossPatternTests {
    /// `.` received, `x` lost, `d` discarded.
    static func pattern(_ text: String, first: UInt16 = 65_530) -> LossPattern {
        var pattern = LossPattern()
        for (index, kind) in text.enumerated() {
            let sequence = first &+ UInt16(truncatingIfNeeded: index)
            if kind == "." { pattern.receive(sequence: sequence) }
            if kind == "d" { pattern.discard(sequence: sequence) }
        }
        return pattern
    }

    static let good16 = String(repeating: ".", count: 16)
    static let good50 = String(repeating: ".", count: 50)

    @Test func aLoneLossIsPartOfTheGap() {
        let summary = Self.pattern(Self.good50 + "x" + Self.good50).summary
        #expect(summary.expected == 101 && summary.lost == 1)
        #expect(summary.bursts == 0 && summary.gapLosses == 1 && summary.gapPackets == 101)
        #expect(summary.burstRatio == 1)
    }

    @Test func aBurstBeginsAndEndsWithALoss() {
        // Fifteen good packets hold a burst together, sixteen end it (Gmin).
        let fifteen = String(repeating: ".", count: 15)
        let summary = Self.pattern(Self.good50 + "xx" + fifteen + "x" + Self.good50).summary
        #expect(summary.bursts == 1)
        #expect(summary.burstPackets == 18 && summary.burstLosses == 3)
        #expect(summary.gaps == 2 && summary.gapPackets == 100 && summary.gapLosses == 0)
        let apart = Self.pattern(Self.good50 + "xx" + Self.good16 + "x" + Self.good50).summary
        #expect(apart.bursts == 1 && apart.burstPackets == 2 && apart.gapLosses == 1)
    }

    @Test func reportFieldsInTheUnitsOfTheBlock() {
        var metrics = VoIPMetrics(ssrc: 1)
        Self.pattern(Self.good50 + "xd..x" + Self.good50).summary.apply(
            to: &metrics, packetMilliseconds: 20)
        // 2 of 105 lost, 1 discarded; burst: 3 of 5; two gaps of 50.
        #expect(metrics.lossRate == 4 && metrics.discardRate == 2)
        #expect(metrics.burstDensity == 153 && metrics.gapDensity == 0)
        #expect(metrics.burstDuration == 100 && metrics.gapDuration == 1000)
        #expect(metrics.gapThreshold == 16)
    }

    @Test func burstRatioComparesWithRandomLoss() {
        // Every run has two packets, 4 % are lost: 2 × 0.96.
        let text = String(repeating: Self.good16 + Self.good16 + Self.good16 + "xx", count: 20)
        let summary = Self.pattern(text + ".").summary
        #expect(summary.lost == 40 && summary.lossRuns == 20)
        #expect(abs(summary.burstRatio - 2 * 0.96) < 0.01)
    }

    @Test func reorderedAndRepeatedPacketsAreNotLost() {
        var pattern = LossPattern()
        for sequence: UInt16 in [10, 12, 11, 11, 13, 60, 20, 9] {
            pattern.receive(sequence: sequence)
        }
        pattern.discard(sequence: 12)
        let summary = pattern.summary
        #expect(summary.expected == 51)
        #expect(summary.lost == 51 - 6 && summary.discarded == 0)
    }

    @Test func aLongOutageIsCountedOnce() {
        var pattern = LossPattern()
        for sequence: UInt16 in 0..<100 { pattern.receive(sequence: sequence) }
        for sequence: UInt16 in 1100..<1200 { pattern.receive(sequence: sequence) }
        let summary = pattern.summary
        #expect(summary.lost == 1000 && summary.bursts == 1 && summary.burstPackets == 1000)
        #expect(summary.lossRuns == 1)
    }

    @Test func anotherSourceIsNoLoss() {
        var pattern = LossPattern()
        for sequence: UInt16 in 0..<100 { pattern.receive(sequence: sequence) }
        pattern.beginSource()
        for sequence: UInt16 in 2000..<2100 { pattern.receive(sequence: sequence) }
        for sequence: UInt16 in 30_000..<30_100 { pattern.receive(sequence: sequence) }
        #expect(pattern.summary.expected == 300 && pattern.summary.lost == 0)
    }

    /// A source that steps back by less than a dropout looks late until its statistics know better.
    @Test(arguments: [UInt16(70), 101, 2000, 2999, 3000, 30_000])
    func aSourceThatNumbersAnewKeepsItsLosses(back: UInt16) {
        var pattern = LossPattern()
        for sequence: UInt16 in 5000..<5100 where sequence != 5050 {
            pattern.receive(sequence: sequence)
        }
        let first = 5099 &- back
        pattern.receive(sequence: first)
        pattern.restart(at: first &+ 1)
        for offset: UInt16 in 1..<100 where offset != 50 {
            pattern.receive(sequence: first &+ offset)
        }
        #expect(pattern.summary.expected == 200 && pattern.summary.lost == 2)
    }

    @Test func countsAgreeWithAPlainCountForAnyOrder() {
        for seed in 1...20 {
            var generator = SeededGenerator(seed: UInt64(seed))
            var fates: [Character] = []
            for _ in 0..<500 { fates.append(generator.next() % 10 == 0 ? "x" : ".") }
            fates[0] = "."
            fates[499] = "."
            // Shuffled within the window.
            var order = Array(0..<500)
            for index in stride(from: 1, to: 490, by: 7) {
                order.swapAt(index, index + Int(generator.next() % 8))
            }
            order.sort { ($0 == 0 ? -1 : $0 / 8) < ($1 == 0 ? -1 : $1 / 8) }
            var pattern = LossPattern()
            for index in order where fates[index] == "." {
                pattern.receive(sequence: 65_000 &+ UInt16(index))
            }
            let summary = pattern.summary
            #expect(summary.expected == 500)
            #expect(summary.lost == fates.count { $0 == "x" })
            #expect(summary.burstPackets + summary.gapPackets == 500)
            #expect(summary.burstLosses + summary.gapLosses == summary.lost)
        }
    }
}
