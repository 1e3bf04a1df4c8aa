public import Base

/// The civil time of one zone: offsets from UTC over time, from a TZif file (RFC 8536) that the edge
/// has read, or from a POSIX TZ rule.
///
/// ```
/// TZif bytes ─► header ─► v1 block (skipped when v2+) ─► v2+ block ─► footer "EST5EDT,M3.2.0,M11.1.0"
///                                                          │                      │
///                        offset(at:)  ── before the last transition ──┘   after it ┘
/// ```
public struct ZoneRules: Sendable, Equatable {
    /// Transitions in one file; the longest of tzdata has some 240.
    static let transitionLimit = 10_000
    /// RFC 8536 3.2: local time types are indexed by one octet.
    static let typeLimit = 256

    /// UTC seconds, strictly ascending.
    private var transitions: [Int64] = []
    /// Seconds east of UTC from the transition of the same index on.
    private var offsets: [Int] = []
    /// Before the first transition (RFC 8536 3.2: type 0).
    private var firstOffset: Int
    /// After the last transition.
    private var rule: PosixRule?

    /// Reads a TZif file of version 1 to 4.
    ///
    /// - Throws: `zoneTruncated` when bytes are missing, `zoneInvalid` or `posixRule` for content
    ///   that RFC 8536 forbids, and for files with leap seconds (`right/` zones), whose seconds are
    ///   not those of `WallTime`.
    public init(tzif bytes: [UInt8]) throws(ComplianceError) {
        do {
            var reader = ByteReader(bytes)
            var header = try Header(&reader)
            if header.version >= 2 {
                try reader.skip(header.bodyCount(timeSize: 4))
                header = try Header(&reader)
            }
            let timeSize = header.version >= 2 ? 8 : 4
            firstOffset = 0
            try readBody(&reader, header, timeSize: timeSize)
            if header.version >= 2 { try readFooter(&reader) }
        } catch let error as ByteError {
            guard case .truncated(let needed, let have) = error else {
                throw .zoneInvalid(problem: "")
            }
            throw .zoneTruncated(needed: needed, have: have)
        } catch let error as ComplianceError {
            throw error
        } catch {
            throw .zoneInvalid(problem: "unreadable")
        }
    }

    /// A zone that follows one POSIX TZ rule for all time, such as `EST5EDT,M3.2.0,M11.1.0`.
    public init(posix text: String) throws(ComplianceError) {
        let rule = try PosixRule(text)
        firstOffset = rule.standardOffset
        self.rule = rule
    }

    /// Seconds east of UTC at a point in time.
    public func offset(at time: WallTime) -> Int {
        offset(atSecond: time.milliseconds.flooredDivision(by: 1000))
    }

    /// The clock on the wall of this zone.
    public func local(_ time: WallTime) -> LocalTime {
        let second = time.milliseconds.flooredDivision(by: 1000)
        return LocalTime(civilSeconds: second &+ Int64(offset(atSecond: second)))
    }

    /// The point in time of a local reading. A reading that happens twice gives the later one, one
    /// that is skipped gives the first moment after the gap: both err towards calling later.
    public func time(of local: LocalTime) -> WallTime {
        let civil = local.civilSeconds
        // Offsets in use around the reading: whichever is right, it is that of a nearby moment.
        let candidates = [
            offset(atSecond: civil &- 93_600), offset(atSecond: civil),
            offset(atSecond: civil &+ 93_600),
        ]
        var best: Int64?
        for candidate in candidates {
            let second = civil &- Int64(candidate)
            if offset(atSecond: second) == candidate { best = max(best ?? second, second) }
        }
        if let best { return WallTime(seconds: best) }
        // In a gap: the reading counted with the offset from before it lies after the transition.
        return WallTime(seconds: civil &- Int64(min(candidates[0], candidates[2])))
    }

    func offset(atSecond second: Int64) -> Int {
        guard let last = transitions.last else { return rule?.offset(at: second) ?? firstOffset }
        if second >= last, let rule { return rule.offset(at: second) }
        // The last transition at or before `second`.
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= second { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? firstOffset : offsets[low - 1]
    }
}

extension ZoneRules {
    /// RFC 8536 3.1.
    private struct Header {
        var version: Int
        var utcIndicators, standardIndicators, leaps, times, types, characters: Int

