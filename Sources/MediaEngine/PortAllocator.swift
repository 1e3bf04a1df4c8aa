internal import Base

/// Hands out even UDP ports of a range, the longest unused first, and lets them rest after use.
struct PortAllocator: Sendable {
    let range: ClosedRange<Int>
    private let quarantine: Interval
    /// Ring of free ports: taken at `head`, returned at the end.
    private var free: [Int]
    private var head = 0
    private var resting: [(port: Int, until: Instant)] = []
    private var restingHead = 0
    /// Ports that another process held when they were tried.
    private(set) var skipped = 0

    init(range: ClosedRange<Int>, quarantine: Interval) {
        self.range = range
        self.quarantine = quarantine
        let first = range.lowerBound + range.lowerBound % 2
        // RTCP needs the odd port above, inside the range too.
        free = Array(stride(from: first, through: range.upperBound - 1, by: 2))
    }

    /// Entries of ports at rest that are kept in memory, those whose rest is over included.
    var restingEntries: Int { resting.count }

    /// Ports that `take` could hand out at `now`.
    mutating func freeCount(now: Instant) -> Int {
        endQuarantine(now: now)
        return free.count - head
    }

    /// nil: every port is in use or resting.
    mutating func take(now: Instant) -> Int? {
        endQuarantine(now: now)
        guard head < free.count else { return nil }
        defer {
            head += 1
            if head > 4096, head * 2 > free.count {
                free.removeFirst(head)
                head = 0
            }
        }
        return free[head]
    }

    /// The leg on `port` has gone: it rests.
    mutating func release(_ port: Int, now: Instant) {
        resting.append((port, now + quarantine))
    }

    /// `port` could not be bound: somebody else has it. Tried again last.
    mutating func skip(_ port: Int) {
        skipped += 1
        free.append(port)
    }

    /// `port` was taken for nothing.
    mutating func putBack(_ port: Int) { free.append(port) }

    private mutating func endQuarantine(now: Instant) {
        while restingHead < resting.count, resting[restingHead].until <= now {
            free.append(resting[restingHead].port)
            restingHead += 1
        }
        if restingHead == resting.count {
            resting.removeAll(keepingCapacity: true)
            restingHead = 0
        } else if restingHead > 4096 {
            resting.removeFirst(restingHead)
            restingHead = 0
        }
    }
}
