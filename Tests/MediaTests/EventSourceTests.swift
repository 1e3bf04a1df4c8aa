import Audio
import Base
import RTP
import SecureRTP
import Testing

@testable import Media

/// Telephone-events with an SSRC of their own beside the audio (RFC 3550 5.2 would have them share one;
/// some gateways do not).
private struct Keypad {
    var ssrc: UInt32 = 0xBBBB_0002
    var sequence: UInt16 = 7000
    var timestamp: UInt32 = 123_456

    /// The n-th packet of a press.
    mutating func packet(_ event: UInt8, _ step: Int, end: Bool = false) -> [UInt8] {
        let duration = UInt16(step + 1) * 160
        defer { sequence &+= 1 }
        return rtp(
            RTPHeader(payloadType: 101, sequence: sequence, timestamp: timestamp, ssrc: ssrc),
            [event, (end ? 0x80 : 0) | 10, UInt8(duration >> 8), UInt8(duration & 255)])
    }
}

private func digits(_ bench: LegBench) -> String {
    bench.outputs.reduce(into: "") { text, output in
        if case .dtmf(let digit, source: .rfc4733) = output { text.append(digit) }
    }
}

extension LegBench {
    fileprivate func runThrowing(ticks: Int, _ before: (Int) throws -> Void) rethrows {
        for index in 0..<ticks {
            try before(index)
            run(ticks: 1)
        }
    }
}

private final class Sealer {
    private var context: SRTPContext
    static let suite = SRTPSuite.aesCM128HMACSHA1_80
    static var keys: SRTPKeys {
        SRTPKeys(
            suite: suite, local: SecureFar.key(suite, 1), remote: SecureFar.key(suite, 60))
    }

    init() throws {
        context = try SRTPContext(
            suite: Self.suite, key: Self.keys.remote, direction: .outbound)
    }

    func seal(_ packet: [UInt8]) throws -> [UInt8] {
        var bytes = packet + [UInt8](repeating: 0, count: 160)
        let count = try bytes.withUnsafeMutableBytes {
            try context.protect($0, count: packet.count)
        }
        return Array(bytes[0..<count])
    }
}

/// A leg with a bot's bridge, and what makes its far end's packets plain or sealed.
private func leg(
    isSecure: Bool
) throws -> (bench: LegBench, bridge: AudioBridge, sent: ([UInt8]) throws -> [UInt8]) {
    let sealer = try Sealer()
    let bench = try LegBench(remote: LegBench.remote(srtp: isSecure ? Sealer.keys : nil))
    let bridge = AudioBridge(receivedMilliseconds: 5000)
    _ = bench.attach(bridge)
    return (bench, bridge, { isSecure ? try sealer.seal($0) : $0 })
}

@Suite struct EventSourceTests {
    @Test(arguments: [true, false])
    func digitsBetweenThePacketsOfTheAudioAreHeardAndCostNone(isSecure: Bool) throws {
        let (bench, bridge, sent) = try leg(isSecure: isSecure)
        var far = FarEnd()
        var keypad = Keypad()
        for press in 0..<3 {
            try bench.runThrowing(ticks: 10) { _ in bench.receive(try sent(far.audio())) }
            try bench.runThrowing(ticks: 8) { step in
                bench.receive(try sent(far.audio()))
                bench.receive(
                    try sent(keypad.packet(UInt8(press), min(step, 5), end: step >= 5)))
            }
            keypad.timestamp &+= 4000
        }
        #expect(digits(bench) == "012")
        #expect(drained(bridge.received).count == 54 * 160)
        #expect(bench.counters.concealedMicroseconds == 0)
        // Plain RTP: an SSRC is believed from its second packet on.
        #expect(bench.rejected(.foreignSSRC) == (isSecure ? 0 : 1))
        #expect(bench.summary.packetsLost == 0)
        #expect(bench.summary.jitterMilliseconds == 0)
        #expect(bench.followed == far.ssrc)
    }

    /// A call that begins with a digit: the audio is followed all the same.
    @Test(arguments: [true, false])
    func digitsThatComeFirstGiveWayToTheAudio(isSecure: Bool) throws {
        let (bench, bridge, sent) = try leg(isSecure: isSecure)
        var far = FarEnd()
        var keypad = Keypad()
        try bench.runThrowing(ticks: 20) { step in
            bench.receive(try sent(keypad.packet(7, min(step, 15), end: step >= 15)))
            bench.receive(try sent(far.audio(code: 0x80)))
        }
        #expect(digits(bench) == "7")
        #expect(bench.followed == far.ssrc)
        let audio = drained(bridge.received).count { $0 == 32124 }
        #expect(audio == 20 * 160)
    }

