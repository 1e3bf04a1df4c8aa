internal import Audio
internal import Foundation
internal import Synchronization

/// Audio files named by campaigns and API calls: found only below the directories the operator
/// allows, read once, kept as 8 kHz mono clips.
final class MediaFiles: Sendable {
    /// Samples of clips kept in memory: 128 MB, some two hours at 8 kHz.
    static let sampleLimit = 64 << 20
    /// Ten minutes.
    static let longestClip = 600
    /// Bytes of a file that will be read: ten minutes of 48 kHz stereo.
    static let fileLimit = 120 << 20

    private let roots: [String]
    private let kept = Mutex(Kept())

    private struct Kept {
        var clips: [String: PlaybackClip] = [:]
        var samples = 0
    }

    /// - Parameter roots: directories below which files may be read; relative paths start at the
    ///   first.
    init(roots: [String]) {
        self.roots = roots.map { Self.canonical($0) }
    }

    /// The clip in the WAV file at `path`. Throws `PlatformError` naming `field`.
    func clip(_ path: String, field: String) throws(PlatformError) -> PlaybackClip {
        let full = try resolve(path, field: field)
        if let known = kept.withLock({ $0.clips[full] }) { return known }
        guard let file = FileHandle(forReadingAtPath: full) else {
            throw .invalid(field, "\(field): no readable file at \(path)")
        }
        defer { try? file.close() }
        guard let data = try? file.read(upToCount: Self.fileLimit + 1), data.count <= Self.fileLimit
        else { throw .invalid(field, "\(field): \(path) is larger than \(Self.fileLimit) bytes") }
        let clip = try Self.decode([UInt8](data), path: path, field: field)
        kept.withLock { kept in
            // Two readers of one file at once: the second replaces what the first put in.
            kept.samples -= kept.clips.removeValue(forKey: full)?.samples.count ?? 0
            if kept.samples + clip.samples.count > Self.sampleLimit { kept = Kept() }
            kept.clips[full] = clip
            kept.samples += clip.samples.count
        }
        return clip
    }

    static func decode(
        _ bytes: [UInt8], path: String, field: String
    ) throws(PlatformError) -> PlaybackClip {
        do {
            let wav = try WAVFile(parsing: bytes)
            guard wav.durationMilliseconds <= longestClip * 1000 else {
                throw PlatformError.invalid(field, "\(field): \(path) is longer than ten minutes")
            }
            return PlaybackClip(samples: try wav.channel(0, at: 8000))
        } catch let error as PlatformError {
            throw error
        } catch {
            throw .invalid(field, "\(field): \(path) is not a usable WAV file (\(error))")
        }
    }

    /// Where a caller of the API may have a leg recorded: a `.wav`, `.opus` or
    /// `.ogg` file below an allowed root that does not exist yet, so that neither the database nor an older recording can be overwritten.
    func newRecording(_ path: String, field: String) throws(PlatformError) -> String {
        let full = try resolve(path, field: field)
        guard [".wav", ".opus", ".ogg"].contains(where: full.hasSuffix) else {
            throw .invalid(
                field, "\(field): the name of a recording ends in .wav, .opus or .ogg")
        }
        guard !FileManager.default.fileExists(atPath: full) else {
            throw .invalid(field, "\(field): \(path) exists already")
        }
        return full
    }

    /// The absolute path of `path` if it lies below an allowed root.
    func resolve(_ path: String, field: String) throws(PlatformError) -> String {
        guard let first = roots.first else {
            throw .invalid(field, "\(field): no directory for audio files is configured")
        }
        let full = Self.canonical(path.hasPrefix("/") ? path : first + "/" + path)
        guard roots.contains(where: { full.hasPrefix($0 == "/" ? "/" : $0 + "/") }) else {
            throw .invalid(
                field,
                "\(field): \(path) lies outside the allowed directories; move the file or "
                    + "add its directory to `audio_directories`")
        }
        return full
    }

    /// Absolute, without `.`, `..` or symbolic links.
    static func canonical(_ path: String) -> String {
        URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
    }
}
