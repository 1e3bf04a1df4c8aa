import Base
import CallModel
import Crypto
import Foundation
import SIP
import Telemetry
import Testing

@testable import Signalling

/// A trunk that challenges the INVITE with SHA-256 and MD5 and checks the proof itself.
private final class ChallengingTrunk: Sendable {
    static let nonce = "f84f1cec41e6cbe5aea9c8e88d359"

    static func respond(to message: SIPMessage) -> [SIPMessage] {
        guard message.method == .invite else {
            return message.method == .ack ? [] : [message.makeResponse(200)]
        }
        guard let proof = message.headers[.proxyAuthorization] else {
            var challenge = message.makeResponse(407, toTag: "t1")
            for algorithm in ["MD5", "SHA-256"] {
                challenge.headers.append(
                    .proxyAuthenticate,
                    "Digest realm=\"trunk.example\", nonce=\"\(nonce)\", "
                        + "algorithm=\(algorithm), qop=\"auth\"")
            }
            return [challenge]
        }
        guard isRight(proof, uri: message.requestURI ?? "") else {
            return [message.makeResponse(403, toTag: "t2")]
        }
        var ok = message.makeResponse(200, toTag: "t3")
        ok.headers.append(.contentType, "application/sdp")
        ok.body = answer
        return [message.makeResponse(100), ok]
    }

    private static func isRight(_ proof: String, uri: String) -> Bool {
        func field(_ name: String) -> String {
            let rest = proof.components(separatedBy: " \(name)=").last ?? ""
            return (rest.components(separatedBy: ",").first ?? "")
                .trimmingCharacters(in: CharacterSet(charactersIn: "\""))
        }
        func hash(_ text: String) -> String {
            SHA256.hash(data: Data(text.utf8)).map { String(format: "%02x", $0) }.joined()
        }
        let a1 = hash("acme:trunk.example:pass\"word")
        let a2 = hash("INVITE:\(uri)")
        let expected = hash(
            "\(a1):\(nonce):\(field("nc")):\(field("cnonce")):auth:\(a2)")
        return field("response") == expected && field("algorithm") == "SHA-256"
            && field("uri") == uri && proof.contains("username=\"acme\"")
    }
}

@Test func trunksChallengeIsAnsweredWithSHA256() async throws {
    let trunk = try await ScriptedPeer { ChallengingTrunk.respond(to: $0) }
    let phone = try await Phone {
        $0.trunk = TrunkConfiguration(
            host: "127.0.0.1", port: trunk.port, username: "acme",
            password: Redacted("pass\"word"), domain: "trunk.example")
    }
    let events = Events()
    let leg = phone.agent.place(
        OutboundCall(
            id: CallID("c"), target: "+12125550100", from: "+12125550199", offer: offer),
        events: { events.put($0) })
    #expect(try await events.answered() == .answered(sdp: answer))
    leg.hangUp()
    #expect(try await events.ended() == .ended(.localHangup, status: 200))
    await phone.agent.shutdown()
    let invites = trunk.received.everything.filter { $0.method == .invite }
    #expect(invites.count == 2)
    #expect(invites.last?.requestURI == "sip:+12125550100@trunk.example")
    #expect(invites.last?.headers[.from]?.hasPrefix("<sip:+12125550199@trunk.example>") == true)
    await trunk.close()
}

@Test func wrongPasswordIsAConfigurationError() async throws {
    let trunk = try await ScriptedPeer { ChallengingTrunk.respond(to: $0) }
    let phone = try await Phone {
        $0.trunk = TrunkConfiguration(
            host: "127.0.0.1", port: trunk.port, username: "acme", password: Redacted("no"))
    }
    let events = Events()
    phone.agent.place(
        OutboundCall(id: CallID("c"), target: "+12125550100", from: "x", offer: offer),
        events: { events.put($0) })
    #expect(try await events.ended() == .ended(.configurationError, status: 403))
    await phone.agent.shutdown()
    await trunk.close()
}

/// Only the trunk's address gets proof of the trunk's password.
@Test func strangersChallengeIsNotAnswered() async throws {
    let stranger = try await ScriptedPeer { ChallengingTrunk.respond(to: $0) }
    let phone = try await Phone {
        $0.trunk = TrunkConfiguration(
            host: "127.0.0.1", port: 1, username: "acme", password: Redacted("pass\"word"))
    }
    let events = Events()
    phone.agent.place(
        OutboundCall(
            id: CallID("c"), target: "sip:bob@127.0.0.1", from: "x", offer: offer,
            nextHop: ("127.0.0.1", stranger.port)), events: { events.put($0) })
    #expect(try await events.ended() == .ended(.configurationError, status: 407))
    #expect(stranger.received.everything.allSatisfy { $0.headers[.proxyAuthorization] == nil })
    await phone.agent.shutdown()
    await stranger.close()
}

@Test func networkBlockIsToldFromADecline() async throws {
    let peer = try await ScriptedPeer { message in
        guard message.method == .invite else { return [] }
        var blocked = message.makeResponse(603, reason: "Network Blocked", toTag: "b")
        blocked.headers.append(
            .reason, "SIP;cause=603;text=\"v=analytics1;url=https://block.example\";location=LN")
        return [blocked]
    }
    let phone = try await Phone()
    let events = Events()
    _ = phone.call(port: peer.port, to: events)
    #expect(try await events.ended() == .ended(.blockedByAnalytics, status: 603))
    await phone.agent.shutdown()
    await peer.close()
}

