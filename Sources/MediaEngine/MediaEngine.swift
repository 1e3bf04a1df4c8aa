internal import Audio
internal import Base
internal import CLinux
public import CallModel
public import Media
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
    /// Worker threads at most.
    public static let maximumWorkers = 64

    private struct State: Sendable {
        var ports: PortAllocator
        /// Worker of each leg.
        var legs: [LegID: Int] = [:]
        var load: [Int]
        var nextID: UInt32 = 1
        var isShutDown = false
    }

    private let configuration: MediaEngineConfiguration
    private let host: SocketAddressValue
    private let state: Mutex<State>
    private let workers: [MediaWorker]
    private let threads = Mutex<[EngineThread]>([])
    private let recorder: RecordingWriter
    private let pump: EventPump
    private let ntpOrigin: Int64
    private let legsGauge: Gauge
    private let legsCreated: Counter
    private let legsRefused: Counter
    /// p99 tick lateness of a worker; a test's own when it gave one.
    private let lateness: @Sendable (_ worker: Int) -> Interval
    private let commandsDropped: Counter

    /// - Parameter events: called from the engine's event thread, in batches, never empty.
    public convenience init(
        _ configuration: MediaEngineConfiguration, metrics: MetricsRegistry,
        events: @escaping @Sendable ([EngineEvent]) -> Void
    ) throws(EngineError) {
        try self.init(configuration, metrics: metrics, lateness: nil, events: events)
    }

    /// - Parameter lateness: replaces the measured p99 tick lateness of a worker.
    init(
        _ configuration: MediaEngineConfiguration, metrics: MetricsRegistry,
        lateness: (@Sendable (_ worker: Int) -> Interval)?,
        events: @escaping @Sendable ([EngineEvent]) -> Void
    ) throws(EngineError) {
        self.configuration = configuration
        host = try Self.checkedHost(configuration)
        let cpus = Self.usableCPUs()
        let count = Self.workerCount(configuration, usable: cpus.count)
        state = Mutex(
            State(
                ports: PortAllocator(
                    range: configuration.ports, quarantine: configuration.quarantine),
                load: Array(repeating: 0, count: count)))
        ntpOrigin = tl_realtime_ns() - tl_monotonic_ns()
        legsGauge = metrics.gauge(Catalogue.mediaLegs)
        legsCreated = metrics.counter(Catalogue.mediaLegsCreated)
        legsRefused = metrics.counter(Catalogue.mediaLegsRefused)
        commandsDropped = metrics.counter(Catalogue.mediaCommandsDropped)

        let signal = try WakeSignal()
        let recorderRing = EventRing()
        recorder = try RecordingWriter(
            events: EventSender(ring: recorderRing, signal: signal), metrics: metrics)
        let back = WeakEngine()
        var made: [MediaWorker] = []
        var rings: [EventRing] = []
        for number in 0..<count {
            let ring = EventRing()
            rings.append(ring)
            let setup = MediaWorker.Setup(
                number: number, cpu: Self.cpu(number, configuration, usable: cpus),
                realtime: configuration.realtime, streamWakeFD: configuration.streamWakeFD)
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
    public func createLeg(_ options: LegOptions) throws(EngineError) -> LegHandle {
        let id = try reserveLeg()
        let sockets: MediaSockets
        do throws(EngineError) {
            sockets = try bindSockets()
        } catch {
            forgetLeg(id)
            throw error
        }
        let port = sockets.port
        let leg = MediaLeg(
            options, identity: makeIdentity(), mediaTimeout: configuration.mediaTimeout,
            now: monotonicNow())
        let seat = LegSeat(id: id, leg: leg, sockets: sockets)
        guard let worker = worker(of: id) else { throw .shutDown }
        worker.commands.push(.add(seat))
        legsCreated.increment()
        if let path = options.record { send(.startRecording(path: path), to: id) }
        return LegHandle(id: id, port: port)
    }

    /// Queues a command; it takes effect before the leg's next tick. Returns false, and counts,
    /// when it cannot: the queue is full, the leg unknown, or the command unusable (a bad address,
    /// a clip that cannot be converted).
    @discardableResult
    public func send(_ command: LegCommand, to leg: LegID) -> Bool {
        guard let worker = worker(of: leg), let order = order(command, leg),
            worker.commands.push(order: order, to: leg)
        else {
            commandsDropped.increment()
            return false
        }
        return true
    }

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

    /// RTP ports that a leg could take now.
    public var freePorts: Int {
        let now = monotonicNow()
        return state.withLock { $0.ports.freeCount(now: now) }
    }

    /// Ports skipped so far because another process held them.
    public var portsSkipped: Int { state.withLock { $0.ports.skipped } }

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
        if case .failure(.overloaded) = result { legsRefused.increment() }
        return try result.get()
    }

    private func overloaded(_ admission: Admission) -> EngineError {
        let least = workers.indices.map { lateness($0).nanoseconds }.min() ?? 0
        return .overloaded(
            latenessMilliseconds: Int(least / 1_000_000),
            limitMilliseconds: Int((admission.limit?.nanoseconds ?? 0) / 1_000_000))
    }

    private func forgetLeg(_ id: LegID) {
        state.withLock { state in
            if let worker = state.legs.removeValue(forKey: id) { state.load[worker] -= 1 }
        }
        legsGauge.set(Double(legCount))
    }

    /// Worker thread: a leg has gone.
    private func legClosed(_ id: LegID, port: Int) {
        let now = monotonicNow()
        state.withLock { $0.ports.release(port, now: now) }
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
                return try MediaSockets(host: host, port: port)
            } catch {
                switch error {
                case .inUse:
                    firstInUse = firstInUse ?? port
                    state.withLock { $0.ports.skip(port) }
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

    /// Everything slow or refusable about a command, done on the caller's thread.
    private func order(_ command: LegCommand, _ leg: LegID) -> LegOrder? {
        switch command {
        case .configure(let remote):
            return (try? remote.validate()) == nil ? nil : .configure(remote)
        case .answered: return .answered
        case .play(let id, let clip):
            guard clip.sampleRate != MediaLeg.clockRate else { return .play(id: id, clip: clip) }
            guard
                let samples = try? Resampler.convert(
                    clip.samples, from: clip.sampleRate, to: MediaLeg.clockRate)
            else { return nil }
            return .play(id: id, clip: PlaybackClip(samples: samples))
        case .stopPlaying: return .stopPlaying
        case .attach(let bridge):
            return MediaLeg.bridgeRates.contains(bridge.sampleRate) ? .attach(bridge) : nil
        case .detach: return .detach
        case .sendDTMF(let digit, let ms): return .digit(digit, milliseconds: ms)
        case .startRecording(let path):
            return .record(
                Recording(leg: leg, path: path, folder: configuration.recordingDirectory))
        case .stopRecording: return .stopRecording
        }
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
                    + "busy machine; permit it with `setcap cap_sys_nice+ep` on the executable or "
                    + "`ulimit -r 10` (limits.conf: rtprio 10)")
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
        legsGauge.set(Double(legCount))
    }
}

/// Lets workers speak to the engine that owns them.
private final class WeakEngine: @unchecked Sendable {
    // @unchecked: set once, before any worker's thread starts.
    weak var engine: MediaEngine?
}

extension MediaEngine {
    private static func checkedHost(
        _ configuration: MediaEngineConfiguration
    ) throws(EngineError) -> SocketAddressValue {
        let ports = configuration.ports
        guard ports.lowerBound >= 1024, ports.upperBound <= 65535,
            ports.lowerBound + ports.lowerBound % 2 < ports.upperBound
        else {
            throw .badConfiguration(
                "--rtp-ports \(ports.lowerBound)-\(ports.upperBound) holds no pair of ports "
                    + "between 1024 and 65535: give a range such as 20000-39999")
        }
        guard let host = SocketAddressValue(address: configuration.address, port: 0) else {
            throw .badConfiguration(
                "--rtp-address \(configuration.address) is not a numeric IP address")
        }
        do throws(MediaSockets.BindError) {
            _ = tl_close(try MediaSockets.bind(host))
        } catch {
            if case .failed(let reason) = error { throw reason }
            throw .addressUnavailable(configuration.address)
        }
        return host
    }

    private static func usableCPUs() -> [Int] {
        var cpus = [Int32](repeating: 0, count: 1024)
        let count = tl_allowed_cpus(&cpus, Int32(cpus.count))
        return cpus.prefix(Int(max(0, count))).map(Int.init)
    }

    private static func workerCount(
        _ configuration: MediaEngineConfiguration, usable: Int
    ) -> Int {
        let wanted = configuration.workers > 0 ? configuration.workers : usable - 1
        return min(max(1, wanted), maximumWorkers)
    }

    /// The first usable CPU is left to everything else, when there is a choice.
    private static func cpu(
        _ number: Int, _ configuration: MediaEngineConfiguration, usable: [Int]
    ) -> Int? {
        if !configuration.cpus.isEmpty {
            return configuration.cpus[number % configuration.cpus.count]
        }
        guard usable.count > 1 else { return nil }
        return usable[1 + number % (usable.count - 1)]
    }
}
