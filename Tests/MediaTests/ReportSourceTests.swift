import Base
import RTP
import SecureRTP
import Testing

@testable import Media

private let keys = SRTPKeys(
    suite: .aesCM128HMACSHA1_80, local: SecureFar.key(.aesCM128HMACSHA1_80, 0),
    remote: SecureFar.key(.aesCM128HMACSHA1_80, 50))

/// Whose reports count, and where ours go for it.
@Suite struct ReportSourceTests {
    private let reports = LegBench.peer.withPort(4001)

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

    /// A report that came on RTP's port says nothing about where RTCP's is.
    @Test func aReportOnTheAudiosPortDoesNotMoveOurs() throws {
        let bench = try LegBench(remote: LegBench.remote(srtp: keys))
        let far = try SecureFar(keys)
        bench.receive(try far.audio(0))
        bench.receive(try far.report())
        bench.run(ticks: 500)
        #expect(!bench.reportsTo.isEmpty)
        #expect(bench.reportsTo.allSatisfy { $0 == reports })
    }

    /// The next description takes RTCP off the port that it shared.
    @Test func reportsLeaveAPortThatIsSharedNoMore() throws {
        var media = LegBench.remote(srtp: keys)
        media.rtcpMux = true
        let bench = try LegBench(remote: media)
        let far = try SecureFar(keys)
        bench.receive(try far.audio(0))
        bench.receive(try far.report())
        media.rtcpMux = false
        try bench.leg.configure(media, now: bench.now)
        bench.run(ticks: 500)
        #expect(!bench.reportsTo.isEmpty)
        #expect(bench.reportsTo.allSatisfy { $0 == reports })
    }

    /// Held back: the newest report of a stream that the far end has left.
    @Test func aReportOfAStreamThatWasLeftMovesNothing() throws {
        let bench = try LegBench(remote: LegBench.remote(srtp: keys))
        let far = try SecureFar(keys)
        bench.receive(try far.audio(0))
        bench.receive(try far.report(), from: reports, on: .rtcp)
        let held = try far.report()
        for sequence in UInt16(500)..<503 { bench.receive(try far.audio(sequence, ssrc: 8)) }
        bench.receive(try far.report(ssrc: 8), from: reports, on: .rtcp)
        bench.receive(held, from: LegBench.stranger, on: .rtcp)
        bench.run(ticks: 500)
        #expect(bench.rejected(.authentication) == 0)
        #expect(!bench.reportsTo.isEmpty)
        #expect(bench.reportsTo.allSatisfy { $0 == reports })
    }

    /// A network that sends a report twice has broken nothing.
    @Test func aReportThatComesTwiceIsADuplicate() throws {
        let bench = try LegBench(remote: LegBench.remote(srtp: keys))
        let far = try SecureFar(keys)
        let first = try far.report()
        for _ in 0..<2 { bench.receive(first, from: reports, on: .rtcp) }
        #expect(bench.rejected(.duplicate) == 1 && bench.rejected(.authentication) == 0)
        var last = first
        for _ in 0..<200 { last = try far.report() }
        bench.receive(last, from: reports, on: .rtcp)
        bench.receive(first, from: reports, on: .rtcp)
        #expect(bench.rejected(.late) == 1 && bench.rejected(.authentication) == 0)
        last = try far.report()
        last[last.count - 1] ^= 1
        bench.receive(last, from: reports, on: .rtcp)
        #expect(bench.rejected(.authentication) == 1)
    }
}
