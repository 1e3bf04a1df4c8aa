import Base
import CallModel
import Compliance
import Foundation
import GRDB
import Testing

@testable import Store

private let m1 = CampaignID("m1")

/// Everything the database holds, row by row.
private func contents(_ path: String) throws -> [String] {
    let queue = try DatabaseQueue(path: path)
    defer { try? queue.close() }
    return try queue.writeWithoutTransaction { database in
        guard try database.tableExists("decisions") else { return [] }
        let tables = [
            "campaigns", "contacts", "attempts", "call_records", "decisions", "internal_list",
        ]
        return try tables.flatMap { table in
            try Row.fetchAll(database, sql: "SELECT * FROM \(table) ORDER BY rowid")
                .map { row in table + Array(row.databaseValues).description }
        }
    }
}

/// The life of a server in small steps; `step` is called after each committed write.
private func work(_ store: Store, contacts: Int, _ step: () throws -> Void) async throws {
    try await store.insert(.test("m1"))
    try step()
    _ = try await store.importContacts((0..<contacts).map { try .test($0) })
    try step()
    for index in 0..<contacts {
        guard let claim = try await store.claimNext(m1, now: morning) else { return }
        try step()
        try await store.saveDecision(.test(.allow), call: claim.call, contact: claim.contact.id)
        try step()
        if index % 2 == 0 {
            try await store.addToInternalList(
                claim.contact.number, source: "dtmf", call: claim.call, at: morning)
            try step()
        }
        try await store.finish(claim.record(.busy), contactStatus: .completed)
        try step()
    }
}

/// A process may die, and a machine lose power, with any number of bytes of the write-ahead log
/// written. Whatever that number is, opening the files again shows the state after some committed
/// write, and no write that was reported as committed is missing.
@Test func everyPrefixOfTheLogIsTheStateAfterACommittedWrite() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    let log = folder.database + "-wal"
    var states: [(bytes: Int, contents: [String])] = []
    func noteState() throws {
        let bytes = try FileManager.default.attributesOfItem(atPath: log)[.size] as? Int
        states.append((try #require(bytes), try contents(folder.database)))
    }
    try noteState()
    try await work(store, contacts: 4, noteState)
    let database = try Data(contentsOf: URL(filePath: folder.database))
    let whole = try Data(contentsOf: URL(filePath: log))
    #expect(states.count == 17)
    #expect(zip(states, states.dropFirst()).allSatisfy { $0.bytes < $1.bytes })

    var generator = SeededGenerator(seed: 9)
    var cuts = states.flatMap { [$0.bytes - 1, $0.bytes, $0.bytes + 1] } + [0, 31, 32, 33]
    cuts += (0..<60).map { _ in Int(generator.next() % UInt64(whole.count)) }
    let copy = try TemporaryFolder()
    for cut in cuts where cut <= whole.count {
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: copy.database + suffix)
        }
        try database.write(to: URL(filePath: copy.database))
        try whole.prefix(cut).write(to: URL(filePath: copy.database + "-wal"))
        let reopened = try contents(copy.database)
        guard let committed = states.lastIndex(where: { $0.bytes <= cut }) else {
            #expect(cut < states[0].bytes)
            continue
        }
        // The log grows by whole transactions here, so it is exactly the last committed state.
        #expect(reopened == states[committed].contents, "cut at \(cut)")
    }
}

/// The same, for bytes of the log that were never written out and read back as garbage.
@Test func aTornWriteAtTheEndOfTheLogIsIgnored() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    var states: [[String]] = []
    try await work(store, contacts: 2) { states.append(try contents(folder.database)) }
    let database = try Data(contentsOf: URL(filePath: folder.database))
    let whole = try Data(contentsOf: URL(filePath: folder.database + "-wal"))
    var generator = SeededGenerator(seed: 10)
    let copy = try TemporaryFolder()
    for _ in 0..<30 {
        for suffix in ["-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: copy.database + suffix)
        }
        var torn = whole
        let start = Int(generator.next() % UInt64(whole.count - 512))
        for index in start..<start + 512 {
            torn[index] = UInt8(truncatingIfNeeded: generator.next())
        }
        try database.write(to: URL(filePath: copy.database))
        try torn.write(to: URL(filePath: copy.database + "-wal"))
        let reopened = try contents(copy.database)
        #expect(states.contains(reopened) || reopened.isEmpty || start < 32)
    }
}

