internal import Base

/// A POSIX TZ rule with the extensions of RFC 8536 3.3.1: `EST5EDT,M3.2.0,M11.1.0`,
/// `<-03>3<-02>,M3.5.0/-2,M10.5.0/-1`. Signs are as in the text: positive is west of Greenwich.
struct PosixRule: Sendable, Equatable {
    static let textLimit = 128

    /// The day of a change.
    enum Day: Sendable, Equatable {
        /// `Jn`: 1…365, 29 February is never counted.
        case julian(Int)
        /// `n`: 0…365, 29 February is counted.
        case ordinal(Int)
        /// `Mm.w.d`: weekday d (0 = Sunday) of week w (5 = last) of month m.
        case week(month: Int, week: Int, weekday: Int)
    }

    struct Change: Sendable, Equatable {
        var day: Day
        /// Local time of the change; -167…167 hours (version 3 of TZif).
        var second: Int
    }

    /// Seconds east of UTC.
    let standardOffset: Int
    private(set) var daylight: (offset: Int, start: Change, end: Change)?

    static func == (a: PosixRule, b: PosixRule) -> Bool {
        a.standardOffset == b.standardOffset && a.daylight?.offset == b.daylight?.offset
            && a.daylight?.start == b.daylight?.start && a.daylight?.end == b.daylight?.end
    }

    init(_ text: String) throws(ComplianceError) {
        var scanner = Scanner(bytes: Array(text.utf8))
        guard scanner.bytes.count <= Self.textLimit else {
            throw .posixRule(offset: Self.textLimit)
        }
        try scanner.name()
        standardOffset = -(try scanner.time(hours: 24))
        guard !scanner.isAtEnd else { return }
        try scanner.name()
        var offset = standardOffset + 3600
        if let next = scanner.peek, next != UInt8(ascii: ",") {
            offset = -(try scanner.time(hours: 24))
        }
        try scanner.expect(",")
        let start = try scanner.change()
        try scanner.expect(",")
        let end = try scanner.change()
        guard scanner.isAtEnd else { throw .posixRule(offset: scanner.position) }
        daylight = (offset, start, end)
    }

    /// Seconds east of UTC at `second` (UTC, since 1970).
    func offset(at second: Int64) -> Int {
        guard let daylight else { return standardOffset }
        let days = (second &+ Int64(standardOffset)).flooredDivision(by: 86_400)
        // Beyond these years nothing depends on the answer, and Int cannot overflow within them.
        guard (-4_000_000...4_000_000).contains(days) else { return standardOffset }
        let year = CivilDate(daysSince1970: days).year
        // A spell of daylight time may begin in the year before and reach into this one.
        for year in (year - 1)...(year + 1) {
            let start = moment(daylight.start, year) - Int64(standardOffset)
            var end = moment(daylight.end, year) - Int64(daylight.offset)
            if end <= start { end = moment(daylight.end, year + 1) - Int64(daylight.offset) }
            if start <= second, second < end { return daylight.offset }
        }
        return standardOffset
    }

    private func moment(_ change: Change, _ year: Int) -> Int64 {
        let day: Int64
        switch change.day {
        case .ordinal(let n): day = CivilDate(year: year, month: 1, day: 1).daysSince1970 + Int64(n)
        case .julian(let n):
            let skipsLeapDay = CivilDate.isLeap(year) && n >= 60
            day =
                CivilDate(year: year, month: 1, day: 1).daysSince1970 + Int64(n - 1)
                + (skipsLeapDay ? 1 : 0)
        case .week(let month, let week, let weekday):
            let first = CivilDate(year: year, month: month, day: 1)
            var ofMonth = 1 + (weekday - first.weekday + 7) % 7 + (week - 1) * 7
            while ofMonth > CivilDate.days(inMonth: month, of: year) { ofMonth -= 7 }
            day = first.daysSince1970 + Int64(ofMonth - 1)
        }
        return day * 86_400 + Int64(change.second)
    }
}

extension PosixRule {
    private struct Scanner {
        let bytes: [UInt8]
        var position = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        var isAtEnd: Bool { position >= bytes.count }
        var peek: UInt8? { isAtEnd ? nil : bytes[position] }
        var failure: ComplianceError { .posixRule(offset: position) }

        mutating func expect(_ character: Unicode.Scalar) throws(ComplianceError) {
            guard peek == UInt8(ascii: character) else { throw failure }
            position += 1
        }

        mutating func accept(_ character: Unicode.Scalar) -> Bool {
            guard peek == UInt8(ascii: character) else { return false }
            position += 1
            return true
        }

        /// Three or more letters, or anything alphanumeric with signs between angle brackets.
        mutating func name() throws(ComplianceError) {
            let quoted = accept("<")
            let start = position
            while let byte = peek, Self.isLetter(byte) || (quoted && Self.isQuotable(byte)) {
                position += 1
            }
            guard position - start >= 3 else { throw failure }
            if quoted { try expect(">") }
        }

        static func isLetter(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        }

        static func isQuotable(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "+")
                || byte == UInt8(ascii: "-")
        }

        mutating func digits(_ range: ClosedRange<Int>) throws(ComplianceError) -> Int {
            let start = position
            while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
                position += 1
            }
            guard let value = number(bytes[start..<position]), range.contains(value) else {
                throw failure
            }
            return value
        }

        /// `[+|-]hh[:mm[:ss]]` in seconds.
        mutating func time(hours limit: Int) throws(ComplianceError) -> Int {
            let negative = accept("-")
            if !negative { _ = accept("+") }
            var seconds = try digits(0...limit) * 3600
            if accept(":") {
                seconds += try digits(0...59) * 60
                if accept(":") { seconds += try digits(0...59) }
            }
            return negative ? -seconds : seconds
        }

        mutating func change() throws(ComplianceError) -> Change {
            let day: Day
            if accept("J") {
                day = .julian(try digits(1...365))
            } else if accept("M") {
                let month = try digits(1...12)
                try expect(".")
                let week = try digits(1...5)
                try expect(".")
                day = .week(month: month, week: week, weekday: try digits(0...6))
            } else {
                day = .ordinal(try digits(0...365))
            }
            return Change(day: day, second: accept("/") ? try time(hours: 167) : 7200)
        }
    }
}
