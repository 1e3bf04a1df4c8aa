import Base
import SIP
import Testing

private func incoming(_ bench: inout Bench, _ invite: SIPMessage = callerInvite()) throws -> CallKey
{
    bench.inject(invite)
    return try bench.incoming.last.orThrow().key
}

private func answeredCall(_ bench: inout Bench) throws -> (key: CallKey, ok: SIPMessage) {
    let key = try incoming(&bench)
    bench.act { $0.answer(key, sdp: sampleAnswer, now: $1, out: &$2) }
    let ok = try bench.lastResponse()
    return (key, ok)
}

@Test func callIsTakenAnsweredAndHungUpByTheCaller() throws {
    var bench = Bench()
    let key = try incoming(
        &bench, callerInvite(extra: [(.recordRoute, "<sip:192.0.2.30;lr>")]))
    let invite = try bench.incoming.first.orThrow().invite
    #expect(invite.user == "echo")
    #expect(invite.from == "caller")
    #expect(invite.offer == sampleOffer)
    bench.act { $0.ring(key, now: $1, out: &$2) }
    bench.act { $0.ring(key, now: $1, out: &$2) }
    let ringing = try bench.lastResponse()
    bench.act { $0.answer(key, sdp: sampleAnswer, now: $1, out: &$2) }
    let ok = try bench.lastResponse()
    #expect(bench.takeSent() == ["180 INVITE", "200 INVITE"])
    #expect(ringing.headers[.to] == ok.headers[.to])
    #expect(ok.headers[.contact] == "<sip:echo@192.0.2.10:5060>")
    #expect(ok.headers[.recordRoute] == "<sip:192.0.2.30;lr>")
    #expect(ok.body == sampleAnswer)

    bench.inject(callerRequest(.ack, after: ok, cseq: 1))
    #expect(bench.takeNotices() == [.answered(sdp: [])])
    bench.inject(callerRequest(.bye, after: ok, cseq: 2))
    #expect(bench.takeSent() == ["200 BYE"])
    #expect(bench.takeNotices() == [.ended(CallEnd(.remoteBye, status: 200))])
    bench.advance(toMs: 40_000)
    #expect(bench.agent.isIdle)
    #expect(bench.agent.transactionCount == 0)
}

@Test func unacknowledgedAnswerIsRepeatedThenByed() throws {
    var bench = Bench()
    _ = try answeredCall(&bench)
    bench.advance(toMs: 40_000)
    let oks = bench.sent.filter { $0.message.status == 200 }.map(\.ms)
    #expect(
        oks == [
            0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
        ])
    #expect(bench.sent.first { $0.message.method == .bye }?.ms == 32_000)
    #expect(bench.takeNotices() == [.ended(CallEnd(.notAcknowledged, status: 200))])
}

/// A stranger who was heard otherwise, by media sent to the port in our answer, may have lost his ACK.
@Test func answerOfAStrangerWhoWasHeardIsRepeated() throws {
    var bench = Bench { $0.trustedSources = [] }
    _ = try answeredCall(&bench)
    let incoming = try bench.incoming.first.orThrow()
    #expect(incoming.invite.isStranger)
    bench.advance(toMs: 3_600)
    #expect(bench.sent.map(\.ms) == [0])
    bench.act { $0.vouch(for: incoming.key, now: $1, out: &$2) }
    bench.advance(toMs: 40_000)
    let oks = bench.sent.filter { $0.message.status == 200 }.map(\.ms)
    #expect(oks == [0, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500])
    #expect(bench.sent.first { $0.message.method == .bye }?.ms == 32_000)
    bench.act { $0.vouch(for: incoming.key, now: $1, out: &$2) }
}

/// Hung up on before his ACK: no BYE goes where nobody was ever heard.
@Test func aStrangerWhoIsNeverHeardGetsNoBye() throws {
    var bench = Bench { $0.trustedSources = [] }
    let key = try answeredCall(&bench).key
    bench.hangUp(key)
    bench.advance(toMs: 40_000)
    #expect(bench.takeSent() == ["200 INVITE"])
    #expect(bench.agent.isIdle)
}

@Test func knownCallersAndTCPAreNoStrangers() throws {
    let overTCP = SIPAddress(host: Bench.peer.host, port: 5060, transport: .tcp)
    for source in [Bench.peer, overTCP] {
        var bench = Bench { if source == overTCP { $0.trustedSources = [] } }
        bench.inject(callerInvite(), from: source)
        #expect(try bench.incoming.first.orThrow().invite.isStranger == false)
    }
}

