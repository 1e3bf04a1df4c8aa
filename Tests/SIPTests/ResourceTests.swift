import Base
import Testing

@testable import SIP

// What a peer can make us hold or do, and for how long.

// MARK: transactions that nobody answers

/// A branch's UPDATE whose offer the owner is still thinking about when the call is decided.
private func ringingWithAnOpenUpdate(_ bench: inout Bench) throws -> SIPMessage {
    let invite = try calling(&bench)
    bench.inject(
        invite.reply(
            183, tag: "a", sdp: sampleAnswer, extra: [(.require, "100rel"), (.rseq, "1")]))
    let prack = try bench.last(.prack)
    bench.inject(prack.reply(200, tag: "a"))
    bench.inject(peerRequest(.update, in: invite, cseq: 5, tag: "a", sdp: sampleOffer))
    #expect(bench.takeNotices().last == .offer(sdp: sampleOffer))
    _ = bench.takeSent()
    return invite
}

/// RFC 3261 17.2.2 has no timer for a request that its user never answers: the branch's end answers it.
@Test(arguments: [
    (486, "a", ["487 UPDATE", "ACK"]), (200, "b", ["487 UPDATE", "ACK"]),
    (422, "a", ["487 UPDATE", "ACK", "INVITE"]),
])
func openUpdateOfABranchIsRefusedWhenTheCallIsDecided(
    status: Int, tag: String, expected: [String]
) throws {
    var bench = Bench()
    let invite = try ringingWithAnOpenUpdate(&bench)
    bench.inject(
        invite.reply(status, tag: tag, sdp: sampleAnswer, extra: [(.minSE, "3600")]))
    #expect(bench.takeSent().sorted() == expected)
    bench.hangUp()
    bench.advance(toMs: 120_000)
    #expect(bench.agent.transactionCount == 0)
}

/// The answer that crosses our CANCEL comes from the very branch that has the UPDATE open.
@Test func openUpdateIsRefusedWhenALateAnswerIsHungUp() throws {
    var bench = Bench()
    let invite = try ringingWithAnOpenUpdate(&bench)
    bench.hangUp()
    bench.inject(invite.reply(200, tag: "a", sdp: sampleAnswer))
    #expect(bench.takeSent() == ["CANCEL", "487 UPDATE", "ACK", "BYE"])
    bench.advance(toMs: 120_000)
    #expect(bench.agent.transactionCount == 0)
}

/// The branch that answers keeps its offer: the owner may still take it.
@Test func openUpdateOfTheBranchThatAnswersIsStillTheOwners() throws {
    var bench = Bench()
    let invite = try ringingWithAnOpenUpdate(&bench)
    bench.inject(invite.reply(200, tag: "a"))
    bench.act { $0.answerOffer(Bench.key, sdp: sampleAnswer, now: $1, out: &$2) }
    #expect(bench.takeSent() == ["ACK", "200 UPDATE"])
}

/// Whatever is forgotten to be answered goes when the client's Timer F has run out (RFC 4320).
@Test(arguments: [false, true])
func requestThatIsNeverAnsweredIsGivenUp(saysTrying: Bool) {
    var transaction = ServerTransaction(timing: SIPTimers(), now: .zero)
    var out = Outbox<TransactionOutput>()
    let request = callerInvite()
    if saysTrying {
        transaction.respond(request.makeResponse(100), now: Instant(milliseconds: 400), out: &out)
    }
    #expect(transaction.deadline == Instant(milliseconds: 32_000))
    _ = out.takeAll()
    transaction.handleTimers(now: Instant(milliseconds: 32_000))
    #expect(transaction.state == .terminated)
    #expect(transaction.deadline == nil)
    transaction.respond(request.makeResponse(200), now: Instant(milliseconds: 33_000), out: &out)
    #expect(out.isEmpty)
}

/// An answer just before that is kept for copies of the request all the same.
@Test func lateAnswerIsKeptForTimerJ() {
    var transaction = ServerTransaction(timing: SIPTimers(), now: .zero)
    var out = Outbox<TransactionOutput>()
    transaction.respond(
        callerInvite().makeResponse(200), now: Instant(milliseconds: 31_000), out: &out)
    #expect(transaction.deadline == Instant(milliseconds: 63_000))
}

