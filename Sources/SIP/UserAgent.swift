public import Base

//   datagram ─▶ receive ─▶ parse ─▶ response ─▶ client transaction ─┐
//                             │                                     ├─▶ UACall / UASCall
//                             └──▶ request ─▶ policy ─▶ server ─────┘      │ actions
//                                  (400 … 505)         transaction         ▼
//   owner: place, ring, answer, hangUp … ─────────────────────────────▶ perform
//                                                                          │
//   handleTimers(now) ◀── nextDeadline            Outbox<UserAgentOutput> ◀┘
//                                                 datagrams out, notices, incoming calls

/// Names one call within a user agent.
public struct CallKey: Hashable, Sendable {
    /// The INVITE came from outside; false: the owner placed the call.
    public let isInbound: Bool
    /// Unique within its direction. Inbound calls count from 1.
    public let number: UInt64

    /// A key for `place`: the owner numbers its calls.
    public static func outbound(_ number: UInt64) -> CallKey {
        CallKey(isInbound: false, number: number)
    }
}

/// What an INVITE from outside asks for.
public struct IncomingInvite: Sendable, Equatable {
    /// User part of the Request-URI, unescaped; "" when it has none.
    public var user: String
    /// User part of From, unescaped; "" when it has none.
    public var from: String
    /// nil: the caller wants our offer.
    public var offer: [UInt8]?
    /// Where it really came from, whatever its Via says.
    public var source: SIPAddress
    /// The call whose place this one takes when it is answered (RFC 3891).
    public var replaces: CallKey?
    /// Whom digest authentication proved, when it is asked for.
    public var authenticatedUser: String?
    /// It may come from another address than it says: over UDP, from nobody we know. Send nothing more
    /// than the answer there until the ACK has come, or something else for which `UserAgent.vouch` is.
    public var isStranger = false
    /// As received: identity, diversion and the like.
    public var headers = SIPHeaders()
}

/// What leaves a user agent, in order.
public enum UserAgentOutput: Sendable, Equatable {
    case send([UInt8], to: SIPAddress)
    case notice(CallKey, CallNotice)
    /// Ring, answer or reject it.
    case incoming(CallKey, IncomingInvite)
    case registration(Int, RegistrationNotice)
}

/// All of SIP of one address: transactions, dialogs and calls, without clock or socket.
public struct UserAgent: Sendable {
    /// What a user agent is made with.
    public struct Configuration: Sendable {
        /// How we appear to everybody.
        public var party: LocalParty
        /// T1, T2 and T4; `isReliable` is taken from each destination's transport instead.
        public var timing = SIPTimers()
        /// For challenges of both directions.
        public var hashes: DigestHashes
        /// Calls at one time; an INVITE beyond it gets 503.
        public var maximumCalls = 2_000
        /// Transactions at one time; a request beyond it gets 503 without a transaction. Requests
        /// inside a dialog may use a quarter more, so that calls can still be hung up.
        public var maximumTransactions = 20_000
        /// Inbound calls of one `sourceNetwork` at one time; more get 503.
        public var maximumCallsPerSource = SIPLimits.dialogsPerSource
        /// Numeric addresses of our trunks: neither counted by source nor asked for a password.
        public var trustedSources: Set<String> = []
        /// Ranges of the same.
        public var trustedRanges: [AddressRange] = []
        /// Asks callers for a password; nil: whoever reaches us may call.
        public var callerAuthentication: DigestServer?
        /// Of inbound calls, and of outbound ones that bring none.
        public var policy = CallPolicy()
        /// Requests too large for a datagram go over TCP (RFC 3261 18.1.1).
        public var switchesToTCP = false

        /// Everything else as above.
        public init(party: LocalParty, hashes: DigestHashes) {
            self.party = party
            self.hashes = hashes
        }

        func trusts(_ host: String) -> Bool {
            trustedSources.contains(host) || trustedRanges.contains { $0.contains(host) }
        }
    }

    struct CallEntry: Sendable {
        var call: Call
        /// Client transactions that may still deliver something to it.
        var openTransactions = 0
        /// Of an inbound call that counts towards its source's limit.
        var source: String?
        /// INFOs and NOTIFYs that its peer may send.
        var notices = TokenBucket(
            rate: SIPLimits.noticesPerSecond, burst: SIPLimits.noticeBurst)
        var offers = CallStep.fullOffers
    }

    /// Whom a client transaction reports to.
    enum ClientOwner: Sendable {
        case call(CallKey)
        case registration(Int)
    }

    struct ClientEntry<Transaction: Sendable>: Sendable {
        var transaction: Transaction
        var owner: ClientOwner
        var destination: SIPAddress
        /// A second way, when no connection can be had (RFC 3261 18.1.1).
        var fallback: SIPAddress?
        /// Counts up, so that what happens to many happens in one order.
        var order: UInt64 = 0
    }

