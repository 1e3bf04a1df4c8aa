public import Base
public import CallModel

/// Hours of one day within which calls may be placed; the end is not included.
public struct DayWindow: Sendable, Hashable {
    /// Seconds after local midnight.
    public var start: Int
    /// Seconds after local midnight, at most 86,400; not included.
    public var end: Int

    /// Reads `09:00-20:00`. nil for anything else.
    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let start = Self.time(parts[0]), let end = Self.time(parts[1]),
            start < end
        else { return nil }
        self.start = start
        self.end = end
    }

    init(start: Int, end: Int) {
        self.start = start
        self.end = end
    }

    private static func time(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == 2, parts[1].utf8.count == 2,
            let hours = number(parts[0].utf8), let minutes = number(parts[1].utf8),
            hours * 60 + minutes <= 1440, minutes < 60
        else { return nil }
        return hours * 3600 + minutes * 60
    }

    /// nil when the two share no moment.
    func intersection(_ other: DayWindow) -> DayWindow? {
        let start = max(start, other.start)
        let end = min(end, other.end)
        return start < end ? DayWindow(start: start, end: end) : nil
    }

    /// As the table has it: `09:00-20:00`.
    public var text: String {
        "\(padded(start / 3600, 2)):\(padded(start / 60 % 60, 2))-"
            + "\(padded(end / 3600, 2)):\(padded(end / 60 % 60, 2))"
    }
}

/// Windows of the days of a week; nil = no calls that day.
public struct WeekWindow: Sendable, Hashable {
    /// Monday to Friday.
    public var weekday: DayWindow?
    /// nil: no calls on Saturdays.
    public var saturday: DayWindow?
    /// nil: no calls on Sundays.
    public var sunday: DayWindow?

    /// `weekday`: 0 = Sunday … 6 = Saturday.
    func window(weekday day: Int) -> DayWindow? {
        switch day {
        case 0: sunday
        case 6: saturday
        default: weekday
        }
    }
}

/// One version of a state's rule.
public struct StateRule: Sendable {
    /// Two letters, or `*` for the row of unknown states.
    public var state: String
    /// In words, for an operator; the code where the table has no name.
    public var name: String
    /// First day of this version; nil: since ever.
    public var effectiveFrom: CivilDate?
    /// For a live voice. An artificial one must keep these hours too.
    public var live: WeekWindow
    /// For an artificial voice or announcing device.
    public var automated: WeekWindow
    /// No calls on the state's legal holidays, nor in a year that the table of holidays lacks.
    public var barsHolidays: Bool
    /// Attempts in any 24 hours; nil: the state names none.
    public var maximumAttemptsPer24Hours: Int?
    /// The state keeps a do-not-call list of its own.
    public var keepsOwnList: Bool
    /// Treat recording as needing every party's consent.
    public var recordingNeedsAllParties: Bool
    /// No sales calls by an artificial voice at all (Washington: RCW 80.36.400).
    public var barsAutomatedMarketing: Bool
    /// A zone the statute names, whatever zone the person is in.
    public var statuteZone: ZoneRules?
    /// At least this many hours from the last attempt to an automated call; nil: the state asks for
    /// none.
    public var automatedHoursBetweenAttempts: Int?
    /// No automated call to a person who hung up on one before (NRS 597.814).
    public var barsAutomatedCallAfterHangUp: Bool
    /// What a sales call to a mobile (or unknown) line needs, beside federal law.
    public var mobileMarketingConsent: ConsentClass
    /// The law on calling hours, as the table cites it; empty where it cites none.
    public var citation: String

    func week(automated isAutomated: Bool) -> WeekWindow {
        guard isAutomated else { return live }
        func both(_ a: DayWindow?, _ b: DayWindow?) -> DayWindow? {
            guard let a, let b else { return nil }
            return a.intersection(b)
        }
        return WeekWindow(
            weekday: both(live.weekday, automated.weekday),
            saturday: both(live.saturday, automated.saturday),
            sunday: both(live.sunday, automated.sunday))
    }
}

/// State rules in all their versions. Immutable.
public struct StateRuleTable: Sendable {
    /// Row of a state that is not in the table.
    static let unknown = "*"

    /// ISO date of the table's content, as given to `init`.
    public let asOf: String
    /// Ascending by `effectiveFrom`.
    private let versions: [String: [StateRule]]
    private let codesByName: [String: String]

