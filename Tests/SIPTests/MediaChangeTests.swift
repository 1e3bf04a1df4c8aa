import Base
import SIP
import Testing

// Offers of ours within a call: re-INVITE, UPDATE, glare, delayed offers (RFC 3261 14, RFC 3264).

let holdOffer = Array("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\na=sendonly\r\n".utf8)
let holdAnswer = Array("v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=-\r\na=recvonly\r\n".utf8)

private func change(_ bench: inout Bench, _ key: CallKey = Bench.key, _ sdp: [UInt8] = holdOffer) {
    bench.act { $0.changeMedia(key, offer: sdp, now: $1, out: &$2) }
}

@Test func changeOfMediaIsAReInviteAndItsAnswerIsReported() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    change(&bench)
    let again = try bench.last(.invite)
    #expect(again.body == holdOffer)
    #expect(again.requestURI == "sip:peer@192.0.2.20")
    #expect(again.headers[.callID] == invite.headers[.callID])
    bench.inject(again.reply(100, tag: nil))
    bench.inject(again.reply(200, contact: "<sip:moved@192.0.2.21>", sdp: holdAnswer))
    #expect(bench.takeNotices() == [.offerAnswered(sdp: holdAnswer)])
    let ack = try bench.last(.ack)
    // The 2xx refreshed the target (12.2.1.2).
    #expect(ack.requestURI == "sip:moved@192.0.2.21")
    #expect(
        ack.headers[.cseq]?.split(separator: " ").first
            == again.headers[.cseq]?.split(separator: " ").first)
    #expect(bench.takeSent() == ["INVITE", "ACK"])
    // A copy of the 200 gets the same ACK.
    bench.inject(again.reply(200, contact: "<sip:moved@192.0.2.21>", sdp: holdAnswer))
    #expect(bench.takeSent() == ["ACK"])
    #expect(bench.notices.isEmpty)
}

@Test func refusedChangeLeavesTheSession() throws {
    var bench = Bench()
    _ = try answered(&bench)
    change(&bench)
    bench.inject(try bench.last(.invite).reply(488))
    #expect(bench.takeSent() == ["INVITE", "ACK"])
    #expect(bench.takeNotices() == [.offerRefused(status: 488)])
    #expect(bench.agent.activeCalls == 1)
}

@Test(arguments: [408, 481]) func changeThatFindsNobodyEndsTheCall(status: Int) throws {
    var bench = Bench()
    _ = try answered(&bench)
    change(&bench)
    bench.inject(try bench.last(.invite).reply(status))
    #expect(bench.takeSent() == ["INVITE", "ACK", "BYE"])
    #expect(bench.takeNotices() == [.ended(CallEnd(.peerLost, status: status))])
}

@Test func glareIsTriedAgainAfterTheOwnersLongWait() throws {
    for seed in 1...20 {
        var bench = Bench(seed: UInt64(seed))
        _ = try answered(&bench)
        change(&bench)
        bench.inject(try bench.last(.invite).reply(491))
        _ = bench.takeSent()
        bench.advance(toMs: 2_099)
        #expect(bench.sent.isEmpty)
        bench.advance(toMs: 4_000)
        #expect(bench.sent.first?.message.body == holdOffer)
        #expect((bench.sent.first?.ms ?? 0) % 10 == 0)
    }
}

@Test func calleesWaitAfterGlareIsTheShortOne() throws {
    for seed in 1...20 {
        var bench = Bench(seed: UInt64(seed))
        let (key, _) = try inboundCall(&bench)
        change(&bench, key)
        bench.inject(try bench.last(.invite).reply(491, tag: nil))
        _ = bench.takeSent()
        bench.advance(toMs: 2_000)
        #expect(bench.takeSent().first == "INVITE")
    }
}

@Test func glareIsNotTriedForEver() throws {
    var bench = Bench()
    _ = try answered(&bench)
    change(&bench)
    for n in 1...10 {
        for sent in bench.sent where sent.message.method == .invite {
            bench.inject(sent.message.reply(491))
        }
        bench.sent.removeAll()
        bench.advance(toMs: Int64(n) * 4_000)
    }
    #expect(bench.takeNotices() == [.offerRefused(status: 491)])
    #expect(bench.agent.activeCalls == 1)
}

