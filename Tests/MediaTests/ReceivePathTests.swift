import Audio
import Base
import RTP
import SecureRTP
import Testing

@testable import Media

/// µ-law code words and what they decode to (G.711 table 2a): 0x80 is +full, 0x00 is −full.
private let loud: UInt8 = 0x80
private let loudSample: Int16 = 32124

@Test func audioInOrderReachesTheBridgeAtOnce() throws {
    let bench = try LegBench()
    let bridge = AudioBridge()
    #expect(bench.attach(bridge))
    var far = FarEnd()
    for _ in 0..<3 {
        bench.receive(far.audio(code: loud))
        bench.now += MediaLeg.tick
    }
    // No tick was needed, across the wrap of sequence number and timestamp.
    #expect(drained(bridge.received) == [Int16](repeating: loudSample, count: 480))
    #expect(bench.outputs == [.mediaStarted])
    #expect(bench.touchedBridge)
}

@Test func aStreamThatLeavesThreeQuartersOfItsRingUnreadIsBehind() throws {
    let bench = try LegBench()
    let bridge = AudioBridge()
    _ = bench.attach(bridge)
    var far = FarEnd()
    let packets = bridge.received.capacity / 4 * 3 / 160
    for number in 0...packets {
        #expect(!bench.bridgeIsBehind, "packet \(number)")
        bench.receive(far.audio(code: loud))
        bench.now += MediaLeg.tick
    }
    #expect(bench.bridgeIsBehind)
}

@Test func reorderedPacketsAreHeardInOrder() throws {
    let bench = try LegBench()
    let bridge = AudioBridge()
    _ = bench.attach(bridge)
    var far = FarEnd()
    let packets = [far.audio(code: 0x80), far.audio(code: 0x81), far.audio(code: 0x82)]
    bench.receive(packets[0])
    bench.receive(packets[2])
    #expect(bridge.received.count == 160)
    bench.receive(packets[1])
    let samples = drained(bridge.received)
    #expect(samples.count == 480)
    #expect([samples[0], samples[160], samples[320]] == [32124, 31100, 30076])
}

@Test func aLostPacketIsConcealedForItsOwnLength() throws {
    let bench = try LegBench()
    let bridge = AudioBridge()
    _ = bench.attach(bridge)
    var far = FarEnd()
    bench.receive(far.audio(code: loud))
    bench.tick()
    bench.now += MediaLeg.tick
    _ = far.audio()
    bench.now += MediaLeg.tick
    bench.receive(far.audio(code: loud))
    #expect(bridge.received.count == 160)
    // Nothing more comes: the wait ends at the tick 60 ms later.
    bench.run(ticks: 4)
    #expect(drained(bridge.received).count == 480)
    #expect(bench.counters.concealedMicroseconds == 20_000)
}

/// Also where the packet behind it helps to guess (`LossConcealer`).
@Test func aStreamIsToldWhichSamplesWereConcealed() throws {
    let bench = try LegBench()
    let bridge = AudioBridge()
    _ = bench.attach(bridge)
    var far = FarEnd()
    for index in 0..<8 {
        let packet = far.audio(code: loud)
        if index != 3 { bench.receive(packet) }
        bench.run(ticks: 1)
    }
    #expect(bridge.received.count == 8 * 160)
    let marked = (0..<8).filter { bridge.isConcealed($0 * 160..<$0 * 160 + 160) }
    #expect(marked == [3])
    #expect(bench.counters.concealedMicroseconds == 20_000)
}

@Test func silenceSuppressionKeepsTheTimeline() throws {
    let bench = try LegBench()
    let bridge = AudioBridge(receivedMilliseconds: 5000)
    _ = bench.attach(bridge)
    var far = FarEnd()
    bench.receive(far.audio(code: loud))
    // The far end is silent for one second of its timestamps and of our clock.
    far.timestamp &+= 7840
    bench.run(ticks: 50)
    bench.receive(far.audio(code: loud))
    let samples = drained(bridge.received)
    #expect(samples.count == 8000 + 160)
    #expect(samples[0] == loudSample && samples[8000] == loudSample)
    #expect(samples[4000] == 0)
    // Nothing was lost.
    #expect(bench.counters.concealedMicroseconds == 0)
}

