internal import Audio
internal import Base
internal import CLinux
internal import CallModel
internal import Media
internal import Synchronization
internal import Telemetry

/// A media worker: one thread, one epoll, its legs, its 20 ms tick. A leg never moves.
///
/// ```
/// epoll_wait ─┬─ socket readable ─► MediaWorker+Receive ──────────┐
///   (until the├─ 1 ms slot due ──► shared ports (MediaWorker+Shared) ─► sendto or sendmmsg,
///   next slot)│                └─► MediaLeg.tick of its legs ───┘       events, stream wake
///             └─ eventfd ────────► commands: add, remove, orders
/// every 100 ms: counters are published
/// ```
/// Between `epoll_wait` and `sendto` nothing is allocated, locked, logged or awaited.
final class MediaWorker: @unchecked Sendable {
    // @unchecked: everything not atomic below `owner thread only` is touched by the worker's thread
    // alone, once it runs.
    static let publishPeriod = Interval.milliseconds(100)
    /// A tick may begin this late when nothing else wakes the thread. A packet that comes in the
    /// meantime takes the tick along, which saves the wake-up (docs/PERFORMANCE.md).
    static let tickSlack = Interval.microseconds(500)
    /// How often the kernel is asked what it dropped at a leg's sockets, ticks (5.12 s).
    static let dropPeriod: UInt32 = 256
    /// A leg that has changed its phase is not ticked again sooner than this.
    static let shortestTick = Interval.milliseconds(10)
    static let wakeToken = UInt64.max
    private static let eventCapacity = 256

    struct Setup: Sendable {
        var number: Int
        var cpu: Int?
        var realtime: Bool
        var streamWakeFD: Int32
        var streamWakePeriod: Interval
        /// Above this p99 lateness new legs are refused, and long below it work is shed.
        var latenessLimit: Interval?
        /// Replaces the measured p99 lateness.
        var lateness: (@Sendable (_ worker: Int) -> Interval)?
        var sharedPorts: [SharedPort]
        /// How long the addresses of a leg on a shared port rest.
        var quarantine: Interval
    }

    let commands: CommandQueue
    /// 0: not started, 1: running with SCHED_RR, otherwise -errno of why not.
    let schedulingResult = Atomic<Int32>(0)
    /// -errno of pinning, 0 when it worked or was not asked for.
    let pinResult = Atomic<Int32>(0)
    let isStarted = Atomic<Bool>(false)
    /// Time of the last turn of the loop, ns.
    let heartbeat = Atomic<Int64>(0)
    /// p99 of how late ticks began, or packets were taken, over the last seconds, ns (`TickLateness`).
    let tickLateness99 = Atomic<Int64>(0)
    /// Optional work is being left out.
    let isShedding = Atomic<Bool>(false)
    private let stopping = Atomic<Bool>(false)
    let setup: Setup
    private let recorder: RecordingWriter
    private let epoll: EpollLoop
    /// The port is nil when it was a shared one.
    private let closed: @Sendable (LegID, _ port: Int?) -> Void

    // Owner thread only.
    var seats: [LegSeat?] = []
    /// Where each seat lies, to ask for its memory without touching it.
    private var places: [UnsafeRawPointer?] = []
    var shared: SharedReceiver
    private var freeSeats: [Int] = []
    private var indices: [LegID: Int] = [:]
    var wheel: PhaseWheel
    var workspace = LegWorkspace()
    var outputs = Outbox<LegOutput>(reserving: 256)
    private var events: EventSender
    private let losses: WorkerLosses
    private var shedding: LoadShedding
    var metrics: WorkerMetrics
    private var lateness: TickLateness
    private var streamTurn: StreamTurn
    var backlog: ReceiveBacklog
    /// What is taken of sockets of legs with ports of their own.
    let pool = DatagramPool(ReceiveBacklog.batch)
    private let commandsRefused: Counter
    var socketDrops = 0
    private var commandsWait = false
    private var nextPublish: Instant
    /// Long ago: the first wake is never held back.
    private var lastWake = Instant(nanoseconds: .min / 2)
    private let readiness: UnsafeMutablePointer<tl_event>

