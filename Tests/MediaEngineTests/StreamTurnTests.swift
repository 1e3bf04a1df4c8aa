import Base
import Testing

@testable import MediaEngine

private func at(_ microseconds: Int64) -> Instant { Instant(nanoseconds: microseconds * 1000) }

/// Turns of 500 µs for `milliseconds`, `waited` of each spent waiting; what the rests add up to.
private func run(
    _ turn: inout StreamTurn, from start: Int64 = 0, milliseconds: Int64, waited: Interval,
    isBehind: Bool
) -> Interval {
    var rested = Interval.zero
    var now = start
    while now < start + milliseconds * 1000 {
        now += 500
        if let rest = turn.rest(now: at(now), waited: waited, isBehind: isBehind) {
            rested = rested + rest
            now += rest.nanoseconds / 1000
        }
    }
    return rested
}

@Test func aWorkerWithoutAPauseLeavesAFifthOfTheCoreToStreamsThatAreBehind() {
    var turn = StreamTurn(now: at(0))
    let rested = run(&turn, milliseconds: 120, waited: .zero, isBehind: true)
    #expect(rested == .milliseconds(20))
    #expect(turn.count == 10)
}

@Test func nothingIsLeftWhenNoStreamIsBehind() {
    var turn = StreamTurn(now: at(0))
    #expect(run(&turn, milliseconds: 1000, waited: .zero, isBehind: false) == .zero)
    #expect(turn.count == 0)
}

@Test func whatTheWorkerWaitsByItselfCounts() {
    // 20 turns of 100 µs are the 2 ms of a window.
    var turn = StreamTurn(now: at(0))
    #expect(run(&turn, milliseconds: 1000, waited: .microseconds(100), isBehind: true) == .zero)
    // Half of them leave the other half.
    var other = StreamTurn(now: at(0))
    #expect(
        run(&other, milliseconds: 110, waited: .microseconds(50), isBehind: true)
            == .milliseconds(10))
    #expect(other.count == 10)
}

@Test func aWindowBeginsAnewAfterARest() {
    var turn = StreamTurn(now: at(0))
    #expect(turn.rest(now: at(9_999), waited: .zero, isBehind: true) == nil)
    #expect(turn.rest(now: at(10_000), waited: .zero, isBehind: true) == .milliseconds(2))
    #expect(turn.rest(now: at(21_999), waited: .zero, isBehind: true) == nil)
    #expect(turn.rest(now: at(22_000), waited: .zero, isBehind: true) == .milliseconds(2))
    // A worker that was held up for an hour owes one rest, not a thousand.
    #expect(turn.rest(now: at(3_600_000_000), waited: .zero, isBehind: true) == .milliseconds(2))
    #expect(turn.rest(now: at(3_600_001_000), waited: .zero, isBehind: true) == nil)
}
