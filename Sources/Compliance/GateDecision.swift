public import Base

/// The checks of the gate, in the order they are reported.
public enum CheckName: String, Sendable, CaseIterable {
    case pause = "jurisdiction_pause"
    case numberClass = "number_class"
    case internalDNC = "internal_dnc"
    case federalDNC = "federal_dnc"
    case stateDNC = "state_dnc"
    case consent
    case automatedVoice = "automated_voice"
    case timeZoneWindow = "time_zone_window"
    case frequency
    case callerID = "caller_id"
}

/// How one check came out.
public struct CheckResult: Sendable, Equatable {
    /// What a failed check hangs on, and so what may be done about it.
    public enum Cause: String, Sendable {
        /// The person, the number or the kind of call: no later attempt will pass either.
        case subject
        /// Passing time cures it.
        case time
        /// This installation: a list is missing, stale or unreadable, a setting is wrong. The
        /// contact is not at fault; an operator has to act.
        case setup
    }

    /// Which check it was.
    public var check: CheckName
    /// False also where something the check needs is not known.
    public var passed: Bool
    /// One sentence; never holds a number or a name.
    public var detail: String
    /// nil when the check passed.
    public var cause: Cause?
    /// For a failure that time cures: when to look again.
    public var curedAt: WallTime?
}

/// The answer of the gate, with every check that led to it.
public struct GateDecision: Sendable, Equatable {
    /// What may be done with the number now.
    public enum Verdict: Sendable, Equatable {
        case allow
        /// Only the clock is against it: ask again then.
        case wait(until: WallTime)
        case block

        /// `allow`, `wait` or `block`: the JSON field and the metric label.
        public var name: String {
            switch self {
            case .allow: "allow"
            case .wait: "wait"
            case .block: "block"
            }
        }
    }

    /// `wait` when time cures every check that failed and there is an opening to wait for; `block`
    /// when any other failed.
    public var verdict: Verdict
    /// Every `CheckName`, in order.
    public var checks: [CheckResult]
    /// Which rules, lists and waivers were used.
    public var ruleSet: String
    /// IANA zones the person may be in.
    public var zones: [String]
    /// States the person may be in.
    public var states: [String]
    /// The request's `now`: the gate's clock, which a demonstration may have set.
    public var decidedAt: WallTime

    /// Takes the parts as they are: that they agree is the caller's business. `Gate.decide` makes
    /// them.
    public init(
        verdict: Verdict, checks: [CheckResult], ruleSet: String, zones: [String],
        states: [String], decidedAt: WallTime
    ) {
        self.verdict = verdict
        self.checks = checks
        self.ruleSet = ruleSet
        self.zones = zones
        self.states = states
        self.decidedAt = decidedAt
    }

    /// The checks that did not pass, in the order of `CheckName`.
    public var failed: [CheckResult] { checks.filter { !$0.passed } }

    /// nil when `checks` does not hold that check.
    public func result(of check: CheckName) -> CheckResult? { checks.first { $0.check == check } }

    /// True when the block says nothing about the person: the contact should be kept, not closed.
    public var isSetupProblem: Bool {
        guard verdict == .block else { return false }
        return !failed.contains { $0.cause == .subject }
    }

    /// Names of the failed checks, for an event or a metric label.
    public var reasons: [String] { failed.map(\.check.rawValue) }

    /// The decision as one JSON object. No part of the number is in it.
    public var json: String {
        var writer = JSONWriter(reserving: 1024)
        write(to: &writer)
        return writer.string
    }

    /// Appends the same object as `json` holds, under `key` where one is given. Times are RFC 3339.
    public func write(to writer: inout JSONWriter, key: String? = nil) {
        writer.object(key) { writer in
            writer.field("verdict", verdict.name)
            writer.field("allowed", verdict == .allow)
            if case .wait(let until) = verdict { writer.field("wait_until", until.iso8601) }
            writer.array("checks") { writer in
                for result in checks {
                    writer.object { writer in
                        writer.field("check", result.check.rawValue)
                        writer.field("passed", result.passed)
                        writer.field("detail", result.detail)
                        if let cause = result.cause { writer.field("cause", cause.rawValue) }
                    }
                }
            }
            writer.array("zones") { writer in for zone in zones { writer.field(nil, zone) } }
            writer.array("states") { writer in for state in states { writer.field(nil, state) } }
            writer.field("rule_set", ruleSet)
            writer.field("decided_at", decidedAt.iso8601)
            writer.field("notice", GateRules.notice)
        }
    }
}
