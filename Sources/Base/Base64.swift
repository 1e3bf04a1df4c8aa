/// RFC 4648 base64 without Foundation. Encoding writes into a caller's buffer because media frames
/// leave as base64 fifty times a second and leg.
public enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// 255 marks a byte that is not in the alphabet.
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 255, count: 256)
        for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
        return table
    }()

    /// Characters that `count` bytes become, padding included: four for every three begun.
    public static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    /// Appends the encoding of `bytes` (padded) to `output`.
    public static func encode(_ bytes: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) {
        output.reserveCapacity(output.count + encodedCount(bytes.count))
        alphabet.withUnsafeBufferPointer { table in
            var index = 0
            while index + 2 < bytes.count {
                let word =
                    UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8
                    | UInt32(bytes[index + 2])
                output.append(table[Int(word >> 18)])
                output.append(table[Int(word >> 12 & 63)])
                output.append(table[Int(word >> 6 & 63)])
                output.append(table[Int(word & 63)])
                index += 3
            }
            let left = bytes.count - index
            guard left > 0 else { return }
            let word = UInt32(bytes[index]) << 16 | (left == 2 ? UInt32(bytes[index + 1]) << 8 : 0)
            output.append(table[Int(word >> 18)])
            output.append(table[Int(word >> 12 & 63)])
            output.append(left == 2 ? table[Int(word >> 6 & 63)] : UInt8(ascii: "="))
            output.append(UInt8(ascii: "="))
        }
    }

    /// The encoding of `bytes`, padded, without line breaks.
    public static func encode(_ bytes: [UInt8]) -> String {
        var output: [UInt8] = []
        bytes.withUnsafeBufferPointer { encode($0, into: &output) }
        return String(decoding: output, as: UTF8.self)
    }

    /// The bytes that `text` encodes, or nil when it holds anything outside the alphabet, misplaced
    /// padding or a length that no encoder makes. Missing padding is accepted (RFC 4648 3.2).
    public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var output: [UInt8] = []
        output.reserveCapacity(text.count / 4 * 3)
        var word: UInt32 = 0
        var have = 0
        var padding = 0
        for character in text {
            if character == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            let value = values[Int(character)]
            guard value != 255, padding == 0 else { return nil }
            word = word << 6 | UInt32(value)
            have += 1
            if have == 4 {
                output.append(UInt8(truncatingIfNeeded: word >> 16))
                output.append(UInt8(truncatingIfNeeded: word >> 8))
                output.append(UInt8(truncatingIfNeeded: word))
                word = 0
                have = 0
            }
        }
        guard padding == 0 || (have >= 2 && have + padding == 4) else { return nil }
        switch have {
        case 0: break
        case 2: output.append(UInt8(truncatingIfNeeded: word >> 4))
        case 3:
            output.append(UInt8(truncatingIfNeeded: word >> 10))
            output.append(UInt8(truncatingIfNeeded: word >> 2))
        default: return nil
        }
        return output
    }

    /// As of the text's UTF-8 bytes: nil for anything that is not base64.
    public static func decode(_ text: String) -> [UInt8]? { decode(Array(text.utf8)) }
}

/// Lower-case hexadecimal.
public enum Hex {
    /// Two characters a byte, nothing between them.
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var output: [UInt8] = []
        for byte in bytes {
            output.append(digits[Int(byte >> 4)])
            output.append(digits[Int(byte & 15)])
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// nil for an odd length or a character that is not a hexadecimal digit.
    public static func decode(_ text: String) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count % 2 == 0 else { return nil }
        var output: [UInt8] = []
        output.reserveCapacity(characters.count / 2)
        for index in stride(from: 0, to: characters.count, by: 2) {
            guard let high = value(characters[index]), let low = value(characters[index + 1])
            else { return nil }
            output.append(high << 4 | low)
        }
        return output
    }

    private static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
