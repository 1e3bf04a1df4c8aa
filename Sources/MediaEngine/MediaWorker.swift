internal import Base
internal import CLinux
internal import CallModel
internal import Media
internal import Synchronization
internal import Telemetry

/// A media worker: one thread, one epoll, its legs, its 20 ms tick. A leg never moves.
///
/// ```
/// epoll_wait ─┬─ socket readable ─► recvmsg ─► MediaLeg.receive ─┐
///   (until the│                                                  ├─► sendto, events, stream wake
///   next slot)├─ 1 ms slot due ──► MediaLeg.tick of its legs ────┘
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
    static let tickSlack = Interval.microseconds(750)
    private static let wakeToken = UInt64.max
    private static let eventCapacity = 256
    private static let packetCapacity = 2048

    struct Setup: Sendable {
        var number: Int
        var cpu: Int?
        var realtime: Bool
        var streamWakeFD: Int32
    }

    let commands: CommandQueue
    /// 0: not started, 1: running with SCHED_RR, otherwise -errno of why not.
    let schedulingResult = Atomic<Int32>(0)
    /// -errno of pinning, 0 when it worked or was not asked for.
    let pinResult = Atomic<Int32>(0)
    let isStarted = Atomic<Bool>(false)
    /// Time of the last turn of the loop, ns.
    let heartbeat = Atomic<Int64>(0)
    /// p99 of how late ticks began over the last seconds, ns (`TickLateness`).
    let tickLateness99 = Atomic<Int64>(0)
    private let stopping = Atomic<Bool>(false)
    private let setup: Setup
    private let recorder: RecordingWriter
    private let epoll: EpollLoop
    private let closed: @Sendable (LegID, _ port: Int) -> Void

    // Owner thread only.
    private var seats: [LegSeat?] = []
    private var freeSeats: [Int] = []
    private var indices: [LegID: Int] = [:]
    private var wheel: PhaseWheel
    private var workspace = LegWorkspace()
    private var outputs = Outbox<LegOutput>(reserving: 256)
    private var events: EventSender
    private var metrics: WorkerMetrics
    private var lateness: TickLateness
    private let commandsRefused: Counter
    private var socketDrops = 0
    private var commandsWait = false
    private var nextPublish: Instant
    private var lastWake = Instant.zero
    private let packet: UnsafeMutableRawBufferPointer
    private let readiness: UnsafeMutablePointer<tl_event>

    init(
        _ setup: Setup, events: EventSender, recorder: RecordingWriter, metrics: MetricsRegistry,
        closed: @escaping @Sendable (LegID, _ port: Int) -> Void
    ) throws(EngineError) {
        self.setup = setup
        self.events = events
        self.recorder = recorder
        self.metrics = WorkerMetrics(metrics)
        commandsRefused = metrics.counter(Catalogue.mediaCommandsDropped)
        self.closed = closed
        commands = try CommandQueue()
        epoll = try EpollLoop()
        let now = monotonicNow()
        wheel = PhaseWheel(origin: now)
        lateness = TickLateness(now: now)
        nextPublish = now + Self.publishPeriod
        packet = .allocate(byteCount: Self.packetCapacity, alignment: 16)
        readiness = .allocate(capacity: Self.eventCapacity)
        readiness.initialize(repeating: tl_event(), count: Self.eventCapacity)
        try epoll.add(commands.signal.descriptor, token: Self.wakeToken)
    }

    deinit {
        packet.deallocate()
        readiness.deallocate()
    }

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
            let count = tl_epoll_wait(
                epoll.descriptor, readiness, Int32(Self.eventCapacity), timeout(now).nanoseconds)
            noteWake(Int(max(0, count)))
            // Before the packets: who configures a leg and then lets its far end send is served in
            // that order.
            if commandsWait { obeyCommands() }
            for index in 0..<Int(max(0, count)) { handle(readiness[index]) }
            runTicks()
            wakeStream(now: monotonicNow())
            events.flush()
            publishIfDue()
        }
        commandsWait = true
        while commandsWait { obeyCommands() }
        for seat in seats { if let seat { close(seat) } }
        metrics.publish(workspace.counters, socketDrops: socketDrops)
        events.flush()
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
        if let due = wheel.nextDue { next = min(next, due + Self.tickSlack) }
        if workspace.touchedBridge { next = min(next, lastWake + PhaseWheel.slot) }
        return max(.zero, next - now)
    }

    private func noteWake(_ count: Int) {
        for index in 0..<count where readiness[index].token == Self.wakeToken {
            commands.signal.drain()
            commandsWait = true
        }
    }

    /// A seat that a command emptied or filled again since `epoll_wait` costs at most a read of
    /// nothing.
    private func handle(_ event: tl_event) {
        guard event.token != Self.wakeToken else { return }
        let index = Int(event.token >> 1)
        guard index < seats.count, let seat = seats[index] else { return }
        if event.token & 1 == 0 {
            receive(seat, .rtp, drops: &seat.rtpDrops)
        } else {
            receive(seat, .rtcp, drops: &seat.rtcpDrops)
        }
    }

    /// One datagram: sockets rarely hold two, and epoll (level-triggered) reports those that do
    /// again.
    private func receive(_ seat: LegSeat, _ channel: LegChannel, drops: inout UInt32) {
        var from = tl_address()
        let before = drops
        let count = tl_udp_receive(
            seat.descriptor(channel), packet.baseAddress, Int32(packet.count), &from, &drops)
        if drops != before { socketDrops += Int(drops &- before) }
        guard count >= 0 else { return }
        seat.leg.receive(
            packet: UnsafeMutableRawBufferPointer(rebasing: packet[0..<Int(count)]),
            from: SocketAddressValue(from), on: channel, now: monotonicNow(),
            workspace: &workspace, out: &outputs
        ) { bytes, address, channel in seat.send(bytes, address, channel) }
        report(seat)
    }

    private func runTicks() {
        while true {
            let now = monotonicNow()
            guard let (phase, nominal) = wheel.due(now: now) else { return }
            metrics.lateness.observe((now - nominal).seconds)
            lateness.observe(now - nominal)
            for place in 0..<wheel.count(phase) {
                guard let seat = seats[wheel.leg(phase, place)] else { continue }
                seat.leg.tick(now: nominal, workspace: &workspace, out: &outputs) {
                    bytes, address, channel in seat.send(bytes, address, channel)
                }
                report(seat)
            }
        }
    }

    private func report(_ seat: LegSeat) {
        guard !outputs.isEmpty else { return }
        for index in 0..<outputs.count {
            metrics.count(outputs[index])
            events.push(EngineEvent(leg: seat.id, kind: EngineEvent.Kind(outputs[index])))
        }
        outputs.drain { _ in }
    }

    /// One byte for the stream side, at most once a slot.
    private func wakeStream(now: Instant) {
        guard workspace.touchedBridge, now - lastWake >= PhaseWheel.slot else { return }
        workspace.touchedBridge = false
        lastWake = now
        if setup.streamWakeFD >= 0 { _ = tl_wake(setup.streamWakeFD) }
    }

    private func publishIfDue() {
        let now = monotonicNow()
        guard now >= nextPublish else { return }
        nextPublish = now + Self.publishPeriod
        metrics.publish(workspace.counters, socketDrops: socketDrops)
        lateness.advance(now: now)
        tickLateness99.store(lateness.p99.nanoseconds, ordering: .relaxed)
    }

    // MARK: commands

    private func obeyCommands() {
        guard let waiting = commands.take() else { return }
        commandsWait = false
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
        if index == seats.count { seats.append(seat) } else { seats[index] = seat }
        seat.index = index
        indices[seat.id] = index
        seat.phase = wheel.add(index)
        let token = UInt64(index) << 1
        // Only memory pressure in the kernel can refuse; the leg then ends by its media timeout.
        _ = tl_epoll_add(epoll.descriptor, seat.sockets.rtp, token)
        _ = tl_epoll_add(epoll.descriptor, seat.sockets.rtcp, token | 1)
    }

    private func obey(_ order: LegOrder, _ seat: LegSeat) {
        let now = monotonicNow()
        switch order {
        case .configure(let remote):
            // Checked by the engine before it was queued; a leg that still refuses stays as it was.
            if (try? seat.leg.configure(remote, now: now)) == nil { commandsRefused.increment() }
        case .answered: seat.leg.answered(now: now)
        case .play(let id, let clip): seat.leg.play(id: id, clip: clip, out: &outputs)
        case .stopPlaying: seat.leg.stopPlaying(out: &outputs)
        case .attach(let bridge):
            if !seat.leg.attach(bridge) { commandsRefused.increment() }
        case .detach: seat.leg.detach()
        case .digit(let digit, let milliseconds):
            seat.leg.sendDigit(digit, milliseconds: milliseconds, workspace: &workspace)
        case .record(let recording):
            endRecording(seat, now: now)
            seat.recording = recording
            recorder.add(recording)
            seat.leg.startRecording(into: recording.ring, now: now)
        case .stopRecording: endRecording(seat, now: now)
        }
        report(seat)
    }

    /// The leg has gone already: what promised an event still gets one.
    private func refuse(_ order: LegOrder, _ id: LegID) {
        switch order {
        case .play(let play, _):
            events.push(EngineEvent(leg: id, kind: .playFinished(id: play, completed: false)))
        case .record(let recording):
            events.push(
                EngineEvent(
                    leg: id,
                    kind: .recordingFailed(path: recording.path, reason: "the leg has ended")))
        default: break
        }
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
        epoll.remove(seat.sockets.rtp)
        epoll.remove(seat.sockets.rtcp)
        wheel.remove(seat.index, phase: seat.phase)
        indices[seat.id] = nil
        seats[seat.index] = nil
        freeSeats.append(seat.index)
        let recording = seat.recording
        let summary = seat.leg.close(now: now, workspace: &workspace, out: &outputs) {
            bytes, address, channel in seat.send(bytes, address, channel)
        }
        report(seat)
        let event = EngineEvent(leg: seat.id, kind: .closed(summary))
        if recording != nil {
            endRecording(seat, now: now, then: event)
        } else {
            events.push(event)
        }
        closed(seat.id, seat.sockets.port)
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
        }
    }
}
