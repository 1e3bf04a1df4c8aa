internal import Base

/// `a=crypto` of security descriptions (RFC 4568 9.1). Never prints its key.
public struct CryptoAttribute: Equatable, Sendable, CustomStringConvertible,
    CustomDebugStringConvertible, CustomReflectable
{
    /// The suite that every peer has (RFC 4568 6.2.1), and the bytes of its key.
    public static let defaultSuite = CryptoSuite.aesCM128HMACSHA1_80.name
    /// 30: a master key of 16 octets and a salt of 14.
    public static let keyCount = CryptoSuite.aesCM128HMACSHA1_80.keyCount

    /// 0…999999999 as read; an answer repeats that of the line it takes (RFC 4568 4.1).
    public var tag: Int
    /// As written; `CryptoSuite(name:)` finds the ones we know.
    public var suite: String
    /// Master key ‖ master salt, decoded.
    public var key: [UInt8]
    /// Packets the key may protect; nil when not stated.
    public var lifetime: UInt64?
    /// Master key identifier and its length in bytes; nil when not used.
    public var mki: MasterKeyIdentifier?
    /// Further keys of the line, which its sender may change to with any packet; empty without
    /// identifiers.
    public var furtherKeys: [KeyParameter] = []
    /// As written, for example `WSH=64`.
    public var sessionParameters: [String]

    /// `1:4` of a key: a number and the octets it takes in each packet (RFC 4568 6.1).
    public struct MasterKeyIdentifier: Equatable, Sendable {
        /// Goes out big-endian.
        public var value: UInt64
        /// 1…128 as read.
        public var byteCount: Int
        /// Nothing is checked here: a line whose number needs more octets is not used.
        public init(value: UInt64, byteCount: Int) {
            self.value = value
            self.byteCount = byteCount
        }

        /// As it stands in packets: big-endian. nil when the value needs more bytes than stated.
        var bytes: [UInt8]? {
            guard byteCount >= 0, byteCount >= 8 || value >> (8 * UInt64(max(0, byteCount))) == 0
            else {
                return nil
            }
            return (0..<byteCount).reversed().map { place in
                place < 8 ? UInt8(truncatingIfNeeded: value >> (8 * UInt64(place))) : 0
            }
        }
    }

    /// One `inline:` of a line (RFC 4568 6.1).
    public struct KeyParameter: Equatable, Sendable, CustomStringConvertible,
        CustomDebugStringConvertible, CustomReflectable
    {
        /// Master key ‖ master salt, decoded.
        public var key: [UInt8]
        /// Packets the key may protect; nil when not stated. A line with less than 2^20 is not
        /// used.
        public var lifetime: UInt64?
        /// nil: its packets carry none.
        public var mki: MasterKeyIdentifier?

        /// Nothing is checked here: a line with a key of the wrong length is not used.
        public init(key: [UInt8], lifetime: UInt64? = nil, mki: MasterKeyIdentifier? = nil) {
            self.key = key
            self.lifetime = lifetime
            self.mki = mki
        }

        /// Nothing of the key.
        public var description: String { "inline:<redacted>" }
        /// As `description`.
        public var debugDescription: String { description }
        /// No children: dumps and mirrors do not reach the key.
        public var customMirror: Mirror { Mirror(self, children: []) }
    }

    /// Keys of one line; one with more is not read, because its sender may change to any of them.
    public static let keyLimit = 8

    /// A line with one key. Nothing is checked here.
    public init(
        tag: Int, suite: String = Self.defaultSuite, key: [UInt8], lifetime: UInt64? = nil,
        mki: MasterKeyIdentifier? = nil, sessionParameters: [String] = []
    ) {
        self.tag = tag
        self.suite = suite
        self.key = key
        self.lifetime = lifetime
        self.mki = mki
        self.sessionParameters = sessionParameters
    }

    /// Tag and suite, nothing of the keys.
    public var description: String { "crypto:\(tag) \(suite) <redacted>" }
    /// As `description`.
    public var debugDescription: String { description }
    /// No children: dumps and mirrors do not reach the keys.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Reads the attribute's value, `1 AES_CM_128_HMAC_SHA1_80 inline:…|2^20|1:4;inline:… WSH=64`; nil
    /// when it is not of that form.
    init?(parsing value: String) {
        let fields = value.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
        guard fields.count >= 3, let tag = Int(fields[0]), (0...999_999_999).contains(tag) else {
            return nil
        }
        var keys: [KeyParameter] = []
        for text in fields[2].split(separator: ";", omittingEmptySubsequences: true) {
            guard keys.count < Self.keyLimit, let key = KeyParameter(parsing: text) else {
                return nil
            }
            keys.append(key)
        }
        guard let first = keys.first else { return nil }
        self.init(
            tag: tag, suite: fields[1], key: first.key, lifetime: first.lifetime, mki: first.mki,
            sessionParameters: Array(fields[3...]))
        furtherKeys = Array(keys.dropFirst())
    }

    /// The attribute's value on the wire.
    var serialised: String {
        var text = "\(tag) \(suite) " + keys.map(\.serialised).joined(separator: ";")
        for parameter in sessionParameters { text += " \(parameter)" }
        return text
    }

    /// All keys, the first at the head.
    private var keys: [KeyParameter] {
        [KeyParameter(key: key, lifetime: lifetime, mki: mki)] + furtherKeys
    }

    /// The further keys with their identifiers as they stand in packets.
    var furtherNamedKeys: [NegotiatedSRTP.NamedKey] {
        furtherKeys.map { NegotiatedSRTP.NamedKey(key: $0.key, mki: $0.mki?.bytes ?? []) }
    }

    /// The suite of a line that we can run as it stands: one of `suites`, keys that can be told apart,
    /// and no session parameter that changes the protection: KDR, UNENCRYPTED_SRTP and the like, and
    /// unknown ones unless they start with "-", make the line unusable (RFC 4568 6.3). Nil when the
    /// line is to be passed over.
    func usableSuite(among suites: [CryptoSuite]) -> CryptoSuite? {
        guard let known = CryptoSuite(name: suite), suites.contains(known), hasUsableKeys(known),
            sessionParameters.allSatisfy({ parameter in
                parameter.hasPrefix("-") || parameter.uppercased().hasPrefix("WSH=")
            })
        else { return nil }
        return known
    }

    /// RFC 4568 6.1: each key whole, with a lifetime that a call does not exhaust and an identifier that
    /// fits its bytes. Several must differ, and have identifiers, which must be of one length: a packet
    /// does not say how long its own is.
    private func hasUsableKeys(_ suite: CryptoSuite) -> Bool {
        let keys = keys
        guard
            keys.allSatisfy({ key in
                key.key.count == suite.keyCount && key.mki.map { $0.bytes != nil } ?? true
                    && key.lifetime.map { $0 >= 1 << 20 } ?? true
            })
        else { return false }
        return keys.count == 1
            || Set(keys.map(\.key)).count == keys.count
                && Set(keys.compactMap(\.mki?.value)).count == keys.count
                && Set(keys.map(\.mki?.byteCount)).count == 1
    }
}

