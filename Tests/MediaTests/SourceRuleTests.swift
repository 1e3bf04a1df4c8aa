import Audio
import Base
import RTP
import Testing

@testable import Media

@Test func aStrangersPacketsChangeNothing() throws {
    let bench = try LegBench()
    let bridge = AudioBridge()
    _ = bench.attach(bridge)
    var far = FarEnd()
    var foe = FarEnd(ssrc: 0xBAD0_0001, sequence: 1, timestamp: 1)
    bench.receive(far.audio())
    let heard = bridge.received.count
    for _ in 0..<100 {
        bench.receive(foe.audio(code: 0x80), from: LegBench.stranger)
        // The same numbers as the running stream, but far from where it is.
        bench.receive(
            rtp(
                RTPHeader(
                    payloadType: 0, sequence: far.sequence &+ 500, timestamp: 0, ssrc: far.ssrc),
                [0x80]), from: LegBench.stranger)
    }
    #expect(bench.rejected(.foreignSource) == 200)
    #expect(bridge.received.count == heard)
    bench.run(ticks: 2)
    #expect(bench.sent.allSatisfy { $0.to == LegBench.peer })
    #expect(bench.summary.packetsReceived == 1)
}

@Test func anotherPortOfTheSDPsHostIsLearnedAfterFourInARowInsideTheWindow() throws {
    let bench = try LegBench()
    let moved = LegBench.peer.withPort(61_234)
    var far = FarEnd()
    for _ in 0..<3 { bench.receive(far.audio(), from: moved) }
    #expect(bench.destination == LegBench.peer)
    bench.receive(far.audio(), from: moved)
    #expect(bench.destination == moved)
    #expect(bench.rejected(.foreignSource) == 3)
    // The signalled address speaks up: it always may.
    var true_ = FarEnd(ssrc: 9, sequence: 5, timestamp: 0)
    bench.receive(true_.audio())
    #expect(bench.destination == LegBench.peer)
}

/// The address may be made up: nothing goes there, no report either, before something has come from it.
@Test func whereWeMayNotSpeakFirstNothingGoesUntilWeAreSpokenTo() throws {
    var media = LegBench.remote()
    media.speaksFirst = false
    let bench = try LegBench(remote: media)
    let bridge = AudioBridge()
    _ = bench.attach(bridge)
    bench.leg.answered(now: bench.now)
    [Int16](repeating: 4000, count: 160).withUnsafeBufferPointer { _ = bridge.playout.write($0) }
    var foe = FarEnd(ssrc: 0xBAD0_0001, sequence: 1, timestamp: 1)
    bench.run(ticks: 600) { _ in bench.receive(foe.audio(), from: LegBench.stranger) }
    #expect(bench.sent.isEmpty)
    var far = FarEnd()
    bench.receive(far.audio())
    bench.run(ticks: 3)
    #expect(bench.rtp.count == 3)
    #expect(bench.sent.allSatisfy { $0.to == LegBench.peer })
    // What the bot had said by then is said now.
    #expect(bench.rtp.first?.payload.first == G711.muLaw(4000))

    // Or before it is told that the address is right.
    let other = try LegBench(remote: media)
    other.run(ticks: 5)
    #expect(other.sent.isEmpty)
    media.speaksFirst = true
    try other.leg.configure(media, now: other.now)
    other.run(ticks: 5)
    #expect(other.rtp.count == 5)
}

/// RTP bleed: who hits the port before the far end has spoken, and goes on as a perfect stream.
@Test func aStrangersRunBeforeTheFirstTruePacketIsNeverLearned() throws {
    let bench = try LegBench()
    bench.leg.answered(now: bench.now)
    bench.play(1, PlaybackClip(samples: [Int16](repeating: 4000, count: 80_000)))
    var foe = FarEnd(ssrc: 0xBAD0_0001, sequence: 1, timestamp: 1)
    bench.run(ticks: 300) { _ in bench.receive(foe.audio(), from: LegBench.stranger) }
    #expect(bench.rejected(.foreignSource) == 300)
    #expect(bench.rtp.count == 300)
    #expect(bench.sent.allSatisfy { $0.to.hasSameHost(as: LegBench.peer) })
    // The far end is heard from its first packet on.
    var far = FarEnd()
    bench.receive(far.audio())
    #expect(bench.summary.packetsReceived == 1)
    #expect(bench.destination == LegBench.peer)
}

@Test func anyHostIsLearnedOnlyWhereTheOperatorSaysSo() throws {
    let bench = try LegBench(learnsAnyHost: true)
    var far = FarEnd()
    for _ in 0..<3 { bench.receive(far.audio(), from: LegBench.stranger) }
    #expect(bench.destination == LegBench.peer)
    bench.receive(far.audio(), from: LegBench.stranger)
    #expect(bench.destination == LegBench.stranger)
}

@Test func aBrokenRunIsNotLearned() throws {
    let bench = try LegBench(learnsAnyHost: true)
    var far = FarEnd()
    for _ in 0..<20 {
        bench.receive(far.audio(), from: LegBench.stranger)
        far.sequence &+= 1
    }
    #expect(bench.destination == LegBench.peer)
}

