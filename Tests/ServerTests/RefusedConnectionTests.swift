import NIOCore
import NIOEmbedded
import Testing

@testable import Server

/// A connection for which there is no place, in the loop's own time.
private final class Refusal {
    let channel = EmbeddedChannel()
    private let half = HalfClosure()

    /// `EmbeddedChannel` knows no half-closed state.
    private final class HalfClosure: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var isShut = false
        func close(
            context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?
        ) {
            guard mode == .output else { return context.close(mode: mode, promise: promise) }
            isShut = true
            promise?.succeed()
        }
    }

    var isShut: Bool { half.isShut }

    init() throws {
        try channel.pipeline.syncOperations.addHandler(half)
        try channel.pipeline.syncOperations.addHandler(RefusedConnection())
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 5000)).wait()
    }

    func said() throws -> String? {
        try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) }
    }
    func send(_ count: Int) throws {
        try channel.writeInbound(ByteBuffer(repeating: 0x20, count: count))
    }
    func wait(_ milliseconds: Int64) {
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(milliseconds))
    }
}

@Suite struct RefusedConnectionTests {
    @Test func theAnswerComesBeforeAnyRequestAndOnce() throws {
        let refusal = try Refusal()
        let body =
            #"{"error":{"code":"too_many_connections","message":"too many connections are open: "#
            + #"close some of yours, or try again later"}}"#
        #expect(
            try refusal.said()
                == "HTTP/1.1 503 Service Unavailable\r\n"
                + "Content-Type: application/json; charset=utf-8\r\nContent-Length: 124\r\n"
                + "Retry-After: 5\r\nConnection: close\r\n\r\n" + body)
        #expect(refusal.isShut)
        // What it asks is neither read nor answered.
        try refusal.send(1000)
        #expect(try refusal.said() == nil)
        #expect(try refusal.channel.readInbound(as: ByteBuffer.self) == nil)
        #expect(refusal.channel.isActive)
    }

    @Test func itEndsWithTheClientsSide() throws {
        let refusal = try Refusal()
        refusal.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!refusal.channel.isActive)
    }

    @Test func aClientThatStaysIsHeldForASecond() throws {
        let refusal = try Refusal()
        refusal.wait(999)
        // Whatever it sends meanwhile.
        try refusal.send(1)
        #expect(refusal.channel.isActive)
        refusal.wait(1)
        #expect(!refusal.channel.isActive)
    }

    @Test func aClientThatSendsWithoutEndIsCutOff() throws {
        let refusal = try Refusal()
        try refusal.send(256 << 10)
        #expect(refusal.channel.isActive)
        try refusal.send(1)
        #expect(!refusal.channel.isActive)
    }
}
