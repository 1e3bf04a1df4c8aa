public import Base
public import CallModel

/// What the platform refuses, with the HTTP status that says so and a sentence for a person.
public struct PlatformError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Machine-readable: `not_found`, `invalid_request`, `gate_blocked`, `ports_exhausted` …
    public var code: String
    public var message: String
    /// The request field at fault, if one is.
    public var field: String?
    public var status: Int

    public init(code: String, message: String, field: String? = nil, status: Int) {
        self.code = code
        self.message = message
        self.field = field
        self.status = status
    }

    public var description: String { message }

    public static func notFound(_ what: String) -> PlatformError {
        PlatformError(code: "not_found", message: "no such \(what)", status: 404)
    }
    public static func invalid(_ field: String, _ message: String) -> PlatformError {
        PlatformError(code: "invalid_request", message: message, field: field, status: 400)
    }
    public static func conflict(_ message: String) -> PlatformError {
        PlatformError(code: "conflict", message: message, status: 409)
    }
    public static func unavailable(_ code: String, _ message: String) -> PlatformError {
        PlatformError(code: code, message: message, status: 503)
    }
}

/// A call to be placed now, outside any campaign.
public struct CallRequest: Sendable {
    /// E.164 number, or a `sip:` URI.
    public var to: String
    public var from: PhoneNumber?
    public var streamURL: String?
    public var playPath: String?
    public var voicemailPath: String?
    public var record: Bool
    /// Recording file; nil: a file of the data directory named after the call.
    public var recordingPath: String?
    public var detectAnswer: Bool
    public var ringTimeoutSeconds: Int
    public var maximumSeconds: Int
    public var consent: ConsentClass
    public var consentAt: WallTime?
    public var purpose: Campaign.Purpose
    public var state: String?
    public var statedZone: String?
    public var streamParameters: [String: String]
    /// Recogniser that hears who answers; nil: that of the configuration, if any.
    public var transcriptURL: String?
    /// How soon it is said who answered; nil: as the server is configured.
    public var answerPolicy: AnswerPolicy?
    /// A person's own test call to a SIP address on this machine: the gate is not asked. Calls that
    /// can leave the machine are always gated.
    public var isLocalTest = false

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
    public var id: CallID
    public var direction: CallRecord.Direction
    public var campaign: CampaignID?
    public var contact: ContactID?
    public var number: PhoneNumber?
    public var phase: String
    public var startedAt: WallTime
    public var answeredAt: WallTime?
    public var verdict: AnswerVerdict?
    public var events: [CallEvent]
}

/// A media leg without SIP: its caller brings the offer and takes the answer.
public struct LegRequest: Sendable {
    /// `bridge`: says what clips and linked legs say.
    public enum Mode: String, Sendable { case echo, stream, silence, bridge }
    public var offer: String
    public var mode: Mode
    public var streamURL: String?
    public var detection: Bool
    public var recordingPath: String?
    /// Receive on a port that legs share, where there are such.
    public var sharesPort: Bool
    /// Transcripts of the far end will come (`Platform.hear`, or over the stream).
    public var expectsTranscript = false
    /// How soon it is said who answered; nil: as the server is configured.
    public var answerPolicy: AnswerPolicy?

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

public struct LegDescription: Sendable {
    public var id: LegID
    public var port: Int
    public var answer: String
    public var mode: LegRequest.Mode
    public var createdAt: WallTime
    public var events: [CallEvent]
}

/// The state of one part of the house, for `/api/health`.
public struct HealthCheck: Sendable, Equatable {
    public var name: String
    public var healthy: Bool
    public var detail: String
    public init(name: String, healthy: Bool, detail: String) {
        self.name = name
        self.healthy = healthy
        self.detail = detail
    }
}
