public import Base
public import CallModel
public import Compliance
internal import Foundation
internal import GRDB

//  sequence 1          sequence 2          sequence 3
//  previous 000…000    previous hash(1)    previous hash(2)
//  body     {…}        body     {…}        body     {…}
//  hash = SHA-256(previous, line feed, body)
//
//  A changed, removed or inserted row breaks the chain where it happened. Rows cut off at the end
//  do not: note auditHead() elsewhere to see those too.

/// Where the audit chain stands: enough to prove later that nothing up to here has changed.
public struct AuditHead: Sendable, Equatable {
    /// Decisions on the chain.
    public var count: Int
    /// Of the last decision, in hexadecimal; 64 zeros for an empty chain.
    public var hash: String

    /// Where the chain begins.
    public static let empty = AuditHead(count: 0, hash: String(repeating: "0", count: 64))
}

/// What a walk along the audit chain found.
public struct AuditReport: Sendable, Equatable {
    /// The last decision up to which everything fits.
    public var verified: AuditHead
    /// The first decision that does not fit, and why; nil when the whole chain holds.
    public var broken: Break?

    /// Where the chain does not hold.
    public struct Break: Sendable, Equatable {
        /// Of the decision that does not fit, from 1.
        public var sequence: Int
        /// One phrase for an operator; holds nothing of the decision.
        public var problem: String
    }
}

extension Store {
    /// Decisions read in one go when the chain is verified.
    private static let auditBatch = 500

    /// Appends a decision to the audit chain; on disk when this returns. An `allow` also marks the
    /// call's attempt as being dialled, in the same transaction.
    ///
    /// - Parameter number: for calls without a contact, so that the chain says who was meant.
    /// - Returns: the decision's identifier, for the call record.
    @discardableResult
    public func saveDecision(
        _ decision: GateDecision, call: CallID, contact: ContactID?, number: PhoneNumber? = nil
    ) async throws(StoreError) -> String {
        try await write { [columns] database in
            let head = try Self.auditHead(database)
            let sequence = head.count + 1
            let id = "decision-\(sequence)"
            var body = JSONWriter(reserving: 1024)
            body.object { writer in
                writer.field("sequence", sequence)
                writer.field("decision_id", id)
                writer.field("call_id", call.value)
                if let contact { writer.field("contact_id", contact.value) }
                if let number { writer.field("number", columns.seal(number)) }
                decision.write(to: &writer, key: "decision")
            }
            try database.execute(
                sql: "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                arguments: [
                    sequence, id, call.value, contact?.value, decision.verdict.name, body.string,
                    head.hash, Self.chainHash(head.hash, body.string),
                ])
            if decision.verdict == .allow {
                try database.execute(
                    sql: """
                        UPDATE attempts SET state = 'dialling'
                        WHERE call_id = ? AND state = 'claimed'
                        """, arguments: [call.value])
            }
            return id
        }
    }

    /// The stored decision as JSON: identifiers and, under `decision`, what the gate said. nil when
    /// there is none of this identifier.
    public func decision(_ id: String) async throws(StoreError) -> String? {
        try await read { database in
            try String.fetchOne(
                database, sql: "SELECT body FROM decisions WHERE decision_id = ?",
                arguments: [id])
        }
    }

    /// The decisions about one call, oldest first, as `decision(_:)` gives them.
    public func decisions(call: CallID) async throws(StoreError) -> [String] {
        try await read { database in
            try String.fetchAll(
                database, sql: "SELECT body FROM decisions WHERE call_id = ? ORDER BY sequence",
                arguments: [call.value])
        }
    }

    /// The last decision; `AuditHead.empty` before the first.
    public func auditHead() async throws(StoreError) -> AuditHead {
        try await read { try Self.auditHead($0) }
    }

    /// Walks the whole chain and recomputes every hash.
    public func verifyAudit() async throws(StoreError) -> AuditReport {
        var verified = AuditHead.empty
        while true {
            let head = verified
            let (end, next, problem) = try await read { database in
                try Self.verify(after: head, database)
            }
            if let problem {
                return AuditReport(
                    verified: next, broken: .init(sequence: next.count + 1, problem: problem))
            }
            verified = next
            if end { return AuditReport(verified: verified, broken: nil) }
        }
    }

    private static func verify(
        after start: AuditHead, _ database: Database
    ) throws -> (end: Bool, head: AuditHead, problem: String?) {
        let rows = try Row.fetchAll(
            database,
            sql: "SELECT * FROM decisions WHERE sequence > ? ORDER BY sequence LIMIT ?",
            arguments: [start.count, auditBatch])
        var head = start
        for row in rows {
            let body: String = try row.value("body")
            let hash: String = try row.value("hash")
            func problem(_ text: String) -> (Bool, AuditHead, String?) { (true, head, text) }
            guard try row.value("sequence") == head.count + 1 else {
                return problem("a decision is missing")
            }
            guard try row.value("previous_hash") == head.hash else {
                return problem("it does not follow the decision before it")
            }
            guard chainHash(head.hash, body) == hash else {
                return problem("its content is not what was hashed")
            }
            guard agrees(row, body) else {
                return problem("its columns differ from its content")
            }
            head = AuditHead(count: head.count + 1, hash: hash)
        }
        return (rows.count < auditBatch, head, nil)
    }

    /// The columns repeat parts of the body for look-ups; they are not hashed, so compare them.
    private static func agrees(_ row: Row, _ body: String) -> Bool {
        guard let json = try? JSONSerialization.jsonObject(with: Data(body.utf8)),
            let fields = json as? [String: Any], let decision = fields["decision"] as? [String: Any]
        else { return false }
        return fields["sequence"] as? Int == row.optional("sequence")
            && fields["decision_id"] as? String == row.optional("decision_id")
            && fields["call_id"] as? String == row.optional("call_id")
            && fields["contact_id"] as? String == row.optional("contact_id")
            && decision["verdict"] as? String == row.optional("verdict")
    }

    private static func auditHead(_ database: Database) throws -> AuditHead {
        let row = try Row.fetchOne(
            database, sql: "SELECT sequence, hash FROM decisions ORDER BY sequence DESC LIMIT 1")
        guard let row else { return .empty }
        return AuditHead(count: try row.value("sequence"), hash: try row.value("hash"))
    }

    static func chainHash(_ previous: String, _ body: String) -> String {
        Hex.encode(SHA256Hasher.hash(Array("\(previous)\n\(body)".utf8)))
    }
}
