internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import NIOTLS
internal import NIOWebSocket
internal import SIP

/// The WebSocket handshake with subprotocol `sip` (RFC 7118 4), both roles.
enum WebSocketUpgrade {
    static let subprotocol = "sip"

    static func addServer(
        to channel: any Channel, connection: StreamConnection, origins: [String]
    ) throws {
        let bound = NIOLoopBound(connection, eventLoop: channel.eventLoop)
        let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: SIPLimits.messageBytes,
            shouldUpgrade: { channel, head in
                channel.eventLoop.makeSucceededFuture(answer(to: head, origins: origins))
            },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    try addFrames(to: channel, bound.value)
                }
            })
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(
            withServerUpgrade: (
                upgraders: [upgrader],
                completionHandler: { $0.pipeline.removeHandler(name: refusal, promise: nil) }
            ))
        try channel.pipeline.syncOperations.addHandler(PlainRequestRefusal(), name: refusal)
    }

    private static let refusal = "trunkline.sip.refusal"

    /// nil: no upgrade (400). RFC 7118 4.1: the client must ask for `sip`.
    static func answer(to head: HTTPRequestHead, origins: [String]) -> HTTPHeaders? {
        let offered = head.headers[canonicalForm: "Sec-WebSocket-Protocol"]
        guard offered.contains(where: { $0.lowercased() == subprotocol }) else { return nil }
        if let origin = head.headers.first(name: "Origin"), !origins.isEmpty,
            !origins.contains(origin)
        {
            return nil
        }
        return ["Sec-WebSocket-Protocol": subprotocol]
    }

    static func addClient(
        to channel: any Channel, connection: StreamConnection, host: String,
        opened: @escaping () -> Void
    ) throws {
        let bound = NIOLoopBound((connection, opened), eventLoop: channel.eventLoop)
        let request = UpgradeRequest(connection: connection, host: host)
        let upgrader = NIOWebSocketClientUpgrader(
            maxFrameSize: SIPLimits.messageBytes,
            upgradePipelineHandler: { channel, response in
                channel.eventLoop.makeCompletedFuture {
                    guard response.headers.first(name: "Sec-WebSocket-Protocol") == subprotocol
                    else { throw ChannelError.operationUnsupported }
                    let (connection, opened) = bound.value
                    try addFrames(to: channel, connection)
                    opened()
                }
            })
        try channel.pipeline.syncOperations.addHTTPClientHandlers(
            leftOverBytesStrategy: .forwardBytes,
            withClientUpgrade: (
                upgraders: [upgrader],
                completionHandler: { $0.pipeline.removeHandler(name: refusal, promise: nil) }
            ))
        try channel.pipeline.syncOperations.addHandler(request, name: refusal)
    }

    static func addFrames(
        to channel: any Channel, _ connection: StreamConnection
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(
            NIOWebSocketFrameAggregator(
                minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 64,
                maxAccumulatedFrameSize: SIPLimits.messageBytes))
        try pipeline.addHandler(WebSocketAdapter(connection))
        try pipeline.addHandler(connection)
    }
}

/// A request that wants no upgrade: 426, and the end.
private final class PlainRequestRefusal: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let head) = unwrapInboundIn(data) else { return }
        let response = HTTPResponseHead(
            version: head.version, status: .upgradeRequired,
            headers: [
                "Upgrade": "websocket", "Sec-WebSocket-Protocol": WebSocketUpgrade.subprotocol,
                "Content-Length": "0", "Connection": "close",
            ])
        context.write(wrapOutboundOut(.head(response)), promise: nil)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A handshake that `answer` refused: its head comes next, and gets the answer above.
        if error is NIOWebSocketUpgradeError { return }
        context.close(promise: nil)
    }
}

/// Asks for the upgrade once the connection is there; under TLS once the certificate is right.
private final class UpgradeRequest: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let connection: StreamConnection
    private let host: String

    init(connection: StreamConnection, host: String) {
        self.connection = connection
        self.host = host
    }

    func channelActive(context: ChannelHandlerContext) {
        if connection.remote.transport == .ws { ask(context) }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
            if connection.isTrusted(certificate) {
                ask(context)
            } else {
                context.close(promise: nil)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func ask(_ context: ChannelHandlerContext) {
        let head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: "/",
            headers: ["Host": host, "Sec-WebSocket-Protocol": WebSocketUpgrade.subprotocol])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// An answer that is no upgrade.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.close(promise: nil) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

/// Frames to messages and back; answers ping and close (RFC 6455 5.5) as far as the connection has room
/// for answers.
private final class WebSocketAdapter: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = WebSocketFrame

    private let connection: StreamConnection
    private let masks: Bool

    init(_ connection: StreamConnection) {
        self.connection = connection
        masks = connection.isOutbound
    }

    private var mask: WebSocketMaskingKey? { masks ? .random() : nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var frame = unwrapInboundIn(data)
        // RFC 6455 5.1: a client masks, a server does not.
        guard (frame.maskKey != nil) != masks else {
            context.close(promise: nil)
            return
        }
        if let key = frame.maskKey { frame.data.webSocketUnmask(key) }
        switch frame.opcode {
        case .text, .binary: context.fireChannelRead(wrapInboundOut(frame.data))
        case .ping:
            guard let promise = connection.reserveAnswer(frame.data.readableBytes) else { return }
            let pong = WebSocketFrame(
                fin: true, opcode: .pong, maskKey: mask, data: frame.data)
            context.writeAndFlush(wrapOutboundOut(pong), promise: promise)
        case .connectionClose:
            guard let promise = connection.reserveAnswer(2) else { return }
            let answer = WebSocketFrame(
                fin: true, opcode: .connectionClose, maskKey: mask,
                data: frame.data.readSlice(length: min(2, frame.data.readableBytes))
                    ?? context.channel.allocator.buffer(capacity: 0))
            let channel = context.channel
            promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
            context.writeAndFlush(wrapOutboundOut(answer), promise: promise)
            // One answer, whether or not it is taken: nothing after it counts.
            connection.closeSoon()
        default: break
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let message = unwrapOutboundIn(data)
        // RFC 7118 5: text when it is UTF-8; SIP may carry other bodies, so binary is the safe one.
        let isText = message.withUnsafeReadableBytes { bytes in
            String(validating: bytes, as: UTF8.self) != nil
        }
        let frame = WebSocketFrame(
            fin: true, opcode: isText ? .text : .binary, maskKey: mask, data: message)
        context.write(wrapOutboundOut(frame), promise: promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
