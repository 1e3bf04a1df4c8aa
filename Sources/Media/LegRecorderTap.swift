internal import Base

/// Puts what a leg hears (left) and says (right) side by side on one timeline and hands it,
/// interleaved, to a recorder.
///
/// ```
/// received ─► position by arrival, then sample after sample ─┐
///                                                            ├► window ─ 200 ms later ─► sink ring
/// sent ─────► position by tick, then sample after sample ────┘    (silence where nothing came)
/// ```
/// Position 0 is the moment of `init`; a position is that moment plus n samples of 8 kHz, so the
/// two sides stay aligned to the sample. The hold lets packets that the tap released late land in
/// place.
struct LegRecorderTap: ~Copyable {
    /// How long a position stays open, samples (200 ms): more than the tap's wait and two frames.
    static let hold = 1600
    /// Frames of the window (512 ms): the hold, a tick, and audio that runs ahead of the clock.
    static let windowFrames = 4096
    /// Further off than this from the clock, a side is placed by the clock again.
    static let maximumDrift = 1440

    private let sink: SampleRing
    private let window: UnsafeMutablePointer<Int16>
    private let zero: Instant
    /// First frame still in the window.
    private var flushed: Int64 = 0
    private var leftCursor: Int64?
    /// Position minus media clock of the sending side.
    private var rightOffset: Int64?
    private var end: Int64 = 0
    /// Frames that the full sink refused; made up as silence so that the file keeps its time.
    private var owed: Int64 = 0
    private(set) var droppedFrames = 0

    init(sink: SampleRing, now: Instant) {
        self.sink = sink
        zero = now
        window = .allocate(capacity: Self.windowFrames * 2)
        window.initialize(repeating: 0, count: Self.windowFrames * 2)
    }

    deinit { window.deallocate() }

    mutating func received(_ samples: UnsafeBufferPointer<Int16>, now: Instant) {
        let expected = position(now)
        var cursor = leftCursor ?? expected
        if abs(cursor - expected) > Int64(Self.maximumDrift) { cursor = expected }
        write(samples, at: cursor, side: 0)
        leftCursor = cursor + Int64(samples.count)
    }

    /// - Parameter clock: the sending side's media clock at the first sample, in samples.
    mutating func sent(_ samples: UnsafeBufferPointer<Int16>, clock: Int64, now: Instant) {
        let expected = position(now)
        var offset = rightOffset ?? expected - clock
        if abs(clock + offset - expected) > Int64(Self.maximumDrift) { offset = expected - clock }
        rightOffset = offset
        write(samples, at: clock + offset, side: 1)
    }

    /// Hands on everything that is older than the hold. Call each tick.
    mutating func advance(now: Instant) { flush(upTo: position(now) - Int64(Self.hold)) }

    /// Hands on everything.
    mutating func finish(now: Instant) { flush(upTo: max(position(now), end)) }

    private func position(_ now: Instant) -> Int64 { max(0, MediaLeg.samples(in: now - zero)) }

    private mutating func write(
        _ samples: UnsafeBufferPointer<Int16>, at position: Int64, side: Int
    ) {
        let skip = max(0, flushed - position)
        let room = flushed + Int64(Self.windowFrames) - position
        let stop = min(Int64(samples.count), room)
        guard skip < stop else { return }
        for index in Int(skip)..<Int(stop) {
            // SAFETY: the mask keeps the frame inside the window; side is 0 or 1.
            let frame = (Int(position) &+ index) & (Self.windowFrames - 1)
            window[frame * 2 + side] = samples[index]
        }
        end = max(end, position + stop)
    }

    private mutating func flush(upTo target: Int64) {
        while flushed < target {
            // Beyond the window there is only silence, one lap after the other.
            let frame = Int(flushed) & (Self.windowFrames - 1)
            let count = min(Int(target - flushed), Self.windowFrames - frame)
            let span = UnsafeBufferPointer(start: window + frame * 2, count: count * 2)
            hand(span)
            // SAFETY: frame + count ≤ windowFrames.
            (window + frame * 2).update(repeating: 0, count: count * 2)
            flushed += Int64(count)
        }
    }

    private mutating func hand(_ span: UnsafeBufferPointer<Int16>) {
        payDebt()
        if owed == 0, sink.free >= span.count {
            sink.write(span)
        } else {
            owed += Int64(span.count / 2)
            droppedFrames += span.count / 2
        }
    }

    private mutating func payDebt() {
        guard owed > 0 else { return }
        withUnsafeTemporaryAllocation(of: Int16.self, capacity: 512) { zeros in
            zeros.initialize(repeating: 0)
            while owed > 0, sink.free >= 512 {
                let frames = min(owed, 256)
                sink.write(UnsafeBufferPointer(rebasing: zeros[0..<Int(frames) * 2]))
                owed -= frames
            }
        }
    }
}
