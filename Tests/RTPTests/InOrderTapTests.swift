import Base
import RTP
import Testing

/// What came out of a tap, in a form that can be compared.
private enum Piece: Equatable {
    case payload([UInt8], type: UInt8, at: Int64)
    case gap(Int, at: Int64)
}

private func drain(_ tap: inout InOrderTap, at ms: Int64) -> [Piece] {
    drain(&tap, now: Instant(milliseconds: ms))
}

private func drain(_ tap: inout InOrderTap, now: Instant) -> [Piece] {
    var pieces: [Piece] = []
    while tap.next(
        now: now,
        { output in
            switch output {
            case .payload(let bytes, let type, let timestamp):
                pieces.append(.payload(Array(bytes), type: type, at: timestamp))
            case .gap(let samples, _, let timestamp):
                pieces.append(.gap(samples, at: timestamp))
            }
        })
    {}
    return pieces
}

@discardableResult
private func insert(
    _ tap: inout InOrderTap, _ sequence: UInt16, _ timestamp: UInt32, _ payload: [UInt8],
    at ms: Int64
) -> InOrderTap.InsertResult {
    payload.withUnsafeBytes {
        tap.insert(
            sequence: sequence, timestamp: timestamp, payload: $0, payloadType: 0,
            now: Instant(milliseconds: ms))
    }
}

/// Payloads of two bytes, so of two samples: packet n has timestamp 2n and the bytes n, n.
private func packet(_ n: Int) -> [UInt8] { [UInt8(n & 255), UInt8(n & 255)] }
private func piece(_ n: Int) -> Piece { .payload(packet(n), type: 0, at: Int64(n) * 2) }

@discardableResult
private func put(_ tap: inout InOrderTap, _ n: Int, at ms: Int64) -> InOrderTap.InsertResult {
    insert(&tap, UInt16(n), UInt32(n) * 2, packet(n), at: ms)
}

@Suite struct InOrderTapTests {
    @Test func packetsInOrderPassAtOnce() {
        var tap = InOrderTap()
        for n in 5..<30 {
            #expect(put(&tap, n, at: Int64(n)) == .accepted)
            #expect(drain(&tap, at: Int64(n)) == [piece(n)])
            #expect(tap.nextDeadline == nil)
        }
        #expect(tap.delivered == 25)
    }

    @Test func swappedPacketsComeOutInOrderWithoutAGap() {
        var tap = InOrderTap()
        put(&tap, 1, at: 0)
        #expect(drain(&tap, at: 0) == [piece(1)])
        put(&tap, 3, at: 20)
        #expect(drain(&tap, at: 20) == [])
        #expect(tap.nextDeadline == Instant(milliseconds: 80))
        put(&tap, 2, at: 30)
        #expect(drain(&tap, at: 30) == [piece(2), piece(3)])
        #expect(tap.concealedSamples == 0)
    }

    @Test func lostPacketIsWaitedForUntilTheLimitThenReported() {
        var tap = InOrderTap(waitLimit: .milliseconds(60))
        put(&tap, 1, at: 0)
        _ = drain(&tap, at: 0)
        put(&tap, 3, at: 40)
        #expect(drain(&tap, at: 99) == [])
        #expect(drain(&tap, at: 100) == [.gap(2, at: 4), piece(3)])
        #expect(put(&tap, 2, at: 101) == .late)
        #expect(tap.late == 1)
        #expect(tap.concealedSamples == 2)
    }

    @Test func threeHeldPacketsEndTheWait() {
        var tap = InOrderTap()
        put(&tap, 1, at: 0)
        _ = drain(&tap, at: 0)
        for n in [5, 3] {
            put(&tap, n, at: 1)
            #expect(drain(&tap, at: 1) == [])
        }
        put(&tap, 4, at: 2)
        #expect(drain(&tap, at: 2) == [.gap(2, at: 4), piece(3), piece(4), piece(5)])
    }

    @Test func secondGapBehindTheFirstWaitsForItself() {
        var tap = InOrderTap(waitLimit: .milliseconds(60))
        put(&tap, 1, at: 0)
        _ = drain(&tap, at: 0)
        put(&tap, 3, at: 10)
        put(&tap, 5, at: 50)
        #expect(drain(&tap, at: 70) == [.gap(2, at: 4), piece(3)])
        #expect(tap.nextDeadline == Instant(milliseconds: 110))
        #expect(drain(&tap, at: 109) == [])
        #expect(drain(&tap, at: 110) == [.gap(2, at: 8), piece(5)])
    }

    @Test func duplicatesAreToldFromLatePackets() {
        var tap = InOrderTap()
        put(&tap, 1, at: 0)
        #expect(put(&tap, 1, at: 0) == .duplicate)
        _ = drain(&tap, at: 0)
        #expect(put(&tap, 1, at: 0) == .duplicate)
        put(&tap, 3, at: 0)
        #expect(put(&tap, 3, at: 1) == .duplicate)
        _ = drain(&tap, at: 100)
        #expect(put(&tap, 2, at: 101) == .late)
        #expect(put(&tap, 3, at: 101) == .duplicate)
        #expect(tap.duplicates == 4)
        #expect(tap.late == 1)
    }

