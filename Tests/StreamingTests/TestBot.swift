import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket

/// A WebSocket server in this process, on NIO's own codec: an independent reader of what we write.
final class TestBot: Sendable {
    enum Behaviour: Sendable {
        case accept
        /// Answers the upgrade with this status.
        case refuse(status: Int)
        /// Takes the TCP connection and says nothing.
        case silent
        /// Accepts, then reads nothing more.
        case deaf
        /// Accepts, and sends a mark with its answer.
        case eager
        /// Answers with text that is no HTTP.
        case garbage
        /// Accepts with a `Sec-WebSocket-Extensions` nobody asked for.
        case extensions
        /// Accepts, but grants no subprotocol.
        case noSubprotocol
        /// Accepts with a `Sec-WebSocket-Protocol` nobody asked for.
        case strangeSubprotocol
        /// Accepts, but its answer has no `Connection` field.
        case noConnectionField
    }

    enum Heard: Sendable, Equatable {
        case request(path: String, host: String, authorization: String?)
        case text(String)
        case data([UInt8])
        case close(UInt16?)
        case pong(String)
        case ping
        case gone
    }

    let port: Int
    let heard: AsyncStream<Heard>
    private let continuation: AsyncStream<Heard>.Continuation
    private let server: any Channel
    private let client = NIOLockedValueBox<(any Channel)?>(nil)
    /// Done when the upgrade is: frames may be sent.
    private let ready: EventLoopPromise<Void>

