internal import CLinux

/// What the recorder asks of the file system. Results are 0 or more, or -errno. A test puts a disk
/// of its own here: a slow, a full or a stuck one.
struct RecordingDisk: Sendable {
    /// Makes the folders above `path`, then a new empty file.
    var create: @Sendable (_ path: String) -> Int32
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
            return result < 0 ? result : tl_open_truncated(path)
        },
        rename: { tl_rename($0, $1) },
        remove: { _ = tl_unlink($0) },
        write: { file, bytes, offset in
            tl_pwrite_all(file, bytes.baseAddress, Int64(bytes.count), Int64(offset))
        },
        truncate: { file, size in _ = tl_truncate(file, Int64(size)) },
        exists: { tl_link_count($0) > 0 },
        close: { _ = tl_close($0) })
}
