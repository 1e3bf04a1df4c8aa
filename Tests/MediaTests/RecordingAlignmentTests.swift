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

/// Clocks differ by some tens of millionths: in an hour that is more than a recording's window. The far
/// end's audio keeps to its place in time, a sample at a time, and none of it is elsewhere meanwhile.
@Test(arguments: [50e-6, 100e-6, -50e-6, -100e-6], [20, 120])
func anHourOfDriftingClocksMisplacesNothing(skew: Double, milliseconds: Int) {
    var alignment = RecorderAlignment(rate: 8000)
    var random = SeededGenerator(seed: 7)
    let size = Int64(milliseconds * 8)
    var last: Int64?
    var steps = 0
    var misplaced = 0
    var furthest: Int64 = 0
    for piece in 0..<Int64(3_600_000 / milliseconds) {
        let arrival = Double(piece * size) * (1 + skew)
        let expected = Int64(arrival) + Int64.random(in: -40...40, using: &random) + 400
        let place = alignment.place(piece * size, expected: expected)
        if let last {
            if abs(place - last - size) > 1 { misplaced += 1 }
            if place - last != size { steps += 1 }
        }
        last = place
        furthest = max(furthest, abs(place - expected))
    }
    #expect(misplaced == 0)
    // 40 ms, the jitter at the start and now, and what a window of 5 s does not know yet.
    #expect(furthest <= 55 * 8, "\(furthest)")
    // What drifted beyond 40 ms, and no more.
    #expect(Double(steps) <= abs(skew) * 3600 * 8000)
}

@Test func lossAndJitterMoveNoAnchor() {
    var alignment = RecorderAlignment(rate: 8000)
    var random = SeededGenerator(seed: 9)
    var moved = 0
    for piece in Int64(0)..<20_000 {
        if piece > 0, Int.random(in: 0..<10, using: &random) == 0 { continue }
        // One in fifty is up to 160 ms late.
        let late: Int64 = Int.random(in: 0..<50, using: &random) == 0 ? 1280 : 120
        let expected = piece * 160 + (piece == 0 ? 0 : Int64.random(in: 0...late, using: &random))
        if alignment.place(piece * 160, expected: expected) != piece * 160 { moved += 1 }
    }
    #expect(moved == 0)
}

/// Held up by about as much as is too much, audio goes to one place or the other, and stays there.
@Test func deviationsAboutTheLimitScrambleNothing() {
    var alignment = RecorderAlignment(rate: 8000)
    var random = SeededGenerator(seed: 5)
    var places: [Int64] = []
    for piece in Int64(0)..<500 {
        let late = piece < 50 ? 0 : 1440 + Int64.random(in: -40...40, using: &random)
        places.append(alignment.place(piece * 160, expected: piece * 160 + late))
    }
    let seams = zip(places, places.dropFirst()).count { $1 - $0 != 160 }
    #expect(seams == 1)
}

/// Through the whole tap: ten minutes of a far end that is 400 ppm slow or fast, always loud.
@Test(arguments: [400e-6, -400e-6]) func aDriftingFarEndIsRecordedWithoutHoles(skew: Double) {
    let sink = SampleRing(capacity: 1 << 16)
    var workspace = LegWorkspace()
    var tap = LegRecorderTap(sink: sink, now: .zero)
    let samples = [Int16](repeating: 1000, count: 160)
    var quiet = 0
    var frames = 0
    var room = [Int16](repeating: 0, count: 1 << 16)
    for piece in 0..<30_000 {
        let now = Instant(nanoseconds: Int64(Double(piece) * 20e6 * (1 + skew)))
        samples.withUnsafeBufferPointer {
            tap.received(
                $0, rate: 8000, at: Int64(piece * 160), clockRate: 8000, now: now,
                workspace: &workspace)
        }
        tap.advance(now: now)
        let count = room.withUnsafeMutableBufferPointer { sink.read(into: $0) }
        for index in stride(from: 0, to: count, by: 2) where room[index] != 1000 { quiet += 1 }
        frames += count / 2
    }
    #expect(quiet == 0)
    #expect(abs(Double(frames) / 8000 - 600 * (1 + skew)) < 0.25)
}