/// A bot that answers what it hears as it comes would be late by that silence for the whole call.
@Test func theFirstPacketComesToTheStreamWithoutTheSilenceBeforeIt() throws {
    let bench = try LegBench(detection: true)
    let bridge = AudioBridge(receivedMilliseconds: 5000)
    _ = bench.attach(bridge)
    bench.leg.answered(now: bench.now)
    bench.run(ticks: 51)
    #expect(drained(bridge.received).count == 5600)
    var far = FarEnd()
    for _ in 0..<2 {
        bench.receive(far.audio(code: loud))
        #expect(drained(bridge.received) == [Int16](repeating: loudSample, count: 160))
        bench.tick()
        bench.now += MediaLeg.tick
    }
}

@Test func aCalleeWhoSendsNothingIsHeardAsSilence() throws {
    let bench = try LegBench(detection: true)
    let bridge = AudioBridge(receivedMilliseconds: 5000)
    _ = bench.attach(bridge)
    bench.leg.answered(now: bench.now)
    bench.run(ticks: 51)
    // One second, less the lag that lets late packets find their place.
    #expect(drained(bridge.received) == [Int16](repeating: 0, count: 5600))
}

@Test func duplicatesAndLatePacketsAreCountedAndNotHeard() throws {
    let bench = try LegBench()
    let bridge = AudioBridge()
    _ = bench.attach(bridge)
    var far = FarEnd()
    let first = far.audio()
    let lost = far.audio()
    bench.receive(first)
    bench.receive(first)
    for _ in 0..<3 { bench.receive(far.audio()) }
    // Three held packets end the wait.
    #expect(bridge.received.count == 5 * 160)
    bench.receive(lost)
    #expect(bridge.received.count == 5 * 160)
    #expect(bench.rejected(.duplicate) == 1)
    #expect(bench.rejected(.late) == 1)
}

@Test func whatIsNotOurMediaIsDroppedByReason() throws {
    let bench = try LegBench()
    var far = FarEnd()
    bench.receive([0x00, 0x01, 0, 0])
    bench.receive([22, 254, 253, 0])
    bench.receive([100, 1, 2, 3])
    bench.receive([])
    bench.receive([UInt8](repeating: 0x80, count: 1501))
    bench.receive([0x80, 0, 0, 1])
    bench.receive(far.packet(payload: [1, 2], type: 96, advance: 160))
    // Padding longer than the packet.
    bench.receive([0xA0] + far.audio().dropFirst().dropLast() + [255])
    #expect(bench.rejected(.otherProtocol) == 2)
    #expect(bench.rejected(.notMedia) == 3)
    #expect(bench.rejected(.malformed) == 2)
    #expect(bench.rejected(.payloadType) == 1)
    #expect(bench.summary.packetsReceived == 0)
    #expect(bench.summary.packetsRejected == 8)
    #expect(bench.outputs.isEmpty)
}

@Test func beforeTheSDPNothingIsAccepted() throws {
    let bench = try LegBench(configured: false)
    var far = FarEnd()
    bench.receive(far.audio())
    bench.run(ticks: 3)
    #expect(bench.rejected(.notConfigured) == 1)
    #expect(bench.sent.isEmpty)
}

