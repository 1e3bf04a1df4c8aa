import CallModel
import Testing

@testable import Conversation

@Suite struct OutcomeClassifierTests {
    private func spoken(_ words: String..., end: EndReason = .remoteHangup) -> CallFacts {
        CallFacts(
            endReason: end, wasAnswered: true, verdict: .human, verdictConfidence: 0.9,
            talkSeconds: 60,
            transcript: words.map { Turn(speaker: .callee, text: $0) })
    }

    @Test(arguments: [
        (EndReason.busy, Disposition.busy, Outcome.noAnswer),
        (.noAnswer, .noAnswer, .noAnswer), (.unavailable, .noAnswer, .noAnswer),
        (.cancelled, .noAnswer, .noAnswer), (.declined, .declined, .noAnswer),
        (.unwanted, .declined, .doNotCall), (.invalidNumber, .invalidNumber, .wrongNumber),
        (.blockedByAnalytics, .blockedByNetwork, .technicalFailure),
        (.gateBlocked, .blockedByGate, .doNotCall), (.trunkError, .failed, .technicalFailure),
        (.configurationError, .failed, .technicalFailure),
        (.engineFull, .failed, .technicalFailure), (.interrupted, .failed, .technicalFailure),
        (.internalError, .failed, .technicalFailure),
    ]) func unansweredCallsFollowTheirEndReason(
        reason: EndReason, disposition: Disposition, outcome: Outcome
    ) {
        let result = OutcomeClassifier.classify(facts: CallFacts(endReason: reason))
        #expect(result.disposition == disposition)
        #expect(result.outcome == outcome)
        #expect(result.interestScore == nil)
    }

    /// What has rung has reached somebody's telephone and counts: the summary must not say otherwise.
    @Test(arguments: [EndReason.trunkError, .interrupted, .configurationError])
    func aFailureBehindARingIsToldFromOneBefore(reason: EndReason) {
        let before = OutcomeClassifier.classify(facts: CallFacts(endReason: reason))
        #expect(before.summary.contains("before it reached anybody"))
        #expect(before.nextBestAction.contains("keeps its attempts"))
        let behind = OutcomeClassifier.classify(
            facts: CallFacts(endReason: reason, ringSeconds: 4))
        #expect(behind.summary == "The telephone rang, then the call failed (\(reason.rawValue)).")
        #expect(!behind.nextBestAction.contains("keeps its attempts"))
        #expect(behind.disposition == before.disposition && behind.outcome == before.outcome)
    }

    @Test func everyEndReasonHasAnOutcomeAnsweredOrNot() {
        for reason in EndReason.allCases {
            for wasAnswered in [false, true] {
                for verdict in [nil] + AnswerVerdict.allCases.map(Optional.some) {
                    let result = OutcomeClassifier.classify(
                        facts: CallFacts(
                            endReason: reason, wasAnswered: wasAnswered, verdict: verdict))
                    #expect((0...1).contains(result.confidence))
                    #expect(!result.summary.isEmpty && !result.nextBestAction.isEmpty)
                    #expect(!result.evidence.isEmpty || reason == .gateBlocked)
                }
            }
        }
    }

    @Test(arguments: [
        (AnswerVerdict.voicemail, Disposition.answeredMachine, Outcome.noAnswer),
        (.ivr, .answeredMachine, .noAnswer), (.screening, .answeredMachine, .noAnswer),
        (.fax, .fax, .wrongNumber), (.sit, .invalidNumber, .wrongNumber),
        (.unavailable, .invalidNumber, .wrongNumber), (.silence, .noAnswer, .noAnswer),
    ]) func machinesAreNoConversation(
        verdict: AnswerVerdict, disposition: Disposition, outcome: Outcome
    ) {
        let result = OutcomeClassifier.classify(
            facts: CallFacts(
                endReason: .localHangup, wasAnswered: true, verdict: verdict,
                verdictConfidence: 0.8,
                // What a greeting says is no word of the person.
                transcript: [Turn(speaker: .callee, text: "Stop. Sign me up.")]))
        #expect(result.disposition == disposition)
        #expect(result.outcome == outcome)
        #expect(result.confidence <= 0.8)
    }

    @Test func aNetworkThatHadNoCircuitSaysNothingAboutTheNumber() {
        let result = OutcomeClassifier.classify(
            facts: CallFacts(endReason: .unavailable, wasAnswered: true, verdict: .sit))
        #expect(result.disposition == .failed && result.outcome == .technicalFailure)
        #expect(result.followUp == .retryLater)
    }

    @Test func voicemailThatWasLeftIsVoicemailLeft() {
        let result = OutcomeClassifier.classify(
            facts: CallFacts(
                endReason: .localHangup, wasAnswered: true, verdict: .voicemail,
                verdictConfidence: 0.8, voicemailLeft: true))
        #expect(result.disposition == .voicemailLeft && result.outcome == .voicemailLeft)
        #expect(result.confidence == 0.9)
        #expect(result.followUp == .retryLater)
    }

    @Test func pressedOptOutIsCertain() {
        let result = OutcomeClassifier.classify(
            facts: CallFacts(
                endReason: .optOut, wasAnswered: true, verdict: .human, optedOut: true))
        #expect(result.disposition == .optedOut && result.outcome == .doNotCall)
        #expect(result.confidence == 1)
        #expect(result.interestScore == 0)
        #expect(result.followUp == .suppress)
    }

