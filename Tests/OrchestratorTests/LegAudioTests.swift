import Audio
import Base
import CallModel
import Foundation
import Logging
import MediaEngine
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import Orchestrator

private struct Failed: Error { var what: String }

/// Looks until `condition` holds: real sockets and media threads have no virtual clock. The end is
/// reached on failure only.
private func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    var looks = 0
    while looks < 200 || ContinuousClock.now < deadline {
        if try await condition() { return }
        looks += 1
        try await Task.sleep(for: .milliseconds(5))
    }
    throw Failed(what: what)
}

/// A far end: keeps the payloads that it receives.
private final class FarEnd: Sendable {
    private let channel: any Channel
    private let payloads: NIOLockedValueBox<[[UInt8]]>

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        let box: NIOLockedValueBox<[[UInt8]]>
        init(_ box: NIOLockedValueBox<[[UInt8]]>) { self.box = box }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = unwrapInboundIn(data).data.readableBytesView.dropFirst(12)
            box.withLockedValue { $0.append(Array(bytes)) }
        }
    }

    init() async throws {
        let box = NIOLockedValueBox<[[UInt8]]>([])
        payloads = box
        channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(box))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    var received: [[UInt8]] { payloads.withLockedValue { $0 } }
    func close() async throws { try await channel.close().get() }

    /// SDP that offers one codec, by its static payload type.
    func offer(payloadType: Int = 0) -> String {
        [
            "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
            "m=audio \(channel.localAddress?.port ?? 0) RTP/AVP \(payloadType)", "",
        ].joined(separator: "\r\n")
    }

    /// Of the newest `count` payloads of µ-law, those that are silence.
    func quiet(ofLast count: Int) -> Int {
        received.suffix(count).count { payload in payload.allSatisfy { $0 | 0x80 == 0xFF } }
    }
}

@Suite(.serialized) struct LegAudioTests {
    private static let ports = NIOLockedValueBox(25_500)

    /// A platform on free ports with a folder of its own, which `body` is given.
    private func open(_ body: (Platform, String) async throws -> Void) async throws {
        let folder = NSTemporaryDirectory() + "trunkline-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var settings = PlatformConfiguration()
        settings.sip = .init(host: "127.0.0.1", port: 0)
        let first = Self.ports.withLockedValue { port in
            port += 40
            return port
        }
        settings.rtpPorts = first...(first + 39)
        settings.workers = 1
        settings.dataDirectory = folder
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let platform = try Platform(
            configuration: settings, group: MultiThreadedEventLoopGroup.singleton, logger: logger)
        let (readiness, ready) = AsyncStream.makeStream(of: Void.self)
        let running = Task { try await platform.run { _, _ in ready.yield() } }
        for await _ in readiness { break }
        let result: Result<Void, any Error>
        do {
            try await body(platform, folder)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        running.cancel()
        await platform.shutdown()
        _ = await running.result
        try result.get()
    }

    /// `trunkline call` places its call there, and waited for ever when it was refused.
    @Test(.timeLimit(.minutes(1)))
    func whatIsThrownWhenAPlatformIsReadyEndsItsRun() async throws {
        struct Refused: Error {}
        let folder = NSTemporaryDirectory() + "trunkline-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var settings = PlatformConfiguration()
        settings.sip = .init(host: "127.0.0.1", port: 0)
        settings.rtpPorts = 25_460...25_499
        settings.workers = 1
        settings.dataDirectory = folder
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let platform = try Platform(
            configuration: settings, group: MultiThreadedEventLoopGroup.singleton, logger: logger)
        await #expect(throws: Refused.self) {
            try await platform.run { _, _ in throw Refused() }
        }
        await platform.shutdown()
    }

    private func events(_ leg: LegID, _ platform: Platform) async -> [CallEvent.Kind] {
        await platform.leg(leg)?.events.map(\.kind) ?? []
    }

    // MARK: bridge

