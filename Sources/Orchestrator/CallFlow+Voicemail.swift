internal import Base
internal import CallModel
internal import Detection

// What beeps and voices do to a message: it is left, begun again, or stopped for who speaks up.

extension CallFlow {
    mutating func beepHeard(_ now: Moment, _ out: inout Outbox<Action>) {
        facts.beepInstant = now.instant
        switch phase {
        case .leavingMessage(let startedAt)
        where now.instant - startedAt < Self.secondBeepWindow && restarts < Self.restartLimit:
            restarts += 1
            leaveMessage(now, &out)
        case .interrupted: leaveMessage(now, &out)
        case .talking
        where facts.verdict == .human && plan.voicemail != nil && plan.detectAnswer
            && !hasPartner:
            guard let answered = facts.answeredInstant,
                now.instant - answered < Self.lateBeepWindow
            else { return }
            facts.verdict = .voicemail
            facts.verdictConfidence = Self.lateBeepConfidence
            emit(
                .verdict(
                    .voicemail, final: true, confidence: Self.lateBeepConfidence,
                    reason: "late_beep"), now, &out)
            stopStream(&out)
            out.push(.media(.detach))
            out.push(.media(.isVoicemail))
            leaveMessage(now, &out)
        default: break
        }
    }

    /// What the detectors tell of a mailbox, though a person talks who has picked up: to the end of the call
    /// they follow what they have taken for one.
    func isOfMailboxOnly(_ detection: DetectionEvent) -> Bool {
        switch detection {
        case .greetingEnd, .readyForMessage: facts.verdict == .human
        default: false
        }
    }

    mutating func leaveMessage(_ now: Moment, _ out: inout Outbox<Action>) {
        guard let clip = plan.voicemail else { return }
        // Also one that was over already, and to whose end a second beep came.
        let waits: [TimerName] = [.beepWait, .partyWaits, .partySpeaks, .tail]
        for name in waits { timers.cancel(name) }
        facts.voicemailLeft = false
        phase = .leavingMessage(startedAt: now.instant)
        emit(.voicemailStarted, now, &out)
        messagesPlaying += 1
        out.push(.media(.play(id: Self.messagePlay, clip: clip)))
    }

    mutating func bargedIn(_ now: Moment, _ out: inout Outbox<Action>) {
        guard case .leavingMessage = phase, !facts.voicemailLeft else { return }
        interruptions += 1
        out.push(.media(.stopPlaying))
        emit(.voicemailInterrupted, now, &out)
        guard interruptions <= Self.interruptionLimit else { return takeOver(now, &out) }
        phase = .interrupted
        speechLeft = Self.takeoverSpeech
        partySpeaks(now)
    }

    mutating func partySpeaks(_ now: Moment) {
        guard phase == .interrupted else { return }
        timers.cancel(.partyWaits)
        timers.set(.partySpeaks, at: now.instant + speechLeft)
    }

    mutating func partyIsSilent(_ now: Moment) {
        guard phase == .interrupted else { return }
        if let deadline = timers.deadline(of: .partySpeaks) { speechLeft = deadline - now.instant }
        timers.cancel(.partySpeaks)
        timers.set(.partyWaits, at: now.instant + Self.takeoverPause)
    }

    /// A person has picked up: he is talked to as if he had answered.
    mutating func takeOver(_ now: Moment, _ out: inout Outbox<Action>) {
        facts.verdict = .human
        facts.verdictConfidence = Self.takeoverConfidence
        emit(
            .verdict(
                .human, final: true, confidence: Self.takeoverConfidence, reason: "takeover"),
            now, &out)
        converse(now, &out)
    }
}
