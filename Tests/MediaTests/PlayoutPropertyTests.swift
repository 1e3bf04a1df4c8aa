import Base
import Testing

@testable import Media

/// Any numbered stream, in any order, with any loss, repetition and jitter: what is played is in
/// order, each sample at most once unless it is marked, and never later than the bound.
@Suite struct PlayoutPropertyTests {
    /// Each sample says where it belongs: a ramp of 30,000, loud so that nothing counts as quiet.
    static func ramp(_ index: Int) -> Int16 { Int16(index % 30_000 + 1) }

    static func story(_ generator: inout SeededGenerator) -> [PlayoutBench.Arrival] {
        let spread = Double(generator.next() % 180)
        let lossPercent = generator.next() % 30
        var pause = 0
        var sequence: UInt16 = UInt16(truncatingIfNeeded: generator.next())
        let first = UInt32(truncatingIfNeeded: generator.next())
        var all: [PlayoutBench.Arrival] = []
        for index in 0..<400 {
            if generator.next() % 60 == 0 { pause += Int(generator.next() % 50) }
            sequence &+= 1
            if generator.next() % 100 < lossPercent { continue }
            let place = index + pause
            let wait = spread > 0 ? Double(generator.next() % UInt64(spread + 1)) : 0
            let packet = PlayoutBench.Arrival(
                at: Double(place) * 20 + 30 + wait, sequence: sequence,
                timestamp: first &+ UInt32(place * 160),
                samples: (0..<160).map { ramp(place * 160 + $0) })
            all.append(packet)
            if generator.next() % 20 == 0 {
                var copy = packet
                copy.at += Double(generator.next() % 100)
                all.append(copy)
            }
        }
        return all
    }

    @Test func playedInOrderAndOnceUnlessMarked() {
        for seed in 1...15 {
            var generator = SeededGenerator(seed: UInt64(seed))
            var bench = PlayoutBench()
            let story = Self.story(&generator)
            let end = Int((story.map(\.at).max() ?? 0) / 20) * 20 + 400
            bench.run(story, until: end)
            var last: Int?
            for (index, frame) in bench.frames.enumerated() {
                let parts = frame.audio + frame.concealed + frame.silence + frame.expanded
                #expect(parts == 160, "seed \(seed)")
                guard frame.isPlain else {
                    last = nil
                    continue
                }
                let samples = bench.output[index * 160..<index * 160 + 160].map(Int.init)
                // Behind a marked frame the first 5 ms may be a cross-fade.
                let from = last == nil ? 40 : 0
                for at in from..<160 {
                    if let last {
                        let step = (samples[at] - last + 30_000) % 30_000
                        guard step == 1 else {
                            Issue.record("seed \(seed) frame \(index) sample \(at): \(step)")
                            return
                        }
                    }
                    last = samples[at]
                }
            }
            let held = bench.delays.max() ?? 0
            #expect(held <= 221, "seed \(seed): \(held) ms")
        }
    }

    @Test func whatWasPlayedEarlierNeverComesAgain() {
        for seed in 100...110 {
            var generator = SeededGenerator(seed: UInt64(seed))
            var bench = PlayoutBench()
            let story = Self.story(&generator)
            let end = Int((story.map(\.at).max() ?? 0) / 20) * 20 + 400
            bench.run(story, until: end)
            // Last samples of plain frames, as places: they only grow (mod the ramp).
            var last: Int?
            for (index, frame) in bench.frames.enumerated() where frame.isPlain {
                let place = Int(bench.output[index * 160 + 159])
                if let last {
                    let step = (place - last + 30_000) % 30_000
                    #expect(step >= 160 && step < 25_000, "seed \(seed) frame \(index)")
                }
                last = place
            }
        }
    }

    @Test func wildInputNeverTrapsAndStaysBounded() {
        for seed in 1...8 {
            var generator = SeededGenerator(seed: UInt64(seed) &* 77)
            var buffer = PlayoutBuffer()
            var frame = [Int16](repeating: 0, count: 160)
            var broken = 0
            var now = Int64(0)
            for _ in 0..<2000 {
                now += Int64(generator.next() % 30_000_000)
                let wild = generator.next() % 8 == 0
                let count = wild ? Int(generator.next() % 1000) : 160
                let samples = [Int16](repeating: Int16(truncatingIfNeeded: now), count: count)
                let sequence = UInt16(
                    truncatingIfNeeded: wild ? generator.next() : UInt64(now / 20_000_000))
                let stamp = UInt32(
                    truncatingIfNeeded: wild ? generator.next() : UInt64(now / 125_000))
                _ = samples.withUnsafeBufferPointer {
                    buffer.insert(
                        sequence: sequence, timestamp: stamp, samples: $0,
                        now: Instant(nanoseconds: now))
                }
                if generator.next() % 16 == 0 { buffer.insertOther(sequence: sequence &+ 3) }
                if generator.next() % 200 == 0 { buffer.reset() }
                let result = frame.withUnsafeMutableBufferPointer {
                    buffer.pull(into: $0, now: Instant(nanoseconds: now))
                }
                let parts =
                    result.audio + result.concealed + result.silence + result.expanded
                if parts != 160 || buffer.heldSamples > 4096 + 960 { broken += 1 }
            }
            #expect(broken == 0, "seed \(seed)")
        }
    }
}