    init(
        _ setup: Setup, events: EventSender, recorder: RecordingWriter, metrics: MetricsRegistry,
        closed: @escaping @Sendable (LegID, _ port: Int?) -> Void
    ) throws(EngineError) {
        self.setup = setup
        shared = SharedReceiver(ports: setup.sharedPorts, seed: randomWord())
        self.events = events
        self.recorder = recorder
        self.metrics = WorkerMetrics(metrics)
        losses = WorkerLosses(metrics)
        shedding = LoadShedding(limit: setup.latenessLimit)
        commandsRefused = metrics.counter(Catalogue.mediaCommandsDropped)
        self.closed = closed
        commands = try CommandQueue()
        epoll = try EpollLoop()
        let now = monotonicNow()
        wheel = PhaseWheel(origin: now)
        lateness = TickLateness(now: now)
        streamTurn = StreamTurn(now: now)
        backlog = ReceiveBacklog(now: now)
        nextPublish = now + Self.publishPeriod
        readiness = .allocate(capacity: Self.eventCapacity)
        readiness.initialize(repeating: tl_event(), count: Self.eventCapacity)
        try epoll.add(commands.signal.descriptor, token: Self.wakeToken)
    }

    deinit { readiness.deallocate() }

    /// Any thread: ends the loop; every leg is closed first.
    func stop() {
        stopping.store(true, ordering: .releasing)
        commands.signal.signal()
    }

    // MARK: the loop

    /// The thread's body.
    func run() {
        prepareThread()
        while !stopping.load(ordering: .acquiring) {
            let now = monotonicNow()
            heartbeat.store(now.nanoseconds, ordering: .relaxed)
            let timeout = timeout(now)
            let count = Int(
                max(
                    0,
                    tl_epoll_wait(
                        epoll.descriptor, readiness, Int32(Self.eventCapacity), timeout.nanoseconds)
                ))
            noteWake(count)
            // Before the packets: who configures a leg and then lets its far end send is served in
            // that order.
            if commandsWait { obeyCommands() }
            let arrival = monotonicNow()
            backlog.turn(
                asked: now, timeout: timeout, answered: arrival,
                isComplete: count < Self.eventCapacity)
            for index in 0..<count {
                if index + 1 < count { prefetch(Int(readiness[index + 1].token >> 1)) }
                handle(readiness[index], now: arrival)
            }
            drainShared(now: arrival)
            let end = runTicks()
            flushShared()
            wakeStream(now: end)
            events.flush()
            publishIfDue(now: end)
            leaveTurn(now: end, waited: arrival - now)
        }
        // What comes behind this finds the queue closed: no leg is left that nobody closes.
        obey(commands.seal())
        for seat in seats {
            guard let seat else { continue }
            close(seat)
            events.flush()
        }
        flushShared()
        publishShared(now: monotonicNow())
        metrics.publish(workspace.counters, socketDrops: socketDrops)
        publishLosses()
        events.finish()
    }

    private func prepareThread() {
        if let cpu = setup.cpu {
            pinResult.store(tl_pin_current_thread(Int32(cpu)), ordering: .relaxed)
        }
        // Low among the real-time priorities: above every ordinary thread is enough.
        let result = setup.realtime ? tl_set_round_robin(10) : -1
        schedulingResult.store(result == 0 ? 1 : result, ordering: .relaxed)
        heartbeat.store(monotonicNow().nanoseconds, ordering: .relaxed)
        isStarted.store(true, ordering: .releasing)
    }

    private func timeout(_ now: Instant) -> Interval {
        // A lock was busy: ask again soon.
        if commandsWait { return .microseconds(100) }
        var next = nextPublish
        if shared.legs > 0 {
            next = min(next, shared.nextDrain)
        } else if let due = wheel.nextDue {
            next = min(next, due + Self.tickSlack)
        }
        if workspace.touchedBridge { next = min(next, lastWake + setup.streamWakePeriod) }
        return max(.zero, next - now)
    }

    private func noteWake(_ count: Int) {
        for index in 0..<count where readiness[index].token == Self.wakeToken {
            commands.signal.drain()
            commandsWait = true
        }
    }

    /// The seat of the next event comes from memory while this one is worked on: a thousand legs do
    /// not fit the processor's near caches.
    @inline(__always)
    func prefetch(_ index: Int) {
        guard index < places.count, let place = places[index] else { return }
        tl_prefetch(place, Int32(LegSeat.memory))
    }

    /// Lets the leg's tick come right behind its packets.
    @inline(__always)
    func follow(_ seat: LegSeat, arrival: Instant) {
        guard let phase = seat.arrivals.note(wheel.phase(at: arrival), tick: seat.phase),
            wheel.move(seat.index, from: seat.phase, to: phase, of: indices.count)
        else { return }
        seat.phase = phase
    }