@Test func hangUpBeforeTheACKWaitsForIt() throws {
    var bench = Bench()
    let (key, ok) = try answeredCall(&bench)
    _ = bench.takeSent()
    bench.hangUp(key)
    #expect(bench.takeSent().isEmpty)
    #expect(bench.takeNotices() == [.ended(CallEnd(.localBye, status: 200))])
    bench.inject(callerRequest(.ack, after: ok, cseq: 1))
    #expect(bench.takeSent() == ["BYE"])
    #expect(bench.notices.isEmpty)
}

@Test func weHangUpAnInboundCall() throws {
    var bench = Bench()
    let (key, ok) = try answeredCall(&bench)
    bench.inject(callerRequest(.ack, after: ok, cseq: 1))
    bench.hangUp(key)
    let bye = try bench.last(.bye)
    #expect(bye.requestURI == "sip:caller@192.0.2.20")
    #expect(bye.headers[.from] == ok.headers[.to])
    #expect(bye.headers[.to] == "<sip:caller@192.0.2.20>;tag=callertag")
    bench.inject(bye.reply(200, contact: nil))
    bench.advance(toMs: 40_000)
    #expect(bench.agent.isIdle)
}

@Test func callerGivesUp() throws {
    var bench = Bench()
    let invite = callerInvite()
    _ = try incoming(&bench, invite)
    var cancel = invite
    cancel.start = .request(method: .cancel, uri: invite.requestURI ?? "")
    cancel.headers.set(.cseq, "1 CANCEL")
    cancel.body = []
    bench.inject(cancel)
    #expect(bench.takeSent() == ["200 CANCEL", "487 INVITE"])
    #expect(bench.takeNotices() == [.ended(CallEnd(.cancelled, status: 487))])
    // Its ACK ends the repetition of the 487.
    var ack = invite
    ack.start = .request(method: .ack, uri: invite.requestURI ?? "")
    ack.headers.set(.cseq, "1 ACK")
    bench.inject(ack)
    bench.advance(toMs: 40_000)
    #expect(bench.takeSent().isEmpty)
    #expect(bench.agent.transactionCount == 0)
}

@Test func cancelThatNamesNothingIs481() throws {
    var bench = Bench()
    var cancel = callerInvite()
    cancel.start = .request(method: .cancel, uri: "sip:echo@192.0.2.10")
    cancel.headers.set(.cseq, "1 CANCEL")
    bench.inject(cancel)
    #expect(bench.takeSent() == ["481 CANCEL"])
}

@Test func cancelAfterTheAnswerChangesNothing() throws {
    var bench = Bench()
    let invite = callerInvite()
    let (_, _) = try answeredCall(&bench)
    var cancel = invite
    cancel.start = .request(method: .cancel, uri: invite.requestURI ?? "")
    cancel.headers.set(.cseq, "1 CANCEL")
    bench.inject(cancel)
    #expect(bench.takeSent() == ["200 INVITE", "200 CANCEL"])
    #expect(bench.notices.isEmpty)
}

@Test func rejectedCallIsAcknowledgedByTheTransaction() throws {
    var bench = Bench { $0.trustedSources = [] }
    let key = try incoming(&bench)
    bench.act { $0.reject(key, status: 486, now: $1, out: &$2) }
    bench.advance(toMs: 600)
    #expect(bench.takeSent() == ["486 INVITE"])
    // A stranger hears it again when he asks again.
    bench.inject(callerInvite())
    #expect(bench.takeSent() == ["486 INVITE"])
    #expect(bench.takeNotices() == [.ended(CallEnd(.refused, status: 486))])
}

@Test func callNobodyTakesIs480() throws {
    var bench = Bench()
    _ = try incoming(&bench)
    bench.advance(toMs: 180_000)
    #expect(bench.takeSent().first == "100 INVITE")
    #expect(bench.notices == [.ended(CallEnd(.refused, status: 480))])
}

@Test func inviteWithoutOfferGetsOursAndItsAnswerInTheACK() throws {
    var bench = Bench()
    let key = try incoming(&bench, callerInvite(sdp: []))
    #expect(bench.incoming.first?.invite.offer == nil)
    bench.act { $0.answer(key, sdp: sampleOffer, now: $1, out: &$2) }
    var ack = callerRequest(.ack, after: try bench.lastResponse(), cseq: 1)
    ack.headers.append(.contentType, "application/sdp")
    ack.body = sampleAnswer
    bench.inject(ack)
    #expect(bench.takeNotices() == [.answered(sdp: sampleAnswer)])
}

