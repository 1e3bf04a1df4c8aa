internal import Base
internal import CallModel
internal import Foundation

/// The events of a call record as one JSON array, each as `CallEvent.json` writes it for the feed.
enum StoredEvents {
    static func encode(_ events: [CallEvent]) -> String {
        var writer = JSONWriter(reserving: events.count * 160)
        writer.array { writer in
            for event in events { writer.raw(nil, Array(event.json.utf8)) }
        }
        return writer.string
    }

    /// Events of a kind that this release does not know (a later one wrote them) are left out.
    static func decode(_ json: String) -> [CallEvent] {
        guard let array = try? JSONDecoder().decode([Wire].self, from: Data(json.utf8)) else {
            return []
        }
        return array.compactMap(\.event)
    }

    /// The union of all fields an event may have (CallEvent.Kind.writeFields).
    private struct Wire: Decodable {
        var event: CallEvent? {
            guard let at = WallTime(rfc3339: at), let kind else { return nil }
            return CallEvent(
                call: CallID(call_id), campaign: campaign_id.map { CampaignID($0) },
                contact: contact_id.map { ContactID($0) }, at: at, kind: kind)
        }

        private enum CodingKeys: String, CodingKey {
            case name = "event"
            case call_id, campaign_id, contact_id, at, reasons, t_ms, start_ms, end_ms
            case frequency_hz, level_dbm0, tone = "kind", digit, source, verdict, final, confidence
            case reason, mark = "name", path, play_id, completed, link_id
            case result, status, to, features, information
        }

        private var name: String
        private var call_id: String
        private var campaign_id: String?
        private var contact_id: String?
        private var at: String
        private var reasons: [String]?
        private var t_ms: Int?
        private var start_ms: Int?
        private var end_ms: Int?
        private var frequency_hz: Double?
        private var level_dbm0: Double?
        private var tone: String?
        private var information: String?
        private var digit: String?
        private var source: String?
        private var verdict: String?
        private var final: Bool?
        private var confidence: Double?
        private var reason: String?
        private var mark: String?
        private var path: String?
        private var play_id: Int?
        private var completed: Bool?
        private var link_id: String?
        private var result: String?
        private var status: Int?
        private var to: String?
        private var features: Features?

        private var kind: CallEvent.Kind? {
            switch name {
            case "gate_allowed": .gateAllowed
            case "gate_blocked": .gateBlocked(reasons: reasons ?? [])
            case "dialing": .dialing
            case "ringing": .ringing
            case "early_media": .earlyMedia
            case "answered": .answered
            case "speech_start": t_ms.map { .speechStart(ms: $0) }
            case "speech_end": t_ms.map { .speechEnd(ms: $0) }
            case "beep": beep
            case "tone": toneKind
            case "dtmf": digit?.first.map { .dtmf(digit: $0, source: source ?? "") }
            case "verdict": verdictKind
            case "barge_in": t_ms.map { .bargeIn(ms: $0) }
            case "greeting_end": t_ms.map { .greetingEnd(ms: $0) }
            case "ready_for_message": t_ms.map { .readyForMessage(ms: $0) }
            case "stream_connected": .streamConnected
            case "stream_ended": .streamEnded(reason: reason ?? "")
            case "mark": .mark(name: mark ?? "")
            case "play_finished":
                play_id.map { .playFinished(id: $0, completed: completed ?? false) }
            case "link_ended":
                link_id.flatMap { LinkID(description: $0) }
                    .map { .linkEnded($0, reason: reason ?? "") }
            case "identity": .identity(result: result ?? "")
            case "transfer":
                .transfer(
                    status: status ?? 0, final: final ?? false, to: to.map { CallID($0) })
            case "voicemail_started": .voicemailStarted
            case "voicemail_interrupted": .voicemailInterrupted
            case "voicemail_finished": .voicemailFinished
            case "opt_out": .optOut(source: source ?? "")
            case "recording_finished": .recordingFinished(path: path ?? "")
            case "recording_failed": .recordingFailed(reason: reason ?? "")
            case "ended": reason.flatMap { EndReason(rawValue: $0) }.map { .ended($0) }
            default: nil
            }
        }

        private var toneKind: CallEvent.Kind? {
            guard let tone, let t_ms else { return nil }
            return .tone(
                kind: tone, ms: t_ms,
                information: information.flatMap { SpecialInformation(rawValue: $0) })
        }

        private var beep: CallEvent.Kind? {
            guard let start_ms, let end_ms, let frequency_hz else { return nil }
            // A level of minus infinity is written as null.
            return .beep(
                startMs: start_ms, endMs: end_ms, frequencyHz: frequency_hz,
                levelDBm0: level_dbm0 ?? -.infinity)
        }

        private var verdictKind: CallEvent.Kind? {
            guard let word = verdict.flatMap({ AnswerVerdict(rawValue: $0) }) else { return nil }
            return .verdict(
                word, final: final ?? false, confidence: confidence ?? 0, reason: reason ?? "",
                evidence: features?.evidence)
        }
    }

    /// `AnswerEvidence`, as it writes itself.
    private struct Features: Decodable {
        private var speech_ms: Int?
        private var first_speech_ms: Int?
        private var pause_ms: Int?
        private var beep: Bool?
        private var person_score: Double?
        private var hint: String?

        var evidence: AnswerEvidence {
            var evidence = AnswerEvidence()
            evidence.speechMs = speech_ms ?? 0
            evidence.firstSpeechMs = first_speech_ms ?? 0
            evidence.pauseMs = pause_ms ?? 0
            evidence.hasBeep = beep ?? false
            evidence.personScore = person_score ?? 0.5
            evidence.hint = hint.flatMap { AnswerVerdict(rawValue: $0) }
            return evidence
        }
    }
}
