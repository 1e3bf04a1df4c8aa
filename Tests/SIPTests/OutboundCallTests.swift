import Base
import SIP
import Testing

@Test func callIsPlacedAnsweredAndHungUp() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    #expect(invite.requestURI == "sip:+12125550100@192.0.2.20")
    #expect(invite.headers[.to] == "<sip:+12125550100@192.0.2.20>")
    #expect(invite.headers[.maxForwards] == "70")
    #expect(invite.headers[.contact] == "<sip:+12125550199@192.0.2.10:5060>")
    #expect(
        invite.headers[.allow]
            == "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY")
    #expect(
        invite.headers[.via]?.hasPrefix("SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bK") == true)
    #expect(invite.body == sampleOffer)
    #expect(bench.sent.last?.to == Bench.peer)

    bench.inject(invite.reply(100, tag: nil, contact: nil))
    bench.inject(invite.reply(180))
    bench.inject(invite.reply(200, sdp: sampleAnswer))
    #expect(bench.takeNotices() == [.trying, .ringing, .answered(sdp: sampleAnswer)])
    let ack = try bench.last(.ack)
    #expect(ack.requestURI == "sip:peer@192.0.2.20")
    #expect(ack.headers[.to]?.hasSuffix(";tag=peer") == true)
    #expect(bench.takeSent() == ["INVITE", "ACK"])

    bench.hangUp()
    let bye = try bench.last(.bye)
    #expect(bench.takeSent() == ["BYE"])
    #expect(bench.takeNotices() == [.ended(CallEnd(.localBye, status: 200))])
    bench.inject(bye.reply(200, contact: nil))
    bench.advance(toMs: 40_000)
    #expect(bench.agent.isIdle)
    #expect(bench.agent.transactionCount == 0)
    #expect(bench.notices.isEmpty)
}

@Test func peerHangsUp() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    var bye = peerRequest(.bye, in: invite, cseq: 7)
    bye.headers.append(.reason, "Q.850;cause=16")
    bench.inject(bye)
    #expect(bench.takeSent() == ["200 BYE"])
    #expect(
        bench.takeNotices() == [
            .ended(CallEnd(.remoteBye, status: 200, reason: "Q.850;cause=16"))
        ])
    // Its copy is answered by the transaction.
    bench.inject(bye)
    #expect(bench.takeSent() == ["200 BYE"])
    #expect(bench.notices.isEmpty)
}

@Test(
    arguments: [
        (486, nil), (404, nil), (603, "SIP;cause=603;text=\"v=analytics1;url=https://x\""),
        (503, nil),
        (302, nil),
    ] as [(Int, String?)])
func refusalIsAcknowledgedAndReported(_ status: Int, _ reason: String?) throws {
    var bench = Bench()
    let invite = try calling(&bench)
    let extra = reason.map { [(HeaderName.reason, $0)] } ?? []
    bench.inject(invite.reply(status, contact: "<sip:else@192.0.2.99>", extra: extra))
    #expect(bench.takeSent() == ["INVITE", "ACK"])
    #expect(
        bench.takeNotices() == [
            .ended(CallEnd(.rejected, status: status, reason: reason))
        ])
    bench.advance(toMs: 40_000)
    #expect(bench.takeSent().isEmpty)
    #expect(bench.agent.isIdle)
}

@Test func earlyMediaIsReportedOncePerDescription() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    bench.inject(invite.reply(183, sdp: sampleAnswer))
    bench.inject(invite.reply(183, sdp: sampleAnswer))
    bench.inject(invite.reply(180))
    bench.inject(invite.reply(183, sdp: sampleOffer))
    #expect(
        bench.takeNotices() == [
            .trying, .earlyMedia(sdp: sampleAnswer), .ringing, .earlyMedia(sdp: sampleOffer),
        ])
}

/// A callee that alternates: each description would be read, and would set the leg up anew.
@Test func earlyMediaThatChangesForEverIsFollowedForAWhileAndThenFromTheAnswerOn() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    for round in 0..<200 {
        bench.inject(invite.reply(183, sdp: round % 2 == 0 ? sampleAnswer : sampleOffer))
    }
    let notices = bench.takeNotices()
    #expect(notices.count { if case .earlyMedia = $0 { true } else { false } } == 32)
    #expect(bench.agent.counters.ignoredDescriptions == 168)
    // What is repeated is no change.
    bench.inject(invite.reply(183, sdp: sampleOffer))
    #expect(bench.agent.counters.ignoredDescriptions == 168)
    #expect(bench.takeNotices() == [])
    // The last one, which was ignored, was that of the dialog that answers.
    bench.inject(invite.reply(183, sdp: sampleAnswer))
    bench.inject(invite.reply(200))
    #expect(bench.takeNotices() == [.answered(sdp: sampleAnswer)])
}

