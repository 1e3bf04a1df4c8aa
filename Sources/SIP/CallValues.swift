public import Base

/// What happens on a call, for its owner. `ended` comes exactly once and last.
public enum CallNotice: Sendable, Equatable {
    /// Outbound: the first 1xx, or the answer when there was none.
    case trying
    /// The first 180, or 183 without a description.
    case ringing
    /// The peer's description before the answer; outbound at most `SIPLimits.earlyDescriptions`
    /// times.
    case earlyMedia(sdp: [UInt8])
    /// Outbound: the answer of the 2xx. Inbound: our 200 was acknowledged; `sdp` is what the ACK
    /// carried, empty when the INVITE held the offer. Comes again with each answer to an offer that a
    /// re-INVITE without one asked for.
    case answered(sdp: [UInt8])
    /// A re-INVITE or UPDATE with an offer: the owner answers or refuses it. Empty: a re-INVITE without
    /// one (RFC 3261 14.2); what the owner answers with is an offer, `answered` tells what came of it.
    case offer(sdp: [UInt8])
    /// The peer agreed to what `changeMedia` offered, or changed its side in a refresh.
    case offerAnswered(sdp: [UInt8])
    /// It did not: the session is as it was. `status`: of the peer; 500 when nothing could be sent.
    case offerRefused(status: Int)
    /// One key pressed, by INFO: `0`…`9`, `A`…`D`, `*` or `#`.
    case digit(Character)
    /// What our REFER comes to: the status of the call the peer makes, or of the REFER itself when
    /// that was refused. 408: nobody told; 0: the peer stopped telling.
    case transferProgress(status: Int, isFinal: Bool)
    /// The peer's REFER: the owner accepts or refuses it, else it is refused after 10 s.
    case transferRequested(TransferRequest)
    case ended(CallEnd)
}

/// How a call ended.
public struct CallEnd: Sendable, Equatable {
    /// What ends a call.
    public enum Cause: String, Sendable {
        /// A final response other than 2xx.
        case rejected
        /// Timer B, or no final response to a CANCEL.
        case timeout
        /// The INVITE could not be sent: no connection.
        case transport
        /// Nobody answered within the ring time.
        case noAnswer
        /// By the owner before the answer; inbound: by the caller.
        case cancelled
        /// The peer's BYE, of an inbound call also before the answer.
        case remoteBye
        /// The owner's BYE.
        case localBye
        /// Our 200 was never acknowledged.
        case notAcknowledged
        /// A 2xx without the answer to our offer, or something else that no call can live with.
        case protocolError
        /// The peer no longer answers within the call, or has forgotten it (408, 481).
        case peerLost
        /// The session timer ran out (RFC 4028).
        case sessionExpired
        /// Another call took its place (RFC 3891).
        case replaced
        /// By the owner: an inbound call was refused.
        case refused
        /// Our own limit of calls or transactions.
        case overload
    }

    /// Of the first thing that ended it: what comes later changes nothing.
    public var cause: Cause
    /// Final status of the INVITE; 408 when we stopped waiting (RFC 3261 8.1.3.1), 0 for none.
    public var status: Int
    /// Value of Reason headers (RFC 3326), if any.
    public var reason: String?
    /// Seconds that the peer asked to be left alone (RFC 3261 20.33).
    public var retryAfter: Int?

    /// Values as given; nothing is checked.
    public init(_ cause: Cause, status: Int, reason: String? = nil, retryAfter: Int? = nil) {
        self.cause = cause
        self.status = status
        self.reason = reason
        self.retryAfter = retryAfter
    }
}

/// What a call asks of the user agent that owns it, in order.
public enum CallAction: Sendable, Equatable {
    /// Send in a new client transaction.
    case request(SIPMessage, to: SIPAddress)
    /// The ACK of a 2xx: straight to the transport.
    case acknowledge(SIPMessage, to: SIPAddress)
    /// Answer a request of the peer in its server transaction.
    case respond(SIPMessage, TransactionKey)
    /// Stop waiting for the final response of this INVITE (RFC 3261 9.1).
    case abandon(SIPMessage)
    case notice(CallNotice)
}

