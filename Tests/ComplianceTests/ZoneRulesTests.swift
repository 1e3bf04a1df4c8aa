import Base
import Foundation
import Testing

@testable import Compliance

@Suite struct ZoneRulesTests {
    static let directory = "/usr/share/zoneinfo/"

    private func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: Self.directory + name)))
    }

    @Test func everyZoneOfThePlanAgreesWithFoundationOverRandomInstants() throws {
        var generator = SeededGenerator(seed: 8536)
        let start: Int64 = 1_704_067_200  // 2024-01-01
        let span: Int64 = 441_763_200  // to 2037-12-31
        var compared = 0
        for name in try GateRules.builtIn().zoneNames {
            let zone = try ZoneRules(tzif: try bytes(name))
            let reference = try #require(TimeZone(identifier: name))
            for _ in 0..<120 {
                let second = start + Int64(generator.next() % UInt64(span))
                let expected = reference.secondsFromGMT(
                    for: Date(timeIntervalSince1970: Double(second)))
                #expect(zone.offset(at: WallTime(seconds: second)) == expected, "\(name) \(second)")
                compared += 1
            }
        }
        #expect(compared == 120 * 52)
    }

    @Test func everyTransitionOfTheUnitedStatesAgreesToTheSecond() throws {
        for name in [
            "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix",
            "America/Los_Angeles", "America/Anchorage", "America/Adak", "Pacific/Honolulu",
        ] {
            let zone = try ZoneRules(tzif: try bytes(name))
            let reference = try #require(TimeZone(identifier: name))
            var date = Date(timeIntervalSince1970: 1_704_067_200)
            let end = Date(timeIntervalSince1970: 2_145_830_400)
            while let next = reference.nextDaylightSavingTimeTransition(after: date), next < end {
                let second = Int64(next.timeIntervalSince1970)
                for at in [second - 1, second] {
                    let expected = reference.secondsFromGMT(
                        for: Date(timeIntervalSince1970: Double(at)))
                    #expect(zone.offset(at: WallTime(seconds: at)) == expected, "\(name) \(at)")
                }
                date = next
            }
        }
    }

    @Test func builtInRulesAgreeWithTheMachinesFilesFromNowOn() throws {
        let builtIn = try GateRules.builtInZones()
        #expect(builtIn.count == 52)
        var generator = SeededGenerator(seed: 3)
        for (name, rule) in builtIn.sorted(by: { $0.key < $1.key }) {
            let zone = try ZoneRules(tzif: try bytes(name))
            for _ in 0..<40 {
                let second = 1_767_225_600 + Int64(generator.next() % 378_691_200)  // 2026 … 2037
                #expect(
                    rule.offset(at: WallTime(seconds: second))
                        == zone.offset(at: WallTime(seconds: second)), "\(name) \(second)")
            }
        }
    }

    @Test func localReadingAndBackIsTheSameMoment() throws {
        let zone = try ZoneRules(tzif: try bytes("America/New_York"))
        let time = utc("2026-11-25T15:00:00Z")
        #expect(
            zone.local(time)
                == LocalTime(date: CivilDate(year: 2026, month: 11, day: 25), secondOfDay: 36_000))
        #expect(zone.time(of: zone.local(time)) == time)
        #expect(zone.local(time).minuteText == "2026-11-25 10:00")
    }

    @Test func repeatedAndSkippedReadingsErrTowardsLater() throws {
        let zone = try ZoneRules(posix: "EST5EDT,M3.2.0,M11.1.0")
        // 2026-11-01 01:30 happens twice: EDT (05:30Z) and EST (06:30Z).
        let twice = LocalTime(date: CivilDate(year: 2026, month: 11, day: 1), secondOfDay: 5400)
        #expect(zone.time(of: twice) == utc("2026-11-01T06:30:00Z"))
        // 2026-03-08 02:30 never happens: 03:30 EDT.
        let never = LocalTime(date: CivilDate(year: 2026, month: 3, day: 8), secondOfDay: 9000)
        #expect(zone.time(of: never) == utc("2026-03-08T07:30:00Z"))
    }

    @Test(arguments: [
        ("EST5EDT,M3.2.0,M11.1.0", "2026-03-08T06:59:59Z", -18_000),
        ("EST5EDT,M3.2.0,M11.1.0", "2026-03-08T07:00:00Z", -14_400),
        ("EST5EDT,M3.2.0,M11.1.0", "2026-11-01T05:59:59Z", -14_400),
        ("EST5EDT,M3.2.0,M11.1.0", "2026-11-01T06:00:00Z", -18_000),
        ("JST-9", "2026-06-01T00:00:00Z", 32_400),
        // Southern hemisphere: daylight time spans the new year.
        ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01T00:00:00Z", 39_600),
        ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-07-01T00:00:00Z", 36_000),
        // RFC 8536 3.3.1 extensions: names in brackets, negative and long times.
        ("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "2026-06-01T00:00:00Z", -7_200),
        ("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "2026-03-29T00:59:59Z", -10_800),
        ("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "2026-03-29T01:00:00Z", -7_200),
        ("IST-2IDT,M3.4.4/26,M10.5.0", "2026-03-27T00:00:00Z", 10_800),
        ("IST-2IDT,M3.4.4/26,M10.5.0", "2026-03-26T23:59:59Z", 7_200),
        // RFC 8536 3.3.1: permanent daylight time.
        ("XXX3EDT4,0/0,J365/23", "2026-01-01T02:00:00Z", -14_400),
        ("XXX3EDT4,0/0,J365/23", "2026-12-31T23:59:59Z", -14_400),
        // Jn never counts 29 February, n does.
        ("AAA0BBB,J60/0,J61/0", "2028-03-01T12:00:00Z", 3_600),
        ("AAA0BBB,59/0,60/0", "2028-02-29T12:00:00Z", 3_600),
        ("AAA0BBB,59/0,60/0", "2027-03-01T12:00:00Z", 3_600),
        ("NST3:30NDT,M3.2.0,M11.1.0", "2026-01-01T00:00:00Z", -12_600),
        ("AAA-1:02:03", "2026-01-01T00:00:00Z", 3_723),
    ]) func posixRule(text: String, time: String, offset: Int) throws {
        #expect(try ZoneRules(posix: text).offset(at: utc(time)) == offset)
    }

    @Test(arguments: [
        "", "E", "ES5", "EST", "EST5EDT", "EST5EDT,", "EST5EDT,M3.2.0", "EST5EDT,M3.2.0,",
        "EST5EDT,M13.2.0,M11.1.0", "EST5EDT,M3.6.0,M11.1.0", "EST5EDT,M3.2.7,M11.1.0",
        "EST5EDT,M3.2.0,M11.1.0x", "EST25", "EST5:60", "<EST5", "<E>5", "EST5EDT,J0,J1",
        "EST5EDT,J366,J1", "EST5EDT,366,1", "EST5EDT,M3.2.0/168,M11.1.0", "EST99999999999999999999",
    ]) func malformedPosixRuleThrows(text: String) {
        #expect(throws: ComplianceError.self) { try ZoneRules(posix: text) }
    }

    /// RFC 8536 B.2: Pacific/Honolulu, version 2, with its footer.
    @Test func honoluluExampleOfTheStandard() throws {
        var writer = ByteWriter()
        let offsets: [Int32] = [-37_886, -37_800, -34_200, -34_200, -34_200, -36_000]
        let times: [Int64] = [
            -2_334_101_314, -1_157_283_000, -1_155_436_200, -880_198_200, -769_395_600,
            -765_376_200, -712_150_200,
        ]
        for version in [1, 2] {
            writer.write(ascii: "TZif2")
            for _ in 0..<15 { writer.write(UInt8(0)) }
            for count: UInt32 in [6, 6, 0, 7, 6, 20] { writer.write(count) }
            for time in times {
                if version == 1 {
                    writer.write(UInt32(bitPattern: Int32(clamping: time)))
                } else {
                    writer.write(UInt64(bitPattern: time))
                }
            }
            writer.write([1, 2, 1, 3, 4, 1, 5])
            for (index, offset) in offsets.enumerated() {
                writer.write(UInt32(bitPattern: offset))
                writer.write([index >= 2 && index <= 4 ? 1 : 0, [0, 4, 8, 12, 16, 4][index]])
            }
            writer.write(ascii: "LMT\0HST\0HDT\0HWT\0HPT\0")
            writer.write([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0])
        }
        writer.write(ascii: "\nHST10\n")
        let zone = try ZoneRules(tzif: writer.bytes)
        // Local mean time, standard time, daylight time of 1933, war and peace time, standard time
        // of 1947, and the footer's.
        for (second, offset) in [
            (-2_334_101_315, -37_886), (-2_334_101_314, -37_800), (-1_157_283_000, -34_200),
            (-1_155_436_200, -37_800), (-880_198_200, -34_200), (-769_395_600, -34_200),
            (-765_376_200, -37_800), (-712_150_201, -37_800), (-712_150_200, -36_000),
            (1_795_618_800, -36_000),
        ] as [(Int64, Int)] {
            #expect(zone.offset(at: WallTime(seconds: second)) == offset, "\(second)")
        }
    }

    @Test func versionOneFileIsReadWithThirtyTwoBitTimes() throws {
        var writer = ByteWriter()
        writer.write(ascii: "TZif")
        for _ in 0..<16 { writer.write(UInt8(0)) }
        for count: UInt32 in [0, 0, 0, 2, 2, 8] { writer.write(count) }
        writer.write(UInt32(1000))
        writer.write(UInt32(2000))
        writer.write([1, 0])
        writer.write(UInt32(bitPattern: -18_000))
        writer.write([0, 0])
        writer.write(UInt32(bitPattern: -14_400))
        writer.write([1, 4])
        writer.write(ascii: "EST\0EDT\0")
        let zone = try ZoneRules(tzif: writer.bytes)
        #expect(zone.offset(at: WallTime(seconds: 999)) == -18_000)
        #expect(zone.offset(at: WallTime(seconds: 1000)) == -14_400)
        #expect(zone.offset(at: WallTime(seconds: 1999)) == -14_400)
        #expect(zone.offset(at: WallTime(seconds: 2000)) == -18_000)
    }

    @Test func truncationAtEveryByteThrows() throws {
        let whole = try bytes("America/New_York")
        _ = try ZoneRules(tzif: whole)
        for count in 0..<whole.count {
            #expect(throws: ComplianceError.self, "cut at \(count)") {
                try ZoneRules(tzif: Array(whole[..<count]))
            }
        }
    }

    @Test func emptyAndForeignFilesThrowWhatTheyLack() {
        #expect(throws: ComplianceError.zoneTruncated(needed: 4, have: 0)) {
            try ZoneRules(tzif: [])
        }
        #expect(throws: ComplianceError.zoneInvalid(problem: "no TZif magic")) {
            try ZoneRules(tzif: Array(repeating: 65, count: 100))
        }
    }

    @Test func mutatedFilesAreReadOrRefusedButNeverTrap() throws {
        let whole = try bytes("America/Denver")
        var generator = SeededGenerator(seed: 44)
        var refused = 0
        for _ in 0..<1500 {
            var mutated = whole
            for _ in 0...(generator.next() % 4) {
                mutated[Int(generator.next() % UInt64(mutated.count))] = UInt8(
                    truncatingIfNeeded: generator.next())
            }
            do throws(ComplianceError) {
                let zone = try ZoneRules(tzif: mutated)
                for second in [Int64.min, -1 << 40, 0, 1_800_000_000, 1 << 40, Int64.max] {
                    let offset = zone.offset(at: WallTime(milliseconds: second))
                    #expect((-100_000...100_000).contains(offset))
                    _ = zone.local(WallTime(milliseconds: second / 1_000_000))
                }
            } catch {
                refused += 1
            }
        }
        #expect(refused > 50 && refused < 1500)
    }
}
