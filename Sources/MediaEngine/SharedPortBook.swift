internal import Base
internal import CallModel
internal import Media

/// Which leg may use which shared port. Kept beside the port allocator, under the engine's lock;
/// the packets are told apart by `SharedRoutes` in the worker.
///
/// ```
/// far end known (an offer came) ──► a shared port where nobody has that address, else an own port
/// far end not known yet (we offer) ► a shared port, unless two such legs met at one address lately
/// ```
struct SharedPortBook: Sendable {
    /// After two live legs had the same far address on one port, legs that do not know their far
    /// end beforehand get own ports for this long.
    static let distrust = Interval.seconds(600)

    private struct Place: Hashable {
        var worker: Int
        var port: Int
        var address: SocketAddressValue
    }

    private struct Entry {
        var worker: Int
        var port: Int
        var address: SocketAddressValue?
    }

    private let ports: Int
    private let limit: Int
    private let rest: Interval
    /// Legs with this far address, those at rest included.
    private var claims: [Place: (live: Int, all: Int)] = [:]
    private var entries: [LegID: Entry] = [:]
    /// Legs of each port of each worker, those at rest included.
    private var load: [[Int]]
    private var resting: [(entry: Entry, until: Instant)] = []
    private var restingHead = 0
    private var distrustedUntil = Instant.zero

    /// - Parameter ports: shared ports of each worker.
    init(workers: Int, ports: Int, limit: Int = SharedReceiver.legLimit, rest: Interval) {
        self.ports = ports
        self.limit = limit
        self.rest = rest
        load = Array(repeating: Array(repeating: 0, count: ports), count: workers)
    }

    /// Entries of legs at rest that are kept in memory, those whose rest is over included.
    var restingEntries: Int { resting.count }

    /// Live legs on shared ports.
    var count: Int { entries.count }

    /// A shared port of `worker` for the leg; nil: it needs a port of its own.
    mutating func choose(
        _ leg: LegID, worker: Int, farEnd: SocketAddressValue?, now: Instant
    ) -> Int? {
        guard ports > 0 else { return nil }
        expire(now: now)
        guard load[worker].reduce(0, +) < limit else { return nil }
        if farEnd == nil, now < distrustedUntil { return nil }
        var best: Int?
        for port in 0..<ports {
            if let farEnd, claims[Place(worker: worker, port: port, address: farEnd)] != nil {
                continue
            }
            if let best, load[worker][best] <= load[worker][port] { continue }
            best = port
        }
        guard let best else { return nil }
        entries[leg] = Entry(worker: worker, port: best, address: nil)
        load[worker][best] += 1
        if let farEnd { _ = claim(leg, farEnd, now: now) }
        return best
    }

    /// The leg's far end is at `address` now. False: another live leg of the port is there, too.
    mutating func claim(_ leg: LegID, _ address: SocketAddressValue, now: Instant) -> Bool {
        guard let entry = entries[leg], entry.address != address else { return true }
        if let old = entry.address { leave(entry, old, isLive: true) }
        entries[leg]?.address = address
        let place = Place(worker: entry.worker, port: entry.port, address: address)
        let before = claims[place] ?? (0, 0)
        claims[place] = (before.live + 1, before.all + 1)
        guard before.live > 0 else { return true }
        distrustedUntil = now + Self.distrust
        return false
    }

    /// The leg has gone: its address rests.
    mutating func release(_ leg: LegID, now: Instant) {
        guard let entry = entries.removeValue(forKey: leg) else { return }
        if let address = entry.address {
            claims[Place(worker: entry.worker, port: entry.port, address: address)]?.live -= 1
        }
        resting.append((entry, now + rest))
        expire(now: now)
    }

    private mutating func expire(now: Instant) {
        while restingHead < resting.count, resting[restingHead].until <= now {
            let entry = resting[restingHead].entry
            restingHead += 1
            load[entry.worker][entry.port] -= 1
            if let address = entry.address { leave(entry, address, isLive: false) }
        }
        if restingHead == resting.count {
            resting.removeAll(keepingCapacity: true)
            restingHead = 0
        } else if restingHead > 4096 {
            resting.removeFirst(restingHead)
            restingHead = 0
        }
    }

    private mutating func leave(_ entry: Entry, _ address: SocketAddressValue, isLive: Bool) {
        let place = Place(worker: entry.worker, port: entry.port, address: address)
        guard var known = claims[place] else { return }
        if isLive { known.live -= 1 }
        known.all -= 1
        claims[place] = known.all > 0 ? known : nil
    }
}
