internal import Base
internal import SIP

/// What a call's `to` names. The gate has to see every telephone number that could ring, so
/// anything that looks like one and cannot be read as one is refused, never dialled unasked.
struct CallTarget {
    /// A user part of dial characters with this many digits is a number to a trunk; shorter ones
    /// are extensions. E.164 numbers have at least seven.
    static let extensionDigits = 6

    /// nil: a SIP address that is no telephone number.
    let number: PhoneNumber?
    /// What signalling is given: a SIP URI, or a number for the trunk.
    let dial: String

    /// Numbers that summon help: an automatic dialler must never reach them (47 CFR 64.1200(a)(1)).
    static let emergencyNumbers: Set<String> = ["911", "112", "999", "000", "110", "119", "988"]

    /// A person's own test call to this machine: any user part is an address and none a telephone.
    static func localTest(_ text: String) -> CallTarget { CallTarget(number: nil, dial: text) }

    private init(number: PhoneNumber?, dial: String) {
        self.number = number
        self.dial = dial
    }

    init(_ text: String) throws(PlatformError) {
        guard let colon = text.firstIndex(of: ":") else {
            self = try Self(number: text)
            return
        }
        if text[..<colon].lowercased() == "tel" {
            let rest = text[text.index(after: colon)...]
            self = try Self(number: String(rest.prefix { $0 != ";" }))
            return
        }
        guard let uri = try? SIPURI(text) else {
            throw .invalid("to", "to is neither an E.164 number nor a SIP address")
        }
        dial = text
        // RFC 3261 19.1.6: user parameters of a telephone-subscriber follow a semicolon.
        let user = String((uri.user ?? "").prefix { $0 != ";" })
        number = try? PhoneNumber(user)
        guard !Self.isEmergency(user) else {
            throw .invalid("to", "to is an emergency number: those are never dialled")
        }
        guard number != nil || !Self.isDiallable(user) else {
            throw .invalid("to", "to looks like a telephone number: write it as +1…, in E.164")
        }
    }

    private init(number text: String) throws(PlatformError) {
        guard let number = try? PhoneNumber(text) else {
            throw .invalid("to", "to is neither an E.164 number nor a SIP address")
        }
        self.number = number
        dial = number.e164
    }

    /// Trunks leave out what is between the digits (RFC 3966 5.1.1): `9-1-1` and `+911` summon help, too.
    private static func isEmergency(_ user: String) -> Bool {
        dialled(user).map(emergencyNumbers.contains) ?? false
    }

    private static func isDiallable(_ user: String) -> Bool {
        dialled(user).map { $0.utf8.count > extensionDigits } ?? false
    }

    /// The digits of a user part of dial characters; nil for one that has others.
    private static func dialled(_ user: String) -> String? {
        var digits = ""
        for byte in user.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                digits.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "("),
                UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "#"), UInt8(ascii: " "),
                UInt8(ascii: ","):
                break
            default: return nil
            }
        }
        return digits
    }
}
