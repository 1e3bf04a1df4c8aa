internal import Audio
internal import RTP

/// A clip on its way out, at 8 or 16 kHz, converted to the leg's rate frame by frame where that is
/// another (the engine has usually done so before).
struct ClipPlayback: ~Copyable {
    let id: Int
    /// Begins again without a seam, until it is stopped.
    let loops: Bool
    /// Under what else the leg says, instead of in its place.
    let isMixed: Bool
    private let clip: PlaybackClip
    private var filter: Resampler?
    private var filterRate: Int
    private var position = 0
    var isFirstFrame = true

    init(id: Int, clip: PlaybackClip, loops: Bool = false, isMixed: Bool = false) {
        self.id = id
        self.clip = clip
        self.loops = loops && !clip.samples.isEmpty
        self.isMixed = isMixed
        filterRate = clip.sampleRate
    }

    var isFinished: Bool { !loops && position >= clip.samples.count }

    /// The next frame at `rate` Hz; silence behind the clip's end.
    mutating func fill(_ frame: UnsafeMutableBufferPointer<Int16>, rate: Int) {
        if rate != filterRate {
            filterRate = rate
            filter = rate == clip.sampleRate ? nil : Self.resampler(from: clip.sampleRate, to: rate)
        }
        var written = 0
        while written < frame.count {
            if loops, position >= clip.samples.count { position = 0 }
            let start = position
            written += take(UnsafeMutableBufferPointer(rebasing: frame[written...]))
            if position == start { break }
        }
        for index in written..<frame.count { frame[index] = 0 }
    }

    /// As much as the clip has before its end; returns the samples written.
    private mutating func take(_ frame: UnsafeMutableBufferPointer<Int16>) -> Int {
        let wanted = (frame.count * clip.sampleRate + filterRate - 1) / filterRate
        let count = max(0, min(wanted, clip.samples.count - position))
        guard count > 0 else { return 0 }
        let start = position
        return clip.samples.withUnsafeBufferPointer { samples in
            let next = UnsafeBufferPointer(rebasing: samples[start..<start + count])
            if let result = filter?.process(next, into: frame) {
                position += result.consumed
                return result.written
            }
            let copied = min(count, frame.count)
            for index in 0..<copied { frame[index] = next[index] }
            position += copied
            return copied
        }
    }

    private static func resampler(from input: Int, to output: Int) -> Resampler? {
        do throws(AudioError) {
            return try Resampler(from: input, to: output)
        } catch {
            return nil
        }
    }
}

/// Digits to be sent, one after the other with a pause between them: as RFC 4733 events, or as
/// tones in the audio when the far end did not negotiate events.
struct DigitQueue {
    /// More than anybody dials at once; further digits are refused and counted.
    static let limit = 32
    /// Silence between two digits, ticks (60 ms; ITU-T Q.24 asks for at least 40 ms).
    static let pauseTicks = 3
    /// Lengths accepted, ms (Q.24: at least 40 ms).
    static let durations = 40...5000
    /// Level of each of the two tones.
    static let toneLevelDBm0 = -9.0

    enum Output { case event, tone, pause }

    private struct Waiting {
        /// ASCII.
        let digit: UInt8
        let milliseconds: UInt16
    }

    private var waiting: [Waiting] = []
    /// Asked each tick, so not of the array, whose memory lies apart.
    private var hasWaiting = false
    private var event: TelephoneEventSender?
    private var tone: ToneGenerator?
    private var toneDigit: Character = "0"
    private var toneRate = 0
    private var toneSamples = 0
    private var toneLength = 0
    private var pause = 0

    init() { waiting.reserveCapacity(Self.limit) }

    var isActive: Bool { event != nil || tone != nil || pause > 0 || hasWaiting }

    /// The digit whose tones the next frame begins with.
    var sounding: Character? { tone == nil ? nil : toneDigit }

