internal import Base
internal import CallModel
internal import Campaigns
internal import Hummingbird
internal import Orchestrator

/// Campaigns, their contact lists and records; the internal do-not-call list.
struct CampaignRoutes {
    /// A contact list in CSV: about 200,000 rows.
    static let listLimit = 32 << 20

    let platform: Platform

    struct Body: Decodable {
        var name: String
        var caller_id: String
        var purpose: String?
        var calls_per_minute: Int?
        var max_concurrent_calls: Int?
        var max_attempts: Int?
        var ring_timeout_seconds: Int?
        var max_call_seconds: Int?
        var stream_url: String?
        var voicemail_path: String?
        var message_path: String?
        var record: Bool?
        var talking_points: [String]?
        var answer_policy: String?

        func campaign(id: CampaignID) throws -> Campaign {
            var campaign = Campaign(
                id: id, name: name,
                purpose: try Field.choice("purpose", purpose) ?? .marketing,
                callerID: try Field.requiredNumber("caller_id", caller_id),
                callsPerMinute: try Field.range("calls_per_minute", calls_per_minute, 1...6000)
                    ?? 30,
                maximumConcurrentCalls: try Field.range(
                    "max_concurrent_calls", max_concurrent_calls, 1...2000) ?? 10,
                maximumAttempts: try Field.range("max_attempts", max_attempts, 1...3) ?? 3,
                ringTimeoutSeconds: try Field.range(
                    "ring_timeout_seconds", ring_timeout_seconds, 5...120) ?? 30,
                maximumCallSeconds: try Field.range(
                    "max_call_seconds", max_call_seconds, 5...7200) ?? 600,
                streamURL: stream_url, voicemailPath: voicemail_path, messagePath: message_path,
                record: record ?? true, scriptTalkingPoints: talking_points ?? [])
            campaign.answerPolicy = try Field.choice("answer_policy", answer_policy)
            return campaign
        }
    }

    struct NumberBody: Decodable { var number: String }

    func add(to router: Router<HTTPServer.Context>) {
        router.post("/v1/campaigns") { request, _ in
            let body = try await request.decoded(as: Body.self)
            let campaign = try body.campaign(id: platform.newCampaignID())
            try await platform.createCampaign(campaign)
            return try await Self.response(campaign.id, platform, status: .created)
        }
        router.get("/v1/campaigns") { _, _ in
            var writer = JSONWriter()
            let campaigns = try await platform.campaigns()
            writer.object { writer in
                writer.array("campaigns") { writer in
                    for campaign in campaigns { writer.object { $0.write(campaign) } }
                }
            }
            return Response.json(writer)
        }
        router.get("/v1/campaigns/{id}") { _, context in
            try await Self.response(try Self.id(context), platform, status: .ok)
        }
        router.post("/v1/campaigns/{id}/contacts") { request, context in
            let id = try Self.id(context)
            let csv = try await request.bytes(limit: Self.listLimit)
            let report = try await platform.importContacts(Array(buffer: csv), into: id)
            var writer = JSONWriter()
            writer.object { writer in
                writer.field("imported", report.imported)
                writer.field("duplicates", report.duplicates)
                writer.array("errors") { writer in
                    for error in report.errors {
                        error.write(to: &writer)
                    }
                }
            }
            return Response.json(writer, status: report.imported > 0 ? .created : .ok)
        }
        router.post("/v1/campaigns/{id}/start") { _, context in
            let id = try Self.id(context)
            try await platform.start(campaign: id)
            return try await Self.response(id, platform, status: .ok)
        }
        router.post("/v1/campaigns/{id}/pause") { _, context in
            let id = try Self.id(context)
            try await platform.pause(campaign: id)
            return try await Self.response(id, platform, status: .ok)
        }
        router.get("/v1/campaigns/{id}/records") { request, context in
            let id = try Self.id(context)
            let limit = min(request.uri.queryParameters.get("limit", as: Int.self) ?? 1000, 10_000)
            let records = try await platform.records(campaign: id, limit: max(limit, 0))
            var writer = JSONWriter()
            writer.object { writer in
                writer.array("records") { writer in
                    for record in records { writer.write(record, events: true) }
                }
            }
            return Response.json(writer)
        }
        router.post("/v1/dnc/internal") { request, _ in
            let body = try await request.decoded(as: NumberBody.self)
            let number = try Field.requiredNumber("number", body.number)
            try await platform.addToInternalList(number, source: "api", call: nil)
            return Response(status: .created)
        }
        router.post("/v1/dnc/internal/check") { request, _ in
            let body = try await request.decoded(as: NumberBody.self)
            let number = try Field.requiredNumber("number", body.number)
            let listed = try await platform.isOnInternalList(number)
            var writer = JSONWriter()
            writer.object { $0.field("listed", listed) }
            return Response.json(writer)
        }
    }

    private static func id(_ context: HTTPServer.Context) throws -> CampaignID {
        CampaignID(try context.parameters.require("id"))
    }

    private static func response(
        _ id: CampaignID, _ platform: Platform, status: HTTPResponse.Status
    ) async throws -> Response {
        guard let campaign = try await platform.campaign(id) else {
            throw APIError(.notFound("campaign"))
        }
        let counts = try await platform.contactCounts(id)
        var writer = JSONWriter()
        writer.object { writer in
            writer.write(campaign)
            writer.object("contacts") { writer in
                for status in ContactStatus.allCases {
                    writer.field(status.rawValue, counts[status] ?? 0)
                }
            }
        }
        return .json(writer, status: status)
    }
}

extension JSONWriter {
    mutating func write(_ campaign: Campaign) {
        field("campaign_id", campaign.id.value)
        field("name", campaign.name)
        field("status", campaign.status.rawValue)
        field("purpose", campaign.purpose.rawValue)
        field("caller_id", campaign.callerID.e164)
        field("calls_per_minute", campaign.callsPerMinute)
        field("max_concurrent_calls", campaign.maximumConcurrentCalls)
        field("max_attempts", campaign.maximumAttempts)
        field("ring_timeout_seconds", campaign.ringTimeoutSeconds)
        field("max_call_seconds", campaign.maximumCallSeconds)
        optional("stream_url", campaign.streamURL)
        optional("voicemail_path", campaign.voicemailPath)
        optional("message_path", campaign.messagePath)
        field("record", campaign.record)
        optional("answer_policy", campaign.answerPolicy?.rawValue)
        let warnings = campaign.remarks.filter { !$0.isError }
        array("warnings") { writer in
            for warning in warnings {
                writer.object {
                    $0.field("field", warning.field)
                    $0.field("message", warning.message)
                }
            }
        }
    }
}
