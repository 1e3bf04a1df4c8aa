public import Base

/// The call detail record: one per attempt, blocked attempts included; written once, at the end.
public struct CallRecord: Sendable, Equatable {
    /// Outbound: placed by us.
    public enum Direction: String, Sendable { case outbound, inbound }

    /// The same as in logs, events and recordings.
    public var id: CallID
    /// Who placed the call.
    public var direction: Direction
    /// nil: no campaign made the call.
    public var campaign: CampaignID?
    /// nil: no campaign's list holds who was called.
    public var contact: ContactID?
    /// 1 for the first attempt at a contact.
    public var attempt: Int
    /// The far end's; nil where it has none or showed none.
    public var number: PhoneNumber?
    /// When the call was begun or came in, or the gate blocked the attempt.
    public var startedAt: WallTime
    /// nil: nobody said that it rings.
    public var ringingAt: WallTime?
    /// nil: it was not answered.
    public var answeredAt: WallTime?
    /// As `startedAt` for a blocked attempt.
    public var endedAt: WallTime
    /// Decides alone whether the attempt may be repeated.
    public var endReason: EndReason
    /// Final SIP status of the INVITE, 0 when none was sent.
    public var sipStatus: Int
    /// The last final one; nil: none was given.
    public var verdict: AnswerVerdict?
    /// 0…1; nil without a verdict.
    public var verdictConfidence: Double?
    /// What it came to for signalling and sound.
    public var disposition: Disposition
    /// What it came to for the campaign.
    public var outcome: Outcome
    /// 0…1.
    public var outcomeConfidence: Double
    /// One sentence: what happened, in words an operator can act on.
    public var summary: String
    /// The finished file; nil: nothing was recorded, or it failed.
    public var recordingPath: String?
    /// The identifier of the compliance decision that allowed or blocked the attempt.
    public var decisionID: String?
    /// In order. A far end that makes too many of them loses the surplus, never the call's end.
    public var events: [CallEvent]
    /// nil: the call had no media leg, or it told nothing.
    public var media: MediaSummary?

    /// The defaults are those of a first attempt that met nothing: no answer, no verdict, no media.
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

extension CallRecord {
    /// Somebody's telephone has rung for it, as far as signalling told.
    public var hasRung: Bool { ringingAt != nil || answeredAt != nil }

    /// Uses up one of the person's attempts: for its end, or because the telephone has rung and then the
    /// trunk or we failed. A number that does not exist has nobody to ring.
    public var countsAsAttempt: Bool {
        direction == .outbound
            && (endReason.countsAsAttempt || hasRung && endReason != .invalidNumber)
    }
}

/// What the media leg saw, in numbers.
public struct MediaSummary: Sendable, Equatable {
    /// RTP packets that the leg accepted, of all sources.
    public var packetsReceived: Int
    /// RTP packets that the network took.
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
    /// Conversational, 1…4.5; nil: nothing was heard.
    public var mos: Double?
    /// Round trip on the network, the last that RTCP told (RFC 3550 6.4.1); nil: none did.
    public var roundTripMilliseconds: Double?
    /// What the far end's newest reports say about our audio: packets lost so far, with which late
    /// duplicates make it negative, and jitter (RFC 3550 6.4.1); nil: no report came.
    public var remotePacketsLost: Int?
    /// ms, as the far end reports it; nil: no report came.
    public var remoteJitterMilliseconds: Double?
    /// Conversational MOS of our audio at the far end (RFC 3611 4.7.5); nil: it told none.
    public var remoteMOS: Double?

    /// What only RTCP and the E-model tell is nil.
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
