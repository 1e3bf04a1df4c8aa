internal import Audio
internal import Base

/// The end of a link at the leg that speaks it: takes a frame at a time out of the ring and makes
/// it fit to be added to what else the leg says.
///
/// ```
///            enough there?          too much for a second?      level, start, end
/// ring ──►  start (phases of the ──► one pitch period less ──► ramp over a frame, ──► frame
///            two ticks known)          too little? one more     > 0 dB: Limiter
///                                      short? decay to 0
/// ```
/// Each leg's tick follows its own far end's packets, so the phases of the two ticks drift past each
/// other: a frame too many or too few each 200 s at 100 ppm. The link holds one frame at most beyond
/// what those phases cost; what changes that otherwise is a worker that was stopped.
final class LinkReader {
    /// How much earlier than the reader's tick a frame must have been due to be counted on: a
    /// worker may begin its tick 0.75 ms late and be late itself.
    static let margin = Interval.milliseconds(3)
    /// From here on that frame is one too many: ticks move by a millisecond or two at a time, and must
    /// not have audio stretched and shortened in turn.
    static let looseMargin = Interval.milliseconds(7)
    /// Frames over which too much must have been there before it is given up (1 s of 20 ms).
    static let watch = 50
    /// Beyond this, in ms, the surplus is not worn down but jumped over.
    static let jumpLimit = 100
    /// Frames sent are at most 60 ms.
    static let longestFrame = 60

    let link: LegLink
    let legRate: Int
    /// The frame that `take` made, at the leg's rate: its other listeners get the sum without it.
    let frame: UnsafeMutableBufferPointer<Int16>
    // SAFETY: allocated in `init`, freed in `deinit`, used by this object alone.
    private let scratch: UnsafeMutableBufferPointer<Int16>
    private let fade: UnsafeMutableBufferPointer<Int16>
    /// What a level above 0 dB makes of a frame, on its way to `limiter`.
    private let wide: UnsafeMutableBufferPointer<Int32>
    private var limiter = Limiter()
    private var resampler: Resampler?
    private let overlap: Int
    private(set) var isPlaying = false
    /// Where the level's ramp has come to.
    private var gain: Float = 0
    private var lastSample: Int16 = 0
    private var decay = 0
    /// What was left in the ring beyond what has to be, at least: by the loose margin, and by the other.
    private var excess = Int.max
    private var slack = Int.max
    private var watched = 0
    /// Samples to lose, or to gain, a pitch period at a time.
    private var surplus = 0
    private var deficit = 0
    /// Frames in a row that were unfit to be stretched.
    private var unfit = 0
    /// It was said of this link that it has ended, and its last frame was given.
    private(set) var isFinished = false
    /// The frame at hand holds sound.
    private(set) var speaks = false
    private var underruns = 0
    private var trimmed = 0

    init(_ link: LegLink, legRate: Int) {
        self.link = link
        self.legRate = legRate
        overlap = link.sampleRate / 200
        frame = .allocate(capacity: legRate * Self.longestFrame / 1000)
        frame.initialize(repeating: 0)
        scratch = .allocate(
            capacity: link.sampleRate * Self.longestFrame / 500 + link.sampleRate * 15 / 1000)
        scratch.initialize(repeating: 0)
        fade = .allocate(capacity: overlap)
        fade.initialize(repeating: 0)
        wide = .allocate(capacity: link.sampleRate * Self.longestFrame / 1000)
        wide.initialize(repeating: 0)
        if link.sampleRate != legRate {
            resampler = try? Resampler(from: link.sampleRate, to: legRate)
        }
    }

    /// The same for a leg that has changed its rate: what was playing plays on.
    convenience init(from old: LinkReader, legRate: Int) {
        self.init(old.link, legRate: legRate)
        isPlaying = old.isPlaying
        gain = old.gain
        limiter = old.limiter
        lastSample = old.lastSample
        decay = old.decay
        isFinished = old.isFinished
    }

    deinit {
        frame.deallocate()
        scratch.deallocate()
        fade.deallocate()
        wide.deallocate()
    }

    /// Makes the next `count` samples in `frame`; `speaks` is false when they are silence.
    ///
    /// - Parameter now: nominal time of the leg's tick.
    func take(_ count: Int, now: Instant) { speaks = make(count, now) }

    /// What was counted since the last call.
    func report(to counters: inout LinkCounters) {
        counters.underruns += underruns
        counters.trimmedSamples += trimmed
        underruns = 0
        trimmed = 0
    }

