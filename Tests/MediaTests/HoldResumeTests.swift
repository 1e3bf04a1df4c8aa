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
}
