internal import Audio
internal import RTP

/// A clip on its way out.
struct ClipPlayback {
    let id: Int
    let clip: PlaybackClip
    private var position = 0
    var isFirstFrame = true

    init(id: Int, clip: PlaybackClip) {
        self.id = id
        self.clip = clip
    }

    var isFinished: Bool { position >= clip.samples.count }

    /// The next frame; silence behind the clip's end.
    mutating func fill(_ frame: UnsafeMutableBufferPointer<Int16>) {
        let count = max(0, min(frame.count, clip.samples.count - position))
        clip.samples.withUnsafeBufferPointer { samples in
            for index in 0..<count { frame[index] = samples[position + index] }
        }
        for index in count..<frame.count { frame[index] = 0 }
        position += count
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

    private var waiting: [(digit: Character, milliseconds: Int)] = []
    private var event: TelephoneEventSender?
    private var tone: ToneGenerator?
    private var toneSamples = 0
    private var pause = 0

    init() { waiting.reserveCapacity(Self.limit) }

    var isActive: Bool { event != nil || tone != nil || pause > 0 || !waiting.isEmpty }

    /// False when the queue is full or `digit` is none of 0-9 * # A-D.
    mutating func add(_ digit: Character, milliseconds: Int) -> Bool {
        guard waiting.count < Self.limit, DTMF.frequencies(of: digit) != nil else { return false }
        let bounded = min(max(milliseconds, Self.durations.lowerBound), Self.durations.upperBound)
        waiting.append((digit, bounded))
        return true
    }

    /// What this tick sends for the digits; nil when there is none.
    mutating func begin(timestamp: UInt32, asEvents: Bool) -> Output? {
        if event != nil { return .event }
        if tone != nil { return .tone }
        if pause > 0 {
            pause -= 1
            return .pause
        }
        guard let next = waiting.first else { return nil }
        waiting.removeFirst()
        let samples = next.milliseconds * MediaLeg.clockRate / 1000
        if asEvents {
            event = TelephoneEventSender(
                digit: next.digit, durationSamples: samples, startTimestamp: timestamp)
            if event != nil { return .event }
        }
        guard let pair = DTMF.frequencies(of: next.digit) else { return nil }
        tone = ToneGenerator(
            frequencies: [pair.row, pair.column], levelDBm0: Self.toneLevelDBm0)
        toneSamples = samples
        return .tone
    }

    mutating func nextEvent(
        into payload: UnsafeMutableRawBufferPointer
    ) -> TelephoneEventSender.Step? {
        let step = event?.next(into: payload)
        if step?.isLast ?? true {
            event = nil
            pause = Self.pauseTicks
        }
        return step
    }

    /// The next frame of the tone, or of the pause behind it.
    mutating func fillTone(_ frame: UnsafeMutableBufferPointer<Int16>) {
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
