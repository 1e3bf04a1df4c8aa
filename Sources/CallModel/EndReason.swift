public import Base

/// Why a call ended: the one value that decides the retry, the words of the call record and the
/// label of the metric. Everything that can end a call maps to exactly one case.
public enum EndReason: String, Hashable, Sendable, CaseIterable {
    // Answered calls
    case remoteHangup = "remote_hangup"
    case localHangup = "local_hangup"
    case optOut = "opt_out"
    case maximumDuration = "maximum_duration"
    case mediaTimeout = "media_timeout"
    case streamFailed = "stream_failed"
    /// Another call of the same person took this one's place (SIP transfer).
    case transferred
    // Unanswered calls
    case busy
    case noAnswer = "no_answer"
    case declined
    case unavailable
    case cancelled
    case invalidNumber = "invalid_number"
    case unwanted
    case blockedByAnalytics = "blocked_by_analytics"
    // Never reached the callee
    case gateBlocked = "gate_blocked"
    case configurationError = "configuration_error"
    /// The network did not accept how we signed the caller's identity (STIR).
    case identityError = "identity_error"
    case trunkError = "trunk_error"
    case engineFull = "engine_full"
    case interrupted
    case internalError = "internal_error"

    /// The end reason of a final non-2xx response to an INVITE.
    ///
    /// - Parameters:
    ///   - status: SIP status code, 300…699.
    ///   - reasonText: value of a Reason header (RFC 3326), if any: tells a 603 "Network Blocked"
    ///     (ATIS-1000099, `v=analytics1`) from a person who declined, and what the telephone network
    ///     behind a gateway meant (`Q.850;cause=17`).
    public init(status: Int, reasonText: String? = nil) {
        if let reasonText, reasonText.contains("v=analytics1") {
            self = .blockedByAnalytics
            return
        }
        // Where SIP has a word of its own the gateway has used it; these it uses for want of one.
        if [400, 480, 603].contains(status) || (500...599).contains(status),
            let cause = reasonText.flatMap(Self.q850Cause), let reason = EndReason(q850: cause)
        {
            self = reason
            return
        }
        switch status {
        case 486, 600: self = .busy
        case 480: self = .unavailable
        case 408, 487: self = .noAnswer
        case 404, 410, 484, 604: self = .invalidNumber
        case 603: self = .declined
        case 607: self = .unwanted
        case 608: self = .blockedByAnalytics
        case 428, 436, 437, 438: self = .identityError
        case 300...399, 401, 403, 407, 415, 488, 606: self = .configurationError
        default: self = .trunkError
        }
    }

    /// The end reason of an ISDN release cause (ITU-T Q.850, RFC 3398 8.2.6.1). nil: the SIP status
    /// says as much.
    init?(q850 cause: Int) {
        switch cause {
        case 1, 2, 3, 22, 28: self = .invalidNumber
        case 17: self = .busy
        case 18, 19: self = .noAnswer
        case 20, 27, 31: self = .unavailable
        case 21: self = .declined
        case 34, 38, 41, 42, 43, 44, 47: self = .trunkError
        default: return nil
        }
    }

    /// The cause of the first `Q.850` value in a Reason header, wherever it stands in the list.
    static func q850Cause(_ text: String) -> Int? {
        for value in text.split(separator: ",") {
            let parts = value.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
            guard parts.first?.uppercased() == "Q.850" else { continue }
            for part in parts.dropFirst() where part.lowercased().hasPrefix("cause=") {
                if let cause = Int(part.dropFirst(6)), (1...127).contains(cause) { return cause }
            }
        }
        return nil
    }

    /// When, if ever, the same number may be tried again because of this end (a campaign's own
    /// limits still apply). nil: never.
    public var retryDelay: Interval? {
        switch self {
        case .busy: .seconds(30 * 60)
        case .noAnswer, .unavailable: .seconds(4 * 3600)
        case .declined: .seconds(24 * 3600)
        case .trunkError, .engineFull, .interrupted, .internalError: .seconds(5 * 60)
        case .remoteHangup, .localHangup, .optOut, .maximumDuration, .mediaTimeout, .streamFailed,
            .transferred, .identityError, .cancelled, .invalidNumber, .unwanted,
            .blockedByAnalytics, .gateBlocked,
            .configurationError:
            nil
        }
    }

    /// False for ends that are our fault or the trunk's: they must not use up the person's attempts.
    public var countsAsAttempt: Bool {
        switch self {
        case .configurationError, .identityError, .trunkError, .engineFull, .interrupted,
            .internalError,
            .gateBlocked, .invalidNumber:
            false
        default: true
        }
    }
}
