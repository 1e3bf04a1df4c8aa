internal import Base
internal import CallModel
internal import Logging
internal import Store

extension Store {
    /// Attempts at a write that must not be lost: some six seconds of a store that refuses.
    static let writeAttempts = 6

    /// Writes the record of an ended call, trying again while the store refuses. A record that
    /// cannot be stored at all is told to the operator, by its call.
    func finish(
        _ record: CallRecord, contactStatus: ContactStatus?, nextAttemptAt: WallTime?,
        logger: Logger
    ) async {
        for attempt in 1...Self.writeAttempts {
            do {
                try await finish(
                    record, contactStatus: contactStatus, nextAttemptAt: nextAttemptAt)
                return
            } catch {
                logger.error(
                    "call record not stored",
                    metadata: [
                        "call": "\(record.id)", "attempt": "\(attempt)", "reason": "\(error)",
                    ])
                // Neither is cured by time.
                switch error {
                case .conflict, .closed: return
                default: try? await Task.sleep(for: .milliseconds(100 << attempt))
                }
            }
        }
        logger.critical("call record given up", metadata: ["call": "\(record.id)"])
    }
}
