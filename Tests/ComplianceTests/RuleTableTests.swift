import Base
import CallModel
import Foundation
import Testing

@testable import Compliance

@Suite struct RuleTableTests {
    private func fixture(_ name: String) throws -> [UInt8] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return Array(try Data(contentsOf: root.appending(path: "Fixtures/compliance/\(name)")))
    }

    @Test func builtInAreaCodesMatchTheirSource() throws {
        let rules = try GateRules.builtIn()
        let source = try AreaCodeTable(
            csv: try fixture("nanp_timezones.csv"), name: "nanp", asOf: "2025-11-26")
        var counts: [AreaCode.Policy: Int] = [:]
        for code in 200...999 {
            #expect(rules.areaCodes[String(code)] == source[String(code)])
            if let entry = source[String(code)] { counts[entry.policy, default: 0] += 1 }
        }
        #expect(
            counts == [.us: 374, .canada: 56, .nonGeographic: 31, .foreign: 21, .usTerritory: 6])
        #expect(rules.zoneNames == source.zoneNames)
        #expect(rules.zoneNames.count == 52)
    }

    @Test func builtInStateRulesMatchTheirSource() throws {
        let builtIn = try StateRuleTable.builtIn()
        let source = try StateRuleTable(
            csv: try fixture("state_rules.csv"), name: "states", asOf: "2026-11-22")
        let today = CivilDate(year: 2026, month: 11, day: 22)
        let capped = ["FL", "MD", "OK", "OR"]
        let listed = ["CO", "FL", "IN", "LA", "MA", "MO", "OK", "PA", "TN", "TX", "WY"]
        var seen = 0
        for first in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
            for second in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" where builtIn.contains("\(first)\(second)") {
                let state = "\(first)\(second)"
                let rule = builtIn.rule(of: state, on: today)
                let expected = source.rule(of: state, on: today)
                #expect(rule.live == expected.live && rule.automated == expected.automated)
                #expect(rule.barsHolidays == expected.barsHolidays)
                #expect(rule.maximumAttemptsPer24Hours == (capped.contains(state) ? 3 : nil))
                #expect(rule.keepsOwnList == listed.contains(state))
                seen += 1
            }
        }
        #expect(seen == 51)
    }

    @Test func everyWindowLiesWithinTheFederalHours() throws {
        let table = try StateRuleTable.builtIn()
        for state in ["*", "NY", "KY", "PA", "TX", "RI", "NE", "ME", "SD"] {
            let rule = table.rule(of: state, on: CivilDate(year: 2027, month: 1, day: 4))
            for isAutomated in [false, true] {
                let week = rule.week(automated: isAutomated)
                for day in [week.weekday, week.saturday, week.sunday] {
                    guard let day else { continue }
                    #expect(day.start >= 8 * 3600 && day.end <= 21 * 3600)
                }
            }
        }
    }

    @Test func unmodifiedOperatorFileWorksWithoutTheExtraColumns() throws {
        var rules = try Sample.rules()
        rules.states = try StateRuleTable(
            csv: try fixture("state_rules.csv"), name: "own", asOf: "2027-01-01")
        rules.version = "own"
        #expect(Gate.decide(try Sample.request(), rules: rules).verdict == .allow)
        #expect(
            rules.states.rule(of: "XX", on: CivilDate(year: 2026, month: 1, day: 1)).live.weekday
                == DayWindow(start: 36_000, end: 61_200))
    }

    @Test func stateIsFoundByCodeAndNameInAnyCase() throws {
        let table = try StateRuleTable.builtIn()
        #expect(table.code(of: "ny") == "NY")
        #expect(table.code(of: "new york") == "NY")
        #expect(table.code(of: "District of Columbia") == "DC")
        #expect(table.code(of: "*") == nil)
        #expect(table.code(of: "unknown state") == nil)
        #expect(table.code(of: "Ontario") == nil)
    }

    @Test(arguments: [
        ("state,live_mon_fri\nNY,08:00-21:00\n", "column live_sat is missing", 1),
        ("", "no header row", 1),
    ]) func tableWithoutItsColumnsIsRefused(csv: String, problem: String, line: Int) {
        #expect(throws: ComplianceError.table(name: "t", line: line, problem: problem)) {
            try StateRuleTable(csv: Array(csv.utf8), name: "t", asOf: "")
        }
    }

    @Test(arguments: [
        "8:00-21:00", "08:00", "21:00-08:00", "08:00-24:01", "08:60-21:00", "", "none ",
        "08:00-08:00",
    ]) func windowThatCannotBeReadIsRefused(text: String) {
        let csv = """
            state,live_mon_fri,live_sat,live_sun,holidays,auto_mon_fri,auto_sat,auto_sun,own_state_dnc
            NY,\(text),none,none,none,none,none,none,no
            """
        #expect(
            throws: ComplianceError.table(
                name: "t", line: 2, problem: "column live_mon_fri cannot be read")
        ) { try StateRuleTable(csv: Array(csv.utf8), name: "t", asOf: "") }
    }

    @Test func generatedTablesAreUpToDate() throws {
        let table = BuiltInTables.zoneRules.csv.split(separator: "\n")
        let source = String(decoding: try fixture("zone_rules.csv"), as: UTF8.self)
            .split(separator: "\n")
        #expect(table.count == source.count)
        for (row, expected) in zip(table, source) {
            #expect(expected.hasPrefix(row + ",") || row == "zone,posix")
        }
    }

    @Test func holidaysKnowWhichYearsTheyCover() throws {
        let table = try HolidayTable.builtIn()
        let christmas = CivilDate(year: 2026, month: 12, day: 25)
        #expect(table.holiday(in: "PA", on: christmas) != nil)
        #expect(table.holiday(in: "NY", on: christmas) == nil)
        #expect(table.covers("PA", year: 2028) && !table.covers("PA", year: 2029))
    }
}

