import Base
import Testing

@testable import SIP

// RFC 8224, 8225, 8588.

private func sample(issuedAt: Int = 1_700_000_000) -> Passport {
    Passport(
        attestation: .full, destinations: ["12125550100"], origin: "12125550199",
        issuedAt: issuedAt, originID: "123e4567-e89b-12d3-a456-426655440000",
        certificateURL: "https://cert.example.org/passport.cer")
}

private let signature = [UInt8](repeating: 0xFE, count: 64)

private func json(_ text: some Collection<UInt8>) -> String {
    String(decoding: Base64URL.decode(text) ?? [], as: UTF8.self)
}

@Test func tokenHasSortedKeysAndNoSpaces() throws {
    let parts = sample().signingInput.split(separator: UInt8(ascii: "."))
    #expect(parts.count == 2)
    #expect(
        json(parts[0])
            == #"{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cert.example.org/passport.cer"}"#
    )
    #expect(
        json(parts[1])
            == #"{"attest":"A","dest":{"tn":["12125550100"]},"iat":1700000000,"orig":{"tn":"12125550199"},"origid":"123e4567-e89b-12d3-a456-426655440000"}"#
    )
}

/// RFC 8225 appendix A gives this header and its base64url.
@Test func encodingIsThatOfRFC8225() {
    let header = PassportJSON.object([
        ("alg", .text("ES256")), ("typ", .text("passport")),
        ("x5u", .text("https://cert.example.org/passport.cer")),
    ])
    #expect(
        String(decoding: Base64URL.encode(header.serialised), as: UTF8.self)
            == "eyJhbGciOiJFUzI1NiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly9jZXJ0LmV4YW1wbGUub3JnL3Bhc3Nwb3J0LmNlciJ9"
    )
}

@Test func identityIsReadAsItWasWritten() throws {
    let text = sample().identity(signature: signature)
    #expect(
        text.hasSuffix(";info=<https://cert.example.org/passport.cer>;alg=ES256;ppt=\"shaken\""))
    let header = try IdentityHeader(text)
    #expect(header.passport == sample())
    #expect(header.signature == signature)
    #expect(header.signingInput == sample().signingInput)
}

private func verdict(
    _ lines: [String], from: String? = "12125550199", to: String? = "12125550100",
    now: Int = 1_700_000_030, signed: IdentityFailure? = nil
) -> IdentityVerdict {
    IdentityHeader.verdict(lines, from: from, to: to, now: now) { _ throws(IdentityFailure) in
        if let signed { throw signed }
    }
}

@Test func goodIdentityIsVerifiedWithItsAttestation() {
    let text = sample().identity(signature: signature)
    #expect(verdict([text]) == .verified(.full))
    #expect(verdict([]) == .absent)
    #expect(verdict([text]).label == "verified_A")
}

@Test func freshnessIsAMinuteEitherWay() {
    let text = sample().identity(signature: signature)
    #expect(verdict([text], now: 1_700_000_060) == .verified(.full))
    #expect(verdict([text], now: 1_700_000_061) == .failed(.stale))
    #expect(verdict([text], now: 1_699_999_939) == .failed(.stale))
    let absurd = sample(issuedAt: .min).identity(signature: signature)
    #expect(verdict([absurd]) == .failed(.stale))
}

@Test func otherNumbersThanTheCallsProveNothing() {
    let text = sample().identity(signature: signature)
    #expect(verdict([text], from: "12125550198") == .failed(.wrongNumbers))
    #expect(verdict([text], to: "12125550101") == .failed(.wrongNumbers))
    #expect(verdict([text], from: nil) == .failed(.wrongNumbers))
}

@Test func signaturesAreTheEdgesAffair() {
    let text = sample().identity(signature: signature)
    for failure in [
        IdentityFailure.badSignature, .unknownCertificate, .badCertificate,
    ] {
        #expect(verdict([text], signed: failure) == .failed(failure))
    }
}

@Test func headerOfAnotherKindDoesNotHideTheShakenOne() {
    let text = sample().identity(signature: signature)
    let div = text.replacing("ppt=\"shaken\"", with: "ppt=\"div\"")
    #expect(verdict([div, text]) == .verified(.full))
    #expect(verdict([div]) == .failed(.unsupported))
}

