public import Base
public import Media

//   send ─► box in the path ─► doubled? ─► each copy: lost? held back? ─► in flight ─► arrival
//           (rewrites, drops)  └─ one seeded generator a direction of two sockets: what one stream
//                                 does never changes the fate of another's packets

/// How one direction of one path treats datagrams. Probabilities are 0…1.
public struct LinkConditions: Sendable, Equatable {
    /// Drawn for each copy on its own.
    public var loss: Double
    /// A second copy, which travels on its own.
    public var duplication: Double
    /// Held back by `reorderingDelay`, so that later datagrams overtake it.
    public var reordering: Double
    /// On top of latency and jitter.
    public var reorderingDelay: Interval
    /// One way, for every copy.
    public var latency: Interval
    /// Queueing: up to this much more, without overtaking.
    public var jitter: Interval

    /// The defaults: 20 ms of latency and nothing else.
    public init(
        loss: Double = 0, duplication: Double = 0, reordering: Double = 0,
        reorderingDelay: Interval = .milliseconds(30), latency: Interval = .milliseconds(20),
        jitter: Interval = .zero
    ) {
        self.loss = loss
        self.duplication = duplication
        self.reordering = reordering
        self.reorderingDelay = reorderingDelay
        self.latency = latency
        self.jitter = jitter
    }

    /// 20 ms and nothing else.
    public static let clean = LinkConditions()
}

/// One UDP datagram on its way.
public struct VirtualDatagram: Sendable, Equatable {
    /// The socket that sent it; a box in the path may have changed it.
    public var from: SocketAddressValue
    /// The socket it is for.
    public var to: SocketAddressValue
    /// The UDP payload.
    public var bytes: [UInt8]

    /// Any sockets and any length; nothing is cut to an MTU.
    public init(from: SocketAddressValue, to: SocketAddressValue, bytes: [UInt8]) {
        self.from = from
        self.to = to
        self.bytes = bytes
    }
}

/// What became of all datagrams so far.
public struct NetworkCounters: Sendable, Equatable {
    /// Datagrams given to the network, each once.
    public var sent = 0
    /// Copies lost on the way.
    public var lost = 0
    /// Datagrams of which a second copy was made.
    public var duplicated = 0
    /// Copies that others could overtake.
    public var heldBack = 0
    /// Dropped by the box in the path.
    public var boxed = 0
    /// Dropped because `VirtualNetwork.inFlightLimit` was reached.
    public var overflowed = 0
    /// Copies handed over at their time, for sockets without an owner too.
    public var arrived = 0
}

/// A network without wires: the same seed and the same datagrams arrive at the same times.
public struct VirtualNetwork {
    /// More than any scene sends within its longest delay; a storm beyond it is a fault to be seen.
    public static let inFlightLimit = 100_000

    private struct Direction: Hashable {
        var from: SocketAddressValue
        var to: SocketAddressValue
    }

    private struct Link {
        var conditions: LinkConditions
        var random: SeededGenerator
        /// Arrival of the last datagram that was not held back: jitter does not overtake.
        var lastArrival = Instant.zero

        /// The fate of one copy; `isUsed` false only draws it.
        mutating func transit(_ now: Instant, isUsed: Bool) -> Transit {
            let isLost = random.fraction() < conditions.loss
            let isHeldBack = random.fraction() < conditions.reordering
            let queueing = random.interval(below: conditions.jitter)
            guard isUsed, !isLost else { return Transit(arrival: nil, isHeldBack: false) }
            var arrival = now + conditions.latency + queueing
            if isHeldBack {
                arrival += conditions.reorderingDelay
            } else {
                arrival = max(arrival, lastArrival)
                lastArrival = arrival
            }
            return Transit(arrival: arrival, isHeldBack: isHeldBack)
        }
    }

    private struct Transit {
        /// nil: lost.
        var arrival: Instant?
        var isHeldBack: Bool
    }

    /// Conditions of every direction that has none of its own. Those in use keep theirs.
    public var conditions: LinkConditions
    /// A box in the path: sees each datagram before the network does, may change or swallow it.
    public var box: ((VirtualDatagram, Instant) -> VirtualDatagram?)?
    /// Since it was made, over all directions.
    public private(set) var counters = NetworkCounters()
    private let seed: UInt64
    private var links: [Direction: Link] = [:]
    private var inFlight = EventQueue<VirtualDatagram>()

    /// Each direction of two sockets draws from a generator of its own, made from `seed` and both
    /// addresses.
    public init(seed: UInt64, conditions: LinkConditions = .clean) {
        self.seed = seed
        self.conditions = conditions
    }

    /// When the next datagram arrives.
    public var next: Instant? { inFlight.next }

    /// Sets the conditions of one direction between two sockets.
    public mutating func set(
        _ conditions: LinkConditions, from: SocketAddressValue, to: SocketAddressValue
    ) {
        let direction = Direction(from: from, to: to)
        var link = links[direction] ?? makeLink(direction)
        link.conditions = conditions
        links[direction] = link
    }

    /// Takes a datagram and decides its fate at once.
    public mutating func send(_ sent: VirtualDatagram, now: Instant) {
        counters.sent += 1
        var datagram = sent
        if let box {
            guard let changed = box(sent, now) else {
                counters.boxed += 1
                return
            }
            datagram = changed
        }
        let direction = Direction(from: datagram.from, to: datagram.to)
        var link = links[direction] ?? makeLink(direction)
        // Every draw is made whatever the conditions, so that changing one of them changes only
        // what it stands for.
        let isDoubled = link.random.fraction() < link.conditions.duplication
        let first = link.transit(now, isUsed: true)
        let second = link.transit(now, isUsed: isDoubled)
        links[direction] = link
        put(datagram, first)
        if isDoubled {
            counters.duplicated += 1
            put(datagram, second)
        }
    }

    /// Removes and returns a datagram that has arrived.
    public mutating func popArrival(now: Instant) -> VirtualDatagram? {
        guard let arrival = inFlight.popDue(now: now) else { return nil }
        counters.arrived += 1
        return arrival.event
    }

    private mutating func put(_ datagram: VirtualDatagram, _ transit: Transit) {
        guard let arrival = transit.arrival else {
            counters.lost += 1
            return
        }
        guard inFlight.count < Self.inFlightLimit else {
            counters.overflowed += 1
            return
        }
        if transit.isHeldBack { counters.heldBack += 1 }
        inFlight.schedule(datagram, at: arrival)
    }

    private func makeLink(_ direction: Direction) -> Link {
        var mixed = seed
        for part in [
            direction.from.high, direction.from.low, UInt64(direction.from.port),
            direction.to.high, direction.to.low, UInt64(direction.to.port),
        ] {
            // FNV-1a over words: a spread of seeds, no more.
            mixed = (mixed ^ part) &* 0x0100_0000_01B3
        }
        return Link(conditions: conditions, random: SeededGenerator(seed: mixed))
    }
}

extension SeededGenerator {
    /// Uniform in 0 ..< 1.
    mutating func fraction() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }

    /// Uniform in zero ..< `limit`; zero for a limit that is not positive.
    public mutating func interval(below limit: Interval) -> Interval {
        .nanoseconds(Int64(fraction() * Double(max(0, limit.nanoseconds))))
    }
}
