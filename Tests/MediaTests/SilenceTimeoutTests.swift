import Audio
import Base
import RTP
import Testing

@testable import Media

/// When a leg says that its media has gone, and when it must not. It only says so: what becomes of
/// the call is its owner's decision.
@Suite struct SilenceTimeoutTests {
    /// What the far end does after the answer, once a second.
    enum Habit: CaseIterable {
        case nothing, audio, reports, both
        /// Datagrams of the right address that are no media we take.
        case badMedia, foreignAudio, foreignReports, malformedReports, wrongType
    }

    private static let timeout = Interval.seconds(5)

    private func saidTimeouts(
        _ habit: Habit, timeout: Interval?, answered: Bool = true, receives: Bool = true
    ) throws -> Int {
        let bench = try LegBench(
            mediaTimeout: timeout, remote: LegBench.remote(receives: receives))
        if answered { bench.leg.answered(now: bench.now) }
        var far = FarEnd()
        bench.run(ticks: 600) { index in
            guard index % 50 == 0 else { return }
            send(habit, &far, bench)
        }
        return bench.outputs.count { $0 == .mediaTimeout }
    }

    private func send(_ habit: Habit, _ far: inout FarEnd, _ bench: LegBench) {
        let report =
            (try? RTCPPacket.report(sender: nil, ssrc: far.ssrc, blocks: [], cname: "x")) ?? []
        let reports = LegBench.peer.withPort(4001)
        switch habit {
        case .nothing: break
        case .audio: bench.receive(far.audio())
        case .reports: bench.receive(report, from: reports, on: .rtcp)
        case .both:
            bench.receive(far.audio())
            bench.receive(report, from: reports, on: .rtcp)
        case .badMedia: bench.receive([0xFF, 0xFE, 0xFD])
        case .foreignAudio: bench.receive(far.audio(), from: LegBench.stranger)
        case .foreignReports: bench.receive(report, from: LegBench.stranger, on: .rtcp)
        case .malformedReports: bench.receive([0x80, 201, 0xFF, 0xFF], from: reports, on: .rtcp)
        case .wrongType: bench.receive(far.packet(payload: [1, 2], type: 96, advance: 160))
        }
    }

    @Test(arguments: [
        (Habit.nothing, 1), (.audio, 0), (.reports, 0), (.both, 0), (.badMedia, 1),
        (.foreignAudio, 1), (.foreignReports, 1), (.malformedReports, 1), (.wrongType, 1),
    ])
    func onlyTrueMediaAndReportsAreLife(habit: Habit, expected: Int) throws {
        #expect(try saidTimeouts(habit, timeout: Self.timeout) == expected)
    }

    /// Never configured, not answered yet, or on hold by the SDP: nobody is missed.
    @Test(arguments: Habit.allCases)
    func withoutALimitAnAnswerOrADirectionNothingIsSaid(habit: Habit) throws {
        #expect(try saidTimeouts(habit, timeout: nil) == 0)
        #expect(try saidTimeouts(habit, timeout: Self.timeout, answered: false) == 0)
        #expect(try saidTimeouts(habit, timeout: Self.timeout, receives: false) == 0)
    }

    @Test func itIsSaidOnTimeOncePerSilenceAndAgainAfterMediaCameBack() throws {
        let bench = try LegBench(mediaTimeout: Self.timeout)
        bench.leg.answered(now: bench.now)
        var far = FarEnd()
        var said: [Int] = []
        bench.run(ticks: 1000) { index in
            if bench.outputs.count(where: { $0 == .mediaTimeout }) > said.count {
                said.append(index - 1)
            }
            if index == 400 { bench.receive(far.audio()) }
        }
        // 5 s are 250 ticks; the packet of tick 400 starts the count again.
        #expect(said == [250, 650])
        // The leg itself goes on: it still sends.
        #expect(bench.rtp.count == 1000)
    }

    /// Media of the worst kind arrives all the time: nothing ends, nothing times out.
    @Test func badMediaNeverEndsALeg() throws {
        let bench = try LegBench(mediaTimeout: Self.timeout)
        bench.leg.answered(now: bench.now)
        var generator = SeededGenerator(seed: 4)
        var far = FarEnd()
        bench.run(ticks: 600) { index in
            var payload = [UInt8](
                repeating: 0, count: Int.random(in: 0...400, using: &generator))
            for place in payload.indices {
                payload[place] = UInt8.random(in: 0...255, using: &generator)
            }
            far.sequence = UInt16(truncatingIfNeeded: generator.next())
            far.timestamp = UInt32(truncatingIfNeeded: generator.next())
            bench.receive(far.packet(payload: payload, advance: 160))
        }
        #expect(!bench.outputs.contains(.mediaTimeout))
        #expect(bench.rtp.count == 600)
    }
}

/// On hold by the SDP nobody is missed, and who is taken off hold has the whole timeout to speak again.
@Test(arguments: [true, false])
func whoIsHeldAndThenResumedHasTheWholeTimeout(isSilentBefore: Bool) throws {
    let bench = try LegBench(mediaTimeout: .seconds(5))
    bench.leg.answered(now: bench.now)
    var far = FarEnd()
    if !isSilentBefore { bench.receive(far.audio()) }
    // Held after four seconds, for twice the timeout.
    bench.run(ticks: 200)
    try bench.leg.configure(LegBench.remote(receives: false), now: bench.now)
    bench.run(ticks: 500)
    #expect(!bench.outputs.contains(.mediaTimeout))
    try bench.leg.configure(LegBench.remote(), now: bench.now)
    bench.run(ticks: 250)
    #expect(!bench.outputs.contains(.mediaTimeout))
    bench.run(ticks: 1)
    #expect(bench.outputs.count { $0 == .mediaTimeout } == 1)
    // Said once, held and resumed: it is another silence.
    try bench.leg.configure(LegBench.remote(receives: false), now: bench.now)
    bench.run(ticks: 10)
    try bench.leg.configure(LegBench.remote(), now: bench.now)
    bench.run(ticks: 251)
    #expect(bench.outputs.count { $0 == .mediaTimeout } == 2)
}

/// Whom a new description names has the whole timeout to speak, whoever was silent before.
@Test func aNewFarEndHasTheWholeTimeout() throws {
    let bench = try LegBench(mediaTimeout: .seconds(5))
    bench.leg.answered(now: bench.now)
    bench.run(ticks: 240)
    try bench.leg.configure(LegBench.remote(port: 4444), now: bench.now)
    bench.run(ticks: 250)
    #expect(!bench.outputs.contains(.mediaTimeout))
    // The same description again is no news.
    try bench.leg.configure(LegBench.remote(port: 4444), now: bench.now)
    bench.run(ticks: 1)
    #expect(bench.outputs.contains(.mediaTimeout))
}