@Test func crossingOffersAreGlareForBoth() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    change(&bench)
    bench.inject(peerRequest(.invite, in: invite, cseq: 5, sdp: sampleOffer))
    bench.inject(peerRequest(.update, in: invite, cseq: 6, sdp: sampleOffer))
    // One without an offer is in nobody's way (RFC 3311 5.2).
    bench.inject(peerRequest(.update, in: invite, cseq: 7))
    #expect(bench.takeSent() == ["INVITE", "491 INVITE", "491 UPDATE", "200 UPDATE"])
}

@Test func whileWeWaitThePeersOfferIsTaken() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    change(&bench)
    bench.inject(try bench.last(.invite).reply(491))
    _ = bench.takeSent()
    bench.inject(peerRequest(.invite, in: invite, cseq: 5, sdp: sampleOffer))
    #expect(bench.takeNotices() == [.offer(sdp: sampleOffer)])
    bench.act { $0.answerOffer(Bench.key, sdp: sampleAnswer, now: $1, out: &$2) }
    bench.inject(peerRequest(.ack, in: invite, cseq: 5))
    _ = bench.takeSent()
    bench.advance(toMs: 4_100)
    #expect(bench.takeSent().first == "INVITE")
}

@Test func changesWaitTheirTurnAndTheLatestCounts() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    bench.inject(peerRequest(.invite, in: invite, cseq: 5, sdp: sampleOffer))
    _ = bench.takeSent()
    change(&bench, Bench.key, sampleAnswer)
    change(&bench)
    #expect(bench.sent.isEmpty)
    bench.act { $0.answerOffer(Bench.key, sdp: sampleAnswer, now: $1, out: &$2) }
    #expect(bench.takeSent() == ["200 INVITE"])
    bench.inject(peerRequest(.ack, in: invite, cseq: 5))
    #expect(try bench.last(.invite).body == holdOffer)
    #expect(bench.takeSent() == ["INVITE"])
}

@Test func unansweredReInviteEndsTheCall() throws {
    var bench = Bench()
    _ = try answered(&bench)
    change(&bench)
    bench.advance(toMs: 33_000)
    #expect(bench.takeSent().last == "BYE")
    #expect(bench.takeNotices() == [.ended(CallEnd(.peerLost, status: 408))])
    bench.advance(toMs: 80_000)
    #expect(bench.agent.isIdle && bench.agent.transactionCount == 0)
}

@Test func reInviteThatOnlyRingsIsGivenUp() throws {
    var bench = Bench()
    _ = try answered(&bench)
    change(&bench)
    bench.inject(try bench.last(.invite).reply(180))
    bench.advance(toMs: 60_000)
    #expect(bench.takeSent().last == "BYE")
    bench.advance(toMs: 120_000)
    #expect(bench.agent.isIdle && bench.agent.transactionCount == 0)
}

@Test func hangUpDuringAReInviteLeavesNothingBehind() throws {
    var bench = Bench()
    _ = try answered(&bench)
    change(&bench)
    bench.inject(try bench.last(.invite).reply(100, tag: nil))
    bench.hangUp()
    bench.inject(try bench.last(.bye).reply(200))
    bench.advance(toMs: 40_000)
    #expect(bench.agent.isIdle && bench.agent.transactionCount == 0)
    #expect(bench.agent.nextDeadline() == nil)
}

@Test func challengedReInviteIsAnswered() throws {
    var bench = Bench()
    try bench.place(
        credentials: DigestCredentials(username: "alice", password: Redacted("secret")))
    let challenge = "Digest realm=\"r\", nonce=\"n1\", qop=\"auth\""
    bench.inject(try bench.last(.invite).reply(401, extra: [(.wwwAuthenticate, challenge)]))
    bench.inject(try bench.last(.invite).reply(200, sdp: sampleAnswer))
    change(&bench)
    let first = try bench.last(.invite)
    bench.inject(
        first.reply(
            401, extra: [(.wwwAuthenticate, "Digest realm=\"r\", nonce=\"n2\", qop=\"auth\"")]))
    let second = try bench.last(.invite)
    #expect(second.headers[.authorization]?.contains("nonce=\"n2\"") == true)
    #expect(second.body == holdOffer)
    bench.inject(second.reply(200, sdp: holdAnswer))
    #expect(bench.notices.last == .offerAnswered(sdp: holdAnswer))
}

