/// What the North American plan says of one area code.
public struct AreaCode: Sendable, Equatable {
    /// Whether a code may be dialled as a domestic one; the raw values are those of the table's
    /// column `policy`.
    public enum Policy: String, Sendable, CaseIterable {
        case us
        case usTerritory = "us_territory"
        case canada
        /// Dialled like a domestic number, but another country.
        case foreign = "foreign_nanp"
        /// Toll-free, premium, personal and other codes that belong to no place.
        case nonGeographic = "block"
    }

    /// Three digits, 200…999.
    public var code: String
    /// False for codes that are planned but were not in service at the table's date.
    public var inService: Bool
    /// `geographic`, `toll_free`, `personal` …
    public var kind: String
    /// Checked against `GateLimits.allowedPolicies`.
    public var policy: Policy
    /// Two-letter states or provinces; empty where the table names none.
    public var regions: [String]
    /// Every IANA zone the code reaches into.
    public var zones: [String]
}

/// Area codes by number. Immutable; the built-in one comes from `Fixtures/compliance`.
public struct AreaCodeTable: Sendable {
    /// ISO date of the table's content, as given to `init`.
    public let asOf: String
    /// By area code less 200.
    private let codes: [AreaCode?]
    /// Every zone that any code reaches into, sorted: what the edge should load.
    public let zoneNames: [String]
    private let stateZones: [String: [String]]

    /// Reads a table with the columns `npa` (one or more codes, separated by spaces), `status`, `kind`, `region`, `iana_zones_all`
    /// and `policy`.
    public init(csv: [UInt8], name: String, asOf: String) throws(ComplianceError) {
        let table = try RuleTable(
            name: name, csv: csv,
            required: ["npa", "status", "kind", "region", "iana_zones_all", "policy"])
        var codes = [AreaCode?](repeating: nil, count: 800)
        var zoneNames = Set<String>()
        var stateZones: [String: Set<String>] = [:]
        for row in table.rows {
            guard let policy = AreaCode.Policy(rawValue: row["policy"]) else {
                throw .table(name: name, line: row.line, problem: "unknown policy")
            }
            let zones = words(row["iana_zones_all"])
            let regions = words(row["region"], or: "/")
            for npa in words(row["npa"]) {
                guard npa.utf8.count == 3, let code = number(npa.utf8), code >= 200,
                    codes[code - 200] == nil
                else {
                    throw .table(name: name, line: row.line, problem: "bad or repeated area code")
                }
                codes[code - 200] = AreaCode(
                    code: npa, inService: row["status"] == "in_service", kind: row["kind"],
                    policy: policy, regions: regions, zones: zones)
            }
            zoneNames.formUnion(zones)
            for region in regions { stateZones[region, default: []].formUnion(zones) }
        }
        self.asOf = asOf
        self.codes = codes
        self.zoneNames = zoneNames.sorted()
        self.stateZones = stateZones.mapValues { $0.sorted() }
    }

    /// nil for a code that the table does not have, and for a text that is not three digits from
    /// 200 on.
    public subscript(_ npa: String) -> AreaCode? {
        guard npa.utf8.count == 3, let code = number(npa.utf8), code >= 200 else { return nil }
        return codes[code - 200]
    }

    /// Every zone that a state's area codes reach into.
    public func zones(ofState state: String) -> [String] { stateZones[state] ?? [] }

    /// The code of a region that area codes serve, from its two letters or, for the territories of the US,
    /// its name, in any case; nil for others.
    public func region(of text: String) -> String? {
        let code = Self.territories[text.lowercased()] ?? text.uppercased()
        return stateZones[code] == nil ? nil : code
    }

    /// USPS. The states' names are in `StateRuleTable`.
    private static let territories = [
        "american samoa": "AS", "guam": "GU", "northern mariana islands": "MP",
        "puerto rico": "PR", "u.s. virgin islands": "VI", "virgin islands": "VI",
    ]

    static func builtIn() throws(ComplianceError) -> AreaCodeTable {
        let table = BuiltInTables.areaCodes
        return try AreaCodeTable(csv: Array(table.csv.utf8), name: table.name, asOf: table.asOf)
    }
}

/// The words of `text`, split at spaces and `other`.
func words(_ text: String, or other: Character = " ") -> [String] {
    text.split { $0 == " " || $0 == other }.map(String.init)
}
