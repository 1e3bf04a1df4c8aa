import Base
import SIP
import Testing

// REGISTER as a client (RFC 3261 10, RFC 3608, RFC 3327).

private func setup(
    expires: Int64 = 3600, credentials: DigestCredentials? = nil, routes: [String] = []
) throws -> RegistrationSetup {
    RegistrationSetup(
        address: try SIPURI("sip:alice@sip.example"), registrar: try SIPURI("sip:sip.example"),
        destination: Bench.peer, contactUser: "alice", expires: .seconds(expires), routes: routes,
        credentials: credentials)
}

private func register(_ bench: inout Bench, _ setup: RegistrationSetup) throws -> SIPMessage {
    bench.act { $0.register(setup, key: 7, now: $1, out: &$2) }
    return try bench.last(.register)
}

private func granted(
    _ request: SIPMessage, _ seconds: Int, extra: [(HeaderName, String)] = []
) -> SIPMessage {
    request.reply(
        200, contact: "<sip:alice@192.0.2.10:5060>;expires=\(seconds)", extra: extra)
}

@Test func bindingIsMadeAndKept() throws {
    var bench = Bench()
    let first = try register(&bench, try setup())
    #expect(first.requestURI == "sip:sip.example")
    #expect(first.headers[.to] == "<sip:alice@sip.example>")
    #expect(first.headers[.from]?.hasPrefix("<sip:alice@sip.example>;tag=") == true)
    #expect(first.headers[.contact] == "<sip:alice@192.0.2.10:5060>;expires=3600")
    #expect(first.headers[.expires] == "3600")
    #expect(first.headers[.supported] == "path")
    bench.inject(
        granted(
            first, 600, extra: [(.serviceRoute, "<sip:edge@192.0.2.30;lr>, <sip:core.example;lr>")])
    )
    let notice = try bench.registrations.first.orThrow()
    #expect(notice.key == 7)
    #expect(
        notice.notice
            == .registered(
                expires: .seconds(600),
                serviceRoutes: ["<sip:edge@192.0.2.30;lr>", "<sip:core.example;lr>"]))
    _ = bench.takeSent()
    // Renewed well before the end, in the same dialog of Call-ID and rising CSeq (10.2).
    bench.advance(toMs: 479_000)
    #expect(bench.sent.isEmpty)
    bench.advance(toMs: 530_000)
    let second = try bench.last(.register)
    #expect(second.headers[.callID] == first.headers[.callID])
    #expect(first.headers[.cseq] == "1 REGISTER")
    #expect(second.headers[.cseq] == "2 REGISTER")
}

@Test func challengeIsAnsweredAndALaterNonceToo() throws {
    var bench = Bench()
    let credentials = DigestCredentials(username: "alice", password: Redacted("secret"))
    let first = try register(&bench, try setup(credentials: credentials))
    func challenge(_ nonce: String) -> [(HeaderName, String)] {
        [(.wwwAuthenticate, "Digest realm=\"sip.example\", nonce=\"\(nonce)\", qop=\"auth\"")]
    }
    bench.inject(first.reply(401, contact: nil, extra: challenge("a")))
    let second = try bench.last(.register)
    #expect(second.headers[.authorization]?.contains("nc=00000001") == true)
    bench.inject(granted(second, 600))
    bench.advance(toMs: 530_000)
    let third = try bench.last(.register)
    #expect(third.headers[.authorization]?.contains("nc=00000002") == true)
    bench.inject(third.reply(401, contact: nil, extra: challenge("b")))
    let fourth = try bench.last(.register)
    #expect(fourth.headers[.authorization]?.contains("nonce=\"b\"") == true)
    bench.inject(granted(fourth, 600))
    #expect(bench.registrations.count == 2)
}

@Test func wrongPasswordStopsAskingAtOnce() throws {
    var bench = Bench()
    let credentials = DigestCredentials(username: "alice", password: Redacted("wrong"))
    _ = try register(&bench, try setup(credentials: credentials))
    for nonce in ["a", "b", "c", "d"] {
        guard let sent = bench.sent.last(where: { $0.message.method == .register }) else { break }
        bench.sent.removeAll()
        bench.inject(
            sent.message.reply(
                401, contact: nil,
                extra: [(.wwwAuthenticate, "Digest realm=\"r\", nonce=\"\(nonce)\", qop=\"auth\"")])
        )
    }
    #expect(bench.agent.counters.sent(.register) == 2)
    #expect(
        bench.registrations.map(\.notice) == [.failed(status: 401, retryAfter: .seconds(30))])
}

