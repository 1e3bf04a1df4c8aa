import Foundation
import Testing

/// Contacts of the campaigns below, by the last two digits of their number.
private let contacts = """
    phone_number,name,state,consent,consent_at
    +12125550101,Voicemail,NY,written,2026-05-04T09:00:00Z
    +13125550102,Person,IL,written,2026-05-04T09:00:00Z
    +13035550103,Busy,CO,written,2026-05-04T09:00:00Z
    +16175550104,Absent,MA,written,2026-05-04T09:00:00Z
    +16025550105,Fax,AZ,written,2026-05-04T09:00:00Z
    +14155550106,Unavailable,CA,written,2026-05-04T09:00:00Z
    +14045550109,Listener,GA,written,2026-05-04T09:00:00Z
    +12065550199,Listed,WA,written,2026-05-04T09:00:00Z
    """

private let compliance = """
    audio_directories:
      - "\(CalleeAudio.directory)"
    compliance:
      federal_list: "FEDERAL"
      federal_list_as_of: "2026-06-15T00:00:00Z"
      state_list_waiver: "test on loopback"
      demonstration_clock: "2026-06-17T17:00:00Z"
    """

private struct Campaign {
    let server: TrunklineServer
    let id: String

    init(_ directory: String, trunkPort: Int, botURL: String) async throws {
        let list = directory + "/federal.txt"
        try "206,5550199\r\n".write(toFile: list, atomically: true, encoding: .utf8)
        server = try await TrunklineServer(
            directory: directory, trunkPort: trunkPort,
            extra: compliance.replacingOccurrences(of: "FEDERAL", with: list))
        let settings = """
            {"name":"peers","caller_id":"+12125550100","purpose":"informational",
             "calls_per_minute":300,"max_concurrent_calls":10,"max_attempts":1,
             "ring_timeout_seconds":5,"max_call_seconds":60,"record":true,
             "stream_url":"\(botURL)","voicemail_path":"\(CalleeAudio.directory)/message.wav"}
            """
        id = try await server.json("POST", "/v1/campaigns", settings)["campaign_id"].string ?? ""
        let report = try await server.json(
            "POST", "/v1/campaigns/\(id)/contacts", contacts, type: "text/csv")
        #expect(report["imported"].int == 8)
        #expect(report["errors"].array.isEmpty)
        _ = try await server.json("POST", "/v1/campaigns/\(id)/start")
    }

    /// The records by the last two digits of the number, when every contact is done.
    func results(within seconds: Double) async throws -> [String: JSON] {
        try await eventually("the campaign to complete", within: seconds) {
            try await server.json("GET", "/v1/campaigns/\(id)")["status"].string == "completed"
        }
        let records = try await server.json("GET", "/v1/campaigns/\(id)/records")["records"].array
        return Dictionary(
            records.map { (String(($0["number"].string ?? "").suffix(2)), $0) },
            uniquingKeysWith: { first, _ in first })
    }

    /// The quiet person listens on: ends that call when the bot has said everything.
    func endListener(of bot: DemoBot) async throws {
        try await eventually("the bot's mark to come back", within: 40) {
            bot.events.contains { $0["event"].string == "mark" }
        }
        let live = try await server.json("GET", "/v1/calls")["live"].array
        for call in live where call["number"].string?.hasSuffix("09") == true {
            _ = try await server.request("DELETE", "/v1/calls/\(call["call_id"].string ?? "")")
        }
    }

    func end() { server.child.end() }
}

private func event(_ name: String, of record: JSON?) -> JSON? {
    record?["events"].array.first { $0["event"].string == name }
}

@Suite(.serialized) struct CampaignPeerTests {
    /// What every trunk must lead to, whoever plays it.
    private func expectOutcomes(_ results: [String: JSON]) {
        func ended(_ ending: String, _ disposition: String, _ outcome: String) {
            #expect(results[ending]?["disposition"].string == disposition, "…\(ending)")
            #expect(results[ending]?["outcome"].string == outcome, "…\(ending)")
        }
        #expect(results.count == 8)
        ended("01", "voicemail_left", "voicemail_left")
        ended("02", "opted_out", "do_not_call")
        ended("03", "busy", "no_answer")
        ended("04", "no_answer", "no_answer")
        ended("05", "fax", "wrong_number")
        ended("06", "invalid_number", "wrong_number")
        ended("99", "blocked_by_gate", "do_not_call")
        #expect(results["03"]?["sip_status"].int == 486)
        #expect(results["04"]?["sip_status"].int == 487)
        #expect(results["99"]?["sip_status"].int == 0)
        #expect(event("gate_blocked", of: results["99"])?["reasons"][0].string == "federal_dnc")
    }

    private func expectBeepTime(_ record: JSON?) throws {
        let truth = try CalleeAudio.truth("voicemail")["beep"]
        let beep = try #require(event("beep", of: record))
        let start = try #require(beep["start_ms"].double)
        let end = try #require(beep["end_ms"].double)
        #expect(abs(start - (truth["start_ms"].double ?? 0)) <= 100, "beep start \(start)")
        #expect(abs(end - (truth["end_ms"].double ?? 0)) <= 100, "beep end \(end)")
        #expect(abs((beep["frequency_hz"].double ?? 0) - 700) < 15)
    }

