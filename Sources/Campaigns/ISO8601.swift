public import Base
internal import Compliance

/// Dates and times as people write them into lists.
public enum ISO8601 {
    /// Reads `2026-01-05`, `2026-01-05T10:30`, `2026-01-05 10:30:00`, with an optional fraction and
    /// an optional `Z` or `±hh:mm`; without a zone UTC is meant. nil for anything else.
    public static func parse(_ text: String) -> WallTime? {
        guard let date = CivilDate(text: String(text.prefix(10))) else { return nil }
        let midnight = date.daysSince1970 * 86_400_000
        var rest = text.dropFirst(10)
        guard let separator = rest.first else { return WallTime(milliseconds: midnight) }
        guard separator == "T" || separator == "t" || separator == " " else { return nil }
        rest = rest.dropFirst()
        guard let hour = two(&rest, 0...23), accept(&rest, ":"), let minute = two(&rest, 0...59)
        else {
            return nil
        }
        var milliseconds = Int64(hour * 3600 + minute * 60) * 1000
        if accept(&rest, ":") {
            guard let second = two(&rest, 0...60) else { return nil }
            milliseconds += Int64(second) * 1000
            if accept(&rest, ".") {
                let fraction = rest.prefix { $0.isASCII && $0.isNumber }
                guard !fraction.isEmpty, fraction.count <= 9, let value = Int64(fraction) else {
                    return nil
                }
                rest = rest.dropFirst(fraction.count)
                var scaled = value * 1000
                for _ in 0..<fraction.count { scaled /= 10 }
                milliseconds += scaled
            }
        }
        if rest.isEmpty || rest == "Z" || rest == "z" {
            return WallTime(milliseconds: midnight + milliseconds)
        }
        let sign: Int64 = rest.first == "-" ? -1 : 1
        guard accept(&rest, "+") || accept(&rest, "-"), let hours = two(&rest, 0...18) else {
            return nil
        }
        _ = accept(&rest, ":")
        guard let minutes = two(&rest, 0...59), rest.isEmpty else { return nil }
        let offset = sign * Int64(hours * 3600 + minutes * 60) * 1000
        return WallTime(milliseconds: midnight + milliseconds - offset)
    }

    private static func accept(_ text: inout Substring, _ character: Character) -> Bool {
        guard text.first == character else { return false }
        text = text.dropFirst()
        return true
    }

    private static func two(_ text: inout Substring, _ range: ClosedRange<Int>) -> Int? {
        let digits = text.prefix(2)
        guard digits.count == 2, digits.allSatisfy({ $0.isASCII && $0.isNumber }),
            let value = Int(digits), range.contains(value)
        else { return nil }
        text = text.dropFirst(2)
        return value
    }
}
