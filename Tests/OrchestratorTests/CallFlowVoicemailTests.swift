import Audio
import Base
import CallModel
import Detection
import Foundation
import MediaEngine
import Testing

@testable import Orchestrator

@Test func voicemailWaitsForTheBeepThenLeavesTheMessageOnceAndHangsUp() {
    var bench = Bench(plan())
    bench.sip(.answered(sdp: [1]))
    bench.heard(verdict(.voicemail))
    #expect(bench.plays.isEmpty)
    bench.advance(5000)
    bench.heard(beep)
    #expect(bench.plays.isEmpty)
    bench.heard(.readyForMessage(atMs: 5440))
    #expect(bench.plays == [CallFlow.messagePlay])
    bench.media(.playFinished(id: CallFlow.messagePlay, completed: true))
    #expect(bench.hangUps == 0)
    bench.advance(300)
    #expect(bench.hangUps == 1)
    bench.closeDown()
    #expect(bench.records.count == 1)
    #expect(bench.records.first?.outcome == .voicemailLeft)
    #expect(bench.records.first?.disposition == .voicemailLeft)
    #expect(bench.records.first?.endReason == .localHangup)
}

@Test func secondBeepSoonAfterTheFirstStartsTheMessageAgain() {
    var bench = Bench(plan())
    bench.sip(.answered(sdp: [1]))
    bench.heard(verdict(.voicemail))
    bench.heard(.readyForMessage(atMs: 0))
    bench.advance(1000)
    bench.heard(beep)
    #expect(bench.plays == [1, 1])
    // The engine reports the replaced clip as not completed; that ends nothing.
    bench.media(.playFinished(id: CallFlow.messagePlay, completed: false))
    bench.advance(2000)
    #expect(bench.hangUps == 0)
    bench.advance(3500)
    bench.heard(beep)
    #expect(bench.plays == [1, 1])
}

/// The order to begin anew crosses the news that the message is over.
@Test func aMessageThatIsBegunAnewInTheMomentItEndsIsNotCut() {
    var bench = Bench(plan())
    bench.sip(.answered(sdp: [1]))
    bench.heard(verdict(.voicemail))
    bench.heard(.readyForMessage(atMs: 0))
    bench.advance(2700)
    bench.heard(beep)
    #expect(bench.plays == [1, 1])
    bench.media(.playFinished(id: CallFlow.messagePlay, completed: true))
    bench.advance(2000)
    #expect(bench.hangUps == 0)
    bench.media(.playFinished(id: CallFlow.messagePlay, completed: true))
    bench.advance(300)
    #expect(bench.hangUps == 1)
}

/// Of a message shorter than the time in which a second beep begins it anew.
@Test func aSecondBeepBehindAShortMessageIsNotCutByTheEndOfTheFirst() {
    var bench = Bench(plan())
    bench.sip(.answered(sdp: [1]))
    bench.heard(verdict(.voicemail))
    bench.heard(.readyForMessage(atMs: 0))
    bench.advance(2700)
    bench.media(.playFinished(id: CallFlow.messagePlay, completed: true))
    bench.advance(100)
    bench.heard(beep)
    #expect(bench.plays == [1, 1])
    bench.advance(1000)
    #expect(bench.hangUps == 0)
    bench.media(.playFinished(id: CallFlow.messagePlay, completed: true))
    bench.advance(300)
    #expect(bench.hangUps == 1)
}

extension Bench {
    /// Its message is being left.
    fileprivate static func leaving() -> Bench {
        var bench = Bench(plan())
        bench.sip(.answered(sdp: [1]))
        bench.heard(verdict(.voicemail))
        bench.advance(6000)
        bench.heard(beep)
        bench.heard(.readyForMessage(atMs: 6000))
        bench.clear()
        bench.advance(2000)
        return bench
    }

    /// Somebody speaks up for so long; that he is silent is known 240 ms later.
    fileprivate mutating func interrupt(_ speechMs: Int64) {
        heard(.bargeIn(atMs: Int(milliseconds)))
        advance(speechMs + 240)
        heard(.interrupter(speaks: false, atMs: Int(milliseconds)))
    }

    fileprivate var stopsPlaying: Int {
        actions.count { if case .media(.stopPlaying) = $0 { true } else { false } }
    }
}

