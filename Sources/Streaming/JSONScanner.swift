internal import Glibc

/// Why a text is no JSON (RFC 8259), and where.
enum JSONFault: Error, Equatable, Sendable {
    case truncated
    case unexpected(offset: Int)
    case tooDeep
}

/// Walks over JSON without building anything: the caller asks for the fields it wants and skips the
/// rest. Every read is checked; the text comes from a stranger.
struct JSONScanner {
    /// Arrays and objects inside each other. Bots use two.
    static let maximumDepth = 32

    /// A string as it stands in the text, between its quotes.
    struct Text {
        let range: Range<Int>
        let hasEscapes: Bool
    }

    let bytes: UnsafeBufferPointer<UInt8>
    private(set) var position = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// The next byte that is no white space, not consumed.
    mutating func peek() throws(JSONFault) -> UInt8 {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return bytes[position]
            }
        }
        throw .truncated
    }

    mutating func expect(_ byte: UInt8) throws(JSONFault) {
        guard try peek() == byte else { throw .unexpected(offset: position) }
        position += 1
    }

    /// Throws when anything but white space is left.
    mutating func expectEnd() throws(JSONFault) {
        do { _ = try peek() } catch { return }
        throw .unexpected(offset: position)
    }

    /// Reads an object and calls `field` with each key; `field` must consume the value.
    mutating func object(
        _ field: (inout JSONScanner, Text) throws(JSONFault) -> Void
    ) throws(JSONFault) {
        try expect(UInt8(ascii: "{"))
        if try peek() == UInt8(ascii: "}") {
            position += 1
            return
        }
        while true {
            let key = try string()
            try expect(UInt8(ascii: ":"))
            try field(&self, key)
            let next = try peek()
            position += 1
            if next == UInt8(ascii: "}") { return }
            guard next == UInt8(ascii: ",") else { throw .unexpected(offset: position - 1) }
        }
    }

    mutating func string() throws(JSONFault) -> Text {
        try expect(UInt8(ascii: "\""))
        let start = position
        if let end = plainEnd(from: start) {
            position = end + 1
            return Text(range: start..<end, hasEscapes: false)
        }
        var hasEscapes = false
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                return Text(range: start..<position - 1, hasEscapes: hasEscapes)
            }
            guard byte >= 0x20 else { throw .unexpected(offset: position) }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                position += 1
                guard position < bytes.count else { throw .truncated }
            }
            position += 1
        }
        throw .truncated
    }

    /// Where a string that begins at `start` ends, when it holds nothing out of the ordinary: the C
    /// library looks at 32 bytes at a time.
    private func plainEnd(from start: Int) -> Int? {
        guard start < bytes.count, let base = bytes.baseAddress else { return nil }
        let text = base + start
        guard let quote = memchr(text, 0x22, bytes.count - start) else { return nil }
        let count = UnsafeRawPointer(text).distance(to: UnsafeRawPointer(quote))
        guard memchr(text, 0x5C, count) == nil else { return nil }
        // SAFETY: the quote lies inside `bytes`, and so do the `count` bytes before it.
        var least: UInt8 = 0xFF
        for index in 0..<count { least = min(least, text[index]) }
        return least >= 0x20 ? start + count : nil
    }

    /// Skips one value of any kind.
    mutating func skipValue() throws(JSONFault) {
        var depth = 0
        repeat {
            let byte = try peek()
            switch byte {
            case UInt8(ascii: "\""): _ = try string()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                guard depth <= Self.maximumDepth else { throw .tooDeep }
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard depth > 0 else { throw .unexpected(offset: position) }
                depth -= 1
                position += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                guard depth > 0 else { throw .unexpected(offset: position) }
                position += 1
            default: try skipWord()
            }
        } while depth > 0
    }

    /// A number, true, false or null. Inside skipped values the exact form does not matter.
    private mutating func skipWord() throws(JSONFault) {
        let start = position
        loop: while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "E"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
                position += 1
            default: break loop
            }
        }
        guard position > start else { throw .unexpected(offset: position) }
    }

    /// True when `text` is exactly `name` (no escapes in it; nobody escapes a key).
    func isEqual(_ text: Text, _ name: StaticString) -> Bool {
        guard text.range.count == name.utf8CodeUnitCount else { return false }
        return name.withUTF8Buffer { wanted in
            for (offset, index) in text.range.enumerated() where bytes[index] != wanted[offset] {
                return false
            }
            return true
        }
    }

    /// The bytes of `text` with its escapes resolved; nil for an escape that JSON does not know or
    /// half a surrogate pair.
    func unescaped(_ text: Text) -> [UInt8]? {
        var output: [UInt8] = []
        output.reserveCapacity(text.range.count)
        var index = text.range.lowerBound
        let end = text.range.upperBound
        while index < end {
            let byte = bytes[index]
            index += 1
            guard byte == UInt8(ascii: "\\"), index < end else {
                output.append(byte)
                continue
            }
            let kind = bytes[index]
            index += 1
            switch kind {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): output.append(kind)
            case UInt8(ascii: "b"): output.append(0x08)
            case UInt8(ascii: "f"): output.append(0x0C)
            case UInt8(ascii: "n"): output.append(0x0A)
            case UInt8(ascii: "r"): output.append(0x0D)
            case UInt8(ascii: "t"): output.append(0x09)
            case UInt8(ascii: "u"):
                guard let scalar = unicode(at: &index, end: end) else { return nil }
                output.append(contentsOf: String(Character(scalar)).utf8)
            default: return nil
            }
        }
        return output
    }

    /// Four hexadecimal digits at `index`, and the second half of a pair (RFC 8259 section 7).
    private func unicode(at index: inout Int, end: Int) -> Unicode.Scalar? {
        guard let high = hex(at: &index, end: end) else { return nil }
        guard (0xD800..<0xDC00).contains(high) else { return Unicode.Scalar(high) }
        guard index + 1 < end, bytes[index] == UInt8(ascii: "\\"),
            bytes[index + 1] == UInt8(ascii: "u")
        else { return nil }
        index += 2
        guard let low = hex(at: &index, end: end), (0xDC00..<0xE000).contains(low) else {
            return nil
        }
        return Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
    }

    private func hex(at index: inout Int, end: Int) -> UInt32? {
        guard index + 4 <= end else { return nil }
        var value: UInt32 = 0
        for offset in 0..<4 {
            let byte = bytes[index + offset]
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - 0x30)
            case UInt8(ascii: "a")...UInt8(ascii: "f"):
                value = value << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"):
                value = value << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        index += 4
        return value
    }
}