/// One step of a call: everything it may not own itself, and where its actions go.
public struct CallStep {
    static let fullOffers = TokenBucket(
        rate: SIPLimits.offersPerSecond, burst: SIPLimits.offerBurst + SIPLimits.refreshReserve)

    /// When the step happens; the timers it sets count from here.
    public let now: Instant
    /// What goes into Via, Contact and User-Agent of its messages.
    public let party: LocalParty
    /// T1, T2 and T4 of what the call repeats itself and of what it waits for.
    public let timing: SIPTimers
    /// That of the call's setup, else of the user agent.
    public let policy: CallPolicy
    /// Makes tags, branches and random waits; its owner takes it back when the step is done.
    public var entropy: SeededGenerator
    /// What the call asks for; its owner empties it when the step is done.
    public var out = Outbox<CallAction>()
    /// Descriptions of early media that came after too many.
    var ignoredDescriptions = 0
    /// Offers that the peer may make within this call, in whichever of its dialogs.
    var offers = CallStep.fullOffers
    /// Offers that came after too many.
    var refusedOffers = 0

    /// With an empty `out`, and the whole budget of offers that a peer has.
    public init(
        now: Instant, party: LocalParty, timing: SIPTimers, policy: CallPolicy = CallPolicy(),
        entropy: SeededGenerator
    ) {
        self.now = now
        self.policy = policy
        self.party = party
        self.timing = timing
        self.entropy = entropy
    }

    mutating func notify(_ notice: CallNotice) { out.push(.notice(notice)) }
}

/// An outbound call, before it starts.
public struct CallSetup: Sendable {
    /// Request-URI and To.
    public var target: SIPURI
    /// From, without tag.
    public var from: NameAddress
    /// The SDP offer; empty: the callee shall offer, which comes as `CallNotice.offer`.
    public var offer: [UInt8]
    /// Where the INVITE and everything of its transaction is sent.
    public var destination: SIPAddress
    /// From the first sign of ringing to the CANCEL.
    public var ringTimeout: Interval
    /// Extra header lines of the INVITE.
    public var headers: [(name: String, value: String)]
    /// Only when `destination` is the trunk that knows them.
    public var credentials: DigestCredentials?
    /// nil: that of the user agent.
    public var policy: CallPolicy?
    /// Route values the INVITE starts with: an outbound proxy, a Service-Route (RFC 3608).
    public var routes: [String]

    /// Nothing is checked here: header lines that the call writes itself, and header lines and
    /// routes with a line break, are left out of the INVITE.
    public init(
        target: SIPURI, from: NameAddress, offer: [UInt8], destination: SIPAddress,
        ringTimeout: Interval = .seconds(30), headers: [(name: String, value: String)] = [],
        credentials: DigestCredentials? = nil, policy: CallPolicy? = nil, routes: [String] = []
    ) {
        self.policy = policy
        self.routes = routes
        self.target = target
        self.from = from
        self.offer = offer
        self.destination = destination
        self.ringTimeout = ringTimeout
        self.headers = headers
        self.credentials = credentials
    }
}

extension SIPMessage {
    /// Allow, Accept and Supported: what RFC 3261 11.2 and 13.2.1 want said.
    mutating func addCapabilities(_ policy: CallPolicy) {
        headers.append(.allow, SIPMethod.supportedNames)
        headers.append(.accept, "application/sdp")
        headers.append(.supported, policy.optionTags.joined(separator: ", "))
    }

    mutating func copyRecordRoute(of request: SIPMessage) {
        for route in request.headers.lines(.recordRoute) { headers.append(.recordRoute, route) }
    }

    func makeRefusal(_ refusal: RequestRefusal, toTag: String? = nil) -> SIPMessage {
        var response = makeResponse(refusal.status, toTag: toTag)
        for line in refusal.headers { response.headers.append(line.name, line.value) }
        return response
    }

    mutating func attach(sdp: [UInt8]) {
        guard !sdp.isEmpty else { return }
        headers.append(.contentType, "application/sdp")
        body = sdp
    }

    /// The values of all Reason headers, if any.
    var reasonText: String? {
        let lines = headers.lines(.reason)
        return lines.isEmpty ? nil : lines.joined(separator: ", ")
    }
}