@Test func tooBriefIsAskedForAgainWithMore() throws {
    var bench = Bench()
    let first = try register(&bench, try setup(expires: 60))
    bench.inject(first.reply(423, contact: nil, extra: [(.minExpires, "1800")]))
    let second = try bench.last(.register)
    #expect(second.headers[.expires] == "1800")
    bench.inject(second.reply(423, contact: nil, extra: [(.minExpires, "1800")]))
    #expect(bench.registrations.map(\.notice) == [.failed(status: 423, retryAfter: .seconds(30))])
}

@Test func failuresAreTriedAgainEverLater() throws {
    var bench = Bench()
    _ = try register(&bench, try setup())
    var waits: [Interval] = []
    for _ in 0..<9 {
        let sent = try bench.sent.last.orThrow()
        bench.sent.removeAll()
        bench.inject(sent.message.reply(500, contact: nil))
        guard case .failed(500, let wait)? = bench.registrations.last?.notice else { break }
        waits.append(wait)
        bench.advance(toMs: bench.now.milliseconds + wait.milliseconds)
    }
    #expect(waits.map { Int($0.seconds) } == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800])
}

@Test func retryAfterIsHonouredAndRefusalTriedSeldom() throws {
    var bench = Bench()
    let first = try register(&bench, try setup())
    bench.inject(first.reply(503, contact: nil, extra: [(.retryAfter, "120 (maintenance)")]))
    bench.advance(toMs: 120_000)
    bench.inject(try bench.last(.register).reply(403, contact: nil))
    #expect(
        bench.registrations.map(\.notice) == [
            .failed(status: 503, retryAfter: .seconds(120)),
            .failed(status: 403, retryAfter: .seconds(1800)),
        ])
}

@Test func silenceIsAFailureToo() throws {
    var bench = Bench()
    _ = try register(&bench, try setup())
    bench.advance(toMs: 32_000)
    #expect(bench.registrations.map(\.notice) == [.failed(status: 0, retryAfter: .seconds(30))])
}

@Test func answerWithoutOurContactIsAFailure() throws {
    var bench = Bench()
    let first = try register(&bench, try setup())
    bench.inject(first.reply(200, contact: "<sip:other@192.0.2.99>;expires=600"))
    #expect(bench.registrations.map(\.notice) == [.failed(status: 200, retryAfter: .seconds(30))])
}

@Test func ourBindingIsFoundAmongOthers() throws {
    var bench = Bench()
    let first = try register(&bench, try setup())
    var response = first.reply(200, contact: "<sip:other@192.0.2.99>;expires=77")
    response.headers.append(.contact, "<sip:alice@192.0.2.10>;expires=500")
    bench.inject(response)
    #expect(
        bench.registrations.map(\.notice) == [
            .registered(expires: .seconds(500), serviceRoutes: [])
        ])
}

@Test func bindingIsTakenBack() throws {
    var bench = Bench()
    bench.inject(granted(try register(&bench, try setup()), 600))
    bench.act { $0.unregister(7, now: $1, out: &$2) }
    let last = try bench.last(.register)
    #expect(last.headers[.contact] == "<sip:alice@192.0.2.10:5060>;expires=0")
    #expect(last.headers[.expires] == "0")
    bench.inject(last.reply(200, contact: nil))
    #expect(bench.registrations.last?.notice == .unregistered)
    bench.advance(toMs: 1_000_000)
    #expect(bench.agent.transactionCount == 0)
    #expect(bench.agent.nextDeadline() == nil)
}

@Test func outboundProxyStandsInRoute() throws {
    var bench = Bench()
    let first = try register(&bench, try setup(routes: ["<sip:192.0.2.20;lr>"]))
    #expect(first.headers[.route] == "<sip:192.0.2.20;lr>")
}

@Test func callsMayStartWithTheServiceRoute() throws {
    var bench = Bench()
    let call = CallSetup(
        target: try SIPURI("sip:+12125550100@sip.example"),
        from: NameAddress(uri: .sip(SIPURI(user: "100", host: "sip.example"))),
        offer: sampleOffer, destination: Bench.peer,
        routes: ["<sip:edge@192.0.2.30;lr>", "<sip:core.example;lr>"])
    bench.act { $0.place(call, key: Bench.key, now: $1, out: &$2) }
    let invite = try bench.last(.invite)
    #expect(invite.headers.lines(.route) == ["<sip:edge@192.0.2.30;lr>", "<sip:core.example;lr>"])
    bench.inject(invite.reply(100, tag: nil, contact: nil))
    bench.hangUp()
    // 9.1: the CANCEL takes the same way.
    #expect(try bench.last(.cancel).headers.lines(.route).count == 2)
}
