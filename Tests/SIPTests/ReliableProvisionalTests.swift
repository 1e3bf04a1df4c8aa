import Base
import SIP
import Testing

// RFC 3262, both roles.

private func reliable(
    _ invite: SIPMessage, _ status: Int, rseq: Int, tag: String = "peer", sdp: [UInt8] = []
) -> SIPMessage {
    invite.reply(
        status, tag: tag, sdp: sdp,
        extra: [(.require, "100rel"), (.rseq, "\(rseq)"), (.allow, "INVITE, PRACK, UPDATE")])
}

@Test func reliableResponseIsPracked() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    let cseq = try invite.headers[.cseq].orThrow()
    bench.inject(reliable(invite, 183, rseq: 17, sdp: sampleAnswer))
    let prack = try bench.last(.prack)
    #expect(prack.headers[.rack] == "17 \(cseq)")
    #expect(prack.headers[.to]?.hasSuffix(";tag=peer") == true)
    #expect(prack.requestURI == "sip:peer@192.0.2.20")
    #expect(bench.takeSent() == ["INVITE", "PRACK"])
    #expect(bench.takeNotices() == [.trying, .earlyMedia(sdp: sampleAnswer)])
    // A copy is not answered again: the PRACK's own transaction repeats it.
    bench.inject(reliable(invite, 183, rseq: 17, sdp: sampleAnswer))
    #expect(bench.takeSent().isEmpty)
    // A gap: its predecessor has to come first.
    bench.inject(reliable(invite, 180, rseq: 19))
    #expect(bench.takeSent().isEmpty)
    #expect(bench.takeNotices().isEmpty)
    bench.inject(reliable(invite, 180, rseq: 18))
    #expect(bench.takeSent() == ["PRACK"])
    #expect(bench.takeNotices() == [.ringing])
    // The answer is agreed: what the 2xx says besides is not looked at (RFC 3261 13.2.1).
    bench.inject(invite.reply(200, sdp: sampleOffer))
    #expect(bench.takeNotices() == [.answered(sdp: sampleAnswer)])
}

@Test func lostPrackIsRepeated() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    bench.inject(reliable(invite, 180, rseq: 1))
    _ = bench.takeSent()
    bench.advance(toMs: 1_600)
    #expect(bench.takeSent() == ["PRACK", "PRACK"])
}

@Test func eachBranchCountsItsOwnResponses() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    bench.inject(reliable(invite, 180, rseq: 5, tag: "a"))
    bench.inject(reliable(invite, 180, rseq: 900, tag: "b"))
    bench.inject(reliable(invite, 183, rseq: 6, tag: "a", sdp: sampleAnswer))
    #expect(bench.takeSent() == ["INVITE", "PRACK", "PRACK", "PRACK"])
}

@Test func switchedOffReliableResponsesAreOrdinaryOnes() throws {
    var bench = Bench { $0.policy.reliableProvisionals = .off }
    let invite = try calling(&bench)
    #expect(invite.headers[.supported] == "replaces, timer")
    bench.inject(reliable(invite, 180, rseq: 1))
    #expect(bench.takeSent() == ["INVITE"])
    #expect(bench.takeNotices() == [.trying, .ringing])
}

@Test func requiredIsSaidInRequire() throws {
    var bench = Bench { $0.policy.reliableProvisionals = .required }
    #expect(try calling(&bench).headers[.require] == "100rel")
}

@Test func updateInAnEarlyDialogChangesTheMedia() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    bench.inject(reliable(invite, 183, rseq: 1, sdp: sampleAnswer))
    _ = bench.takeNotices()
    _ = bench.takeSent()
    bench.inject(peerRequest(.update, in: invite, cseq: 5, sdp: sampleOffer))
    #expect(bench.takeNotices() == [.offer(sdp: sampleOffer)])
    bench.act { $0.answerOffer(Bench.key, sdp: sampleAnswer, now: $1, out: &$2) }
    #expect(try bench.lastResponse().body == sampleAnswer)
    #expect(bench.takeSent() == ["200 UPDATE"])
    // The call is answered with what the UPDATE agreed.
    bench.inject(invite.reply(200))
    #expect(bench.takeNotices() == [.answered(sdp: sampleOffer)])
}

