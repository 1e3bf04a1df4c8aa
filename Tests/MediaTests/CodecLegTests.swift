import Audio
import Base
import RTP
import Testing

@testable import Media

/// Two legs: what one plays, the other hears.
private final class Pair {
    let speaker: LegBench
    let listener: LegBench
    let bridge: AudioBridge
    private var taken = 0
    private var packets = 0

    init(_ media: RemoteMedia, bridgeRate: Int) throws {
        speaker = try LegBench(remote: media)
        listener = try LegBench(remote: media)
        bridge = AudioBridge(sampleRate: bridgeRate, receivedMilliseconds: 8000)
        _ = listener.attach(bridge)
    }

    /// - Parameter loses: whether the n-th packet is lost.
    func run(ticks: Int, loses: (Int) -> Bool = { _ in false }) {
        for _ in 0..<ticks {
            speaker.tick()
            for packet in speaker.sent[taken...] where packet.channel == .rtp {
                if !loses(packets) { listener.receive(packet.bytes) }
                packets += 1
            }
            taken = speaker.sent.count
            listener.tick()
            speaker.now += MediaLeg.tick
            listener.now += MediaLeg.tick
        }
    }
}

@Test(arguments: AudioCodec.allCases, MediaLeg.ptimes)
func everyCodecCarriesSoundAtEveryPtime(codec: AudioCodec, ptime: Int) throws {
    let pair = try Pair(media(codec, ptime: ptime), bridgeRate: codec.sampleRate)
    let said = voice(seconds: 2, rate: codec.sampleRate)
    pair.speaker.play(1, PlaybackClip(samples: said, sampleRate: codec.sampleRate))
    pair.run(ticks: 99)
    let heard = drained(pair.bridge.received)
    let rate = codec.sampleRate
    let similar = likeness(said, heard, from: rate / 4, count: rate, lags: rate / 50)
    // G.711 keeps some 38 dB over noise, G.722 more; Opus at 24 kbit/s is no waveform coder.
    #expect(similar > (codec == .opus ? 0.9 : 0.995), "\(similar)")
    let levels = (
        Level.dBm0(Array(said[rate / 4..<rate])), Level.dBm0(Array(heard[rate / 4..<rate]))
    )
    #expect(abs(levels.0 - levels.1) < 1)
    #expect(pair.listener.counters.concealedMicroseconds == 0)
    // What leaves is what the far end expects: frames of the agreed length by the codec's clock.
    let frame = codec.frameMilliseconds(for: ptime)
    #expect(frame == ptime || (codec == .opus && ptime == 30) || codec == .l16Wide)
    let stamps = pair.speaker.rtp.map(\.header.timestamp)
    for (earlier, later) in zip(stamps, stamps.dropFirst()) {
        #expect(later &- earlier == UInt32(frame * codec.clockRate / 1000))
    }
    #expect(pair.speaker.sent.allSatisfy { $0.bytes.count <= MediaLeg.maximumDatagram })
}

@Test func payloadsAreOfTheSizeThatTheirSpecificationsGive() throws {
    // 20 ms: RFC 3551 4.5.14, 4.5.3 (64 kbit/s), 4.5.11.
    let sizes: [AudioCodec: Int] = [.pcmu: 160, .pcma: 160, .g722: 160, .l16: 320, .l16Wide: 640]
    for (codec, size) in sizes {
        let bench = try LegBench(remote: media(codec))
        bench.run(ticks: 3)
        #expect(bench.rtp.map(\.payload.count) == [size, size, size], "\(codec)")
        #expect(bench.rtp.allSatisfy { $0.header.payloadType == codec.testPayloadType })
    }
}

@Test func aSixteenKilohertzBridgeOnAWidebandLegIsNotTouched() throws {
    let pair = try Pair(media(.l16Wide), bridgeRate: 16_000)
    let out = AudioBridge(sampleRate: 16_000)
    _ = pair.speaker.attach(out)
    let said = (0..<3200).map { Int16(truncatingIfNeeded: $0 &* 7919) }
    write(said, to: out.playout)
    pair.run(ticks: 10)
    #expect(drained(pair.bridge.received) == said)
}

@Test(arguments: [(8000, AudioCodec.g722), (24_000, .g722), (24_000, .opus), (16_000, .pcma)])
func bridgesOfAnotherRateAreConverted(bridgeRate: Int, codec: AudioCodec) throws {
    let pair = try Pair(media(codec), bridgeRate: bridgeRate)
    let out = AudioBridge(sampleRate: bridgeRate)
    _ = pair.speaker.attach(out)
    var tone = ToneGenerator(frequencies: [1000], levelDBm0: -10, sampleRate: bridgeRate)
    for _ in 0..<50 {
        write(tone.next(bridgeRate / 50), to: out.playout)
        pair.run(ticks: 1)
    }
    let heard = drained(pair.bridge.received)
    #expect(abs(heard.count - bridgeRate) <= bridgeRate / 50)
    #expect(abs(Level.dBm0(Array(heard[(bridgeRate / 5)...])) + 10) < 0.5)
}

