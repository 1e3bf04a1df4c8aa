/// The recordings of one leg. One runs at a time; those that were told to end have their last word later,
/// when the disk is done with them.
struct RecordingBook: Sendable {
    /// One has begun and was not told to end.
    private(set) var isRunning = false
    /// Whose last word has not come.
    private var waiting = 0

    /// Everything that was begun has ended.
    var isSettled: Bool { waiting == 0 }

    mutating func began() {
        isRunning = true
        waiting += 1
    }

    mutating func stopped() { isRunning = false }

    /// One has finished or failed. Behind the last word of all none runs: it has failed by itself.
    mutating func ended() {
        waiting = max(0, waiting - 1)
        if waiting == 0 { isRunning = false }
    }

    /// Nobody waits for them any more.
    mutating func abandon() { self = RecordingBook() }
}
