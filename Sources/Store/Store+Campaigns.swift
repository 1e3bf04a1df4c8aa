internal import Base
public import CallModel
internal import Foundation
internal import GRDB

extension Store {
    /// Adds a campaign. Throws `conflict` when the identifier is taken.
    public func insert(_ campaign: Campaign) async throws(StoreError) {
        try await write { database in
            if try Self.exists(campaign.id, database) {
                throw StoreError.conflict("campaign \(campaign.id) exists already")
            }
            try database.execute(
                sql: """
                    INSERT INTO campaigns VALUES (
                        :id, :name, :status, :purpose, :callerID, :callsPerMinute, :concurrent,
                        :attempts, :ringTimeout, :callSeconds, :stream, :voicemail, :message,
                        :record, :talkingPoints,
                        (SELECT ifnull(max(position), 0) + 1 FROM campaigns), :policy)
                    """, arguments: Self.arguments(campaign))
        }
    }

    /// Replaces the settings of a campaign, its status included. Throws `notFound`.
    public func update(_ campaign: Campaign) async throws(StoreError) {
        try await write { database in
            try database.execute(
                sql: """
                    UPDATE campaigns SET
                        name = :name, status = :status, purpose = :purpose, caller_id = :callerID,
                        calls_per_minute = :callsPerMinute,
                        maximum_concurrent_calls = :concurrent, maximum_attempts = :attempts,
                        ring_timeout_seconds = :ringTimeout, maximum_call_seconds = :callSeconds,
                        stream_url = :stream, voicemail_path = :voicemail,
                        message_path = :message, record = :record,
                        talking_points = :talkingPoints, answer_policy = :policy
                    WHERE campaign_id = :id
                    """, arguments: Self.arguments(campaign))
            guard database.changesCount == 1 else { throw StoreError.notFound("campaign") }
        }
    }

    /// Throws `notFound`.
    public func setStatus(
        _ status: Campaign.Status, of campaign: CampaignID
    ) async throws(StoreError) {
        try await write { database in
            try database.execute(
                sql: "UPDATE campaigns SET status = ? WHERE campaign_id = ?",
                arguments: [status.rawValue, campaign.value])
            guard database.changesCount == 1 else { throw StoreError.notFound("campaign") }
        }
    }

    /// Completes a running campaign all of whose contacts are done, unless there are none: an import
    /// either comes before and keeps it running, or finds it completed.
    ///
    /// - Returns: whether it was.
    public func completeIfDone(_ campaign: CampaignID) async throws(StoreError) -> Bool {
        try await write { database in
            try database.execute(
                sql: """
                    UPDATE campaigns SET status = 'completed'
                    WHERE campaign_id = :campaign AND status = 'running'
                    AND EXISTS (SELECT 1 FROM contacts WHERE campaign_id = :campaign)
                    AND NOT EXISTS (SELECT 1 FROM contacts WHERE campaign_id = :campaign
                        AND status IN ('pending', 'in_progress'))
                    """, arguments: ["campaign": campaign.value])
            return database.changesCount == 1
        }
    }

    /// nil when there is none of this identifier.
    public func campaign(_ id: CampaignID) async throws(StoreError) -> Campaign? {
        try await read { database in
            try Row.fetchOne(
                database, sql: "SELECT * FROM campaigns WHERE campaign_id = ?",
                arguments: [id.value]
            ).map(Self.campaign)
        }
    }

    /// All campaigns, in the order they were added.
    public func campaigns() async throws(StoreError) -> [Campaign] {
        try await read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM campaigns ORDER BY position")
                .map(Self.campaign)
        }
    }

    /// Removes a campaign and its contacts. Throws `notFound`, and `conflict` once there has been
    /// an attempt: what was dialled stays on record.
    public func delete(_ campaign: CampaignID) async throws(StoreError) {
        try await write { database in
            let attempted = try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM attempts WHERE campaign_id = ?)",
                arguments: [campaign.value])
            guard attempted != true else {
                throw StoreError.conflict(
                    "campaign \(campaign) has attempts on record; set it to completed instead")
            }
            try database.execute(
                sql: "DELETE FROM campaigns WHERE campaign_id = ?", arguments: [campaign.value])
            guard database.changesCount == 1 else { throw StoreError.notFound("campaign") }
        }
    }

    static func exists(_ campaign: CampaignID, _ database: Database) throws -> Bool {
        try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM campaigns WHERE campaign_id = ?)",
            arguments: [campaign.value]) ?? false
    }

    private static func arguments(_ campaign: Campaign) -> StatementArguments {
        var points = JSONWriter()
        points.array { writer in
            for point in campaign.scriptTalkingPoints { writer.field(nil, point) }
        }
        return [
            "id": campaign.id.value, "name": campaign.name, "status": campaign.status.rawValue,
            "purpose": campaign.purpose.rawValue, "callerID": campaign.callerID.e164,
            "callsPerMinute": campaign.callsPerMinute,
            "concurrent": campaign.maximumConcurrentCalls, "attempts": campaign.maximumAttempts,
            "ringTimeout": campaign.ringTimeoutSeconds,
            "callSeconds": campaign.maximumCallSeconds, "stream": campaign.streamURL,
            "voicemail": campaign.voicemailPath, "message": campaign.messagePath,
            "record": campaign.record, "talkingPoints": points.string,
            "policy": campaign.answerPolicy?.rawValue,
        ]
    }

    private static func campaign(_ row: Row) throws(StoreError) -> Campaign {
        let callerID: PhoneNumber
        do { callerID = try PhoneNumber(try row.value("caller_id", as: String.self)) } catch {
            throw PersonalColumn.unreadable("caller_id")
        }
        let points: String = try row.value("talking_points")
        let talkingPoints = try? JSONDecoder().decode([String].self, from: Data(points.utf8))
        var campaign = Campaign(
            id: CampaignID(try row.value("campaign_id")), name: try row.value("name"),
            status: try row.word("status"), purpose: try row.word("purpose"), callerID: callerID,
            callsPerMinute: try row.value("calls_per_minute"),
            maximumConcurrentCalls: try row.value("maximum_concurrent_calls"),
            maximumAttempts: try row.value("maximum_attempts"),
            ringTimeoutSeconds: try row.value("ring_timeout_seconds"),
            maximumCallSeconds: try row.value("maximum_call_seconds"),
            streamURL: row.optional("stream_url"), voicemailPath: row.optional("voicemail_path"),
            messagePath: row.optional("message_path"), record: try row.value("record"),
            scriptTalkingPoints: talkingPoints ?? [])
        let policy: String? = row.optional("answer_policy")
        campaign.answerPolicy = policy.flatMap { AnswerPolicy(rawValue: $0) }
        return campaign
    }
}