@Test func whoPicksUpDuringTheMessageIsTalkedTo() {
    var bench = Bench.leaving()
    bench.interrupt(700)
    #expect(bench.stopsPlaying == 1)
    bench.media(.playFinished(id: CallFlow.messagePlay, completed: false))
    bench.advance(499)
    #expect(bench.streamsConnected == 0)
    bench.advance(1)
    #expect(bench.streamsConnected == 1)
    #expect(bench.events == ["barge_in", "voicemail_interrupted", "verdict"])
    #expect(bench.hangUps == 0)
    bench.hangUp()
    bench.closeDown()
    let record = bench.records.first
    #expect(record?.verdict == .human)
    #expect(record?.disposition == .answeredHuman)
}

/// The detectors go on following a mailbox: where a person pauses is no greeting's end.
@Test func whatAMailboxWouldDoIsNotToldOfWhoHasPickedUp() {
    var bench = Bench.leaving()
    bench.interrupt(700)
    bench.advance(500)
    #expect(bench.streamsConnected == 1)
    bench.clear()
    bench.heard(.speechStart(atMs: 12_000))
    bench.heard(.speechEnd(atMs: 13_000))
    bench.heard(.greetingEnd(atMs: 13_000))
    bench.heard(.readyForMessage(atMs: 17_000))
    #expect(bench.events == ["speech_start", "speech_end"])
    #expect(bench.plays == [])
}

/// A mailbox that beeps 600 ms after the answer, and is known so many ms later.
private func beepsAtTheAnswer(known ms: Int64) -> Bench {
    var bench = Bench(plan())
    bench.sip(.answered(sdp: [1]))
    bench.advance(600)
    bench.heard(beep)
    bench.advance(ms)
    bench.heard(verdict(.voicemail))
    return bench
}

/// `trunkline_beep_to_message_seconds` is of messages that follow a beep, and of that beep.
@Test func aMessageThatBeginsWithoutABeepFollowsNone() {
    // A beep at the answer, then a greeting, then none for as long as one is waited for.
    var bench = beepsAtTheAnswer(known: 5000)
    bench.advance(6000)
    bench.heard(.readyForMessage(atMs: 11_600))
    #expect(bench.plays == [CallFlow.messagePlay])
    #expect(bench.flow.facts.beepInstant == nil)
    // Only a beep: its message begins 1.5 s later.
    var lone = beepsAtTheAnswer(known: 1500)
    lone.heard(.readyForMessage(atMs: 2100))
    #expect(lone.flow.facts.beepInstant == Bench.moment(600).instant)
    // Behind an interruption the message begins again by itself.
    var again = Bench.leaving()
    #expect(again.flow.facts.beepInstant != nil)
    again.heard(.bargeIn(atMs: 0))
    again.advance(1800)
    again.heard(.readyForMessage(atMs: 0))
    #expect(again.plays == [CallFlow.messagePlay])
    #expect(again.flow.facts.beepInstant == nil)
}

/// What a bot takes for the beginning and the end of a turn does not say who has picked up.
@Test func whoPicksUpIsKnownWhereverATurnBeginsAndEnds() throws {
    var patient = DetectionPolicy.balanced
    patient.endpointing.hangoverMs = 5000
    var deaf = DetectionPolicy.balanced
    deaf.endpointing.begin(atScore: 0.95)
    deaf.endpointing.minimumMs = 2000
    for policy in [.balanced, patient, deaf] {
        var chain = DetectorChain(policy: policy)
        chain.answered()
        chain.isVoicemail()
        var bench = Bench.leaving()
        let path = "/usr/share/asterisk/sounds/en_US_f_Allison/vm-goodbye.wav"
        let bytes = try #require(
            FileManager.default.contents(atPath: path), "run tools/setup: \(path) is missing")
        let silence = [Int16](repeating: 0, count: 4000)
        let hello = try WAVFile(parsing: [UInt8](bytes)).channel(0, at: 8000)
        let heard = silence + hello + silence + silence
        var out = Outbox<DetectionEvent>()
        for start in stride(from: 0, to: heard.count - 159, by: 160) {
            if bench.stopsPlaying == 0 { chain.said(levelDBm0: -20) }
            heard[start..<start + 160].withUnsafeBufferPointer { chain.push($0, out: &out) }
            bench.advance(20)
            out.drain { bench.heard($0) }
        }
        #expect(bench.stopsPlaying == 1)
        #expect(bench.streamsConnected == 1, "\(policy.endpointing)")
    }
}

