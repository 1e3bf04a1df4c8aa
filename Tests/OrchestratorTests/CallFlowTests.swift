import Audio
import Base
import CallModel
import Detection
import MediaEngine
import Signalling
import Streaming
import Testing

@testable import Orchestrator

@Test func humanIsConnectedToTheBotOnlyAfterTheFinalVerdict() {
    var bench = Bench(plan())
    bench.sip(.ringing)
    bench.sip(.answered(sdp: [1]))
    #expect(bench.streamsConnected == 0)
    bench.heard(verdict(.human, final: false))
    #expect(bench.streamsConnected == 0)
    bench.heard(verdict(.human))
    #expect(bench.streamsConnected == 1)
    bench.heard(verdict(.human))
    #expect(bench.streamsConnected == 1)
}

private let listenedTo: CallPlan = {
    var plan = plan()
    plan.transcriptURL = "ws://127.0.0.1:9/stt"
    return plan
}()

@Test func aRecogniserHearsTheCallUntilItIsClearWhoAnswered() {
    var bench = Bench(listenedTo)
    bench.sip(.earlyMedia(sdp: [1]))
    #expect(bench.recognition == [])
    bench.sip(.answered(sdp: []))
    bench.recogniser(.connected)
    bench.recogniser(.transcript("Hello"))
    bench.heard(verdict(.human, final: false))
    bench.recogniser(.transcript("Hello, Dana speaking"))
    #expect(
        bench.recognition == ["expect", "connect", "Hello", "Hello, Dana speaking"])
    bench.clear()
    bench.heard(verdict(.human))
    // The bot takes the recogniser's place, not the other way round.
    #expect(bench.recognition == ["stop", "detach", "bot"])
    bench.clear()
    bench.recogniser(.transcript("too late"))
    bench.recogniser(.ended(reason: "stopped"))
    #expect(bench.recognition == [] && bench.events == [])
    #expect(bench.hangUps == 0)
}

@Test func aRecogniserThatIsLostIsNotWaitedFor() {
    var bench = Bench(listenedTo)
    bench.sip(.answered(sdp: [1]))
    bench.clear()
    bench.recogniser(.failed(reason: "refused"))
    #expect(bench.recognition == ["expect no more", "detach"])
    #expect(bench.events == ["stream_ended"] && bench.hangUps == 0)
    bench.clear()
    bench.heard(verdict(.voicemail))
    #expect(bench.recognition == [])
}

@Test func everyEndStopsTheRecogniser() {
    for end in 0..<3 {
        var bench = Bench(listenedTo)
        bench.sip(.answered(sdp: [1]))
        bench.clear()
        switch end {
        case 0: bench.hangUp()
        case 1: bench.sip(.ended(.remoteHangup, status: 0))
        default: bench.handOver()
        }
        #expect(bench.recognition.filter { $0 == "stop" }.count == 1, "end \(end)")
    }
}

@Test func withoutDetectionThereIsNothingToRecognise() {
    var plan = listenedTo
    plan.detectAnswer = false
    var bench = Bench(plan)
    bench.sip(.answered(sdp: [1]))
    #expect(bench.recognition == ["bot"])
}

@Test func answerIsAppliedBeforeTheDetectorsClockIsZeroed() throws {
    var bench = Bench(plan())
    bench.sip(.answered(sdp: [1]))
    let accept = try #require(bench.index { if case .acceptAnswer = $0 { true } else { false } })
    let zero = try #require(bench.index { if case .media(.answered) = $0 { true } else { false } })
    #expect(accept < zero)
}

@Test func aCallHandedOverOutlivesItsBotAndEndsWithItsPartner() {
    var bench = Bench(plan())
    bench.sip(.answered(sdp: [1]))
    bench.heard(verdict(.human))
    bench.stream(.connected)
    bench.loseThePartner()
    #expect(bench.hangUps == 0)
    bench.clear()
    bench.handOver()
    #expect(bench.actions.contains { if case .stopStream = $0 { true } else { false } })
    #expect(bench.actions.contains { if case .media(.detach) = $0 { true } else { false } })
    bench.stream(.ended(reason: "stopped"))
    // Neither a late beep nor a clip that has just ended takes the call back.
    bench.heard(beep)
    bench.media(.playFinished(id: CallFlow.conversationPlay, completed: true))
    bench.advance(1000)
    #expect(bench.hangUps == 0)
    #expect(bench.plays.isEmpty)
    bench.media(.playFinished(id: CallFlow.foreignPlays, completed: true))
    bench.media(.linkEnded(LinkID(7), .sourceClosed))
    #expect(bench.events.suffix(2) == ["play_finished", "link_ended"])
    bench.loseThePartner()
    #expect(bench.hangUps == 1)
    bench.closeDown()
    #expect(bench.records.first?.endReason == .localHangup)
}

