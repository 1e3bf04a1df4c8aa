public import Audio
internal import Base
internal import Glibc
public import Logging
public import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization
public import Telemetry

//  worker: offer, confirmSent ─▶ the bridge's bit in the WakeSet, a byte into wakeFD
//                                            │ (pipe)
//                                            ▼
//  stream thread: SocketLoop ─▶ StreamLane.pumpReady ─▶ whoever has its bit set
//      SessionCore, a WebSocket of its own:
//        bridge.received ─▶ G.711 ─▶ TwilioWriter, WebSocketEncoder ─▶ FrameLink ─▶ bot
//      MuxLeg, hundreds on a MuxConnection:
//        bridge.received ─▶ MuxWriter ─▶ one frame a wake-up ─▶ FrameLink ─▶ bot
//      both: LegPlayout
//        bridge.sentPosition ─▶ PlayoutQueue.takeDueMark ─▶ mark back to the bot
//        PlayoutQueue.topUp ─▶ bridge.playout ─▶ worker ─▶ RTP
//  bot ─▶ WebSocketDecoder ─▶ BotMessage.parse or Mux.Reader ─▶ LegPlayout (media, mark, clear)
//
//  FrameLink: PlainSocket on the stream thread, or for TLS a channel of NIO, whose lane is then one of
//  the event loops and is woken by the stream thread. NIO opens both.

/// All media streams of this process: WebSocket clients in the Twilio Media Streams dialect or with
/// many legs on one connection. Plain ones live on threads of the hub's own, those with TLS on the
/// event loops of `group`, where all of them are opened.
public final class StreamHub: Sendable {
    /// A tick this often backs the wakes up and runs the sessions' timers.
    static let tickMilliseconds: Int64 = 50
    /// Ticks in which every guest of a lane gets its turn.
    static let tickSlices = 4
    /// Threads for plain connections: one does a thousand calls and more.
    public static let threadChoices = 1...64

    /// Write end of the wake pipe, non-blocking: the media engine writes a byte after bridges got
    /// samples or were drained. Valid, and harmless to write to, as long as the hub lives.
    public let wakeFD: Int32
    /// A second read end that is never read: keeps the pipe open after shutdown, so that a late
    /// write is no SIGPIPE.
    private let keptFD: Int32
    /// Those for plain connections first.
    private let lanes: [StreamLane]
    private let threads: [StreamThread]
    private let limits: StreamLimits
    /// What a URL does not say itself.
    public let defaults: StreamDefaults
    private let meters: StreamMeters
    private let logger: Logger
    private let wakes: WakeSet
    private let shared: Mutex<Shared>

    private struct Shared {
        var isShutDown = false
        var places: StreamPlaces
        var contexts: [StreamRequest.TLSTrust: NIOSSLContext] = [:]

        init(_ places: StreamPlaces) { self.places = places }
    }

    /// - Parameters:
    ///   - group: a `MultiThreadedEventLoopGroup` or one of its loops.
    ///   - threads: threads for plain connections, see `threadChoices`.
    /// - Throws: `StreamError.wakePipe`, `.thread`, `.incompatibleEventLoop`, `.badDefaults`.
    public convenience init(
        group: any EventLoopGroup, metrics: MetricsRegistry, logger: Logger,
        limits: StreamLimits = StreamLimits(), defaults: StreamDefaults = StreamDefaults(),
        threads: Int = 1
    ) throws(StreamError) {
        try self.init(
            group: group, metrics: metrics, logger: logger, limits: limits, defaults: defaults,
            threads: threads, leavesNIO: true)
    }

    /// - Parameter leavesNIO: plain connections live on the hub's threads; false: on the event loops,
    ///   as those with TLS do.
    init(
        group: any EventLoopGroup, metrics: MetricsRegistry, logger: Logger, limits: StreamLimits,
        defaults: StreamDefaults, threads threadCount: Int = 1, leavesNIO: Bool
    ) throws(StreamError) {
        if let problem = defaults.problem { throw .badDefaults(problem) }
        let loops = Array(group.makeIterator())
        guard let first = loops.first, ClientBootstrap(validatingGroup: first) != nil else {
            throw .incompatibleEventLoop
        }
        let range = Self.threadChoices
        let plain = min(max(threadCount, range.lowerBound), range.upperBound)
        let words = max(1, (limits.maximumStreams + 63) / 64)
        let count = plain + loops.count
        let wakes = WakeSet(capacity: count * words * 64)
        let pipe = try WakePipe()
        wakeFD = pipe.writeEnd
        keptFD = pipe.keptEnd
        var threads: [StreamThread] = []
        do {
            for number in 0..<plain {
                threads.append(try StreamThread(wakes: number == 0 ? pipe.readEnd : nil))
            }
        } catch {
            pipe.close()
            throw error
        }
        let executors = threads.map(LaneExecutor.thread) + loops.map(LaneExecutor.loop)
        lanes = executors.enumerated().map { number, executor in
            // A channel stays on the loop that opened it.
            var opener = loops[number % loops.count]
            if case .loop(let loop) = executor { opener = loop }
            return StreamLane(
                executor: executor, opener: opener, wakes: wakes,
                words: number * words..<(number + 1) * words)
        }
        self.threads = threads
        self.wakes = wakes
        self.limits = limits
        self.defaults = defaults
        self.logger = logger
        meters = StreamMeters(metrics)
        shared = Mutex(
            Shared(
                StreamPlaces(
                    lanes: count, plainLanes: plain, laneCapacity: words * 64,
                    swapsKinds: !leavesNIO)))
        for (number, thread) in threads.enumerated() {
            lanes[number].drive(thread, others: number == 0 ? Array(lanes.dropFirst()) : [])
        }
        for thread in threads { try thread.start() }
    }

