import Base
import Testing

@testable import SIP

private let mufasa = DigestCredentials(
    username: "Mufasa", password: Redacted("Circle Of Life"))

private func response(of value: String) -> String? {
    value.split(separator: "response=\"").last?.split(separator: "\"").first.map(String.init)
}

@Test func hashesOfTheTestsAreRight() {
    // RFC 1321 A.5, FIPS 180-2 B.1.
    #expect(Hex.encode(md5(Array("abc".utf8))) == "900150983cd24fb0d6963f7d28e17f72")
    #expect(Hex.encode(md5([])) == "d41d8cd98f00b204e9800998ecf8427e")
    #expect(
        Hex.encode(testHashes.sha256(Array("abc".utf8)))
            == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
}

/// RFC 2617 3.5.
@Test func answerOfRFC2617() throws {
    let challenge = try DigestChallenge.parse(
        "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", "
            + "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
            + "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""
    ).first.orThrow()
    let value = DigestAuthenticator.header(
        challenge: challenge, credentials: mufasa, method: SIPMethod("GET"),
        uri: "/dir/index.html", body: [], nonceCount: 1, cnonce: "0a4f113b", hashes: testHashes)
    #expect(response(of: value) == "6629fae49393a05397450978507c4ef1")
    #expect(value.contains("nc=00000001"))
    #expect(value.contains("qop=auth,"))
    #expect(value.contains("opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""))
}

