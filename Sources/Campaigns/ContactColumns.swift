internal import Base
internal import CallModel
internal import Compliance

/// Which column of an import means what, and how a row becomes a contact.
struct ContactColumns {
    struct Failure: Error { var errors: [RowError] }

    /// Longest value of a name or attribute, in characters.
    static let valueLimit = 500

    var names: [String]
    var number: Int
    var name: Int?
    var state: Int?
    var zone: Int?
    var consent: Int?
    var consentAt: Int?

    static func read(_ header: CSVRecord) -> Result<ContactColumns, HeaderError> {
        let names = header.fields.map { trim($0).lowercased() }
        var seen = Set<String>()
        for (index, name) in names.enumerated() where !name.isEmpty {
            guard seen.insert(name).inserted else {
                return .failure(
                    HeaderError(
                        error: RowError(
                            line: header.line, column: index + 1, field: name,
                            message: "column appears twice")))
            }
        }
        func column(_ aliases: String...) -> Int? {
            for alias in aliases { if let index = names.firstIndex(of: alias) { return index } }
            return nil
        }
        guard let number = column("phone_number", "number", "phone") else {
            return .failure(
                HeaderError(
                    error: RowError(
                        line: header.line, column: 0,
                        message: "no column phone_number, number or phone in the header row")))
        }
        return .success(
            ContactColumns(
                names: names, number: number, name: column("name"), state: column("state"),
                zone: column("zone", "timezone", "time_zone"), consent: column("consent"),
                consentAt: column("consent_at")))
    }

    func contact(from record: CSVRecord, campaign: CampaignID) -> Result<Contact, Failure> {
        if let problem = record.problem {
            return .failure(
                Failure(errors: [
                    RowError(line: record.line, column: problem.column, message: problem.message)
                ]))
        }
        guard record.fields.count <= names.count else {
            return .failure(
                Failure(errors: [
                    RowError(
                        line: record.line, column: names.count + 1,
                        message: "\(record.fields.count) fields, the header has \(names.count)")
                ]))
        }
        var errors: [RowError] = []
        func field(_ column: Int?) -> String? {
            guard let column, record.fields.indices.contains(column) else { return nil }
            let text = Self.trim(record.fields[column])
            return text.isEmpty ? nil : text
        }
        func report(_ column: Int?, _ message: String) {
            errors.append(
                RowError(
                    line: record.line, column: (column ?? -1) + 1, field: column.map { names[$0] },
                    message: message))
        }

        var parsedNumber: PhoneNumber?
        if let text = field(number) {
            do throws(PhoneNumber.ParseError) {
                parsedNumber = try PhoneNumber(text)
            } catch {
                report(number, Self.words(error))
            }
        } else {
            report(number, "no telephone number")
        }
        var parsedState: String?
        if let text = field(state) {
            parsedState = StateNames.code(of: text)
            if parsedState == nil { report(state, "unknown state; two letters or its name") }
        }
        let parsedZone = field(zone)
        if let parsedZone, !Self.looksLikeZone(parsedZone) {
            report(zone, "not an IANA time zone such as America/New_York")
        }
        var parsedConsent = ConsentClass.none
        if let text = field(consent) {
            if let value = ConsentClass(rawValue: text.lowercased()) {
                parsedConsent = value
            } else {
                report(consent, "consent is one of none, express, written")
            }
        }
        var parsedDate: WallTime?
        if let text = field(consentAt) {
            parsedDate = ISO8601.parse(text)
            if parsedDate == nil { report(consentAt, "not an ISO 8601 date or time") }
        }
        for column in record.fields.indices where record.fields[column].count > Self.valueLimit {
            report(column, "longer than \(Self.valueLimit) characters")
        }
        guard errors.isEmpty, let parsedNumber else { return .failure(Failure(errors: errors)) }
        return .success(
            Contact(
                id: ContactID(""), campaign: campaign, number: parsedNumber,
                name: field(name).map { Redacted($0) }, statedZone: parsedZone,
                state: parsedState, consent: parsedConsent, consentAt: parsedDate,
                attributes: attributes(record)))
    }

    private func attributes(_ record: CSVRecord) -> [String: String] {
        let known = Set([number] + [name, state, zone, consent, consentAt].compactMap { $0 })
        var attributes: [String: String] = [:]
        for column in record.fields.indices where !known.contains(column) {
            let value = Self.trim(record.fields[column])
            if !names[column].isEmpty, !value.isEmpty { attributes[names[column]] = value }
        }
        return attributes
    }

    private static func words(_ error: PhoneNumber.ParseError) -> String {
        switch error {
        case .empty: "no telephone number"
        case .invalidCharacter(let offset): "invalid character at position \(offset + 1)"
        case .wrongLength(let digits): "\(digits) digits are no telephone number"
        case .notNANP: "not a valid North American number"
        }
    }

    /// `Area/Location` with letters, digits and `_ + - /`; at most the 64 bytes tzdata stays below.
    static func looksLikeZone(_ text: String) -> Bool {
        let bytes = text.utf8
        guard bytes.count <= 64, bytes.contains(UInt8(ascii: "/")) || text == "UTC",
            bytes.first != UInt8(ascii: "/"), bytes.last != UInt8(ascii: "/")
        else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "_"),
                UInt8(ascii: "-"), UInt8(ascii: "+"):
                true
            default: false
            }
        }
    }

    static func trim(_ text: String) -> String {
        var view = Substring(text)
        while let first = view.first, first.isWhitespace { view.removeFirst() }
        while let last = view.last, last.isWhitespace { view.removeLast() }
        return String(view)
    }
}

/// A header row that no contact can be read under.
struct HeaderError: Error { var error: RowError }
