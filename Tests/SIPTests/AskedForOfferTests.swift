import Base
import SIP
import Testing

// A re-INVITE of the peer without an offer: ours goes out in the 200, the ACK brings its answer
// (RFC 3261 14.2, RFC 6337 5.2.5).

private let freshOffer = Array("v=0\r\no=- 1 7 IN IP4 127.0.0.1\r\ns=-\r\na=sendrecv\r\n".utf8)

/// The owner makes its offer.
private func give(_ bench: inout Bench, _ sdp: [UInt8] = freshOffer) {
    bench.act { $0.answerOffer(Bench.key, sdp: sdp, now: $1, out: &$2) }
}

@Test func theOwnerIsAskedForTheOffer() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    bench.inject(peerRequest(.invite, in: invite, cseq: 5))
    #expect(bench.takeNotices() == [.offer(sdp: [])])
    #expect(bench.takeSent().isEmpty)
    give(&bench)
    #expect(try bench.lastResponse().body == freshOffer)
    #expect(bench.takeSent() == ["200 INVITE"])
    let changed = Array("v=0\r\no=- 2 2 IN IP4 127.0.0.2\r\n".utf8)
    bench.inject(peerRequest(.ack, in: invite, cseq: 5, sdp: changed))
    #expect(bench.takeNotices() == [.answered(sdp: changed)])
    // A copy of the ACK says nothing new.
    bench.inject(peerRequest(.ack, in: invite, cseq: 5, sdp: changed))
    #expect(bench.takeNotices().isEmpty)
}

/// Our offer is another: the same words agree to something else.
@Test func anAnswerInTheSameWordsIsAnAnswer() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    bench.inject(peerRequest(.invite, in: invite, cseq: 5))
    give(&bench)
    _ = bench.takeNotices()
    bench.inject(peerRequest(.ack, in: invite, cseq: 5, sdp: sampleAnswer))
    #expect(bench.takeNotices() == [.answered(sdp: sampleAnswer)])
}

/// 13.2.1: only an offer of ours wants an answer in the ACK.
@Test func aBodyInTheACKOfOurAnswerIsNoAnswer() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    bench.inject(peerRequest(.invite, in: invite, cseq: 5, sdp: sampleOffer))
    give(&bench, sampleAnswer)
    _ = bench.takeNotices()
    bench.inject(peerRequest(.ack, in: invite, cseq: 5, sdp: holdAnswer))
    #expect(bench.takeNotices().isEmpty)

    var called = Bench()
    called.inject(callerInvite())
    let key = try called.incoming.last.orThrow().key
    called.act { $0.answer(key, sdp: sampleAnswer, now: $1, out: &$2) }
    var ack = callerRequest(.ack, after: try called.lastResponse(), cseq: 1)
    ack.headers.append(.contentType, "application/sdp")
    ack.body = holdAnswer
    called.inject(ack)
    #expect(called.takeNotices() == [.answered(sdp: [])])
}

/// 13.3.1.4 and 14.2: until our 200 is acknowledged everything else waits.
@Test func whileThePeerAsksEverythingElseWaits() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    bench.inject(peerRequest(.invite, in: invite, cseq: 5))
    bench.inject(peerRequest(.invite, in: invite, cseq: 6, sdp: sampleOffer))
    bench.inject(peerRequest(.update, in: invite, cseq: 7, sdp: sampleOffer))
    bench.act { $0.changeMedia(Bench.key, offer: holdOffer, now: $1, out: &$2) }
    #expect(bench.takeSent() == ["500 INVITE", "500 UPDATE"])
    give(&bench)
    bench.inject(peerRequest(.invite, in: invite, cseq: 8))
    bench.inject(peerRequest(.update, in: invite, cseq: 9, sdp: sampleOffer))
    #expect(bench.takeSent() == ["200 INVITE", "491 INVITE", "491 UPDATE"])
    bench.advance(toMs: 500)
    #expect(bench.takeSent().contains("200 INVITE"))
    bench.inject(peerRequest(.ack, in: invite, cseq: 5, sdp: sampleAnswer))
    #expect(try bench.last(.invite).body == holdOffer)
    #expect(bench.takeSent() == ["INVITE"])
}

@Test func askingIntoAnOfferOfOursIsGlare() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    bench.act { $0.changeMedia(Bench.key, offer: holdOffer, now: $1, out: &$2) }
    bench.inject(peerRequest(.invite, in: invite, cseq: 5))
    #expect(bench.takeSent() == ["INVITE", "491 INVITE"])
    #expect(bench.notices.isEmpty)
}

@Test func anOwnerWithoutAnOfferLeavesTheSession() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    bench.inject(peerRequest(.invite, in: invite, cseq: 5))
    bench.act { $0.refuseOffer(Bench.key, now: $1, out: &$2) }
    #expect(bench.takeSent() == ["488 INVITE"])
    bench.inject(peerRequest(.ack, in: invite, cseq: 5, branch: "z9hG4bKpeer"))
    // One that says nothing is not waited for.
    bench.inject(peerRequest(.invite, in: invite, cseq: 6))
    bench.advance(toMs: 10_000)
    #expect(bench.takeSent().contains("488 INVITE"))
    #expect(bench.agent.activeCalls == 1)
}

@Test func thePeerMayTakeItsAskingBack() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    let again = peerRequest(.invite, in: invite, cseq: 5)
    bench.inject(again)
    var cancel = again
    cancel.start = .request(method: .cancel, uri: again.requestURI ?? "")
    cancel.headers.set(.cseq, "5 CANCEL")
    bench.inject(cancel)
    #expect(bench.takeSent() == ["200 CANCEL", "487 INVITE"])
    give(&bench)
    #expect(bench.takeSent().isEmpty)
    bench.inject(peerRequest(.bye, in: invite, cseq: 6))
    #expect(bench.takeSent() == ["200 BYE"])
}

/// 12.2.2: the 2xx moves the peer's target, asking does not.
@Test func theTargetMovesWithThe200() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    var again = peerRequest(.invite, in: invite, cseq: 5)
    again.headers.set(.contact, "<sip:moved@192.0.2.20>")
    bench.inject(again)
    #expect(bench.agent.remoteTarget(Bench.key)?.user == "peer")
    give(&bench)
    #expect(bench.agent.remoteTarget(Bench.key)?.user == "moved")
}

/// RFC 4028 7.4: what was said last, to the letter. An answer that is no news is not told; one that the
/// ACK left out is, whatever its words.
@Test(arguments: [(holdAnswer, []), ([], [CallNotice.offerAnswered(sdp: holdAnswer)])])
func aRefreshSaysTheFreshOfferAgain(answer: [UInt8], told: [CallNotice]) throws {
    var bench = Bench()
    let invite = try calling(&bench)
    bench.inject(
        invite.reply(
            200, sdp: holdAnswer,
            extra: [(.sessionExpires, "200;refresher=uac"), (.allow, "INVITE, ACK, BYE")]))
    var again = peerRequest(.invite, in: invite, cseq: 5)
    again.headers.append(.supported, "timer")
    bench.inject(again)
    give(&bench)
    bench.inject(peerRequest(.ack, in: invite, cseq: 5, sdp: answer))
    _ = bench.takeSent()
    _ = bench.takeNotices()
    bench.advance(toMs: 900_000)
    let refresh = try bench.last(.invite)
    #expect(refresh.body == freshOffer)
    bench.inject(refresh.reply(200, sdp: holdAnswer))
    #expect(bench.takeNotices() == told)
}
