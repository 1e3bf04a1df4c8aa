public import Base
public import Media

//             ┌──────────────── agenda: what the scene does, and when
//             ▼
//   ┌─ VirtualWorld.run ─┐ earliest first; on a tie: agenda, arrivals, nodes as added
//   │   clock            │
//   └──┬──────────────┬──┘
//      │ receive      │ handleTimers
//      ▼              ▼
//   AgentNode (SIP.UserAgent)   LegNode (Media.MediaLeg)   PhoneNode (the far end, not ours)
//      │ send            │ send                  │ send
//      └─────────────────┴──── VirtualNetwork ◀──┘

/// Something with sockets and timers.
public protocol VirtualNode: AnyObject {
    /// The sockets it owns, fixed from the start.
    var addresses: [SocketAddressValue] { get }
    /// When `handleTimers` is due; nil: not at all.
    var nextDeadline: Instant? { get }
    /// What has arrived at one of `addresses`, in the order of arrival.
    func receive(_ datagram: VirtualDatagram, world: VirtualWorld)
    /// Must move `nextDeadline` past `world.now`.
    func handleTimers(world: VirtualWorld)
}

/// One deterministic run: a clock, a network, the nodes on it and the deeds of the scene.
public final class VirtualWorld {
    /// Steps on one instant beyond which somebody does not let time pass.
    public static let stepLimit = 1_000_000

    /// Moved by `run` alone.
    public private(set) var clock = VirtualClock()
    /// Its conditions and box may be changed at any time.
    public var network: VirtualNetwork
    /// Datagrams for sockets that nobody owns.
    public private(set) var unreachable = 0
    /// A fingerprint of everything sent: bytes, sockets and times. Equal for equal runs.
    public private(set) var trace: UInt64 = 0xCBF2_9CE4_8422_2325
    private var nodes: [any VirtualNode] = []
    private var owners: [SocketAddressValue: Int] = [:]
    private var agenda = EventQueue<(VirtualWorld) -> Void>()
    private var stepsNow = 0

    /// Begins at instant 0 with no nodes. Equal seeds and deeds make equal runs.
    public init(seed: UInt64, conditions: LinkConditions = .clean) {
        network = VirtualNetwork(seed: seed, conditions: conditions)
    }

    /// What the clock shows.
    public var now: Instant { clock.now }

    /// Nodes are served in the order in which they were added.
    public func add(_ node: some VirtualNode) {
        for address in node.addresses { owners[address] = nodes.count }
        nodes.append(node)
    }

    /// Puts a deed on the agenda.
    public func at(_ instant: Instant, _ deed: @escaping (VirtualWorld) -> Void) {
        agenda.schedule(deed, at: max(instant, now))
    }

    /// Puts a deed on the agenda, `interval` from now.
    public func after(_ interval: Interval, _ deed: @escaping (VirtualWorld) -> Void) {
        at(now + interval, deed)
    }

    /// Gives a datagram to the network, and adds it to `trace`.
    public func send(_ datagram: VirtualDatagram) {
        note(UInt64(bitPattern: now.nanoseconds))
        note(datagram.from.low &* 65_537 &+ UInt64(datagram.from.port))
        note(datagram.to.low &* 65_537 &+ UInt64(datagram.to.port))
        for byte in datagram.bytes { note(UInt64(byte)) }
        network.send(datagram, now: now)
    }

    private func note(_ word: UInt64) { trace = (trace ^ word) &* 0x0100_0000_01B3 }

    /// When anything happens next; nil: nothing ever will.
    public var nextEvent: Instant? {
        var earliest = agenda.next
        func consider(_ instant: Instant?) {
            guard let instant else { return }
            earliest = min(earliest ?? instant, instant)
        }
        consider(network.next)
        for node in nodes { consider(node.nextDeadline) }
        return earliest
    }

    /// Lets everything happen that is due until `end`; then it is `end`.
    public func run(until end: Instant) {
        while let next = nextEvent, next <= end { step(next) }
        clock.advance(to: end)
    }

    /// `run(until:)`, `interval` from now.
    public func run(for interval: Interval) { run(until: now + interval) }

    /// Runs until nothing is left to happen. False when that is not so by `limit`.
    public func runUntilIdle(limit: Instant) -> Bool {
        while let next = nextEvent {
            guard next <= limit else { return false }
            step(next)
        }
        return true
    }

    private func step(_ instant: Instant) {
        stepsNow = instant > now ? 0 : stepsNow + 1
        precondition(stepsNow < Self.stepLimit, "a node does not let time pass")
        clock.advance(to: instant)
        if let deed = agenda.popDue(now: now) {
            deed.event(self)
        } else if let datagram = network.popArrival(now: now) {
            if let owner = owners[datagram.to] {
                nodes[owner].receive(datagram, world: self)
            } else {
                unreachable += 1
            }
        } else if let node = nodes.first(where: { ($0.nextDeadline ?? .distantFuture) <= now }) {
            node.handleTimers(world: self)
        }
    }
}

/// One thing that happened, and when.
public struct Logged<Event> {
    /// On the world's clock.
    public let at: Instant
    /// What happened.
    public let event: Event

    /// `at` is as given: nothing is put in order.
    public init(at: Instant, _ event: Event) {
        self.at = at
        self.event = event
    }
}
extension Logged: Equatable where Event: Equatable {}
extension Logged: Sendable where Event: Sendable {}

extension SocketAddressValue {
    /// The address without its port: `192.0.2.1`, `2001:db8:…`.
    public var host: String {
        let text = description
        let end = text.lastIndex(of: ":") ?? text.endIndex
        return String(text[..<end].filter { $0 != "[" && $0 != "]" })
    }
}
