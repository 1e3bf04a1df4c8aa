internal import CLinux
internal import Glibc

/// What the recorder asks of the file system. Results are 0 or more, or -errno. A test puts a disk
/// of its own here: a slow, a full or a stuck one.
struct RecordingDisk: Sendable {
    /// Makes the folders above `path`, then a new empty file; -EEXIST when there is something.
    var create: @Sendable (_ path: String) -> Int32
    /// Gives a file another name; -EEXIST, and nothing is changed, when something has that name.
    var rename: @Sendable (_ from: String, _ to: String) -> Int32
    var remove: @Sendable (_ path: String) -> Void
    /// All of the bytes at `offset`.
    var write: @Sendable (_ file: Int32, _ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Int32
    var truncate: @Sendable (_ file: Int32, _ size: Int) -> Void
    /// Whether the file still has a name.
    var exists: @Sendable (_ file: Int32) -> Bool
    var close: @Sendable (_ file: Int32) -> Void

    static let system = RecordingDisk(
        create: { path in
            let result = tl_make_parent(path)
            guard result == 0 else { return result }
            // Recordings hold people's voices: readable by the owner and the group only.
            let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
            return file < 0 ? -errno : file
        },
        rename: { rename($0, to: $1) },
        remove: { _ = tl_unlink($0) },
        write: { file, bytes, offset in
            tl_pwrite_all(file, bytes.baseAddress, Int64(bytes.count), Int64(offset))
        },
        truncate: { file, size in _ = tl_truncate(file, Int64(size)) },
        exists: { tl_link_count($0) > 0 },
        close: { _ = tl_close($0) })

    /// `rename` on a disk: unlike rename(2) it never replaces, whoever else is at work.
    ///
    /// - Parameter link: link(2), which some file systems do not have (exFAT, some network shares). There
    ///   an empty file of ours takes the name first.
    static func rename(
        _ from: String, to: String,
        link: (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Int32 = Glibc.link
    ) -> Int32 {
        if link(from, to) == 0 {
            _ = tl_unlink(from)
            return 0
        }
        guard [EPERM, EOPNOTSUPP, ENOSYS].contains(errno) else { return -errno }
        let place = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
        guard place >= 0 else { return -errno }
        _ = tl_close(place)
        let result = tl_rename(from, to)
        if result < 0 { _ = tl_unlink(to) }
        return result
    }
}