    init(
        group: any EventLoopGroup, behaviour: Behaviour = .accept, tls: NIOSSLContext? = nil
    ) async throws {
        let (stream, continuation) = AsyncStream<Heard>.makeStream()
        heard = stream
        self.continuation = continuation
        let client = self.client
        let ready = group.next().makePromise(of: Void.self)
        self.ready = ready
        server = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // On the listening socket: shrinking a window later stalls both directions.
            .serverChannelOption(.socketOption(.so_rcvbuf), value: 4096)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    client.withLockedValue { $0 = channel }
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLServerHandler(context: tls))
                    }
                    try Self.configure(channel, behaviour, continuation, ready)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = server.localAddress?.port ?? 0
    }

    private static func configure(
        _ channel: any Channel, _ behaviour: Behaviour,
        _ continuation: AsyncStream<Heard>.Continuation, _ ready: EventLoopPromise<Void>
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        switch behaviour {
        case .silent: return
        case .garbage:
            try pipeline.addHandler(OneReply("SSH-2.0-OpenSSH_9.2\r\n\r\n"))
            return
        case .refuse(let status):
            try pipeline.addHandler(
                OneReply("HTTP/1.1 \(status) Not today\r\nContent-Length: 2\r\n\r\nno"))
            return
        case .noConnectionField: try pipeline.addHandler(WithoutConnectionField())
        case .accept, .deaf, .eager, .extensions, .noSubprotocol, .strangeSubprotocol: break
        }
        let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: 1 << 20, automaticErrorHandling: false,
            shouldUpgrade: { channel, head in
                continuation.yield(
                    .request(
                        path: head.uri, host: head.headers.first(name: "Host") ?? "",
                        authorization: head.headers.first(name: "Authorization")))
                var extra = HTTPHeaders()
                if case .extensions = behaviour {
                    extra.add(name: "Sec-WebSocket-Extensions", value: "permessage-deflate")
                }
                if case .strangeSubprotocol = behaviour {
                    extra.add(name: "Sec-WebSocket-Protocol", value: "chat")
                }
                if case .noSubprotocol = behaviour {
                    return channel.eventLoop.makeSucceededFuture(extra)
                }
                if let wanted = head.headers.first(name: "Sec-WebSocket-Protocol") {
                    extra.add(name: "Sec-WebSocket-Protocol", value: wanted)
                }
                return channel.eventLoop.makeSucceededFuture(extra)
            },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    defer { ready.succeed() }
                    try channel.pipeline.syncOperations.addHandler(Listener(continuation))
                    if case .eager = behaviour {
                        let mark = #"{"event":"mark","mark":{"name":"eager"}}"#
                        channel.writeAndFlush(
                            WebSocketFrame(
                                fin: true, opcode: .text, data: ByteBuffer(string: mark)),
                            promise: nil)
                    }
                    if case .deaf = behaviour {
                        channel.setOption(.autoRead, value: false).whenComplete { _ in }
                    }
                }
            })
        try pipeline.configureHTTPServerPipeline(
            withServerUpgrade: (upgraders: [upgrader], completionHandler: { _ in }))
    }

    func send(_ text: String) async throws {
        try await send(WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: text)))
    }

    func send(_ frame: WebSocketFrame) async throws {
        try await ready.futureResult.get()
        guard let channel = client.withLockedValue({ $0 }) else { return }
        try await channel.writeAndFlush(frame)
    }

    /// Bytes past the codec.
    func sendRaw(_ bytes: [UInt8]) async throws {
        try await ready.futureResult.get()
        guard let channel = client.withLockedValue({ $0 }) else { return }
        let context = try await channel.pipeline.context(handlerType: WebSocketFrameEncoder.self)
            .map { NIOLoopBound($0, eventLoop: channel.eventLoop) }.get()
        try await channel.eventLoop.flatSubmit {
            context.value.writeAndFlush(NIOAny(ByteBuffer(bytes: bytes)))
        }.get()
    }

    func close(code: UInt16, reason: String = "") async throws {
        var data = ByteBuffer()
        data.writeInteger(code)
        data.writeString(reason)
        try await send(WebSocketFrame(fin: true, opcode: .connectionClose, data: data))
    }

    /// A deaf one begins to read.
    func listen() async throws {
        try await ready.futureResult.get()
        try await client.withLockedValue({ $0 })?.setOption(.autoRead, value: true).get()
    }

    /// Resets TCP, as a process that dies with bytes unread does.
    func reset() async throws {
        guard let channel = client.withLockedValue({ $0 }) else { return }
        try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
                of: NIOBSDSocket.Handle.self
            ) { descriptor in
                var value = linger(l_onoff: 1, l_linger: 0)
                setsockopt(
                    descriptor, SOL_SOCKET, SO_LINGER, &value,
                    socklen_t(MemoryLayout<linger>.size))
            }
        }.get()
        try await channel.close()
    }

    /// Cuts TCP without a close frame.
    func cut() async throws { try await client.withLockedValue({ $0 })?.close() }

    func shutdown() async {
        try? await server.close()
        try? await client.withLockedValue({ $0 })?.close()
        continuation.finish()
        ready.succeed()
    }

    private final class Listener: ChannelInboundHandler {
        typealias InboundIn = WebSocketFrame
        typealias OutboundOut = WebSocketFrame
        let continuation: AsyncStream<Heard>.Continuation
        init(_ continuation: AsyncStream<Heard>.Continuation) { self.continuation = continuation }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let frame = unwrapInboundIn(data)
            var bytes = frame.unmaskedData
            switch frame.opcode {
            case .text: continuation.yield(.text(String(buffer: bytes)))
            case .binary: continuation.yield(.data(Array(bytes.readableBytesView)))
            case .pong: continuation.yield(.pong(String(buffer: bytes)))
            case .ping: continuation.yield(.ping)
            case .connectionClose:
                continuation.yield(.close(bytes.readInteger(as: UInt16.self)))
                let answer = WebSocketFrame(
                    fin: true, opcode: .connectionClose, data: frame.unmaskedData)
                context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
            default: break
            }
        }

        func channelInactive(context: ChannelHandlerContext) { continuation.yield(.gone) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }

    /// Takes the field out of the answer on its way to the network.
    private final class WithoutConnectionField: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func write(
            context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
        ) {
            let text = String(buffer: unwrapOutboundIn(data))
            let lines = text.components(separatedBy: "\r\n").filter {
                !$0.lowercased().hasPrefix("connection:")
            }
            let cut = ByteBuffer(string: lines.joined(separator: "\r\n"))
            context.write(wrapOutboundOut(cut), promise: promise)
        }
    }

    private final class OneReply: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        let reply: String
        init(_ reply: String) { self.reply = reply }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: reply)), promise: nil)
        }
    }
}

/// A self-signed certificate, made anew by `openssl` for each run and deleted with its key.
struct TestCertificate {
    let directory: URL
    var certificate: String { directory.appendingPathComponent("certificate.pem").path }
    private var key: String { directory.appendingPathComponent("key.pem").path }

    /// - Parameter names: a subjectAltName, such as `DNS:localhost,IP:127.0.0.1`.
    init(names: String) throws {
        directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("trunkline-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let openssl = Process()
        openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        openssl.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=\(names)",
            "-keyout", directory.appendingPathComponent("key.pem").path,
            "-out", directory.appendingPathComponent("certificate.pem").path,
        ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
    }

    func serverContext() throws -> NIOSSLContext {
        try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: NIOSSLCertificate.fromPEMFile(certificate).map {
                    .certificate($0)
                },
                privateKey: .privateKey(NIOSSLPrivateKey(file: key, format: .pem))))
    }

    func remove() { try? FileManager.default.removeItem(at: directory) }
}
