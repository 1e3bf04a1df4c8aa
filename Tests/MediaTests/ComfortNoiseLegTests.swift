import Audio
import Base
import RTP
import Testing

@testable import Media

/// A payload of RFC 3389: level in −dBov, no colour.
private func noisePacket(_ far: CodecFarEnd, level: UInt8, type: UInt8 = 13) -> [UInt8] {
    let bytes = rtp(
        RTPHeader(
            payloadType: type, sequence: far.sequence, timestamp: far.timestamp, ssrc: far.ssrc),
        [level])
    far.sequence &+= 1
    return bytes
}

@Test(arguments: [(AudioCodec.pcmu, UInt8(13)), (.pcma, 98), (.g722, 13)])
func describedNoiseFillsThePauseForEverybody(codec: AudioCodec, type: UInt8) throws {
    let bench = try LegBench(
        detection: true, remote: media(codec, comfortNoise: type == 13 ? nil : type))
    let bridge = AudioBridge(sampleRate: codec.sampleRate, receivedMilliseconds: 5000)
    _ = bench.attach(bridge)
    let ring = SampleRing(capacity: 262_144)
    let rate = bench.leg.startRecording(into: ring, now: bench.now)
    #expect(rate == codec.sampleRate)
    let far = try CodecFarEnd(codec)
    for _ in 0..<25 {
        bench.receive(far.packet())
        bench.run(ticks: 1)
    }
    // −56 dBov is 50 dB below a full-scale sine's −3: about −49.9 dBm0.
    bench.receive(noisePacket(far, level: 56, type: type))
    far.skip(1000)
    bench.run(ticks: 25)
    // Half a second into the pause: it was not waited for.
    let soon = drained(bridge.received)
    #expect(soon.count >= rate * 85 / 100, "\(soon.count)")
    bench.run(ticks: 25)
    bench.receive(far.packet())
    bench.run(ticks: 1)
    let heard = soon + drained(bridge.received)
    #expect(heard.count == rate * 152 / 100)
    let pause = Array(heard[(rate * 6 / 10)..<(rate * 14 / 10)])
    #expect(abs(Level.dBm0(pause) - (-56 + 3.01 + 3.14)) < 1, "\(Level.dBm0(pause))")
    #expect(abs(Level.dBm0(Array(heard.suffix(rate / 100))) + 10) < 1.5)
    _ = bench.close()
    let left = LegBench.split(ring).left
    let recorded = Array(left[(rate * 7 / 10)..<(rate * 14 / 10)])
    #expect(abs(Level.dBm0(recorded) + 49.85) < 1, "\(Level.dBm0(recorded))")
}

@Test func noiseBesideAnotherClockIsOnlyCounted() throws {
    let bench = try LegBench(remote: media(.opus))
    let far = try CodecFarEnd(.opus)
    bench.receive(far.packet())
    bench.receive(noisePacket(far, level: 40))
    bench.receive(far.packet())
    #expect(bench.summary.packetsReceived == 3)
    #expect(bench.summary.packetsRejected == 0)
    #expect(bench.counters.concealedMicroseconds == 0)
}

private let quietly = LegOptions(detection: false, discontinuous: true)

@Test(arguments: [AudioCodec.pcmu, .g722])
func silenceIsDescribedInsteadOfSent(codec: AudioCodec) throws {
    let bench = try LegBench(options: quietly, remote: media(codec, comfortNoise: 13))
    let rate = codec.sampleRate
    bench.play(1, PlaybackClip(samples: voice(seconds: 0.2, rate: rate), sampleRate: rate))
    bench.run(ticks: 110)
    let types = bench.rtp.map(\.header.payloadType)
    let voiced = types.prefix { $0 == codec.testPayloadType }.count
    // 200 ms of voice and 200 ms more; then one description at once and one each 400 ms.
    #expect((19...21).contains(voiced), "\(voiced)")
    #expect(types.dropFirst(voiced).allSatisfy { $0 == 13 })
    #expect((4...6).contains(types.count - voiced), "\(types.count - voiced)")
    // Digital silence is the lowest level there is.
    #expect(bench.rtp.last?.payload.first == 127)
    // The talkspurt that follows says so, at its own time.
    bench.play(2, PlaybackClip(samples: voice(seconds: 0.4, rate: rate), sampleRate: rate))
    let before = bench.rtp.count
    bench.run(ticks: 5)
    let first = bench.rtp[before].header
    #expect(first.marker && first.payloadType == codec.testPayloadType)
    #expect(first.timestamp == 50_000 + 110 * 160)
    #expect(!bench.rtp[before + 1].header.marker)
}

