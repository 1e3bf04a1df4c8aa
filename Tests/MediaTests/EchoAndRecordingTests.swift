import Audio
import Base
import RTP
import Testing

@testable import Media

@Test func echoReturnsEachPacketAtOnceUnderOurHeader() throws {
    let bench = try LegBench(mode: .echo)
    var far = FarEnd()
    bench.run(ticks: 2)
    #expect(bench.rtp.isEmpty)
    for index in 0..<3 {
        bench.receive(far.audio(code: UInt8(0x80 + index)))
        #expect(bench.rtp.count == index + 1)
        bench.run(ticks: 1)
    }
    #expect(bench.rtp.map { $0.payload[0] } == [0x80, 0x81, 0x82])
    #expect(bench.rtp.map(\.header.sequence) == [1000, 1001, 1002])
    #expect(bench.rtp.map(\.header.ssrc) == [0x1111_2222, 0x1111_2222, 0x1111_2222])
    let stamps = bench.rtp.map(\.header.timestamp)
    #expect(stamps == [50_320, 50_480, 50_640])
}

@Test func echoKeepsTheGapsOfASilentSpeaker() throws {
    let bench = try LegBench(mode: .echo)
    var far = FarEnd()
    bench.receive(far.audio())
    far.timestamp &+= 8000
    bench.receive(far.audio())
    let stamps = bench.rtp.map(\.header.timestamp)
    #expect(stamps[1] &- stamps[0] == 8160)
}

@Test func echoDoesNotRepeatDuplicatesNorStrangers() throws {
    let bench = try LegBench(mode: .echo)
    var far = FarEnd()
    let packet = far.audio()
    bench.receive(packet)
    bench.receive(packet)
    var foe = FarEnd(ssrc: 3, sequence: 1, timestamp: 1)
    for _ in 0..<10 { bench.receive(foe.audio(), from: LegBench.stranger) }
    #expect(bench.rtp.count == 1)
}

@Test func recordingIsAlignedToTheSample() throws {
    let bench = try LegBench()
    let ring = SampleRing(capacity: 65_536)
    bench.leg.startRecording(into: ring, now: bench.now)
    var far = FarEnd()
    // Heard from 40 ms on: one loud sample at the start of the packet of 100 ms.
    // Said: one loud sample in the clip that begins at 120 ms, 10 samples in.
    var clip = [Int16](repeating: 0, count: 320)
    clip[10] = 8000
    bench.run(ticks: 50) { index in
        if index == 6 { bench.play(1, PlaybackClip(samples: clip)) }
        guard index >= 2 else { return }
        var payload = [UInt8](repeating: 0xFF, count: 160)
        if index == 5 { payload[0] = 0x80 }
        bench.receive(far.packet(payload: payload, advance: 160))
    }
    bench.leg.stopRecording(now: bench.now, workspace: &bench.workspace)
    let (left, right) = LegBench.split(ring)
    #expect(left.count == 8000 && right.count == 8000)
    #expect(left.indices.filter { left[$0] != 0 } == [800])
    #expect(right.indices.filter { right[$0] != 0 } == [970])
    #expect(left[800] == 32124)
}

@Test func reorderedAndLatePacketsAreRecordedWhereTheyBelong() throws {
    let bench = try LegBench()
    let ring = SampleRing(capacity: 65_536)
    bench.leg.startRecording(into: ring, now: bench.now)
    var far = FarEnd()
    var held: [UInt8] = []
    bench.run(ticks: 30) { index in
        let packet = far.audio(code: UInt8(0x80 + index))
        if index == 10 {
            held = packet
            return
        }
        bench.receive(packet)
        if index == 11 { bench.receive(held) }
    }
    _ = bench.close()
    let (left, _) = LegBench.split(ring)
    #expect(left.count == 4800)
    for index in 0..<30 {
        #expect(left[index * 160 + 80] == G711.sample(muLaw: UInt8(0x80 + index)), "\(index)")
    }
}

