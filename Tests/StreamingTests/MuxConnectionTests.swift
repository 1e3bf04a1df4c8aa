import Audio
import Base
import CallModel
import Foundation
import NIOCore
import NIOPosix
import Telemetry
import Testing

@testable import Streaming

/// When a multiplexed connection is opened again and its legs are given up, in simulated time.
@Suite struct MuxConnectionTests {
    /// One connection with one leg, and a bot that accepts.
    private final class Bench {
        let rig = LoopRig()
        let zero = NIODeadline.now()
        var now = NIODeadline.now()
        /// When the connection was dialled, in milliseconds.
        var dials: [Int64] = []
        var answered = 0
        let leg: MuxLeg
        let events = EventList()
        private var made: MuxConnection?
        private var socket: PlainSocket?
        private var bot: WireBot?

        init(
            _ limits: StreamLimits = StreamLimits(), encoding: StreamEncoding = .muLaw
        ) throws {
            let events = events
            let request = StreamRequest(
                url: "mux+ws://bot/", streamID: "MZ1", callID: CallID("CA1"))
            leg = MuxLeg(
                request: request,
                format: StreamFormat(
                    mode: .multiplexed, frameMilliseconds: 20, encoding: encoding, sampleRate: 8000),
                bridge: AudioBridge(), limits: limits, meters: rig.meters
            ) { events.append($0) }
            // What is really dialled is refused, and nobody hears of it.
            let url = try StreamURL(parsing: "ws://127.0.0.1:1/")
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            made = MuxConnection(
                name: "MX1", limits: limits, meters: rig.meters, logger: rig.logger,
                wakes: WakeSet(capacity: 64), clock: { [unowned self] in now },
                connector: { [unowned self] _ in
                    dials.append(milliseconds)
                    return ConnectAttempt(
                        on: loop, url: url, request: request, tls: nil, outboundLimit: 65_536,
                        takesDescriptor: true
                    ) { _ in }
                }, pumpReady: {}, onDone: { _ in })
            made?.add(leg)
        }

        var milliseconds: Int64 { (now - zero).nanoseconds / 1_000_000 }
        var connection: MuxConnection? { made }

        func accept() throws {
            let (socket, bot) = try rig.connection()
            (self.socket, self.bot) = (socket, bot)
            answered += 1
            made?.connected(.socket(socket))
        }

        /// What the bot has got since it was asked last.
        func records() -> [MuxRecord] {
            (bot?.frames() ?? []).flatMap { MuxRecord.all($0.payload) ?? [] }
        }

        /// One message from the bot.
        func say(_ records: MuxRecord...) {
            bot?.send(WireBot.frame(2, MuxRecord.message(records)))
            rig.turn()
        }

        func drop() {
            socket?.close()
            made?.channelClosed(error: nil)
        }

        func advance(_ milliseconds: Int64) {
            for _ in 0..<(milliseconds / 10) {
                now = now + .milliseconds(10)
                made?.tick(now: now)
            }
        }

        var failure: String? {
            for event in events.all { if case .failed(let reason) = event { return reason } }
            return nil
        }
    }

    @Test func aBotThatAcceptsAndDropsIsDialledEverMoreSeldomAndGivenUp() throws {
        let bench = try Bench()
        bench.now = bench.zero
        try bench.accept()
        bench.drop()
        while bench.failure == nil, bench.milliseconds < 60_000 {
            bench.advance(10)
            if bench.dials.count > bench.answered {
                try bench.accept()
                bench.drop()
            }
        }
        // 10 s after the first break, not after the last.
        #expect((10_000...10_020).contains(bench.milliseconds))
        #expect(bench.failure == "the bot closed the connection without a close frame")
        // 0.1 s, doubled each time, up to a quarter and a tick more.
        let pauses = zip(bench.dials.dropFirst(), bench.dials).map { $0 - $1 }
        let wanted: [Int64] = [100, 200, 400, 800, 1600, 3200]
        #expect(pauses.count >= 5)
        for (pause, least) in zip(pauses, wanted) {
            #expect((least...least + least / 4 + 20).contains(pause), "\(pauses)")
        }
    }

