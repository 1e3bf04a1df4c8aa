internal import Base
internal import CallModel
internal import Logging
internal import NIOCore
internal import SIP
internal import Telemetry

/// The state of an agent. Lives on one event loop and is reached through `CallAgent.withCore` only,
/// so it needs no lock.
final class AgentCore {
    private struct Listener {
        var events: (@Sendable (CallLegEvent) -> Void)?
        /// Of an inbound call that has not been answered.
        var unanswered: (@Sendable (EndReason, Int) -> Void)?
    }

    let configuration: SignallingConfiguration
    private let loop: any EventLoop
    private let logger: Logger
    private let metrics: SignallingMetrics
    private let inbound: @Sendable (InboundCall) -> Void
    private let resolver: HostResolver
    private var channel: (any Channel)?
    private var userAgent: UserAgent?
    private var entropy: SeededGenerator
    private var out = Outbox<UserAgentOutput>()
    private var listeners: [CallKey: Listener] = [:]
    /// Calls whose first hop is being looked up.
    private var resolving: Set<CallKey> = []
    private var timer: Scheduled<Void>?
    private var timerDeadline: Instant?
    private var stopped: EventLoopPromise<Void>?
    private var saidOverload = false
    private var saidSocketError = false

    /// How long a shutdown waits for the peers' answers to CANCEL and BYE.
    static let shutdownLimit: Interval = .seconds(2)

    init(
        _ configuration: SignallingConfiguration, loop: any EventLoop,
        metrics: MetricsRegistry, logger: Logger,
        inbound: @escaping @Sendable (InboundCall) -> Void
    ) {
        self.configuration = configuration
        self.loop = loop
        self.logger = logger
        self.metrics = SignallingMetrics(metrics)
        self.inbound = inbound
        resolver = HostResolver(
            loop: loop, wantsIPv6: configuration.host.contains(":"))
        var system = SystemRandomNumberGenerator()
        entropy = SeededGenerator(seed: system.next())
    }

