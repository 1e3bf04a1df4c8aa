internal import Base
internal import CallModel

/// Who answered: a state machine over speech spans, beeps and tones, in samples since the answer.
///
/// ```
///            greeting, then a pause as long as the voice asks for ─► human
/// listening ─ long greeting, or speech then a beep ─► voicemail ─► greeting end ─► ready
///            fax tone ─► fax    SIT ─► sit    busy ─► unavailable
///            nobody speaks ─► silence             30 s ─► unknown
/// ```
/// One final verdict a call; what comes before it is provisional and may be taken back. After
/// `voicemail` the machine goes on: it follows the greeting to its end and waits for the beep.
struct AnswerMachine: Sendable {
    /// That it is a person whom a transcript has heard and the voice network has not.
    private static let toldConfidence = 0.6

    private let policy: DetectionPolicy

    private(set) var final: AnswerVerdict?
    private var provisional: AnswerVerdict?

    // Speech
    private var isSpeaking = false
    private var spanStart = 0
    private var lastVoice = 0
    private var closedSpeech = 0
    private var hasSpoken = false

    // Quiet
    private var quietSince = 0
    private var isRinging = false
    private var loneBeepAt: Int?
    /// Since when something sounds that may become a beep.
    private var beepingSince: Int?
    private var hasHeardBeep = false
    private var speechAtBeep = 0
    private var firstVoice: Int?
    private var hint: AnswerVerdict?
    /// When a transcript first said that a person speaks, and when last.
    private var toldAt: Int?
    private var lastTold = 0
    /// What is said comes as a transcript, too.
    var expectsTranscript = false
    /// Natural logarithm of the odds that a person speaks.
    private var odds = AnswerClassifier.noOpinion

    // Machine
    private var greetingEndSent = false
    private var isReady = false
    private var speechAtReady = 0
    private var interruptedAt = 0

    init(policy: DetectionPolicy) { self.policy = policy }

    /// The verdict is final, and nothing that follows needs to know when somebody speaks. Of a mailbox it
    /// does to the end: its greeting may go on under the message, and a person may pick up.
    var isSettled: Bool { final != nil && final != .voicemail }

    /// Speech heard so far, ms.
    var speechMs: Int { speech / 8 }

    /// The part of it behind the last beep, ms; nil: nothing has beeped.
    var speechSinceBeepMs: Int? { hasHeardBeep ? (speech - speechAtBeep) / 8 : nil }

    private var speech: Int {
        closedSpeech + (isSpeaking ? max(lastVoice - spanStart, 0) : 0)
    }

    private func evidence(_ now: Int) -> AnswerEvidence {
        var evidence = AnswerEvidence()
        evidence.speechMs = speechMs
        evidence.firstSpeechMs = (firstVoice ?? 0) / 8
        evidence.pauseMs = hasSpoken ? max(now - lastVoice, 0) / 8 : 0
        evidence.hasBeep = hasHeardBeep
        evidence.personScore = personScore
        evidence.hint = hint
        return evidence
    }

    /// 0…1, in hundredths.
    private var personScore: Double { (Double(sigmoid(odds)) * 100).rounded() / 100 }

    // MARK: what the detectors say

    /// What a transcript of all that has been said so far says, if anything.
    mutating func hear(
        transcript verdict: AnswerVerdict?, now: Int, out: inout Outbox<DetectionEvent>
    ) {
        guard final == nil else { return }
        guard let verdict else {
            // Who speaks is not clearer, but that somebody speaks on is.
            if toldAt != nil { lastTold = now }
            return
        }
        hint = verdict
        guard verdict != .human else {
            hearPerson(now)
            return suggest(.human, 0.8, "transcript", now, &out)
        }
        if !hasSpoken {
            // Too quiet to be heard as speech, and understood: its greeting has an end all the same.
            hasSpoken = true
            lastVoice = now
        }
        decide(verdict, 0.95, "transcript", now, &out)
    }

    /// Words that may be a person's were understood just now.
    private mutating func hearPerson(_ now: Int) {
        lastTold = now
        guard toldAt == nil else { return }
        toldAt = now
        // Recognisers are not so far behind: he spoke after the beep, as one whom we hear may.
        if let beep = loneBeepAt, (now - beep) / 8 >= policy.toldPauseMs { loneBeepAt = nil }
    }

    mutating func speechStarted(at sample: Int) {
        isSpeaking = true
        spanStart = max(sample, 0)
        if firstVoice == nil { firstVoice = spanStart }
        lastVoice = max(lastVoice, spanStart)
        hasSpoken = true
        loneBeepAt = nil
    }

    mutating func speechEnded(at sample: Int) {
        guard isSpeaking else { return }
        lastVoice = max(sample, spanStart)
        closedSpeech = speech
        isSpeaking = false
    }

    /// Speech goes on; `sample` is the end of its last voiced frame.
    mutating func voiced(until sample: Int) {
        if isSpeaking { lastVoice = max(lastVoice, sample) }
    }

