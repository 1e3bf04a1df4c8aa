public import Base

/// How a `PlayoutBuffer` is to behave.
public struct PlayoutConfiguration: Equatable, Sendable {
    /// No configuration may hold audio back longer: beyond it talk collides (ITU-T G.114).
    public static let delayLimit = Interval.milliseconds(200)
    /// Samples of one pull at 8 kHz and 20 ms.
    public static let standardFrame = 160

    /// Hz of samples and RTP timestamps, 8000…48 000. Losses are guessed (`LossConcealer`) for 8 and 16 kHz;
    /// at another rate with the pitches of twice to six times as high a voice.
    public var clockRate = 8000
    /// Samples that each pull asks for; the target delay is never below one frame.
    public var frameSamples = standardFrame
    /// Largest target delay; at most `delayLimit`.
    public var maximumDelay = Interval.milliseconds(200)
    /// Delay until enough has been seen of the stream.
    public var initialDelay = Interval.milliseconds(40)
    /// Share of packets that the target delay waits for, 0.5…1.
    public var coverage = 0.97

    /// 8 kHz, frames of 20 ms, at most 200 ms of delay.
    public init() {}

    func samples(_ interval: Interval) -> Int {
        Int(clamping: max(0, interval.nanoseconds) / 1000 * Int64(clockRate) / 1_000_000)
    }

    /// With every value in its range.
    var checked: PlayoutConfiguration {
        var copy = self
        copy.clockRate = max(8000, min(48_000, clockRate))
        copy.frameSamples = max(
            copy.clockRate / 200, min(copy.clockRate * 60 / 1000, frameSamples))
        copy.maximumDelay = max(.zero, min(maximumDelay, Self.delayLimit))
        copy.initialDelay = max(.zero, min(initialDelay, copy.maximumDelay))
        copy.coverage = coverage.isNaN ? 0.97 : max(0.5, min(1, coverage))
        return copy
    }
}

/// What a buffer did with one packet.
public enum PlayoutInsertion: Equatable, Sendable {
    case accepted
    /// This sequence number was here before.
    case duplicate
    /// Its time has been played.
    case late
    /// Too far ahead of what is being played: the owner does not pull. What was oldest is skipped.
    case early
    /// Neither its number nor its time fits the stream; believed when the next one confirms it.
    case implausible
    /// Empty, or more samples than a packet may have.
    case unusable
}

/// What one pull was made of. The four kinds of samples add up to the frame.
public struct PlayoutFrame: Equatable, Sendable {
    /// Received audio.
    public var audio = 0
    /// Substituted for audio that is lost or late.
    public var concealed = 0
    /// A pause of the sender (DTX), or nothing received yet.
    public var silence = 0
    /// Received audio played a second time to gain time.
    public var expanded = 0
    /// Received samples merged away to lose time: not part of the frame's length.
    public var compressed = 0
    /// Received or missing samples jumped over to keep the delay bounded, not part of the length.
    public var skipped = 0

    /// Nothing yet: all 0.
    public init() {}

    /// True when the frame is received audio and nothing else.
    public var isPlain: Bool {
        concealed == 0 && silence == 0 && expanded == 0 && compressed == 0 && skipped == 0
    }
}

/// Totals of one buffer since it was made.
public struct PlayoutCounters: Equatable, Sendable {
    /// Packets of the stream, duplicates and implausible ones left out.
    public var received = 0
    /// Packets whose number was here before.
    public var duplicates = 0
    /// Packets whose time had been played, those that began the stream anew among them.
    public var late = 0
    /// Packets too far ahead of what was being played, while something was held.
    public var early = 0
    /// Packets that fitted neither in number nor in time and were dropped, the first of each
    /// restart among them.
    public var implausible = 0
    /// Longer than a packet may be, or empty.
    public var unusable = 0
    /// Times that playing ran dry while the sender spoke. Known when something comes again.
    public var underruns = 0
    /// Times that the stream began anew: numbers, clock or delay jumped.
    public var restarts = 0
    /// Pulls that were stretched and shortened.
    public var expansions = 0
    /// Pulls that were shortened.
    public var compressions = 0
    /// Samples, as in `PlayoutFrame`.
    public var concealedSamples = 0
    /// A pause of the sender, or nothing received yet.
    public var silenceSamples = 0
    /// Played a second time.
    public var expandedSamples = 0
    /// Merged away.
    public var compressedSamples = 0
    /// Jumped over; also what a new stream or a buffer that nobody pulls gave up.
    public var skippedSamples = 0

    /// All 0.
    public init() {}

    mutating func add(_ frame: PlayoutFrame) {
        concealedSamples += frame.concealed
        silenceSamples += frame.silence
        expandedSamples += frame.expanded
        compressedSamples += frame.compressed
        skippedSamples += frame.skipped
        if frame.expanded > 0 { expansions += 1 }
        if frame.compressed > 0 { compressions += 1 }
    }
}