@Suite struct CSVReaderTests {
    private func records(_ text: String) -> [CSVRecord] {
        var reader = CSVReader(text)
        var records: [CSVRecord] = []
        while let record = reader.next() { records.append(record) }
        return records
    }

    @Test func rfc4180Forms() {
        // RFC 4180 2: CRLF, last line without break, empty fields, quotes, breaks inside quotes.
        let all = records("aaa,bbb,ccc\r\nzzz,,\r\n\"a,a\",\"b\r\nb\",\"c\"\"c\"\r\nx,y,z")
        #expect(
            all.map(\.fields) == [
                ["aaa", "bbb", "ccc"], ["zzz", "", ""], ["a,a", "b\r\nb", "c\"c"], ["x", "y", "z"],
            ])
        #expect(all.map(\.line) == [1, 2, 3, 5])
    }

    @Test func byteOrderMarkAndEmptyLinesAreSkipped() {
        let all = records("\u{FEFF}a,b\n\n\n1,2\n")
        #expect(all.map(\.fields) == [["a", "b"], ["1", "2"]])
        #expect(all.map(\.line) == [1, 4])
    }

    @Test func aBadRecordDoesNotHideTheNext() {
        let all = records("a,\"never closed\nb,c\nd,x\"y\n\"q\"z,1\ne,f\n")
        #expect(all.map(\.line) == [1, 2, 3, 4, 5])
        #expect(all[0].problem == CSVProblem(column: 2, message: "text after a closing quote"))
        #expect(all[1].fields == ["b", "c"])
        #expect(all[2].problem == CSVProblem(column: 2, message: "quote inside an unquoted field"))
        #expect(all[3].problem == CSVProblem(column: 1, message: "text after a closing quote"))
        #expect(all[4].fields == ["e", "f"])
    }

    @Test func anUnclosedQuoteCostsOneLine() {
        let all = records("\"open\na,b\nc,d\n")
        #expect(all[0].problem == CSVProblem(column: 1, message: "quote is never closed"))
        #expect(all.dropFirst().map(\.fields) == [["a", "b"], ["c", "d"]])
    }

    @Test func limitsAndBadUTF8AreRowErrors() {
        var reader = CSVReader(Array("a,".utf8) + [0xFF, 0xFE] + Array("\nb,c\n".utf8))
        #expect(reader.next()?.problem == CSVProblem(column: 2, message: "not valid UTF-8"))
        #expect(reader.next()?.fields == ["b", "c"])
        let wide = records(String(repeating: "x,", count: 250) + "\nok\n")
        #expect(wide[0].problem?.message == "more than 200 columns")
        #expect(wide[1].fields == ["ok"])
        let long = records(String(repeating: "x", count: 5000) + "\nok\n")
        #expect(long[0].problem?.message == "field longer than 4096 bytes")
        #expect(long[1].fields == ["ok"])
    }

    @Test func randomTextEndsAndNeverTraps() {
        var generator = SeededGenerator(seed: 4180)
        let alphabet = Array("ab,;\"\"\r\n\u{E9}".utf8)
        for _ in 0..<500 {
            let bytes = (0..<120).map { _ in
                alphabet[Int(generator.next() % UInt64(alphabet.count))]
            }
            var reader = CSVReader(bytes)
            var count = 0
            while reader.next() != nil { count += 1 }
            #expect(count <= 120)
        }
    }
}
