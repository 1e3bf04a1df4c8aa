/// The DTMF part of the event codes of RFC 4733 table 3.
public enum TelephoneEvent {
    /// Bytes of one event block (RFC 4733 2.3).
    public static let byteCount = 4

    /// The digit of an event code: 0–9 * # A–D for 0…15, nil for anything else.
    public static func digit(_ code: UInt8) -> Character? {
        switch code {
        case 0...9: Character(Unicode.Scalar(UInt8(ascii: "0") + code))
        case 10: "*"
        case 11: "#"
        case 12...15: Character(Unicode.Scalar(UInt8(ascii: "A") + code - 12))
        default: nil
        }
    }

    /// The event code of a digit (letters in either case), nil when it has none.
    public static func code(_ digit: Character) -> UInt8? {
        guard let ascii = digit.asciiValue else { return nil }
        switch ascii {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return ascii - UInt8(ascii: "0")
        case UInt8(ascii: "*"): return 10
        case UInt8(ascii: "#"): return 11
        case UInt8(ascii: "A")...UInt8(ascii: "D"): return ascii - UInt8(ascii: "A") + 12
        case UInt8(ascii: "a")...UInt8(ascii: "d"): return ascii - UInt8(ascii: "a") + 12
        default: return nil
        }
    }
}
