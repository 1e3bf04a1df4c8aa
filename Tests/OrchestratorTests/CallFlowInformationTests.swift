import Base
import CallModel
import Detection
import Signalling
import Testing

@testable import Orchestrator

/// Special information tones in early media, and how long the call rings on after them.

private func sit(_ information: SpecialInformation?, at ms: Int = 300) -> DetectionEvent {
    .tone(.sit, startMs: ms, knownAtMs: ms + 800, information: information)
}

private func early(_ plan: CallPlan = plan()) -> Bench {
    var bench = Bench(plan)
    bench.sip(.earlyMedia(sdp: [1]))
    return bench
}

@Test(arguments: [SpecialInformation.intercept, .vacantCode])
func tonesThatSayThereIsNoSuchNumberEndTheRinging(information: SpecialInformation) throws {
    var bench = early()
    bench.heard(sit(information))
    bench.advance(3999)
    #expect(bench.hangUps == 0)
    bench.advance(1)
    #expect(bench.hangUps == 1)
    // CANCEL is answered 487, which says less than the tones.
    bench.closeDown(.cancelled, status: 487)
    let record = try #require(bench.records.first)
    #expect(record.endReason == .invalidNumber && record.sipStatus == 487)
    #expect(record.disposition == .invalidNumber)
}

@Test func theGraceBeginsAnewWithEachTonesOfAnAnnouncement() {
    var bench = early()
    bench.heard(sit(.vacantCode))
    bench.advance(3000)
    // Not understood this time: a packet was lost.
    bench.heard(sit(nil))
    bench.advance(3999)
    #expect(bench.hangUps == 0)
    bench.advance(1)
    #expect(bench.hangUps == 1)
}

@Test func theGraceIsThePlans() {
    var plan = plan()
    plan.informationGrace = .milliseconds(500)
    var bench = early(plan)
    bench.heard(sit(.intercept))
    bench.advance(499)
    #expect(bench.hangUps == 0)
    bench.advance(1)
    #expect(bench.hangUps == 1)
    plan.informationGrace = nil
    bench = early(plan)
    bench.heard(sit(.intercept))
    bench.advance(120_000)
    #expect(bench.hangUps == 0)
}

@Test func anAnswerOrAFinalStatusInTheGraceWins() {
    var answered = early()
    answered.heard(sit(.vacantCode))
    answered.advance(3999)
    answered.sip(.answered(sdp: [1]))
    answered.heard(verdict(.human))
    answered.advance(60_000)
    #expect(answered.hangUps == 0 && answered.streamsConnected == 1)

    var busy = early()
    busy.heard(sit(.vacantCode))
    busy.advance(2000)
    busy.closeDown(.busy, status: 486)
    #expect(busy.records.first?.endReason == .busy && busy.hangUps == 0)
}

/// Who may let us hear one carrier's announcement and then try another.
@Test(arguments: [
    SpecialInformation.reorder, .carrierReorder, .noCircuit, .carrierNoCircuit, .reserved1,
    .reserved2, nil,
]) func tonesThatBlameANetworkOrAreNotUnderstoodLetItRing(information: SpecialInformation?) {
    var bench = early()
    bench.heard(sit(information))
    bench.advance(120_000)
    #expect(bench.hangUps == 0)
    // Nor what was said of the number before.
    bench = early()
    bench.heard(sit(.vacantCode))
    if let information {
        bench.heard(sit(information))
        bench.advance(120_000)
        #expect(bench.hangUps == 0)
    }
}

@Test(arguments: 0..<3) func aNetworkThatGoesOnAfterTheTonesIsWaitedFor(how: Int) {
    var bench = early()
    bench.heard(sit(.intercept))
    bench.advance(2000)
    switch how {
    case 0: bench.sip(.ringing)
    // Another branch of a forked call.
    case 1: bench.sip(.earlyMedia(sdp: [2]))
    default: bench.heard(.tone(.ringback, startMs: 2000, knownAtMs: 2500))
    }
    bench.advance(120_000)
    #expect(bench.hangUps == 0)
    // Until it says so again.
    bench.heard(sit(.intercept, at: 130_000))
    bench.advance(4000)
    #expect(bench.hangUps == 1)
}

@Test func busyTonesBeforeTheAnswerEndNothing() {
    for kind in [ToneKind.busy, .reorder] {
        var bench = early()
        for start in stride(from: 0, to: 20_000, by: 1000) {
            bench.heard(.tone(kind, startMs: start, knownAtMs: start + 900))
            bench.advance(1000)
        }
        bench.advance(120_000)
        #expect(bench.hangUps == 0)
    }
}
