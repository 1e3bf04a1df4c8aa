import Foundation
import Testing

/// An attacker sprays every media port before, during and after three calls. Nothing is ever sent
/// to him, and the calls hear exactly what was said.
@Suite(.serialized) struct AttackPeerTests {
    private static let packets = 200

    @Test(
        .enabled(if: Namespaces.areAvailable, "needs root and network namespaces"),
        .timeLimit(.minutes(10)), arguments: [false, true])
    func whoSpraysTheWholePortRangeReceivesNothingAndChangesNothing(
        sharedPorts: Bool
    ) async throws {
        let network = try await Namespaces()
        defer { network.remove() }
        let directory = try Place.scratch("attack")
        let configuration = directory + "/config.yaml"
        try (sharedPorts ? "rtp:\n  shared_ports: 2\n" : "").write(
            toFile: configuration, atomically: true, encoding: .utf8)
        let server = try network.start(
            "serve",
            [
                Place.trunkline, "serve", "--config", configuration, "--http", "127.0.0.1:8080",
                "--sip", "127.0.0.1:5060",
                "--rtp-address", network.serverHost, "--rtp-ports", "30000-30019", "--workers",
                "1", "--data",
                directory + "/data",
            ], log: directory)
        defer { server.end() }
        try await eventually("the server to be healthy", within: 30) {
            (try? await network.request("GET", "/api/health")) != nil
        }
        // He is there first: ports are sprayed before a leg has them.
        let attack = try network.start(
            "spray",
            [
                Place.python, Place.root + "/tools/spray.py", "--target",
                network.serverHost, "--ports", "30000-30019", "--seconds", "26", "--interface",
                network.attackerLink,
            ], log: directory, within: network.attacker)
        defer { attack.end() }

        let plain = try await Call(network, mode: "echo", .none, shared: sharedPorts)
        let quiet = try await Call(network, mode: "silence", .none, shared: sharedPorts)
        let secret = try await Call(network, mode: "echo", .sdes, shared: sharedPorts)
        // Waits for a ClientHello of its far end, who is silent; the attacker's is a true one.
        let waiting = try await Call(network, mode: "echo", .dtls, shared: sharedPorts)
        let calls = [plain, quiet, secret]
        // The two shared ports of the one worker lie within what is sprayed, too.
        let ports = Set((calls + [waiting]).map(\.port))
        #expect(sharedPorts ? ports.isSubset(of: [30_000, 30_002]) : ports.count == 4)
        // His perfect run has gone on for hundreds of packets before the first true one comes.
        try await eventually("the attack to reach the legs", within: 20) {
            try await network.metric(
                #"trunkline_rtp_packets_rejected_total{reason="foreign_source"}"#) > 300
        }
        for _ in 0..<Self.packets {
            for call in calls { try call.telephone.say(to: network.serverHost, call.port) }
            try await Task.sleep(for: .milliseconds(20))
            for call in calls { try call.telephone.listen() }
        }
        try await eventually("all echoes", within: 10) {
            for call in calls { try call.telephone.listen() }
            return [plain, secret].allSatisfy { $0.telephone.heard.count >= Self.packets }
        }
        #expect(attack.isRunning, "the attack ended before the calls did")
        for call in [plain, secret] {
            #expect(call.telephone.heard.map(\.payload) == call.telephone.said)
            #expect(call.telephone.unauthentic == 0)
        }
        #expect(quiet.telephone.heard.count >= Self.packets)
        for call in calls {
            #expect(
                call.telephone.heard.allSatisfy {
                    $0.host == network.serverHost && $0.port == call.port
                })
        }
        // Hung up and resting, while he goes on.
        for call in calls + [waiting] {
            _ = try await network.request("DELETE", "/v1/legs/\(call.id)")
        }
        let accepted = try await network.metric("trunkline_rtp_packets_received_total")
        #expect(accepted == Double(3 * Self.packets))
        // On a shared port whatever no leg is known to want is foreign.
        for reason in sharedPorts
            ? ["foreign_source"]
            : ["foreign_source", "authentication", "other_protocol", "not_media"]
        {
            let count = try await network.metric(
                "trunkline_rtp_packets_rejected_total{reason=\"\(reason)\"}")
            #expect(count > 10, "\(reason)")
        }
        #expect(try await attack.exitCode(within: 60) == 0, "\(attack.output)")
        let result = JSON(line: attack.output.split(separator: "\n").last ?? "")
        #expect((result["sent"].int ?? 0) > 5000, "\(attack.output)")
        #expect(result["received_udp"].int == 0, "\(attack.output)")
        #expect(result["received_other"].int == 0, "\(attack.output)")
        #expect(server.isRunning)
    }

    private enum Protection {
        case none, sdes, dtls
    }

    /// One leg and its telephone.
    private final class Call {
        let id: String
        let port: Int
        let telephone: Telephone

        init(
            _ network: Namespaces, mode: String, _ protection: Protection, shared: Bool
        ) async throws {
            let phone = try Telephone(host: network.telephoneHost)
            let key = (0..<30).map { _ in UInt8.random(in: 0...255) }
            let (profile, attributes): (String, [String]) =
                switch protection {
                case .none: ("RTP/AVP", [])
                case .sdes:
                    (
                        "RTP/SAVP",
                        [
                            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"
                                + Data(key).base64EncodedString()
                        ]
                    )
                case .dtls:
                    (
                        "UDP/TLS/RTP/SAVP",
                        [
                            "a=setup:active", "a=rtcp-mux",
                            "a=fingerprint:sha-256 "
                                + key.prefix(2).map { String(format: "%02X", $0) }
                                .joined(separator: ":") + String(repeating: ":5A", count: 30),
                        ]
                    )
                }
            let lines =
                [
                    "v=0", "o=- 1 1 IN IP4 \(network.telephoneHost)", "s=-",
                    "c=IN IP4 \(network.telephoneHost)", "t=0 0",
                    "m=audio \(phone.port) \(profile) 0", "a=rtpmap:0 PCMU/8000",
                ] + attributes
            let offer = (lines + [""]).joined(separator: "\\r\\n")
            let made = JSON(
                line: try await network.request(
                    "POST", "/v1/legs",
                    body: #"{"offer":"\#(offer)","mode":"\#(mode)","options":"#
                        + #"{"detection":false,"shared_port":\#(shared)}}"#))
            telephone = phone
            id = try #require(made["leg_id"].string)
            port = try #require(made["port"].int)
            guard protection == .sdes else { return }
            let answer = made["answer"].string ?? ""
            let inline = try #require(answer.range(of: "inline:"))
            let text = answer[inline.upperBound...].prefix {
                $0.isLetter || $0.isNumber || "+/=".contains($0)
            }
            let remote = try #require(Data(base64Encoded: String(text)))
            try phone.secure(local: key, remote: Array(remote))
        }
    }
}