/// RFC 7616 3.9.1, both algorithms.
@Test(arguments: [
    ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
    ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
])
func answerOfRFC7616(_ algorithm: String, _ expected: String) throws {
    let challenge = try DigestChallenge.parse(
        "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=\(algorithm), "
            + "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
            + "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
    ).first.orThrow()
    let value = DigestAuthenticator.header(
        challenge: challenge,
        credentials: DigestCredentials(
            username: "Mufasa", password: Redacted("Circle of Life")),
        method: SIPMethod("GET"), uri: "/dir/index.html", body: [], nonceCount: 1,
        cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", hashes: testHashes)
    #expect(response(of: value) == expected)
}

/// Session hashes and a challenge without qop, worked out with Python's hashlib from RFC 7616 3.4.
@Test(arguments: [
    ("algorithm=MD5-sess, qop=auth", "d0a24a48ca1ba67ae812ee449b617633"),
    (
        "algorithm=SHA-256-sess, qop=auth",
        "d268d65e5057cca033ada0440bcc821cd319b228a89885728b8bce0e9fc4e037"
    ),
    ("algorithm=MD5", "a82785fab2d091a09795d48b9c10756c"),
    ("qop=auth-int", "155ce604f5ace8cc1c2a5e3995466a8f"),
])
func answersOfOtherForms(_ form: String, _ expected: String) throws {
    let challenge = try DigestChallenge.parse(
        "Digest realm=\"r\", nonce=\"n\", " + form
    ).first.orThrow()
    let value = DigestAuthenticator.header(
        challenge: challenge,
        credentials: DigestCredentials(username: "u", password: Redacted("p")),
        method: .invite, uri: "sip:x", body: Array("body".utf8), nonceCount: 1, cnonce: "c",
        hashes: testHashes)
    #expect(response(of: value) == expected)
}

@Test func challengesAreReadInAllTheirForms() throws {
    let two = DigestChallenge.parse(
        "Digest realm=\"a, b\", nonce=\"n1\", algorithm=SHA-256, Digest realm=\"a, b\",nonce=n2,"
            + " stale=TRUE, algorithm=md5")
    #expect(two.map(\.realm) == ["a, b", "a, b"])
    #expect(two.map(\.nonce) == ["n1", "n2"])
    #expect(two.map(\.algorithm) == [.sha256, .md5])
    #expect(two.map(\.isStale) == [false, true])
    // Other schemes, unknown algorithms and qops, and incomplete challenges are no challenge.
    for line in [
        "Basic realm=\"x\"", "Digest realm=\"x\"", "Digest nonce=\"x\"", "", "Digest",
        "Digest realm=\"x\", nonce=\"y\", algorithm=SHA-512-256",
        "Digest realm=\"x\", nonce=\"y\", qop=\"token\"", "Digest realm=\"x, nonce=\"y",
        "NoOne realm=\"x\", nonce=\"y\"",
    ] {
        #expect(DigestChallenge.parse(line).isEmpty, "\(line)")
    }
}

private func challenged(_ lines: [(HeaderName, String)]) -> SIPMessage {
    var message = SIPMessage(.response(status: 401, reason: ""))
    for line in lines { message.headers.append(line.0, line.1) }
    return message
}

private func take(
    _ authenticator: inout DigestAuthenticator, _ response: SIPMessage, inDialog: Bool
) -> Bool {
    authenticator.accept(response, inDialog: inDialog)
}

private func answer(
    _ authenticator: inout DigestAuthenticator, _ name: HeaderName = .authorization
) -> [String] {
    var request = SIPMessage(.request(method: .invite, uri: "sip:x@y"))
    var entropy = SeededGenerator(seed: 1)
    authenticator.authorize(&request, entropy: &entropy)
    return request.headers.lines(name)
}

@Test func strongerHashIsPreferred() {
    var authenticator = DigestAuthenticator(credentials: mufasa, hashes: testHashes)
    let taken = take(
        &authenticator,
        challenged([
            (.wwwAuthenticate, "Digest realm=\"r\", nonce=\"m\", algorithm=MD5, qop=\"auth\""),
            (.wwwAuthenticate, "Digest realm=\"r\", nonce=\"s\", algorithm=SHA-256, qop=\"auth\""),
        ]), inDialog: false)
    #expect(taken)
    let lines = answer(&authenticator)
    #expect(lines.count == 1)
    #expect(lines.first?.contains("algorithm=SHA-256") == true)
    #expect(lines.first?.contains("nonce=\"s\"") == true)
}

@Test func nonceCountGrowsAndStartsAgainWithANewNonce() {
    var authenticator = DigestAuthenticator(credentials: mufasa, hashes: testHashes)
    let first = challenged([(.proxyAuthenticate, "Digest realm=\"r\", nonce=\"1\", qop=\"auth\"")])
    #expect(take(&authenticator, first, inDialog: false))
    #expect(answer(&authenticator, .proxyAuthorization).first?.contains("nc=00000001") == true)
    #expect(answer(&authenticator, .proxyAuthorization).first?.contains("nc=00000002") == true)
    let stale = challenged([
        (.proxyAuthenticate, "Digest realm=\"r\", nonce=\"2\", qop=\"auth\", stale=true")
    ])
    #expect(take(&authenticator, stale, inDialog: false))
    #expect(answer(&authenticator, .proxyAuthorization).first?.contains("nc=00000001") == true)
}

@Test func sameRealmAgainWithoutStaleIsAWrongPassword() {
    var authenticator = DigestAuthenticator(credentials: mufasa, hashes: testHashes)
    func challenge(_ nonce: String) -> SIPMessage {
        challenged([(.wwwAuthenticate, "Digest realm=\"r\", nonce=\"\(nonce)\"")])
    }
    #expect(take(&authenticator, challenge("1"), inDialog: false))
    #expect(!take(&authenticator, challenge("2"), inDialog: false))
}

@Test func endlessStaleChallengesAreGivenUp() {
    var authenticator = DigestAuthenticator(credentials: mufasa, hashes: testHashes)
    var answered = 0
    for n in 0..<10 {
        let message = challenged([
            (.wwwAuthenticate, "Digest realm=\"r\", nonce=\"\(n)\", stale=true")
        ])
        if take(&authenticator, message, inDialog: false) { answered += 1 }
    }
    #expect(answered == SIPLimits.authenticationTries)
}

@Test func proxyAndCalleeAreBothAnswered() {
    var authenticator = DigestAuthenticator(credentials: mufasa, hashes: testHashes)
    #expect(
        take(
            &authenticator,
            challenged([(.proxyAuthenticate, "Digest realm=\"p\", nonce=\"1\"")]), inDialog: false))
    #expect(
        take(
            &authenticator,
            challenged([(.wwwAuthenticate, "Digest realm=\"u\", nonce=\"2\"")]), inDialog: false))
    #expect(answer(&authenticator, .proxyAuthorization).count == 1)
    #expect(answer(&authenticator, .authorization).count == 1)
}

/// CVE-2021-41158: a callee asks for the trunk's proof inside the dialog.
@Test func foreignRealmInsideADialogIsNotAnswered() {
    var authenticator = DigestAuthenticator(credentials: mufasa, hashes: testHashes)
    #expect(
        take(
            &authenticator,
            challenged([(.wwwAuthenticate, "Digest realm=\"trunk\", nonce=\"1\"")]), inDialog: false
        ))
    #expect(
        !take(
            &authenticator,
            challenged([(.wwwAuthenticate, "Digest realm=\"evil\", nonce=\"2\"")]), inDialog: true))
    #expect(
        take(
            &authenticator,
            challenged([(.wwwAuthenticate, "Digest realm=\"trunk\", nonce=\"3\"")]), inDialog: true)
    )
}

@Test func withoutCredentialsNothingIsAnswered() {
    var authenticator = DigestAuthenticator(credentials: nil, hashes: testHashes)
    #expect(
        !take(
            &authenticator,
            challenged([(.wwwAuthenticate, "Digest realm=\"r\", nonce=\"1\"")]), inDialog: false))
}
