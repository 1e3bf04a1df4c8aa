public import Base

/// One person on a campaign's list.
public struct Contact: Sendable, Equatable {
    /// Made at the import; `direct` where a single call's number is put before the gate.
    public var id: ContactID
    /// The campaign whose list it is on.
    public var campaign: CampaignID
    /// Whom to call.
    public var number: PhoneNumber
    /// As the import had it; nil: it had none.
    public var name: Redacted<String>?
    /// IANA zone that the person stated, if any; narrows the calling window.
    public var statedZone: String?
    /// Two-letter state of the person's address, if known.
    public var state: String?
    /// On file, from the import; the gate holds it against the call's purpose and voice.
    public var consent: ConsentClass
    /// When it was given; nil: undated, which the gate may refuse.
    public var consentAt: WallTime?
    /// Free columns of the import, for scripts.
    public var attributes: [String: String]

    /// Without more than a number: no consent, and no zone or state but what the number tells.
    public init(
        id: ContactID, campaign: CampaignID, number: PhoneNumber, name: Redacted<String>? = nil,
        statedZone: String? = nil, state: String? = nil, consent: ConsentClass = .none,
        consentAt: WallTime? = nil, attributes: [String: String] = [:]
    ) {
        self.id = id
        self.campaign = campaign
        self.number = number
        self.name = name
        self.statedZone = statedZone
        self.state = state
        self.consent = consent
        self.consentAt = consentAt
        self.attributes = attributes
    }
}

extension Contact: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Only the identifiers: everything else is about the person.
    public var description: String { "contact \(id) of campaign \(campaign)" }
    /// As `description`: only the identifiers.
    public var debugDescription: String { description }
    /// No children: dumps and mirrors do not reach the person.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Consent classes of 47 CFR 64.1200, weakest first.
public enum ConsentClass: String, Sendable, CaseIterable, Comparable {
    case none
    /// Prior express consent.
    case express
    /// Prior express written consent, 64.1200(f)(9).
    case written

    /// The weaker consent is the lesser: none < express < written.
    public static func < (a: ConsentClass, b: ConsentClass) -> Bool {
        let order: [ConsentClass] = [.none, .express, .written]
        return (order.firstIndex(of: a) ?? 0) < (order.firstIndex(of: b) ?? 0)
    }
}

/// Where a contact stands in its campaign.
public enum ContactStatus: String, Sendable, CaseIterable {
    /// Waiting for its (next) attempt.
    case pending
    /// An attempt has been committed and is under way.
    case inProgress = "in_progress"
    /// Done: no further attempt.
    case completed
    /// The gate said no, for good.
    case blocked
    /// All attempts used.
    case exhausted
}

/// A campaign's settings.
public struct Campaign: Sendable, Equatable {
    /// Which of them may follow which: `CampaignMachine.swift`.
    public enum Status: String, Sendable, CaseIterable { case draft, running, paused, completed }
    /// What its calls are for, which decides the consent that the gate wants (47 CFR 64.1200(a)).
    public enum Purpose: String, Sendable, CaseIterable { case marketing, informational, emergency }

    /// Made by the server: `camp-` and twelve characters.
    public var id: CampaignID
    /// For operators.
    public var name: String
    /// `move(to:)` refuses what may not follow it.
    public var status: Status
    /// Of every call of it.
    public var purpose: Purpose
    /// The number that callees see.
    public var callerID: PhoneNumber
    /// Attempts per minute across the campaign (CALL_THROTTLE_PER_MINUTE of the original design: 30).
    public var callsPerMinute: Int
    /// Calls at once; the API takes 1…2000.
    public var maximumConcurrentCalls: Int
    /// Attempts per contact, at most 3 (MAX_RETRY_ATTEMPTS).
    public var maximumAttempts: Int
    /// An attempt that rings longer is given up as not answered; the API takes 5…120.
    public var ringTimeoutSeconds: Int
    /// MAX_CALL_DURATION_SECONDS: 600.
    public var maximumCallSeconds: Int
    /// WebSocket URL of the bot that talks to humans; nil plays `messagePath` instead.
    public var streamURL: String?
    /// WAV file left on voicemail after the beep.
    public var voicemailPath: String?
    /// WAV file played to a human when there is no bot.
    public var messagePath: String?
    /// Record every call from its answer on.
    public var record: Bool
    /// Kept for whoever writes the script; no call reads them.
    public var scriptTalkingPoints: [String]
    /// How soon it is said who answered; nil: as the server is configured.
    public var answerPolicy: AnswerPolicy?

    /// The defaults of the API.
    public init(
        id: CampaignID, name: String, status: Status = .draft, purpose: Purpose = .marketing,
        callerID: PhoneNumber, callsPerMinute: Int = 30, maximumConcurrentCalls: Int = 10,
        maximumAttempts: Int = 3, ringTimeoutSeconds: Int = 30, maximumCallSeconds: Int = 600,
        streamURL: String? = nil, voicemailPath: String? = nil, messagePath: String? = nil,
        record: Bool = true, scriptTalkingPoints: [String] = []
    ) {
        self.id = id
        self.name = name
        self.status = status
        self.purpose = purpose
        self.callerID = callerID
        self.callsPerMinute = callsPerMinute
        self.maximumConcurrentCalls = maximumConcurrentCalls
        self.maximumAttempts = maximumAttempts
        self.ringTimeoutSeconds = ringTimeoutSeconds
        self.maximumCallSeconds = maximumCallSeconds
        self.streamURL = streamURL
        self.voicemailPath = voicemailPath
        self.messagePath = messagePath
        self.record = record
        self.scriptTalkingPoints = scriptTalkingPoints
    }
}
