internal import Audio
internal import Base
internal import Foundation
internal import Synchronization

/// Audio files named by campaigns and API calls: found only below the directories the operator
/// allows, read when they are new or have changed, kept as mono clips.
final class MediaFiles: Sendable {
    /// Samples of clips kept in memory: 128 MB, two hours at 8 kHz or one at 16.
    static let sampleLimit = 64 << 20
    /// Ten minutes.
    static let longestClip = 600
    /// Bytes of a file that will be read: ten minutes of 48 kHz stereo.
    static let fileLimit = 120 << 20
    /// How long the name of a recording that a request was given is held for it. Its file is there within
    /// milliseconds, unless the request failed for another reason; should a disk be slower than this,
    /// the recorder itself refuses whoever comes second.
    static let nameHold = Interval.seconds(1)
    /// Names held at once; more are not held, as if the hold were over.
    static let nameLimit = 1024

    private let roots: [String]
    private let sampleLimit: Int
    private let kept = Mutex(Kept())
    /// Names of recordings that were given away, until when.
    private let names = Mutex<[String: Instant]>([:])

    private struct Kept {
        var clips: [String: (stamp: Stamp, clip: PlaybackClip)] = [:]
        var samples = 0
    }

    /// Tells one state of a file from another. The time of change is in it because, unlike that of
    /// modification, nobody can set it back.
    private struct Stamp: Equatable {
        let device: UInt64
        let inode: UInt64
        let bytes: Int64
        let modified: Int64
        let changed: Int64

        /// nil when there is no regular file at `path`.
        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            bytes = Int64(status.st_size)
            modified = Self.nanoseconds(status.st_mtim)
            changed = Self.nanoseconds(status.st_ctim)
        }

        private static func nanoseconds(_ time: timespec) -> Int64 {
            Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
        }
    }

    /// - Parameter roots: directories below which files may be read; relative paths start at the
    ///   first.
    init(roots: [String], sampleLimit: Int = MediaFiles.sampleLimit) {
        self.roots = roots.map { Self.canonical($0) }
        self.sampleLimit = sampleLimit
    }

    /// Samples in memory, at most `sampleLimit`.
    var keptSamples: Int { kept.withLock { $0.samples } }

    /// The clip in the WAV file at `path` as it is now, at 8 kHz, or 16 where the file has more than 8:
    /// the same object for as long as the file does not change. Throws `PlatformError` naming `field`.
    func clip(_ path: String, field: String) throws(PlatformError) -> PlaybackClip {
        let full = try resolve(path, field: field)
        // Before the file is read: a change meanwhile makes the next look find another stamp.
        let stamp = Stamp(full)
        if let known = kept.withLock({ $0.clips[full] }), known.stamp == stamp { return known.clip }
        guard let stamp, let file = FileHandle(forReadingAtPath: full) else {
            throw .invalid(field, "\(field): no readable file at \(path)")
        }
        defer { try? file.close() }
        guard let data = try? file.read(upToCount: Self.fileLimit + 1), data.count <= Self.fileLimit
        else { throw .invalid(field, "\(field): \(path) is larger than \(Self.fileLimit) bytes") }
        let clip = try Self.decode([UInt8](data), path: path, field: field)
        kept.withLock { kept in
            // The file as it was, or as another reader of it has just put it in.
            kept.samples -= kept.clips.removeValue(forKey: full)?.clip.samples.count ?? 0
            if kept.samples + clip.samples.count > sampleLimit { kept = Kept() }
            kept.clips[full] = (stamp, clip)
            kept.samples += clip.samples.count
        }
        return clip
    }

    /// All channels of a WAV file as one, at 16 kHz where it has more than 8, else at 8
    /// (`MediaLeg.clipRates`). Throws `PlatformError` naming `field`.
    static func decode(
        _ bytes: [UInt8], path: String, field: String
    ) throws(PlatformError) -> PlaybackClip {
        do {
            let wav = try WAVFile(parsing: bytes)
            guard wav.durationMilliseconds <= longestClip * 1000 else {
                throw PlatformError.invalid(field, "\(field): \(path) is longer than ten minutes")
            }
            let rate = wav.sampleRate > 8000 ? 16_000 : 8000
            return PlaybackClip(samples: try wav.mono(at: rate), sampleRate: rate)
        } catch let error as PlatformError {
            throw error
        } catch {
            throw .invalid(field, "\(field): \(path) is not a usable WAV file (\(error))")
        }
    }

    /// Where a caller of the API may have a leg recorded: a `.wav`, `.opus` or `.ogg` file below an
    /// allowed root that does not exist yet and that no request before this one was given less than
    /// `nameHold` ago. So neither the database nor an older recording can be overwritten, and of two
    /// requests at once one is told here that it has come second.
    func newRecording(
        _ path: String, field: String, now: Instant = SystemClock.instant
    ) throws(PlatformError) -> String {
        let full = try resolve(path, field: field)
        guard [".wav", ".opus", ".ogg"].contains(where: full.hasSuffix) else {
            throw .invalid(
                field, "\(field): the name of a recording ends in .wav, .opus or .ogg")
        }
        guard !FileManager.default.fileExists(atPath: full) else {
            throw .invalid(field, "\(field): \(path) exists already")
        }
        let isFree = names.withLock { names in
            names = names.filter { $0.value > now }
            guard names[full] == nil else { return false }
            if names.count < Self.nameLimit { names[full] = now + Self.nameHold }
            return true
        }
        guard isFree else {
            throw .invalid(field, "\(field): another request has just named \(path)")
        }
        return full
    }

    /// The absolute path of `path` if it lies below an allowed root.
    func resolve(_ path: String, field: String) throws(PlatformError) -> String {
        guard let first = roots.first else {
            throw .invalid(field, "\(field): no directory for audio files is configured")
        }
        guard !path.utf8.contains(0) else {
            throw .invalid(field, "\(field): no file's name has a NUL in it")
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

    /// Absolute, without `.`, `..` or symbolic links, as the kernel would walk it (path_resolution(7)); also
    /// of what does not exist yet. `resolvingSymlinksInPath` leaves such a path as it is, links in its
    /// folders included: a recording to be made behind one would have left the roots.
    static func canonical(_ path: String) -> String {
        let start =
            path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        // The next part last.
        var left = Array(start.split(separator: "/").map(String.init).reversed())
        var walked: [String] = []
        var links = 0
        while let part = left.popLast() {
            switch part {
            case ".": continue
            case "..": _ = walked.popLast()
            default:
                walked.append(part)
                guard links < linkLimit,
                    let target = linkTarget("/" + walked.joined(separator: "/"))
                else { continue }
                links += 1
                if target.hasPrefix("/") { walked = [] } else { walked.removeLast() }
                left += target.split(separator: "/").map(String.init).reversed()
            }
        }
        return "/" + walked.joined(separator: "/")
    }

    /// Symbolic links of one path; the kernel refuses more (ELOOP).
    private static let linkLimit = 40

    /// Where the symbolic link at `path` leads; nil when there is none.
    private static func linkTarget(_ path: String) -> String? {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &target, target.count)
        guard count > 0 else { return nil }
        return String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