// MARK: delayed offers

@Test func inviteWithoutOfferIsAnsweredInTheACK() throws {
    var bench = Bench()
    let setup = CallSetup(
        target: try SIPURI("sip:+12125550100@192.0.2.20"),
        from: NameAddress(uri: .sip(SIPURI(user: "100", host: "192.0.2.10"))), offer: [],
        destination: Bench.peer)
    bench.act { $0.place(setup, key: Bench.key, now: $1, out: &$2) }
    let invite = try bench.last(.invite)
    bench.inject(invite.reply(200, sdp: sampleOffer))
    #expect(bench.takeNotices() == [.trying, .offer(sdp: sampleOffer)])
    #expect(bench.takeSent() == ["INVITE"])
    bench.act { $0.answerOffer(Bench.key, sdp: sampleAnswer, now: $1, out: &$2) }
    #expect(try bench.last(.ack).body == sampleAnswer)
    #expect(bench.takeNotices() == [.answered(sdp: [])])
    bench.inject(invite.reply(200, sdp: sampleOffer))
    #expect(try bench.last(.ack).body == sampleAnswer)
}

@Test func delayedOfferThatNobodyAnswersEndsTheCall() throws {
    var bench = Bench()
    let setup = CallSetup(
        target: try SIPURI("sip:+12125550100@192.0.2.20"),
        from: NameAddress(uri: .sip(SIPURI(user: "100", host: "192.0.2.10"))), offer: [],
        destination: Bench.peer)
    bench.act { $0.place(setup, key: Bench.key, now: $1, out: &$2) }
    bench.inject(try bench.last(.invite).reply(200, sdp: sampleOffer))
    bench.advance(toMs: 10_000)
    #expect(bench.takeSent() == ["INVITE", "ACK", "BYE"])
    #expect(bench.notices.last == .ended(CallEnd(.protocolError, status: 200)))
}

@Test func reInviteWithoutOfferOfOurs() throws {
    var bench = Bench()
    _ = try answered(&bench)
    bench.act { $0.askForOffer(Bench.key, now: $1, out: &$2) }
    let again = try bench.last(.invite)
    #expect(again.body.isEmpty)
    bench.inject(again.reply(200, sdp: sampleOffer))
    #expect(bench.takeNotices() == [.offer(sdp: sampleOffer)])
    bench.act { $0.answerOffer(Bench.key, sdp: sampleAnswer, now: $1, out: &$2) }
    #expect(try bench.last(.ack).body == sampleAnswer)
    #expect(bench.takeSent() == ["INVITE", "ACK"])
}

// MARK: digits

@Test func digitsGoByInfoOneAfterAnother() throws {
    var bench = Bench()
    _ = try answered(&bench)
    for digit in "1#" { bench.act { $0.sendDigit(Bench.key, digit, now: $1, out: &$2) } }
    #expect(bench.sent.count == 1)
    let first = try bench.last(.info)
    #expect(first.headers[.contentType] == "application/dtmf-relay")
    #expect(text(first.body) == "Signal=1\r\nDuration=160\r\n")
    bench.inject(first.reply(200))
    let second = try bench.last(.info)
    #expect(text(second.body) == "Signal=#\r\nDuration=160\r\n")
    // A peer that takes only the digit alone gets it so.
    bench.inject(second.reply(415))
    let third = try bench.last(.info)
    #expect(third.headers[.contentType] == "application/dtmf")
    #expect(text(third.body) == "#")
    bench.inject(third.reply(200))
    #expect(bench.takeSent() == ["INFO", "INFO", "INFO"])
    var taken = true
    bench.act { taken = $0.sendDigit(Bench.key, "x", now: $1, out: &$2) }
    #expect(!taken)
}

@Test func queueOfDigitsIsBounded() throws {
    var bench = Bench()
    _ = try answered(&bench)
    var taken = 0
    for _ in 0..<100 {
        bench.act { if $0.sendDigit(Bench.key, "5", now: $1, out: &$2) { taken += 1 } }
    }
    #expect(taken == SIPLimits.digitQueue)
}