    @Test func spokenOptOutWinsOverEverythingElseSaid() {
        let result = OutcomeClassifier.classify(
            facts: spoken("Okay sign me up", "No wait, take me off your list", "call me back"))
        #expect(result.outcome == .doNotCall && result.disposition == .optedOut)
    }

    @Test(arguments: [
        ("Sounds good, sign me up", Outcome.saleCompleted, FollowUp.fulfil),
        ("Can you call me back on Friday?", .callbackRequested, .callBack),
        ("No thanks, I'm not interested", .notInterested, FollowUp.none),
        ("You have the wrong number", .wrongNumber, .checkNumber),
        ("Let me talk to a person", .escalated, .handOff),
        ("That is too expensive for me", .objectionUnresolved, .sendInformation),
        ("No, gracias", .notInterested, FollowUp.none),
        ("Ich nehme es", .saleCompleted, .fulfil),
    ]) func wordsDecide(text: String, outcome: Outcome, followUp: FollowUp) {
        let result = OutcomeClassifier.classify(facts: spoken("Hello?", text))
        #expect(result.outcome == outcome)
        #expect(result.followUp == followUp)
        #expect(result.disposition == .answeredHuman)
        #expect(result.confidence >= 0.5 && result.confidence < 0.9)
    }

    @Test func negatedAgreementIsNoSale() {
        let result = OutcomeClassifier.classify(facts: spoken("I don't want to sign up"))
        #expect(result.outcome == .notInterested)
    }

    @Test func lastDecisiveWordCountsAndLowersConfidence() {
        let plain = OutcomeClassifier.classify(facts: spoken("sign me up"))
        let turned = OutcomeClassifier.classify(
            facts: spoken("not interested", "oh well, sign me up"))
        #expect(turned.outcome == .saleCompleted)
        #expect(turned.confidence < plain.confidence)
        #expect(turned.evidence == ["agreed", "earlier declined"])
        let back = OutcomeClassifier.classify(facts: spoken("sign me up", "actually no thanks"))
        #expect(back.outcome == .notInterested)
    }

    @Test func agentsWordsAreNoEvidence() {
        var facts = spoken("Mhm")
        facts.transcript?.append(Turn(speaker: .agent, text: "Say stop calling me, or sign me up"))
        #expect(OutcomeClassifier.classify(facts: facts).outcome == .objectionUnresolved)
    }

    @Test func withoutTranscriptTheGuessSaysSo() {
        let result = OutcomeClassifier.classify(
            facts: CallFacts(
                endReason: .remoteHangup, wasAnswered: true, verdict: .human,
                verdictConfidence: 0.9,
                talkSeconds: 45))
        #expect(result.outcome == .objectionUnresolved)
        #expect(result.confidence < 0.5)
        #expect(result.interestScore == nil)
        #expect(result.followUp == .review)
        #expect(result.summary.contains("no transcript was made"))
        let brief = OutcomeClassifier.classify(
            facts: CallFacts(
                endReason: .remoteHangup, wasAnswered: true, verdict: .human, talkSeconds: 3))
        #expect(brief.outcome == .notInterested && brief.confidence < 0.5)
    }

    @Test func brokenLineIsATechnicalFailureUnlessWordsDecided() {
        var facts = CallFacts(
            endReason: .streamFailed, wasAnswered: true, verdict: .human, talkSeconds: 20)
        #expect(OutcomeClassifier.classify(facts: facts).outcome == .technicalFailure)
        facts.transcript = [Turn(speaker: .callee, text: "call me tomorrow")]
        #expect(OutcomeClassifier.classify(facts: facts).outcome == .callbackRequested)
    }

    @Test func transferredCallIsEscalated() {
        var facts = spoken("hello")
        facts.transferred = true
        #expect(OutcomeClassifier.classify(facts: facts).outcome == .escalated)
    }

    @Test func gateBlockNamesChecksAndWhoseFaultItIs() {
        let listed = OutcomeClassifier.classify(
            facts: CallFacts(endReason: .gateBlocked, gateReasons: ["internal_dnc"]))
        #expect(listed.outcome == .doNotCall)
        #expect(
            listed.summary == "Not dialled: the compliance check refused the number (internal_dnc)."
        )
        let setup = OutcomeClassifier.classify(
            facts: CallFacts(
                endReason: .gateBlocked, gateReasons: ["federal_dnc"], isGateSetupProblem: true))
        #expect(setup.outcome == .technicalFailure && setup.followUp == .checkInstallation)
    }

    @Test func resultHoldsNoWordOfThePerson() {
        let result = OutcomeClassifier.classify(
            facts: spoken("My name is Zacharias and I am not interested"))
        #expect(!"\(result)".contains("Zacharias"))
        #expect(!"\(spoken("Zacharias"))".contains("Zacharias"))
    }

    @Test func jsonHasTheNamesOfTheApi() {
        let result = OutcomeClassifier.classify(facts: CallFacts(endReason: .busy))
        #expect(
            result.json
                == "{\"outcome\":\"no_answer\",\"disposition\":\"busy\",\"confidence\":1,"
                + "\"interest_score\":null,\"summary\":\"The line was busy.\","
                + "\"next_best_action\":\"Try again in half an hour.\",\"follow_up\":\"retry_later\","
                + "\"evidence\":[\"end reason busy\"]}")
    }
}