    mutating func tone(_ kind: ToneKind, now: Int, out: inout Outbox<DetectionEvent>) {
        switch kind {
        case .sit: decide(.sit, 0.95, "special_information_tones", now, &out)
        case .ced: decide(.fax, 0.97, "fax_answer_tone", now, &out)
        case .cng: decide(.fax, 0.8, "fax_calling_tone", now, &out)
        case .busy, .reorder:
            if speechMs < policy.greetingMinimumMs {
                decide(.unavailable, 0.8, "busy_tone_after_answer", now, &out)
            }
        case .ringback, .dial, .callWaiting, .recordWarning, .screening:
            // Still connecting (a transfer, a late 200): the silence timer starts again.
            quietSince = now
        }
    }

    /// One that began before the answer is the network's.
    mutating func beep(start: Int, knownAt now: Int, out: inout Outbox<DetectionEvent>) {
        guard start >= 0 else { return }
        hasHeardBeep = true
        speechAtBeep = speech
        if final == nil {
            guard speechMs >= policy.greetingMinimumMs else {
                suggest(.voicemail, 0.6, "beep_without_greeting", now, &out)
                loneBeepAt = now
                return
            }
            decide(.voicemail, 0.97, "beep_after_greeting", now, &out)
        }
        guard final == .voicemail else { return }
        endGreeting(&out)
        becomeReady(now, &out)
    }

    /// Somebody knows better: it is a mailbox, and its message may begin.
    mutating func isVoicemail() {
        guard final != .voicemail else { return }
        final = .voicemail
        isReady = true
        speechAtReady = speech
        greetingEndSent = true
    }

    /// Somebody or something has stopped the message, which is owed again: behind a beep, or behind as much
    /// silence from here on as behind a greeting.
    mutating func interrupted(at now: Int) {
        guard final == .voicemail, isReady else { return }
        isReady = false
        interruptedAt = now
    }

    // MARK: time

    /// Called each hop after the answer.
    ///
    /// - Parameters:
    ///   - onset: where a word that is not yet believed may have begun; it stops the pause.
    ///   - isBeeping: what may become a beep is sounding; neither a pause nor silence is judged before it is
    ///     over, or too long for one.
    ///   - rangAt: when a network rang last (a transfer, a late 200), if that is within its cadence: it rings
    ///     on, which is nobody's silence, and no time for a message.
    ///   - odds: natural logarithm of the odds that a person speaks, by the sound of it.
    mutating func advance(
        to now: Int, onset: Int?, isBeeping: Bool, rangAt: Int?, odds: Float,
        out: inout Outbox<DetectionEvent>
    ) {
        beepingSince = isBeeping ? beepingSince ?? now : nil
        let isBeeping = beepingSince.map { (now - $0) / 8 < ToneClassifier.longestBeepMs } ?? false
        if final == nil {
            self.odds = odds
            isRinging = rangAt != nil
            judge(now, onset, isBeeping, &out)
        }
        if final == .voicemail {
            // Rings before the greeting are those that it has answered.
            let ringsOn = rangAt.map { $0 > lastVoice } ?? false
            followGreeting(now, isBeeping || ringsOn, &out)
        }
    }

    private mutating func judge(
        _ now: Int, _ onset: Int?, _ isBeeping: Bool, _ out: inout Outbox<DetectionEvent>
    ) {
        let heard = speechMs
        let pause = (min(now, onset ?? now) - lastVoice) / 8
        let longest = DetectionPolicy.need(policy.greetings, odds: odds)
        if heard >= (hint == .human ? max(policy.toldGreetingMs, longest) : longest) {
            return decide(.voicemail, max(0.6, 1 - personScore), "long_greeting", now, &out)
        }
        if heard >= policy.greetingMinimumMs, loneBeepAt == nil { lean(heard, now, &out) }
        if heard >= policy.greetingMinimumMs {
            if isBeeping, pause < ToneClassifier.longestBeepMs { return }
            let sure = policy.sureMachineOdds - (hint == .human ? policy.toldOdds : 0)
            if odds <= sure, pause >= policy.sureMachineMs {
                return decide(.voicemail, 1 - personScore, "voice_then_pause", now, &out)
            }
            var needed = DetectionPolicy.need(policy.pauses, odds: odds)
            if expectsTranscript { needed = max(needed, policy.toldPauseMs) }
            if pause >= needed {
                let confidence = max(0.5, personScore)
                return decide(.human, confidence, "greeting_then_pause", now, &out)
            }
        } else if let beep = loneBeepAt {
            if now - beep >= 1500 * 8 {
                decide(.voicemail, 0.75, "beep_without_greeting", now, &out)
                becomeReady(now, &out)
                return
            }
        } else if let first = toldAt {
            // Too quiet to be heard as speech, and understood: he has spoken, and waits for us when no more
            // of his words come. A recogniser that says them again and again puts it off no longer than that.
            let pause = (min(now, onset ?? now) - max(lastTold, lastVoice)) / 8
            if isBeeping, pause < ToneClassifier.longestBeepMs { return }
            if pause >= policy.toldPauseMs || (now - first) / 8 >= policy.silenceMs {
                return decide(.human, Self.toldConfidence, "transcript", now, &out)
            }
        } else if !isRinging, !isBeeping,
            (now - max(quietSince, lastVoice)) / 8 >= policy.silenceMs
        {
            return decide(.silence, 0.9, "no_speech", now, &out)
        }
        if now / 8 >= policy.capMs { decide(.unknown, 0.3, "time_limit", now, &out) }
    }