@Test func updateBeforeTheAnswerToOurOfferIsGlare() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    bench.inject(invite.reply(180))
    bench.inject(peerRequest(.update, in: invite, cseq: 5, sdp: sampleOffer))
    #expect(bench.takeSent() == ["INVITE", "491 UPDATE"])
}

@Test func offerInAReliableResponseIsAnsweredInThePrack() throws {
    var bench = Bench()
    let setup = CallSetup(
        target: try SIPURI("sip:+12125550100@192.0.2.20"),
        from: NameAddress(uri: .sip(SIPURI(user: "100", host: "192.0.2.10"))), offer: [],
        destination: Bench.peer)
    bench.act { $0.place(setup, key: Bench.key, now: $1, out: &$2) }
    let invite = try bench.last(.invite)
    #expect(invite.body.isEmpty)
    bench.inject(reliable(invite, 183, rseq: 1, sdp: sampleOffer))
    #expect(bench.takeNotices() == [.trying, .offer(sdp: sampleOffer), .ringing])
    #expect(bench.takeSent() == ["INVITE"])
    bench.act { $0.answerOffer(Bench.key, sdp: sampleAnswer, now: $1, out: &$2) }
    #expect(try bench.last(.prack).body == sampleAnswer)
    bench.inject(invite.reply(200))
    #expect(bench.takeNotices() == [.answered(sdp: sampleOffer)])
    #expect(try bench.last(.ack).body.isEmpty)
}

// MARK: as callee

private func ringing(
    _ bench: inout Bench, _ extra: [(HeaderName, String)] = [(.supported, "100rel")],
    sdp: [UInt8] = sampleOffer
) throws -> CallKey {
    bench.inject(callerInvite(sdp: sdp, extra: extra))
    return try bench.incoming.last.orThrow().key
}

private func prack(_ response: SIPMessage, cseq: Int = 2, rack: String? = nil, sdp: [UInt8] = [])
    -> SIPMessage
{
    var request = callerRequest(.prack, after: response, cseq: cseq)
    request.headers.append(.rack, rack ?? "\(response.headers[.rseq] ?? "0") 1 INVITE")
    if !sdp.isEmpty {
        request.headers.append(.contentType, "application/sdp")
        request.body = sdp
    }
    return request
}

@Test func earlyMediaGoesReliablyAndIsRepeatedUntilThePrack() throws {
    var bench = Bench()
    let key = try ringing(&bench)
    bench.act { $0.progress(key, sdp: sampleAnswer, now: $1, out: &$2) }
    let response = try bench.lastResponse()
    #expect(response.status == 183)
    #expect(response.headers[.require] == "100rel")
    #expect(response.body == sampleAnswer)
    let rseq = try Int(response.headers[.rseq].orThrow()).orThrow()
    #expect((1...0x7FFF_FFFF).contains(rseq))
    _ = bench.takeSent()
    bench.advance(toMs: 3_500)
    #expect(bench.takeSent() == ["183 INVITE", "183 INVITE", "183 INVITE"])
    bench.inject(prack(response))
    #expect(bench.takeSent() == ["200 PRACK"])
    bench.advance(toMs: 20_000)
    #expect(bench.takeSent().isEmpty)
    // The next one counts on.
    bench.act { $0.progress(key, status: 180, sdp: sampleAnswer, now: $1, out: &$2) }
    #expect(try bench.lastResponse().headers[.rseq] == "\(rseq + 1)")
}

@Test func answerWaitsForThePrackOfADescription() throws {
    var bench = Bench()
    let key = try ringing(&bench)
    bench.act { $0.progress(key, sdp: sampleAnswer, now: $1, out: &$2) }
    let response = try bench.lastResponse()
    bench.act { $0.answer(key, sdp: sampleAnswer, now: $1, out: &$2) }
    #expect(bench.takeSent() == ["183 INVITE"])
    bench.inject(prack(response))
    #expect(bench.takeSent() == ["200 PRACK", "200 INVITE"])
}

