internal import Base

/// The next deadline among very many owners: a binary heap with at most one live entry an owner.
/// Entries that no longer hold are left in the heap and skipped. Equal deadlines come out in the
/// order they were set, so a run repeats itself exactly.
struct DeadlineQueue<Owner: Hashable & Sendable>: Sendable {
    private struct Entry: Sendable {
        var deadline: Instant
        var order: UInt64
        var owner: Owner

        func precedes(_ other: Entry) -> Bool {
            (deadline, order) < (other.deadline, other.order)
        }
    }

    private var heap: [Entry] = []
    private var live: [Owner: (deadline: Instant, order: UInt64)] = [:]
    private var nextOrder: UInt64 = 0

    /// Sets the owner's deadline, or removes it.
    mutating func set(_ owner: Owner, to deadline: Instant?) {
        guard live[owner]?.deadline != deadline else { return }
        guard let deadline else {
            live[owner] = nil
            return
        }
        nextOrder &+= 1
        live[owner] = (deadline, nextOrder)
        if heap.count > 64 + 4 * live.count { compact() }
        push(Entry(deadline: deadline, order: nextOrder, owner: owner))
    }

    /// The earliest deadline.
    mutating func next() -> Instant? {
        dropStale()
        return heap.first?.deadline
    }

    /// Removes and returns an owner whose deadline is due.
    mutating func popDue(now: Instant) -> Owner? {
        dropStale()
        guard let first = heap.first, first.deadline <= now else { return nil }
        live[first.owner] = nil
        removeFirst()
        return first.owner
    }

    private mutating func dropStale() {
        while let first = heap.first, live[first.owner]?.order != first.order { removeFirst() }
    }

    private mutating func compact() {
        let kept = heap.filter { live[$0.owner]?.order == $0.order }
        heap.removeAll(keepingCapacity: true)
        for entry in kept { push(entry) }
    }

    private mutating func push(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func removeFirst() {
        guard let last = heap.popLast() else { return }
        guard !heap.isEmpty else { return }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].precedes(heap[least]) {
                least = child
            }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
