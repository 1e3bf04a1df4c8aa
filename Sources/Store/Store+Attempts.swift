public import Base
public import CallModel
internal import Campaigns
internal import Foundation
internal import GRDB

/// A contact taken from the queue for one attempt. It is on disk; nobody else gets it.
public struct Claim: Sendable, Equatable {
    /// As stored when it was taken.
    public var contact: Contact
    /// 1 for the first attempt at the contact. Never given out twice for one contact, unless it
    /// was released undialled.
    public var attempt: Int
    /// `call-` and a UUID; the attempt's call and its record have it.
    public var call: CallID
    /// Attempts before this one that do not use up the person's attempts, and those that were
    /// declined: what `RetryPolicy.after` asks for.
    public var earlierUncounted: Int
    /// Attempts before this one that were declined.
    public var earlierDeclined: Int
    /// The `now` that it was taken at.
    public var claimedAt: WallTime
}

extension Store {
    /// Takes the pending contact that has been due longest, marks it in progress and commits its
    /// attempt, all in one transaction that is on disk when this returns: only then may an INVITE
    /// go out. nil when nothing is due, or the campaign is not running.
    ///
    /// A contact whose number has an open attempt (in any campaign) is passed over until that one
    /// has ended, so that nobody is called twice at once.
    public func claimNext(
        _ campaign: CampaignID, now: WallTime
    ) async throws(StoreError) -> Claim? {
        let call = CallID("call-" + UUID().uuidString.lowercased())
        return try await write { [columns] database in
            let row = try Row.fetchOne(
                database,
                sql: """
                    SELECT * FROM contacts
                    WHERE campaign_id = :campaign AND status = 'pending' AND not_before <= :now
                    AND EXISTS (SELECT 1 FROM campaigns
                        WHERE campaign_id = :campaign AND status = 'running')
                    AND NOT EXISTS (SELECT 1 FROM attempts
                        WHERE attempts.number = contacts.number AND state <> 'finished')
                    ORDER BY not_before, position LIMIT 1
                    """, arguments: ["campaign": campaign.value, "now": now.milliseconds])
            guard let row else { return nil }
            let contact = try Self.contact(row, columns)
            let earlier = try Row.fetchOne(
                database,
                sql: """
                    SELECT ifnull(max(attempts.attempt), 0) AS highest,
                        count(*) FILTER (WHERE NOT attempts.counts) AS uncounted,
                        count(*) FILTER (WHERE end_reason = 'declined') AS declined
                    FROM attempts LEFT JOIN call_records USING (call_id)
                    WHERE attempts.contact_id = ?
                    """, arguments: [contact.id.value])
            let claim = Claim(
                contact: contact, attempt: (earlier?.optional("highest") ?? 0) + 1, call: call,
                earlierUncounted: earlier?.optional("uncounted") ?? 0,
                earlierDeclined: earlier?.optional("declined") ?? 0, claimedAt: now)
            try database.execute(
                sql: "UPDATE contacts SET status = 'in_progress' WHERE contact_id = ?",
                arguments: [contact.id.value])
            try database.execute(
                sql: """
                    INSERT INTO attempts
                        (call_id, contact_id, campaign_id, attempt, number, claimed_at, state)
                    VALUES (?, ?, ?, ?, ?, ?, 'claimed')
                    """,
                arguments: [
                    call.value, contact.id.value, campaign.value, claim.attempt,
                    columns.seal(contact.number), now.milliseconds,
                ])
            return claim
        }
    }

    /// Gives a claim back undialled: the gate said wait. The attempt never was, and the contact is
    /// pending again, not before `until`. Throws `conflict` once the attempt may have been dialled.
    public func release(_ claim: Claim, until: WallTime) async throws(StoreError) {
        try await giveBack(claim, in: "claimed", until: until)
    }

    /// Gives a claim back that the gate has allowed, for whoever knows that it has not been dialled and
    /// will not be. As with `release`, the attempt never was. Throws `conflict` for any other claim.
    public func withdraw(_ claim: Claim, until: WallTime) async throws(StoreError) {
        try await giveBack(claim, in: "dialling", until: until)
    }

    private func giveBack(
        _ claim: Claim, in state: String, until: WallTime
    ) async throws(StoreError) {
        try await write { database in
            try database.execute(
                sql: "DELETE FROM attempts WHERE call_id = ? AND state = ?",
                arguments: [claim.call.value, state])
            guard database.changesCount == 1 else {
                throw StoreError.conflict("call \(claim.call) is not an undialled claim")
            }
            try database.execute(
                sql: """
                    UPDATE contacts SET status = 'pending', not_before = ? WHERE contact_id = ?
                    """, arguments: [until.milliseconds, claim.contact.id.value])
        }
    }

    /// Writes the record of a call, and with it where its contact and its attempt stand, in one
    /// transaction.
    ///
    /// - Parameters:
    ///   - contactStatus: where the contact stands now; nil for a call without a contact.
    ///     `inProgress` is refused: the attempt has ended.
    ///   - nextAttemptAt: for `pending`, when the contact is due again; nil: at once.
    ///   - interest: 0–10, for the campaign's average, if the call was classified that far.
    /// - Throws: `conflict` when the call has a record already.
    public func finish(
        _ record: CallRecord, contactStatus: ContactStatus? = nil, nextAttemptAt: WallTime? = nil,
        interest: Double? = nil
    ) async throws(StoreError) {
        guard contactStatus != .inProgress else {
            throw .conflict("a finished attempt leaves no contact in progress")
        }
        try await write { [columns] database in
            let counts = record.countsAsAttempt
            try Self.insert(record, counts: counts, interest: interest, columns, database)
            try Self.close(
                record, counts: counts, contactStatus: contactStatus,
                notBefore: nextAttemptAt, database)
        }
    }

