/// A point in civil time: milliseconds since 1970-01-01T00:00:00Z. For records and for the law's
/// calling hours; never for timers.
public struct WallTime: Hashable, Comparable, Sendable {
    /// Since 1970-01-01T00:00:00Z, leap seconds not counted; negative before it.
    public var milliseconds: Int64

    /// Milliseconds since 1970-01-01T00:00:00Z.
    public init(milliseconds: Int64) { self.milliseconds = milliseconds }
    /// Seconds since 1970-01-01T00:00:00Z, at most 292 million years either way.
    public init(seconds: Int64) { self.milliseconds = seconds.saturatingMultiply(1000) }
    /// The earlier time is the lesser.
    public static func < (a: WallTime, b: WallTime) -> Bool { a.milliseconds < b.milliseconds }
    /// `b` later than `a`; what `b` has below a millisecond is cut.
    public static func + (a: WallTime, b: Interval) -> WallTime {
        WallTime(milliseconds: a.milliseconds.saturatingAdd(b.milliseconds))
    }
    /// From `b` to `a`, negative when `a` is the earlier; at most 292 years either way.
    public static func - (a: WallTime, b: WallTime) -> Interval {
        .milliseconds(a.milliseconds.saturatingSubtract(b.milliseconds))
    }

    /// RFC 3339 in UTC with milliseconds: `2026-11-23T00:03:58.120Z`.
    public var iso8601: String {
        let days = milliseconds.flooredDivision(by: 86_400_000)
        let ms = milliseconds - days * 86_400_000
        let date = CivilDate(daysSince1970: days)
        return "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
            + "T\(padded(Int(ms / 3_600_000), 2)):\(padded(Int(ms / 60_000 % 60), 2))"
            + ":\(padded(Int(ms / 1000 % 60), 2)).\(padded(Int(ms % 1000), 3))Z"
    }

    /// Reads RFC 3339: `2026-11-23T00:03:58.120Z`, `2026-11-23t00:03:58+05:30`. Fractions beyond
    /// milliseconds are cut, a leap second (`:60`) is read as the next second. nil for anything else.
    public init?(rfc3339 text: String) {
        var scanner = DigitScanner(text)
        guard let year = scanner.number(4), scanner.skip("-"), let month = scanner.number(2),
            scanner.skip("-"), let day = scanner.number(2), scanner.skip("Tt "),
            let hour = scanner.number(2), scanner.skip(":"), let minute = scanner.number(2),
            scanner.skip(":"), let second = scanner.number(2)
        else { return nil }
        let date = CivilDate(year: year, month: month, day: day)
        guard date.isValid, hour <= 23, minute <= 59, second <= 60 else { return nil }
        var fraction = 0
        if scanner.skip(".") {
            guard let digits = scanner.fractionInThousandths() else { return nil }
            fraction = digits
        }
        var offset = 0
        if !scanner.skip("Zz") {
            let negative = scanner.peek == UInt8(ascii: "-")
            guard scanner.skip("+-"), let hours = scanner.number(2), scanner.skip(":"),
                let minutes = scanner.number(2), hours <= 23, minutes <= 59
            else { return nil }
            offset = (hours * 60 + minutes) * (negative ? -1 : 1)
        }
        guard scanner.isAtEnd else { return nil }
        let minutes = date.daysSince1970 * 1440 + Int64(hour * 60 + minute - offset)
        self.init(milliseconds: (minutes * 60 + Int64(second)) * 1000 + Int64(fraction))
    }
}

/// Reads fixed-width decimal fields out of ASCII text.
private struct DigitScanner {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    var isAtEnd: Bool { position == bytes.count }
    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Exactly `count` digits.
    mutating func number(_ count: Int) -> Int? {
        guard bytes.count - position >= count else { return nil }
        var value = 0
        for byte in bytes[position..<position + count] {
            guard let digit = Self.digit(byte) else { return nil }
            value = value * 10 + digit
        }
        position += count
        return value
    }

    /// One or more digits after a decimal point, as thousandths.
    mutating func fractionInThousandths() -> Int? {
        var value = 0
        var weight = 100
        let start = position
        while let byte = peek, let digit = Self.digit(byte) {
            value += digit * weight
            weight /= 10
            position += 1
        }
        return position > start ? value : nil
    }

    /// Skips one character if it is one of `characters`.
    mutating func skip(_ characters: StaticString) -> Bool {
        guard let byte = peek else { return false }
        let found = characters.withUTF8Buffer { $0.contains(byte) }
        if found { position += 1 }
        return found
    }

    private static func digit(_ byte: UInt8) -> Int? {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? Int(byte - UInt8(ascii: "0")) : nil
    }
}

/// `value` in decimal, padded with zeros to `width`.
public func padded(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return digits.count >= width
        ? digits : String(repeating: "0", count: width - digits.count) + digits
}
