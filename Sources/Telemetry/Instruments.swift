internal import Synchronization

/// One machine word on cache lines of its own, so that two writers never share a line.
final class PaddedCell: @unchecked Sendable {
    // @unchecked: the only stored property is a pointer to an atomic, set once.
    /// Two 64-byte lines: adjacent-line prefetch pulls them in pairs.
    private static let stride = 128
    private let memory: UnsafeMutableRawPointer
    let word: UnsafeMutablePointer<Atomic<Int>>

    init() {
        // SAFETY: `stride` bytes hold one Atomic<Int>; freed once, in deinit, with no user left.
        memory = .allocate(byteCount: Self.stride, alignment: Self.stride)
        word = memory.bindMemory(to: Atomic<Int>.self, capacity: 1)
        word.initialize(to: Atomic(0))
    }

    deinit {
        word.deinitialize(count: 1)
        memory.deallocate()
    }
}

/// A total that only grows. Hold on to it: looking it up in the registry takes a lock, incrementing
/// it does not.
public final class Counter: Sendable {
    private let incremented = PaddedCell()
    private let published = PaddedCell()
    private let shards = Mutex<[CounterShard]>([])

    init() {}

    /// Adds `amount`; an amount below zero is ignored, because a counter never falls.
    public func increment(by amount: Int = 1) {
        guard amount > 0 else { return }
        incremented.word.pointee.wrappingAdd(amount, ordering: .relaxed)
    }

    /// Raises the published part to `total`, a number that one owner thread counts for itself. A
    /// smaller total is ignored. Several owners: give each its `shard()`.
    public func publish(total: Int) { Self.raise(published, to: total) }

    /// A part of this counter for one more owner that counts for itself and publishes totals. It
    /// stays part of the sum for the life of the counter: make one per worker, not one per call.
    public func shard() -> CounterShard {
        let shard = CounterShard()
        shards.withLock { $0.append(shard) }
        return shard
    }

    /// Increments, the published part and all shards together.
    public var value: Int {
        let parts = shards.withLock { $0.reduce(0) { $0 &+ $1.value } }
        return incremented.word.pointee.load(ordering: .relaxed)
            &+ published.word.pointee.load(ordering: .relaxed) &+ parts
    }

    fileprivate static func raise(_ cell: PaddedCell, to total: Int) {
        // A single writer a cell, so that check and store cannot interleave with another writer's.
        if total > cell.word.pointee.load(ordering: .relaxed) {
            cell.word.pointee.store(total, ordering: .relaxed)
        }
    }
}

/// One owner's part of a `Counter`.
public final class CounterShard: Sendable {
    private let cell = PaddedCell()

    init() {}

    /// Raises this part to `total`; only ever called by the owner. A smaller total is ignored.
    public func publish(total: Int) { Counter.raise(cell, to: total) }

    /// The highest total published.
    public var value: Int { cell.word.pointee.load(ordering: .relaxed) }
}

/// A value that goes up and down.
public final class Gauge: Sendable {
    private let bits = Atomic<UInt64>(0)

    init() {}

    /// Any number; the last one set stays.
    public func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    /// May be negative. Adds of several threads at once are all kept.
    public func add(_ amount: Double) { addAtomically(amount, to: bits) }

    /// 0 until it is first set.
    public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
}

/// A distribution over fixed buckets.
public final class Histogram: @unchecked Sendable {
    // @unchecked: `counts` points at atomics and never moves; everything else is immutable.
    /// Inclusive upper bounds, increasing, without +Inf.
    let bounds: [Double]
    private let counts: UnsafeMutablePointer<Atomic<Int>>
    private let sumBits = Atomic<UInt64>(0)

    init(buckets: [Double]) {
        bounds = buckets
        // SAFETY: one atomic a bound and one for +Inf; freed once, in deinit.
        counts = .allocate(capacity: buckets.count + 1)
        for index in 0...buckets.count { (counts + index).initialize(to: Atomic(0)) }
    }

    deinit {
        counts.deinitialize(count: bounds.count + 1)
        counts.deallocate()
    }

    /// Counts one observation, in the metric's unit (seconds). Lock-free. Not-a-number is ignored.
    public func observe(_ value: Double) {
        guard !value.isNaN else { return }
        var index = 0
        while index < bounds.count, value > bounds[index] { index += 1 }
        counts[index].wrappingAdd(1, ordering: .relaxed)
        addAtomically(value, to: sumBits)
    }

    /// Observations so far.
    public var count: Int { bucketCounts.reduce(0, &+) }
    /// Sum of all observations.
    public var sum: Double { Double(bitPattern: sumBits.load(ordering: .relaxed)) }

    /// Observations in each bucket (not cumulative), +Inf last.
    var bucketCounts: [Int] {
        (0...bounds.count).map { counts[$0].load(ordering: .relaxed) }
    }
}

private func addAtomically(_ amount: Double, to bits: borrowing Atomic<UInt64>) {
    var current = bits.load(ordering: .relaxed)
    while true {
        let wanted = (Double(bitPattern: current) + amount).bitPattern
        let (exchanged, original) = bits.weakCompareExchange(
            expected: current, desired: wanted, ordering: .relaxed)
        if exchanged { return }
        current = original
    }
}
