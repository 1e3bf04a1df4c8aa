/// How a recording is written.
public enum RecordingFormat: String, Sendable, CaseIterable {
    /// Stereo WAV, 16 bit: 115 MB an hour at 8 kHz.
    case wav
    /// Ogg Opus, two independent channels: about 14 MB an hour at the default bit rate.
    case opus

    /// By the path's extension: `.opus` and `.ogg` are Ogg Opus, everything else is WAV.
    public init(path: String) {
        let name = path.lowercased()
        self = name.hasSuffix(".opus") || name.hasSuffix(".ogg") ? .opus : .wav
    }
}

/// The Opus encoder of recordings. It runs on the recorder's thread.
public struct OpusRecordingOptions: Sendable, Equatable {
    /// Bits per second of both channels together, 12000…510000.
    public var bitrate: Int
    /// 0…10.
    public var complexity: Int

    /// Values out of range are brought into it.
    public init(bitrate: Int = 32_000, complexity: Int = 5) {
        self.bitrate = bitrate
        self.complexity = complexity
    }
}
