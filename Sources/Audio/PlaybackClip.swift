/// Audio to be played on legs: 16-bit mono samples at the leg's rate, shared and never changed.
public final class PlaybackClip: Sendable, Equatable {
    public let samples: [Int16]
    /// Hz.
    public let sampleRate: Int

    public init(samples: [Int16], sampleRate: Int = 8000) {
        self.samples = samples
        self.sampleRate = sampleRate
    }

    public var milliseconds: Int { sampleRate > 0 ? samples.count * 1000 / sampleRate : 0 }

    public static func == (a: PlaybackClip, b: PlaybackClip) -> Bool { a === b }
}
