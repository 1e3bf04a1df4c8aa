import Foundation
import Testing

@Suite struct LegPeerTests {
    private static let offer = [
        "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
        "m=audio PORT RTP/AVP 8 0 101", "a=rtpmap:8 PCMA/8000", "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000", "",
    ].joined(separator: "\\r\\n")

    @Test(.timeLimit(.minutes(10)))
    func replayedCaptureComesBackFromALegWithoutSIP() async throws {
        let directory = try Place.scratch("leg")
        let server = try await TrunklineServer(directory: directory)
        defer { server.child.end() }
        // The replayer sends from a port of its own; a leg follows a source whose packets go on.
        let body =
            #"{"offer":"\#(Self.offer.replacingOccurrences(of: "PORT", with: "\(try freePort())"))","mode":"echo"}"#
        let leg = try await server.json("POST", "/v1/legs", body)
        let port = try #require(leg["port"].int)
        #expect(leg["answer"].string?.contains("m=audio \(port) RTP/AVP 8") == true)
        let replay = try await runToEnd(
            Place.trunkline,
            ["replay", "/usr/share/sip-tester/g711a.pcap", "--to", "127.0.0.1:\(port)", "--json"],
            within: 40)
        #expect(replay.code == 0, "\(replay.output)")
        let counts = JSON(line: replay.output.split(separator: "\n").last ?? "")
        #expect(counts["sent"].int == 236)
        // What a source sends before it is believed is not answered; the rest is, packet by packet.
        #expect((counts["lost"].int ?? 236) <= 5, "\(replay.output)")
        let id = try #require(leg["leg_id"].string)
        let seen = try await server.json("GET", "/v1/legs/\(id)")
        #expect(seen["events"].array.contains { $0["event"].string == "speech_start" })
        #expect(try await server.request("DELETE", "/v1/legs/\(id)").status == 204)
        #expect(try await server.request("GET", "/v1/legs/\(id)").status == 404)
    }

