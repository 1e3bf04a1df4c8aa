import Audio
import Base
import RTP
import Testing

@testable import Media

/// What a bot has heard so far, in samples.
private final class Listener {
    let bridge = AudioBridge(receivedMilliseconds: 5000)
    private(set) var heard = 0

    init(_ bench: LegBench) { _ = bench.attach(bridge) }

    func take() -> Int {
        let count = drained(bridge.received).count
        heard += count
        return count
    }
}

/// How long what is heard lasts, and when: pauses, hold, and clocks that differ.
@Suite struct HeardTimelineTests {
    /// The clock fills a pause all but its last 300 ms (80 ms behind comfort noise): the rest comes
    /// with the packet behind it, however long it was.
    @Test(arguments: [true, false], [5, 12, 30, 100])
    func aLongPauseKeepsItsLength(describesNoise: Bool, seconds: Int) throws {
        let bench = try LegBench()
        let listener = Listener(bench)
        var far = FarEnd()
        bench.run(ticks: 50) { _ in bench.receive(far.audio()) }
        if describesNoise { bench.receive(far.packet(payload: [40], type: 13, advance: 0)) }
        bench.run(ticks: seconds * 50) { _ in _ = listener.take() }
        far.timestamp &+= UInt32(seconds * 8000)
        bench.run(ticks: 50) { _ in bench.receive(far.audio()) }
        _ = listener.take()
        #expect(listener.heard == (100 + seconds * 50) * 160)
    }

    /// A worker that stood still for so long that it skips: the packet behind does not repeat it.
    @Test func timeThatWasSkippedIsNotHeardLater() throws {
        let bench = try LegBench()
        let listener = Listener(bench)
        var far = FarEnd()
        bench.run(ticks: 50) { _ in bench.receive(far.audio()) }
        _ = listener.take()
        bench.now += .seconds(40)
        bench.tick()
        far.timestamp &+= 40 * 8000
        bench.receive(far.audio())
        // No more than ten seconds at once; the ring holds five.
        #expect(bench.counters.concealedMicroseconds <= 301_000)
        let before = bench.counters.concealedMicroseconds
        bench.run(ticks: 50) { _ in bench.receive(far.audio()) }
        #expect(bench.counters.concealedMicroseconds - before <= 20_000)
    }

    // MARK: clocks

    /// An hour of a clock that is off, a pause each minute: what is heard lasts as long as what was said,
    /// and the end of speech is told of as soon as in the first minute.
    @Test(arguments: [-100, 100])
    func anHourOfDriftDelaysNoEndOfSpeech(ppm: Int64) throws {
        try expectEndOfSpeechOnTime(ppm: ppm, minutes: 60, pauses: true)
    }

    /// As much drift, and no pause in which the timeline could be set right.
    @Test(arguments: [-1000, 1000])
    func sixMinutesOfTenTimesTheDriftNeither(ppm: Int64) throws {
        try expectEndOfSpeechOnTime(ppm: ppm, minutes: 6, pauses: false)
    }

    private func expectEndOfSpeechOnTime(ppm: Int64, minutes: Int, pauses: Bool) throws {
        let bench = try LegBench()
        let listener = Listener(bench)
        bench.leg.answered(now: bench.now)
        var random = SeededGenerator(seed: UInt64(5000 + ppm))
        var far = FarEnd()
        let origin = bench.now
        var said: Int64 = 0
        func moment(_ samples: Int64) -> Instant {
            origin + .nanoseconds(samples * 125_000 - samples * ppm / 8)
        }
        for _ in 0..<minutes {
            // 60 ms a packet, up to 20 ms late.
            for _ in 0..<1000 {
                let late = Int64.random(in: 0...20_000_000, using: &random)
                bench.now = moment(said) + .nanoseconds(late)
                bench.receive(far.audio(samples: 480))
                said += 480
                _ = listener.take()
            }
            try #require(abs(listener.heard - Int(said)) <= 160)
            guard pauses || said == Int64(minutes) * 480_000 else { continue }
            let last = bench.now
            var silence = 0
            while bench.now - last < .seconds(2) {
                bench.run(ticks: 1)
                silence += listener.take()
                let since = (bench.now - MediaLeg.tick - last).milliseconds
                try #require(isSilence(silence, after: since), "\(silence / 8) ms after \(since)")
            }
            far.timestamp &+= 16_000
            said += 16_000
        }
    }

    /// Nothing for 400 ms, then the clock's silence 300 ms behind it, less the last packet's own 60.
    private func isSilence(_ samples: Int, after milliseconds: Int64) -> Bool {
        let wanted = milliseconds < 400 ? 0 : Int(milliseconds - 360) * 8
        return abs(samples - wanted) <= 30 * 8
    }

    /// A timeline that a stall and its burst have put ahead is not left there.
    @Test func aStallsSilenceDelaysNoEndOfSpeechByMoreThanHalfASecond() throws {
        let bench = try LegBench()
        let listener = Listener(bench)
        var far = FarEnd()
        bench.run(ticks: 50) { _ in bench.receive(far.audio()) }
        bench.run(ticks: 150)
        for _ in 0..<150 { bench.receive(far.audio()) }
        bench.run(ticks: 50) { _ in bench.receive(far.audio()) }
        _ = listener.take()
        bench.run(ticks: 46)
        #expect(listener.take() > 0)
    }

