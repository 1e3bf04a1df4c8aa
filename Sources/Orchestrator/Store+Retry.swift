internal import Base
internal import CallModel
internal import Logging
internal import Store

extension Store {
    /// Between attempts at a write that must not be lost: twice as long each time.
    static let firstPause = Duration.milliseconds(200)
    static let longestPause = Duration.seconds(5)

    /// Tries `write` until the store takes it, however long its disk is full. False for what time does
    /// not cure: the store has been closed, or what is written belongs to nothing it has.
    ///
    /// - Parameters:
    ///   - pause: waits between attempts.
    ///   - refused: told of each failure with its number.
    static func untilTaken(
        pause: (Duration) async -> Void = { try? await Task.sleep(for: $0) },
        _ write: () async throws(StoreError) -> Void, refused: (Int, StoreError) -> Void
    ) async -> Bool {
        var (attempt, length) = (1, firstPause)
        while true {
            do {
                try await write()
                return true
            } catch {
                refused(attempt, error)
                switch error {
                case .conflict, .closed, .notFound: return false
                default: break
                }
                // A cancelled task does not sleep.
                guard !Task.isCancelled else { return false }
            }
            await pause(length)
            attempt += 1
            length = min(length * 2, longestPause)
        }
    }

    /// Gives back a claim that was allowed and will not be dialled, however long that takes: left open it
    /// would keep the contact, and the number in every campaign, from the next attempt.
    func withdraw(_ claim: Claim, until: WallTime, logger: Logger) async {
        _ = await Self.untilTaken { () throws(StoreError) in
            try await withdraw(claim, until: until)
        } refused: { attempt, error in
            logger.error(
                "claim not given back",
                metadata: [
                    "call": "\(claim.call)", "attempt": "\(attempt)", "reason": "\(error)",
                ])
        }
    }

    /// Writes the record of an ended call. A record that cannot be stored at all is told to the
    /// operator, by its call.
    func finish(
        _ record: CallRecord, contactStatus: ContactStatus?, nextAttemptAt: WallTime?,
        logger: Logger
    ) async {
        let isStored = await Self.untilTaken { () throws(StoreError) in
            try await finish(record, contactStatus: contactStatus, nextAttemptAt: nextAttemptAt)
        } refused: { attempt, error in
            logger.error(
                "call record not stored",
                metadata: [
                    "call": "\(record.id)", "attempt": "\(attempt)", "reason": "\(error)",
                ])
        }
        if !isStored {
            logger.critical("call record given up", metadata: ["call": "\(record.id)"])
        }
    }
}
