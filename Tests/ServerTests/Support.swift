import Base
import CallModel
import Foundation
import Hummingbird
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Orchestrator
import ServiceLifecycle
import Telemetry
import Testing

@testable import Server

struct Failed: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// Polls until `condition` holds: real sockets have no virtual clock. The limit is reached on
/// failure only: it is many looks as well as a time, because on a busy machine a task may come back
/// from a short sleep after the whole of it.
func eventually(
    _ what: String, within seconds: Int = 20, _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    var looks = 0
    while looks < 200 || ContinuousClock.now < deadline {
        if try await condition() { return }
        looks += 1
        try await Task.sleep(for: .milliseconds(5))
    }
    throw Failed("waited \(seconds) s in vain for \(what)")
}

/// Media ports of each house in turn, below those that the kernel gives to sockets that ask for none
/// (32768 and up): no other socket of this process can hold one of them.
enum HousePorts {
    static let each = 16
    private static let houses = 300
    private static let next = NIOLockedValueBox(Int.random(in: 0..<houses))

    static func take() -> Int {
        next.withLockedValue { number in
            number += 1
            return 27_000 + number % houses * each
        }
    }
}

/// Everything that was logged, metadata included.
final class LogCapture: Sendable {
    private let lines = NIOLockedValueBox<[String]>([])

    var text: String { lines.withLockedValue { $0.joined(separator: "\n") } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(capture: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let capture: LogCapture
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }
            let error = event.error.map { "\($0)" } ?? ""
            capture.lines.withLockedValue {
                $0.append("\(event.level) \(event.message) \(all) \(error)")
            }
        }
    }
}

/// The platform and its HTTP door, in this process, on free ports and a folder of its own.
final class House: Sendable {
    let platform: Platform
    let httpPort: Int
    let sipPort: Int
    let directory: String
    let key: String?

    private init(
        _ platform: Platform, http: Int, sip: Int, directory: String, key: String?
    ) {
        self.platform = platform
        httpPort = http
        sipPort = sip
        self.directory = directory
        self.key = key
    }

    private struct PlatformService: Service {
        let platform: Platform
        let ready: @Sendable (Int) -> Void

        func run() async throws {
            let ready = self.ready
            try await cancelWhenGracefulShutdown { [platform] in
                try await platform.run { _, port in ready(port) }
            }
            await platform.shutdown()
        }
    }

    /// Starts a house, runs `body` in it, shuts it down as SIGTERM would, removes its folder.
    ///
    /// - Parameter afterwards: sees the folder when everything has ended.
    static func open(
        key: String? = nil, legs: Int = 4, log: LogCapture = LogCapture(),
        connections: ConnectionLimits = ConnectionLimits(),
        configure: (inout PlatformConfiguration) -> Void = { _ in },
        afterwards: (String) async throws -> Void = { _ in },
        _ body: (House) async throws -> Void
    ) async throws {
        let directory = NSTemporaryDirectory() + "trunkline-server-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var settings = PlatformConfiguration()
        settings.http = .init(host: "127.0.0.1", port: 0)
        settings.sip = .init(host: "127.0.0.1", port: 0)
        precondition(2 * legs <= HousePorts.each)
        let first = HousePorts.take()
        settings.rtpPorts = first...(first + 2 * legs - 1)
        settings.workers = 1
        settings.dataDirectory = directory
        settings.apiKey = key.map { Redacted($0) }
        configure(&settings)
        let group = MultiThreadedEventLoopGroup.singleton
        let platform = try Platform(configuration: settings, group: group, logger: log.logger)
        let (bound, ports) = AsyncStream.makeStream(of: (isHTTP: Bool, port: Int).self)
        let app = HTTPServer(platform: platform, logger: log.logger, limits: connections)
            .application(group: group) { port in ports.yield((true, port)) }
        let services = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(
                        service: PlatformService(platform: platform) { ports.yield((false, $0)) }),
                    .init(service: app),
                ], logger: log.logger))
        let running = Task {
            defer { ports.finish() }
            try await services.run()
        }
        var http: Int?
        var sip: Int?
        for await (isHTTP, port) in bound {
            if isHTTP { http = port } else { sip = port }
            if http != nil, sip != nil { break }
        }
        guard let http, let sip else {
            try await running.value
            throw Failed("the server ended before it was ready")
        }
        let house = House(platform, http: http, sip: sip, directory: directory, key: key)
        let result: Result<Void, any Error>
        do {
            try await body(house)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await services.triggerGracefulShutdown()
        try await running.value
        try result.get()
        try await afterwards(directory)
    }

    /// One request on a connection of its own. `key: ""` sends none.
    func request(
        _ method: String, _ path: String, _ body: String? = nil, key: String? = nil,
        headers: [String: String] = [:]
    ) async throws -> Reply {
        let wire = try await Wire(port: httpPort)
        var fields = ["Host": "127.0.0.1:\(httpPort)", "Connection": "close"]
        if let key = key ?? self.key, !key.isEmpty { fields["Authorization"] = "Bearer \(key)" }
        if let body { fields["Content-Length"] = "\(body.utf8.count)" }
        fields.merge(headers) { $1 }
        let head = fields.map { "\($0): \($1)\r\n" }.joined()
        try await wire.send("\(method) \(path) HTTP/1.1\r\n\(head)\r\n\(body ?? "")")
        try await eventually("\(method) \(path) to be answered") { wire.isClosed }
        return try Reply(wire.bytes)
    }

    /// The JSON of a request that must succeed.
    func json(_ method: String, _ path: String, _ body: String? = nil) async throws -> JSON {
        let reply = try await request(method, path, body)
        guard (200..<300).contains(reply.status) else {
            throw Failed("\(method) \(path): \(reply.status) \(reply.text)")
        }
        return reply.json
    }
}

