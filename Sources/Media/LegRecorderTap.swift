internal import Audio
internal import Base

/// Puts what a leg hears (left) and says (right) side by side on one timeline and hands it,
/// interleaved, to a recorder.
///
/// ```
/// received ─► position by arrival, then sample after sample ─┐
///                                                            ├► window ─ 200 ms later ─► sink ring
/// sent ─────► position by tick, then sample after sample ────┘    (silence where nothing came)
/// ```
/// Position 0 is the moment of `init`; a position is that moment plus n samples of `rate`. Each side
/// has its media clock, which a `RecorderAlignment` ties to positions, so the two stay aligned to
/// the sample over loss, silence suppression and hold; a clock that drifts is followed by a sample at
/// a time. The window lets what the tap released late land in place. A side whose codec has another
/// rate is resampled, the filter's delay taken out.
struct LegRecorderTap: ~Copyable {
    /// How long a position stays open: more than the tap's wait and two frames.
    static let holdMilliseconds = 200

    /// Hz, of the file.
    let rate: Int
    private let sink: SampleRing
    private let window: UnsafeMutablePointer<Int16>
    /// 512 ms, a power of two: the hold, a tick, and audio that runs ahead of the clock.
    private let windowFrames: Int
    private let zero: Instant
    private let hold: Int64
    /// First frame still in the window.
    private var flushed: Int64 = 0
    private var leftPlaces: RecorderAlignment
    private var rightPlaces: RecorderAlignment
    /// Where audio without a place of its own goes on: behind the last that was received.
    private var leftCursor: Int64?
    private var left = Side()
    private var right = Side()
    private var end: Int64 = 0
    /// Frames that the full sink refused; made up as silence so that the file keeps its time.
    private var owed: Int64 = 0
    private(set) var droppedFrames = 0

    /// The resampler of one side, while it needs one.
    private struct Side: ~Copyable {
        var filter: Resampler?
        var rate = 0
        /// Output of the filter that belongs to the time before its first input.
        var warmUp = 0
        /// Behind the last sample written.
        var end = Int64.min
    }

    /// - Parameter rate: 8000 or 16000 Hz.
    init(sink: SampleRing, rate: Int = 8000, now: Instant) {
        self.sink = sink
        self.rate = rate
        zero = now
        windowFrames = 4096 * max(1, rate / 8000)
        hold = Int64(Self.holdMilliseconds * rate / 1000)
        leftPlaces = RecorderAlignment(rate: rate)
        rightPlaces = RecorderAlignment(rate: rate)
        window = .allocate(capacity: windowFrames * 2)
        window.initialize(repeating: 0, count: windowFrames * 2)
    }

    deinit { window.deallocate() }

    /// What was heard, at `rate` Hz.
    ///
    /// - Parameter media: the far end's media clock at the first sample, in units of `clockRate`;
    ///   nil: audio made up in place of what did not come.
    mutating func received(
        _ samples: UnsafeBufferPointer<Int16>, rate: Int, at media: Int64?, clockRate: Int,
        now: Instant, workspace: inout LegWorkspace
    ) {
        let expected = position(now)
        var place = leftCursor ?? expected
        if let media {
            let clock =
                media / Int64(clockRate) * Int64(self.rate)
                + media % Int64(clockRate) * Int64(self.rate) / Int64(clockRate)
            place = leftPlaces.place(clock, expected: expected)
        }
        let fitted = Self.fit(&left, samples, from: rate, to: self.rate, &workspace)
        let start = place + fitted.offset
        if start - 1 == left.end { mend(fitted.samples, at: left.end, side: 0) }
        write(fitted.samples, at: start, side: 0)
        left.end = start + Int64(fitted.samples.count)
        leftCursor = place + fitted.advance
    }

    /// What was said, at `rate` Hz.
    ///
    /// - Parameters:
    ///   - milliseconds: the sending side's media clock at the first sample, and beyond that
    ///   - ahead: units of `clockRate`.
    mutating func sent(
        _ samples: UnsafeBufferPointer<Int16>, rate: Int, milliseconds: Int64, ahead: Int64 = 0,
        clockRate: Int = 1, now: Instant, workspace: inout LegWorkspace
    ) {
        let clock =
            milliseconds * Int64(self.rate) / 1000 + ahead * Int64(self.rate) / Int64(clockRate)
        let place = rightPlaces.place(clock, expected: position(now))
        let fitted = Self.fit(&right, samples, from: rate, to: self.rate, &workspace)
        let start = place + fitted.offset
        if start - 1 == right.end { mend(fitted.samples, at: right.end, side: 1) }
        write(fitted.samples, at: start, side: 1)
        right.end = start + Int64(fitted.samples.count)
    }

    /// Hands on everything that is older than the hold. Call each tick.
    mutating func advance(now: Instant) { flush(upTo: position(now) - hold) }

    /// Hands on everything.
    mutating func finish(now: Instant) { flush(upTo: max(position(now), end)) }

    private func position(_ now: Instant) -> Int64 {
        max(0, MediaLeg.samples(in: now - zero, rate: rate))
    }

    /// `samples` at the recorder's rate, where the first of them belongs beside the given position,
    /// and how far the side has come. A filter is made when a side's rate changes; the time before
    /// its first input, which it makes of nothing, is left out.
    private static func fit(
        _ side: inout Side, _ samples: UnsafeBufferPointer<Int16>, from rate: Int, to target: Int,
        _ workspace: inout LegWorkspace
    ) -> (samples: UnsafeBufferPointer<Int16>, offset: Int64, advance: Int64) {
        if rate != side.rate {
            side.rate = rate
            side.filter = rate == target ? nil : resampler(from: rate, to: target)
            side.warmUp = side.filter?.latencySamples ?? 0
        }
        guard let delay = side.filter?.latencySamples,
            let result = side.filter?.process(samples, into: workspace.resampled)
        else { return (samples, 0, Int64(samples.count)) }
        let silent = min(side.warmUp, result.written)
        side.warmUp -= silent
        return (
            UnsafeBufferPointer(rebasing: workspace.resampled[silent..<result.written]),
            Int64(silent - delay), Int64(result.written)
        )
    }

    /// Rates are those of codecs, which the resampler all takes.
    private static func resampler(from input: Int, to output: Int) -> Resampler? {
        do throws(AudioError) {
            return try Resampler(from: input, to: output)
        } catch {
            return nil
        }
    }

    /// The alignment has moved by a sample: its place gets the one that follows, and is no hole.
    private mutating func mend(
        _ samples: UnsafeBufferPointer<Int16>, at position: Int64, side: Int
    ) {
        guard !samples.isEmpty else { return }
        write(UnsafeBufferPointer(rebasing: samples[0..<1]), at: position, side: side)
    }

    private mutating func write(
        _ samples: UnsafeBufferPointer<Int16>, at position: Int64, side: Int
    ) {
        let skip = max(0, flushed - position)
        let room = flushed + Int64(windowFrames) - position
        let stop = min(Int64(samples.count), room)
        guard skip < stop else { return }
        for index in Int(skip)..<Int(stop) {
            // SAFETY: the mask keeps the frame inside the window; side is 0 or 1.
            let frame = (Int(position) &+ index) & (windowFrames - 1)
            window[frame * 2 + side] = samples[index]
        }
        end = max(end, position + stop)
    }

    private mutating func flush(upTo target: Int64) {
        while flushed < target {
            // Beyond the window there is only silence, one lap after the other.
            let frame = Int(flushed) & (windowFrames - 1)
            let count = min(Int(target - flushed), windowFrames - frame)
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
