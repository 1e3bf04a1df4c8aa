public import Base
public import CallModel
internal import Compliance

/// Reads a contact list from CSV (RFC 4180; comma, semicolon or tab, as the header row shows).
///
/// ```
/// phone_number,name,state,timezone,consent,consent_at,plan
/// +12125551234,Ada,NY,America/New_York,written,2026-01-05,basic
/// ```
///
/// The header row is required and names the columns in any order and case: `phone_number` (or
/// `number`, `phone`), `name`, `state`, `zone` (or `timezone`, `time_zone`), `consent`
/// (`none|express|written`), `consent_at` (ISO 8601). Every other column becomes an attribute. A bad
/// row is reported and left out; the others are imported.
public enum ContactCSV {
    /// What a file may have at most; the defaults are the import's.
    public struct Limits: Sendable {
        /// Of the file. A larger one is refused whole, with one error at line 1.
        public var bytes = 64 * 1024 * 1024
        /// Below the header row. Later ones are not read, and an error says so.
        public var rows = 500_000
        /// Errors listed; one more says that there were others.
        public var errors = 1000
        /// The defaults.
        public init() {}
    }

    /// The contacts of a file, in its order, and what was wrong with the other rows.
    ///
    /// - Parameters:
    ///   - generator: makes the contacts' identifiers.
    public static func parse(
        _ bytes: [UInt8], campaign: CampaignID, generator: inout SeededGenerator,
        limits: Limits = Limits()
    ) -> (contacts: [Contact], errors: [RowError]) {
        guard bytes.count <= limits.bytes else {
            return (
                [],
                [RowError(line: 1, column: 0, message: "file is larger than \(limits.bytes) bytes")]
            )
        }
        var reader = CSVReader(bytes, separator: separator(of: bytes))
        guard let header = reader.next() else {
            return ([], [RowError(line: 1, column: 0, message: "file is empty")])
        }
        if let problem = header.problem {
            return (
                [], [RowError(line: header.line, column: problem.column, message: problem.message)]
            )
        }
        let columns: ContactColumns
        switch ContactColumns.read(header) {
        case .failure(let failure): return ([], [failure.error])
        case .success(let found): columns = found
        }
        var contacts: [Contact] = []
        var errors = RowErrors(limit: limits.errors)
        var firstLine: [PhoneNumber: Int] = [:]
        var rows = 0
        while let record = reader.next() {
            rows += 1
            guard rows <= limits.rows else {
                errors.add(
                    RowError(
                        line: record.line, column: 0,
                        message: "more than \(limits.rows) rows: this and later rows were not read")
                )
                break
            }
            switch columns.contact(from: record, campaign: campaign) {
            case .failure(let found): for error in found.errors { errors.add(error) }
            case .success(var contact):
                if let line = firstLine[contact.number] {
                    errors.add(
                        RowError(
                            line: record.line, column: columns.number + 1,
                            field: columns.names[columns.number],
                            message: "same number as line \(line)"))
                    continue
                }
                firstLine[contact.number] = record.line
                contact.id = ContactID("ct-" + generator.token(16))
                contacts.append(contact)
            }
        }
        return (contacts, errors.list)
    }

    /// The commonest of comma, semicolon and tab in the first line, outside quotes.
    private static func separator(of bytes: [UInt8]) -> UInt8 {
        var counts = [0, 0, 0]
        let candidates = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")]
        var isQuoted = false
        for byte in bytes {
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            if isQuoted { continue }
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { break }
            if let index = candidates.firstIndex(of: byte) { counts[index] += 1 }
        }
        var best = 0
        for index in 1..<3 where counts[index] > counts[best] { best = index }
        return candidates[best]
    }
}

/// Errors up to a limit, and a last one that says how many were left out.
private struct RowErrors {
    let limit: Int
    private var kept: [RowError] = []
    private var dropped = 0
    private var firstDroppedLine = 0

    init(limit: Int) { self.limit = limit }

    mutating func add(_ error: RowError) {
        if kept.count < limit {
            kept.append(error)
        } else {
            if dropped == 0 { firstDroppedLine = error.line }
            dropped += 1
        }
    }

    var list: [RowError] {
        guard dropped > 0 else { return kept }
        let last = RowError(
            line: firstDroppedLine, column: 0, message: "\(dropped) further errors are not listed")
        return kept + [last]
    }
}
