internal import Base
internal import Glibc
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes
internal import NIOHTTPTypesHTTP1
internal import NIOWebSocket
internal import Orchestrator
internal import ServiceLifecycle

/// A connection that is HTTP/1.1 unless it asks to become a WebSocket on `/v1/events`.
struct EventUpgradeChannel: ServerChildChannel, HTTPChannelHandler {
    typealias HTTPChannel = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>
    typealias SocketChannel = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    /// How long a connection may rest between requests, the whole next head included.
    static let idleLimit = Duration.seconds(75)

    enum Outcome: Sendable {
        case http(HTTPChannel)
        case webSocket(SocketChannel, EventFilter)
    }

    /// There are connections enough.
    private struct Refused: Error {}

    struct Value: ServerChildChannelValue {
        let outcome: EventLoopFuture<Outcome>
        let channel: any Channel
    }

    let responder: HTTPChannelHandler.Responder
    let bus: EventBus
    let key: Redacted<String>?
    let book: ConnectionBook

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let source = ConnectionBook.Source(channel.remoteAddress)
        guard book.enter(source) else { return refuse(channel) }
        channel.closeFuture.whenComplete { [book] _ in book.leave(source) }
        return channel.eventLoop.makeCompletedFuture {
            try Self.keepAlive(channel)
            let upgrader = NIOTypedWebSocketServerUpgrader<Outcome>(
                maxFrameSize: 1 << 14,
                // The gate has asked already.
                shouldUpgrade: { channel, _ in
                    channel.eventLoop.makeSucceededFuture(HTTPHeaders())
                },
                upgradePipelineHandler: { channel, head in
                    channel.eventLoop.makeCompletedFuture {
                        RequestDeadlines.lift(from: channel)
                        let socket = try SocketChannel(wrappingChannelSynchronously: channel)
                        return .webSocket(socket, EventFilter(path: head.uri))
                    }
                })
            let configuration = NIOTypedHTTPServerUpgradeConfiguration<Outcome>(
                upgraders: [upgrader],
                notUpgradingCompletionHandler: { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
                        // Closes idle connections, and resting ones when the server shuts down.
                        try pipeline.addHandler(
                            HTTPConnectionStateHandler(
                                idleTimeout: Self.idleLimit, logger: logger))
                        return .http(
                            try HTTPChannel(
                                wrappingChannelSynchronously: channel,
                                configuration: .init(isOutboundHalfClosureEnabled: true)))
                    }
                })
            var settings = NIOUpgradableHTTPServerPipelineConfiguration(
                upgradeConfiguration: configuration)
            // Hummingbird takes one request after the other and answers what it cannot parse.
            settings.enablePipelining = false
            settings.enableErrorHandling = false
            let pipeline = channel.pipeline.syncOperations
            let outcome = try pipeline.configureUpgradableHTTPServerPipeline(
                configuration: settings)
            let upgrade = try pipeline.handler(type: NIOTypedHTTPServerUpgradeHandler<Outcome>.self)
            try pipeline.addHandler(
                RequestDeadlines { [book] in book.count($0) }, position: .before(upgrade))
            try pipeline.addHandler(
                UpgradeGate { Self.mayUpgrade($0, key: key) }, position: .before(upgrade))
            return Value(outcome: outcome, channel: channel)
        }
    }

    /// `handle` closes what has no place for an answer, and finds the others closed.
    private func refuse(_ channel: any Channel) -> EventLoopFuture<Value> {
        guard book.mayBidFarewell() else {
            return channel.eventLoop.makeSucceededFuture(
                Value(outcome: channel.eventLoop.makeFailedFuture(Refused()), channel: channel))
        }
        channel.closeFuture.whenComplete { [book] _ in book.farewellIsOver() }
        return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(RefusedConnection())
            return Value(
                outcome: channel.closeFuture.flatMapThrowing { throw Refused() }, channel: channel)
        }
    }

    static func mayUpgrade(_ head: HTTPRequestHead, key: Redacted<String>?) -> Bool {
        let path = head.uri.split(separator: "?", maxSplits: 1).first.map(String.init) ?? ""
        guard path == "/v1/events" else { return false }
        var request = HTTPRequest(
            method: .get, scheme: nil, authority: head.headers.first(name: "host"), path: path)
        for name in ["authorization", "origin"] {
            guard let field = HTTPField.Name(name) else { continue }
            request.headerFields[field] = head.headers.first(name: name)
        }
        return AccessRule.refusal(request, path: path, key: key) == nil
    }

    /// A subscriber whose machine vanished is found out by the kernel, within two minutes.
    private static func keepAlive(_ channel: any Channel) throws {
        let options = channel.syncOptions
        try options?.setOption(.socketOption(.so_keepalive), value: 1)
        try options?.setOption(.tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: 60)
        try options?.setOption(.tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: 15)
        try options?.setOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: 4)
    }

    func handle(value: Value, logger: Logger) async {
        do {
            switch try await value.outcome.get() {
            case .http(let channel): await handleHTTP(asyncChannel: channel, logger: logger)
            case .webSocket(let channel, let filter): await serve(channel, filter, logger)
            }
        } catch {
            logger.debug("connection ended before its first request")
            try? await value.channel.close()
        }
    }

    /// Sends each event as a text frame until either side goes.
    private func serve(_ channel: SocketChannel, _ filter: EventFilter, _ logger: Logger) async {
        guard let events = bus.subscribe() else {
            try? await channel.channel.close()
            return
        }
        do {
            try await channel.executeThenClose { inbound, outbound in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for await event in events.cancelOnGracefulShutdown()
                        where filter.admits(event) {
                            try await outbound.write(
                                WebSocketFrame(
                                    fin: true, opcode: .text,
                                    data: ByteBuffer(string: event.json)))
                        }
                        guard !Task.isCancelled else { return }
                        // RFC 6455 7.4.1: 1001, the server is going away.
                        try await outbound.write(
                            WebSocketFrame(
                                fin: true, opcode: .connectionClose,
                                data: ByteBuffer(bytes: [0x03, 0xE9])))
                    }
                    group.addTask {
                        for try await frame in inbound {
                            switch frame.opcode {
                            case .ping:
                                try await outbound.write(
                                    WebSocketFrame(
                                        fin: true, opcode: .pong, data: frame.unmaskedData))
                            case .connectionClose:
                                try await outbound.write(
                                    WebSocketFrame(
                                        fin: true, opcode: .connectionClose,
                                        data: frame.unmaskedData))
                                return
                            default: break
                            }
                        }
                    }
                    try await group.next()
                    group.cancelAll()
                }
            }
        } catch {
            logger.debug("event socket ended")
        }
    }
}
