import Audio
import Base
import Foundation
import Telemetry
import Testing

@testable import Streaming

/// tools/mux-client.py (Python's `websockets`) as an independent peer of the multiplexed stream: it
/// reads our messages with code of its own, echoes, marks and clears.
@Suite(.timeLimit(.minutes(10)), .serialized) struct MuxPeerTests {
    private static let legs = 50
    private static let frames = 40

    /// What leg `number` hears: noise of its own, so that one leg's audio never looks like another's.
    private static func voice(_ number: Int) -> [Int16] {
        var random = SeededGenerator(seed: UInt64(number) &* 7919 &+ 1)
        return (0..<frames * 160).map { _ in
            G711.sample(muLaw: UInt8.random(in: 0...255, using: &random))
        }
    }

    /// How much `heard` is like `spoken`: 1 the same, 0 nothing in common.
    private static func correlation(_ heard: [Int16], _ spoken: [Int16]) -> Double {
        var (product, first, second) = (0.0, 0.0, 0.0)
        for (a, b) in zip(heard, spoken) {
            product += Double(a) * Double(b)
            first += Double(a) * Double(a)
            second += Double(b) * Double(b)
        }
        return first > 0 && second > 0 ? product / (first * second).squareRoot() : 0
    }

    /// One tick of every leg's worker in turn, with `spoken` going in, until all have played their
    /// share or time is up.
    private static func run(_ rig: Rig, _ legs: [RigLeg], until count: Int) async throws
        -> [[Int16]]
    {
        let voices = (0..<legs.count).map { voice($0) }
        var workers = legs.map { WorkerClock($0.bridge) }
        var frame = 0
        let deadline = ContinuousClock.now + .seconds(240)
        while workers.contains(where: { $0.played.count < count }), ContinuousClock.now < deadline {
            // Not faster than the stream takes it: nothing is to be lost here.
            if frame < frames, legs.allSatisfy({ $0.bridge.received.count < 1600 }) {
                for (leg, voice) in zip(legs, voices) {
                    leg.offer(Array(voice[frame * 160..<frame * 160 + 160]))
                }
                frame += 1
            }
            for index in workers.indices { workers[index].tick() }
            rig.wake()
            try await Task.sleep(for: .milliseconds(1))
        }
        return workers.map(\.played)
    }

    private func expectOwnAudio(_ played: [[Int16]]) {
        for (number, heard) in played.enumerated() {
            // Both µ-law zeros are 0: nothing else changes on the way.
            let own = Self.correlation(heard, Self.voice(number))
            let other = Self.correlation(heard, Self.voice((number + 1) % played.count))
            #expect(own > 0.999, "leg \(number) hears itself: \(own)")
            #expect(abs(other) < 0.1, "leg \(number) hears its neighbour: \(other)")
        }
    }

    @Test(.enabled(if: PythonPeer.isAvailable, "python3-websockets is not installed"))
    func fiftyLegsOnOneConnectionHearThemselvesAndGetTheirMarks() async throws {
        let bot = try PythonPeer([
            "--echo", "--mark-every", "10", "--clear-on", "*", "--speak-on", "#",
        ])
        let port = try await bot.port()
        let rig = try Rig()
        let legs = (0..<Self.legs).map { rig.leg($0, "mux+ws://127.0.0.1:\(port)/bot") }
        for leg in legs {
            var events = leg.events.makeAsyncIterator()
            #expect(await events.next() == .connected)
        }
        let total = Self.frames * 160
        let played = try await Self.run(rig, legs, until: total)
        expectOwnAudio(played)
        for (number, leg) in legs.enumerated() {
            var events = leg.events.makeAsyncIterator()
            for frame in stride(from: 10, through: Self.frames, by: 10) {
                #expect(await events.next() == .mark(name: "CA\(number)/\(frame)"))
            }
        }
        #expect(rig.counter(Catalogue.streamConnects, ["ok"]) == 1)
        #expect(rig.counter(Catalogue.streamMediaDropped, ["multiplexed"]) == 0)

        // A minute of audio at once for leg 0: it plays, and the others go on as before.
        legs[0].session.sendDTMF("#")
        let limit = ContinuousClock.now + .seconds(120)
        while await legs[0].session.statistics().playoutSamples < total + 60 * 8000 {
            try #require(ContinuousClock.now < limit, "the minute of audio has not come")
            try await Task.sleep(for: .milliseconds(5))
        }
        let others = try await Self.run(rig, Array(legs[1..<6]), until: total)
        for (number, heard) in others.enumerated() {
            #expect(Self.correlation(heard, Self.voice(number)) > 0.999, "leg \(number + 1)")
        }
        // Barge-in on that leg: its mark comes back, its queue is empty within a tick.
        legs[0].session.sendDTMF("*")
        var flooded = legs[0].events.makeAsyncIterator()
        #expect(await flooded.next() == .mark(name: "spoken"))
        #expect(await flooded.next() == .cleared(marks: 1))
        var worker = WorkerClock(legs[0].bridge)
        #expect(worker.tick() == 0)

        for leg in legs { leg.session.stop() }
        var stops = 0
        while stops < legs.count, let line = await bot.next(["stop", "hole", "closed"]) {
            if line["event"] as? String != "stop" {
                Issue.record("the bot says \(line)")
                break
            }
            stops += 1
            #expect(line["missing"] as? Int == 0)
        }
        #expect(stops == legs.count)
        try await rig.shutdown()
        #expect(await bot.end() == 0)
    }

    @Test(.enabled(if: PythonPeer.isAvailable, "python3-websockets is not installed"))
    func legsComeBackWhenTheBotWasStartedAgain() async throws {
        var limits = StreamLimits()
        limits.muxRetry = .milliseconds(20)
        limits.muxPatience = .seconds(30)
        let rig = try Rig(limits: limits)
        let first = try PythonPeer(["--echo"])
        let port = try await first.port()
        let legs = (0..<5).map { rig.leg($0, "mux+ws://127.0.0.1:\(port)/") }
        for _ in legs { #expect(await first.next(["start"])?["resumed"] as? Bool == false) }
        #expect(await first.end() == 0)
        let second = try PythonPeer(["--echo"], port: port)
        #expect(try await second.port() == port)
        for _ in legs { #expect(await second.next(["start"])?["resumed"] as? Bool == true) }
        expectOwnAudio(try await Self.run(rig, legs, until: Self.frames * 160))
        #expect(rig.counter(Catalogue.streamMuxReconnects) == 1)
        try await rig.shutdown()
        #expect(await second.end() == 0)
    }

    @Test(.enabled(if: PythonPeer.isAvailable, "python3-websockets is not installed"))
    func legsShareAnEncryptedConnection() async throws {
        let certificate = try TestCertificate(names: "IP:127.0.0.1")
        defer { certificate.remove() }
        let bot = try PythonPeer([
            "--echo", "--certificate", certificate.certificate, "--key",
            certificate.directory.appendingPathComponent("key.pem").path,
        ])
        let port = try await bot.port()
        let rig = try Rig()
        let legs = (0..<5).map {
            rig.leg($0, "mux+wss://127.0.0.1:\(port)/", trust: .pem(file: certificate.certificate))
        }
        expectOwnAudio(try await Self.run(rig, legs, until: Self.frames * 160))
        #expect(rig.counter(Catalogue.streamConnects, ["ok"]) == 1)
        try await rig.shutdown()
        #expect(await bot.end() == 0)
    }
}

/// tools/mux-client.py as a child process.
private final class PythonPeer {
    static let isAvailable: Bool = {
        let probe = Process()
        probe.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        probe.arguments = ["-c", "import websockets"]
        probe.standardError = FileHandle.nullDevice
        guard (try? probe.run()) != nil else { return false }
        probe.waitUntilExit()
        return probe.terminationStatus == 0
    }()

    private let process: PeerProcess
    private var lines: AsyncStream<String>.Iterator

    init(_ arguments: [String], port: Int = 0) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        process = try PeerProcess(
            "/usr/bin/python3",
            [root.appendingPathComponent("tools/mux-client.py").path, "--port", "\(port)"]
                + arguments,
            directory: FileManager.default.temporaryDirectory)
        lines = process.lines.makeAsyncIterator()
    }

    func port() async throws -> Int {
        try #require(await next(["listening"])?["port"] as? Int)
    }

    /// The next line of one of these events; nil when the bot has ended.
    func next(_ events: Set<String>) async -> [String: Any]? {
        while let line = await lines.next(isolation: #isolation) {
            let parsed = try? JSONSerialization.jsonObject(with: Data(line.utf8))
            if let object = parsed as? [String: Any], let event = object["event"] as? String,
                events.contains(event)
            {
                return object
            }
        }
        return nil
    }

    func end() async -> Int32? {
        process.terminate()
        return await process.exitStatus()
    }
}
