import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A UDP port on loopback that keeps what it hears.
final class UDPEar: Sendable {
    private let channel: any Channel
    private let heard: NIOLockedValueBox<[[UInt8]]>

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        let box: NIOLockedValueBox<[[UInt8]]>
        init(_ box: NIOLockedValueBox<[[UInt8]]>) { self.box = box }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(unwrapInboundIn(data).data.readableBytesView)
            box.withLockedValue { $0.append(bytes) }
        }
    }

    init(host: String = "127.0.0.1") async throws {
        let box = NIOLockedValueBox<[[UInt8]]>([])
        heard = box
        channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(box))
                }
            }
            .bind(host: host, port: 0).get()
    }

    var port: Int { channel.localAddress?.port ?? 0 }
    var datagrams: [[UInt8]] { heard.withLockedValue { $0 } }
    func text(_ index: Int) -> String {
        heard.withLockedValue { $0.count > index ? String(decoding: $0[index], as: UTF8.self) : "" }
    }

    func send(_ text: String, to port: Int) async throws {
        try await send(Array(text.utf8), to: port)
    }

    func send(_ bytes: [UInt8], to port: Int) async throws {
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: port)
        try await channel.writeAndFlush(
            AddressedEnvelope(remoteAddress: address, data: ByteBuffer(bytes: bytes)))
    }

    /// One 20 ms packet of PCMU whose payload is `fill`.
    func send(_ number: Int, fill: UInt8, to port: Int) async throws {
        let timestamp = UInt32(number * 160)
        var packet: [UInt8] = [0x80, 0, UInt8(number >> 8), UInt8(number & 255)]
        packet += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: timestamp >> $0) }
        packet += [0, 0, 0, 7]
        packet += [UInt8](repeating: fill, count: 160)
        try await send(packet, to: port)
    }

    func close() async throws { try await channel.close().get() }
}
