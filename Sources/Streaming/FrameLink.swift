internal import Base
internal import NIOCore

/// What an open WebSocket's bytes travel through.
enum FrameTransport {
    /// TLS: a channel of NIO.
    case channel(any Channel)
    /// Plain TCP on a thread of ours.
    case socket(PlainSocket)

    func close() {
        switch self {
        case .channel(let channel): channel.close(promise: nil)
        case .socket(let socket): socket.close()
        }
    }
}

/// One open WebSocket: frames waiting for the next write, the decoder, and whether anybody is
/// there. Used on its lane's thread only. A class, because a write or close may call back into its
/// owner before it returns.
final class FrameLink {
    private var transport: FrameTransport?
    /// Frames for the next write. A call's own plain connection shares one with all others of its
    /// thread, since it flushes before anybody else has his turn.
    private(set) var out = FrameBuffer()
    /// The last write through a channel; its storage is used again when the channel has let go of it.
    private var sending = ByteBuffer()
    var encoder = WebSocketEncoder()
    var decoder: WebSocketDecoder
    private let maximumOutboundBytes: Int
    private let flushesEachTurn: Bool
    private let pingInterval: TimeAmount
    private let silenceTimeout: TimeAmount
    /// Something came since the last `heartbeat`.
    private var hasHeard = false
    private var lastHeard = NIODeadline.uptimeNanoseconds(0)
    private var nextPing = NIODeadline.distantFuture
    /// Pings since anything was heard: a bot that was never asked is not given up.
    private var unansweredPings = 0

    /// - Parameter flushesEachTurn: the owner never leaves frames for a later turn of its lane.
    init(
        limits: StreamLimits, maximumOutboundBytes: Int, takesBinary: Bool,
        flushesEachTurn: Bool = false
    ) {
        self.maximumOutboundBytes = maximumOutboundBytes
        self.flushesEachTurn = flushesEachTurn
        pingInterval = .nanoseconds(limits.pingInterval.nanoseconds)
        silenceTimeout = .nanoseconds(limits.silenceTimeout.nanoseconds)
        decoder = WebSocketDecoder(
            maximumMessage: limits.maximumMessageBytes, takesBinary: takesBinary)
    }

    /// From now on `receiver` hears what comes. False when the connection is gone already.
    func open(_ transport: FrameTransport, _ receiver: some FrameReceiver) -> Bool {
        switch transport {
        case .channel(let channel):
            do {
                try channel.pipeline.syncOperations.addHandler(FrameHandler(receiver, self))
            } catch {
                channel.close(promise: nil)
                return false
            }
        case .socket(let socket):
            guard socket.start(receiver) else { return false }
            if flushesEachTurn { out = socket.out }
        }
        self.transport = transport
        lastHeard = .now()
        nextPing = lastHeard + pingInterval
        return true
    }

    /// False while so much waits for the bot that media has to be dropped.
    var takesMedia: Bool {
        switch transport {
        case .socket(let socket): socket.isWritable && out.count < maximumOutboundBytes
        case .channel(let channel): channel.isWritable && out.count < maximumOutboundBytes
        case nil: false
        }
    }

    func write(_ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer) {
        encoder.write(opcode, payload, into: out)
    }

    /// As `write`, for a payload that `fill` writes into its place.
    @inline(__always)
    func write(
        _ opcode: WebSocketOpcode, count: Int, fill: (UnsafeMutableRawBufferPointer) -> Void
    ) {
        encoder.write(opcode, count: count, into: out, fill: fill)
    }

    func writeClose(code: UInt16) {
        // 1005, 1006 and 1015 never travel (RFC 6455 section 7.4.1).
        let sent = [1005, 1006, 1015].contains(code) ? 1000 : code
        withUnsafeBytes(of: sent.bigEndian) { write(.close, $0) }
    }

    /// Writes what has been collected. Returns how many bytes could not be sent yet, 0 as long as
    /// that is below the mark.
    func flush() -> Int {
        guard out.count > 0 else { return 0 }
        switch transport {
        case .socket(let socket):
            socket.send(out)
            return socket.isWritable ? 0 : socket.waiting
        case .channel(let channel): return flush(channel)
        case nil:
            out.removeAll()
            return 0
        }
    }

    private func flush(_ channel: any Channel) -> Int {
        var buffer = ByteBuffer()
        swap(&buffer, &sending)
        buffer.clear()
        buffer.writeBytes(UnsafeRawBufferPointer(out.bytes))
        out.removeAll()
        channel.writeAndFlush(buffer, promise: nil)
        swap(&buffer, &sending)
        guard !channel.isWritable else { return 0 }
        return (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// Drops what was written and not flushed.
    func discard() { out.removeAll() }

    /// Something came: the bot is there.
    func heard() { hasHeard = true }

    /// Call a few times a second. False when nothing was heard for too long though we asked.
    func heartbeat(now: NIODeadline) -> Bool {
        if hasHeard {
            hasHeard = false
            lastHeard = now
            unansweredPings = 0
        }
        if unansweredPings > 0, now - lastHeard > silenceTimeout { return false }
        if now >= nextPing {
            nextPing = now + pingInterval
            unansweredPings += 1
            write(.ping, UnsafeRawBufferPointer(start: nil, count: 0))
        }
        return true
    }

    func forget() { transport = nil }

    func closeChannel() {
        let closing = transport
        transport = nil
        closing?.close()
    }

    /// The server closes TCP first (RFC 6455 section 7.1.1); it gets half a second for it.
    func lingerThenClose() {
        guard let transport else { return }
        self.transport = nil
        switch transport {
        case .channel(let channel):
            channel.eventLoop.scheduleTask(in: .milliseconds(500)) { channel.close(promise: nil) }
        case .socket(let socket): socket.linger(until: .now() + .milliseconds(500))
        }
    }
}

/// Who lives at the end of a connection: bytes in, bytes out, everything else is its own.
protocol FrameReceiver: AnyObject {
    /// What the receiver talks through now.
    var link: FrameLink { get }
    /// `bytes` stay until it returns.
    func receive(_ bytes: UnsafeRawBufferPointer)
    func becameWritable()
    func channelClosed(error: String?)
}

final class FrameHandler<Receiver: FrameReceiver>: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let receiver: Receiver
    /// The link that this channel was opened for. A channel that lingers says nothing to the one
    /// that has taken its place.
    private let link: FrameLink
    private var lastError: String?

    init(_ receiver: Receiver, _ link: FrameLink) {
        self.receiver = receiver
        self.link = link
    }

    private var isCurrent: Bool { receiver.link === link }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard isCurrent else { return }
        unwrapInboundIn(data).withUnsafeReadableBytes { receiver.receive($0) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if isCurrent, context.channel.isWritable { receiver.becameWritable() }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if isCurrent { receiver.channelClosed(error: lastError) }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        lastError = printable("\(error)")
        context.close(promise: nil)
    }
}
