internal import Base
internal import Foundation

/// The edge's two clocks. Core rooms get their readings as arguments.
enum SystemClock {
    /// CLOCK_MONOTONIC.
    static var instant: Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }

    /// CLOCK_REALTIME.
    static var wall: WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(
            milliseconds: Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000)
    }

    static var moment: CallFlow.Moment { CallFlow.Moment(instant: instant, wall: wall) }
}