    struct ServerEntry<Transaction: Sendable>: Sendable {
        var transaction: Transaction
        /// Where its responses go.
        var destination: SIPAddress
        var call: CallKey?
        var mergeKey: String?
    }

    enum DeadlineOwner: Hashable, Sendable {
        case call(CallKey)
        case registration(Int)
        case inviteClient(TransactionKey)
        case client(TransactionKey)
        case inviteServer(TransactionKey)
        case server(TransactionKey)
    }

    /// As given.
    public let configuration: Configuration
    /// Totals since the start.
    public internal(set) var counters = UserAgentCounters()
    /// Calls that have not ended.
    public internal(set) var activeCalls = 0
    var entropy: SeededGenerator
    var calls: [CallKey: CallEntry] = [:]
    var callsByDialog: [DialogKey: CallKey] = [:]
    var inviteClients: [TransactionKey: ClientEntry<InviteClientTransaction>] = [:]
    var clients: [TransactionKey: ClientEntry<ClientTransaction>] = [:]
    var inviteServers: [TransactionKey: ServerEntry<InviteServerTransaction>] = [:]
    var servers: [TransactionKey: ServerEntry<ServerTransaction>] = [:]
    var mergeKeys: [String: TransactionKey] = [:]
    var registrations: [Int: Registration] = [:]
    var callsBySource: [String: Int] = [:]
    var digestServer: DigestServer?
    var deadlines = DeadlineQueue<DeadlineOwner>()
    private var inboundCount: UInt64 = 0
    var clientCount: UInt64 = 0

    /// - Parameter entropy: makes all tags, branches and Call-IDs: the same seed and the same input
    ///   give the same output.
    public init(_ configuration: Configuration, entropy: SeededGenerator) {
        self.configuration = configuration
        self.entropy = entropy
        digestServer = configuration.callerAuthentication
    }

    /// Transactions held now, of both sides and in every state.
    public var transactionCount: Int {
        inviteClients.count + clients.count + inviteServers.count + servers.count
    }

    /// True when no call is under way; a REGISTER or the answer to an OPTIONS may be.
    public var isIdle: Bool { calls.isEmpty }

    /// When `handleTimers` must be called next.
    public mutating func nextDeadline() -> Instant? { deadlines.next() }

    // MARK: the owner's commands

    /// Starts an outbound call; its notices carry `key`. At the limit it ends at once (`overload`).
    public mutating func place(
        _ setup: CallSetup, key: CallKey, now: Instant, out: inout Outbox<UserAgentOutput>
    ) {
        guard activeCalls < configuration.maximumCalls,
            transactionCount < configuration.maximumTransactions, calls[key] == nil
        else {
            counters.overloads += 1
            out.push(.notice(key, .ended(CallEnd(.overload, status: 0))))
            return
        }
        let call = UACall(setup, hashes: configuration.hashes, entropy: &entropy)
        add(.outbound(call), key)
        step(key, now, &out) { call, step in
            call.update(outbound: { $0.start(&step) }, inbound: { _ in })
        }
    }

    /// CANCEL or BYE, 503 for an inbound call that has not been answered.
    public mutating func hangUp(
        _ key: CallKey, now: Instant, out: inout Outbox<UserAgentOutput>
    ) {
        step(key, now, &out) { call, step in
            call.update(outbound: { $0.hangUp(&step) }, inbound: { $0.hangUp(&step) })
        }
    }

    /// 180.
    public mutating func ring(_ key: CallKey, now: Instant, out: inout Outbox<UserAgentOutput>) {
        step(key, now, &out) { call, step in
            call.update(outbound: { _ in }, inbound: { $0.ring(&step) })
        }
    }

    /// 200 with `sdp`: the answer, or the offer when the INVITE had none.
    public mutating func answer(
        _ key: CallKey, sdp: [UInt8], now: Instant, out: inout Outbox<UserAgentOutput>
    ) {
        step(key, now, &out) { call, step in
            call.update(outbound: { _ in }, inbound: { $0.answer(sdp, &step) })
        }
        endReplaced(by: key, now, &out)
    }

    /// The caller of an inbound call has shown that he is where he says, by media sent to the port in
    /// our answer: from now on it is repeated until the ACK comes.
    public mutating func vouch(
        for key: CallKey, now: Instant, out: inout Outbox<UserAgentOutput>
    ) {
        let invite: TransactionKey?? = step(key, now, &out) { call, _ in
            call.update(
                outbound: { _ in nil },
                inbound: { call in
                    call.vouch()
                    return call.inviteKey
                })
        }
        guard let invite = invite ?? nil else { return }
        inviteServers[invite]?.transaction.vouch(now: now)
        settleInviteServer(invite)
    }

