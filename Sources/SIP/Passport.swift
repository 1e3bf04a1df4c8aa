internal import Base

//   Identity: HEADER.CLAIMS.SIGNATURE;info=<x5u>;alg=ES256;ppt="shaken"
//                │      │       └─ 64 bytes r‖s, over "HEADER.CLAIMS"
//                │      └─ attest, dest.tn, iat, orig.tn, origid
//                └─ alg, ppt, typ, x5u
//
// RFC 8224 (header), RFC 8225 (token), RFC 8588 (the shaken extension). No cryptography here: the
// signature is made and checked by closures of the edge.

/// How sure the signing provider is of the caller's right to the number (RFC 8588 4).
public enum Attestation: String, Sendable, CaseIterable {
    /// The provider knows the customer and its right to the number.
    case full = "A"
    /// It knows the customer.
    case partial = "B"
    /// It only let the call in.
    case gateway = "C"
}

/// What a call's Identity header came to.
public enum IdentityVerdict: Sendable, Equatable {
    /// There was none.
    case absent
    case verified(Attestation)
    case failed(IdentityFailure)

    /// For the call record: `absent`, `verified_A`, `failed_stale`.
    public var label: String {
        switch self {
        case .absent: "absent"
        case .verified(let attestation): "verified_" + attestation.rawValue
        case .failed(let failure): "failed_" + failure.rawValue
        }
    }
}

/// Why an Identity header proves nothing. SHAKEN wants the call delivered all the same.
public enum IdentityFailure: String, Error, Sendable, CaseIterable {
    /// Cannot be read, lacks a claim, or says two things at once.
    case malformed
    /// Another algorithm, extension or the compact form.
    case unsupported
    /// Made longer ago than `IdentityHeader.freshness`, or in the future.
    case stale
    /// Signed for other numbers than the call's.
    case wrongNumbers = "wrong_numbers"
    /// Its certificate is not at hand.
    case unknownCertificate = "unknown_certificate"
    /// The certificate is not valid now, or not one for this.
    case badCertificate = "bad_certificate"
    case badSignature = "bad_signature"

    /// The response code that RFC 8224 6.2.2 names, for who wants to refuse.
    public var status: Int {
        switch self {
        case .stale: 403
        case .unknownCertificate: 436
        case .unsupported, .badCertificate: 437
        case .malformed, .wrongNumbers, .badSignature: 438
        }
    }
}

/// The claims of a PASSporT of type shaken.
public struct Passport: Sendable, Equatable {
    /// Claim `attest`.
    public var attestation: Attestation
    /// Digits of the called numbers, without `+`.
    public var destinations: [String]
    /// Digits of the calling number.
    public var origin: String
    /// Seconds since 1970.
    public var issuedAt: Int
    /// A UUID of the signer, to trace the call by.
    public var originID: String
    /// Where the signer's certificate is.
    public var certificateURL: String

    /// Nothing is checked here: numbers are to be digits, `destinations` not empty.
    public init(
        attestation: Attestation, destinations: [String], origin: String, issuedAt: Int,
        originID: String, certificateURL: String
    ) {
        self.attestation = attestation
        self.destinations = destinations
        self.origin = origin
        self.issuedAt = issuedAt
        self.originID = originID
        self.certificateURL = certificateURL
    }

    /// What is signed: header and claims as base64url of JSON with sorted keys and no spaces
    /// (RFC 8225 9).
    public var signingInput: [UInt8] {
        let header = PassportJSON.object([
            ("alg", .text("ES256")), ("ppt", .text("shaken")), ("typ", .text("passport")),
            ("x5u", .text(certificateURL)),
        ])
        let claims = PassportJSON.object([
            ("attest", .text(attestation.rawValue)),
            ("dest", .object([("tn", .list(destinations.map { .text($0) }))])),
            ("iat", .number(issuedAt)), ("orig", .object([("tn", .text(origin))])),
            ("origid", .text(originID)),
        ])
        return Base64URL.encode(header.serialised) + [UInt8(ascii: ".")]
            + Base64URL.encode(claims.serialised)
    }

    /// An Identity value with the full form of the token.
    public func identity(signature: [UInt8]) -> String {
        String(ascii: signingInput) + "." + String(ascii: Base64URL.encode(signature)) + ";info=<"
            + certificateURL + ">;alg=ES256;ppt=\"shaken\""
    }
}

/// An Identity value that was read, not believed.
public struct IdentityHeader: Sendable, Equatable {
    /// RFC 8224 4.1 recommends one minute.
    public static let freshness = 60

    /// Its claims, of which nothing has been proved.
    public var passport: Passport
    /// The octets that were signed: header, dot and claims of the token as it came.
    public var signingInput: [UInt8]
    /// r‖s, 64 bytes.
    public var signature: [UInt8]

