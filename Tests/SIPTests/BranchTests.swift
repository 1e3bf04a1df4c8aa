import Base
import SIP
import Testing

// Forks, late answers, redirections, loops (RFC 3261 8.1.3.4, 8.2.2.2, 13.2.2.4).

@Test func answerOfOneBranchEndsTheOthers() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    bench.inject(invite.reply(183, tag: "a", sdp: sampleAnswer))
    bench.inject(invite.reply(183, tag: "b", sdp: sampleOffer))
    bench.inject(invite.reply(200, tag: "b"))
    // The branch that answered said its description before.
    #expect(bench.notices.last == .answered(sdp: sampleOffer))
    bench.inject(invite.reply(200, tag: "c", contact: "<sip:c@192.0.2.22>", sdp: sampleAnswer))
    let bye = try bench.last(.bye)
    #expect(bye.requestURI == "sip:c@192.0.2.22")
    #expect(bye.headers[.to]?.hasSuffix(";tag=c") == true)
    #expect(bench.takeSent() == ["INVITE", "ACK", "ACK", "BYE"])
    // Its copy is acknowledged again, and not hung up twice.
    bench.inject(invite.reply(200, tag: "c", contact: "<sip:c@192.0.2.22>", sdp: sampleAnswer))
    #expect(bench.takeSent() == ["ACK"])
    #expect(bench.agent.activeCalls == 1)
}

@Test func branchesAreBounded() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    for n in 0..<40 { bench.inject(invite.reply(183, tag: "t\(n)", sdp: sampleAnswer)) }
    for n in 0..<40 { bench.inject(invite.reply(200, tag: "t\(n)", sdp: sampleAnswer)) }
    let acks = bench.sent.filter { $0.message.method == .ack }.count
    let byes = bench.sent.filter { $0.message.method == .bye }.count
    #expect(acks == SIPLimits.forkCount)
    #expect(byes == SIPLimits.forkCount - 1)
}

@Test func inviteOfOursThatComesBackIsALoop() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    var looped = invite
    let ours = try invite.headers[.via].orThrow()
    looped.headers.replaceFirst(.via, "SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKproxy, " + ours)
    bench.inject(looped)
    #expect(bench.takeSent() == ["INVITE", "482 INVITE"])
    #expect(bench.incoming.isEmpty)
}

@Test func callToOurselvesIsNoLoop() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    // Straight from us, and by a proxy that found us under another name.
    bench.inject(invite)
    #expect(bench.incoming.count == 1)
    var forwarded = invite
    let ours = try invite.headers[.via].orThrow()
    forwarded.start = .request(method: .invite, uri: "sip:desk@192.0.2.10")
    forwarded.headers.set(.cseq, "77 INVITE")
    forwarded.headers.replaceFirst(.via, "SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKproxy, " + ours)
    bench.inject(forwarded)
    #expect(bench.incoming.count == 2)
}

@Test func usedUpHopsAre483() {
    var bench = Bench()
    var invite = callerInvite()
    invite.headers.set(.maxForwards, "0")
    bench.inject(invite)
    #expect(bench.takeSent() == ["483 INVITE"])
}

@Test func sameRequestByAnotherPathIs482() {
    var bench = Bench()
    bench.inject(callerInvite())
    bench.inject(callerInvite(branch: "z9hG4bKother"))
    #expect(bench.takeSent() == ["482 INVITE"])
    #expect(bench.incoming.count == 1)
}

// MARK: redirection

private func redirecting(_ policy: RedirectPolicy, _ contacts: String...) throws -> Bench {
    var bench = Bench { $0.policy.redirects = policy }
    let invite = try calling(&bench)
    var response = invite.makeResponse(302, toTag: "peer")
    for contact in contacts { response.headers.append(.contact, contact) }
    bench.inject(response)
    return bench
}

@Test func redirectionIsNotFollowedUnlessAllowed() throws {
    var bench = try redirecting(RedirectPolicy(), "<sip:+12125550100@192.0.2.20:5070>")
    #expect(bench.takeSent() == ["INVITE", "ACK"])
    #expect(bench.takeNotices() == [.ended(CallEnd(.rejected, status: 302))])
}