    /// SIPp's key presses, over real sockets: each is one digit of its leg, although the first packets
    /// go by until their source is believed.
    @Test(.timeLimit(.minutes(10)))
    func sippsTwelveKeysAreHeardOnceEach() async throws {
        let directory = try Place.scratch("keys")
        let server = try await TrunklineServer(directory: directory)
        defer { server.child.end() }
        let files = "0123456789".map { (String($0), String($0)) } + [("*", "star"), ("#", "pound")]
        for (key, file) in files {
            let offer = Self.offer.replacingOccurrences(of: "PORT", with: "\(try freePort())")
            let leg = try await server.json(
                "POST", "/v1/legs", #"{"offer":"\#(offer)","mode":"silence"}"#)
            let port = try #require(leg["port"].int)
            let id = try #require(leg["leg_id"].string)
            let replay = try await runToEnd(
                Place.trunkline,
                [
                    "replay", "/usr/share/sip-tester/dtmf_2833_\(file).pcap", "--to",
                    "127.0.0.1:\(port)", "--json",
                ], within: 40)
            #expect(replay.code == 0, "\(replay.output)")
            try await eventually("key \(key)", within: 10) {
                try await server.json("GET", "/v1/legs/\(id)")["events"].array
                    .contains { $0["digit"].string != nil }
            }
            let digits = try await server.json("GET", "/v1/legs/\(id)")["events"].array
                .compactMap { $0["digit"].string }
            #expect(digits == [key])
            #expect(try await server.request("DELETE", "/v1/legs/\(id)").status == 204)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func fullPortRangeIsAClearErrorAndPortsComeBack() async throws {
        let directory = try Place.scratch("ports")
        let server = try await TrunklineServer(directory: directory, rtpCount: 6)
        defer { server.child.end() }
        let body =
            #"{"offer":"\#(Self.offer.replacingOccurrences(of: "PORT", with: "4000"))","mode":"silence"}"#
        for _ in 0..<3 {
            #expect(try await server.request("POST", "/v1/legs", body: body).status == 201)
        }
        let full = try await server.request("POST", "/v1/legs", body: body)
        #expect(full.status == 503)
        let error = JSON(try JSONSerialization.jsonObject(with: full.body))["error"]
        #expect(error["code"].string == "ports_exhausted")
        #expect(error["message"].string?.contains("--rtp-ports") == true)
    }
}

/// Errors of the command line: one line that names the thing and the remedy, and a code that is not 0.
@Suite struct CommandLinePeerTests {
    @Test(.timeLimit(.minutes(10)))
    func eachFailureToStartNamesItsRemedy() async throws {
        let directory = try Place.scratch("errors")
        let server = try await TrunklineServer(directory: directory)
        defer { server.child.end() }
        func refused(_ arguments: [String], _ words: [String]) async throws {
            let result = try await runToEnd(
                Place.trunkline, ["serve", "--data", directory + "/other"] + arguments, within: 20)
            #expect(result.code != 0, "\(arguments)")
            let lines = result.output.split(separator: "\n")
                .filter { $0.hasPrefix("trunkline: ") }
            #expect(lines.count == 1, "\(result.output)")
            for word in words { #expect(result.output.contains(word), "\(word): \(result.output)") }
        }
        let http = ["--http", "127.0.0.1:0"]
        try await refused(
            ["--http", "127.0.0.1:\(server.httpPort)", "--sip", "127.0.0.1:0"],
            ["\(server.httpPort)", "in use", "--http"])
        try await refused(
            http + ["--sip", "127.0.0.1:\(server.sipPort)"],
            ["\(server.sipPort)", "in use", "--sip"])
        try await refused(["--config", directory + "/none.yaml"], ["none.yaml", "--config"])
        let broken = directory + "/broken.yaml"
        try "http: [unclosed".write(toFile: broken, atomically: true, encoding: .utf8)
        try await refused(["--config", broken], ["broken.yaml", "YAML"])
        let misspelt = directory + "/misspelt.yaml"
        try "compliance:\n  federal_lists: x\n".write(
            toFile: misspelt, atomically: true, encoding: .utf8)
        try await refused(["--config", misspelt], ["compliance.federal_lists", "unknown key"])
        try await refused(["--http", "0.0.0.0:0"], ["0.0.0.0", "TRUNKLINE_API_KEY"])
        let trunk = "trunk:\n  address: \"127.0.0.1:9\"\n"
        for (number, (text, words)) in [
            ("sip_tlss:\n  port: 5061\n", ["sip_tlss", "unknown key"]),
            (trunk + "  cals_per_second: 1\n", ["trunk.cals_per_second", "unknown key"]),
            // A call has made its offer, and has its port, before a trunk is chosen.
            (trunk + "trunk_2:\n  srtp: \"required\"\n", ["trunk_2.srtp", "unknown key"]),
            (trunk + "trunk_8:\n  codecs: [\"pcmu\"]\n", ["trunk_8.codecs", "unknown key"]),
            (trunk + "trunk_3:\n  shared_port: true\n", ["trunk_3.shared_port", "unknown key"]),
            (trunk + "trunk_9:\n  address: \"127.0.0.1:9\"\n", ["trunk_9", "unknown key"]),
            ("workers: 65\n", ["65", "64"]),
            (
                trunk + "trunk_2:\n  address: \"192.0.2.1:9\"\ncompliance:\n"
                    + "  demonstration_clock: \"2026-06-17T17:00:00Z\"\n",
                ["demonstration_clock", "192.0.2.1"]
            ),
            (trunk + "  register: true\n", ["trunk.register", "username"]),
            (trunk + "  private: true\n", ["trunk.private", "caller_identity"]),
            (trunk + "  number_form: \"roman\"\n", ["number_form", "roman", "national"]),
            (trunk + "  home_country: \"US\"\n", ["home_country", "US"]),
            (
                trunk + "  register: true\n  username: \"a\"\n  outbound_proxy: \"nowhere\"\n",
                ["outbound_proxy", "nowhere"]
            ),
            ("sip_callers:\n  file: \"/nowhere\"\n  realm: \"a\"\n", ["sip_callers.file"]),
            ("sip_callers:\n  file: \"\(broken)\"\n", ["sip_callers.realm"]),
            ("sip_policy:\n  session_seconds: 60\n", ["session_seconds", "90"]),
            ("sip_policy:\n  redirects: 99\n", ["redirects", "99"]),
            ("sip_policy:\n  reliable_provisionals: \"maybe\"\n", ["maybe", "required"]),
            ("stir:\n  key: \"\(broken)\"\n", ["stir.certificate_url"]),
            ("stir:\n  certificates: [\"http://a=b\"]\n", ["stir.certificates", "https"]),
            (
                "stir:\n  key: \"\(broken)\"\n  certificate_url: \"https://a/b\"\n",
                ["P-256", "stir"]
            ),
            ("transfer_numbers: [\"12\"]\n", ["transfer_numbers", "E.164"]),
        ].enumerated() {
            let path = directory + "/wrong-\(number).yaml"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            try await refused(["--config", path] + http + ["--sip", "127.0.0.1:0"], words)
        }
        try await refused(http + ["--rtp-ports", "9-5"], ["--rtp-ports"])
        try await refused(
            http + ["--data", server.dataDirectory], ["another", "trunkline.sqlite"])
    }

    @Test(.timeLimit(.minutes(10)))
    func callSaysThatItsPortIsInUse() async throws {
        let directory = try Place.scratch("call-port")
        let server = try await TrunklineServer(directory: directory)
        defer { server.child.end() }
        let call = try await runToEnd(
            Place.trunkline,
            [
                "call", "sip:echo@127.0.0.1:\(server.sipPort)", "--sip",
                "127.0.0.1:\(server.sipPort)",
            ], within: 20)
        #expect(call.code != 0)
        #expect(call.output.contains("in use"), "\(call.output)")
        #expect(call.output.contains("--sip"))
    }

    @Test(.timeLimit(.minutes(10)))
    func keyIsAskedForBeyondLoopbackAndAWrongOneIsRefused() async throws {
        let directory = try Place.scratch("key")
        let server = try await TrunklineServer(
            directory: directory, extra: "api_key: \"correct horse\"\n")
        defer { server.child.end() }
        #expect(try await server.request("GET", "/v1/calls").status == 401)
        #expect(
            try await server.request(
                "GET", "/v1/calls", headers: ["Authorization": "Bearer wrong"]
            ).status == 401)
        #expect(
            try await server.request(
                "GET", "/v1/calls", headers: ["Authorization": "Bearer correct horse"]
            ).status == 200)
        #expect(!server.child.output.contains("correct horse"))
    }

    /// RF64 (EBU Tech 3306) is WAV too.
    @Test(.timeLimit(.minutes(10)))
    func detectHearsTheSameInALongWAVFile() async throws {
        let plain = CalleeAudio.directory + "/voicemail.wav"
        let bytes = try Data(contentsOf: URL(fileURLWithPath: plain))
        let long = try Place.scratch("rf64") + "/long.wav"
        try (Data("RF64".utf8) + bytes.dropFirst(4)).write(to: URL(fileURLWithPath: long))
        let heard = try await runToEnd(Place.trunkline, ["detect", long, "--json"])
        #expect(heard.code == 0, "\(heard.output)")
        let expected = try await runToEnd(Place.trunkline, ["detect", plain, "--json"])
        #expect(expected.output.contains("beep"))
        #expect(heard.output.replacingOccurrences(of: long, with: plain) == expected.output)
    }

    @Test(.timeLimit(.minutes(10)))
    func detectPrintsTheFormatThatScriptsRead() async throws {
        let truth = try CalleeAudio.truth("voicemail")["beep"]
        for kind in ["voicemail.wav", "voicemail.pcap"] {
            let file = CalleeAudio.directory + "/" + kind
            let result = try await runToEnd(Place.trunkline, ["detect", file, "--json"])
            #expect(result.code == 0)
            let lines = result.output.split(separator: "\n").map { JSON(line: $0) }
            #expect(lines.allSatisfy { $0["file"].string == file && $0["stream"].string != nil })
            #expect(lines.allSatisfy { $0["t_ms"].int != nil && $0["event"].string != nil })
            let beep = try #require(lines.first { $0["event"].string == "beep" })
            #expect(abs((beep["start_ms"].double ?? 0) - (truth["start_ms"].double ?? 0)) <= 50)
            #expect(abs((beep["end_ms"].double ?? 0) - (truth["end_ms"].double ?? 0)) <= 50)
            let final = lines.filter {
                $0["event"].string == "verdict" && $0["final"].bool == true
            }
            #expect(final.count == 1)
            #expect(final.first?["verdict"].string == "voicemail")
        }
        let trace = try await runToEnd(
            Place.trunkline,
            ["detect", CalleeAudio.directory + "/person.pcap", "--vad-trace"])
        let scores = trace.output.split(separator: "\n").map { JSON(line: $0) }
            .compactMap { $0["vad"].double }
        #expect(scores.count >= 1100)
        #expect(scores.allSatisfy { (0...1).contains($0) })
        #expect(trace.output.contains(#""digit":"9""#))
        let missing = try await runToEnd(Place.trunkline, ["detect", "/nonexistent.wav"])
        #expect(missing.code != 0)
        #expect(missing.output.contains("/nonexistent.wav"))
    }
}
