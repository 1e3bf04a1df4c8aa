import Base
import Testing

@Test func instantsAndIntervalsCalculate() {
    let start = Instant(milliseconds: 1500)
    #expect(start.nanoseconds == 1_500_000_000)
    #expect((start + .milliseconds(20)).milliseconds == 1520)
    #expect((start - .seconds(1)).milliseconds == 500)
    #expect(Instant(milliseconds: 500) - start == .milliseconds(-1000))
    #expect(Instant.zero < start)
    var moving = start
    moving += .microseconds(250)
    #expect(moving.nanoseconds == 1_500_250_000)
    #expect(Interval.seconds(3) * 4 == .seconds(12))
    #expect(Interval.seconds(3) / 2 == .milliseconds(1500))
    #expect(Interval.milliseconds(1500).seconds == 1.5)
    #expect(Interval.milliseconds(-1) < .zero)
    #expect(Interval.seconds(1) + .milliseconds(1) - .nanoseconds(1) == .nanoseconds(1_000_999_999))
}

/// A wrapped deadline would lie in the past and fire at once.
@Test func timeSaturatesInsteadOfWrapping() {
    #expect(Instant.distantFuture + .seconds(1) == .distantFuture)
    #expect(Instant(nanoseconds: .min) - .seconds(1) == Instant(nanoseconds: .min))
    #expect(Instant(nanoseconds: .min) + .nanoseconds(-1) == Instant(nanoseconds: .min))
    #expect(Instant.distantFuture - Instant(nanoseconds: -1) == .nanoseconds(.max))
    #expect(Interval.seconds(.max) == .nanoseconds(.max))
    #expect(Interval.seconds(.min) == .nanoseconds(.min))
    #expect(Interval.milliseconds(.max / 2) == .nanoseconds(.max))
    #expect(Interval.microseconds(.min) == .nanoseconds(.min))
    #expect(Instant(milliseconds: .max) == .distantFuture)
    #expect(Interval.seconds(1) * .max == .nanoseconds(.max))
    #expect(Interval.seconds(-1) * .max == .nanoseconds(.min))
    #expect(Interval.nanoseconds(.min) - .nanoseconds(1) == .nanoseconds(.min))
    #expect(WallTime(seconds: .max).milliseconds == .max)
    #expect((WallTime(milliseconds: .max) + .seconds(1)).milliseconds == .max)
}

/// Days and weekdays from Python's datetime.
@Test(arguments: [
    (2000, 2, 29, 11016, 2), (1970, 1, 1, 0, 4), (1969, 12, 31, -1, 3), (2026, 11, 23, 20780, 1),
    (2100, 3, 1, 47541, 1), (1900, 3, 1, -25508, 4), (1, 1, 1, -719_162, 1),
    (9999, 12, 31, 2_932_896, 5),
])
func civilDatesMatchTheCalendar(year: Int, month: Int, day: Int, days: Int64, weekday: Int) {
    let date = CivilDate(year: year, month: month, day: day)
    #expect(date.daysSince1970 == days)
    #expect(CivilDate(daysSince1970: days) == date)
    #expect(date.weekday == weekday)
    #expect(date.isValid)
}

@Test func everyDayOfFourCenturiesFollowsTheOneBefore() {
    var previous = CivilDate(year: 1800, month: 1, day: 1)
    let first = previous.daysSince1970
    for days in first + 1..<first + 146_097 {
        let date = CivilDate(daysSince1970: days)
        let next =
            date.day == 1
            ? (date.month == 1 ? date.year == previous.year + 1 : date.month == previous.month + 1)
            : date.day == previous.day + 1 && date.month == previous.month
        guard next, date.isValid, date > previous, date.weekday == (previous.weekday + 1) % 7 else {
            Issue.record("\(previous) is followed by \(date)")
            return
        }
        previous = date
    }
    #expect(previous == CivilDate(year: 2199, month: 12, day: 31))
}