    /// A leg through which a bot talks for a minute, and that is bridged with another.
    private func bridgeWithABot(
        keepsBot: Bool,
        _ body: (_ platform: Platform, _ customer: LegID, _ phone: FarEnd) async throws -> Void
    ) async throws {
        try await open { platform, _ in
            let phone = try await FarEnd()
            let agent = try await FarEnd()
            let customer = try await platform.createLeg(
                LegRequest(offer: phone.offer(), mode: .bridge, detection: false)
            ).id
            let other = try await platform.createLeg(
                LegRequest(offer: agent.offer(), mode: .bridge, detection: false)
            ).id
            // The test is the bot: no stream whose end would silence it, too.
            let voice = AudioBridge(playoutMilliseconds: 60_000)
            _ = [Int16](repeating: 8000, count: 480_000).withUnsafeBufferPointer {
                voice.playout.write($0)
            }
            #expect(platform.engine.send(.attach(voice), to: customer))
            try await eventually("the bot") {
                phone.received.count > 20 && phone.quiet(ofLast: 5) == 0
            }
            let links = try await platform.bridge(
                .leg(customer), with: .leg(other), digits: false, keepsBot: keepsBot)
            #expect(links.count == 2)
            try await body(platform, customer, phone)
            for end in [phone, agent] { try await end.close() }
        }
    }

    @Test func aBridgeSilencesTheBotOfABareLegToo() async throws {
        try await bridgeWithABot(keepsBot: false) { platform, customer, phone in
            let before = phone.received.count
            try await eventually("silence after the bot") {
                phone.received.count > before + 25 && phone.quiet(ofLast: 20) == 20
            }
            // The leg goes on.
            #expect(await platform.leg(customer) != nil)
            #expect(await platform.links().count == 2)
        }
    }

    @Test func aBotThatIsToStayIsHeardOn() async throws {
        try await bridgeWithABot(keepsBot: true) { platform, customer, phone in
            let before = phone.received.count
            try await eventually("the bot after the bridge") {
                phone.received.count > before + 25 && phone.quiet(ofLast: 20) == 0
            }
            #expect(await events(customer, platform).isEmpty)
        }
    }

