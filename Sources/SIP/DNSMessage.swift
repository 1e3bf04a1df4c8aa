//   12 bytes: id, flags, four counts ─▶ questions ─▶ answers ─▶ (authority, additional: not read)
//   a name: labels, or a pointer to an earlier place: every jump goes strictly backwards, and no
//   name is longer than 253 octets, so that none can loop (pjproject GHSA-p6g5, -q9cp)

/// Why bytes are no DNS answer that can be used.
public enum DNSError: Error, Equatable, Sendable {
    /// The message ends too early.
    case truncated
    /// A label with a dot, space or control character, of 64 octets or more, or a name over 253.
    case badName
    /// A pointer that does not lead back, or leads into the header.
    case badPointer
    /// More than `DNSAnswer.recordLimit` answers.
    case tooManyRecords
    /// Data of another length than its type has.
    case badRecord
    /// Not an answer, or of another question.
    case notAnswer
    /// RCODE: 3 is "no such name".
    case refused(code: Int)
}

/// The record types that RFC 3263 needs.
public enum DNSType: UInt16, Sendable, Hashable {
    case a = 1
    case cname = 5
    case aaaa = 28
    case srv = 33
    case naptr = 35
}

/// RFC 2782.
public struct DNSService: Sendable, Equatable {
    /// 0…65535; the lowest is tried first.
    public var priority: Int
    /// 0…65535: its share of the calls among those of one priority.
    public var weight: Int
    /// 0…65535; `ServiceSelector` leaves 0 out.
    public var port: Int
    /// Lower case, without the last dot; "" for ".", which says that there is no such service.
    public var target: String

    /// Values as given: `target` is to be in lower case already.
    public init(priority: Int, weight: Int, port: Int, target: String) {
        self.priority = priority
        self.weight = weight
        self.port = port
        self.target = target
    }
}

/// RFC 3403 4.1.
public struct DNSPointer: Sendable, Equatable {
    /// 0…65535; the lowest first, whatever the preferences.
    public var order: Int
    /// 0…65535; the lowest first among those of one order.
    public var preference: Int
    /// `s`, in either case: SRV of `replacement` is asked for next. `Resolution` takes no other.
    public var flags: String
    /// `SIP+D2U`.
    public var service: String
    /// The name to ask for next: lower case, without the last dot.
    public var replacement: String

    /// Values as given. The record's regexp is not kept.
    public init(
        order: Int, preference: Int, flags: String, service: String, replacement: String
    ) {
        self.order = order
        self.preference = preference
        self.flags = flags
        self.service = service
        self.replacement = replacement
    }
}

/// A record of class IN whose type is one of `DNSType` (RFC 1035 4.1.3).
public struct DNSRecord: Sendable, Equatable {
    /// What it says: of A and AAAA, CNAME, SRV, NAPTR.
    public enum Content: Sendable, Equatable {
        /// As text: `192.0.2.1`, `2001:db8::1`.
        case address(String)
        case alias(String)
        case service(DNSService)
        case pointer(DNSPointer)
    }

    /// Whom it is about: lower case, without the last dot.
    public var name: String
    /// Read from exactly the octets that the record says it has.
    public var content: Content
    /// Seconds; at most 2^31-1 (RFC 2181 8).
    public var timeToLive: Int

    /// Also for what another source of names knows. Nothing is checked here.
    public init(name: String, content: Content, timeToLive: Int) {
        self.name = name
        self.content = content
        self.timeToLive = timeToLive
    }
}

/// A question, and what reading its answer needs.
public struct DNSQuestion: Sendable, Hashable {
    /// Lower case, without the last dot.
    public var name: String
    /// What is asked for, of class IN.
    public var type: DNSType

