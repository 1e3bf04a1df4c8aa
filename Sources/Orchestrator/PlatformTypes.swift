public import Base
public import CallModel

/// What the platform refuses, with the HTTP status that says so and a sentence for a person.
public struct PlatformError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Machine-readable: `not_found`, `invalid_request`, `gate_blocked`, `ports_exhausted` …
    public var code: String
    /// One sentence for a person, with the remedy where there is one.
    public var message: String
    /// The request field at fault, if one is.
    public var field: String?
    /// HTTP status of the reply.
    public var status: Int

    /// Any code and status; the functions below make the common ones.
    public init(code: String, message: String, field: String? = nil, status: Int) {
        self.code = code
        self.message = message
        self.field = field
        self.status = status
    }

    /// `message` alone.
    public var description: String { message }

    /// 404. `what` goes after "no such": `campaign`.
    public static func notFound(_ what: String) -> PlatformError {
        PlatformError(code: "not_found", message: "no such \(what)", status: 404)
    }
    /// 400, with the request field at fault.
    public static func invalid(_ field: String, _ message: String) -> PlatformError {
        PlatformError(code: "invalid_request", message: message, field: field, status: 400)
    }
    /// 409: the state of things forbids it now.
    public static func conflict(_ message: String) -> PlatformError {
        PlatformError(code: "conflict", message: message, status: 409)
    }
    /// 503: no room, or shutting down; may work later.
    public static func unavailable(_ code: String, _ message: String) -> PlatformError {
        PlatformError(code: code, message: message, status: 503)
    }
}

/// A call to be placed now, outside any campaign.
public struct CallRequest: Sendable {
    /// E.164 number, or a `sip:` URI.
    public var to: String
    /// Caller ID; nil: that of the configuration. The gate wants one for a telephone number.
    public var from: PhoneNumber?
    /// Bot that talks to who answers; goes before `playPath`. nil: a clip, else the configured bot,
    /// else silence.
    public var streamURL: String?
    /// WAV file below an allowed directory, played to who answers; then the call ends.
    public var playPath: String?
    /// WAV file left on voicemail after the beep; nil: hang up on machines.
    public var voicemailPath: String?
    /// Record from the answer on; without `recordingPath` the configuration chooses the format.
    public var record: Bool
    /// Recording file; nil: a file of the data directory named after the call.
    public var recordingPath: String?
    /// Wait for who answered before the conversation begins.
    public var detectAnswer: Bool
    /// From the INVITE on. The API takes 1…180.
    public var ringTimeoutSeconds: Int
    /// From the answer on. The API takes 1…86,400.
    public var maximumSeconds: Int
    /// What is on file for the number; the gate holds it against purpose and voice (47 CFR
    /// 64.1200(a)).
    public var consent: ConsentClass
    /// When it was given; nil: undated, which the gate refuses where consent is needed.
    public var consentAt: WallTime?
    /// Decides which consent the gate wants.
    public var purpose: Campaign.Purpose
    /// State of the person's address: two letters or its name; nil: the area code's alone count.
    public var state: String?
    /// IANA zone that the person stated, beside those of the area code.
    public var statedZone: String?
    /// `customParameters` of the stream's `start`; may hold people's data.
    public var streamParameters: [String: String]
    /// Recogniser that hears who answers; nil: that of the configuration, if any.
    public var transcriptURL: String?
    /// How soon it is said who answered; nil: as the server is configured.
    public var answerPolicy: AnswerPolicy?
    /// A person's own test call to a SIP address on this machine: the gate is not asked. Calls that
    /// can leave the machine are always gated.
    public var isLocalTest = false

