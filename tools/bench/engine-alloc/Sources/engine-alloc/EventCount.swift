import Synchronization

/// How many events the engine gave.
final class EventCount: Sendable {
    private let count = Atomic<Int>(0)
    func add(_ number: Int) { count.wrappingAdd(number, ordering: .relaxed) }
    var value: Int { count.load(ordering: .relaxed) }
}