    /// Returns the time at which no slot was due any more.
    private func runTicks() -> Instant {
        while true {
            let now = monotonicNow()
            guard let (phase, nominal) = wheel.due(now: now) else { return now }
            metrics.lateness.observe((now - nominal).seconds)
            lateness.observe(now - nominal, held: backlog.held)
            for place in 0..<wheel.count(phase) {
                if place + 1 < wheel.count(phase) { prefetch(wheel.leg(phase, place + 1)) }
                guard let seat = seats[wheel.leg(phase, place)],
                    nominal - seat.lastTick >= Self.shortestTick
                else { continue }
                seat.lastTick = nominal
                seat.leg.tick(now: nominal, workspace: &workspace, out: &outputs) {
                    bytes, address, channel in seat.send(bytes, address, channel)
                }
                report(seat)
                seat.ticks &+= 1
                if seat.ticks % Self.dropPeriod == 0 { socketDrops += seat.takeSocketDrops() }
            }
        }
    }

    func report(_ seat: LegSeat) {
        guard !outputs.isEmpty else { return }
        for index in 0..<outputs.count {
            metrics.count(outputs[index])
            events.push(EngineEvent(leg: seat.id, kind: EngineEvent.Kind(outputs[index])))
        }
        outputs.drain { _ in }
    }

    /// One byte for the stream side, at most once a period.
    private func wakeStream(now: Instant) {
        guard workspace.touchedBridge, now - lastWake >= setup.streamWakePeriod else { return }
        workspace.touchedBridge = false
        lastWake = now
        if setup.streamWakeFD >= 0 { _ = tl_wake(setup.streamWakeFD) }
    }

    /// Lets the streams' threads at the core when they are behind and this one has no pause.
    private func leaveTurn(now: Instant, waited: Interval) {
        let rest = streamTurn.rest(
            now: now, waited: waited, isBehind: &workspace.bridgeIsBehind)
        if let rest { tl_sleep_ns(rest.nanoseconds) }
    }

    private func publishIfDue(now: Instant) {
        guard now >= nextPublish else { return }
        nextPublish = now + Self.publishPeriod
        publishShared(now: now)
        metrics.publish(workspace.counters, socketDrops: socketDrops)
        workspace.takePlayoutDelays { metrics.playoutDelay.observe($0) }
        lateness.advance(now: now)
        tickLateness99.store(lateness.p99.nanoseconds, ordering: .relaxed)
        shed(lateness: setup.lateness?(setup.number) ?? lateness.p99, now: now)
        publishLosses()
    }

    private func shed(lateness: Interval, now: Instant) {
        shedding.update(lateness: lateness, now: now)
        workspace.shedsDetection = shedding.isShedding
        workspace.opusComplexityLimit = shedding.isShedding ? LoadShedding.opusComplexity : 10
        isShedding.store(shedding.isShedding, ordering: .relaxed)
    }

    private func publishLosses() {
        losses.publish(
            workspace.counters,
            sharedFailures: shared.ports.reduce(0) { $0 + $1.failures },
            skippedTicks: wheel.skippedSlots, droppedEvents: events.dropped,
            sheddings: shedding.begun, streamTurns: streamTurn.count, backlogs: backlog.count)
    }

    // MARK: commands

    /// When another thread holds the queue just now, it is asked again soon.
    func obeyCommands() {
        guard let waiting = commands.take() else {
            commandsWait = true
            return
        }
        commandsWait = false
        obey(waiting)
    }

    private func obey(_ waiting: [WorkerCommand]) {
        for command in waiting {
            switch command {
            case .add(let seat): add(seat)
            case .remove(let id):
                if let index = indices[id], let seat = seats[index] { close(seat) }
            case .order(let id, let order):
                if let index = indices[id], let seat = seats[index] {
                    obey(order, seat)
                } else {
                    refuse(order, id)
                }
            }
        }
    }

    private func add(_ seat: LegSeat) {
        let index = freeSeats.popLast() ?? seats.count
        let place = UnsafeRawPointer(Unmanaged.passUnretained(seat).toOpaque())
        if index == seats.count {
            seats.append(seat)
            places.append(place)
        } else {
            seats[index] = seat
            places[index] = place
        }
        seat.index = index
        indices[seat.id] = index
        seat.phase = wheel.add(index)
        if let port = seat.shared { return addShared(seat, port) }
        let token = UInt64(index) << 1
        // Only memory pressure in the kernel can refuse; the leg then ends by its media timeout.
        _ = tl_epoll_add(epoll.descriptor, seat.rtpSocket, token)
        _ = tl_epoll_add(epoll.descriptor, seat.rtcpSocket, token | 1)
    }

