/// A date of the proleptic Gregorian calendar (algorithm: H. Hinnant, "chrono-compatible low-level
/// date algorithms", `civil_from_days` and `days_from_civil`).
public struct CivilDate: Hashable, Comparable, Sendable {
    /// Astronomical: 0 is 1 BC. `isValid` wants 1…9999.
    public var year: Int
    /// 1…12
    public var month: Int
    /// 1…31
    public var day: Int

    /// Takes any numbers; `isValid` tells whether the calendar has such a day.
    public init(year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// The date `days` days after 1970-01-01, before it when negative.
    public init(daysSince1970 days: Int64) {
        let z = Int(days) + 719_468
        let era = Int64(z).flooredDivision(by: 146_097)
        let dayOfEra = z - Int(era) * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shifted + 2) / 5 + 1
        month = shifted < 10 ? shifted + 3 : shifted - 9
        year = yearOfEra + Int(era) * 400 + (month <= 2 ? 1 : 0)
    }

    /// Meant for valid dates; years beyond ±10^15 overflow.
    public var daysSince1970: Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = Int64(y).flooredDivision(by: 400)
        let yearOfEra = y - Int(era) * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + Int64(dayOfEra) - 719_468
    }

    /// True for a day that the calendar has, in the years 1 to 9999.
    public var isValid: Bool {
        guard (1...9999).contains(year), (1...12).contains(month), day >= 1 else { return false }
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
        let lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return day <= lengths[month - 1]
    }

    /// 0 = Sunday … 6 = Saturday.
    public var weekday: Int {
        // 1970-01-01 was a Thursday (4).
        let shifted = daysSince1970 + 4
        return Int(shifted - shifted.flooredDivision(by: 7) * 7)
    }

    /// The earlier date is the lesser.
    public static func < (a: CivilDate, b: CivilDate) -> Bool {
        (a.year, a.month, a.day) < (b.year, b.month, b.day)
    }
}
