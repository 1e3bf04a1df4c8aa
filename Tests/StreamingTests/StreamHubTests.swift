import Audio
import Base
import CallModel
import Foundation
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import NIOWebSocket
import Synchronization
import Telemetry
import Testing

@testable import Streaming

@Suite(.timeLimit(.minutes(10))) struct StreamHubTests {
    @Test(arguments: Transport.allCases)
    func aWholeStreamInOrder(transport: Transport) async throws {
        let rig = try Rig(on: transport)
        let bot = try await TestBot(group: rig.group)
        var heard = bot.heard.makeAsyncIterator()
        var events = rig.events.makeAsyncIterator()
        var request = rig.request("ws://127.0.0.1:\(bot.port)/bot?x=1")
        request.headers = [("Authorization", "Bearer abc")]
        let session = rig.connect(request)
        session.sendDTMF("5")  // too early: waits for start

        #expect(await events.next() == .connected)
        #expect(
            await heard.next()
                == .request(
                    path: "/bot?x=1", host: "127.0.0.1:\(bot.port)", authorization: "Bearer abc"))
        #expect(
            await heard.text() == #"{"event":"connected","protocol":"Call","version":"1.0.0"}"#)
        let start = await heard.text()
        #expect(field(start, "event") == "start")
        #expect(field(start, "start", "callSid") == "CA0001")
        #expect(field(start, "start", "customParameters", "language") == "en")
        #expect(field(start, "sequenceNumber") == "1")
        let digit = await heard.text()
        #expect(field(digit, "dtmf", "digit") == "5")
        #expect(field(digit, "sequenceNumber") == "2")

        // 50 ms received: two frames now, the rest with the next 10 ms.
        rig.offer((0..<400).map { Int16($0) })
        rig.offer((400..<480).map { Int16($0) })
        for index in 0..<3 {
            let media = await heard.text()
            #expect(field(media, "event") == "media")
            #expect(field(media, "media", "chunk") == "\(index + 1)")
            #expect(field(media, "media", "timestamp") == "\(index * 20)")
            #expect(field(media, "sequenceNumber") == "\(index + 3)")
            let wanted = (index * 160..<index * 160 + 160).map { G711.muLaw(Int16($0)) }
            #expect(field(media, "media", "payload") == Data(wanted).base64EncodedString())
        }

        // The bot speaks 758 + 1 + 200 bytes with two marks.
        let speech = (0..<959).map { UInt8(truncatingIfNeeded: $0 &* 7 % 127) }
        try await bot.send(media(speech[0..<758]))
        try await bot.send(mark("first"))
        try await bot.send(media(speech[758..<759]))
        try await bot.send(media(speech[759..<959]))
        try await bot.send(mark("second"))
        let played = try await rig.play(959)
        #expect(played.elementsEqual(speech.map { G711.sample(muLaw: $0) }))
        #expect(field(await heard.text(), "mark", "name") == "first")
        #expect(field(await heard.text(), "mark", "name") == "second")
        #expect(await events.next() == .mark(name: "first"))
        #expect(await events.next() == .mark(name: "second"))

        session.sendDTMF("#")
        #expect(field(await heard.text(), "dtmf", "digit") == "#")
        session.stop()
        let stop = await heard.text()
        #expect(field(stop, "event") == "stop")
        #expect(field(stop, "stop", "callSid") == "CA0001")
        #expect(field(stop, "sequenceNumber") == "9")
        #expect(await heard.next() == .close(1000))
        #expect(await events.next() == .ended(reason: "stopped"))
        #expect(await events.next() == nil)
        let statistics = await session.statistics()
        #expect(statistics.mediaSent == 3)
        #expect(statistics.messagesSent == 10)
        #expect(statistics.messagesReceived == 5)
        #expect(statistics.playoutSamples == 959)
        #expect(rig.counter(Catalogue.streamMessagesSent) == 10)
        #expect(rig.counter(Catalogue.streamMessagesReceived) == 5)
        #expect(rig.counter(Catalogue.streamConnects, ["ok"]) == 1)
        #expect(rig.metrics.gauge(Catalogue.streamConnections).value == 0)
        await bot.shutdown()
        try await rig.shutdown()
        #expect(rig.hub.streamCount == 0)
    }

    @Test(arguments: Transport.allCases)
    func clearReturnsOutstandingMarksAtOnceAndSilencesTheLeg(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var heard = bot.heard.makeAsyncIterator()
            var events = rig.events.makeAsyncIterator()
            let session = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)"))
            #expect(await events.next() == .connected)
            await heard.skipOpening()

            try await bot.send(mark("at once"))
            #expect(field(await heard.text(), "mark", "name") == "at once")
            try await bot.send(media([UInt8](repeating: 0x10, count: 40_000)[...]))
            try await bot.send(mark("a"))
            try await bot.send(media([UInt8](repeating: 0x10, count: 4_000)[...]))
            try await bot.send(mark("b"))
            try await bot.send(#"{"event":"clear","streamSid":"MZ0001"}"#)
            // No tick of the worker has happened: the marks come all the same, in order.
            #expect(field(await heard.text(), "mark", "name") == "a")
            #expect(field(await heard.text(), "mark", "name") == "b")
            #expect(await events.next() == .mark(name: "at once"))
            #expect(await events.next() == .mark(name: "a"))
            #expect(await events.next() == .mark(name: "b"))
            #expect(await events.next() == .cleared(marks: 2))
            var worker = WorkerClock(rig.bridge)
            #expect(worker.tick() == 0)

            try await bot.send(media([UInt8](repeating: 0x20, count: 100)[...]))
            try await bot.send(mark("c"))
            let played = try await rig.play(100)
            #expect(played == [Int16](repeating: G711.sample(muLaw: 0x20), count: 100))
            #expect(field(await heard.text(), "mark", "name") == "c")
            #expect(await session.statistics().clears == 1)
            session.stop()
        }
    }

    @Test(arguments: Transport.allCases)
    func badMessagesAreCountedAndIgnored(transport: Transport) async throws {
        var limits = StreamLimits()
        limits.maximumMessageBytes = 1000
        try await withBot(limits: limits, on: transport) { rig, bot in
            var heard = bot.heard.makeAsyncIterator()
            let session = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)"))
            await heard.skipOpening()
            try await bot.send("{")
            try await bot.send("not json at all")
            try await bot.send(#"{"event":"media","media":{"payload":"***"}}"#)
            try await bot.send(#"{"event":"telepathy"}"#)
            try await bot.send(String(repeating: "x", count: 1001))
            try await bot.send(
                WebSocketFrame(
                    fin: true, opcode: .binary, data: ByteBuffer(repeating: 0, count: 320)))
            try await bot.send(
                WebSocketFrame(fin: true, opcode: .ping, data: ByteBuffer(string: "are you there")))
            #expect(await heard.next() == .pong("are you there"))
            try await bot.send(mark("still here"))
            #expect(field(await heard.text(), "mark", "name") == "still here")
            let statistics = await session.statistics()
            #expect(statistics.malformed == 3)
            #expect(statistics.unknown == 1)
            #expect(statistics.oversized == 1)
            #expect(statistics.binary == 1)
            #expect(statistics.messagesReceived == 7)
            #expect(rig.log.all.filter { $0.contains("not usable") }.count == 1)
            session.stop()
        }
    }

    /// Who hears a call before it is known who answered must not be heard in it.
    @Test(arguments: Transport.allCases)
    func aRecogniserSaysWhatItUnderstandsAndIsNotHeard(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var heard = bot.heard.makeAsyncIterator()
            var events = rig.events.makeAsyncIterator()
            var request = rig.request("ws://127.0.0.1:\(bot.port)")
            request.isListener = true
            let session = rig.connect(request)
            await heard.skipOpening()
            #expect(await events.next() == .connected)
            try await bot.send(media([UInt8](repeating: 0x10, count: 160)[...]))
            try await bot.send(#"{"event":"transcript","transcript":{"text":"press one"}}"#)
            #expect(await events.next() == .transcript("press one"))
            var worker = WorkerClock(rig.bridge)
            #expect(worker.tick() == 0)
            #expect(rig.counter(Catalogue.streamMessagesIgnored, ["listener"]) == 1)
            session.stop()
        }
    }

    @Test(arguments: Transport.allCases)
    func playoutBeyondTheLimitIsDroppedCountedAndLoggedOnce(transport: Transport) async throws {
        var limits = StreamLimits()
        limits.maximumPlayoutMilliseconds = 100
        try await withBot(limits: limits, on: transport) { rig, bot in
            var heard = bot.heard.makeAsyncIterator()
            let session = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)"))
            await heard.skipOpening()
            // The first is moved to the bridge (2048 samples) before the next comes or not; so fill up.
            for _ in 0..<10 {
                try await bot.send(media([UInt8](repeating: 0x10, count: 1000)[...]))
            }
            try await bot.send(#"{"event":"mark","mark":{"name":"m"}}"#)
            try await bot.send(#"{"event":"clear"}"#)
            _ = await heard.text()
            let statistics = await session.statistics()
            #expect(statistics.playoutSamples + statistics.playoutDroppedSamples == 10_000)
            #expect(statistics.playoutDroppedSamples >= 10_000 - 2048 - 800)
            #expect(
                rig.counter(Catalogue.streamPlayoutDroppedMilliseconds)
                    == statistics.playoutDroppedSamples / 8)
            #expect(rig.log.all.filter { $0.contains("the newest is dropped") }.count == 1)
            session.stop()
        }
    }

    @Test(arguments: Transport.allCases)
    func aBotThatDoesNotReadLosesMediaButNoControlMessage(transport: Transport) async throws {
        var limits = StreamLimits()
        limits.maximumOutboundBytes = 8192
        limits.closeTimeout = .milliseconds(50)
        try await withBot(limits: limits, on: transport, behaviour: .deaf) { rig, bot in
            var events = rig.events.makeAsyncIterator()
            let session = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)"))
            #expect(await events.next() == .connected)
            let second = [Int16](repeating: 1000, count: 1600)
            var offered = 0
            while await session.statistics().mediaDropped < 100, offered < 20_000 {
                rig.offer(second)
                offered += 10
                _ = await session.statistics()
            }
            let before = await session.statistics()
            #expect(before.mediaDropped >= 100)
            session.sendDTMF("1")
            #expect(await session.statistics().messagesSent == before.messagesSent + 1)
            #expect(rig.log.all.filter { $0.contains("does not read") }.count == 1)
            session.stop()
            // The bot never answers the close frame; the stream ends all the same.
            #expect(await events.next() == .ended(reason: "stopped"))
        }
    }

    @Test(arguments: Transport.allCases)
    func aBotThatNeverReadsAndKeepsAskingIsGivenUp(transport: Transport) async throws {
        var limits = StreamLimits()
        limits.maximumOutboundBytes = 8192
        limits.maximumControlBytes = 32_768
        try await withBot(limits: limits, on: transport, behaviour: .deaf) { rig, bot in
            var events = rig.events.makeAsyncIterator()
            _ = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)"))
            #expect(await events.next() == .connected)
            let name = String(repeating: "n", count: 900)
            for _ in 0..<2000 {
                do { try await bot.send(mark(name)) } catch { break }
            }
            var last: StreamEvent?
            while let event = await events.next() { last = event }
            guard case .failed(let reason) = last else {
                Issue.record("not given up")
                return
            }
            #expect(reason.hasPrefix("the bot does not read: "))
        }
    }

    @Test(arguments: Transport.allCases)
    func lostSamplesMoveTheTimestampOn(transport: Transport) async throws {
        let rig = try Rig(on: transport)
        #expect(rig.bridge.received.capacity == 4096)
        let bot = try await TestBot(group: rig.group)
        var heard = bot.heard.makeAsyncIterator()
        // Lost before the stream: not its affair, its frames start at 0.
        rig.offer([Int16](repeating: 5, count: 4196))
        #expect(rig.bridge.lostReceivedSamples == 100)
        let session = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)"))
        await heard.skipOpening()
        // Half the ring is kept for a bot that comes: 13 frames of the oldest went before `start`.
        for frame in 0..<12 {
            #expect(field(await heard.text(), "media", "timestamp") == "\(frame * 20)")
        }
        // 96 samples wait for the rest of their frame. 4000 more fit, 320 do not.
        rig.offer([Int16](repeating: 6, count: 4320))
        for frame in 12..<37 {
            #expect(field(await heard.text(), "media", "timestamp") == "\(frame * 20)")
        }
        rig.offer([Int16](repeating: 6, count: 160))
        let next = await heard.text()
        #expect(field(next, "media", "timestamp") == "780")
        #expect(field(next, "media", "chunk") == "40")
        #expect(rig.counter(Catalogue.streamLateSamples) == 13 * 160 + 320)
        #expect(rig.log.all.filter { $0.contains("too late") }.count == 1)
        session.stop()
        await bot.shutdown()
        try await rig.shutdown()
    }

    @Test(arguments: Transport.allCases)
    func closedLegStopsTheStreamAfterTheLastAudio(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var heard = bot.heard.makeAsyncIterator()
            var events = rig.events.makeAsyncIterator()
            _ = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)"))
            #expect(await events.next() == .connected)
            await heard.skipOpening()
            [Int16](repeating: 1, count: 160).withUnsafeBufferPointer {
                _ = rig.bridge.offer($0)
            }
            rig.bridge.close()
            rig.wake()
            #expect(field(await heard.text(), "event") == "media")
            #expect(field(await heard.text(), "event") == "stop")
            #expect(await events.next() == .ended(reason: "the leg is gone"))
        }
    }

    @Test(arguments: Transport.allCases)
    func theBotMayClose(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var heard = bot.heard.makeAsyncIterator()
            var events = rig.events.makeAsyncIterator()
            _ = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)"))
            #expect(await events.next() == .connected)
            try await bot.close(code: 1011, reason: "out of ideas")
            while let next = await heard.next() {
                if case .close(let code) = next {
                    #expect(code == 1011)
                    break
                }
            }
            #expect(
                await events.next()
                    == .ended(reason: "the bot closed the stream (1011, out of ideas)"))
            #expect(await events.next() == nil)
        }
    }

    @Test(arguments: Transport.allCases)
    func aCutConnectionIsAFailure(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var events = rig.events.makeAsyncIterator()
            _ = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)"))
            #expect(await events.next() == .connected)
            try await bot.cut()
            guard case .failed(let reason) = await events.next() else {
                Issue.record("no failure")
                return
            }
            #expect(reason.contains("the bot closed the connection") || reason.contains("broke"))
            #expect(await events.next() == nil)
        }
    }

    @Test(arguments: Transport.allCases)
    func aProtocolViolationIsAFailure(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var events = rig.events.makeAsyncIterator()
            _ = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)"))
            #expect(await events.next() == .connected)
            try await bot.sendRaw([0x81, 0x81, 1, 2, 3, 4, 5])
            #expect(
                await events.next()
                    == .failed(
                        reason: "the bot broke the WebSocket protocol: a server frame is masked")
            )
            #expect(await events.next() == nil)
        }
    }

    @Test(arguments: Transport.allCases)
    func aSilentBotIsGivenUpAfterPings(transport: Transport) async throws {
        var limits = StreamLimits()
        limits.pingInterval = .milliseconds(60)
        limits.silenceTimeout = .milliseconds(200)
        let rig = try Rig(limits: limits, on: transport)
        let bot = try await TestBot(group: rig.group)  // never answers a ping
        var heard = bot.heard.makeAsyncIterator()
        var events = rig.events.makeAsyncIterator()
        _ = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)"))
        #expect(await events.next() == .connected)
        #expect(
            await events.next()
                == .failed(reason: "nothing was heard from the bot for 200 ms"))
        var pings = 0
        while let next = await heard.next(), next != .gone {
            if next == .ping { pings += 1 }
        }
        #expect(pings >= 1)
        await bot.shutdown()
        try await rig.shutdown()
    }

    @Test(arguments: Transport.allCases)
    func shutdownStopsEveryStreamAndRefusesNewOnes(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var heard = bot.heard.makeAsyncIterator()
            var events = rig.events.makeAsyncIterator()
            _ = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)"))
            #expect(await events.next() == .connected)
            await rig.hub.shutdown()
            #expect(await events.next() == .ended(reason: "the server is shutting down"))
            #expect(await events.next() == nil)
            await heard.skipOpening()
            #expect(field(await heard.text(), "event") == "stop")
            rig.wake()  // harmless: the pipe stays open as long as the hub lives

            let (late, continuation) = AsyncStream<StreamEvent>.makeStream()
            _ = rig.hub.connect(rig.request("ws://127.0.0.1:\(bot.port)"), bridge: AudioBridge()) {
                continuation.yield($0)
                continuation.finish()
            }
            var lateEvents = late.makeAsyncIterator()
            #expect(await lateEvents.next() == .ended(reason: "the server is shutting down"))
        }
    }

    private func media(_ bytes: ArraySlice<UInt8>) -> String {
        #"{"event":"media","streamSid":"MZ0001","media":{"payload":""#
            + Data(bytes).base64EncodedString() + #""}}"#
    }

    private func mark(_ name: String) -> String {
        #"{"event":"mark","streamSid":"MZ0001","mark":{"name":"\#(name)"}}"#
    }
}
