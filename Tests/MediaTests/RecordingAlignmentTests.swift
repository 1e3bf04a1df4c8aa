import Audio
import Base
import RTP
import Testing

@testable import Media

/// A call of 40 s with a click every 100 ms on both sides, over a network and a far end that do
/// what the seed says. Both sides' clicks must lie on the same grid in the recording, however much
/// was lost, left out or held.
private struct ClickCall {
    static let click: UInt8 = 0x80
    static let ticks = 2000

    var generator: SeededGenerator
    var far = FarEnd()
    /// Ticks that a state still lasts.
    var lossLeft = 0
    var pauseLeft = 0
    var holdLeft = 0
    var isHeld = false
    /// Packets that reached the leg in time, by number, and whether they bear a click.
    var delivered: [Int: Bool] = [:]
    var lossBursts = 0
    var pauses = 0
    var holds = 0

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &generator) < percent
    }

    mutating func step(_ index: Int, _ bench: LegBench) throws {
        if index > 25 { try changeHold(bench) }
        if holdLeft == 0, lossLeft == 0, pauseLeft == 0, index > 25 {
            if chance(4) {
                lossLeft = Int.random(in: 1...6, using: &generator)
                lossBursts += 1
            } else if chance(2) {
                pauseLeft = Int.random(in: 1...75, using: &generator)
                pauses += 1
            }
        }
        var payload = [UInt8](repeating: 0xFF, count: 160)
        if index % 5 == 0 { payload[80] = Self.click }
        if pauseLeft > 0 {
            // Silence suppression: time goes on, numbers do not.
            pauseLeft -= 1
            far.timestamp &+= 160
            return
        }
        let packet = far.packet(payload: payload, advance: 160)
        if lossLeft > 0 {
            lossLeft -= 1
            return
        }
        let jitter = index == 0 ? 0 : Int64.random(in: 0...15, using: &generator)
        bench.now += .milliseconds(jitter)
        bench.receive(packet)
        bench.now += .milliseconds(-jitter)
        if holdLeft == 0 { delivered[index] = index % 5 == 0 }
    }

    /// Our hold lasts whole clicks, because the clip waits meanwhile.
    private mutating func changeHold(_ bench: LegBench) throws {
        if holdLeft > 0 {
            holdLeft -= 1
        } else if chance(1), pauseLeft == 0, lossLeft == 0 {
            holdLeft = 5 * Int.random(in: 1...110, using: &generator)
            holds += 1
        }
        guard isHeld != (holdLeft > 0) else { return }
        isHeld = holdLeft > 0
        try bench.leg.configure(
            LegBench.remote(sends: !isHeld, receives: !isHeld), now: bench.now)
    }
}

@Test(arguments: 1...12)
func clicksOfBothSidesStayOnOneGridOverLossPausesAndHold(seed: Int) throws {
    let bench = try LegBench()
    let ring = SampleRing(capacity: 1 << 20)
    bench.leg.startRecording(into: ring, now: bench.now)
    var clip = [Int16](repeating: 0, count: ClickCall.ticks * 160)
    for index in stride(from: 9, to: clip.count, by: 800) { clip[index] = 32_000 }
    bench.play(1, PlaybackClip(samples: clip))
    var call = ClickCall(seed: UInt64(seed))
    for index in 0..<ClickCall.ticks {
        try call.step(index, bench)
        bench.tick()
        bench.now += MediaLeg.tick
    }
    _ = bench.close()
    let (left, right) = LegBench.split(ring)
    #expect(left.count == ClickCall.ticks * 160)
    let said = right.indices.filter { right[$0] > 30_000 }
    #expect(call.lossBursts > 5 && call.pauses > 3 && call.holds > 0)
    #expect(call.delivered.values.count { $0 } > 30 && said.count > 30)
    // In the place of every packet that came: its click, in the middle, or none. (What stands for a
    // lost packet may repeat one.)
    for (index, hasClick) in call.delivered {
        let packet = left[index * 160..<index * 160 + 160]
        let clicks = packet.indices.filter { packet[$0] > 30_000 }
        #expect(clicks == (hasClick ? [index * 160 + 80] : []), "packet \(index)")
    }
    #expect(said.allSatisfy { $0 % 800 == 9 }, "\(said.filter { $0 % 800 != 9 }.prefix(3))")
}

@Test func aLateBurstIsRecordedAndMovesNothingBehindIt() throws {
    let bench = try LegBench()
    let ring = SampleRing(capacity: 1 << 18)
    bench.leg.startRecording(into: ring, now: bench.now)
    var far = FarEnd()
    var waiting: [[UInt8]] = []
    bench.run(ticks: 100) { index in
        var payload = [UInt8](repeating: 0xFF, count: 160)
        if index % 5 == 0 { payload[0] = ClickCall.click }
        waiting.append(far.packet(payload: payload, advance: 160))
        // 260 ms of the network standing still, then all at once.
        guard !(40..<53).contains(index) else { return }
        for packet in waiting { bench.receive(packet) }
        waiting = []
    }
    _ = bench.close()
    let (left, _) = LegBench.split(ring)
    let clicks = left.indices.filter { left[$0] > 30_000 }
    // Clicks of 800, 900 and 1000 ms came late; each is there, and all later ones are in place.
    #expect(clicks.count >= 19)
    #expect(clicks.prefix(8) == [0, 800, 1600, 2400, 3200, 4000, 4800, 5600])
    #expect(
        clicks.suffix(9) == [8800, 9600, 10_400, 11_200, 12_000, 12_800, 13_600, 14_400, 15_200])
}

@Test func aSenderWhoseClockStoodStillIsPlacedByOursAgain() {
    var alignment = RecorderAlignment(rate: 8000)
    #expect(alignment.place(1000, expected: 0) == 0)
    #expect(alignment.place(1160, expected: 300) == 160)
    // Two seconds passed that its clock does not know of.
    #expect(alignment.place(1320, expected: 16_320) == 16_320)
    #expect(alignment.place(1480, expected: 16_480) == 16_480)
}

@Test func aLastingShiftIsFollowedAfterHalfASecond() {
    var alignment = RecorderAlignment(rate: 8000)
    #expect(alignment.place(0, expected: 0) == 0)
    for piece in Int64(1)...25 {
        #expect(alignment.place(piece * 160, expected: piece * 160 + 2000) == piece * 160 + 2000)
    }
    // Now the shift is the anchor: small deviations no longer count.
    #expect(alignment.place(4160, expected: 6200) == 6160)
}
