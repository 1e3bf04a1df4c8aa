import Base
import CallModel
import Foundation
import SIP
import Testing

@testable import Signalling

/// A whole call: INVITE, 200, ACK, BYE from the callee, all over one transport.
private func complete(
    _ caller: Phone, _ callee: Phone, over transport: SIPTransport, host: String = "127.0.0.1",
    padding: Int = 0
) async throws {
    let events = Events()
    let leg = await caller.call(callee, over: transport, host: host, padding: padding, to: events)
    let call = try await callee.calls.first()
    let other = Events()
    let answered = call.answer(sdp: answer, events: { other.put($0) })
    #expect(try await events.answered() == .answered(sdp: answer))
    #expect(try await other.answered() == .answered(sdp: []))
    answered.hangUp()
    #expect(try await events.ended() == .ended(.remoteHangup, status: 200))
    #expect(try await other.ended() == .ended(.localHangup, status: 200))
    _ = leg
}

@Test(arguments: [SIPTransport.tcp, .ws])
func callGoesOverAStream(transport: SIPTransport) async throws {
    let caller = try await Phone { $0.transports.tcpPort = 0 }
    let callee = try await Phone {
        $0.transports.tcpPort = 0
        $0.transports.webSocketPort = 0
    }
    try await complete(caller, callee, over: transport)
    let wire = try await Counts(caller)
    // One connection carried both directions: the callee opened none.
    #expect(wire.connections == 1)
    #expect(try await Counts(callee).connections == 1)
    await caller.agent.shutdown()
    await callee.agent.shutdown()
}

private struct Counts {
    var connections: Int
    var drops: [String: Int]

    init(_ phone: Phone) async throws {
        (connections, drops) = await phone.agent.streamCounts()
    }
}

@Test func callGoesOverIPv6() async throws {
    let caller = try await Phone {
        $0.host = "::1"
        $0.transports.tcpPort = 0
    }
    let callee = try await Phone {
        $0.host = "::1"
        $0.transports.tcpPort = 0
    }
    try await complete(caller, callee, over: .tcp, host: "::1")
    try await complete(caller, callee, over: .udp, host: "::1")
    await caller.agent.shutdown()
    await callee.agent.shutdown()
}

/// RFC 3261 18.1.1: the INVITE of more than 1300 bytes arrives by TCP, the rest by UDP.
@Test func largeInviteSwitchesToTCP() async throws {
    let caller = try await Phone { $0.transports.tcpPort = 0 }
    let callee = try await Phone { $0.transports.tcpPort = 0 }
    try await complete(caller, callee, over: .udp, padding: 1_200)
    #expect(try await Counts(callee).connections == 1)
    await caller.agent.shutdown()
    await callee.agent.shutdown()
}

@Test func largeInviteFallsBackToUDPWhereThereIsNoTCP() async throws {
    let caller = try await Phone { $0.transports.tcpPort = 0 }
    let callee = try await Phone()
    try await complete(caller, callee, over: .udp, padding: 1_200)
    await caller.agent.shutdown()
    await callee.agent.shutdown()
}

@Test func refusedConnectionEndsTheCallAtOnce() async throws {
    let caller = try await Phone { $0.transports.tcpPort = 0 }
    let events = Events()
    caller.agent.place(
        OutboundCall(
            id: CallID("c"), target: "sip:a@127.0.0.1:\(try await freePort());transport=tcp",
            from: "x", offer: offer), events: { events.put($0) })
    #expect(try await events.ended() == .ended(.trunkError, status: 503))
    await caller.agent.shutdown()
}

private let request =
    "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5099;branch=z9hG4bKs1\r\n"
    + "From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: stream\r\n"
    + "CSeq: 1 OPTIONS\r\n"

@Test func answerComesBackOnTheConnectionOfTheRequest() async throws {
    let phone = try await Phone { $0.transports.tcpPort = 0 }
    let client = try await RawClient(port: phone.port)
    try await client.send(request + "Content-Le")
    try await client.send("ngth: 0\r\n\r\n")
    let response = try SIPMessage(parsing: try await client.received.first())
    #expect(response.status == 200)
    try await client.send("\r\n\r\n")
    #expect(try await client.received.first() == [13, 10])
    await client.close()
    await phone.agent.shutdown()
}

@Test func streamWithoutContentLengthGets400AndTheEnd() async throws {
    let phone = try await Phone { $0.transports.tcpPort = 0 }
    let client = try await RawClient(port: phone.port)
    try await client.send(request + "\r\n")
    #expect(try SIPMessage(parsing: try await client.received.first()).status == 400)
    _ = try await client.closed.first()
    await phone.agent.shutdown()
}

