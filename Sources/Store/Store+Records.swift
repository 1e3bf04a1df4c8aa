public import Base
public import CallModel
internal import GRDB

/// Which call records a listing wants; nil: any.
public struct RecordFilter: Sendable, Equatable {
    /// Of this campaign.
    public var campaign: CampaignID?
    /// Of this entry of a campaign's list.
    public var contact: ContactID?
    /// Placed or taken by us.
    public var direction: CallRecord.Direction?
    /// Ended for this reason.
    public var endReason: EndReason?
    /// What they came to for signalling and sound.
    public var disposition: Disposition?
    /// What they came to for the campaign.
    public var outcome: Outcome?
    /// Started at this time or later.
    public var from: WallTime?
    /// Started before this time.
    public var to: WallTime?

    /// All that are given must hold; without any, every record is wanted.
    public init(
        campaign: CampaignID? = nil, contact: ContactID? = nil,
        direction: CallRecord.Direction? = nil, endReason: EndReason? = nil,
        disposition: Disposition? = nil, outcome: Outcome? = nil, from: WallTime? = nil,
        to: WallTime? = nil
    ) {
        self.campaign = campaign
        self.contact = contact
        self.direction = direction
        self.endReason = endReason
        self.disposition = disposition
        self.outcome = outcome
        self.from = from
        self.to = to
    }
}

extension Store {
    /// nil when the call has not ended or never was.
    public func callRecord(_ id: CallID) async throws(StoreError) -> CallRecord? {
        try await read { [columns] database in
            try Row.fetchOne(
                database, sql: "SELECT * FROM call_records WHERE call_id = ?",
                arguments: [id.value]
            ).map { try Self.record($0, columns) }
        }
    }

    /// A page of call records, the last written first.
    ///
    /// - Parameters:
    ///   - limit: 1…`maximumPage`; other values are brought into that range.
    ///   - before: the last record of the page before.
    public func callRecords(
        _ filter: RecordFilter = RecordFilter(), limit: Int = 100, before: CallID? = nil
    ) async throws(StoreError) -> [CallRecord] {
        try await read { [columns] database in
            var conditions: [String] = []
            var arguments = StatementArguments()
            func require(_ condition: String, _ value: (any DatabaseValueConvertible)?) {
                guard let value else { return }
                conditions.append(condition)
                arguments += [value]
            }
            require("campaign_id = ?", filter.campaign?.value)
            require("contact_id = ?", filter.contact?.value)
            require("direction = ?", filter.direction?.rawValue)
            require("end_reason = ?", filter.endReason?.rawValue)
            require("disposition = ?", filter.disposition?.rawValue)
            require("outcome = ?", filter.outcome?.rawValue)
            require("started_at >= ?", filter.from?.milliseconds)
            require("started_at < ?", filter.to?.milliseconds)
            require(
                "position < (SELECT position FROM call_records WHERE call_id = ?)", before?.value)
            let selection = conditions.map { "AND " + $0 }.joined(separator: " ")
            arguments += [Self.page(limit)]
            return try Row.fetchAll(
                database,
                sql:
                    "SELECT * FROM call_records WHERE true \(selection) ORDER BY position DESC LIMIT ?",
                arguments: arguments
            ).map { try Self.record($0, columns) }
        }
    }

    /// A page of a campaign's records, the last written first.
    public func callRecords(
        campaign: CampaignID, limit: Int = 100, before: CallID? = nil
    ) async throws(StoreError) -> [CallRecord] {
        try await callRecords(RecordFilter(campaign: campaign), limit: limit, before: before)
    }

