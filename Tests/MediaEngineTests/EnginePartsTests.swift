import Base
import CLinux
import CallModel
import Media
import Synchronization
import Testing

@testable import MediaEngine

final class Warnings: Sendable {
    private let kept = Mutex<[String]>([])
    func add(_ line: String) { kept.withLock { $0.append(line) } }
    var lines: [String] { kept.withLock { $0 } }
}

private func at(_ ms: Int64) -> Instant { Instant(milliseconds: ms) }

@Test func portsAreEvenPairsAndTheLongestUnusedGoesFirst() {
    var ports = PortAllocator(range: 20_001...20_007, quarantine: .seconds(30))
    #expect(ports.freeCount(now: at(0)) == 3)
    #expect(ports.take(now: at(0)) == 20_002)
    #expect(ports.take(now: at(0)) == 20_004)
    #expect(ports.take(now: at(0)) == 20_006)
    #expect(ports.take(now: at(0)) == nil)
    ports.release(20_004, now: at(1000))
    ports.release(20_002, now: at(2000))
    #expect(ports.take(now: at(30_999)) == nil)
    #expect(ports.take(now: at(31_000)) == 20_004)
    #expect(ports.freeCount(now: at(31_999)) == 0)
    #expect(ports.take(now: at(32_000)) == 20_002)
}

@Test func aPortHeldByOthersIsTriedLast() {
    var ports = PortAllocator(range: 20_000...20_005, quarantine: .zero)
    #expect(ports.take(now: at(0)) == 20_000)
    ports.skip(20_000)
    #expect(ports.skipped == 1)
    #expect(ports.take(now: at(0)) == 20_002)
    #expect(ports.take(now: at(0)) == 20_004)
    #expect(ports.take(now: at(0)) == 20_000)
}

@Test func manyTurnsOfPortsKeepTheirNumber() {
    var ports = PortAllocator(range: 20_000...20_063, quarantine: .milliseconds(5))
    var generator = SeededGenerator(seed: 3)
    var used: [Int] = []
    for step in 0..<50_000 {
        let now = at(Int64(step))
        if Bool.random(using: &generator), let port = ports.take(now: now) {
            #expect(!used.contains(port))
            used.append(port)
        } else if !used.isEmpty {
            ports.release(
                used.remove(at: Int.random(in: 0..<used.count, using: &generator)), now: now)
        }
    }
    #expect(ports.freeCount(now: at(60_000)) + used.count == 32)
}

/// A busy server never has a moment in which nothing rests.
@Test func portsAtRestTakeNoMoreMemoryTheLongerItGoesOn() {
    var ports = PortAllocator(range: 20_000...39_999, quarantine: .seconds(30))
    var missing = 0
    var most = 0
    // Two hours of 200 legs a second: 6000 ports rest at any time.
    for step in 0..<1_440_000 {
        let now = at(Int64(step) * 5)
        if let port = ports.take(now: now) { ports.release(port, now: now) } else { missing += 1 }
        most = max(most, ports.restingEntries)
    }
    #expect(missing == 0)
    #expect(most <= 6001 + 4097)
}

@Test func addressesAtRestTakeNoMoreMemoryTheLongerItGoesOn() {
    var book = SharedPortBook(workers: 1, ports: 1, rest: .seconds(30))
    var most = 0
    for step in 0..<200_000 {
        let now = at(Int64(step) * 10)
        let id = LegID(UInt32(step + 1))
        _ = book.choose(id, worker: 0, farEnd: nil, now: now)
        book.release(id, now: now)
        most = max(most, book.restingEntries)
    }
    #expect(most <= 3001 + 4097)
}

@Test func legsAreSpreadOverThePhasesAndEachTicksEveryTwentyMilliseconds() {
    var wheel = PhaseWheel(origin: at(0))
    let phases = (0..<80).map { wheel.add($0) }
    #expect(Set(phases).count == 20)
    #expect((0..<20).allSatisfy { wheel.count($0) == 4 })
    var ticks = [Int: [Int64]]()
    for ms in Int64(0)..<100 {
        while let (phase, nominal) = wheel.due(now: at(ms)) {
            for place in 0..<wheel.count(phase) {
                ticks[wheel.leg(phase, place), default: []].append(nominal.milliseconds)
            }
        }
    }
    #expect(ticks.count == 80)
    for times in ticks.values {
        #expect(times.count == 5)
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 == 20 })
    }
    wheel.remove(0, phase: phases[0])
    #expect(wheel.add(77) == phases[0])
}

