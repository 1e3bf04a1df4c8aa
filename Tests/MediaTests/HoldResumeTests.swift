import Audio
import Base
import Testing

@testable import Media

@Suite struct HoldResumeTests {
    /// What the far end sent while it was not allowed to is nothing to wait for.
    @Test(arguments: [AudioCodec.pcmu, .opus])
    func theFirstPacketBehindAHoldIsHeardAtOnce(codec: AudioCodec) throws {
        var remote = media(codec)
        let bench = try LegBench(remote: remote)
        let bridge = AudioBridge(receivedMilliseconds: 5000)
        _ = bench.attach(bridge)
        let far = try CodecFarEnd(codec)
        bench.run(ticks: 10) { _ in bench.receive(far.packet()) }
        remote.receives = false
        try bench.leg.configure(remote, now: bench.now)
        bench.run(ticks: 25) { _ in bench.receive(far.packet()) }
        remote.receives = true
        try bench.leg.configure(remote, now: bench.now)
        _ = drained(bridge.received)
        bench.receive(far.packet())
        // With the tick between the hold and it.
        #expect(drained(bridge.received).count == 2 * 160)
        bench.run(ticks: 10) { _ in bench.receive(far.packet()) }
        #expect(drained(bridge.received).count == 10 * 160)
        #expect(bench.counters.concealedMicroseconds == 0)
        #expect(bench.summary.packetsLost == 0)
    }

    /// A packet of before the hold, sent twice or held up, may come behind it: what was sent during the hold
    /// is no loss for that.
    @Test(arguments: [(0, false), (1, false), (1, true)])
    func aStragglerBehindAHoldMakesNoLoss(back: Int, isHeldUp: Bool) throws {
        var remote = media(.pcmu)
        let bench = try LegBench(remote: remote)
        let far = try CodecFarEnd(.pcmu)
        var sent: [[UInt8]] = []
        bench.run(ticks: 10) { _ in
            sent.append(far.packet())
            if !isHeldUp || sent.count != 10 - back { bench.receive(sent[sent.count - 1]) }
        }
        remote.receives = false
        try bench.leg.configure(remote, now: bench.now)
        bench.run(ticks: 500) { _ in bench.receive(far.packet()) }
        remote.receives = true
        try bench.leg.configure(remote, now: bench.now)
        bench.receive(sent[9 - back])
        bench.run(ticks: 100) { _ in bench.receive(far.packet()) }
        #expect(bench.summary.packetsLost <= 0)
        // The one that was held up was not there when it was wanted.
        let missed = isHeldUp ? 1 : 0
        #expect(bench.leg.quality.losses.lost == missed)
        // What is missing from then on is.
        _ = far.packet()
        bench.run(ticks: 100) { _ in bench.receive(far.packet()) }
        #expect(bench.leg.quality.losses.lost == missed + 1)
    }

    /// A NAT forgets its binding during a hold: the far end comes from another port, with the same stream
    /// or another one.
    @Test(arguments: [true, false])
    func behindAHoldTheFarEndMayComeFromAnotherPort(sameStream: Bool) throws {
        let (bench, before) = try held()
        var far = before
        if !sameStream { far = FarEnd(ssrc: 0xAAAA_0002, sequence: 7, timestamp: 9) }
        let after = LegBench.peer.withPort(50_002)
        bench.run(ticks: 6) { _ in bench.receive(far.audio(), from: after) }
        #expect(bench.destination == after)
        let audio = bench.rtp.count
        bench.run(ticks: 1)
        #expect(bench.rtp.count == audio + 1 && bench.sent.last?.to == after)
    }

    /// Whoever was believed and is heard again is where it was, and the hold's end is nobody else's chance.
    @Test func behindAHoldOnlyASilentFarEndMoves() throws {
        let (bench, far) = try held()
        var back = far
        bench.receive(back.audio(), from: LegBench.peer.withPort(50_000))
        var other = FarEnd(ssrc: 0xBAD0_0001, sequence: 1, timestamp: 1)
        let elsewhere = LegBench.peer.withPort(50_002)
        for _ in 0..<10 { bench.receive(other.audio(), from: elsewhere) }
        #expect(bench.destination == LegBench.peer.withPort(50_000))
        #expect(bench.rejected(.foreignSource) >= 10)
        // Another host's run, or one that comes too late, is never believed.
        let (silent, _) = try held()
        for _ in 0..<10 { silent.receive(other.audio(), from: LegBench.stranger) }
        silent.now += .seconds(5)
        for _ in 0..<10 { silent.receive(other.audio(), from: elsewhere) }
        #expect(silent.destination == LegBench.peer.withPort(50_000))
    }

    /// Heard from another port than the SDP's, held for a minute, and just taken off hold.
    private func held() throws -> (LegBench, FarEnd) {
        let bench = try LegBench()
        var far = FarEnd()
        for _ in 0..<5 { bench.receive(far.audio(), from: LegBench.peer.withPort(50_000)) }
        try bench.leg.configure(
            LegBench.remote(sends: false, receives: false), now: bench.now)
        bench.run(ticks: 3000)
        try bench.leg.configure(LegBench.remote(), now: bench.now)
        return (bench, far)
    }
}
