internal import NIOCore

/// The thread that the streams of a lane live on: an event loop of NIO, or one of our own.
enum LaneExecutor: Sendable {
    case loop(any EventLoop)
    case thread(StreamThread)

    var isCurrent: Bool {
        switch self {
        case .loop(let loop): loop.inEventLoop
        case .thread(let thread): thread.isCurrent
        }
    }

    /// Runs `body` there, never inline. False when it will never run, because the thread has ended.
    @discardableResult
    func execute(_ body: @escaping @Sendable () -> Void) -> Bool {
        switch self {
        case .loop(let loop):
            loop.execute(body)
            return true
        case .thread(let thread): return thread.execute(body)
        }
    }

    /// What `body` returns, which runs there; nil when it never will.
    func read<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value? {
        switch self {
        case .loop(let loop): return try? await loop.submit(body).get()
        case .thread(let thread):
            return await withCheckedContinuation { continuation in
                let isQueued = thread.execute { continuation.resume(returning: body()) }
                if !isQueued { continuation.resume(returning: nil) }
            }
        }
    }
}

/// Something that only its lane's thread may touch.
struct LaneBox<Value>: @unchecked Sendable {
    // @unchecked: `value` traps on any other thread than the executor's.
    private let held: Value
    private let executor: LaneExecutor

    init(_ value: sending Value, _ executor: LaneExecutor) {
        held = value
        self.executor = executor
    }

    /// For what was made on its lane's thread and stays there.
    init(staying value: Value, _ executor: LaneExecutor) {
        precondition(executor.isCurrent)
        held = value
        self.executor = executor
    }

    var value: Value {
        precondition(executor.isCurrent, "a stream was touched from outside its lane")
        return held
    }
}