    private func obey(_ order: LegOrder, _ seat: LegSeat) {
        let now = monotonicNow()
        switch order {
        case .configure(let remote):
            // Checked by the engine before it was queued; a leg that still refuses stays as it was.
            if (try? seat.leg.configure(remote, now: now)) == nil {
                commandsRefused.increment()
            } else {
                routeShared(seat, remote)
            }
        case .answered: seat.leg.answered(now: now)
        case .expectTranscript(let isExpected): seat.leg.expectTranscript(isExpected)
        case .isVoicemail: seat.leg.isVoicemail()
        case .hint(let verdict):
            seat.leg.hint(verdict, now: now, workspace: &workspace, out: &outputs)
        case .play(let id, let clip, let loops, let mixed):
            seat.leg.play(id: id, clip: clip, loops: loops, mixed: mixed, out: &outputs)
        case .hold(let music): if !seat.leg.hold(music: music) { commandsRefused.increment() }
        case .resume: seat.leg.resume()
        case .linkInput(let link):
            if !seat.leg.add(input: link) {
                link.end(.targetClosed)
                commandsRefused.increment()
                events.push(
                    EngineEvent(leg: seat.id, kind: .linkEnded(link.id, .targetClosed)))
            }
        case .linkOutput(let link):
            if !seat.leg.add(output: link) { link.end(.sourceClosed) }
        case .stopPlaying: seat.leg.stopPlaying(out: &outputs)
        case .attach(let bridge):
            if !seat.leg.attach(bridge) {
                commandsRefused.increment()
                close(bridge)
            }
        case .detach: seat.leg.detach()
        case .digit(let digit, let milliseconds):
            seat.leg.sendDigit(digit, milliseconds: milliseconds, workspace: &workspace)
        case .record(let recording):
            endRecording(seat, now: now)
            recording.sampleRate = seat.leg.startRecording(into: recording.ring, now: now)
            guard recorder.add(recording) else {
                seat.leg.stopRecording(now: now, workspace: &workspace)
                events.push(recorder.refusal(of: recording))
                break
            }
            seat.recording = recording
        case .stopRecording: endRecording(seat, now: now)
        }
        report(seat)
    }

    /// The leg has gone already: what promised an event still gets one.
    private func refuse(_ order: LegOrder, _ id: LegID) {
        switch order {
        case .play(let play, _, _, _):
            events.push(EngineEvent(leg: id, kind: .playFinished(id: play, completed: false)))
        case .record(let recording):
            recorder.count(.legEnded)
            events.push(EngineEvent(recording, .legEnded))
        case .linkInput(let link):
            link.end(.targetClosed)
            events.push(EngineEvent(leg: id, kind: .linkEnded(link.id, .targetClosed)))
        case .linkOutput(let link): link.end(.sourceClosed)
        case .attach(let bridge): close(bridge)
        default: break
        }
    }

    /// No leg will ever use it: its stream is to end.
    private func close(_ bridge: AudioBridge) {
        bridge.close()
        workspace.touchedBridge = true
    }

    private func endRecording(_ seat: LegSeat, now: Instant, then event: EngineEvent? = nil) {
        guard let recording = seat.recording else { return }
        seat.leg.stopRecording(now: now, workspace: &workspace)
        seat.recording = nil
        recording.finish(then: event)
        recorder.wake()
    }

    private func close(_ seat: LegSeat) {
        let now = monotonicNow()
        if seat.shared == nil {
            epoll.remove(seat.rtpSocket)
            epoll.remove(seat.rtcpSocket)
        }
        socketDrops += seat.takeSocketDrops()
        wheel.remove(seat.index, phase: seat.phase)
        indices[seat.id] = nil
        seats[seat.index] = nil
        places[seat.index] = nil
        freeSeats.append(seat.index)
        let recording = seat.recording
        let summary = seat.leg.close(now: now, workspace: &workspace, out: &outputs) {
            bytes, address, channel in seat.send(bytes, address, channel)
        }
        report(seat)
        if seat.shared != nil { closeShared(seat, now: now) }
        let event = EngineEvent(leg: seat.id, kind: .closed(summary))
        if recording != nil {
            endRecording(seat, now: now, then: event)
        } else {
            events.push(event)
        }
        closed(seat.id, seat.shared == nil ? seat.port : nil)
    }
}

extension EngineEvent.Kind {
    init(_ output: LegOutput) {
        switch output {
        case .detection(let event): self = .detection(event)
        case .dtmf(let digit, let source): self = .dtmf(digit, source: source)
        case .playStarted(let id, let sample): self = .playStarted(id: id, atSample: sample)
        case .playFinished(let id, let completed):
            self = .playFinished(id: id, completed: completed)
        case .mediaStarted: self = .mediaStarted
        case .mediaTimeout: self = .mediaTimeout
        case .linkEnded(let id, let reason): self = .linkEnded(id, reason)
        case .mediaSecured(let suite, let time): self = .mediaSecured(suite, handshake: time)
        case .mediaSecurityFailed(let failure): self = .mediaSecurityFailed(failure)
        }
    }
}
