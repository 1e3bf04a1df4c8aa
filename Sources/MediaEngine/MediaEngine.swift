internal import Audio
internal import Base
internal import CLinux
public import CallModel
public import Media
internal import SecureRTP
internal import Synchronization
public import Telemetry

// createLeg ─► port (quarantine) ─► two sockets ─► MediaLeg ─► worker with the fewest legs
// send ──────► check, convert ─► the worker's bounded queue + eventfd
//
//   worker threads (pinned, SCHED_RR) ──ring──► event thread ──batches──► `events`
//          └── sample ring ──► recorder thread ──► WAV files

/// Runs media legs on threads of its own. Thread-safe; `shutdown` must be called once, and neither
/// it nor anything that waits for a leg may be called from inside `events`.
public final class MediaEngine: Sendable {
    /// A worker that has not turned its loop for this long is not healthy.
    private static let heartbeatLimit = Interval.seconds(2)
    /// Bytes of one clip: 35 minutes at 8 kHz. Longer audio is streamed.
    public static let clipLimit = 32 << 20
    /// Worker threads at most.
    public static let maximumWorkers = 64
    /// Shared ports of a worker at most.
    public static let maximumSharedPorts = 64

    private struct State: Sendable {
        var ports: PortAllocator
        var book: SharedPortBook
        /// Worker of each leg.
        var legs: [LegID: Int] = [:]
        var load: [Int]
        var nextID: UInt32 = 1
        var isShutDown = false
    }

    let configuration: MediaEngineConfiguration
    private let host: SocketAddressValue
    private let state: Mutex<State>
    private let linkTable = Mutex(LinkTable())
    private let linksGauge: Gauge
    private let workers: [MediaWorker]
    /// Of each worker.
    private let sharedPorts: [[SharedPort]]
    private let threads = Mutex<[EngineThread]>([])
    private let recorder: RecordingWriter
    private let pump: EventPump
    private let ntpOrigin: Int64
    let certificate: DTLSIdentity
    private let legsGauge: Gauge
    private let legsCreated: Counter
    private let refusals: LegRefusals
    private let portsSkippedCounter: Counter
    /// p99 tick lateness of a worker; a test's own when it gave one.
    private let lateness: @Sendable (_ worker: Int) -> Interval
    private let commandsDropped: Counter

    /// - Parameter events: called from the engine's event thread, in batches, never empty.
    public convenience init(
        _ configuration: MediaEngineConfiguration, metrics: MetricsRegistry,
        events: @escaping @Sendable ([EngineEvent]) -> Void
    ) throws(EngineError) {
        try self.init(
            configuration, metrics: metrics, lateness: nil, disk: .system, events: events)
    }

    /// - Parameters:
    ///   - lateness: replaces the measured p99 tick lateness of a worker.
    ///   - disk: what recordings are written to.
    init(
        _ configuration: MediaEngineConfiguration, metrics: MetricsRegistry,
        lateness: (@Sendable (_ worker: Int) -> Interval)?, disk: RecordingDisk = .system,
        events: @escaping @Sendable ([EngineEvent]) -> Void
    ) throws(EngineError) {
        self.configuration = configuration
        host = try Self.checkedHost(configuration)
        ReceiveBuffer.check(configuration, host: host)
        let cpus = Self.usableCPUs()
        let count = Self.workerCount(configuration, usable: cpus.count)
        var ports = PortAllocator(
            range: configuration.ports, quarantine: configuration.quarantine)
        var shared: [[SharedPort]] = []
        for _ in 0..<count {
            shared.append(try Self.bindShared(configuration, host: host, from: &ports))
        }
        sharedPorts = shared
        state = Mutex(
            State(
                ports: ports,
                book: SharedPortBook(
                    workers: count, ports: configuration.sharedPorts,
                    rest: configuration.quarantine),
                load: Array(repeating: 0, count: count)))
        ntpOrigin = tl_realtime_ns() - tl_monotonic_ns()
        certificate = try Self.makeCertificate()
        try Self.load(configuration.srtpBackend)
        legsGauge = metrics.gauge(Catalogue.mediaLegs)
        legsCreated = metrics.counter(Catalogue.mediaLegsCreated)
        linksGauge = metrics.gauge(Catalogue.mediaLinks)
        refusals = LegRefusals(metrics)
        portsSkippedCounter = metrics.counter(Catalogue.mediaPortsSkipped)
        commandsDropped = metrics.counter(Catalogue.mediaCommandsDropped)

        let signal = try WakeSignal()
        let recorderRing = EventRing()
        recorder = try RecordingWriter(
            events: EventSender(ring: recorderRing, signal: signal), metrics: metrics,
            options: configuration.opusRecording, disk: disk)
        let back = WeakEngine()
        var made: [MediaWorker] = []
        var rings: [EventRing] = []
        for number in 0..<count {
            let ring = EventRing()
            rings.append(ring)
            let setup = MediaWorker.Setup(
                number: number, cpu: Self.cpu(number, configuration, usable: cpus),
                realtime: configuration.realtime, streamWakeFD: configuration.streamWakeFD,
                streamWakePeriod: configuration.streamWakePeriod,
                latenessLimit: configuration.maximumTickLateness, lateness: lateness,
                sharedPorts: shared[number], quarantine: configuration.quarantine)
            made.append(
                try MediaWorker(
                    setup, events: EventSender(ring: ring, signal: signal), recorder: recorder,
                    metrics: metrics
                ) { id, port in back.engine?.legClosed(id, port: port) })
        }
        workers = made
        self.lateness =
            lateness ?? { [made] in
                Interval(nanoseconds: made[$0].tickLateness99.load(ordering: .relaxed))
            }
        pump = try EventPump(
            signal: signal, workers: rings, recorder: recorderRing, deliver: events)
        back.engine = self
        try startWorkers(metrics)
        metrics.onScrape { [weak self] in self?.refreshGauges(metrics) }
    }

