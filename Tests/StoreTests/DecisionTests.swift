import Base
import CallModel
import Compliance
import Foundation
import GRDB
import Testing

@testable import Store

private func chain(_ folder: TemporaryFolder, _ count: Int) async throws -> Store {
    let store = try Store(path: folder.database)
    for index in 0..<count {
        try await store.saveDecision(
            .test(index % 2 == 0 ? .allow : .block), call: CallID("c\(index)"),
            contact: index % 3 == 0 ? nil : ContactID("p\(index)"), number: try .test(index))
    }
    return store
}

/// Changes the file behind the store's back, triggers removed.
private func tamper(_ folder: TemporaryFolder, _ sql: String) throws {
    try folder.raw { database in
        try database.execute(sql: "DROP TRIGGER decisions_no_update")
        try database.execute(sql: "DROP TRIGGER decisions_no_delete")
        try database.execute(sql: sql)
    }
}

@Test func aDecisionIsReadBackWithEveryCheck() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    let id = try await store.saveDecision(
        .test(.block), call: CallID("c1"), contact: ContactID("p1"), number: try .test(1))
    #expect(id == "decision-1")
    let body = try #require(try await store.decision(id))
    let json = try JSONSerialization.jsonObject(with: Data(body.utf8))
    let fields = try #require(json as? [String: Any])
    #expect(fields["call_id"] as? String == "c1")
    #expect(fields["contact_id"] as? String == "p1")
    #expect(fields["sequence"] as? Int == 1)
    let decision = try #require(fields["decision"] as? [String: Any])
    #expect(decision["verdict"] as? String == "block")
    #expect(decision["rule_set"] as? String == "test-1")
    #expect((decision["checks"] as? [[String: Any]])?.first?["check"] as? String == "consent")
    #expect(try await store.decision("decision-2") == nil)
    try await store.saveDecision(.test(.allow), call: CallID("c1"), contact: nil)
    #expect(try await store.decisions(call: CallID("c1")).count == 2)
    #expect(try await store.decisions(call: CallID("c2")) == [])
}

@Test func theChainStartsWithZerosAndEachHashCoversTheOneBefore() async throws {
    let folder = try TemporaryFolder()
    let store = try await chain(folder, 2)
    let rows = try await store.read { database in
        try Row.fetchAll(database, sql: "SELECT * FROM decisions ORDER BY sequence").map {
            (
                previous: $0["previous_hash"] as String, hash: $0["hash"] as String,
                body: $0["body"] as String
            )
        }
    }
    #expect(rows[0].previous == String(repeating: "0", count: 64))
    #expect(rows[1].previous == rows[0].hash)
    for row in rows {
        let text = row.previous + "\n" + row.body
        #expect(row.hash == Hex.encode(SHA256Hasher.hash(Array(text.utf8))))
    }
    #expect(try await store.auditHead() == AuditHead(count: 2, hash: rows[1].hash))
    // From Python: hashlib.sha256(b"0" * 64 + b"\n{}").
    #expect(
        Store.chainHash(String(repeating: "0", count: 64), "{}")
            == "5649d09ed68c17156095d175eef152856c5b1a81c117c409c1e00f096aa6838e")
}

@Test func anUntouchedChainHolds() async throws {
    let folder = try TemporaryFolder()
    let store = try await chain(folder, 12)
    #expect(
        try await store.verifyAudit() == AuditReport(verified: store.auditHead(), broken: nil))
    let empty = try TemporaryFolder()
    let emptyReport = try await Store(path: empty.database).verifyAudit()
    #expect(emptyReport == AuditReport(verified: .empty, broken: nil))
}

/// More decisions than one batch of the walk.
@Test func aLongChainIsWalkedInBatches() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    try await store.write { database in
        var previous = AuditHead.empty.hash
        for sequence in 1...1001 {
            let body =
                #"{"sequence":\#(sequence),"decision_id":"decision-\#(sequence)","#
                + #""call_id":"c","decision":{"verdict":"block"}}"#
            let hash = Store.chainHash(previous, body)
            try database.execute(
                sql: "INSERT INTO decisions VALUES (?, ?, 'c', NULL, 'block', ?, ?, ?)",
                arguments: [sequence, "decision-\(sequence)", body, previous, hash])
            previous = hash
        }
    }
    let report = try await store.verifyAudit()
    #expect(report.broken == nil)
    #expect(report.verified.count == 1001)
    let id = try await store.saveDecision(.test(.block), call: CallID("c"), contact: nil)
    #expect(id == "decision-1002")
}

@Test func decisionsAreAppendOnly() async throws {
    let folder = try TemporaryFolder()
    let store = try await chain(folder, 3)
    for sql in [
        "UPDATE decisions SET verdict = 'allow'", "DELETE FROM decisions WHERE sequence = 3",
        "DELETE FROM decisions", "INSERT OR REPLACE INTO decisions SELECT * FROM decisions",
    ] {
        await #expect(throws: StoreError.self) {
            try await store.write { try $0.execute(sql: sql) }
        }
    }
    let report = try await store.verifyAudit()
    #expect(report.verified.count == 3)
    #expect(report.broken == nil)
}

@Test(arguments: [
    (
        "UPDATE decisions SET body = replace(body, 'block', 'allow') WHERE sequence = 4", 4,
        "its content is not what was hashed"
    ),
    (
        "UPDATE decisions SET verdict = 'allow' WHERE sequence = 4", 4,
        "its columns differ from its content"
    ),
    (
        "UPDATE decisions SET call_id = 'x' WHERE sequence = 2", 2,
        "its columns differ from its content"
    ),
    (
        "UPDATE decisions SET contact_id = NULL WHERE sequence = 2", 2,
        "its columns differ from its content"
    ),
    ("DELETE FROM decisions WHERE sequence = 3", 3, "a decision is missing"),
    ("DELETE FROM decisions WHERE sequence = 1", 1, "a decision is missing"),
    ("UPDATE decisions SET hash = 'x' WHERE sequence = 3", 3, "its content is not what was hashed"),
    (
        "UPDATE decisions SET previous_hash = 'x' WHERE sequence = 3", 3,
        "it does not follow the decision before it"
    ),
])
func aTamperedChainBreaksWhereItWasTampered(sql: String, sequence: Int, problem: String)
    async throws
{
    let folder = try TemporaryFolder()
    try await chain(folder, 6).close()
    try tamper(folder, sql)
    let report = try await Store(path: folder.database).verifyAudit()
    #expect(report.broken == .init(sequence: sequence, problem: problem))
    #expect(report.verified.count == sequence - 1)
}

/// Whoever rewrites a body and its hash must rewrite every row after it; the noted head tells.
@Test func rewritingOrCuttingTheEndShowsAgainstTheNotedHead() async throws {
    let folder = try TemporaryFolder()
    let store = try await chain(folder, 6)
    let noted = try await store.auditHead()
    try store.close()
    try tamper(folder, "DELETE FROM decisions WHERE sequence > 4")
    let report = try await Store(path: folder.database).verifyAudit()
    #expect(report.broken == nil)
    #expect(report.verified.count == 4)
    #expect(report.verified != noted)
}

@Test func concurrentDecisionsFormOneChain() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    try await withThrowingTaskGroup(of: Void.self) { group in
        for task in 0..<4 {
            group.addTask {
                for index in 0..<10 {
                    try await store.saveDecision(
                        .test(.block), call: CallID("c\(task)-\(index)"), contact: nil)
                }
            }
        }
        try await group.waitForAll()
    }
    let report = try await store.verifyAudit()
    #expect(report.broken == nil)
    #expect(report.verified.count == 40)
}
