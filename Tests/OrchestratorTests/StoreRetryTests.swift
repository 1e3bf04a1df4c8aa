import Store
import Testing

@testable import Orchestrator

/// A store that refuses so many times before it takes a write, and the pauses it was given.
private final class SulkingStore {
    var refusals: Int
    let error: StoreError
    var pauses: [Duration] = []
    var told: [Int] = []

    init(refusals: Int, error: StoreError = .writeFailed(path: "p", reason: "disk full")) {
        self.refusals = refusals
        self.error = error
    }

    func write() async -> Bool {
        await Store.untilTaken(pause: { self.pauses.append($0) }) { () throws(StoreError) in
            guard self.refusals == 0 else {
                self.refusals -= 1
                throw self.error
            }
        } refused: { attempt, error in
            #expect(error == self.error)
            self.told.append(attempt)
        }
    }
}

@Test func aFullDiskIsOutwaited() async {
    let store = SulkingStore(refusals: 40)
    #expect(await store.write())
    #expect(store.told == Array(1...40))
    #expect(
        store.pauses.prefix(6) == [
            .milliseconds(200), .milliseconds(400), .milliseconds(800), .milliseconds(1600),
            .milliseconds(3200), .seconds(5),
        ])
    #expect(store.pauses.dropFirst(5).allSatisfy { $0 == .seconds(5) })
    #expect(store.pauses.count == 40)
}

@Test(arguments: [StoreError.closed, .conflict("c"), .notFound("call")])
func whatTimeDoesNotCureIsGivenUpAtOnce(_ error: StoreError) async {
    let store = SulkingStore(refusals: 1, error: error)
    #expect(await !store.write())
    #expect(store.told == [1])
    #expect(store.pauses.isEmpty)
}

@Test func aCancelledTaskDoesNotSpin() async {
    let task = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        let store = SulkingStore(refusals: 5)
        let isStored = await store.write()
        return (isStored, store.told)
    }
    let (isStored, told) = await task.value
    #expect(!isStored)
    #expect(told == [1])
}
