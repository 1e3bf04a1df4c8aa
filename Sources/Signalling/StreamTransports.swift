internal import Base
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import SIP

//   send(bytes, to) ─▶ flow open? ─▶ its connection
//                 └──▶ one to that peer (and that certificate)? ─▶ reuse (RFC 3261 18, RFC 5923)
//                 └──▶ connect, wait, send; on failure tell the user agent
//   accept ─▶ limits ─▶ StreamConnection ─▶ deliver
//   sweep, every second: deadlines of handshake, message, idle; keep-alives

/// All connections of an agent. Lives on its event loop.
final class StreamTransports {
    /// Why something of a peer was not taken; labels of a metric.
    enum Drop: String, CaseIterable { case source, connections, deadline, idle, slow, fault }

    private struct Peer: Hashable {
        var host: String
        var port: Int
        var transport: SIPTransport
        /// What its certificate was checked for: another name is another peer (CVE-2020-15260).
        var name: String?

        init(_ address: SIPAddress) {
            host = address.host
            port = address.port
            transport = address.transport
            name = transport.isSecure ? address.name ?? address.host : nil
        }
    }

    /// Who connections are counted by. Those we open go where a peer's Via and Contact say, so a peer
    /// with many ports could make us open any number.
    private struct Origin: Hashable {
        var network: String
        var isOutbound: Bool

        init(_ host: String, isOutbound: Bool) {
            network = sourceNetwork(host)
            self.isOutbound = isOutbound
        }
    }

    private struct Waiting {
        var messages: [(bytes: [UInt8], destination: SIPAddress)] = []
        var connection: StreamConnection?
    }

    let loop: any EventLoop
    let settings: TransportConfiguration
    var limits: ConnectionLimits { settings.limits }
    private(set) var tls: TLSContexts?
    private let logger: Logger
    private var listeners: [any Channel] = []
    private var connections: [UInt64: StreamConnection] = [:]
    private var byPeer: [Peer: UInt64] = [:]
    private var waiting: [Peer: Waiting] = [:]
    private var perOrigin: [Origin: Int] = [:]
    private var lastFlow: UInt64 = 0
    private var task: RepeatedTask?
    private(set) var drops = [Drop: Int]()
    private var isClosed = false

    /// A whole message, or with a fault what there is of one.
    var receive: (([UInt8], SIPAddress, SIPError?) -> Void)?
    /// Nothing reaches this address.
    var failed: ((SIPAddress) -> Void)?
    /// Called once a second.
    var swept: (() -> Void)?
    /// Whether an address may connect at all.
    var admits: (String) -> Bool = { _ in true }

    init(_ settings: TransportConfiguration, loop: any EventLoop, logger: Logger) {
        self.settings = settings
        self.loop = loop
        self.logger = logger
    }