/// A session refresh (RFC 4028) describes the far end as it was: the pause goes on.
@Test func aRefreshInAPauseSendsNoMoreOfIt() throws {
    let remote = media(.pcmu, comfortNoise: 13)
    let bench = try LegBench(options: quietly, remote: remote)
    bench.run(ticks: 30)
    let before = bench.rtp.count
    for _ in 0..<5 {
        try bench.leg.configure(remote, now: bench.now)
        bench.run(ticks: 20)
    }
    let types = bench.rtp.dropFirst(before).map(\.header.payloadType)
    #expect(types.allSatisfy { $0 == 13 }, "\(types)")
    #expect((4...6).contains(types.count))
}

/// Who is named now, or heard nothing for a while, gets audio at once: some far ends latch on it.
@Test(arguments: [false, true])
func aNewAddressAndTheEndOfAHoldBeginWithAudio(isHold: Bool) throws {
    let remote = media(.pcmu, comfortNoise: 13)
    let bench = try LegBench(options: quietly, remote: remote)
    bench.run(ticks: 30)
    var other = remote
    if isHold {
        var held = remote
        held.sends = false
        try bench.leg.configure(held, now: bench.now)
        bench.run(ticks: 30)
    } else {
        other.port = 4010
        other.rtcpPort = 4011
    }
    let before = bench.rtp.count
    try bench.leg.configure(other, now: bench.now)
    bench.run(ticks: 15)
    let types = bench.rtp.dropFirst(before).map(\.header.payloadType)
    #expect(types == [UInt8](repeating: 0, count: 10) + [13], "\(types)")
}

@Test func withoutAgreementSilenceIsSent() throws {
    let bench = try LegBench(options: quietly, remote: media(.pcmu))
    bench.run(ticks: 50)
    #expect(bench.rtp.count == 50)
}

@Test func backgroundOfALineIsDescribedAtItsLevel() {
    var noise = NoiseTransmission(rate: 8000)
    var generator = ComfortNoiseGenerator(seed: 5)
    [UInt8]([60]).withUnsafeBytes { _ = generator.describe($0) }
    var decisions: [NoiseTransmission.Decision] = []
    var payload = [UInt8](repeating: 0, count: 20)
    var frame = [Int16](repeating: 0, count: 160)
    for _ in 0..<60 {
        frame.withUnsafeMutableBufferPointer { generator.fill(into: $0) }
        decisions.append(frame.withUnsafeBufferPointer { noise.decide($0, milliseconds: 20) })
    }
    #expect(decisions.prefix(10).allSatisfy { $0 == .speech })
    #expect(decisions[10] == .describe)
    #expect(decisions[11..<31].allSatisfy { $0 != .speech })
    let times = decisions.indices.filter { decisions[$0] == .describe }.map { $0 * 20 }
    #expect(times == [200, 600, 1000])
    let count = payload.withUnsafeMutableBytes { noise.write(into: $0) }
    #expect(count == 9)
    #expect(abs(Int(payload[0]) - 60) <= 1)
    // Somebody speaks: at once.
    frame = [Int16](repeating: 3000, count: 160)
    #expect(frame.withUnsafeBufferPointer { noise.decide($0, milliseconds: 20) } == .speech)
}
