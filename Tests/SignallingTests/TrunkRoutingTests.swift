import Base
import CallModel
import NIOCore
import NIOPosix
import SIP
import Telemetry
import Testing

@testable import Signalling

private func number(_ phone: Phone, trunk: String? = nil, to events: Events) -> CallLeg {
    var call = OutboundCall(
        id: CallID("c"), target: "+12125550100", from: "+12125550199", offer: offer)
    call.trunk = trunk
    return phone.agent.place(call, events: { events.put($0) })
}

/// A trunk that answers each INVITE in one way, and every other request with 200.
private func trunk(
    _ status: Int, retryAfter: Int? = nil, onOptions: Int = 200
) async throws -> ScriptedPeer {
    try await ScriptedPeer { message in
        switch message.method {
        case .some(.invite):
            var response = message.makeResponse(status, toTag: "t")
            if let retryAfter { response.headers.append(.retryAfter, String(retryAfter)) }
            if status == 200 {
                response.headers.append(.contentType, "application/sdp")
                response.body = answer
            }
            return [message.makeResponse(100), response]
        case .some(.ack), nil: return []
        case .some(.options): return [message.makeResponse(onOptions, toTag: "o")]
        default: return [message.makeResponse(200)]
        }
    }
}

private func settings(
    _ name: String, _ port: Int, _ limits: TrunkState.Limits = TrunkState.Limits()
) -> TrunkConfiguration {
    var trunk = TrunkConfiguration(name: name, host: "127.0.0.1", port: port)
    trunk.limits = limits
    return trunk
}

private func invites(_ peer: ScriptedPeer) -> [SIPMessage] {
    peer.received.everything.filter { $0.method == .invite }
}

@Test func callGoesToTheNextTrunkAfter503() async throws {
    let (full, good) = (try await trunk(503, retryAfter: 60), try await trunk(200))
    let phone = try await Phone {
        $0.trunks = [settings("a", full.port), settings("b", good.port)]
    }
    let events = Events()
    let leg = number(phone, to: events)
    #expect(try await events.answered() == .answered(sdp: answer))
    leg.hangUp()
    #expect(try await events.ended() == .ended(.localHangup, status: 200))
    #expect(events.everything.filter { $0 == .trying }.count == 1)
    // Retry-After: the first trunk is left alone now.
    let later = Events()
    number(phone, to: later).hangUp()
    _ = try await later.ended()
    #expect(invites(full).count == 1)
    await phone.agent.shutdown()
    await full.close()
    await good.close()
}

@Test func namedTrunkIsTheOnlyOne() async throws {
    let (full, good) = (try await trunk(503), try await trunk(200))
    let phone = try await Phone {
        $0.trunks = [settings("a", full.port), settings("b", good.port)]
    }
    let events = Events()
    _ = number(phone, trunk: "a", to: events)
    #expect(try await events.ended() == .ended(.trunkError, status: 503))
    let nobody = Events()
    _ = number(phone, trunk: "c", to: nobody)
    #expect(try await nobody.ended() == .ended(.configurationError, status: 0))
    #expect(invites(good).isEmpty)
    await phone.agent.shutdown()
    await full.close()
    await good.close()
}

/// 486 is the callee's word: no other trunk can change it.
@Test func busyCalleeIsNotTriedOverAnotherTrunk() async throws {
    let (busy, good) = (try await trunk(486), try await trunk(200))
    let phone = try await Phone {
        $0.trunks = [settings("a", busy.port), settings("b", good.port)]
    }
    let events = Events()
    _ = number(phone, to: events)
    #expect(try await events.ended() == .ended(.busy, status: 486))
    #expect(invites(good).isEmpty)
    await phone.agent.shutdown()
    await busy.close()
    await good.close()
}

@Test func silentTrunkIsLeftForTheNext() async throws {
    let silent = try await ScriptedPeer { _ in [] }
    let good = try await trunk(200)
    let phone = try await Phone {
        $0.failoverAfter = .milliseconds(50)
        $0.trunks = [settings("a", silent.port), settings("b", good.port)]
    }
    let events = Events()
    let leg = number(phone, to: events)
    #expect(try await events.answered() == .answered(sdp: answer))
    leg.hangUp()
    #expect(try await events.ended() == .ended(.localHangup, status: 200))
    await phone.agent.shutdown()
    await silent.close()
    await good.close()
}

