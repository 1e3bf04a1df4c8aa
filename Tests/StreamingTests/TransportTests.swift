import Audio
import CallModel
import Foundation
import NIOCore
import Synchronization
import Telemetry
import Testing

@testable import Streaming

/// What connections do to a transport: writes that are cut, frames in pieces, many at once, resets.
@Suite(.timeLimit(.minutes(10))) struct TransportTests {
    @Test(arguments: Transport.allCases)
    func whatTheKernelDidNotTakeFollowsInOrder(transport: Transport) async throws {
        var limits = StreamLimits()
        limits.maximumOutboundBytes = 4096
        try await withBot(limits: limits, on: transport, behaviour: .deaf) { rig, bot in
            var heard = bot.heard.makeAsyncIterator()
            var events = rig.events.makeAsyncIterator()
            let session = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)"))
            #expect(await events.next() == .connected)
            // 220 KB, which no socket of these sizes holds.
            let digits = Array("0123456789*#ABCD")
            for index in 0..<2000 { session.sendDTMF(digits[index % 16]) }
            #expect(await session.statistics().messagesSent == 2002)
            try await bot.listen()
            await heard.skipOpening()
            for index in 0..<2000 {
                let text = await heard.text()
                #expect(field(text, "dtmf", "digit") == String(digits[index % 16]))
                #expect(field(text, "sequenceNumber") == "\(index + 2)")
            }
            // And media goes out again.
            rig.offer([Int16](repeating: 0, count: 160))
            #expect(field(await heard.text(), "event") == "media")
            session.stop()
            #expect(field(await heard.text(), "event") == "stop")
            #expect(await heard.next() == .close(1000))
            #expect(await events.next() == .ended(reason: "stopped"))
        }
    }

    @Test(arguments: Transport.allCases)
    func aFrameInPiecesIsOneMessage(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var heard = bot.heard.makeAsyncIterator()
            let session = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)"))
            await heard.skipOpening()
            let text = Array(#"{"event":"mark","mark":{"name":"slow"}}"#.utf8)
            for byte in [0x81, UInt8(text.count)] + text {
                try await bot.sendRaw([byte])
                _ = await session.statistics()
            }
            #expect(field(await heard.text(), "mark", "name") == "slow")
            session.stop()
        }
    }

    @Test(arguments: Transport.allCases)
    func whatTheBotSaysWithItsAnswerIsHeard(transport: Transport) async throws {
        try await withBot(on: transport, behaviour: .eager) { rig, bot in
            var heard = bot.heard.makeAsyncIterator()
            let session = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)"))
            #expect(field(await heard.text(), "event") == "connected")
            #expect(field(await heard.text(), "event") == "start")
            #expect(field(await heard.text(), "mark", "name") == "eager")
            session.stop()
        }
    }

    @Test(arguments: Transport.allCases)
    func manyStreamsEachHearTheirOwn(transport: Transport) async throws {
        let rig = try Rig(on: transport)
        var bots: [TestBot] = []
        var legs: [RigLeg] = []
        for number in 0..<40 {
            let bot = try await TestBot(group: rig.group)
            bots.append(bot)
            legs.append(rig.leg(number, "call+ws://127.0.0.1:\(bot.port)/"))
        }
        for (number, leg) in legs.enumerated() {
            leg.offer([Int16](repeating: Int16(number * 100), count: 160))
        }
        rig.wake()
        for (number, bot) in bots.enumerated() {
            var heard = bot.heard.makeAsyncIterator()
            await heard.skipOpening()
            let wanted = [UInt8](repeating: G711.muLaw(Int16(number * 100)), count: 160)
            #expect(
                field(await heard.text(), "media", "payload")
                    == Data(wanted).base64EncodedString())
        }
        #expect(rig.hub.streamCount == 40)
        await rig.hub.shutdown()
        #expect(rig.hub.streamCount == 0)
        #expect(rig.metrics.gauge(Catalogue.streamConnections).value == 0)
        for bot in bots { await bot.shutdown() }
        try await rig.shutdown()
    }

    @Test(arguments: Transport.allCases)
    func aShutdownWaitsForTheLastEvent(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var heard = bot.heard.makeAsyncIterator()
            let isOver = Mutex(false)
            _ = rig.hub.connect(
                rig.request("ws://127.0.0.1:\(bot.port)"), bridge: AudioBridge()
            ) { event in
                guard case .ended = event else { return }
                // An owner who takes his time over it, in which a shutdown must not come back.
                usleep(50_000)
                isOver.withLock { $0 = true }
            }
            _ = await heard.text()
            await rig.hub.shutdown()
            #expect(isOver.withLock { $0 })
            #expect(rig.hub.streamCount == 0)
        }
    }

    @Test(arguments: Transport.allCases)
    func aResetIsAFailureWithItsReason(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var events = rig.events.makeAsyncIterator()
            let session = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)"))
            #expect(await events.next() == .connected)
            try await bot.reset()
            guard case .failed(let reason) = await events.next() else {
                Issue.record("no failure")
                return
            }
            #expect(reason.contains("broke") || reason.contains("without a close frame"))
            // Harmless afterwards.
            session.sendDTMF("1")
            session.stop()
            #expect(await events.next() == nil)
            #expect(await session.statistics().messagesSent == 2)
        }
    }

    /// A session outlives its hub: it answers, and nothing hangs.
    @Test func aSessionWithoutItsHubAnswers() async throws {
        var rig: Rig? = try Rig()
        let group = try #require(rig?.group)
        let session = try #require(rig.map { $0.connect($0.request("ws://127.0.0.1:1/")) })
        await rig?.hub.shutdown()
        rig = nil
        session.sendDTMF("1")
        session.stop()
        #expect(await session.statistics().messagesSent == 0)
        try await group.shutdownGracefully()
    }
}
