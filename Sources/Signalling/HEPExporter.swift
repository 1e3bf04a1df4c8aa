public import Base
internal import NIOCore
internal import NIOPosix
internal import SIP

/// Where copies of all signalling go: a Homer collector.
public struct HEPSettings: Sendable {
    /// An address in digits: a name is not looked up, and nothing is exported then.
    public var host: String
    /// UDP.
    public var port: Int
    /// Our number at the collector.
    public var agent: UInt32
    /// In each packet, in the clear; nil: none.
    public var password: Redacted<String>?

    /// Nothing is checked here.
    public init(host: String, port: Int, agent: UInt32 = 1, password: Redacted<String>? = nil) {
        self.host = host
        self.port = port
        self.agent = agent
        self.password = password
    }
}

/// Sends HEPv3 datagrams (secrets blanked out) and forgets them. Lives on one event loop.
final class HEPExporter {
    private let settings: HEPSettings
    private let collector: SocketAddress
    private var channel: (any Channel)?
    private(set) var sent = 0

    /// nil when the collector is no numeric address: nothing is looked up for it.
    init?(_ settings: HEPSettings, loop: any EventLoop) {
        guard let address = try? SocketAddress(ipAddress: settings.host, port: settings.port)
        else { return nil }
        self.settings = settings
        collector = address
        let bound = NIOLoopBound(self, eventLoop: loop)
        DatagramBootstrap(group: loop)
            .bind(host: address.protocol == .inet6 ? "::" : "0.0.0.0", port: 0)
            .whenSuccess { bound.value.channel = $0 }
    }

    func export(
        _ message: [UInt8], from source: SIPAddress, to destination: SIPAddress, at time: WallTime
    ) {
        guard let channel, channel.isWritable,
            let packet = HEPPacket.sip(
                TraceRedaction.redact(message), from: source, to: destination, at: time,
                agent: settings.agent, password: settings.password?.value,
                correlation: TraceStore.callID(of: message))
        else { return }
        sent += 1
        channel.writeAndFlush(
            AddressedEnvelope(remoteAddress: collector, data: ByteBuffer(bytes: packet)),
            promise: nil)
    }

    func close() {
        channel?.close(promise: nil)
        channel = nil
    }
}
