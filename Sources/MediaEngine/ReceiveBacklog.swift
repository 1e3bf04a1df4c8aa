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
///
/// Where that has not helped within `patience`, there is more to do than the core has time for, and each leg would stay
/// as late as its socket is deep (three to five seconds). From then on a socket at which `staleDepth` packets wait gives
/// its newest `batch`; the audio before them is late for any conversation and dropped (`MediaWorker+Receive`).
struct ReceiveBacklog {
    /// Packets that waited this long have others behind them: a quarter of a tick.
    static let long = Interval.milliseconds(5)
    /// Datagrams taken of one socket then: a flood at one port gets no more of a turn.
    static let batch = 16
    /// Packets at a socket before audio is given up: 1.6 s. Less, and a worker that is about to catch up would lose
    /// audio that it has time for.
    static let staleDepth = 5 * batch
    /// Batches taken of one socket in a turn then: more than a socket holds.
    static let staleBatches = 32
    /// What a worker has time for to catch up before audio is given up.
    static let patience = Interval.seconds(5)

    private let patience: Interval
    /// What came before this has been taken.
    private var taken: Instant
    /// The longest that a packet of this turn may have waited, zero unless that is `long`.
    private(set) var held = Interval.zero
    /// The first turn since which packets have been held for long, all the time.
    private var longSince: Instant?
    /// They have been for longer than `patience`.
    private(set) var isStale = false
    /// Times that packets began to be held for long.
    private(set) var count = 0

    init(now: Instant, patience: Interval = Self.patience) {
        taken = now
        self.patience = patience
    }

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
        guard isLong else {
            longSince = nil
            isStale = false
            return
        }
        // From when it was noticed: a machine that stood still has its time to catch up afterwards.
        let since = longSince ?? answered
        longSince = since
        isStale = answered - since >= patience
    }
}
