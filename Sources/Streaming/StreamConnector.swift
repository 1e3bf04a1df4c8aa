internal import Base
internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import NIOWebSocket

/// A connection with an open WebSocket, on its way to its lane.
enum OpenedConnection: Sendable {
    case channel(any Channel)
    /// Plain TCP: a descriptor that NIO has let go of, and what was received behind the upgrade.
    case socket(descriptor: Int32, received: [UInt8])

    /// Shows `body` what came behind the upgrade, if anything did.
    func received(_ body: (UnsafeRawBufferPointer) -> Void) {
        guard case .socket(_, let received) = self, !received.isEmpty else { return }
        received.withUnsafeBytes(body)
    }

    func close() {
        switch self {
        case .channel(let channel): channel.close(promise: nil)
        case .socket(let descriptor, _): _ = Glibc.close(descriptor)
        }
    }
}

/// An attempt to open a connection, as its lane sees it.
struct ConnectAttempt: Sendable {
    private let loop: any EventLoop
    private let connector: NIOLoopBoundBox<StreamConnector?>

    /// Starts soon, on `loop`, where `completion` is called, once.
    init(
        on loop: any EventLoop, url: StreamURL, request: StreamRequest, tls: NIOSSLContext?,
        outboundLimit: Int, subprotocol: String? = nil, takesDescriptor: Bool,
        completion: @escaping @Sendable (Result<OpenedConnection, StreamError>) -> Void
    ) {
        let box = NIOLoopBoundBox<StreamConnector?>.makeEmptyBox(
            valueType: StreamConnector.self, eventLoop: loop)
        self.loop = loop
        connector = box
        loop.execute {
            let made = StreamConnector(
                url: url, request: request, tls: tls, outboundLimit: outboundLimit,
                subprotocol: subprotocol, takesDescriptor: takesDescriptor, loop: loop,
                completion: completion)
            box.value = made
            made.start()
        }
    }

    /// The completion is still called.
    func cancel() {
        let connector = connector
        loop.execute { connector.value?.cancel() }
    }
}

/// Opens one connection to a bot: name, TCP, TLS, WebSocket upgrade, all under one deadline. Lives
/// on an event loop; `completion` is called there, once.
final class StreamConnector {
    private let loop: any EventLoop
    private let url: StreamURL
    private let headers: [(name: String, value: String)]
    private let tls: NIOSSLContext?
    private let timeout: Interval
    private let outboundLimit: Int
    /// Asked for, and the answer must name it.
    private let subprotocol: String?
    /// A plain connection leaves NIO when it is open.
    private let takesDescriptor: Bool
    private var completion: ((Result<OpenedConnection, StreamError>) -> Void)?
    /// What the attempt has opened or is opening: with several addresses more than one.
    private var channels: [any Channel] = []
    private var deadline: Scheduled<Void>?

    init(
        url: StreamURL, request: StreamRequest, tls: NIOSSLContext?, outboundLimit: Int,
        subprotocol: String? = nil, takesDescriptor: Bool, loop: any EventLoop,
        completion: @escaping (Result<OpenedConnection, StreamError>) -> Void
    ) {
        self.loop = loop
        self.url = url
        self.headers = request.headers
        self.tls = tls
        timeout = request.connectTimeout
        self.outboundLimit = outboundLimit
        self.subprotocol = subprotocol
        self.takesDescriptor = takesDescriptor && tls == nil
        self.completion = completion
    }

