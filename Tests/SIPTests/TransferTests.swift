import Base
import SIP
import Testing

// REFER, NOTIFY, Replaces (RFC 3515, 3420, 3891, 3892).

private func transfer(
    _ bench: inout Bench, to target: String = "sip:agents@192.0.2.40", consulted: CallKey? = nil
) throws -> Bool {
    let uri = try SIPURI(target)
    var taken = false
    bench.act {
        taken = $0.transfer(Bench.key, to: uri, consulted: consulted, now: $1, out: &$2)
    }
    return taken
}

private func notify(
    _ invite: SIPMessage, cseq: Int, _ status: String, state: String = "active;expires=60",
    event: String = "refer", type: String = "message/sipfrag;version=2.0"
) -> SIPMessage {
    var request = peerRequest(
        .notify, in: invite, cseq: cseq, sdp: Array("SIP/2.0 \(status)\r\n".utf8), type: type)
    request.headers.append(.event, event)
    request.headers.append(.subscriptionState, state)
    return request
}

@Test func blindTransferIsAskedForAndFollowed() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    #expect(try transfer(&bench))
    let refer = try bench.last(.refer)
    #expect(refer.headers[.referTo] == "<sip:agents@192.0.2.40>")
    #expect(refer.headers[.referredBy] == "<sip:+12125550199@192.0.2.10>")
    // One at a time.
    #expect(try !transfer(&bench))
    // The first NOTIFY may overtake the 202 (RFC 3515 2.4.4).
    bench.inject(notify(invite, cseq: 5, "100 Trying"))
    bench.inject(refer.reply(202))
    bench.inject(notify(invite, cseq: 6, "180 Ringing"))
    bench.inject(
        notify(invite, cseq: 7, "200 OK", state: "terminated;reason=noresource"))
    #expect(
        bench.takeNotices() == [
            .transferProgress(status: 100, isFinal: false),
            .transferProgress(status: 180, isFinal: false),
            .transferProgress(status: 200, isFinal: true),
        ])
    #expect(bench.takeSent() == ["REFER", "200 NOTIFY", "200 NOTIFY", "200 NOTIFY"])
    // What comes after the end belongs to nothing.
    bench.inject(notify(invite, cseq: 8, "200 OK"))
    #expect(bench.takeSent() == ["481 NOTIFY"])
    #expect(bench.agent.activeCalls == 1)
}

@Test func refusedTransferIsReportedAndTheCallGoesOn() throws {
    var bench = Bench()
    _ = try answered(&bench)
    #expect(try transfer(&bench))
    bench.inject(try bench.last(.refer).reply(603))
    #expect(bench.takeNotices() == [.transferProgress(status: 603, isFinal: true)])
    #expect(try transfer(&bench))
}

@Test func transferNobodyTellsAboutEnds() throws {
    var bench = Bench()
    _ = try answered(&bench)
    #expect(try transfer(&bench))
    bench.inject(try bench.last(.refer).reply(202))
    bench.advance(toMs: 180_000)
    #expect(bench.takeNotices() == [.transferProgress(status: 408, isFinal: true)])
}

@Test func terminatedWithoutAnEndIsTold() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    #expect(try transfer(&bench))
    bench.inject(try bench.last(.refer).reply(202))
    bench.inject(notify(invite, cseq: 5, "100 Trying", state: "terminated;reason=timeout"))
    #expect(bench.takeNotices() == [.transferProgress(status: 0, isFinal: true)])
}

@Test func notificationsThatFitNothingAreRefused() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    bench.inject(notify(invite, cseq: 5, "200 OK"))
    bench.inject(notify(invite, cseq: 6, "200 OK", event: "presence"))
    #expect(try transfer(&bench))
    bench.inject(notify(invite, cseq: 7, "200 OK", event: "refer;id=99"))
    bench.inject(notify(invite, cseq: 8, "200 OK", type: "text/plain"))
    var bare = notify(invite, cseq: 9, "200 OK")
    bare.headers.removeAll(.subscriptionState)
    bench.inject(bare)
    #expect(
        bench.takeSent() == [
            "481 NOTIFY", "489 NOTIFY", "REFER", "481 NOTIFY", "415 NOTIFY", "400 NOTIFY",
        ])
    #expect(bench.notices.isEmpty)
}

