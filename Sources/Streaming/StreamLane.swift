internal import NIOCore
internal import Synchronization

/// The sessions of one event loop.
final class StreamLane: Sendable {
    /// What only the loop touches.
    final class Loop {
        fileprivate var sessions: [SessionCore] = []
        fileprivate var ticks: RepeatedTask?
        fileprivate var waiters: [EventLoopPromise<Void>] = []

        func add(_ core: SessionCore) {
            sessions.append(core)
            guard ticks == nil else { return }
            let bound = NIOLoopBound(self, eventLoop: core.loop)
            let period = TimeAmount.milliseconds(StreamHub.tickMilliseconds)
            ticks = core.loop.scheduleRepeatedTask(initialDelay: period, delay: period) { _ in
                bound.value.tick()
            }
        }

        func remove(_ core: SessionCore) {
            guard let index = sessions.firstIndex(where: { $0 === core }) else { return }
            sessions.swapAt(index, sessions.count - 1)
            sessions.removeLast()
            guard sessions.isEmpty else { return }
            ticks?.cancel()
            ticks = nil
            let waiting = waiters
            waiters = []
            for waiter in waiting { waiter.succeed() }
        }

        /// Backwards, so that a session which ends meanwhile leaves the rest in place.
        fileprivate func forEach(_ body: (SessionCore) -> Void) {
            var index = sessions.count - 1
            while index >= 0 {
                if index < sessions.count { body(sessions[index]) }
                index -= 1
            }
        }

        private func tick() {
            let now = NIODeadline.now()
            forEach { $0.tick(now: now) }
        }
    }

    let loop: any EventLoop
    private let bound: NIOLoopBoundBox<Loop>
    private let isPumpScheduled = Atomic<Bool>(false)

    init(loop: any EventLoop) {
        self.loop = loop
        bound = .makeBoxSendingValue(Loop(), eventLoop: loop)
    }

    /// Runs `body` on the loop, never inline: an event's receiver may call back into the session.
    func run(_ body: @escaping @Sendable (Loop) -> Void) {
        loop.execute { body(self.bound.value) }
    }

    /// Pumps every session soon; wakes that come before it has run are the same wake.
    func wake() {
        if loop.inEventLoop {
            bound.value.forEach { $0.pump() }
            return
        }
        guard !isPumpScheduled.exchange(true, ordering: .acquiringAndReleasing) else { return }
        run { lane in
            self.isPumpScheduled.store(false, ordering: .releasing)
            lane.forEach { $0.pump() }
        }
    }

    func stopAll() async {
        let done = loop.makePromise(of: Void.self)
        run { lane in
            guard !lane.sessions.isEmpty else { return done.succeed() }
            lane.waiters.append(done)
            lane.forEach { $0.stop(reason: "the server is shutting down") }
        }
        try? await done.futureResult.get()
    }
}
