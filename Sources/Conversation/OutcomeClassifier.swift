internal import Base
internal import CallModel

/// Names the outcome of a call from facts and words, by rules that can be read.
///
/// ```
/// opted out ─► do_not_call
/// not answered ─► the end reason decides
/// answered ─► by a machine: voicemail_left or no_answer
///          └► by a person ─► the line broke ─► technical_failure
///                         ├► words ─► the last decisive thing said
///                         └► no words ─► a guess, and it says so
/// ```
public enum OutcomeClassifier {
    /// A person who hangs up within this time of the answer has heard who calls and no more.
    static let briefCall = 10.0

    /// Same facts, same answer; it asks nobody and never fails.
    public static func classify(facts: CallFacts) -> Classification {
        if facts.optedOut {
            return optOut(confidence: 1, evidence: "opted out during the call")
        }
        let isSpoken = facts.wasAnswered && facts.verdict.map { $0 == .human } ?? true
        if let words = calleeWords(facts), isSpoken || facts.transferred {
            if words.contains(where: { OptOut.detects(utterance: $0) }) {
                return optOut(confidence: 0.9, evidence: Evidence.doNotCall.rawValue)
            }
        }
        guard facts.wasAnswered else { return unanswered(facts) }
        if facts.transferred {
            return Classification(
                disposition: .answeredHuman, outcome: .escalated, confidence: 1, interestScore: 5,
                summary: "The call was handed to a person.",
                nextBestAction: "Let the agent who took the call record how it ended.",
                followUp: .none, evidence: ["transferred"])
        }
        switch facts.verdict {
        case .human, nil, .unknown: return spoken(facts)
        case .voicemail, .ivr, .screening, .unavailable, .fax, .sit, .silence:
            return machine(facts)
        }
    }

    /// What the callee said, or nil without a transcript.
    private static func calleeWords(_ facts: CallFacts) -> [String]? {
        facts.transcript.map { turns in
            turns.filter { $0.speaker == .callee }.map(\.text.value)
        }
    }

    private static func optOut(confidence: Double, evidence: String) -> Classification {
        Classification(
            disposition: .optedOut, outcome: .doNotCall, confidence: confidence, interestScore: 0,
            summary: "The person asked not to be called again.",
            nextBestAction: "Keep the number on the do-not-call list; never call it again.",
            followUp: .suppress, evidence: [evidence])
    }

    // MARK: Answered by a machine

    private static func machine(_ facts: CallFacts) -> Classification {
        let confidence = min(max(facts.verdictConfidence ?? 0.7, 0), 1)
        if facts.voicemailLeft {
            return Classification(
                disposition: .voicemailLeft, outcome: .voicemailLeft,
                confidence: max(confidence, 0.9),
                summary: "A voicemail answered and the message was left.",
                nextBestAction: "Wait for a call back before trying again.", followUp: .retryLater,
                evidence: ["voicemail message played to its end"])
        }
        func result(
            _ disposition: Disposition, _ outcome: Outcome, _ weight: Double, _ summary: String,
            _ action: String, _ followUp: FollowUp
        ) -> Classification {
            Classification(
                disposition: disposition, outcome: outcome, confidence: confidence * weight,
                summary: summary, nextBestAction: action, followUp: followUp,
                evidence: ["verdict \(facts.verdict?.rawValue ?? "none")"])
        }
        let retry = "Try again at another time of day."
        switch facts.verdict {
        case .voicemail:
            return result(
                .answeredMachine, .noAnswer, 1, "A voicemail answered; no message was left.", retry,
                .retryLater)
        case .ivr:
            return result(
                .answeredMachine, .noAnswer, 0.9, "A menu answered; no person was reached.",
                "Look for a direct number.", .checkNumber)
        case .screening:
            return result(
                .answeredMachine, .noAnswer, 0.9,
                "A call-screening assistant answered; no person was reached.", retry, .retryLater)
        case .fax:
            return result(
                .fax, .wrongNumber, 1, "A fax machine answered.",
                "Take the number off the voice list.", .checkNumber)
        case .sit where facts.endReason == .unavailable:
            return result(
                .failed, .technicalFailure, 1,
                "The network announced that it could not put the call through.",
                "Try again in some hours.", .retryLater)
        case .sit, .unavailable:
            return result(
                .invalidNumber, .wrongNumber, 0.9,
                "The network announced that the number cannot be reached.",
                "Check the number before another attempt.", .checkNumber)
        default:
            return result(
                .noAnswer, .noAnswer, 0.6, "The call was answered, but nothing was heard.", retry,
                .retryLater)
        }
    }

