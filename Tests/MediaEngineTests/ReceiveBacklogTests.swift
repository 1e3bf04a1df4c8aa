import Base
import Media
import RTP
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

/// A worker that was held up takes a batch of what has come meanwhile at one socket, then one at the next,
/// and loses nothing of what is more than that.
@Test func whatCameWhileAWorkerWasHeldUpIsTakenInBatches() throws {
    let log = try EventLog()
    let metrics = MetricsRegistry()
    let worker = HeldWorker()
    let engine = try MediaEngine(
        configuration(ports: 22740...22749), metrics: metrics, lateness: worker.lateness,
        events: { log.add($0) })
    let legs = try (0..<2).map { _ in
        try engine.createLeg(LegOptions(mode: .echo, detection: false))
    }
    // Both send their echo to one telephone, which so hears in which order they had their turn.
    let phone = try Phone()
    for leg in legs {
        engine.send(.configure(phone.remote), to: leg.id)
        #expect(log.settle(engine, leg.id))
    }
    let before = metrics.counter(Catalogue.mediaReceiveBacklogs).value
    worker.hold(log)
    let batch = ReceiveBacklog.batch
    let count = 2 * batch + 3
    for (number, leg) in legs.enumerated() {
        for packet in 0..<count {
            phone.send(
                [UInt8](repeating: UInt8(64 * number + packet), count: 160), to: leg.port)
        }
    }
    let sent = monotonicNow()
    #expect(log.wait { monotonicNow() - sent >= ReceiveBacklog.long })
    worker.release()
    var heard: [Int] = []
    while heard.count < 2 * count, let payload = phone.receive(milliseconds: 2000) {
        if let first = payload.first { heard.append(Int(first)) }
    }
    let turns = heard.prefix(2 * batch).map { $0 / 64 }
    #expect(Set(turns.prefix(batch)).count == 1)
    #expect(Set(turns.suffix(batch)).count == 1)
    #expect(Set(turns).count == 2)
    for number in legs.indices {
        #expect(heard.filter { $0 / 64 == number } == (0..<count).map { 64 * number + $0 })
    }
    for leg in legs {
        engine.removeLeg(leg.id)
        #expect(log.waitForClosed(leg.id)?.packetsReceived == count)
    }
    engine.shutdown()
    #expect(metrics.counter(Catalogue.mediaReceiveBacklogs).value > before)
}
