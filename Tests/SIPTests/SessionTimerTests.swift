import Base
import SIP
import Testing

// RFC 4028, both roles.

private func timed(_ bench: inout Bench, expires: String?, allow: String? = nil) throws
    -> SIPMessage
{
    let invite = try calling(&bench)
    var extra: [(HeaderName, String)] = []
    if let expires { extra.append((.sessionExpires, expires)) }
    if let allow { extra.append((.allow, allow)) }
    bench.inject(invite.reply(200, sdp: sampleAnswer, extra: extra))
    _ = bench.takeSent()
    _ = bench.takeNotices()
    return invite
}

@Test func inviteAsksForASessionTimer() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    #expect(invite.headers[.sessionExpires] == "1800")
    #expect(invite.headers[.minSE] == nil)
    #expect(invite.headers[.supported] == "replaces, timer, 100rel")
}

@Test func switchedOffItIsNotSpoken() throws {
    var bench = Bench { $0.policy.sessionTimer = nil }
    let invite = try calling(&bench)
    #expect(invite.headers[.sessionExpires] == nil)
    #expect(invite.headers[.supported] == "replaces, 100rel")
    bench.inject(callerInvite(extra: [(.require, "timer")]))
    let refusal = try bench.lastResponse()
    #expect(refusal.status == 420)
    #expect(refusal.headers[.unsupported] == "timer")
}

@Test func tooSmallAnIntervalIsAskedForAgain() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    bench.inject(invite.reply(422, extra: [(.minSE, "3600")]))
    let again = try bench.last(.invite)
    #expect(again.headers[.sessionExpires] == "3600")
    #expect(again.headers[.minSE] == "3600")
    #expect(again.headers[.callID] == invite.headers[.callID])
    #expect(again.headers[.from] == invite.headers[.from])
    #expect(again.headers[.cseq] != invite.headers[.cseq])
    #expect(bench.takeNotices().isEmpty)
    // A peer that never has enough, or says nothing new, is a refusal.
    bench.inject(again.reply(422, extra: [(.minSE, "3600")]))
    #expect(bench.takeNotices() == [.ended(CallEnd(.rejected, status: 422))])
}

@Test func insatiablePeerIsGivenUpAfterThreeRaises() throws {
    var bench = Bench()
    _ = try calling(&bench)
    for minimum in [2000, 3000, 4000, 5000] {
        bench.inject(try bench.last(.invite).reply(422, extra: [(.minSE, "\(minimum)")]))
    }
    #expect(bench.sent.filter { $0.message.method == .invite }.count == 4)
    #expect(bench.takeNotices() == [.ended(CallEnd(.rejected, status: 422))])
}

@Test func asRefresherWeSendUpdateAtHalfTime() throws {
    var bench = Bench()
    _ = try timed(&bench, expires: "200;refresher=uac", allow: "INVITE, UPDATE")
    bench.advance(toMs: 99_999)
    #expect(bench.sent.isEmpty)
    bench.advance(toMs: 100_000)
    let update = try bench.last(.update)
    #expect(update.body.isEmpty)
    #expect(update.headers[.sessionExpires] == "200;refresher=uac")
    #expect(update.headers[.contact] == "<sip:+12125550199@192.0.2.10:5060>")
    bench.inject(update.reply(200, extra: [(.sessionExpires, "200;refresher=uac")]))
    _ = bench.takeSent()
    // The next one is counted from the answer.
    bench.advance(toMs: 200_000)
    #expect(bench.takeSent() == ["UPDATE"])
    #expect(bench.notices.isEmpty)
}

@Test func withoutUpdateTheRefreshIsAReInviteWithTheSameOffer() throws {
    var bench = Bench()
    _ = try timed(&bench, expires: "200;refresher=uac", allow: "INVITE, ACK, BYE")
    bench.advance(toMs: 100_000)
    let again = try bench.last(.invite)
    #expect(again.body == sampleOffer)
    bench.inject(
        again.reply(200, sdp: sampleAnswer, extra: [(.sessionExpires, "200;refresher=uac")]))
    #expect(bench.takeSent() == ["INVITE", "ACK"])
    // The same description again is no news.
    #expect(bench.takeNotices().isEmpty)
}

@Test func unansweredRefreshEndsTheCall() throws {
    var bench = Bench()
    _ = try timed(&bench, expires: "200;refresher=uac", allow: "UPDATE")
    bench.advance(toMs: 140_000)
    #expect(bench.takeSent().last == "BYE")
    #expect(bench.takeNotices() == [.ended(CallEnd(.peerLost, status: 408))])
}

@Test func refusedRefreshIsTriedAgainAndExpiryEndsTheCall() throws {
    var bench = Bench()
    _ = try timed(&bench, expires: "200;refresher=uac", allow: "UPDATE")
    var refreshes = 0
    for ms in stride(from: Int64(1_000), through: 199_000, by: 1_000) {
        bench.advance(toMs: ms)
        for sent in bench.sent where sent.message.method == .update {
            refreshes += 1
            bench.inject(sent.message.reply(500))
        }
        _ = bench.takeSent()
    }
    #expect(refreshes > 3)
    bench.advance(toMs: 200_000)
    #expect(bench.takeSent() == ["BYE"])
    #expect(bench.takeNotices() == [.ended(CallEnd(.sessionExpired, status: 200))])
}

