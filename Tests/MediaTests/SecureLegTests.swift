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
