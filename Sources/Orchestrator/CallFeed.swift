internal import Synchronization

extension CallCenter {
    /// The one ordered way into the actor; counts what did not fit.
    final class Feed: Sendable {
        private let continuation: AsyncStream<Input>.Continuation
        private let lost = Atomic<Int>(0)

        init(_ continuation: AsyncStream<Input>.Continuation) { self.continuation = continuation }

        /// Inputs lost because `feedLimit` of them were waiting.
        var dropped: Int { lost.load(ordering: .relaxed) }

        func yield(_ input: Input) {
            if case .dropped = continuation.yield(input) { lost.wrappingAdd(1, ordering: .relaxed) }
        }

        func finish() { continuation.finish() }
    }
}