@Test func garbageIsCountedAndHarmsNothing() async throws {
    let phone = try await Phone()
    let peer = try await ScriptedPeer { _ in [] }
    for bytes in [
        Array("hello".utf8), [0xFF, 0, 0x80], [UInt8](repeating: 65, count: 60_000),
        Array("SIP/2.0 999999 x\r\n\r\n".utf8), Array("INVITE\r\n\r\n".utf8),
        Array(
            "INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKx\r\n\r\n".utf8),
    ] {
        try await peer.send(bytes, toPort: phone.port)
    }
    #expect(try await peer.received.first().status == 400)
    let options = Array(
        ("OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKo\r\n"
            + "From: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\n\r\n")
            .utf8)
    try await peer.send(options, toPort: phone.port)
    #expect(try await peer.received.first().status == 200)
    await phone.agent.shutdown()
    await peer.close()
    #expect(phone.metrics.counter(Catalogue.sipParseErrors, ["not_sip"]).value == 3)
    #expect(phone.metrics.counter(Catalogue.sipParseErrors, ["limit"]).value == 1)
    #expect(phone.metrics.counter(Catalogue.sipParseErrors, ["start_line"]).value == 1)
    #expect(phone.metrics.counter(Catalogue.sipParseErrors, ["header_set"]).value == 1)
}

@Test func reInviteAndInfoReachTheOwner() async throws {
    let hold = Array("v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=-\r\na=sendonly\r\n".utf8)
    // Answers the call; after our ACK it sends a digit, then puts us on hold.
    let peer = try await ScriptedPeer { message in
        func request(_ method: SIPMethod, _ number: Int, _ type: String, _ body: [UInt8])
            -> SIPMessage
        {
            var request = SIPMessage(.request(method: method, uri: "sip:us@127.0.0.1"))
            request.headers.append(.via, "SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK\(number)")
            request.headers.append(.from, message.headers[.to] ?? "")
            request.headers.append(.to, message.headers[.from] ?? "")
            request.headers.append(.callID, message.headers[.callID] ?? "")
            request.headers.append(.cseq, "\(number) \(method.name)")
            request.headers.append(.contentType, type)
            request.body = body
            return request
        }
        switch message.method {
        case .some(.invite):
            var ok = message.makeResponse(200, toTag: "peer")
            ok.headers.append(.contentType, "application/sdp")
            ok.body = answer
            return [ok]
        case .some(.ack):
            return [
                request(.info, 1, "application/dtmf-relay", Array("Signal=9\r\n".utf8)),
                request(.invite, 2, "application/sdp", hold),
            ]
        case .some(.bye): return [message.makeResponse(200)]
        default: return []
        }
    }
    let phone = try await Phone()
    let events = Events()
    let leg = phone.call(port: peer.port, to: events)
    #expect(try await events.first { $0 == .dtmf("9") } == .dtmf("9"))
    #expect(try await events.first() == .offer(sdp: hold))
    leg.answerOffer(offer)
    let ok = try await peer.received.first { $0.status == 200 && $0.body == offer }
    #expect(ok.headers[.cseq] == "2 INVITE")
    leg.hangUp()
    #expect(try await events.ended() == .ended(.localHangup, status: 200))
    await phone.agent.shutdown()
    await peer.close()
}

// MARK: SIPp 3.6.1

private let hasSIPp = FileManager.default.isExecutableFile(atPath: SIPp.path)

@Test(.enabled(if: hasSIPp)) func weCallSIPpAndHangUp() async throws {
    let port = try await freePort()
    let media = try await freePort()
    let phone = try await Phone()
    let events = Events()
    let sipp = try SIPp(
        ["-sn", "uas", "-p", "\(port)", "-mp", "\(media)"], failure: { events.close() })
    let leg = phone.call(port: port, user: "service", to: events)
    guard case .answered(let sdp) = try? await events.answered() else {
        Issue.record("no answer: \(sipp.errors)")
        return
    }
    #expect(String(decoding: sdp, as: UTF8.self).contains("m=audio \(media) RTP/AVP 0"))
    leg.hangUp()
    #expect(try await events.ended() == .ended(.localHangup, status: 200))
    #expect(try await sipp.status() == 0)
    #expect(events.everything.prefix(2) == [.trying, .ringing])
    await phone.agent.shutdown()
}

@Test(.enabled(if: hasSIPp)) func sippCallsUsAndHangsUp() async throws {
    let phone = try await Phone()
    let port = try await freePort()
    let media = try await freePort()
    let sipp = try SIPp(
        [
            "-sn", "uac", "127.0.0.1:\(phone.port)", "-s", "echo", "-d", "200", "-p", "\(port)",
            "-mp", "\(media)",
        ], failure: { phone.calls.close() })
    guard let call = try? await phone.calls.first() else {
        Issue.record("no call: \(sipp.errors)")
        return
    }
    #expect(call.user == "echo")
    #expect(call.from == "sipp")
    #expect(call.offer.map { String(decoding: $0, as: UTF8.self) }?.contains("m=audio") == true)
    let events = Events()
    call.ring()
    _ = call.answer(sdp: answer, events: { events.put($0) })
    #expect(try await events.answered() == .answered(sdp: []))
    #expect(try await events.ended() == .ended(.remoteHangup, status: 200))
    #expect(try await sipp.status() == 0)
    await phone.agent.shutdown()
}