/// The message of a call whose leg is interrupted by next to nothing, over `heard` of so many ms.
private func messageOver(_ heard: [Int16], then more: [Int16] = []) -> Bench {
    var policy = DetectionPolicy.balanced
    policy.bargeIn.onScore = 0
    policy.bargeIn.offScore = 0
    var chain = DetectorChain(policy: policy)
    chain.answered()
    chain.isVoicemail()
    var bench = Bench.leaving()
    var out = Outbox<DetectionEvent>()
    var isPlaying = true
    let all = heard + more
    for start in stride(from: 0, to: all.count - 159, by: 160) {
        let before = (stops: bench.stopsPlaying, plays: bench.plays.count)
        if isPlaying { chain.said(levelDBm0: -20) }
        all[start..<start + 160].withUnsafeBufferPointer { chain.push($0, out: &out) }
        bench.advance(20)
        out.drain { bench.heard($0) }
        if bench.stopsPlaying > before.stops { isPlaying = false }
        if bench.plays.count > before.plays { isPlaying = true }
    }
    return bench
}

private func hiss(ms: Int) -> [Int16] {
    var generator = SeededGenerator(seed: 7)
    return (0..<ms * 8).map { _ in Int16(truncatingIfNeeded: generator.next()) / 16 }
}

/// Noise that an eager rule takes for somebody is no greeting that ends, and no beep comes behind it.
@Test func aMessageThatNoiseHasInterruptedBeginsAgain() {
    let silence = [Int16](repeating: 0, count: 8 * 500)
    let bench = messageOver(silence + hiss(ms: 6000))
    #expect(bench.stopsPlaying == 1)
    #expect(bench.plays == [CallFlow.messagePlay])
    #expect(bench.streamsConnected == 0 && bench.hangUps == 0)
}

/// Whom the verdict's rule hears is silent when it says so, whatever else goes on around him.
@Test func whoPicksUpInNoiseIsTalkedTo() throws {
    let path = "/usr/share/asterisk/sounds/en_US_f_Allison/vm-goodbye.wav"
    let bytes = try #require(
        FileManager.default.contents(atPath: path), "run tools/setup: \(path) is missing")
    let hello = try WAVFile(parsing: [UInt8](bytes)).channel(0, at: 8000)
    let silence = [Int16](repeating: 0, count: 8 * 500)
    let bench = messageOver(silence + hello, then: hiss(ms: 3000))
    #expect(bench.stopsPlaying == 1)
    #expect(bench.plays == [] && bench.streamsConnected == 1)
}

/// "Hello? … Hello, who is this?": what he says is added up, the pauses are not.
@Test func whoPicksUpMayPause() {
    var bench = Bench.leaving()
    bench.interrupt(900)
    bench.advance(400)
    bench.heard(.interrupter(speaks: true, atMs: 0))
    bench.advance(1000)
    bench.heard(.interrupter(speaks: false, atMs: 0))
    #expect(bench.streamsConnected == 0)
    bench.advance(500)
    #expect(bench.streamsConnected == 1)
}

@Test func aGreetingThatGoesOnGetsItsMessageBehindItsEnd() {
    var bench = Bench.leaving()
    bench.interrupt(4000)
    bench.media(.playFinished(id: CallFlow.messagePlay, completed: false))
    bench.advance(2000)
    #expect(bench.streamsConnected == 0)
    #expect(bench.plays == [])
    bench.heard(beep)
    bench.heard(.readyForMessage(atMs: 0))
    #expect(bench.plays == [CallFlow.messagePlay])
    bench.media(.playFinished(id: CallFlow.messagePlay, completed: true))
    bench.advance(300)
    #expect(bench.hangUps == 1)
    bench.closeDown()
    #expect(bench.records.first?.disposition == .voicemailLeft)
    #expect(bench.records.first?.verdict == .voicemail)
}

@Test func aBeepEndsAnInterruption() {
    var bench = Bench.leaving()
    bench.heard(.bargeIn(atMs: 0))
    bench.advance(600)
    bench.heard(beep)
    #expect(bench.plays == [CallFlow.messagePlay])
    bench.advance(5000)
    #expect(bench.streamsConnected == 0)
}

@Test func whoInterruptsAThirdTimeIsAPersonHoweverMuchHeSays() {
    var bench = Bench.leaving()
    for _ in 0..<2 {
        bench.interrupt(4000)
        bench.heard(.readyForMessage(atMs: 0))
    }
    #expect(bench.streamsConnected == 0)
    bench.advance(1000)
    bench.heard(.bargeIn(atMs: 0))
    #expect(bench.streamsConnected == 1)
}