@Test func aFullSinkCostsSamplesButNotAlignment() throws {
    let bench = try LegBench()
    // 8192 samples are 512 ms of stereo.
    let ring = SampleRing(capacity: 8192)
    bench.leg.startRecording(into: ring, now: bench.now)
    bench.run(ticks: 60)
    var left: [Int16] = LegBench.split(ring).left
    var far = FarEnd()
    bench.run(ticks: 60) { index in
        if index % 10 == 0 { left += LegBench.split(ring).left }
        bench.receive(far.audio(code: index == 40 ? 0x80 : 0xFF))
    }
    left += LegBench.split(ring).left
    let dropped = bench.leg.stopRecording(now: bench.now, workspace: &bench.workspace)
    left += LegBench.split(ring).left
    #expect(dropped > 0)
    #expect(bench.counters.recordingDroppedSamples == dropped)
    #expect(left.count == 19_200)
    #expect(left.firstIndex(of: 32124) == 16_000)
}

@Test func echoIsRecordedOnBothSides() throws {
    let bench = try LegBench(mode: .echo)
    let ring = SampleRing(capacity: 65_536)
    bench.leg.startRecording(into: ring, now: bench.now)
    var far = FarEnd()
    bench.run(ticks: 20) { index in bench.receive(far.audio(code: UInt8(0x80 + index))) }
    _ = bench.close()
    let (left, right) = LegBench.split(ring)
    #expect(left == right)
    #expect(left[160 * 7] == G711.sample(muLaw: 0x87))
}

@Test func theLegSaysGoodbye() throws {
    let bench = try LegBench()
    let bridge = AudioBridge()
    _ = bench.attach(bridge)
    var far = FarEnd()
    bench.receive(far.audio())
    bench.play(9, PlaybackClip(samples: [Int16](repeating: 1, count: 8000)))
    bench.run(ticks: 2)
    let summary = bench.close()
    #expect(summary.packetsReceived == 1 && summary.packetsSent == 2)
    #expect(bench.outputs.last == .playFinished(id: 9, completed: false))
    #expect(bridge.isClosed)
    let last = try #require(bench.sent.last)
    #expect(last.channel == .rtcp && last.to == LegBench.peer.withPort(4001))
    let packets = try RTCPPacket.parseCompound(last.bytes)
    #expect(packets.last == .bye(Goodbye(sources: [0x1111_2222])))
}

@Test func senderReportsGoOutOnScheduleAndReportsComeIn() throws {
    let bench = try LegBench()
    var far = FarEnd()
    var reports: [LegBench.Sent] = []
    bench.run(ticks: 1000) { index in
        // Every tenth packet is lost.
        let packet = far.audio()
        if index % 10 != 9 { bench.receive(packet) }
    }
    reports = bench.sent.filter { $0.channel == .rtcp }
    // 20 s: an interval of 2.5…7.5 s divided by 1.22 (RFC 3550 6.3.1).
    #expect((3...9).contains(reports.count))
    let first = try RTCPPacket.parseCompound(try #require(reports.last).bytes)
    guard case .senderReport(let report) = first[0] else {
        Issue.record("no sender report")
        return
    }
    #expect(report.ssrc == 0x1111_2222)
    #expect(report.blocks.first?.ssrc == far.ssrc)
    let lost = Double(try #require(report.blocks.first).fractionLost) / 256
    #expect(abs(lost - 0.1) < 0.03)
    #expect(first[1] == .sourceDescription([SourceDescriptionChunk(ssrc: 0x1111_2222, cname: "c")]))
    #expect(abs(bench.summary.packetsLost - 99) <= 1)
    #expect(bench.counters.packetsLost <= 100)

    // The far end answers 100 ms after our report: RTT is what is left of that beyond its delay.
    let at = try #require(reports.last).at
    bench.now = at + .milliseconds(100)
    let block = ReportBlock(
        ssrc: 0x1111_2222, fractionLost: 64,
        lastSenderReport: UInt32(truncatingIfNeeded: report.ntpTimestamp >> 16),
        delaySinceLastSenderReport: 65_536 / 20)
    let answer = try RTCPPacket.report(sender: nil, ssrc: far.ssrc, blocks: [block], cname: "f")
    bench.receive(answer, from: LegBench.peer.withPort(4001), on: .rtcp)
    let roundTrip = try #require(bench.roundTripMilliseconds)
    #expect(abs(roundTrip - 50) < 0.1)
    #expect(bench.remoteFractionLost == 0.25)
}
