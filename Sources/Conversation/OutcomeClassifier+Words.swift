internal import CallModel

extension OutcomeClassifier {
    /// A person answered, as far as anybody knows.
    static func spoken(_ facts: CallFacts) -> Classification {
        let certainty =
            facts.verdict == .human ? min(max(facts.verdictConfidence ?? 0.8, 0), 1) : 0.6
        if facts.voicemailLeft {
            return Classification(
                disposition: .voicemailLeft, outcome: .voicemailLeft, confidence: 0.8,
                summary: "A message was left on a voicemail.",
                nextBestAction: "Wait for a call back before trying again.", followUp: .retryLater,
                evidence: ["voicemail message played to its end"])
        }
        let hasBroken =
            facts.streamFailed || facts.endReason == .streamFailed
            || facts.endReason == .mediaTimeout || facts.endReason == .internalError
        let words = facts.transcript?.filter { $0.speaker == .callee }.map(\.text.value) ?? []
        if let decided = decide(words, certainty: certainty) { return decided }
        if hasBroken {
            return Classification(
                disposition: .answeredHuman, outcome: .technicalFailure, confidence: 0.95,
                summary: "The call was answered, then the line to the bot or the callee failed.",
                nextBestAction: "Find the fault, then call back with an apology.",
                followUp: .checkInstallation, evidence: ["end reason \(facts.endReason.rawValue)"])
        }
        return guess(facts, certainty: certainty)
    }

    /// The outcome that the callee's words show; nil when they show none.
    private static func decide(_ words: [String], certainty: Double) -> Classification? {
        var last: [Evidence: Int] = [:]
        for (index, text) in words.enumerated() {
            for evidence in Evidence.found(in: text) { last[evidence] = index }
        }
        // A wrong number and a wish for a person settle the call whenever they were said; between
        // yes, later and no the last word counts; an objection only when nothing else was said.
        var chosen: Evidence?
        if last[.wrongNumber] != nil {
            chosen = .wrongNumber
        } else if last[.escalation] != nil {
            chosen = .escalation
        } else {
            var latest = -1
            for evidence in [Evidence.refusal, .callback, .sale] {
                if let index = last[evidence], index > latest {
                    chosen = evidence
                    latest = index
                }
            }
            if chosen == nil, last[.objection] != nil { chosen = .objection }
        }
        guard let chosen else { return nil }
        let rivals = [Evidence.sale, .callback, .refusal].filter { $0 != chosen && last[$0] != nil }
        let base = chosen == .objection ? 0.55 : 0.75
        let confidence = max(base * (0.6 + 0.4 * certainty) - 0.15 * Double(rivals.count), 0.2)
        let evidence = [chosen.rawValue] + rivals.map { "earlier \($0.rawValue)" }
        return classification(of: chosen, confidence: confidence, evidence: evidence)
    }

    private static func classification(
        of chosen: Evidence, confidence: Double, evidence: [String]
    ) -> Classification {
        func result(
            _ outcome: Outcome, _ interest: Int, _ summary: String, _ action: String,
            _ followUp: FollowUp
        ) -> Classification {
            Classification(
                disposition: .answeredHuman, outcome: outcome, confidence: confidence,
                interestScore: interest, summary: summary, nextBestAction: action,
                followUp: followUp, evidence: evidence)
        }
        switch chosen {
        case .sale:
            return result(
                .saleCompleted, 9, "The person agreed to the offer.",
                "Confirm the order in writing and fulfil it.", .fulfil)
        case .callback:
            return result(
                .callbackRequested, 6, "The person asked to be called at another time.",
                "Call back at the time they named.", .callBack)
        case .refusal:
            return result(
                .notInterested, 1, "The person declined the offer.",
                "Close the contact for this campaign.", .none)
        case .wrongNumber:
            return result(
                .wrongNumber, 0, "The person reached is not the contact.",
                "Remove the number from the contact.", .checkNumber)
        case .escalation:
            return result(
                .escalated, 5, "The person asked to speak with a human.",
                "Have an agent call back today.", .handOff)
        case .objection, .doNotCall:
            return result(
                .objectionUnresolved, 4, "The person raised an objection that was not resolved.",
                "Send the information that answers it, then ask again.", .sendInformation)
        }
    }

    /// Nothing was said that decides, or nobody wrote it down: a guess from times alone.
    private static func guess(_ facts: CallFacts, certainty: Double) -> Classification {
        let hasTranscript = facts.transcript != nil
        let ground = hasTranscript ? "nothing decisive was said" : "no transcript was made"
        if facts.endReason == .remoteHangup, facts.talkSeconds < briefCall {
            return Classification(
                disposition: .answeredHuman, outcome: .notInterested, confidence: 0.4 * certainty,
                interestScore: hasTranscript ? 1 : nil,
                summary: "Answered, and hung up within \(Int(briefCall)) s; \(ground).",
                nextBestAction: "Read the first seconds of the call before another attempt.",
                followUp: .review, evidence: ["short call", ground])
        }
        return Classification(
            disposition: .answeredHuman, outcome: .objectionUnresolved,
            confidence: (hasTranscript ? 0.4 : 0.25) * certainty,
            interestScore: hasTranscript ? 3 : nil,
            summary: "Answered by a person; how it ended is not known, \(ground).",
            nextBestAction: "Listen to the recording and set the outcome by hand.",
            followUp: .review, evidence: [ground])
    }
}
