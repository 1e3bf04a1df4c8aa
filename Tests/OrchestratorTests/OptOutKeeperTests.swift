import Base
import CallModel
import Foundation
import Logging
import Store
import Synchronization
import Telemetry
import Testing

@testable import Orchestrator

/// A keeper over a store that refuses so many writes, in a folder of its own.
private final class Desk: Sendable {
    let folder = NSTemporaryDirectory() + "trunkline-optout-\(UUID().uuidString)"
    let desk: GateDesk
    let metrics = MetricsRegistry()
    let refusals: Mutex<Int>
    let error: StoreError
    let stored = Mutex<[OptOutJournal.Entry]>([])

    init(
        refusals: Int = 0, error: StoreError = .writeFailed(path: "p", reason: "disk full")
    ) throws {
        self.refusals = Mutex(refusals)
        self.error = error
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        desk = try GateDesk(
            settings: PlatformConfiguration.ComplianceSettings(),
            store: try Store(path: folder + "/store.sqlite"), metrics: metrics,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var journal: OptOutJournal { get throws { try OptOutJournal(path: folder + "/j") } }

    func keeper(_ journal: OptOutJournal?) -> OptOutKeeper {
        OptOutKeeper(
            desk: desk, journal: journal,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { [self] entry throws(StoreError) in
            let refuses = refusals.withLock { left in
                defer { left = max(0, left - 1) }
                return left > 0
            }
            if refuses { throw error }
            stored.withLock { $0.append(entry) }
        }
    }

    var unstored: Double { metrics.gauge(Catalogue.optOutsUnstored).value }
}

private func entry(_ number: String = "+12125550109") throws -> OptOutJournal.Entry {
    OptOutJournal.Entry(
        number: try PhoneNumber(number), source: "dtmf", call: CallID("c1"),
        at: WallTime(milliseconds: 1_795_392_238_120))
}

@Suite struct OptOutKeeperTests {
    @Test func aStoreThatTakesItNeedsNoJournal() async throws {
        let bench = try Desk()
        let journal = try bench.journal
        await bench.keeper(journal).keep(try entry())
        #expect(try bench.stored.withLock { $0 } == [entry()])
        #expect(journal.pending == [] && bench.unstored == 0)
    }

    /// While the disk is full the wish is on the disk all the same, and in force.
    @Test func aRefusedOptOutIsInTheJournalUntilTheStoreHasIt() async throws {
        let bench = try Desk(refusals: 3)
        let journal = try bench.journal
        let seen = Mutex<[Int]>([])
        await bench.keeper(journal).keep(try entry()) { _ in
            let kept = (try? bench.journal.pending.count) ?? -1
            seen.withLock { $0.append(kept) }
            #expect(bench.unstored == 1)
        }
        #expect(seen.withLock { $0 } == [1, 1, 1])
        #expect(bench.stored.withLock { $0.count } == 1)
        #expect(try bench.journal.pending == [] && bench.unstored == 0)
    }

    /// The process ends, the store closed, before the disk has room; the next one begins with the list.
    @Test func theNextStartStoresWhatThisOneCouldNot() async throws {
        let bench = try Desk(refusals: 1, error: .closed)
        await bench.keeper(try bench.journal).keep(try entry())
        #expect(bench.stored.withLock { $0 } == [])
        #expect(bench.unstored == 1)
        let next = bench.keeper(try bench.journal)
        try await next.recover()
        #expect(try bench.stored.withLock { $0 } == [entry()])
        #expect(try bench.journal.pending == [])
        try await next.recover()
        #expect(bench.stored.withLock { $0.count } == 1)
    }

    /// Nobody is dialled by a process whose list is not whole.
    @Test func aStartThatCannotStoreItFails() async throws {
        let bench = try Desk(refusals: 1)
        let journal = try bench.journal
        #expect(journal.add(try entry()))
        await #expect(throws: StoreError.self) { try await bench.keeper(journal).recover() }
        #expect(try bench.journal.pending == [entry()])
    }

    @Test func withoutAJournalItIsTriedAsBefore() async throws {
        let bench = try Desk(refusals: 2)
        await bench.keeper(nil).keep(try entry()) { _ in }
        #expect(bench.stored.withLock { $0.count } == 1)
        #expect(bench.unstored == 0)
    }
}