    /// The result is TCP's alone; everything is said to the completion.
    @discardableResult
    func start() -> EventLoopFuture<any Channel> {
        let bound = NIOLoopBound(self, eventLoop: loop)
        deadline = loop.scheduleTask(in: .nanoseconds(timeout.nanoseconds)) {
            let connector = bound.value
            connector.finish(
                .failure(
                    .timeout(
                        address: connector.url.address,
                        milliseconds: connector.timeout.milliseconds)))
        }
        let limit = outboundLimit
        let connecting = ClientBootstrap(group: loop)
            // The deadline above is the limit; NIO's own only has to be later.
            .connectTimeout(.nanoseconds(timeout.nanoseconds) + .seconds(1))
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            // What sits in the kernel for a bot that does not read is lost to us as well.
            .channelOption(.socketOption(.so_sndbuf), value: limit)
            .channelOption(
                .writeBufferWaterMark, value: .init(low: limit / 2, high: max(limit, 2))
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try bound.value.configure(channel) }
            }
            .connect(host: url.host, port: url.port)
        connecting.whenComplete { bound.value.connected($0) }
        return connecting
    }

    func cancel() { finish(.failure(.cancelled)) }

    private func configure(_ channel: any Channel) throws {
        // Over while the name was looked up: nothing is to be opened any more.
        guard completion != nil else { throw StreamError.cancelled }
        channels.append(channel)
        let pipeline = channel.pipeline.syncOperations
        if let tls {
            // An IP address cannot be a server name (RFC 6066 section 3); NIOSSL then checks the
            // certificate against the peer's address.
            let isAddress = (try? SocketAddress(ipAddress: url.host, port: 0)) != nil
            try pipeline.addHandler(
                NIOSSLClientHandler(context: tls, serverHostname: isAddress ? nil : url.host))
        }
        let handshake = UpgradeHandler(connector: self, target: url.target, fields: fields)
        try pipeline.addHTTPClientHandlers(
            leftOverBytesStrategy: .forwardBytes,
            withClientUpgrade: (
                upgraders: [StreamUpgrader(connector: self, handshake: handshake)],
                completionHandler: { _ in }
            ))
        try pipeline.addHandler(handshake)
    }

    private var fields: HTTPHeaders {
        var fields = HTTPHeaders()
        fields.add(name: "Host", value: url.hostField)
        for (name, value) in headers { fields.add(name: name, value: value) }
        if let subprotocol {
            fields.replaceOrAdd(name: "Sec-WebSocket-Protocol", value: subprotocol)
        }
        return fields
    }

    /// What is wrong with the answer besides what NIO looks at (RFC 6455 section 4.1).
    fileprivate func problem(with answer: HTTPHeaders) -> String? {
        guard answer[canonicalForm: "Connection"].contains(where: { $0.lowercased() == "upgrade" })
        else { return "its answer lacks Connection: Upgrade" }
        let chosen = answer[canonicalForm: "Sec-WebSocket-Protocol"]
        if let subprotocol {
            return chosen == [Substring(subprotocol)]
                ? nil : "it does not answer with the subprotocol \(subprotocol)"
        }
        let asked = fields[canonicalForm: "Sec-WebSocket-Protocol"]
        return chosen.isEmpty || (chosen.count == 1 && asked.contains(chosen[0]))
            ? nil : "it answers with a subprotocol that was not asked for"
    }

    fileprivate func badAnswer(_ reason: String) {
        finish(.failure(.badUpgrade(address: url.address, reason: reason)))
    }

    private func connected(_ result: Result<any Channel, any Error>) {
        switch result {
        case .success(let channel):
            guard completion != nil else { return channel.close(promise: nil) }
            channels = [channel]  // NIO closes the others
        case .failure(let error): fail(error)
        }
    }

    /// The pipeline holds nothing but TLS and what the completion adds now.
    fileprivate func upgraded(_ channel: any Channel) {
        guard takesDescriptor, completion != nil else { return finish(.success(.channel(channel))) }
        let early = EarlyBytes()
        do {
            // From here on the kernel keeps what comes.
            try channel.syncOptions?.setOption(.autoRead, value: false)
            try channel.pipeline.syncOperations.addHandler(early)
        } catch {
            return fail(error)
        }
        handOver(channel, early)
    }

    /// Takes the descriptor once NIO's upgrade has passed on what it had read.
    private func handOver(_ channel: any Channel, _ early: EarlyBytes) {
        let bound = NIOLoopBound((self, early), eventLoop: loop)
        loop.execute {
            let (connector, early) = bound.value
            guard connector.completion != nil else { return }
            let pipeline = channel.pipeline.syncOperations
            if (try? pipeline.handler(type: NIOHTTPClientUpgradeHandler.self)) != nil {
                return connector.handOver(channel, early)
            }
            guard channel.isActive else { return connector.closed() }
            let copied = try? pipeline.withUnsafeTransportIfAvailable(
                of: NIOBSDSocket.Handle.self
            ) { fcntl($0, F_DUPFD_CLOEXEC, 0) }
            guard let descriptor = copied, descriptor >= 0 else {
                return connector.finish(
                    .failure(
                        .unreachable(
                            address: connector.url.address,
                            reason: "no file descriptor is left; raise the open file limit")))
            }
            channel.close(promise: nil)
            connector.finish(
                .success(.socket(descriptor: descriptor, received: early.bytes)))
        }
    }

    fileprivate func refused(_ head: HTTPResponseHead) {
        finish(
            .failure(
                .refusedUpgrade(
                    address: url.address, status: Int(head.status.code),
                    reason: printable(head.status.reasonPhrase))))
    }

    fileprivate func fail(_ error: any Error) {
        finish(.failure(StreamError(connecting: error, to: url)))
    }

    fileprivate func closed() {
        finish(
            .failure(
                .badUpgrade(address: url.address, reason: "it closed the connection instead")))
    }

    private func finish(_ result: Result<OpenedConnection, StreamError>) {
        guard let completion else {
            if case .success(let connection) = result { connection.close() }
            return
        }
        self.completion = nil
        deadline?.cancel()
        if case .failure = result { for channel in channels { channel.close(promise: nil) } }
        channels = []
        completion(result)
    }
}

