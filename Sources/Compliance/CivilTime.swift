public import Base

/// A wall clock reading somewhere: a date and the seconds since its midnight.
public struct LocalTime: Hashable, Comparable, Sendable {
    /// The calendar's day at that place.
    public var date: CivilDate
    /// 0…86,399
    public var secondOfDay: Int

    /// Takes any numbers; nothing checks that the day exists or the second lies in it.
    public init(date: CivilDate, secondOfDay: Int) {
        self.date = date
        self.secondOfDay = secondOfDay
    }

    /// Seconds since 1970-01-01T00:00:00 as if the reading were UTC.
    init(civilSeconds: Int64) {
        let days = civilSeconds.flooredDivision(by: 86_400)
        date = CivilDate(daysSince1970: days)
        secondOfDay = Int(civilSeconds - days * 86_400)
    }

    var civilSeconds: Int64 { date.daysSince1970 * 86_400 + Int64(secondOfDay) }

    /// By date and time of day: of two places, not the order in which the readings happened.
    public static func < (a: LocalTime, b: LocalTime) -> Bool {
        (a.date, a.secondOfDay) < (b.date, b.secondOfDay)
    }

    /// `2026-11-23 08:05`, without seconds.
    public var minuteText: String {
        "\(date.text) \(padded(secondOfDay / 3600, 2)):\(padded(secondOfDay / 60 % 60, 2))"
    }
}

extension WallTime {
    /// Milliseconds from `other` to here; a difference too great to count is as great as possible,
    /// so that a senseless date is never mistaken for a fresh one.
    func milliseconds(since other: WallTime) -> Int64 {
        let (difference, overflow) = milliseconds.subtractingReportingOverflow(other.milliseconds)
        guard overflow else { return difference }
        return milliseconds > other.milliseconds ? .max : .min
    }
}

extension CivilDate {
    /// `2026-11-23`
    public var text: String { "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))" }

    /// Reads `2026-11-23`; nil for anything else, and for days the month does not have.
    public init?(text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            let year = number(bytes[0..<4]), let month = number(bytes[5..<7]),
            let day = number(bytes[8..<10]), (1...12).contains(month), year >= 1
        else { return nil }
        self.init(year: year, month: month, day: day)
        guard (1...Self.days(inMonth: month, of: year)).contains(day) else { return nil }
    }

    static func isLeap(_ year: Int) -> Bool {
        (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
    }

    static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

/// Decimal digits only, at most nine of them.
func number(_ digits: some Collection<UInt8>) -> Int? {
    guard !digits.isEmpty, digits.count <= 9 else { return nil }
    var value = 0
    for digit in digits {
        guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
        value = value * 10 + Int(digit - UInt8(ascii: "0"))
    }
    return value
}
