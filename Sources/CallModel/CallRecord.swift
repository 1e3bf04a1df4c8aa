public import Base

/// The call detail record: one per attempt, blocked attempts included; written once, at the end.
public struct CallRecord: Sendable, Equatable {
    public enum Direction: String, Sendable { case outbound, inbound }

    public var id: CallID
    public var direction: Direction
    public var campaign: CampaignID?
    public var contact: ContactID?
    /// 1 for the first attempt at a contact.
    public var attempt: Int
    public var number: PhoneNumber?
    public var startedAt: WallTime
    public var ringingAt: WallTime?
    public var answeredAt: WallTime?
    public var endedAt: WallTime
    public var endReason: EndReason
    /// Final SIP status of the INVITE, 0 when none was sent.
    public var sipStatus: Int
    public var verdict: AnswerVerdict?
    public var verdictConfidence: Double?
    public var disposition: Disposition
    public var outcome: Outcome
    public var outcomeConfidence: Double
    /// One sentence: what happened, in words an operator can act on.
    public var summary: String
    public var recordingPath: String?
    /// The identifier of the compliance decision that allowed or blocked the attempt.
    public var decisionID: String?
    public var events: [CallEvent]
    public var media: MediaSummary?

    public init(
        id: CallID, direction: Direction, campaign: CampaignID? = nil, contact: ContactID? = nil,
        attempt: Int = 1, number: PhoneNumber? = nil, startedAt: WallTime,
        ringingAt: WallTime? = nil, answeredAt: WallTime? = nil, endedAt: WallTime,
        endReason: EndReason, sipStatus: Int = 0, verdict: AnswerVerdict? = nil,
        verdictConfidence: Double? = nil, disposition: Disposition, outcome: Outcome,
        outcomeConfidence: Double = 1, summary: String = "", recordingPath: String? = nil,
        decisionID: String? = nil, events: [CallEvent] = [], media: MediaSummary? = nil
    ) {
        self.id = id
        self.direction = direction
        self.campaign = campaign
        self.contact = contact
        self.attempt = attempt
        self.number = number
        self.startedAt = startedAt
        self.ringingAt = ringingAt
        self.answeredAt = answeredAt
        self.endedAt = endedAt
        self.endReason = endReason
        self.sipStatus = sipStatus
        self.verdict = verdict
        self.verdictConfidence = verdictConfidence
        self.disposition = disposition
        self.outcome = outcome
        self.outcomeConfidence = outcomeConfidence
        self.summary = summary
        self.recordingPath = recordingPath
        self.decisionID = decisionID
        self.events = events
        self.media = media
    }
}

/// What the media leg saw, in numbers.
public struct MediaSummary: Sendable, Equatable {
    public var packetsReceived: Int
    public var packetsSent: Int
    /// RFC 3550 A.3: expected minus received.
    public var packetsLost: Int
    /// Packets of the wrong source, payload type, version or authentication tag.
    public var packetsRejected: Int
    /// RFC 3550 A.8, milliseconds.
    public var jitterMilliseconds: Double
    /// What we heard, by the E-model (ITU-T G.107): R, 0…100, and the conversational MOS from it,
    /// 1…4.5. nil: nothing was heard.
    public var rFactor: Double?
    public var mos: Double?
    /// Round trip on the network, the last that RTCP told (RFC 3550 6.4.1); nil: none did.
    public var roundTripMilliseconds: Double?
    /// What the far end's newest reports say about our audio: packets lost so far, with which late
    /// duplicates make it negative, and jitter (RFC 3550 6.4.1); nil: no report came.
    public var remotePacketsLost: Int?
    public var remoteJitterMilliseconds: Double?
    /// Conversational MOS of our audio at the far end (RFC 3611 4.7.5); nil: it told none.
    public var remoteMOS: Double?

    public init(
        packetsReceived: Int = 0, packetsSent: Int = 0, packetsLost: Int = 0,
        packetsRejected: Int = 0, jitterMilliseconds: Double = 0
    ) {
        self.packetsReceived = packetsReceived
        self.packetsSent = packetsSent
        self.packetsLost = packetsLost
        self.packetsRejected = packetsRejected
        self.jitterMilliseconds = jitterMilliseconds
    }
}
