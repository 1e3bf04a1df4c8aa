public import Audio
internal import Base
internal import Glibc
public import Logging
public import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization
public import Telemetry

//  worker: offerReceived, confirmSent ─▶ a byte into wakeFD
//                                            │ (pipe)
//                                            ▼
//  event loop: WakeHandler ─▶ StreamLane.pump ─▶ SessionCore.pump, each live session
//      bridge.received ─▶ G.711 ─▶ TwilioWriter ─▶ WebSocketEncoder ─▶ TLS? ─▶ bot
//      bridge.sentPosition ─▶ PlayoutQueue.takeDueMark ─▶ mark back to the bot
//      PlayoutQueue.topUp ─▶ bridge.playout ─▶ worker ─▶ RTP
//  bot ─▶ WebSocketDecoder ─▶ BotMessage.parse ─▶ PlayoutQueue (media, mark, clear)

/// All media streams of this process: WebSocket clients in the Twilio Media Streams dialect, spread
/// over the event loops of `group`.
public final class StreamHub: Sendable {
    /// A tick this often backs the wakes up and runs the sessions' timers.
    static let tickMilliseconds: Int64 = 50

    /// Write end of the wake pipe, non-blocking: the media engine writes a byte after bridges got
    /// samples or were drained. Valid, and harmless to write to, as long as the hub lives.
    public let wakeFD: Int32
    /// A second read end that is never read: keeps the pipe open after shutdown, so that a late
    /// write is no SIGPIPE.
    private let keptFD: Int32
    private let lanes: [StreamLane]
    private let limits: StreamLimits
    private let meters: StreamMeters
    private let logger: Logger
    private let shared = Mutex(Shared())

    private struct Shared {
        var isShutDown = false
        var sessions = 0
        var nextLane = 0
        var contexts: [StreamRequest.TLSTrust: NIOSSLContext] = [:]
        var wakeChannel: (any Channel)?
    }

    /// - Parameter group: a `MultiThreadedEventLoopGroup` or one of its loops.
    /// - Throws: `StreamError.wakePipe`, `.incompatibleEventLoop`.
    public init(
        group: any EventLoopGroup, metrics: MetricsRegistry, logger: Logger,
        limits: StreamLimits = StreamLimits()
    ) throws(StreamError) {
        lanes = group.makeIterator().map { StreamLane(loop: $0) }
        guard let first = lanes.first, let bootstrap = NIOPipeBootstrap(validatingGroup: first.loop)
        else { throw .incompatibleEventLoop }
        self.limits = limits
        self.logger = logger
        meters = StreamMeters(metrics)

        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .wakePipe(errno: errno) }
        let kept = fcntl(ends[0], F_DUPFD_CLOEXEC, 0)
        guard kept >= 0, fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0,
            fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0, fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0
        else {
            let code = errno
            for descriptor in ends + [kept] where descriptor >= 0 { close(descriptor) }
            throw .wakePipe(errno: code)
        }
        wakeFD = ends[1]
        keptFD = kept