@Test func answerWithoutSDPTakesTheEarlyOne() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    bench.inject(invite.reply(183, sdp: sampleAnswer))
    bench.inject(invite.reply(200))
    #expect(bench.notices.last == .answered(sdp: sampleAnswer))
}

@Test func answerWithoutAnySDPIsAckedAndByed() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    bench.inject(invite.reply(200))
    #expect(bench.takeSent() == ["INVITE", "ACK", "BYE"])
    #expect(bench.takeNotices() == [.ended(CallEnd(.protocolError, status: 200))])
}

// MARK: retransmission

@Test func lostInviteIsRepeatedUntilTimerB() throws {
    var bench = Bench()
    try bench.place()
    bench.advance(toMs: 40_000)
    #expect(bench.sent.map(\.ms) == [0, 500, 1500, 3500, 7500, 15_500, 31_500])
    #expect(bench.takeNotices() == [.ended(CallEnd(.timeout, status: 408))])
    #expect(bench.agent.counters.retransmissions == 6)
    #expect(bench.agent.isIdle)
}

@Test func repeatedAnswerGetsTheSameACKAgain() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    let ok = invite.reply(200, sdp: sampleAnswer)
    bench.inject(ok)
    let first = try bench.last(.ack)
    bench.inject(ok)
    #expect(try bench.last(.ack) == first)
    #expect(bench.takeSent() == ["INVITE", "ACK", "ACK"])
    #expect(bench.takeNotices() == [.trying, .answered(sdp: sampleAnswer)])
    // Also after the call has ended, as long as Timer M runs.
    bench.hangUp()
    bench.inject(ok)
    #expect(bench.takeSent() == ["BYE", "ACK"])
}

@Test func surplusAnswerOfAForkIsAckedAndByed() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    bench.inject(invite.reply(180, tag: "one"))
    bench.inject(invite.reply(180, tag: "two"))
    bench.inject(invite.reply(200, tag: "two", sdp: sampleAnswer))
    _ = bench.takeSent()
    bench.inject(invite.reply(200, tag: "one", contact: "<sip:one@192.0.2.21>", sdp: sampleAnswer))
    let bye = try bench.last(.bye)
    #expect(bye.requestURI == "sip:one@192.0.2.21")
    #expect(bye.headers[.to]?.hasSuffix(";tag=one") == true)
    #expect(bench.sent.map(\.to.host) == ["192.0.2.21", "192.0.2.21"])
    #expect(bench.takeSent() == ["ACK", "BYE"])
    // The call goes on.
    bench.hangUp()
    #expect(try bench.last(.bye).headers[.to]?.hasSuffix(";tag=two") == true)
}

@Test func forksBeyondTheLimitAreIgnored() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    for n in 0..<40 { bench.inject(invite.reply(200, tag: "t\(n)", sdp: sampleAnswer)) }
    #expect(bench.takeSent().filter { $0 == "ACK" }.count == SIPLimits.forkCount)
}

// MARK: CANCEL

@Test func hangUpBeforeTheAnswerCancels() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    bench.inject(invite.reply(180))
    bench.hangUp()
    let cancel = try bench.last(.cancel)
    #expect(cancel.headers.lines(.via) == invite.headers.lines(.via))
    #expect(cancel.headers[.to] == invite.headers[.to])
    #expect(cancel.headers[.from] == invite.headers[.from])
    #expect(cancel.requestURI == invite.requestURI)
    let number = invite.headers[.cseq]?.split(separator: " ").first
    #expect(cancel.headers[.cseq].map { $0.split(separator: " ").first } == number)
    bench.inject(cancel.reply(200, contact: nil))
    bench.inject(invite.reply(487))
    #expect(bench.takeSent() == ["INVITE", "CANCEL", "ACK"])
    #expect(
        bench.takeNotices() == [
            .trying, .ringing, .ended(CallEnd(.cancelled, status: 487)),
        ])
}

@Test func hangUpBeforeAnyProvisionalWaitsForOne() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    bench.hangUp()
    #expect(bench.takeSent() == ["INVITE"])
    bench.inject(invite.reply(100, tag: nil, contact: nil))
    #expect(bench.takeSent() == ["CANCEL"])
    bench.inject(invite.reply(180))
    #expect(bench.takeSent().isEmpty)
    bench.inject(invite.reply(487))
    #expect(bench.takeNotices() == [.ended(CallEnd(.cancelled, status: 487))])
}

