import Base
import CLinux
import Media
import RTP
import Synchronization
import Telemetry
import Testing

@testable import MediaEngine

private func at(_ microseconds: Int64) -> Instant { Instant(nanoseconds: microseconds * 1000) }

/// One turn that asks at `asked` and is answered at once, or after `waited`, all in microseconds.
private func turn(
    _ backlog: inout ReceiveBacklog, asked: Int64, waited: Int64 = 0, timeout: Int64 = 1000,
    isComplete: Bool = true
) -> Interval {
    backlog.turn(
        asked: at(asked), timeout: .microseconds(timeout), answered: at(asked + waited),
        isComplete: isComplete)
    return backlog.held
}

@Test func packetsAreHeldForAsLongAsTheTurnBeforeTook() {
    var backlog = ReceiveBacklog(now: at(0))
    #expect(turn(&backlog, asked: 4_999) == .zero)
    #expect(!backlog.isLong)
    #expect(turn(&backlog, asked: 9_999) == .milliseconds(5))
    #expect(backlog.isLong)
    #expect(turn(&backlog, asked: 10_500) == .zero)
    #expect(backlog.count == 1)
}

@Test func socketsThatWereNotHandedOutYetHoldTheirPacketsLonger() {
    var backlog = ReceiveBacklog(now: at(0))
    #expect(turn(&backlog, asked: 4_000, isComplete: false) == .zero)
    #expect(turn(&backlog, asked: 8_000, isComplete: false) == .milliseconds(8))
    // The last of them: what comes from now on is new.
    #expect(turn(&backlog, asked: 12_000) == .milliseconds(12))
    #expect(turn(&backlog, asked: 16_000) == .zero)
    #expect(backlog.count == 1)
}

@Test func waitingForPacketsHoldsNobody() {
    var backlog = ReceiveBacklog(now: at(0))
    #expect(turn(&backlog, asked: 100, waited: 90_000, timeout: 100_000) == .zero)
    #expect(turn(&backlog, asked: 90_200, waited: 1_000) == .zero)
    #expect(backlog.count == 0)
}

@Test func aMachineThatStoodStillDuringTheWaitHeldThemAll() {
    var backlog = ReceiveBacklog(now: at(0))
    #expect(turn(&backlog, asked: 100, waited: 301_000) == .microseconds(300_100))
    #expect(turn(&backlog, asked: 301_200) == .zero)
    #expect(turn(&backlog, asked: 900_000) > .milliseconds(500))
    #expect(backlog.count == 2)
}

@Test func packetsThatWaitAreLatenessToo() {
    var lateness = TickLateness(now: at(0))
    for _ in 0..<1000 { lateness.observe(.microseconds(100), held: .milliseconds(40)) }
    #expect(lateness.p99 == .microseconds(40_250))
}

/// A worker that was held up takes what has come meanwhile at one socket at once, in order, and
/// more than a batch of it.
@Test func whatCameWhileAWorkerWasHeldUpIsAllAnswered() throws {
    let log = try EventLog()
    let metrics = MetricsRegistry()
    let isHeld = Atomic<Bool>(false)
    let stands = Atomic<Bool>(false)
    let engine = try MediaEngine(
        configuration(ports: 22740...22749), metrics: metrics,
        // The worker asks for its lateness ten times a second: there it can be held.
        lateness: { _ in
            while isHeld.load(ordering: .acquiring) {
                stands.store(true, ordering: .releasing)
                tl_sleep_ns(1_000_000)
            }
            return .zero
        }, events: { log.add($0) })
    let leg = try engine.createLeg(LegOptions(mode: .echo, detection: false))
    let phone = try Phone()
    engine.send(.configure(phone.remote), to: leg.id)
    #expect(log.settle(engine, leg.id))
    let before = metrics.counter(Catalogue.mediaReceiveBacklogs).value
    isHeld.store(true, ordering: .releasing)
    #expect(log.wait { stands.load(ordering: .acquiring) })
    let count = 2 * ReceiveBacklog.batch + 3
    for number in 0..<count {
        phone.send([UInt8](repeating: UInt8(number), count: 160), to: leg.port)
    }
    let sent = monotonicNow()
    #expect(log.wait { monotonicNow() - sent >= ReceiveBacklog.long })
    isHeld.store(false, ordering: .releasing)
    var heard: [UInt8] = []
    while heard.count < count, let payload = phone.receive(milliseconds: 2000) {
        if let first = payload.first { heard.append(first) }
    }
    #expect(heard == (0..<count).map { UInt8($0) })
    engine.removeLeg(leg.id)
    let summary = try #require(log.waitForClosed(leg.id))
    engine.shutdown()
    #expect(summary.packetsReceived == count)
    #expect(metrics.counter(Catalogue.mediaReceiveBacklogs).value > before)
}
