import Base
import Testing

@testable import SIP

@Test(arguments: [
    ("sip:a@192.0.2.1", SIPTransport.udp, 5060), ("sips:a@192.0.2.1", .tls, 5061),
    ("sip:a@192.0.2.1;transport=TCP", .tcp, 5060), ("sip:a@192.0.2.1;transport=tls", .tls, 5061),
    ("sips:a@192.0.2.1;transport=tcp", .tls, 5061), ("sip:a@192.0.2.1;transport=ws", .ws, 80),
    ("sips:a@192.0.2.1:8443;transport=ws", .wss, 8_443), ("sip:[2001:db8::1]:5070", .udp, 5_070),
])
func uriNamesItsTransport(text: String, transport: SIPTransport, port: Int) throws {
    let address = SIPAddress(try SIPURI(text))
    #expect(address.transport == transport)
    #expect(address.port == port)
}

private func agent(switches: Bool = true) -> UserAgent {
    var party = LocalParty(host: "192.0.2.10", port: 5060, product: "Trunkline")
    party.streamPorts = [.tcp: 5062, .tls: 5061]
    var settings = UserAgent.Configuration(party: party, hashes: hashes)
    settings.switchesToTCP = switches
    return UserAgent(settings, entropy: SeededGenerator(seed: 3))
}

private let hashes = DigestHashes(md5: { _ in [] }, sha256: { _ in [] })

private func setup(to destination: SIPAddress, padding: Int = 0) throws -> CallSetup {
    CallSetup(
        target: try SIPURI("sip:+12125550100@example.com"),
        from: NameAddress(uri: .sip(try SIPURI("sip:+12125550199@192.0.2.10"))),
        offer: Array("v=0\r\n".utf8), destination: destination,
        headers: [("X-Padding", String(repeating: "p", count: padding))])
}

private func sent(_ out: inout Outbox<UserAgentOutput>) -> [(SIPMessage, SIPAddress)] {
    out.takeAll().compactMap {
        guard case .send(let bytes, let to) = $0, let message = try? SIPMessage(parsing: bytes)
        else { return nil }
        return (message, to)
    }
}

@Test func viaAndContactNameTheTransport() throws {
    var agent = agent()
    var out = Outbox<UserAgentOutput>()
    let peer = SIPAddress(host: "192.0.2.20", port: 5061, transport: .tls, name: "example.com")
    agent.place(try setup(to: peer), key: .outbound(1), now: .zero, out: &out)
    let invite = try #require(sent(&out).first)
    #expect(invite.1 == peer)
    #expect(invite.0.headers[.via]?.hasPrefix("SIP/2.0/TLS 192.0.2.10:5061;") == true)
    #expect(
        invite.0.headers[.contact] == "<sip:+12125550199@192.0.2.10:5061;transport=tls>")
}

/// RFC 3261 18.1.1, with the CANCEL on the INVITE's way (9.1).
@Test func largeRequestGoesOverTCPAndItsCancelFollows() throws {
    var agent = agent()
    var out = Outbox<UserAgentOutput>()
    let peer = SIPAddress(host: "192.0.2.20", port: 5060)
    agent.place(try setup(to: peer, padding: 1_000), key: .outbound(1), now: .zero, out: &out)
    let (invite, way) = try #require(sent(&out).first)
    #expect(way == SIPAddress(host: "192.0.2.20", port: 5060, transport: .tcp))
    #expect(invite.headers[.via]?.hasPrefix("SIP/2.0/TCP 192.0.2.10:5062;") == true)
    // Nothing is repeated over TCP: the next deadline is Timer B.
    #expect(agent.nextDeadline() == .zero + .seconds(32))
    agent.receive(
        invite.makeResponse(180, toTag: "x").serialised, from: way, now: .zero, out: &out)
    agent.hangUp(.outbound(1), now: .zero, out: &out)
    let cancel = try #require(sent(&out).last)
    #expect(cancel.0.method == .cancel)
    #expect(cancel.1 == way)
    #expect(cancel.0.headers[.via] == invite.headers[.via])
}

@Test func smallRequestStaysADatagram() throws {
    var agent = agent()
    var out = Outbox<UserAgentOutput>()
    let peer = SIPAddress(host: "192.0.2.20", port: 5060)
    agent.place(try setup(to: peer, padding: 300), key: .outbound(1), now: .zero, out: &out)
    let messages = sent(&out)
    #expect(messages.first?.1 == peer)
    #expect(messages.first.map { $0.0.serialised.count } ?? 9_999 <= 1_300)
    #expect(messages.first.map { $0.0.serialised.count == $0.0.serialisedCount } == true)
}

/// 18.1.1: when TCP is refused the request goes out as a datagram after all.
@Test func refusedConnectionFallsBackToUDP() throws {
    var agent = agent()
    var out = Outbox<UserAgentOutput>()
    let peer = SIPAddress(host: "192.0.2.20", port: 5060)
    agent.place(try setup(to: peer, padding: 1_300), key: .outbound(1), now: .zero, out: &out)
    let way = try #require(sent(&out).first).1
    agent.transportFailed(way, now: .zero, out: &out)
    let (invite, second) = try #require(sent(&out).first)
    #expect(second == peer)
    #expect(invite.headers[.via]?.hasPrefix("SIP/2.0/UDP 192.0.2.10:5060;") == true)
    // PJSIP without TCP refuses a Contact that asks for it.
    #expect(invite.headers[.contact] == "<sip:+12125550199@192.0.2.10:5060>")
    // Now there is no third way.
    agent.transportFailed(peer, now: .zero, out: &out)
    #expect(
        out.takeAll() == [
            .notice(.outbound(1), .ended(CallEnd(.transport, status: 503)))
        ])
    #expect(agent.transactionCount == 0)
    #expect(agent.isIdle)
}

@Test func brokenConnectionEndsOnlyWhatWasSentThere() throws {
    var agent = agent()
    var out = Outbox<UserAgentOutput>()
    let one = SIPAddress(host: "192.0.2.20", port: 5060, transport: .tcp)
    let two = SIPAddress(host: "192.0.2.21", port: 5060, transport: .tcp)
    agent.place(try setup(to: one), key: .outbound(1), now: .zero, out: &out)
    agent.place(try setup(to: two), key: .outbound(2), now: .zero, out: &out)
    _ = out.takeAll()
    agent.transportFailed(one, now: .zero, out: &out)
    #expect(
        out.takeAll() == [
            .notice(.outbound(1), .ended(CallEnd(.transport, status: 503)))
        ])
    #expect(agent.activeCalls == 1)
}

/// A message that the stream could not be cut at is answered, and never used (RFC 3261 18.3).
@Test func faultOfAStreamIsAnsweredWith400() throws {
    var agent = agent()
    var out = Outbox<UserAgentOutput>()
    let source = SIPAddress(host: "192.0.2.20", port: 40_000, transport: .tcp, flow: 4)
    let head = Array(
        """
        OPTIONS sip:x@192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.20:5070;branch=z9hG4bKq\r
        From: <sip:a@b>;tag=1\r\nTo: <sip:x@192.0.2.10>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r

        """.utf8)
    agent.receive(
        head, from: source, fault: .missing(.contentLength), now: .zero, out: &out)
    let (answer, to) = try #require(sent(&out).first)
    #expect(answer.status == 400)
    // The connection, else the sent-by address (18.2.2).
    #expect(to == SIPAddress(host: "192.0.2.20", port: 5_070, transport: .tcp, flow: 4))
    #expect(agent.transactionCount == 0)
}
