import Base
import SIP
import Testing

// Digest authentication of callers (RFC 3261 22, RFC 7616, RFC 8760).

private func gated(ranges: [AddressRange] = []) -> Bench {
    Bench {
        $0.trustedRanges = ranges
        $0.callerAuthentication = DigestServer(
            realm: "sip.example", users: ["alice": Redacted("secret")],
            secret: Array("0123456789abcdef".utf8), hashes: testHashes, lifetime: .seconds(60))
        $0.trustedSources = ["192.0.2.200"]
    }
}

/// Sends an INVITE and returns what came back: the 100 of a call that is taken comes after 200 ms.
private func ask(
    _ bench: inout Bench, _ number: Int, authorization: String? = nil,
    from: SIPAddress = Bench.peer
) throws -> SIPMessage {
    let extra = authorization.map { [(HeaderName.authorization, $0)] } ?? []
    bench.inject(
        callerInvite(branch: "z9hG4bKa\(number)", callID: "a-\(number)", extra: extra), from: from)
    bench.advance(toMs: bench.now.milliseconds + 200)
    return try bench.lastResponse()
}

/// What a client makes of the challenge, with our own client as the other side.
private func answer(
    _ challenge: SIPMessage, user: String = "alice", password: String = "secret",
    algorithm: String = "SHA-256", number: Int, tries: inout DigestAuthenticator?
) throws -> String {
    var entropy = SeededGenerator(seed: UInt64(number))
    if tries == nil {
        var client = DigestAuthenticator(
            credentials: DigestCredentials(username: user, password: Redacted(password)),
            hashes: testHashes)
        var response = challenge
        let lines = challenge.headers.lines(.wwwAuthenticate).filter { $0.contains(algorithm) }
        response.headers.removeAll(.wwwAuthenticate)
        for line in lines { response.headers.append(.wwwAuthenticate, line) }
        guard client.accept(response, inDialog: false) else { throw Missing() }
        tries = client
    }
    var request = callerInvite(branch: "z9hG4bKa\(number)", callID: "a-\(number)")
    tries?.authorize(&request, entropy: &entropy)
    return try request.headers[.authorization].orThrow()
}

@Test func challengeOffersTheStrongestFirst() throws {
    var bench = gated()
    let challenge = try ask(&bench, 1)
    #expect(challenge.status == 401)
    let lines = challenge.headers.lines(.wwwAuthenticate)
    #expect(lines.count == 2)
    #expect(lines[0].contains("algorithm=SHA-256"))
    #expect(lines[1].contains("algorithm=MD5"))
    #expect(
        lines.allSatisfy { $0.contains("realm=\"sip.example\"") && $0.contains("qop=\"auth\"") })
    #expect(bench.incoming.isEmpty)
    #expect(bench.agent.activeCalls == 0)
}

@Test(arguments: ["SHA-256", "MD5"]) func rightPasswordOpensTheDoor(algorithm: String) throws {
    var bench = gated()
    var client: DigestAuthenticator?
    let challenge = try ask(&bench, 1)
    let first = try answer(challenge, algorithm: algorithm, number: 2, tries: &client)
    #expect(try ask(&bench, 2, authorization: first).status == 100)
    #expect(bench.incoming.last?.invite.authenticatedUser == "alice")
    // The nonce goes on, its count rises.
    let second = try answer(challenge, number: 3, tries: &client)
    #expect(second.contains("nc=00000002"))
    #expect(try ask(&bench, 3, authorization: second).status == 100)
}

@Test func sameCountTwiceIsStale() throws {
    var bench = gated()
    var client: DigestAuthenticator?
    let challenge = try ask(&bench, 1)
    let first = try answer(challenge, number: 2, tries: &client)
    #expect(try ask(&bench, 2, authorization: first).status == 100)
    let replayed = try ask(&bench, 3, authorization: first)
    #expect(replayed.status == 401)
    #expect(replayed.headers[.wwwAuthenticate]?.contains("stale=true") == true)
}

