internal import Audio
public import Base

extension PlayoutBuffer {
    /// Fills one frame, `configuration.frameSamples` long or shorter. Call at a steady pace.
    public mutating func pull(
        into frame: UnsafeMutableBufferPointer<Int16>, now: Instant
    ) -> PlayoutFrame {
        var result = PlayoutFrame()
        guard !frame.isEmpty, frame.count <= configuration.frameSamples else { return result }
        let time = clock(now)
        guard isStarted, let base = delay.base else {
            fill(frame, .silence, &result)
            counters.add(result)
            return result
        }
        keepWithinBound(time, base, frame.count, &result)
        var written = adjust(frame, time, base, &result)
        while written < frame.count {
            let rest = UnsafeMutableBufferPointer(rebasing: frame[written...])
            if timeline.isPresent(point) {
                written += play(rest, &result)
            } else {
                written += passGap(rest, time &+ Int64(written), base, &result)
            }
        }
        if result.audio > 0 { lastDelay = time &+ Int64(frame.count) &- point &- base }
        counters.add(result)
        return result
    }

    // MARK: the delay

    /// Jumps ahead when what is heard lies further back than the bound allows and something newer
    /// is there to be heard instead.
    private mutating func keepWithinBound(
        _ time: Int64, _ base: Int64, _ count: Int, _ result: inout PlayoutFrame
    ) {
        let bound = maximumDelaySamples + Int64(configuration.frameSamples)
        let excess = time &- point &- base &- bound
        guard hasPlayed, excess > 0 else { return }
        let goal = min(point &+ excess, newest &- Int64(count))
        guard goal > point, let found = timeline.next(from: goal, through: newest) else { return }
        if filling == .none, timeline.run(from: point, limit: overlap) == overlap {
            timeline.copy(from: point, into: fade, count: overlap)
            fadeLeft = overlap
        }
        result.skipped += Int(clamping: found - point)
        point = found
    }

    /// Plays a whole frame one pitch period shorter or longer when the delay is off its target
    /// and the waveform allows it. Returns the samples written: all or none.
    private mutating func adjust(
        _ frame: UnsafeMutableBufferPointer<Int16>, _ time: Int64, _ base: Int64,
        _ result: inout PlayoutFrame
    ) -> Int {
        let deviation = Int(clamping: time &- point &- base) - targetSamples
        let rate = configuration.clockRate
        // Hysteresis: 10 ms above, 5 ms below. From 40 ms on any cut is better than none.
        guard hasPlayed, filling == .none, fadeLeft == 0,
            deviation > rate / 100 || deviation < -rate / 200
        else { return 0 }
        let run = timeline.run(from: point, limit: frame.count + maximumLag)
        let isLonger = deviation < 0
        let largest =
            isLonger
            ? min(maximumLag, -deviation, frame.count - overlap)
            : min(maximumLag, deviation, run - frame.count)
        guard run >= frame.count, largest >= minimumLag else { return 0 }
        timeline.copy(from: point, into: scratch, count: run)
        let audio = UnsafeBufferPointer(rebasing: scratch[0..<run])
        var lag = largest
        if PlayoutTimeScale.meanSquare(audio) > PlayoutTimeScale.quiet {
            let best = PlayoutTimeScale.bestLag(
                audio, lags: minimumLag...largest, window: 2 * overlap)
            guard best.similarity >= PlayoutTimeScale.similar || deviation.magnitude > rate / 25
            else { return 0 }
            lag = best.lag
        }
        if isLonger {
            PlayoutTimeScale.expand(audio, lag: lag, overlap: overlap, into: frame)
            result.audio = frame.count - lag
            result.expanded = lag
            point += Int64(frame.count - lag)
        } else {
            PlayoutTimeScale.compress(audio, lag: lag, overlap: overlap, into: frame)
            result.audio = frame.count
            result.compressed = lag
            point += Int64(frame.count + lag)
        }
        concealer.good(UnsafeBufferPointer(frame))
        lastSample = frame[frame.count - 1]
        return frame.count
    }

    // MARK: what is there

    private mutating func play(
        _ rest: UnsafeMutableBufferPointer<Int16>, _ result: inout PlayoutFrame
    ) -> Int {
        if filling != .none { prepareFade() }
        let run = timeline.run(from: point, limit: rest.count)
        timeline.copy(from: point, into: rest, count: run)
        for index in 0..<min(run, fadeLeft) {
            let step = overlap - fadeLeft + index
            rest[index] = PlayoutTimeScale.blend(fade[step], rest[index], step, overlap)
        }
        fadeLeft -= min(run, fadeLeft)
        concealer.good(UnsafeBufferPointer(rebasing: rest[0..<run]))
        lastSample = rest[run - 1]
        point += Int64(run)
        result.audio += run
        hasPlayed = true
        if isStarving { counters.underruns += 1 }
        isStarving = false
        return run
    }

    /// The fill goes on underneath the first 5 ms of audio.
    private mutating func prepareFade() {
        if filling == .concealed {
            concealer.conceal(into: fade)
        } else {
            fade.update(repeating: 0)
        }
        addSeam(to: fade)
        filling = .none
        fillRun = 0
        seamLeft = 0
        fadeLeft = overlap
    }

    // MARK: what is not

    /// Fills until the next audio is due, or to the end. Returns the samples written; 0 when the
    /// play point jumped to audio that is due already.
    private mutating func passGap(
        _ rest: UnsafeMutableBufferPointer<Int16>, _ time: Int64, _ base: Int64,
        _ result: inout PlayoutFrame
    ) -> Int {
        guard let next = timeline.next(from: point, through: newest) else {
            isStarving = hasPlayed
            fill(rest, hasPlayed ? .concealed : .silence, &result)
            return rest.count
        }
        if isStarving {
            // Not a pause: what is missing here was sent, and has not come in time.
            if !isPause(before: next) { counters.underruns += 1 }
            isStarving = false
        }
        let wait = next &+ base &+ Int64(targetSamples) &- time
        guard wait > 0 else {
            if filling == .none {
                // Straight from audio to later audio: the concealer bridges the seam.
                result.skipped += Int(clamping: next - point)
                filling = .concealed
            }
            point = next
            return 0
        }
        let count = min(rest.count, Int(clamping: wait))
        let kind: Filling = isPause(before: next) ? .silence : .concealed
        fill(UnsafeMutableBufferPointer(rebasing: rest[0..<count]), kind, &result)
        point = min(next - 1, point &+ Int64(count))
        return count
    }

    private mutating func fill(
        _ rest: UnsafeMutableBufferPointer<Int16>, _ kind: Filling, _ result: inout PlayoutFrame
    ) {
        // What began as concealment is silence once it has faded out.
        let isConcealed = kind == .concealed && fillRun < concealLimit
        if isConcealed {
            concealer.conceal(into: rest)
            result.concealed += rest.count
        } else {
            rest.update(repeating: 0)
            result.silence += rest.count
        }
        let now: Filling = isConcealed ? .concealed : .silence
        if filling != now {
            seamOffset = Int(lastSample) - Int(rest[0])
            seamLeft = overlap
            fadeLeft = 0
            filling = now
        }
        addSeam(to: rest)
        fillRun += rest.count
        lastSample = rest[rest.count - 1]
    }

    /// Lets the step between what was played and what fills in decay over 5 ms.
    private mutating func addSeam(to samples: UnsafeMutableBufferPointer<Int16>) {
        let count = min(seamLeft, samples.count)
        for index in 0..<count {
            let offset = seamOffset * (seamLeft - index) / overlap
            samples[index] = Int16(clamping: Int(samples[index]) + offset)
        }
        seamLeft -= count
    }
}
