internal import Base
internal import CallModel
internal import Conversation
internal import Detection

/// What a call has shown so far; becomes its record.
struct CallFlowFacts: Sendable {
    /// Events kept in a record: a ten-minute call of short turns has some 500.
    static let eventLimit = 2000

    var startedAt: WallTime
    var ringingAt: WallTime?
    var answeredAt: WallTime?
    var answeredInstant: Instant?
    var verdict: AnswerVerdict?
    var verdictConfidence: Double?
    /// What the network's special information tones said, before or after the answer.
    var information: SpecialInformation?
    /// When the beep became known that a message follows: the last one, nil when it begins without.
    var beepInstant: Instant?
    var voicemailLeft = false
    var optedOut = false
    var streamConnected = false
    var marksReturned = 0
    var heardTelephoneEvent = false
    var recordingPath: String?
    var media: MediaSummary?
    var events: [CallEvent] = []
    /// Names of the checks that blocked the attempt.
    var gateReasons: [String] = []

    init(startedAt: WallTime) { self.startedAt = startedAt }

    /// Keeps an event for the record. A far end that makes more than the limit loses the surplus;
    /// what the call was about and how it ended is kept all the same, since each of those comes
    /// once.
    mutating func keep(_ event: CallEvent) {
        switch event.kind {
        case .ended, .optOut, .recordingFinished, .recordingFailed, .voicemailFinished: break
        default: guard events.count < Self.eventLimit else { return }
        }
        events.append(event)
    }
}

extension CallEvent.Kind {
    /// The call event of a detector's event; nil for those that only steer the call.
    init?(_ detection: DetectionEvent) {
        switch detection {
        case .speechStart(let ms): self = .speechStart(ms: ms)
        case .speechEnd(let ms): self = .speechEnd(ms: ms)
        case .bargeIn(let ms): self = .bargeIn(ms: ms)
        case .beep(let start, let end, let frequency, let level, _):
            self = .beep(
                startMs: start, endMs: end, frequencyHz: Double(frequency),
                levelDBm0: Double(level))
        case .tone(let kind, let start, _, let information):
            self = .tone(kind: kind.rawValue, ms: start, information: information)
        case .verdict(let verdict, let final, let confidence, let reason, _, let evidence):
            self = .verdict(
                verdict, final: final, confidence: confidence, reason: String(describing: reason),
                evidence: evidence)
        case .greetingEnd(let ms): self = .greetingEnd(ms: ms)
        case .readyForMessage(let ms): self = .readyForMessage(ms: ms)
        case .dtmf, .interrupter: return nil
        }
    }
}

extension CallFlowFacts {
    /// Why the call ended: what the network has said in tones outweighs an end that says less. An attempt
    /// that was answered counts, whoever plays such tones: there are telephones that do, against dialers.
    func endReason(_ reason: EndReason) -> EndReason {
        guard let told = information?.endReason, answeredAt == nil || verdict == .sit else {
            return reason
        }
        switch reason {
        case .noAnswer, .unavailable, .trunkError, .localHangup, .remoteHangup:
            return told == .trunkError && answeredAt != nil ? .unavailable : told
        default: return reason
        }
    }

    /// The call's record, with disposition, outcome and summary from the facts.
    func record(
        plan: CallPlan, reason: EndReason, status: Int, at end: WallTime
    ) -> CallRecord {
        var facts = CallFacts(endReason: reason)
        facts.wasAnswered = answeredAt != nil
        facts.verdict = verdict
        facts.verdictConfidence = verdictConfidence
        facts.voicemailLeft = voicemailLeft
        facts.optedOut = optedOut
        facts.transferred = reason == .transferred
        facts.streamFailed = reason == .streamFailed
        facts.ringSeconds = ringingAt.map { ((answeredAt ?? end) - $0).seconds } ?? 0
        facts.talkSeconds = answeredAt.map { (end - $0).seconds } ?? 0
        facts.gateReasons = gateReasons
        let result = OutcomeClassifier.classify(facts: facts)
        return CallRecord(
            id: plan.id, direction: plan.direction, campaign: plan.campaign, contact: plan.contact,
            attempt: plan.attempt, number: plan.number, startedAt: startedAt, ringingAt: ringingAt,
            answeredAt: answeredAt, endedAt: end, endReason: reason, sipStatus: status,
            verdict: verdict, verdictConfidence: verdictConfidence, disposition: result.disposition,
            outcome: result.outcome, outcomeConfidence: result.confidence, summary: result.summary,
            recordingPath: recordingPath, decisionID: plan.decisionID, events: events, media: media)
    }
}
