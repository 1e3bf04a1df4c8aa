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

/// Where plain connections live; what a stream promises holds on either.
enum Transport: CaseIterable {
    /// The hub's own threads.
    case thread
    /// NIO's event loops, where connections with TLS are.
    case eventLoop
}

/// Everything around one stream: hub, bridge, worker, events.
final class Rig: Sendable {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let metrics = MetricsRegistry()
    let hub: StreamHub
    let bridge = AudioBridge()
    let log = LogLines()
    let events: AsyncStream<StreamEvent>
    private let continuation: AsyncStream<StreamEvent>.Continuation

    init(
        limits: StreamLimits = StreamLimits(), defaults: StreamDefaults = StreamDefaults(),
        on transport: Transport = .thread
    ) throws {
        let lines = log
        hub = try StreamHub(
            group: group, metrics: metrics,
            logger: Logger(label: "test") { _ in LineLog(lines: lines) }, limits: limits,
            defaults: defaults, leavesNIO: transport == .thread)
        (events, continuation) = AsyncStream.makeStream()
    }

    func request(_ url: String) -> StreamRequest {
        StreamRequest(
            url: url, streamID: "MZ0001", callID: CallID("CA0001"), accountID: "AC0001",
            parameters: ["language": "en"])
    }

    func connect(_ request: StreamRequest) -> StreamSession {
        let continuation = continuation
        return hub.connect(request, bridge: bridge) { event in
            continuation.yield(event)
            switch event {
            case .ended, .failed: continuation.finish()
            default: break
            }
        }
    }

    /// The worker got samples: into the bridge and a byte into the wake pipe.
    func offer(_ samples: [Int16]) {
        samples.withUnsafeBufferPointer { _ = bridge.offer($0) }
        wake()
    }

    func wake() {
        var byte: UInt8 = 1
        _ = write(hub.wakeFD, &byte, 1)
    }

    func counter(_ definition: MetricDefinition, _ labels: [String] = []) -> Int {
        metrics.counter(definition, labels).value
    }

    /// Ticks the worker until `count` samples have been played.
    func play(_ count: Int) async throws -> [Int16] {
        var worker = WorkerClock(bridge)
        let deadline = ContinuousClock.now + .seconds(120)
        while worker.played.count < count, ContinuousClock.now < deadline {
            if worker.tick() > 0 { wake() } else { try await Task.sleep(for: .milliseconds(1)) }
        }
        return worker.played
    }

    /// Runs `body` while no event loop of the rig does anything: no tick comes in between.
    func holdingLoops(_ body: () -> Void) {
        let (entered, left) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let loops = Array(group.makeIterator())
        for loop in loops {
            loop.execute {
                entered.signal()
                left.wait()
            }
        }
        for _ in loops { entered.wait() }
        body()
        for _ in loops { left.signal() }
    }

    func shutdown() async throws {
        await hub.shutdown()
        try await group.shutdownGracefully()
    }
}

/// A rig and a bot, both shut down when `body` is over, however that went.
func withBot(
    limits: StreamLimits = StreamLimits(), defaults: StreamDefaults = StreamDefaults(),
    on transport: Transport = .thread, behaviour: TestBot.Behaviour = .accept,
    tls: NIOSSLContext? = nil, _ body: (Rig, TestBot) async throws -> Void
) async throws {
    let rig = try Rig(limits: limits, defaults: defaults, on: transport)
    do {
        let bot = try await TestBot(group: rig.group, behaviour: behaviour, tls: tls)
        do {
            try await body(rig, bot)
        } catch {
            await bot.shutdown()
            throw error
        }
        await bot.shutdown()
    } catch {
        try? await rig.shutdown()
        throw error
    }
    try await rig.shutdown()
}

final class LogLines: Sendable {
    let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
}

struct LineLog: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
        lines.lines.withLock {
            $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])")
        }
    }
}

/// One field of a message, found the slow and independent way.
func field(_ text: String, _ path: String...) -> String? {
    var value: Any? = try? JSONSerialization.jsonObject(with: Data(text.utf8))
    for key in path { value = (value as? [String: Any])?[key] }
    return value as? String
}

typealias HeardIterator = AsyncStream<TestBot.Heard>.Iterator

extension HeardIterator {
    /// Skips `connected` and `start`, with which a call's stream begins.
    mutating func skipOpening() async {
        _ = await text()
        _ = await text()
    }

    /// The next text message; other things before it are skipped.
    mutating func text() async -> String {
        while let next = await next(isolation: #isolation) {
            if case .text(let text) = next { return text }
        }
        return ""
    }
}