    // MARK: legs

    /// Makes a leg. Its sockets are bound when this returns, so the port may go into an SDP.
    /// A refusal is counted by its reason.
    public func createLeg(_ options: LegOptions) throws(EngineError) -> LegHandle {
        var options = options
        if configuration.learnsAnyHost { options.learnsAnyHost = true }
        if configuration.srtpBackend != .libcrypto {
            options.srtpBackend = configuration.srtpBackend
        }
        do throws(EngineError) {
            return try openLeg(options)
        } catch {
            refusals.count(error)
            throw error
        }
    }

    private func openLeg(_ options: LegOptions) throws(EngineError) -> LegHandle {
        let id = try reserveLeg()
        let seat: LegSeat
        if let shared = sharedPort(for: id, options) {
            seat = LegSeat(id: id, leg: makeLeg(options), shared: shared)
        } else {
            let sockets: MediaSockets
            do throws(EngineError) {
                sockets = try bindSockets()
            } catch {
                forgetLeg(id)
                throw error
            }
            seat = LegSeat(id: id, leg: makeLeg(options), sockets: sockets)
        }
        withLinks { $0.add(id, mode: options.mode) }
        // Shut down since the leg was reserved: its worker has closed its legs and takes no more.
        guard let worker = worker(of: id), worker.commands.push(.add(seat)) else {
            legClosed(id, port: seat.shared == nil ? seat.port : nil)
            throw .shutDown
        }
        legsCreated.increment()
        if let path = options.record { send(.startRecording(path: path), to: id) }
        return LegHandle(id: id, port: seat.port, isShared: seat.shared != nil)
    }

    /// Queues a command; it takes effect before the leg's next tick. Returns false, and counts,
    /// when it cannot: the queue is full, the leg unknown, or the command unusable (a bad address,
    /// a clip that cannot be converted).
    @discardableResult
    public func send(_ command: LegCommand, to leg: LegID) -> Bool {
        guard let order = order(command, leg), push(order, to: leg) else {
            commandsDropped.increment()
            return false
        }
        return true
    }

    /// False when there is no such leg or its worker's queue is full.
    func push(_ order: LegOrder, to leg: LegID) -> Bool {
        worker(of: leg)?.commands.push(order: order, to: leg) ?? false
    }

    func withLinks<Result: Sendable, Failure: Error>(
        _ body: (inout LinkTable) throws(Failure) -> sending Result
    ) throws(Failure) -> Result {
        try linkTable.withLock(body)
    }

    func refreshLinkGauge() { linksGauge.set(Double(linkCount)) }

    /// Ends a leg: RTCP BYE, then a `closed` event, then its port rests. Never lost; false when
    /// there is no such leg.
    @discardableResult
    public func removeLeg(_ id: LegID) -> Bool {
        guard let worker = worker(of: id) else { return false }
        worker.commands.push(.remove(id))
        return true
    }

