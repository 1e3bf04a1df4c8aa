import Base
import CallModel
import Foundation
import GRDB
import Testing

@testable import Store

private func mode(_ path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
}

@Test func aNewStoreIsReadableByItsOwnerOnly() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/data/deep/store.sqlite"
    let store = try Store(path: path)
    try await store.insert(.test("m1"))
    #expect(try mode(folder.path + "/data") == 0o700)
    #expect(try mode(folder.path + "/data/deep") == 0o700)
    for suffix in ["", "-wal", "-shm", ".lock"] { #expect(try mode(path + suffix) == 0o600) }
}

@Test func anExistingFolderKeepsItsModeAndAnExistingFileIsClosedToOthers() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path)
    try Data().write(to: URL(filePath: folder.database))
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: folder.database)
    let store = try Store(path: folder.database)
    #expect(try mode(folder.path) == 0o755)
    #expect(try mode(folder.database) == 0o600)
    try store.close()
}

/// FULL (2): a commit is on the disk before it is reported. GRDB's own choice would be NORMAL (1).
@Test func commitsAreSyncedToDisk() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    let settings = try await store.write { database in
        [
            try Int.fetchOne(database, sql: "PRAGMA synchronous"),
            try Int.fetchOne(database, sql: "PRAGMA foreign_keys"),
        ]
    }
    #expect(settings == [2, 1])
    let journal = try await store.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") }
    #expect(journal == "wal")
}

@Test func aStoreBelongsToOneOpener() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    #expect(throws: StoreError.alreadyInUse(path: folder.database, owner: getpid())) {
        try Store(path: folder.database)
    }
    try store.close()
    let next = try Store(path: folder.database)
    #expect(try await next.campaigns() == [])
}

@Test func aStoreThatWentAwayWithoutClosingGivesTheLockBack() async throws {
    let folder = try TemporaryFolder()
    do {
        let store = try Store(path: folder.database)
        try await store.insert(.test("m1"))
    }
    let store = try Store(path: folder.database)
    #expect(try await store.campaigns().count == 1)
}

@Test func whatIsWrittenIsThereAfterReopening() async throws {
    let folder = try TemporaryFolder()
    let first = try await storeWithCampaign(folder, contacts: 3)
    try first.close()
    let second = try Store(path: folder.database)
    #expect(try await second.campaign(CampaignID("m1")) == .test("m1"))
    #expect(try await second.contactCounts(CampaignID("m1"))[.pending] == 3)
}

@Test func aFileThatIsNoDatabaseIsNamedAsDamaged() throws {
    let folder = try TemporaryFolder()
    try Data(repeating: 0x41, count: 8192).write(to: URL(filePath: folder.database))
    let error = #expect(throws: StoreError.self) { try Store(path: folder.database) }
    guard case .corrupt(let path, _) = error else {
        Issue.record("\(String(describing: error))")
        return
    }
    #expect(path == folder.database)
    // The lock is free again, and the file untouched.
    try FileManager.default.removeItem(atPath: folder.database)
    try Store(path: folder.database).close()
}

@Test func aStoreOfALaterReleaseIsRefused() throws {
    let folder = try TemporaryFolder()
    try Store(path: folder.database).close()
    try folder.raw { database in
        try database.execute(sql: "INSERT INTO grdb_migrations VALUES ('99 from the future')")
    }
    #expect(throws: StoreError.newerSchema(path: folder.database)) {
        try Store(path: folder.database)
    }
}

@Test func aFolderThatCannotBeMadeIsNamed() throws {
    let folder = try TemporaryFolder()
    let blocked = folder.path + "/file"
    try Data("x".utf8).write(to: URL(filePath: blocked))
    for path in [blocked + "/store.sqlite", folder.path] {
        let error = #expect(throws: StoreError.self) { try Store(path: path) }
        guard case .cannotOpen = error else {
            Issue.record("\(String(describing: error))")
            continue
        }
        #expect(error?.description.contains(path) == true)
        #expect(error?.description.contains("--data") == true)
    }
}

@Test func aClosedStoreSaysSo() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    try await store.check()
    try store.close()
    try store.close()
    await #expect(throws: StoreError.closed) { try await store.campaigns() }
    await #expect(throws: StoreError.closed) { try await store.insert(.test("m1")) }
    await #expect(throws: StoreError.closed) { try await store.check() }
}