    /// The far end changes its SSRC while a key is down, and sends events alone meanwhile.
    @Test(arguments: [true, false])
    func aChangeOfSSRCDuringAPressIsNoSecondPress(afterNewSDP: Bool) throws {
        let bench = try LegBench()
        var far = FarEnd()
        bench.run(ticks: 10) { _ in bench.receive(far.audio()) }
        var keypad = Keypad(ssrc: far.ssrc, sequence: far.sequence, timestamp: far.timestamp)
        bench.run(ticks: 5) { bench.receive(keypad.packet(4, $0)) }
        var port = LegBench.peer
        if afterNewSDP {
            port = port.withPort(4002)
            try bench.leg.configure(LegBench.remote(port: 4002), now: bench.now)
        }
        keypad = Keypad()
        bench.run(ticks: 6) { bench.receive(keypad.packet(4, $0 + 5, end: $0 > 2), from: port) }
        var other = FarEnd(ssrc: keypad.ssrc, sequence: keypad.sequence, timestamp: 200_000)
        bench.run(ticks: 10) { _ in bench.receive(other.audio(), from: port) }
        #expect(digits(bench) == "4")
        #expect(bench.followed == keypad.ssrc)
        // Followed at its first packet of audio, which goes on with the numbers of its events.
        #expect(bench.rejected(.foreignSSRC) == (afterNewSDP ? 0 : 1))
        bench.run(ticks: 3) { step in
            var next = Keypad(
                ssrc: other.ssrc, sequence: other.sequence, timestamp: other.timestamp)
            bench.receive(next.packet(4, step), from: port)
            other.sequence &+= 1
        }
        #expect(digits(bench) == "44")
    }

    @Test func strangersAndStraySSRCsPressNothing() throws {
        let bench = try LegBench()
        var far = FarEnd()
        var keypad = Keypad()
        bench.run(ticks: 4) { step in
            bench.receive(far.audio())
            bench.receive(keypad.packet(1, step))
        }
        #expect(digits(bench) == "1")
        // The numbers of the stream that is believed, from elsewhere.
        var copy = keypad
        copy.timestamp &+= 9000
        for step in 0..<20 {
            bench.receive(copy.packet(2, step), from: LegBench.stranger)
            bench.receive(copy.packet(2, step), from: LegBench.peer.withPort(9))
        }
        // A stray packet, and its copy, of each of many SSRCs, and one of a type that nobody agreed on.
        for ssrc in UInt32(1)...5000 {
            var stray = Keypad(ssrc: ssrc, sequence: UInt16(truncatingIfNeeded: ssrc &* 17))
            let packet = stray.packet(3, 0)
            bench.receive(packet)
            bench.receive(packet)
        }
        var unknown = keypad.packet(4, 0)
        unknown[1] = 96
        for _ in 0..<5 { bench.receive(unknown) }
        #expect(digits(bench) == "1")
        #expect(bench.destination == LegBench.peer)
        #expect(bench.rejected(.foreignSource) == 40)
        #expect(bench.rejected(.payloadType) == 5)
        // And the true one is still heard, at once.
        keypad.timestamp &+= 9000
        bench.receive(far.audio())
        bench.receive(keypad.packet(5, 0))
        #expect(digits(bench) == "15")
    }

    /// Under SRTP a source that was heard before may have been held back: not its first packet counts.
    @Test func aPacketHeldBackFromAnEarlierSourceIsNoPress() throws {
        let sealer = try Sealer()
        let bench = try LegBench(remote: LegBench.remote(srtp: Sealer.keys))
        var first = FarEnd()
        for _ in 0..<5 { bench.receive(try sealer.seal(first.audio())) }
        var keypad = Keypad(
            ssrc: first.ssrc, sequence: first.sequence, timestamp: first.timestamp)
        let heldBack = try sealer.seal(keypad.packet(9, 0))
        first.sequence &+= 1
        for _ in 0..<5 { bench.receive(try sealer.seal(first.audio())) }
        var second = FarEnd(ssrc: 0xCCCC_0003, sequence: 5, timestamp: 5)
        for _ in 0..<5 { bench.receive(try sealer.seal(second.audio())) }
        #expect(bench.followed == second.ssrc)
        bench.receive(heldBack, from: LegBench.stranger)
        #expect(digits(bench) == "")
        #expect(bench.destination == LegBench.peer && bench.rejected(.foreignSSRC) == 1)
    }
}
