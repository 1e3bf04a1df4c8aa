internal import Base
internal import Media

/// Which leg a datagram on a shared port belongs to. It routes only: whether the leg believes the
/// packet stays for its `SourceRule` to say.
///
/// ```
/// from an address ─┬─ of one leg ───────────────────────────────────► that leg
///                  ├─ of several, or at rest ─► SSRC of one? ───────► that leg
///                  │                            one alive, or one
///                  │                            without SSRC? ──────► that leg, which learns it
///                  │                            otherwise ──────────► keys decide, else dropped
///                  └─ of none ─► SSRC of one leg on this port ──────► that leg (its rule judges)
///                                otherwise ─────────────────────────► keys decide, else dropped
/// ```
/// An SSRC that rests, or whose leg does not believe the packet, leaves the same question to keys.
///
/// Only commands and packets that a leg has accepted write here, so nobody else can make it grow or
/// move an entry. After a leg has gone, its addresses rest with its SSRC: late packets of it are
/// dropped, and another leg may have the address in the meantime.
struct SharedRoutes: ~Copyable {
    /// Keys of one leg at most: signalled RTP and RTCP, proven RTP and the port above, SSRC.
    static let keysPerLeg = 5
    /// Legs and resting addresses told apart at one address at most.
    static let groupLimit = 8

    enum Decision: Equatable, Sendable {
        case leg(Int)
        /// Known by its SSRC only: the leg may learn the address if its rule agrees.
        case learn(Int)
        /// Nobody can say but the keys of legs that wait for their first packet.
        case tryKeys
        case drop
    }

    /// Addresses of one leg, RTP's at even places and RTCP's at odd ones: one far end's RTCP port
    /// may be another's RTP port.
    private typealias Addresses = InlineArray<4, SocketAddressValue?>

    private struct Leg {
        var port: Int32 = -1
        var isSecure = false
        /// Under a new description its far end may come from another place with another SSRC.
        var isExpected = false
        var ssrc: UInt32?
        var addresses = Addresses(repeating: nil)
        var rtp: SocketAddressValue?
        var rtcp: SocketAddressValue?
        var proven: SocketAddressValue?
    }

    private struct Member {
        /// −1: a leg that has gone.
        var leg: Int32
        var ssrc: UInt32?
        var restsUntil: Instant
    }

    /// Everybody at one address, when that is not one leg alone.
    private struct Group {
        var members = InlineArray<8, Member?>(repeating: nil)
    }

    private var table: RouteTable
    private var legs: [Leg] = []
    private var groups: [Group] = []
    private var freeGroups: [Int] = []
    private var resting: [(key: RouteKey, until: Instant)] = []
    private var restingHead = 0
    /// For each port the secure legs that nobody has been heard by yet, or that have a new description.
    private var waiting: [[Int32]]
    private var nextTrial = 0
    /// Claims of an address that another live leg had.
    private(set) var collisions = 0
    /// Claims refused because `groupLimit` or the table's limit was reached.
    private(set) var refusals = 0

    /// - Parameter legLimit: legs, those at rest included.
    init(ports: Int, legLimit: Int, seed: UInt64) {
        table = RouteTable(limit: legLimit * Self.keysPerLeg, seed: seed)
        waiting = Array(repeating: [], count: ports)
    }

    var keyCount: Int { table.count }

    // MARK: packets

    /// - Parameter ssrc: of the RTP header or of the RTCP sender; nil for anything else.
    func route(
        port: Int, channel: LegChannel = .rtp, from address: SocketAddressValue, ssrc: UInt32?
    ) -> Decision {
        if let value = table.find(Self.key(port, Int(channel.rawValue), address)) {
            if value >= 0 { return .leg(Int(value)) }
            return choose(groups[Int(~value)], ssrc)
        }
        guard let ssrc else { return .drop }
        if let value = table.find(RouteKey(port: port, ssrc: ssrc)), value >= 0 {
            return .learn(Int(value))
        }
        return waiting[port].isEmpty ? .drop : .tryKeys
    }

    private func choose(_ group: Group, _ ssrc: UInt32?) -> Decision {
        var live: Int32 = -1
        var liveCount = 0
        var open: Int32 = -1
        var openCount = 0
        var hasSecure = false
        var hasExpected = false
        var isResting = false
        for index in 0..<Self.groupLimit {
            guard let member = group.members[index] else { continue }
            if let ssrc, member.ssrc == ssrc {
                if member.leg >= 0 { return .leg(Int(member.leg)) }
                isResting = true
            }
            guard member.leg >= 0 else { continue }
            live = member.leg
            liveCount += 1
            guard member.ssrc == nil else {
                if legs[Int(member.leg)].isExpected { hasExpected = true }
                continue
            }
            open = member.leg
            openCount += 1
            if legs[Int(member.leg)].isSecure { hasSecure = true }
        }
        // The tail of a call that has gone, or another call of a far end with one SSRC: keys can tell.
        if isResting { return hasSecure || hasExpected ? .tryKeys : .drop }
        // The others only rest: a new SSRC is the living one's, and so is what has none (DTLS).
        if liveCount == 1 { return .leg(Int(live)) }
        guard ssrc != nil else { return .drop }
        if openCount == 1, !hasSecure || !hasExpected { return .leg(Int(open)) }
        return hasSecure || hasExpected ? .tryKeys : .drop
    }