    /// A final response to an inbound call that has not been answered; 500 when `status` is outside
    /// 300…699, 503 with a Retry-After of 5 s.
    public mutating func reject(
        _ key: CallKey, status: Int, now: Instant, out: inout Outbox<UserAgentOutput>
    ) {
        step(key, now, &out) { call, step in
            call.update(outbound: { _ in }, inbound: { $0.reject(status, &step) })
        }
    }

    /// Answers the offer that `CallNotice.offer` brought, or makes the one that it asked for.
    public mutating func answerOffer(
        _ key: CallKey, sdp: [UInt8], now: Instant, out: inout Outbox<UserAgentOutput>
    ) {
        step(key, now, &out) { call, step in
            call.update(
                outbound: { $0.answerOffer(sdp, &step) }, inbound: { $0.answerOffer(sdp, &step) })
        }
    }

    /// Refuses what `CallNotice.offer` brought, by 488 when `status` is outside 300…699. An offer
    /// in a 2xx cannot be refused: the call ends (`protocolError`).
    public mutating func refuseOffer(
        _ key: CallKey, status: Int = 488, now: Instant, out: inout Outbox<UserAgentOutput>
    ) {
        step(key, now, &out) { call, step in
            call.update(
                outbound: { $0.refuseOffer(status, &step) },
                inbound: { $0.refuseOffer(status, &step) })
        }
    }

    // MARK: one step of a call

    mutating func add(_ call: Call, _ key: CallKey, source: String? = nil) {
        calls[key] = CallEntry(call: call, source: source)
        if let source { callsBySource[source, default: 0] += 1 }
        callsByDialog[call.dialogKey] = key
        activeCalls += 1
    }

    mutating func nextInboundKey() -> CallKey {
        inboundCount &+= 1
        return CallKey(isInbound: true, number: inboundCount)
    }

    func makeStep(_ now: Instant, _ policy: CallPolicy? = nil) -> CallStep {
        CallStep(
            now: now, party: configuration.party, timing: configuration.timing,
            policy: policy ?? configuration.policy, entropy: entropy)
    }

    /// Runs `body` on a call, then performs what it asked for. nil when there is no such call.
    @discardableResult
    mutating func step<Result>(
        _ key: CallKey, _ now: Instant, _ out: inout Outbox<UserAgentOutput>,
        _ body: (inout Call, inout CallStep) -> Result
    ) -> Result? {
        guard var entry = calls[key] else { return nil }
        var step = makeStep(now, entry.call.policy)
        step.offers = entry.offers
        let wasOver = entry.call.isOver
        let result = body(&entry.call, &step)
        entropy = step.entropy
        counters.ignoredDescriptions += step.ignoredDescriptions
        counters.refusedOffers += step.refusedOffers
        entry.offers = step.offers
        if entry.call.isOver, !wasOver {
            activeCalls -= 1
            release(source: &entry.source)
        }
        calls[key] = entry
        deadlines.set(.call(key), to: entry.call.deadline)
        for action in step.out.takeAll() { perform(action, of: key, now, &out) }
        retireIfDone(key)
        return result
    }

    private mutating func release(source: inout String?) {
        guard let host = source else { return }
        source = nil
        let left = (callsBySource[host] ?? 1) - 1
        callsBySource[host] = left > 0 ? left : nil
    }

    /// Forgets a call that has ended and whose transactions have nothing more to tell it.
    mutating func retireIfDone(_ key: CallKey) {
        guard let entry = calls[key], entry.call.isOver, entry.openTransactions == 0,
            entry.call.deadline == nil
        else { return }
        calls[key] = nil
        callsByDialog[entry.call.dialogKey] = nil
        deadlines.set(.call(key), to: nil)
    }
}

extension UserAgent {
    /// Ends every call, in the order of their keys, and every registration: the process is going down.
    public mutating func hangUpAll(now: Instant, out: inout Outbox<UserAgentOutput>) {
        let keys = calls.keys.sorted {
            ($0.isInbound ? 1 : 0, $0.number) < ($1.isInbound ? 1 : 0, $1.number)
        }
        for key in keys { hangUp(key, now: now, out: &out) }
        unregisterAll(now: now, out: &out)
    }

    /// True when no call is open and no request of ours waits for its answer.
    public var isQuiet: Bool {
        activeCalls == 0
            && clients.values.allSatisfy { $0.transaction.state == .completed }
            && inviteClients.values.allSatisfy {
                $0.transaction.state == .completed || $0.transaction.state == .accepted
            }
    }
}
