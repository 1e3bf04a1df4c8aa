import Audio
import Base
import CallModel
import Foundation
import NIOCore
import NIOWebSocket
import Telemetry
import Testing

@testable import Streaming

@Suite(.timeLimit(.minutes(10))) struct MuxStreamTests {
    @Test(arguments: Transport.allCases)
    func aWholeLegInOrder(transport: Transport) async throws {
        let rig = try Rig(on: transport)
        let bot = try await TestBot(group: rig.group)
        var ear = MuxEar(bot)
        let leg = rig.leg(1, "mux+ws://127.0.0.1:\(bot.port)/bot")
        var events = leg.events.makeAsyncIterator()
        leg.session.sendDTMF("5")  // too early: waits for start

        #expect(await events.next() == .connected)
        let hello = try #require(await ear.next())
        #expect((hello.type, hello.leg) == (0, 0))
        #expect(hello.json["protocol"] as? String == "trunkline.mux")
        #expect(hello.json["version"] as? Int == 1)
        let start = try #require(await ear.next())
        #expect((start.type, start.timestamp) == (2, 0))
        #expect(start.leg != 0)
        #expect(start.json["callSid"] as? String == "CA1")
        #expect(start.json["streamSid"] as? String == "MZ1")
        #expect(start.json["resumed"] as? Bool == false)
        #expect((start.json["customParameters"] as? [String: String]) == ["number": "1"])
        let format = try #require(start.json["mediaFormat"] as? [String: Any])
        #expect(format["encoding"] as? String == "audio/x-mulaw")
        #expect(format["sampleRate"] as? Int == 8000)
        let digit = try #require(await ear.next())
        #expect((digit.type, digit.text, digit.leg) == (6, "5", start.leg))

        // 50 ms received: two frames now, the rest with the next 10 ms.
        leg.offer((0..<400).map { Int16($0) })
        rig.wake()
        leg.offer((400..<480).map { Int16($0) })
        rig.wake()
        for index in 0..<3 {
            let wanted = (index * 160..<index * 160 + 160).map { G711.muLaw(Int16($0)) }
            #expect(
                await ear.next()
                    == MuxRecord(
                        type: 1, leg: start.leg, timestamp: UInt64(index * 160), payload: wanted))
        }

        let speech = (0..<959).map { UInt8(truncatingIfNeeded: $0 &* 7 % 127) }
        try await bot.send(
            .audio(start.leg, Array(speech[..<758])), .mark(start.leg, "first"),
            .audio(start.leg, Array(speech[758...])), .mark(start.leg, "second"))
        let played = try await rig.play(leg, 959)
        #expect(played.elementsEqual(speech.map { G711.sample(muLaw: $0) }))
        #expect(await ear.next(type: 4)?.text == "first")
        #expect(await ear.next(type: 4)?.text == "second")
        #expect(await events.next() == .mark(name: "first"))
        #expect(await events.next() == .mark(name: "second"))

        // Barge-in, in one message: no tick of the worker has happened.
        try await bot.send(
            .audio(start.leg, [UInt8](repeating: 0x10, count: 40_000)), .mark(start.leg, "a"),
            .clear(start.leg))
        #expect(await ear.next(type: 4)?.text == "a")
        #expect(await events.next() == .mark(name: "a"))
        #expect(await events.next() == .cleared(marks: 1))
        var worker = WorkerClock(leg.bridge)
        #expect(worker.tick() == 0)

        leg.session.sendDTMF("#")
        #expect(await ear.next(type: 6)?.text == "#")
        leg.session.stop()
        let stop = try #require(await ear.next())
        #expect((stop.type, stop.flags, stop.leg) == (3, 0x80, start.leg))
        #expect(stop.timestamp == 480)
        #expect(stop.json["reason"] as? String == "stopped")
        #expect(await events.next() == .ended(reason: "stopped"))
        #expect(await events.next() == nil)
        let statistics = await leg.session.statistics()
        #expect(statistics.mediaSent == 3)
        #expect(statistics.playoutSamples == 40_959)
        #expect(statistics.marksReturned == 3)
        #expect(statistics.messagesReceived == 7)
        #expect(rig.counter(Catalogue.streamConnects, ["ok"]) == 1)
        #expect(rig.metrics.gauge(Catalogue.streamMuxLegs).value == 0)
        #expect(rig.metrics.gauge(Catalogue.streamMuxConnections).value == 1)
        await bot.shutdown()
        try await rig.shutdown()
        #expect(rig.metrics.gauge(Catalogue.streamMuxConnections).value == 0)
        #expect(rig.hub.streamCount == 0)
    }

    @Test(arguments: Transport.allCases)
    func legsOfATickShareAConnectionAndAMessage(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var ear = MuxEar(bot)
            let legs = (0..<20).map { rig.leg($0, "mux+ws://127.0.0.1:\(bot.port)/bot") }
            var identifiers: [String: UInt32] = [:]
            while identifiers.count < legs.count {
                let start = try #require(await ear.next(type: 2))
                identifiers[start.json["callSid"] as? String ?? ""] = start.leg
            }
            #expect(Set(identifiers.values).count == 20)
            // A tick of the hub's own that falls into one of the worker's may send some legs ahead: another
            // round then has all in one.
            var messages = 0
            for _ in 0..<20 where messages != 1 {
                // Every leg has armed its bridge again; the tick behind makes sure.
                for leg in legs { _ = await leg.session.statistics() }
                let before = ear.messages.count
                // The loops are held while the worker of this tick delivers.
                rig.holdingLoops {
                    for (number, leg) in legs.enumerated() {
                        leg.offer([Int16](repeating: Int16(number * 100), count: 160))
                    }
                    rig.wake()
                }
                for (number, _) in legs.enumerated() {
                    let record = try #require(await ear.next())
                    let owner = identifiers.first { $0.value == record.leg }?.key ?? ""
                    let value = Int16((Int(owner.dropFirst(2)) ?? -1) * 100)
                    #expect(record.type == 1, "record \(number)")
                    #expect(record.payload == [UInt8](repeating: G711.muLaw(value), count: 160))
                }
                messages = ear.messages.count - before
            }
            #expect(messages == 1)
            #expect(rig.counter(Catalogue.streamConnects, ["ok"]) == 1)
            #expect(rig.metrics.gauge(Catalogue.streamMuxLegs).value == 20)
            for leg in legs { leg.session.stop() }
        }
    }

    @Test(arguments: Transport.allCases)
    func whatALegCannotUseIsCountedAndTheRestIsRead(transport: Transport) async throws {
        var limits = StreamLimits()
        limits.maximumMarks = 1
        limits.maximumMessageBytes = 5000
        try await withBot(limits: limits, on: transport) { rig, bot in
            var ear = MuxEar(bot)
            let leg = rig.leg(1, "mux+ws://127.0.0.1:\(bot.port)")
            let id = try #require(await ear.next(type: 2)).leg
            try await bot.send(.audio(id + 1, [1, 2, 3]), .audio(id, [1, 2], flags: 1))
            try await bot.send(
                MuxRecord(type: 99, leg: id, payload: [7, 7]), MuxRecord(type: 98, leg: 77),
                MuxRecord(type: 6, leg: id, payload: [0x31]))
            try await bot.send(MuxRecord(type: 4, leg: id, payload: [0xC3, 0x28]))
            try await bot.send(message: [2, 0, 0, 0])
            try await bot.send(message: [1])
            try await bot.send(message: Array(MuxRecord.message([.mark(id, "cut")]).dropLast()))
            try await bot.send(message: [UInt8](repeating: 1, count: 5001))
            try await bot.send("text")
            try await bot.send(
                .audio(id, [UInt8](repeating: 0x10, count: 160)), .mark(id, "kept"),
                .mark(id, "over"))
            let played = try await rig.play(leg, 160)
            #expect(played == [Int16](repeating: G711.sample(muLaw: 0x10), count: 160))
            #expect(await ear.next(type: 4)?.text == "kept")
            for (reason, count) in [
                ("leg", 1), ("encoding", 1), ("unknown", 3), ("malformed", 3), ("version", 1),
                ("oversized", 1), ("text", 1), ("marks", 1), ("records", 0),
            ] {
                #expect(
                    rig.counter(Catalogue.streamMessagesIgnored, [reason]) == count, "\(reason)")
            }
            #expect(rig.log.all.filter { $0.contains("not usable") }.count == 1)
            leg.session.stop()
        }
    }

    @Test(arguments: Transport.allCases)
    func aRecogniserSaysWhatItUnderstandsAndIsNotHeard(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var ear = MuxEar(bot)
            let leg = rig.leg(1, "mux+ws://127.0.0.1:\(bot.port)", isListener: true)
            var events = leg.events.makeAsyncIterator()
            let id = try #require(await ear.next(type: 2)).leg
            #expect(await events.next() == .connected)
            let longest = [UInt8](repeating: 0x61, count: BotMessage.maximumTranscript)
            try await bot.send(
                .audio(id, [UInt8](repeating: 0x10, count: 160)),
                MuxRecord(type: 8, leg: id, payload: [0xC3, 0x28]),
                MuxRecord(type: 8, leg: id, payload: longest + [0x61]),
                MuxRecord(type: 8, leg: id, payload: longest))
            #expect(await events.next() == .transcript(String(decoding: longest, as: UTF8.self)))
            var worker = WorkerClock(leg.bridge)
            #expect(worker.tick() == 0)
            #expect(rig.counter(Catalogue.streamMessagesIgnored, ["listener"]) == 1)
            #expect(rig.counter(Catalogue.streamMessagesIgnored, ["malformed"]) == 2)
            leg.session.stop()
        }
    }

    @Test(arguments: Transport.allCases)
    func aLegGoesOnWhereItWasWhenTheConnectionComesBack(transport: Transport) async throws {
        var limits = StreamLimits()
        limits.muxRetry = .milliseconds(5)
        try await withBot(limits: limits, on: transport) { rig, bot in
            var ear = MuxEar(bot)
            let leg = rig.leg(1, "mux+ws://127.0.0.1:\(bot.port)")
            var events = leg.events.makeAsyncIterator()
            #expect(await events.next() == .connected)
            let first = try #require(await ear.next(type: 2))
            leg.offer([Int16](repeating: 100, count: 320))
            rig.wake()
            #expect(await ear.next(type: 1)?.timestamp == 0)
            #expect(await ear.next(type: 1)?.timestamp == 160)
            // Audio for the callee and its mark stay where they are.
            try await bot.send(.audio(first.leg, [UInt8](repeating: 0x20, count: 320)))
            try await bot.send(.mark(first.leg, "still due"))
            while await leg.session.statistics().messagesReceived < 2 { await Task.yield() }
            try await bot.cut()
            let again = try #require(await ear.next(type: 2))
            #expect(again.json["resumed"] as? Bool == true)
            #expect(again.timestamp == 320)
            leg.offer([Int16](repeating: 100, count: 160))
            rig.wake()
            let next = try #require(await ear.next(type: 1))
            #expect((next.leg, next.timestamp) == (again.leg, 320))
            #expect(try await rig.play(leg, 320).count == 320)
            #expect(await ear.next(type: 4)?.text == "still due")
            #expect(await events.next() == .mark(name: "still due"))
            #expect(rig.counter(Catalogue.streamMuxReconnects) == 1)
            #expect(rig.counter(Catalogue.streamConnects, ["ok"]) == 2)
            leg.session.stop()
            #expect(await events.next() == .ended(reason: "stopped"))
        }
    }

    /// The old connection lingers for half a second when the new one is open already.
    @Test(arguments: Transport.allCases)
    func aBotThatClosesSlowlyDoesNotTakeItsSuccessorAlong(transport: Transport) async throws {
        var limits = StreamLimits()
        limits.muxRetry = .milliseconds(5)
        try await withBot(limits: limits, on: transport) { rig, bot in
            var ear = MuxEar(bot)
            let leg = rig.leg(1, "mux+ws://127.0.0.1:\(bot.port)")
            var events = leg.events.makeAsyncIterator()
            #expect(await events.next() == .connected)
            _ = try #require(await ear.next(type: 2))
            try await bot.close(code: 1001)
            let again = try #require(await ear.next(type: 2))
            #expect(again.json["resumed"] as? Bool == true)
            // The bot's side of the old connection ends: ours was told before.
            while let heard = await ear.iterator.next(isolation: #isolation), heard != .gone {}
            leg.offer([Int16](repeating: 100, count: 160))
            rig.wake()
            #expect(await ear.next(type: 1)?.leg == again.leg)
            #expect(rig.counter(Catalogue.streamMuxReconnects) == 1)
            #expect(rig.counter(Catalogue.streamConnects, ["ok"]) == 2)
            leg.session.stop()
            #expect(await events.next() == .ended(reason: "stopped"))
        }
    }

    @Test(arguments: Transport.allCases)
    func aLegWhoseBotNeverComesFailsAfterItsPatience(transport: Transport) async throws {
        var limits = StreamLimits()
        limits.muxRetry = .milliseconds(5)
        limits.muxPatience = .milliseconds(200)
        let rig = try Rig(limits: limits, on: transport)
        let bot = try await TestBot(group: rig.group, behaviour: .noSubprotocol)
        let leg = rig.leg(1, "mux+ws://127.0.0.1:\(bot.port)")
        var events = leg.events.makeAsyncIterator()
        guard case .failed(let reason) = await events.next() else {
            Issue.record("no failure")
            return
        }
        #expect(reason.contains("does not answer with the subprotocol trunkline.mux.1"))
        #expect(rig.counter(Catalogue.streamConnects, ["refused"]) >= 2)
        await bot.shutdown()
        try await rig.shutdown()
        #expect(rig.hub.streamCount == 0)
    }

    /// A bot that reads nothing loses the oldest audio; the rest of the leg goes on.
    @Test(arguments: Transport.allCases)
    func aBotThatDoesNotReadLosesTheOldestAudio(transport: Transport) async throws {
        var limits = StreamLimits()
        limits.maximumMuxOutboundBytes = 8192
        limits.closeTimeout = .milliseconds(50)
        try await withBot(limits: limits, on: transport, behaviour: .deaf) { rig, bot in
            let leg = rig.leg(1, "mux+ws://127.0.0.1:\(bot.port)")
            var events = leg.events.makeAsyncIterator()
            #expect(await events.next() == .connected)
            let frames = [Int16](repeating: 1000, count: 1600)
            var offered = 0
            while await leg.session.statistics().mediaDropped < 100, offered < 20_000 {
                leg.offer(frames)
                rig.wake()
                offered += 10
            }
            let dropped = await leg.session.statistics().mediaDropped
            #expect(dropped >= 100)
            #expect(rig.counter(Catalogue.streamMediaDropped, ["multiplexed"]) >= dropped)
            // At most half the ring waits: what comes when the bot reads again is not old.
            #expect(leg.bridge.received.count <= leg.bridge.received.capacity / 2 + 1600)
            #expect(rig.log.all.filter { $0.contains("does not read") }.count == 1)
            leg.session.stop()
            #expect(await events.next() == .ended(reason: "stopped"))
        }
    }

    @Test(arguments: Transport.allCases)
    func lostSamplesMoveTheTimestampOn(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var ear = MuxEar(bot)
            let leg = rig.leg(1, "mux+ws://127.0.0.1:\(bot.port)")
            _ = await ear.next(type: 2)
            // 4096 fit; 224 come too late for the ring and are a hole of 28 ms.
            leg.offer([Int16](repeating: 6, count: 4320))
            rig.wake()
            for frame in 0..<25 {
                #expect(await ear.next(type: 1)?.timestamp == UInt64(frame * 160))
            }
            leg.offer([Int16](repeating: 6, count: 160))
            rig.wake()
            #expect(await ear.next(type: 1)?.timestamp == 25 * 160 + 224)
            #expect(rig.counter(Catalogue.streamLateSamples) == 224)
            leg.session.stop()
        }
    }

    @Test(arguments: Transport.allCases)
    func filledInFramesAndSpeechAreFlagged(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var ear = MuxEar(bot)
            let leg = rig.leg(1, "mux+ws://127.0.0.1:\(bot.port)")
            _ = await ear.next(type: 2)
            let frame = [Int16](repeating: 500, count: 160)
            leg.offer(frame)
            leg.bridge.noteConcealed(80)
            leg.offer(frame)
            leg.offer(frame)
            rig.wake()
            #expect(await ear.next(type: 1)?.flags == 0)
            #expect(await ear.next(type: 1)?.flags == 0x10)
            #expect(await ear.next(type: 1)?.flags == 0)
            func report(_ kind: CallEvent.Kind) {
                leg.session.report(
                    CallEvent(call: CallID("CA1"), at: WallTime(milliseconds: 0), kind: kind))
            }
            report(.speechStart(ms: 40))
            #expect(await ear.next(type: 7)?.json["event"] as? String == "speech_start")
            leg.offer(frame)
            rig.wake()
            #expect(await ear.next(type: 1)?.flags == 0x0C)
            report(.ringing)  // nothing a bot hears of
            report(.speechEnd(ms: 90))
            #expect(await ear.next(type: 7)?.json["event"] as? String == "speech_end")
            leg.offer(frame)
            rig.wake()
            #expect(await ear.next(type: 1)?.flags == 0x04)
            leg.session.stop()
        }
    }
}
