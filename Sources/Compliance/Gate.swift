public import Base
internal import CallModel

/// The dial decision: a pure function over a request and dated rule data. Nothing is assumed: what
/// is not known fails its check.
///
/// ```
/// number ─► area code ─► candidate zones × candidate states
///                              │
/// pause · number_class · internal_dnc · federal_dnc · state_dnc · consent · automated_voice
///                  · time_zone_window · frequency · caller_id          every check, every time
///                              │
///      all pass ─► allow    only the clock fails ─► wait(until:)    anything else ─► block
/// ```
///
/// Candidate zones are all the zones the area code reaches into, and the stated one, and, when the
/// address is in a state the area code does not serve, all zones of that state. A call must be
/// lawful in every one of them and under the rules of every candidate state: knowing more about a
/// person can only make the gate stricter. Not legal advice.
public struct Gate {
    /// May the number be dialled now? Same input, same answer.
    public static func decide(_ request: GateRequest, rules: GateRules) -> GateDecision {
        let subject = GateSubject(request, rules: rules)
        let checks = CheckName.allCases.map { subject.check($0) }
        return GateDecision(
            verdict: verdict(checks, subject), checks: checks, ruleSet: subject.ruleSet,
            zones: subject.zoneNames, states: subject.states, decidedAt: request.now)
    }

    /// Spans of the coming days within which the window check passes for this number, oldest first:
    /// for planning, not a permission. At most `limit` spans.
    public static func openings(
        for request: GateRequest, rules: GateRules, days: Int = 7, limit: Int = 20
    ) -> [Opening] {
        let subject = GateSubject(request, rules: rules)
        guard let window = subject.window else { return [] }
        var openings: [Opening] = []
        let horizon = request.now + .seconds(Int64(min(max(days, 0), 60)) * 86_400)
        var from = request.now
        while openings.count < limit, from < horizon,
            let start = window.opening(from: from, until: horizon)
        {
            let end = window.closing(after: start)
            guard end > start else { break }
            openings.append(
                Opening(start: start, end: end, utcOffsetSeconds: window.offset(at: start)))
            from = end + .milliseconds(1)
        }
        return openings
    }

    private static func verdict(
        _ checks: [CheckResult], _ subject: GateSubject
    ) -> GateDecision.Verdict {
        let failed = checks.filter { !$0.passed }
        if failed.isEmpty { return .allow }
        var earliest = subject.request.now
        for check in failed {
            guard check.cause == .time, let curedAt = check.curedAt else { return .block }
            earliest = max(earliest, curedAt)
        }
        // A cap may open while the window is closed: look for the first moment of both.
        guard let window = subject.window else { return .wait(until: earliest) }
        guard let opening = window.opening(from: earliest, until: subject.searchEnd) else {
            return .block
        }
        return .wait(until: opening)
    }
}

/// A span of time within which a number may be called.
public struct Opening: Sendable, Equatable {
    /// The first moment at which the call is lawful in every candidate place.
    public var start: WallTime
    /// Not included.
    public var end: WallTime
    /// Of the westernmost candidate zone, for display.
    public var utcOffsetSeconds: Int

    /// `end` is taken as given: a span that ends before its start is not refused.
    public init(start: WallTime, end: WallTime, utcOffsetSeconds: Int) {
        self.start = start
        self.end = end
        self.utcOffsetSeconds = utcOffsetSeconds
    }
}

/// A request with what the rules say about its number: the places it may be in.
struct GateSubject {
    let request: GateRequest
    let rules: GateRules
    let areaCode: AreaCode?
    /// Sorted.
    let zoneNames: [String]
    /// Sorted.
    let states: [String]
    /// Zones without rules.
    let unknownZones: [String]
    /// nil when no zone is known, or one of them has no rules.
    let window: CallingWindow?
    let isEmergency: Bool

    init(_ request: GateRequest, rules: GateRules) {
        self.request = request
        self.rules = rules
        let areaCode = request.number.npa.flatMap { rules.areaCodes[$0] }
        self.areaCode = areaCode
        var zones = Set(areaCode?.zones ?? [])
        var states = Set(areaCode?.regions ?? [])
        if let text = request.state?.trimmed, !text.isEmpty {
            // A territory has no rule of its own and gets the strictest, but it has its own clock.
            let state =
                rules.states.code(of: text) ?? rules.areaCodes.region(of: text)
                ?? StateRuleTable.unknown
            if states.insert(state).inserted {
                zones.formUnion(rules.areaCodes.zones(ofState: state))
            }
        }
        if let zone = request.statedZone?.trimmed, !zone.isEmpty { zones.insert(zone) }
        if states.isEmpty { states.insert(StateRuleTable.unknown) }
        zoneNames = zones.sorted()
        self.states = states.sorted()
        unknownZones = zoneNames.filter { rules.zones[$0] == nil }
        isEmergency = request.purpose == .emergency && rules.limits.emergencyPurposeEnabled
        if zoneNames.isEmpty || !unknownZones.isEmpty {
            window = nil
        } else {
            window = CallingWindow(
                zones: zoneNames.compactMap { name in rules.zones[name].map { (name, $0) } },
                states: self.states, rules: rules, automated: request.voice == .artificial,
                ringTimeout: .seconds(Int64(min(max(request.ringTimeoutSeconds, 0), 600))))
        }
    }

    /// Where the search for an opening gives up.
    var searchEnd: WallTime {
        request.now + .seconds(Int64(min(max(rules.limits.openingSearchDays, 0), 60)) * 86_400)
    }

    var ruleSet: String {
        var text = rules.version
        if let note = rules.clockNote { text += "; clock: \(note)" }
        return text
    }

    /// The versions of the candidate states' rules at the moment of the decision, in each zone's
    /// date.
    var stateRules: [StateRule] {
        var dates = Set<CivilDate>()
        for name in zoneNames {
            if let zone = rules.zones[name] { dates.insert(zone.local(request.now).date) }
        }
        if dates.isEmpty {
            dates.insert(
                CivilDate(
                    daysSince1970: request.now.milliseconds.flooredDivision(by: 86_400_000)))
        }
        return states.flatMap { state in
            dates.sorted().map { rules.states.rule(of: state, on: $0) }
        }
    }

    func passed(_ check: CheckName, _ detail: String) -> CheckResult {
        CheckResult(check: check, passed: true, detail: detail, cause: nil, curedAt: nil)
    }

    func failed(
        _ check: CheckName, _ cause: CheckResult.Cause, _ detail: String, curedAt: WallTime? = nil
    ) -> CheckResult {
        CheckResult(check: check, passed: false, detail: detail, cause: cause, curedAt: curedAt)
    }
}

extension String {
    /// Without spaces and tabs at both ends.
    var trimmed: String {
        func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
        guard let first = firstIndex(where: { !isBlank($0) }),
            let last = lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(self[first...last])
    }
}