@Test func allowedRedirectionIsFollowed() throws {
    var bench = try redirecting(
        RedirectPolicy(limit: 2, hosts: ["192.0.2.77"]), "<sip:+12125550100@192.0.2.77:5070>")
    let sent = try bench.sent.last.orThrow()
    #expect(sent.message.requestURI == "sip:+12125550100@192.0.2.77:5070")
    #expect(sent.to == SIPAddress(host: "192.0.2.77", port: 5070))
    #expect(sent.message.headers[.to] == "<sip:+12125550100@192.0.2.20>")
    #expect(bench.notices.isEmpty)
    bench.inject(sent.message.reply(200, sdp: sampleAnswer))
    #expect(bench.takeNotices() == [.trying, .answered(sdp: sampleAnswer)])
}

@Test(arguments: [
    // Another number, another host, another scheme, a name that cannot be reached, no unicast.
    "<sip:+19005550100@192.0.2.20>", "<sip:+12125550100@203.0.113.5>",
    "<tel:+19005550100>", "<sips:+12125550100@192.0.2.20>", "<sip:+12125550100@toll.example>",
    "<sip:+12125550100@224.0.0.1>", "not a contact",
])
func redirectionElsewhereIsRefused(contact: String) throws {
    var bench = try redirecting(
        RedirectPolicy(limit: 5, hosts: ["toll.example", "224.0.0.1"]), contact)
    #expect(bench.takeSent() == ["INVITE", "ACK"])
    #expect(bench.takeNotices() == [.ended(CallEnd(.rejected, status: 302))])
}

@Test func redirectionsAreBoundedAndNeverTheSameTwice() throws {
    var bench = Bench {
        $0.policy.redirects = RedirectPolicy(limit: 100, hosts: ["192.0.2.77"])
    }
    _ = try calling(&bench)
    for port in 5061...5100 {
        guard let sent = bench.sent.last(where: { $0.message.method == .invite }) else { break }
        bench.sent.removeAll()
        var response = sent.message.makeResponse(302, toTag: "p")
        response.headers.append(.contact, "<sip:+12125550100@192.0.2.77:\(port)>")
        // Back to where it came from: tried already.
        response.headers.append(.contact, "<\(sent.message.requestURI ?? "")>")
        bench.inject(response)
    }
    #expect(bench.takeNotices() == [.ended(CallEnd(.rejected, status: 302))])
    #expect(bench.agent.counters.sent(.invite) == 1 + SIPLimits.redirectCount)
}

@Test func targetsAreTriedInTheOrderOfTheirQ() throws {
    var bench = try redirecting(
        RedirectPolicy(limit: 3), "<sip:+12125550100@192.0.2.20:5071>;q=0.2",
        "<sip:+12125550100@192.0.2.20:5072>;q=0.9, <sip:+12125550100@192.0.2.20:5073>")
    var asked: [Int] = []
    while let sent = bench.sent.last, sent.message.method == .invite {
        asked.append(sent.to.port)
        bench.sent.removeAll()
        bench.inject(sent.message.reply(480, contact: nil))
        bench.sent.removeAll { $0.message.method == .ack }
    }
    #expect(asked == [5073, 5072, 5071])
    #expect(bench.takeNotices() == [.ended(CallEnd(.rejected, status: 480))])
}

@Test func redirectedCallShowsNoPassword() throws {
    var bench = Bench { $0.policy.redirects = RedirectPolicy(limit: 1, hosts: ["192.0.2.77"]) }
    try bench.place(
        credentials: DigestCredentials(username: "alice", password: Redacted("secret")))
    var response = try bench.last(.invite).makeResponse(302, toTag: "p")
    response.headers.append(.contact, "<sip:+12125550100@192.0.2.77>")
    bench.inject(response)
    let challenge = "Digest realm=\"r\", nonce=\"n1\", qop=\"auth\""
    bench.inject(try bench.last(.invite).reply(401, extra: [(.wwwAuthenticate, challenge)]))
    #expect(bench.notices.last == .ended(CallEnd(.rejected, status: 401)))
    #expect(bench.sent.allSatisfy { $0.message.headers[.authorization] == nil })
}