    /// - Parameter place: in `Addresses`; its parity is the channel.
    private static func key(_ port: Int, _ place: Int, _ address: SocketAddressValue) -> RouteKey {
        RouteKey(port: port * 2 + place % 2, address: address)
    }

    /// Whether `nextTrial` has one.
    func isAwaited(port: Int) -> Bool { !waiting[port].isEmpty }

    /// The next leg on `port` whose keys may be tried; nil when there is none.
    mutating func nextTrial(port: Int) -> Int? {
        guard !waiting[port].isEmpty else { return nil }
        nextTrial = nextTrial &+ 1
        return Int(waiting[port][Int(UInt(bitPattern: nextTrial) % UInt(waiting[port].count))])
    }

    // MARK: legs

    mutating func add(_ leg: Int, port: Int) {
        while legs.count <= leg { legs.append(Leg()) }
        legs[leg] = Leg(port: Int32(port))
    }

    /// The far end's addresses from the SDP. What was learned stays when they are the same; where there
    /// are keys, a stream from elsewhere is looked for all the same until `settle(_:)`.
    mutating func configure(
        _ leg: Int, rtp: SocketAddressValue, rtcp: SocketAddressValue?, isSecure: Bool,
        isReceiving: Bool = true
    ) {
        if legs[leg].rtp != rtp {
            legs[leg].proven = nil
            setSSRC(leg, nil)
        }
        legs[leg].rtp = rtp
        legs[leg].rtcp = rtcp
        legs[leg].isSecure = isSecure
        // Who was not heard yet, or is not any more, is waited for anyhow.
        legs[leg].isExpected = isSecure && isReceiving && legs[leg].ssrc != nil
        claim(leg)
        setWaiting(leg)
    }

    /// The far end has been heard under its newest description, and nobody else is to be looked for.
    mutating func settle(_ leg: Int) {
        legs[leg].isExpected = false
        setWaiting(leg)
    }

    /// The leg accepted packets of this source.
    mutating func prove(_ leg: Int, address: SocketAddressValue, ssrc: UInt32) {
        setSSRC(leg, ssrc)
        guard legs[leg].proven != address else { return }
        legs[leg].proven = address
        claim(leg)
    }

    /// The leg has gone; its addresses rest when it was heard there.
    mutating func remove(_ leg: Int, now: Instant, rest: Interval) {
        let ssrc = legs[leg].ssrc
        let port = Int(legs[leg].port)
        let addresses = legs[leg].addresses
        setSSRC(leg, nil)
        legs[leg].isSecure = false
        legs[leg].isExpected = false
        setWaiting(leg)
        for index in addresses.indices {
            guard let address = addresses[index] else { continue }
            withdraw(leg, index, address)
            guard let ssrc, rest > .zero else { continue }
            let key = Self.key(port, index, address)
            let ghost = Member(leg: -1, ssrc: ssrc, restsUntil: now + rest)
            if join(key, ghost) { resting.append((key, now + rest)) }
        }
        legs[leg] = Leg()
    }

    /// Ends the rest of addresses whose time is over. Call a few times a second.
    mutating func expire(now: Instant) {
        while restingHead < resting.count, resting[restingHead].until <= now {
            let key = resting[restingHead].key
            restingHead += 1
            guard let value = table.find(key), value < 0 else { continue }
            let group = Int(~value)
            for index in 0..<Self.groupLimit {
                if let member = groups[group].members[index], member.leg < 0,
                    member.restsUntil <= now
                {
                    groups[group].members[index] = nil
                }
            }
            settle(key, group)
        }
        if restingHead == resting.count {
            resting.removeAll(keepingCapacity: true)
            restingHead = 0
        } else if restingHead > 4096 {
            resting.removeFirst(restingHead)
            restingHead = 0
        }
    }

    // MARK: parts

    private mutating func setSSRC(_ leg: Int, _ ssrc: UInt32?) {
        let old = legs[leg].ssrc
        guard old != ssrc else { return }
        let port = Int(legs[leg].port)
        if let old { releaseSSRC(RouteKey(port: port, ssrc: old)) }
        legs[leg].ssrc = ssrc
        if let ssrc {
            let key = RouteKey(port: port, ssrc: ssrc)
            // Two legs with one SSRC are counted (−2, −3, …) and found by address only.
            switch table.find(key) {
            case nil: if !table.set(key, Int32(leg)) { refusals += 1 }
            case .some(let value): _ = table.set(key, value >= 0 ? -2 : value - 1)
            }
        }
        let addresses = legs[leg].addresses
        for index in addresses.indices {
            guard let address = addresses[index],
                let value = table.find(Self.key(port, index, address)), value < 0
            else { continue }
            let group = Int(~value)
            for place in 0..<Self.groupLimit
            where groups[group].members[place]?.leg == Int32(leg) {
                groups[group].members[place]?.ssrc = ssrc
            }
        }
        setWaiting(leg)
    }

