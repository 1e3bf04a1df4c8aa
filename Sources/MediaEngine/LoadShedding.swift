internal import Base

/// When a worker leaves out optional work, so that what is not optional keeps its time.
///
/// ```
/// p99 lateness ≥ begin ──► shedding ──► p99 ≤ end for `calm` ──► all work again
///    (begin: a third of the limit of new legs; end: a quarter of begin)
/// ```
/// Detection's optional work goes first and long before new legs are refused (`Admission`).
struct LoadShedding {
    /// How long ticks must be on time before optional work is taken up again.
    static let calm = Interval.seconds(3)
    /// Opus encoders work no harder than this meanwhile, 0…10.
    static let opusComplexity = 1

    private let begin: Interval
    private let end: Interval
    private var quietSince: Instant?
    private(set) var isShedding = false
    /// Times that shedding began.
    private(set) var begun = 0

    /// - Parameter limit: p99 tick lateness above which new legs are refused; nil: nothing is shed.
    init(limit: Interval?) {
        begin = limit.map { Interval(nanoseconds: $0.nanoseconds / 3) } ?? .seconds(3600)
        end = Interval(nanoseconds: begin.nanoseconds / 4)
    }

    /// Call a few times a second with the newest p99.
    mutating func update(lateness: Interval, now: Instant) {
        guard isShedding else {
            if lateness >= begin {
                isShedding = true
                begun += 1
                quietSince = nil
            }
            return
        }
        guard lateness <= end else {
            quietSince = nil
            return
        }
        let since = quietSince ?? now
        quietSince = since
        if now - since >= Self.calm { isShedding = false }
    }
}
