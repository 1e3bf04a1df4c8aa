import Audio
import Base
import RTP
import Testing

@testable import Media

// What real senders do, on an 8 kHz, a G.722 and an Opus leg: three relations of RTP clock to
// sample rate (1, ½ and 3).
private let codecs: [AudioCodec] = [.pcmu, .g722, .opus]

/// A leg that hears a `CodecFarEnd`, and everything it heard.
private final class Ear {
    let bench: LegBench
    let bridge: AudioBridge
    let codec: AudioCodec
    var heard: [Int16] = []

    init(_ codec: AudioCodec, alternatives: [AudioCodec] = [], rate: Int? = nil) throws {
        self.codec = codec
        bench = try LegBench(remote: media(codec, alternatives: alternatives))
        bridge = AudioBridge(
            sampleRate: rate ?? codec.sampleRate, receivedMilliseconds: 8000)
        _ = bench.attach(bridge)
    }

    /// A packet, then time.
    func hear(_ packet: [UInt8]?, milliseconds: Int = 20) {
        if let packet { bench.receive(packet) }
        bench.tick()
        bench.now += .milliseconds(Int64(milliseconds))
        heard += drained(bridge.received)
    }

    var milliseconds: Double { Double(heard.count) * 1000 / Double(bridge.sampleRate) }

    /// Whether everything from `start` ms on is the tone, without a hole.
    func isSteady(from start: Int, to end: Int? = nil, within decibels: Double = 1.5) -> Bool {
        let rate = bridge.sampleRate
        let step = rate / 50
        let stop = (end.map { $0 * rate / 1000 } ?? heard.count) - step
        for place in stride(from: start * rate / 1000, to: stop, by: step)
        where abs(Level.dBm0(Array(heard[place..<place + step])) + 10) > decibels { return false }
        return true
    }
}

@Test(arguments: codecs)
func packetLengthMayChangeAtAnyTime(codec: AudioCodec) throws {
    let ear = try Ear(codec)
    let far = try CodecFarEnd(codec)
    // 30 ms as SIPp's captures have it; Opus has no frame of 30 ms.
    let lengths = codec == .opus ? [20, 10, 60, 40, 20] : [20, 30, 10, 60, 30, 40, 20]
    for length in lengths {
        for _ in 0..<6 { ear.hear(far.packet(length), milliseconds: length) }
    }
    #expect(ear.milliseconds == Double(lengths.reduce(0, +) * 6))
    #expect(ear.bench.counters.concealedMicroseconds == 0)
    #expect(ear.isSteady(from: 60))
}

@Test(arguments: codecs)
func numbersMayWrapPacketsMaySwapAndComeTwice(codec: AudioCodec) throws {
    let ear = try Ear(codec)
    let far = try CodecFarEnd(codec)
    far.hasExtras = true
    var held: [UInt8]?
    // Sequence numbers wrap in the sixth packet, timestamps in the third (Opus) or later.
    for index in 0..<40 {
        let packet = far.packet()
        switch index % 8 {
        case 3: held = packet
        case 4:
            ear.hear(packet)
            ear.hear(held)
        case 6:
            ear.hear(packet)
            ear.bench.receive(packet)
        default: ear.hear(packet)
        }
    }
    #expect(ear.milliseconds == 800)
    #expect(ear.bench.counters.concealedMicroseconds == 0)
    #expect(ear.bench.rejected(.duplicate) == 5)
    #expect(ear.isSteady(from: 60))
}

@Test(arguments: codecs)
func silenceSuppressionWithoutMarkersKeepsTheTimeline(codec: AudioCodec) throws {
    let ear = try Ear(codec)
    let far = try CodecFarEnd(codec)
    for _ in 0..<25 { ear.hear(far.packet()) }
    // 600 ms in which the far end says nothing, and no marker behind it.
    far.skip(600)
    for _ in 0..<30 { ear.hear(nil) }
    for _ in 0..<25 { ear.hear(far.packet()) }
    #expect(ear.milliseconds == 1600)
    #expect(ear.isSteady(from: 60, to: 500))
    #expect(ear.isSteady(from: 1160))
    let pause = ear.heard[(ear.bridge.sampleRate * 8 / 10)..<ear.bridge.sampleRate]
    #expect(Level.dBm0(Array(pause)) < -30)
}