@Test func forgottenDialogEndsTheCall() throws {
    var bench = Bench()
    _ = try timed(&bench, expires: "200;refresher=uac", allow: "UPDATE")
    bench.advance(toMs: 100_000)
    bench.inject(try bench.last(.update).reply(481))
    #expect(bench.takeSent() == ["UPDATE", "BYE"])
    #expect(bench.takeNotices() == [.ended(CallEnd(.peerLost, status: 481))])
}

@Test func missingRefreshOfThePeerEndsTheCallBeforeItsEnd() throws {
    var bench = Bench()
    _ = try timed(&bench, expires: "180;refresher=uas")
    // 180 − min(32, 60) s (RFC 4028 10).
    bench.advance(toMs: 147_999)
    #expect(bench.sent.isEmpty)
    bench.advance(toMs: 148_000)
    #expect(bench.takeSent() == ["BYE"])
    #expect(bench.takeNotices() == [.ended(CallEnd(.sessionExpired, status: 200))])
}

@Test func refreshOfThePeerKeepsTheCall() throws {
    var bench = Bench()
    let invite = try timed(&bench, expires: "180;refresher=uas")
    for n in 1...5 {
        bench.advance(toMs: Int64(n) * 100_000)
        var update = peerRequest(.update, in: invite, cseq: 10 + n)
        update.headers.append(.supported, "timer")
        update.headers.append(.sessionExpires, "180;refresher=uac")
        bench.inject(update)
        let ok = try bench.lastResponse()
        #expect(ok.headers[.sessionExpires] == "180;refresher=uac")
        #expect(ok.headers[.require] == "timer")
    }
    #expect(bench.takeSent() == Array(repeating: "200 UPDATE", count: 5))
    #expect(bench.notices.isEmpty)
}

@Test func withoutSessionExpiresInTheAnswerNothingExpires() throws {
    var bench = Bench()
    _ = try timed(&bench, expires: nil)
    bench.advance(toMs: 10_000_000)
    #expect(bench.sent.isEmpty)
    #expect(bench.agent.activeCalls == 1)
}

@Test func peerCannotMakeUsRefreshAllTheTime() throws {
    var bench = Bench()
    _ = try timed(&bench, expires: "1;refresher=uac", allow: "UPDATE")
    // Our minimum of 90 s counts.
    bench.advance(toMs: 44_999)
    #expect(bench.sent.isEmpty)
    bench.advance(toMs: 45_000)
    #expect(bench.takeSent() == ["UPDATE"])
}

// MARK: as callee

private func answeredInvite(
    _ bench: inout Bench, _ extra: [(HeaderName, String)]
) throws -> SIPMessage {
    bench.inject(callerInvite(extra: extra))
    let key = try bench.incoming.last.orThrow().key
    bench.act { $0.answer(key, sdp: sampleAnswer, now: $1, out: &$2) }
    let ok = try bench.lastResponse()
    bench.inject(callerRequest(.ack, after: ok, cseq: 1))
    _ = bench.takeSent()
    _ = bench.takeNotices()
    return ok
}

@Test func intervalBelowOurMinimumIs422() throws {
    var bench = Bench()
    bench.inject(callerInvite(extra: [(.supported, "timer"), (.sessionExpires, "60")]))
    let refusal = try bench.lastResponse()
    #expect(refusal.status == 422)
    #expect(refusal.headers[.minSE] == "90")
    #expect(bench.incoming.isEmpty)
    #expect(bench.agent.activeCalls == 0)
}

@Test func proxysSmallIntervalIsTakenForACallerWithoutTimers() throws {
    var bench = Bench()
    let ok = try answeredInvite(&bench, [(.sessionExpires, "60")])
    // It cannot refresh and must not be asked for more: we refresh.
    #expect(ok.headers[.sessionExpires] == "60;refresher=uas")
    #expect(ok.headers[.require] == nil)
}

@Test func callersChoiceOfRefresherStands() throws {
    var bench = Bench()
    let ok = try answeredInvite(
        &bench, [(.supported, "timer"), (.sessionExpires, "300;refresher=uac")])
    #expect(ok.headers[.sessionExpires] == "300;refresher=uac")
    #expect(ok.headers[.require] == "timer")
    bench.advance(toMs: 267_999)
    #expect(bench.sent.isEmpty)
    bench.advance(toMs: 268_000)
    #expect(bench.takeSent() == ["BYE"])
    #expect(bench.takeNotices() == [.ended(CallEnd(.sessionExpired, status: 200))])
}

@Test func withoutAChoiceTheCalleeRefreshes() throws {
    var bench = Bench()
    let ok = try answeredInvite(
        &bench, [(.supported, "timer"), (.sessionExpires, "4000"), (.allow, "UPDATE")])
    // Never more than our own interval.
    #expect(ok.headers[.sessionExpires] == "1800;refresher=uas")
    bench.advance(toMs: 900_000)
    #expect(try bench.last(.update).headers[.sessionExpires] == "1800;refresher=uac")
}

@Test func minimumOfAProxyIsRespected() throws {
    var bench = Bench()
    let ok = try answeredInvite(
        &bench, [(.supported, "timer"), (.sessionExpires, "4000"), (.minSE, "3600")])
    #expect(ok.headers[.sessionExpires] == "3600;refresher=uas")
}

@Test func unreadableSessionExpiresIs400() throws {
    var bench = Bench()
    bench.inject(callerInvite(extra: [(.sessionExpires, "soon")]))
    #expect(try bench.lastResponse().status == 400)
}