    deinit {
        for thread in threads { thread.stop() }
        close(wakeFD)
        close(keptFD)
    }

    /// A bridge of the rate that a stream to `url` runs at, 8000 Hz for a URL that `connect` will
    /// refuse anyhow.
    public func makeBridge(for url: String) -> AudioBridge {
        let format = try? StreamURL(parsing: url).format(defaults)
        return AudioBridge(sampleRate: format?.sampleRate ?? 8000)
    }

    /// Opens a stream. Returns at once; everything after comes as events, on the stream's
    /// thread, `ended` or `failed` last. `bridge` belongs to the stream until then.
    public func connect(
        _ request: StreamRequest, bridge: AudioBridge,
        events: @escaping @Sendable (StreamEvent) -> Void
    ) -> StreamSession {
        do throws(StreamError) {
            let plan = try prepare(request, bridge: bridge)
            let seat = try admit(plan)
            bridge.signal(seat.place.index, in: wakes)
            switch plan.format.mode {
            case .call: return openCall(plan, seat, bridge, events)
            case .multiplexed: return openLeg(plan, seat, bridge, events)
            }
        } catch {
            return refuse(request, error, bridge, events)
        }
    }

    /// What a request asks for, checked.
    private struct Plan: Sendable {
        var request: StreamRequest
        var url: StreamURL
        var format: StreamFormat
        var tls: NIOSSLContext?
        var key: MuxKey
    }

    private struct Seat: Sendable {
        var place: StreamPlace
        var spot: StreamPlaces.Spot?
    }

    private func openCall(
        _ plan: Plan, _ seat: Seat, _ bridge: AudioBridge,
        _ events: @escaping @Sendable (StreamEvent) -> Void
    ) -> StreamSession {
        let lane = lanes[seat.place.lane]
        let session = StreamSession(
            SessionCore(
                request: plan.request, format: plan.format, bridge: bridge, limits: limits,
                meters: meters, logger: logger, events: events),
            id: plan.request.streamID, lane: lane.executor)
        let outbound = limits.maximumOutboundBytes
        lane.run { loop in
            guard case .call(let core) = session.guest else { return }
            core.place = seat.place
            core.decoded = loop.decoded
            core.onDone = { [weak self] core in
                loop.remove(seat.place)
                self?.release(seat, plan, core.playout.bridge)
            }
            loop.add(.call(core), at: seat.place)
            // Kept until the attempt is over, which its deadline sees to.
            let kept = LaneBox(staying: core, lane.executor)
            core.attempt = ConnectAttempt(
                on: lane.opener, url: plan.url, request: plan.request, tls: plan.tls,
                outboundLimit: outbound, takesDescriptor: lane.takesDescriptors
            ) { result in
                let isComing = lane.enter { loop in
                    switch result {
                    case .success(let opened):
                        guard let transport = loop.transport(opened, highMark: outbound) else {
                            return
                        }
                        kept.value.opened(transport)
                        opened.received { kept.value.receive($0) }
                    case .failure(let error): kept.value.fail(error)
                    }
                }
                if !isComing, case .success(let opened) = result { opened.close() }
            }
        }
        return session
    }

    private func openLeg(
        _ plan: Plan, _ seat: Seat, _ bridge: AudioBridge,
        _ events: @escaping @Sendable (StreamEvent) -> Void
    ) -> StreamSession {
        let lane = lanes[seat.place.lane]
        let session = StreamSession(
            MuxLeg(
                request: plan.request, format: plan.format, bridge: bridge, limits: limits,
                meters: meters, events: events),
            id: plan.request.streamID, lane: lane.executor)
        lane.run { [weak self] loop in
            guard case .leg(let leg) = session.guest, let self, let spot = seat.spot else { return }
            leg.place = seat.place
            leg.onDone = { [weak self] leg in
                loop.remove(seat.place)
                self?.release(seat, plan, leg.playout.bridge)
            }
            loop.add(.leg(leg), at: seat.place)
            let connection = loop.connection(spot.number) ?? open(plan, spot, lane, loop)
            connection.add(leg)
        }
        return session
    }