/// `bridge` with `keep_bot`: two people and a bot, which leave in whatever order.
@Test func aSharedCallEndsWithTheLastOfBotAndPartner() {
    var bench = Bench(plan())
    bench.sip(.answered(sdp: [1]))
    bench.heard(verdict(.human))
    bench.stream(.connected)
    bench.flow.share()
    #expect(bench.actions.allSatisfy { if case .stopStream = $0 { false } else { true } })
    var other = bench
    bench.stream(.ended(reason: "the bot closed the stream"))
    bench.heard(beep)
    #expect(bench.hangUps == 0 && bench.plays.isEmpty)
    bench.loseThePartner()
    #expect(bench.hangUps == 1)
    // The bot has the call to itself again, and ends it.
    other.loseThePartner()
    #expect(other.hangUps == 0)
    other.stream(.ended(reason: "the bot closed the stream"))
    #expect(other.hangUps == 1)
}

/// A partner who joins before it is known who answered is not cut off for a machine: he is there to hear
/// it out, and no message of ours speaks into it.
@Test(arguments: [AnswerVerdict.voicemail, .ivr, .silence])
func aMachinesVerdictDoesNotEndASharedCall(machine: AnswerVerdict) {
    var bench = Bench(plan())
    bench.sip(.answered(sdp: [1]))
    bench.flow.share()
    bench.heard(verdict(machine))
    bench.heard(.readyForMessage(atMs: 3000))
    bench.advance(90_000)
    #expect(bench.hangUps == 0 && bench.plays.isEmpty && bench.streamsConnected == 0)
    bench.loseThePartner()
    #expect(bench.hangUps == 1)
    // A person gets the bot as ever.
    var person = Bench(plan())
    person.sip(.answered(sdp: [1]))
    person.flow.share()
    person.heard(verdict(.human))
    #expect(person.streamsConnected == 1 && person.hangUps == 0)
}

@Test func aRecordingThatTheAPIBeganIsWaitedForAtTheEnd() {
    var bench = Bench(plan())
    bench.sip(.answered(sdp: [1]))
    #expect(!bench.flow.isRecording)
    bench.flow.recordingBegan()
    bench.hangUp()
    bench.closeDown()
    #expect(bench.records.isEmpty)
    bench.media(.recordingFinished(path: "/tmp/a.wav"))
    #expect(bench.records.first?.recordingPath == "/tmp/a.wav")
}

/// Operators change files in mid-call: the next one begins when the one before it was told to end, however long
/// its disk takes.
@Test func aRecordingThatWasStoppedIsInNobodysWay() {
    var bench = Bench(plan(record: true))
    bench.sip(.answered(sdp: [1]))
    #expect(bench.flow.isRecording)
    bench.flow.recordingStopped()
    #expect(!bench.flow.isRecording)
    bench.flow.recordingBegan()
    bench.media(.recordingFinished(path: "/tmp/x.wav"))
    #expect(bench.flow.isRecording)
    // And the call waits for both.
    bench.hangUp()
    bench.closeDown()
    #expect(bench.records.isEmpty)
    bench.media(.recordingFailed(path: "/tmp/y.wav", reason: "full"))
    #expect(bench.records.first?.recordingPath == "/tmp/x.wav")
}

@Test func pressingTheOptOutDigitStoresTheWishBeforeAnythingElseEnds() throws {
    var bench = Bench(plan())
    bench.sip(.answered(sdp: [1]))
    bench.heard(verdict(.human))
    bench.stream(.connected)
    bench.clear()
    bench.media(.dtmf("9", source: .rfc4733))
    let optOut = try #require(bench.index { if case .optOut = $0 { true } else { false } })
    let hangUp = try #require(bench.index { if case .hangUp = $0 { true } else { false } })
    #expect(optOut < hangUp)
    bench.media(.dtmf("9", source: .inband))
    #expect(bench.actions.count { if case .optOut = $0 { true } else { false } } == 1)
    bench.closeDown()
    #expect(bench.records.first?.endReason == .optOut)
    #expect(bench.records.first?.outcome == .doNotCall)
    #expect(bench.records.first?.disposition == .optedOut)
}

