import Foundation
import Testing

/// How a call with a telephone is made, and how near its recordings must come to the voice: exact
/// but for G.711's own steps on plain codecs, as near as the codec allows on others.
struct TelephoneCase: CustomTestStringConvertible, Sendable {
    var name: String
    var codec: String
    var keying: String
    /// Of the sound files that baresip plays.
    var rate: Int
    var configuration: String
    var correlation: Double
    var pesq: Double
    var testDescription: String { name }

    static let all = [
        TelephoneCase(
            name: "PCMU", codec: "PCMU", keying: "none", rate: 8000, configuration: "",
            correlation: 0.98, pesq: 4.0),
        TelephoneCase(
            name: "PCMU with keys in SDP", codec: "PCMU", keying: "sdes", rate: 8000,
            configuration: "srtp:\n  mode: required\n", correlation: 0.98, pesq: 4.0),
        TelephoneCase(
            name: "PCMU with keys by DTLS", codec: "PCMU", keying: "dtls", rate: 8000,
            configuration: "srtp:\n  mode: dtls\n", correlation: 0.98, pesq: 4.0),
        TelephoneCase(
            name: "G.722", codec: "G722", keying: "none", rate: 16_000,
            configuration: "codecs: [\"g722\", \"pcmu\"]\n", correlation: 0.97, pesq: 3.8),
        TelephoneCase(
            name: "Opus", codec: "opus", keying: "none", rate: 48_000,
            configuration: "codecs: [\"opus\", \"pcmu\"]\n", correlation: 0.9, pesq: 3.5),
    ]
}

private let hasBaresip = MediaPeer.isThere(MediaPeer.baresip)

private func baresip(
    _ test: TelephoneCase, _ directory: String, port: Int, _ more: [String] = []
) throws -> Child {
    let media = try TestPorts.media.take()
    return try Child(
        "baresip", Place.python,
        [
            MediaPeer.script("baresip.py"), directory + "/peer", "--sip-port", "\(port)",
            "--media-ports", "\(media)-\(media + 19)", "--srtp", test.keying, "--codec",
            test.codec, "--play", try Voice.file(in: directory, rate: test.rate),
            "--seconds", "12",
        ] + more, log: directory)
}

/// Calls whoever listens at `port`, says the voice and records: how the call ended, and where.
private func voiceCall(
    to port: Int, configuration: String, in directory: String
) async throws -> (code: Int32, output: String, recording: String) {
    let file = directory + "/call.yaml"
    try configuration.write(toFile: file, atomically: true, encoding: .utf8)
    let recording = directory + "/call.wav"
    let ports = try TestPorts.media.take()
    let call = try await runToEnd(
        Place.trunkline,
        [
            "call", "sip:peer@127.0.0.1:\(port)", "--config", file, "--play", Voice.path,
            "--record", recording, "--no-detect", "--max-seconds", "8", "--json", "--rtp-ports",
            "\(ports)-\(ports + 19)",
        ], within: 25)
    return (call.code, call.output, recording)
}

/// We call baresip: what each end recorded is what the other end said.
@Suite(.serialized, .enabled(if: hasBaresip, "baresip is not installed: run tools/setup"))
struct TelephonePeerTests {
    @Test(.timeLimit(.minutes(10)), arguments: TelephoneCase.all)
    func telephoneAnswersAndBothEndsHearTheOther(_ test: TelephoneCase) async throws {
        try await Sound.inOneOfThreeCalls {
            var faults: [String] = []
            let directory = try Place.scratch("telephone")
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let port = try TestPorts.telephones.take()
            let telephone = try baresip(test, directory, port: port)
            defer { telephone.end() }
            try await eventually("baresip to listen", within: 10) {
                telephone.output.contains("listening") || !telephone.isRunning
            }
            let call = try await voiceCall(
                to: port, configuration: ("ptime: 20\n" + test.configuration), in: directory)
            #expect(call.code == 0, "\(call.output)")
            #expect(try await telephone.exitCode(within: 10) == 0, "\(telephone.output)")
            faults += try await Sound.voiceFaults(
                Sound.narrow(call.recording), "we heard", directory, correlation: test.correlation,
                pesq: test.pesq)
            faults += try await Sound.voiceFaults(
                Sound.narrow(directory + "/peer/heard.wav"), "baresip heard", directory,
                correlation: test.correlation, pesq: test.pesq)
            return faults
        }
    }

}

