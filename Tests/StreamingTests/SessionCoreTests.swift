import Audio
import Foundation
import NIOCore
import NIOPosix
import Telemetry
import Testing

@testable import Streaming

/// A call's stream on a loop that is turned by hand.
@Suite struct SessionCoreTests {
    private let pong: UInt8 = 0xA
    private let close: UInt8 = 0x8

    /// All streams of a thread write into one buffer: what one leaves there leaves with the next.
    @Test func aPongBehindTheEndDoesNotTravelWithAnotherCall() throws {
        let rig = LoopRig()
        let (first, second) = (rig.call(1), rig.call(2))
        let (socket, bot) = try rig.connection()
        let (otherSocket, otherBot) = try rig.connection()
        first.core.opened(.socket(socket))
        second.core.opened(.socket(otherSocket))
        first.core.stop(reason: "stopped")
        #expect(bot.frames().map(\.opcode) == [1, 1, 1, close])
        #expect(otherBot.frames().map(\.opcode) == [1, 1])

        bot.send(WireBot.frame(0x9, [0x31]) + WireBot.frame(close, [0x03, 0xE8]))
        rig.turn()
        #expect(rig.loop.out.count == 0)
        #expect(first.events.all == [.connected, .ended(reason: "stopped")])
        second.core.sendDTMF("7")
        let heard = otherBot.frames()
        #expect(heard.count == 1)
        #expect(heard.first.flatMap { field($0.text, "dtmf", "digit") } == "7")
        // It went where it belongs, after our close frame and before the connection's end.
        #expect(bot.frames() == [WireBot.Frame(opcode: pong, payload: [0x31])])
    }

    @Test func aBotThatAsksInsteadOfClosingIsCutOff() throws {
        let rig = LoopRig()
        var limits = StreamLimits()
        limits.maximumControlBytes = 10_000
        let call = rig.call(limits: limits)
        let (socket, bot) = try rig.connection(highMark: 4096)
        call.core.opened(.socket(socket))
        call.core.stop(reason: "stopped")
        let pings = (0..<20).flatMap { _ in WireBot.frame(0x9, [UInt8](repeating: 7, count: 125)) }
        var rounds = 0
        // It reads nothing, and no clock runs that would end the wait for its close frame.
        while call.events.all.count < 2, rounds < 1000 {
            bot.send(pings)
            rig.turn()
            rounds += 1
        }
        #expect(call.events.all == [.connected, .ended(reason: "stopped")])
        #expect(!socket.isOpen)
    }

    @Test func aBotThatIsSlowToComeHearsTheNewestAndTheDigitAfterIt() throws {
        let rig = LoopRig()
        let call = rig.call()
        let half = call.bridge.received.capacity / 2
        // A second of the callee, a frame at a time, each with a value of its own.
        for frame in 0..<50 {
            call.offer([Int16](repeating: Int16(frame * 300), count: 160))
            if frame % 2 == 0 { call.core.pump() } else { call.core.tick(now: .now()) }
            #expect(call.bridge.received.count <= half)
            #expect(!call.bridge.isBehind)
        }
        call.core.sendDTMF("5")
        let kept = call.bridge.received.count / 160
        #expect(kept == 12)
        #expect(rig.counter(Catalogue.streamLateSamples) == (50 - kept) * 160)

        let (socket, bot) = try rig.connection()
        call.core.opened(.socket(socket))
        let heard = bot.frames().map(\.text)
        try #require(heard.count == 2 + kept + 1)
        for index in 0..<kept {
            let media = heard[2 + index]
            let wanted = [UInt8](
                repeating: G711.muLaw(Int16((50 - kept + index) * 300)), count: 160)
            #expect(field(media, "media", "payload") == Data(wanted).base64EncodedString())
            // What went before `start` is no hole in the stream.
            #expect(field(media, "media", "timestamp") == "\(index * 20)")
            #expect(field(media, "media", "chunk") == "\(index + 1)")
        }
        #expect(field(heard[2 + kept], "dtmf", "digit") == "5")
    }

