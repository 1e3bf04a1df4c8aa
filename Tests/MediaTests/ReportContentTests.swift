import Audio
import Base
import RTP
import SecureRTP
import Testing

@testable import Media

/// What our reports say of the far end, and of ourselves.
private struct Report {
    var at: Instant
    var sender: SenderReport?
    var blocks: [ReportBlock]
    var hasMetrics: Bool
    var types: [UInt8]
}

private func reports(_ bench: LegBench, from first: Int = 0) throws -> [Report] {
    try bench.sent[first...].filter { $0.channel == .rtcp }.map { item in
        var report = Report(
            at: item.at, sender: nil, blocks: [],
            hasMetrics: LegQualityTests.blocks(item.bytes).contains { $0.hasPrefix("metrics") },
            types: [])
        switch try RTCPPacket.parseCompound(item.bytes)[0] {
        case .senderReport(let sent):
            report.sender = sent
            report.blocks = sent.blocks
        case .receiverReport(let sent): report.blocks = sent.blocks
        default: throw RTPError.badShape
        }
        item.bytes.withUnsafeBytes { bytes in
            guard var view = try? RTCPCompoundView(bytes) else { return }
            while let packet = view.next() { report.types.append(packet.type) }
        }
        return report
    }
}

/// RFC 3550 6.4.1: RTP and NTP timestamp are of the same moment, whatever a packet's length.
@Test(arguments: MediaLeg.ptimes)
func senderReportsNameOneMomentByBothClocks(ptime: Int) throws {
    let bench = try LegBench(remote: LegBench.remote(ptime: ptime))
    var far = FarEnd()
    // Reports come on ticks with and without a packet of 60 ms.
    bench.run(ticks: 4000) { _ in bench.receive(far.audio()) }
    let sent = try reports(bench)
    #expect(sent.count > 10)
    for report in sent {
        let elapsed = (report.at - Instant(milliseconds: 1000)).nanoseconds / 1_000_000
        let expected = 50_000 + UInt32(elapsed * 8) + UInt32(max(ptime, 20) * 8)
        #expect(report.sender?.rtpTimestamp == expected)
    }
}

/// RFC 3550 6.4: no block about a source that has sent nothing since the last report.
@Test func whoHasGoneSilentIsNotReportedAbout() throws {
    let bench = try LegBench()
    bench.leg.offersExtendedReports = true
    var far = FarEnd()
    bench.run(ticks: 1000) { _ in bench.receive(far.audio()) }
    let talking = try reports(bench)
    #expect(talking.count >= 2)
    #expect(talking.allSatisfy { $0.blocks.count == 1 && $0.hasMetrics })
    let start = bench.sent.count
    bench.run(ticks: 2000)
    let silent = try reports(bench, from: start)
    // The first is still about what came before it.
    #expect(silent.count > 3)
    #expect(silent.dropFirst().allSatisfy { $0.blocks.isEmpty && $0.types == [200, 202] })
    let back = bench.sent.count
    far.timestamp &+= 2000 * 160
    bench.run(ticks: 1000) { _ in bench.receive(far.audio()) }
    let again = try reports(bench, from: back)
    #expect(again.count >= 2)
    #expect(again.allSatisfy { $0.blocks.count == 1 && $0.hasMetrics })
}

/// RFC 3611 4.7.2: durations are of time.
@Test(arguments: [10, 20, 60])
func burstsAndGapsLastAsLongAsTheirPackets(ptime: Int) throws {
    let bench = try LegBench()
    var far = FarEnd()
    for index in 0..<102 {
        let packet = far.audio(samples: ptime * 8)
        if index != 50, index != 51 { bench.receive(packet) }
        bench.now += .milliseconds(Int64(ptime))
        bench.tick()
    }
    let metrics = bench.leg.voipMetrics
    #expect(Int(metrics.burstDuration) == 2 * ptime)
    #expect(Int(metrics.gapDuration) == 50 * ptime)
    let silent = try LegBench().leg.voipMetrics
    #expect(silent.gapDuration == 0)
}