    /// Legs that exist, those being removed included.
    public var legCount: Int { state.withLock { $0.legs.count } }

    /// Legs on shared ports.
    public var sharedLegCount: Int { state.withLock { $0.book.count } }

    /// RTP ports that a leg could take now.
    public var freePorts: Int {
        let now = monotonicNow()
        return state.withLock { $0.ports.freeCount(now: now) }
    }

    /// Ports skipped so far because another process held them.
    public var portsSkipped: Int { state.withLock { $0.ports.skipped } }

    /// Media threads: `MediaEngineConfiguration.workers`, or what 0 became.
    public var workerCount: Int { workers.count }

    /// Workers that run with SCHED_RR.
    public var realtimeWorkers: Int {
        workers.count { $0.schedulingResult.load(ordering: .relaxed) == 1 }
    }

    /// Every worker turns its loop, and `shutdown` was not called.
    public var isHealthy: Bool {
        let now = monotonicNow().nanoseconds
        return !state.withLock { $0.isShutDown }
            && workers.allSatisfy {
                now - $0.heartbeat.load(ordering: .relaxed) < Self.heartbeatLimit.nanoseconds
            }
    }

    /// Closes every leg (each gives its `closed` event), ends the recordings, joins all threads.
    public func shutdown() {
        let isFirst = state.withLock { state in
            defer { state.isShutDown = true }
            return !state.isShutDown
        }
        guard isFirst else { return }
        stopThreads()
    }

    // MARK: parts of createLeg and send

    private func reserveLeg() throws(EngineError) -> LegID {
        let admission = Admission(limit: configuration.maximumTickLateness)
        let result: Result<LegID, EngineError> = state.withLock { state in
            guard !state.isShutDown else { return .failure(.shutDown) }
            guard state.legs.count < configuration.maximumLegs else {
                return .failure(.tooManyLegs(limit: configuration.maximumLegs))
            }
            guard let worker = admission.worker(load: state.load, lateness: lateness) else {
                return .failure(overloaded(admission))
            }
            // Ids come again after 2³² legs; one still in use is stepped over.
            while state.legs[LegID(state.nextID)] != nil || state.nextID == 0 {
                state.nextID &+= 1
            }
            let id = LegID(state.nextID)
            state.nextID &+= 1
            state.legs[id] = worker
            state.load[worker] += 1
            return .success(id)
        }
        legsGauge.set(Double(legCount))
        return try result.get()
    }

    private func overloaded(_ admission: Admission) -> EngineError {
        let least = workers.indices.map { lateness($0).nanoseconds }.min() ?? 0
        return .overloaded(
            latenessMilliseconds: Int(least / 1_000_000),
            limitMilliseconds: Int((admission.limit?.nanoseconds ?? 0) / 1_000_000))
    }

    private func makeLeg(_ options: LegOptions) -> MediaLeg {
        MediaLeg(
            options, identity: makeIdentity(), mediaTimeout: configuration.mediaTimeout,
            certificate: certificate, now: monotonicNow())
    }

    /// nil: the leg gets a port of its own.
    private func sharedPort(for id: LegID, _ options: LegOptions) -> SharedPort? {
        guard options.sharedPort, configuration.sharedPorts > 0 else { return nil }
        let now = monotonicNow()
        return state.withLock { state in
            guard let worker = state.legs[id],
                let port = state.book.choose(
                    id, worker: worker, farEnd: options.farEnd, now: now)
            else { return nil }
            return sharedPorts[worker][port]
        }
    }

    /// The far end of a leg is known or has changed: the book must hear of it.
    func noteFarEnd(_ id: LegID, _ remote: RemoteMedia) {
        guard configuration.sharedPorts > 0,
            let address = SocketAddressValue(address: remote.address, port: remote.port)
        else { return }
        let now = monotonicNow()
        let isAlone = state.withLock { $0.book.claim(id, address, now: now) }
        guard !isAlone else { return }
        configuration.warn(
            "two calls on one shared RTP port have the far address \(address): they are told apart "
                + "by SSRC or key; set shared_port: false for a trunk that uses one port for many "
                + "calls")
    }