    /// Reads the full form of the token.
    ///
    /// - Throws: `.malformed` when it cannot be read, lacks a claim or has parameters that
    ///   contradict it; `.unsupported` for the compact form and another `alg`, `ppt` or `typ`.
    public init(_ text: String) throws(IdentityFailure) {
        guard text.utf8.count <= SIPLimits.headerBytes else { throw .malformed }
        var scanner = TextScanner(text)
        scanner.skipSpace()
        let token = scanner.take { $0 != UInt8(ascii: ";") && !SIPCharacter.isSpace($0) }
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .malformed }
        // `..signature` (RFC 8225 7) needs claims that only the signer's profile knows.
        guard !parts[0].isEmpty, !parts[1].isEmpty else { throw .unsupported }
        let fields = try Self.parameters(&scanner)
        if let algorithm = fields["alg"], algorithm != "ES256" { throw .unsupported }
        if let ppt = fields["ppt"], ppt != "shaken" { throw .unsupported }
        guard let header = Base64URL.decode(parts[0]).flatMap({ PassportJSON($0) }),
            let claims = Base64URL.decode(parts[1]).flatMap({ PassportJSON($0) }),
            let signature = Base64URL.decode(parts[2]), signature.count == 64
        else { throw .malformed }
        guard header["alg"]?.text == "ES256", header["ppt"]?.text == "shaken",
            header["typ"]?.text == "passport"
        else { throw .unsupported }
        guard let url = header["x5u"]?.text, fields["info"].map({ $0 == url }) ?? true,
            let attestation = claims["attest"]?.text.flatMap({ Attestation(rawValue: $0) }),
            let origin = claims["orig"]?["tn"]?.text, let issuedAt = claims["iat"]?.number,
            let destinations = claims["dest"]?["tn"]?.list, !destinations.isEmpty,
            let originID = claims["origid"]?.text
        else { throw .malformed }
        passport = Passport(
            attestation: attestation, destinations: destinations.compactMap(\.text), origin: origin,
            issuedAt: issuedAt, originID: originID, certificateURL: url)
        signingInput = Array(token.prefix(parts[0].count + 1 + parts[1].count))
        self.signature = signature
    }

    /// `;info=<url>;alg=ES256;ppt="shaken"`; info stands in brackets, which no other value does.
    private static func parameters(
        _ scanner: inout TextScanner
    ) throws(IdentityFailure) -> [String: String] {
        var fields: [String: String] = [:]
        while true {
            scanner.skipSpace()
            if scanner.isAtEnd { return fields }
            guard scanner.take(";"), fields.count < SIPLimits.parameterCount else {
                throw .malformed
            }
            scanner.skipSpace()
            guard let name = scanner.token()?.asciiLowercased else { throw .malformed }
            scanner.skipSpace()
            var value = ""
            if scanner.take("=") {
                scanner.skipSpace()
                if scanner.take("<") {
                    value = String(ascii: scanner.take { $0 != UInt8(ascii: ">") })
                    guard scanner.take(">") else { throw .malformed }
                } else if scanner.peek == UInt8(ascii: "\"") {
                    guard let text = scanner.quotedString() else { throw .malformed }
                    value = text
                } else {
                    value = scanner.token() ?? ""
                }
            }
            guard fields.updateValue(value, forKey: name) == nil else { throw .malformed }
        }
    }

    /// What a call's Identity headers prove.
    ///
    /// - Parameters:
    ///   - from: the calling number's digits, from P-Asserted-Identity or From.
    ///   - to: the called number's digits, from To.
    ///   - now: seconds since 1970.
    ///   - verify: checks `signature` over `signingInput` with the certificate of the passport's URL.
    public static func verdict(
        _ lines: [String], from: String?, to: String?, now: Int,
        verify: (IdentityHeader) throws(IdentityFailure) -> Void
    ) -> IdentityVerdict {
        var first: IdentityFailure?
        for line in lines.prefix(SIPLimits.identityHeaders) {
            do throws(IdentityFailure) {
                let header = try IdentityHeader(line)
                try header.fits(from: from, to: to, now: now)
                try verify(header)
                return .verified(header.passport.attestation)
            } catch {
                // One header of another kind (div, rcd) must not hide what the shaken one says.
                if first == nil || first == .unsupported { first = error }
            }
        }
        return first.map { .failed($0) } ?? .absent
    }

    private func fits(from: String?, to: String?, now: Int) throws(IdentityFailure) {
        let (age, overflow) = now.subtractingReportingOverflow(passport.issuedAt)
        guard !overflow, age <= Self.freshness, age >= -Self.freshness else { throw .stale }
        guard let from, let to, from == passport.origin, passport.destinations.contains(to) else {
            throw .wrongNumbers
        }
    }
}

extension SIPURI {
    /// The digits of a telephone number in the user part (RFC 8224 8.3): without `+`, separators and
    /// parameters. nil when it is no number.
    public var telephoneDigits: String? {
        guard let user else { return nil }
        return Self.digits(user)
    }

    static func digits(_ text: String) -> String? {
        let number = text.utf8.prefix { $0 != UInt8(ascii: ";") }
        var digits: [UInt8] = []
        for (place, byte) in number.enumerated() {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digits.append(byte)
            case UInt8(ascii: "+") where place == 0: break
            case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "("), UInt8(ascii: ")"): break
            default: return nil
            }
        }
        return (3...15).contains(digits.count) ? String(ascii: digits) : nil
    }
}

extension AnyURI {
    /// The digits of a sip: or tel: URI.
    public var telephoneDigits: String? {
        switch self {
        case .sip(let uri): return uri.telephoneDigits
        case .other(let text):
            guard text.utf8.count > 4, text.prefix(4).lowercased() == "tel:" else { return nil }
            return SIPURI.digits(String(text.dropFirst(4)))
        }
    }
}
