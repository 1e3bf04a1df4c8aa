import Foundation
import Testing

/// One way of signalling with baresip: its port relative to the one it is given, and our settings.
struct TransportCase: CustomTestStringConvertible, Sendable {
    var transport: String
    var offset = 0
    var testDescription: String { transport }

    static let all = [
        TransportCase(transport: "tcp"), TransportCase(transport: "tls", offset: 1),
    ]
}

/// Certificate and authority for 127.0.0.1 and localhost, made by openssl.
private struct TestCertificate {
    let certificate: String
    let key: String
    /// Both in one file, as baresip wants them.
    let both: String

    init(_ directory: String) async throws {
        certificate = directory + "/tls.pem"
        key = directory + "/tls.key"
        both = directory + "/tls-both.pem"
        let made = try await runToEnd(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out",
                certificate, "-days", "2", "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1",
            ], within: 30)
        guard made.code == 0 else { throw PeerFailure("openssl: \(made.output)") }
        let text =
            try String(contentsOfFile: key, encoding: .utf8)
            + String(contentsOfFile: certificate, encoding: .utf8)
        try text.write(toFile: both, atomically: true, encoding: .utf8)
    }

    func settings(port: Int?) -> String {
        "sip_tls:\n" + (port.map { "  port: \($0)\n" } ?? "")
            + "  certificate: \"\(certificate)\"\n  key: \"\(key)\"\n  trust: \"\(certificate)\"\n"
    }
}

private let hasBaresip = MediaPeer.isThere(MediaPeer.baresip)
private let secure = "srtp:\n  mode: required\n"

/// baresip over TCP and TLS, keys of the media in SDP, both ways.
@Suite(.serialized, .enabled(if: hasBaresip, "baresip is not installed: run tools/setup"))
struct TransportPeerTests {
    private func baresip(
        _ test: TransportCase, _ directory: String, _ tls: TestCertificate, port: Int,
        _ more: [String] = []
    ) throws -> Child {
        let media = try TestPorts.media.take()
        return try Child(
            "baresip", Place.python,
            [
                MediaPeer.script("baresip.py"), directory + "/peer", "--sip-port", "\(port)",
                "--media-ports", "\(media)-\(media + 19)", "--srtp", "sdes", "--transport",
                test.transport, "--certificate", tls.both, "--play",
                try Voice.file(in: directory, rate: 8000), "--seconds", "12",
            ] + more, log: directory)
    }

    @Test(.timeLimit(.minutes(5)), arguments: TransportCase.all)
    func telephoneAnswersOverAStream(_ test: TransportCase) async throws {
        try await Sound.inOneOfThreeCalls {
            var faults: [String] = []
            let directory = try Place.scratch("stream-out")
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let tls = try await TestCertificate(directory)
            let port = try TestPorts.telephones.take()
            let telephone = try baresip(test, directory, tls, port: port)
            defer { telephone.end() }
            try await eventually("baresip to listen", within: 10) {
                telephone.output.contains("listening") || !telephone.isRunning
            }
            let file = directory + "/call.yaml"
            try (secure + tls.settings(port: nil)).write(
                toFile: file, atomically: true, encoding: .utf8)
            let recording = directory + "/call.wav"
            let ports = try TestPorts.media.take()
            let call = try await runToEnd(
                Place.trunkline,
                [
                    "call", "sip:peer@127.0.0.1:\(port + test.offset);transport=\(test.transport)",
                    "--config", file, "--play", Voice.path, "--record", recording, "--no-detect",
                    "--max-seconds", "8", "--json", "--rtp-ports", "\(ports)-\(ports + 19)",
                ], within: 25)
            #expect(call.code == 0, "\(call.output)")
            #expect(try await telephone.exitCode(within: 10) == 0, "\(telephone.output)")
            faults += try await Sound.voiceFaults(
                Sound.narrow(recording), "we heard", directory, correlation: 0.98, pesq: 4.0)
            return faults
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: TransportCase.all)
    func telephoneCallsOverAStream(_ test: TransportCase) async throws {
        let directory = try Place.scratch("stream-in")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let tls = try await TestCertificate(directory)
        let tlsPort = try freePort()
        let server = try await TrunklineServer(
            directory: directory, extra: secure + tls.settings(port: tlsPort))
        defer { server.child.end() }
        let target = test.transport == "tls" ? tlsPort : server.sipPort
        let telephone = try baresip(
            test, directory, tls, port: try TestPorts.telephones.take(),
            ["--call", "sip:echo@127.0.0.1:\(target);transport=\(test.transport)"])
        defer { telephone.end() }
        #expect(try await telephone.exitCode(within: 25) == 0, "\(telephone.output)")
        let record = try await server.records(1)[0]
        #expect(record["end_reason"].string == "remote_hangup")
        // The ladder of the call, over this transport, with its keys blanked out.
        let id = try #require(record["call_id"].string)
        let trace = try await server.json("GET", "/v1/calls/\(id)/trace")
        let messages = trace["messages"].array
        #expect(messages.first?["summary"].string?.hasPrefix("INVITE ") == true)
        #expect(messages.allSatisfy { $0["transport"].string == test.transport })
        #expect(messages.contains { $0["message"].string?.contains("inline:(redacted)") == true })
        let text = try await server.request("GET", "/v1/calls/\(id)/trace?format=text").body
        #expect(String(decoding: text, as: UTF8.self).contains("◀── 127.0.0.1"))
    }
}
