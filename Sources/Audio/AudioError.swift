/// Why sound could not be read or converted.
public enum AudioError: Error, Equatable, Sendable {
    /// The bytes end before the field at hand.
    case truncated(needed: Int, have: Int)
    /// No `RIFF … WAVE` or `RF64 … WAVE` at the beginning.
    case notWAV
    /// A chunk that must be there is missing; `name` is `fmt ` or `data`.
    case missingChunk(name: String)
    /// A sample format that is not PCM of 8 to 32 bits, float of 32 or 64, µ-law or A-law.
    case unsupportedFormat(tag: Int, bitsPerSample: Int)
    case badChannelCount(Int)
    case badSampleRate(Int)
    /// More than the named limit of samples.
    case tooLong(samples: Int, limit: Int)
    /// A C library refused; `code` is its own error number.
    case library(name: String, code: Int)
}

extension AudioError: CustomStringConvertible {
    /// One line that names the thing and, where there is one, the remedy.
    public var description: String {
        switch self {
        case .truncated(let needed, let have):
            "the file ends too early: \(needed) bytes needed, \(have) there"
        case .notWAV: "not a WAV file (no RIFF/WAVE header)"
        case .missingChunk(let name): "the WAV file has no '\(name)' chunk"
        case .unsupportedFormat(let tag, let bits):
            "WAV format \(tag) with \(bits) bits is not supported: use PCM 16 bit, µ-law or A-law"
        case .badChannelCount(let count): "\(count) channels are not supported (1 to 16 are)"
        case .badSampleRate(let rate): "a sample rate of \(rate) Hz is not supported"
        case .tooLong(let samples, let limit):
            "\(samples) samples are more than the limit of \(limit)"
        case .library(let name, let code): "\(name) failed with code \(code)"
        }
    }
}
