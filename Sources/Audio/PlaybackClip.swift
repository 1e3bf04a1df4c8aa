/// Audio to be played on legs: 16-bit mono samples, shared and never changed.
public final class PlaybackClip: Sendable, Equatable {
    /// Mono, 16-bit linear, one channel from beginning to end.
    public let samples: [Int16]
    /// Hz.
    public let sampleRate: Int

    /// Nothing is resampled here: a leg of another rate converts when it plays.
    public init(samples: [Int16], sampleRate: Int = 8000) {
        self.samples = samples
        self.sampleRate = sampleRate
    }

    /// Length, rounded down; 0 when the rate makes no sense.
    public var milliseconds: Int { sampleRate > 0 ? samples.count * 1000 / sampleRate : 0 }

    /// The same clip, not one with the same samples.
    public static func == (a: PlaybackClip, b: PlaybackClip) -> Bool { a === b }
}