/// Slowloris: neither silence nor a message that trickles holds a connection.
@Test(arguments: ["", "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: "])
func silentAndTricklingConnectionsAreClosed(text: String) async throws {
    let phone = try await Phone {
        $0.transports.tcpPort = 0
        $0.transports.limits.firstMessage = .milliseconds(10)
        $0.transports.limits.message = .milliseconds(10)
    }
    let client = try await RawClient(port: phone.port)
    if !text.isEmpty { try await client.send(text) }
    _ = try await client.closed.first()
    #expect(try await Counts(phone).drops["deadline"] == 1)
    #expect(try await Counts(phone).connections == 0)
    await phone.agent.shutdown()
}

/// A body that never comes: the request is refused, then the connection closed (RFC 4475 clerr).
@Test func promisedBodyThatDoesNotComeIsRefused() async throws {
    let phone = try await Phone {
        $0.transports.tcpPort = 0
        $0.transports.limits.message = .milliseconds(10)
    }
    let client = try await RawClient(port: phone.port)
    try await client.send(request + "Content-Length: 9999\r\n\r\nhello")
    #expect(try SIPMessage(parsing: try await client.received.first()).status == 400)
    _ = try await client.closed.first()
    await phone.agent.shutdown()
}

@Test func oneSourceGetsItsShareOfConnections() async throws {
    let phone = try await Phone {
        $0.transports.tcpPort = 0
        $0.transports.limits.perSource = 2
    }
    let first = try await RawClient(port: phone.port)
    let second = try await RawClient(port: phone.port)
    try await second.send(request + "Content-Length: 0\r\n\r\n")
    _ = try await second.received.first()
    let third = try await RawClient(port: phone.port)
    _ = try await third.closed.first()
    #expect(try await Counts(phone).drops["connections"] == 1)
    await first.close()
    await second.close()
    await phone.agent.shutdown()
}

@Test func webSocketWantsTheSubprotocolAndTheOrigin() async throws {
    let phone = try await Phone {
        $0.transports.webSocketPort = 0
        $0.transports.webSocketOrigins = ["https://phones.example"]
    }
    let port = try #require(await phone.agent.ports()[.ws])
    func handshake(_ fields: String) async throws -> String {
        let client = try await RawClient(port: port)
        try await client.send(
            "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                + fields + "\r\n")
        let text = String(decoding: try await client.received.first(), as: UTF8.self)
        await client.close()
        return text
    }
    #expect(try await handshake("Sec-WebSocket-Protocol: sip\r\n").hasPrefix("HTTP/1.1 101"))
    let right = "Sec-WebSocket-Protocol: chat, sip\r\nOrigin: https://phones.example\r\n"
    let accepted = try await handshake(right)
    #expect(accepted.hasPrefix("HTTP/1.1 101"))
    #expect(accepted.lowercased().contains("sec-websocket-protocol: sip\r\n"))
    #expect(!(try await handshake("Sec-WebSocket-Protocol: chat\r\n")).hasPrefix("HTTP/1.1 101"))
    let strange = "Sec-WebSocket-Protocol: sip\r\nOrigin: https://other.example\r\n"
    #expect(!(try await handshake(strange)).hasPrefix("HTTP/1.1 101"))
    await phone.agent.shutdown()
}

/// A WebSocket port and a TLS port hold no connection that says nothing, or that goes away before its
/// handshake.
@Test(arguments: [false, true])
func connectionsWithoutHandshakeAreForgotten(goes: Bool) async throws {
    let phone = try await Phone {
        $0.transports.webSocketPort = 0
        $0.transports.limits.firstMessage = .milliseconds(10)
    }
    let port = try #require(await phone.agent.ports()[.ws])
    let client = try await RawClient(port: port)
    if goes { await client.close() } else { _ = try await client.closed.first() }
    for _ in 0..<500 where try await Counts(phone).connections > 0 {
        try await Task.sleep(for: .milliseconds(10))
    }
    #expect(try await Counts(phone).connections == 0)
    await phone.agent.shutdown()
}

// MARK: TLS

@Test(arguments: [SIPTransport.tls, .wss])
func callGoesOverTLS(transport: SIPTransport) async throws {
    let authority = try TestAuthority()
    defer { authority.remove() }
    let one = try authority.issue("one", names: "DNS:localhost,IP:127.0.0.1")
    let phones = try await [0, 1].asyncMap { _ in
        try await Phone {
            $0.transports.tlsPort = 0
            $0.transports.secureWebSocketPort = 0
            $0.transports.tls.certificateFile = one.certificate
            $0.transports.tls.keyFile = one.key
            $0.transports.tls.trustFile = authority.trust
            $0.transports.tls.requiresClientCertificate = true
        }
    }
    try await complete(phones[0], phones[1], over: transport)
    try await complete(phones[0], phones[1], over: transport, host: "localhost")
    for phone in phones { await phone.agent.shutdown() }
}

extension Sequence where Element: Sendable {
    func asyncMap<T>(_ body: (Element) async throws -> T) async rethrows -> [T] {
        var results: [T] = []
        for element in self { results.append(try await body(element)) }
        return results
    }
}

private func tlsPhone(
    _ authority: TestAuthority, _ identity: (certificate: String, key: String)?,
    server: Bool = true, change: (inout SignallingConfiguration) -> Void = { _ in }
) async throws -> Phone {
    try await Phone {
        if server { $0.transports.tlsPort = 0 }
        $0.transports.tls.certificateFile = identity?.certificate
        $0.transports.tls.keyFile = identity?.key
        $0.transports.tls.trustFile = authority.trust
        change(&$0)
    }
}

private func ends(_ caller: Phone, _ callee: Phone, host: String) async throws -> CallLegEvent {
    let events = Events()
    _ = await caller.call(callee, over: .tls, host: host, to: events)
    return try await events.ended()
}

/// RFC 5922: a certificate of another name, or of an authority we do not know, is no partner.
@Test func wrongCertificateEndsTheCall() async throws {
    let authority = try TestAuthority()
    let stranger = try TestAuthority()
    defer {
        authority.remove()
        stranger.remove()
    }
    let client = try await tlsPhone(authority, nil, server: false)
    let other = try authority.issue("other", names: "DNS:other.example")
    let misnamed = try await tlsPhone(authority, other)
    #expect(try await ends(client, misnamed, host: "localhost") == .ended(.trunkError, status: 503))
    let foreign = try await tlsPhone(
        stranger, try stranger.issue("one", names: "DNS:localhost,IP:127.0.0.1"))
    #expect(try await ends(client, foreign, host: "localhost") == .ended(.trunkError, status: 503))
    // Who must show a certificate and has none is not let in.
    let strict = try await tlsPhone(
        authority, try authority.issue("two", names: "DNS:localhost")
    ) { $0.transports.tls.requiresClientCertificate = true }
    #expect(try await ends(client, strict, host: "localhost") == .ended(.trunkError, status: 503))
    for phone in [client, misnamed, foreign, strict] { await phone.agent.shutdown() }
}

@Test func newCertificatesAreUsedWithoutARestart() async throws {
    let authority = try TestAuthority()
    defer { authority.remove() }
    let wrong = try authority.issue("wrong", names: "DNS:other.example")
    let right = try authority.issue("right", names: "DNS:localhost")
    let client = try await tlsPhone(authority, nil, server: false)
    let server = try await tlsPhone(authority, wrong)
    #expect(try await ends(client, server, host: "localhost") == .ended(.trunkError, status: 503))
    // A file that cannot be used changes nothing.
    try Data("no certificate".utf8).write(to: URL(fileURLWithPath: wrong.certificate))
    #expect(await server.agent.reloadCertificates() == false)
    for (from, to) in [(right.certificate, wrong.certificate), (right.key, wrong.key)] {
        try Data(contentsOf: URL(fileURLWithPath: from)).write(to: URL(fileURLWithPath: to))
    }
    #expect(await server.agent.reloadCertificates())
    try await complete(client, server, over: .tls, host: "localhost")
    for phone in [client, server] { await phone.agent.shutdown() }
}

@Test func tlsPortWithoutCertificateIsRefused() async throws {
    await #expect(throws: SignallingError.self) {
        _ = try await Phone { $0.transports.tlsPort = 0 }
    }
}

