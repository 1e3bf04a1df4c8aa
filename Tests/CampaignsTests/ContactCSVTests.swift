import Base
import CallModel
import Testing

@testable import Campaigns

@Suite struct ContactCSVTests {
    private func parse(
        _ text: String, limits: ContactCSV.Limits = .init()
    ) -> (contacts: [Contact], errors: [RowError]) {
        parse(Array(text.utf8), limits: limits)
    }

    private func parse(
        _ bytes: [UInt8], limits: ContactCSV.Limits = .init()
    ) -> (contacts: [Contact], errors: [RowError]) {
        var generator = SeededGenerator(seed: 1)
        return ContactCSV.parse(
            bytes, campaign: CampaignID("camp-1"), generator: &generator, limits: limits)
    }

    @Test func everyColumnFindsItsPlace() throws {
        let (contacts, errors) = parse(
            """
            \u{FEFF}phone_number,name,state,timezone,consent,consent_at,current_plan\r
            (212) 555-1234,"Lovelace, Ada",new york,America/New_York,Written,2026-01-05T10:00:00Z,basic\r
            """)
        #expect(errors.isEmpty)
        let contact = try #require(contacts.first)
        #expect(contact.number.e164 == "+12125551234")
        #expect(contact.campaign == CampaignID("camp-1"))
        #expect(contact.name?.value == "Lovelace, Ada")
        #expect(contact.state == "NY")
        #expect(contact.statedZone == "America/New_York")
        #expect(contact.consent == .written)
        #expect(contact.consentAt == WallTime(seconds: 1_767_607_200))
        #expect(contact.attributes == ["current_plan": "basic"])
        #expect(contact.id.value.hasPrefix("ct-") && contact.id.value.utf8.count == 19)
    }

    @Test(arguments: ["phone_number", "number", "phone", "Phone", " NUMBER "])
    func numberColumnHasThreeNames(header: String) {
        let (contacts, errors) = parse("\(header)\n+12125551234\n")
        #expect(contacts.count == 1 && errors.isEmpty)
    }

    @Test(arguments: [",", ";", "\t"]) func separatorIsReadFromTheHeader(separator: String) {
        let (contacts, _) = parse(
            ["phone", "name"].joined(separator: separator) + "\n"
                + ["+12125551234", "Ada"].joined(separator: separator) + "\n")
        #expect(contacts.first?.name?.value == "Ada")
    }

