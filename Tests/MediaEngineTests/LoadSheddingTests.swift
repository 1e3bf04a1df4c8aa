import Base
import Media
import Synchronization
import Telemetry
import Testing

@testable import MediaEngine

private func at(_ ms: Int64) -> Instant { Instant(milliseconds: ms) }

@Test func workIsShedAtAThirdOfTheLimitAndTakenUpAfterThreeCalmSeconds() {
    var shedding = LoadShedding(limit: .milliseconds(30))
    shedding.update(lateness: .microseconds(9_999), now: at(0))
    #expect(!shedding.isShedding)
    shedding.update(lateness: .milliseconds(10), now: at(100))
    #expect(shedding.isShedding && shedding.begun == 1)
    // Below the beginning is not calm yet: no flapping between 2.5 and 10 ms.
    shedding.update(lateness: .milliseconds(3), now: at(10_000))
    #expect(shedding.isShedding)
    shedding.update(lateness: .microseconds(2500), now: at(10_100))
    shedding.update(lateness: .zero, now: at(13_099))
    #expect(shedding.isShedding)
    // A relapse starts the calm anew.
    shedding.update(lateness: .milliseconds(3), now: at(13_100))
    shedding.update(lateness: .zero, now: at(13_200))
    shedding.update(lateness: .zero, now: at(16_199))
    #expect(shedding.isShedding)
    shedding.update(lateness: .zero, now: at(16_200))
    #expect(!shedding.isShedding && shedding.begun == 1)
}

@Test func withoutALimitNothingIsShed() {
    var shedding = LoadShedding(limit: nil)
    shedding.update(lateness: .seconds(10), now: at(0))
    #expect(!shedding.isShedding)
}

/// Injected lateness: first work is shed while legs are still taken, then legs are refused, and
/// both end by themselves.
@Test func aLateEngineShedsFirstThenRefusesAndRecovers() throws {
    let late = Atomic<Int64>(0)
    let log = try EventLog()
    let metrics = MetricsRegistry()
    let engine = try MediaEngine(
        configuration(ports: 22720...22739, lateness: .milliseconds(30)), metrics: metrics,
        lateness: { _ in Interval(nanoseconds: late.load(ordering: .relaxed)) },
        events: { log.add($0) })
    defer { engine.shutdown() }
    func shedding() -> Double {
        _ = metrics.render()
        return metrics.gauge(Catalogue.mediaWorkersShedding).value
    }
    #expect(shedding() == 0)
    late.store(12_000_000, ordering: .relaxed)
    #expect(log.wait { shedding() == 1 })
    _ = try engine.createLeg(LegOptions())
    late.store(31_000_000, ordering: .relaxed)
    #expect(
        throws: EngineError.overloaded(latenessMilliseconds: 31, limitMilliseconds: 30)
    ) { _ = try engine.createLeg(LegOptions()) }
    late.store(0, ordering: .relaxed)
    _ = try engine.createLeg(LegOptions())
    #expect(log.wait { shedding() == 0 })
    #expect(metrics.counter(Catalogue.mediaSheddings).value == 1)
}
