import Foundation
import Testing

@Suite struct StreamPeerTests {
    /// An inbound call to the configured bot: SIPp speaks its g711a.pcap, the bot hears it.
    @Test(.timeLimit(.minutes(10)))
    func inboundCallToStreamReachesTheConfiguredBot() async throws {
        let directory = try Place.scratch("inbound-stream")
        let saved = directory + "/heard.wav"
        let bot = try await DemoBot(
            directory, ["--say", CalleeAudio.directory + "/message.wav", "--save", saved])
        defer { bot.child.end() }
        let server = try await TrunklineServer(
            directory: directory, extra: "stream:\n  url: \"\(bot.url)\"\n")
        defer { server.child.end() }
        try FileManager.default.createSymbolicLink(
            atPath: directory + "/pcap", withDestinationPath: "/usr/share/sip-tester")
        let caller = try await runToEnd(
            Place.sipp,
            [
                "-sn", "uac_pcap", "-s", "stream", "127.0.0.1:\(server.sipPort)", "-i",
                "127.0.0.1", "-mi", "127.0.0.1", "-m", "1", "-timeout", "40", "-nostdin", "-mp",
                "\(try TestPorts.media.take())",
            ], within: 50, cwd: directory)
        #expect(caller.code == 0, "\(caller.output.suffix(2000))")
        try await eventually("the bot to see the end", within: 10) {
            bot.events.contains { $0["event"].string == "stop" }
        }
        let names = bot.events.compactMap { $0["event"].string }
        let order = ["connected", "start", "media", "mark", "stop"].map { names.firstIndex(of: $0) }
        #expect(order.allSatisfy { $0 != nil }, "\(names)")
        #expect(order.compactMap { $0 } == order.compactMap { $0 }.sorted(), "\(names)")
        // SIPp's built-in scenario presses 1 after the voice.
        #expect(bot.events.contains { $0["event"].string == "dtmf" && $0["digit"].string == "1" })
        try await eventually("the bot's recording", within: 10) {
            (try? Sound.samples(saved))?.isEmpty == false
        }
        let heard = try Sound.samples(saved)
        #expect(heard.contains { abs(Int($0)) > 3000 })
        let record = try await server.records(1)[0]
        #expect(record["direction"].string == "inbound")
        #expect(record["media"]["packets_received"].int ?? 0 > 200)
    }

    /// `trunkline call` with a bot, a voicemail message and a recording, against a mailbox.
    @Test(.timeLimit(.minutes(10)))
    func callLeavesItsMessageOnAMailbox() async throws {
        let directory = try Place.scratch("call-voicemail")
        let trunk = try await MeasuringTrunk(directory)
        defer { trunk.child.end() }
        let recording = directory + "/call.wav"
        let call = try await runToEnd(
            Place.trunkline,
            [
                "call", "sip:mailbox01@127.0.0.1:\(trunk.port)", "--stream",
                "ws://127.0.0.1:9/never", "--voicemail", CalleeAudio.directory + "/message.wav",
                "--record", recording, "--json", "--rtp-ports", "31040-31059",
            ], within: 40)
        #expect(call.code == 0, "\(call.output)")
        let events = call.output.split(separator: "\n").map { JSON(line: $0) }
        let names = events.compactMap { $0["event"].string }
        let order = [
            "answered", "verdict", "beep", "voicemail_started", "voicemail_finished", "ended",
        ]
        .map { names.lastIndex(of: $0) }
        #expect(order.allSatisfy { $0 != nil }, "\(names)")
        #expect(order.compactMap { $0 } == order.compactMap { $0 }.sorted(), "\(names)")
        #expect(!names.contains("stream_connected"))
        let message = try Sound.samples(CalleeAudio.directory + "/message.wav")
        let mailbox = try await trunk.call(to: "01")
        #expect(try Sound.correlation(Sound.samples(mailbox + ".wav"), message) > 0.99)
        #expect(try Sound.correlation(Sound.samples(recording, channel: 1), message) > 0.99)
    }