    /// Whichever of the two legs it is.
    @Test(arguments: [false, true])
    func aBridgeEndsTheStreamOfABareLeg(isSecond: Bool) async throws {
        // A bot that takes the connection and says nothing.
        let bot = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        try await open { platform, _ in
            let phone = try await FarEnd()
            let customer = try await platform.createLeg(
                LegRequest(
                    offer: phone.offer(), mode: .stream,
                    streamURL: "ws://127.0.0.1:\(bot.localAddress?.port ?? 0)/", detection: false)
            ).id
            let other = try await platform.createLeg(
                LegRequest(offer: phone.offer(), mode: .bridge, detection: false)
            ).id
            _ = try await platform.bridge(
                .leg(isSecond ? other : customer), with: .leg(isSecond ? customer : other),
                digits: false, keepsBot: false)
            try await eventually("the stream's end") {
                await !events(customer, platform).isEmpty
            }
            #expect(
                await events(customer, platform)
                    == [.streamEnded(reason: "stopped before the bot was connected")])
            try await phone.close()
        }
        try await bot.close().get()
    }

    @Test func aBridgeEndsTheClipOfABareLeg() async throws {
        try await open { platform, folder in
            let phone = try await FarEnd()
            let customer = try await platform.createLeg(
                LegRequest(offer: phone.offer(), mode: .bridge, detection: false)
            ).id
            let other = try await platform.createLeg(
                LegRequest(offer: phone.offer(), mode: .bridge, detection: false)
            ).id
            let loud = WAVFile(sampleRate: 8000, samples: [Int16](repeating: 8000, count: 8000))
            try Data(loud.serialised).write(to: URL(fileURLWithPath: folder + "/a.wav"))
            let id = try await platform.play(
                path: "a.wav", on: .leg(customer), loop: true, mix: false)
            _ = try await platform.bridge(
                .leg(customer), with: .leg(other), digits: false, keepsBot: false)
            try await eventually("the clip's end") {
                await events(customer, platform) == [.playFinished(id: id, completed: false)]
            }
            try await phone.close()
        }
    }

    // MARK: recordings

    @Test func ofLegsMadeAtOnceWithOneRecordingOneIsMade() async throws {
        try await open { platform, folder in
            let phone = try await FarEnd()
            let offer = phone.offer()
            let results = await withTaskGroup(of: Result<LegID, any Error>.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        do {
                            let leg = try await platform.createLeg(
                                LegRequest(
                                    offer: offer, mode: .silence, detection: false,
                                    recordingPath: "same.wav"))
                            return .success(leg.id)
                        } catch { return .failure(error) }
                    }
                }
                var results: [Result<LegID, any Error>] = []
                for await result in group { results.append(result) }
                return results
            }
            let made = results.compactMap { try? $0.get() }
            #expect(made.count == 1)
            for case .failure(let error) in results {
                let error = try #require(error as? PlatformError)
                #expect(error.code == "invalid_request" && error.status == 400)
                #expect(error.field == "options.record")
            }
            let leg = try #require(made.first)
            let path = folder + "/same.wav"
            try await eventually("the recording") {
                FileManager.default.fileExists(atPath: path)
            }
            try await platform.stopRecording(.leg(leg))
            try await eventually("its end") {
                await events(leg, platform).contains(.recordingFinished(path: path))
            }
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
            #expect(try WAVFile(parsing: bytes).channels == 2)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder)
                    .allSatisfy { !$0.hasSuffix(".part") })
            try await phone.close()
        }
    }

    @Test func aCallWhoseRecordingExistsIsNotPlaced() async throws {
        try await open { platform, folder in
            try Data([1]).write(to: URL(fileURLWithPath: folder + "/old.wav"))
            let taken = PlatformError.invalid("record", "record: old.wav exists already")
            await #expect(throws: taken) {
                try await platform.placeCall(
                    CallRequest(to: "sip:echo@127.0.0.1:9", recordingPath: "old.wav"))
            }
            #expect(await platform.liveCalls().isEmpty)
        }
    }

    // MARK: clips

    /// 6 kHz on the right channel only: twice what a telephone's band has, and never in channel 0.
    @Test func aWidebandStereoClipIsHeardOnAWidebandLeg() async throws {
        try await open { platform, folder in
            let phone = try await FarEnd()
            let leg = try await platform.createLeg(
                LegRequest(offer: phone.offer(payloadType: 9), mode: .bridge, detection: false)
            ).id
            var tone = ToneGenerator(frequencies: [6000], levelDBm0: -4, sampleRate: 16_000)
            let file = WAVFile(
                sampleRate: 16_000, channels: 2, samples: tone.next(16_000).flatMap { [0, $0] })
            try Data(file.serialised).write(to: URL(fileURLWithPath: folder + "/wide.wav"))
            for isHeld in [false, true] {
                let before = phone.received.count
                if isHeld {
                    try await platform.hold(.leg(leg), music: "wide.wav")
                } else {
                    _ = try await platform.play(
                        path: "wide.wav", on: .leg(leg), loop: true, mix: false)
                }
                try await eventually("half a second of it") {
                    phone.received.count >= before + 30
                }
                try await platform.stopPlaying(.leg(leg))
                var decoder = G722Decoder()
                var heard = [Int16](repeating: 0, count: 320 * 20)
                let payload = phone.received.suffix(20).flatMap { $0 }
                let count = payload.withUnsafeBytes { bytes in
                    heard.withUnsafeMutableBufferPointer { decoder.decode(bytes, into: $0) }
                }
                #expect(count == heard.count)
                // −10 dBm0 of one channel of two at −4.
                #expect(abs(Level.dBm0(Array(heard[3200...])) + 10) < 1.5, "held: \(isHeld)")
            }
            try await phone.close()
        }
    }
}
