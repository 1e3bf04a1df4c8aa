/// A table that is compiled in, so that the binary needs no files; an operator's own CSV file with
/// the same columns takes its place.
struct BuiltInTable: Sendable {
    var name: String
    /// ISO date of the table's content.
    var asOf: String
    var csv: String
}

/// Namespace of the generated tables in `Data/`.
enum BuiltInTables {}

/// Rows of a rule table, reached by column name.
struct RuleTable {
    struct Row {
        let line: Int
        fileprivate let columns: [String: Int]
        fileprivate let fields: [String]

        /// The field of a column; empty when the table has no such column.
        subscript(_ column: String) -> String {
            guard let index = columns[column], fields.indices.contains(index) else { return "" }
            return fields[index]
        }
    }

    /// Rows of the largest table this room reads: the plan has 800 area codes.
    static let rowLimit = 20_000

    let name: String
    private(set) var rows: [Row] = []

    init(name: String, csv: [UInt8], required: [String]) throws(ComplianceError) {
        self.name = name
        var reader = CSVReader(csv)
        guard let header = reader.next(), header.problem == nil else {
            throw .table(name: name, line: 1, problem: "no header row")
        }
        var columns: [String: Int] = [:]
        for (index, column) in header.fields.enumerated() { columns[column] = index }
        for column in required where columns[column] == nil {
            throw .table(name: name, line: header.line, problem: "column \(column) is missing")
        }
        while let record = reader.next() {
            if let problem = record.problem {
                throw .table(name: name, line: record.line, problem: problem.message)
            }
            guard record.fields.count == header.fields.count else {
                throw .table(
                    name: name, line: record.line,
                    problem: "\(record.fields.count) fields, the header has \(header.fields.count)")
            }
            guard rows.count < Self.rowLimit else {
                throw .limit(name: "rows of \(name)", maximum: Self.rowLimit)
            }
            rows.append(Row(line: record.line, columns: columns, fields: record.fields))
        }
    }
}
