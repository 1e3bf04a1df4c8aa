import Base
import RTP
import Testing

@Suite struct ReceiverStatisticsTests {
    /// 20 ms packets of 160 samples with the given sequence numbers, on time.
    private func received(_ sequences: [UInt16]) -> ReceiverStatistics {
        var statistics = ReceiverStatistics(clockRate: 8000)
        for (index, sequence) in sequences.enumerated() {
            statistics.receive(
                sequence: sequence, timestamp: UInt32(index) * 160,
                arrival: Instant(milliseconds: Int64(index) * 20))
        }
        return statistics
    }

    @Test func oneSourceIsBelievedAfterTwoInSequence() {
        var statistics = ReceiverStatistics(clockRate: 8000)
        let answer1 = statistics.receive(sequence: 7, timestamp: 0, arrival: .zero)
        #expect(!answer1)
        #expect(!statistics.isValid)
        #expect(statistics.expected == 0)
        // Not in sequence: the probation starts over (A.1).
        let answer2 = statistics.receive(sequence: 9, timestamp: 160, arrival: .zero)
        #expect(!answer2)
        let answer3 = statistics.receive(sequence: 10, timestamp: 320, arrival: .zero)
        #expect(answer3)
        #expect(statistics.isValid)
        #expect(statistics.received == 2)
        #expect(statistics.expected == 2)
    }

    @Test func lossIsExpectedMinusReceived() {
        let statistics = received([100, 101, 102, 103, 106, 107, 108, 109])
        #expect(statistics.expected == 10)
        #expect(statistics.received == 8)
        #expect(statistics.lost == 2)
    }

    @Test func wrapCountsACycle() {
        let statistics = received([65_534, 65_535, 0, 1])
        #expect(statistics.extendedHighestSequence == 65_537)
        #expect(statistics.expected == 4)
        #expect(statistics.lost == 0)
    }

    @Test func probationAcrossTheWrapCountsACycle() {
        let statistics = received([65_535, 0, 1])
        #expect(statistics.expected == 3)
        #expect(statistics.received == 3)
    }

    @Test func reorderingIsNoLossAndDuplicatesMakeItNegative() {
        #expect(received([1, 2, 4, 3, 5]).lost == 0)
        #expect(received([1, 2, 2, 3, 3]).lost == -2)
    }

    @Test func lateFromBeforeTheWrapDoesNotUndoTheCycle() {
        let statistics = received([65_534, 65_535, 1, 0])
        #expect(statistics.extendedHighestSequence == 65_537)
        #expect(statistics.lost == 0)
    }

    @Test func farJumpIsBelievedAtItsSecondPacket() {
        var statistics = received([10, 11, 12])
        let answer4 = statistics.receive(sequence: 30_000, timestamp: 0, arrival: .zero)
        #expect(!answer4)
        #expect(statistics.received == 3)
        let answer5 = statistics.receive(sequence: 30_001, timestamp: 160, arrival: .zero)
        #expect(answer5)
        #expect(statistics.restarts == 1)
        #expect(statistics.received == 2)
        #expect(statistics.expected == 2)
        // A single stray packet, on the other hand, leaves no trace.
        let answer6 = statistics.receive(sequence: 3, timestamp: 0, arrival: .zero)
        #expect(!answer6)
        let answer7 = statistics.receive(sequence: 30_002, timestamp: 320, arrival: .zero)
        #expect(answer7)
        #expect(statistics.received == 3)
    }

    /// A.8 by hand: transits 0, 0, 40, 0 units; J(16) = 0, then 0 + 40 − (0+8)/16 = 40,
    /// then 40 + 40 − (40+8)/16 = 77; reported 77/16 = 4.
    @Test func jitterFollowsTheIntegerArithmeticOfTheAppendix() {
        var statistics = ReceiverStatistics(clockRate: 8000)
        for (ms, timestamp) in [(0, 0), (20, 160), (45, 320), (60, 480)] {
            statistics.receive(
                sequence: UInt16(timestamp / 160), timestamp: UInt32(timestamp),
                arrival: Instant(milliseconds: Int64(ms)))
        }
        #expect(statistics.jitter == 4)
        #expect(statistics.jitterMilliseconds == 77.0 / 16 / 8)
    }

    /// d = 160 each time: J settles where (J + 8)/16 = 160, that is 2552…2567, reported 159 or 160.
    @Test func jitterOfAConstantSwingSettlesAtTheSwing() {
        var statistics = ReceiverStatistics(clockRate: 8000)
        for index in 0..<400 {
            let late: Int64 = index % 2 == 0 ? 0 : 20
            statistics.receive(
                sequence: UInt16(index), timestamp: UInt32(index) * 160,
                arrival: Instant(milliseconds: Int64(index) * 20 + late))
        }
        #expect((159...160).contains(statistics.jitter))
    }

