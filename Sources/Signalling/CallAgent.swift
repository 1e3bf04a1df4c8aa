internal import Base
public import CallModel
internal import Glibc
public import Logging
public import NIOCore
internal import NIOPosix
public import SIP
internal import Synchronization
public import Telemetry

//   place ──────────────┐ hop onto the loop           events (on the loop)
//   CallLeg.hangUp … ───┤                                   ▲
//                       ▼                                   │
//   UDP ─▶ DatagramReader ─▶ AgentCore ─▶ SIP.UserAgent ─▶ outputs ─▶ datagrams, notices
//                               ▲                           │
//                               └── one timer ◀── nextDeadline

/// SIP for the rest of the house: places calls, takes calls, hangs them up.
///
/// One event loop owns all state; public methods may be called from any
/// thread and take effect in the order they were called.
public final class CallAgent: Sendable {
    private let loop: any EventLoop
    private let core: NIOLoopBoundBox<AgentCore>
    private let configuration: SignallingConfiguration
    private let callCount = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - group: one of its loops becomes the agent's.
    ///   - inbound: called on the agent's loop for every INVITE that opens a call.
    public init(
        _ configuration: SignallingConfiguration, group: any EventLoopGroup,
        metrics: MetricsRegistry, logger: Logger,
        inbound: @escaping @Sendable (InboundCall) -> Void
    ) {
        self.configuration = configuration
        loop = group.next()
        core = NIOLoopBoundBox.makeBoxSendingValue(
            AgentCore(
                configuration, loop: loop, metrics: metrics, logger: logger, inbound: inbound),
            eventLoop: loop)
    }

    /// Binds the sockets.
    ///
    /// - Returns: the bound UDP address, with the port the system chose when 0 was asked for.
    /// - Throws: `SignallingError`.
    public func start() async throws -> (host: String, port: Int) {
        let text = hostPortText(configuration.host, configuration.port)
        let isWildcard = ["0.0.0.0", "::", ""].contains(configuration.host)
        guard !isWildcard || configuration.publicHost != nil else {
            throw SignallingError.publicHostRequired(address: text)
        }
        guard try await !loop.submit({ self.core.value.isOpen }).get() else {
            throw SignallingError.alreadyStarted
        }
        try await loop.submit {
            try self.core.value.streams.prepare()
            try self.core.value.prepareIdentity()
        }.get()
        let (channel, streamPorts) = try await bind(text)
        let host = channel.localAddress?.ipAddress ?? configuration.host
        let port = channel.localAddress?.port ?? configuration.port
        try await loop.submit {
            let core = self.core.value
            // Weak: the socket may outlive an agent that was dropped without a shutdown; such an
            // agent takes no more calls.
            core.makeInbound = { [weak self] key, invite, id, traits in
                self.map {
                    InboundCall(id: id, key: key, invite: invite, traits: traits, agent: $0)
                }
            }
            core.opened(channel, host: host, port: port, streamPorts: streamPorts)
        }.get()
        return (host, port)
    }

    /// UDP and every stream transport that is asked for.
    private func bind(
        _ text: String
    ) async throws -> (udp: any Channel, streamPorts: [SIPTransport: Int]) {
        var tries = 0
        while true {
            let udp = try await bindUDP(text)
            do {
                return (udp, try await bindStreams(udp))
            } catch {
                try? await udp.close().get()
                tries += 1
                // With port 0 the system chose one that is free for UDP only: choose again.
                guard configuration.port == 0, tries < 8,
                    case .portInUse? = error as? SignallingError
                else { throw error }
            }
        }
    }

    private func bindStreams(_ udp: any Channel) async throws -> [SIPTransport: Int] {
        let settings = configuration.transports
        let wanted: [(SIPTransport, Int?)] = [
            (.tcp, settings.tcpPort.map { $0 == 0 ? udp.localAddress?.port ?? 0 : $0 }),
            (.tls, settings.tlsPort), (.ws, settings.webSocketPort),
            (.wss, settings.secureWebSocketPort),
        ]
        let streams = try await loop.submit {
            NIOLoopBound(self.core.value.streams, eventLoop: self.loop)
        }.get()
        var bound: [(SIPTransport, any Channel)] = []
        for case (let transport, let port?) in wanted {
            do {
                bound.append(
                    (
                        transport,
                        try await StreamTransports.listen(
                            streams, loop: loop, host: configuration.host, port: port,
                            over: transport)
                    ))
            } catch {
                for (_, channel) in bound { try? await channel.close().get() }
                throw Self.explain(error, address: hostPortText(configuration.host, port))
            }
        }
        let channels = bound
        try await loop.submit {
            for (_, channel) in channels { self.core.value.streams.opened(channel) }
        }.get()
        return Dictionary(
            channels.map { ($0.0, $0.1.localAddress?.port ?? 0) }, uniquingKeysWith: { a, _ in a })
    }