@Test func wideClipsOnNarrowLegsAndNarrowClipsOnWideOnesKeepPitchAndLength() throws {
    for (codec, clipRate) in [(AudioCodec.pcmu, 16_000), (.g722, 8000), (.l16Wide, 8000)] {
        let pair = try Pair(media(codec), bridgeRate: codec.sampleRate)
        var tone = ToneGenerator(frequencies: [1000], levelDBm0: -10, sampleRate: clipRate)
        let clip = PlaybackClip(samples: tone.next(clipRate), sampleRate: clipRate)
        pair.speaker.play(4, clip)
        pair.run(ticks: 55)
        #expect(
            pair.speaker.outputs == [
                .playStarted(id: 4, atSample: 0), .playFinished(id: 4, completed: true),
            ])
        let heard = drained(pair.bridge.received)
        let rate = codec.sampleRate
        var same = ToneGenerator(frequencies: [1000], levelDBm0: -10, sampleRate: rate)
        let likely = likeness(same.next(rate), heard, from: rate / 4, count: rate / 2, lags: 40)
        #expect(likely > 0.995, "\(codec) \(likely)")
        // One second, and silence behind it.
        #expect(Level.dBm0(Array(heard[(rate - rate / 50)..<(rate - rate / 500)])) > -12)
        #expect(Level.dBm0(Array(heard[(rate + rate / 100)...])) < -40)
    }
}

@Test func playPositionsAreEighthsOfAMillisecondWhateverTheCodec() throws {
    for codec in AudioCodec.allCases {
        let bench = try LegBench(remote: media(codec))
        bench.run(ticks: 10)
        bench.play(1, PlaybackClip(samples: [Int16](repeating: 9, count: 100)))
        bench.run(ticks: 1)
        #expect(bench.outputs.first == .playStarted(id: 1, atSample: 1600), "\(codec)")
    }
}

@Test func whatALegCannotTakeIsRefusedAndChangesNothing() throws {
    let bench = try LegBench(remote: media(.g722))
    var wrong = media(.opus)
    wrong.alternatives = [ReceiveFormat](
        repeating: ReceiveFormat(payloadType: 0, codec: .pcmu),
        count: MediaLeg.alternativeLimit + 1)
    #expect(throws: MediaError.tooManyFormats(limit: 8)) {
        try bench.leg.configure(wrong, now: bench.now)
    }
    #expect(throws: MediaError.unsupportedEventRate(0)) {
        try bench.leg.configure(media(.opus, eventClock: 0), now: bench.now)
    }
    bench.run(ticks: 1)
    #expect(bench.rtp.first?.header.payloadType == 9)
}

// MARK: Opus

@Test func opusPreparesForTheLossThatTheFarEndReports() throws {
    let bench = try LegBench(remote: media(.opus))
    bench.run(ticks: 2)
    func report(_ fraction: UInt8) throws {
        let block = ReportBlock(ssrc: 0x1111_2222, fractionLost: fraction)
        bench.receive(
            try RTCPPacket.report(sender: nil, ssrc: 5, blocks: [block], cname: "f"),
            from: LegBench.peer.withPort(4001), on: .rtcp)
    }
    #expect(bench.opusSettings?.expectedLossPercent == 0)
    try report(26)
    // 26/256 is 10.2 %.
    #expect(bench.opusSettings?.expectedLossPercent == 11)
    try report(0)
    // Not forgotten at once.
    #expect(bench.opusSettings?.expectedLossPercent == 8)
    for _ in 0..<10 { try report(0) }
    #expect(bench.opusSettings?.expectedLossPercent == 0)
}

/// Only a block about us says what was lost of ours: other RTCP neither repeats it nor lets it fade.
@Test func rtcpThatSaysNothingOfOursChangesNoPreparationForLoss() throws {
    let bench = try LegBench(remote: media(.opus))
    bench.run(ticks: 2)
    func report(_ blocks: [ReportBlock]) throws {
        bench.receive(
            try RTCPPacket.report(sender: nil, ssrc: 5, blocks: blocks, cname: "f"),
            from: LegBench.peer.withPort(4001), on: .rtcp)
    }
    try report([ReportBlock(ssrc: 0x1111_2222, fractionLost: 26)])
    try report([ReportBlock(ssrc: 0x1111_2222, fractionLost: 0)])
    #expect(bench.opusSettings?.expectedLossPercent == 8)
    for _ in 0..<10 {
        try report([])
        try report([ReportBlock(ssrc: 0x3333_4444, fractionLost: 200)])
    }
    #expect(bench.opusSettings?.expectedLossPercent == 8)
    try report([ReportBlock(ssrc: 0x1111_2222, fractionLost: 0)])
    #expect(bench.opusSettings?.expectedLossPercent == 6)
}

