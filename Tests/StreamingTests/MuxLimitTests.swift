import Audio
import Base
import CallModel
import Foundation
import NIOCore
import NIOWebSocket
import Telemetry
import Testing

@testable import Streaming

@Suite(.timeLimit(.minutes(10))) struct MuxLimitTests {
    @Test(arguments: Transport.allCases)
    func connectionsFillUpAndTheirNumberIsLimited(transport: Transport) async throws {
        var limits = StreamLimits()
        limits.maximumMuxLegs = 2
        limits.maximumMuxConnections = 2
        try await withBot(limits: limits, on: transport) { rig, bot in
            let url = "mux+ws://127.0.0.1:\(bot.port)"
            let legs = (0..<4).map { rig.leg($0, url) }
            for leg in legs {
                var events = leg.events.makeAsyncIterator()
                #expect(await events.next() == .connected)
            }
            #expect(rig.metrics.gauge(Catalogue.streamMuxConnections).value == 2)
            let over = rig.leg(4, url)
            var events = over.events.makeAsyncIterator()
            #expect(
                await events.next()
                    == .failed(reason: "the limit of 2 multiplexed connections is reached"))
            // A place that becomes free is used again.
            var first = legs[0].events.makeAsyncIterator()
            legs[0].session.stop()
            #expect(await first.next() == .ended(reason: "stopped"))
            let next = rig.leg(5, url)
            var nextEvents = next.events.makeAsyncIterator()
            #expect(await nextEvents.next() == .connected)
            #expect(rig.metrics.gauge(Catalogue.streamMuxConnections).value == 2)
            #expect(rig.metrics.gauge(Catalogue.streamMuxLegs).value == 4)
        }
    }

    @Test(arguments: Transport.allCases)
    func legsAreSpreadOverTheWantedConnections(transport: Transport) async throws {
        try await withBot(
            defaults: StreamDefaults(mode: .multiplexed, connections: 3), on: transport
        ) { rig, bot in
            let legs = (0..<6).map { rig.leg($0, "ws://127.0.0.1:\(bot.port)") }
            for leg in legs {
                var events = leg.events.makeAsyncIterator()
                #expect(await events.next() == .connected)
            }
            #expect(rig.metrics.gauge(Catalogue.streamMuxConnections).value == 3)
            #expect(rig.metrics.gauge(Catalogue.streamMuxLegs).value == 6)
        }
    }

    @Test func placesAreCountedAsAValue() throws {
        var limits = StreamLimits()
        limits.maximumMuxLegs = 2
        limits.maximumMuxConnections = 3
        var places = StreamPlaces(lanes: 2, laneCapacity: 3)
        let url = try StreamURL(parsing: "ws://bot/")
        let key = MuxKey(
            url, StreamRequest(url: "ws://bot/", streamID: "MZ", callID: CallID("CA")))
        let spots = (0..<7).map { _ in places.addLeg(key, wanted: 2, limits: limits) }
        #expect(spots.map { $0?.number } == [1, 2, 1, 2, 3, 3, nil])
        #expect(Set(spots.compactMap { $0?.lane }) == [0, 1])
        places.removeLeg(key, spot: 2)
        places.remove(key, spot: 2)  // somebody is still on it
        #expect(places.spotCount == 3)
        #expect(places.addLeg(key, wanted: 2, limits: limits)?.number == 2)
        for _ in 0..<2 { places.removeLeg(key, spot: 3) }
        places.remove(key, spot: 3)
        #expect(places.spotCount == 2)

        let taken = (0..<4).map { _ in places.take(lane: 1)?.index }
        #expect(taken == [3, 4, 5, nil])
        places.release(StreamPlace(lane: 1, index: 4))
        #expect(places.take(lane: 1)?.index == 4)
        #expect(places.taken == 3)
    }

    @Test(arguments: Transport.allCases)
    func aConnectionWithoutLegsIsClosedInOrder(transport: Transport) async throws {
        var limits = StreamLimits()
        limits.muxIdle = .milliseconds(50)
        try await withBot(limits: limits, on: transport) { rig, bot in
            let leg = rig.leg(1, "mux+ws://127.0.0.1:\(bot.port)")
            var events = leg.events.makeAsyncIterator()
            #expect(await events.next() == .connected)
            leg.session.stop()
            var heard = bot.heard.makeAsyncIterator()
            while let next = await heard.next() {
                guard case .close(let code) = next else { continue }
                #expect(code == 1000)
                break
            }
            // The loop counts the connection after it has written the close frame.
            _ = await leg.session.statistics()
            #expect(rig.metrics.gauge(Catalogue.streamMuxConnections).value == 0)
        }
    }

    @Test(arguments: Transport.allCases)
    func shutdownStopsEveryLegInOrder(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var ear = MuxEar(bot)
            let leg = rig.leg(1, "mux+ws://127.0.0.1:\(bot.port)")
            var events = leg.events.makeAsyncIterator()
            #expect(await events.next() == .connected)
            leg.offer([Int16](repeating: 1, count: 80))
            await rig.hub.shutdown()
            #expect(await events.next() == .ended(reason: "the server is shutting down"))
            _ = await ear.next(type: 2)
            // Half a frame is better than none when nothing comes after it.
            #expect(await ear.next()?.payload.count == 80)
            #expect(await ear.next()?.type == 3)
        }
    }

    @Test(arguments: Transport.allCases)
    func aLegThatIsGoneAndABotThatStopsEndTheLegOnly(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var ear = MuxEar(bot)
            let url = "mux+ws://127.0.0.1:\(bot.port)"
            let gone = rig.leg(1, url)
            let first = try #require(await ear.next(type: 2))
            let stopped = rig.leg(2, url)
            let second = try #require(await ear.next(type: 2))
            gone.bridge.close()
            rig.wake()
            let stop = try #require(await ear.next())
            #expect((stop.type, stop.leg) == (3, first.leg))
            var goneEvents = gone.events.makeAsyncIterator()
            #expect(await goneEvents.next() == .connected)
            #expect(await goneEvents.next() == .ended(reason: "the leg is gone"))
            try await bot.send(MuxRecord(type: 3, leg: second.leg))
            var stoppedEvents = stopped.events.makeAsyncIterator()
            #expect(await stoppedEvents.next() == .connected)
            #expect(await stoppedEvents.next() == .ended(reason: "the bot ended the stream"))
            let answer = try #require(await ear.next(type: 3))
            #expect((answer.flags, answer.leg) == (0x80, second.leg))
            // The seats are free; an old leg's number is not used again.
            let third = rig.leg(3, url)
            let start = try #require(await ear.next(type: 2))
            #expect(![first.leg, second.leg].contains(start.leg))
            third.session.stop()
            #expect(rig.metrics.gauge(Catalogue.streamMuxConnections).value == 1)
        }
    }

    @Test(arguments: Transport.allCases)
    func linearSamplesAtSixteenKilohertzPassUnchanged(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var ear = MuxEar(bot)
            let leg = rig.leg(
                1, "mux+ws://127.0.0.1:\(bot.port)#encoding=linear16&rate=16000&frame=40")
            #expect(leg.bridge.sampleRate == 16_000)
            let start = try #require(await ear.next(type: 2))
            let format = try #require(start.json["mediaFormat"] as? [String: Any])
            #expect(format["encoding"] as? String == "audio/x-l16")
            #expect(format["sampleRate"] as? Int == 16_000)
            let samples = (0..<640).map { Int16(truncatingIfNeeded: $0 * 101 - 32_000) }
            let bytes = samples.flatMap { sample -> [UInt8] in
                let word = UInt16(bitPattern: sample)
                return [UInt8(word & 0xFF), UInt8(word >> 8)]
            }
            leg.offer(samples)
            rig.wake()
            #expect(
                await ear.next() == MuxRecord(type: 1, flags: 2, leg: start.leg, payload: bytes))
            try await bot.send(.audio(start.leg, bytes, flags: 2))
            #expect(try await rig.play(leg, 640) == samples)
            leg.session.stop()
        }
    }

    @Test func encryptedConnectionsNeedACertificateThatIsTrusted() async throws {
        var limits = StreamLimits()
        limits.muxPatience = .seconds(2)
        let certificate = try TestCertificate(names: "IP:127.0.0.1")
        defer { certificate.remove() }
        try await withBot(limits: limits, tls: certificate.serverContext()) { rig, bot in
            let url = "mux+wss://127.0.0.1:\(bot.port)/"
            let stranger = rig.leg(1, url)
            var strangerEvents = stranger.events.makeAsyncIterator()
            guard case .failed(let reason) = await strangerEvents.next() else {
                Issue.record("trusted")
                return
            }
            #expect(reason.contains("certificate"))
            var ear = MuxEar(bot)
            let leg = rig.leg(2, url, trust: .pem(file: certificate.certificate))
            #expect(await ear.next(type: 2)?.json["callSid"] as? String == "CA2")
            leg.session.stop()
        }
    }

    @Test(arguments: Transport.allCases)
    func callFramesOfAHundredMillisecondsCountInTheirOwnLength(transport: Transport) async throws {
        try await withBot(on: transport) { rig, bot in
            var heard = bot.heard.makeAsyncIterator()
            let leg = rig.leg(1, "call+ws://127.0.0.1:\(bot.port)/#frame=100")
            await heard.skipOpening()
            let samples = (0..<2080).map { Int16(truncatingIfNeeded: $0 * 12) }
            for start in stride(from: 0, to: 2080, by: 160) {
                leg.offer(Array(samples[start..<start + 160]))
                rig.wake()
            }
            for index in 0..<2 {
                let media = await heard.text()
                #expect(field(media, "media", "chunk") == "\(index + 1)")
                #expect(field(media, "media", "timestamp") == "\(index * 100)")
                let wanted = samples[index * 800..<index * 800 + 800].map { G711.muLaw($0) }
                #expect(field(media, "media", "payload") == Data(wanted).base64EncodedString())
            }
            leg.session.stop()
            // The last words are as long as they are.
            let last = await heard.text()
            #expect(field(last, "media", "chunk") == "3")
            #expect(field(last, "media", "timestamp") == "200")
            let words = samples[1600...].map { G711.muLaw($0) }
            #expect(field(last, "media", "payload") == Data(words).base64EncodedString())
            #expect(field(await heard.text(), "event") == "stop")
            #expect(await leg.session.statistics().mediaSent == 3)
        }
    }
}
