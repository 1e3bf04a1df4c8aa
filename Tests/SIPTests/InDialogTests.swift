import Base
import SIP
import Testing

// What the peer may ask of an outbound call.

@Test func reInviteIsHandedToTheOwnerAndAnswered() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    let again = peerRequest(.invite, in: invite, cseq: 5, sdp: sampleOffer)
    bench.inject(again)
    #expect(bench.takeNotices() == [.offer(sdp: sampleOffer)])
    #expect(bench.takeSent() == [])
    // A second one meanwhile is too early (14.2).
    bench.inject(peerRequest(.invite, in: invite, cseq: 6, sdp: sampleOffer))
    #expect(bench.takeSent() == ["500 INVITE"])
    bench.act { $0.answerOffer(Bench.key, sdp: sampleAnswer, now: $1, out: &$2) }
    let ok = try bench.lastResponse()
    #expect(ok.status == 200)
    #expect(ok.body == sampleAnswer)
    // Until the ACK the 200 is repeated, and another re-INVITE is glare.
    bench.advance(toMs: 600)
    #expect(bench.takeSent() == ["200 INVITE", "500 INVITE", "200 INVITE"])
    bench.inject(peerRequest(.invite, in: invite, cseq: 7, sdp: sampleOffer))
    #expect(bench.takeSent() == ["491 INVITE"])
    bench.inject(peerRequest(.ack, in: invite, cseq: 5))
    bench.advance(toMs: 20_000)
    #expect(bench.takeSent().filter { $0.hasPrefix("200") }.isEmpty)
    #expect(bench.notices.isEmpty)
}

@Test func refusedOrIgnoredOfferIs488AndTheCallGoesOn() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    bench.inject(peerRequest(.invite, in: invite, cseq: 5, sdp: sampleOffer))
    bench.act { $0.refuseOffer(Bench.key, now: $1, out: &$2) }
    #expect(bench.takeSent() == ["488 INVITE"])
    bench.inject(peerRequest(.ack, in: invite, cseq: 5, branch: "z9hG4bKpeer"))
    bench.inject(peerRequest(.update, in: invite, cseq: 6, sdp: sampleOffer))
    bench.advance(toMs: 10_000)
    #expect(bench.takeSent().contains("488 UPDATE"))
    #expect(bench.agent.activeCalls == 1)
}

@Test func digitsOfInfoAreReported() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    let bodies = [
        ("Signal=5\r\nDuration=160\r\n", "application/dtmf-relay"),
        ("Signal = #", "Application/DTMF-Relay; x=y"), ("9", "application/dtmf"),
        ("Signal=10\r\n", "application/dtmf-relay"), ("Signal=55\r\n", "application/dtmf-relay"),
        ("Duration=1\r\n", "application/dtmf-relay"),
    ]
    for (n, body) in bodies.enumerated() {
        bench.inject(
            peerRequest(.info, in: invite, cseq: 5 + n, sdp: Array(body.0.utf8), type: body.1))
    }
    #expect(bench.takeNotices() == [.digit("5"), .digit("#"), .digit("9"), .digit("*")])
    #expect(bench.takeSent() == Array(repeating: "200 INFO", count: 6))
    bench.inject(
        peerRequest(.info, in: invite, cseq: 20, sdp: Array("x".utf8), type: "text/plain"))
    #expect(bench.takeSent() == ["415 INFO"])
}

@Test func otherRequestsWithinTheCall() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    bench.inject(peerRequest(.options, in: invite, cseq: 5))
    bench.inject(peerRequest(.update, in: invite, cseq: 6))
    bench.inject(peerRequest(SIPMethod("REFER"), in: invite, cseq: 7))
    bench.inject(peerRequest(.options, in: invite, cseq: 3))
    bench.inject(peerRequest(.bye, in: invite, cseq: 9, tag: "stranger"))
    #expect(
        bench.takeSent() == [
            "200 OPTIONS", "200 UPDATE", "400 REFER", "500 OPTIONS", "481 BYE",
        ])
    #expect(bench.notices.isEmpty)
}

@Test func reInviteBeforeTheAnswerIsGlare() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    bench.inject(invite.reply(180))
    bench.inject(peerRequest(.invite, in: invite, cseq: 5, sdp: sampleOffer))
    #expect(bench.takeSent() == ["INVITE", "491 INVITE"])
}

@Test func crossingByesAreBothAnswered() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    bench.hangUp()
    bench.inject(peerRequest(.bye, in: invite, cseq: 9))
    #expect(bench.takeSent() == ["BYE", "200 BYE"])
    #expect(bench.takeNotices() == [.ended(CallEnd(.localBye, status: 200))])
}

@Test func reInviteAfterOurByeIs481() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    bench.hangUp()
    bench.inject(peerRequest(.invite, in: invite, cseq: 9, sdp: sampleOffer))
    #expect(bench.takeSent() == ["BYE", "481 INVITE"])
}