@Test func everyPressIsReportedOnceInItsOwnTime() throws {
    let bench = try LegBench()
    var far = FarEnd()
    bench.receive(far.audio())
    // SIPp's dtmf_2833 shape: first duration 0, three end packets with one sequence number.
    let start = far.timestamp
    for step in 0..<10 {
        let duration = UInt16(min(step * 320, 2240))
        let ending = step >= 7
        let bytes = rtp(
            RTPHeader(
                marker: step == 0, payloadType: 101,
                sequence: far.sequence &+ UInt16(min(step, 7)), timestamp: start, ssrc: far.ssrc),
            [9, ending ? 0x8A : 10, UInt8(duration >> 8), UInt8(duration & 255)])
        bench.receive(bytes)
        bench.now += .milliseconds(ending ? 0 : 20)
    }
    #expect(bench.outputs == [.mediaStarted, .dtmf("9", source: .rfc4733)])
}

@Test func aNewSSRCIsFollowedFromItsSecondPacket() throws {
    let bench = try LegBench()
    let bridge = AudioBridge()
    _ = bench.attach(bridge)
    var far = FarEnd()
    bench.receive(far.audio())
    var other = FarEnd(ssrc: 0xBBBB_0002, sequence: 10, timestamp: 777)
    bench.receive(other.audio())
    #expect(bench.summary.packetsReceived == 1)
    bench.receive(other.audio(code: loud))
    #expect(bench.rejected(.foreignSSRC) == 0)
    #expect(drained(bridge.received).last == loudSample)
    // The first is heard as well.
    #expect(bench.summary.packetsReceived == 3)
}

@Test func sixtyFiveThousandSSRCsChangeNothing() throws {
    let bench = try LegBench()
    var far = FarEnd()
    bench.receive(far.audio())
    for ssrc in UInt32(1)...65_536 {
        bench.receive(
            rtp(
                RTPHeader(
                    payloadType: 0, sequence: UInt16(truncatingIfNeeded: ssrc &* 3),
                    timestamp: 0, ssrc: ssrc), [0xFF]))
    }
    bench.receive(far.audio())
    #expect(bench.rejected(.foreignSSRC) == 65_536)
    #expect(bench.summary.packetsReceived == 2)
}

@Test func mutatedPacketsNeverTrap() throws {
    let bench = try LegBench(detection: true)
    var generator = SeededGenerator(seed: 20)
    var far = FarEnd()
    var report = try #require(
        try? RTCPPacket.report(
            sender: SenderReport(
                ssrc: far.ssrc, ntpTimestamp: 1, rtpTimestamp: 2, packetCount: 3, octetCount: 4),
            ssrc: far.ssrc, blocks: [ReportBlock(ssrc: 0x1111_2222)], cname: "x"))
    report += [0]
    for round in 0..<4000 {
        var bytes = round % 3 == 0 ? report : far.audio(samples: 40)
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            bytes[place] = UInt8.random(in: 0...255, using: &generator)
        }
        bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator) / 4)
        bench.receive(bytes, on: round % 2 == 0 ? .rtp : .rtcp)
        if round % 20 == 0 { bench.run(ticks: 1) }
    }
    let summary = bench.close()
    #expect(summary.packetsReceived + summary.packetsRejected > 3000)
}

@Test func mediaTimeoutIsSaidOnceAndRTCPCountsAsLife() throws {
    let bench = try LegBench(mediaTimeout: .seconds(1))
    bench.run(ticks: 100)
    // Not answered: early media may be absent.
    #expect(bench.outputs.isEmpty)
    bench.leg.answered(now: bench.now)
    let report = try RTCPPacket.report(sender: nil, ssrc: 5, blocks: [], cname: "x")
    bench.run(ticks: 40)
    bench.receive(report, from: LegBench.peer.withPort(4001), on: .rtcp)
    bench.run(ticks: 45)
    #expect(bench.outputs.isEmpty)
    bench.run(ticks: 60)
    #expect(bench.outputs == [.mediaTimeout])
    var far = FarEnd()
    bench.receive(far.audio())
    bench.run(ticks: 60)
    #expect(bench.outputs == [.mediaTimeout, .mediaStarted, .mediaTimeout])
}

