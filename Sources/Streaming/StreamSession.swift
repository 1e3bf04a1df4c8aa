public import CallModel

/// A handle on one media stream. Calls return at once and take effect on the stream's thread.
public final class StreamSession: Sendable {
    /// The request's stream identifier.
    public let id: String
    let lane: LaneExecutor
    private let bound: LaneBox<StreamLane.Guest>

    init(_ core: sending SessionCore, id: String, lane: LaneExecutor) {
        self.id = id
        self.lane = lane
        bound = LaneBox(.call(core), lane)
    }

    init(_ leg: sending MuxLeg, id: String, lane: LaneExecutor) {
        self.id = id
        self.lane = lane
        bound = LaneBox(.leg(leg), lane)
    }

    /// On the lane's thread only.
    var guest: StreamLane.Guest { bound.value }

    /// Tells the bot of a digit the callee pressed (0–9, `*`, `#`, A–D; anything else is ignored).
    /// Before the stream is open the digit waits for `start`.
    public func sendDTMF(_ digit: Character) {
        lane.execute {
            switch self.guest {
            case .call(let core): core.sendDTMF(digit)
            case .leg(let leg):
                leg.sendDTMF(digit)
                leg.connection?.flush()
            }
        }
    }

    /// Tells the bot what was detected: speech, beeps, tones and verdicts, on a multiplexed stream
    /// only (the per-call dialect has no message for them). Other events are ignored.
    public func report(_ event: CallEvent) {
        lane.execute {
            guard case .leg(let leg) = self.guest else { return }
            leg.report(event)
            leg.connection?.flush()
        }
    }

    /// Ends the stream in order: what has been received goes out, then `stop`, then (unless others
    /// share the connection) the closing handshake. `ended` follows, also when the bot never answers.
    public func stop() {
        lane.execute {
            switch self.guest {
            case .call(let core): core.stop(reason: "stopped")
            case .leg(let leg):
                let connection = leg.connection
                leg.stop(reason: "stopped")
                connection?.flush()
            }
        }
    }

    /// The stream's counts so far.
    public func statistics() async -> StreamStatistics {
        let read = await lane.read {
            switch self.guest {
            case .call(let core): core.statistics
            case .leg(let leg): leg.statistics
            }
        }
        return read ?? StreamStatistics()
    }
}