    @Test func silenceSuppressionIsAGapWithoutAWait() {
        var tap = InOrderTap()
        insert(&tap, 10, 1000, [1, 2], at: 0)
        _ = drain(&tap, at: 0)
        insert(&tap, 11, 1402, [3, 4], at: 50)  // 400 samples later than it would be
        #expect(
            drain(&tap, at: 50) == [.gap(400, at: 1002), .payload([3, 4], type: 0, at: 1402)])
    }

    @Test func lostPacketThatCarriedNoAudioLeavesNoGap() {
        var tap = InOrderTap()
        insert(&tap, 10, 1000, [1, 2], at: 0)
        _ = drain(&tap, at: 0)
        insert(&tap, 12, 1002, [3, 4], at: 10)
        #expect(drain(&tap, at: 10) == [])
        #expect(drain(&tap, at: 70) == [.payload([3, 4], type: 0, at: 1002)])
    }

    @Test func telephoneEventsFillTheirPlaceAndTheAudioTheyReplacedIsAGap() {
        var tap = InOrderTap()
        insert(&tap, 10, 1000, [1, 2], at: 0)
        _ = drain(&tap, at: 0)
        for sequence in 11...13 as ClosedRange<UInt16> {
            #expect(
                tap.insertOther(sequence: sequence, now: Instant(milliseconds: 20)) == .accepted)
            #expect(drain(&tap, at: 20) == [])
            #expect(tap.heldPackets == 0)
        }
        insert(&tap, 14, 1008, [3, 4], at: 80)
        #expect(drain(&tap, at: 80) == [.gap(6, at: 1002), .payload([3, 4], type: 0, at: 1008)])
    }

    @Test func sequenceAndTimestampRunThroughTheirWraps() {
        var tap = InOrderTap()
        insert(&tap, 65_535, 0xFFFF_FFFE, [1, 2], at: 0)
        insert(&tap, 1, 2, [5, 6], at: 0)
        insert(&tap, 0, 0, [3, 4], at: 0)
        #expect(
            drain(&tap, at: 0) == [
                .payload([1, 2], type: 0, at: 0xFFFF_FFFE),
                .payload([3, 4], type: 0, at: 0x1_0000_0000),
                .payload([5, 6], type: 0, at: 0x1_0000_0002),
            ])
    }

    @Test func outageIsOneGapOfItsTrueLength() {
        var tap = InOrderTap()
        put(&tap, 1, at: 0)
        _ = drain(&tap, at: 0)
        // 500 packets lost: 1000 samples of 8 kHz are 125 ms.
        put(&tap, 502, at: 125)
        #expect(drain(&tap, at: 185) == [.gap(1000, at: 4), piece(502)])
    }

    @Test func aGapSaysHowManyPacketsAreMissing() {
        var tap = InOrderTap()
        var missing: [Int] = []
        func take(_ sequence: UInt16, _ timestamp: UInt32, at ms: Int64) {
            insert(&tap, sequence, timestamp, [1, 2], at: ms)
            while tap.next(
                now: Instant(milliseconds: ms + 60),
                { if case .gap(_, let count, _) = $0 { missing.append(count) } })
            {}
        }
        take(65_533, 0, at: 0)
        // Three lost, over the wrap.
        take(1, 8, at: 10)
        // A pause; a digit in place of audio.
        take(2, 200, at: 30)
        _ = tap.insertOther(sequence: 3, now: Instant(milliseconds: 50))
        take(4, 400, at: 60)
        // A pause in which one was lost.
        take(6, 800, at: 110)
        // Another source: its numbers say nothing about what is missing.
        tap.reset()
        take(500, 9000, at: 200)
        #expect(missing == [3, 0, 0, 1, 0])
    }

    @Test func gapBeyondTheMaximumIsCutAndCounted() {
        var tap = InOrderTap(maximumConcealment: 800)
        insert(&tap, 1, 0, [1, 2], at: 0)
        _ = drain(&tap, at: 0)
        insert(&tap, 2, 8002, [3, 4], at: 1000)
        #expect(
            drain(&tap, at: 1000) == [.gap(800, at: 7202), .payload([3, 4], type: 0, at: 8002)])
        #expect(tap.skippedSamples == 7200)
    }

    @Test func timestampThatTheArrivalClockContradictsIsNotBelieved() {
        var tap = InOrderTap()
        insert(&tap, 1, 0, [UInt8](repeating: 0, count: 160), at: 0)
        _ = drain(&tap, at: 0)
        // An hour ahead, 120 ms later: 120 ms less the packet itself are 800 samples.
        insert(&tap, 2, 28_800_000, [1], at: 120)
        #expect(drain(&tap, at: 120) == [.gap(800, at: 160), .payload([1], type: 0, at: 960)])
        #expect(tap.timestampFaults == 1)
        // Backwards: the packet follows without a seam.
        insert(&tap, 3, 5, [2], at: 121)
        #expect(drain(&tap, at: 121) == [.payload([2], type: 0, at: 961)])
        #expect(tap.timestampFaults == 2)
    }

    @Test func restartedNumberingIsBelievedAtItsSecondPacketAndLosesNone() {
        var tap = InOrderTap()
        put(&tap, 100, at: 0)
        _ = drain(&tap, at: 0)
        // 20 000 ahead; the arrival clock says 20 ms = 160 samples, two of them the last packet's.
        #expect(insert(&tap, 20_100, 77, [1], at: 20) == .accepted)
        #expect(drain(&tap, at: 20) == [])
        #expect(insert(&tap, 20_101, 78, [2], at: 40) == .accepted)
        #expect(
            drain(&tap, at: 40) == [
                .gap(158, at: 202), .payload([1], type: 0, at: 360),
                .payload([2], type: 0, at: 361),
            ])
        insert(&tap, 20_102, 79, [3], at: 60)
        #expect(drain(&tap, at: 60) == [.payload([3], type: 0, at: 362)])
        #expect(tap.restarts == 1)
    }

    @Test func singleStrayNumberChangesNothing() {
        var tap = InOrderTap()
        put(&tap, 100, at: 0)
        _ = drain(&tap, at: 0)
        insert(&tap, 40_000, 5, [9], at: 1)
        put(&tap, 101, at: 2)
        #expect(drain(&tap, at: 2) == [piece(101)])
        #expect(drain(&tap, now: .distantFuture) == [])
        #expect(tap.restarts == 0)
    }

    @Test func strayNumbersWithoutEndDoNotUseUpTheSlots() {
        var tap = InOrderTap(capacityPackets: 4)
        put(&tap, 100, at: 0)
        _ = drain(&tap, at: 0)
        for stray in 0..<100 { insert(&tap, UInt16(20_000 + stray * 200), 5, [9], at: 1) }
        for n in 101..<110 {
            put(&tap, n, at: Int64(n))
            #expect(drain(&tap, at: Int64(n)) == [piece(n)])
        }
    }

    @Test func newSourceAfterResetContinuesTheTimelineByArrival() {
        var tap = InOrderTap()
        insert(&tap, 10, 1000, [UInt8](repeating: 0, count: 160), at: 0)
        _ = drain(&tap, at: 0)
        tap.reset()
        insert(&tap, 50_000, 123_456, [1], at: 40)
        #expect(drain(&tap, at: 40) == [.gap(160, at: 1160), .payload([1], type: 0, at: 1320)])
        insert(&tap, 50_001, 123_457, [2], at: 60)
        #expect(drain(&tap, at: 60) == [.payload([2], type: 0, at: 1321)])
    }

    @Test func newSourceThatBeginsWithADigitContinuesTheTimeline() {
        var tap = InOrderTap()
        insert(&tap, 10, 1000, [UInt8](repeating: 0, count: 160), at: 0)
        _ = drain(&tap, at: 0)
        tap.reset()
        _ = tap.insertOther(sequence: 7, now: Instant(milliseconds: 20))
        #expect(drain(&tap, at: 20) == [])
        insert(&tap, 8, 900_000, [1], at: 40)
        #expect(drain(&tap, at: 40) == [.gap(160, at: 1160), .payload([1], type: 0, at: 1320)])
    }

    @Test func fullTapAndLongPayloadOverflow() {
        var tap = InOrderTap(capacityPackets: 4, maximumPayload: 8)
        put(&tap, 1, at: 0)
        _ = drain(&tap, at: 0)
        for n in [3, 4, 5, 6] { #expect(put(&tap, n, at: 0) == .accepted) }
        #expect(put(&tap, 7, at: 0) == .overflow)
        #expect(insert(&tap, 2, 4, [UInt8](repeating: 0, count: 9), at: 0) == .overflow)
        #expect(tap.overflows == 2)
        #expect(drain(&tap, at: 0).count == 5)
    }

    @Test func samplesNeedNotBeBytes() {
        var tap = InOrderTap(clockRate: 48_000)
        for (sequence, timestamp) in [(1, 0), (2, 960)] {
            let result = [9].withUnsafeBytes {
                tap.insert(
                    sequence: UInt16(sequence), timestamp: UInt32(timestamp), payload: $0,
                    payloadType: 111, samples: 960, now: .zero)
            }
            #expect(result == .accepted)
        }
        #expect(drain(&tap, at: 0).count == 2)
        #expect(tap.concealedSamples == 0)
    }
}