    /// Says what it looks like so far; changes its mind only when the voice is clearly the other kind.
    private mutating func lean(
        _ heard: Int, _ now: Int, _ out: inout Outbox<DetectionEvent>
    ) {
        if odds >= 0 {
            suggest(.human, max(0.5, personScore), "voice", now, &out)
        } else if odds <= policy.machineOdds || heard >= policy.longGreetingMs {
            suggest(.voicemail, max(0.5, 1 - personScore), "voice", now, &out)
        } else if provisional == nil {
            suggest(.human, 0.5, "speech", now, &out)
        }
    }

    private mutating func followGreeting(
        _ now: Int, _ mustWait: Bool, _ out: inout Outbox<DetectionEvent>
    ) {
        guard hasSpoken || interruptedAt > 0 else { return }
        if isSpeaking, now - lastVoice < 400 * 8 {
            // The greeting goes on after a pause.
            if (lastVoice - spanStart) / 8 >= policy.greetingMinimumMs { greetingEndSent = false }
            return
        }
        let pause = (now - lastVoice) / 8
        if pause >= policy.greetingEndMs { endGreeting(&out) }
        // What beeps says itself when it is over.
        if !mustWait, min(pause, (now - interruptedAt) / 8) >= beepWaitMs {
            becomeReady(now, &out)
        }
    }

    private var beepWaitMs: Int {
        let isUnsure =
            hint == .human || hint == nil && personScore >= policy.unsurePersonScore
        return isUnsure ? min(policy.unsureBeepWaitMs, policy.beepWaitMs) : policy.beepWaitMs
    }

    private mutating func endGreeting(_ out: inout Outbox<DetectionEvent>) {
        guard hasSpoken, !greetingEndSent else { return }
        greetingEndSent = true
        out.push(.greetingEnd(atMs: lastVoice / 8))
    }

    /// Once, and again only when the machine has spoken on or the message was interrupted in between.
    private mutating func becomeReady(_ now: Int, _ out: inout Outbox<DetectionEvent>) {
        let spokeOn = (speech - speechAtReady) / 8 >= 500
        guard !isReady || spokeOn else { return }
        isReady = true
        speechAtReady = speech
        out.push(.readyForMessage(atMs: now / 8))
    }

    /// The audio ends: whatever is owed is decided on what was heard.
    mutating func finish(now: Int, out: inout Outbox<DetectionEvent>) {
        guard final == nil else { return endIfMachine(&out) }
        let heard = speechMs
        let told = odds + (hint == .human ? policy.toldOdds : 0)
        if heard < policy.greetingMinimumMs {
            if loneBeepAt != nil {
                decide(.voicemail, 0.6, "beep_without_greeting", now, &out)
            } else if toldAt != nil {
                decide(.human, Self.toldConfidence, "transcript", now, &out)
            } else {
                decide(.silence, 0.5, "audio_ended", now, &out)
            }
        } else if told <= policy.machineOdds || heard >= policy.longGreetingMs && told < 0 {
            decide(.voicemail, max(0.5, 1 - personScore), "audio_ended", now, &out)
        } else {
            decide(.human, max(0.5, personScore), "audio_ended", now, &out)
        }
        endIfMachine(&out)
    }

    private mutating func endIfMachine(_ out: inout Outbox<DetectionEvent>) {
        if final == .voicemail { endGreeting(&out) }
    }

    // MARK: verdicts

    private mutating func suggest(
        _ verdict: AnswerVerdict, _ confidence: Double, _ reason: String, _ now: Int,
        _ out: inout Outbox<DetectionEvent>
    ) {
        guard provisional != verdict else { return }
        provisional = verdict
        out.push(
            .verdict(
                verdict, final: false, confidence: confidence, reason: reason, atMs: now / 8,
                evidence: evidence(now)))
    }

    private mutating func decide(
        _ verdict: AnswerVerdict, _ confidence: Double, _ reason: String, _ now: Int,
        _ out: inout Outbox<DetectionEvent>
    ) {
        guard final == nil else { return }
        final = verdict
        out.push(
            .verdict(
                verdict, final: true, confidence: confidence, reason: reason, atMs: now / 8,
                evidence: evidence(now)))
    }
}