@Test func refusedConnectionIsTriedOverTheNextTrunk() async throws {
    let good = try await trunk(200)
    let closed = try await freePort()
    let phone = try await Phone {
        $0.transports.tcpPort = 0
        var first = settings("a", closed)
        first.transport = .tcp
        $0.trunks = [first, settings("b", good.port)]
    }
    let events = Events()
    let leg = number(phone, to: events)
    #expect(try await events.answered() == .answered(sdp: answer))
    leg.hangUp()
    _ = try await events.ended()
    await phone.agent.shutdown()
    await good.close()
}

@Test func trunksCallLimitsHold() async throws {
    let good = try await trunk(200)
    let phone = try await Phone {
        $0.trunks = [settings("a", good.port, TrunkState.Limits(maximumCalls: 1))]
    }
    let first = Events()
    let leg = number(phone, to: first)
    _ = try await first.answered()
    let second = Events()
    _ = number(phone, to: second)
    #expect(try await second.ended() == .ended(.trunkError, status: 503))
    leg.hangUp()
    _ = try await first.ended()
    let third = Events()
    let again = number(phone, to: third)
    _ = try await third.answered()
    again.hangUp()
    _ = try await third.ended()
    await phone.agent.shutdown()
    await good.close()
}

/// Calls beyond the rate wait for their turn instead of failing.
@Test func callsWaitForTheTrunksRate() async throws {
    let good = try await trunk(200)
    let phone = try await Phone {
        $0.trunks = [
            settings("a", good.port, TrunkState.Limits(callsPerSecond: 20, burst: 1))
        ]
    }
    let all = (0..<4).map { _ in Events() }
    let began = ContinuousClock.now
    let legs = all.map { number(phone, to: $0) }
    for events in all { _ = try await events.answered() }
    // Three of them waited 50 ms each, one behind the other.
    #expect(ContinuousClock.now - began >= .milliseconds(145))
    for leg in legs { leg.hangUp() }
    for events in all { _ = try await events.ended() }
    await phone.agent.shutdown()
    await good.close()
}

@Test func trunkIsProbedAndComesBack() async throws {
    let trunk = try await trunk(200)
    let phone = try await Phone {
        $0.trunks = [
            settings("a", trunk.port, TrunkState.Limits(probeInterval: .milliseconds(30)))
        ]
    }
    for _ in 0..<3 {
        let probe = try await trunk.received.first { $0.method == .options }
        #expect(probe.requestURI == "sip:127.0.0.1:\(trunk.port)")
    }
    #expect(await phone.agent.trunkStates() == ["a": true])
    await phone.agent.shutdown()
    await trunk.close()
}

@Test func trunkWhoseProbesFailIsDown() async throws {
    let closed = try await freePort()
    let phone = try await Phone {
        $0.transports.tcpPort = 0
        var dead = settings("dead", closed, TrunkState.Limits(probeInterval: .milliseconds(5)))
        dead.transport = .tcp
        $0.trunks = [dead]
    }
    var isUp = true
    for _ in 0..<200 where isUp {
        try await Task.sleep(for: .milliseconds(20))
        isUp = await phone.agent.trunkStates()["dead"] ?? true
    }
    #expect(!isUp)
    let events = Events()
    _ = number(phone, to: events)
    #expect(try await events.ended() == .ended(.trunkError, status: 503))
    await phone.agent.shutdown()
}

// MARK: sources

@Test func strangersAreDroppedBeforeTheyAreRead() async throws {
    let phone = try await Phone {
        $0.allowedSources = [AddressRange("192.0.2.0/24")].compactMap { $0 }
        $0.transports.tcpPort = 0
    }
    let stranger = try await ScriptedPeer { _ in [] }
    let options =
        "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKx\r\n"
        + "From: <sip:a@b>;tag=1\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"
    try await stranger.send(Array(options.utf8), toPort: phone.port)
    let client = try await RawClient(port: phone.port)
    _ = try await client.closed.first()
    #expect(await phone.agent.gateCounts().denied >= 2)
    #expect(phone.metrics.counter(Catalogue.sipMessagesReceived, ["OPTIONS"]).value == 0)
    #expect(stranger.received.everything.isEmpty)
    await phone.agent.shutdown()
    await stranger.close()
}