@Test func lateTwoHundredAfterCancelIsAckedAndByed() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    bench.inject(invite.reply(180))
    bench.hangUp()
    bench.inject(invite.reply(200, sdp: sampleAnswer))
    #expect(bench.takeSent() == ["INVITE", "CANCEL", "ACK", "BYE"])
    #expect(
        bench.takeNotices() == [
            .trying, .ringing, .ended(CallEnd(.cancelled, status: 200)),
        ])
}

@Test func answerWithoutProvisionalAfterHangUpIsAckedAndByed() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    bench.hangUp()
    bench.inject(invite.reply(200, sdp: sampleAnswer))
    #expect(bench.takeSent() == ["INVITE", "ACK", "BYE"])
}

@Test func cancelThatNobodyAnswersIsGivenUp() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    bench.inject(invite.reply(180))
    bench.advance(toMs: 1_000)
    bench.hangUp()
    bench.advance(toMs: 60_000)
    #expect(bench.notices.last == .ended(CallEnd(.cancelled, status: 408)))
    #expect(bench.notices.filter { if case .ended = $0 { true } else { false } }.count == 1)
    #expect(bench.agent.isIdle)
    #expect(bench.agent.transactionCount == 0)
}

@Test func ringTimeCountsFromTheFirstRinging() throws {
    var bench = Bench()
    try bench.place(ringTimeout: .seconds(20))
    let invite = try bench.last(.invite)
    bench.inject(invite.reply(100, tag: nil, contact: nil))
    bench.advance(toMs: 8_000)
    bench.inject(invite.reply(180))
    bench.advance(toMs: 15_000)
    bench.inject(invite.reply(180))
    bench.advance(toMs: 27_999)
    #expect(bench.takeSent() == ["INVITE"])
    bench.advance(toMs: 28_000)
    #expect(bench.takeSent() == ["CANCEL"])
    bench.inject(invite.reply(487))
    #expect(bench.notices.last == .ended(CallEnd(.noAnswer, status: 487)))
}

@Test func repeatedEarlyMediaDoesNotProlongTheRingTime() throws {
    var bench = Bench()
    try bench.place(ringTimeout: .seconds(20))
    let invite = try bench.last(.invite)
    for second in stride(from: Int64(0), to: 20, by: 3) {
        bench.advance(toMs: second * 1000)
        bench.inject(invite.reply(183, sdp: sampleAnswer))
    }
    bench.advance(toMs: 19_999)
    #expect(bench.takeSent() == ["INVITE"])
    bench.advance(toMs: 20_000)
    #expect(bench.takeSent() == ["CANCEL"])
}

@Test func callThatNeverRingsIsCancelledAfterTheAllowance() throws {
    var bench = Bench()
    try bench.place(ringTimeout: .seconds(20))
    let invite = try bench.last(.invite)
    bench.inject(invite.reply(100, tag: nil, contact: nil))
    bench.advance(toMs: 49_999)
    #expect(bench.takeSent() == ["INVITE"])
    bench.advance(toMs: 50_000)
    #expect(bench.takeSent() == ["CANCEL"])
}

@Test func refusalThatCrossesTheRingTimeoutKeepsItsMeaning() throws {
    var bench = Bench()
    try bench.place(ringTimeout: .seconds(1))
    let invite = try bench.last(.invite)
    bench.inject(invite.reply(180))
    bench.advance(toMs: 1_000)
    bench.inject(invite.reply(486))
    #expect(bench.notices.last == .ended(CallEnd(.rejected, status: 486)))
}

// MARK: digest

private let credentials = DigestCredentials(username: "trunk", password: Redacted("secret"))

private func challenge(_ nonce: String, stale: Bool = false, realm: String = "t") -> [(
    HeaderName, String
)] {
    [
        (
            .proxyAuthenticate,
            "Digest realm=\"\(realm)\", nonce=\"\(nonce)\", qop=\"auth\""
                + (stale ? ", stale=true" : "")
        )
    ]
}

