internal import Base
internal import CLinux
internal import Synchronization

/// Events from one worker to the event thread, without a lock.
final class EventRing: @unchecked Sendable {
    // @unchecked: slots between `read` and `written` are initialised and belong to the reader, the
    // rest to the writer; the positions are published with release and read with acquire.
    static let capacity = 8192
    private let slots: UnsafeMutablePointer<EngineEvent>
    private let written = Atomic<Int>(0)
    private let read = Atomic<Int>(0)
    private let abandoned = Atomic<Bool>(false)

    init() { slots = .allocate(capacity: Self.capacity) }

    deinit {
        let end = written.load(ordering: .relaxed)
        for position in read.load(ordering: .relaxed)..<end {
            (slots + position % Self.capacity).deinitialize(count: 1)
        }
        slots.deallocate()
    }

    /// Writer: false when full.
    func push(_ event: EngineEvent) -> Bool {
        let position = written.load(ordering: .relaxed)
        guard position - read.load(ordering: .acquiring) < Self.capacity else { return false }
        // SAFETY: the slot is outside read..<written, so uninitialised and ours.
        (slots + position % Self.capacity).initialize(to: event)
        written.store(position + 1, ordering: .releasing)
        return true
    }

    /// Reader: takes nothing any more.
    func abandon() { abandoned.store(true, ordering: .releasing) }
    var isAbandoned: Bool { abandoned.load(ordering: .acquiring) }

    /// Reader: moves everything out.
    func drain(into events: inout [EngineEvent]) {
        let start = read.load(ordering: .relaxed)
        let end = written.load(ordering: .acquiring)
        for position in start..<end {
            // SAFETY: the slot lies in read..<written, so initialised and ours.
            events.append((slots + position % Self.capacity).move())
        }
        read.store(end, ordering: .releasing)
    }
}

/// The writing end of an `EventRing`: keeps what the ring refuses, in order, up to a limit.
struct EventSender {
    /// Events kept while the owner of the engine is slow. Beyond it only detections are lost.
    static let backlogLimit = 16_384

    let ring: EventRing
    let signal: WakeSignal
    private var backlog: [EngineEvent] = []
    private var needsSignal = false
    private(set) var dropped = 0

    init(ring: EventRing, signal: WakeSignal) {
        self.ring = ring
        self.signal = signal
    }

    /// The ring was full: `flush` must come again, or what is kept stays here.
    var hasBacklog: Bool { !backlog.isEmpty }

    mutating func push(_ event: EngineEvent) {
        needsSignal = true
        if backlog.isEmpty, ring.push(event) { return }
        if backlog.count >= Self.backlogLimit, case .detection = event.kind {
            dropped += 1
            return
        }
        backlog.append(event)
    }

    /// Offers the backlog again and wakes the reader, once for all that was pushed since.
    mutating func flush() {
        if !backlog.isEmpty {
            var taken = 0
            while taken < backlog.count, ring.push(backlog[taken]) { taken += 1 }
            backlog.removeFirst(taken)
            needsSignal = needsSignal || taken > 0
        }
        guard needsSignal else { return }
        needsSignal = false
        signal.signal()
    }

    /// The last flush: comes back when the ring has taken everything, or when nobody reads it any more.
    mutating func finish() {
        flush()
        while hasBacklog, !ring.isAbandoned {
            // Milliseconds at the end of a thread's life; who hands events on has no signal for room.
            tl_sleep_ns(500_000)
            flush()
        }
    }
}

/// The thread that hands events, in batches, to the engine's owner.
///
/// The recorder says the last word of a leg that was recorded. Its ring is emptied before the
/// workers' and delivered behind them, so everything a worker said earlier is in the same batch or
/// before.
final class EventPump: Sendable {
    private let signal: WakeSignal
    private let workers: [EventRing]
    private let recorder: EventRing
    private let stopping = Atomic<Bool>(false)
    private let thread = Mutex<EngineThread?>(nil)

    init(
        signal: WakeSignal, workers: [EventRing], recorder: EventRing,
        deliver: @escaping @Sendable ([EngineEvent]) -> Void
    ) throws(EngineError) {
        self.signal = signal
        self.workers = workers
        self.recorder = recorder
        let loop = try EpollLoop()
        try loop.add(signal.descriptor, token: 0)
        let started = try EngineThread(name: "tl-events") { [self] in
            run(loop, deliver)
        }
        thread.withLock { $0 = started }
    }

    private func run(_ loop: EpollLoop, _ deliver: @Sendable ([EngineEvent]) -> Void) {
        var batch: [EngineEvent] = []
        var lastWords: [EngineEvent] = []
        while true {
            let isLast = stopping.load(ordering: .acquiring)
            recorder.drain(into: &lastWords)
            for ring in workers { ring.drain(into: &batch) }
            batch += lastWords
            lastWords.removeAll(keepingCapacity: true)
            if !batch.isEmpty {
                deliver(batch)
                batch.removeAll(keepingCapacity: true)
            }
            if isLast {
                for ring in workers { ring.abandon() }
                return recorder.abandon()
            }
            signal.wait(epoll: loop.descriptor, timeout: nil)
        }
    }

    /// Delivers what is there, then joins. The writers must have stopped.
    func stop() {
        guard let running = thread.withLock({ $0.take() }) else { return }
        stopping.store(true, ordering: .releasing)
        signal.signal()
        running.join()
    }
}
