internal import Base
internal import CallModel
internal import Foundation
internal import GRDB

//  importContacts ─► contacts: pending
//                        │ claimNext                          one transaction, fsynced
//                        ▼
//                    attempts: claimed ──release──► (gone; contact pending, not before …)
//                        │ saveDecision(allow)                appended to the audit chain
//                        ▼
//                    attempts: dialling ─ ─ INVITE, call, opt-out ─► internal_list
//                        │ finish                             record, contact, attempt: one transaction
//                        ▼
//                    attempts: finished, call_records
//
//  A process that dies leaves `claimed` and `dialling` rows. recoverInterrupted() at the next start
//  gives each its record (`interrupted`); its number is used up, so no attempt is dialled twice.

/// The durable truth: campaigns, contacts, attempts, call records, compliance decisions and the
/// internal do-not-call list, in one SQLite file.
///
/// Every write is a transaction of its own that is on disk (WAL, `synchronous = FULL`) before the
/// function returns, and goes through whether or not the calling task has been cancelled. SQLite
/// runs on GRDB's dispatch queues, never on the cooperative threads.
public final class Store: Sendable {
    /// Rows that one listing returns at most.
    public static let maximumPage = 10_000
    /// How long a statement waits for another connection of this process, seconds.
    private static let busyTimeout = 5.0
    /// Connections for concurrent reads.
    private static let readerCount = 4

    /// The database file.
    public let path: String
    let columns = PersonalColumn()
    private let pool: DatabasePool
    private let lock: StoreLock
    private let wrote: @Sendable (_ seconds: Double) -> Void

    /// Opens the store, making folder, file and tables that are missing.
    ///
    /// - Parameters:
    ///   - path: the database file. `<path>-wal`, `<path>-shm` and `<path>.lock` lie beside it.
    ///   - wrote: called after each committed write with the time it took, waiting and fsync
    ///     included, for the metrics. Must not block.
    /// - Throws: `cannotOpen`, `alreadyInUse`, `corrupt`, `newerSchema`, `writeFailed`.
    public init(
        path: String, wrote: @escaping @Sendable (_ seconds: Double) -> Void = { _ in }
    ) throws(StoreError) {
        self.path = path
        self.wrote = wrote
        try prepareFiles(path: path)
        lock = try StoreLock(path: path)
        do {
            pool = try Self.openPool(path)
        } catch {
            lock.release()
            throw StoreError(error, path: path)
        }
    }

    private static func openPool(_ path: String) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.label = "trunkline.store"
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(busyTimeout)
        configuration.maximumReaderCount = readerCount
        configuration.prepareDatabase { database in
            // Without it INSERT OR REPLACE deletes rows behind the back of the triggers that keep
            // the audit chain, the records and the internal list.
            try database.execute(sql: "PRAGMA recursive_triggers = ON")
        }
        let pool = try DatabasePool(path: path, configuration: configuration)
        // GRDB sets NORMAL when it turns WAL on, which may lose the last commits with the power.
        try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        let migrator = Schema.migrator
        if try pool.read(migrator.hasBeenSuperseded) { throw StoreError.newerSchema(path: path) }
        try migrator.migrate(pool)
        return pool
    }

    /// Moves the log into the database file, closes it and gives the lock back. What is asked
    /// afterwards throws `closed`.
    public func close() throws(StoreError) {
        // A backup of the one file is then complete. If it fails, the next opening does it. (Not
        // GRDB's checkpoint(): on a closed connection that dereferences null, a statement throws.)
        try? pool.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
        }
        do { try pool.close() } catch { throw StoreError(error, path: path) }
        lock.release()
    }

    /// Throws unless the store can be read and written: for the health page.
    public func check() async throws(StoreError) {
        _ = try await read { try Int.fetchOne($0, sql: "SELECT count(*) FROM campaigns") }
        _ = try await perform { continuation in
            self.pool.asyncWriteWithoutTransaction { database in
                // Takes and drops the write lock; nothing is fsynced.
                continuation.resume(
                    with: Result { try database.inTransaction(.immediate) { .rollback } })
            }
        }
    }

    /// What SQLite's own check finds wrong with the file; empty when all is well. Reads everything.
    public func integrityProblems() async throws(StoreError) -> [String] {
        try await read { database in
            try String.fetchAll(database, sql: "PRAGMA integrity_check").filter { $0 != "ok" }
        }
    }

    // MARK: Transactions

    /// Runs `body` in one transaction and returns once it is on disk.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        let start = ContinuousClock.now
        // Not GRDB's async write: that one gives up when the task is cancelled, and a call that is
        // being torn down must still get its record.
        let value = try await perform { continuation in
            self.pool.asyncWrite(body) { _, result in continuation.resume(with: result) }
        }
        let elapsed = (ContinuousClock.now - start).components
        wrote(Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18)
        return value
    }

    /// Runs `body` on a reader that sees everything committed before the call.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        try await perform { continuation in
            self.pool.asyncRead { result in
                continuation.resume(with: Result { try body(result.get()) })
            }
        }
    }

    private func perform<Value: Sendable>(
        _ start: (CheckedContinuation<Value, any Error>) -> Void
    ) async throws(StoreError) -> Value {
        do {
            return try await withCheckedThrowingContinuation { start($0) }
        } catch {
            throw StoreError(error, path: path)
        }
    }
}

extension Row {
    /// The value of a column that the schema promises; a file that breaks the promise throws.
    func value<Value: DatabaseValueConvertible>(
        _ column: String, as type: Value.Type = Value.self
    ) throws(StoreError) -> Value {
        guard let value = Value.fromDatabaseValue(self[column] as DatabaseValue) else {
            throw PersonalColumn.unreadable(column)
        }
        return value
    }

    func optional<Value: DatabaseValueConvertible>(
        _ column: String, as type: Value.Type = Value.self
    ) -> Value? {
        Value.fromDatabaseValue(self[column] as DatabaseValue)
    }

    func time(_ column: String) throws(StoreError) -> WallTime {
        WallTime(milliseconds: try value(column))
    }

    func optionalTime(_ column: String) -> WallTime? {
        optional(column).map { WallTime(milliseconds: $0) }
    }

    /// A word of one of CallModel's enums.
    func word<Word: RawRepresentable<String>>(
        _ column: String, as type: Word.Type = Word.self
    ) throws(StoreError) -> Word {
        guard let word = Word(rawValue: try value(column)) else {
            throw PersonalColumn.unreadable(column)
        }
        return word
    }
}
