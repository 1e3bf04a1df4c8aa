public import Base
public import CallModel

/// One turn of a conversation, as transcribed.
public struct Turn: Sendable, Equatable {
    /// `callee` is the far end, `agent` our bot or person; only the callee's words decide.
    public enum Speaker: String, Sendable { case callee, agent }

    /// Whose words they are.
    public var speaker: Speaker
    /// As the recogniser gave it, in any of the languages of `OptOut`.
    public var text: Redacted<String>
    /// From the answer on.
    public var atMilliseconds: Int

    /// Hides `text`; `atMilliseconds` is not looked at by the classifier.
    public init(speaker: Speaker, text: String, atMilliseconds: Int = 0) {
        self.speaker = speaker
        self.text = Redacted(text)
        self.atMilliseconds = atMilliseconds
    }
}

/// What is known of a call when it has ended.
public struct CallFacts: Sendable {
    /// Decides alone where nobody answered.
    public var endReason: EndReason
    /// A 200 to the INVITE, whoever or whatever it was that answered.
    public var wasAnswered: Bool
    /// The final one; nil: without detection, or it was not yet clear. nil counts as a person.
    public var verdict: AnswerVerdict?
    /// 0…1
    public var verdictConfidence: Double?
    /// The message played to its end.
    public var voicemailLeft: Bool
    /// The person opted out by key, voice or otherwise during the call.
    public var optedOut: Bool
    /// The conversation was handed to a person.
    public var transferred: Bool
    /// A bot was connected and its stream broke off before the call ended.
    public var streamFailed: Bool
    /// Seconds from the first ringing to the answer, or to the end without one; 0: it did not ring.
    public var ringSeconds: Double
    /// From the answer to the end.
    public var talkSeconds: Double
    /// nil: nobody transcribed the call. Empty: somebody did and heard no words.
    public var transcript: [Turn]?
    /// Checks that blocked the attempt, by their names, and whether only this installation is at
    /// fault (a list that is not loaded); for `EndReason.gateBlocked`.
    public var gateReasons: [String]
    /// The gate could not decide: our fault, not the person's.
    public var isGateSetupProblem: Bool

    /// The defaults: not answered, nothing known.
    public init(
        endReason: EndReason, wasAnswered: Bool = false, verdict: AnswerVerdict? = nil,
        verdictConfidence: Double? = nil, voicemailLeft: Bool = false, optedOut: Bool = false,
        transferred: Bool = false, streamFailed: Bool = false, ringSeconds: Double = 0,
        talkSeconds: Double = 0, transcript: [Turn]? = nil, gateReasons: [String] = [],
        isGateSetupProblem: Bool = false
    ) {
        self.endReason = endReason
        self.wasAnswered = wasAnswered
        self.verdict = verdict
        self.verdictConfidence = verdictConfidence
        self.voicemailLeft = voicemailLeft
        self.optedOut = optedOut
        self.transferred = transferred
        self.streamFailed = streamFailed
        self.ringSeconds = ringSeconds
        self.talkSeconds = talkSeconds
        self.transcript = transcript
        self.gateReasons = gateReasons
        self.isGateSetupProblem = isGateSetupProblem
    }
}

/// What should follow a call.
public enum FollowUp: String, Sendable, CaseIterable {
    case none
    case retryLater = "retry_later"
    case callBack = "call_back"
    case sendInformation = "send_information"
    case handOff = "hand_off"
    case fulfil
    case suppress
    case checkNumber = "check_number"
    case checkInstallation = "check_installation"
    case review
}

/// The outcome of a call with the grounds for it. Never holds words of the person.
public struct Classification: Sendable, Equatable {
    /// What it came to for signalling and sound.
    public var disposition: Disposition
    /// What it came to for the campaign.
    public var outcome: Outcome
    /// 0…1: how sure the rules are. Below 0.5 means that the facts do not say.
    public var confidence: Double
    /// 0…10; nil when nobody was spoken to, or nothing was transcribed.
    public var interestScore: Int?
    /// One sentence: what happened.
    public var summary: String
    /// One sentence: the single most useful thing to do.
    public var nextBestAction: String
    /// What to do next, as one word for programs; `nextBestAction` says it in a sentence.
    public var followUp: FollowUp
    /// What the outcome rests on, strongest first.
    public var evidence: [String]

    /// The parts as they are; `OutcomeClassifier.classify` makes them.
    public init(
        disposition: Disposition, outcome: Outcome, confidence: Double, interestScore: Int? = nil,
        summary: String, nextBestAction: String, followUp: FollowUp, evidence: [String] = []
    ) {
        self.disposition = disposition
        self.outcome = outcome
        self.confidence = confidence
        self.interestScore = interestScore
        self.summary = summary
        self.nextBestAction = nextBestAction
        self.followUp = followUp
        self.evidence = evidence
    }

    /// The object that `write` writes.
    public var json: String {
        var writer = JSONWriter(reserving: 512)
        write(to: &writer)
        return writer.string
    }

    /// Appends one object, under `key` where one is given; `confidence` with 2 decimals,
    /// `interest_score` null where there is none.
    public func write(to writer: inout JSONWriter, key: String? = nil) {
        writer.object(key) { writer in
            writer.field("outcome", outcome.rawValue)
            writer.field("disposition", disposition.rawValue)
            writer.field("confidence", confidence, decimals: 2)
            if let interestScore {
                writer.field("interest_score", interestScore)
            } else {
                writer.null("interest_score")
            }
            writer.field("summary", summary)
            writer.field("next_best_action", nextBestAction)
            writer.field("follow_up", followUp.rawValue)
            writer.array("evidence") { writer in for item in evidence { writer.field(nil, item) } }
        }
    }
}
