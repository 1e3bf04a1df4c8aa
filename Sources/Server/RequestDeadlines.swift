internal import NIOCore
internal import NIOHTTP1

/// Ends a connection whose client takes for ever: to say what it wants, to send what it has begun, or to
/// take the answer.
///
/// ```
/// opened ─► head ─► body ─► end ─► response …     rest between requests, with the whole next head:
///   └ 10 s ─┘└ 30 s and 1 s each ┘└ taken, or     `EventUpgradeChannel.idleLimit`
///              32 KiB that came     512 KiB of it
///                                   each 60 s
/// ```
/// Event streams are not cut: their request is over when they begin, how slowly they are read is
/// `EventBus.backlogLimit`'s matter, and a WebSocket takes this handler off. Stands behind the HTTP
/// decoder; also closes a connection without a request when the server shuts down.
final class RequestDeadlines: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// From the accept to the end of the first head, the keenest measure of a client that is alive.
    static let head = TimeAmount.seconds(10)
    /// From the head to the end of the body, beside what `slowest` grants.
    static let body = TimeAmount.seconds(30)
    /// Bytes of body that are worth another second: a quarter of a megabit.
    static let slowest = 32 << 10
    /// What bodies may earn in all: the largest (`CampaignRoutes.listLimit`) at that rate.
    static let longest = TimeAmount.seconds(Int64(CampaignRoutes.listLimit / slowest))
    /// Without a step forward of a response that the client does not read.
    static let standstill = TimeAmount.seconds(60)
    /// What is such a step: a list of records is one buffer of many megabytes, and 70 kbit/s are no standstill.
    static let step = 512 << 10

    private let dropped: @Sendable (ConnectionBook.Drop) -> Void
    private var hasRequest = false
    /// What is being waited for, and until when.
    private var awaited: (part: ConnectionBook.Drop, until: NIODeadline)?
    private var bodyBegan = NIODeadline.distantPast
    private var bodyBytes = 0
    private var timer: Scheduled<Void>?
    private var stall: Scheduled<Void>?
    /// Of the response, when the client was last looked at: bytes that it had not taken.
    private var untaken = 0
    /// The response is an event stream.
    private var isStream = false

    init(dropped: @escaping @Sendable (ConnectionBook.Drop) -> Void) { self.dropped = dropped }

    static func lift(from channel: any Channel) {
        let pipeline = channel.pipeline.syncOperations
        guard let handler = try? pipeline.handler(type: RequestDeadlines.self) else { return }
        pipeline.removeHandler(handler, promise: nil)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        expect(.head, until: context.eventLoop.now + Self.head, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) { cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        cancel()
        context.fireChannelInactive()
    }

    // MARK: the request

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            hasRequest = true
            bodyBegan = context.eventLoop.now
            bodyBytes = 0
            expect(.body, until: bodyBegan + Self.body, context)
        case .body(let bytes):
            bodyBytes += bytes.readableBytes
            let earned = TimeAmount.seconds(Int64(bodyBytes / Self.slowest))
            // The timer looks again when it is due.
            if awaited != nil {
                awaited?.until = bodyBegan + Self.body + min(earned, Self.longest)
            }
        case .end:
            awaited = nil
            timer?.cancel()
            timer = nil
        }
        context.fireChannelRead(data)
    }

    private func expect(
        _ part: ConnectionBook.Drop, until deadline: NIODeadline, _ context: ChannelHandlerContext
    ) {
        awaited = (part, deadline)
        timer?.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(deadline: deadline) {
            let (handler, context) = bound.value
            handler.look(context)
        }
    }

    private func look(_ context: ChannelHandlerContext) {
        guard let awaited else { return }
        if context.eventLoop.now < awaited.until {
            expect(awaited.part, until: awaited.until, context)
        } else {
            drop(awaited.part, context)
        }
    }

    // MARK: the response

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head):
            let type = head.headers.first(name: "content-type") ?? ""
            isStream = type.hasPrefix("text/event-stream")
        case .body: break
        case .end: isStream = false
        }
        context.write(data, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        stall?.cancel()
        stall = nil
        if !context.channel.isWritable, !isStream { expectStep(context) }
        context.fireChannelWritabilityChanged()
    }

    private func expectStep(_ context: ChannelHandlerContext) {
        untaken = Self.buffered(context)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        stall = context.eventLoop.scheduleTask(in: Self.standstill) {
            let (handler, context) = bound.value
            if Self.buffered(context) > handler.untaken - Self.step {
                handler.drop(.stalled, context)
            } else {
                handler.expectStep(context)
            }
        }
    }

    private static func buffered(_ context: ChannelHandlerContext) -> Int {
        (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    // MARK: the end

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if !hasRequest, event is ChannelShouldQuiesceEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func drop(_ part: ConnectionBook.Drop, _ context: ChannelHandlerContext) {
        cancel()
        dropped(part)
        context.close(promise: nil)
    }

    private func cancel() {
        awaited = nil
        timer?.cancel()
        timer = nil
        stall?.cancel()
        stall = nil
    }
}
