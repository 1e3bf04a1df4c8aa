import Base
import Media
import Synchronization
import Telemetry
import Testing

@testable import MediaEngine

private func at(_ ms: Int64) -> Instant { Instant(milliseconds: ms) }

@Test func ticksThatAreLateForSecondsAreForgottenAfterThree() {
    var lateness = TickLateness(now: at(0))
    for tick in 0..<1000 { lateness.observe(.milliseconds(tick < 980 ? 0 : 40)) }
    #expect(lateness.p99 == .microseconds(40_250))
    lateness.advance(now: at(1000))
    lateness.advance(now: at(2000))
    #expect(lateness.p99 == .microseconds(40_250))
    lateness.advance(now: at(3000))
    #expect(lateness.p99 == .zero)
}

@Test func oneLateTickInAHundredIsNoOverload() {
    var lateness = TickLateness(now: at(0))
    for tick in 0..<1000 { lateness.observe(.microseconds(tick < 990 ? 100 : 90_000)) }
    #expect(lateness.p99 == .microseconds(250))
    lateness.observe(.seconds(9))
    #expect(lateness.p99 == .microseconds(90_250))
}

@Test func aNearlyIdleWorkerIsNotJudged() {
    var lateness = TickLateness(now: at(0))
    for _ in 0..<499 { lateness.observe(.seconds(1)) }
    #expect(lateness.p99 == .zero)
    lateness.observe(.seconds(1))
    #expect(lateness.p99 > .milliseconds(99))
}

@Test func aLegGoesToTheEmptiestWorkerThatKeepsItsTime() {
    let admission = Admission(limit: .milliseconds(30))
    let lateness = [Interval.milliseconds(31), .milliseconds(30), .zero]
    #expect(admission.worker(load: [0, 5, 7]) { lateness[$0] } == 1)
    #expect(admission.worker(load: [0, 5, 5]) { lateness[$0] } == 1)
    #expect(admission.worker(load: [0, 5, 4]) { lateness[$0] } == 2)
    #expect(admission.worker(load: [0, 0, 0]) { _ in .milliseconds(31) } == nil)
    #expect(Admission(limit: nil).worker(load: [1, 0]) { _ in .seconds(9) } == 1)
}

@Test func anEngineThatRunsLateRefusesLegsUntilItCatchesUp() throws {
    let late = Atomic<Int64>(0)
    let metrics = MetricsRegistry()
    let engine = try MediaEngine(
        configuration(ports: 22700...22719, lateness: .milliseconds(30)), metrics: metrics,
        lateness: { _ in Interval(nanoseconds: late.load(ordering: .relaxed)) },
        events: { _ in })
    defer { engine.shutdown() }
    _ = try engine.createLeg(LegOptions(detection: false))
    late.store(31_000_000, ordering: .relaxed)
    let refusal = EngineError.overloaded(latenessMilliseconds: 31, limitMilliseconds: 30)
    #expect(throws: refusal) { _ = try engine.createLeg(LegOptions(detection: false)) }
    #expect(refusal.description.contains("31 ms late"))
    #expect(engine.legCount == 1)
    #expect(metrics.render().contains("trunkline_media_legs_refused_total{reason=\"overload\"} 1"))
    late.store(0, ordering: .relaxed)
    _ = try engine.createLeg(LegOptions(detection: false))
    #expect(engine.legCount == 2)
}