@Test func pressHeardInTheAudioAsWellIsOneDigit() {
    var bench = Bench(plan(detect: false))
    bench.sip(.answered(sdp: [1]))
    bench.stream(.connected)
    bench.media(.dtmf("5", source: .rfc4733))
    bench.media(.dtmf("5", source: .inband))
    let digits = bench.actions.count { if case .streamDigit = $0 { true } else { false } }
    #expect(digits == 1)
}

/// What a call has moved to may have no telephone-events: its tones are digits again.
@Test func aDigitHeardInTheAudioCountsAgainBehindAReinvite() {
    for change in [CallLegEvent.offer(sdp: [1]), .offerAnswered(sdp: [1])] {
        var bench = Bench(plan(detect: false))
        bench.sip(.answered(sdp: [1]))
        bench.media(.dtmf("1", source: .rfc4733))
        bench.media(.dtmf("9", source: .inband))
        #expect(!bench.actions.contains { if case .optOut = $0 { true } else { false } })
        bench.sip(change)
        bench.media(.dtmf("9", source: .inband))
        #expect(bench.actions.contains { if case .optOut = $0 { true } else { false } })
    }
}

@Test func inboundCallersCannotOptOutByDigit() {
    var bench = Bench(plan(detect: false, direction: .inbound))
    bench.sip(.answered(sdp: [1]))
    bench.media(.dtmf("9", source: .rfc4733))
    #expect(!bench.actions.contains { if case .optOut = $0 { true } else { false } })
}

@Test func busyAndNoAnswerEndWithTheirOwnReasonAndOneRecord() {
    for (reason, status) in [(EndReason.busy, 486), (.noAnswer, 487), (.declined, 603)] {
        var bench = Bench(plan())
        bench.sip(.ringing)
        bench.sip(.ended(reason, status: status))
        #expect(bench.records.isEmpty)
        bench.media(.closed(MediaSummary()))
        #expect(bench.records.count == 1)
        #expect(bench.records.first?.endReason == reason)
        #expect(bench.records.first?.sipStatus == status)
        #expect(bench.flow.isFinished)
    }
}

@Test func recordWaitsForTheRecordingButNotForEver() {
    var bench = Bench(plan(record: true))
    bench.sip(.answered(sdp: [1]))
    bench.closeDown(.remoteHangup)
    #expect(bench.records.isEmpty)
    bench.media(.recordingFinished(path: "/tmp/x.wav"))
    #expect(bench.records.first?.recordingPath == "/tmp/x.wav")

    var stuck = Bench(plan(record: true))
    stuck.sip(.answered(sdp: [1]))
    stuck.sip(.ended(.remoteHangup, status: 200))
    stuck.advance(2999)
    #expect(stuck.records.isEmpty)
    stuck.advance(1)
    #expect(stuck.records.count == 1)
    #expect(stuck.records.first?.recordingPath == nil)
}

@Test func maximumDurationMediaTimeoutAndBotEndEachHangUpOnce() {
    var long = Bench(plan(detect: false))
    long.sip(.answered(sdp: [1]))
    long.advance(599_999)
    #expect(long.hangUps == 0)
    long.advance(1)
    #expect(long.hangUps == 1)

    var silent = Bench(plan(detect: false))
    silent.sip(.answered(sdp: [1]))
    silent.media(.mediaTimeout)
    silent.media(.mediaTimeout)
    #expect(silent.hangUps == 1)

    var bot = Bench(plan(detect: false))
    bot.sip(.answered(sdp: [1]))
    bot.stream(.failed(reason: "refused"))
    #expect(bot.hangUps == 1)
    bot.closeDown()
    #expect(bot.records.first?.endReason == .streamFailed)
}

@Test func callThatNeverGotALegStillHasARecord() {
    var bench = Bench(plan())
    bench.conclude(.engineFull)
    #expect(bench.records.count == 1)
    #expect(bench.records.first?.endReason == .engineFull)
    #expect(bench.events.last == "ended")
}