/// baresip calls us: what it recorded of the echo is what it said.
@Suite(.serialized, .enabled(if: hasBaresip, "baresip is not installed: run tools/setup"))
struct TelephoneEchoPeerTests {
    @Test(.timeLimit(.minutes(10)), arguments: TelephoneCase.all)
    func telephoneCallsAndHearsItsEcho(_ test: TelephoneCase) async throws {
        try await Sound.inOneOfThreeCalls {
            var faults: [String] = []
            let directory = try Place.scratch("echo")
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let server = try await TrunklineServer(directory: directory, extra: test.configuration)
            defer { server.child.end() }
            let telephone = try baresip(
                test, directory, port: try TestPorts.telephones.take(),
                ["--call", "sip:echo@127.0.0.1:\(server.sipPort)"])
            defer { telephone.end() }
            #expect(try await telephone.exitCode(within: 25) == 0, "\(telephone.output)")
            faults += try await Sound.voiceFaults(
                Sound.narrow(directory + "/peer/heard.wav"), "the echo", directory,
                correlation: test.correlation, pesq: test.pesq)
            let record = try await server.records(1)[0]
            #expect(record["end_reason"].string == "remote_hangup")
            #expect((record["media"]["packets_received"].int ?? 0) > 150)
            return faults
        }
    }
}

/// PJSIP offers and takes SRTP with 256-bit keys before anything else.
@Suite(
    .serialized,
    .enabled(
        if: MediaPeer.isThere(MediaPeer.pjsipPython),
        "PJSIP is not installed: run tools/peers/setup"))