    /// nil for a name that DNS cannot hold: a label of 0 or more than 63 bytes, more than 253 in all.
    public init?(_ name: String, _ type: DNSType) {
        let text = name.asciiLowercased
        let plain = text.utf8.last == UInt8(ascii: ".") ? String(text.dropLast()) : text
        let labels = plain.utf8.split(
            separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard !plain.isEmpty, plain.utf8.count <= 253,
            labels.allSatisfy({ (1...63).contains($0.count) }),
            plain.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        self.name = plain
        self.type = type
    }

    /// A query with recursion desired (RFC 1035 4.1).
    public func serialised(id: UInt16) -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ value: UInt16) {
            bytes.append(UInt8(value >> 8))
            bytes.append(UInt8(truncatingIfNeeded: value))
        }
        for value in [id, 0x0100, 1, 0, 0, 0] { append(value) }
        for label in name.utf8.split(separator: UInt8(ascii: ".")) {
            bytes.append(UInt8(truncatingIfNeeded: label.count))
            bytes.append(contentsOf: label)
        }
        bytes.append(0)
        append(type.rawValue)
        append(1)
        return bytes
    }
}

/// The answer to one question.
public struct DNSAnswer: Sendable, Equatable {
    /// Answer records we understand: of the name asked for, aliases followed.
    public var records: [DNSRecord]
    /// It did not fit the datagram: ask again over TCP.
    public var isTruncated: Bool

    /// Answer records read; more is a fault.
    public static let recordLimit = 256
    /// Aliases followed from name to name.
    public static let aliasLimit = 8

    /// - Throws: `DNSError`. A message with another id or question is `.notAnswer`.
    public init(
        parsing bytes: [UInt8], to question: DNSQuestion, id: UInt16
    ) throws(DNSError) {
        var reader = DNSReader(bytes)
        let gotID = try reader.number16()
        let flags = try reader.number16()
        let questions = try reader.number16()
        let answers = try reader.number16()
        _ = try reader.number16()
        _ = try reader.number16()
        // QR set, opcode 0, exactly our question.
        guard gotID == Int(id), flags & 0x8000 != 0, flags & 0x7800 == 0, questions == 1,
            try reader.name() == question.name, try reader.number16() == question.type.rawValue,
            try reader.number16() == 1
        else { throw .notAnswer }
        guard flags & 0x000F == 0 else { throw .refused(code: flags & 0x000F) }
        isTruncated = flags & 0x0200 != 0
        guard answers <= Self.recordLimit else { throw .tooManyRecords }
        var all: [DNSRecord] = []
        if !isTruncated {
            for _ in 0..<answers { if let record = try reader.record() { all.append(record) } }
        }
        records = Self.follow(question, all)
    }

    /// Records of the name itself, or of what it is an alias of.
    private static func follow(_ question: DNSQuestion, _ all: [DNSRecord]) -> [DNSRecord] {
        var name = question.name
        for _ in 0...aliasLimit {
            let own = all.filter { record in
                guard record.name == name else { return false }
                switch (record.content, question.type) {
                case (.address(let text), .a): return !text.utf8.contains(UInt8(ascii: ":"))
                case (.address(let text), .aaaa): return text.utf8.contains(UInt8(ascii: ":"))
                case (.service, .srv), (.pointer, .naptr): return true
                default: return false
                }
            }
            if !own.isEmpty { return own }
            var next: String?
            for case .alias(let target) in all.lazy.filter({ $0.name == name }).map(\.content) {
                next = target
            }
            guard let next else { return [] }
            name = next
        }
        return []
    }
}