/// A TCP connection that keeps what it received.
final class Wire: Sendable {
    private let channel: any Channel
    private let received: NIOLockedValueBox<[UInt8]>

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let box: NIOLockedValueBox<[UInt8]>
        init(_ box: NIOLockedValueBox<[UInt8]>) { self.box = box }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            box.withLockedValue { $0 += buffer.readableBytesView }
        }
    }

    /// - Parameter staysHalfOpen: goes on sending when the server has said its last.
    init(port: Int, staysHalfOpen: Bool = false) async throws {
        let box = NIOLockedValueBox<[UInt8]>([])
        received = box
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: staysHalfOpen)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(box))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
    }

    var bytes: [UInt8] { received.withLockedValue { $0 } }
    var text: String { String(decoding: bytes, as: UTF8.self) }
    var isClosed: Bool { !channel.isActive }

    func send(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }
    func send(_ text: String) async throws { try await send(Array(text.utf8)) }
    func close() async throws { try await channel.close().get() }

    func until(_ part: String) async throws {
        try await eventually("\"\(part)\" (have: \(text.suffix(300)))") { text.contains(part) }
    }

    deinit { channel.close(promise: nil) }
}

/// A whole HTTP/1.1 response.
struct Reply {
    var status: Int
    var headers: [String: String] = [:]
    var body: [UInt8]

    init(_ bytes: [UInt8]) throws {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else {
            throw Failed("no response: \(String(decoding: bytes, as: UTF8.self))")
        }
        let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
        let lines = head.components(separatedBy: "\r\n")
        status = Int(lines[0].split(separator: " ").dropFirst().first ?? "") ?? 0
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        body = Array(bytes[end.upperBound...])
    }

    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSON { JSON(text: text) }
    var error: JSON { json["error"] }
}

/// Reads JSON without ceremony; a wrong path is nil and fails the expectation that needs it.
struct JSON: @unchecked Sendable {
    // @unchecked: holds the immutable result of JSONSerialization.
    let value: Any?
    init(_ value: Any?) { self.value = value }
    init(text: some StringProtocol) {
        value = try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
    }
    subscript(key: String) -> JSON { JSON((value as? [String: Any])?[key]) }
    subscript(index: Int) -> JSON {
        guard let list = value as? [Any], list.indices.contains(index) else { return JSON(nil) }
        return JSON(list[index])
    }
    var string: String? { value as? String }
    var double: Double? { (value as? NSNumber)?.doubleValue }
    var int: Int? { (value as? NSNumber)?.intValue }
    var bool: Bool? { (value as? NSNumber)?.boolValue }
    var array: [JSON] { (value as? [Any] ?? []).map { JSON($0) } }
    var keys: [String] { (value as? [String: Any] ?? [:]).keys.sorted() }
}

/// The one shape of every refusal: `{"error":{"code","message","field"?}}` and nothing else.
func expectError(
    _ reply: Reply, _ status: Int, _ code: String, field: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(reply.status == status, "\(reply.text)", sourceLocation: sourceLocation)
    #expect(reply.json.keys == ["error"], "\(reply.text)", sourceLocation: sourceLocation)
    #expect(reply.error["code"].string == code, "\(reply.text)", sourceLocation: sourceLocation)
    #expect(
        reply.error["message"].string?.isEmpty == false, "\(reply.text)",
        sourceLocation: sourceLocation)
    #expect(reply.error["field"].string == field, "\(reply.text)", sourceLocation: sourceLocation)
    let allowed = field == nil ? ["code", "message"] : ["code", "field", "message"]
    #expect(reply.error.keys == allowed, sourceLocation: sourceLocation)
    #expect(
        reply.headers["content-type"]?.hasPrefix("application/json") == true,
        sourceLocation: sourceLocation)
}