@Test func speechBehindTheMessageAndBeforeItInterruptsNothing() {
    var late = Bench.leaving()
    late.media(.playFinished(id: CallFlow.messagePlay, completed: true))
    late.heard(.bargeIn(atMs: 0))
    late.advance(300)
    #expect(late.hangUps == 1)
    var early = Bench(plan())
    early.sip(.answered(sdp: [1]))
    early.heard(.bargeIn(atMs: 0))
    early.heard(verdict(.voicemail))
    early.heard(.bargeIn(atMs: 0))
    early.advance(4000)
    #expect(early.streamsConnected == 0 && early.stopsPlaying == 0)
}

@Test func beepAfterAHumanVerdictStopsTheBotAndLeavesTheMessage() {
    var bench = Bench(plan())
    bench.sip(.answered(sdp: [1]))
    bench.advance(1500)
    bench.heard(.verdict(.human, final: true, confidence: 0.6, reason: "test", atMs: 0))
    bench.stream(.connected)
    bench.advance(3000)
    bench.heard(beep)
    #expect(bench.plays == [CallFlow.messagePlay])
    #expect(bench.actions.contains { if case .stopStream = $0 { true } else { false } })
    // The detectors follow it from now on: it may speak on and beep again.
    #expect(bench.actions.contains { if case .media(.isVoicemail) = $0 { true } else { false } })
    bench.stream(.ended(reason: "stopped"))
    #expect(bench.hangUps == 0)
    bench.media(.playFinished(id: CallFlow.messagePlay, completed: true))
    bench.advance(300)
    bench.closeDown()
    #expect(bench.records.first?.verdict == .voicemail)
    #expect(bench.records.first?.verdictConfidence == CallFlow.lateBeepConfidence)
    #expect(bench.records.first?.outcome == .voicemailLeft)
}

/// The bot of the first talk takes its time to close, and its stream ends in the middle of the second.
@Test func theEndOfAnEarlierStreamIsNotTheEndOfTheTalk() {
    var bench = Bench(plan())
    bench.sip(.answered(sdp: [1]))
    bench.heard(verdict(.human))
    bench.stream(.connected)
    bench.advance(2000)
    bench.heard(beep)
    bench.interrupt(600)
    bench.advance(500)
    #expect(bench.streamsConnected == 2)
    bench.stream(.connected)
    bench.formerStream(.mark(name: "of the first"))
    bench.formerStream(.ended(reason: "stopped"))
    #expect(bench.hangUps == 0)
    #expect(bench.events.filter { $0 == "stream_ended" }.count == 1)
    bench.media(.dtmf("5", source: .rfc4733))
    #expect(bench.digits == ["5"])
    bench.stream(.ended(reason: "the bot closed the stream"))
    #expect(bench.hangUps == 1)
}

@Test func aBeepOfTheNetworkBeforeTheAnswerOverrulesNobody() {
    var bench = Bench(plan())
    bench.sip(.answered(sdp: [1]))
    bench.advance(400)
    bench.heard(verdict(.human))
    bench.heard(
        .beep(startMs: -200, endMs: 300, frequencyHz: 425, levelDBm0: -12, knownAtMs: 900))
    #expect(bench.plays == [] && bench.streamsConnected == 1)
}

@Test func machinesWithoutAMessageAndLinesOfNoUseAreHungUpOn() {
    for answer in [AnswerVerdict.fax, .sit, .ivr, .screening, .unavailable, .silence] {
        var bench = Bench(plan())
        bench.sip(.answered(sdp: [1]))
        bench.heard(verdict(answer))
        #expect(bench.hangUps == 1, "\(answer)")
        #expect(bench.streamsConnected == 0)
    }
    var bench = Bench(plan(voicemail: nil))
    bench.sip(.answered(sdp: [1]))
    bench.heard(verdict(.voicemail))
    #expect(bench.hangUps == 1)
}

/// An answering machine that beeps on and on, or our own beep that comes back unrecognised.
@Test func theMessageIsBegunAnewThreeTimesAtMost() {
    var bench = Bench(plan())
    bench.sip(.answered(sdp: [1]))
    bench.heard(verdict(.voicemail))
    bench.heard(.readyForMessage(atMs: 0))
    for _ in 0..<10 {
        bench.advance(1000)
        bench.heard(beep)
    }
    #expect(bench.plays == [1, 1, 1, 1])
    for _ in 0..<3 {
        bench.media(.playFinished(id: CallFlow.messagePlay, completed: false))
    }
    bench.media(.playFinished(id: CallFlow.messagePlay, completed: true))
    bench.advance(5000)
    #expect(bench.hangUps == 1)
}
