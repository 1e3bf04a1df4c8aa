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

    /// Also its stream's `callSid`.
    public var id: CallID
    /// Digits opt out of outbound calls only.
    public var direction: CallRecord.Direction
    /// Whose call it is; nil for single and inbound calls.
    public var campaign: CampaignID?
    /// The campaign's contact; nil for single and inbound calls.
    public var contact: ContactID?
    /// Which attempt at the contact this is, from 1.
    public var attempt: Int
    /// The far end's; nil where it has none, as a SIP extension, and for inbound calls.
    public var number: PhoneNumber?
    /// Begins with the answer, or with the verdict that a person answered (`detectAnswer`).
    public var conversation: Conversation
    /// Clip left on a voicemail, after its beep. nil: hang up on machines.
    public var voicemail: PlaybackClip?
    /// Hold the conversation back until the detector has said who answered.
    public var detectAnswer: Bool
    /// From the answer on; needs `recordingPath`.
    public var record: Bool
    /// File to be made: Opus where its name ends so, else WAV. nil: no recording.
    public var recordingPath: String?
    /// From the INVITE on; then it is cancelled and ends as not answered.
    public var ringTimeout: Interval
    /// From the answer on.
    public var maximumDuration: Interval
    /// How long after special information tones that blame the number it may go on ringing; nil: as long as
    /// it rings. Set by `CallCenter`.
    public var informationGrace: Interval? = CallFlow.informationGrace
    /// Digit that puts the callee on the internal do-not-call list and ends the call.
    public var optOutDigit: Character?
    /// The gate's decision in the store that allowed the call; nil where the gate was not asked.
    public var decisionID: String?
    /// `customParameters` of the stream's `start`; may hold people's data.
    public var streamParameters: [String: String]
    /// A recogniser that hears the far end from the answer until it is clear who answered, and whose
    /// transcripts help to say so. Only with `detectAnswer`.
    public var transcriptURL: String?
    /// How soon it is said who answered; nil: as the server is configured.
    public var answerPolicy: AnswerPolicy?
    /// Further headers of the INVITE, as `OutboundCall.headers`.
    public var headers: [(String, String)] = []

    /// The defaults are those of an API call: 30 s of ringing, 600 s of talk, digit 9 opts out.
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