    /// False when the queue is full or `digit` is none of 0-9 * # A-D.
    mutating func add(_ digit: Character, milliseconds: Int) -> Bool {
        guard waiting.count < Self.limit, DTMF.frequencies(of: digit) != nil,
            let ascii = digit.asciiValue
        else { return false }
        let bounded = min(max(milliseconds, Self.durations.lowerBound), Self.durations.upperBound)
        waiting.append(
            Waiting(digit: ascii, milliseconds: UInt16(truncatingIfNeeded: bounded)))
        hasWaiting = true
        return true
    }

    /// What this tick sends for the digits; nil when there is none.
    ///
    /// - Parameters:
    ///   - eventClockRate: of the telephone-event type, Hz; nil: tones in the audio.
    ///   - rate: of the audio, Hz.
    mutating func begin(timestamp: UInt32, eventClockRate: Int?, rate: Int) -> Output? {
        if event != nil { return .event }
        if tone != nil { return .tone }
        if pause > 0 {
            pause -= 1
            return .pause
        }
        guard hasWaiting, let next = waiting.first else { return nil }
        waiting.removeFirst()
        hasWaiting = !waiting.isEmpty
        let digit = Character(UnicodeScalar(next.digit))
        let milliseconds = Int(next.milliseconds)
        if let eventClockRate {
            event = TelephoneEventSender(
                digit: digit,
                durationSamples: milliseconds * eventClockRate / 1000,
                startTimestamp: timestamp, clockRate: eventClockRate)
            if event != nil { return .event }
        }
        toneDigit = digit
        toneLength = milliseconds * rate / 1000
        toneSamples = toneLength
        makeTone(rate)
        return tone == nil ? nil : .tone
    }

    /// The far end was described anew. A press that is being sent goes on by the clock of its events, or
    /// ends where it takes none any more: its first packet has told of it, so it is not said again.
    ///
    /// - Parameter eventClockRate: Hz; nil: it takes no events.
    mutating func follow(eventClockRate: Int?) {
        guard event != nil else { return }
        if let eventClockRate { event?.changeClock(to: eventClockRate) } else { endEvent() }
    }

    /// Nothing may be sent for a while, and what is left of a press would be a second one behind it. A
    /// tone too short to have been understood begins anew.
    mutating func interrupt() {
        if event != nil { endEvent() }
        guard tone != nil else { return }
        let said = (toneLength - toneSamples) * 1000 / max(1, toneRate)
        if said < Self.durations.lowerBound {
            toneSamples = toneLength
            makeTone(toneRate)
        } else {
            tone = nil
            pause = Self.pauseTicks
        }
    }

    private mutating func endEvent() {
        event = nil
        pause = Self.pauseTicks
    }

    private mutating func makeTone(_ rate: Int) {
        toneRate = rate
        tone = DTMF.frequencies(of: toneDigit).map {
            ToneGenerator(
                frequencies: [$0.row, $0.column], levelDBm0: Self.toneLevelDBm0, sampleRate: rate)
        }
    }

    mutating func nextEvent(
        into payload: UnsafeMutableRawBufferPointer
    ) -> TelephoneEventSender.Step? {
        let step = event?.next(into: payload)
        if step?.isLast ?? true { endEvent() }
        return step
    }

    /// The next frame of the tone at `rate` Hz, or of the pause behind it.
    mutating func fillTone(_ frame: UnsafeMutableBufferPointer<Int16>, rate: Int) {
        if tone != nil, rate != toneRate {
            // The codec changed in the middle of a digit.
            toneSamples = toneSamples * rate / max(1, toneRate)
            toneLength = toneLength * rate / max(1, toneRate)
            makeTone(rate)
        }
        let count = tone == nil ? 0 : min(frame.count, toneSamples)
        tone?.fill(into: UnsafeMutableBufferPointer(rebasing: frame[0..<count]))
        for index in count..<frame.count { frame[index] = 0 }
        guard tone != nil else { return }
        toneSamples -= count
        if toneSamples == 0 {
            tone = nil
            pause = Self.pauseTicks
        }
    }
}
