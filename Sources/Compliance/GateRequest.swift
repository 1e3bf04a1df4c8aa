public import Base
public import CallModel

/// Earlier attempts at one number, across campaigns and caller IDs.
public struct CallHistory: Sendable, Equatable {
    public var attemptsLast8Hours: Int
    public var attemptsLast24Hours: Int
    public var attemptsLast30Days: Int
    /// The oldest attempt of the last 24 hours: when it leaves the window a cap of that length
    /// opens again.
    public var oldestInLast24Hours: WallTime?
    public var lastAttemptAt: WallTime?
    /// The person hung up on an automated call before (NRS 597.814).
    public var hungUpOnAutomatedCall: Bool

    public init(
        attemptsLast24Hours: Int = 0, attemptsLast30Days: Int = 0, attemptsLast8Hours: Int = 0,
        oldestInLast24Hours: WallTime? = nil, lastAttemptAt: WallTime? = nil,
        hungUpOnAutomatedCall: Bool = false
    ) {
        self.attemptsLast8Hours = attemptsLast8Hours
        self.attemptsLast24Hours = attemptsLast24Hours
        self.attemptsLast30Days = attemptsLast30Days
        self.oldestInLast24Hours = oldestInLast24Hours
        self.lastAttemptAt = lastAttemptAt
        self.hungUpOnAutomatedCall = hungUpOnAutomatedCall
    }

    /// Counts the attempts of the last 8 hours, 24 hours and 30 days before `now`. An attempt in
    /// the future counts too: a clock that was set back must not allow a call.
    public init(attempts: [WallTime], now: WallTime, hungUpOnAutomatedCall: Bool = false) {
        func recent(_ hours: Int64) -> [WallTime] {
            attempts.filter { now.milliseconds(since: $0) < hours * 3_600_000 }
        }
        let day = recent(24)
        self.init(
            attemptsLast24Hours: day.count, attemptsLast30Days: recent(720).count,
            attemptsLast8Hours: recent(8).count,
            oldestInLast24Hours: day.min(),
            lastAttemptAt: attempts.max(), hungUpOnAutomatedCall: hungUpOnAutomatedCall)
    }
}

/// One question to the gate: may this number be dialled now?
public struct GateRequest: Sendable {
    public enum Voice: String, Sendable { case artificial, live }
    /// An unknown line counts as mobile.
    public enum LineType: String, Sendable { case unknown, mobile, landline }

    public var number: PhoneNumber
    /// State of the person's address: two letters or its name.
    public var state: String?
    /// IANA zone the person stated.
    public var statedZone: String?
    public var consent: ConsentClass
    public var consentAt: WallTime?
    public var purpose: Campaign.Purpose
    public var callerID: PhoneNumber?
    /// Ours is artificial: FCC 24-17.
    public var voice: Voice
    public var lineType: LineType
    public var now: WallTime
    public var ringTimeoutSeconds: Int
    public var history: CallHistory
    /// nil: the internal list could not be read, and the number may not be dialled.
    public var internalListed: Bool?

    public init(
        number: PhoneNumber, state: String? = nil, statedZone: String? = nil,
        consent: ConsentClass = .none, consentAt: WallTime? = nil,
        purpose: Campaign.Purpose = .marketing, callerID: PhoneNumber? = nil,
        voice: Voice = .artificial, lineType: LineType = .unknown, now: WallTime,
        ringTimeoutSeconds: Int = 30, history: CallHistory = CallHistory(),
        internalListed: Bool? = nil
    ) {
        self.number = number
        self.state = state
        self.statedZone = statedZone
        self.consent = consent
        self.consentAt = consentAt
        self.purpose = purpose
        self.callerID = callerID
        self.voice = voice
        self.lineType = lineType
        self.now = now
        self.ringTimeoutSeconds = ringTimeoutSeconds
        self.history = history
        self.internalListed = internalListed
    }

    /// The question for one contact of a campaign.
    public init(
        contact: Contact, campaign: Campaign, now: WallTime, history: CallHistory,
        internalListed: Bool?
    ) {
        self.init(
            number: contact.number, state: contact.state, statedZone: contact.statedZone,
            consent: contact.consent, consentAt: contact.consentAt, purpose: campaign.purpose,
            callerID: campaign.callerID, now: now,
            ringTimeoutSeconds: campaign.ringTimeoutSeconds, history: history,
            internalListed: internalListed)
    }
}