/// Reads a message from left to right; nothing traps.
private struct DNSReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func number8() throws(DNSError) -> Int {
        guard position < bytes.count else { throw .truncated }
        defer { position += 1 }
        return Int(bytes[position])
    }

    mutating func number16() throws(DNSError) -> Int {
        let high = try number8()
        return high << 8 | (try number8())
    }

    mutating func number32() throws(DNSError) -> Int {
        let high = try number16()
        return high << 16 | (try number16())
    }

    mutating func take(_ count: Int) throws(DNSError) -> ArraySlice<UInt8> {
        guard count <= bytes.count - position else { throw .truncated }
        defer { position += count }
        return bytes[position..<position + count]
    }

    /// <character-string> of RFC 1035 3.3.
    mutating func string() throws(DNSError) -> String { String(ascii: try take(number8())) }

    mutating func name() throws(DNSError) -> String {
        var text: [UInt8] = []
        var place = position
        /// Where the name ends in the record, once a pointer was followed.
        var end: Int?
        while true {
            guard place < bytes.count else { throw .truncated }
            let length = Int(bytes[place])
            if length == 0 {
                position = end ?? place + 1
                return String(ascii: text)
            }
            if length >= 0xC0 {
                guard place + 1 < bytes.count else { throw .truncated }
                let target = (length & 0x3F) << 8 | Int(bytes[place + 1])
                guard target < place, target >= 12 else { throw .badPointer }
                if end == nil { end = place + 2 }
                place = target
                continue
            }
            guard length <= 63, place + 1 + length <= bytes.count else { throw .badName }
            let label = bytes[(place + 1)..<(place + 1 + length)]
            // A dot or control character inside a label would make it another name.
            guard label.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ".") }),
                text.count + length + 1 <= 254
            else { throw .badName }
            if !text.isEmpty { text.append(UInt8(ascii: ".")) }
            text.append(contentsOf: label.lazy.map(SIPCharacter.lower))
            place += 1 + length
        }
    }

    /// One record; nil for a type or class we do not know.
    mutating func record() throws(DNSError) -> DNSRecord? {
        let owner = try name()
        let type = try number16()
        let kind = try number16()
        let time = try number32()
        let length = try number16()
        guard length <= bytes.count - position else { throw .truncated }
        let end = position + length
        guard kind == 1, let known = DNSType(rawValue: UInt16(truncatingIfNeeded: type)) else {
            position = end
            return nil
        }
        let content = try content(known, length)
        guard position == end else { throw .badRecord }
        return DNSRecord(
            name: owner, content: content, timeToLive: time > 0x7FFF_FFFF ? 0 : time)
    }

    private mutating func content(
        _ type: DNSType, _ length: Int
    ) throws(DNSError) -> DNSRecord.Content {
        switch type {
        case .a:
            guard length == 4 else { throw .badRecord }
            return .address(try take(4).map { String($0) }.joined(separator: "."))
        case .aaaa:
            guard length == 16 else { throw .badRecord }
            return .address(ipv6Text(Array(try take(16))))
        case .cname: return .alias(try name())
        case .srv:
            let priority = try number16()
            let weight = try number16()
            let port = try number16()
            return .service(
                DNSService(
                    priority: priority, weight: weight, port: port, target: try name()))
        case .naptr:
            let order = try number16()
            let preference = try number16()
            let flags = try string()
            let service = try string()
            _ = try string()
            return .pointer(
                DNSPointer(
                    order: order, preference: preference, flags: flags, service: service,
                    replacement: try name()))
        }
    }
}

/// RFC 5952: lower case, the first longest run of zero groups shortened. `bytes`: sixteen, else "".
public func ipv6Text(_ bytes: [UInt8]) -> String {
    guard bytes.count == 16 else { return "" }
    let groups = stride(from: 0, to: 16, by: 2).map { Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]) }
    var best = (start: 0, count: 0)
    var start = 0
    while start < 8 {
        var end = start
        while end < 8, groups[end] == 0 { end += 1 }
        if end - start > Swift.max(best.count, 1) { best = (start, end - start) }
        start = Swift.max(end, start + 1)
    }
    func text(_ part: ArraySlice<Int>) -> String {
        part.map { String($0, radix: 16) }.joined(separator: ":")
    }
    guard best.count > 1 else { return text(groups[...]) }
    return text(groups[..<best.start]) + "::" + text(groups[(best.start + best.count)...])
}