@Test func repeatedInviteGetsTheLastResponseAgain() throws {
    var bench = Bench()
    let invite = callerInvite()
    let key = try incoming(&bench, invite)
    bench.inject(invite)
    bench.act { $0.ring(key, now: $1, out: &$2) }
    bench.inject(invite)
    #expect(bench.takeSent() == ["180 INVITE", "180 INVITE"])
    #expect(bench.incoming.count == 1)
    #expect(bench.agent.counters.repeatedRequests == 2)
}

@Test func mergedRequestIs482() throws {
    var bench = Bench()
    _ = try incoming(&bench)
    bench.inject(callerInvite(branch: "z9hG4bKotherpath"))
    #expect(bench.takeSent() == ["482 INVITE"])
    #expect(bench.incoming.count == 1)
}

@Test func hopsUsedUpIs483() {
    var bench = Bench()
    var invite = callerInvite()
    invite.headers.set(.maxForwards, "0")
    bench.inject(invite)
    #expect(bench.takeSent() == ["483 INVITE"])
}

@Test func optionsTellsWhatWeCanDo() throws {
    var bench = Bench()
    var options = callerInvite(sdp: [])
    options.start = .request(method: .options, uri: "sip:192.0.2.10")
    options.headers.set(.cseq, "1 OPTIONS")
    bench.inject(options)
    let answer = try bench.lastResponse()
    #expect(answer.status == 200)
    #expect(
        answer.headers[.allow]
            == "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY")
    #expect(answer.headers[.accept] == "application/sdp")
    #expect(answer.headers[.supported] == "replaces, timer, 100rel")
}

@Test func responsesGoWhereTheRequestCameFrom() throws {
    let source = SIPAddress(host: "198.51.100.9", port: 40_000)
    var bench = Bench { $0.trustedSources = [source.host] }
    bench.inject(
        callerInvite(via: "SIP/2.0/UDP 10.0.0.1:5070;rport;received=1.2.3.4;branch=z9hG4bKa")
            .serialised,
        from: source)
    bench.advance(toMs: 200)
    #expect(bench.sent.last?.to == source)
    let via = try Via(try bench.lastResponse().headers[.via] ?? "")
    #expect(via.parameters["rport"] == "40000")
    #expect(via.parameters["received"] == "198.51.100.9")

    var old = Bench { $0.trustedSources = [source.host] }
    old.inject(
        callerInvite(via: "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKb").serialised, from: source)
    old.advance(toMs: 200)
    #expect(old.sent.last?.to == SIPAddress(host: "198.51.100.9", port: 5070))
    #expect(
        try Via(try old.lastResponse().headers[.via] ?? "").parameters["received"] == "198.51.100.9"
    )
}

@Test func callsBeyondTheLimitGet503() throws {
    var bench = Bench { $0.maximumCalls = 1 }
    _ = try incoming(&bench)
    bench.inject(callerInvite(branch: "z9hG4bKin2", callID: "in-2"))
    #expect(bench.takeSent() == ["503 INVITE"])
    #expect(bench.agent.counters.overloads == 1)
}

@Test func transactionsBeyondTheLimitGetAStatelessAnswer() throws {
    var bench = Bench { $0.maximumTransactions = 4 }
    let (_, ok) = try answeredCall(&bench)
    bench.inject(callerRequest(.ack, after: ok, cseq: 1))
    for n in 0..<10 {
        var options = callerInvite(branch: "z9hG4bKopt\(n)", callID: "opt-\(n)", sdp: [])
        options.start = .request(method: .options, uri: "sip:192.0.2.10")
        options.headers.set(.cseq, "1 OPTIONS")
        bench.inject(options)
    }
    #expect(bench.agent.transactionCount == 4)
    #expect(bench.agent.counters.overloads == 7)
    #expect(try bench.lastResponse().headers[.retryAfter] == "5")
    // A call can still be ended.
    _ = bench.takeSent()
    bench.inject(callerRequest(.bye, after: ok, cseq: 2))
    #expect(bench.takeSent() == ["200 BYE"])
}

@Test func keepAlivesAndGarbageCostNothing() {
    var bench = Bench()
    bench.inject(Array("\r\n\r\n".utf8))
    bench.inject([0])
    #expect(bench.agent.counters.parseErrors == 0)
    bench.inject(Array("GET / HTTP/1.1\r\n\r\n".utf8))
    #expect(bench.agent.counters.parseErrors("not_sip") == 1)
    #expect(bench.takeSent().isEmpty)
}

@Test func hangUpAllEndsEverything() throws {
    var bench = Bench()
    try bench.place()
    bench.inject(try bench.last(.invite).reply(180))
    let key = try incoming(&bench)
    _ = key
    _ = bench.takeSent()
    bench.act { $0.hangUpAll(now: $1, out: &$2) }
    #expect(bench.takeSent() == ["CANCEL", "503 INVITE"])
}
