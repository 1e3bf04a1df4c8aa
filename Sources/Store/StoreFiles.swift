internal import Foundation
internal import Synchronization

/// The lock that keeps a store with one process: `flock` on `<database>.lock`. The kernel drops it
/// when the process ends in whatever way, so a killed server leaves nothing to clean up.
final class StoreLock: Sendable {
    private let descriptor: Mutex<Int32>

    /// Takes the lock or says who has it. The file stays behind when the lock is released: deleting
    /// it would let two processes lock two files of one name.
    init(path: String) throws(StoreError) {
        let file = path + ".lock"
        let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .cannotOpen(path: file, reason: systemReason())
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            defer { _ = close(descriptor) }
            guard reason == EWOULDBLOCK else {
                throw .cannotOpen(path: file, reason: systemReason(reason))
            }
            var text = [UInt8](repeating: 0, count: 16)
            let count = max(0, read(descriptor, &text, text.count))
            let owner = Int32(String(decoding: text[..<count].prefix { $0 != 10 }, as: UTF8.self))
            throw .alreadyInUse(path: path, owner: owner)
        }
        // Only a hint for the message above, so a failure to write it does no harm.
        let text = Array("\(getpid())\n".utf8)
        if ftruncate(descriptor, 0) == 0 { _ = write(descriptor, text, text.count) }
        self.descriptor = Mutex(descriptor)
    }

    func release() {
        descriptor.withLock { descriptor in
            if descriptor >= 0 { _ = close(descriptor) }
            descriptor = -1
        }
    }

    deinit { release() }
}

/// Makes the database's folder (0700) and the empty file (0600) before SQLite sees them, because
/// SQLite gives its -wal and -shm files the mode of the database. A folder that exists keeps its
/// mode: it may be shared on purpose.
func prepareFiles(path: String) throws(StoreError) {
    let folder = (path as NSString).deletingLastPathComponent
    if !folder.isEmpty, !FileManager.default.fileExists(atPath: folder) {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw .cannotOpen(path: path, reason: "its folder cannot be made")
        }
    }
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .cannotOpen(path: path, reason: systemReason()) }
    defer { _ = close(descriptor) }
    guard fchmod(descriptor, 0o600) == 0 else {
        throw .cannotOpen(path: path, reason: systemReason())
    }
    for suffix in ["-wal", "-shm"] { _ = chmod(path + suffix, 0o600) }
}

private func systemReason(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }
