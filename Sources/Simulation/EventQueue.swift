public import Base

/// The one clock of a simulation. It moves only when told to, and never back.
public struct VirtualClock: Sendable {
    public private(set) var now: Instant

    public init(now: Instant = .zero) { self.now = now }

    /// An instant that has passed already leaves the clock where it is.
    public mutating func advance(to instant: Instant) { now = max(now, instant) }
}

/// What is going to happen, earliest first; what falls on one instant happens in the order in which
/// it was scheduled, so that a run repeats itself. A binary heap.
public struct EventQueue<Event> {
    private struct Entry {
        var at: Instant
        var order: UInt64
        var event: Event

        func precedes(_ other: Entry) -> Bool { (at, order) < (other.at, other.order) }
    }

    private var heap: [Entry] = []
    private var scheduled: UInt64 = 0

    public init() {}

    public var isEmpty: Bool { heap.isEmpty }
    public var count: Int { heap.count }
    /// When the next event is due; nil when there is none.
    public var next: Instant? { heap.first?.at }

    public mutating func schedule(_ event: Event, at instant: Instant) {
        scheduled &+= 1
        heap.append(Entry(at: instant, order: scheduled, event: event))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Removes and returns the first event that is due at `now`, with its own time.
    public mutating func popDue(now: Instant) -> (at: Instant, event: Event)? {
        guard let first = heap.first, first.at <= now else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return (first.at, first.event)
    }

    private mutating func sink() {
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
