internal import NIOCore
internal import NIOHTTP1

/// Stands in front of NIO's upgrade handler and lets it see only the upgrades that will happen.
///
/// NIO swallows the request of an upgrade that comes to nothing: a subscriber without a key, or a
/// client that offers `Upgrade: h2c` with its first request, would wait for an answer for ever. Such
/// a request goes on here without its `Upgrade`, and is answered like any other.
final class UpgradeGate: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let mayUpgrade: (HTTPRequestHead) -> Bool

    init(mayUpgrade: @escaping (HTTPRequestHead) -> Bool) { self.mayUpgrade = mayUpgrade }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data) else {
            context.fireChannelRead(data)
            return
        }
        if !Self.isWebSocket(head) || !mayUpgrade(head) { head.headers.remove(name: "upgrade") }
        context.fireChannelRead(wrapInboundOut(.head(head)))
        // Only the first request of a connection can upgrade it.
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError else {
            context.fireErrorCaught(error)
            return
        }
        let head = HTTPResponseHead(
            version: .http1_1, status: .badRequest,
            headers: ["connection": "close", "content-length": "0"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.close(promise: nil)
    }

    /// A whole opening handshake, RFC 6455 4.2.1.
    static func isWebSocket(_ head: HTTPRequestHead) -> Bool {
        let headers = head.headers
        return head.method == .GET
            && headers[canonicalForm: "upgrade"].map { $0.lowercased() } == ["websocket"]
            && headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
            && headers["sec-websocket-version"] == ["13"]
            && headers["sec-websocket-key"].count == 1
            && headers["transfer-encoding"].isEmpty
            && headers["content-length"].allSatisfy { $0 == "0" }
    }
}