    static func insert(
        _ record: CallRecord, counts: Bool, interest: Double?, _ columns: PersonalColumn,
        _ database: Database
    ) throws {
        try database.execute(
            sql: """
                INSERT INTO call_records (
                    call_id, direction, campaign_id, contact_id, attempt, number, started_at,
                    ringing_at, answered_at, ended_at, end_reason, sip_status, verdict,
                    verdict_confidence, disposition, outcome, outcome_confidence, interest,
                    summary, recording_path, decision_id, events, packets_received, packets_sent,
                    packets_lost, packets_rejected, jitter_milliseconds, counts, mos, r_factor,
                    round_trip_milliseconds, remote_packets_lost, remote_jitter_milliseconds,
                    remote_mos
                ) VALUES (
                    :call, :direction, :campaign, :contact, :attempt, :number, :started, :ringing,
                    :answered, :ended, :endReason, :sipStatus, :verdict, :verdictConfidence,
                    :disposition, :outcome, :outcomeConfidence, :interest, :summary, :recording,
                    :decision, :events, :received, :sent, :lost, :rejected, :jitter, :counts,
                    :mos, :rFactor, :roundTrip, :remoteLost, :remoteJitter, :remoteMOS
                ) ON CONFLICT DO NOTHING
                """,
            arguments: [
                "call": record.id.value, "direction": record.direction.rawValue,
                "campaign": record.campaign?.value, "contact": record.contact?.value,
                "attempt": record.attempt, "number": record.number.map(columns.seal),
                "started": record.startedAt.milliseconds,
                "ringing": record.ringingAt?.milliseconds,
                "answered": record.answeredAt?.milliseconds,
                "ended": record.endedAt.milliseconds, "endReason": record.endReason.rawValue,
                "sipStatus": record.sipStatus, "verdict": record.verdict?.rawValue,
                "verdictConfidence": record.verdictConfidence,
                "disposition": record.disposition.rawValue, "outcome": record.outcome.rawValue,
                "outcomeConfidence": record.outcomeConfidence, "interest": interest,
                "summary": record.summary, "recording": record.recordingPath,
                "decision": record.decisionID, "events": StoredEvents.encode(record.events),
                "received": record.media?.packetsReceived, "sent": record.media?.packetsSent,
                "lost": record.media?.packetsLost, "rejected": record.media?.packetsRejected,
                "jitter": record.media?.jitterMilliseconds, "counts": counts,
                "mos": record.media?.mos, "rFactor": record.media?.rFactor,
                "roundTrip": record.media?.roundTripMilliseconds,
                "remoteLost": record.media?.remotePacketsLost,
                "remoteJitter": record.media?.remoteJitterMilliseconds,
                "remoteMOS": record.media?.remoteMOS,
            ])
        guard database.changesCount == 1 else {
            throw StoreError.conflict("call \(record.id) has its record already")
        }
    }

    static func record(_ row: Row, _ columns: PersonalColumn) throws(StoreError) -> CallRecord {
        let number: String? = row.optional("number")
        let verdict: String? = row.optional("verdict")
        var media: MediaSummary?
        if let received: Int = row.optional("packets_received") {
            media = MediaSummary(
                packetsReceived: received, packetsSent: try row.value("packets_sent"),
                packetsLost: try row.value("packets_lost"),
                packetsRejected: try row.value("packets_rejected"),
                jitterMilliseconds: try row.value("jitter_milliseconds"))
            media?.mos = row.optional("mos")
            media?.rFactor = row.optional("r_factor")
            media?.roundTripMilliseconds = row.optional("round_trip_milliseconds")
            media?.remotePacketsLost = row.optional("remote_packets_lost")
            media?.remoteJitterMilliseconds = row.optional("remote_jitter_milliseconds")
            media?.remoteMOS = row.optional("remote_mos")
        }
        return CallRecord(
            id: CallID(try row.value("call_id")), direction: try row.word("direction"),
            campaign: row.optional("campaign_id").map { CampaignID($0) },
            contact: row.optional("contact_id").map { ContactID($0) },
            attempt: try row.value("attempt"),
            number: try number.map { text throws(StoreError) in try columns.number(text) },
            startedAt: try row.time("started_at"), ringingAt: row.optionalTime("ringing_at"),
            answeredAt: row.optionalTime("answered_at"), endedAt: try row.time("ended_at"),
            endReason: try row.word("end_reason"), sipStatus: try row.value("sip_status"),
            verdict: verdict.flatMap { AnswerVerdict(rawValue: $0) },
            verdictConfidence: row.optional("verdict_confidence"),
            disposition: try row.word("disposition"), outcome: try row.word("outcome"),
            outcomeConfidence: try row.value("outcome_confidence"),
            summary: try row.value("summary"), recordingPath: row.optional("recording_path"),
            decisionID: row.optional("decision_id"),
            events: StoredEvents.decode(try row.value("events")), media: media)
    }
}
