import Base
import Foundation
import Testing

/// The seven calls of the platform that Trunkline replaces, with the bodies of its own README.
@Suite(.serialized) struct OriginalAPITests {
    private static let script = """
        {
            "campaign_data": {
              "campaign_id": "camp-001",
              "product": "Premium Support Plan",
              "objective": "upsell",
              "talking_points": ["24/7 support", "dedicated account manager", "SLA guarantee"]
            },
            "customer_profile": {
              "customer_id": "cust-123",
              "name": "John Smith",
              "current_plan": "Basic",
              "tenure_months": 18,
              "support_tickets_last_90d": 5
            }
          }
        """
    private static let compliance = """
        {
            "phone_number": "+12125551234"
          }
        """
    private static let initiate = """
        {
            "customer_data": {
              "customer_id": "cust-123",
              "phone_number": "+12125551234",
              "caller_id": "+18005551000"
            },
            "script": {
              "opening": "Hi, this is Sarah from Acme Corp...",
              "value_proposition": "I am calling about your Premium Support upgrade..."
            }
          }
        """
    private static let checks = [
        "jurisdiction_pause", "number_class", "internal_dnc", "federal_dnc", "state_dnc", "consent",
        "automated_voice", "time_zone_window", "frequency", "caller_id",
    ]

    private func callerID(_ house: (House) async throws -> Void) async throws {
        try await House.open(
            configure: { $0.callerID = try? PhoneNumber("+12125550100") }, house)
    }

    @Test func healthAnswers() async throws {
        try await House.open { house in
            let reply = try await house.request("GET", "/api/health")
            #expect(reply.status == 200)
        }
    }

