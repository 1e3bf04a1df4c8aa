import Audio
import Base
import CallModel
import Testing

@testable import Media

/// A far end that changes its codec without asking, heard over a link: packets at given moments in,
/// a frame each tick out.
@Suite struct PlayoutCodecTests {
    private final class Line {
        let bench: LegBench
        let link: LegLink
        var heard: [Int16] = []
        private var waiting: [(tick: Int, bytes: [UInt8])] = []
        private var ticks = 0

        init(_ codec: AudioCodec, alternative: AudioCodec) throws {
            bench = try LegBench(remote: media(codec, alternatives: [alternative]))
            link = LegLink(id: LinkID(1), from: LegID(1), to: LegID(2), sampleRate: 8000)
            _ = bench.leg.add(output: link)
        }

        /// `packet` comes so many ticks late; then a tick passes.
        func run(_ packet: [UInt8]?, late: Int = 0) {
            if let packet { waiting.append((ticks + late, packet)) }
            for item in waiting where item.tick <= ticks { bench.receive(item.bytes) }
            waiting.removeAll { $0.tick <= ticks }
            bench.run(ticks: 1)
            heard += drained(link.ring)
            ticks += 1
        }

        /// Frames of 20 ms from `first` on that are 3 dB or more off the tone's level.
        func faults(from first: Int) -> Int {
            var count = 0
            for place in stride(from: first * 160, to: heard.count - 159, by: 160) {
                count += abs(Level.dBm0(Array(heard[place..<place + 160])) + 10) > 3 ? 1 : 0
            }
            return count
        }
    }

    private func follow(_ old: CodecFarEnd, by new: CodecFarEnd) {
        new.sequence = old.sequence
        new.timestamp = old.timestamp
        new.tone = old.tone
    }

    /// µ-law and A-law are the same samples: what waits to be heard goes on over the change, also when
    /// packets of both come in turn.
    @Test func whatWaitsIsHeardOverAChangeBetweenBothLaws() throws {
        let line = try Line(.pcmu, alternative: .pcma)
        let mu = try CodecFarEnd(.pcmu)
        let a = try CodecFarEnd(.pcma)
        for index in 0..<100 { line.run(mu.packet(), late: index % 4 == 1 ? 2 : 0) }
        follow(mu, by: a)
        for index in 0..<100 { line.run(a.packet(), late: index % 4 == 0 ? 2 : 0) }
        for _ in 0..<10 { line.run(nil) }
        #expect(line.faults(from: 30) <= 10 + 1)
        line.heard.removeLast(12 * 160)
        #expect(line.faults(from: 30) == 0)
    }

    /// Another kind of codec has a buffer of its own, which waits for its target while what the one before
    /// holds is heard.
    @Test(arguments: [(AudioCodec.pcmu, AudioCodec.g722), (.g722, .pcmu), (.pcmu, .l16Wide)])
    func whatWaitsIsHeardOverAChangeOfKind(old: AudioCodec, new: AudioCodec) throws {
        let line = try Line(old, alternative: new)
        let before = try CodecFarEnd(old)
        let after = try CodecFarEnd(new)
        for index in 0..<100 { line.run(before.packet(), late: index % 4 == 1 ? 2 : 0) }
        after.sequence = before.sequence
        after.timestamp = before.timestamp
        for _ in 0..<100 { line.run(after.packet()) }
        // Where they meet, and no hole.
        #expect(line.faults(from: 30) <= 1)
        // Both are counted, also when nobody listens any more.
        line.link.end(.disconnected)
        line.run(nil)
        #expect(line.bench.counters.links.playoutReceived == 200)
    }

    /// The last packet of a codec that is decoded in order comes behind the first of one that is not.
    @Test(arguments: [AudioCodec.g722, .opus], [0, 2])
    func aPacketOvertakenByTheNewCodecMakesNoHole(old: AudioCodec, jitter: Int) throws {
        let line = try Line(old, alternative: .pcmu)
        let before = try CodecFarEnd(old)
        let after = try CodecFarEnd(.pcmu)
        for index in 0..<100 { line.run(before.packet(), late: index % 4 == 1 ? jitter : 0) }
        let last = before.packet()
        line.run(nil)
        after.sequence = before.sequence
        after.timestamp = before.timestamp
        line.bench.receive(after.packet())
        line.run(last)
        for _ in 0..<100 { line.run(after.packet()) }
        #expect(line.faults(from: 30) <= (old == .opus ? 2 : 1))
    }

    /// What was counted before a change is not lost when nobody listens any more soon after it.
    @Test func countsOutliveAChangeThatIsTheLast() throws {
        let line = try Line(.pcmu, alternative: .g722)
        let old = try CodecFarEnd(.pcmu)
        let new = try CodecFarEnd(.g722)
        for _ in 0..<60 { line.run(old.packet()) }
        follow(old, by: new)
        new.tone = try CodecFarEnd(.g722).tone
        for _ in 0..<20 { line.run(new.packet()) }
        line.link.end(.disconnected)
        line.run(nil)
        #expect(line.bench.counters.links.playoutReceived == 80)
    }

    /// A packet that is too late for the order, of the codec of before, takes nothing from what waits.
    @Test(arguments: [true, false])
    func aStragglerOfTheOldCodecTakesNothingAway(isCopy: Bool) throws {
        let line = try Line(.pcmu, alternative: .g722)
        let old = try CodecFarEnd(.pcmu)
        let new = try CodecFarEnd(.g722)
        for _ in 0..<100 { line.run(old.packet()) }
        let last = old.packet()
        line.run(isCopy ? last : nil)
        follow(old, by: new)
        new.tone = try CodecFarEnd(.g722).tone
        for _ in 0..<50 { line.run(new.packet()) }
        line.bench.receive(last)
        let before = line.heard.count / 160
        for _ in 0..<50 { line.run(new.packet()) }
        #expect(line.faults(from: before) == 0)
    }
}
