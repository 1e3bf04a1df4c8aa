import Audio
import Base
import RTP
import Testing

@testable import Media

/// What the far end says about Opus (RFC 7587 6.1), as it shows in the packets it gets.
private final class OpusLine {
    let bench: LegBench
    private let said = voice(seconds: 3, rate: 16_000)
    private var plays = 0

    init(_ limits: OpusLimits?, options: LegOptions = LegOptions(detection: false)) throws {
        bench = try LegBench(options: options, remote: Self.media(limits))
    }

    static func media(_ limits: OpusLimits?) -> RemoteMedia {
        var remote = MediaTests.media(.opus)
        remote.opus = limits
        return remote
    }

    /// A re-INVITE.
    func change(_ limits: OpusLimits?) throws {
        try bench.leg.configure(Self.media(limits), now: bench.now)
    }

    /// Says three seconds; the payloads on the wire.
    func speak() -> [[UInt8]] {
        let before = bench.rtp.count
        plays += 1
        bench.play(plays, PlaybackClip(samples: said, sampleRate: 16_000))
        bench.run(ticks: 150)
        return bench.rtp.dropFirst(before).map(\.payload)
    }

    /// Of those, bits a second.
    func bitrate() -> Int {
        let payloads = speak()
        #expect(payloads.count == 150)
        return payloads.reduce(0) { $0 + $1.count } * 8 / 3
    }

    func reportLoss(_ fraction: UInt8) throws {
        let block = ReportBlock(ssrc: 0x1111_2222, fractionLost: fraction)
        bench.receive(
            try RTCPPacket.report(sender: nil, ssrc: 5, blocks: [block], cname: "f"),
            from: LegBench.peer.withPort(4001), on: .rtcp)
    }
}

/// RFC 6716 3.1: narrow band is configuration 0 to 3 (SILK) or 16 to 19 (CELT).
private func isNarrow(_ payload: [UInt8]) -> Bool {
    let configuration = (payload.first ?? 0xFF) >> 3
    return configuration < 4 || (16..<20).contains(configuration)
}

/// RFC 6716 4.2.3, 4.2.4: of one mono SILK frame the VAD flag comes first, then the flag of the copy.
private func hasCopy(_ payload: [UInt8]) -> Bool {
    payload.count > 1 && payload[0] >> 3 < 16 && payload[1] & 0x40 != 0
}

@Test func noMoreBitsGoOutThanTheFarEndTakes() throws {
    let options = LegOptions(detection: false, opusBitrate: 32_000)
    let free = try OpusLine(nil, options: options).bitrate()
    #expect((24_000...34_000).contains(free), "\(free)")
    let line = try OpusLine(OpusLimits(bitrate: 12_000), options: options)
    let limited = line.bitrate()
    #expect((9000...12_600).contains(limited), "\(limited)")
    // A new description lifts and lowers it on the running encoder; it never asks for more than ours.
    try line.change(OpusLimits(bitrate: 510_000))
    let lifted = line.bitrate()
    #expect(lifted > free * 9 / 10 && lifted <= free * 11 / 10, "\(lifted)")
    try line.change(OpusLimits(bitrate: 8000))
    let lowered = line.bitrate()
    #expect(lowered <= 8800, "\(lowered)")
    try line.change(nil)
    let again = line.bitrate()
    #expect(again > free * 9 / 10, "\(again)")
}

/// Sounds of which libopus makes more than its bitrate: the average is kept at every packet length.
@Test(arguments: [10, 20, 40, 60], [6000, 12_000, 20_000, 41_000])
func theAverageIsKeptWhateverTheSound(ptime: Int, limit: Int) throws {
    var remote = media(.opus, ptime: ptime)
    remote.opus = OpusLimits(bitrate: limit)
    let bench = try LegBench(
        options: LegOptions(detection: false, opusBitrate: 40_000), remote: remote)
    var tones = ToneGenerator(
        frequencies: [150, 450, 900, 2600, 5200], levelDBm0: -18, sampleRate: 16_000)
    let said = tones.next(160_000).enumerated().map { index, sample in
        Int16(Int(sample) * abs(index % 4000 - 2000) / 2000)
    }
    bench.play(1, PlaybackClip(samples: said, sampleRate: 16_000))
    bench.run(ticks: 480)
    #expect(bench.rtp.count == 9600 / ptime)
    let bits = bench.rtp.reduce(0) { $0 + $1.payload.count } * 8
    // In 9.6 s, to the nearest octet a packet.
    #expect(bits <= limit * 96 / 10 + 4 * bench.rtp.count, "\(bits)")
    #expect(bits >= limit * 9, "\(bits)")
}

