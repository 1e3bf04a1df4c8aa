public import Base

/// Something that happened to a call, as written to the live feed, the call record and the timeline.
public struct CallEvent: Sendable, Equatable {
    /// The call's id, or `leg-17` for a leg that belongs to no call.
    public var call: CallID
    /// nil: no campaign made the call.
    public var campaign: CampaignID?
    /// nil: no campaign's list holds who was called.
    public var contact: ContactID?
    /// When it became known. Times within the audio are facts of `kind`.
    public var at: WallTime
    /// What happened, with its facts.
    public var kind: Kind

    /// The defaults are those of a call that no campaign made.
    public init(
        call: CallID, campaign: CampaignID? = nil, contact: ContactID? = nil, at: WallTime,
        kind: Kind
    ) {
        self.call = call
        self.campaign = campaign
        self.contact = contact
        self.at = at
        self.kind = kind
    }

    /// What can happen. Numbers named `ms` or `…Ms` are milliseconds of the leg's audio, from the
    /// answer as in `DetectionEvent`; a `confidence` is 0…1.
    public enum Kind: Sendable, Equatable {
        case gateAllowed
        case gateBlocked(reasons: [String])
        case dialing
        case ringing
        case earlyMedia
        case answered
        case speechStart(ms: Int)
        case speechEnd(ms: Int)
        /// Somebody speaks while we do.
        case bargeIn(ms: Int)
        case beep(startMs: Int, endMs: Int, frequencyHz: Double, levelDBm0: Double)
        /// `information`: which special information tones, where they say.
        case tone(kind: String, ms: Int, information: SpecialInformation? = nil)
        /// `source`: `rfc4733`, `inband` or `info`.
        case dtmf(digit: Character, source: String)
        /// `evidence`: what the detectors gave it on; nil for a verdict of the call's course.
        case verdict(
            AnswerVerdict, final: Bool, confidence: Double, reason: String,
            evidence: AnswerEvidence? = nil)
        case greetingEnd(ms: Int)
        /// After the beep, or when none has come: a message may begin.
        case readyForMessage(ms: Int)
        case streamConnected
        case streamEnded(reason: String)
        case mark(name: String)
        /// A clip that the API played is over; `completed` is false when it was stopped or replaced.
        case playFinished(id: Int, completed: Bool)
        /// A link to the call's leg; `reason`: `disconnected`, `source_closed`, `target_closed`.
        case linkEnded(LinkID, reason: String)
        /// What the caller's STIR signature proves: `verified_A`, `absent`, `failed_stale` …
        case identity(result: String)
        /// How a transfer of this call to somebody else goes: a SIP status, 0 when nobody tells;
        /// `to`: the call with the agent, when it is ours.
        case transfer(status: Int, final: Bool, to: CallID?)
        case voicemailStarted
        /// Somebody spoke up during the message, which has stopped.
        case voicemailInterrupted
        case voicemailFinished
        case optOut(source: String)
        case recordingFinished(path: String)
        case recordingFailed(reason: String)
        case ended(EndReason)

        /// The event's name on the wire.
        public var name: String {
            switch self {
            case .gateAllowed: "gate_allowed"
            case .gateBlocked: "gate_blocked"
            case .dialing: "dialing"
            case .ringing: "ringing"
            case .earlyMedia: "early_media"
            case .answered: "answered"
            case .speechStart: "speech_start"
            case .speechEnd: "speech_end"
            case .bargeIn: "barge_in"
            case .beep: "beep"
            case .tone: "tone"
            case .dtmf: "dtmf"
            case .verdict: "verdict"
            case .greetingEnd: "greeting_end"
            case .readyForMessage: "ready_for_message"
            case .streamConnected: "stream_connected"
            case .streamEnded: "stream_ended"
            case .mark: "mark"
            case .playFinished: "play_finished"
            case .linkEnded: "link_ended"
            case .identity: "identity"
            case .transfer: "transfer"
            case .voicemailStarted: "voicemail_started"
            case .voicemailInterrupted: "voicemail_interrupted"
            case .voicemailFinished: "voicemail_finished"
            case .optOut: "opt_out"
            case .recordingFinished: "recording_finished"
            case .recordingFailed: "recording_failed"
            case .ended: "ended"
            }
        }
    }

    /// The event as one JSON object. Carries ids, never a telephone number.
    public var json: String {
        var writer = JSONWriter(reserving: 192)
        writer.object { writer in
            writer.field("event", kind.name)
            writer.field("call_id", call.value)
            if let campaign { writer.field("campaign_id", campaign.value) }
            if let contact { writer.field("contact_id", contact.value) }
            writer.field("at", at.iso8601)
            kind.writeFields(to: &writer)
        }
        return writer.string
    }
}

extension CallEvent.Kind {
    func writeFields(to writer: inout JSONWriter) {
        switch self {
        case .gateAllowed, .dialing, .ringing, .earlyMedia, .answered, .streamConnected,
            .voicemailStarted, .voicemailInterrupted, .voicemailFinished:
            break
        case .gateBlocked(let reasons):
            writer.array("reasons") { writer in for reason in reasons { writer.field(nil, reason) }
            }
        case .speechStart(let ms), .speechEnd(let ms), .bargeIn(let ms), .greetingEnd(let ms),
            .readyForMessage(let ms):
            writer.field("t_ms", ms)
        case .beep(let start, let end, let frequency, let level):
            writer.field("start_ms", start)
            writer.field("end_ms", end)
            writer.field("frequency_hz", frequency, decimals: 1)
            writer.field("level_dbm0", level, decimals: 1)
        case .tone(let kind, let ms, let information):
            writer.field("kind", kind)
            if let information { writer.field("information", information.rawValue) }
            writer.field("t_ms", ms)
        case .dtmf(let digit, let source):
            writer.field("digit", String(digit))
            writer.field("source", source)
        case .verdict(let verdict, let final, let confidence, let reason, let evidence):
            writer.field("verdict", verdict.rawValue)
            writer.field("final", final)
            writer.field("confidence", confidence)
            writer.field("reason", reason)
            if let evidence { writer.object("features") { evidence.write(into: &$0) } }
        case .streamEnded(let reason), .recordingFailed(let reason): writer.field("reason", reason)
        case .mark(let name): writer.field("name", name)
        case .playFinished(let id, let completed):
            writer.field("play_id", id)
            writer.field("completed", completed)
        case .linkEnded(let id, let reason):
            writer.field("link_id", id.description)
            writer.field("reason", reason)
        case .identity(let result): writer.field("result", result)
        case .transfer(let status, let final, let call):
            writer.field("status", status)
            writer.field("final", final)
            if let call { writer.field("to", call.value) }
        case .optOut(let source): writer.field("source", source)
        case .recordingFinished(let path): writer.field("path", path)
        case .ended(let reason): writer.field("reason", reason.rawValue)
        }
    }
}
