public import CallModel

// The life of a campaign and of a contact:
//
//   draft ──► running ◄──► paused          pending ──► in_progress ──► completed
//     │          │            │               │ ▲           ├──► exhausted
//     └────────► └─► completed ◄┘             │ └───────────┤ (retry, wait)
//                                             └──► blocked ◄┘

extension Campaign.Status {
    /// Which status may follow. The same status again is no move.
    public func mayBecome(_ next: Campaign.Status) -> Bool {
        switch (self, next) {
        case (.draft, .running), (.draft, .completed), (.running, .paused), (.running, .completed),
            (.paused, .running), (.paused, .completed):
            true
        default: false
        }
    }
}

extension ContactStatus {
    /// Which status may follow. The same status again is no move.
    public func mayBecome(_ next: ContactStatus) -> Bool {
        switch (self, next) {
        case (.pending, .inProgress), (.pending, .blocked), (.inProgress, .pending),
            (.inProgress, .completed), (.inProgress, .exhausted), (.inProgress, .blocked):
            true
        default: false
        }
    }

    /// True when no further attempt will be made.
    public var isFinal: Bool { self != .pending && self != .inProgress }
}

/// A move that the machine does not allow.
public enum CampaignError: Error, Equatable, Sendable, CustomStringConvertible {
    case illegalMove(from: String, to: String)
    case invalid(field: String, message: String)

    /// One line for an operator.
    public var description: String {
        switch self {
        case .illegalMove(let from, let to): "\(from) cannot become \(to)"
        case .invalid(let field, let message): "\(field): \(message)"
        }
    }
}

extension Campaign {
    /// Something an operator should know before the campaign starts.
    public struct Remark: Sendable, Equatable {
        /// The setting that is meant: `ring_timeout_seconds`.
        public var field: String
        /// One phrase for an operator.
        public var message: String
        /// True: the campaign must not start.
        public var isError: Bool
    }

    /// Moves to another status.
    public mutating func move(to next: Status) throws(CampaignError) {
        guard status.mayBecome(next) else {
            throw .illegalMove(from: status.rawValue, to: next.rawValue)
        }
        if next == .running, let remark = remarks.first(where: \.isError) {
            throw .invalid(field: remark.field, message: remark.message)
        }
        status = next
    }

    /// Settings that cannot work, or that the law frowns upon.
    public var remarks: [Remark] {
        var remarks: [Remark] = []
        func error(_ field: String, _ message: String) {
            remarks.append(Remark(field: field, message: message, isError: true))
        }
        func warn(_ field: String, _ message: String) {
            remarks.append(Remark(field: field, message: message, isError: false))
        }
        if name.isEmpty || name.count > 200 { error("name", "1 to 200 characters") }
        if !(1...6000).contains(callsPerMinute) { error("calls_per_minute", "1 to 6000") }
        if !(1...10_000).contains(maximumConcurrentCalls) {
            error("max_concurrent_calls", "1 to 10000")
        }
        if !(1...RetryPolicy.maximumAttempts).contains(maximumAttempts) {
            error("max_attempts", "1 to \(RetryPolicy.maximumAttempts)")
        }
        if !(5...120).contains(ringTimeoutSeconds) { error("ring_timeout_seconds", "5 to 120") }
        if !(5...7200).contains(maximumCallSeconds) { error("max_call_seconds", "5 to 7200") }
        if purpose == .marketing, ringTimeoutSeconds < 15 {
            // 16 CFR 310.4(b)(4)(ii), 47 CFR 64.1200(a)(6)
            warn("ring_timeout_seconds", "sales calls must ring 15 s or four times")
        }
        if streamURL == nil, messagePath == nil {
            warn("stream_url", "no bot and no message: a person who answers hears nothing")
        }
        if voicemailPath == nil { warn("voicemail_path", "nothing is left on voicemail") }
        return remarks
    }
}
