/// Character classes of RFC 3261 25.1.
enum SIPCharacter {
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte >= 0x41 && byte <= 0x5A) || (byte >= 0x61 && byte <= 0x7A)
    }

    /// token = alphanum / - . ! % * _ + ` ' ~
    static func isToken(_ byte: UInt8) -> Bool {
        if isAlphanumeric(byte) { return true }
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "%"),
            UInt8(ascii: "*"), UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "`"),
            UInt8(ascii: "'"), UInt8(ascii: "~"):
            return true
        default: return false
        }
    }

    static func isHex(_ byte: UInt8) -> Bool { hexValue(byte) != nil }

    static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    /// Host names as used (underscores occur), and IPv4 addresses.
    static func isHost(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "_")
    }

    static func lower(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5A ? byte + 32 : byte
    }
}

extension String {
    init(ascii bytes: some Sequence<UInt8>) { self = String(decoding: Array(bytes), as: UTF8.self) }

    /// Lower case of A–Z only; SIP compares names in ASCII (RFC 3261 7.3.1).
    var asciiLowercased: String {
        if !utf8.contains(where: { $0 >= 0x41 && $0 <= 0x5A }) { return self }
        return String(ascii: utf8.map(SIPCharacter.lower))
    }

    func equalsIgnoringCase(_ other: String) -> Bool {
        utf8.elementsEqual(other.utf8) { SIPCharacter.lower($0) == SIPCharacter.lower($1) }
    }

    /// Without spaces and tabs at both ends.
    var trimmed: String { String(ascii: trimSpaces(Array(utf8)[...])) }

    var isToken: Bool { !isEmpty && utf8.allSatisfy(SIPCharacter.isToken) }

    /// True for text without a byte that could end or fold a header line.
    var isOneLine: Bool { !utf8.contains { $0 == 13 || $0 == 10 || $0 == 0 } }
}

func trimSpaces(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var slice = bytes
    while let first = slice.first, SIPCharacter.isSpace(first) { slice.removeFirst() }
    while let last = slice.last, SIPCharacter.isSpace(last) { slice.removeLast() }
    return slice
}

/// Digits only, at most 18 of them: a number without sign, overflow or trap.
func parseDecimal(_ bytes: some Collection<UInt8>) -> Int? {
    guard !bytes.isEmpty, bytes.count <= 18 else { return nil }
    var value = 0
    for byte in bytes {
        guard SIPCharacter.isDigit(byte) else { return nil }
        value = value * 10 + Int(byte - 0x30)
    }
    return value
}

/// Reads one header value from left to right. Every look is bounds-checked; nothing traps.
struct TextScanner {
    let bytes: [UInt8]
    private(set) var position: Int

    init(_ text: String) {
        bytes = Array(text.utf8)
        position = 0
    }

    var isAtEnd: Bool { position >= bytes.count }
    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func advance() { if position < bytes.count { position += 1 } }

    mutating func skipSpace() {
        while let byte = peek, SIPCharacter.isSpace(byte) { position += 1 }
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard let byte = peek, UInt32(byte) == character.value else { return false }
        position += 1
        return true
    }

    mutating func take(while accepts: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let start = position
        while let byte = peek, accepts(byte) { position += 1 }
        return bytes[start..<position]
    }

    mutating func token() -> String? {
        let text = take(while: SIPCharacter.isToken)
        return text.isEmpty ? nil : String(ascii: text)
    }

    /// The text between quotes with its escapes resolved; nil without a closing quote.
    /// The scanner stands on the opening quote.
    mutating func quotedString() -> String? {
        guard take("\"") else { return nil }
        var text: [UInt8] = []
        while let byte = peek {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(ascii: text)
            case UInt8(ascii: "\\"):
                guard let escaped = peek else { return nil }
                text.append(escaped)
                position += 1
            default: text.append(byte)
            }
        }
        return nil
    }

    mutating func rest() -> ArraySlice<UInt8> {
        defer { position = bytes.count }
        return bytes[min(position, bytes.count)...]
    }
}

/// Splits a list header at its commas, but not at those inside quotes or angle brackets.
func splitList(_ text: String) -> [String] {
    let bytes = Array(text.utf8)
    var parts: [String] = []
    var start = 0
    var quoted = false
    var bracketed = false
    var index = 0
    while index < bytes.count {
        switch bytes[index] {
        case UInt8(ascii: "\\") where quoted: index += 1
        case UInt8(ascii: "\""): quoted.toggle()
        case UInt8(ascii: "<") where !quoted: bracketed = true
        case UInt8(ascii: ">") where !quoted: bracketed = false
        case UInt8(ascii: ",") where !quoted && !bracketed:
            parts.append(String(ascii: trimSpaces(bytes[start..<index])))
            start = index + 1
        default: break
        }
        index += 1
    }
    parts.append(String(ascii: trimSpaces(bytes[min(start, bytes.count)...])))
    return parts
}

/// `text` between quotes, with `"` and `\` escaped and line breaks made spaces.
func quoted(_ text: String) -> String {
    var output: [UInt8] = [UInt8(ascii: "\"")]
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            output.append(UInt8(ascii: "\\"))
            output.append(byte)
        case 0, 10, 13: output.append(0x20)
        default: output.append(byte)
        }
    }
    output.append(UInt8(ascii: "\""))
    return String(ascii: output)
}