    private func forgetLeg(_ id: LegID) {
        state.withLock { state in
            if let worker = state.legs.removeValue(forKey: id) { state.load[worker] -= 1 }
        }
        withLinks { $0.remove(id) }
        refreshLinkGauge()
        legsGauge.set(Double(legCount))
    }

    /// Worker thread: a leg has gone. Any thread: it never came to its worker.
    private func legClosed(_ id: LegID, port: Int?) {
        let now = monotonicNow()
        state.withLock { state in
            if let port {
                state.ports.release(port, now: now)
            } else {
                state.book.release(id, now: now)
            }
        }
        forgetLeg(id)
    }

    private func bindSockets() throws(EngineError) -> MediaSockets {
        var firstInUse: Int?
        let now = monotonicNow()
        // Each free port once: those in use go to the end of the line.
        let attempts = state.withLock { $0.ports.freeCount(now: now) }
        for _ in 0..<attempts {
            guard let port = state.withLock({ $0.ports.take(now: now) }) else { break }
            do throws(MediaSockets.BindError) {
                return try MediaSockets(
                    host: host, port: port, receiveBuffer: configuration.receiveBuffer)
            } catch {
                switch error {
                case .inUse:
                    firstInUse = firstInUse ?? port
                    state.withLock { $0.ports.skip(port) }
                    portsSkippedCounter.increment()
                case .failed(let reason):
                    state.withLock { $0.ports.putBack(port) }
                    throw reason
                }
            }
        }
        if let firstInUse { throw .portInUse(firstInUse) }
        throw .portsExhausted(configuration.ports)
    }

    private func makeIdentity() -> LegIdentity {
        let first = randomWord()
        let second = randomWord()
        return LegIdentity(
            ssrc: UInt32(truncatingIfNeeded: first),
            // RFC 3711 3.3.1: below 2¹⁵, so that no loss at the start can hide a rollover.
            sequence: UInt16(truncatingIfNeeded: first >> 32) & 0x7FFF,
            timestamp: UInt32(truncatingIfNeeded: second), seed: randomWord(),
            cname: String(second, radix: 36), ntpOrigin: ntpOrigin)
    }

    private func worker(of id: LegID) -> MediaWorker? {
        state.withLock { $0.legs[id] }.map { workers[$0] }
    }

    // MARK: threads

    private func startWorkers(_ metrics: MetricsRegistry) throws(EngineError) {
        for worker in workers {
            do throws(EngineError) {
                let thread = try EngineThread(name: "tl-media") { worker.run() }
                threads.withLock { $0.append(thread) }
            } catch {
                state.withLock { $0.isShutDown = true }
                stopThreads()
                throw error
            }
        }
        // Each says within microseconds what it was permitted.
        while !workers.allSatisfy({ $0.isStarted.load(ordering: .acquiring) }) {
            tl_sleep_ns(100_000)
        }
        metrics.gauge(Catalogue.mediaRealtime).set(Double(realtimeWorkers))
        if configuration.realtime, realtimeWorkers < workers.count {
            configuration.warn(
                "media threads run without real-time priority (SCHED_RR): audio may stutter on a "
                    + "busy machine; permit it with `setcap cap_sys_nice+ep` on the executable, "
                    + "`ulimit -r 10` (limits.conf: rtprio 10), or LimitRTPRIO=10 in the systemd "
                    + "unit")
        }
        if workers.contains(where: { $0.pinResult.load(ordering: .relaxed) != 0 }) {
            configuration.warn("media threads could not be pinned: check --cpus")
        }
    }

    private func stopThreads() {
        for worker in workers { worker.stop() }
        let running = threads.withLock { threads in
            defer { threads.removeAll() }
            return threads
        }
        for thread in running { thread.join() }
        recorder.stop()
        pump.stop()
    }

    private func refreshGauges(_ metrics: MetricsRegistry) {
        metrics.gauge(Catalogue.mediaPortsFree).set(Double(freePorts))
        metrics.gauge(Catalogue.mediaSharedLegs).set(Double(sharedLegCount))
        legsGauge.set(Double(legCount))
        metrics.gauge(Catalogue.mediaWorkersShedding).set(
            Double(workers.count { $0.isShedding.load(ordering: .relaxed) }))
    }
}

/// Lets workers speak to the engine that owns them.
private final class WeakEngine: @unchecked Sendable {
    // @unchecked: set once, before any worker's thread starts.
    weak var engine: MediaEngine?
}