struct PJSIPPeerTests {
    @Test(.timeLimit(.minutes(10)))
    func callToPJSIPIsSecuredWith256Bits() async throws {
        try await Sound.inOneOfThreeCalls {
            var faults: [String] = []
            let directory = try Place.scratch("pjsip")
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let port = try TestPorts.telephones.take()
            let peer = try pjsip(directory, port: port)
            defer { peer.end() }
            try await eventually("PJSIP to listen", within: 10) {
                peer.output.contains("listening") || !peer.isRunning
            }
            let call = try await voiceCall(
                to: port, configuration: "srtp:\n  mode: required\n", in: directory)
            #expect(call.code == 0, "\(call.output)")
            #expect(try await peer.exitCode(within: 15) == 0, "\(peer.output)")
            #expect(suites(peer) == ["AES_256_CM_HMAC_SHA1_80"])
            faults += try await Sound.voiceFaults(
                Sound.narrow(call.recording), "we heard", directory, correlation: 0.98, pesq: 4.0)
            faults += try await Sound.voiceFaults(
                Sound.narrow(directory + "/peer.wav"), "PJSIP heard", directory, correlation: 0.98,
                pesq: 4.0, steps: 1)
            return faults
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func pjsipCallsWith256BitsFirstIsHeldAndHearsItsEcho() async throws {
        try await Sound.inOneOfThreeCalls {
            var faults: [String] = []
            let directory = try Place.scratch("pjsip-echo")
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let server = try await TrunklineServer(directory: directory)
            defer { server.child.end() }
            let peer = try pjsip(
                directory, port: try TestPorts.telephones.take(),
                [
                    "--call", "sip:echo@127.0.0.1:\(server.sipPort)", "--seconds", "9", "--hold",
                    "4.8", "--resume", "5.6",
                ])
            defer { peer.end() }
            #expect(try await peer.exitCode(within: 25) == 0, "\(peer.output)")
            #expect(suites(peer).first == "AES_256_CM_HMAC_SHA1_80")
            // PJSIP's directions: 3 both ways, 1 it sends alone (held), and both ways again.
            let directions = peer.output.split(separator: "\n").map { JSON(line: $0) }
                .filter { $0["event"].string == "media" }.compactMap { $0["direction"].int }
            #expect(directions == [3, 1, 3], "\(peer.output)")
            faults += try await Sound.voiceFaults(
                Sound.narrow(directory + "/peer.wav"), "the echo", directory, correlation: 0.98,
                pesq: 3.5, steps: 1)
            return faults
        }
    }

    private func pjsip(
        _ directory: String, port: Int, _ more: [String] = ["--seconds", "12"]
    ) throws -> Child {
        try Child(
            "pjsip", MediaPeer.pjsipPython,
            [
                MediaPeer.script("pjsip.py"), "--port", "\(port)", "--media-port",
                "\(try TestPorts.media.take())", "--play", Voice.path, "--record",
                directory + "/peer.wav", "--srtp", "mandatory",
            ] + more, log: directory)
    }

    /// The suites of the crypto lines that PJSIP wrote, in order.
    private func suites(_ peer: Child) -> [String] {
        peer.output.split(separator: "\n").map { JSON(line: $0) }
            .filter { $0["event"].string == "crypto" }.compactMap { $0["suite"].string }
    }
}

/// rtpengine between us and SIPp: what we say goes through it, comes back from SIPp's echo, and is
/// what we said; with us it speaks plain RTP, SRTP by keys in SDP, or DTLS-SRTP.
@Suite(
    .serialized,
    .enabled(
        if: MediaPeer.isThere(MediaPeer.rtpengine), "rtpengine is not installed: run tools/setup"))
struct RelayPeerTests {
    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            ("RTP/AVP", "none"), ("RTP/SAVP", "required"), ("UDP/TLS/RTP/SAVP", "dtls"),
        ])
    func audioThroughRtpengineIsWhatWasSaid(transport: String, mode: String) async throws {
        try await Sound.inOneOfThreeCalls {
            var faults: [String] = []
            let directory = try Place.scratch("relay")
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let port = try freePort()
            let calleePort = try freePort()
            let echoPorts = try TestPorts.media.take()
            let callee = try Child(
                "sipp", Place.sipp,
                [
                    "-sn", "uas", "-i", "127.0.0.1", "-p", "\(calleePort)", "-m", "1", "-timeout",
                    "30", "-nostdin", "-rtp_echo", "-mp", "\(echoPorts)",
                ], log: directory, cwd: directory)
            defer { callee.end() }
            let relayPorts = try TestPorts.media.take()
            let relay = try Child(
                "relay", Place.python,
                [
                    MediaPeer.script("rtpengine.py"), "--port", "\(port)", "--to",
                    "127.0.0.1:\(calleePort)", "--media", "\(relayPorts)-\(relayPorts + 19)",
                    "--control-port", "\(try freePort())", "--towards-caller", transport,
                ], log: directory)
            defer { relay.end() }
            try await eventually("rtpengine", within: 12) {
                guard relay.isRunning else { throw PeerFailure(relay.output) }
                return relay.output.contains("listening")
            }
            let call = try await voiceCall(
                to: port, configuration: "srtp:\n  mode: \(mode)\n", in: directory)
            #expect(call.code == 0, "\(call.output) \(relay.output)")
            #expect(relay.output.contains("m=audio"), "\(relay.output)")
            #expect(relay.output.contains("\(transport) 0"), "\(relay.output)")
            faults += try await Sound.voiceFaults(
                Sound.narrow(call.recording), "through rtpengine", directory, correlation: 0.98,
                pesq: 4.0)
            return faults
        }
    }
}

/// What the judge of the calls above forgives, and what it does not.
@Test func onePacketPlayedTwiceIsForgivenWhereAsked() throws {
    let said = try Voice.samples()
    let cut = 10_000
    func heard(repeating count: Int) -> Likeness {
        Likeness(heard: Array(said[..<cut] + said[(cut - count)...]), said: said)
    }
    let whole = Likeness(heard: said, said: said)
    #expect(whole.worst() > 0.999 && whole.displaced() == 0)
    let packet = heard(repeating: 160)
    #expect(packet.displaced() > 1 && packet.displaced(steps: 1) == 0)
    #expect(packet.worst() < 0.98 && packet.worst(steps: 1) > 0.999)
    let half = heard(repeating: 110)
    #expect(half.displaced(steps: 1) > 1)
    let gap = Likeness(
        heard: Array(said[..<cut]) + [Int16](repeating: 0, count: 1000) + said[(cut + 1000)...],
        said: said)
    #expect(gap.worst(steps: 1) < 0.98)
}