/// The quarter above the limit is for calls: a CANCEL of nothing, which costs a made-up datagram, is
/// not let in there.
@Test func cancelsOfNothingDoNotTakeThePlaceOfAHangUp() throws {
    var bench = Bench { $0.maximumTransactions = 8 }
    let invite = try answered(&bench)
    for number in 0..<20 {
        var cancel = callerInvite(branch: "z9hG4bKflood\(number)", callID: "f\(number)", sdp: [])
        cancel.start = .request(method: .cancel, uri: "sip:echo@192.0.2.10")
        cancel.headers.set(.cseq, "1 CANCEL")
        bench.inject(cancel)
    }
    #expect(bench.agent.transactionCount == 8)
    #expect(bench.takeSent().last == "503 CANCEL")
    bench.inject(peerRequest(.bye, in: invite, cseq: 9))
    #expect(bench.takeSent() == ["200 BYE"])
}

// MARK: notices

@Test func digitsByInfoComeNoFasterThanKeysArePressed() throws {
    var bench = Bench()
    let invite = try answered(&bench)
    func press(_ count: Int, from cseq: Int) {
        for number in 0..<count {
            bench.inject(
                peerRequest(
                    .info, in: invite, cseq: cseq + number, sdp: Array("5".utf8),
                    type: "application/dtmf"))
        }
    }
    // A dial string at once, then no more than a digit in 40 ms (`SIPLimits`).
    press(100, from: 5)
    #expect(bench.takeNotices() == Array(repeating: .digit("5"), count: 32))
    let answers = bench.takeSent()
    #expect(answers.filter { $0 == "200 INFO" }.count == 32)
    #expect(answers.filter { $0 == "503 INFO" }.count == 68)
    #expect(bench.agent.counters.overloads == 68)
    bench.now = Instant(milliseconds: 39)
    press(1, from: 200)
    bench.now = Instant(milliseconds: 41)
    press(2, from: 201)
    #expect(bench.takeSent() == ["503 INFO", "200 INFO", "503 INFO"])
    #expect(bench.takeNotices() == [.digit("5")])
    // The call itself is not held up.
    bench.inject(peerRequest(.bye, in: invite, cseq: 300))
    #expect(bench.takeSent() == ["200 BYE"])
}

// MARK: sources

@Test(arguments: [
    ("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::ffff:2"),
    ("2001:db8:0:0:1::", "2001:0DB8::192.0.2.1"), ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
])
func addressesOfOneSource(one: String, other: String) {
    #expect(sourceNetwork(one) == sourceNetwork(other))
}

@Test func networksAreTold() {
    let all = [
        "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1", "2001:db80::1", "::1",
        "::ffff:192.0.2.3", "sip.example",
    ]
    #expect(Set(all.map(sourceNetwork)).count == all.count)
}

/// Who has a /64 has 2^64 addresses, and one bucket.
@Test func ipv6NetworkIsOneSource() {
    var gate = SourceGate(rate: 10, burst: 20)
    var passed = 0
    for number in 0..<1_000 {
        let host = "2001:db8::" + String(number, radix: 16)
        if gate.admit(host, now: .zero) == .pass { passed += 1 }
    }
    #expect(passed == 20)
    #expect(gate.sourceCount == 1)
    #expect(gate.admit("2001:db8:0:1::1", now: .zero) == .pass)
}

@Test func callsOfAnIPv6NetworkAreCountedTogether() {
    var bench = Bench { $0.maximumCallsPerSource = 3 }
    for number in 0..<5 {
        let host = "2001:db8::\(number + 1)"
        bench.inject(
            callerInvite(
                branch: "z9hG4bKs\(number)", callID: "six-\(number)",
                via: "SIP/2.0/TCP [\(host)];branch=z9hG4bKs\(number)"),
            from: SIPAddress(host: host, port: 5060, transport: .tcp))
    }
    #expect(bench.incoming.count == 3)
    #expect(bench.takeSent() == ["503 INVITE", "503 INVITE"])
    // Each end gives its place back.
    for call in bench.incoming { bench.act { $0.reject(call.key, status: 486, now: $1, out: &$2) } }
    #expect(bench.agent.callsBySource.isEmpty)
}

// MARK: traces

/// Datagrams are traced before they are parsed: their Call-IDs are memory like what is kept of them.
@Test func callIDsCountAsMemoryOfTheTrace() {
    var limits = TraceStore.Limits()
    limits.messageBytes = 100
    limits.bytes = 100_000
    var store = TraceStore(limits)
    for number in 0..<300 {
        store.record(
            Array(
                "OPTIONS x SIP/2.0\r\ni: \(number)\(String(repeating: "i", count: 9_000))\r\n".utf8),
            isOutgoing: false, peer: Bench.peer, at: WallTime(milliseconds: 0))
        #expect(store.bytes <= 100_000)
    }
    #expect(store.callCount == 10)
}