    /// A recogniser hears who answers, and what it understood decides; it is not heard itself.
    @Test(.timeLimit(.minutes(10)))
    func aRecogniserHearsWhoAnswersAndDecides() async throws {
        let directory = try Place.scratch("call-recogniser")
        let trunk = try await MeasuringTrunk(directory)
        defer { trunk.child.end() }
        let saved = directory + "/heard.wav"
        let recogniser = try await DemoBot(
            directory,
            [
                "--transcript", "Thank you for calling. For billing, press one.", "--save", saved,
                "--say", CalleeAudio.directory + "/message.wav",
            ])
        defer { recogniser.child.end() }
        let call = try await runToEnd(
            Place.trunkline,
            [
                "call", "sip:human09@127.0.0.1:\(trunk.port)", "--play",
                CalleeAudio.directory + "/message.wav", "--transcript-url", recogniser.url,
                "--json", "--rtp-ports", "31080-31099",
            ], within: 40)
        #expect(call.code == 0, "\(call.output)")
        let events = call.output.split(separator: "\n").map { JSON(line: $0) }
        let final = events.filter { $0["event"].string == "verdict" && $0["final"].bool == true }
        #expect(final.map { $0["verdict"].string } == ["ivr"], "\(call.output)")
        #expect(final.first?["reason"].string == "transcript")
        try await eventually("the recogniser's recording", within: 10) {
            (try? Sound.samples(saved))?.isEmpty == false
        }
        #expect(try Sound.samples(saved).contains { abs(Int($0)) > 1000 })
        // Nothing of what it said itself was sent to the callee.
        let callee = try await trunk.call(to: "09")
        #expect(!(try Sound.samples(callee + ".wav").contains { abs(Int($0)) > 500 }))
    }

    /// Ringback before the answer neither burns the verdict's clock nor reads as a machine.
    @Test(.timeLimit(.minutes(10)))
    func ringbackInEarlyMediaIsHeardAsRingback() async throws {
        let directory = try Place.scratch("early")
        let trunk = try await MeasuringTrunk(directory)
        defer { trunk.child.end() }
        let call = try await runToEnd(
            Place.trunkline,
            [
                "call", "sip:early10@127.0.0.1:\(trunk.port)", "--play",
                CalleeAudio.directory + "/message.wav", "--json", "--rtp-ports", "31060-31079",
            ], within: 40)
        #expect(call.code == 0, "\(call.output)")
        let events = call.output.split(separator: "\n").map { JSON(line: $0) }
        #expect(events.contains { $0["event"].string == "early_media" })
        #expect(
            events.contains { $0["event"].string == "tone" && $0["kind"].string == "ringback" })
        #expect(!events.contains { $0["event"].string == "beep" })
        let final = events.filter { $0["event"].string == "verdict" && $0["final"].bool == true }
        #expect(final.first?["verdict"].string == "human")
    }

    /// "No such number" in early media, and nothing after it: the call does not ring until its time is over.
    @Test(.timeLimit(.minutes(10)))
    func informationTonesInEarlyMediaEndTheRinging() async throws {
        let directory = try Place.scratch("early-sit")
        let table = directory + "/table.json"
        try """
        {"12": {"kind": "vacant", "ring_ms": 60000, "status": 480, "early_audio": "unavailable"}}
        """.write(toFile: table, atomically: true, encoding: .utf8)
        let file = directory + "/call.yaml"
        try "detection:\n  sit_grace_ms: 500\n".write(
            toFile: file, atomically: true, encoding: .utf8)
        let trunk = try await MeasuringTrunk(directory, table: table)
        defer { trunk.child.end() }
        let call = try await runToEnd(
            Place.trunkline,
            [
                "call", "sip:vacant12@127.0.0.1:\(trunk.port)", "--config", file, "--ring-timeout",
                "120", "--json", "--rtp-ports", "31100-31119",
            ], within: 40)
        #expect(call.code == 1, "\(call.output)")
        let events = call.output.split(separator: "\n").map { JSON(line: $0) }
        let tone = events.first { $0["event"].string == "tone" }
        #expect(tone?["kind"].string == "sit" && tone?["information"].string == "intercept")
        #expect(events.last?["event"].string == "ended")
        #expect(events.last?["reason"].string == "invalid_number", "\(call.output)")
        #expect(!events.contains { $0["event"].string == "answered" })
        // By the grace of the configuration, not by the usual 4 s.
        let reader = ISO8601DateFormatter()
        reader.formatOptions.insert(.withFractionalSeconds)
        let times = [tone, events.last].compactMap { $0?["at"].string.flatMap(reader.date(from:)) }
        try #require(times.count == 2)
        #expect((0.5..<3.5).contains(times[1].timeIntervalSince(times[0])), "\(call.output)")
        let callee = try #require(trunk.calls(to: "12").first) + ".jsonl"
        #expect(try String(contentsOfFile: callee, encoding: .utf8).contains("cancel"))
    }
}
