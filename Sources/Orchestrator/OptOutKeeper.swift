internal import Base
internal import CallModel
internal import Logging
internal import Store

/// Sees a do-not-call request made during a call through to the internal list, whatever the disk does.
///
/// ```
/// heard ─► GateDesk (in force at once) ─► store ─ taken ─► done
///                                          └ refused ─► OptOutJournal, and again until it is taken
/// next start: OptOutJournal ─► store, before anybody is dialled
/// ```
struct OptOutKeeper: Sendable {
    typealias Write = @Sendable (OptOutJournal.Entry) async throws(StoreError) -> Void

    let desk: GateDesk
    /// nil: there was no room for it at the start, and the log said so.
    let journal: OptOutJournal?
    let logger: Logger
    let write: Write

    init(desk: GateDesk, journal: OptOutJournal?, logger: Logger, write: @escaping Write) {
        self.desk = desk
        self.journal = journal
        self.logger = logger
        self.write = write
    }

    init(desk: GateDesk, store: Store, directory: String, logger: Logger) {
        var journal: OptOutJournal?
        do throws(StoreError) {
            journal = try OptOutJournal(path: directory + "/opt-outs.pending")
        } catch {
            logger.error(
                "opt-outs that the store refuses will be kept in memory only",
                metadata: ["reason": "\(error)"])
        }
        self.init(desk: desk, journal: journal, logger: logger) { entry throws(StoreError) in
            _ = try await store.addToInternalList(
                entry.number, source: entry.source, call: entry.call, at: entry.at)
        }
    }

    /// Comes back when the store has it, or never will.
    func keep(
        _ entry: OptOutJournal.Entry,
        pause: (Duration) async -> Void = { try? await Task.sleep(for: $0) }
    ) async {
        desk.remember(optOut: entry.number)
        var isJournalled = false
        let isStored = await Store.untilTaken(pause: pause) { () throws(StoreError) in
            try await write(entry)
        } refused: { attempt, error in
            if !isJournalled { isJournalled = journal?.add(entry) ?? false }
            report("opt-out not stored", entry, isJournalled, attempt: attempt, error)
        }
        if isStored {
            if isJournalled { journal?.remove(entry) }
            desk.forget(optOut: entry.number)
        } else {
            report("opt-out given up by this process", entry, isJournalled)
        }
    }

    /// What a former process could not store. Nothing may be dialled before it is.
    func recover() async throws(StoreError) {
        guard let journal, !journal.pending.isEmpty else { return }
        let entries = journal.pending
        for entry in entries {
            try await write(entry)
            journal.remove(entry)
        }
        logger.warning(
            "opt-outs that a former run could not store are on the list now",
            metadata: ["count": "\(entries.count)"])
    }

    /// The end of the process: what the list does not have.
    func sayFarewell() {
        let (open, kept) = (desk.unstoredOptOuts, journal?.pending.count ?? 0)
        guard open > 0 else { return }
        logger.critical(
            "opt-outs are not in the store; those kept go there at the next start, add the others by hand",
            metadata: ["count": "\(open)", "kept": "\(kept)"])
    }

    private func report(
        _ message: Logger.Message, _ entry: OptOutJournal.Entry, _ isJournalled: Bool,
        attempt: Int? = nil, _ error: StoreError? = nil
    ) {
        var metadata: Logger.Metadata = [
            "number": "\(entry.number)",
            "kept": isJournalled ? "in the journal, for the next start" : "in memory only",
        ]
        if let call = entry.call { metadata["call"] = "\(call)" }
        if let attempt { metadata["attempt"] = "\(attempt)" }
        if let error { metadata["reason"] = "\(error)" }
        logger.critical(message, metadata: metadata)
    }
}