@Test func loadLowersTheComplexityOfOpusFromTheNextFrameOn() throws {
    let bench = try LegBench(remote: media(.opus))
    bench.run(ticks: 1)
    #expect(bench.opusSettings?.complexity == 5)
    bench.workspace.opusComplexityLimit = 2
    bench.run(ticks: 1)
    #expect(bench.opusSettings?.complexity == 2)
    bench.workspace.opusComplexityLimit = 10
    bench.run(ticks: 1)
    #expect(bench.opusSettings?.complexity == 5)
}

@Test func whatOpusLostIsTakenFromThePacketBehindIt() throws {
    /// The likeness of 20 ms that were lost, averaged; `expected` tells the encoder of the loss.
    func quality(expected: Int) throws -> Double {
        let pair = try Pair(media(.opus), bridgeRate: 16_000)
        if expected > 0 {
            // Loss reported before the first frame, as from an earlier report.
            pair.speaker.leg.sender.noteRemoteLoss(Double(expected) / 100)
        }
        // Each packet another pitch, which cannot be guessed.
        let said = (0..<150).flatMap { index -> [Int16] in
            let pitch = Double(120 + index * 67 % 180)
            var tones = ToneGenerator(
                frequencies: [pitch, 2 * pitch, 3 * pitch, 5 * pitch], levelDBm0: -20,
                sampleRate: 16_000)
            return tones.next(320)
        }
        pair.speaker.play(1, PlaybackClip(samples: said, sampleRate: 16_000))
        pair.run(ticks: 148) { $0 % 10 == 7 }
        #expect(pair.listener.counters.concealedMicroseconds == 14 * 20_000)
        let heard = drained(pair.bridge.received)
        var sum = 0.0
        var count = 0
        for packet in stride(from: 27, to: 140, by: 10) {
            let start = packet * 320
            sum += likeness(said, heard, from: start, count: 320, lags: 160)
            count += 1
        }
        return sum / Double(max(count, 1))
    }
    let without = try quality(expected: 0)
    let with = try quality(expected: 20)
    #expect(with > without + 0.2, "\(without) → \(with)")
}

/// The flag *concealed* of streams: a frame without a copy in the packet behind it is guessed.
@Test(arguments: [(0, true), (20, false)])
func onlyWhatHasNoCopyIsMarkedAsConcealed(expectedLoss: Int, isMarked: Bool) throws {
    let bench = try LegBench(remote: media(.opus))
    let bridge = AudioBridge(sampleRate: 16_000, receivedMilliseconds: 5000)
    _ = bench.attach(bridge)
    let far = try CodecFarEnd(.opus)
    far.encoder.setExpectedLoss(percent: expectedLoss)
    for index in 0..<100 {
        // Only what sounds like a voice is copied.
        let pitch = Double(120 + index * 67 % 180)
        far.tone = ToneGenerator(
            frequencies: [pitch, 2 * pitch, 3 * pitch, 5 * pitch], levelDBm0: -20,
            sampleRate: 16_000)
        let packet = far.packet()
        if index != 90 { bench.receive(packet) }
        bench.run(ticks: 1)
    }
    #expect(bridge.received.count == 100 * 320)
    #expect(bench.counters.concealedMicroseconds == 20_000)
    let marked = (0..<100).filter { bridge.isConcealed($0 * 320..<$0 * 320 + 320) }
    #expect(marked == (isMarked ? [90] : []))
}

@Test func payloadsThatAreNotOpusAreCountedAndTheirTimeIsConcealed() throws {
    let bench = try LegBench(remote: media(.opus))
    let bridge = AudioBridge(sampleRate: 16_000, receivedMilliseconds: 2000)
    _ = bench.attach(bridge)
    let far = try CodecFarEnd(.opus)
    for index in 0..<20 {
        var packet = far.packet()
        // A code 3 packet of no frames (RFC 6716 3.2.5): not allowed.
        if index == 10 { packet = Array(packet[..<12]) + [0x03, 0x00] }
        bench.receive(packet)
        bench.run(ticks: 1)
    }
    #expect(bench.rejected(.malformed) == 1)
    // Its number came: it counts as malformed, not as lost.
    #expect(bench.counters.concealedMicroseconds == 0)
    #expect(bridge.received.count == 20 * 320)
}

@Test func opusSaysNothingInSilenceWhenToldTo() throws {
    let bench = try LegBench(
        options: LegOptions(detection: false, discontinuous: true), remote: media(.opus))
    bench.run(ticks: 100)
    // libopus goes quiet after some 200 ms and repeats itself every 400 ms.
    #expect((10...40).contains(bench.rtp.count), "\(bench.rtp.count)")
    bench.play(1, PlaybackClip(samples: voice(seconds: 0.4, rate: 16_000), sampleRate: 16_000))
    let before = bench.rtp.count
    bench.run(ticks: 10)
    #expect(bench.rtp.count >= before + 9)
    #expect(bench.rtp[before].header.marker)
    // The clock went on while nothing was sent.
    #expect(bench.rtp[before].header.timestamp == 50_000 + 100 * 960)
}
