internal import Base
internal import NIOCore
internal import NIOSSL
internal import NIOTLS
internal import SIP

//   socket ─▶ [TLS] ─▶ [HTTP upgrade ─▶ WebSocketAdapter] ─▶ StreamConnection ─▶ StreamTransports
//                                          one message            framer
//                                          a frame

/// One connection: bytes in, whole messages out to its owner. Lives on the agent's event loop.
final class StreamConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What a write that the peer has not taken costs beside its bytes (buffer, promise, NIO's list of
    /// them): two bytes of pong cost no less than a message.
    static let writeOverhead = 256

    let flow: UInt64
    /// The peer, with this flow.
    let remote: SIPAddress
    let isOutbound: Bool
    let openedAt: Instant
    /// Where the requests sent here were meant to go: what fails when the connection does.
    private(set) var destinations: Set<SIPAddress> = []
    private(set) var lastHeard: Instant
    private(set) var lastPing: Instant
    private(set) var messageBegan: Instant?
    private(set) var hadMessage = false
    /// Bytes that the peer has not taken, with `writeOverhead` a write.
    private(set) var unsent = 0
    private var framer = StreamFramer()
    private weak var owner: StreamTransports?
    private var context: ChannelHandlerContext?
    /// There from the accept or connect on; this handler comes into it after the handshakes.
    private var channel: (any Channel)?
    private var closing = false

    init(
        flow: UInt64, remote: SIPAddress, isOutbound: Bool, now: Instant, owner: StreamTransports
    ) {
        self.flow = flow
        var remote = remote
        remote.flow = flow
        self.remote = remote
        self.isOutbound = isOutbound
        self.owner = owner
        openedAt = now
        lastHeard = now
        lastPing = now
    }

    // MARK: the channel

    /// Whatever becomes of the channel, its owner hears of its end.
    func attach(_ channel: any Channel) {
        self.channel = channel
        let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
        channel.closeFuture.whenComplete { _ in
            let connection = bound.value
            connection.channel = nil
            connection.owner?.closed(connection)
        }
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Array(unwrapInboundIn(data).readableBytesView)
        guard let owner, !bytes.isEmpty, !closing else { return }
        lastHeard = owner.now
        if remote.transport.isWebSocket {
            takeFrame(bytes, owner)
            return
        }
        var rest = bytes[...]
        // One at a time: a chunk may hold ten thousand messages, and this may close.
        while !closing, let output = framer.next(&rest) {
            switch output {
            case .message(let message):
                hadMessage = true
                owner.deliver(message, from: remote, fault: nil)
            case .ping: answerCRLF()
            case .pong: break
            case .fault(let error, let head):
                if !head.isEmpty { owner.deliver(head, from: remote, fault: error) }
                owner.countDrop(.fault)
                closeSoon()
            }
        }
        messageBegan = framer.isInsideMessage ? messageBegan ?? lastHeard : nil
    }

    /// RFC 7118 5: a frame is a message; keep-alives are frames of CRLF.
    private func takeFrame(_ bytes: [UInt8], _ owner: StreamTransports) {
        if bytes == [13, 10, 13, 10] {
            answerCRLF()
        } else if bytes.contains(where: { $0 != 13 && $0 != 10 }) {
            hadMessage = true
            owner.deliver(bytes, from: remote, fault: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
            owner?.handshakeDone(self, certificate: certificate)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A peer that closes TLS without saying so has still closed.
        context.close(promise: nil)
    }

    /// The certificate is that of the domain this connection was opened for.
    func isTrusted(_ certificate: NIOSSLCertificate?) -> Bool {
        owner?.isTrusted(certificate, self) ?? false
    }

    // MARK: the owner

    /// - Returns: false when the peer takes nothing any more and the connection is given up.
    @discardableResult
    func write(_ bytes: [UInt8], for destination: SIPAddress?) -> Bool {
        guard let context, let owner, let promise = reserve(bytes.count) else { return false }
        // A response that is lost fails nothing.
        if let destination, !bytes.starts(with: "SIP/2.0 ".utf8),
            destinations.count < owner.limits.waitingMessages
        {
            destinations.insert(destination)
        }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: promise)
        return true
    }

    /// Room for a write of `count` bytes, which the promise gives back; nil: there is none, and the
    /// connection is given up.
    private func reserve(_ count: Int, onlyWhenWritable: Bool = false) -> EventLoopPromise<Void>? {
        guard let channel, let owner, !closing else { return nil }
        let cost = count + Self.writeOverhead
        guard unsent + cost <= owner.limits.unsentBytes, channel.isWritable || !onlyWhenWritable
        else {
            owner.countDrop(.slow)
            close()
            return nil
        }
        unsent += cost
        let promise = channel.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
        promise.futureResult.whenComplete { _ in bound.value.unsent -= cost }
        return promise
    }

    /// The same for the answer to a ping. Who sends pings and takes nothing has no use for answers: a
    /// full socket is the end.
    func reserveAnswer(_ count: Int) -> EventLoopPromise<Void>? {
        if let owner { lastHeard = owner.now }
        return reserve(count, onlyWhenWritable: true)
    }

    private func answerCRLF() {
        guard let context, let promise = reserveAnswer(2) else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: [13, 10])), promise: promise)
    }

    func ping(_ now: Instant) {
        lastPing = now
        framer.pingWasSent()
        write([13, 10, 13, 10], for: nil)
    }

    /// The message that did not come whole in time, for its answer.
    func giveUpMessage() -> [UInt8] {
        messageBegan = nil
        return framer.giveUp()
    }

    func close() {
        closing = true
        channel?.close(promise: nil)
    }

    /// Closes when the answer that is being written has had time to be read: a close with bytes of
    /// the peer unread resets the connection and would take the answer with it.
    func closeSoon() {
        guard let channel, !closing else { return }
        closing = true
        let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
        channel.eventLoop.scheduleTask(in: .milliseconds(200)) { bound.value.close() }
    }
}
