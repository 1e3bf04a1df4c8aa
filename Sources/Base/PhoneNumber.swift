/// A telephone number in E.164 form: `+`, then 7 to 15 digits, the first not 0 (ITU-T E.164 6.2).
///
/// `description` shows only the last two digits; ask for `e164` where the number itself must go
/// (a Request-URI, the database).
public struct PhoneNumber: Hashable, Comparable, Sendable, CustomStringConvertible,
    CustomDebugStringConvertible, CustomReflectable
{
    /// With the plus sign: `+12125551234`.
    public let e164: String

    /// Why a text is no number; holds no digit of it. `offset` counts its UTF-8 bytes from 0.
    /// `digits` is how many there were: too few or too many, or the first of them is 0. `notNANP`
    /// is a +1 number whose area code or exchange begins with 0 or 1.
    public enum ParseError: Error, Equatable, Sendable {
        case empty
        case invalidCharacter(offset: Int)
        case wrongLength(digits: Int)
        case notNANP
    }

    /// Accepts E.164, and North American 10- or 11-digit forms with the usual punctuation
    /// (`(212) 555-1234`, `1-212-555-1234`), which become `+1…`.
    public init(_ text: String) throws(ParseError) {
        var digits: [UInt8] = []
        var international = false
        var offset = 0
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digits.append(byte)
            case UInt8(ascii: "+"):
                guard digits.isEmpty, !international else {
                    throw .invalidCharacter(offset: offset)
                }
                international = true
            case UInt8(ascii: " "), UInt8(ascii: "-"), UInt8(ascii: "("), UInt8(ascii: ")"),
                UInt8(ascii: "."):
                break
            default: throw .invalidCharacter(offset: offset)
            }
            offset += 1
        }
        guard !digits.isEmpty else { throw .empty }
        if !international {
            if digits.count == 10 {
                digits.insert(UInt8(ascii: "1"), at: 0)
            } else if digits.count != 11 || digits[0] != UInt8(ascii: "1") {
                throw .wrongLength(digits: digits.count)
            }
        }
        guard (7...15).contains(digits.count), digits[0] != UInt8(ascii: "0") else {
            throw .wrongLength(digits: digits.count)
        }
        if digits[0] == UInt8(ascii: "1") {
            guard digits.count == 11 else { throw .wrongLength(digits: digits.count) }
            // NANP: NXX-NXX-XXXX, N = 2…9.
            guard digits[1] >= UInt8(ascii: "2"), digits[4] >= UInt8(ascii: "2") else {
                throw .notNANP
            }
        }
        e164 = "+" + String(decoding: digits, as: UTF8.self)
    }

    /// True for country code 1.
    public var isNANP: Bool { e164.utf8.dropFirst().first == UInt8(ascii: "1") }

    /// The area code, for a number of the North American plan.
    public var npa: String? { isNANP ? String(e164.dropFirst(2).prefix(3)) : nil }

    /// By the characters of `e164`: an order for sorted output, not by value.
    public static func < (a: PhoneNumber, b: PhoneNumber) -> Bool { a.e164 < b.e164 }

    /// The last two digits after an ellipsis: `…34`.
    public var description: String { "…" + e164.suffix(2) }
    /// As `description`.
    public var debugDescription: String { description }
    /// Nothing for `dump` to show.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
