import Audio
import Base
import RTP
import SecureRTP
import Testing

@testable import Media

/// RTCP that lies, and floods of what was heard before: dropped or harmless, always counted.
private func words(_ values: [UInt32]) -> [UInt8] {
    values.flatMap { value in
        (0..<4).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
}

/// A compound that begins as RFC 3550 6.1 demands: an empty receiver report of `ssrc`.
private func compound(_ ssrc: UInt32, _ rest: [UInt8]) -> [UInt8] {
    words([0x80C9_0001, ssrc]) + rest
}

private let reportSource = LegBench.peer.withPort(4001)

@Test func aGoodbyeForAnybodysSourceEndsNothing() throws {
    let bench = try LegBench()
    let bridge = AudioBridge()
    _ = bench.attach(bridge)
    var far = FarEnd()
    bench.receive(far.audio())
    for ssrc in [far.ssrc, 0x1111_2222, 0xDEAD_BEEF, 0] as [UInt32] {
        // BYE, one source.
        bench.receive(
            compound(far.ssrc, words([0x81CB_0001, ssrc])), from: reportSource, on: .rtcp)
    }
    bench.run(ticks: 5) { _ in bench.receive(far.audio(code: 0x80)) }
    #expect(bench.summary.packetsReceived == 6)
    #expect(!bridge.isClosed)
    #expect(bench.rtp.count == 5)
    // A BYE in our own name is a collision at most: we may change our SSRC, the call goes on.
    #expect(bench.rtp.allSatisfy { $0.header.ssrc != 0 })
}

/// 31 report blocks are announced; fewer are there, or the length says more than the datagram.
@Test func absurdCountsAndLengthsAreMalformedNotTraps() throws {
    let bench = try LegBench()
    var far = FarEnd()
    bench.receive(far.audio())
    let lies: [[UInt8]] = [
        // RR, 31 blocks, length 1 word.
        words([0x9FC9_0001, far.ssrc]),
        // RR, 1 block, length 0xFFFF words, 8 bytes.
        words([0x81C9_FFFF, far.ssrc]),
        // SR without its sender info.
        words([0x80C8_0001, far.ssrc]),
        // SDES whose item is longer than its chunk.
        compound(far.ssrc, words([0x81CA_0002, far.ssrc, 0x01FF_4141])),
        // BYE of 31 sources without one.
        compound(far.ssrc, words([0x9FCB_0000])),
        // XR whose block says 65,535 words.
        compound(far.ssrc, words([0x80CF_0002, far.ssrc, 0x0700_FFFF])),
        // Version 1, version 3, padding longer than the packet.
        words([0x40C9_0001, far.ssrc]), words([0xC0C9_0001, far.ssrc]),
        words([0xA0C9_0001, 0x0000_00FF]),
    ]
    for lie in lies { bench.receive(lie, from: reportSource, on: .rtcp) }
    #expect(bench.rejected(.malformedRTCP) + bench.rejected(.notMedia) >= 3)
    #expect(bench.roundTripMilliseconds == nil && bench.remoteFractionLost == nil)
    bench.run(ticks: 3) { _ in bench.receive(far.audio()) }
    #expect(bench.summary.packetsReceived == 4)
}

/// Loss and delay that cannot be are shown as said or not at all; nothing is steered into a trap.
@Test func reportsOfImpossibleLossAndDelayChangeNoCall() throws {
    let bench = try LegBench()
    var far = FarEnd()
    bench.receive(far.audio())
    bench.run(ticks: 10) { _ in bench.receive(far.audio()) }
    var generator = SeededGenerator(seed: 9)
    for _ in 0..<2000 {
        let block = ReportBlock(
            ssrc: 0x1111_2222, fractionLost: UInt8.random(in: 0...255, using: &generator),
            cumulativeLost: Int32.random(in: -0x80_0000...0x7F_FFFF, using: &generator),
            extendedHighestSequence: UInt32(truncatingIfNeeded: generator.next()),
            jitter: UInt32(truncatingIfNeeded: generator.next()),
            lastSenderReport: UInt32(truncatingIfNeeded: generator.next()),
            delaySinceLastSenderReport: UInt32(truncatingIfNeeded: generator.next()))
        let report = try RTCPPacket.report(
            sender: nil, ssrc: far.ssrc, blocks: [block], cname: "liar")
        bench.receive(report, from: reportSource, on: .rtcp)
    }
    #expect((0...1).contains(try #require(bench.remoteFractionLost)))
    let mos = bench.mos
    #expect((1...4.5).contains(mos))
    #expect(bench.summary.packetsReceived == 11)
}

/// A round trip is measured from reports of ours that were really sent, and is never absurd.
@Test func aRoundTripIsBelievedOnlyOfReportsThatWeSent() throws {
    let bench = try LegBench()
    var far = FarEnd()
    bench.run(ticks: 1000) { _ in bench.receive(far.audio()) }
    let times = try bench.sent.filter { $0.channel == .rtcp }.map { report -> UInt32 in
        guard case .senderReport(let sent) = try RTCPPacket.parseCompound(report.bytes)[0] else {
            throw RTPError.badShape
        }
        return UInt32(truncatingIfNeeded: sent.ntpTimestamp >> 16)
    }
    func answer(_ time: UInt32, delay: UInt32) throws -> Double? {
        let block = ReportBlock(
            ssrc: 0x1111_2222, lastSenderReport: time, delaySinceLastSenderReport: delay)
        bench.receive(
            try RTCPPacket.report(sender: nil, ssrc: far.ssrc, blocks: [block], cname: "f"),
            from: reportSource, on: .rtcp)
        return bench.roundTripMilliseconds
    }
    let newest = try #require(times.last)
    let oldest = try #require(times.first)
    // Times that we never wrote: every neighbour of the true ones, and an hour ago.
    for lie in [newest &+ 1, newest &- 1, newest &- 3600 << 16, oldest &- 1, 1, .max] {
        #expect(try answer(lie, delay: 0) == nil)
    }
    // A true one, twenty seconds ago, that claims to have been answered at once: no conversation
    // has such a round trip.
    #expect(bench.now - bench.sent.filter { $0.channel == .rtcp }[0].at > .seconds(11))
    #expect(try answer(oldest, delay: 0) == nil)
    // More delay than there was time: less than nothing is nothing.
    #expect(try answer(newest, delay: .max / 2) == nil)
    let sentAt = try #require(bench.sent.last { $0.channel == .rtcp }).at
    bench.now = sentAt + .milliseconds(70)
    let roundTrip = try #require(try answer(newest, delay: 65_536 / 50))
    #expect(abs(roundTrip - 50) < 0.1)
}

/// RFC 3550 6.3.7: who has sent nothing says no BYE.
@Test func aLegThatNeverSpokeSaysNoGoodbye() throws {
    let bench = try LegBench(remote: LegBench.remote(sends: false))
    var far = FarEnd()
    for _ in 0..<5 { bench.receive(far.audio()) }
    _ = bench.close()
    #expect(bench.sent.isEmpty)
    // One who has sent a report has something to take back.
    let listener = try LegBench(remote: LegBench.remote(sends: false))
    listener.run(ticks: 300) { _ in listener.receive(far.audio()) }
    _ = listener.close()
    let last = try #require(listener.sent.last)
    #expect(try RTCPPacket.parseCompound(last.bytes).last == .bye(Goodbye(sources: [0x1111_2222])))
}

/// Our own reports sent back at us, a thousand times: counted as a loop, no BYE, no new SSRC.
@Test func ourOwnReportsComingBackAreALoop() throws {
    let bench = try LegBench()
    var far = FarEnd()
    bench.run(ticks: 500) { _ in bench.receive(far.audio()) }
    let own = try #require(bench.sent.first { $0.channel == .rtcp }).bytes
    for _ in 0..<1000 { bench.receive(own, from: reportSource, on: .rtcp) }
    bench.run(ticks: 5)
    #expect(bench.ssrc == 0x1111_2222)
    #expect(bench.sourceLoops >= 1000)
}

/// A far end that takes every SSRC of ours: we leave four times, then call it what it is.
@Test func aFarEndThatCopiesEverySourceOfOursCannotMakeUsRunForEver() throws {
    let bench = try LegBench()
    var seen: Set<UInt32> = []
    for round in 0..<20 {
        seen.insert(bench.ssrc)
        var copy = FarEnd(ssrc: bench.ssrc, sequence: 40_000, timestamp: 0xF000_0000)
        copy.sequence &+= UInt16(round * 1000)
        for _ in 0..<3 { bench.receive(copy.audio()) }
        bench.run(ticks: 2)
    }
    seen.insert(bench.ssrc)
    #expect(seen.count == SourceCollision.maximumChanges + 1)
    #expect(bench.summary.packetsSent >= 40)
}

/// Every packet of a second, repeated 200 times from the attacker's own address: none is heard
/// twice, and nothing is sent to him.
@Test(arguments: [false, true])
func aFloodOfReplayedPacketsIsDroppedAndLearnsNobody(isSecure: Bool) throws {
    let suite = SRTPSuite.aesCM128HMACSHA1_80
    let theirs = [UInt8](repeating: 7, count: suite.keyAndSaltCount)
    let ours = [UInt8](repeating: 9, count: suite.keyAndSaltCount)
    let keys = SRTPKeys(suite: suite, local: ours, remote: theirs)
    let bench = try LegBench(remote: LegBench.remote(srtp: isSecure ? keys : nil))
    var outbound = try SRTPContext(suite: suite, key: theirs, direction: .outbound)
    var far = FarEnd()
    var captured: [[UInt8]] = []
    bench.run(ticks: 50) { _ in
        var packet = far.audio(code: 0x80)
        if isSecure {
            packet += [UInt8](repeating: 0, count: 16)
            let count = packet.withUnsafeMutableBytes {
                (try? outbound.protect($0, count: 172)) ?? 0
            }
            packet = Array(packet[0..<count])
        }
        captured.append(packet)
        bench.receive(packet)
    }
    #expect(bench.summary.packetsReceived == 50)
    let source = bench.destination
    for _ in 0..<200 {
        for packet in captured { bench.receive(packet, from: LegBench.stranger) }
    }
    #expect(bench.summary.packetsReceived == 50)
    #expect(bench.destination == source)
    let dropped =
        isSecure
        ? bench.rejected(.duplicate) + bench.rejected(.late) : bench.rejected(.foreignSource)
    #expect(dropped == 200 * 50)
    // The same flood with a forged source address.
    for packet in captured { bench.receive(packet) }
    bench.run(ticks: 5)
    #expect(bench.sent.allSatisfy { $0.to.hasSameHost(as: LegBench.peer) })
    #expect(bench.rejected(.duplicate) + bench.rejected(.late) >= 50)
}