    private func open(
        _ plan: Plan, _ spot: StreamPlaces.Spot, _ lane: StreamLane, _ loop: StreamLane.Loop
    ) -> MuxConnection {
        let outbound = limits.maximumMuxOutboundBytes
        let made = MuxConnection(
            name: "MX\(spot.number)", limits: limits, meters: meters, logger: logger, wakes: wakes,
            connector: { connection in
                let kept = LaneBox(staying: connection, lane.executor)
                return ConnectAttempt(
                    on: lane.opener, url: plan.url, request: plan.request, tls: plan.tls,
                    outboundLimit: outbound, subprotocol: Mux.subprotocol,
                    takesDescriptor: lane.takesDescriptors
                ) { result in
                    let isComing = lane.enter { loop in
                        switch result {
                        case .success(let opened):
                            guard let transport = loop.transport(opened, highMark: outbound)
                            else { return }
                            kept.value.connected(transport)
                            opened.received { kept.value.receive($0) }
                        case .failure(let error): kept.value.failed(error)
                        }
                    }
                    if !isComing, case .success(let opened) = result { opened.close() }
                }
            },
            pumpReady: { loop.pumpReady() },
            onDone: { [weak self] _ in
                loop.remove(connection: spot.number)
                self?.shared.withLock { $0.places.remove(plan.key, spot: spot.number) }
            })
        loop.add(made, number: spot.number)
        return made
    }

    /// A stream that never was: its owner still hears of it as an event, never before `connect` has
    /// returned.
    private func refuse(
        _ request: StreamRequest, _ error: StreamError, _ bridge: AudioBridge,
        _ events: @escaping @Sendable (StreamEvent) -> Void
    ) -> StreamSession {
        let lane = lanes[0]
        let format = StreamFormat(
            mode: .call, frameMilliseconds: 20, encoding: .muLaw, sampleRate: 8000)
        let session = StreamSession(
            SessionCore(
                request: request, format: format, bridge: bridge, limits: limits, meters: meters,
                logger: logger, events: events),
            id: request.streamID, lane: lane.executor)
        lane.run { _ in
            if case .call(let core) = session.guest { core.fail(error) }
        }
        return session
    }

    private func release(_ seat: Seat, _ plan: Plan, _ bridge: AudioBridge) {
        bridge.signal(nil, in: wakes)
        shared.withLock { shared in
            shared.places.release(seat.place)
            if let spot = seat.spot { shared.places.removeLeg(plan.key, spot: spot.number) }
        }
    }

    /// Stops every stream in order and waits until the last one is done, at most about
    /// `closeTimeout`. New ones are refused. Shut the media engine down first.
    public func shutdown() async {
        shared.withLock { $0.isShutDown = true }
        for lane in lanes { await lane.stopAll() }
    }

    /// Streams that are connecting or open.
    public var streamCount: Int { shared.withLock { $0.places.taken } }

    /// A place for one more stream, and for a leg the connection it goes to.
    private func admit(_ plan: Plan) throws(StreamError) -> Seat {
        let (limits, wanted) = (self.limits, defaults.connections)
        let result: Result<Seat, StreamError> = shared.withLock { shared in
            if shared.isShutDown { return .failure(.shutDown) }
            guard shared.places.taken < limits.maximumStreams else {
                return .failure(.tooManyStreams(limit: limits.maximumStreams))
            }
            var spot: StreamPlaces.Spot?
            if plan.format.mode == .multiplexed {
                spot = shared.places.addLeg(plan.key, wanted: wanted, limits: limits)
                guard spot != nil else {
                    return .failure(.tooManyConnections(limit: limits.maximumMuxConnections))
                }
            }
            let lane = spot?.lane ?? shared.places.takeLane(isSecure: plan.url.isSecure)
            guard let place = shared.places.take(lane: lane) else {
                if let spot { shared.places.removeLeg(plan.key, spot: spot.number) }
                return .failure(.tooManyStreams(limit: limits.maximumStreams))
            }
            return .success(Seat(place: place, spot: spot))
        }
        return try result.get()
    }

    private func prepare(
        _ request: StreamRequest, bridge: AudioBridge
    ) throws(StreamError) -> Plan {
        let url = try StreamURL(parsing: request.url)
        let format = try url.format(defaults)
        guard bridge.sampleRate == format.sampleRate else {
            throw .unsupportedRate(bridge.sampleRate)
        }
        try StreamURL.check(headers: request.headers)
        return Plan(
            request: request, url: url, format: format,
            tls: url.isSecure ? try context(request.tlsTrust) : nil, key: MuxKey(url, request))
    }

    /// TLS contexts are expensive to make (they read the trust store): one for each trust.
    private func context(_ trust: StreamRequest.TLSTrust) throws(StreamError) -> NIOSSLContext {
        if let known = shared.withLock({ $0.contexts[trust] }) { return known }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        switch trust {
        case .system: break
        case .pem(let file): configuration.trustRoots = .file(file)
        case .none: configuration.certificateVerification = .none
        }
        do {
            let made = try NIOSSLContext(configuration: configuration)
            shared.withLock { $0.contexts[trust] = made }
            return made
        } catch {
            if case .pem(let file) = trust {
                throw .trust("\(file) holds no readable PEM certificate")
            }
            throw .trust(printable("\(error)"))
        }
    }
}
