public import CallModel
internal import Synchronization

/// Fans call events out to whoever watches: the live feed, the log, tests.
public final class EventBus: Sendable {
    /// Subscribers beyond this are refused: each costs a buffer.
    public static let subscriberLimit = 256
    /// Events a slow subscriber may fall behind before it loses the oldest.
    public static let backlogLimit = 4096

    private struct State {
        var next = 0
        var subscribers: [Int: AsyncStream<CallEvent>.Continuation] = [:]
    }
    private let state = Mutex(State())

    /// No subscribers.
    public init() {}

    /// The events from now on, or nil when there are too many subscribers.
    public func subscribe() -> AsyncStream<CallEvent>? {
        let (stream, continuation) = AsyncStream.makeStream(
            of: CallEvent.self, bufferingPolicy: .bufferingNewest(Self.backlogLimit))
        let id: Int? = state.withLock { state in
            guard state.subscribers.count < Self.subscriberLimit else { return nil }
            state.next += 1
            state.subscribers[state.next] = continuation
            return state.next
        }
        guard let id else { return nil }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { $0.subscribers[id] = nil }
        }
        return stream
    }

    /// To every subscriber that there is now. Never waits.
    public func publish(_ event: CallEvent) {
        let receivers = state.withLock { Array($0.subscribers.values) }
        for receiver in receivers { receiver.yield(event) }
    }

    /// Ends every subscription.
    public func finish() {
        let receivers = state.withLock { state in
            defer { state.subscribers = [:] }
            return Array(state.subscribers.values)
        }
        for receiver in receivers { receiver.finish() }
    }

    /// Those that have not ended their stream, at most `subscriberLimit`.
    public var subscriberCount: Int { state.withLock { $0.subscribers.count } }
}