/// What NIO had read behind the upgrade's answer.
private final class EarlyBytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private(set) var bytes: [UInt8] = []

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes.append(contentsOf: unwrapInboundIn(data).readableBytesView)
    }
}

/// Sends the upgrade request and sees everything that is no success.
private final class UpgradeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let connector: StreamConnector
    private let target: String
    private let fields: HTTPHeaders

    init(connector: StreamConnector, target: String, fields: HTTPHeaders) {
        self.connector = connector
        self.target = target
        self.fields = fields
    }

    func channelActive(context: ChannelHandlerContext) {
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: target, headers: fields)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data) { connector.refused(head) }
    }

    func channelInactive(context: ChannelHandlerContext) { connector.closed() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { connector.fail(error) }
}

/// NIO's client upgrader with our own codec behind it: key and accept check are NIO's, the frames
/// are ours (`WebSocketCodec.swift`).
private final class StreamUpgrader: NIOHTTPClientProtocolUpgrader {
    let supportedProtocol = "websocket"
    let requiredUpgradeHeaders: [String] = []

    private let rules = NIOWebSocketClientUpgrader { channel, _ in
        channel.eventLoop.makeSucceededVoidFuture()
    }
    private let connector: StreamConnector
    private let handshake: UpgradeHandler

    init(connector: StreamConnector, handshake: UpgradeHandler) {
        self.connector = connector
        self.handshake = handshake
    }

    func addCustom(upgradeRequestHeaders: inout HTTPHeaders) {
        rules.addCustom(upgradeRequestHeaders: &upgradeRequestHeaders)
    }

    /// RFC 6455 section 4.1: no extension that was not asked for, and we ask for none.
    func shouldAllowUpgrade(upgradeResponse: HTTPResponseHead) -> Bool {
        if let problem = connector.problem(with: upgradeResponse.headers) {
            connector.badAnswer(problem)
            return false
        }
        return rules.shouldAllowUpgrade(upgradeResponse: upgradeResponse)
            && !upgradeResponse.headers.contains(name: "Sec-WebSocket-Extensions")
    }

    func upgrade(
        context: ChannelHandlerContext, upgradeResponse: HTTPResponseHead
    ) -> EventLoopFuture<Void> {
        let channel = context.channel
        let bound = NIOLoopBound(connector, eventLoop: context.eventLoop)
        return context.pipeline.syncOperations.removeHandler(handshake).map {
            bound.value.upgraded(channel)
        }
    }
}

extension StreamError {
    /// One clear line for what went wrong on the way to an open WebSocket.
    fileprivate init(connecting error: any Error, to url: StreamURL) {
        let address = url.address
        switch error {
        case let error as StreamError: self = error
        case let error as NIOConnectionError:
            if let failure = error.connectionErrors.first {
                self = .unreachable(address: address, reason: Self.reason(failure.error))
            } else {
                self = .unresolved(host: url.host)
            }
        case is IOError, is ChannelError:
            self = .unreachable(address: address, reason: Self.reason(error))
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            self = .certificate(address: address, reason: "it is not for the name \(url.host)")
        case is NIOSSLExtraError: self = .tls(address: address, reason: printable("\(error)"))
        case is NIOSSLError, is BoringSSLError:
            let text = "\(error)"
            if text.contains("CERTIFICATE_VERIFY_FAILED") {
                self = .certificate(
                    address: address,
                    reason: "no trusted authority signed it; name its authority's PEM file")
            } else if text.contains("WRONG_VERSION_NUMBER") {
                self = .tls(address: address, reason: "it does not speak TLS there; use ws://")
            } else {
                self = .tls(address: address, reason: printable(text))
            }
        case let error as NIOHTTPClientUpgradeError where error == .upgraderDeniedUpgrade:
            self = .badUpgrade(
                address: address,
                reason: "its Sec-WebSocket-Accept is wrong or it wants an extension")
        default: self = .badUpgrade(address: address, reason: printable("\(error)"))
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as IOError where error.errnoCode == ECONNREFUSED: "connection refused"
        case let error as IOError where error.errnoCode == ENETUNREACH: "network unreachable"
        case let error as IOError where error.errnoCode == EHOSTUNREACH: "no route to host"
        case let error as IOError where error.errnoCode == ECONNRESET: "connection reset"
        case let error as ChannelError: printable("\(error)")
        default: printable("\(error)")
        }
    }
}

/// `text` cut to 160 characters, with everything beyond printable ASCII replaced: reasons from
/// strangers end up in logs.
func printable(_ text: String) -> String {
    String(
        decoding: text.utf8.prefix(160).map {
            $0 >= 0x20 && $0 < 0x7F ? $0 : UInt8(ascii: "?")
        }, as: UTF8.self)
}
