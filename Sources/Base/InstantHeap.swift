/// Values by the instant at which they are due, earliest first; those of one instant come out in the
/// order they were put in, so that a run repeats itself. A binary heap.
public struct InstantHeap<Value> {
    /// A value with its place in the queue.
    public struct Entry {
        /// When it is due.
        public let at: Instant
        /// Counts up with each value put in.
        public let order: UInt64
        /// What was put in.
        public let value: Value

        @inlinable
        init(at: Instant, order: UInt64, value: Value) {
            self.at = at
            self.order = order
            self.value = value
        }

        @inlinable
        func precedes(_ other: Entry) -> Bool { (at, order) < (other.at, other.order) }
    }

    @usableFromInline var entries: [Entry] = []
    @usableFromInline var pushed: UInt64 = 0

    /// Empty.
    @inlinable
    public init() {}

    /// Values that wait, due or not.
    @inlinable public var count: Int { entries.count }
    /// True when nothing waits.
    @inlinable public var isEmpty: Bool { entries.isEmpty }
    /// What is due next, left in place; nil when nothing waits.
    @inlinable public var first: Entry? { entries.first }

    /// Returns the entry's `order`.
    @inlinable @discardableResult
    public mutating func push(_ value: Value, at instant: Instant) -> UInt64 {
        pushed &+= 1
        insert(Entry(at: instant, order: pushed, value: value))
        return pushed
    }

    /// Takes out what is due next, whether or not its time has come; nil when nothing waits.
    @inlinable @discardableResult
    public mutating func popFirst() -> Entry? {
        guard let first = entries.first, let last = entries.popLast() else { return nil }
        guard !entries.isEmpty else { return first }
        entries[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < entries.count && entries[child].precedes(entries[least]) {
                least = child
            }
            guard least != parent else { return first }
            entries.swapAt(parent, least)
            parent = least
        }
    }

    /// Takes out every value for which `isGone` says so; the others keep their order and are put in
    /// anew.
    @inlinable
    public mutating func removeAll(where isGone: (Entry) -> Bool) {
        let kept = entries.filter { !isGone($0) }
        entries.removeAll(keepingCapacity: true)
        for entry in kept { insert(entry) }
    }

    @inlinable
    mutating func insert(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].precedes(entries[parent]) else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }
}

extension InstantHeap.Entry: Sendable where Value: Sendable {}
extension InstantHeap: Sendable where Value: Sendable {}
