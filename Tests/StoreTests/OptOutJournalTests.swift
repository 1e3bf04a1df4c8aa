import Base
import CallModel
import Foundation
import Testing

@testable import Store

private func entry(
    _ index: Int, call: String? = "3e7b0c1a-call", minutes: Int64 = 0
) throws -> OptOutJournal.Entry {
    OptOutJournal.Entry(
        number: try .test(index), source: "dtmf", call: call.map { CallID($0) },
        at: morning + .seconds(60 * minutes))
}

@Suite struct OptOutJournalTests {
    @Test func whatTheStoreDidNotTakeIsThereAfterTheProcess() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/opt-outs.pending"
        let (first, second, third) = try (
            entry(1, minutes: 2), entry(2, call: nil, minutes: 1), entry(3, minutes: 3)
        )
        do {
            let journal = try OptOutJournal(path: path)
            #expect(journal.pending == [])
            for entry in [first, second, third] { #expect(journal.add(entry)) }
            journal.remove(third)
            // Not closed in order: as after a kill.
            #expect(try OptOutJournal(path: path).pending == [second, first])
        }
        let journal = try OptOutJournal(path: path)
        #expect(journal.pending == [second, first])
        for entry in journal.pending { journal.remove(entry) }
        #expect(try OptOutJournal(path: path).pending == [])
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect(mode as? Int == 0o600)
    }

    /// Nothing that is added makes the file longer, and its room is real: no hole.
    @Test func itsRoomIsTakenAtTheStart() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/j"
        let journal = try OptOutJournal(path: path)
        func size() -> (bytes: Int64, blocks: Int64) {
            var status = stat()
            #expect(stat(path, &status) == 0)
            return (Int64(status.st_size), Int64(status.st_blocks))
        }
        let before = size()
        #expect(before.bytes == 131_072 && before.blocks * 512 >= 131_072)
        for index in 0..<OptOutJournal.limit { #expect(journal.add(try entry(index))) }
        #expect(size() == before)
        // One more is refused, until there is a place.
        #expect(!journal.add(try entry(5000)))
        journal.remove(try entry(7))
        #expect(journal.add(try entry(5000)))
        #expect(try OptOutJournal(path: path).pending.count == OptOutJournal.limit)
    }

    @Test func aDiskThatRefusesIsSaidToRefuse() throws {
        let folder = try TemporaryFolder()
        #expect(throws: StoreError.self) { try OptOutJournal(path: folder.path + "/none/j") }
        // Reads as zeros, and has no room.
        let journal = try OptOutJournal(path: "/dev/full")
        #expect(!journal.add(try entry(1)))
        #expect(journal.pending == [])
    }

    @Test func whatIsNoEntryIsPassedOver() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/j"
        var slots = [
            "", "nonsense\n", "1 +12125550001 dtmf 1795392238120 c1", "2 +12125550001 dtmf 5 c1\n",
            "1 12x dtmf 5 c1\n", "1 +12125550001 dtmf five c1\n", "1 +12125550001 dtmf 5\n",
            "1 +12125550004 dtmf 1795392238120 c4\n",
        ]
        slots += Array(repeating: "", count: OptOutJournal.limit - slots.count)
        let bytes = slots.flatMap { text in
            Array(text.utf8) + [UInt8](repeating: 0, count: 128 - text.utf8.count)
        }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let pending = try OptOutJournal(path: path).pending
        #expect(pending == [try entry(4, call: "c4")])
        // A file that was cut short gets its length again.
        try Data(bytes.prefix(1024)).write(to: URL(fileURLWithPath: path))
        #expect(try OptOutJournal(path: path).pending == pending)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count == 131_072)
    }

    /// A call's name that would break the line is left out; the number is what counts.
    @Test func aCallThatIsNoWordCostsOnlyItself() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/j"
        #expect(try OptOutJournal(path: path).add(entry(1, call: "a b\nc")))
        #expect(try OptOutJournal(path: path).pending == [entry(1, call: nil)])
        #expect(
            try OptOutJournal(path: path).add(entry(2, call: String(repeating: "x", count: 500))))
        #expect(try OptOutJournal(path: path).pending.count == 2)
    }
}
