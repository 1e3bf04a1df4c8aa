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