extension CryptoAttribute.KeyParameter {
    /// Reads `inline:…|2^20|1:4`; nil when it is not of that form.
    init?(parsing text: Substring) {
        guard text.lowercased().hasPrefix("inline:") else { return nil }
        let parts = text.dropFirst(7).split(separator: "|", omittingEmptySubsequences: false)
        guard let text = parts.first, let key = Base64.decode(String(text)) else { return nil }
        self.init(key: key)
        for part in parts.dropFirst() {
            if let colon = part.firstIndex(of: ":") {
                guard let number = UInt64(part[..<colon]),
                    let length = Int(part[part.index(after: colon)...]), (1...128).contains(length)
                else { return nil }
                mki = CryptoAttribute.MasterKeyIdentifier(value: number, byteCount: length)
            } else if part.hasPrefix("2^") {
                guard let power = Int(part.dropFirst(2)), (0...63).contains(power) else {
                    return nil
                }
                lifetime = 1 << UInt64(power)
            } else {
                guard let number = UInt64(part) else { return nil }
                lifetime = number
            }
        }
    }

    fileprivate var serialised: String {
        var text = "inline:\(Base64.encode(key))"
        if let lifetime {
            let power = lifetime.trailingZeroBitCount
            text += lifetime.nonzeroBitCount == 1 ? "|2^\(power)" : "|\(lifetime)"
        }
        if let mki { text += "|\(mki.value):\(mki.byteCount)" }
        return text
    }
}
