internal import NIOCore
internal import NIOPosix
internal import SIP

extension StreamTransports {
    /// Binds one listening socket on this event loop.
    ///
    /// - Throws: what the system said.
    static func listen(
        _ bound: NIOLoopBound<StreamTransports>, loop: any EventLoop, host: String, port: Int,
        over transport: SIPTransport
    ) async throws -> any Channel {
        try await ServerBootstrap(group: loop)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try bound.value.accept(channel, over: transport)
                }
            }
            .bind(host: host, port: port).get()
    }
}