    private func bindUDP(_ text: String) async throws -> any Channel {
        do {
            return try await DatagramBootstrap(group: loop)
                // A datagram that does not fit its buffer is cut: this one fits any.
                .channelOption(
                    .recvAllocator,
                    value: FixedSizeRecvByteBufferAllocator(capacity: SIPLimits.messageBytes)
                )
                .channelOption(.socketOption(.so_rcvbuf), value: 4 << 20)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            DatagramReader(core: self.core.value))
                    }
                }
                .bind(host: configuration.host, port: configuration.port).get()
        } catch {
            throw Self.explain(error, address: text)
        }
    }

    /// The ports that listen, after `start`.
    public func ports() async -> [SIPTransport: Int] {
        (try? await loop.submit { self.core.value.ports }.get()) ?? [:]
    }

    /// The Service-Route of a trunk we are registered with; nil before.
    func serviceRoute(ofTrunk trunk: Int) async -> [String]? {
        (try? await loop.submit { self.core.value.serviceRoutes[trunk] }.get()) ?? nil
    }

    /// Stream connections open now, and what peers tried in vain, by reason.
    func streamCounts() async -> (connections: Int, drops: [String: Int]) {
        let counts = try? await loop.submit {
            let streams = self.core.value.streams
            return (
                streams.connectionCount,
                Dictionary(
                    streams.drops.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: +)
            )
        }.get()
        return counts ?? (0, [:])
    }

    /// The messages of a call of late, in order; nil when nothing is known of it (any more).
    public func trace(of id: CallID) async -> (messages: [TracedMessage], missing: Int)? {
        try? await loop.submit { self.core.value.trace(of: id) }.get()
    }

    /// Which trunks are there, by name.
    public func trunkStates() async -> [String: Bool] {
        let states = try? await loop.submit {
            let core = self.core.value
            return Dictionary(
                zip(core.configuration.trunks.map(\.name), core.trunks.states.map(\.isUp)),
                uniquingKeysWith: { $0 && $1 })
        }.get()
        return states ?? [:]
    }

    /// What the gate kept out.
    func gateCounts() async -> (denied: Int, limited: Int) {
        let counts = try? await loop.submit {
            (self.core.value.gate.denied, self.core.value.gate.limited)
        }.get()
        return counts ?? (0, 0)
    }

    /// Reads the certificate files again now; true when new ones are in use.
    public func reloadCertificates() async -> Bool {
        let promise = loop.makePromise(of: Bool.self)
        withCore { core in
            guard let tls = core.streams.tls else { return promise.succeed(false) }
            tls.look(force: true) { promise.succeed($0) }
        }
        return (try? await promise.futureResult.get()) ?? false
    }

    /// True while the socket is bound.
    public func isListening() async -> Bool {
        (try? await loop.submit { self.core.value.isOpen }.get()) ?? false
    }

    private static func explain(_ error: any Error, address: String) -> SignallingError {
        guard let error = error as? IOError else {
            return .bindFailed(address: address, reason: "\(type(of: error))")
        }
        switch error.errnoCode {
        case EADDRINUSE: return .portInUse(address: address)
        case EADDRNOTAVAIL: return .addressNotAvailable(address: address)
        case EACCES, EPERM: return .permissionDenied(address: address)
        default: return .bindFailed(address: address, reason: "errno \(error.errnoCode)")
        }
    }

    /// Starts a call. Its events come on the agent's loop, `ended` exactly once and last; a call
    /// that cannot be placed at all ends at once.
    @discardableResult
    public func place(
        _ call: OutboundCall, events: @escaping @Sendable (CallLegEvent) -> Void
    ) -> CallLeg {
        let number = callCount.wrappingAdd(1, ordering: .relaxed).newValue
        let key = CallKey.outbound(number)
        withCore { $0.place(call, key, events) }
        return CallLeg(id: call.id, key: key, agent: self)
    }

    /// Hangs up every call (CANCEL, BYE, 503), waits at most 2 s for the answers and closes the
    /// socket. Every call has had its `ended` when this returns.
    public func shutdown() async {
        let promise = loop.makePromise(of: Void.self)
        withCore { $0.shutDown(promise) }
        try? await promise.futureResult.get()
    }

    /// Lets `body` do something to the user agent, then carries out what comes of it.
    ///
    /// - Parameter key: a call's, as its owner knows it; `body` gets the user agent's name of it.
    func act(
        on key: CallKey,
        _ body:
            @escaping @Sendable (
                inout UserAgent, CallKey, Instant, inout Outbox<UserAgentOutput>
            ) -> Void
    ) {
        withCore { core in
            let attempt = core.attempt(of: key)
            core.act { body(&$0, attempt, $1, &$2) }
        }
    }

    /// Runs `body` on the loop, never within the caller's stack: an event handler may call any
    /// method.
    func withCore(_ body: @escaping @Sendable (AgentCore) -> Void) {
        loop.execute { body(self.core.value) }
    }
}
