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
    let logger: Logger
    let metrics: SignallingMetrics
    private let inbound: @Sendable (InboundCall) -> Void
    let resolver: TargetResolver
    let streams: StreamTransports
    private var channel: (any Channel)?
    private var userAgent: UserAgent?
    var entropy: SeededGenerator
    private var out = Outbox<UserAgentOutput>()
    private var listeners: [CallKey: Listener] = [:]
    /// Calls of ours whose callee has shown no sign of life yet.
    var placements: [CallKey: Placement] = [:]
    /// The user agent's name of a call → its owner's, and back where they differ.
    var owners: [CallKey: CallKey] = [:]
    var attempts: [CallKey: CallKey] = [:]
    /// Attempts that were left for another and whose end nobody waits for.
    var abandoned: Set<CallKey> = []
    /// The trunk each settled call of ours counts against.
    var heldTrunks: [CallKey: Int] = [:]
    var trunks: TrunkBook
    var saidUp: [Bool]
    var gate: SourceGate
    var trace: TraceStore
    private(set) var hep: HEPExporter?
    private(set) var boundHost = ""
    private var inboundRate: TokenBucket?
    private var attemptCount: UInt64 = 0
    private var timer: Scheduled<Void>?
    private var timerDeadline: Instant?
    private var stopped: EventLoopPromise<Void>?
    var identityKeys: IdentityKeys?
    /// Of our registrations: the way calls over that trunk take (RFC 3608).
    var serviceRoutes: [Int: [String]] = [:]
    private var saidOverload = false
    private var saidSocketError = false
    private var saidRefusedSource = false

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
        self.metrics = SignallingMetrics(metrics, trunks: configuration.trunks)
        self.inbound = inbound
        streams = StreamTransports(configuration.transports, loop: loop, logger: logger)
        var system = SystemRandomNumberGenerator()
        entropy = SeededGenerator(seed: system.next())
        resolver = Self.makeResolver(configuration, loop, seeds: (system.next(), system.next()))
        trunks = TrunkBook(configuration.trunks)
        saidUp = configuration.trunks.map { _ in true }
        gate = Self.makeGate(configuration)
        trace = TraceStore(configuration.trace)
        inboundRate = configuration.inboundCallsPerSecond.map { TokenBucket(rate: $0) }
        // Weak: connections and the sweep may outlive an agent that was dropped without a shutdown.
        streams.receive = { [weak self] bytes, source, fault in
            self?.receive(bytes, from: source, fault: fault)
        }
        streams.failed = { [weak self] in self?.transportFailed($0) }
        streams.swept = { [weak self] in self?.publishEdge() }
    }

    var now: Instant {
        Instant(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds))
    }

    // MARK: life

    func opened(
        _ channel: any Channel, host: String, port: Int, streamPorts: [SIPTransport: Int]
    ) {
        self.channel = channel
        boundHost = host
        hep = configuration.hep.flatMap { HEPExporter($0, loop: loop) }
        var party = LocalParty(
            host: configuration.publicHost ?? host, port: port, product: configuration.userAgent)
        party.streamPorts = streamPorts
        var settings = UserAgent.Configuration(party: party, hashes: .crypto)
        settings.maximumCalls = configuration.maximumCalls
        settings.maximumTransactions = configuration.maximumTransactions
        settings.switchesToTCP = streamPorts[.tcp] != nil
        addCallControl(to: &settings)
        userAgent = UserAgent(settings, entropy: SeededGenerator(seed: entropy.next()))
        streams.admits = { [weak self] in self?.admit($0) ?? false }
        publishEdge()
        setTimer()
        logger.info("SIP ready", metadata: ["address": "\(hostPortText(host, port))"])
        registerWithTrunks()
    }

    var isOpen: Bool { channel != nil }

    /// What listens, after `opened`.
    var ports: [SIPTransport: Int] {
        guard let party = userAgent?.configuration.party else { return [:] }
        return party.streamPorts.merging([.udp: party.port]) { stream, _ in stream }
    }

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
        placements.removeAll()
        for (_, listener) in left {
            listener.events?(.ended(.interrupted, status: 0))
            listener.unanswered?(.interrupted, 0)
        }
        let stopped = stopped
        streams.close()
        hep?.close()
        channel.close().whenComplete { _ in stopped?.succeed(()) }
    }

    // MARK: the network

    func receive(_ bytes: [UInt8], from source: SIPAddress, fault: SIPError? = nil) {
        guard admit(source.host), !takesProbeAnswer(bytes) else { return }
        traced(bytes, isOutgoing: false, peer: source)
        userAgent?.receive(bytes, from: source, fault: fault, now: now, out: &out)
        flush()
    }

    private func transportFailed(_ destination: SIPAddress) {
        trunks.transportFailed(destination, now: now)
        noteTrunks()
        userAgent?.transportFailed(destination, now: now, out: &out)
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
                    traced(bytes, isOutgoing: true, peer: destination)
                    written = write(bytes, to: destination) || written
                case .notice(let attempt, let notice):
                    if let key = owner(of: attempt, notice) { dispatch(notice, to: key) }
                case .incoming(let key, let invite): announce(key, invite)
                case .registration(let trunk, let notice): registered(trunk, notice)
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
        if stopped != nil, userAgent.isQuiet { close() }
    }

    private func write(_ bytes: [UInt8], to destination: SIPAddress) -> Bool {
        guard destination.transport == .udp else {
            streams.send(bytes, to: destination)
            return false
        }
        guard let channel,
            let address = try? SocketAddress(ipAddress: destination.host, port: destination.port)
        else { return false }
        let envelope = AddressedEnvelope(
            remoteAddress: address, data: ByteBuffer(bytes: bytes))
        channel.write(envelope, promise: nil)
        return true
    }

    func setTimer() {
        let next = [userAgent?.nextDeadline(), isOpen ? trunks.nextDeadline : nil]
            .compactMap { $0 }.min()
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
        probeTrunks()
        userAgent?.handleTimers(now: now, out: &out)
        flush()
    }

    // MARK: notices

    func dispatch(_ notice: CallNotice, to key: CallKey) {
        guard let listener = listeners[key] else { return }
        switch notice {
        case .trying: listener.events?(.trying)
        case .ringing: listener.events?(.ringing)
        case .earlyMedia(let sdp): listener.events?(.earlyMedia(sdp: sdp))
        case .answered(let sdp): listener.events?(.answered(sdp: sdp))
        case .offer(let sdp): listener.events?(.offer(sdp: sdp))
        case .digit(let digit): listener.events?(.dtmf(digit))
        case .offerAnswered(let sdp): listener.events?(.offerAnswered(sdp: sdp))
        case .offerRefused(let status): listener.events?(.offerRefused(status: status))
        case .transferProgress(let status, let isFinal):
            listener.events?(.transferProgress(status: status, isFinal: isFinal))
        case .transferRequested(let wish):
            listener.events?(.transferRequested(TransferWish(wish)))
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
    var makeInbound: ((CallKey, IncomingInvite, CallID, CallerTraits) -> InboundCall?)?

    private func announce(_ key: CallKey, _ invite: IncomingInvite) {
        let name = CallID("in-" + entropy.token(20))
        if let callID = userAgent?.sipCallID(of: key) { trace.link(callID, to: name.value) }
        // A call that ended within the same datagram has nobody to tell.
        listeners[key] = Listener()
        guard stopped == nil, inboundRate?.take(now: now) ?? true,
            let call = makeInbound?(key, invite, name, traits(of: invite))
        else {
            userAgent?.reject(key, status: 503, now: now, out: &out)
            return
        }
        inbound(call)
    }

    // MARK: commands

    /// Does something to the user agent and carries out what comes of it.
    func act(_ body: (inout UserAgent, Instant, inout Outbox<UserAgentOutput>) -> Void) {
        userAgent?.run { body(&$0, now, &out) }
        flush()
    }

    var isStopping: Bool { stopped != nil }
    var party: LocalParty? { userAgent?.configuration.party }
    var localHost: String? { party?.host }

    func listen(to key: CallKey, _ events: @escaping @Sendable (CallLegEvent) -> Void) {
        listeners[key] = Listener(events: events)
    }

    func start(_ setup: CallSetup, _ attempt: CallKey) {
        userAgent?.place(setup, key: attempt, now: now, out: &out)
        if let callID = userAgent?.sipCallID(of: attempt),
            let call = owners[attempt].flatMap({ placements[$0]?.call })
        {
            trace.link(callID, to: call.id.value)
        }
        flush()
    }

    /// Ends an attempt that nobody waits for any more.
    func drop(_ attempt: CallKey) {
        userAgent?.hangUp(attempt, now: now, out: &out)
        flush()
    }

    /// A name for a further attempt of a call, apart from those that owners give.
    func nextAttemptKey() -> CallKey {
        attemptCount += 1
        return .outbound(1 << 63 | attemptCount)
    }

    func transmit(_ bytes: [UInt8], _ destination: SIPAddress) {
        if write(bytes, to: destination) { channel?.flush() }
    }

    func after(_ interval: Interval, _ body: @escaping (AgentCore) -> Void) {
        let bound = NIOLoopBound((self, body), eventLoop: loop)
        loop.scheduleTask(in: .nanoseconds(interval.nanoseconds)) {
            let (core, body) = bound.value
            if core.isOpen { body(core) }
        }
    }

    /// Asked before anything of a source is read.
    private func admit(_ host: String) -> Bool {
        let verdict = gate.admit(host, now: now)
        guard verdict != .pass else { return true }
        if !saidRefusedSource {
            saidRefusedSource = true
            logger.warning(
                "SIP from a source that is not allowed, or too much of it: dropped (said once)")
        }
        return false
    }

    private static func makeGate(_ configuration: SignallingConfiguration) -> SourceGate {
        let own = configuration.trunks.flatMap { trunk in
            trunk.sources + [AddressRange(trunk.host)].compactMap { $0 }
        }
        return SourceGate(
            allowed: configuration.allowedSources.isEmpty
                ? [] : configuration.allowedSources + own,
            exempt: own, rate: configuration.messagesPerSource)
    }

    private static func makeResolver(
        _ configuration: SignallingConfiguration, _ loop: any EventLoop,
        seeds: (UInt64, UInt64)
    ) -> TargetResolver {
        var servers = configuration.dnsServers.map {
            DNSClient.Server(host: $0.host, port: $0.port)
        }
        let wereNamed = !servers.isEmpty
        if servers.isEmpty { servers = DNSClient.systemServers() }
        let wantsIPv6 = configuration.host.contains(":")
        var transports: [SIPTransport] = [.udp]
        if configuration.transports.tcpPort != nil { transports.append(.tcp) }
        transports.append(.tls)
        return TargetResolver(
            hosts: HostResolver(loop: loop, wantsIPv6: wantsIPv6),
            dns: DNSClient(
                servers: servers, loop: loop, entropy: SeededGenerator(seed: seeds.0)),
            asksForAddresses: wereNamed, wantsIPv6: wantsIPv6, transports: transports,
            entropy: SeededGenerator(seed: seeds.1))
    }

    func hangUp(_ key: CallKey) {
        if cancelPlacement(key) { return }
        userAgent?.hangUp(attempt(of: key), now: now, out: &out)
        flush()
    }

    func answerOffer(_ key: CallKey, _ sdp: [UInt8]) {
        userAgent?.answerOffer(attempt(of: key), sdp: sdp, now: now, out: &out)
        flush()
    }

    func refuseOffer(_ key: CallKey, _ status: Int) {
        userAgent?.refuseOffer(attempt(of: key), status: status, now: now, out: &out)
        flush()
    }

    func ring(_ key: CallKey) {
        userAgent?.ring(key, now: now, out: &out)
        flush()
    }

    func vouch(for key: CallKey) {
        userAgent?.vouch(for: key, now: now, out: &out)
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

extension UserAgent {
    /// In place: behind an optional, without a copy.
    mutating func run(_ body: (inout UserAgent) -> Void) { body(&self) }
}
