public import Base

extension CallFlow {
    /// One reading of both clocks.
    public struct Moment: Sendable {
        /// For timers.
        public var instant: Instant
        /// For the record and its events.
        public var wall: WallTime

        /// Both read at the same time.
        public init(instant: Instant, wall: WallTime) {
            self.instant = instant
            self.wall = wall
        }
    }
}

extension CallFlow.Phase {
    /// As `GET /v1/calls` says it.
    var name: String {
        switch self {
        case .dialing: "dialing"
        case .detecting: "detecting"
        case .awaitingBeep: "awaiting_beep"
        case .leavingMessage: "leaving_message"
        case .interrupted: "interrupted"
        case .talking: "talking"
        case .ending, .finished: "ending"
        }
    }
}