@Test func aPartyOnHoldIsNotHeardAndNotTimedOut() throws {
    let bench = try LegBench(
        mediaTimeout: .seconds(1), remote: LegBench.remote(receives: false))
    bench.leg.answered(now: bench.now)
    var far = FarEnd()
    bench.receive(far.audio())
    bench.run(ticks: 100)
    #expect(bench.rejected(.notReceiving) == 1)
    #expect(bench.outputs.isEmpty)
}

@Test func afterAHoldTheTimelineGoesOnWithoutTheHoldsSilence() throws {
    let bench = try LegBench()
    let bridge = AudioBridge(receivedMilliseconds: 5000)
    _ = bench.attach(bridge)
    var far = FarEnd()
    bench.receive(far.audio())
    try bench.leg.configure(LegBench.remote(receives: false), now: bench.now)
    bench.run(ticks: 500)
    try bench.leg.configure(LegBench.remote(), now: bench.now)
    bench.run(ticks: 5)
    #expect(bridge.received.count == 160)
}

@Test func oneKeyHeardAsEventAndAsToneIsOnePress() throws {
    let bench = try LegBench(detection: true)
    var far = FarEnd()
    let pair = try #require(DTMF.frequencies(of: "9"))
    var tone = ToneGenerator(frequencies: [pair.row, pair.column], levelDBm0: -10)
    bench.receive(far.audio())
    bench.receive(
        rtp(
            RTPHeader(
                payloadType: 101, sequence: far.sequence, timestamp: far.timestamp, ssrc: far.ssrc),
            [9, 10, 0, 160]))
    far.sequence &+= 1
    for index in 0..<30 {
        bench.now += MediaLeg.tick
        let frame = index < 6 ? tone.next(160) : [Int16](repeating: 0, count: 160)
        bench.receive(far.packet(payload: frame.map { G711.muLaw($0) }, advance: 160))
    }
    let digits = bench.outputs.filter { if case .dtmf = $0 { true } else { false } }
    #expect(digits == [.dtmf("9", source: .rfc4733)])
}

/// "9999" at three presses a second by a gateway that leaves the tone in the audio.
@Test func theSameKeyPressedOftenIsSaidAsOftenAsEventAndTone() throws {
    let bench = try LegBench(detection: true)
    var far = FarEnd()
    let pair = try #require(DTMF.frequencies(of: "9"))
    bench.receive(far.audio())
    for _ in 0..<4 {
        var tone = ToneGenerator(frequencies: [pair.row, pair.column], levelDBm0: -10)
        let press = far.timestamp
        for index in 0..<15 {
            bench.now += MediaLeg.tick
            if index < 5 {
                let duration = UInt8((index + 1) * 20)
                bench.receive(
                    rtp(
                        RTPHeader(
                            payloadType: 101, sequence: far.sequence, timestamp: press,
                            ssrc: far.ssrc),
                        [9, index == 4 ? 0x8A : 10, 0, duration]))
                far.sequence &+= 1
            }
            let frame = index < 6 ? tone.next(160) : [Int16](repeating: 0, count: 160)
            bench.receive(far.packet(payload: frame.map { G711.muLaw($0) }, advance: 160))
        }
    }
    let digits = bench.outputs.filter { if case .dtmf = $0 { true } else { false } }
    #expect(digits == Array(repeating: .dtmf("9", source: .rfc4733), count: 4))
}

@Test func aToneAloneIsAnInbandDigit() throws {
    let bench = try LegBench(detection: true)
    var far = FarEnd()
    let pair = try #require(DTMF.frequencies(of: "4"))
    var tone = ToneGenerator(frequencies: [pair.row, pair.column], levelDBm0: -10)
    for index in 0..<30 {
        let frame = (5..<11).contains(index) ? tone.next(160) : [Int16](repeating: 0, count: 160)
        bench.receive(far.packet(payload: frame.map { G711.muLaw($0) }, advance: 160))
        bench.now += MediaLeg.tick
    }
    #expect(bench.outputs == [.mediaStarted, .dtmf("4", source: .inband)])
}
