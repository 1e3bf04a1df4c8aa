import Base
import CallModel
import Foundation
import Logging
import NIOCore
import NIOPosix
import SIP
import Synchronization
import Telemetry

@testable import Signalling

let group = MultiThreadedEventLoopGroup.singleton

let offer = Array(
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0\r\n"
        .utf8)
let answer = Array(
    "v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 30002 RTP/AVP 0\r\n"
        .utf8)

struct Late: Error {}

/// Values that arrive on other threads, awaited in order with a deadline.
final class Inbox<Element: Sendable>: Sendable {
    private let stream: AsyncStream<Element>
    private let continuation: AsyncStream<Element>.Continuation
    private let all = Mutex<[Element]>([])

    init() { (stream, continuation) = AsyncStream.makeStream(of: Element.self) }

    func put(_ element: Element) {
        all.withLock { $0.append(element) }
        continuation.yield(element)
    }

    /// No more will come: who waits gets an error.
    func close() { continuation.finish() }

    var everything: [Element] { all.withLock { $0 } }

    /// The first element from now on that `accepts`; earlier ones are passed over.
    func first(
        within limit: Duration = .seconds(600),
        _ accepts: @escaping @Sendable (Element) -> Bool = { _ in true }
    ) async throws -> Element {
        let stream = stream
        return try await withThrowingTaskGroup(of: Element?.self) { tasks in
            tasks.addTask {
                for await element in stream where accepts(element) { return element }
                return nil
            }
            tasks.addTask {
                try await Task.sleep(for: limit)
                return nil
            }
            defer { tasks.cancelAll() }
            guard let first = try await tasks.next(), let element = first else { throw Late() }
            return element
        }
    }
}

typealias Events = Inbox<CallLegEvent>

extension Inbox where Element == CallLegEvent {
    func ended() async throws -> CallLegEvent {
        try await first { if case .ended = $0 { true } else { false } }
    }
    func answered() async throws -> CallLegEvent {
        try await first { if case .answered = $0 { true } else { false } }
    }
}

/// An agent on a port of its own.
struct Phone {
    let agent: CallAgent
    let host: String
    let port: Int
    let metrics: MetricsRegistry
    let calls: Inbox<InboundCall>

    init(change: (inout SignallingConfiguration) -> Void = { _ in }) async throws {
        var configuration = SignallingConfiguration(host: "127.0.0.1", port: 0)
        change(&configuration)
        let calls = Inbox<InboundCall>()
        let metrics = MetricsRegistry()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        agent = CallAgent(
            configuration, group: group, metrics: metrics, logger: logger,
            inbound: { calls.put($0) })
        (host, port) = try await agent.start()
        self.metrics = metrics
        self.calls = calls
    }

    func call(
        port: Int, user: String = "echo", host: String = "127.0.0.1",
        ringTimeout: Interval = .seconds(3600), to events: Events
    ) -> CallLeg {
        agent.place(
            OutboundCall(
                id: CallID("call-1"), target: "sip:\(user)@\(host):\(port)",
                from: "+12125550199", offer: offer, ringTimeout: ringTimeout),
            events: { events.put($0) })
    }
}

/// A SIP peer that a test scripts message by message, on a real socket.
final class ScriptedPeer: Sendable {
    private let channel: any Channel
    let port: Int
    let received: Inbox<SIPMessage>

    /// `script` gets every message and returns what to send back.
    init(_ script: @escaping @Sendable (SIPMessage) -> [SIPMessage]) async throws {
        let received = Inbox<SIPMessage>()
        channel = try await DatagramBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Responder(received: received, script: script))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
        self.received = received
    }

    func close() async { try? await channel.close().get() }

    func send(_ bytes: [UInt8], toPort port: Int) async throws {
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: port)
        try await channel.writeAndFlush(
            AddressedEnvelope(remoteAddress: address, data: ByteBuffer(bytes: bytes)))
    }

    private final class Responder: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        typealias OutboundOut = AddressedEnvelope<ByteBuffer>
        let received: Inbox<SIPMessage>
        let script: @Sendable (SIPMessage) -> [SIPMessage]

        init(
            received: Inbox<SIPMessage>, script: @escaping @Sendable (SIPMessage) -> [SIPMessage]
        ) {
            self.received = received
            self.script = script
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let envelope = unwrapInboundIn(data)
            guard let message = try? SIPMessage(parsing: Array(envelope.data.readableBytesView))
            else { return }
            received.put(message)
            for reply in script(message) {
                context.writeAndFlush(
                    wrapOutboundOut(
                        AddressedEnvelope(
                            remoteAddress: envelope.remoteAddress,
                            data: ByteBuffer(bytes: reply.serialised))), promise: nil)
            }
        }
    }
}

/// The next port, and where a test run begins: below 32768, where the kernel begins to give ports to
/// sockets that ask for none, so that nobody takes one before the process that it is meant for.
private let nextPort = Mutex(9_000 + Int.random(in: 0..<80) * 10)

/// A UDP port that was free a moment ago, as the three above it were (SIPp's RTCP and video); it is
/// not given again before 244 others.
func freePort() async throws -> Int {
    for _ in 0..<100 {
        let port = nextPort.withLock { next in
            next = next >= 9_980 ? 9_000 : next + 4
            return next
        }
        if await areFree(port..<port + 4) { return port }
    }
    throw Late()
}

private func areFree(_ ports: Range<Int>) async -> Bool {
    for port in ports {
        guard
            let channel = try? await DatagramBootstrap(group: group)
                .bind(host: "127.0.0.1", port: port).get()
        else { return false }
        try? await channel.close().get()
    }
    return true
}

/// Runs SIPp (Debian `sip-tester`) and gives its exit status: 0 when its calls succeeded.
final class SIPp: Sendable {
    static let path = "/usr/bin/sipp"
    private let process: Process
    private let exit = Inbox<Int32>()
    private let folder: URL

    /// `failure` is called when it has ended without success.
    init(_ arguments: [String], failure: @escaping @Sendable () -> Void) throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("trunkline-sipp-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        process = Process()
        process.executableURL = URL(fileURLWithPath: Self.path)
        process.arguments =
            arguments + [
                "-i", "127.0.0.1", "-m", "1", "-timeout", "20", "-timeout_error", "-nostdin",
                "-nd",
            ]
        process.currentDirectoryURL = folder
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        let errors = folder.appendingPathComponent("errors").path
        _ = FileManager.default.createFile(atPath: errors, contents: nil)
        process.standardError = FileHandle(forWritingAtPath: errors)
        process.terminationHandler = { [exit] in
            exit.put($0.terminationStatus)
            if $0.terminationStatus != 0 { failure() }
        }
        try process.run()
    }

    /// What it has written to standard error.
    var errors: String {
        (try? String(contentsOf: folder.appendingPathComponent("errors"), encoding: .utf8)) ?? ""
    }

    func status() async throws -> Int32 {
        defer { try? FileManager.default.removeItem(at: folder) }
        do {
            return try await exit.first(within: .seconds(120))
        } catch {
            process.terminate()
            throw error
        }
    }
}
