import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A chat service in this process: answers from a list and keeps what it was asked.
final class ChatStandIn: Sendable {
    struct Answer: Sendable {
        var status = 200
        var body = ""
        var headers: [(String, String)] = []
        /// Closes the connection without an answer.
        var hangsUp = false
        /// Never answers.
        var isSilent = false
    }

    struct Asked: Sendable {
        let method: String
        let uri: String
        let headers: HTTPHeaders
        let body: String
    }

    private struct State {
        var answers: [Answer]
        var asked: [Asked] = []
    }

    let port: Int
    private let box: Box
    private let channel: any Channel

    /// Answers each request with the next of `answers`, the last one for ever.
    init(_ answers: [Answer]) async throws {
        let box = Box(answers)
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Responder(box))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
        self.box = box
    }

    var asked: [Asked] { box.state.withLock { $0.asked } }
    var url: String { "http://127.0.0.1:\(port)/v1" }

    func shutdown() async { try? await channel.close() }

    private final class Box: Sendable {
        let state: Mutex<State>
        init(_ answers: [Answer]) { state = Mutex(State(answers: answers)) }

        func next(_ asked: Asked) -> Answer {
            state.withLock { state in
                state.asked.append(asked)
                return state.answers.count > 1
                    ? state.answers.removeFirst() : state.answers.first ?? Answer()
            }
        }
    }

    private final class Responder: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        private let box: Box
        private var head: HTTPRequestHead?
        private var body = ByteBuffer()

        init(_ box: Box) { self.box = box }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body.clear()
            case .body(var part): body.writeBuffer(&part)
            case .end:
                guard let head else { return }
                let answer = box.next(
                    Asked(
                        method: head.method.rawValue, uri: head.uri, headers: head.headers,
                        body: String(buffer: body)))
                if answer.isSilent { return }
                if answer.hangsUp { return context.close(promise: nil) }
                var headers = HTTPHeaders(answer.headers)
                headers.add(name: "Content-Length", value: "\(answer.body.utf8.count)")
                context.write(
                    wrapOutboundOut(
                        .head(
                            HTTPResponseHead(
                                version: .http1_1, status: .init(statusCode: answer.status),
                                headers: headers))), promise: nil)
                context.write(
                    wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))),
                    promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
