import Base
import SIP
import Testing

// How many offers the peer of a call may make within it: 16 at once, then one a second, and four that
// say again what it said last.

/// A description that differs from the others'.
private func description(_ n: Int) -> [UInt8] {
    Array("v=0\r\no=- 7 \(n) IN IP4 192.0.2.20\r\ns=-\r\n".utf8)
}

/// The peer of a call of ours, which is answered and which it goes on changing.
private struct Changer {
    var bench = Bench()
    let invite: SIPMessage
    let method: SIPMethod
    private var cseq = 4

    init(_ method: SIPMethod) throws {
        invite = try answered(&bench)
        self.method = method
    }

    /// Sends an offer, has it answered when the owner gets it, and acknowledges; its final response.
    mutating func offer(_ sdp: [UInt8], _ other: SIPMethod? = nil) throws -> SIPMessage {
        cseq += 1
        let method = other ?? method
        bench.inject(peerRequest(method, in: invite, cseq: cseq, sdp: sdp))
        if bench.takeNotices() == [.offer(sdp: sdp)] {
            bench.act { $0.answerOffer(Bench.key, sdp: sampleAnswer, now: $1, out: &$2) }
        }
        let response = try bench.lastResponse()
        if method == .invite {
            // Of a refusal the ACK has the branch of its INVITE.
            var ack = peerRequest(.ack, in: invite, cseq: cseq)
            if response.status != 200 {
                ack.headers.set(.via, "SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKpeer\(cseq)INVITE")
            }
            bench.inject(ack)
        }
        bench.sent.removeAll()
        return response
    }

    /// How many of `count` different offers at one time are taken.
    mutating func taken(of count: Int, from first: Int) throws -> Int {
        try (first..<(first + count)).reduce(0) {
            $0 + (try offer(description($1)).status == 200 ? 1 : 0)
        }
    }
}

@Test(arguments: [SIPMethod.invite, .update])
func offersBeyondTheBudgetAreRefusedAndTheCallGoesOn(method: SIPMethod) throws {
    var peer = try Changer(method)
    #expect(try peer.taken(of: 16, from: 0) == 16)
    let refusal = try peer.offer(description(16))
    #expect(refusal.status == 500)
    #expect(refusal.headers[.retryAfter] == "10")
    #expect(try peer.taken(of: 20, from: 17) == 0)
    #expect(peer.bench.agent.counters.refusedOffers == 21)
    // Nothing of it reached the owner, and nothing waits.
    #expect(peer.bench.takeNotices() == [])
    peer.bench.advance(toMs: 999)
    #expect(try peer.taken(of: 1, from: 40) == 0)
    peer.bench.advance(toMs: 1000)
    #expect(try peer.taken(of: 2, from: 50) == 1)
    // It never grows beyond what it was.
    peer.bench.advance(toMs: 600_000)
    #expect(try peer.taken(of: 40, from: 100) == 16)
    #expect(peer.bench.agent.activeCalls == 1)
    peer.bench.inject(peerRequest(.bye, in: peer.invite, cseq: 500))
    #expect(peer.bench.takeSent() == ["200 BYE"])
}

@Test(arguments: [SIPMethod.invite, .update])
func aSessionIsRefreshedWhenTheBudgetForChangesIsGone(method: SIPMethod) throws {
    var peer = try Changer(method)
    #expect(try peer.taken(of: 17, from: 0) == 16)
    // As the peer described itself last in an offer that was taken.
    for _ in 0..<4 { #expect(try peer.offer(description(15)).status == 200) }
    // Those have an end as well.
    #expect(try peer.offer(description(15)).status == 500)
    for _ in 0..<100 { #expect(try peer.offer([], .update).status == 200) }
    // A flood of changes, one a second and more, leaves them what comes.
    for second in 1...60 {
        peer.bench.advance(toMs: Int64(second) * 1000)
        #expect(try peer.taken(of: 3, from: second * 10) == (second > 4 ? 1 : 0))
    }
    #expect(try peer.offer(description(600)).status == 200)
}

/// Who asks for an offer makes us build one.
@Test func wishesForAnOfferCount() throws {
    var peer = try Changer(.invite)
    for _ in 0..<16 { #expect(try peer.offer([]).status == 200) }
    #expect(try peer.offer([]).status == 500)
    #expect(try peer.taken(of: 1, from: 0) == 0)
}

/// What is refused because something is open costs nothing.
@Test func offersThatComeTooEarlyDoNotCount() throws {
    var peer = try Changer(.update)
    peer.bench.inject(peerRequest(.update, in: peer.invite, cseq: 5, sdp: sampleOffer))
    for cseq in 6..<60 {
        peer.bench.inject(peerRequest(.update, in: peer.invite, cseq: cseq, sdp: description(1)))
    }
    #expect(peer.bench.takeSent() == Array(repeating: "500 UPDATE", count: 54))
    #expect(peer.bench.agent.counters.refusedOffers == 0)
    peer.bench.act { $0.answerOffer(Bench.key, sdp: sampleAnswer, now: $1, out: &$2) }
    #expect(peer.bench.takeSent() == ["200 UPDATE"])
}

/// The branches of a call share one budget.
@Test func branchesHaveNoBudgetOfTheirOwn() throws {
    var bench = Bench()
    let invite = try calling(&bench)
    let tags = ["a", "b", "c", "d"]
    for tag in tags {
        bench.inject(
            invite.reply(
                183, tag: tag, sdp: sampleAnswer, extra: [(.require, "100rel"), (.rseq, "1")]))
        bench.inject(try bench.last(.prack).reply(200, tag: tag))
    }
    _ = bench.takeSent()
    _ = bench.takeNotices()
    var taken = 0
    for n in 0..<40 {
        bench.inject(
            peerRequest(
                .update, in: invite, cseq: 5 + n / 4, tag: tags[n % 4],
                branch: "z9hG4bK\(tags[n % 4])", sdp: description(n)))
        if bench.takeNotices() == [.offer(sdp: description(n))] { taken += 1 }
        bench.act { $0.answerOffer(Bench.key, sdp: sampleAnswer, now: $1, out: &$2) }
    }
    #expect(taken == 16)
    #expect(bench.agent.counters.refusedOffers == 24)
}