    /// Reads a table with the columns of `Fixtures/compliance/state_rules.csv`. Columns other than the state, the six windows,
    /// `holidays` and `own_state_dnc` may be missing. A row `*` is used for unknown states; without one the
    /// strictest window known (weekdays 10:00-17:00) is.
    public init(csv: [UInt8], name: String, asOf: String) throws(ComplianceError) {
        let table = try RuleTable(
            name: name, csv: csv,
            required: [
                "state", "live_mon_fri", "live_sat", "live_sun", "auto_mon_fri", "auto_sat",
                "auto_sun", "holidays", "own_state_dnc",
            ])
        var versions: [String: [StateRule]] = [:]
        var codesByName: [String: String] = [:]
        for row in table.rows {
            let rule = try StateRule(row, table: name)
            versions[rule.state, default: []].append(rule)
            codesByName[rule.name.lowercased()] = rule.state
        }
        if versions[Self.unknown] == nil { versions[Self.unknown] = [.strictest] }
        self.versions = versions.mapValues { rules in
            rules.sorted {
                guard let second = $1.effectiveFrom else { return false }
                guard let first = $0.effectiveFrom else { return true }
                return first < second
            }
        }
        self.asOf = asOf
        self.codesByName = codesByName
    }

    /// True for a two-letter code in capitals that has a row, and for `*`.
    public func contains(_ state: String) -> Bool { versions[state] != nil }

    /// The two-letter code of a code or name in any case; nil when the table knows neither.
    public func code(of text: String) -> String? {
        let upper = text.uppercased()
        if upper != Self.unknown, versions[upper] != nil { return upper }
        return codesByName[text.lowercased()].flatMap { $0 == Self.unknown ? nil : $0 }
    }

    /// The version in force on a day; before the first version the first is used, for an unknown
    /// state the strictest row.
    public func rule(of state: String, on date: CivilDate) -> StateRule {
        let rules = versions[state] ?? versions[Self.unknown] ?? []
        let inForce = rules.last { rule in rule.effectiveFrom.map { $0 <= date } ?? true }
        return inForce ?? rules.first ?? .strictest
    }

    static func builtIn() throws(ComplianceError) -> StateRuleTable {
        let table = BuiltInTables.stateRules
        return try StateRuleTable(csv: Array(table.csv.utf8), name: table.name, asOf: table.asOf)
    }
}

extension StateRule {
    static let strictest: StateRule = {
        let week = WeekWindow(weekday: DayWindow(start: 36_000, end: 61_200))
        return StateRule(
            state: StateRuleTable.unknown, name: "unknown state", live: week, automated: week,
            barsHolidays: false, keepsOwnList: false, recordingNeedsAllParties: true,
            barsAutomatedMarketing: false, barsAutomatedCallAfterHangUp: false,
            mobileMarketingConsent: .none, citation: "")
    }()

    fileprivate init(_ row: RuleTable.Row, table: String) throws(ComplianceError) {
        func fail(_ column: String) -> ComplianceError {
            .table(name: table, line: row.line, problem: "column \(column) cannot be read")
        }
        func window(_ column: String) throws(ComplianceError) -> DayWindow? {
            if row[column] == "none" { return nil }
            guard let window = DayWindow(row[column]) else { throw fail(column) }
            return window
        }
        func optionalNumber(_ column: String) throws(ComplianceError) -> Int? {
            if row[column].isEmpty { return nil }
            guard let value = number(row[column].utf8), value <= 1000 else { throw fail(column) }
            return value
        }
        func week(_ kind: String) throws(ComplianceError) -> WeekWindow {
            WeekWindow(
                weekday: try window(kind + "_mon_fri"), saturday: try window(kind + "_sat"),
                sunday: try window(kind + "_sun"))
        }
        state = row["state"]
        name = row["name"].isEmpty ? row["state"] : row["name"]
        guard !state.isEmpty else { throw fail("state") }
        if !row["effective_from"].isEmpty {
            guard let date = CivilDate(text: row["effective_from"]) else {
                throw fail("effective_from")
            }
            effectiveFrom = date
        }
        live = try week("live")
        automated = try week("auto")
        switch row["holidays"] {
        case "none": barsHolidays = true
        case "as weekday": barsHolidays = false
        default: throw fail("holidays")
        }
        maximumAttemptsPer24Hours = try optionalNumber("max_calls_per_24h")
        keepsOwnList = row["own_state_dnc"] != "no"
        recordingNeedsAllParties = row["treat_recording_as"] != "one"
        barsAutomatedMarketing = row["auto_marketing"] == "banned"
        if !row["statute_zone"].isEmpty { statuteZone = try ZoneRules(posix: row["statute_zone"]) }
        automatedHoursBetweenAttempts = try optionalNumber("auto_minimum_hours_between")
        barsAutomatedCallAfterHangUp = row["auto_no_call_after_hangup"] == "yes"
        switch row["mobile_marketing_consent"] {
        case "": mobileMarketingConsent = .none
        case let text:
            guard let consent = ConsentClass(rawValue: text) else {
                throw fail("mobile_marketing_consent")
            }
            mobileMarketingConsent = consent
        }
        citation = row["hours_cite"]
    }
}
