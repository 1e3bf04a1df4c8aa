import Base
import RTP
import Testing

@testable import Media

/// Whose reports count, and where ours go for it.
@Suite struct ReportSourceTests {
    private func plainReport() throws -> [UInt8] {
        try RTCPPacket.report(sender: nil, ssrc: 7, blocks: [], cname: "far")
    }

    /// RFC 5761: the signalled RTP port is RTCP's too, also of a far end that never sends audio.
    @Test func aFarEndThatOnlyReportsOnTheSharedPortIsHeard() throws {
        var media = LegBench.remote()
        media.rtcpMux = true
        let bench = try LegBench(mediaTimeout: .seconds(30), remote: media)
        bench.leg.answered(now: bench.now)
        let report = try plainReport()
        bench.run(ticks: 2000) { index in
            if index % 250 == 0 { bench.receive(report) }
        }
        #expect(bench.rejected(.foreignSource) == 0)
        #expect(!bench.outputs.contains(.mediaTimeout))
        // Nobody else's.
        bench.receive(report, from: LegBench.peer.withPort(4444))
        #expect(bench.rejected(.foreignSource) == 1)
    }

}
