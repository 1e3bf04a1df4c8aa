internal import Base
internal import CallModel
internal import Glibc
public import Logging
public import NIOCore
internal import NIOPosix
internal import SIP
internal import Synchronization
public import Telemetry

//   place ──────────────┐ hop onto the loop           events (on the loop)
//   CallLeg.hangUp … ───┤                                   ▲
//                       ▼                                   │
//   UDP ─▶ DatagramReader ─▶ AgentCore ─▶ SIP.UserAgent ─▶ outputs ─▶ datagrams, notices
//                               ▲                           │
//                               └── one timer ◀── nextDeadline

/// SIP over UDP for the rest of the house: places calls, takes calls, hangs them up.
///
/// One datagram channel on one event loop owns all state; public methods may be called from any
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

    /// Binds the socket.
    ///
    /// - Returns: the bound address, with the port the system chose when 0 was asked for.
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
        let channel: any Channel
        do {
            channel = try await DatagramBootstrap(group: loop)
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
        let host = channel.localAddress?.ipAddress ?? configuration.host
        let port = channel.localAddress?.port ?? configuration.port
        try await loop.submit {
            let core = self.core.value
            // Weak: the socket may outlive an agent that was dropped without a shutdown; such an
            // agent takes no more calls.
            core.makeInbound = { [weak self] key, invite, id in
                self.map { InboundCall(id: id, key: key, invite: invite, agent: $0) }
            }
            core.opened(channel, host: host, port: port)
        }.get()
        return (host, port)
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

    /// Runs `body` on the loop, never within the caller's stack: an event handler may call any
    /// method.
    func withCore(_ body: @escaping @Sendable (AgentCore) -> Void) {
        loop.execute { body(self.core.value) }
    }
}
