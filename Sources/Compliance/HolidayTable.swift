public import Base

/// Legal holidays of the states whose law bars calls on them. Immutable.
public struct HolidayTable: Sendable {
    /// ISO date of the table's content, as given to `init`.
    public let asOf: String
    private let names: [String: [CivilDate: String]]
    private let years: [String: Set<Int>]

    /// Reads a table with the columns `state`, `date` (ISO) and `name`.
    public init(csv: [UInt8], name: String, asOf: String) throws(ComplianceError) {
        let table = try RuleTable(name: name, csv: csv, required: ["state", "date", "name"])
        var names: [String: [CivilDate: String]] = [:]
        var years: [String: Set<Int>] = [:]
        for row in table.rows {
            guard let date = CivilDate(text: row["date"]) else {
                throw .table(name: name, line: row.line, problem: "column date cannot be read")
            }
            names[row["state"], default: [:]][date] = row["name"]
            years[row["state"], default: []].insert(date.year)
        }
        self.names = names
        self.years = years
        self.asOf = asOf
    }

    /// The holiday's name, or nil; nil proves nothing for a year that the table does not cover.
    public func holiday(in state: String, on date: CivilDate) -> String? { names[state]?[date] }

    /// Whether the table speaks of that year at all; without it no day of it is known to be free.
    public func covers(_ state: String, year: Int) -> Bool { years[state]?.contains(year) ?? false }

    static func builtIn() throws(ComplianceError) -> HolidayTable {
        let table = BuiltInTables.stateHolidays
        return try HolidayTable(csv: Array(table.csv.utf8), name: table.name, asOf: table.asOf)
    }
}
