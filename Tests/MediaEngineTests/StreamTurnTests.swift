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
        var flag = isBehind
        if let rest = turn.rest(now: at(now), waited: waited, isBehind: &flag) {
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
    func rest(_ microseconds: Int64) -> Interval? {
        var isBehind = true
        return turn.rest(now: at(microseconds), waited: .zero, isBehind: &isBehind)
    }
    #expect(rest(9_999) == nil)
    #expect(rest(10_000) == .milliseconds(2))
    #expect(rest(21_999) == nil)
    #expect(rest(22_000) == .milliseconds(2))
    // A worker that was held up for an hour owes one rest, not a thousand.
    #expect(rest(3_600_000_000) == .milliseconds(2))
    #expect(rest(3_600_001_000) == nil)
}

@Test func aStreamThatHasCaughtUpCostsNoRestLater() {
    var turn = StreamTurn(now: at(0))
    var isBehind = true
    // Within a window the sign stays, at its end it is taken, though the worker had waited enough.
    #expect(turn.rest(now: at(5_000), waited: .milliseconds(2), isBehind: &isBehind) == nil)
    #expect(isBehind)
    #expect(turn.rest(now: at(10_000), waited: .zero, isBehind: &isBehind) == nil)
    #expect(!isBehind)
    #expect(turn.rest(now: at(20_000), waited: .zero, isBehind: &isBehind) == nil)
    #expect(turn.count == 0)
}
