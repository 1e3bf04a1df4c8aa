import Base
import Logging
import NIOCore
import NIOPosix
import NIOWebSocket
import SIP
import Testing

@testable import Signalling

// Who asks for answers and takes none.

/// Stands for a socket that takes nothing: every write stays pending until the channel closes.
private final class FullSocket: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private(set) var pending: [EventLoopPromise<Void>?] = []
    private(set) var written = 0

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        pending.append(promise)
        written += 1
    }

    func close(
        context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?
    ) {
        for write in pending { write?.fail(ChannelError.ioOnClosedChannel) }
        pending = []
        context.close(mode: mode, promise: promise)
    }

    /// Past this handler, so that the channel itself is no longer writable.
    func fill(_ context: ChannelHandlerContext) {
        let block = ByteBuffer(repeating: 0, count: 1 << 20)
        for _ in 0..<64 where context.channel.isWritable {
            context.writeAndFlush(wrapOutboundOut(block), promise: nil)
        }
    }
}

/// A connection over a real channel to a listener that accepts nothing, driven by hand.
private final class Wire {
    let channel: any Channel
    let connection: StreamConnection
    let socket = FullSocket()
    private let owner: StreamTransports

    init(_ channel: any Channel, over transport: SIPTransport) throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        self.channel = channel
        owner = StreamTransports(
            TransportConfiguration(), loop: channel.eventLoop, logger: logger)
        connection = StreamConnection(
            flow: 1, remote: SIPAddress(host: "192.0.2.20", port: 5060, transport: transport),
            isOutbound: false, now: owner.now, owner: owner)
        connection.attach(channel)
        try channel.pipeline.syncOperations.addHandler(socket)
        if transport.isWebSocket {
            try WebSocketUpgrade.addFrames(to: channel, connection)
        } else {
            try channel.pipeline.syncOperations.addHandler(connection)
        }
    }

    var isClosed: Bool { !channel.isActive }
    var outcome: Outcome {
        Outcome(isClosed: isClosed, written: socket.written, slow: owner.drops[.slow] ?? 0)
    }

    func receive(_ bytes: [UInt8]) throws {
        try firstContext().fireChannelRead(NIOAny(ByteBuffer(bytes: bytes)))
    }

    func receive(_ opcode: WebSocketOpcode, _ bytes: [UInt8] = []) throws {
        let frame = WebSocketFrame(
            fin: true, opcode: opcode, maskKey: WebSocketMaskingKey([1, 2, 3, 4]),
            data: ByteBuffer(bytes: bytes))
        try firstContext().fireChannelRead(NIOAny(frame))
    }

    func fill() throws { socket.fill(try firstContext()) }

    private func firstContext() throws -> ChannelHandlerContext {
        try channel.pipeline.syncOperations.context(handler: socket)
    }
}

/// Runs `body` on the event loop of a fresh connection.
/// Not the loops of the agents under test: what is timed there must not wait for a flood.
private let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)

/// Runs `body` on the event loop of a fresh connection. What it finds is looked at by the test, which
/// an expectation on another thread would not fail.
private func onWire<Result: Sendable>(
    _ transport: SIPTransport, _ body: @escaping @Sendable (Wire) throws -> Result
) async throws -> Result {
    let listener = try await ServerBootstrap(group: loops)
        .serverChannelOption(.autoRead, value: false)
        .bind(host: "127.0.0.1", port: 0).get()
    let channel = try await ClientBootstrap(group: loops)
        .connect(to: try #require(listener.localAddress)).get()
    let result = try await channel.eventLoop.submit {
        defer { channel.close(promise: nil) }
        return try body(Wire(channel, over: transport))
    }.get()
    try await listener.close()
    return result
}

private struct Outcome: Equatable, Sendable {
    var isClosed: Bool
    var written: Int
    var slow: Int
}

/// 1 MiB unsent (`ConnectionLimits.unsentBytes`) is some 4,000 answers of the smallest kind, not half a
/// million.
@Test func pingsOfWhoTakesNoPongsEndTheConnection() async throws {
    let frames = try await onWire(.ws) { wire in
        for _ in 0..<10_000 where !wire.isClosed { try wire.receive(.ping) }
        return wire.outcome
    }
    #expect(frames == Outcome(isClosed: true, written: 4_096, slow: 1))
    let lines = try await onWire(.tcp) { wire in
        // 10,000 in one read.
        try wire.receive(Array(String(repeating: "\r\n\r\n", count: 10_000).utf8))
        return wire.outcome
    }
    // 2^20 / (256 + 2)
    #expect(lines == Outcome(isClosed: true, written: 4_064, slow: 1))
}

@Test(arguments: [SIPTransport.tcp, .ws])
func pingToAFullSocketEndsTheConnectionAtOnce(transport: SIPTransport) async throws {
    let outcome = try await onWire(transport) { wire in
        try wire.fill()
        if transport == .ws { try wire.receive(.ping) } else { try wire.receive([13, 10, 13, 10]) }
        return wire.outcome
    }
    #expect(outcome == Outcome(isClosed: true, written: 0, slow: 1))
}

/// Messages are not pings: one that comes while the socket is full for a moment is answered.
@Test func fullSocketStillHoldsAnswers() async throws {
    let (outcome, unsent) = try await onWire(.tcp) { wire in
        try wire.fill()
        wire.connection.write([1, 2, 3], for: nil)
        return (wire.outcome, wire.connection.unsent)
    }
    #expect(outcome == Outcome(isClosed: false, written: 1, slow: 0))
    #expect(unsent == 259)
}

/// RFC 6455 5.5.1: a close frame has one answer, and nothing after it any.
@Test func closeFramesGetOneAnswer() async throws {
    let outcome = try await onWire(.ws) { wire in
        for _ in 0..<100 { try wire.receive(.connectionClose, [3, 232]) }
        try wire.receive(.ping)
        return wire.outcome
    }
    #expect(outcome == Outcome(isClosed: false, written: 1, slow: 0))
}

/// What cannot be sent any more fails requests; responses would only be looked for in vain.
@Test func onlyRequestsAreLostWithAConnection() async throws {
    let peer = SIPAddress(host: "192.0.2.20", port: 5070, transport: .tcp)
    let (response, request) = try await onWire(.tcp) { wire in
        wire.connection.write(Array("SIP/2.0 200 OK\r\n\r\n".utf8), for: peer)
        let before = wire.connection.destinations
        wire.connection.write(Array("BYE sip:x SIP/2.0\r\n\r\n".utf8), for: peer)
        return (before, wire.connection.destinations)
    }
    #expect(response.isEmpty)
    #expect(request == [peer])
}

/// Where our connections go a peer says in Via and Contact: any number of his ports is no way to have
/// us open any number.
@Test func connectionsToOneHostAreLimited() async throws {
    let loop = loops.next()
    let counts: [Int] = try await loop.submit {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        var settings = TransportConfiguration()
        settings.limits.perSource = 4
        let streams = StreamTransports(settings, loop: loop, logger: logger)
        for port in 1...10 {
            streams.send([1], to: SIPAddress(host: "127.0.0.1", port: port, transport: .tcp))
        }
        let ofOne = streams.connectionCount
        streams.send([1], to: SIPAddress(host: "127.0.0.2", port: 1, transport: .tcp))
        let counts = [ofOne, streams.connectionCount, streams.drops[.connections] ?? 0]
        streams.close()
        return counts
    }.get()
    #expect(counts == [4, 5, 6])
}