@Test func aStoppedWorkerLeavesTicksOut() {
    var wheel = PhaseWheel(origin: at(0))
    _ = wheel.add(1)
    #expect(wheel.nextDue == at(0))
    #expect(wheel.due(now: at(0))?.nominal == at(0))
    #expect(wheel.due(now: at(10)) == nil)
    #expect(wheel.nextDue == at(20))
    var nominal: [Int64] = []
    while let due = wheel.due(now: at(10_000)) { nominal.append(due.nominal.milliseconds) }
    // 200 ms are made up, the rest is left out.
    #expect(nominal.first == 9800 && nominal.last == 10_000 && nominal.count == 11)
    #expect(wheel.skippedSlots == 9789)
}

@Test func eventsOverflowIntoTheBacklogInOrder() throws {
    let ring = EventRing()
    var sender = EventSender(ring: ring, signal: try WakeSignal())
    for number in 0..<10_000 {
        sender.push(EngineEvent(leg: LegID(1), kind: .playStarted(id: number, atSample: 0)))
    }
    var events: [EngineEvent] = []
    ring.drain(into: &events)
    #expect(events.count == EventRing.capacity)
    sender.flush()
    ring.drain(into: &events)
    #expect(
        events.map(\.kind) == (0..<10_000).map { .playStarted(id: $0, atSample: 0) })
    // Beyond the backlog only detections are lost.
    for _ in 0..<30_000 {
        sender.push(EngineEvent(leg: LegID(1), kind: .detection(.speechStart(atMs: 0))))
    }
    #expect(sender.dropped == 30_000 - EventRing.capacity - EventSender.backlogLimit)
    sender.push(EngineEvent(leg: LegID(1), kind: .mediaStarted))
    for _ in 0..<4 {
        sender.flush()
        ring.drain(into: &events)
    }
    #expect(events.last?.kind == .mediaStarted)
}

