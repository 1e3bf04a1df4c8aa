import Audio
import Base
import RTP
import Testing

@testable import Media

/// 20 ms of L16 at 16 kHz with one loud sample.
private func pulse(_ far: CodecFarEnd, at place: Int?) -> [UInt8] {
    var payload = [UInt8](repeating: 0, count: far.codec.sampleRate / 25)
    if let place { payload[2 * place] = 0x40 }
    let bytes = rtp(
        RTPHeader(
            payloadType: far.codec.testPayloadType, sequence: far.sequence,
            timestamp: far.timestamp, ssrc: far.ssrc), payload)
    far.sequence &+= 1
    far.skip(20)
    return bytes
}

private func peak(_ samples: some Collection<Int16>, from start: Int) -> Int {
    start + (samples.enumerated().max { $0.1.magnitude < $1.1.magnitude }?.0 ?? 0)
}

@Test func aWidebandLegIsRecordedAtItsOwnRateToTheSample() throws {
    let bench = try LegBench(remote: media(.l16Wide))
    let ring = SampleRing(capacity: 262_144)
    let rate = bench.leg.startRecording(into: ring, now: bench.now)
    #expect(rate == 16_000)
    let far = try CodecFarEnd(.l16Wide)
    var clip = [Int16](repeating: 0, count: 640)
    clip[21] = 8000
    bench.run(ticks: 50) { index in
        if index == 6 { bench.play(1, PlaybackClip(samples: clip, sampleRate: 16_000)) }
        guard index >= 2 else { return }
        bench.receive(pulse(far, at: index == 5 ? 7 : nil))
    }
    bench.leg.stopRecording(now: bench.now, workspace: &bench.workspace)
    let (left, right) = LegBench.split(ring)
    #expect(left.count == 16_000 && right.count == 16_000)
    #expect(left.indices.filter { left[$0] != 0 } == [5 * 320 + 7])
    #expect(right.indices.filter { right[$0] != 0 } == [6 * 320 + 21])
}

@Test(arguments: [(AudioCodec.l16Wide, AudioCodec.l16), (.l16, .l16Wide)])
func aChangeOfRateInMidRecordingKeepsBothSidesInTheirPlace(
    first: AudioCodec, second: AudioCodec
) throws {
    let bench = try LegBench(remote: media(first))
    let ring = SampleRing(capacity: 262_144)
    let rate = bench.leg.startRecording(into: ring, now: bench.now)
    #expect(rate == first.sampleRate)
    let before = try CodecFarEnd(first)
    let after = try CodecFarEnd(second)
    // Pulses at 200 ms (heard) and 300 ms (said) before the change at 500 ms, and 500 ms later.
    func clip(_ rate: Int) -> PlaybackClip {
        var samples = [Int16](repeating: 0, count: rate / 25)
        samples[0] = 16_000
        return PlaybackClip(samples: samples, sampleRate: rate)
    }
    for index in 0..<60 {
        if index == 25 {
            try bench.leg.configure(media(second), now: bench.now)
            after.sequence = before.sequence
        }
        if index == 15 { bench.play(1, clip(first.sampleRate)) }
        if index == 40 { bench.play(2, clip(second.sampleRate)) }
        let far = index < 25 ? before : after
        bench.receive(pulse(far, at: index == 10 || index == 35 ? 0 : nil))
        bench.run(ticks: 1)
    }
    bench.leg.stopRecording(now: bench.now, workspace: &bench.workspace)
    let (left, right) = LegBench.split(ring)
    #expect(left.count == rate * 12 / 10)
    let half = rate / 2
    #expect(peak(left[..<half], from: 0) == rate * 2 / 10)
    #expect(peak(right[..<half], from: 0) == rate * 3 / 10)
    // The change of rate costs at most one sample of the slower clock.
    #expect(abs(peak(left[half...], from: half) - rate * 7 / 10) <= 2)
    #expect(abs(peak(right[half...], from: half) - rate * 8 / 10) <= 2)
}

@Test func echoOfAWidebandCodecIsRecordedOnBothSides() throws {
    let bench = try LegBench(mode: .echo, remote: media(.g722))
    let ring = SampleRing(capacity: 262_144)
    bench.leg.startRecording(into: ring, now: bench.now)
    let far = try CodecFarEnd(.g722)
    for _ in 0..<20 {
        bench.receive(far.packet())
        bench.run(ticks: 1)
    }
    #expect(bench.rtp.count == 20)
    _ = bench.close()
    let (left, right) = LegBench.split(ring)
    #expect(left == right)
    #expect(abs(Level.dBm0(Array(left[1600...4800])) + 10) < 0.5)
}
