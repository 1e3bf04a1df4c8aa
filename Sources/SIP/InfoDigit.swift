/// Key presses in SIP INFO: `application/dtmf-relay` (`Signal=5`, `Duration=160`) or
/// `application/dtmf` (the digit alone). Neither is standardised; both are what gateways send.
enum InfoDigit {
    /// One press of ours.
    struct Press: Sendable, Equatable {
        var digit: Character
        var milliseconds: Int
        var isRelay = true

        var contentType: String { isRelay ? "application/dtmf-relay" : "application/dtmf" }
        var body: [UInt8] {
            Array((isRelay ? "Signal=\(digit)\r\nDuration=\(milliseconds)\r\n" : "\(digit)").utf8)
        }
        /// The same press for a peer that does not know the relay form.
        var plain: Press? {
            isRelay ? Press(digit: digit, milliseconds: milliseconds, isRelay: false) : nil
        }

        /// nil when there is no such key. The length is kept within what gateways play.
        init?(_ digit: Character, milliseconds: Int) {
            guard let byte = digit.asciiValue, let known = InfoDigit.digit([byte]) else {
                return nil
            }
            self.init(digit: known, milliseconds: min(max(milliseconds, 40), 5_000))
        }

        private init(digit: Character, milliseconds: Int, isRelay: Bool = true) {
            self.digit = digit
            self.milliseconds = milliseconds
            self.isRelay = isRelay
        }
    }

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
