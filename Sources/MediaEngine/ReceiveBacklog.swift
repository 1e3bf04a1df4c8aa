internal import Base

/// How long packets may have waited for a worker, and whether that is long.
///
/// ```
/// taken ──── epoll_wait: some sockets ──── epoll_wait: the rest ──── …
///   └──────────────── held ────────────────────┘
/// ```
/// epoll hands out `MediaWorker.eventCapacity` readable sockets at a time, those first that have waited longest, and
/// the worker takes one packet of each, because there rarely is a second. A worker that is behind so goes
/// through all its legs for each packet of theirs, and finds none of their memory near; it never catches up, although
/// its ticks are on time. When packets have been `held` for long it therefore takes several of a
/// socket at once: all but the first find the leg near, and there are the more of them the longer it is behind.
struct ReceiveBacklog {
    /// Packets that waited this long have others behind them: a quarter of a tick.
    static let long = Interval.milliseconds(5)
    /// Datagrams taken of one socket then: a flood at one port gets no more of a turn.
    static let batch = 16

    /// What came before this has been taken.
    private var taken: Instant
    /// The longest that a packet of this turn may have waited, zero unless that is `long`.
    private(set) var held = Interval.zero
    /// Times that packets began to be held for long.
    private(set) var count = 0

    init(now: Instant) { taken = now }

    var isLong: Bool { held > .zero }

    /// Call once a turn, after `epoll_wait`.
    ///
    /// - Parameters:
    ///   - asked: when it was called.
    ///   - timeout: the longest that it was to wait; what it took beyond that, the machine stood still.
    ///   - answered: when it returned.
    ///   - isComplete: it returned every readable socket.
    mutating func turn(asked: Instant, timeout: Interval, answered: Instant, isComplete: Bool) {
        let longest = asked - taken + max(.zero, answered - asked - timeout)
        if isComplete { taken = answered }
        let isLong = longest >= Self.long
        if isLong && held == .zero { count += 1 }
        held = isLong ? longest : .zero
    }
}
