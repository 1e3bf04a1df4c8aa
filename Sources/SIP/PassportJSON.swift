internal import Base

/// The JSON of a PASSporT: objects, lists, strings and integers, nothing deeper or longer than one
/// needs. Written with its keys in the order given, without spaces and without escaping `/`.
enum PassportJSON: Equatable {
    case object([(String, PassportJSON)])
    case list([PassportJSON])
    case text(String)
    case number(Int)
    case other

    static let depthLimit = 6
    static let itemLimit = 64

    static func == (a: PassportJSON, b: PassportJSON) -> Bool { a.serialised == b.serialised }

    subscript(_ key: String) -> PassportJSON? {
        guard case .object(let items) = self else { return nil }
        return items.first { $0.0 == key }?.1
    }

    var text: String? {
        if case .text(let text) = self { return text }
        return nil
    }
    var number: Int? {
        if case .number(let number) = self { return number }
        return nil
    }
    var list: [PassportJSON]? {
        if case .list(let items) = self { return items }
        return nil
    }

    var serialised: [UInt8] {
        switch self {
        case .object(let items):
            var output: [UInt8] = [UInt8(ascii: "{")]
            for (index, item) in items.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                output += Self.quote(item.0) + [UInt8(ascii: ":")] + item.1.serialised
            }
            return output + [UInt8(ascii: "}")]
        case .list(let items):
            var output: [UInt8] = [UInt8(ascii: "[")]
            for (index, item) in items.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                output += item.serialised
            }
            return output + [UInt8(ascii: "]")]
        case .text(let text): return Self.quote(text)
        case .number(let number): return Array(String(number).utf8)
        case .other: return Array("null".utf8)
        }
    }

    private static func quote(_ text: String) -> [UInt8] {
        var output: [UInt8] = [UInt8(ascii: "\"")]
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                output.append(UInt8(ascii: "\\"))
            }
            // A control character has no place in a number, a URL or a UUID.
            output.append(byte < 0x20 ? 0x20 : byte)
        }
        output.append(UInt8(ascii: "\""))
        return output
    }

    /// nil for what is no JSON, repeats a key, or goes beyond the limits.
    init?(_ bytes: [UInt8]) {
        var reader = Reader(bytes: bytes)
        guard let value = reader.value(depth: 0) else { return nil }
        reader.skipSpace()
        guard reader.isAtEnd else { return nil }
        self = value
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        var isAtEnd: Bool { position >= bytes.count }
        var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

        mutating func skipSpace() {
            while let byte = peek, byte == 0x20 || byte == 9 || byte == 10 || byte == 13 {
                position += 1
            }
        }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            skipSpace()
            guard peek == UInt8(ascii: character) else { return false }
            position += 1
            return true
        }

        mutating func value(depth: Int) -> PassportJSON? {
            guard depth < PassportJSON.depthLimit else { return nil }
            skipSpace()
            switch peek {
            case UInt8(ascii: "{"): return object(depth)
            case UInt8(ascii: "["): return list(depth)
            case UInt8(ascii: "\""): return string().map { .text($0) }
            case .some(let byte) where byte == UInt8(ascii: "-") || SIPCharacter.isDigit(byte):
                return number()
            case .some: return word()
            case nil: return nil
            }
        }

        private mutating func object(_ depth: Int) -> PassportJSON? {
            position += 1
            var items: [(String, PassportJSON)] = []
            if take("}") { return .object(items) }
            while items.count < PassportJSON.itemLimit {
                skipSpace()
                guard let key = string(), take(":"), let value = value(depth: depth + 1),
                    !items.contains(where: { $0.0 == key })
                else { return nil }
                items.append((key, value))
                if take("}") { return .object(items) }
                guard take(",") else { return nil }
            }
            return nil
        }

        private mutating func list(_ depth: Int) -> PassportJSON? {
            position += 1
            var items: [PassportJSON] = []
            if take("]") { return .list(items) }
            while items.count < PassportJSON.itemLimit {
                guard let value = value(depth: depth + 1) else { return nil }
                items.append(value)
                if take("]") { return .list(items) }
                guard take(",") else { return nil }
            }
            return nil
        }

        /// `\uXXXX` is read for ASCII only: nothing in a passport needs more.
        private mutating func string() -> String? {
            guard peek == UInt8(ascii: "\"") else { return nil }
            position += 1
            var output: [UInt8] = []
            while let byte = peek {
                position += 1
                switch byte {
                case UInt8(ascii: "\""): return String(ascii: output)
                case UInt8(ascii: "\\"):
                    guard let escaped = escape() else { return nil }
                    output.append(escaped)
                case 0..<0x20: return nil
                default: output.append(byte)
                }
            }
            return nil
        }

        private mutating func escape() -> UInt8? {
            guard let byte = peek else { return nil }
            position += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return byte
            case UInt8(ascii: "u"):
                guard position + 4 <= bytes.count else { return nil }
                var value = 0
                for _ in 0..<4 {
                    guard let digit = SIPCharacter.hexValue(bytes[position]) else { return nil }
                    value = value * 16 + Int(digit)
                    position += 1
                }
                return (0x20..<0x7F).contains(value) ? UInt8(value) : nil
            default: return nil
            }
        }

        private mutating func number() -> PassportJSON? {
            let start = position
            while let byte = peek, SIPCharacter.isDigit(byte) || byte == UInt8(ascii: "-") {
                position += 1
            }
            let isWhole = peek.map { $0 != UInt8(ascii: ".") && $0 | 0x20 != UInt8(ascii: "e") }
            guard isWhole ?? true, let value = Int(String(ascii: bytes[start..<position])) else {
                return nil
            }
            return .number(value)
        }

        /// true, false and null: read past.
        private mutating func word() -> PassportJSON? {
            let start = position
            while let byte = peek, byte >= 0x61, byte <= 0x7A, position - start < 5 {
                position += 1
            }
            let word = String(ascii: bytes[start..<position])
            return ["true", "false", "null"].contains(word) ? .other : nil
        }
    }
}

/// RFC 4648 5 without padding, as JOSE writes it.
enum Base64URL {
    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        Base64.encode(bytes).utf8.compactMap { byte in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            case UInt8(ascii: "="): nil
            default: byte
            }
        }
    }

    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var plain: [UInt8] = []
        for byte in text {
            switch byte {
            case UInt8(ascii: "-"): plain.append(UInt8(ascii: "+"))
            case UInt8(ascii: "_"): plain.append(UInt8(ascii: "/"))
            case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): return nil
            default: plain.append(byte)
            }
        }
        return Base64.decode(plain)
    }
}