@Test(arguments: codecs)
func aLostPacketCostsItsOwnTimeAndNoMore(codec: AudioCodec) throws {
    let ear = try Ear(codec)
    let far = try CodecFarEnd(codec)
    for index in 0..<50 {
        let packet = far.packet()
        ear.hear([11, 23, 35].contains(index) ? nil : packet)
    }
    #expect(ear.milliseconds == 1000)
    #expect(ear.bench.counters.concealedMicroseconds == 3 * 20_000)
    // A steady tone is easy to guess; how libopus guesses is its own affair.
    if codec != .opus { #expect(ear.isSteady(from: 60, within: 4)) }
}

@Test(arguments: [
    (AudioCodec.pcmu, AudioCodec.g722), (.g722, .pcma), (.pcmu, .opus), (.opus, .pcmu),
    (.opus, .g722), (.l16, .l16Wide),
])
func theFarEndMayChangeBetweenAgreedTypes(first: AudioCodec, second: AudioCodec) throws {
    let ear = try Ear(first, alternatives: [second], rate: 16_000)
    let before = try CodecFarEnd(first)
    let after = try CodecFarEnd(second)
    for _ in 0..<25 { ear.hear(before.packet()) }
    after.sequence = before.sequence
    after.timestamp = before.timestamp
    for _ in 0..<25 { ear.hear(after.packet()) }
    // And back.
    before.sequence = after.sequence
    before.timestamp = after.timestamp
    for _ in 0..<25 { ear.hear(before.packet()) }
    #expect(abs(ear.milliseconds - 1500) < 3)
    #expect(ear.bench.rejected(.payloadType) == 0)
    #expect(ear.isSteady(from: 60, to: 480))
    #expect(ear.isSteady(from: 560, to: 980))
    #expect(ear.isSteady(from: 1060))
    // A type that nobody agreed on.
    ear.bench.receive(try CodecFarEnd(.pcmu).packet().enumerated().map { $0 == 1 ? 18 : $1 })
    #expect(ear.bench.rejected(.payloadType) == 1)
}

@Test(arguments: [
    (AudioCodec.pcmu, AudioCodec.opus), (.opus, .g722), (.g722, .l16Wide), (.l16Wide, .pcma),
])
func aNewOfferChangesCodecRateAndPtimeInMidCall(first: AudioCodec, second: AudioCodec) throws {
    let ear = try Ear(first, rate: 16_000)
    let before = try CodecFarEnd(first)
    for _ in 0..<25 { ear.hear(before.packet()) }
    let sentBefore = ear.bench.rtp.count
    try ear.bench.leg.configure(media(second, ptime: 40), now: ear.bench.now)
    let after = try CodecFarEnd(second)
    after.sequence = before.sequence
    for _ in 0..<25 { ear.hear(after.packet()) }
    #expect(abs(ear.milliseconds - 1000) < 3)
    #expect(ear.isSteady(from: 60, to: 480))
    #expect(ear.isSteady(from: 560))
    let packets = ear.bench.rtp[sentBefore...]
    #expect(packets.allSatisfy { $0.header.payloadType == second.testPayloadType })
    #expect(packets.first?.header.marker == true)
    // 25 ticks: twelve or thirteen frames of 40 ms, numbered on.
    #expect((12...13).contains(packets.count))
    let sequences = ear.bench.rtp.map(\.header.sequence)
    #expect(sequences == (0..<sequences.count).map { UInt16(1000 + $0) })
    let stamps = packets.map(\.header.timestamp)
    for (earlier, later) in zip(stamps, stamps.dropFirst()) {
        #expect(later &- earlier == UInt32(second.clockRate / 25))
    }
}

@Test(arguments: AudioCodec.allCases)
func detectorsHearEightKilohertzOfEveryCodec(codec: AudioCodec) throws {
    let bench = try LegBench(detection: true, remote: media(codec))
    let far = try CodecFarEnd(codec)
    let pair = try #require(DTMF.frequencies(of: "7"))
    far.tone = ToneGenerator(
        frequencies: [pair.row, pair.column], levelDBm0: -12, sampleRate: codec.sampleRate)
    for index in 0..<40 {
        far.isMuted = !(10..<18).contains(index)
        bench.receive(far.packet())
        bench.run(ticks: 1)
    }
    #expect(bench.outputs == [.mediaStarted, .dtmf("7", source: .inband)])
}

// MARK: digits

@Test func eventsBesideOpusCountByItsClock() throws {
    let bench = try LegBench(remote: media(.opus, events: 97, eventClock: 48_000))
    bench.leg.sendDigit("5", milliseconds: 60, workspace: &bench.workspace)
    bench.run(ticks: 6)
    let events = bench.rtp.filter { $0.header.payloadType == 97 }
    // RFC 4733 2.3.5: 60 ms of 48 kHz are 2880 units.
    #expect(events.map { Array($0.payload[2...]) }.prefix(3) == [[3, 192], [7, 128], [11, 64]])
    #expect(events.allSatisfy { $0.header.timestamp == 50_000 })
    // And in: a press whose packets move on by the clock is one press.
    for (index, event) in events.enumerated() {
        bench.receive(
            rtp(
                RTPHeader(
                    payloadType: 97, sequence: UInt16(index), timestamp: 9000, ssrc: 77),
                event.payload))
    }
    #expect(bench.outputs == [.mediaStarted, .dtmf("5", source: .rfc4733)])
}

@Test(arguments: [AudioCodec.g722, .l16Wide, .opus])
func tonesOfDigitsHaveTheirPitchAtSixteenKilohertz(codec: AudioCodec) throws {
    let speaker = try LegBench(remote: media(codec, events: nil))
    let listener = try LegBench(detection: true, remote: media(codec, events: nil))
    for digit in "159" {
        speaker.leg.sendDigit(digit, milliseconds: 100, workspace: &speaker.workspace)
    }
    for _ in 0..<50 {
        let before = speaker.sent.count
        speaker.run(ticks: 1)
        for packet in speaker.sent[before...] where packet.channel == .rtp {
            listener.receive(packet.bytes)
        }
        listener.run(ticks: 1)
    }
    #expect(
        listener.outputs.filter { if case .dtmf = $0 { true } else { false } }
            == "159".map { LegOutput.dtmf($0, source: .inband) })
}