        let all = lanes
        let readEnd = ends[0]
        bootstrap
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(WakeHandler(lanes: all))
                }
            }
            .takingOwnershipOfDescriptor(input: readEnd)
            .whenComplete { [weak self] result in
                switch result {
                case .success(let channel): self?.adopt(channel)
                case .failure(let error):
                    close(readEnd)
                    logger.error("stream wake pipe is off, ticks only: \(error)")
                }
            }
    }

    deinit {
        shared.withLock { $0.wakeChannel }?.close(promise: nil)
        close(wakeFD)
        close(keptFD)
    }

    /// Opens a stream. Returns at once; everything after comes as events, on the stream's event
    /// loop, `ended` or `failed` last. `bridge` belongs to the stream until then.
    public func connect(
        _ request: StreamRequest, bridge: AudioBridge,
        events: @escaping @Sendable (StreamEvent) -> Void
    ) -> StreamSession {
        let (lane, refusal) = admit()
        let session = StreamSession(
            request: request, bridge: bridge, limits: limits, meters: meters, logger: logger,
            loop: lane.loop, events: events)
        let plan: Result<(StreamURL, NIOSSLContext?), StreamError>
        if let refusal {
            plan = .failure(refusal)
        } else {
            plan = prepare(request, bridge: bridge)
        }
        lane.run { lane in
            let core = session.core
            if refusal == nil {
                core.onDone = { [weak self] core in
                    lane.remove(core)
                    self?.shared.withLock { $0.sessions -= 1 }
                }
                lane.add(core)
            }
            switch plan {
            case .failure(let error): core.fail(error)
            case .success((let url, let tls)):
                core.connect(
                    StreamConnector(
                        url: url, request: request, tls: tls, limits: core.limits, loop: core.loop
                    ) { [weak core] result in
                        switch result {
                        case .success(let channel):
                            guard let core else { return channel.close(promise: nil) }
                            core.opened(channel)
                        case .failure(let error): core?.fail(error)
                        }
                    })
            }
        }
        return session
    }

    /// Stops every stream in order and waits until the last one is done, at most about
    /// `closeTimeout`. New ones are refused. Shut the media engine down first.
    public func shutdown() async {
        let wake = shared.withLock { shared in
            shared.isShutDown = true
            defer { shared.wakeChannel = nil }
            return shared.wakeChannel
        }
        for lane in lanes { await lane.stopAll() }
        try? await wake?.close()
    }

    /// Streams that are connecting or open.
    public var streamCount: Int { shared.withLock { $0.sessions } }

    private func adopt(_ channel: any Channel) {
        let keep = shared.withLock { shared in
            if !shared.isShutDown { shared.wakeChannel = channel }
            return !shared.isShutDown
        }
        if !keep { channel.close(promise: nil) }
    }

    /// The lane of the next session, and why there can be none.
    private func admit() -> (StreamLane, StreamError?) {
        shared.withLock { shared in
            let lane = lanes[shared.nextLane % lanes.count]
            shared.nextLane &+= 1
            if shared.isShutDown { return (lane, .shutDown) }
            guard shared.sessions < limits.maximumStreams else {
                return (lane, .tooManyStreams(limit: limits.maximumStreams))
            }
            shared.sessions += 1
            return (lane, nil)
        }
    }

    private func prepare(
        _ request: StreamRequest, bridge: AudioBridge
    ) -> Result<(StreamURL, NIOSSLContext?), StreamError> {
        do throws(StreamError) {
            guard bridge.sampleRate == 8000 else {
                throw .unsupportedRate(bridge.sampleRate)
            }
            let url = try StreamURL(parsing: request.url)
            try StreamURL.check(headers: request.headers)
            return .success((url, url.isSecure ? try context(request.tlsTrust) : nil))
        } catch {
            return .failure(error)
        }
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

/// Reads the wake pipe: however many bytes there are, one pump.
private final class WakeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let lanes: [StreamLane]

    init(lanes: [StreamLane]) { self.lanes = lanes }

    func channelReadComplete(context: ChannelHandlerContext) {
        for lane in lanes { lane.wake() }
    }
}

/// The instruments of this room, looked up once.
final class StreamMeters: Sendable {
    let connections: Gauge
    let messagesReceived: Counter
    let messagesSent: Counter
    let playoutDroppedMilliseconds: Counter
    let lateSamples: Counter
    private let results: [String: Counter]
    private let fallback: Counter

    init(_ metrics: MetricsRegistry) {
        connections = metrics.gauge(Catalogue.streamConnections)
        messagesReceived = metrics.counter(Catalogue.streamMessagesReceived)
        messagesSent = metrics.counter(Catalogue.streamMessagesSent)
        playoutDroppedMilliseconds = metrics.counter(Catalogue.streamPlayoutDroppedMilliseconds)
        lateSamples = metrics.counter(Catalogue.streamLateSamples)
        var results: [String: Counter] = [:]
        for name in ["ok", "timeout", "unreachable", "tls", "refused", "cancelled", "invalid"] {
            results[name] = metrics.counter(Catalogue.streamConnects, [name])
        }
        self.results = results
        fallback = metrics.counter(Catalogue.streamConnects, ["invalid"])
    }

    func connects(_ result: String) -> Counter { results[result] ?? fallback }
}