@Test func theLearningWindowCloses() throws {
    let bench = try LegBench(learnsAnyHost: true)
    bench.now += .seconds(5)
    var far = FarEnd()
    for _ in 0..<50 { bench.receive(far.audio(), from: LegBench.stranger) }
    #expect(bench.destination == LegBench.peer)
    #expect(bench.rejected(.foreignSource) == 50)
    // The answer opens it again, once.
    bench.leg.answered(now: bench.now)
    for _ in 0..<4 { bench.receive(far.audio(), from: LegBench.stranger) }
    #expect(bench.destination == LegBench.stranger)
}

@Test func aRunningStreamMayMoveOnlyByStrictContinuityAndEarly() throws {
    let moved = SocketAddressValue(ipv4: 127, 0, 0, 2, port: 4100)
    let bench = try LegBench()
    var far = FarEnd()
    bench.receive(far.audio())
    bench.receive(far.audio(), from: moved)
    #expect(bench.destination == moved)
    let late = try LegBench()
    var other = FarEnd()
    late.receive(other.audio())
    late.now += .seconds(6)
    late.receive(other.audio(), from: moved)
    #expect(late.destination == LegBench.peer)
    #expect(late.rejected(.foreignSource) == 1)
}

@Test func aReinviteToTheSameAddressKeepsWhatWasLearned() throws {
    let bench = try LegBench(learnsAnyHost: true)
    var far = FarEnd()
    for _ in 0..<4 { bench.receive(far.audio(), from: LegBench.stranger) }
    try bench.leg.configure(LegBench.remote(), now: bench.now)
    #expect(bench.destination == LegBench.stranger)
    try bench.leg.configure(LegBench.remote(port: 4444), now: bench.now)
    #expect(bench.destination == LegBench.peer.withPort(4444))
}

/// Two descriptions one after the other: the tail of what was before the first is nobody's still.
@Test func theTailFromBeforeTwoDescriptionsIsNotTheNewFarEnd() throws {
    let bench = try LegBench()
    var early = FarEnd()
    for _ in 0..<5 { bench.receive(early.audio()) }
    var media = LegBench.remote()
    media.address = "127.0.0.3"
    try bench.leg.configure(media, now: bench.now)
    media.address = "127.0.0.4"
    try bench.leg.configure(media, now: bench.now)
    let wanted = SocketAddressValue(ipv4: 127, 0, 0, 4, port: 4000)
    for _ in 0..<10 { bench.receive(early.audio()) }
    #expect(bench.destination == wanted)
    #expect(bench.rejected(.foreignSource) == 10)
}

@Test func foreignRTCPIsDropped() throws {
    let bench = try LegBench()
    var far = FarEnd()
    bench.receive(far.audio())
    let report = try RTCPPacket.report(sender: nil, ssrc: far.ssrc, blocks: [], cname: "x")
    bench.receive(report, from: LegBench.stranger, on: .rtcp)
    bench.receive(report, from: LegBench.peer.withPort(4999), on: .rtcp)
    #expect(bench.rejected(.foreignSource) == 2)
    bench.receive(report, from: LegBench.peer.withPort(4001), on: .rtcp)
    #expect(bench.rejected(.foreignSource) == 2)
}

@Test func addressesThatMustNotGetMediaAreRefused() throws {
    for address in [
        "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "::ffff:192.0.2.1",
        "example.org",
    ] {
        let bench = try LegBench(configured: false)
        let remote = RemoteMedia(address: address, port: 4000)
        #expect(throws: MediaError.unusableAddress(address, port: 4000)) {
            try bench.leg.configure(remote, now: bench.now)
        }
    }
}

@Test func addressesAreReadAndWritten() throws {
    let v4 = try #require(SocketAddressValue(address: "192.0.2.7", port: 9))
    #expect(v4 == SocketAddressValue(ipv4: 192, 0, 2, 7, port: 9))
    #expect(v4.description == "192.0.2.7:9")
    let v6 = try #require(SocketAddressValue(address: "2001:db8::1:2", port: 5060))
    #expect(v6.high == 0x2001_0DB8_0000_0000 && v6.low == 0x0001_0002)
    #expect(v6.description == "[2001:db8:0:0:0:0:1:2]:5060")
    #expect(SocketAddressValue(address: "::", port: 1)?.low == 0)
    #expect(SocketAddressValue(address: "::1", port: 1)?.low == 1)
    #expect(SocketAddressValue(address: "1::", port: 1)?.high == 0x0001_0000_0000_0000)
    #expect(SocketAddressValue(address: "::ffff:192.0.2.1", port: 1)?.low == 0xFFFF_C000_0201)
    for bad in [
        "", "1.2.3", "1.2.3.256", "1.2.3.4.5", "a.b.c.d", ":", ":::", "1::2::3",
        "12345::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", ":1", "1:", "::+1", "1..2.3",
    ] {
        #expect(SocketAddressValue(address: bad, port: 1) == nil, "\(bad)")
    }
    #expect(SocketAddressValue(address: "1.2.3.4", port: 65_536) == nil)
}