@Test func anyOrderOfInputsEndsWithAtMostOneRecordAndNothingAfterIt() {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<2000 {
        var bench = Bench(
            plan(detect: Bool.random(using: &generator), record: Bool.random(using: &generator)))
        for _ in 0..<30 {
            switch Int.random(in: 0..<21, using: &generator) {
            case 0: bench.sip(.ringing)
            case 1: bench.sip(.earlyMedia(sdp: [1]))
            case 2: bench.sip(.answered(sdp: [1]))
            case 3: bench.sip(.ended(.remoteHangup, status: 200))
            case 4:
                bench.heard(
                    verdict(AnswerVerdict.allCases.randomElement(using: &generator) ?? .human))
            case 5: bench.heard(beep)
            case 6: bench.heard(.readyForMessage(atMs: 1))
            case 7: bench.media(.dtmf("9", source: .rfc4733))
            case 8:
                bench.media(
                    .playFinished(id: Int.random(in: 1...2, using: &generator), completed: true))
            case 9: bench.stream(.connected)
            case 10: bench.stream(.ended(reason: "x"))
            case 11: bench.hangUp()
            case 12: bench.media(.closed(MediaSummary()))
            case 13: bench.media(.recordingFinished(path: "p"))
            case 14: bench.handOver()
            case 15: bench.loseThePartner()
            case 16: bench.heard(.bargeIn(atMs: 1))
            case 17: bench.heard(.interrupter(speaks: true, atMs: 1))
            case 18: bench.heard(.interrupter(speaks: false, atMs: 1))
            case 19:
                bench.heard(
                    .tone(.sit, startMs: 1, knownAtMs: 2, information: .intercept))
            default: bench.advance(Int64.random(in: 1...5000, using: &generator))
            }
        }
        bench.hangUp()
        bench.advance(60_000)
        bench.advance(60_000)
        #expect(bench.records.count == 1)
        #expect(bench.flow.isFinished)
        let finish = bench.index { if case .finish = $0 { true } else { false } }
        #expect(finish == bench.actions.count - 1)
        #expect(bench.hangUps <= 1)
    }
}

@Test func aBotThatIsStillBeingConnectedIsCalledOffWhenTheCallEnds() {
    func stops(_ bench: Bench) -> Int {
        bench.actions.count { if case .stopStream = $0 { true } else { false } }
    }
    // Ended by the far end, by us, and by a beep that shows the person to be a machine.
    var remote = Bench(plan(detect: false))
    remote.sip(.answered(sdp: [1]))
    remote.sip(.ended(.remoteHangup, status: 200))
    #expect(stops(remote) == 1)
    var local = Bench(plan(detect: false))
    local.sip(.answered(sdp: [1]))
    local.hangUp()
    #expect(stops(local) == 1)
    local.closeDown()
    #expect(stops(local) == 1)
    var machine = Bench(plan())
    machine.sip(.answered(sdp: [1]))
    machine.heard(verdict(.human))
    machine.heard(beep)
    #expect(stops(machine) == 1)
    // None was ever asked for, or it is over already.
    var none = Bench(plan())
    none.sip(.answered(sdp: [1]))
    none.hangUp()
    #expect(stops(none) == 0)
    var over = Bench(plan(detect: false))
    over.sip(.answered(sdp: [1]))
    over.stream(.connected)
    over.stream(.ended(reason: "bot"))
    #expect(stops(over) == 0)
}

@Test func aFarEndThatKeepsPressingKeysFillsNoMemoryAndLosesNotTheEnd() throws {
    var bench = Bench(plan(detect: false))
    bench.sip(.answered(sdp: [1]))
    for _ in 0..<(CallFlowFacts.eventLimit * 2) { bench.media(.dtmf("5", source: .rfc4733)) }
    bench.clear()
    bench.media(.dtmf("9", source: .rfc4733))
    bench.closeDown()
    let record = try #require(bench.records.first)
    #expect(record.events.count == CallFlowFacts.eventLimit + 2)
    #expect(record.events.suffix(2).map(\.kind.name) == ["opt_out", "ended"])
}

// MARK: transfers

private func transferBench() -> Bench {
    var bench = Bench(
        CallPlan(
            id: CallID("c"), direction: .outbound, conversation: .silence, detectAnswer: false))
    bench.sip(.answered(sdp: []))
    bench.clear()
    return bench
}

@Test func transferThatSucceedsEndsTheCallAsTransferred() {
    var bench = transferBench()
    bench.sip(.transferProgress(status: 180, isFinal: false))
    #expect(bench.hangUps == 0)
    bench.sip(.transferProgress(status: 200, isFinal: true))
    #expect(bench.events == ["transfer", "transfer"])
    #expect(bench.hangUps == 1)
    bench.closeDown()
    #expect(bench.records.map(\.endReason) == [.transferred])
    #expect(bench.records.map(\.outcome) == [.escalated])
    #expect(bench.records.map(\.disposition) == [.answeredHuman])
}

