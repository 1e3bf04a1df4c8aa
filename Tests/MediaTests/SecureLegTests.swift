import Audio
import Base
import RTP
import SecureRTP
import Testing

@testable import Media

/// Two legs of ours, keys crossed: what one protects the other must open.
private struct Pair {
    static let keyA = (0..<30).map { UInt8($0) }
    static let keyB = (0..<30).map { UInt8(200 - $0) }
    let a: LegBench
    let b: LegBench

    init() throws {
        a = try LegBench(
            remote: LegBench.remote(
                srtp: SRTPKeys(suite: .aesCM128HMACSHA1_80, local: Self.keyA, remote: Self.keyB)))
        b = try LegBench(
            remote: LegBench.remote(
                srtp: SRTPKeys(suite: .aesCM128HMACSHA1_80, local: Self.keyB, remote: Self.keyA)))
    }

    /// Hands what `a` sent since `start` to `b`.
    func forward(from start: Int, as source: SocketAddressValue = LegBench.peer) {
        for item in a.sent[start...] { b.receive(item.bytes, from: source, on: item.channel) }
    }
}

@Test func srtpGoesBothWays() throws {
    let pair = try Pair()
    let bridge = AudioBridge()
    _ = pair.b.attach(bridge)
    pair.a.play(1, PlaybackClip(samples: [Int16](repeating: 8000, count: 480)))
    pair.a.run(ticks: 3)
    #expect(pair.a.sent.allSatisfy { $0.bytes.count == 12 + 160 + 10 })
    pair.forward(from: 0)
    #expect(drained(bridge.received) == [Int16](repeating: 7932, count: 480))
    pair.b.run(ticks: 2)
    for item in pair.b.sent { pair.a.receive(item.bytes, on: item.channel) }
    #expect(pair.a.summary.packetsReceived == 2)
    #expect(pair.a.summary.packetsRejected == 0)
}

@Test func forgedAndReplayedPacketsAreDroppedAndTheCallLivesOn() throws {
    let pair = try Pair()
    pair.a.run(ticks: 1)
    pair.forward(from: 0)
    var far = FarEnd(ssrc: 0x1111_2222, sequence: 1001, timestamp: 50_160)
    for _ in 0..<10_000 {
        pair.b.receive(far.audio(), from: LegBench.stranger)
    }
    pair.forward(from: 0)
    pair.a.run(ticks: 1)
    var altered = pair.a.sent[1].bytes
    altered[20] ^= 1
    pair.b.receive(altered)
    #expect(pair.b.rejected(.authentication) == 10_001)
    #expect(pair.b.rejected(.duplicate) == 1)
    #expect(pair.b.destination == LegBench.peer)
    pair.forward(from: 1)
    #expect(pair.b.summary.packetsReceived == 2)
}

@Test func anAuthenticatedSourceMayMoveAtAnyTime() throws {
    let pair = try Pair()
    pair.a.run(ticks: 1)
    pair.forward(from: 0)
    pair.b.now += .seconds(60)
    pair.a.run(ticks: 1)
    pair.forward(from: 1, as: LegBench.stranger)
    #expect(pair.b.destination == LegBench.stranger)
}

@Test func plainRTPOnASecureLegIsNotHeard() throws {
    let pair = try Pair()
    var far = FarEnd()
    pair.b.receive(far.audio())
    #expect(pair.b.rejected(.authentication) == 1)
    #expect(pair.b.outputs.isEmpty)
}

@Test func secureReportsAreSentAndUnderstood() throws {
    let pair = try Pair()
    pair.a.run(ticks: 2)
    pair.forward(from: 0)
    let start = pair.a.sent.count
    _ = pair.a.close()
    pair.forward(from: start)
    #expect(pair.b.rejected(.authentication) == 0)
    #expect(pair.b.rejected(.malformedRTCP) == 0)
    let forged = try RTCPPacket.report(sender: nil, ssrc: 1, blocks: [], cname: "x")
    pair.b.receive(forged, from: LegBench.peer.withPort(4001), on: .rtcp)
    #expect(pair.b.rejected(.authentication) == 1)
}

@Test func keysOfTheWrongLengthAreRefused() throws {
    let bench = try LegBench(configured: false)
    let keys = SRTPKeys(suite: .aesCM128HMACSHA1_80, local: [1, 2, 3], remote: Pair.keyA)
    #expect(throws: MediaError.badKeys) {
        try bench.leg.configure(LegBench.remote(srtp: keys), now: bench.now)
    }
}