    @Test(.timeLimit(.minutes(10)))
    func sippCalleesEachEndWithTheirOwnOutcome() async throws {
        let directory = try Place.scratch("sipp-campaign")
        try FileManager.default.copyItem(
            atPath: Place.root + "/Fixtures/sipp/trunk.xml", toPath: directory + "/trunk.xml")
        for name in try FileManager.default.contentsOfDirectory(atPath: CalleeAudio.directory)
        where name.hasSuffix(".pcap") {
            try FileManager.default.copyItem(
                atPath: CalleeAudio.directory + "/" + name, toPath: directory + "/" + name)
        }
        let port = try freePort()
        let trunk = try Child(
            "sipp", Place.sipp,
            [
                "-sf", directory + "/trunk.xml", "-i", "127.0.0.1", "-p", "\(port)", "-mi",
                "127.0.0.1", "-mp", "\(try TestPorts.media.take())", "-nostdin", "-timeout", "120",
                "-trace_logs",
                "-log_file", directory + "/trunk.log",
            ], log: directory, cwd: directory)
        defer { trunk.end() }
        let bot = try await DemoBot(directory, ["--say", CalleeAudio.directory + "/bot.wav"])
        defer { bot.child.end() }
        let campaign = try await Campaign(directory, trunkPort: port, botURL: bot.url)
        defer { campaign.end() }
        try await campaign.endListener(of: bot)
        let results = try await campaign.results(within: 60)
        expectOutcomes(results)
        try expectBeepTime(results["01"])
        let log = try String(contentsOfFile: directory + "/trunk.log", encoding: .utf8)
        #expect(!log.contains("5550199"), "the listed number was dialled")
        #expect(log.contains("5550101"))
    }

    @Test(.timeLimit(.minutes(10)))
    func calleeHearsTheMessageAfterTheBeepAndTheBotWordForWord() async throws {
        let directory = try Place.scratch("measured-campaign")
        let trunk = try await MeasuringTrunk(directory)
        defer { trunk.child.end() }
        let saved = directory + "/bot-heard.wav"
        let bot = try await DemoBot(
            directory, ["--say", CalleeAudio.directory + "/bot.wav", "--save", saved])
        defer { bot.child.end() }
        let campaign = try await Campaign(directory, trunkPort: trunk.port, botURL: bot.url)
        defer { campaign.end() }
        try await campaign.endListener(of: bot)
        let results = try await campaign.results(within: 60)
        expectOutcomes(results)
        try expectBeepTime(results["01"])

        // The message's first audible packet reaches the mailbox after its beep has ended.
        let mailbox = try await trunk.call(to: "0101")
        let lines = JSON.lines(of: mailbox + ".jsonl")
        let played = try #require(
            lines.first { $0["event"].string == "play_start" }?["t_ms"].double)
        let beepEnd = try played + (CalleeAudio.truth("voicemail")["beep"]["end_ms"].double ?? 0)
        let audible = lines.filter {
            $0["event"].string == "received" && ($0["level_dbm0"].double ?? -99) > -45
        }
        let first = try #require(audible.first?["t_ms"].double)
        #expect(first > beepEnd)
        #expect(first < beepEnd + 1500)
        let message = try Sound.samples(CalleeAudio.directory + "/message.wav")
        #expect(try Sound.correlation(Sound.samples(mailbox + ".wav"), message) > 0.99)

        // The person who stays hears the bot from its first to its last sample.
        let listener = try await trunk.call(to: "0109")
        let said = try Sound.samples(CalleeAudio.directory + "/bot.wav")
        #expect(try Sound.correlation(Sound.samples(listener + ".wav"), said) > 0.99)

        // The bot was told in the right order, got its mark, and knows of the pressed key.
        let events = bot.events
        let names = events.compactMap { $0["event"].string }
        let connected = try #require(names.firstIndex(of: "connected"))
        let start = try #require(names.firstIndex(of: "start"))
        #expect(connected < start)
        #expect(events.contains { $0["event"].string == "dtmf" && $0["digit"].string == "9" })
        #expect(event("mark", of: results["09"]) != nil)

        // The wish is on the list, and the listed number was never dialled.
        let check = try await campaign.server.json(
            "POST", "/v1/dnc/internal/check", #"{"number":"+13125550102"}"#)
        #expect(check["listed"].bool == true)
        #expect(trunk.calls(to: "0199").isEmpty)
        #expect(trunk.calls(to: "0104").count == 1)
        let absent = JSON.lines(of: try await trunk.call(to: "0104") + ".jsonl")
        #expect(absent.contains { $0["event"].string == "cancel" })

        // Left is the callee, right is us; both are in the recording.
        let recording = try #require(results["01"]?["recording"].string)
        #expect(try Sound.correlation(Sound.samples(recording, channel: 1), message) > 0.99)
        let greeting = try Sound.samples(CalleeAudio.directory + "/voicemail.wav")
        #expect(try Sound.correlation(Sound.samples(recording, channel: 0), greeting) > 0.95)
        #expect(try await campaign.server.metric("trunkline_opt_outs_total{source=\"dtmf\"}") == 1)
    }
}
