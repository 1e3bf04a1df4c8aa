public import Base
public import CallModel

/// Earlier attempts at one number, across campaigns and caller IDs.
public struct CallHistory: Sendable, Equatable {
    /// Of those that count (`CallRecord.countsAsAttempt`) or are under way, as the other two.
    public var attemptsLast8Hours: Int
    /// Held against a state's cap for 24 hours (`StateRule.maximumAttemptsPer24Hours`).
    public var attemptsLast24Hours: Int
    /// Held against `GateLimits.maximumAttemptsPer30Days`.
    public var attemptsLast30Days: Int
    /// The oldest attempt of the last 24 hours: when it leaves the window a cap of that length
    /// opens again.
    public var oldestInLast24Hours: WallTime?
    /// nil: none, or none known. With attempts in the last 24 hours and no time for the last, a
    /// state's pause between automated calls counts as not yet over.
    public var lastAttemptAt: WallTime?
    /// The person hung up on an automated call before (NRS 597.814).
    public var hungUpOnAutomatedCall: Bool

    /// Counts made elsewhere; the default is a number never called.
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

    /// Counts attempts that have begun at these times and not ended; all are of the last 8 hours.
    public mutating func add(underWay times: [WallTime]) {
        guard let first = times.min(), let last = times.max() else { return }
        attemptsLast8Hours += times.count
        attemptsLast24Hours += times.count
        attemptsLast30Days += times.count
        oldestInLast24Hours = min(oldestInLast24Hours ?? first, first)
        lastAttemptAt = max(lastAttemptAt ?? last, last)
    }
}

/// One question to the gate: may this number be dialled now?
public struct GateRequest: Sendable {
    /// What the person will hear. `artificial`: or prerecorded (47 CFR 64.1200(a)(1)-(3)).
    public enum Voice: String, Sendable { case artificial, live }
    /// An unknown line counts as mobile.
    public enum LineType: String, Sendable { case unknown, mobile, landline }

    /// Outside the North American plan it is blocked.
    public var number: PhoneNumber
    /// State of the person's address: two letters or its name.
    public var state: String?
    /// IANA zone the person stated.
    public var statedZone: String?
    /// What is on file for this number; `consentAt` dates it.
    public var consent: ConsentClass
    /// When it was given; nil fails where consent is needed (`GateLimits.requiresConsentDate`).
    public var consentAt: WallTime?
    /// Decides with the voice which consent is needed (47 CFR 64.1200(a)(1)-(3)).
    public var purpose: Campaign.Purpose
    /// The number to be shown; nil fails its check. It must be one that can be called back.
    public var callerID: PhoneNumber?
    /// Ours is artificial: FCC 24-17.
    public var voice: Voice
    /// A landline is free of the states' consent rules for sales calls to mobiles.
    public var lineType: LineType
    /// The moment that is asked about; every age and window is measured from it.
    public var now: WallTime
    /// 0…600 s from `now`, or the window check fails. The last ring must lie inside the calling hours.
    public var ringTimeoutSeconds: Int
    /// Attempts made before this one.
    public var history: CallHistory
    /// nil: the internal list could not be read, and the number may not be dialled.
    public var internalListed: Bool?

    /// The defaults are the strict ones: no consent, marketing, artificial voice, unknown line, and
    /// an internal list that could not be read.
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
