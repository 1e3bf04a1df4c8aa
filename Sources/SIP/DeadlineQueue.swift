internal import Base

/// The next deadline among very many owners: a heap with at most one live entry an owner.
/// Entries that no longer hold are left in the heap and skipped. Equal deadlines come out in the
/// order they were set, so a run repeats itself exactly.
struct DeadlineQueue<Owner: Hashable & Sendable>: Sendable {
    private var heap = InstantHeap<Owner>()
    private var live: [Owner: (deadline: Instant, order: UInt64)] = [:]

    /// Sets the owner's deadline, or removes it.
    mutating func set(_ owner: Owner, to deadline: Instant?) {
        guard live[owner]?.deadline != deadline else { return }
        guard let deadline else {
            live[owner] = nil
            return
        }
        if heap.count > 64 + 4 * live.count {
            heap.removeAll { [live] in live[$0.value]?.order != $0.order }
        }
        live[owner] = (deadline, heap.push(owner, at: deadline))
    }

    /// The earliest deadline.
    mutating func next() -> Instant? {
        dropStale()
        return heap.first?.at
    }

    /// Removes and returns an owner whose deadline is due.
    mutating func popDue(now: Instant) -> Owner? {
        dropStale()
        guard let first = heap.first, first.at <= now else { return nil }
        live[first.value] = nil
        heap.popFirst()
        return first.value
    }

    private mutating func dropStale() {
        while let first = heap.first, live[first.value]?.order != first.order { heap.popFirst() }
    }
}