    // MARK: lies

    /// RFC 3551 4.5.2: a sender that counts G.722 by 16 kHz is heard in its time, and nothing else.
    @Test func aWrongG722ClockIsHeardInItsTime() throws {
        let bench = try LegBench(remote: LegBench.remote(codec: .g722))
        let bridge = AudioBridge(sampleRate: 16_000, receivedMilliseconds: 5000)
        _ = bench.attach(bridge)
        var far = FarEnd(payloadType: 9)
        bench.run(ticks: 200) { _ in
            bench.receive(far.packet(payload: [UInt8](repeating: 0xAA, count: 160), advance: 320))
        }
        #expect(drained(bridge.received).count == 200 * 320)
        #expect(bench.counters.concealedMicroseconds == 0)
        // 20 ms of every 20 ms would be the clock's, not the path's.
        #expect(bench.summary.jitterMilliseconds < 0.1, "\(bench.summary.jitterMilliseconds)")
        // Another source, another clock.
        var right = FarEnd(ssrc: 0xAAAA_0002, payloadType: 9)
        bench.run(ticks: 200) { _ in
            bench.receive(right.packet(payload: [UInt8](repeating: 0xAA, count: 160), advance: 160))
        }
        #expect(bench.summary.jitterMilliseconds < 0.1, "\(bench.summary.jitterMilliseconds)")
    }

    /// Two seconds with each packet: one leg must not do the work of a hundred.
    @Test func leapingTimestampsMakeNoWork() throws {
        let bench = try LegBench(detection: true)
        let listener = Listener(bench)
        var far = FarEnd()
        bench.run(ticks: 500) { _ in
            bench.receive(
                far.packet(payload: [UInt8](repeating: 0xFF, count: 160), advance: 16_000))
            _ = listener.take()
        }
        #expect(listener.heard >= 500 * 160 && listener.heard <= 500 * 160 + 16_000)
    }

    // MARK: hold

    /// What a far end sends while it may not is no loss when it may again.
    @Test(arguments: [true, false])
    func whatIsSentOnHoldIsNotLost(isLong: Bool) throws {
        let bench = try LegBench()
        bench.leg.offersExtendedReports = true
        var far = FarEnd()
        func hear(_ ticks: Int) { bench.run(ticks: ticks) { _ in bench.receive(far.audio()) } }
        hear(100)
        try bench.leg.configure(LegBench.remote(receives: false), now: bench.now)
        // 40 s, or so long that the numbers leap (RFC 3550 A.1).
        let held = isLong ? 4000 : 2000
        hear(held)
        #expect(bench.rejected(.notReceiving) == held)
        try bench.leg.configure(LegBench.remote(), now: bench.now)
        hear(100)
        bench.run(ticks: 1) { _ in _ = far.audio() }
        hear(400)
        #expect(bench.summary.packetsLost == 1)
        #expect(bench.lossPattern.lost == 1)
        #expect(bench.summary.jitterMilliseconds == 0)
        let block = try #require(try lastBlock(bench))
        #expect(block.cumulativeLost == 1)
    }

    private func lastBlock(_ bench: LegBench) throws -> ReportBlock? {
        guard let report = bench.sent.last(where: { $0.channel == .rtcp }) else { return nil }
        guard case .senderReport(let sent) = try RTCPPacket.parseCompound(report.bytes)[0] else {
            return nil
        }
        return sent.blocks.first
    }
}

extension LegBench {
    fileprivate var lossPattern: LossPattern.Summary { leg.quality.losses }
}

/// Ringback of the network ends, and the 200 comes a while later: what is behind it counts from the 200, not from
/// where the timeline had got to by then.
@Test(arguments: [0, 5, 10, 19, 50, 100])
func timesCountFromTheAnswerAlsoBehindAPauseOfEarlyMedia(pause: Int) throws {
    for silentLine in [false, true] {
        let bench = try LegBench(detection: true)
        var far = FarEnd()
        bench.run(ticks: 50) { _ in bench.receive(far.audio()) }
        bench.run(ticks: pause)
        bench.leg.answered(now: bench.now)
        var beep = ToneGenerator(frequencies: [1000], levelDBm0: -15, sampleRate: 8000)
        far.timestamp &+= UInt32(pause * 160)
        bench.run(ticks: 60) { tick in
            let isBeep = (25..<45).contains(tick)
            let samples = isBeep ? beep.next(160) : [Int16](repeating: 0, count: 160)
            let packet = far.packet(payload: samples.map(G711.muLaw), advance: 160)
            if !silentLine || isBeep || tick >= 45 { bench.receive(packet) }
        }
        let starts = bench.outputs.compactMap { output -> Int? in
            if case .detection(.beep(let start, _, _, _, _)) = output { start } else { nil }
        }
        let start = try #require(starts.first)
        #expect(starts.count == 1 && abs(start - 500) <= 30, "\(silentLine): \(starts)")
    }
}
