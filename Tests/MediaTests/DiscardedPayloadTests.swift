import Audio
import RTP
import Testing

@testable import Media

@Suite struct DiscardedPayloadTests {
    /// A payload that cannot be used has come (RFC 3611 4.7.1: discarded, not lost).
    @Test func anUnusablePayloadIsDiscardedAndNotLost() throws {
        let bench = try LegBench(remote: media(.opus))
        let far = try CodecFarEnd(.opus)
        bench.run(ticks: 40) { tick in
            guard tick == 20 || tick == 21 else { return bench.receive(far.packet()) }
            // Several frames, whose count is missing (RFC 6716 3.2.5); and nothing.
            let payload: [UInt8] = tick == 20 ? [3] : []
            bench.receive(
                rtp(
                    RTPHeader(
                        payloadType: 96, sequence: far.sequence, timestamp: far.timestamp,
                        ssrc: far.ssrc), payload))
            far.sequence &+= 1
            far.skip(20)
        }
        #expect(bench.rejected(.malformed) == 2)
        let losses = bench.leg.quality.losses
        #expect(losses.expected == 40)
        #expect(losses.lost == 0)
        #expect(losses.discarded == 2)
    }
}
