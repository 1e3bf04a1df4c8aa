import Base
import CAllocationCount
import Media

/// What one pull found.
struct Row {
    var delay = 0.0
    var target = 0.0
    /// Of the latest packet since the pull before; below 0 for none.
    var lateness = -1.0
    var frame = PlayoutFrame()
    var late = 0
    var lost = 0
}

struct Playing {
    var rows: [Row]
    var counters: PlayoutCounters
    var lost: Int
    var allocations: Int
    var nanosecondsPerFrame: Double
}

/// Runs the packets through a buffer, a pull every 20 ms.
func play(_ packets: [Arrival]) -> Playing {
    var buffer = PlayoutBuffer()
    var frame = [Int16](repeating: 0, count: 160)
    let ticks = Int((packets.last?.at ?? .zero).milliseconds / 20) + 20
    var rows = [Row](repeating: Row(), count: ticks)
    var next = 0
    let clock = ContinuousClock()
    let started = clock.now
    allocation_count_start(0)
    for tick in 0..<ticks {
        let now = Instant(milliseconds: Int64(tick) * 20)
        while next < packets.count, packets[next].at <= now {
            let packet = packets[next]
            _ = packet.samples.withUnsafeBufferPointer {
                buffer.insert(
                    sequence: packet.sequence, timestamp: packet.timestamp, samples: $0,
                    now: packet.at)
            }
            rows[tick].lateness = max(rows[tick].lateness, buffer.latenessMilliseconds)
            next += 1
        }
        rows[tick].frame = frame.withUnsafeMutableBufferPointer {
            buffer.pull(into: $0, now: now)
        }
        rows[tick].delay = buffer.delayMilliseconds
        rows[tick].target = buffer.targetMilliseconds
        rows[tick].late = buffer.counters.late
        rows[tick].lost = buffer.lost
    }
    var allocations = 0
    var frees = 0
    allocation_count_stop(&allocations, &frees)
    let spent = started.duration(to: clock.now).components
    let nanoseconds = Double(spent.seconds) * 1e9 + Double(spent.attoseconds) / 1e9
    return Playing(
        rows: rows, counters: buffer.counters, lost: buffer.lost, allocations: allocations,
        nanosecondsPerFrame: nanoseconds / Double(ticks))
}
