public import Base

/// The one clock of a simulation. It moves only when told to, and never back.
public struct VirtualClock: Sendable {
    /// Where the clock stands.
    public private(set) var now: Instant

    /// Begins at `now`.
    public init(now: Instant = .zero) { self.now = now }

    /// An instant that has passed already leaves the clock where it is.
    public mutating func advance(to instant: Instant) { now = max(now, instant) }
}

/// What is going to happen, earliest first; what falls on one instant happens in the order in which
/// it was scheduled.
public struct EventQueue<Event> {
    private var heap = InstantHeap<Event>()

    /// Nothing scheduled.
    public init() {}

    /// True when nothing is scheduled.
    public var isEmpty: Bool { heap.isEmpty }
    /// Events scheduled, due or not.
    public var count: Int { heap.count }
    /// When the next event is due; nil when there is none.
    public var next: Instant? { heap.first?.at }

    /// An `instant` that has passed is due at once.
    public mutating func schedule(_ event: Event, at instant: Instant) {
        heap.push(event, at: instant)
    }

    /// Removes and returns the first event that is due at `now`, with its own time.
    public mutating func popDue(now: Instant) -> (at: Instant, event: Event)? {
        guard let first = heap.first, first.at <= now else { return nil }
        heap.popFirst()
        return (first.at, first.value)
    }
}