@Test func oldNonceIsStaleAndTheClientComesBackWithANewOne() throws {
    var bench = gated()
    var client: DigestAuthenticator?
    let challenge = try ask(&bench, 1)
    bench.advance(toMs: 60_001)
    let old = try answer(challenge, number: 2, tries: &client)
    let stale = try ask(&bench, 2, authorization: old)
    #expect(stale.headers[.wwwAuthenticate]?.contains("stale=true") == true)
    #expect(client?.accept(stale, inDialog: false) == true)
    let new = try answer(stale, number: 3, tries: &client)
    #expect(try ask(&bench, 3, authorization: new).status == 100)
}

@Test func wrongPasswordAndUnknownUserGetTheSameAnswer() throws {
    var bench = gated()
    let challenge = try ask(&bench, 1)
    var answers: [[String]] = []
    for (n, person) in [("alice", "guess"), ("mallory", "secret"), ("mallory", "\u{0}")]
        .enumerated()
    {
        var client: DigestAuthenticator?
        let value = try answer(
            challenge, user: person.0, password: person.1, number: n + 2, tries: &client)
        let refusal = try ask(&bench, n + 2, authorization: value)
        #expect(refusal.status == 401)
        #expect(refusal.headers[.wwwAuthenticate]?.contains("stale") == false)
        answers.append(refusal.headers.lines.map(\.name.text))
    }
    #expect(Set(answers).count == 1)
    #expect(bench.incoming.isEmpty)
}

@Test func proofForAnotherRequestOrWithAForgedNonceIsNothing() throws {
    var bench = gated()
    var client: DigestAuthenticator?
    let challenge = try ask(&bench, 1)
    let value = try answer(challenge, number: 2, tries: &client)
    for changed in [
        value.replacing("sip:echo@", with: "sip:other@"),
        value.replacing("nonce=\"", with: "nonce=\"0"),
        value.replacing("realm=\"sip.example\"", with: "realm=\"other\""),
        "Basic YWxpY2U6c2VjcmV0", "Digest", "",
    ] {
        #expect(try ask(&bench, changed.utf8.count + 1_000, authorization: changed).status == 401)
    }
    #expect(bench.incoming.isEmpty)
}

@Test func trunksAreNotAsked() throws {
    var bench = gated()
    let answer = try ask(&bench, 1, from: SIPAddress(host: "192.0.2.200", port: 5060))
    #expect(answer.status == 100)
    // Nor who calls from one of their ranges.
    var ranges = gated(ranges: [try AddressRange("198.51.100.0/24").orThrow()])
    let inside = SIPAddress(host: "198.51.100.9", port: 5060)
    #expect(try ask(&ranges, 1, from: inside).status == 100)
    #expect(try ask(&ranges, 2, from: SIPAddress(host: "198.51.101.9", port: 5060)).status == 401)
}

@Test func callsOfOneSourceAreBounded() throws {
    var bench = Bench {
        $0.maximumCallsPerSource = 3
        $0.trustedSources = []
    }
    for n in 1...5 {
        bench.inject(callerInvite(branch: "z9hG4bKa\(n)", callID: "a-\(n)"))
    }
    #expect(bench.incoming.count == 3)
    #expect(try bench.lastResponse().status == 503)
    #expect(try bench.lastResponse().headers[.retryAfter] == "5")
    // Another source is not hurt, and an ended call makes room.
    bench.inject(
        callerInvite(branch: "z9hG4bKa6", callID: "a-6"),
        from: SIPAddress(host: "192.0.2.21", port: 5060))
    #expect(bench.incoming.count == 4)
    let key = try bench.incoming.first.orThrow().key
    bench.act { $0.reject(key, status: 486, now: $1, out: &$2) }
    bench.inject(callerInvite(branch: "z9hG4bKa7", callID: "a-7"))
    #expect(bench.incoming.count == 5)
    #expect(bench.agent.counters.overloads == 2)
}
