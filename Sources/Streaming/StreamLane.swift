internal import Audio
internal import NIOCore
internal import Synchronization

/// A stream's bit in the hub's `WakeSet`, and with it its place in its lane.
struct StreamPlace: Sendable {
    let lane: Int
    let index: Int
}

/// The sessions and multiplexed connections of one thread: an event loop's, or one of our own.
final class StreamLane: Sendable {
    /// Who sits at a place.
    enum Guest {
        case call(SessionCore)
        case leg(MuxLeg)
    }

    /// What only the lane's thread touches.
    final class Loop {
        private let wakes: WakeSet
        private let words: Range<Int>
        private let executor: LaneExecutor
        private var guests: [Guest?] = []
        private var guestCount = 0
        private var connections: [Int: MuxConnection] = [:]
        private var isTicking = false
        private var ticks: RepeatedTask?
        /// Which part of the guests the next tick visits.
        private var slice = 0
        fileprivate var waiters: [@Sendable () -> Void] = []
        private var isPumping = false
        /// What the calls of this lane decode their messages into.
        let decoded = DecodeBuffer()

        fileprivate init(wakes: WakeSet, words: Range<Int>, executor: LaneExecutor) {
            self.wakes = wakes
            self.words = words
            self.executor = executor
        }

        /// What a connection that was opened for this lane travels through from now on.
        func transport(_ opened: OpenedConnection, highMark: Int) -> FrameTransport? {
            switch (opened, executor) {
            case (.channel(let channel), _): return .channel(channel)
            case (.socket(let descriptor, _), .thread(let thread)):
                return .socket(
                    PlainSocket(descriptor: descriptor, loop: thread.loop, highMark: highMark))
            case (.socket, .loop):
                opened.close()
                return nil
            }
        }

        func add(_ guest: Guest, at place: StreamPlace) {
            let index = place.index - words.lowerBound * 64
            guard index >= 0 else { return }
            while guests.count <= index { guests.append(nil) }
            guests[index] = guest
            guestCount += 1
            startTicks()
        }

        func remove(_ place: StreamPlace) {
            let index = place.index - words.lowerBound * 64
            guard index >= 0, index < guests.count, guests[index] != nil else { return }
            guests[index] = nil
            guestCount -= 1
            settle()
        }

        func connection(_ number: Int) -> MuxConnection? { connections[number] }

        func add(_ connection: MuxConnection, number: Int) {
            connections[number] = connection
            startTicks()
        }

        func remove(connection number: Int) {
            connections[number] = nil
            settle()
        }

        private func startTicks() {
            guard !isTicking else { return }
            isTicking = true
            switch executor {
            case .loop(let loop):
                let bound = NIOLoopBound(self, eventLoop: loop)
                let period = TimeAmount.milliseconds(StreamHub.tickMilliseconds)
                ticks = loop.scheduleRepeatedTask(initialDelay: period, delay: period) { _ in
                    bound.value.tick()
                }
            case .thread(let thread): thread.loop.ticks = true
            }
        }

        /// The last one is going: no more ticks, and who waits for that is told in the lane's next turn,
        /// when its place is free and its last event is out.
        private func settle() {
            guard guestCount == 0, connections.isEmpty else { return }
            isTicking = false
            ticks?.cancel()
            ticks = nil
            if case .thread(let thread) = executor { thread.loop.ticks = false }
            let waiting = waiters
            waiters = []
            for waiter in waiting where !executor.execute(waiter) { waiter() }
        }

        /// Everyone whose bit is set, then one write a multiplexed connection.
        func pumpReady() {
            // A flush may make its channel writable, which comes back here.
            guard !isPumping else { return }
            isPumping = true
            let used = min(words.count, (guests.count + 63) / 64)
            for word in 0..<used {
                var bits = wakes.take(word: words.lowerBound + word)
                while bits != 0 {
                    pump(word * 64 + bits.trailingZeroBitCount)
                    bits &= bits - 1
                }
            }
            for connection in connections.values { connection.flush() }
            isPumping = false
        }

        private func pump(_ index: Int) {
            guard index < guests.count else { return }
            switch guests[index] {
            case .call(let core): core.pump()
            case .leg(let leg): leg.pump()
            case nil: break
            }
        }

        /// Connections each time, of the guests a part: what they have to do a tick is done when they
        /// are woken, and their timers are long.
        fileprivate func tick() {
            let now = NIODeadline.now()
            slice = (slice + 1) % StreamHub.tickSlices
            for index in stride(from: slice, to: guests.count, by: StreamHub.tickSlices)
            where index < guests.count {
                switch guests[index] {
                case .call(let core): core.tick(now: now)
                case .leg(let leg): leg.pump()
                case nil: break
                }
            }
            for connection in Array(connections.values) {
                connection.flush()
                connection.tick(now: now)
            }
        }

        fileprivate func stopAll(_ done: @escaping @Sendable () -> Void) {
            for index in 0..<guests.count where index < guests.count {
                switch guests[index] {
                case .call(let core): core.stop(reason: Self.shutDown)
                case .leg(let leg): leg.stop(reason: Self.shutDown)
                case nil: break
                }
            }
            for connection in Array(connections.values) {
                connection.flush()
                connection.stop()
            }
            guard guestCount > 0 || !connections.isEmpty else { return done() }
            waiters.append(done)
        }

        private static let shutDown = "the server is shutting down"
    }

    let executor: LaneExecutor
    /// Where this lane's connections are opened.
    let opener: any EventLoop
    /// Words of the wake set that are this lane's.
    let words: Range<Int>
    private let wakes: WakeSet
    private let bound: LaneBox<Loop>
    private let isPumpScheduled = Atomic<Bool>(false)

    init(
        executor: LaneExecutor, opener: any EventLoop, wakes: WakeSet, words: Range<Int>
    ) {
        self.executor = executor
        self.opener = opener
        self.words = words
        self.wakes = wakes
        bound = LaneBox(Loop(wakes: wakes, words: words, executor: executor), executor)
    }

    /// On a thread of our own: its turns are this lane's. Before the thread starts.
    func drive(_ thread: StreamThread, others: [StreamLane]) {
        let bound = bound
        thread.loop.onTick = { bound.value.tick() }
        thread.loop.onWake = {
            bound.value.pumpReady()
            for other in others { other.wake() }
        }
    }

    /// Connections leave NIO when they are open.
    var takesDescriptors: Bool {
        if case .thread = executor { true } else { false }
    }

    /// Runs `body` on the lane's thread, never inline: an event's receiver may call back into the
    /// session. False when it never will, because the hub has gone.
    @discardableResult
    func run(_ body: @escaping @Sendable (Loop) -> Void) -> Bool {
        let bound = bound
        return executor.execute { body(bound.value) }
    }

    /// As `run`, at once when this is the lane's thread.
    func enter(_ body: @escaping @Sendable (Loop) -> Void) -> Bool {
        guard executor.isCurrent else { return run(body) }
        body(bound.value)
        return true
    }

    /// Pumps whoever has work soon; wakes that come before it has run are the same wake.
    func wake() {
        if executor.isCurrent { return bound.value.pumpReady() }
        guard wakes.hasWork(in: words),
            !isPumpScheduled.exchange(true, ordering: .acquiringAndReleasing)
        else { return }
        run { lane in
            self.isPumpScheduled.store(false, ordering: .releasing)
            lane.pumpReady()
        }
    }

    func stopAll() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isRunning = run { lane in lane.stopAll { continuation.resume() } }
            if !isRunning { continuation.resume() }
        }
    }
}
