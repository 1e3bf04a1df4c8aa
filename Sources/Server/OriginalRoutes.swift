internal import Base
internal import CallModel
internal import Campaigns
internal import Compliance
internal import Conversation
internal import Hummingbird
internal import Orchestrator
internal import Store

/// The six POST calls of the platform that Trunkline replaces, with their paths and bodies
/// (docs/designs/original-api.md); the seventh is `/api/health`.
struct OriginalRoutes {
    let platform: Platform

    func add(to router: Router<HTTPServer.Context>) {
        router.post("/api/generate-script") { request, _ in
            let body = try await request.decoded(as: ScriptBody.self)
            let script = await platform.generateScript(
                ScriptInput(
                    campaign: body.campaign_data.mapValues(\.value),
                    customer: (body.customer_profile ?? [:]).mapValues(\.value)))
            var writer = JSONWriter()
            writer.object { script.write(to: &$0, key: "script") }
            return Response.json(writer)
        }
        router.post("/api/check-compliance") { request, _ in
            let body = try await request.decoded(as: ComplianceBody.self)
            let (contact, campaign) = try body.subject(caller: platform.configuration.callerID)
            let decision = await platform.checkCompliance(contact: contact, campaign: campaign)
            var writer = JSONWriter()
            writer.object { writer in
                writer.field("compliant", decision.verdict == .allow)
                decision.write(to: &writer, key: "decision")
            }
            return Response.json(writer)
        }
        router.post("/api/initiate-call") { request, _ in
            let body = try await request.decoded(as: InitiateBody.self)
            let customer = body.customer_data
            let number = try Field.requiredNumber(
                "customer_data.phone_number", customer.phone_number)
            var call = CallRequest(to: number.e164)
            call.from = try Field.number("customer_data.caller_id", customer.caller_id)
            call.consent = try Field.choice("customer_data.consent", customer.consent) ?? .none
            call.consentAt = try Field.time("customer_data.consent_at", customer.consent_at)
            call.state = customer.state
            call.record = true
            call.streamURL = body.stream_url
            call.voicemailPath = body.voicemail
            if let id = customer.customer_id { call.streamParameters["customer_id"] = id }
            for (key, value) in body.script ?? [:] {
                if let text = value.text {
                    call.streamParameters["script_" + key] = text
                }
            }
            let id = try await platform.placeCall(call)
            var writer = JSONWriter()
            writer.object { writer in
                writer.field("call_id", id.value)
                writer.field("status", "initiated")
            }
            return Response.json(writer, status: .accepted)
        }
        router.post("/api/classify-outcome") { request, _ in
            let body = try await request.decoded(as: ClassifyBody.self)
            var writer = JSONWriter()
            let facts = try await classificationFacts(body)
            platform.classify(facts).write(to: &writer)
            return Response.json(writer)
        }
        router.post("/api/schedule-call") { request, _ in
            let body = try await request.decoded(as: ScheduleBody.self)
            return try await schedule(body)
        }
        router.post("/api/campaign-analytics") { request, _ in
            let body = try await request.decoded(as: AnalyticsBody.self)
            let analytics = try await platform.analytics(CampaignID(body.campaign_id))
            var writer = JSONWriter()
            writer.write(analytics, campaign: body.campaign_id)
            return Response.json(writer)
        }
    }

    private func classificationFacts(_ body: ClassifyBody) async throws -> CallFacts {
        let turns = body.transcript?.map { turn in
            Turn(speaker: turn.speaker == "agent" ? .agent : .callee, text: turn.text)
        }
        if let id = body.call_id {
            guard let facts = try await platform.facts(of: CallID(id), transcript: turns) else {
                throw APIError(.notFound("call"))
            }
            return facts
        }
        guard let turns else {
            throw APIError(.invalid("call_id", "give call_id or transcript"))
        }
        return CallFacts(
            endReason: .remoteHangup, wasAnswered: true, verdict: .human, transcript: turns)
    }

    private func schedule(_ body: ScheduleBody) async throws -> Response {
        let (contact, campaign) = try body.customer.subject(
            caller: platform.configuration.callerID)
        let own = try (body.previous_attempts ?? []).map { attempt in
            guard (0...23).contains(attempt.hour), (0...6).contains(attempt.weekday) else {
                throw APIError(
                    .invalid(
                        "previous_attempts", "hour must be 0 to 23 and weekday 0 (Sunday) to 6"))
            }
            return AttemptHour(
                hour: attempt.hour, weekday: attempt.weekday, wasAnswered: attempt.answered)
        }
        let (advice, openings) = await platform.schedule(
            contact: contact, campaign: campaign, own: own,
            notBefore: try Field.time("not_before", body.not_before))
        var writer = JSONWriter()
        writer.object { writer in
            writer.array("recommended") { writer in
                for slot in advice.slots {
                    writer.object { writer in
                        writer.field("at", slot.at.iso8601)
                        writer.field("score", slot.score)
                        writer.array("reasons") { writer in
                            for reason in slot.reasons { writer.field(nil, reason) }
                        }
                    }
                }
            }
            writer.array("lawful_windows") { writer in
                for opening in openings {
                    writer.object { writer in
                        writer.field("start", opening.start.iso8601)
                        writer.field("end", opening.end.iso8601)
                    }
                }
            }
        }
        return .json(writer)
    }
}

extension JSONWriter {
    mutating func write(_ analytics: CampaignAnalytics, campaign: String) {
        object { writer in
            writer.field("campaign_id", campaign)
            writer.field("total_calls", analytics.calls)
            writer.field("total_records", analytics.records)
            writer.field("answered", analytics.answered)
            writer.object("outcome_distribution") { writer in
                for outcome in Outcome.allCases {
                    writer.field(outcome.rawValue, analytics.outcomes[outcome] ?? 0)
                }
            }
            writer.object("dispositions") { writer in
                for disposition in Disposition.allCases {
                    writer.field(disposition.rawValue, analytics.dispositions[disposition] ?? 0)
                }
            }
            writer.field("conversion_rate", analytics.conversionRate)
            writer.field("callback_rate", analytics.callbackRate)
            writer.field("escalation_rate", analytics.escalationRate)
            if let interest = analytics.averageInterest {
                writer.field("average_interest_score", interest)
            } else {
                writer.null("average_interest_score")
            }
            writer.field("dnc_requests", analytics.doNotCallRequests)
            writer.field("talk_seconds", analytics.talkSeconds)
        }
    }
}