    /// This machine stood still before the bot was there: nobody's time is in its times.
    @Test func whatFoundNoRoomBeforeStartIsNoHoleBehindIt() throws {
        let rig = LoopRig()
        let call = rig.call()
        for frame in 0..<100 { call.offer([Int16](repeating: Int16(frame), count: 160)) }
        let (socket, bot) = try rig.connection()
        call.core.opened(.socket(socket))
        // Half of what the ring holds, in whole frames from its beginning.
        let capacity = call.bridge.received.capacity
        let kept = capacity - (capacity / 2 + 159) / 160 * 160
        call.offer([Int16](repeating: 100, count: 160))
        call.core.pump()
        let heard = bot.frames().map(\.text).dropFirst(2)
        #expect(
            heard.map { field($0, "media", "timestamp") } == (0..<13).map { "\($0 * 20)" })
        #expect(rig.counter(Catalogue.streamLateSamples) == 100 * 160 - kept)
    }

    /// A bot that is not there wakes the lane a few times a second, not with each packet.
    @Test func audioForABotThatIsNotThereWakesNobody() {
        let rig = LoopRig()
        let call = rig.call()
        call.core.pump()
        var wakes = 0
        for _ in 0..<12 {
            [Int16](repeating: 1, count: 160).withUnsafeBufferPointer {
                if call.bridge.offer($0) { wakes += 1 }
            }
        }
        #expect(wakes == 0)
    }

    @Test(
        arguments: [
            (WireBot.frame(0x8, [0x03, 0xED]), 1002, "close code 1005 never travels"),
            (WireBot.frame(0x8, [0x03, 0xE8, 0xFF]), 1007, "text that is no UTF-8"),
            (WireBot.frame(0x1, [0x7B, 0xC3, 0x28]), 1007, "text that is no UTF-8"),
            (WireBot.frame(0x3, []), 1002, "unknown opcode 3"),
        ] as [([UInt8], Int, String)])
    func whatBreaksTheRFCIsAnsweredWithItsCode(bytes: [UInt8], code: Int, reason: String) throws {
        let rig = LoopRig()
        let call = rig.call()
        let (socket, bot) = try rig.connection()
        call.core.opened(.socket(socket))
        _ = bot.frames()
        bot.send(bytes)
        rig.turn()
        let answer = bot.frames()
        #expect(answer.map(\.opcode) == [close])
        #expect(answer.map(\.code) == [code])
        #expect(
            call.events.all == [
                .connected, .failed(reason: "the bot broke the WebSocket protocol: \(reason)"),
            ])
    }

    @Test func aLongMessageLeavesNoBufferBehind() throws {
        let rig = LoopRig()
        let call = rig.call()
        let (socket, bot) = try rig.connection()
        call.core.opened(.socket(socket))
        let speech = Data(repeating: 0x10, count: 100_000).base64EncodedString()
        let text = Array((#"{"event":"media","media":{"payload":""# + speech + #""}}"#).utf8)
        // In fragments that the kernel holds.
        for start in stride(from: 0, to: text.count, by: 8192) {
            let end = min(start + 8192, text.count)
            var frame = WireBot.frame(start == 0 ? 0x1 : 0x0, Array(text[start..<end]))
            if end < text.count { frame[0] &= 0x7F }
            bot.send(frame)
            rig.turn()
        }
        #expect(call.core.statistics.playoutSamples == 100_000)
        #expect(call.core.decoded.bytes.capacity <= DecodeBuffer.keptCapacity)
    }

    @Test func callsOfALaneDecodeIntoOneBuffer() async throws {
        try await withBot { rig, bot in
            let legs = (0..<2).map { rig.leg($0, "call+ws://127.0.0.1:\(bot.port)/") }
            var buffers: [ObjectIdentifier] = []
            for leg in legs {
                var events = leg.events.makeAsyncIterator()
                #expect(await events.next() == .connected)
                let session = leg.session
                let buffer: ObjectIdentifier?? = await session.lane.read {
                    guard case .call(let core) = session.guest else { return nil }
                    return ObjectIdentifier(core.decoded)
                }
                buffers.append(try #require(buffer ?? nil))
            }
            #expect(Set(buffers).count == 1)
            for leg in legs { leg.session.stop() }
        }
    }

    /// The socket is found broken by a write: NIO says so before the write returns.
    private final class BreaksWhenWritten: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer

        func flush(context: ChannelHandlerContext) { context.close(promise: nil) }
    }

    /// What a call's owner hears when `bytes` come from a bot that is gone with them.
    private func events(of bytes: [UInt8], breaksAtOnce: Bool) async throws -> [StreamEvent] {
        let events = EventList()
        try await withBot { rig, bot in
            let channel = try await ClientBootstrap(group: rig.group.next())
                .connect(host: "127.0.0.1", port: bot.port).get()
            try await channel.eventLoop.submit {
                let call = LoopRig().call()
                let pipeline = channel.pipeline.syncOperations
                if breaksAtOnce { try pipeline.addHandler(BreaksWhenWritten()) }
                call.core.opened(.channel(channel))
                if !breaksAtOnce {
                    try pipeline.addHandler(BreaksWhenWritten(), position: .first)
                }
                bytes.withUnsafeBytes { call.core.receive($0) }
                for event in call.events.all { events.append(event) }
            }.get()
        }
        return events.all
    }

    @Test func whoSaysGoodbyeAndIsGoneHasSaidIt() async throws {
        #expect(
            try await events(of: WireBot.frame(close, [0x03, 0xE8]), breaksAtOnce: false)
                == [.connected, .ended(reason: "the bot closed the stream (1000)")])
    }

    @Test func whatABotBrokeIsSaidThoughItIsGone() async throws {
        #expect(
            try await events(of: WireBot.frame(0x3, []), breaksAtOnce: false) == [
                .connected,
                .failed(reason: "the bot broke the WebSocket protocol: unknown opcode 3"),
            ])
    }

    /// Nothing comes behind the last event.
    @Test func aConnectionThatBreaksAsItOpensWasNotThere() async throws {
        #expect(
            try await events(of: [], breaksAtOnce: true) == [
                .failed(reason: "the bot closed the connection without a close frame")
            ])
    }
}
