/// What answered the call, as the answering-machine detector sees it.
public enum AnswerVerdict: String, Hashable, Sendable, CaseIterable {
    case human
    case voicemail
    /// A menu that wants digits.
    case ivr
    /// A call-screening assistant of the callee's phone.
    case screening
    /// Mailbox full, not in service, network announcement.
    case unavailable
    case fax
    /// Special information tones.
    case sit
    case silence
    case unknown
}

/// The ten outcome categories of a call, mutually exclusive.
public enum Outcome: String, Hashable, Sendable, CaseIterable {
    case saleCompleted = "sale_completed"
    case callbackRequested = "callback_requested"
    case notInterested = "not_interested"
    case objectionUnresolved = "objection_unresolved"
    case voicemailLeft = "voicemail_left"
    case noAnswer = "no_answer"
    case wrongNumber = "wrong_number"
    case doNotCall = "do_not_call"
    case escalated
    case technicalFailure = "technical_failure"
}

/// How an attempt ended, finer than the outcome and decided by signalling and signal alone.
public enum Disposition: String, Hashable, Sendable, CaseIterable {
    case answeredHuman = "answered_human"
    case answeredMachine = "answered_machine"
    case voicemailLeft = "voicemail_left"
    case optedOut = "opted_out"
    case busy
    case noAnswer = "no_answer"
    case declined
    case fax
    case invalidNumber = "invalid_number"
    case blockedByGate = "blocked_by_gate"
    case blockedByNetwork = "blocked_by_network"
    case failed
}
