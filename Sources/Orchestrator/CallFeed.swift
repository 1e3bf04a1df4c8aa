internal import CallModel
internal import Streaming
internal import Synchronization
internal import Telemetry

extension CallCenter {
    /// The one ordered way into the actor; counts what did not fit.
    final class Feed: Sendable {
        /// Marks of all streams that may wait at once. The other half of the feed is for what calls live
        /// on: media, signalling and the ends of streams.
        static let markLimit = feedLimit / 2

        private let continuation: AsyncStream<Input>.Continuation
        private let lost = Atomic<Int>(0)
        private let marks = Atomic<Int>(0)

        init(_ continuation: AsyncStream<Input>.Continuation) { self.continuation = continuation }

        /// Inputs lost because `feedLimit` of them were waiting.
        var dropped: Int { lost.load(ordering: .relaxed) }

        /// False when the input was lost.
        @discardableResult
        func yield(_ input: Input) -> Bool {
            guard case .dropped = continuation.yield(input) else { return true }
            lost.wrappingAdd(1, ordering: .relaxed)
            return false
        }

        func finish() { continuation.finish() }

        /// A place for one more mark; `returnMark` gives it back.
        fileprivate func takeMark() -> Bool {
            if marks.wrappingAdd(1, ordering: .relaxed).newValue <= Self.markLimit { return true }
            returnMark()
            return false
        }

        fileprivate func returnMark() { marks.wrappingSubtract(1, ordering: .relaxed) }
    }

    /// A stream's way into the feed. A bot says what it likes as fast as it likes, and must not push
    /// other calls' inputs out: of each kind that it can repeat only so much waits for the actor.
    final class StreamInlet: Sendable {
        /// Marks that may wait: a bot has at most 1,000 outstanding (`StreamLimits.maximumMarks`), and a
        /// `clear` returns them all at once.
        static let markLimit = 1024

        let id: CallID
        /// A recogniser's, not the bot's.
        let listens: Bool
        private let feed: Feed
        /// Marks that nobody was told of.
        private let unread: Counter
        private let marks = Atomic<Int>(0)
        /// The newest one that the actor has not taken. Each holds all that was understood since the
        /// stream's start, so that it makes those before it superfluous.
        private let transcript = Mutex<String?>(nil)

        init(_ id: CallID, listens: Bool = false, feed: Feed, metrics: MetricsRegistry) {
            self.id = id
            self.listens = listens
            self.feed = feed
            unread = metrics.counter(Catalogue.streamMessagesIgnored, ["unread"])
        }

        /// On the stream's thread.
        func yield(_ event: StreamEvent) {
            switch event {
            // No flow asks for it, and its marks have come on their own.
            case .cleared: return
            case .mark where listens: return
            case .mark:
                guard takeMark() else { return unread.increment() }
                if !feed.yield(.stream(self, event)) { returnMark() }
            case .transcript(let text):
                let isAlone = transcript.withLock { waiting in
                    defer { waiting = text }
                    return waiting == nil
                }
                if isAlone, !feed.yield(.stream(self, event)) { transcript.withLock { $0 = nil } }
            // Once or twice a stream.
            case .connected, .ended, .failed: feed.yield(.stream(self, event))
            }
        }

        /// On the actor, once for each event that comes out of the feed: what it says by now.
        func take(_ event: StreamEvent) -> StreamEvent {
            switch event {
            case .mark: returnMark()
            case .transcript(let text):
                let newest = transcript.withLock { waiting in
                    defer { waiting = nil }
                    return waiting
                }
                return .transcript(newest ?? text)
            case .connected, .cleared, .ended, .failed: break
            }
            return event
        }

        private func takeMark() -> Bool {
            guard marks.wrappingAdd(1, ordering: .relaxed).newValue <= Self.markLimit,
                feed.takeMark()
            else {
                marks.wrappingSubtract(1, ordering: .relaxed)
                return false
            }
            return true
        }

        private func returnMark() {
            marks.wrappingSubtract(1, ordering: .relaxed)
            feed.returnMark()
        }
    }
}
