internal import NIOCore

/// Tells a client why there is no place for its connection, and ends it: 503, our side shut, then what the
/// client still sends is thrown away until it has shut its side, too. A close while something is unread
/// would be a reset, which takes the answer along.
///
/// ```
/// accepted ─► 503, FIN ─► read past ─┬ its FIN ──────────┐
///                                    ├ 1 s ──────────────┼─► closed
///                                    └ more than 256 KiB ┘
/// ```
/// Nothing of the client is kept or looked at. `ConnectionLimits.farewells` connections are ended so at one
/// time: a flood holds no more than those, for a second each.
final class RefusedConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A client on the other side of the world has taken the answer by then.
    static let grace = TimeAmount.seconds(1)
    /// What is thrown away at most: a request's head and the beginning of a body.
    static let discarded = 256 << 10
    static let retrySeconds = 5

    /// In the shape of `APIError`, always the same.
    static let response: String = {
        let body =
            #"{"error":{"code":"too_many_connections","message":"too many connections are open: "#
            + #"close some of yours, or try again later"}}"#
        return [
            "HTTP/1.1 503 Service Unavailable", "Content-Type: application/json; charset=utf-8",
            "Content-Length: \(body.utf8.count)", "Retry-After: \(retrySeconds)",
            "Connection: close", "", body,
        ].joined(separator: "\r\n")
    }()

    private var bytes = 0
    private var timer: Scheduled<Void>?

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { answer(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        answer(context)
        context.fireChannelActive()
    }

    private func answer(_ context: ChannelHandlerContext) {
        guard timer == nil else { return }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: Self.grace) {
            bound.value.close(promise: nil)
        }
        context.writeAndFlush(
            wrapOutboundOut(context.channel.allocator.buffer(string: Self.response)), promise: nil)
        // Behind what was written.
        context.close(mode: .output, promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes += unwrapInboundIn(data).readableBytes
        if bytes > Self.discarded { context.close(promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent {
            context.close(promise: nil)
        } else if event is ChannelShouldQuiesceEvent {
            context.close(promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }
}
