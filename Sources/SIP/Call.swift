internal import Base

/// A call of either direction, as the user agent keeps it.
enum Call: Sendable {
    case outbound(UACall)
    case inbound(UASCall)

    var isOver: Bool {
        switch self {
        case .outbound(let call): call.isOver
        case .inbound(let call): call.isOver
        }
    }

    var deadline: Instant? {
        switch self {
        case .outbound(let call): call.deadline
        case .inbound(let call): call.deadline
        }
    }

    /// What it may do; nil: what the user agent may.
    var policy: CallPolicy? {
        if case .outbound(let call) = self { return call.setup.policy }
        return nil
    }

    /// Its answered dialog, or the only one an inbound call has.
    var session: DialogSession? {
        switch self {
        case .outbound(let call): call.session
        case .inbound(let call): call.session
        }
    }

    /// Runs `body` on the answered dialog; nil when there is none.
    mutating func withSession<Result>(_ body: (inout DialogSession) -> Result) -> Result? {
        update(outbound: { $0.withSession(body) }, inbound: { $0.withSession(body) })
    }

    var dialogKey: DialogKey {
        switch self {
        case .outbound(let call): DialogKey(callID: call.callID, localTag: call.localTag)
        case .inbound(let call): DialogKey(callID: call.callID, localTag: call.localTag)
        }
    }

    /// The INVITE that an inbound call has not answered yet.
    var pendingInvite: TransactionKey? {
        if case .inbound(let call) = self, call.phase == .incoming { return call.inviteKey }
        return nil
    }

    /// Runs the body of the right direction and keeps the changed value.
    mutating func update<Result>(
        outbound: (inout UACall) -> Result, inbound: (inout UASCall) -> Result
    ) -> Result {
        switch self {
        case .outbound(var call):
            let result = outbound(&call)
            self = .outbound(call)
            return result
        case .inbound(var call):
            let result = inbound(&call)
            self = .inbound(call)
            return result
        }
    }
}

/// Finds a call for a request of its peer. Our tag is random and ours alone, so the peer's need not
/// be part of the key: early dialogs and forks of one call share it.
struct DialogKey: Hashable, Sendable {
    var callID: String
    var localTag: String
}
