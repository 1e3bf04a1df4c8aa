import Audio
import Base

@testable import Media

/// A playout buffer on a virtual clock: packets with arrival times in, frames out every 20 ms.
struct PlayoutBench: ~Copyable {
    /// One packet that will arrive.
    struct Arrival {
        /// ms
        var at: Double
        var sequence: UInt16
        var timestamp: UInt32
        var samples: [Int16]
    }

    var buffer: PlayoutBuffer
    var output: [Int16] = []
    var frames: [PlayoutFrame] = []
    /// Delay after each pull that played, ms.
    var delays: [Double] = []
    var insertions: [PlayoutInsertion] = []

    init(_ configuration: PlayoutConfiguration = PlayoutConfiguration()) {
        buffer = PlayoutBuffer(configuration)
    }

    /// Arrivals by time and a pull every 20 ms from `from` until `until`, ms.
    mutating func run(_ arrivals: [Arrival], from: Int = 0, until: Int) {
        let ordered = arrivals.sorted { $0.at < $1.at }
        var index = 0
        var frame = [Int16](repeating: 0, count: buffer.configuration.frameSamples)
        for tick in stride(from: from, to: until, by: 20) {
            while index < ordered.count, ordered[index].at <= Double(tick) {
                insert(ordered[index])
                index += 1
            }
            let now = Instant(milliseconds: Int64(tick))
            let result = frame.withUnsafeMutableBufferPointer { buffer.pull(into: $0, now: now) }
            output += frame
            frames.append(result)
            if result.audio > 0 { delays.append(buffer.delayMilliseconds) }
        }
    }

    mutating func insert(_ arrival: Arrival) {
        let now = Instant(nanoseconds: Int64(arrival.at * 1e6))
        let result = arrival.samples.withUnsafeBufferPointer {
            buffer.insert(
                sequence: arrival.sequence, timestamp: arrival.timestamp, samples: $0, now: now)
        }
        insertions.append(result)
    }

    var total: PlayoutFrame {
        var sum = PlayoutFrame()
        for frame in frames {
            sum.audio += frame.audio
            sum.concealed += frame.concealed
            sum.silence += frame.silence
            sum.expanded += frame.expanded
            sum.compressed += frame.compressed
            sum.skipped += frame.skipped
        }
        return sum
    }

    var counters: PlayoutCounters { buffer.counters }
    var lost: Int { buffer.lost }
    var target: Double { buffer.targetMilliseconds }
    var delay: Double { buffer.delayMilliseconds }
}

/// 20 ms packets of `signal`; `delay` gives each packet's network delay in ms, nil for loss.
func arrivals(
    count: Int, from first: Int = 0, sequence: UInt16 = 65_500, timestamp: UInt32 = 0xFFFF_F000,
    skew: Double = 0, signal: (Int) -> Int16 = { _ in 0 }, delay: (Int) -> Double?
) -> [PlayoutBench.Arrival] {
    (first..<first + count).compactMap { index in
        guard let wait = delay(index) else { return nil }
        let sent = Double(index) * 20 * (1 - skew)
        return PlayoutBench.Arrival(
            at: sent + wait, sequence: sequence &+ UInt16(truncatingIfNeeded: index),
            timestamp: timestamp &+ UInt32(index * 160),
            samples: (0..<160).map { signal(index * 160 + $0) })
    }
}

/// A 200 Hz tone with a harmonic, period 40 samples: voiced speech to the time scaler.
func voiced(_ index: Int) -> Int16 { voicedPeriod[index % 40] }

private let voicedPeriod: [Int16] = (0..<40).map { index in
    let phase = Double(index) / 40 * 2 * Double.pi
    return Int16(8000 * Elementary.sin(phase) + 3000 * Elementary.sin(2 * phase))
}

/// Largest step between neighbours.
func largestStep(_ samples: [Int16]) -> Int {
    var largest = 0
    for index in samples.indices.dropFirst() {
        largest = max(largest, abs(Int(samples[index]) - Int(samples[index - 1])))
    }
    return largest
}
