import Audio
import Base
import RTP
import Testing

@testable import Media

private func constant(_ value: Int16, _ count: Int) -> PlaybackClip {
    PlaybackClip(samples: [Int16](repeating: value, count: count))
}
/// What 8000 and 4000 become through µ-law (G.711): 7932 and 4092.
private func firstSample(_ payload: [UInt8]) -> Int16 {
    payload.first.map { G711.sample(muLaw: $0) } ?? 0
}

@Test func silenceIsSentEveryTwentyMillisecondsWithOurNumbers() throws {
    let bench = try LegBench()
    bench.run(ticks: 3)
    let packets = bench.rtp
    #expect(packets.map(\.header.sequence) == [1000, 1001, 1002])
    #expect(packets.map(\.header.timestamp) == [50_000, 50_160, 50_320])
    #expect(packets.map(\.header.marker) == [true, false, false])
    #expect(packets.allSatisfy { $0.header.ssrc == 0x1111_2222 && $0.header.payloadType == 0 })
    #expect(packets.allSatisfy { $0.payload == [UInt8](repeating: 0xFF, count: 160) })
    #expect(packets.map(\.at.milliseconds) == [1000, 1020, 1040])
}

@Test(arguments: [
    (10, [80, 80, 80, 80, 80, 80]), (20, [160, 160, 160]), (30, [240, 240]),
    (40, [320, 320]), (60, [480]),
])
func ptimeIsHonoured(ptime: Int, payloads: [Int]) throws {
    let bench = try LegBench(remote: LegBench.remote(ptime: ptime))
    bench.run(ticks: 3)
    #expect(bench.rtp.map(\.payload.count) == payloads)
    for pair in zip(bench.rtp, bench.rtp.dropFirst()) {
        #expect(pair.1.header.timestamp &- pair.0.header.timestamp == UInt32(ptime * 8))
    }
    bench.run(ticks: 297)
    // 6 s of media, give or take the frame under way.
    let total = bench.rtp.reduce(0) { $0 + $1.payload.count }
    #expect(total >= 48_000 && total < 48_000 + ptime * 8)
}

@Test func unknownPtimesAreRefused() throws {
    let bench = try LegBench(configured: false)
    #expect(throws: MediaError.unsupportedPtime(milliseconds: 25)) {
        try bench.leg.configure(LegBench.remote(ptime: 25), now: bench.now)
    }
}

@Test func aClipPlaysToItsEndAndSaysSo() throws {
    let bench = try LegBench()
    bench.run(ticks: 1)
    bench.play(5, constant(8000, 400))
    bench.run(ticks: 1)
    #expect(bench.outputs == [.playStarted(id: 5, atSample: 160)])
    bench.run(ticks: 1)
    #expect(bench.outputs.count == 1)
    bench.run(ticks: 1)
    #expect(bench.outputs.last == .playFinished(id: 5, completed: true))
    let third = bench.rtp[3].payload.map { G711.sample(muLaw: $0) }
    // 400 samples: the last packet holds 80 of them, then silence.
    #expect(third[79] == 7932 && third[80] == 0)
    bench.run(ticks: 1)
    #expect(bench.rtp[4].payload == [UInt8](repeating: 0xFF, count: 160))
}

@Test func aReplacedOrStoppedClipIsNotCompleted() throws {
    let bench = try LegBench()
    bench.play(1, constant(8000, 8000))
    bench.run(ticks: 2)
    bench.play(2, constant(4000, 8000))
    bench.run(ticks: 1)
    bench.stopPlaying()
    bench.run(ticks: 1)
    #expect(
        bench.outputs == [
            .playStarted(id: 1, atSample: 0), .playFinished(id: 1, completed: false),
            .playStarted(id: 2, atSample: 320), .playFinished(id: 2, completed: false),
        ])
    #expect(bench.rtp.map { firstSample($0.payload) } == [7932, 7932, 4092, 0])
}

@Test func aClipAtAnotherRateIsRefused() throws {
    let bench = try LegBench()
    bench.play(3, PlaybackClip(samples: [1, 2, 3], sampleRate: 44_100))
    #expect(bench.outputs == [.playFinished(id: 3, completed: false)])
}