    private var now: Instant {
        Instant(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds))
    }

    // MARK: life

    func opened(_ channel: any Channel, host: String, port: Int) {
        self.channel = channel
        let party = LocalParty(
            host: configuration.publicHost ?? host, port: port, product: configuration.userAgent)
        var settings = UserAgent.Configuration(party: party, hashes: .crypto)
        settings.maximumCalls = configuration.maximumCalls
        settings.maximumTransactions = configuration.maximumTransactions
        userAgent = UserAgent(settings, entropy: SeededGenerator(seed: entropy.next()))
        logger.info("SIP ready", metadata: ["address": "\(hostPortText(host, port))"])
    }

    var isOpen: Bool { channel != nil }

    /// Hangs everything up, waits a little for the answers, closes the socket.
    func shutDown(_ promise: EventLoopPromise<Void>) {
        guard stopped == nil else {
            stopped?.futureResult.cascade(to: promise)
            return
        }
        stopped = promise
        guard channel != nil else {
            promise.succeed(())
            return
        }
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: .nanoseconds(Self.shutdownLimit.nanoseconds)) {
            bound.value.close()
        }
        userAgent?.hangUpAll(now: now, out: &out)
        flush()
    }

    private func close() {
        guard let channel else { return }
        self.channel = nil
        timer?.cancel()
        timer = nil
        let left = listeners.sorted { $0.key.number < $1.key.number }
        listeners.removeAll()
        resolving.removeAll()
        for (_, listener) in left {
            listener.events?(.ended(.interrupted, status: 0))
            listener.unanswered?(.interrupted, 0)
        }
        let stopped = stopped
        channel.close().whenComplete { _ in stopped?.succeed(()) }
    }

    // MARK: the network

    func receive(_ bytes: [UInt8], from source: SIPAddress) {
        userAgent?.receive(bytes, from: source, now: now, out: &out)
        flush()
    }

    func socketError(_ error: any Error) {
        guard !saidSocketError else { return }
        saidSocketError = true
        logger.warning("SIP socket error (said once)", metadata: ["error": "\(error)"])
    }

    /// Carries out what the user agent wants done and sets the one timer.
    private func flush() {
        var written = false
        while !out.isEmpty {
            for output in out.takeAll() {
                switch output {
                case .send(let bytes, let destination):
                    written = write(bytes, to: destination) || written
                case .notice(let key, let notice): deliver(notice, to: key)
                case .incoming(let key, let invite): announce(key, invite)
                }
            }
        }
        if written { channel?.flush() }
        guard let userAgent else { return }
        metrics.publish(userAgent)
        if userAgent.counters.overloads > 0, !saidOverload {
            saidOverload = true
            logger.warning(
                "SIP limit reached: refusing with 503 (said once)",
                metadata: [
                    "maximumCalls": "\(configuration.maximumCalls)",
                    "maximumTransactions": "\(configuration.maximumTransactions)",
                ])
        }
        setTimer()
        if stopped != nil, userAgent.isQuiet, resolving.isEmpty { close() }
    }

    private func write(_ bytes: [UInt8], to destination: SIPAddress) -> Bool {
        guard let channel,
            let address = try? SocketAddress(ipAddress: destination.host, port: destination.port)
        else { return false }
        let envelope = AddressedEnvelope(
            remoteAddress: address, data: ByteBuffer(bytes: bytes))
        channel.write(envelope, promise: nil)
        return true
    }

    private func setTimer() {
        let next = userAgent?.nextDeadline()
        guard next != timerDeadline else { return }
        timer?.cancel()
        timer = nil
        timerDeadline = next
        guard let next else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        let deadline = NIODeadline.uptimeNanoseconds(UInt64(clamping: next.nanoseconds))
        timer = loop.scheduleTask(deadline: deadline) { bound.value.timerFired() }
    }

    private func timerFired() {
        timer = nil
        timerDeadline = nil
        userAgent?.handleTimers(now: now, out: &out)
        flush()
    }

    // MARK: notices

    private func deliver(_ notice: CallNotice, to key: CallKey) {
        guard let listener = listeners[key] else { return }
        switch notice {
        case .trying: listener.events?(.trying)
        case .ringing: listener.events?(.ringing)
        case .earlyMedia(let sdp): listener.events?(.earlyMedia(sdp: sdp))
        case .answered(let sdp): listener.events?(.answered(sdp: sdp))
        case .offer(let sdp): listener.events?(.offer(sdp: sdp))
        case .digit(let digit): listener.events?(.dtmf(digit))
        case .ended(let end):
            listeners[key] = nil
            let reason = EndReason(end)
            if let events = listener.events {
                events(.ended(reason, status: end.status))
            } else {
                listener.unanswered?(reason, end.status)
            }
        }
    }

    /// Set by the agent when it starts: makes the caller's handle.
    var makeInbound: ((CallKey, IncomingInvite, CallID) -> InboundCall?)?

    private func announce(_ key: CallKey, _ invite: IncomingInvite) {
        // A call that ended within the same datagram has nobody to tell.
        listeners[key] = Listener()
        guard stopped == nil,
            let call = makeInbound?(key, invite, CallID("in-" + entropy.token(20)))
        else {
            userAgent?.reject(key, status: 503, now: now, out: &out)
            return
        }
        inbound(call)
    }

    // MARK: commands

    func place(
        _ call: OutboundCall, _ key: CallKey, _ events: @escaping @Sendable (CallLegEvent) -> Void
    ) {
        guard channel != nil, stopped == nil, let userAgent else {
            events(.ended(.interrupted, status: 0))
            return
        }
        guard
            let plan = DialPlan(
                call, configuration, localHost: userAgent.configuration.party.host)
        else {
            logger.warning(
                "call not placed: its target is no sip: URI",
                metadata: [
                    "call": "\(call.id)"
                ])
            events(.ended(.configurationError, status: 0))
            return
        }
        listeners[key] = Listener(events: events)
        resolving.insert(key)
        resolver.resolve(plan.nextHop.host, now: now) { [self] address in
            guard resolving.remove(key) != nil else { return }
            guard let address else {
                logger.warning(
                    "call not placed: its next hop has no address",
                    metadata: [
                        "call": "\(call.id)", "host": "\(plan.nextHop.host)",
                    ])
                deliver(.ended(CallEnd(.protocolError, status: 0)), to: key)
                return
            }
            let destination = SIPAddress(host: address, port: plan.nextHop.port)
            self.userAgent?.place(
                plan.setup(call, to: destination), key: key, now: now, out: &out)
            flush()
        }
    }

    func hangUp(_ key: CallKey) {
        if resolving.remove(key) != nil {
            deliver(.ended(CallEnd(.cancelled, status: 0)), to: key)
            return
        }
        userAgent?.hangUp(key, now: now, out: &out)
        flush()
    }

    func answerOffer(_ key: CallKey, _ sdp: [UInt8]) {
        userAgent?.answerOffer(key, sdp: sdp, now: now, out: &out)
        flush()
    }

    func refuseOffer(_ key: CallKey, _ status: Int) {
        userAgent?.refuseOffer(key, status: status, now: now, out: &out)
        flush()
    }

    func ring(_ key: CallKey) {
        userAgent?.ring(key, now: now, out: &out)
        flush()
    }

    func reject(_ key: CallKey, _ status: Int) {
        userAgent?.reject(key, status: status, now: now, out: &out)
        flush()
    }

    func answer(
        _ key: CallKey, _ sdp: [UInt8], _ events: @escaping @Sendable (CallLegEvent) -> Void
    ) {
        guard listeners[key] != nil else {
            events(.ended(.cancelled, status: 487))
            return
        }
        listeners[key] = Listener(events: events)
        userAgent?.answer(key, sdp: sdp, now: now, out: &out)
        flush()
    }

    func observe(_ key: CallKey, _ body: @escaping @Sendable (EndReason, Int) -> Void) {
        guard let listener = listeners[key] else {
            body(.cancelled, 487)
            return
        }
        if listener.events == nil { listeners[key]?.unanswered = body }
    }
}
