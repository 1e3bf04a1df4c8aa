/// What is to be sent next: a binary heap by time, then by leg, in memory taken once.
struct PacingHeap: ~Copyable {
    struct Entry {
        /// Monotonic ns.
        var due: Int64
        var leg: Int32
        /// The packet; below 0: the leg's next one, whichever that is.
        var number: Int64 = -1
    }

    private let entries: UnsafeMutablePointer<Entry>
    private let capacity: Int
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = capacity
        entries = .allocate(capacity: capacity)
        entries.initialize(repeating: Entry(due: 0, leg: 0), count: capacity)
    }

    deinit { entries.deallocate() }

    var next: Entry? { count > 0 ? entries[0] : nil }

    /// False when the heap is full.
    mutating func push(_ entry: Entry) -> Bool {
        guard count < capacity else { return false }
        var hole = count
        count += 1
        while hole > 0 {
            let parent = (hole - 1) / 2
            guard Self.isBefore(entry, entries[parent]) else { break }
            entries[hole] = entries[parent]
            hole = parent
        }
        entries[hole] = entry
        return true
    }

    mutating func pop() -> Entry? {
        guard count > 0 else { return nil }
        let first = entries[0]
        count -= 1
        let last = entries[count]
        var hole = 0
        while true {
            var child = 2 * hole + 1
            guard child < count else { break }
            if child + 1 < count, Self.isBefore(entries[child + 1], entries[child]) { child += 1 }
            guard Self.isBefore(entries[child], last) else { break }
            entries[hole] = entries[child]
            hole = child
        }
        entries[hole] = last
        return first
    }

    private static func isBefore(_ a: Entry, _ b: Entry) -> Bool {
        a.due != b.due ? a.due < b.due : a.leg < b.leg
    }
}