@Test func oneSourcesFloodIsCut() async throws {
    let phone = try await Phone { $0.messagesPerSource = 5 }
    let flood = try await ScriptedPeer { _ in [] }
    for index in 0..<100 {
        let options =
            "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:\(flood.port);"
            + "branch=z9hG4bK\(index)\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:x@127.0.0.1>\r\n"
            + "Call-ID: c\(index)\r\nCSeq: 1 OPTIONS\r\n\r\n"
        try await flood.send(Array(options.utf8), toPort: phone.port)
    }
    for _ in 0..<10 { _ = try await flood.received.first() }
    await phone.agent.shutdown()
    // Ten at once, and what five a second gave meanwhile.
    #expect(flood.received.everything.count < 60)
    #expect(phone.metrics.counter(Catalogue.sipMessagesReceived, ["OPTIONS"]).value < 60)
    await flood.close()
}

@Test func inboundOverloadIsAnsweredWith503() async throws {
    let callee = try await Phone { $0.inboundCallsPerSecond = 1 }
    let caller = try await Phone()
    let (first, second) = (Events(), Events())
    let leg = caller.call(port: callee.port, to: first)
    _ = try await callee.calls.first().answer(sdp: answer, events: { _ in })
    _ = try await first.answered()
    _ = caller.call(port: callee.port, to: second)
    #expect(try await second.ended() == .ended(.trunkError, status: 503))
    leg.hangUp()
    _ = try await first.ended()
    await caller.agent.shutdown()
    await callee.agent.shutdown()
}

// MARK: DNS

/// A name server of one zone, over UDP and TCP; answers of names in `truncated` come whole by TCP.
final class NameServer: Sendable {
    private let udp: any Channel
    private let tcp: any Channel
    let port: Int
    let asked = Inbox<String>()

    /// - Parameter zone: `name type` → the bytes of each record's data.
    init(zone: [String: [[UInt8]]], truncated: Set<String> = []) async throws {
        let asked = asked
        let answer: @Sendable ([UInt8], Bool) -> [UInt8] = { query, overTCP in
            var name = ""
            var index = 12
            while index < query.count, query[index] != 0 {
                let length = Int(query[index])
                name +=
                    (name.isEmpty ? "" : ".")
                    + String(decoding: query[(index + 1)...(index + length)], as: UTF8.self)
                index += 1 + length
            }
            let type = query[index + 2]
            let key = "\(name) \(type)"
            asked.put(key + (overTCP ? " tcp" : ""))
            let isCut = truncated.contains(key) && !overTCP
            let records = isCut ? [] : zone[key] ?? []
            var bytes = Array(query[..<2])
            bytes += [isCut ? 0x83 : 0x81, zone[key] == nil ? 0x83 : 0x80, 0, 1]
            bytes += [0, UInt8(records.count), 0, 0, 0, 0] + query[12...(index + 4)]
            for data in records {
                bytes += [0xC0, 12, 0, type, 0, 1, 0, 0, 0, 5, 0, UInt8(data.count)] + data
            }
            return bytes
        }
        (udp, tcp) = try await Self.bind(answer)
        port = udp.localAddress?.port ?? 0
    }

