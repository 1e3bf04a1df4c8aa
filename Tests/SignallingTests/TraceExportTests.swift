import Base
import CallModel
import NIOCore
import NIOPosix
import SIP
import Telemetry
import Testing

@testable import Signalling

/// What a Homer collector gets of one call (HEPv3), and what the metrics say of the edge.

private final class Collector: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    let packets: Inbox<[UInt8]>

    init(_ packets: Inbox<[UInt8]>) { self.packets = packets }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        packets.put(Array(unwrapInboundIn(data).data.readableBytesView))
    }
}

@Test func aCollectorGetsEveryMessageWithoutItsSecrets() async throws {
    let packets = Inbox<[UInt8]>()
    let collector = try await DatagramBootstrap(group: group)
        .channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(Collector(packets))
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(collector.localAddress?.port)
    let callee = try await Phone()
    let caller = try await Phone {
        $0.hep = HEPSettings(
            host: "127.0.0.1", port: port, agent: 7, password: Redacted("hush"))
    }
    let (out, back) = (Events(), Events())
    let leg = agentCall(caller, callee, to: out)
    _ = try await callee.calls.first().answer(sdp: answer, events: { back.put($0) })
    _ = try await out.answered()
    leg.hangUp()
    _ = try await out.ended()
    // INVITE, 200, ACK, BYE, 200, in the order they left or came; 100 only of a slow callee.
    for start in ["INVITE sip:", "SIP/2.0 200", "ACK sip:", "BYE sip:", "SIP/2.0 200"] {
        let packet = try await packets.first { String(decoding: $0, as: UTF8.self).contains(start) }
        #expect(packet.starts(with: "HEP3".utf8))
        #expect(Int(packet[4]) << 8 | Int(packet[5]) == packet.count)
        let text = String(decoding: packet, as: UTF8.self)
        #expect(!text.contains("c2VjcmV0"))
    }
    await caller.agent.shutdown()
    await callee.agent.shutdown()
    try await collector.close().get()
}

private func agentCall(_ caller: Phone, _ callee: Phone, to events: Events) -> CallLeg {
    let secret = Array(
        (String(decoding: offer, as: UTF8.self)
            + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\r\n")
            .utf8)
    return caller.agent.place(
        OutboundCall(
            id: CallID("call-1"), target: "sip:echo@127.0.0.1:\(callee.port)",
            from: "+12125550199", offer: secret),
        events: { events.put($0) })
}

@Test func connectionsTrunksAndRefusedSourcesAreInTheMetrics() async throws {
    let callee = try await Phone { $0.allowedSources = [AddressRange("192.0.2.1")!] }
    let caller = try await Phone {
        $0.trunk = TrunkConfiguration(name: "main", host: "127.0.0.1", port: callee.port)
    }
    let up = caller.metrics.gauge(Catalogue.sipTrunkUp, ["main"])
    #expect(up.value == 1)
    #expect(caller.metrics.gauge(Catalogue.sipTrunkCalls, ["main"]).value == 0)
    let out = Events()
    let leg = caller.call(port: callee.port, to: out)
    let denied = callee.metrics.counter(Catalogue.sipSourcesRefused, ["denied"])
    // Published once a second.
    for _ in 0..<600 where denied.value == 0 { try await Task.sleep(for: .milliseconds(20)) }
    #expect(denied.value >= 1)
    leg.hangUp()
    #expect(callee.calls.everything.isEmpty)
    await caller.agent.shutdown()
    await callee.agent.shutdown()
}
