import Base
public import CallModel

/// A tone of the network or of a machine at the far end.
public enum ToneKind: String, Hashable, Sendable, CaseIterable {
    case dial
    case ringback
    case busy
    /// Fast busy: no circuit.
    case reorder
    /// Special information tones (ITU-T E.180), before an announcement.
    case sit
    /// What a calling fax sends (ITU-T T.30): 1100 Hz.
    case cng
    /// What an answering fax or modem sends (ITU-T V.25): 2100 Hz.
    case ced
    case callWaiting = "call_waiting"
    /// The call is recorded (ITU-T E.180): half a second of 1400 Hz, again every 15 s.
    case recordWarning = "record_warning"
    case screening
}

/// What a detector has to say about the received audio of one leg.
///
/// Every `…Ms` counts milliseconds of audio from the answer (`DetectorChain.answered()`). Before
/// the answer, in early media, it counts from the first sample pushed. Speech, digits and tones that
/// began before the answer and are reported after it have a negative start. A beep that did is the
/// network's and counts for no verdict; it is reported as a steady line of 1.6 s or more, else not.
public enum DetectionEvent: Sendable, Equatable {
    /// Somebody began to speak at `atMs`.
    case speechStart(atMs: Int)
    /// The speech ended at `atMs`; known `SpeechRule.hangoverMs` of `DetectionPolicy.endpointing` later.
    case speechEnd(atMs: Int)
    /// Somebody speaks while we do, and it is not our own voice coming back; once a stretch of speech.
    case bargeIn(atMs: Int)
    /// Who has barged into a mailbox's message speaks on, or is silent: by the rule of the verdict if that has
    /// heard him, else by that of the barge-in, and not by the borders of a turn. Known so, not since then.
    case interrupter(speaks: Bool, atMs: Int)
    /// A record tone, reported when it is over.
    case beep(startMs: Int, endMs: Int, frequencyHz: Double, levelDBm0: Double, knownAtMs: Int)
    /// `information`: which special information tones, nil for other kinds and when they do not say.
    case tone(ToneKind, startMs: Int, knownAtMs: Int, information: SpecialInformation? = nil)
    /// A digit heard as sound (RFC 4733 digits never pass here).
    case dtmf(Character, startMs: Int, knownAtMs: Int)
    /// `final` at most once per answer; `reason` is one of a few fixed words, `evidence` what was
    /// heard.
    case verdict(
        AnswerVerdict, final: Bool, confidence: Double, reason: String, atMs: Int,
        evidence: AnswerEvidence = AnswerEvidence())
    /// The greeting's last word ended at `atMs`. Sent again when the greeting went on after all.
    case greetingEnd(atMs: Int)
    /// Now is the time to leave a message: the beep is over, or none came. Again when it has spoken on, or when
    /// who barged in was nobody that the verdict's rule hears.
    case readyForMessage(atMs: Int)

    /// The event's name in `trunkline detect` lines and in metric labels.
    public var name: String {
        switch self {
        case .speechStart: "speech_start"
        case .speechEnd: "speech_end"
        case .bargeIn: "barge_in"
        case .interrupter: "interrupter"
        case .beep: "beep"
        case .tone: "tone"
        case .dtmf: "dtmf"
        case .verdict: "verdict"
        case .greetingEnd: "greeting_end"
        case .readyForMessage: "ready_for_message"
        }
    }

    /// `t_ms`: when the detector knew, or for speech and greeting edges when it was.
    public var milliseconds: Int {
        switch self {
        case .speechStart(let at), .speechEnd(let at), .bargeIn(let at), .greetingEnd(let at),
            .readyForMessage(let at), .interrupter(_, let at), .verdict(_, _, _, _, let at, _):
            at
        case .beep(_, _, _, _, let knownAt), .tone(_, _, let knownAt, _), .dtmf(_, _, let knownAt):
            knownAt
        }
    }

    /// One line of `trunkline detect`: `{"file","stream","t_ms","event",…}`, without line end.
    public func jsonLine(file: String, stream: String) -> String {
        var writer = JSONWriter(reserving: 192)
        writer.object { writer in
            writer.field("file", file)
            writer.field("stream", stream)
            writer.field("t_ms", milliseconds)
            writer.field("event", name)
            switch self {
            case .speechStart, .speechEnd, .bargeIn, .greetingEnd, .readyForMessage: break
            case .interrupter(let speaks, _): writer.field("speaks", speaks)
            case .beep(let start, let end, let frequency, let level, _):
                writer.field("start_ms", start)
                writer.field("end_ms", end)
                writer.field("frequency_hz", frequency, decimals: 1)
                writer.field("level_dbm0", level, decimals: 1)
            case .tone(let kind, let start, _, let information):
                writer.field("kind", kind.rawValue)
                if let information { writer.field("information", information.rawValue) }
                writer.field("start_ms", start)
            case .dtmf(let digit, let start, _):
                writer.field("digit", String(digit))
                writer.field("start_ms", start)
            case .verdict(let verdict, let final, let confidence, let reason, _, let evidence):
                writer.field("verdict", verdict.rawValue)
                writer.field("final", final)
                writer.field("confidence", confidence, decimals: 2)
                writer.field("reason", reason)
                writer.object("features") { evidence.write(into: &$0) }
            }
        }
        return writer.string
    }
}

/// The voice activity score of one 20 ms frame.
public struct VADScore: Sendable, Equatable {
    /// End of the frame, on the clock of `DetectionEvent`.
    public var atMs: Int
    /// 0 (no speech) … 1 (speech).
    public var score: Float

    /// The score is taken as it is.
    public init(atMs: Int, score: Float) {
        self.atMs = atMs
        self.score = score
    }

    /// One line of `trunkline detect --vad-trace`.
    public func jsonLine(file: String, stream: String) -> String {
        var writer = JSONWriter(reserving: 96)
        writer.object { writer in
            writer.field("file", file)
            writer.field("stream", stream)
            writer.field("t_ms", atMs)
            writer.field("vad", Double(score), decimals: 3)
        }
        return writer.string
    }
}
