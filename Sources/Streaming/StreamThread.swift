internal import CLinux
internal import Glibc
internal import Synchronization

/// A thread of our own with one epoll, on which plain-TCP streams live: their sockets, and jobs from
/// other threads. What `loop` holds is touched by nobody else.
final class StreamThread: @unchecked Sendable {
    // @unchecked: `loop` belongs to the thread; everything else is immutable, atomic or locked.
    typealias Job = @Sendable () -> Void

    private struct Inbox {
        var jobs: [Job] = []
        var isClosed = false
    }

    let loop: SocketLoop
    private let inbox = Mutex(Inbox())
    private let signal: Int32
    private let hasJobs = Atomic<Bool>(false)
    private let isStopping = Atomic<Bool>(false)
    private let identity = Atomic<UInt>(0)

    /// - Parameter wakes: descriptor from which wake-ups are read, which this thread closes in the end.
    /// - Throws: `StreamError.thread`.
    init(wakes: Int32? = nil) throws(StreamError) {
        let signal = tl_eventfd_create()
        guard signal >= 0 else { throw .thread(errno: -signal) }
        self.signal = signal
        let epoll = tl_epoll_create()
        loop = SocketLoop(epoll: epoll, wakes: wakes)
        var result = epoll < 0 ? epoll : tl_epoll_add(epoll, signal, SocketLoop.signalToken)
        if result >= 0, let wakes { result = tl_epoll_add(epoll, wakes, SocketLoop.wakeToken) }
        guard result >= 0 else {
            _ = tl_close(signal)
            throw .thread(errno: -result)
        }
    }

    /// Starts the thread, which keeps this object until `stop`.
    func start() throws(StreamError) {
        let context = Unmanaged.passRetained(self)
        var handle: UInt64 = 0
        let result = tl_thread_start(
            { context in
                guard let context else { return }
                Unmanaged<StreamThread>.fromOpaque(context).takeRetainedValue().run()
            }, context.toOpaque(), "tl-stream", &handle)
        guard result >= 0 else {
            context.release()
            loop.close()
            closeInbox()
            throw .thread(errno: -result)
        }
        _ = tl_thread_detach(handle)
    }

    /// Any thread: ends the thread soon. Jobs that are queued still run; later ones are refused.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        inbox.withLock { inbox in
            if !inbox.isClosed { _ = tl_eventfd_signal(signal) }
        }
    }

    var isCurrent: Bool { identity.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// Any thread: runs `job` soon, never inline. False when the thread has ended.
    func execute(_ job: @escaping Job) -> Bool {
        inbox.withLock { inbox in
            guard !inbox.isClosed else { return false }
            inbox.jobs.append(job)
            if inbox.jobs.count == 1 {
                hasJobs.store(true, ordering: .releasing)
                if !isCurrent { _ = tl_eventfd_signal(signal) }
            }
            return true
        }
    }

    private func run() {
        identity.store(UInt(pthread_self()), ordering: .relaxed)
        var running: [Job] = []
        while !isStopping.load(ordering: .acquiring) {
            if loop.wait(hasJobs: hasJobs.load(ordering: .relaxed)) {
                _ = tl_eventfd_drain(signal)
            }
            runJobs(&running)
            loop.finishTurn()
        }
        runJobs(&running)
        loop.close()
        for job in closeInbox() { job() }
    }

    /// Nothing comes in any more; what had.
    @discardableResult
    private func closeInbox() -> [Job] {
        inbox.withLock { inbox in
            inbox.isClosed = true
            _ = tl_close(signal)
            defer { inbox.jobs = [] }
            return inbox.jobs
        }
    }

    private func runJobs(_ running: inout [Job]) {
        guard hasJobs.load(ordering: .acquiring) else { return }
        inbox.withLock { inbox in
            swap(&running, &inbox.jobs)
            hasJobs.store(false, ordering: .relaxed)
        }
        for job in running { job() }
        running.removeAll(keepingCapacity: true)
    }
}
