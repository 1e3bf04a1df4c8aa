internal import NIOCore
internal import SIP

/// Hands datagrams to the agent. Lives on the agent's event loop.
final class DatagramReader: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let core: AgentCore

    init(core: AgentCore) { self.core = core }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        guard let host = envelope.remoteAddress.ipAddress, let port = envelope.remoteAddress.port
        else { return }
        core.receive(
            Array(envelope.data.readableBytesView), from: SIPAddress(host: host, port: port))
    }

    /// An error of one datagram (ICMP, a name too long) is not an error of the socket.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { core.socketError(error) }
}