@Test func digitsGoBeforeClipsAndClipsBeforeTheBridge() throws {
    let bench = try LegBench()
    let bridge = AudioBridge()
    _ = bench.attach(bridge)
    write([Int16](repeating: 4000, count: 1000), to: bridge.playout)
    bench.play(1, constant(8000, 320))
    bench.leg.sendDigit("5", milliseconds: 60, workspace: &bench.workspace)
    bench.run(ticks: 13)
    let packets = bench.rtp
    // 60 ms of event: three packets, the third the first of three end packets; 60 ms pause.
    #expect(packets[0..<5].map(\.header.payloadType) == [101, 101, 101, 101, 101])
    #expect(packets[0..<5].map(\.header.timestamp) == [50_000, 50_000, 50_000, 50_000, 50_000])
    #expect(packets[0..<5].map(\.header.marker) == [true, false, false, false, false])
    #expect(packets[2].payload == [5, 0x8A, 0x01, 0xE0])
    #expect(packets[4].payload == [5, 0x8A, 0x01, 0xE0])
    #expect(packets[5..<8].map { firstSample($0.payload) } == [0, 0, 0])
    #expect(packets[8].header.timestamp == 50_000 + 8 * 160)
    #expect(packets[8..<13].map { firstSample($0.payload) } == [7932, 7932, 4092, 4092, 4092])
    #expect(bridge.sentPosition == 480)
    #expect(packets.map(\.header.sequence) == (1000..<1013).map { UInt16($0) })
}

@Test func withoutTelephoneEventsADigitIsATone() throws {
    let bench = try LegBench(remote: LegBench.remote(events: nil))
    bench.leg.sendDigit("1", milliseconds: 100, workspace: &bench.workspace)
    bench.run(ticks: 6)
    #expect(bench.rtp.allSatisfy { $0.header.payloadType == 0 })
    let samples = bench.rtp.flatMap { $0.payload.map { G711.sample(muLaw: $0) } }
    #expect(Level.dBm0(Array(samples[0..<800])) > -8)
    #expect(Level.dBm0(Array(samples[0..<800])) < -4)
    #expect(samples[800...].allSatisfy { $0 == 0 })
}

@Test func tooManyDigitsAreRefusedAndCounted() throws {
    let bench = try LegBench()
    for _ in 0..<40 { bench.leg.sendDigit("1", milliseconds: 50, workspace: &bench.workspace) }
    bench.leg.sendDigit("x", milliseconds: 50, workspace: &bench.workspace)
    #expect(bench.counters.digitsRefused == 9)
}

@Test func aMarkIsDueWhenItsAudioHasBeenSent() throws {
    let bench = try LegBench()
    let bridge = AudioBridge()
    _ = bench.attach(bridge)
    write([Int16](repeating: 4000, count: 400), to: bridge.playout)
    #expect(bridge.sentPosition == 0)
    bench.run(ticks: 1)
    #expect(bridge.sentPosition == 160)
    bench.run(ticks: 1)
    #expect(bridge.sentPosition == 320)
    bench.run(ticks: 1)
    #expect(bridge.sentPosition == 400)
    let third = bench.rtp[2].payload.map { G711.sample(muLaw: $0) }
    #expect(third[79] == 4092 && third[80] == 0)
}

@Test func sixtyMillisecondFramesConfirmOnlyWhatLeft() throws {
    let bench = try LegBench(remote: LegBench.remote(ptime: 60))
    let bridge = AudioBridge()
    _ = bench.attach(bridge)
    write([Int16](repeating: 4000, count: 1000), to: bridge.playout)
    bench.run(ticks: 3)
    #expect(bridge.sentPosition == 480)
    bench.run(ticks: 1)
    #expect(bridge.sentPosition == 960)
}

@Test func clearEmptiesWithinOneTick() throws {
    let bench = try LegBench()
    let bridge = AudioBridge()
    _ = bench.attach(bridge)
    write([Int16](repeating: 4000, count: 2000), to: bridge.playout)
    bench.run(ticks: 2)
    bridge.clear()
    bench.run(ticks: 1)
    #expect(bridge.sentPosition == 2000)
    #expect(firstSample(bench.rtp[1].payload) == 4092)
    #expect(bench.rtp[2].payload == [UInt8](repeating: 0xFF, count: 160))
    // Also while a clip plays over the bridge, and while we may not send.
    write([Int16](repeating: 4000, count: 160), to: bridge.playout)
    bench.play(1, constant(8000, 8000))
    bridge.clear()
    bench.run(ticks: 1)
    #expect(bridge.sentPosition == 2160)
    try bench.leg.configure(LegBench.remote(sends: false), now: bench.now)
    write([Int16](repeating: 4000, count: 160), to: bridge.playout)
    bridge.clear()
    bench.run(ticks: 1)
    #expect(bridge.sentPosition == 2320)
}

