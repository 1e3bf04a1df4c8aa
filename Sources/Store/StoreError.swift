internal import GRDB

/// Why the store could not do what it was asked. Descriptions name the thing and the remedy, and
/// never hold a number, a name or any other stored value.
public enum StoreError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file or its folder cannot be made, read or written.
    case cannotOpen(path: String, reason: String)
    /// Another process has this store open. `owner` is its process identifier, if it left one.
    case alreadyInUse(path: String, owner: Int32?)
    /// The file is no database, or a damaged one.
    case corrupt(path: String, reason: String)
    /// A later release of Trunkline has changed this store's schema.
    case newerSchema(path: String)
    /// A write failed and nothing of it was kept: disk full, read-only file system, I/O error.
    case writeFailed(path: String, reason: String)
    /// No campaign, contact or call of this identifier.
    case notFound(String)
    /// The request contradicts what is stored.
    case conflict(String)
    /// More than this room is willing to take at once.
    case limit(name: String, maximum: Int)
    /// The store has been closed.
    case closed
    /// Anything else SQLite reports.
    case database(code: Int, reason: String)

    /// One line for an operator, with the remedy where there is one.
    public var description: String {
        switch self {
        case .cannotOpen(let path, let reason):
            "cannot open the store \(path): \(reason); "
                + "give a folder this user may write to with --data"
        case .alreadyInUse(let path, let owner):
            "the store \(path) is in use"
                + (owner.map { " by process \($0)" } ?? " by another process")
                + "; stop that server, or start this one with another --data folder"
        case .corrupt(let path, let reason):
            "the store \(path) is damaged: \(reason); "
                + "move it away with its -wal file and restore a backup"
        case .newerSchema(let path):
            "the store \(path) was written by a later release; run that release, or restore a backup"
        case .writeFailed(let path, let reason):
            "cannot write to the store \(path): \(reason); free disk space and check the device"
        case .notFound(let what): "no such \(what)"
        case .conflict(let what): what
        case .limit(let name, let maximum): "\(name) exceeds the limit of \(maximum)"
        case .closed: "the store is closed"
        case .database(let code, let reason): "SQLite error \(code): \(reason)"
        }
    }

    /// What a thrown error of GRDB means here. SQLite's messages name tables and columns, never
    /// values; statement arguments are not asked for.
    init(_ error: any Error, path: String) {
        if let own = error as? StoreError {
            self = own
            return
        }
        guard let error = error as? DatabaseError else {
            self = .database(code: 0, reason: "\(type(of: error))")
            return
        }
        let reason = error.message ?? "no reason given"
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .corrupt(path: path, reason: reason)
        case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_READONLY:
            self = .writeFailed(path: path, reason: reason)
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
            self = .cannotOpen(path: path, reason: reason)
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .alreadyInUse(path: path, owner: nil)
        case .SQLITE_MISUSE: self = .closed
        case .SQLITE_CONSTRAINT: self = .conflict(reason)
        default: self = .database(code: Int(error.resultCode.rawValue), reason: reason)
        }
    }
}
