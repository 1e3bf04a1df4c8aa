/// A WWW-Authenticate or Proxy-Authenticate challenge of scheme Digest (RFC 7616 3.3, RFC 8760).
public struct DigestChallenge: Sendable, Equatable {
    /// The hashes we speak, by their names on the wire, read without regard to case.
    public enum Algorithm: String, Sendable, CaseIterable {
        case md5 = "MD5"
        case md5Session = "MD5-sess"
        case sha256 = "SHA-256"
        case sha256Session = "SHA-256-sess"

        var isSession: Bool { self == .md5Session || self == .sha256Session }
        var isSHA256: Bool { self == .sha256 || self == .sha256Session }
    }

    /// What the proof covers: method and URI, or the body as well (RFC 7616 3.4.3).
    public enum QualityOfProtection: String, Sendable { case auth, authInt = "auth-int" }

    /// Which of the user's passwords is meant; without its quotes, may be empty.
    public var realm: String
    /// To be answered with; without its quotes, never empty.
    public var nonce: String
    /// To be sent back as it is; nil: the challenge has none.
    public var opaque: String?
    /// MD5 when the challenge names none.
    public var algorithm: Algorithm
    /// nil: the server speaks RFC 2069 and wants no nonce count.
    public var qop: QualityOfProtection?
    /// The credentials were right and the nonce too old.
    public var isStale: Bool

    /// The challenges of one header line, in order. Those of another scheme, with an algorithm or
    /// a qop that we do not speak, or without realm or nonce are left out.
    public static func parse(_ line: String) -> [DigestChallenge] {
        var challenges: [DigestChallenge] = []
        var current: [String: String]?
        func close() {
            if let current, let challenge = DigestChallenge(current) {
                challenges.append(challenge)
            }
        }
        for part in splitList(line) where !part.isEmpty {
            var scanner = TextScanner(part)
            guard let word = scanner.token() else { continue }
            scanner.skipSpace()
            if scanner.peek != UInt8(ascii: "=") {
                // `Digest realm="…"`: a scheme begins a new challenge.
                close()
                current = word.equalsIgnoringCase("Digest") ? [:] : nil
                add(scanner.rest(), to: &current)
            } else {
                add(Array(part.utf8)[...], to: &current)
            }
        }
        close()
        return challenges
    }

    static func add(_ text: ArraySlice<UInt8>, to fields: inout [String: String]?) {
        guard fields != nil else { return }
        var scanner = TextScanner(String(ascii: text))
        guard let name = scanner.token() else { return }
        scanner.skipSpace()
        guard scanner.take("=") else { return }
        scanner.skipSpace()
        let value =
            scanner.peek == UInt8(ascii: "\"")
            ? scanner.quotedString() : String(ascii: trimSpaces(scanner.rest()))
        // The first of a repeated parameter counts.
        let key = name.asciiLowercased
        if let value, fields?[key] == nil { fields?[key] = value }
    }

    private init?(_ fields: [String: String]) {
        guard let realm = fields["realm"], let nonce = fields["nonce"], !nonce.isEmpty,
            realm.isOneLine, nonce.isOneLine
        else { return nil }
        self.realm = realm
        self.nonce = nonce
        opaque = fields["opaque"]
        isStale = fields["stale"]?.equalsIgnoringCase("true") ?? false
        if let name = fields["algorithm"] {
            guard
                let known = Algorithm.allCases.first(where: {
                    $0.rawValue.equalsIgnoringCase(name)
                })
            else { return nil }
            algorithm = known
        } else {
            algorithm = .md5
        }
        qop = nil
        if let options = fields["qop"] {
            let names = splitList(options).map(\.asciiLowercased)
            if names.contains("auth") {
                qop = .auth
            } else if names.contains("auth-int") {
                qop = .authInt
            } else {
                return nil
            }
        }
    }
}
