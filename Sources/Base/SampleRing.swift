internal import Synchronization

/// A ring of 16-bit samples between exactly one writing thread and one reading thread.
///
/// Positions are absolute sample counts since the ring was made, so both sides can speak of "sample
/// 16,000" long after it has been overwritten. The writer never blocks and never overwrites what
/// has not been read: what does not fit is refused and the caller counts it.
public final class SampleRing: @unchecked Sendable {
    // @unchecked: `storage` between `read` and `written` belongs to the reader, the rest to the
    // writer; the two positions are published with release and read with acquire.
    /// Samples that it holds: a power of two, at least 16.
    public let capacity: Int
    private let mask: Int
    private let storage: UnsafeMutablePointer<Int16>
    private let written = Atomic<Int>(0)
    private let read = Atomic<Int>(0)

    /// `capacity` is rounded up to a power of two.
    public init(capacity: Int) {
        var rounded = 16
        while rounded < capacity { rounded <<= 1 }
        self.capacity = rounded
        mask = rounded - 1
        storage = .allocate(capacity: rounded)
        storage.initialize(repeating: 0, count: rounded)
    }

    deinit { storage.deallocate() }

    /// Absolute position of the next sample to be written.
    public var writePosition: Int { written.load(ordering: .acquiring) }
    /// Absolute position of the next sample to be read.
    public var readPosition: Int { read.load(ordering: .acquiring) }
    /// Samples written and not yet read. Exact for the writer and the reader; a third thread may see
    /// the reader pass between the two loads, hence the clamp.
    public var count: Int { max(0, writePosition - readPosition) }
    /// Samples that fit now. For the writer a lower bound: the reader may make room meanwhile.
    public var free: Int { capacity - count }

    /// Writer: appends as many samples as fit and returns how many that were.
    @discardableResult
    public func write(_ samples: UnsafeBufferPointer<Int16>) -> Int {
        let position = written.load(ordering: .relaxed)
        let room = capacity - (position - read.load(ordering: .acquiring))
        let count = min(room, samples.count)
        guard count > 0, let source = samples.baseAddress else { return 0 }
        // SAFETY: `count` ≤ room, so the two spans below lie in the writer's part of `storage`.
        let start = position & mask
        let first = min(count, capacity - start)
        (storage + start).update(from: source, count: first)
        storage.update(from: source + first, count: count - first)
        written.store(position + count, ordering: .releasing)
        return count
    }

    /// Reader: copies up to `samples.count` samples out and returns how many.
    public func read(into samples: UnsafeMutableBufferPointer<Int16>) -> Int {
        let position = read.load(ordering: .relaxed)
        let available = written.load(ordering: .acquiring) - position
        let count = min(available, samples.count)
        guard count > 0, let target = samples.baseAddress else { return 0 }
        // SAFETY: `count` ≤ available, so both spans lie in the reader's part of `storage`.
        let start = position & mask
        let first = min(count, capacity - start)
        target.update(from: storage + start, count: first)
        (target + first).update(from: storage, count: count - first)
        read.store(position + count, ordering: .releasing)
        return count
    }

    /// Reader: copies up to `samples.count` samples out without taking them; returns how many.
    public func peek(into samples: UnsafeMutableBufferPointer<Int16>) -> Int {
        let position = read.load(ordering: .relaxed)
        let count = min(written.load(ordering: .acquiring) - position, samples.count)
        guard count > 0, let target = samples.baseAddress else { return 0 }
        // SAFETY: as in `read`; the read position stays, so the writer keeps out.
        let start = position & mask
        let first = min(count, capacity - start)
        target.update(from: storage + start, count: first)
        (target + first).update(from: storage, count: count - first)
        return count
    }

    /// Reader: drops everything before `position` (clamped to what has been written) and returns
    /// how many samples were dropped.
    @discardableResult
    public func discard(upTo position: Int) -> Int {
        let current = read.load(ordering: .relaxed)
        let target = min(position, written.load(ordering: .acquiring))
        guard target > current else { return 0 }
        read.store(target, ordering: .releasing)
        return target - current
    }
}
