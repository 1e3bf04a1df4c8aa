internal import Base
internal import CallModel
internal import Orchestrator

extension JSONWriter {
    /// A call record. The number shows its last two digits; the full number stays in the store.
    mutating func write(_ record: CallRecord, events: Bool) {
        object { writer in
            writer.field("call_id", record.id.value)
            writer.field("status", "ended")
            writer.field("direction", record.direction.rawValue)
            writer.optional("campaign_id", record.campaign?.value)
            writer.optional("contact_id", record.contact?.value)
            writer.field("attempt", record.attempt)
            writer.optional("number", record.number?.description)
            writer.field("started_at", record.startedAt.iso8601)
            writer.optional("ringing_at", record.ringingAt?.iso8601)
            writer.optional("answered_at", record.answeredAt?.iso8601)
            writer.field("ended_at", record.endedAt.iso8601)
            writer.field("end_reason", record.endReason.rawValue)
            writer.field("sip_status", record.sipStatus)
            writer.optional("verdict", record.verdict?.rawValue)
            if let confidence = record.verdictConfidence {
                writer.field("verdict_confidence", confidence)
            }
            writer.field("disposition", record.disposition.rawValue)
            writer.field("outcome", record.outcome.rawValue)
            writer.field("outcome_confidence", record.outcomeConfidence)
            writer.field("summary", record.summary)
            writer.optional("recording", record.recordingPath)
            writer.optional("decision_id", record.decisionID)
            if let media = record.media {
                writer.object("media") { writer in
                    writer.field("packets_received", media.packetsReceived)
                    writer.field("packets_sent", media.packetsSent)
                    writer.field("packets_lost", media.packetsLost)
                    writer.field("packets_rejected", media.packetsRejected)
                    writer.field("jitter_ms", media.jitterMilliseconds)
                    writer.optional("mos", media.mos)
                    writer.optional("r_factor", media.rFactor)
                    writer.optional("rtt_ms", media.roundTripMilliseconds)
                    writer.optional("remote_packets_lost", media.remotePacketsLost)
                    writer.optional("remote_jitter_ms", media.remoteJitterMilliseconds)
                    writer.optional("remote_mos", media.remoteMOS)
                }
            }
            if events { writer.write(record.events) }
        }
    }

    mutating func write(_ call: LiveCall, events: Bool) {
        object { writer in
            writer.field("call_id", call.id.value)
            writer.field("status", "live")
            writer.field("direction", call.direction.rawValue)
            writer.field("phase", call.phase)
            writer.optional("campaign_id", call.campaign?.value)
            writer.optional("contact_id", call.contact?.value)
            writer.optional("number", call.number?.description)
            writer.field("started_at", call.startedAt.iso8601)
            writer.optional("answered_at", call.answeredAt?.iso8601)
            writer.optional("verdict", call.verdict?.rawValue)
            if events { writer.write(call.events) }
        }
    }

    mutating func write(_ events: [CallEvent]) {
        array("events") { writer in
            for event in events { writer.raw(nil, Array(event.json.utf8)) }
        }
    }

    mutating func optional(_ key: String, _ value: String?) {
        if let value { field(key, value) }
    }

    mutating func optional(_ key: String, _ value: Int?) {
        if let value { field(key, value) }
    }

    mutating func optional(_ key: String, _ value: Double?) {
        if let value { field(key, value) }
    }
}
