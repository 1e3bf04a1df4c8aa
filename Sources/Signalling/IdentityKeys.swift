internal import Base
internal import Crypto
internal import Glibc
internal import SIP

/// The cryptography of STIR: ES256 over what `Passport` wrote and `IdentityHeader` read.
struct IdentityKeys {
    private let signing: IdentityConfiguration.Signing?
    private let privateKey: P256.Signing.PrivateKey?
    private let certificates: [String: SignerCertificate]

    /// - Throws: `SignallingError.identity` for a key or certificate that cannot be read.
    init(_ configuration: IdentityConfiguration) throws(SignallingError) {
        signing = configuration.signing
        if let signing = configuration.signing {
            guard
                let key = try? P256.Signing.PrivateKey(
                    pemRepresentation: signing.privateKey.value)
            else { throw .identity(reason: "the private key is no PEM of a P-256 key") }
            privateKey = key
        } else {
            privateKey = nil
        }
        var certificates: [String: SignerCertificate] = [:]
        for (url, pem) in configuration.certificates {
            guard let certificate = SignerCertificate(pem: pem) else {
                throw .identity(reason: "the certificate of \(url) has no P-256 key")
            }
            certificates[url] = certificate
        }
        self.certificates = certificates
    }

    static var secondsSince1970: Int { time(nil) }

    /// The Identity value of a call; nil when calls are not signed or the numbers are none.
    func sign(
        from: String?, to: String?, now: Int, entropy: inout SeededGenerator
    ) -> String? {
        guard let signing, let privateKey, let from, let to else { return nil }
        let passport = Passport(
            attestation: signing.attestation, destinations: [to], origin: from, issuedAt: now,
            originID: Self.uuid(&entropy), certificateURL: signing.certificateURL)
        guard let signature = try? privateKey.signature(for: passport.signingInput) else {
            return nil
        }
        return passport.identity(signature: Array(signature.rawRepresentation))
    }

    /// Version 4 (RFC 9562 5.4).
    private static func uuid(_ entropy: inout SeededGenerator) -> String {
        var digits = Array(
            (padded(entropy.next()) + padded(entropy.next())).utf8)
        digits[12] = UInt8(ascii: "4")
        digits[16] = Array("89ab".utf8)[Int(entropy.next() % 4)]
        var text: [UInt8] = []
        for (place, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(place) { text.append(UInt8(ascii: "-")) }
            text.append(digit)
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func padded(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// What the Identity headers of an INVITE prove.
    func verdict(_ invite: IncomingInvite, isTrunk: Bool, now: Int) -> IdentityVerdict {
        IdentityHeader.verdict(
            invite.headers.lines(.identity),
            from: invite.headers.callerDigits(trustsAssertion: isTrunk),
            to: invite.headers.calledDigits, now: now
        ) { header throws(IdentityFailure) in
            guard let certificate = certificates[header.passport.certificateURL] else {
                throw .unknownCertificate
            }
            guard certificate.notBefore <= Int64(now), Int64(now) <= certificate.notAfter else {
                throw .badCertificate
            }
            guard
                let signature = try? P256.Signing.ECDSASignature(
                    rawRepresentation: header.signature),
                certificate.key.isValidSignature(signature, for: header.signingInput)
            else { throw .badSignature }
        }
    }
}
