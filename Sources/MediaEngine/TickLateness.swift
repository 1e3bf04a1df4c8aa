internal import Base

/// How late a worker's ticks were, or the packets between them, over the last seconds: its 99th percentile is what tells an
/// overloaded worker from a busy one, long before a packet is lost.
struct TickLateness {
    /// Seconds looked back over.
    static let seconds = 3
    /// Fewer ticks than this say nothing: one hiccup of a nearly idle worker is no overload.
    static let minimumTicks = 500
    /// Buckets of 250 µs up to 100 ms, one for everything above.
    private static let width = Interval.microseconds(250)
    private static let buckets = 401

    /// `seconds` rows of `buckets`, the current one at `row`.
    private var counts = [UInt32](repeating: 0, count: seconds * buckets)
    private var row = 0
    private var rowEnd: Instant

    init(now: Instant) { rowEnd = now + .seconds(1) }

    /// - Parameters:
    ///   - lateness: of a tick.
    ///   - held: how long packets had waited by then (`ReceiveBacklog`): ticks run on time where packets do not.
    mutating func observe(_ lateness: Interval, held: Interval = .zero) {
        let bucket = max(0, max(lateness, held).nanoseconds / Self.width.nanoseconds)
        counts[row * Self.buckets + Int(min(bucket, Int64(Self.buckets - 1)))] &+= 1
    }

    /// Begins a new second when it is time, forgetting the oldest. Call a few times a second.
    mutating func advance(now: Instant) {
        guard now >= rowEnd else { return }
        rowEnd = now + .seconds(1)
        row = (row + 1) % Self.seconds
        for bucket in 0..<Self.buckets { counts[row * Self.buckets + bucket] = 0 }
    }

    /// Upper end of the bucket that 99 % of the ticks lie in or below; zero with too few ticks.
    var p99: Interval {
        var total = 0
        for count in counts { total += Int(count) }
        guard total >= Self.minimumTicks else { return .zero }
        var above = total / 100
        for bucket in stride(from: Self.buckets - 1, through: 0, by: -1) {
            for row in 0..<Self.seconds { above -= Int(counts[row * Self.buckets + bucket]) }
            if above < 0 { return Self.width * Int64(bucket + 1) }
        }
        return .zero
    }
}

/// Which worker takes a new leg: the one with the fewest legs among those that keep their time.
struct Admission {
    /// A worker whose p99 tick lateness is above this takes no more legs; nil: all always do.
    let limit: Interval?

    /// nil: every worker is late.
    func worker(load: [Int], lateness: (_ worker: Int) -> Interval) -> Int? {
        var best: Int?
        for index in load.indices {
            if let limit, lateness(index) > limit { continue }
            if let known = best, load[known] <= load[index] { continue }
            best = index
        }
        return best
    }
}
