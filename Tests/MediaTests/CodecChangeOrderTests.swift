import Audio
import Testing

@testable import Media

@Suite struct CodecChangeOrderTests {
    /// The last packet of the old codec comes behind the first of the new one, or a second time.
    @Test(arguments: [true, false])
    func aLatePacketOfTheOldCodecIsLate(isCopy: Bool) throws {
        let bench = try LegBench(remote: media(.pcmu, alternatives: [.l16Wide]))
        let bridge = AudioBridge(receivedMilliseconds: 5000)
        _ = bench.attach(bridge)
        let old = try CodecFarEnd(.pcmu)
        for _ in 0..<10 {
            bench.receive(old.packet())
            bench.run(ticks: 1)
        }
        let last = old.packet()
        if isCopy { bench.receive(last) }
        bench.run(ticks: 1)
        let new = try CodecFarEnd(.l16Wide)
        new.sequence = old.sequence
        bench.receive(new.packet())
        bench.receive(last)
        bench.run(ticks: 1)
        for _ in 0..<10 {
            bench.receive(new.packet())
            bench.run(ticks: 1)
        }
        #expect(bench.rejected(.late) == 1)
        #expect(bench.counters.packetsReceived == (isCopy ? 23 : 22))
        #expect(bench.summary.packetsLost == 0)
        #expect(drained(bridge.received).count == 22 * 160)
    }
}