@Test func attendedTransferNamesTheConsultedDialogAsItsTargetSeesIt() throws {
    var bench = Bench()
    _ = try answered(&bench)
    let second = CallKey.outbound(2)
    try bench.place(key: second, target: "sip:agent@192.0.2.40")
    let other = try bench.last(.invite)
    bench.inject(
        other.reply(200, tag: "agenttag", contact: "<sip:agent@192.0.2.40:5070>", sdp: sampleAnswer)
    )
    #expect(try transfer(&bench, to: "sip:agent@192.0.2.40:5070", consulted: second))
    let ourTag = try other.headers[.from].orThrow().split(separator: "=").last.orThrow()
    let id = try other.headers[.callID].orThrow()
    #expect(
        try bench.last(.refer).headers[.referTo]
            == "<sip:agent@192.0.2.40:5070?Replaces=\(id)%3Bto-tag%3Dagenttag%3Bfrom-tag%3D\(ourTag)>"
    )
}

// MARK: as the one who is transferred

private func refer(
    _ invite: SIPMessage, cseq: Int, to target: String?, extra: [(HeaderName, String)] = []
) -> SIPMessage {
    var request = peerRequest(.refer, in: invite, cseq: cseq)
    if let target { request.headers.append(.referTo, target) }
    for line in extra { request.headers.append(line.0, line.1) }
    return request
}

@Test func acceptedTransferIsReportedToItsEnd() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    bench.inject(
        refer(
            invite, cseq: 5, to: "<sip:desk@192.0.2.50?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2>",
            extra: [(.referredBy, "<sip:boss@192.0.2.20>")]))
    guard case .transferRequested(let wish)? = bench.takeNotices().first else {
        Issue.record("no request")
        return
    }
    #expect(wish.target.serialised == "sip:desk@192.0.2.50")
    #expect(wish.replaces == Replaces(callID: "a@b", toTag: "1", fromTag: "2"))
    #expect(wish.referredBy == "<sip:boss@192.0.2.20>")
    bench.act { $0.acceptTransfer(Bench.key, now: $1, out: &$2) }
    #expect(bench.takeSent() == ["202 REFER", "NOTIFY"])
    bench.act { $0.reportTransfer(Bench.key, status: 180, now: $1, out: &$2) }
    let progress = try bench.last(.notify)
    #expect(progress.headers[.event] == "refer")
    #expect(progress.headers[.subscriptionState] == "active;expires=180")
    #expect(progress.headers[.contentType] == "message/sipfrag;version=2.0")
    #expect(text(progress.body).hasPrefix("SIP/2.0 180 "))
    bench.act { $0.reportTransfer(Bench.key, status: 200, now: $1, out: &$2) }
    let last = try bench.last(.notify)
    #expect(last.headers[.subscriptionState] == "terminated;reason=noresource")
    #expect(text(last.body) == "SIP/2.0 200 OK\r\n")
    _ = bench.takeSent()
    bench.act { $0.reportTransfer(Bench.key, status: 200, now: $1, out: &$2) }
    #expect(bench.takeSent().isEmpty)
}

@Test func secondTransferOfADialogHasAnIdentifier() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    for cseq in [5, 6] {
        bench.inject(refer(invite, cseq: cseq, to: "<sip:desk@192.0.2.50>"))
        bench.act { $0.acceptTransfer(Bench.key, now: $1, out: &$2) }
    }
    #expect(try bench.last(.notify).headers[.event] == "refer;id=6")
}

@Test func transferThatNobodyDecidesAboutIsDeclined() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    bench.inject(refer(invite, cseq: 5, to: "<sip:desk@192.0.2.50>"))
    // Meanwhile another one is too many.
    bench.inject(refer(invite, cseq: 6, to: "<sip:desk@192.0.2.51>"))
    bench.advance(toMs: 10_000)
    #expect(bench.takeSent() == ["603 REFER", "603 REFER"])
}

