internal import Audio
internal import Base

/// The end of a link at the leg that it comes from: one frame each tick, whatever the leg heard or
/// said.
///
/// What is *said* comes in frames of the leg's ptime (10 to 60 ms) and waits in `line` until its
/// tick. A listener who speaks to this leg himself gets the sum without his own voice.
final class LinkWriter {
    let link: LegLink
    private let legRate: Int
    private let tickSamples: Int
    private var resampler: Resampler?
    private let line: SampleRing?
    /// Of what is said without the listener's own voice, and of heard and said together.
    var saidLimiter = Limiter()
    private var limiter = Limiter()
    /// The line runs; it begins behind a reserve.
    private var hasBegun = false
    /// Samples of the last frame that was said.
    private var frameCount = 0
    /// Follows `isHeld` in ramps of one frame.
    private var level: Float = 1
    private var overruns = 0

    init(_ link: LegLink, legRate: Int) {
        self.link = link
        self.legRate = legRate
        tickSamples = legRate / 50
        line = link.tap.hasSent ? SampleRing(capacity: legRate / 8) : nil
        if link.sampleRate != legRate {
            resampler = try? Resampler(from: legRate, to: link.sampleRate)
        }
    }

    /// The same for a leg that has changed its rate.
    convenience init(from old: LinkWriter, legRate: Int) {
        self.init(old.link, legRate: legRate)
        level = old.level
    }

    /// What was counted since the last call.
    func report(to counters: inout LinkCounters) {
        counters.overrunSamples += overruns
        overruns = 0
    }

    /// Takes one frame of what the leg says; what finds no room (the leg does not tick) is left out.
    func said(_ frame: UnsafeBufferPointer<Int16>, scratch: LinkScratch) {
        guard let line else { return }
        // Frames that are no whole ticks come unevenly: 30 ms at ticks 1, 3, 4, 6 …
        let isUneven = frame.count > tickSamples && frame.count % tickSamples != 0
        let isNew = frame.count != frameCount
        frameCount = frame.count
        if !hasBegun {
            hasBegun = true
            if isUneven { line.write(scratch.silence(tickSamples)) }
        } else if isUneven, isNew, line.count < tickSamples / 2 {
            return stretch(frame, line, scratch)
        }
        overruns += frame.count - line.write(frame)
    }

    /// The packets' length has changed in mid-talk: the reserve of the line, half a tick at least, is a
    /// stretch of this frame said twice.
    private func stretch(
        _ frame: UnsafeBufferPointer<Int16>, _ line: SampleRing, _ scratch: LinkScratch
    ) {
        let overlap = legRate / 200
        let lags = tickSamples / 2...tickSamples * 3 / 4
        guard frame.count >= lags.upperBound + overlap, frame.count <= scratch.converted.count
        else {
            overruns += frame.count - line.write(frame)
            return
        }
        let lag =
            PlayoutTimeScale.meanSquare(frame) > PlayoutTimeScale.quiet
            ? PlayoutTimeScale.bestLag(frame, lags: lags, window: 2 * overlap).lag
            : lags.lowerBound
        let part = UnsafeMutableBufferPointer(rebasing: scratch.converted[0..<frame.count])
        PlayoutTimeScale.expand(frame, lag: lag, overlap: overlap, into: part)
        overruns += part.count - line.write(UnsafeBufferPointer(part))
        overruns += lag - line.write(UnsafeBufferPointer(rebasing: frame.suffix(lag)))
    }

    /// Writes this tick's frame. `heard` nil: the leg does not listen for anybody.
    ///
    /// - Parameter isHeld: the leg is on hold and nobody is to hear it.
    func write(
        heard: UnsafeBufferPointer<Int16>?, isHeld: Bool, now: Instant, scratch: LinkScratch
    ) {
        let frame = UnsafeMutableBufferPointer(rebasing: scratch.frame[0..<tickSamples])
        compose(heard, into: frame, scratch)
        ramp(frame, to: isHeld ? 0 : 1)
        guard resampler != nil else {
            overruns += link.write(UnsafeBufferPointer(frame), now: now)
            return
        }
        let written =
            resampler?.process(UnsafeBufferPointer(frame), into: scratch.converted).written ?? 0
        overruns += link.write(
            UnsafeBufferPointer(rebasing: scratch.converted[0..<written]), now: now)
    }

    private func compose(
        _ heard: UnsafeBufferPointer<Int16>?, into frame: UnsafeMutableBufferPointer<Int16>,
        _ scratch: LinkScratch
    ) {
        let wantsHeard = link.tap.hasReceived
        guard let line else {
            if let heard, wantsHeard { copy(heard, frame) } else { copy(nil, frame) }
            return
        }
        let got = line.read(into: frame)
        if got < frame.count { hasBegun = false }
        for index in got..<frame.count { frame[index] = 0 }
        guard wantsHeard, let heard else { return }
        let sums = scratch.sums
        for index in frame.indices {
            sums[index] = Int32(frame[index]) + (index < heard.count ? Int32(heard[index]) : 0)
        }
        limiter.limit(UnsafeBufferPointer(rebasing: sums[0..<frame.count]), into: frame)
    }

    private func copy(
        _ source: UnsafeBufferPointer<Int16>?, _ frame: UnsafeMutableBufferPointer<Int16>
    ) {
        for index in frame.indices {
            frame[index] = source.map { index < $0.count ? $0[index] : 0 } ?? 0
        }
    }

    private func ramp(_ frame: UnsafeMutableBufferPointer<Int16>, to target: Float) {
        if level == 1, target == 1 { return }
        let step = (target - level) / Float(max(1, frame.count))
        for index in frame.indices {
            frame[index] = Int16(Float(frame[index]) * (level + step * Float(index + 1)))
        }
        level = target
    }
}

/// Buffers that all ends of a leg's links share, each inside one call.
final class LinkScratch {
    // SAFETY: allocated in `init`, freed in `deinit`; the leg's thread alone uses them.
    let frame: UnsafeMutableBufferPointer<Int16>
    let heard: UnsafeMutableBufferPointer<Int16>
    let converted: UnsafeMutableBufferPointer<Int16>
    let sums: UnsafeMutableBufferPointer<Int32>

    /// Room for the longest frame at the highest rate.
    init() {
        let longest = LinkReader.longestFrame * 16
        frame = .allocate(capacity: longest)
        frame.initialize(repeating: 0)
        heard = .allocate(capacity: longest)
        heard.initialize(repeating: 0)
        converted = .allocate(capacity: longest)
        converted.initialize(repeating: 0)
        sums = .allocate(capacity: longest)
        sums.initialize(repeating: 0)
    }

    deinit {
        frame.deallocate()
        heard.deallocate()
        converted.deallocate()
        sums.deallocate()
    }

    func silence(_ count: Int) -> UnsafeBufferPointer<Int16> {
        let part = UnsafeMutableBufferPointer(rebasing: converted[0..<min(count, converted.count)])
        part.update(repeating: 0)
        return UnsafeBufferPointer(part)
    }
}