@Test func datesThatTheCalendarLacksAreNotValid() {
    for (year, month, day) in [
        (2023, 2, 29), (1900, 2, 29), (2024, 2, 30), (2024, 4, 31), (2024, 0, 1), (2024, 13, 1),
        (2024, 1, 0), (2024, 1, 32), (0, 1, 1), (10_000, 1, 1), (.max, 1, 1), (2024, .min, 1),
    ] {
        #expect(!CivilDate(year: year, month: month, day: day).isValid)
    }
}

@Test func wallTimeWritesRFC3339() {
    #expect(WallTime(milliseconds: 0).iso8601 == "1970-01-01T00:00:00.000Z")
    #expect(WallTime(milliseconds: 1_795_392_238_120).iso8601 == "2026-11-23T00:03:58.120Z")
    #expect(WallTime(milliseconds: -1).iso8601 == "1969-12-31T23:59:59.999Z")
    #expect(WallTime(seconds: 951_868_799).iso8601 == "2000-02-29T23:59:59.000Z")
}

@Test(arguments: [
    ("1970-01-01T00:00:00Z", 0), ("2026-11-23T00:03:58.120Z", 1_795_392_238_120),
    ("2026-11-23t00:03:58.12z", 1_795_392_238_120),
    ("2026-11-23 00:03:58.1209Z", 1_795_392_238_120),
    ("2026-11-23T05:33:58.120+05:30", 1_795_392_238_120),
    ("2026-11-22T19:03:58.120-05:00", 1_795_392_238_120),
    ("1969-12-31T23:59:59.999Z", -1), ("2016-12-31T23:59:60Z", 1_483_228_800_000),
])
func wallTimeReadsRFC3339(text: String, milliseconds: Int64) {
    #expect(WallTime(rfc3339: text)?.milliseconds == milliseconds)
}

@Test(arguments: [
    "", "2026", "2026-11-23", "2026-11-23T00:03:58", "2026-11-23T00:03:58.Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T00:60:00Z", "2026-11-23T00:00:61Z",
    "2026-11-23T00:00:00+24:00", "2026-11-23T00:00:00+0530", "2026-11-23T00:00:00Zx",
    "+026-11-23T00:00:00Z", "２026-11-23T00:00:00Z", "0000-01-01T00:00:00Z",
])
func wallTimeRefusesEverythingElse(text: String) {
    #expect(WallTime(rfc3339: text) == nil)
}

@Test func wallTimeSurvivesWritingAndReading() {
    var generator = SeededGenerator(seed: 3339)
    for _ in 0..<2000 {
        // Years 1 to 9999.
        let milliseconds = Int64(generator.next() % 315_537_897_600_000) - 62_135_596_800_000
        let time = WallTime(milliseconds: milliseconds)
        #expect(WallTime(rfc3339: time.iso8601) == time)
    }
}

@Test func wallTimeTextCutAtEveryByteOrMutatedNeverTraps() {
    let text = Array("2026-11-23T05:33:58.120+05:30".utf8)
    for count in 0..<text.count {
        #expect(WallTime(rfc3339: String(decoding: text[..<count], as: UTF8.self)) == nil)
    }
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<2000 {
        var mutated = text
        mutated[Int(generator.next() % UInt64(text.count))] = UInt8(generator.next() % 128)
        _ = WallTime(rfc3339: String(decoding: mutated, as: UTF8.self))
    }
}

@Test func flooredDivisionRoundsDown() {
    #expect(Int64(7).flooredDivision(by: 2) == 3)
    #expect(Int64(-7).flooredDivision(by: 2) == -4)
    #expect(Int64(-8).flooredDivision(by: 2) == -4)
    #expect(Int64(0).flooredDivision(by: 5) == 0)
}

@Test func numbersArePadded() {
    #expect(padded(7, 2) == "07")
    #expect(padded(1234, 2) == "1234")
    #expect(padded(0, 3) == "000")
}