@Test func challengeIsAnsweredWithTheNextNumberAndANewBranch() throws {
    var bench = Bench()
    try bench.place(credentials: credentials)
    let first = try bench.last(.invite)
    #expect(first.headers[.proxyAuthorization] == nil)
    bench.inject(first.reply(407, contact: nil, extra: challenge("n1")))
    let second = try bench.last(.invite)
    #expect(bench.takeSent() == ["INVITE", "ACK", "INVITE"])
    let numbers = try [first, second].map { try CSeq($0.headers[.cseq] ?? "").number }
    #expect(numbers[1] == numbers[0] + 1)
    #expect(second.headers[.callID] == first.headers[.callID])
    #expect(second.headers[.from] == first.headers[.from])
    #expect(second.headers[.to] == first.headers[.to])
    #expect(second.headers[.via] != first.headers[.via])
    #expect(second.headers[.proxyAuthorization]?.contains("username=\"trunk\"") == true)
    bench.inject(second.reply(200, sdp: sampleAnswer))
    // ACK and BYE carry proof too.
    #expect(
        try bench.last(.ack).headers[.proxyAuthorization] == second.headers[.proxyAuthorization])
    bench.hangUp()
    let bye = try bench.last(.bye)
    #expect(bye.headers[.proxyAuthorization]?.contains("nc=00000002") == true)
    _ = bench.takeSent()
    bench.inject(bye.reply(407, contact: nil, extra: challenge("n2")))
    let again = try bench.last(.bye)
    #expect(again.headers[.proxyAuthorization]?.contains("nonce=\"n2\"") == true)
    #expect(bench.takeSent() == ["BYE"])
    #expect(bench.notices.last == .ended(CallEnd(.localBye, status: 200)))
}

@Test func wrongPasswordEndsTheCall() throws {
    var bench = Bench()
    try bench.place(credentials: credentials)
    bench.inject(try bench.last(.invite).reply(407, contact: nil, extra: challenge("n1")))
    bench.inject(try bench.last(.invite).reply(407, contact: nil, extra: challenge("n2")))
    #expect(bench.takeSent() == ["INVITE", "ACK", "INVITE", "ACK"])
    #expect(bench.takeNotices() == [.ended(CallEnd(.rejected, status: 407))])
}

@Test func challengeLoopIsGivenUp() throws {
    var bench = Bench()
    try bench.place(credentials: credentials)
    for n in 0..<10 {
        guard let invite = try? bench.last(.invite) else { break }
        bench.inject(invite.reply(407, contact: nil, extra: challenge("n\(n)", stale: true)))
    }
    #expect(bench.takeSent().filter { $0 == "INVITE" }.count == 3)
    #expect(bench.takeNotices() == [.ended(CallEnd(.rejected, status: 407))])
}

@Test func challengeAfterHangUpIsNotAnswered() throws {
    var bench = Bench()
    try bench.place(credentials: credentials)
    let invite = try bench.last(.invite)
    bench.hangUp()
    bench.inject(invite.reply(407, contact: nil, extra: challenge("n1")))
    #expect(bench.takeSent() == ["INVITE", "ACK"])
    #expect(bench.takeNotices() == [.ended(CallEnd(.cancelled, status: 407))])
}

// MARK: the owner's headers, and limits

@Test func ownersHeadersGoOutButNotThoseOfTheProtocol() throws {
    var bench = Bench()
    try bench.place(headers: [
        ("X-Campaign", "7"), ("Via", "SIP/2.0/UDP evil"), ("t", "<sip:evil@x>"),
        ("P-Asserted-Identity", "<sip:+12125550199@t>"), ("X-Bad", "a\r\nRoute: <sip:evil>"),
        ("Bad Name", "x"),
    ])
    let invite = try bench.last(.invite)
    #expect(invite.headers[HeaderName("X-Campaign")] == "7")
    #expect(invite.headers[HeaderName("P-Asserted-Identity")] == "<sip:+12125550199@t>")
    #expect(invite.headers[HeaderName("X-Bad")] == nil)
    #expect(invite.headers.count(.via) == 1)
    #expect(invite.headers.count(.to) == 1)
}

@Test func callsBeyondTheLimitEndAtOnce() throws {
    var bench = Bench { $0.maximumCalls = 1 }
    try bench.place()
    try bench.place(key: .outbound(2))
    #expect(bench.takeSent() == ["INVITE"])
    #expect(bench.takeNotices() == [.ended(CallEnd(.overload, status: 0))])
    #expect(bench.agent.counters.overloads == 1)
}

@Test func forgedAndLateResponsesAreStrays() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    var forged = invite.reply(200, sdp: sampleAnswer)
    forged.headers.set(.via, "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKguess")
    bench.inject(forged)
    var twoVias = invite.reply(200, sdp: sampleAnswer)
    twoVias.headers.append(.via, "SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKx")
    bench.inject(twoVias)
    #expect(bench.notices.isEmpty)
    #expect(bench.agent.counters.strays == 2)
}