@Test(arguments: [
    // CVE-style: no parameters at all, empty parts, too few parts.
    "", ".", "..", "a.b", "a.b.c", ";", "....", "..c2ln;info=<x>;alg=ES256;ppt=shaken",
])
func brokenIdentityIsAFailureNeverATrap(text: String) {
    guard case .failed = verdict([text]) else {
        Issue.record("\(text) was taken")
        return
    }
}

@Test func everyTruncationAndEveryChangedByteFailsOrVerifiesTheSame() {
    let bytes = Array(sample().identity(signature: signature).utf8)
    for length in 0..<bytes.count {
        let cut = String(decoding: bytes.prefix(length), as: UTF8.self)
        // Cut in its parameters the token itself is whole.
        if case .verified = verdict([cut]) { #expect(length > bytes.count - 75, "\(length)") }
    }
    for place in bytes.indices {
        for change in [UInt8(0x20), 0x00, 0x2E, 0x7B, 0xFF] {
            var changed = bytes
            changed[place] = change
            _ = verdict([String(decoding: changed, as: UTF8.self)])
        }
    }
}

@Test func jsonBeyondTheLimitsIsRefused() {
    let deep = Array((String(repeating: "[", count: 50) + String(repeating: "]", count: 50)).utf8)
    #expect(PassportJSON(deep) == nil)
    let long = Array(("[" + Array(repeating: "1", count: 100).joined(separator: ",") + "]").utf8)
    #expect(PassportJSON(long) == nil)
    #expect(PassportJSON(Array(#"{"a":1,"a":2}"#.utf8)) == nil)
    #expect(PassportJSON(Array(#"{"a":1} x"#.utf8)) == nil)
    #expect(PassportJSON(Array(#"{"a":1.5}"#.utf8)) == nil)
    #expect(PassportJSON(Array(#"{"a":99999999999999999999}"#.utf8)) == nil)
    #expect(
        PassportJSON(Array(#" { "a" : [ "x\/y" , true , -3 ] } "#.utf8))?["a"]?.list?.count == 3)
}

@Test(arguments: [
    ("+1 (212) 555-0100", "12125550100" as String?), ("+12125550100;ext=5", "12125550100"),
    ("12125550100", "12125550100"), ("alice", nil), ("12", nil), ("+", nil),
    ("1+2125550100", nil), ("1234567890123456", nil),
])
func numbersAreCanonicalised(user: String, digits: String?) {
    #expect(SIPURI(user: user.replacing(" ", with: ""), host: "h").telephoneDigits == digits)
}

// MARK: who is calling

@Test func trunksAreToldTheCallerInTheirWay() {
    let plain = CallerIdentity()
    #expect(
        plain.from("+12125550199", domain: "sip.example").serialised
            == "<sip:+12125550199@sip.example>")
    #expect(plain.headers("+12125550199", domain: "sip.example").isEmpty)
    let asserted = CallerIdentity(assertion: .asserted, form: .digits)
    #expect(asserted.from("+12125550199", domain: "d").serialised == "<sip:12125550199@d>")
    #expect(asserted.headers("+12125550199", domain: "d").map(\.value) == ["<sip:12125550199@d>"])
    let secret = CallerIdentity(assertion: .preferred, form: .national, isPrivate: true)
    #expect(
        secret.from("+12125550199", domain: "d").serialised
            == "\"Anonymous\" <sip:anonymous@anonymous.invalid>")
    #expect(
        secret.headers("+12125550199", domain: "d").map { $0.name + ": " + $0.value } == [
            "P-Preferred-Identity: <sip:2125550199@d>", "Privacy: id",
        ])
    // Numbers of other countries keep their form, and what is no number too.
    #expect(secret.user("+442079460000") == "+442079460000")
    #expect(secret.user("reception") == "reception")
    // Without an assertion nobody would know whom to bill.
    #expect(!CallerIdentity(isPrivate: true).isPrivate)
}

@Test func assertedIdentityCountsFromTrustedPeersOnly() {
    var headers = SIPHeaders()
    headers.append(.from, "<sip:+12125550101@x>;tag=1")
    headers.append(.assertedIdentity, "\"A\" <tel:+12125550102>, <sip:+12125550103@x>")
    headers.append(.to, "<sip:+12125550104@y;user=phone>")
    #expect(headers.callerDigits(trustsAssertion: true) == "12125550102")
    #expect(headers.callerDigits(trustsAssertion: false) == "12125550101")
    #expect(headers.calledDigits == "12125550104")
}