@Test(
    arguments: [
        (nil, 400), ("what", 400), ("<tel:+19005550100>", 603), ("<https://example.com>", 603),
        ("<sip:x@192.0.2.1;method=BYE>", 603), ("<sip:x@192.0.2.1?Replaces=broken>", 603),
    ] as [(String?, Int)])
func transferToWhatIsNoCallIsRefused(target: String?, status: Int) throws {
    var bench = Bench()
    let invite = try answered(&bench)
    bench.inject(refer(invite, cseq: 5, to: target))
    #expect(bench.takeSent() == ["\(status) REFER"])
    #expect(bench.notices.isEmpty)
}

@Test func strangersMayNotReferAtAll() {
    var bench = Bench()
    var request = callerInvite(sdp: [])
    request.start = .request(method: .refer, uri: "sip:echo@192.0.2.10")
    request.headers.set(.cseq, "1 REFER")
    request.headers.append(.referTo, "<sip:+19005550100@192.0.2.10>")
    bench.inject(request)
    #expect(bench.takeSent() == ["403 REFER"])
}

@Test func hangUpWhileATransferIsUndecidedAnswersIt() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    bench.inject(refer(invite, cseq: 5, to: "<sip:desk@192.0.2.50>"))
    bench.hangUp()
    #expect(bench.takeSent() == ["603 REFER", "BYE"])
}

// MARK: Replaces

private func replacing(
    _ old: SIPMessage, from: SIPAddress = Bench.peer, early: Bool = false,
    callID: String = "in-1", _ bench: inout Bench
) throws {
    let ourTag = try old.headers[.from].orThrow().split(separator: "=").last.orThrow()
    let id = try old.headers[.callID].orThrow()
    bench.inject(
        callerInvite(
            branch: "z9hG4bK" + callID, callID: callID,
            extra: [
                (
                    .replaces,
                    "\(id);to-tag=\(ourTag);from-tag=peer\(early ? ";early-only" : "")"
                )
            ]), from: from)
}

@Test func callThatReplacesAnotherEndsItOnceAnswered() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    try replacing(invite, &bench)
    let incoming = try bench.incoming.last.orThrow()
    #expect(incoming.invite.replaces == Bench.key)
    #expect(bench.takeSent() == [])
    bench.act { $0.answer(incoming.key, sdp: sampleAnswer, now: $1, out: &$2) }
    #expect(bench.takeSent() == ["200 INVITE", "BYE"])
    #expect(bench.takeNotices() == [.ended(CallEnd(.replaced, status: 200))])
    #expect(bench.agent.activeCalls == 1)
}

@Test func onlyThePeerAndWhoThePolicyNamesMayReplace() throws {
    var bench = Bench { $0.policy.replacementSources = ["192.0.2.60"] }
    let invite = try answered(&bench)
    try replacing(invite, from: SIPAddress(host: "198.51.100.9", port: 5060), &bench)
    #expect(bench.takeSent() == ["403 INVITE"])
}

@Test func whoThePolicyNamesMayReplace() throws {
    var bench = Bench { $0.policy.replacementSources = ["192.0.2.60"] }
    let invite = try answered(&bench)
    try replacing(invite, from: SIPAddress(host: "192.0.2.60", port: 5060), &bench)
    #expect(bench.incoming.count == 1)
}

@Test func replacingWhatIsNotThereOrAlreadyAnsweredIsRefused() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    bench.inject(callerInvite(extra: [(.replaces, "none;to-tag=a;from-tag=b")]))
    bench.inject(
        callerInvite(branch: "z9hG4bKin2", callID: "in-2", extra: [(.replaces, "x;to-tag=1")]))
    #expect(bench.takeSent() == ["481 INVITE", "400 INVITE"])
    try replacing(invite, early: true, callID: "in-3", &bench)
    #expect(bench.takeSent() == ["486 INVITE"])
    bench.hangUp()
    _ = bench.takeSent()
    try replacing(invite, callID: "in-4", &bench)
    #expect(bench.takeSent() == ["603 INVITE"])
    #expect(bench.incoming.isEmpty)
}