    private func make(_ count: Int, _ now: Instant) -> Bool {
        guard count > 0, count <= frame.count, legRate > 0 else { return false }
        let wanted = count * link.sampleRate / legRate
        let part = UnsafeMutableBufferPointer(rebasing: scratch[0..<wanted])
        let isEnding = link.ended != nil
        if !isPlaying, isEnding || !start(wanted, now) {
            if isEnding, decay == 0 { isFinished = true }
            guard fill(part, from: 0) else { return false }
            return convert(wanted, count)
        }
        let read = isEnding ? link.ring.read(into: part) : readAdjusted(part, now)
        ramp(UnsafeMutableBufferPointer(rebasing: part[0..<read]), to: isEnding ? 0 : link.gain)
        if read > 0 { lastSample = part[read - 1] }
        if read < wanted {
            if !isEnding { underruns += 1 }
            isPlaying = false
            gain = 0
            decay = overlap
            _ = fill(part, from: read)
        }
        if isEnding {
            isPlaying = false
            isFinished = decay == 0
        }
        return convert(wanted, count)
    }

    /// What is there is not spoken: a live voice does not wait.
    func skip() {
        _ = link.ring.discard(upTo: link.ring.writePosition)
        isPlaying = false
        speaks = false
        decay = 0
        gain = 0
        if link.ended != nil { isFinished = true }
    }

    // MARK: start

    /// Begins when a frame is there and the next will come in time, without older ones.
    private func start(_ wanted: Int, _ now: Instant) -> Bool {
        guard let newest = link.newestFrame else { return false }
        let needed = wanted + reserve(wanted, now - newest) + restOfTick(wanted)
        let available = link.ring.count
        guard available >= needed else { return false }
        _ = link.ring.discard(upTo: link.ring.writePosition - needed)
        isPlaying = true
        settle()
        return true
    }

    /// What must be there beyond this frame: a tick when the writer's comes at the same moment or
    /// just afterwards, and one when frames of ours are no whole ticks.
    private func reserve(
        _ wanted: Int, _ age: Interval, within margin: Interval = LinkReader.margin
    ) -> Int {
        let tick = link.sampleRate / 50
        return (age < margin ? tick : 0) + (wanted > tick && wanted % tick != 0 ? tick : 0)
    }

    /// Frames shorter than a tick are read several at once.
    private func restOfTick(_ wanted: Int) -> Int { max(0, link.sampleRate / 50 - wanted) }

    // MARK: too much, too little

    private func watch() {
        excess = .max
        slack = .max
        watched = 0
    }

    private func settle() {
        surplus = 0
        deficit = 0
        unfit = 0
        watch()
    }

    /// Reads a frame, shortened when there has been too much for a while, stretched when the next one
    /// may soon come too late.
    private func readAdjusted(_ part: UnsafeMutableBufferPointer<Int16>, _ now: Instant) -> Int {
        let available = link.ring.count
        let rate = link.sampleRate
        if available - part.count > rate * Self.jumpLimit / 1000 { return jump(part, now) }
        judge(available - part.count, part.count, link.newestFrame.map { now - $0 } ?? .zero)
        if surplus > 0, let read = shorten(part, available) { return read }
        if deficit > 0, let read = stretch(part, available) { return read }
        return link.ring.read(into: part)
    }

    /// - Parameters:
    ///   - left: in the ring behind this frame.
    ///   - age: of the newest that the writer has given.
    private func judge(_ left: Int, _ wanted: Int, _ age: Interval) {
        excess = min(excess, left - reserve(wanted, age, within: Self.looseMargin))
        slack = min(slack, left - reserve(0, age))
        watched += 1
        guard watched >= Self.watch else { return }
        surplus = excess < link.sampleRate / 100 ? 0 : excess
        deficit = max(0, -slack)
        watch()
    }

    /// Says one pitch period twice, where the waveform repeats itself best.
    private func stretch(_ part: UnsafeMutableBufferPointer<Int16>, _ available: Int) -> Int? {
        let rate = link.sampleRate
        let lags = rate / 400...rate * 15 / 1000
        // Beyond what is wanted, as long as that is not too much then: low voices have long periods.
        let largest = min(lags.upperBound, part.count - overlap, deficit + rate / 100 - 1)
        guard largest >= lags.lowerBound, available >= part.count else { return nil }
        let ahead = min(available, part.count + lags.upperBound)
        let run = UnsafeMutableBufferPointer(
            rebasing: scratch[part.count..<part.count + ahead])
        guard link.ring.peek(into: run) == run.count else { return nil }
        let audio = UnsafeBufferPointer(run)
        var lag = largest
        if PlayoutTimeScale.meanSquare(audio) > PlayoutTimeScale.quiet {
            let best = PlayoutTimeScale.bestLag(
                audio, lags: lags.lowerBound...largest, window: 2 * overlap)
            // There is time to wait for a better place, though not for ever.
            unfit += 1
            guard best.similarity >= PlayoutTimeScale.similar || unfit > Self.watch else {
                return nil
            }
            lag = best.lag
        }
        PlayoutTimeScale.expand(audio, lag: lag, overlap: overlap, into: part)
        link.ring.discard(upTo: link.ring.readPosition + part.count - lag)
        deficit = max(0, deficit - lag)
        unfit = 0
        watch()
        return part.count
    }