    /// A press of 400 ms, all of whose packets say when it began, between audio on time.
    @Test func whatHasNoTimeOfItsOwnIsCountedAndIsNoJitter() {
        var statistics = ReceiverStatistics(clockRate: 8000)
        for index in 0..<100 {
            let isEvent = (40..<60).contains(index)
            statistics.receive(
                sequence: UInt16(index), timestamp: UInt32(isEvent ? 40 : index) * 160,
                arrival: Instant(milliseconds: Int64(index) * 20), isTimed: !isEvent)
        }
        #expect(statistics.jitter == 0 && statistics.received == 100 && statistics.lost == 0)
        // The transit of before the press is forgotten: the path may have changed meanwhile.
        statistics.receive(
            sequence: 100, timestamp: 0, arrival: Instant(milliseconds: 2000), isTimed: false)
        statistics.receive(
            sequence: 101, timestamp: 101 * 160, arrival: Instant(milliseconds: 2070))
        #expect(statistics.jitter == 0)
    }

    @Test func jitterSurvivesTimestampWrapAndClockFarFromZero() {
        var statistics = ReceiverStatistics(clockRate: 8000)
        let origin: Int64 = 9_000_000_000_000  // ms: 285 years on the monotonic clock
        for index in 0..<100 {
            statistics.receive(
                sequence: UInt16(index), timestamp: 0xFFFF_F000 &+ UInt32(index) * 160,
                arrival: Instant(milliseconds: origin + Int64(index) * 20))
        }
        #expect(statistics.jitter == 0)
    }

    @Test func reportBlockHoldsIntervalFractionAndTotals() {
        var statistics = received([100, 101, 102, 103, 106, 107, 108, 109])
        statistics.receiveSenderReport(
            ntpTimestamp: 0x1122_3344_5566_7788, now: Instant(milliseconds: 1000))
        let block = statistics.makeReportBlock(ssrc: 9, now: Instant(milliseconds: 2500))
        #expect(
            block
                == ReportBlock(
                    ssrc: 9, fractionLost: 51,  // 2·256/10
                    cumulativeLost: 2, extendedHighestSequence: 109,
                    jitter: block.jitter, lastSenderReport: 0x3344_5566,
                    delaySinceLastSenderReport: 0x1_8000))  // 1.5 s
        // The next interval has lost nothing.
        statistics.receive(sequence: 110, timestamp: 0, arrival: Instant(milliseconds: 200))
        let second = statistics.makeReportBlock(ssrc: 9, now: Instant(milliseconds: 2500))
        #expect(second.fractionLost == 0)
        #expect(second.cumulativeLost == 2)
    }

    @Test func reportBeforeAnyPacketIsAllZero() {
        var statistics = ReceiverStatistics(clockRate: 8000)
        let block = statistics.makeReportBlock(ssrc: 5, now: .zero)
        #expect(block == ReportBlock(ssrc: 5))
    }

    @Test func randomNumbersNeverTrapAndCountWhatIsAccepted() {
        var random = SeededGenerator(seed: 3)
        var statistics = ReceiverStatistics(clockRate: 8000)
        var begun = 0
        var last: UInt16 = 0
        for _ in 0..<50_000 {
            let near =
                UInt16(truncatingIfNeeded: statistics.extendedHighestSequence)
                &+ UInt16(random.next() % 8)
            let sequence =
                switch random.next() % 8 {
                case 0, 1: UInt16(random.next() & 0xFFFF)
                // Behind a far jump: the source has begun anew.
                case 2: last &+ 1
                default: near
                }
            last = sequence
            let before = statistics
            let isCounted = statistics.receive(
                sequence: sequence,
                timestamp: UInt32(truncatingIfNeeded: random.next()),
                arrival: Instant(nanoseconds: Int64(random.next() >> 2)))
            let hasBegun = isCounted && (!before.isValid || statistics.restarts > before.restarts)
            // Two packets in sequence begin a count; after that each accepted one is one more.
            let wanted = hasBegun ? 2 : before.received + (isCounted ? 1 : 0)
            guard statistics.received == wanted, !before.isValid || statistics.isValid else {
                Issue.record("\(before.received) became \(statistics.received), not \(wanted)")
                return
            }
            if hasBegun { begun += 1 }
            if random.next() % 64 == 0 {
                let expected = statistics.expected
                let block = statistics.makeReportBlock(
                    ssrc: 1, now: Instant(nanoseconds: Int64(random.next() >> 2)))
                let reported = Int(block.cumulativeLost) + statistics.received
                guard expected == 0 || reported == expected else {
                    Issue.record("\(reported) reported of \(expected) expected")
                    return
                }
            }
        }
        #expect(begun == statistics.restarts + 1)
        #expect(statistics.restarts > 0)
    }
}