@Test func aFullCommandQueueRefusesOrdersButNotLegs() throws {
    let queue = try CommandQueue()
    for _ in 0..<CommandQueue.limit { #expect(queue.push(order: .answered, to: LegID(1))) }
    #expect(!queue.push(order: .answered, to: LegID(1)))
    queue.push(.remove(LegID(1)))
    #expect(queue.take()?.count == CommandQueue.limit + 1)
    #expect(queue.take()?.isEmpty == true)
}

@Test func aSealedCommandQueueTakesNothingMore() throws {
    let queue = try CommandQueue()
    #expect(queue.push(.remove(LegID(1))))
    #expect(queue.push(order: .answered, to: LegID(1)))
    #expect(queue.seal().count == 2)
    #expect(!queue.push(.remove(LegID(1))))
    #expect(!queue.push(order: .answered, to: LegID(1)))
    #expect(queue.take()?.isEmpty == true)
}

/// What is written last is written whole, however slow the reader; without a reader nobody waits.
@Test func theLastFlushWaitsForTheReaderOfTheRing() throws {
    let log = try EventLog()
    let ring = EventRing()
    let signal = try WakeSignal()
    var sender = EventSender(ring: ring, signal: signal)
    let count = 3 * EventRing.capacity
    for number in 0..<count {
        sender.push(EngineEvent(leg: LegID(1), kind: .playStarted(id: number, atSample: 0)))
    }
    #expect(sender.hasBacklog)
    let pump = try EventPump(signal: signal, workers: [ring], recorder: EventRing()) { log.add($0) }
    sender.finish()
    #expect(!sender.hasBacklog)
    pump.stop()
    #expect(log.all.map(\.kind) == (0..<count).map { .playStarted(id: $0, atSample: 0) })
    for _ in 0...EventRing.capacity {
        sender.push(EngineEvent(leg: LegID(1), kind: .mediaStarted))
    }
    sender.finish()
    #expect(sender.hasBacklog)
}

@Test func addressesSurviveTheSystemsForm() {
    let v4 = SocketAddressValue(ipv4: 127, 1, 2, 3, port: 4567)
    #expect(SocketAddressValue(v4.system) == v4)
    let v6 = SocketAddressValue(high: 0x2001_0DB8_0000_0001, low: 0x0203, port: 9, isIPv6: true)
    #expect(SocketAddressValue(v6.system) == v6)
    var parsed = tl_address()
    #expect(tl_address_parse("127.1.2.3", 4567, &parsed) == 1)
    #expect(SocketAddressValue(parsed) == v4)
}

@Test func datagramsGoInBatches() throws {
    var local = SocketAddressValue(ipv4: 127, 0, 0, 1, port: 0).system
    let a = try checked("bind", tl_udp_bind(&local, 65_536))
    let b = try checked("bind", tl_udp_bind(&local, 0))
    defer {
        _ = tl_close(a)
        _ = tl_close(b)
    }
    var bytes = [UInt8](repeating: 7, count: 100)
    var room = [UInt8](repeating: 0, count: 400)
    let target = SocketAddressValue(ipv4: 127, 0, 0, 1, port: UInt16(tl_udp_port(b))).system
    let sent = bytes.withUnsafeMutableBytes { buffer in
        let batch = (0..<3).map { _ in
            tl_datagram(base: buffer.baseAddress, capacity: 100, count: 100, address: target)
        }
        return tl_udp_send_batch(a, batch, 3)
    }
    #expect(sent == 3)
    let received = room.withUnsafeMutableBytes { buffer in
        var batch = (0..<4).map { index in
            tl_datagram(
                base: buffer.baseAddress.map { $0 + index * 100 }, capacity: 100, count: 0,
                address: tl_address())
        }
        return (tl_udp_receive_batch(b, &batch, 4), batch.map(\.count))
    }
    #expect(received.0 == 3)
    #expect(received.1 == [100, 100, 100, 0])
    #expect(tl_udp_drops(b) == 0)
}

@Test func timersFire() throws {
    let timer = try checked("timerfd", tl_timerfd_create())
    let loop = try EpollLoop()
    try loop.add(timer, token: 9)
    defer { _ = tl_close(timer) }
    #expect(tl_timerfd_set(timer, 1_000_000, 0) == 0)
    var event = tl_event()
    #expect(tl_epoll_wait(loop.descriptor, &event, 1, 2_000_000_000) == 1)
    #expect(event.token == 9)
    #expect(tl_timerfd_drain(timer) == 1)
}

@Test func theTickMovesBehindPacketsThatComeSteadily() {
    var arrivals = ArrivalPhase()
    func note(_ count: Int, _ arrival: Int, tick: Int) -> [Int?] {
        (0..<count).map { _ in arrivals.note(arrival, tick: tick) }
    }
    // The first packet sets the place, then a tenth of a second of them confirm it.
    let moves = note(6, 7, tick: 3)
    #expect(moves.prefix(5).allSatisfy { $0 == nil })
    #expect(moves[5] == 8)
    // Later on half a second of them.
    let later = note(26, 13, tick: 8)
    #expect(later.prefix(25).allSatisfy { $0 == nil })
    #expect(later[25] == 14)
    // One or two slots behind is where it belongs; a drifting far end is followed a slot at a time.
    let stays = note(100, 7, tick: 8) + note(100, 6, tick: 8)
    #expect(stays.allSatisfy { $0 == nil })
    let drifted = note(100, 7, tick: 8) + note(100, 8, tick: 8)
    #expect(drifted.compactMap { $0 }.first == 9)
    // Over the edge of the wheel.
    let edge = note(30, 19, tick: 5)
    #expect(edge.compactMap { $0 }.first == 0)
    let settled = note(100, 19, tick: 0)
    #expect(settled.allSatisfy { $0 == nil })
}

@Test func jitterMovesNoTick() {
    var arrivals = ArrivalPhase()
    var random = SeededGenerator(seed: 5)
    for _ in 0..<2000 {
        let move = arrivals.note(Int.random(in: 0..<20, using: &random), tick: 3)
        #expect(move == nil)
    }
}

@Test func aPhaseTakesNoMoreThanTwiceItsShare() {
    var wheel = PhaseWheel(origin: at(0))
    var phases = (0..<100).map { wheel.add($0) }
    for index in 0..<100 where wheel.move(index, from: phases[index], to: 4, of: 100) {
        phases[index] = 4
    }
    #expect(wheel.count(4) == 10)
    #expect(phases.filter { $0 == 4 }.count == 10)
    #expect((0..<20).map { wheel.count($0) }.reduce(0, +) == 100)
    let beyond = wheel.move(0, from: phases[0], to: 20, of: 100)
    #expect(!beyond)
    #expect(wheel.phase(at: at(0)) == 0 && wheel.phase(at: at(39)) == 19)
}
