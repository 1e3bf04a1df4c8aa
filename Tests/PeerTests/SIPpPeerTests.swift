import Foundation
import Testing

private let sippPcaps = "/usr/share/sip-tester"

@Suite struct SIPpPeerTests {
    /// `trunkline call` against SIPp's built-in UAS, as it is shipped.
    @Test(.timeLimit(.minutes(10)))
    func callReachesSIPpsBuiltInUAS() async throws {
        let directory = try Place.scratch("uas")
        let port = try freePort()
        let uas = try Child(
            "sipp", Place.sipp,
            [
                "-sn", "uas", "-i", "127.0.0.1", "-p", "\(port)", "-m", "1", "-timeout", "40",
                "-nostdin", "-rtp_echo", "-mp", "\(try TestPorts.media.take())",
            ], log: directory, cwd: directory)
        defer { uas.end() }
        let call = try await runToEnd(
            Place.trunkline,
            [
                "call", "sip:service@127.0.0.1:\(port)", "--no-detect", "--max-seconds", "2",
                "--json", "--rtp-ports", "31000-31019",
            ], within: 30)
        #expect(call.code == 0, "\(call.output)")
        let events = call.output.split(separator: "\n").map { JSON(line: $0) }
        #expect(events.first?["event"].string == "dialing")
        #expect(events.contains { $0["event"].string == "answered" })
        #expect(events.last?["event"].string == "ended")
        #expect(try await uas.exitCode(within: 20) == 0, "\(uas.output.suffix(2000))")
    }

    /// SIPp answers and plays its own g711a.pcap (PCMA, 30 ms packets): recorded as it was sent.
    @Test(.timeLimit(.minutes(10)))
    func callHearsSIPpsOwnPcap() async throws {
        let directory = try Place.scratch("uas-pcap")
        let port = try freePort()
        let uas = try Child(
            "sipp", Place.sipp,
            [
                "-sf", Place.root + "/Fixtures/sipp/uas-g711a.xml", "-i", "127.0.0.1", "-p",
                "\(port)", "-mi", "127.0.0.1", "-mp", "\(try TestPorts.media.take())", "-m", "1",
                "-timeout", "40",
                "-nostdin",
            ], log: directory, cwd: sippPcaps)
        defer { uas.end() }
        let recording = directory + "/call.wav"
        let call = try await runToEnd(
            Place.trunkline,
            [
                "call", "sip:service@127.0.0.1:\(port)", "--no-detect", "--record", recording,
                "--json", "--rtp-ports", "31020-31039",
            ], within: 40)
        #expect(call.code == 0, "\(call.output)")
        #expect(try await uas.exitCode(within: 20) == 0, "\(uas.output.suffix(2000))")
        // 236 packets of 30 ms: the voice of the recording is the voice of the file.
        let detect = try await runToEnd(
            Place.trunkline, ["detect", sippPcaps + "/g711a.pcap", "--json"])
        #expect(detect.code == 0)
        // When SIPp begins to send is its own affair; how long its last words are is the file's. (The
        // first are faint, and the pause behind them is as long as the hangover.)
        let words = { (output: String) -> Double? in
            let events = output.split(separator: "\n").map { JSON(line: $0) }
            guard let start = events.last(where: { $0["event"].string == "speech_start" }),
                let end = events.last(where: { $0["event"].string == "speech_end" }),
                let from = start["t_ms"].double, let to = end["t_ms"].double
            else { return nil }
            return to - from
        }
        let inFile = try #require(words(detect.output))
        let inCall = try #require(words(call.output))
        #expect(abs(inFile - inCall) < 150, "file \(inFile) ms, call \(inCall) ms")
        let left = try Sound.samples(recording)
        #expect(left.count > 6 * 8000)
        #expect(left.contains { abs(Int($0)) > 3000 })
    }

    /// Trunks and load tools call in: SIPp's built-in UAC to the echo, and with audio.
    @Test(.timeLimit(.minutes(10)))
    func sippCallsInAndHearsTheEcho() async throws {
        let directory = try Place.scratch("uac")
        let server = try await TrunklineServer(directory: directory)
        defer { server.child.end() }
        let plain = try await runToEnd(
            Place.sipp,
            [
                "-sn", "uac", "-s", "echo", "127.0.0.1:\(server.sipPort)", "-i", "127.0.0.1", "-m",
                "20", "-r", "20", "-d", "500", "-timeout", "40", "-nostdin", "-mp",
                "\(try TestPorts.media.take())",
            ], within: 50, cwd: directory)
        #expect(plain.code == 0, "\(plain.output.suffix(2000))")
        // The built-in scenario with SIPp's own g711a.pcap and a DTMF digit.
        let audio = try await runToEnd(
            Place.sipp,
            [
                "-sn", "uac_pcap", "-s", "echo", "127.0.0.1:\(server.sipPort)", "-i", "127.0.0.1",
                "-mi", "127.0.0.1", "-m", "1", "-timeout", "40", "-nostdin", "-mp",
                "\(try TestPorts.media.take())",
            ], within: 50, cwd: try pcapFolder(directory))
        #expect(audio.code == 0, "\(audio.output.suffix(2000))")
        let unknown = try await runToEnd(
            Place.sipp,
            [
                "-sn", "uac", "-s", "nobody", "127.0.0.1:\(server.sipPort)", "-i", "127.0.0.1",
                "-m", "1", "-timeout", "20", "-nostdin",
            ], within: 30, cwd: directory)
        #expect(unknown.code == 1)
        let records = try await server.records(21)
        #expect(records.allSatisfy { $0["end_reason"].string == "remote_hangup" })
        // 236 packets of voice and 10 of a digit went in; each packet of voice came back.
        let voiced = try #require(
            records.first { ($0["media"]["packets_received"].int ?? 0) > 200 })
        #expect(voiced["media"]["packets_sent"].int == 236)
        #expect(try await server.json("GET", "/api/health")["status"].string == "ok")
        #expect(try await server.metric("trunkline_media_legs") == 0)
    }

    /// uac_pcap looks for pcap/g711a.pcap in the working folder.
    private func pcapFolder(_ directory: String) throws -> String {
        try FileManager.default.createSymbolicLink(
            atPath: directory + "/pcap", withDestinationPath: sippPcaps)
        return directory
    }
}