    @Test func scriptHasItsSectionsAndItsInputs() async throws {
        try await House.open { house in
            let script = try await house.json("POST", "/api/generate-script", Self.script)["script"]
            for section in ["opening", "value_proposition", "closing", "voicemail_script"] {
                #expect(script[section].string?.isEmpty == false, "\(section)")
            }
            #expect(!script["objection_responses"].array.isEmpty)
            #expect(script["metadata"]["campaign_id"].string == "camp-001")
            #expect(script["metadata"]["customer_id"].string == "cust-123")
            #expect(script["value_proposition"].string?.contains("Premium Support Plan") == true)
            let bad = [
                ("{}", "campaign_data"), (#"{"campaign_data":[]}"#, "campaign_data"),
                (#"{"campaign_data":{"a":{"b":1}}}"#, "campaign_data.a"),
            ]
            for (body, field) in bad {
                expectError(
                    try await house.request("POST", "/api/generate-script", body), 400,
                    "invalid_request", field: field)
            }
        }
    }

    @Test func complianceReportsEveryCheckAndDeniesByDefault() async throws {
        try await callerID { house in
            let reply = try await house.json("POST", "/api/check-compliance", Self.compliance)
            #expect(reply["compliant"].bool == false)
            let checks = reply["decision"]["checks"].array
            #expect(checks.compactMap { $0["check"].string } == Self.checks)
            #expect(checks.allSatisfy { $0["detail"].string?.isEmpty == false })
            for (body, field) in [
                ("{}", "phone_number"), (#"{"phone_number":"x"}"#, "phone_number"),
                (#"{"phone_number":"+12125551234","consent":"x"}"#, "consent"),
                (#"{"phone_number":"+12125551234","consent_at":"x"}"#, "consent_at"),
                (#"{"phone_number":"+12125551234","caller_id":"x"}"#, "caller_id"),
            ] {
                expectError(
                    try await house.request("POST", "/api/check-compliance", body), 400,
                    "invalid_request", field: field)
            }
        }
        try await House.open { house in
            expectError(
                try await house.request("POST", "/api/check-compliance", Self.compliance), 400,
                "invalid_request", field: "caller_id")
        }
    }

    @Test func initiatedCallPassesTheGateFirst() async throws {
        try await callerID { house in
            let blocked = try await house.request("POST", "/api/initiate-call", Self.initiate)
            expectError(blocked, 403, "gate_blocked", field: "to")
            #expect(!blocked.text.contains("5551234"))
            expectError(
                try await house.request("POST", "/api/initiate-call", "{}"), 400,
                "invalid_request", field: "customer_data")
            expectError(
                try await house.request(
                    "POST", "/api/initiate-call", #"{"customer_data":{"phone_number":"1"}}"#), 400,
                "invalid_request", field: "customer_data.phone_number")
        }
    }

    @Test func aLawfulCallIsInitiatedWithTheScriptThatWasGenerated() async throws {
        let trunk = try await TestTrunk(.busy)
        try await House.open(configure: { openGate(&$0, trunk: trunk.port) }) { house in
            // The whole generated script, lists and metadata included, is taken as it is.
            let script = try await house.request("POST", "/api/generate-script", Self.script)
            let inner = script.text.dropFirst("{\"script\":".count).dropLast()
            let customer = """
                {"customer_id":"cust-123","phone_number":"+12125551234",
                "caller_id":"+12125550100","state":"NY","consent":"written",
                "consent_at":"2026-05-04T09:00:00Z"}
                """
            let reply = try await house.request(
                "POST", "/api/initiate-call", "{\"customer_data\":\(customer),\"script\":\(inner)}")
            #expect(reply.status == 202, "\(reply.text)")
            #expect(reply.json["status"].string == "initiated")
            let id = reply.json["call_id"].string ?? ""
            try await eventually("the record") {
                try await house.request("GET", "/v1/calls/\(id)").json["end_reason"].string
                    == "busy"
            }
            #expect(trunk.dialled == ["+12125551234"])
            let again = try await house.json(
                "POST", "/api/classify-outcome", #"{"call_id":"\#(id)"}"#)
            #expect(again["outcome"].string == "no_answer")
        }
        try await trunk.close()
    }

    @Test func outcomeIsClassifiedFromATranscript() async throws {
        try await House.open { house in
            let reply = try await house.json(
                "POST", "/api/classify-outcome",
                #"{"transcript":[{"speaker":"customer","text":"Please take me off your list and do not call me again."}]}"#
            )
            #expect(reply["outcome"].string == "do_not_call")
            for key in ["confidence", "interest_score", "summary", "next_best_action"] {
                #expect(reply.keys.contains(key))
            }
            expectError(
                try await house.request("POST", "/api/classify-outcome", "{}"), 400,
                "invalid_request", field: "call_id")
            expectError(
                try await house.request("POST", "/api/classify-outcome", #"{"call_id":"none"}"#),
                404, "not_found")
            expectError(
                try await house.request(
                    "POST", "/api/classify-outcome", #"{"transcript":[{"speaker":"agent"}]}"#), 400,
                "invalid_request", field: "transcript.0.text")
        }
    }

    @Test func scheduleNamesLawfulWindowsAndTimes() async throws {
        try await callerID { house in
            let body = """
                {"customer_data":{"phone_number":"+12125551234","state":"NY"},
                "previous_attempts":[{"hour":10,"weekday":3,"answered":true}],
                "not_before":"2026-06-17T17:00:00Z"}
                """
            let reply = try await house.json("POST", "/api/schedule-call", body)
            #expect(!reply["lawful_windows"].array.isEmpty)
            for window in reply["lawful_windows"].array {
                let start = try #require(window["start"].string)
                let end = try #require(window["end"].string)
                #expect(start < end)
            }
            for (attempts, field) in [
                (#"[{"hour":24,"weekday":0,"answered":true}]"#, "previous_attempts"),
                (#"[{"hour":1,"weekday":7,"answered":true}]"#, "previous_attempts"),
                (#"[{"hour":1,"weekday":1}]"#, "previous_attempts.0.answered"),
            ] {
                expectError(
                    try await house.request(
                        "POST", "/api/schedule-call",
                        "{\"customer_data\":\(Self.compliance),\"previous_attempts\":\(attempts)}"),
                    400, "invalid_request", field: field)
            }
            expectError(
                try await house.request("POST", "/api/schedule-call", "{}"), 400,
                "invalid_request", field: "customer_data")
        }
    }

    @Test func analyticsOfAnUnknownCampaignAreNotFound() async throws {
        try await House.open { house in
            expectError(
                try await house.request(
                    "POST", "/api/campaign-analytics", #"{"campaign_id":"camp-001"}"#), 404,
                "not_found")
            expectError(
                try await house.request("POST", "/api/campaign-analytics", "{}"), 400,
                "invalid_request", field: "campaign_id")
        }
    }
}
