public import Audio
public import Base
public import CallModel

/// What should happen on one call, decided before it is placed (or when it comes in).
public struct CallPlan: Sendable {
    /// What happens to somebody who answers.
    public enum Conversation: Sendable, Equatable {
        /// Connect this WebSocket bot.
        case stream(url: String)
        /// Play this clip, then hang up.
        case play(PlaybackClip)
        /// Every received audio packet goes straight back (inbound `echo`).
        case echo
        /// Send silence until the far end hangs up.
        case silence
    }

    public var id: CallID
    public var direction: CallRecord.Direction
    public var campaign: CampaignID?
    public var contact: ContactID?
    public var attempt: Int
    public var number: PhoneNumber?
    public var conversation: Conversation
    /// Clip left on a voicemail, after its beep. nil: hang up on machines.
    public var voicemail: PlaybackClip?
    /// Hold the conversation back until the detector has said who answered.
    public var detectAnswer: Bool
    public var record: Bool
    public var recordingPath: String?
    public var ringTimeout: Interval
    public var maximumDuration: Interval
    /// How long after special information tones that blame the number it may go on ringing; nil: as long as
    /// it rings. Set by `CallCenter`.
    public var informationGrace: Interval? = CallFlow.informationGrace
    /// Digit that puts the callee on the internal do-not-call list and ends the call.
    public var optOutDigit: Character?
    public var decisionID: String?
    public var streamParameters: [String: String]
    /// A recogniser that hears the far end from the answer until it is clear who answered, and whose
    /// transcripts help to say so. Only with `detectAnswer`.
    public var transcriptURL: String?
    /// How soon it is said who answered; nil: as the server is configured.
    public var answerPolicy: AnswerPolicy?
    /// Further headers of the INVITE, as `OutboundCall.headers`.
    public var headers: [(String, String)] = []

    public init(
        id: CallID, direction: CallRecord.Direction, campaign: CampaignID? = nil,
        contact: ContactID? = nil, attempt: Int = 1, number: PhoneNumber? = nil,
        conversation: Conversation, voicemail: PlaybackClip? = nil, detectAnswer: Bool = true,
        record: Bool = false, recordingPath: String? = nil, ringTimeout: Interval = .seconds(30),
        maximumDuration: Interval = .seconds(600), optOutDigit: Character? = "9",
        decisionID: String? = nil, streamParameters: [String: String] = [:]
    ) {
        self.id = id
        self.direction = direction
        self.campaign = campaign
        self.contact = contact
        self.attempt = attempt
        self.number = number
        self.conversation = conversation
        self.voicemail = voicemail
        self.detectAnswer = detectAnswer
        self.record = record
        self.recordingPath = recordingPath
        self.ringTimeout = ringTimeout
        self.maximumDuration = maximumDuration
        self.optOutDigit = optOutDigit
        self.decisionID = decisionID
        self.streamParameters = streamParameters
    }
}
