public import Base

/// What the gate knows of one do-not-call list.
public enum ListSource: Sendable {
    /// A copy of the list and the date it was drawn.
    case loaded(NumberSet, asOf: WallTime)
    /// The check that needs it fails.
    case notLoaded
    /// Somebody has decided that this installation needs no such list; both words are shown in
    /// every decision made under the waiver.
    case waived(reason: String, by: String)
}

/// Numbers the gate counts against. The defaults are the strict ones.
public struct GateLimits: Sendable {
    /// 47 CFR 64.1200(c)(2)(i)(D): a copy of the national list is at most 31 days old.
    public var maximumListAge = Interval.seconds(31 * 86_400)
    /// MAX_RETRY_ATTEMPTS of the original design: 3 per number within 30 days.
    public var maximumAttemptsPer30Days = 3
    /// Area codes of any other policy are blocked.
    public var allowedPolicies: Set<AreaCode.Policy> = [.us, .usTerritory]
    /// 64.1200(c)(2)(ii): signed permission naming the seller allows a call to a listed number.
    /// Off: a listed number is never called.
    public var writtenConsentAllowsListedNumbers = false
    /// Consent without a date is no consent.
    public var requiresConsentDate = true
    /// Off: a campaign that claims an emergency purpose is treated as informational. On: consent,
    /// lists, hours and caps of the states do not apply to it.
    public var emergencyPurposeEnabled = false
    /// How far ahead the next opening of a calling window is looked for.
    public var openingSearchDays = 14

    /// The strict defaults.
    public init() {}
}

/// Everything a decision depends on beside the request: an immutable snapshot that the edge builds
/// and swaps whole. Not legal advice; every table carries its date.
public struct GateRules: Sendable {
    /// The field `notice` of every decision's JSON.
    public static let notice = "rule data is dated and is not legal advice"

    /// Name of this set of rules, written into every decision.
    public var version: String
    /// Where a number may be, and whether its code may be dialled.
    public var areaCodes: AreaCodeTable
    /// Hours, caps and bans by state.
    public var states: StateRuleTable
    /// Days on which states of `StateRule.barsHolidays` allow no call.
    public var holidays: HolidayTable
    /// By IANA name.
    public var zones: [String: ZoneRules]
    /// The national do-not-call registry (47 CFR 64.1200(c)(2)).
    public var federalList: ListSource
    /// By state code.
    public var stateLists: [String: ListSource]
    /// For states that keep a list of their own and are not in `stateLists`.
    public var otherStateLists: ListSource
    /// What this installation allows at most.
    public var limits: GateLimits
    /// State code, or `*` for everywhere, and why nothing may be dialled there for now: the kill
    /// switch, and declared emergencies (La. R.S. 45:844, N.Y. GBL 399-z(5-a)).
    public var pauses: [String: String]
    /// Caller IDs this installation may show; nil: not restricted here.
    public var ownedCallerIDs: Set<PhoneNumber>?
    /// Words added to every decision made under a clock that is not the machine's.
    public var clockNote: String?

    /// Without lists: the checks that need one fail until it is loaded or waived.
    public init(
        version: String, areaCodes: AreaCodeTable, states: StateRuleTable, holidays: HolidayTable,
        zones: [String: ZoneRules], federalList: ListSource = .notLoaded,
        stateLists: [String: ListSource] = [:], otherStateLists: ListSource = .notLoaded,
        limits: GateLimits = GateLimits(), pauses: [String: String] = [:],
        ownedCallerIDs: Set<PhoneNumber>? = nil, clockNote: String? = nil
    ) {
        self.version = version
        self.areaCodes = areaCodes
        self.states = states
        self.holidays = holidays
        self.zones = zones
        self.federalList = federalList
        self.stateLists = stateLists
        self.otherStateLists = otherStateLists
        self.limits = limits
        self.pauses = pauses
        self.ownedCallerIDs = ownedCallerIDs
        self.clockNote = clockNote
    }

    /// The compiled-in tables, with no list loaded.
    ///
    /// - Parameter zones: zones read from this machine's TZif files; they take the place of the
    ///   compiled-in POSIX rules of the same name, and may add names.
    public static func builtIn(
        zones: [String: ZoneRules] = [:]
    ) throws(ComplianceError) -> GateRules {
        let fallback = try builtInZones()
        let states = try StateRuleTable.builtIn()
        let areaCodes = try AreaCodeTable.builtIn()
        return GateRules(
            version: "us-\(states.asOf) npa-\(areaCodes.asOf)", areaCodes: areaCodes,
            states: states,
            holidays: try HolidayTable.builtIn(),
            zones: fallback.merging(zones) { _, read in read })
    }

    /// Names of the zones that area codes refer to: what the edge should read from
    /// `/usr/share/zoneinfo`.
    public var zoneNames: [String] { areaCodes.zoneNames }

    static func builtInZones() throws(ComplianceError) -> [String: ZoneRules] {
        let builtIn = BuiltInTables.zoneRules
        let table = try RuleTable(
            name: builtIn.name, csv: Array(builtIn.csv.utf8), required: ["zone", "posix"])
        var zones: [String: ZoneRules] = [:]
        for row in table.rows { zones[row["zone"]] = try ZoneRules(posix: row["posix"]) }
        return zones
    }
}
