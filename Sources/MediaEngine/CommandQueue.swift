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

    private let waiting = Mutex<[WorkerCommand]>([])
    let signal: WakeSignal

    init() throws(EngineError) { signal = try WakeSignal() }

    /// False when the queue is full.
    func push(order: LegOrder, to leg: LegID) -> Bool {
        let isFirst: Bool? = waiting.withLock { queue in
            guard queue.count < Self.limit else { return nil }
            queue.append(.order(leg, order))
            return queue.count == 1
        }
        guard let isFirst else { return false }
        if isFirst { signal.signal() }
        return true
    }

    func push(_ command: WorkerCommand) {
        waiting.withLock { $0.append(command) }
        signal.signal()
    }

    /// Worker: takes everything; nil when another thread holds the lock just now, because a
    /// real-time thread does not wait for it but asks again.
    func take() -> [WorkerCommand]? {
        waiting.withLockIfAvailable { queue in
            defer { queue = [] }
            return queue
        }
    }
}