@Test func newKeysOfOneDirectionLeaveTheOtherItsRolloverCounter() throws {
    let pair = try Pair()
    pair.a.run(ticks: 1)
    pair.forward(from: 0)
    pair.b.run(ticks: 1)
    let ssrc = pair.b.leg.sender.ssrc
    let before = pair.b.leg.sender.srtp?.rolloverCounter(of: ssrc)
    #expect(before == 0)
    // The far end changes its key; ours stays, and so must our context.
    let keyC = (0..<30).map { UInt8(100 + $0) }
    let suite = SRTPSuite.aesCM128HMACSHA1_80
    try pair.b.leg.configure(
        LegBench.remote(srtp: SRTPKeys(suite: suite, local: Pair.keyB, remote: keyC)),
        now: pair.b.now)
    let kept = pair.b.leg.sender.srtp?.rolloverCounter(of: ssrc)
    #expect(kept == 0)
    // What the far end sent with its old key opens no more, what it sends with the new one does.
    let start = pair.a.sent.count
    pair.a.run(ticks: 1)
    pair.forward(from: start)
    #expect(pair.b.rejected(.authentication) == 1)
    try pair.a.leg.configure(
        LegBench.remote(srtp: SRTPKeys(suite: suite, local: keyC, remote: Pair.keyB)),
        now: pair.a.now)
    let next = pair.a.sent.count
    pair.a.run(ticks: 1)
    pair.forward(from: next)
    #expect(pair.b.rejected(.authentication) == 1)
    #expect(pair.b.summary.packetsReceived == 2)
    // A key of our own that changes starts anew.
    try pair.b.leg.configure(
        LegBench.remote(srtp: SRTPKeys(suite: suite, local: Pair.keyA, remote: keyC)),
        now: pair.b.now)
    let fresh = pair.b.leg.sender.srtp?.rolloverCounter(of: ssrc)
    #expect(fresh == nil)
}

/// After a new key some far ends go on with their rollover counter, others begin at 0 (a library that
/// updates its sessions does the first, one that makes new ones the second): both are heard.
@Test(arguments: SRTPSuite.allCases, [UInt32(0), 2, 3])
func aNewKeyComesWithTheOldCounterOrAFreshOne(suite: SRTPSuite, counter: UInt32) throws {
    func key(_ first: Int) -> [UInt8] {
        (0..<suite.keyAndSaltCount).map { UInt8(truncatingIfNeeded: first + $0) }
    }
    let bench = try LegBench(
        remote: LegBench.remote(srtp: SRTPKeys(suite: suite, local: key(0), remote: key(50))))
    func hear(_ context: inout SRTPContext, _ sequence: UInt16, ssrc: UInt32 = 7) {
        var bytes =
            rtp(
                RTPHeader(payloadType: 0, sequence: sequence, timestamp: 0, ssrc: ssrc),
                [UInt8](repeating: 0xFF, count: 160)) + [UInt8](repeating: 0, count: 32)
        let count = bytes.withUnsafeMutableBytes { (try? context.protect($0, count: 172)) ?? 0 }
        bench.receive(Array(bytes[0..<count]))
    }
    var old = try SRTPContext(suite: suite, key: key(50), direction: .outbound)
    // Twice through the wrap, to just before the third.
    for sequence in [65_000, 30_000, 60_000, 10_000, 40_000, 65_530] as [UInt16] {
        hear(&old, sequence)
    }
    #expect(bench.summary.packetsReceived == 6)
    try bench.leg.configure(
        LegBench.remote(srtp: SRTPKeys(suite: suite, local: key(0), remote: key(99))),
        now: bench.now)
    var new = try SRTPContext(
        suite: suite, key: key(99), direction: .outbound, rolloverCounter: counter)
    // What is forged meanwhile decides nothing.
    bench.receive(
        rtp(
            RTPHeader(payloadType: 0, sequence: 65_531, timestamp: 0, ssrc: 7),
            [UInt8](repeating: 0xAA, count: 182)))
    let first: UInt16 = counter == 3 ? 3 : 65_531
    for sequence in first..<first + 4 { hear(&new, sequence) }
    #expect(bench.summary.packetsReceived == 10)
    #expect(bench.rejected(.authentication) == 1)
    // The old key opens nothing any more, and another counter than the one that was shown neither.
    hear(&old, 65_535)
    var strange = try SRTPContext(
        suite: suite, key: key(99), direction: .outbound, rolloverCounter: counter + 7)
    hear(&strange, first + 4)
    #expect(bench.summary.packetsReceived == 10)
    #expect(bench.rejected(.authentication) == 3)
}

@Test func addressesAloneLeaveBothContextsAsTheyAre() throws {
    let pair = try Pair()
    pair.b.run(ticks: 1)
    let ssrc = pair.b.leg.sender.ssrc
    var moved = LegBench.remote(
        srtp: SRTPKeys(suite: .aesCM128HMACSHA1_80, local: Pair.keyB, remote: Pair.keyA))
    moved.port += 10
    try pair.b.leg.configure(moved, now: pair.b.now)
    let kept = pair.b.leg.sender.srtp?.rolloverCounter(of: ssrc)
    #expect(kept == 0)
}