/// A source that begins its numbers anew under the same SSRC does not take its losses with it.
@Test(arguments: [UInt16(1000), 2999, 20_000])
func lossesStayWhenASourceNumbersAnew(back: UInt16) throws {
    let bench = try LegBench()
    var far = FarEnd()
    bench.run(ticks: 100) { index in
        let packet = far.audio()
        if index % 20 != 10 { bench.receive(packet) }
    }
    #expect(bench.summary.packetsLost == 5)
    far.sequence &-= back
    bench.run(ticks: 200) { index in
        let packet = far.audio()
        if index % 50 != 25 { bench.receive(packet) }
    }
    #expect(bench.summary.packetsLost == 9)
    #expect(bench.counters.packetsLost == 9)
    #expect(bench.quality.losses.lost == 9 && bench.quality.losses.expected == 300)
}

// MARK: types that nobody agreed on

/// RFC 3550 5.1: a packet of an unknown type is ignored, which is not lost, and nothing waits for it.
@Test(arguments: [false, true])
func anUnknownTypeOfTheFarEndIsNoLoss(isSecure: Bool) throws {
    let suite = SRTPSuite.aesCM128HMACSHA1_80
    let theirs = [UInt8](repeating: 7, count: suite.keyAndSaltCount)
    let ours = [UInt8](repeating: 9, count: suite.keyAndSaltCount)
    let keys = SRTPKeys(suite: suite, local: ours, remote: theirs)
    let bench = try LegBench(
        mediaTimeout: .seconds(1), remote: LegBench.remote(srtp: isSecure ? keys : nil))
    bench.leg.answered(now: bench.now)
    var outbound = try SRTPContext(suite: suite, key: theirs, direction: .outbound)
    func sealed(_ packet: [UInt8]) -> [UInt8] {
        guard isSecure else { return packet }
        var bytes = packet + [UInt8](repeating: 0, count: 16)
        let count = bytes.withUnsafeMutableBytes {
            (try? outbound.protect($0, count: packet.count)) ?? 0
        }
        return Array(bytes[0..<count])
    }
    let bridge = AudioBridge(receivedMilliseconds: 5000)
    _ = bench.attach(bridge)
    var far = FarEnd()
    bench.run(ticks: 100) { index in
        if index % 10 == 4 {
            bench.receive(
                sealed(
                    far.packet(payload: [UInt8](repeating: 1, count: 20), type: 18, advance: 160)))
        } else {
            bench.receive(sealed(far.audio(code: 0x80)))
            // At once: its time is a pause, not a loss to wait for.
            #expect(bridge.received.count == (index + 1) * 160)
        }
    }
    #expect(bench.rejected(.payloadType) == 10)
    #expect(bench.summary.packetsLost == 0 && bench.summary.packetsReceived == 90)
    #expect(bench.quality.losses.lost == 0 && bench.quality.losses.expected == 100)
    // Of anybody else, or of another source, it changes nothing.
    let sequence = far.sequence
    far.sequence &+= 500
    let forged = far.packet(payload: [1], type: 18, advance: 160)
    bench.receive(forged, from: LegBench.stranger)
    far.ssrc &+= 1
    bench.receive(sealed(far.packet(payload: [1], type: 18, advance: 160)))
    far.ssrc &-= 1
    if isSecure { bench.receive(forged) }
    far.sequence = sequence
    #expect(bench.summary.packetsLost == 0 && bench.quality.losses.expected == 100)
    #expect(bench.rejected(.payloadType) == (isSecure ? 11 : 12))
    #expect(bench.rejected(.authentication) == (isSecure ? 2 : 0))
    #expect(bench.destination == LegBench.peer)
    // And it is no life.
    bench.run(ticks: 60) { _ in
        bench.receive(sealed(far.packet(payload: [1], type: 18, advance: 160)))
    }
    #expect(bench.outputs == [.mediaStarted, .mediaTimeout])
}