@Test func onHoldNothingIsSentAndNothingConsumed() throws {
    let bench = try LegBench(remote: LegBench.remote(sends: false))
    let bridge = AudioBridge()
    _ = bench.attach(bridge)
    write([Int16](repeating: 4000, count: 320), to: bridge.playout)
    bench.run(ticks: 5)
    #expect(bench.rtp.isEmpty)
    #expect(bridge.playout.count == 320)
    try bench.leg.configure(LegBench.remote(), now: bench.now)
    bench.run(ticks: 1)
    // Time went on: the timestamp says so, and a marker starts the talkspurt.
    #expect(bench.rtp[0].header.timestamp == 50_000 + 5 * 160)
    #expect(bench.rtp[0].header.marker)
    #expect(firstSample(bench.rtp[0].payload) == 4092)
}

@Test func missedTicksAreLeftOutOfMediaTime() throws {
    let bench = try LegBench()
    bench.run(ticks: 1)
    bench.now += .milliseconds(200)
    bench.run(ticks: 1)
    #expect(bench.rtp.map(\.header.timestamp) == [50_000, 50_000 + 11 * 160])
    #expect(bench.rtp.map(\.header.sequence) == [1000, 1001])
}

@Test func aSilenceLegRefusesClipsAndBridges() throws {
    let bench = try LegBench(mode: .silence)
    bench.play(1, constant(8000, 160))
    #expect(!bench.attach(AudioBridge()))
    bench.run(ticks: 2)
    #expect(bench.outputs == [.playFinished(id: 1, completed: false)])
    #expect(bench.rtp.allSatisfy { $0.payload.allSatisfy { $0 == 0xFF } })
}

/// Re-INVITEs that change the packet length, as often as they like: media time stays the clock's.
@Test(arguments: [(20, 60), (20, 40), (30, 60), (20, 30), (10, 60), (10, 20)])
func changesOfThePacketLengthMoveNoClock(first: Int, second: Int) throws {
    let bench = try LegBench(remote: LegBench.remote(ptime: first))
    bench.run(ticks: 5)
    for cycle in 0..<20 {
        let ptime = cycle % 2 == 0 ? second : first
        try bench.leg.configure(LegBench.remote(ptime: ptime), now: bench.now)
        bench.run(ticks: 5 + cycle % 3)
    }
    let packets = bench.rtp
    for packet in packets.dropFirst(10) {
        let media = Int(packet.header.timestamp &- packets[0].header.timestamp) / 8
        let clock = Int((packet.at - packets[0].at).milliseconds)
        #expect((-20...20).contains(media - clock))
    }
    for (before, after) in zip(packets, packets.dropFirst()) {
        #expect(
            after.header.timestamp &- before.header.timestamp == UInt32(before.payload.count))
    }
}

@Test func aLawLegsSendALaw() throws {
    let bench = try LegBench(remote: LegBench.remote(codec: .pcma))
    bench.run(ticks: 1)
    #expect(bench.rtp[0].header.payloadType == 8)
    #expect(bench.rtp[0].payload == [UInt8](repeating: 0xD5, count: 160))
}

@Test func aSixteenKilohertzBridgeIsResampledBothWays() throws {
    let bench = try LegBench()
    let bridge = AudioBridge(sampleRate: 16_000)
    #expect(bench.attach(bridge))
    #expect(!bench.attach(AudioBridge(sampleRate: 11_025)))
    var tone = ToneGenerator(frequencies: [1000], levelDBm0: -10, sampleRate: 16_000)
    write(tone.next(3200), to: bridge.playout)
    var far = FarEnd()
    var narrow = ToneGenerator(frequencies: [1000], levelDBm0: -10)
    bench.run(ticks: 10) { _ in
        let frame = narrow.next(160)
        bench.receive(far.packet(payload: frame.map { G711.muLaw($0) }, advance: 160))
    }
    #expect(bridge.sentPosition == 3200)
    let played = bench.rtp.flatMap { $0.payload.map { G711.sample(muLaw: $0) } }
    #expect(abs(Level.dBm0(Array(played[480...])) + 10) < 0.5)
    let heard = drained(bridge.received)
    #expect(abs(heard.count - 3200) <= 2)
    #expect(abs(Level.dBm0(Array(heard[480...])) + 10) < 0.5)
}
