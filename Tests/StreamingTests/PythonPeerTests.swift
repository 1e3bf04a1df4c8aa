import Audio
import Foundation
import Testing

@testable import Streaming

/// tools/demo-bot.py (Python's `websockets`) as an independent peer: it checks the order of events,
/// the sequence numbers, the chunks and the timestamps itself and reports violations.
@Suite(.timeLimit(.minutes(10))) struct PythonPeerTests {
    private static let python = "/usr/bin/python3"
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static let isAvailable: Bool = {
        let probe = Process()
        probe.executableURL = URL(fileURLWithPath: python)
        probe.arguments = ["-c", "import websockets"]
        probe.standardError = FileHandle.nullDevice
        guard (try? probe.run()) != nil else { return false }
        probe.waitUntilExit()
        return probe.terminationStatus == 0
    }()

    @Test(.enabled(if: isAvailable, "python3-websockets is not installed"))
    func demoBotSpeaksIsHeardAndGetsItsMarkWhenTheAudioIsOut() async throws {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("trunkline-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let clip = (0..<5000).map { Int16(truncatingIfNeeded: ($0 * 97) % 16_000 - 8_000) }
        try wav(clip).write(to: directory.appendingPathComponent("clip.wav"))
        let bot = try PeerProcess(
            Self.python,
            [
                Self.root.appendingPathComponent("tools/demo-bot.py").path, "--port", "0",
                "--once", "--say", "clip.wav", "--save", "heard.wav", "--clear-on", "*",
            ], directory: directory)
        var lines = bot.lines.makeAsyncIterator()
        let port = try #require(object(await lines.next())["port"] as? Int)

        let rig = try Rig()
        var events = rig.events.makeAsyncIterator()
        let session = rig.connect(rig.request("ws://127.0.0.1:\(port)/"))
        #expect(await events.next() == .connected)
        #expect(object(await lines.next())["event"] as? String == "connected")
        let start = object(await lines.next())
        #expect(start["event"] as? String == "start")
        #expect(start["callSid"] as? String == "CA0001")
        #expect(start["parameterNames"] as? [String] == ["language"])
        #expect(object(await lines.next())["event"] as? String == "said")

        // 1.2 s of the callee to the bot, as fast as the stream takes it.
        let callee = (0..<60 * 160).map { Int16(truncatingIfNeeded: $0 * 3) }
        for frame in 0..<60 {
            rig.offer(Array(callee[frame * 160..<frame * 160 + 160]))
            while rig.bridge.received.count >= 160 { await Task.yield() }
        }
        let played = try await rig.play(5000)
        #expect(played.count == 5000)
        #expect(zip(played, clip).allSatisfy { abs(Int($0) - Int($1)) <= 256 })
        #expect(await events.next() == .mark(name: "clip"))

        session.sendDTMF("7")
        session.sendDTMF("*")
        #expect(await events.next() == .cleared(marks: 0))
        session.stop()
        #expect(await events.next() == .ended(reason: "stopped"))
        #expect(await events.next() == nil)

        var rest: [[String: Any]] = []
        while let line = await lines.next() { rest.append(object(line)) }
        let names = rest.compactMap { $0["event"] as? String }
        let others = names.filter { $0 != "media" }
        #expect(others == ["mark", "dtmf", "dtmf", "clear", "stop", "closed"])
        #expect(rest.first { $0["event"] as? String == "mark" }?["name"] as? String == "clip")
        let closed = try #require(rest.last)
        #expect(closed["violations"] as? [String] == [])
        #expect(closed["frames"] as? Int == 60)
        #expect(await bot.exitStatus() == 0)

        let heard = try Data(contentsOf: directory.appendingPathComponent("heard.wav"))
        #expect(heard.count == 44 + 2 * 9600)
        let samples = stride(from: 44, to: heard.count, by: 2).map {
            Int16(bitPattern: UInt16(heard[$0]) | UInt16(heard[$0 + 1]) << 8)
        }
        let wanted = callee.map { G711.sample(muLaw: G711.muLaw($0)) }
        #expect(samples.elementsEqual(wanted))
        try await rig.shutdown()
    }

    @Test(.enabled(if: isAvailable, "python3-websockets is not installed"))
    func demoBotEchoesAndEndsOnSIGTERM() async throws {
        let bot = try PeerProcess(
            Self.python,
            [Self.root.appendingPathComponent("tools/demo-bot.py").path, "--port", "0", "--echo"],
            directory: FileManager.default.temporaryDirectory)
        var lines = bot.lines.makeAsyncIterator()
        let port = try #require(object(await lines.next())["port"] as? Int)
        let rig = try Rig()
        var events = rig.events.makeAsyncIterator()
        _ = rig.connect(rig.request("ws://127.0.0.1:\(port)/"))
        #expect(await events.next() == .connected)
        let spoken = (0..<1600).map { Int16(truncatingIfNeeded: $0 * 20 - 16_000) }
        rig.offer(spoken)
        let played = try await rig.play(1600)
        let wanted = spoken.map { G711.sample(muLaw: G711.muLaw($0)) }
        #expect(played.elementsEqual(wanted))
        bot.terminate()
        guard case .ended(let reason) = await events.next() else {
            Issue.record("no proper end")
            return
        }
        #expect(reason.hasPrefix("the bot closed the stream (1001"))
        #expect(await bot.exitStatus() == 0)
        try await rig.shutdown()
    }

    /// `#frame=100` of the URL, or `stream.frame_milliseconds`.
    @Test(
        .enabled(if: isAvailable, "python3-websockets is not installed"), arguments: [20, 40, 100])
    func demoBotTakesFramesOfAnyLengthForWhatTheyAre(milliseconds: Int) async throws {
        let bot = try PeerProcess(
            Self.python,
            [Self.root.appendingPathComponent("tools/demo-bot.py").path, "--port", "0", "--once"],
            directory: FileManager.default.temporaryDirectory)
        var lines = bot.lines.makeAsyncIterator()
        let port = try #require(object(await lines.next())["port"] as? Int)
        let rig = try Rig()
        var events = rig.events.makeAsyncIterator()
        let session = rig.connect(
            rig.request("ws://127.0.0.1:\(port)/#frame=\(milliseconds)"))
        #expect(await events.next() == .connected)
        rig.offer([Int16](repeating: 100, count: 1600))
        session.stop()
        #expect(await events.next() == .ended(reason: "stopped"))
        var closed: [String: Any] = [:]
        while let line = await lines.next() { closed = object(line) }
        #expect(closed["frames"] as? Int == 200 / milliseconds)
        #expect(closed["violations"] as? [String] == [])
        #expect(await bot.exitStatus() == 0)
        try await rig.shutdown()
    }

    private func object(_ line: String?) -> [String: Any] {
        let parsed = try? JSONSerialization.jsonObject(with: Data((line ?? "{}").utf8))
        return parsed as? [String: Any] ?? [:]
    }

    private func wav(_ samples: [Int16]) -> Data {
        var data = Data("RIFF".utf8)
        func append(_ value: Int, _ bytes: Int) {
            for index in 0..<bytes { data.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
        }
        append(36 + 2 * samples.count, 4)
        data.append(Data("WAVEfmt ".utf8))
        for (value, bytes) in [(16, 4), (1, 2), (1, 2), (8000, 4), (16_000, 4), (2, 2), (16, 2)] {
            append(value, bytes)
        }
        data.append(Data("data".utf8))
        append(2 * samples.count, 4)
        for sample in samples { append(Int(sample), 2) }
        return data
    }
}