    private mutating func releaseSSRC(_ key: RouteKey) {
        guard let value = table.find(key) else { return }
        if value < -1 { _ = table.set(key, value + 1) } else { table.remove(key) }
    }

    private mutating func setWaiting(_ leg: Int) {
        let port = Int(legs[leg].port)
        guard waiting.indices.contains(port) else { return }
        let place = waiting[port].firstIndex(of: Int32(leg))
        let wants = legs[leg].isSecure && (legs[leg].ssrc == nil || legs[leg].isExpected)
        if wants, place == nil { waiting[port].append(Int32(leg)) }
        if !wants, let place { waiting[port].remove(at: place) }
    }

    /// Makes the table agree with what the leg's addresses are now.
    private mutating func claim(_ leg: Int) {
        var wanted = Addresses(repeating: nil)
        wanted[0] = legs[leg].rtp
        wanted[1] = legs[leg].rtcp
        if let proven = legs[leg].proven {
            wanted[2] = proven
            if proven.port < .max { wanted[3] = proven.withPort(proven.port + 1) }
        }
        // Each once.
        for index in 0..<2 where wanted[index] == wanted[index + 2] { wanted[index + 2] = nil }
        let old = legs[leg].addresses
        for index in old.indices {
            guard let address = old[index], !Self.contains(wanted, address, index) else { continue }
            withdraw(leg, index, address)
        }
        let ssrc = legs[leg].ssrc
        let port = Int(legs[leg].port)
        let known = collisions
        for index in wanted.indices {
            guard let address = wanted[index], !Self.contains(old, address, index) else { continue }
            let member = Member(leg: Int32(leg), ssrc: ssrc, restsUntil: .zero)
            if !join(Self.key(port, index, address), member) { wanted[index] = nil }
        }
        legs[leg].addresses = wanted
        // RTP and RTCP addresses collide together.
        collisions = min(collisions, known + 1)
    }

    private static func contains(
        _ list: Addresses, _ address: SocketAddressValue, _ place: Int
    ) -> Bool {
        list[place % 2] == address || list[place % 2 + 2] == address
    }

    /// Adds somebody at an address: alone when nobody else is there.
    private mutating func join(_ key: RouteKey, _ member: Member) -> Bool {
        guard let value = table.find(key) else {
            if member.leg >= 0 { return accepted(table.set(key, member.leg)) }
            let group = newGroup()
            groups[group].members[0] = member
            if table.set(key, ~Int32(group)) { return true }
            freeGroups.append(group)
            return accepted(false)
        }
        var group = Int(~value)
        if value >= 0 {
            group = newGroup()
            groups[group].members[0] = Member(
                leg: value, ssrc: legs[Int(value)].ssrc, restsUntil: .zero)
            _ = table.set(key, ~Int32(group))
        }
        if member.leg >= 0, isInhabited(group) { collisions += 1 }
        return accepted(place(member, in: group))
    }

    private mutating func accepted(_ isPlaced: Bool) -> Bool {
        if !isPlaced { refusals += 1 }
        return isPlaced
    }

    private func isInhabited(_ group: Int) -> Bool {
        for index in 0..<Self.groupLimit {
            if let member = groups[group].members[index], member.leg >= 0 { return true }
        }
        return false
    }

    /// A free place, else that of whoever has rested longest.
    private mutating func place(_ member: Member, in group: Int) -> Bool {
        var oldest: Int?
        for index in 0..<Self.groupLimit {
            guard let known = groups[group].members[index] else {
                groups[group].members[index] = member
                return true
            }
            guard known.leg < 0 else { continue }
            if let found = oldest, let other = groups[group].members[found],
                other.restsUntil <= known.restsUntil
            {
                continue
            }
            oldest = index
        }
        guard let oldest else { return false }
        groups[group].members[oldest] = member
        return true
    }

    private mutating func withdraw(_ leg: Int, _ place: Int, _ address: SocketAddressValue) {
        let key = Self.key(Int(legs[leg].port), place, address)
        guard let value = table.find(key) else { return }
        if value >= 0 {
            if value == Int32(leg) { table.remove(key) }
            return
        }
        let group = Int(~value)
        for index in 0..<Self.groupLimit
        where groups[group].members[index]?.leg == Int32(leg) {
            groups[group].members[index] = nil
        }
        settle(key, group)
    }

    /// A group of one live leg becomes that leg; an empty one goes.
    private mutating func settle(_ key: RouteKey, _ group: Int) {
        var only: Member?
        var count = 0
        for index in 0..<Self.groupLimit {
            guard let member = groups[group].members[index] else { continue }
            only = member
            count += 1
        }
        if count == 0 {
            table.remove(key)
        } else if count == 1, let only, only.leg >= 0 {
            _ = table.set(key, only.leg)
        } else {
            return
        }
        groups[group] = Group()
        freeGroups.append(group)
    }

    private mutating func newGroup() -> Int {
        if let group = freeGroups.popLast() { return group }
        groups.append(Group())
        return groups.count - 1
    }
}