@Test func transferThatFailsLeavesTheCallAlone() {
    var bench = transferBench()
    bench.sip(.transferProgress(status: 486, isFinal: true))
    #expect(bench.hangUps == 0)
    bench.sip(.offerRefused(status: 488))
    #expect(bench.hangUps == 0)
}

@Test func wishOfThePeerToBeTransferredIsDeclined() throws {
    var bench = transferBench()
    bench.sip(.transferRequested(TransferWish(target: "sip:desk@192.0.2.1", headers: [:])))
    let declined = bench.actions.contains { if case .refuseTransfer = $0 { true } else { false } }
    #expect(declined)
    #expect(bench.hangUps == 0)
}

/// What the network says in tones decides whether the number is tried again, and when (Bellcore's code).
@Test(arguments: [
    (SpecialInformation.intercept, EndReason.invalidNumber), (.vacantCode, .invalidNumber),
    (.noCircuit, .unavailable), (.carrierReorder, .unavailable), (.reserved1, .localHangup),
]) func informationTonesThatAnswerSayWhyTheCallEnded(
    information: SpecialInformation, reason: EndReason
) {
    var bench = Bench(plan())
    bench.sip(.answered(sdp: [1]))
    bench.heard(.tone(.sit, startMs: 300, knownAtMs: 1100, information: information))
    bench.heard(.verdict(.sit, final: true, confidence: 0.95, reason: "x", atMs: 1100))
    #expect(bench.hangUps == 1)
    bench.closeDown()
    #expect(bench.records.first?.endReason == reason)
    // Somebody's telephone may have played them: the attempt counts, unless there is no such number.
    #expect(reason.countsAsAttempt == (reason != .invalidNumber))
    #expect(
        bench.records.first?.events.map(\.kind).contains(
            .tone(kind: "sit", ms: 300, information: information)) == true)
}

@Test func informationTonesBeforeTheAnswerSayMoreThanAStatus() {
    func reason(
        _ information: SpecialInformation?, _ reason: EndReason, status: Int
    ) -> EndReason? {
        var bench = Bench(plan())
        bench.sip(.earlyMedia(sdp: [1]))
        bench.heard(.tone(.sit, startMs: 300, knownAtMs: 1100, information: information))
        // The announcement is repeated, and its tones are not always clean.
        bench.heard(.tone(.sit, startMs: 9000, knownAtMs: 9800))
        bench.closeDown(reason, status: status)
        return bench.records.first?.endReason
    }
    #expect(reason(.vacantCode, .unavailable, status: 480) == .invalidNumber)
    #expect(reason(.noCircuit, .noAnswer, status: 487) == .trunkError)
    #expect(reason(nil, .unavailable, status: 480) == .unavailable)
    // A status that says what it means stands.
    #expect(reason(.noCircuit, .busy, status: 486) == .busy)
    #expect(reason(.vacantCode, .declined, status: 603) == .declined)
}

@Test func informationTonesBeforeAPersonAnsweredDoNotEndHisCall() {
    var bench = Bench(plan())
    bench.sip(.earlyMedia(sdp: [1]))
    bench.heard(.tone(.sit, startMs: 300, knownAtMs: 1100, information: .vacantCode))
    bench.sip(.answered(sdp: [1]))
    bench.heard(.verdict(.human, final: true, confidence: 0.95, reason: "x", atMs: 1100))
    bench.closeDown(.remoteHangup)
    #expect(bench.records.first?.endReason == .remoteHangup)
}

/// RFC 8197: 607 is the person's word, by the hand of the network.
@Test func whoReportsTheCallAsUnwantedIsOnTheListBeforeTheRecord() throws {
    var bench = Bench(plan())
    bench.sip(.ringing)
    bench.closeDown(.unwanted, status: 607)
    let optOut = try #require(bench.index { if case .optOut = $0 { true } else { false } })
    let finish = try #require(bench.index { if case .finish = $0 { true } else { false } })
    #expect(optOut < finish)
    let record = try #require(bench.records.first)
    #expect(record.endReason == .unwanted)
    #expect(record.outcome == .doNotCall)
    #expect(record.events.map(\.kind.name) == ["ringing", "opt_out", "ended"])
    // Who calls us has no say in whom we may call.
    var inbound = Bench(plan(direction: .inbound))
    inbound.closeDown(.unwanted, status: 607)
    #expect(!inbound.actions.contains { if case .optOut = $0 { true } else { false } })
}