@Test func callerThatNeverPracksIsRefused() throws {
    var bench = Bench()
    let key = try ringing(&bench)
    bench.act { $0.progress(key, sdp: sampleAnswer, now: $1, out: &$2) }
    bench.advance(toMs: 32_000)
    #expect(bench.takeSent().last == "504 INVITE")
    #expect(bench.takeNotices() == [.ended(CallEnd(.notAcknowledged, status: 504))])
}

@Test func prackOfNothingIs481AndUnreadable400() throws {
    var bench = Bench()
    let key = try ringing(&bench)
    bench.act { $0.progress(key, sdp: sampleAnswer, now: $1, out: &$2) }
    let response = try bench.lastResponse()
    _ = bench.takeSent()
    bench.inject(prack(response, rack: "1 2 INVITE"))
    bench.inject(prack(response, cseq: 3, rack: "what"))
    bench.inject(prack(response, cseq: 4))
    bench.inject(prack(response, cseq: 5))
    #expect(bench.takeSent() == ["481 PRACK", "400 PRACK", "200 PRACK", "481 PRACK"])
}

@Test func ringingToACallerThatRequiresItIsReliable() throws {
    var bench = Bench()
    let key = try ringing(&bench, [(.require, "100rel")])
    bench.act { $0.ring(key, now: $1, out: &$2) }
    #expect(try bench.lastResponse().headers[.require] == "100rel")
}

@Test func callerWithoutReliabilityGetsOrdinaryEarlyMedia() throws {
    var bench = Bench()
    let key = try ringing(&bench, [])
    bench.act { $0.progress(key, sdp: sampleAnswer, now: $1, out: &$2) }
    let response = try bench.lastResponse()
    #expect(response.headers[.require] == nil)
    #expect(response.body == sampleAnswer)
    _ = bench.takeSent()
    bench.advance(toMs: 10_000)
    #expect(bench.takeSent().isEmpty)
}

@Test func responsesWaitForTheirTurn() throws {
    var bench = Bench()
    let key = try ringing(&bench, [(.require, "100rel")])
    for status in [180, 181, 182, 183, 184, 185, 186] {
        bench.act { $0.progress(key, status: status, now: $1, out: &$2) }
    }
    #expect(bench.takeSent() == ["180 INVITE"])
    // The first is under way, four wait (`SIPLimits.reliableProvisionals`), the rest is not sent.
    var seen: [Int] = []
    bench.advance(toMs: 500)
    for cseq in 2...10 {
        guard let sent = bench.sent.last(where: { $0.message.headers[.rseq] != nil }) else { break }
        seen.append(sent.message.status ?? 0)
        _ = bench.takeSent()
        bench.inject(prack(sent.message, cseq: cseq))
    }
    #expect(seen == [180, 181, 182, 183, 184])
}

@Test func ourOfferInAReliableResponseIsAnsweredByThePrack() throws {
    var bench = Bench()
    let key = try ringing(&bench, sdp: [])
    bench.act { $0.progress(key, sdp: sampleOffer, now: $1, out: &$2) }
    let response = try bench.lastResponse()
    #expect(response.body == sampleOffer)
    bench.inject(prack(response, sdp: sampleAnswer))
    #expect(bench.takeNotices() == [.earlyMedia(sdp: sampleAnswer)])
    bench.act { $0.answer(key, sdp: sampleOffer, now: $1, out: &$2) }
    let ok = try bench.lastResponse()
    #expect(ok.status == 200)
    bench.inject(callerRequest(.ack, after: ok, cseq: 1))
    #expect(bench.takeNotices() == [.answered(sdp: [])])
}

@Test func cancelStopsTheRepetition() throws {
    var bench = Bench()
    let key = try ringing(&bench)
    bench.act { $0.progress(key, sdp: sampleAnswer, now: $1, out: &$2) }
    var cancel = callerInvite()
    cancel.start = .request(method: .cancel, uri: cancel.requestURI ?? "")
    cancel.headers.set(.cseq, "1 CANCEL")
    cancel.body = []
    bench.inject(cancel)
    _ = bench.takeSent()
    bench.advance(toMs: 1_000)
    #expect(bench.takeSent().allSatisfy { $0 == "487 INVITE" })
}