    /// Ends what a process that died left open; to be called once, at the start. Each open attempt
    /// gets a record with end reason `interrupted`, and its contact is pending again: at once when
    /// nothing was sent, after `EndReason.interrupted.retryDelay` when the INVITE may have been.
    /// In the latter case the person's telephone may have rung, so the attempt counts, and a
    /// contact that has used up its campaign's attempts that way is exhausted. A call without a
    /// contact that was allowed gets its record, too, and counts.
    public func recoverInterrupted(now: WallTime) async throws(StoreError) -> [CallRecord] {
        try await write { [columns] database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT attempts.*, maximum_attempts,
                        (SELECT decision_id FROM decisions
                            WHERE decisions.call_id = attempts.call_id
                            ORDER BY sequence DESC LIMIT 1) AS decision_id,
                        (SELECT ifnull(sum(counts), 0) FROM attempts AS earlier
                            WHERE earlier.contact_id = attempts.contact_id) AS counted
                    FROM attempts JOIN campaigns USING (campaign_id)
                    WHERE attempts.state <> 'finished' ORDER BY claimed_at, call_id
                    """)
            var records: [CallRecord] = []
            for row in rows {
                let dialled = try row.value("state", as: String.self) == "dialling"
                let used = try row.value("counted", as: Int.self) + (dialled ? 1 : 0)
                let record = try Self.interruptedRecord(row, dialled: dialled, now, columns)
                let maximum: Int = try row.value("maximum_attempts")
                let exhausted = used >= min(maximum, RetryPolicy.maximumAttempts)
                let delay = dialled ? EndReason.interrupted.retryDelay ?? .zero : .zero
                try Self.insert(record, counts: dialled, interest: nil, columns, database)
                try Self.close(
                    record, counts: dialled, contactStatus: exhausted ? .exhausted : .pending,
                    notBefore: now + delay, database)
                records.append(record)
            }
            for record in try Self.interruptedDirectCalls(now, columns, database) {
                try Self.insert(record, counts: true, interest: nil, columns, database)
                records.append(record)
            }
            return records
        }
    }

    /// Calls without a contact that were allowed and have no record. They have no row among the attempts;
    /// who was meant, and when, is in the decision.
    private static func interruptedDirectCalls(
        _ now: WallTime, _ columns: PersonalColumn, _ database: Database
    ) throws -> [CallRecord] {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT call_id, decision_id, json_extract(body, '$.number') AS number,
                    json_extract(body, '$.decision.decided_at') AS decided_at
                FROM decisions WHERE verdict = 'allow' AND contact_id IS NULL
                AND json_extract(body, '$.number') IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM call_records
                    WHERE call_records.call_id = decisions.call_id)
                ORDER BY sequence
                """)
        return try rows.map { row in
            let call = CallID(try row.value("call_id"))
            let decided = row.optional("decided_at", as: String.self)
            // The gate's clock may have been a demonstration's.
            let start = decided.flatMap { WallTime(rfc3339: $0) }.map { min($0, now) } ?? now
            return CallRecord(
                id: call, direction: .outbound, number: try columns.number(try row.value("number")),
                startedAt: start, endedAt: now, endReason: .interrupted, disposition: .failed,
                outcome: .technicalFailure, summary: summaryOfInterruptedDial,
                decisionID: row.optional("decision_id"),
                events: [CallEvent(call: call, at: now, kind: .ended(.interrupted))])
        }
    }

    private static let summaryOfInterruptedDial =
        "The server stopped during this attempt; how far the call got is not known."

    private static func interruptedRecord(
        _ row: Row, dialled: Bool, _ now: WallTime, _ columns: PersonalColumn
    ) throws(StoreError) -> CallRecord {
        let call = CallID(try row.value("call_id"))
        let campaign = CampaignID(try row.value("campaign_id"))
        let contact = ContactID(try row.value("contact_id"))
        return CallRecord(
            id: call, direction: .outbound, campaign: campaign, contact: contact,
            attempt: try row.value("attempt"), number: try columns.number(try row.value("number")),
            startedAt: try row.time("claimed_at"), endedAt: now, endReason: .interrupted,
            disposition: .failed, outcome: .technicalFailure,
            summary: dialled
                ? summaryOfInterruptedDial
                : "The server stopped before this attempt was dialled.",
            decisionID: row.optional("decision_id"),
            events: [
                CallEvent(
                    call: call, campaign: campaign, contact: contact, at: now,
                    kind: .ended(.interrupted))
            ])
    }

    /// The part of a finish that is not the record.
    private static func close(
        _ record: CallRecord, counts: Bool, contactStatus: ContactStatus?, notBefore: WallTime?,
        _ database: Database
    ) throws {
        try database.execute(
            sql: "UPDATE attempts SET state = 'finished', counts = ? WHERE call_id = ?",
            arguments: [counts, record.id.value])
        guard let contact = record.contact, let contactStatus else { return }
        try database.execute(
            sql: "UPDATE contacts SET status = ?, not_before = ? WHERE contact_id = ?",
            arguments: [contactStatus.rawValue, notBefore?.milliseconds ?? 0, contact.value])
    }
}