@Test func noMoreBandwidthGoesOutThanTheFarEndPlays() throws {
    let line = try OpusLine(OpusLimits(bandwidth: OpusEncoder.Bandwidth(playbackRate: 8000)))
    let narrow = line.speak().count(where: isNarrow)
    #expect(narrow == 150)
    // A running encoder changes by itself over some seconds, without a click.
    try line.change(OpusLimits())
    _ = line.speak()
    let wide = line.speak().suffix(50).count { !isNarrow($0) }
    #expect(wide == 50)
    try line.change(OpusLimits(bandwidth: .narrow))
    _ = line.speak()
    let again = line.speak().suffix(50).count(where: isNarrow)
    #expect(again == 50)
}

@Test func playbackRatesBetweenTwoBandsCountAsTheLower() {
    let bands: [(Int, OpusEncoder.Bandwidth)] = [
        (8000, .narrow), (11_025, .narrow), (12_000, .medium), (16_000, .wide), (22_050, .wide),
        (24_000, .superWide), (44_100, .superWide), (48_000, .full),
    ]
    for (rate, band) in bands { #expect(OpusEncoder.Bandwidth(playbackRate: rate) == band) }
}

@Test func aConstantBitrateIsPacketsOfOneSize() throws {
    let line = try OpusLine(OpusLimits(bitrate: 16_000, isConstant: true))
    // 16,000 bits a second are 40 octets in 20 ms.
    #expect(Set(line.speak().map(\.count)) == [40])
    try line.change(OpusLimits())
    #expect(Set(line.speak().map(\.count)).count > 10)
}

@Test func copiesOfLostFramesGoOnlyToThoseWhoCanUseThem() throws {
    let line = try OpusLine(OpusLimits(usesInbandFEC: false))
    try line.reportLoss(64)
    let none = line.speak().count(where: hasCopy)
    #expect(none == 0)
    // The encoder still prepares for the loss in what it may.
    #expect(line.bench.opusSettings?.expectedLossPercent == 25)
    try line.change(OpusLimits(usesInbandFEC: true))
    let some = line.speak().count(where: hasCopy)
    #expect(some > 50)
    try line.change(OpusLimits(usesInbandFEC: false))
    let stopped = line.speak().dropFirst().count(where: hasCopy)
    #expect(stopped == 0)
    // Another report changes the loss, not what the far end can use.
    try line.reportLoss(128)
    #expect(line.bench.opusSettings?.expectedLossPercent == 50)
    let still = line.speak().count(where: hasCopy)
    #expect(still == 0)
}

@Test func pausesAreLeftOutOnlyWhereBothSidesLikeThat() throws {
    for (ours, theirs, range) in [
        (true, true, 10...40), (true, false, 100...100), (false, true, 100...100),
    ] {
        let line = try OpusLine(
            OpusLimits(usesDTX: theirs),
            options: LegOptions(detection: false, discontinuous: ours))
        line.bench.run(ticks: 100)
        #expect(range.contains(line.bench.rtp.count), "\(ours) \(theirs) \(line.bench.rtp.count)")
    }
}

@Test func limitsOutliveAnotherCodecInBetween() throws {
    let line = try OpusLine(OpusLimits(bitrate: 16_000, isConstant: true))
    try line.bench.leg.configure(media(.pcmu), now: line.bench.now)
    line.bench.run(ticks: 2)
    try line.change(OpusLimits(bitrate: 12_000, isConstant: true))
    #expect(Set(line.speak().map(\.count)) == [30])
}