    // MARK: Not answered

    private static func unanswered(_ facts: CallFacts) -> Classification {
        func result(
            _ disposition: Disposition, _ outcome: Outcome, _ confidence: Double, _ summary: String,
            _ action: String, _ followUp: FollowUp
        ) -> Classification {
            Classification(
                disposition: disposition, outcome: outcome, confidence: confidence,
                summary: summary, nextBestAction: action, followUp: followUp,
                evidence: ["end reason \(facts.endReason.rawValue)"])
        }
        switch facts.endReason {
        case .gateBlocked: return blocked(facts)
        case .busy:
            return result(
                .busy, .noAnswer, 1, "The line was busy.", "Try again in half an hour.", .retryLater
            )
        case .declined:
            return result(
                .declined, .noAnswer, 0.7, "The call was declined.",
                "Wait a day; after a second decline leave the person alone.", .retryLater)
        case .unwanted:
            return result(
                .declined, .doNotCall, 0.95, "The person's network reported the call as unwanted.",
                "Keep the number on the do-not-call list; never call it again.", .suppress)
        case .invalidNumber:
            return result(
                .invalidNumber, .wrongNumber, 1, "The number does not exist or has changed.",
                "Correct or remove the number.", .checkNumber)
        case .blockedByAnalytics:
            return result(
                .blockedByNetwork, .technicalFailure, 1,
                "An analytics service in the network blocked the call.",
                "Ask the analytics provider for redress before using this caller ID again.",
                .checkInstallation)
        case .noAnswer, .unavailable, .cancelled, .remoteHangup, .localHangup, .maximumDuration,
            .optOut, .transferred:
            return result(
                .noAnswer, .noAnswer, 1, "Nobody answered.", "Try again at another time of day.",
                .retryLater)
        case .configurationError, .identityError, .trunkError, .engineFull, .interrupted,
            .internalError, .mediaTimeout, .streamFailed:
            guard facts.ringSeconds == 0 else {
                return result(
                    .failed, .technicalFailure, 1,
                    "The telephone rang, then the call failed (\(facts.endReason.rawValue)).",
                    "Check trunk and configuration; the attempt counts.", .checkInstallation)
            }
            return result(
                .failed, .technicalFailure, 1,
                "The call failed before it reached anybody (\(facts.endReason.rawValue)).",
                "Check trunk and configuration; the contact keeps its attempts.",
                .checkInstallation)
        }
    }

    private static func blocked(_ facts: CallFacts) -> Classification {
        let checks =
            facts.gateReasons.isEmpty ? "" : " (\(facts.gateReasons.joined(separator: ", ")))"
        if facts.isGateSetupProblem {
            return Classification(
                disposition: .blockedByGate, outcome: .technicalFailure, confidence: 1,
                summary: "Not dialled: the compliance check could not be made\(checks).",
                nextBestAction: "Load the missing list or correct the setting the check names.",
                followUp: .checkInstallation, evidence: facts.gateReasons)
        }
        return Classification(
            disposition: .blockedByGate, outcome: .doNotCall, confidence: 1,
            summary: "Not dialled: the compliance check refused the number\(checks).",
            nextBestAction: "Do not call; see the decision for each check.", followUp: .suppress,
            evidence: facts.gateReasons)
    }
}
