import Audio
import Base
import RTP
import Testing

@testable import Media

private func isEvent(_ packet: (header: RTPHeader, payload: [UInt8], at: Instant)) -> Bool {
    packet.header.payloadType == 101
}

private func durations(_ bench: LegBench) -> [Int] {
    bench.rtp.filter(isEvent).map { Int($0.payload[2]) << 8 | Int($0.payload[3]) }
}

/// Frames of 20 ms that are no silence.
private func loudFrames(
    _ packets: some Sequence<(header: RTPHeader, payload: [UInt8], at: Instant)>
) -> Int {
    packets.count { packet in packet.payload.contains { G711.sample(muLaw: $0).magnitude > 500 } }
}

/// A description of the far end that comes while a digit is being sent.
@Suite struct DigitAndDescriptionTests {
    @Test func aPressEndsWithItsPayloadTypeAndAudioGoesOn() throws {
        let bench = try LegBench()
        bench.leg.sendDigit("5", milliseconds: 5000, workspace: &bench.workspace)
        bench.leg.sendDigit("6", milliseconds: 100, workspace: &bench.workspace)
        bench.run(ticks: 5)
        #expect(bench.rtp.count(where: isEvent) == 5)
        try bench.leg.configure(LegBench.remote(events: nil), now: bench.now)
        bench.run(ticks: 20)
        #expect(bench.rtp.count(where: isEvent) == 5)
        // 60 ms of pause, the other digit as a tone, and what else there is to say.
        try #require(bench.rtp.count == 25)
        #expect(loudFrames(bench.rtp[5..<8]) == 0)
        #expect(loudFrames(bench.rtp[8..<13]) == 5)
        #expect(loudFrames(bench.rtp[13...]) == 0)
    }

    @Test func aPressGoesOnByTheClockOfItsNewPayloadType() throws {
        let bench = try LegBench(remote: media(.pcmu))
        bench.leg.sendDigit("5", milliseconds: 100, workspace: &bench.workspace)
        bench.run(ticks: 2)
        try bench.leg.configure(media(.opus, eventClock: 48_000), now: bench.now)
        bench.run(ticks: 5)
        #expect(durations(bench) == [160, 320, 2880, 3840, 4800, 4800, 4800])
        #expect(Set(bench.rtp.filter(isEvent).map(\.header.timestamp)) == [50_000])
    }

    /// A tone of 200 ms that a hold cuts: what was long enough to be understood is no second press behind
    /// it, and what was too short is said again, whole.
    @Test(arguments: [(1, 1 + 10), (2, 2), (3, 3)])
    func aToneThatAHoldCutIsOnePress(framesBefore: Int, loud: Int) throws {
        let bench = try LegBench(remote: LegBench.remote(events: nil))
        bench.leg.sendDigit("5", milliseconds: 200, workspace: &bench.workspace)
        bench.run(ticks: framesBefore)
        try bench.leg.configure(LegBench.remote(events: nil, sends: false), now: bench.now)
        bench.run(ticks: 10)
        try bench.leg.configure(LegBench.remote(events: nil), now: bench.now)
        bench.run(ticks: 20)
        #expect(loudFrames(bench.rtp) == loud)
        #expect(bench.rtp.count == framesBefore + 20)
    }

    @Test func aPressThatAHoldCutIsNotGoneOnWith() throws {
        let bench = try LegBench()
        bench.leg.sendDigit("5", milliseconds: 200, workspace: &bench.workspace)
        bench.run(ticks: 3)
        try bench.leg.configure(LegBench.remote(sends: false), now: bench.now)
        bench.run(ticks: 200)
        try bench.leg.configure(LegBench.remote(), now: bench.now)
        bench.run(ticks: 10)
        #expect(durations(bench) == [160, 320, 480])
        #expect(bench.rtp.count == 13)
    }
}