/// RFC 5922 7.1 and 7.2.
@Test func certificateNamesASIPDomain() {
    func match(
        _ domain: String, uris: [String] = [], names: [String] = [], addresses: [String] = [],
        wildcards: Bool = false
    ) -> Bool {
        CertificateIdentity.matches(
            domain, uris: uris, names: names, addresses: addresses, allowsWildcards: wildcards)
    }
    #expect(match("Example.com", names: ["example.COM"]))
    #expect(match("example.com", uris: ["sip:example.com"], names: ["other.example"]))
    #expect(!match("example.com", uris: ["sip:other.example"], names: ["example.com"]))
    #expect(match("example.com", uris: ["https://x.example"], names: ["example.com"]))
    #expect(!match("example.com", uris: ["sip:alice@example.com"]))
    #expect(!match("a.example.com", names: ["*.example.com"]))
    #expect(match("a.example.com", names: ["*.example.com"], wildcards: true))
    #expect(!match("a.b.example.com", names: ["*.example.com"], wildcards: true))
    #expect(!match("example.com", names: ["*.com."], wildcards: false))
    #expect(!match("", names: [""]))
    #expect(match("2001:db8::1", addresses: ["2001:db8::1"]))
    #expect(
        CertificateIdentity.addressText(
            [0x20, 1, 0xd, 0xb8] + Array(repeating: 0, count: 11) + [1])
            == "2001:db8::1")
    #expect(CertificateIdentity.addressText(Array(repeating: 0, count: 16)) == "::")
    #expect(CertificateIdentity.addressText([127, 0, 0, 1]) == "127.0.0.1")
    #expect(CertificateIdentity.addressText([1, 2, 3]) == nil)
}