    /// Loses one pitch period, where the waveform repeats itself best.
    private func shorten(_ part: UnsafeMutableBufferPointer<Int16>, _ available: Int) -> Int? {
        let rate = link.sampleRate
        let lags = rate / 400...rate * 15 / 1000
        let largest = min(lags.upperBound, surplus, available - part.count)
        guard largest >= lags.lowerBound, part.count >= 2 * overlap else {
            surplus = 0
            return nil
        }
        let run = UnsafeMutableBufferPointer(rebasing: scratch[0..<part.count + largest])
        guard link.ring.peek(into: run) == run.count else { return nil }
        let audio = UnsafeBufferPointer(run)
        var lag = largest
        if PlayoutTimeScale.meanSquare(audio) > PlayoutTimeScale.quiet {
            lag =
                PlayoutTimeScale.bestLag(
                    audio, lags: lags.lowerBound...largest, window: 2 * overlap
                ).lag
        }
        // `part` is the beginning of `run`: each sample is read before it is written.
        PlayoutTimeScale.compress(audio, lag: lag, overlap: overlap, into: part)
        link.ring.discard(upTo: link.ring.readPosition + part.count + lag)
        surplus -= lag
        trimmed += lag
        return part.count
    }

    /// Goes on with the newest, cross-faded: a worker was stopped and has made up its ticks.
    private func jump(_ part: UnsafeMutableBufferPointer<Int16>, _ now: Instant) -> Int {
        let old = link.ring.peek(into: fade)
        let age = link.newestFrame.map { now - $0 } ?? .zero
        let goal =
            link.ring.writePosition - part.count - reserve(part.count, age)
            - restOfTick(part.count)
        trimmed += link.ring.discard(upTo: goal)
        let read = link.ring.read(into: part)
        for index in 0..<min(old, read) {
            part[index] = PlayoutTimeScale.blend(fade[index], part[index], index, overlap)
        }
        settle()
        return read
    }

    // MARK: samples

    /// Multiplies by the level, which goes to `target` in a straight line over the frame: every
    /// start, end and change of level is free of clicks. Above 0 dB peaks are turned down, not cut.
    private func ramp(_ samples: UnsafeMutableBufferPointer<Int16>, to target: Float) {
        guard !samples.isEmpty else { return }
        defer { gain = target }
        let step = (target - gain) / Float(samples.count)
        guard max(gain, target) <= 1, limiter.gain == 1 else {
            for index in samples.indices {
                wide[index] = Int32(Float(samples[index]) * (gain + step * Float(index + 1)))
            }
            let products = UnsafeBufferPointer(rebasing: wide[0..<samples.count])
            return limiter.limit(products, into: samples)
        }
        if gain == 1, target == 1 { return }
        for index in samples.indices {
            let value = Float(samples[index]) * (gain + step * Float(index + 1))
            samples[index] = Int16(max(-32_768, min(32_767, value)))
        }
    }

    /// Fills `part` from `start` on with what is left of the last sample, then silence. Returns
    /// false when all of `part` is silence.
    private func fill(_ part: UnsafeMutableBufferPointer<Int16>, from start: Int) -> Bool {
        let hasSound = start > 0 || decay > 0
        for index in start..<part.count {
            part[index] = decay > 0 ? Int16(Int(lastSample) * decay / overlap) : 0
            decay -= min(1, decay)
        }
        return hasSound
    }

    private func convert(_ wanted: Int, _ count: Int) -> Bool {
        let input = UnsafeBufferPointer(rebasing: scratch[0..<wanted])
        let output = UnsafeMutableBufferPointer(rebasing: frame[0..<count])
        guard resampler != nil else {
            for index in 0..<min(wanted, count) { output[index] = input[index] }
            return true
        }
        let written = resampler?.process(input, into: output).written ?? 0
        for index in written..<count { output[index] = 0 }
        return true
    }
}
