public import Base
public import CallModel
public import Compliance
internal import GRDB

extension Store {
    /// Attempts of one number that a history looks at; the law's limits are far below.
    private static let historyLimit = 1000

    /// Puts a number on the internal do-not-call list; on disk when this returns. A number that is
    /// listed already keeps its first entry.
    ///
    /// - Parameters:
    ///   - source: how the wish was made: `dtmf`, `speech`, `api`…
    ///   - call: the call it was made on, if any.
    /// - Returns: false when it was listed already.
    @discardableResult
    public func addToInternalList(
        _ number: PhoneNumber, source: String, call: CallID?, at: WallTime
    ) async throws(StoreError) -> Bool {
        try await write { [columns] database in
            try database.execute(
                sql: "INSERT INTO internal_list VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                arguments: [columns.seal(number), source, call?.value, at.milliseconds])
            return database.changesCount == 1
        }
    }

    /// Numbers are compared in E.164. A list that cannot be read throws: it is not the answer no.
    public func isOnInternalList(_ number: PhoneNumber) async throws(StoreError) -> Bool {
        try await read { [columns] database in
            try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM internal_list WHERE number = ?)",
                arguments: [columns.seal(number)]) ?? false
        }
    }

    /// Numbers on the list.
    public func internalListCount() async throws(StoreError) -> Int {
        try await read { database in
            try Int.fetchOne(database, sql: "SELECT count(*) FROM internal_list") ?? 0
        }
    }

    /// Attempts at a number across all campaigns, for the gate's frequency limits: ended calls to
    /// it that count (`CallRecord.countsAsAttempt`, and interrupted ones that may have rung), and
    /// attempts being dialled now. A claim that has not been allowed yet is not among them, so the
    /// gate may be asked about it.
    public func history(
        _ number: PhoneNumber, now: WallTime
    ) async throws(StoreError) -> CallHistory {
        try await read { [columns] database in
            let sealed = columns.seal(number)
            let times = try Int64.fetchAll(
                database,
                sql: """
                    SELECT started_at FROM call_records
                    WHERE number = :number AND started_at > :since AND counts
                    UNION ALL
                    SELECT claimed_at FROM attempts WHERE number = :number AND state = 'dialling'
                    ORDER BY 1 DESC LIMIT :limit
                    """,
                arguments: [
                    "number": sealed, "since": now.milliseconds - 30 * 86_400_000,
                    "limit": Self.historyLimit,
                ])
            let hungUp = try Bool.fetchOne(
                database,
                sql: """
                    SELECT EXISTS (SELECT 1 FROM call_records
                        WHERE number = ? AND direction = 'outbound' AND answered_at IS NOT NULL
                        AND end_reason = 'remote_hangup' AND disposition = 'answered_human')
                    """, arguments: [sealed])
            return CallHistory(
                attempts: times.map { WallTime(milliseconds: $0) }, now: now,
                hungUpOnAutomatedCall: hungUp ?? false)
        }
    }
}
