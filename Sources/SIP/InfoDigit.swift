/// Reads the key press of a SIP INFO: `application/dtmf-relay` (`Signal=5`, `Duration=160`) or
/// `application/dtmf` (the digit alone). Neither is standardised; both are what gateways send.
enum InfoDigit {
    static func read(_ message: SIPMessage) -> Character? {
        switch message.contentType {
        case "application/dtmf-relay":
            for line in message.body.split(whereSeparator: { $0 == 13 || $0 == 10 }) {
                let halves = line.split(separator: UInt8(ascii: "="), maxSplits: 1)
                guard halves.count == 2,
                    String(ascii: trimSpaces(halves[0])).equalsIgnoringCase("Signal")
                else { continue }
                return digit(trimSpaces(halves[1]))
            }
            return nil
        case "application/dtmf":
            return digit(
                trimSpaces(message.body.prefix { $0 != 13 && $0 != 10 }))
        default: return nil
        }
    }

    static func isDigitMessage(_ message: SIPMessage) -> Bool {
        message.contentType == "application/dtmf-relay"
            || message.contentType == "application/dtmf"
    }

    private static func digit(_ text: ArraySlice<UInt8>) -> Character? {
        switch String(ascii: text) {
        case "10": return "*"
        case "11": return "#"
        default: break
        }
        guard text.count == 1, let byte = text.first else { return nil }
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "*"), UInt8(ascii: "#"),
            UInt8(ascii: "A")...UInt8(ascii: "D"):
            return Character(Unicode.Scalar(byte))
        case UInt8(ascii: "a")...UInt8(ascii: "d"): return Character(Unicode.Scalar(byte - 32))
        default: return nil
        }
    }
}