        init(_ reader: inout ByteReader) throws {
            guard try Array(reader.readBytes(4)) == Array("TZif".utf8) else {
                throw ComplianceError.zoneInvalid(problem: "no TZif magic")
            }
            switch try reader.readUInt8() {
            case 0: version = 1
            case let byte where (UInt8(ascii: "2")...UInt8(ascii: "9")).contains(byte):
                version = Int(byte - UInt8(ascii: "0"))
            default: throw ComplianceError.zoneInvalid(problem: "unknown version")
            }
            try reader.skip(15)
            utcIndicators = Int(try reader.readUInt32())
            standardIndicators = Int(try reader.readUInt32())
            leaps = Int(try reader.readUInt32())
            times = Int(try reader.readUInt32())
            types = Int(try reader.readUInt32())
            characters = Int(try reader.readUInt32())
            guard times <= ZoneRules.transitionLimit, leaps <= ZoneRules.transitionLimit,
                characters <= ZoneRules.transitionLimit
            else { throw ComplianceError.zoneInvalid(problem: "too many transitions") }
            guard (1...ZoneRules.typeLimit).contains(types),
                utcIndicators == 0 || utcIndicators == types,
                standardIndicators == 0 || standardIndicators == types
            else { throw ComplianceError.zoneInvalid(problem: "counts contradict each other") }
        }

        /// RFC 8536 3.2: octets of the data block.
        func bodyCount(timeSize: Int) -> Int {
            times * timeSize + times + types * 6 + characters + leaps * (timeSize + 4)
                + standardIndicators + utcIndicators
        }
    }

    private mutating func readBody(
        _ reader: inout ByteReader, _ header: Header, timeSize: Int
    ) throws {
        guard header.leaps == 0 else {
            throw ComplianceError.zoneInvalid(problem: "leap seconds are not supported")
        }
        for _ in 0..<header.times {
            let time =
                timeSize == 8
                ? Int64(bitPattern: try reader.readUInt64())
                : Int64(Int32(bitPattern: try reader.readUInt32()))
            if let last = transitions.last, time <= last {
                throw ComplianceError.zoneInvalid(problem: "transitions do not ascend")
            }
            transitions.append(time)
        }
        let indices = Array(try reader.readBytes(header.times))
        var types: [Int] = []
        for _ in 0..<header.types {
            let offset = Int(Int32(bitPattern: try reader.readUInt32()))
            // RFC 8536 3.2: should lie between -25 and +26 hours.
            guard (-89_999...93_599).contains(offset) else {
                throw ComplianceError.zoneInvalid(problem: "offset out of range")
            }
            guard try reader.readUInt8() <= 1 else {
                throw ComplianceError.zoneInvalid(problem: "daylight flag is neither 0 nor 1")
            }
            guard Int(try reader.readUInt8()) < max(header.characters, 1) else {
                throw ComplianceError.zoneInvalid(problem: "designation out of range")
            }
            types.append(offset)
        }
        for index in indices {
            guard Int(index) < types.count else {
                throw ComplianceError.zoneInvalid(problem: "type index out of range")
            }
            offsets.append(types[Int(index)])
        }
        firstOffset = types[0]
        try reader.skip(header.characters + header.standardIndicators + header.utcIndicators)
    }

    /// RFC 8536 3.3: a TZ string between two newlines; empty means that nothing is known.
    private mutating func readFooter(_ reader: inout ByteReader) throws {
        guard try reader.readUInt8() == UInt8(ascii: "\n") else {
            throw ComplianceError.zoneInvalid(problem: "no footer")
        }
        var text: [UInt8] = []
        while true {
            let byte = try reader.readUInt8()
            if byte == UInt8(ascii: "\n") { break }
            text.append(byte)
            guard text.count <= PosixRule.textLimit else {
                throw ComplianceError.zoneInvalid(problem: "footer too long")
            }
        }
        if !text.isEmpty { rule = try PosixRule(String(decoding: text, as: UTF8.self)) }
    }
}