    /// The defaults are the API's: no consent, marketing, no recording.
    public init(
        to: String, from: PhoneNumber? = nil, streamURL: String? = nil, playPath: String? = nil,
        voicemailPath: String? = nil, record: Bool = false, recordingPath: String? = nil,
        detectAnswer: Bool = true, ringTimeoutSeconds: Int = 30, maximumSeconds: Int = 600,
        consent: ConsentClass = .none, consentAt: WallTime? = nil,
        purpose: Campaign.Purpose = .marketing, state: String? = nil, statedZone: String? = nil,
        streamParameters: [String: String] = [:]
    ) {
        self.to = to
        self.from = from
        self.streamURL = streamURL
        self.playPath = playPath
        self.voicemailPath = voicemailPath
        self.record = record
        self.recordingPath = recordingPath
        self.detectAnswer = detectAnswer
        self.ringTimeoutSeconds = ringTimeoutSeconds
        self.maximumSeconds = maximumSeconds
        self.consent = consent
        self.consentAt = consentAt
        self.purpose = purpose
        self.state = state
        self.statedZone = statedZone
        self.streamParameters = streamParameters
    }
}

/// A call that is still going on, as an operator sees it.
public struct LiveCall: Sendable {
    /// The record that follows has the same.
    public var id: CallID
    /// Whether we called or were called.
    public var direction: CallRecord.Direction
    /// nil for single and inbound calls.
    public var campaign: CampaignID?
    /// nil for single and inbound calls.
    public var contact: ContactID?
    /// The far end's; nil for a SIP address and for inbound calls.
    public var number: PhoneNumber?
    /// `dialing`, `detecting`, `awaiting_beep`, `leaving_message`, `interrupted`, `talking` or
    /// `ending`.
    public var phase: String
    /// When its attempt, or our taking of it, began.
    public var startedAt: WallTime
    /// nil until it is answered.
    public var answeredAt: WallTime?
    /// Who answered; nil until that is final, and without detection.
    public var verdict: AnswerVerdict?
    /// All so far, oldest first; at most some 2000.
    public var events: [CallEvent]
}

/// A media leg without SIP: its caller brings the offer and takes the answer.
public struct LegRequest: Sendable {
    /// `bridge`: says what clips and linked legs say.
    public enum Mode: String, Sendable { case echo, stream, silence, bridge }
    /// SDP of the far end (RFC 8866), with one audio stream that we can take.
    public var offer: String
    /// What the leg says.
    public var mode: Mode
    /// Bot of mode `stream`; nil: the configured one.
    public var streamURL: String?
    /// Say what is heard: speech, beeps, tones, who answered.
    public var detection: Bool
    /// New file below an allowed directory, `.wav`, `.opus` or `.ogg`; nil: no recording.
    public var recordingPath: String?
    /// Receive on a port that legs share, where there are such.
    public var sharesPort: Bool
    /// Transcripts of the far end will come (`Platform.hear`, or over the stream).
    public var expectsTranscript = false
    /// How soon it is said who answered; nil: as the server is configured.
    public var answerPolicy: AnswerPolicy?

    /// Nothing is checked before `Platform.createLeg`.
    public init(
        offer: String, mode: Mode, streamURL: String? = nil, detection: Bool = true,
        recordingPath: String? = nil, sharesPort: Bool = false
    ) {
        self.offer = offer
        self.mode = mode
        self.streamURL = streamURL
        self.detection = detection
        self.recordingPath = recordingPath
        self.sharesPort = sharesPort
    }
}

/// A bare leg as it is now.
public struct LegDescription: Sendable {
    /// What the API names it by: `leg-17`.
    public var id: LegID
    /// Local UDP port of its RTP.
    public var port: Int
    /// Our SDP answer (RFC 3264) to the offer it was made of.
    public var answer: String
    /// As asked for.
    public var mode: LegRequest.Mode
    /// When its offer was answered.
    public var createdAt: WallTime
    /// The newest 500, oldest first. Their `call` is the leg's name.
    public var events: [CallEvent]
}

/// The state of one part of the house, for `/api/health`.
public struct HealthCheck: Sendable, Equatable {
    /// `store`, `media` or `sip`.
    public var name: String
    /// True when it works now.
    public var healthy: Bool
    /// One phrase for an operator: `12 legs`, `not writable`.
    public var detail: String
    /// `Platform.health` makes them.
    public init(name: String, healthy: Bool, detail: String) {
        self.name = name
        self.healthy = healthy
        self.detail = detail
    }
}
