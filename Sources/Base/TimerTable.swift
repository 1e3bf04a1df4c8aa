/// Named deadlines of one owner (a transaction, a leg, a campaign): set, cancel, ask for the next,
/// take what has expired. Small by design: an owner has a handful of timers, so a linear table
/// beats a heap. Equal deadlines expire in the order they were set.
public struct TimerTable<Name: Hashable & Sendable>: Sendable {
    private struct Entry: Sendable {
        var name: Name
        var deadline: Instant
    }
    private var entries: [Entry] = []

    /// Nothing set.
    public init() {}

    /// Sets `name` to expire at `deadline`, replacing an earlier deadline of that name.
    public mutating func set(_ name: Name, at deadline: Instant) {
        cancel(name)
        entries.append(Entry(name: name, deadline: deadline))
    }

    /// Forgets `name`; no error when it is not set.
    public mutating func cancel(_ name: Name) {
        entries.removeAll { $0.name == name }
    }

    /// Forgets every name.
    public mutating func cancelAll() { entries.removeAll(keepingCapacity: true) }

    /// When `name` expires; nil when it is not set.
    public func deadline(of name: Name) -> Instant? {
        entries.first { $0.name == name }?.deadline
    }

    /// When the owner must be called next, or nil when nothing is set.
    public var next: Instant? {
        var earliest: Instant?
        for entry in entries where earliest.map({ entry.deadline < $0 }) ?? true {
            earliest = entry.deadline
        }
        return earliest
    }

    /// Removes and returns the earliest timer that is due at `now`; call until nil.
    public mutating func popExpired(now: Instant) -> Name? {
        var best: Int?
        for index in entries.indices where entries[index].deadline <= now {
            if let current = best, entries[current].deadline <= entries[index].deadline { continue }
            best = index
        }
        guard let best else { return nil }
        return entries.remove(at: best).name
    }
}
