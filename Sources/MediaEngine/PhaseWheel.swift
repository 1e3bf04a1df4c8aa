internal import Base

/// Spreads legs over the 20 one-millisecond phases of the tick, so that the load is flat.
struct PhaseWheel {
    static let phases = 20
    static let slot = Interval.milliseconds(1)
    /// Legs that share a phase before another one is opened: a few legs need few wake-ups.
    static let packed = 4
    /// A worker further behind than this leaves ticks out instead of making them up (10 ticks).
    static let catchUpLimit = Interval.milliseconds(200)

    private let origin: Instant
    /// Number of the next slot to run, from `origin`.
    private var next: Int64 = 0
    private var legs: [[Int]]
    /// Slots with legs that were left out.
    private(set) var skippedSlots = 0

    init(origin: Instant) {
        self.origin = origin
        legs = Array(repeating: [], count: Self.phases)
        for phase in legs.indices { legs[phase].reserveCapacity(64) }
    }

    /// Puts a leg on the first phase in use that has room for another, else on the emptiest.
    mutating func add(_ index: Int) -> Int {
        var best = 0
        for phase in legs.indices where legs[phase].count < legs[best].count { best = phase }
        if let shared = legs.firstIndex(where: { !$0.isEmpty && $0.count < Self.packed }) {
            best = shared
        }
        legs[best].append(index)
        return best
    }

    mutating func remove(_ index: Int, phase: Int) {
        guard let place = legs[phase].firstIndex(of: index) else { return }
        legs[phase].swapAt(place, legs[phase].count - 1)
        legs[phase].removeLast()
    }

    /// The phase of the slot that `now` lies in.
    func phase(at now: Instant) -> Int {
        let slot = (now - origin).nanoseconds / Self.slot.nanoseconds
        return Int(truncatingIfNeeded: slot % Int64(Self.phases))
    }

    /// Moves a leg to another phase, unless that would make the phase much fuller than the others.
    /// Its next tick may come sooner or later by less than a tick.
    mutating func move(_ index: Int, from phase: Int, to other: Int, of total: Int) -> Bool {
        let room = max(Self.packed, 2 * total / Self.phases)
        guard legs.indices.contains(other), other != phase, legs[other].count < room else {
            return false
        }
        remove(index, phase: phase)
        legs[other].append(index)
        return true
    }

    /// The phase that is due and its nominal time; nil when none with legs is. Call until nil.
    mutating func due(now: Instant) -> (phase: Int, nominal: Instant)? {
        let current = (now - origin).nanoseconds / Self.slot.nanoseconds
        let oldest = current - Self.catchUpLimit.nanoseconds / Self.slot.nanoseconds
        if next < oldest {
            skippedSlots += Int(oldest - next)
            next = oldest
        }
        while next <= current {
            let phase = Int(next % Int64(Self.phases))
            let nominal = origin + Self.slot * next
            next += 1
            if !legs[phase].isEmpty { return (phase, nominal) }
        }
        return nil
    }

    func count(_ phase: Int) -> Int { legs[phase].count }
    func leg(_ phase: Int, _ place: Int) -> Int { legs[phase][place] }

    /// When the next phase with legs is due; nil without legs.
    var nextDue: Instant? {
        for ahead in 0..<Int64(Self.phases)
        where !legs[Int((next + ahead) % Int64(Self.phases))].isEmpty {
            return origin + Self.slot * (next + ahead)
        }
        return nil
    }
}
