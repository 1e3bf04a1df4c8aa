internal import Audio
internal import Base
internal import CallModel
internal import Media
internal import Synchronization

/// What a worker is told.
enum WorkerCommand: Sendable {
    case add(LegSeat)
    case remove(LegID)
    case order(LegID, LegOrder)
}

/// A `LegCommand` after its checks, in the form that a worker obeys without waiting for anything.
enum LegOrder: Sendable {
    case configure(RemoteMedia)
    case answered
    case expectTranscript(Bool)
    case hint(AnswerVerdict?)
    case isVoicemail
    case play(id: Int, clip: PlaybackClip, loops: Bool, mixed: Bool)
    case hold(music: PlaybackClip?)
    case resume
    case linkInput(LegLink)
    case linkOutput(LegLink)
    case stopPlaying
    case attach(AudioBridge)
    case detach
    case digit(Character, milliseconds: Int)
    case record(Recording)
    case stopRecording
}

/// Commands from any thread to one worker: a bounded queue and the eventfd that wakes it.
final class CommandQueue: Sendable {
    /// Orders waiting at most: a worker empties the queue every millisecond or sooner, so this many
    /// mean that it is stopped. Adding and removing legs is bounded by the limit of legs instead
    /// and is never refused.
    static let limit = 4096

    private struct State: Sendable {
        var waiting: [WorkerCommand] = []
        /// The worker has taken the last time.
        var isSealed = false
    }

    private let state = Mutex(State())
    let signal: WakeSignal

    init() throws(EngineError) { signal = try WakeSignal() }

    /// False when the queue is full, or the worker takes nothing any more.
    func push(order: LegOrder, to leg: LegID) -> Bool {
        let isFirst: Bool? = state.withLock { state in
            guard !state.isSealed, state.waiting.count < Self.limit else { return nil }
            state.waiting.append(.order(leg, order))
            return state.waiting.count == 1
        }
        guard let isFirst else { return false }
        if isFirst { signal.signal() }
        return true
    }

    /// False when the worker takes nothing any more.
    @discardableResult
    func push(_ command: WorkerCommand) -> Bool {
        let isTaken = state.withLock { state in
            if !state.isSealed { state.waiting.append(command) }
            return !state.isSealed
        }
        if isTaken { signal.signal() }
        return isTaken
    }

    /// Worker: takes everything; nil when another thread holds the lock just now, because a
    /// real-time thread does not wait for it but asks again.
    func take() -> [WorkerCommand]? {
        state.withLockIfAvailable { state in
            defer { state.waiting = [] }
            return state.waiting
        }
    }

    /// Worker, once, when it stops: takes everything, and refuses what comes later.
    func seal() -> [WorkerCommand] {
        state.withLock { state in
            defer { state = State(isSealed: true) }
            return state.waiting
        }
    }
}