    var now: Instant {
        Instant(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds))
    }

    var connectionCount: Int { connections.count }
    func countDrop(_ drop: Drop) { drops[drop, default: 0] += 1 }

    // MARK: life

    /// - Throws: `SignallingError.tls`.
    func prepare() throws(SignallingError) {
        guard task == nil else { return }
        let needsServer = settings.tlsPort != nil || settings.secureWebSocketPort != nil
        let tls = try TLSContexts(settings.tls, loop: loop, logger: logger)
        if needsServer, tls.current?.server == nil {
            throw .tls(reason: "a TLS port is set but no certificate and key")
        }
        self.tls = tls
        tls.startWatching()
        let bound = NIOLoopBound(self, eventLoop: loop)
        task = loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            bound.value.sweep()
            bound.value.swept?()
        }
    }

    func opened(_ listener: any Channel) { listeners.append(listener) }

    func close() {
        isClosed = true
        task?.cancel()
        tls?.stop()
        for listener in listeners { listener.close(promise: nil) }
        listeners = []
        for (_, connection) in connections.sorted(by: { $0.key < $1.key }) { connection.close() }
        waiting = [:]
    }

    // MARK: accepting

    /// Sets up an accepted channel; closes it when a limit says so.
    func accept(_ channel: any Channel, over transport: SIPTransport) throws {
        guard let host = channel.remoteAddress?.ipAddress, let port = channel.remoteAddress?.port,
            !isClosed, admits(host)
        else {
            countDrop(.source)
            channel.close(promise: nil)
            return
        }
        guard hasRoom(for: Origin(host, isOutbound: false)) else {
            countDrop(.connections)
            channel.close(promise: nil)
            return
        }
        let connection = register(
            SIPAddress(host: host, port: port, transport: transport), isOutbound: false)
        connection.attach(channel)
        let pipeline = channel.pipeline.syncOperations
        if transport.isSecure {
            guard let server = tls?.current?.server else {
                channel.close(promise: nil)
                return
            }
            try pipeline.addHandler(NIOSSLServerHandler(context: server))
        }
        if transport.isWebSocket {
            try WebSocketUpgrade.addServer(
                to: channel, connection: connection, origins: settings.webSocketOrigins)
        } else {
            try pipeline.addHandler(connection)
        }
    }

    private func hasRoom(for origin: Origin) -> Bool {
        connections.count < limits.connections
            && perOrigin[origin, default: 0] < limits.perSource
    }

    private func register(_ remote: SIPAddress, isOutbound: Bool) -> StreamConnection {
        perOrigin[Origin(remote.host, isOutbound: isOutbound), default: 0] += 1
        lastFlow += 1
        let connection = StreamConnection(
            flow: lastFlow, remote: remote, isOutbound: isOutbound, now: now, owner: self)
        connections[lastFlow] = connection
        return connection
    }

    // MARK: sending

    func send(_ bytes: [UInt8], to destination: SIPAddress) {
        if let flow = destination.flow, let connection = connections[flow],
            isReady(connection), connection.write(bytes, for: destination)
        {
            return
        }
        let peer = Peer(destination)
        if let flow = byPeer[peer], let connection = connections[flow],
            connection.write(bytes, for: destination)
        {
            return
        }
        if var entry = waiting[peer] {
            guard entry.messages.count < limits.waitingMessages else {
                countDrop(.slow)
                return
            }
            entry.messages.append((bytes, destination))
            waiting[peer] = entry
            return
        }
        guard !isClosed, waiting.count < limits.connecting,
            hasRoom(for: Origin(peer.host, isOutbound: true))
        else {
            countDrop(.connections)
            fail([destination])
            return
        }
        waiting[peer] = Waiting(messages: [(bytes, destination)])
        connect(peer, destination)
    }

    /// A connection we are still opening takes nothing yet.
    private func isReady(_ connection: StreamConnection) -> Bool {
        !connection.isOutbound || byPeer[Peer(connection.remote)] == connection.flow
    }

    private func connect(_ peer: Peer, _ destination: SIPAddress) {
        let remote = SIPAddress(
            host: peer.host, port: peer.port, transport: peer.transport, name: destination.name)
        let connection = register(remote, isOutbound: true)
        waiting[peer]?.connection = connection
        let bound = NIOLoopBound((self, connection, peer), eventLoop: loop)
        ClientBootstrap(group: loop)
            .connectTimeout(.nanoseconds(limits.connect.nanoseconds))
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let (owner, connection, peer) = bound.value
                    try owner.configure(channel, connection, peer)
                }
            }
            .connect(host: peer.host, port: peer.port)
            .whenComplete { result in
                let (owner, connection, peer) = bound.value
                switch result {
                case .success:
                    // TLS and WebSocket are there when their handshake is.
                    if peer.transport == .tcp { owner.isOpen(connection) }
                case .failure: owner.closed(connection)
                }
            }
    }

    private func configure(
        _ channel: any Channel, _ connection: StreamConnection, _ peer: Peer
    ) throws {
        connection.attach(channel)
        let pipeline = channel.pipeline.syncOperations
        if peer.transport.isSecure {
            guard let client = tls?.current?.client, let name = peer.name else {
                throw ChannelError.ioOnClosedChannel
            }
            // RFC 6066 3: an address is no server name.
            let isAddress = SIPAddress(host: name, port: 0).isNumeric
            try pipeline.addHandler(
                NIOSSLClientHandler(context: client, serverHostname: isAddress ? nil : name))
        }
        if peer.transport.isWebSocket {
            try WebSocketUpgrade.addClient(
                to: channel, connection: connection,
                host: hostPortText(peer.name ?? peer.host, peer.port),
                opened: { [weak self] in self?.isOpen(connection) })
        } else {
            try pipeline.addHandler(connection)
        }
    }

    /// TLS is up: the certificate decides whether this is who we meant.
    func handshakeDone(_ connection: StreamConnection, certificate: NIOSSLCertificate?) {
        guard connection.isOutbound, connection.remote.transport == .tls else { return }
        if isTrusted(certificate, connection) { isOpen(connection) } else { connection.close() }
    }

    /// RFC 5922 7.3.
    func isTrusted(_ certificate: NIOSSLCertificate?, _ connection: StreamConnection) -> Bool {
        let domain = connection.remote.name ?? connection.remote.host
        let matches = CertificateIdentity.matches(
            certificate, domain: domain, allowsWildcards: settings.tls.allowsWildcards)
        if !matches {
            logger.warning(
                "SIP over TLS: the certificate is not that of the domain",
                metadata: ["domain": "\(domain)"])
        }
        return matches
    }

    private func isOpen(_ connection: StreamConnection) {
        let peer = Peer(connection.remote)
        guard connections[connection.flow] != nil else { return }
        byPeer[peer] = connection.flow
        guard let entry = waiting.removeValue(forKey: peer) else { return }
        for message in entry.messages { connection.write(message.bytes, for: message.destination) }
    }

    // MARK: from connections

    func deliver(_ bytes: [UInt8], from source: SIPAddress, fault: SIPError?) {
        receive?(bytes, source, fault)
    }

    func closed(_ connection: StreamConnection) {
        guard connections.removeValue(forKey: connection.flow) != nil else { return }
        let peer = Peer(connection.remote)
        if byPeer[peer] == connection.flow { byPeer[peer] = nil }
        var lost = connection.destinations
        if connection.isOutbound {
            if waiting[peer]?.connection === connection,
                let entry = waiting.removeValue(forKey: peer)
            {
                lost.formUnion(entry.messages.map(\.destination))
            }
        }
        let origin = Origin(connection.remote.host, isOutbound: connection.isOutbound)
        let left = perOrigin[origin, default: 1] - 1
        perOrigin[origin] = left > 0 ? left : nil
        fail(lost)
    }

    private func fail(_ destinations: Set<SIPAddress>) {
        guard !isClosed, !destinations.isEmpty else { return }
        let sorted = destinations.sorted {
            ($0.host, $0.port, $0.flow ?? 0) < ($1.host, $1.port, $1.flow ?? 0)
        }
        // Never within the caller's stack: the user agent may be sending right now.
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.execute { for destination in sorted { bound.value.failed?(destination) } }
    }

    // MARK: time

    private func sweep() {
        let now = now
        for (_, connection) in connections.sorted(by: { $0.key < $1.key }) {
            if connection.isOutbound, byPeer[Peer(connection.remote)] != connection.flow {
                if now - connection.openedAt > limits.connect { connection.close() }
            } else if !connection.isOutbound, !connection.hadMessage,
                now - connection.openedAt > limits.firstMessage
            {
                expire(connection)
            } else if let began = connection.messageBegan, now - began > limits.message {
                expire(connection)
            } else if now - connection.lastHeard > limits.idle {
                countDrop(.idle)
                connection.close()
            } else if connection.isOutbound, now - connection.lastPing > limits.keepAlive {
                connection.ping(now)
            }
        }
    }

    private func expire(_ connection: StreamConnection) {
        countDrop(.deadline)
        let part = connection.giveUpMessage()
        if !part.isEmpty { deliver(part, from: connection.remote, fault: .badContentLength) }
        connection.closeSoon()
    }
}