@Test func everyErrorIsOneLineThatNamesTheThingAndTheRemedy() {
    let errors: [(StoreError, [String])] = [
        (.cannotOpen(path: "/d/s", reason: "Permission denied"), ["/d/s", "Permission", "--data"]),
        (.alreadyInUse(path: "/d/s", owner: 42), ["/d/s", "42", "--data"]),
        (.alreadyInUse(path: "/d/s", owner: nil), ["/d/s", "another process"]),
        (.corrupt(path: "/d/s", reason: "not a database"), ["/d/s", "backup"]),
        (.newerSchema(path: "/d/s"), ["/d/s", "later release"]),
        (.writeFailed(path: "/d/s", reason: "disk full"), ["/d/s", "disk"]),
        (.notFound("campaign"), ["no such campaign"]), (.conflict("taken"), ["taken"]),
        (.limit(name: "rows", maximum: 3), ["rows", "3"]), (.closed, ["closed"]),
        (.database(code: 1, reason: "why"), ["1", "why"]),
    ]
    for (error, words) in errors {
        #expect(!error.description.contains("\n"))
        for word in words { #expect(error.description.contains(word), "\(error)") }
    }
}

/// A value of the database must not travel in an error to a log.
@Test func errorsHoldNoStoredValue() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 1)
    var texts: [String] = []
    do {
        try await store.write { database in
            try database.execute(
                sql: "INSERT INTO internal_list VALUES (?, 'x', NULL, 0), (?, 'x', NULL, 0)",
                arguments: [PhoneNumber.test(1).e164, PhoneNumber.test(1).e164])
        }
    } catch { texts += ["\(error)", String(reflecting: error)] }
    try await store.write { try $0.execute(sql: "UPDATE contacts SET number = '+1212555000x'") }
    do { _ = try await store.contacts(CampaignID("m1")) } catch {
        texts += ["\(error)", String(reflecting: error)]
    }
    #expect(texts.count == 4)
    for text in texts { #expect(!text.contains("2125550")) }
}

@Test func eachCommittedWriteIsReported() async throws {
    let folder = try TemporaryFolder()
    let (stream, continuation) = AsyncStream.makeStream(of: Double.self)
    let store = try Store(path: folder.database) { continuation.yield($0) }
    let start = ContinuousClock.now
    try await store.insert(.test("m1"))
    _ = try? await store.insert(.test("m1"))
    _ = try await store.campaigns()
    try await store.setStatus(.paused, of: CampaignID("m1"))
    continuation.finish()
    var times: [Double] = []
    for await seconds in stream { times.append(seconds) }
    #expect(times.count == 2)
    // No longer than the test itself, however busy the machine.
    let whole = (ContinuousClock.now - start) / .seconds(1)
    #expect(times.allSatisfy { $0 > 0 } && times.reduce(0, +) < whole)
}

/// Whoever copies the one file of a store that was closed has everything.
@Test func aClosedStoreIsOneFile() async throws {
    let folder = try TemporaryFolder()
    try await storeWithCampaign(folder, contacts: 30).close()
    let copy = try TemporaryFolder()
    try FileManager.default.copyItem(atPath: folder.database, toPath: copy.database)
    let counts = try await Store(path: copy.database).contactCounts(CampaignID("m1"))
    #expect(counts[.pending] == 30)
}

/// A call that is torn down in a cancelled task still gets its record.
@Test func aCancelledTaskStillWrites() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    let task = Task {
        while !Task.isCancelled { await Task.yield() }
        try await store.insert(.test("m1"))
        return try await store.campaigns().count
    }
    task.cancel()
    #expect(try await task.value == 1)
}

@Test func theIntegrityCheckFindsDamage() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 500)
    #expect(try await store.integrityProblems() == [])
    try store.close()
    var bytes = try Data(contentsOf: URL(filePath: folder.database))
    // Keep the first page (header and schema); damage the headers of all others.
    for start in stride(from: 4096, to: bytes.count, by: 4096) {
        bytes.replaceSubrange(start..<start + 200, with: Data(repeating: 0xFF, count: 200))
    }
    try bytes.write(to: URL(filePath: folder.database))
    var problems: [String] = []
    do {
        let damaged = try Store(path: folder.database)
        problems = try await damaged.integrityProblems()
    } catch {
        problems = [error.description]
    }
    #expect(!problems.isEmpty)
}