    /// The system's port is free for UDP; when it is not for TCP another one is tried.
    private static func bind(
        _ answer: @escaping @Sendable ([UInt8], Bool) -> [UInt8]
    ) async throws -> (any Channel, any Channel) {
        var tries = 0
        while true {
            let udp = try await DatagramBootstrap(group: group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Datagrams(answer: answer))
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            do {
                let tcp = try await ServerBootstrap(group: group)
                    .childChannelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(Stream(answer: answer))
                        }
                    }
                    .bind(host: "127.0.0.1", port: udp.localAddress?.port ?? 0).get()
                return (udp, tcp)
            } catch {
                try await udp.close().get()
                tries += 1
                guard tries < 20 else { throw error }
            }
        }
    }

    func close() async {
        try? await udp.close().get()
        try? await tcp.close().get()
    }

    private final class Datagrams: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        typealias OutboundOut = AddressedEnvelope<ByteBuffer>
        let answer: @Sendable ([UInt8], Bool) -> [UInt8]
        init(answer: @escaping @Sendable ([UInt8], Bool) -> [UInt8]) { self.answer = answer }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let envelope = unwrapInboundIn(data)
            let bytes = answer(Array(envelope.data.readableBytesView), false)
            context.writeAndFlush(
                wrapOutboundOut(
                    AddressedEnvelope(
                        remoteAddress: envelope.remoteAddress, data: ByteBuffer(bytes: bytes))),
                promise: nil)
        }
    }

    private final class Stream: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        let answer: @Sendable ([UInt8], Bool) -> [UInt8]
        init(answer: @escaping @Sendable ([UInt8], Bool) -> [UInt8]) { self.answer = answer }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let query = Array(unwrapInboundIn(data).readableBytesView.dropFirst(2))
            let bytes = answer(query, true)
            let length = [UInt8(bytes.count >> 8), UInt8(bytes.count & 255)]
            // In two pieces: the client puts them together.
            context.writeAndFlush(
                wrapOutboundOut(ByteBuffer(bytes: length + bytes.prefix(3))), promise: nil)
            context.writeAndFlush(
                wrapOutboundOut(ByteBuffer(bytes: Array(bytes.dropFirst(3)))), promise: nil)
        }
    }
}

private func name(_ text: String) -> [UInt8] {
    text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
}

private func service(_ priority: UInt8, _ port: Int, _ target: String) -> [UInt8] {
    [0, priority, 0, 1, UInt8(port >> 8), UInt8(port & 255)] + name(target)
}

/// The whole of RFC 3263 on the wire: SRV (over TCP, being too long for a datagram), addresses, and
/// the second target when the first refuses.
@Test func trunkIsFoundByDNSAndFailsOverWithinItsRecords() async throws {
    let (full, good) = (try await trunk(503), try await trunk(200))
    let server = try await NameServer(
        zone: [
            "_sip._udp.trunk.example 33": [
                service(2, good.port, "b.trunk.example"), service(1, full.port, "a.trunk.example"),
            ],
            "a.trunk.example 1": [[127, 0, 0, 1]], "b.trunk.example 1": [[127, 0, 0, 1]],
        ], truncated: ["_sip._udp.trunk.example 33"])
    let phone = try await Phone {
        $0.dnsServers = [("127.0.0.1", server.port)]
        $0.trunks = [TrunkConfiguration(name: "t", host: "trunk.example", transport: .udp)]
    }
    let events = Events()
    let leg = number(phone, to: events)
    #expect(try await events.answered() == .answered(sdp: answer))
    leg.hangUp()
    _ = try await events.ended()
    #expect(
        server.asked.everything == [
            "_sip._udp.trunk.example 33", "_sip._udp.trunk.example 33 tcp", "a.trunk.example 1",
            "b.trunk.example 1",
        ])
    #expect(invites(full).count == 1)
    #expect(invites(good).first?.requestURI == "sip:+12125550100@trunk.example")
    await phone.agent.shutdown()
    for peer in [full, good] { await peer.close() }
    await server.close()
}

@Test func nameThatIsNowhereEndsTheCall() async throws {
    let server = try await NameServer(zone: [:])
    let phone = try await Phone {
        $0.dnsServers = [("127.0.0.1", server.port)]
        $0.trunks = [TrunkConfiguration(name: "t", host: "none.example")]
    }
    let events = Events()
    _ = number(phone, to: events)
    #expect(try await events.ended() == .ended(.trunkError, status: 0))
    // "No such name" is remembered.
    let count = server.asked.everything.count
    let again = Events()
    _ = number(phone, to: again)
    _ = try await again.ended()
    #expect(server.asked.everything.count == count)
    await phone.agent.shutdown()
    await server.close()
}

@Test func resolverConfigurationIsRead() {
    let servers = DNSClient.servers(
        inResolverConfiguration:
            "# x\nnameserver 192.0.2.53\nsearch example\nnameserver fe80::1%eth0\nnameserver x\n")
    #expect(
        servers == [
            DNSClient.Server(host: "192.0.2.53", port: 53),
            DNSClient.Server(host: "fe80::1", port: 53),
        ])
}