    @Test func badRowsAreReportedWithLineAndColumnAndTheOthersImported() {
        let (contacts, errors) = parse(
            """
            name,phone,state,consent,consent_at,zone
            A,+12125551234,NY,written,2026-01-05,America/New_York
            B,12345,,,,
            C,,,,,
            D,+12125551235,Narnia,maybe,yesterday,somewhere
            E,+1212x551236,,,,
            F,"+12125551237,,,,
            G,+12125551238,,,,,extra
            H,+11125551239,,,,
            I,+12125551240
            """)
        #expect(contacts.map { $0.name?.value } == ["A", "I"])
        #expect(
            errors == [
                RowError(
                    line: 3, column: 2, field: "phone", message: "5 digits are no telephone number"),
                RowError(line: 4, column: 2, field: "phone", message: "no telephone number"),
                RowError(
                    line: 5, column: 3, field: "state",
                    message: "unknown state; two letters or its name"),
                RowError(
                    line: 5, column: 6, field: "zone",
                    message: "not an IANA time zone such as America/New_York"),
                RowError(
                    line: 5, column: 4, field: "consent",
                    message: "consent is one of none, express, written"),
                RowError(
                    line: 5, column: 5, field: "consent_at", message: "not an ISO 8601 date or time"
                ),
                RowError(
                    line: 6, column: 2, field: "phone", message: "invalid character at position 6"),
                RowError(line: 7, column: 2, message: "quote is never closed"),
                RowError(line: 8, column: 7, message: "7 fields, the header has 6"),
                RowError(
                    line: 9, column: 2, field: "phone", message: "not a valid North American number"
                ),
            ])
    }

    @Test func errorsHoldNoNumberAndNoName() {
        let (_, errors) = parse("phone,name\n+1212555123x,Ada\n5551234567890123456,Grace\n")
        var writer = JSONWriter()
        writer.array { writer in for error in errors { error.write(to: &writer) } }
        #expect(errors.count == 2)
        for text in ["212", "555", "Ada", "Grace"] { #expect(!writer.string.contains(text)) }
        #expect(
            writer.string.hasPrefix(
                "[{\"line\":2,\"column\":1,\"field\":\"phone\",\"message\":\"invalid character at"))
    }

    @Test func theSameNumberTwiceIsReportedWithItsFirstLine() {
        let (contacts, errors) = parse("phone\n+12125551234\n+14155551234\n(212) 555-1234\n")
        #expect(contacts.count == 2)
        #expect(
            errors == [
                RowError(line: 4, column: 1, field: "phone", message: "same number as line 2")
            ])
    }

    @Test func fileProblemsAreOneError() {
        #expect(parse("").errors == [RowError(line: 1, column: 0, message: "file is empty")])
        #expect(
            parse("name,city\nA,B\n").errors == [
                RowError(
                    line: 1, column: 0,
                    message: "no column phone_number, number or phone in the header row")
            ])
        #expect(
            parse("phone,name,Name\n").errors == [
                RowError(line: 1, column: 3, field: "name", message: "column appears twice")
            ])
        var limits = ContactCSV.Limits()
        limits.bytes = 10
        #expect(
            parse("phone\n+12125551234\n", limits: limits).errors == [
                RowError(line: 1, column: 0, message: "file is larger than 10 bytes")
            ])
    }

    @Test func rowAndErrorLimitsHold() {
        var limits = ContactCSV.Limits()
        limits.rows = 2
        let (contacts, errors) = parse(
            "phone\n+12125551231\n+12125551232\n+12125551233\n", limits: limits)
        #expect(contacts.count == 2)
        #expect(
            errors == [
                RowError(
                    line: 4, column: 0,
                    message: "more than 2 rows: this and later rows were not read")
            ])
        limits.rows = 100
        limits.errors = 2
        let many = parse("phone\n" + String(repeating: "x\n", count: 5), limits: limits).errors
        #expect(many.count == 3)
        #expect(many.last?.message == "3 further errors are not listed")
    }

    @Test func sameSeedSameIdentifiersAndAllDiffer() {
        let text =
            "phone\n"
            + (0..<200).map { "+1212555\(padded($0 + 1000, 4))" }
            .joined(separator: "\n")
        let first = parse(text).contacts.map(\.id)
        #expect(first == parse(text).contacts.map(\.id))
        #expect(Set(first).count == 200)
    }

    @Test func cutAtEveryByteNeverTraps() {
        let text = Array(
            "phone,name,consent_at\r\n\"+12125551234\",\"A\"\"b\",2026-01-05\r\n+14155551234,é,\r\n"
                .utf8)
        for count in 0...text.count {
            let (contacts, errors) = parse(Array(text[..<count]))
            #expect(contacts.count <= 2 && errors.count <= 2)
        }
    }

    @Test func randomBytesNeverTrap() {
        var generator = SeededGenerator(seed: 9)
        let alphabet = Array("+12345,;\"\r\nphone\u{E9}".utf8)
        for _ in 0..<300 {
            let tail = (0..<150).map { _ in alphabet[Int(generator.next() % UInt64(alphabet.count))]
            }
            let (contacts, errors) = parse(Array("phone,name\n".utf8) + tail)
            #expect(contacts.count + errors.count <= 152)
        }
    }
}

@Suite struct ISO8601Tests {
    @Test(arguments: [
        ("2026-01-05", 1_767_571_200_000),
        ("2026-01-05T10:30", 1_767_609_000_000),
        ("2026-01-05 10:30:15", 1_767_609_015_000),
        ("2026-01-05T10:30:15.250Z", 1_767_609_015_250),
        ("2026-01-05T10:30:15-05:00", 1_767_627_015_000),
        ("2026-01-05T10:30:15+0530", 1_767_589_215_000),
        ("2028-02-29", 1_835_395_200_000),
    ]) func readsDatesAndTimes(text: String, milliseconds: Int64) {
        #expect(ISO8601.parse(text) == WallTime(milliseconds: milliseconds))
    }

    @Test(arguments: [
        "", "2026", "2026-13-01", "2026-02-29", "2026-1-5", "2026-01-05T", "2026-01-05T25:00",
        "2026-01-05T10", "2026-01-05T10:30:", "2026-01-05T10:30:15.", "2026-01-05T10:30:15X",
        "2026-01-05T10:30:15+5", "01/05/2026", "2026-01-05T10:30:15.1234567890", "２０２６-01-05",
    ]) func refusesAnythingElse(text: String) {
        #expect(ISO8601.parse(text) == nil)
    }
}