/// kill -9 at any moment loses no committed record and never dials a contact twice for the same
/// attempt. Real processes: each runs calls against the store until SIGKILL comes out of another
/// thread, after a seeded number of steps and instructions; what it did before is in a journal that
/// it appended to right after each call into the store returned.
@Test func killedProcessesLoseNothingAndDialNobodyTwice() async throws {
    let folder = try TemporaryFolder()
    let path = folder.database
    let journal = folder.path + "/journal"
    do {
        let store = try await storeWithCampaign(folder, contacts: 400)
        try store.close()
    }
    var interrupted = 0
    for round in 0..<8 {
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = path as String, journal = journal as String, round = round as Int] in
            try await runUntilKilled(path: path, journal: journal, round: round)
        }
        let store = try Store(path: path)
        let done = try Journal(journal)
        let open = try await store.recoverInterrupted(now: morning)
        interrupted += open.count
        try await expect(store, keeps: done)
        // Every attempt has a record now, and only attempts have.
        let (attempts, records) = try await store.read { database in
            (
                try Int.fetchOne(database, sql: "SELECT count(*) FROM attempts"),
                try Int.fetchOne(
                    database,
                    sql: "SELECT count(*) FROM call_records JOIN attempts USING (call_id)")
            )
        }
        #expect(attempts == records)
        #expect(try await store.contactCounts(m1)[.inProgress] == 0)
        #expect(try await store.integrityProblems() == [])
        try store.close()
    }
    let done = try Journal(journal)
    #expect(done.dialled.count >= 8)
    #expect(done.finished.count >= 8)
    #expect(interrupted > 0)
}

/// What killed processes wrote down.
private struct Journal {
    var dialled: [(contact: String, attempt: Int, call: CallID)] = []
    var decided: [CallID] = []
    var optedOut: [PhoneNumber] = []
    var finished: [CallID] = []

    init(_ path: String) throws {
        for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            switch words[0] {
            case "dial": dialled.append((words[1], Int(words[2]) ?? -1, CallID(words[3])))
            case "decided": decided.append(CallID(words[1]))
            case "out": optedOut.append(try PhoneNumber(words[1]))
            case "finished": finished.append(CallID(words[1]))
            default: Issue.record("journal: \(line)")
            }
        }
    }
}

private func expect(_ store: Store, keeps journal: Journal) async throws {
    var seen: Set<String> = []
    for dial in journal.dialled {
        #expect(seen.insert("\(dial.contact) \(dial.attempt)").inserted, "dialled twice: \(dial)")
        let record = try await store.callRecord(dial.call)
        #expect(record?.attempt == dial.attempt)
        #expect(record?.contact?.value == dial.contact)
    }
    for call in journal.decided { #expect(try await store.decisions(call: call).count == 1) }
    for number in journal.optedOut { #expect(try await store.isOnInternalList(number)) }
    for call in journal.finished {
        #expect(try await store.callRecord(call)?.endReason == .busy)
    }
    #expect(try await store.verifyAudit().broken == nil)
}

private func runUntilKilled(path: String, journal: String, round: Int) async throws {
    var generator = SeededGenerator(seed: UInt64(round) &+ 0x51)
    let steps = Int(generator.next() % 25) + 4
    let spins = Int(generator.next() % 400_000)
    let descriptor = open(journal, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    let gate = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
        gate.wait()
        var x: UInt64 = 1
        for _ in 0..<spins { x = x &* 6_364_136_223_846_793_005 &+ 1 }
        if x != 0 { kill(getpid(), SIGKILL) }
    }
    var lines = 0
    func note(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        if write(descriptor, bytes, bytes.count) != bytes.count { exit(2) }
        lines += 1
        if lines == steps { gate.signal() }
    }
    let store = try Store(path: path)
    while let claim = try await store.claimNext(m1, now: morning) {
        try await store.saveDecision(.test(.allow), call: claim.call, contact: claim.contact.id)
        note("decided \(claim.call)")
        // Here the INVITE would go out.
        note("dial \(claim.contact.id) \(claim.attempt) \(claim.call)")
        if claim.attempt == 1, lines % 2 == 0 {
            try await store.addToInternalList(
                claim.contact.number, source: "dtmf", call: claim.call, at: morning)
            note("out \(claim.contact.number.e164)")
        }
        try await store.finish(claim.record(.busy), contactStatus: .completed)
        note("finished \(claim.call)")
    }
}
