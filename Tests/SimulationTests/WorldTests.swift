import Base
import Media
import Simulation
import Testing

private let here = SocketAddressValue(ipv4: 192, 0, 2, 1, port: 4000)
private let there = SocketAddressValue(ipv4: 192, 0, 2, 2, port: 4000)

/// Sends one numbered byte a millisecond and lists what arrives, with its time.
private func arrivals(
    _ conditions: LinkConditions, seed: UInt64 = 1, count: Int = 200
) -> (list: [(number: Int, us: Int64)], counters: NetworkCounters) {
    var network = VirtualNetwork(seed: seed, conditions: conditions)
    for number in 0..<count {
        network.send(
            VirtualDatagram(from: here, to: there, bytes: [UInt8(number % 256)]),
            now: Instant(milliseconds: Int64(number)))
    }
    var list: [(number: Int, us: Int64)] = []
    while let next = network.next, let datagram = network.popArrival(now: next) {
        list.append((Int(datagram.bytes[0]), next.nanoseconds / 1000))
    }
    return (list, network.counters)
}

@Test func eventsComeByTimeAndThenInTheOrderTheyWereScheduled() {
    var queue = EventQueue<String>()
    for (name, ms) in [("c", 30), ("a1", 10), ("b", 20), ("a2", 10), ("a3", 10)] {
        queue.schedule(name, at: Instant(milliseconds: Int64(ms)))
    }
    #expect(queue.popDue(now: Instant(milliseconds: 9)) == nil)
    var seen: [String] = []
    while let due = queue.popDue(now: Instant(milliseconds: 20)) { seen.append(due.event) }
    #expect(seen == ["a1", "a2", "a3", "b"])
    #expect(queue.next == Instant(milliseconds: 30))
    #expect(queue.count == 1)
}

@Test func aThousandEventsComeSorted() {
    var queue = EventQueue<UInt64>()
    var random = SeededGenerator(seed: 4)
    for _ in 0..<1000 {
        let at = random.next() % 500
        queue.schedule(at, at: Instant(nanoseconds: Int64(at)))
    }
    var last: UInt64 = 0
    var count = 0
    while let due = queue.popDue(now: .distantFuture) {
        #expect(due.event >= last)
        last = due.event
        count += 1
    }
    #expect(count == 1000)
}

@Test func theClockNeverGoesBack() {
    var clock = VirtualClock()
    clock.advance(to: Instant(milliseconds: 5))
    clock.advance(to: Instant(milliseconds: 3))
    #expect(clock.now == Instant(milliseconds: 5))
}

@Test func aCleanLinkDelaysByItsLatencyAndNothingElse() {
    let (list, counters) = arrivals(.clean, count: 3)
    #expect(list.map(\.number) == [0, 1, 2])
    #expect(list.map(\.us) == [20_000, 21_000, 22_000])
    #expect(counters.sent == 3 && counters.arrived == 3 && counters.lost == 0)
}

@Test func lossAndDuplicationAreAsManyAsAsked() {
    let (list, counters) = arrivals(LinkConditions(loss: 0.2, duplication: 0.1), count: 10_000)
    #expect((1800...2400).contains(counters.lost))
    #expect((850...1150).contains(counters.duplicated))
    #expect(list.count == 10_000 + counters.duplicated - counters.lost)
}

@Test func jitterQueuesAndOnlyReorderingOvertakes() {
    let jitter = arrivals(LinkConditions(jitter: .milliseconds(30))).list
    #expect(jitter.map(\.number) == Array(0..<200))
    #expect(jitter.contains { $0.us - Int64($0.number) * 1000 > 40_000 })
    let (reordered, counters) = arrivals(
        LinkConditions(reordering: 0.1, reorderingDelay: .milliseconds(5)))
    #expect(reordered.map(\.number) != Array(0..<200))
    #expect(reordered.map(\.number).sorted() == Array(0..<200))
    #expect((8...35).contains(counters.heldBack))
}

@Test func theSameSeedGivesTheSameArrivalsAndAnotherSeedOthers() {
    let rough = LinkConditions(
        loss: 0.1, duplication: 0.1, reordering: 0.1, jitter: .milliseconds(20))
    let (first, second, third) = (
        arrivals(rough).list, arrivals(rough).list, arrivals(rough, seed: 2).list
    )
    #expect(first.map(\.number) == second.map(\.number))
    #expect(first.map(\.us) == second.map(\.us))
    #expect(first.map(\.us) != third.map(\.us))
}

@Test func oneStreamDoesNotChangeTheFateOfAnother() {
    let rough = LinkConditions(loss: 0.3, jitter: .milliseconds(20))
    var alone = VirtualNetwork(seed: 5, conditions: rough)
    var shared = VirtualNetwork(seed: 5, conditions: rough)
    for number in 0..<100 as Range<UInt8> {
        let at = Instant(milliseconds: Int64(number))
        alone.send(VirtualDatagram(from: here, to: there, bytes: [number]), now: at)
        shared.send(VirtualDatagram(from: there, to: here, bytes: [255]), now: at)
        shared.send(VirtualDatagram(from: here, to: there, bytes: [number]), now: at)
    }
    func list(_ network: inout VirtualNetwork) -> [UInt8] {
        var list: [UInt8] = []
        while let next = network.next, let one = network.popArrival(now: next) {
            if one.to == there { list.append(one.bytes[0]) }
        }
        return list
    }
    #expect(list(&alone) == list(&shared))
}

@Test func aBoxInThePathMaySwallowAndChange() {
    let world = VirtualWorld(seed: 1)
    world.network.box = { datagram, _ in
        guard datagram.bytes != [1] else { return nil }
        return VirtualDatagram(from: datagram.from, to: there, bytes: datagram.bytes + [9])
    }
    world.send(VirtualDatagram(from: here, to: here, bytes: [1]))
    world.send(VirtualDatagram(from: here, to: here, bytes: [2]))
    #expect(world.network.counters.boxed == 1)
    #expect(world.network.popArrival(now: .distantFuture)?.bytes == [2, 9])
}

@Test func aWorldRunsItsAgendaAndCountsWhatNobodyTakes() {
    let world = VirtualWorld(seed: 1)
    var seen: [Int64] = []
    world.after(.milliseconds(50)) { world in
        seen.append(world.now.milliseconds)
        world.send(VirtualDatagram(from: here, to: there, bytes: [1]))
        world.after(.milliseconds(5)) { seen.append($0.now.milliseconds) }
    }
    world.run(until: Instant(milliseconds: 52))
    #expect(seen == [50])
    #expect(world.now.milliseconds == 52)
    #expect(world.runUntilIdle(limit: Instant(milliseconds: 1000)))
    #expect(seen == [50, 55])
    #expect(world.unreachable == 1)
    #expect(world.now.milliseconds == 70)
}

@Test func addressesAreSpokenWithoutTheirPort() {
    #expect(here.host == "192.0.2.1")
    #expect(SocketAddressValue(address: "2001:db8::1", port: 5)?.host == "2001:db8:0:0:0:0:0:1")
}