    @Test func aBotThatStayedIsDialledAtOnceAndHasItsWholePatience() throws {
        let bench = try Bench()
        bench.now = bench.zero
        // Three drops, and then it stays for five seconds.
        for _ in 0..<3 {
            try bench.accept()
            bench.drop()
            while bench.dials.count == bench.answered { bench.advance(10) }
        }
        try bench.accept()
        bench.advance(5000)
        bench.drop()
        let broken = bench.milliseconds
        while bench.dials.count == bench.answered { bench.advance(10) }
        #expect((100...145).contains((bench.dials.last ?? 0) - broken))
        // Nobody answers this time: ten seconds from this break.
        bench.advance(broken + 9980 - bench.milliseconds)
        #expect(bench.failure == nil)
        bench.advance(30)
        #expect(bench.failure != nil)
    }

    /// A leg that comes while its bot is in doubt waits as long as one that comes first.
    @Test func aLegThatComesLaterHasAPatienceOfItsOwn() throws {
        let bench = try Bench()
        bench.now = bench.zero
        try bench.accept()
        bench.drop()
        bench.advance(5000)
        let events = EventList()
        let late = MuxLeg(
            request: bench.leg.request, format: bench.leg.format, bridge: AudioBridge(),
            limits: bench.leg.limits, meters: bench.rig.meters
        ) { events.append($0) }
        bench.connection?.add(late)
        bench.advance(5010)
        #expect(bench.failure != nil)
        #expect(events.all == [])
        bench.advance(5000)
        #expect(events.all.count == 1)
    }

    /// The bot comes late, and only the newest quarter of a second has been kept for it: times count from
    /// its `start` all the same, as those of a call's own stream do.
    @Test func timesBeginWithTheFirstStartHoweverLateTheConnectionIs() throws {
        let bench = try Bench()
        for index in 0..<100 {
            let frame = [Int16](repeating: Int16(index), count: 160)
            _ = frame.withUnsafeBufferPointer { bench.leg.playout.bridge.offer($0) }
            bench.leg.pump()
        }
        try bench.accept()
        let records = bench.records().filter { $0.leg != 0 }
        #expect(records.map(\.type) == [2] + [UInt8](repeating: 1, count: 12))
        #expect(records.map(\.timestamp) == [0] + (0..<12).map { UInt64($0 * 160) })
    }

    /// The other half of a sample was lost with the connection, and the bot speaks in whole ones again.
    @Test func aSampleThatAConnectionLostHalfOfDoesNotShiftWhatTheNextOneBrings() throws {
        let bench = try Bench(encoding: .linear16)
        bench.now = bench.zero
        try bench.accept()
        let id = bench.leg.id
        bench.say(.audio(id, [0x01, 0x02, 0x03], flags: 1))
        bench.drop()
        while bench.dials.count == bench.answered { bench.advance(10) }
        try bench.accept()
        bench.say(.audio(id, [0x05, 0x06, 0x07, 0x08], flags: 1))
        bench.leg.pump()
        var played = [Int16](repeating: 0, count: 8)
        let bridge = bench.leg.playout.bridge
        let count = played.withUnsafeMutableBufferPointer { bridge.takePlayout(into: $0) }
        #expect(Array(played[..<count]) == [0x0201, 0x0605, 0x0807])
    }

    /// This machine stood still before the bot was there: nobody's time is in its times.
    @Test func whatFoundNoRoomBeforeTheFirstStartIsNoHoleBehindIt() throws {
        let bench = try Bench()
        func offer(_ value: Int) {
            let frame = [Int16](repeating: Int16(value), count: 160)
            _ = frame.withUnsafeBufferPointer { bench.leg.playout.bridge.offer($0) }
        }
        for index in 0..<100 { offer(index) }
        try bench.accept()
        // Half of what the ring holds, in whole frames from its beginning.
        let capacity = bench.leg.playout.bridge.received.capacity
        let kept = capacity - (capacity / 2 + 159) / 160 * 160
        offer(100)
        bench.leg.pump()
        bench.connection?.flush()
        let records = bench.records().filter { $0.type == 1 }
        #expect(records.map(\.timestamp) == (0..<13).map { UInt64($0 * 160) })
        #expect(bench.rig.counter(Catalogue.streamLateSamples) == 100 * 160 - kept)
    }
}
