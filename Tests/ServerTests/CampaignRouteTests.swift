import Base
import Foundation
import Orchestrator
import Testing

/// A body that works; `extra` adds fields or overrules them.
func campaignBody(_ extra: [String: any Sendable] = [:]) -> String {
    var fields: [String: any Sendable] = [
        "name": "spring", "caller_id": "+12125550100", "purpose": "informational",
        "calls_per_minute": 6000, "max_concurrent_calls": 10, "max_attempts": 1,
        "stream_url": "ws://127.0.0.1:1/",
    ]
    fields.merge(extra) { $1 }
    let data = try? JSONSerialization.data(withJSONObject: fields)
    return String(decoding: data ?? Data(), as: UTF8.self)
}

/// A Wednesday, 1 p.m. in New York, as far as the gate knows; lists waived; calls go to `trunk`.
func openGate(_ settings: inout PlatformConfiguration, trunk port: Int) {
    settings.trunk = .init(endpoint: .init(host: "127.0.0.1", port: port))
    settings.callerID = try? PhoneNumber("+12125550100")
    settings.compliance.federalListWaiver = "test on loopback"
    settings.compliance.stateListWaiver = "test on loopback"
    settings.compliance.demonstrationClock = WallTime(rfc3339: "2026-06-17T17:00:00Z")
}

let csvHead = "phone_number,name,state,consent,consent_at\n"
func csvRow(_ number: String, _ state: String = "NY", consent: String = "written") -> String {
    "\(number),Somebody,\(state),\(consent),2026-05-04T09:00:00Z\n"
}

@Suite(.serialized) struct CampaignRouteTests {
    @Test func aCampaignIsMadeFilledReadAndListed() async throws {
        try await House.open { house in
            let made = try await house.request("POST", "/v1/campaigns", campaignBody())
            #expect(made.status == 201)
            let id = try #require(made.json["campaign_id"].string)
            #expect(made.json["status"].string == "draft")
            #expect(made.json["contacts"]["pending"].int == 0)
            let csv =
                csvHead + csvRow("+12125550101") + csvRow("not-a-number")
                + csvRow("+12125550102", consent: "perhaps") + csvRow("+12125550101")
                + "\"unended\n"
            let report = try await house.request("POST", "/v1/campaigns/\(id)/contacts", csv)
            #expect(report.status == 201)
            #expect(report.json["imported"].int == 1)
            let errors = report.json["errors"].array
            #expect(errors.compactMap { $0["line"].int } == [3, 4, 5, 6])
            #expect(errors[0]["field"].string == "phone_number")
            #expect(errors[1]["field"].string == "consent")
            #expect(errors[2]["message"].string == "same number as line 2")
            #expect(!report.text.contains("5550101") && !report.text.contains("not-a-number"))
            // The same list again brings nobody twice.
            let again = try await house.request(
                "POST", "/v1/campaigns/\(id)/contacts", csvHead + csvRow("+12125550101"))
            #expect(again.status == 200)
            #expect(again.json["imported"].int == 0)
            #expect(again.json["duplicates"].int == 1)
            let read = try await house.json("GET", "/v1/campaigns/\(id)")
            #expect(read["contacts"]["pending"].int == 1)
            #expect(read["caller_id"].string == "+12125550100")
            let all = try await house.json("GET", "/v1/campaigns")
            #expect(all["campaigns"].array.compactMap { $0["campaign_id"].string } == [id])
            #expect(
                try await house.json("GET", "/v1/campaigns/\(id)/records")["records"].array.isEmpty)
            // What was never started cannot be paused.
            expectError(
                try await house.request("POST", "/v1/campaigns/\(id)/pause"), 409, "conflict")
        }
    }

    @Test func aCampaignSaysHowSoonItKnowsWhoAnswered() async throws {
        try await House.open { house in
            for policy in ["fast", "balanced", "careful"] {
                let made = try await house.request(
                    "POST", "/v1/campaigns", campaignBody(["answer_policy": policy]))
                #expect(made.status == 201)
                #expect(made.text.contains("\"answer_policy\":\"\(policy)\""), "\(made.text)")
            }
            let plain = try await house.request("POST", "/v1/campaigns", campaignBody([:]))
            #expect(!plain.text.contains("answer_policy"))
        }
    }

    /// 16 CFR 310.4(b)(4)(ii), and what is probably forgotten.
    @Test func aCampaignSaysWhatIsUnwise() async throws {
        try await House.open { house in
            let made = try await house.json(
                "POST", "/v1/campaigns",
                campaignBody(["purpose": "marketing", "ring_timeout_seconds": 10]))
            let fields = made["warnings"].array.compactMap { $0["field"].string }
            #expect(fields.contains("ring_timeout_seconds") && fields.contains("voicemail_path"))
            #expect(made["warnings"].array.allSatisfy { $0["message"].string?.isEmpty == false })
            let kind = try await house.json(
                "POST", "/v1/campaigns",
                campaignBody(["purpose": "informational", "ring_timeout_seconds": 10]))
            #expect(
                !kind["warnings"].array.contains {
                    $0["field"].string == "ring_timeout_seconds"
                })
        }
    }

    /// The store refuses every do-not-call request; when it takes them again, this one is there.
    @Test func aRefusedOptOutIsJournalledAndStoredLater() async throws {
        try await House.open { house in
            func sqlite(_ statement: String) throws {
                let python = Process()
                python.executableURL = URL(filePath: "/usr/bin/python3")
                python.arguments = [
                    "-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2])",
                    house.directory + "/trunkline.sqlite", statement,
                ]
                try python.run()
                python.waitUntilExit()
                try #require(python.terminationStatus == 0)
            }
            try sqlite("ALTER TABLE internal_list RENAME TO away")
            let number = #"{"number":"+12125550188"}"#
            let refused = try await house.request("POST", "/v1/dnc/internal", number)
            #expect(refused.status >= 500)
            let journal = house.directory + "/opt-outs.pending"
            try await eventually("an entry of the journal") {
                (FileManager.default.contents(atPath: journal)?.count ?? 0) > 0
            }
            try sqlite("ALTER TABLE away RENAME TO internal_list")
            try await eventually("the store to have it") {
                try await house.json("POST", "/v1/dnc/internal/check", number)["listed"].bool
                    == true
            }
        }
    }

    @Test func badCampaignsNameTheirField() async throws {
        try await House.open { house in
            let cases: [([String: any Sendable], String)] = [
                (["name": ""], "name"), (["name": String(repeating: "n", count: 201)], "name"),
                (["caller_id": "me"], "caller_id"), (["purpose": "fun"], "purpose"),
                (["calls_per_minute": 0], "calls_per_minute"),
                (["max_concurrent_calls": 2001], "max_concurrent_calls"),
                (["max_attempts": 4], "max_attempts"),
                (["ring_timeout_seconds": 121], "ring_timeout_seconds"),
                (["max_call_seconds": 0], "max_call_seconds"),
                (["stream_url": "http://127.0.0.1/"], "stream_url"),
                (["voicemail_path": "none.wav"], "voicemail_path"),
                (["message_path": "/etc/passwd"], "message_path"),
                (["record": "yes"], "record"), (["answer_policy": "quick"], "answer_policy"),
            ]
            for (extra, field) in cases {
                expectError(
                    try await house.request("POST", "/v1/campaigns", campaignBody(extra)), 400,
                    "invalid_request", field: field)
            }
            expectError(
                try await house.request("POST", "/v1/campaigns", #"{"name":"x"}"#), 400,
                "invalid_request", field: "caller_id")
        }
    }

    @Test func aCampaignThatIsNotThereIsNotFound() async throws {
        try await House.open { house in
            for (method, path) in [
                ("GET", ""), ("POST", "/contacts"), ("POST", "/start"), ("POST", "/pause"),
            ] {
                expectError(
                    try await house.request(
                        method, "/v1/campaigns/none\(path)", method == "POST" ? csvHead : nil),
                    404, "not_found")
            }
        }
    }

    @Test func withoutATrunkNoCampaignStarts() async throws {
        try await House.open { house in
            let id = try await house.json("POST", "/v1/campaigns", campaignBody())["campaign_id"]
            let reply = try await house.request("POST", "/v1/campaigns/\(id.string ?? "")/start")
            expectError(reply, 409, "conflict")
            #expect(reply.error["message"].string?.contains("trunk") == true)
        }
    }

    @Test func aListIsTakenBeyondTheLimitOfOtherBodiesButNotWithoutEnd() async throws {
        try await House.open { house in
            let id = try await house.json("POST", "/v1/campaigns", campaignBody())["campaign_id"]
            let path = "/v1/campaigns/\(id.string ?? "")/contacts"
            var csv = csvHead
            for number in 0..<20_000 {
                csv += csvRow("+1212\(200 + number / 10_000)\(padded(number % 10_000, 4))")
            }
            #expect(csv.utf8.count > 1 << 20)
            #expect(try await house.json("POST", path, csv)["imported"].int == 20_000)
            // The length alone is enough to refuse; nobody has to send it.
            let wire = try await Wire(port: house.httpPort)
            try await wire.send(
                "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40000000\r\n\r\n")
            for _ in 0..<40 where !wire.text.contains("413") {
                try await wire.send([UInt8](repeating: 0x61, count: 1_000_000))
            }
            try await wire.until("body_too_large")
        }
    }

    @Test func internalListIsWrittenAndAsked() async throws {
        try await House.open { house in
            let number = #"{"number":"+12125550177"}"#
            let path = "/v1/dnc/internal"
            #expect(try await house.json("POST", path + "/check", number)["listed"].bool == false)
            #expect(try await house.request("POST", path, number).status == 201)
            #expect(try await house.request("POST", path, number).status == 201)
            #expect(
                try await house.json("POST", path + "/check", #"{"number":"(212) 555-0177"}"#)[
                    "listed"
                ].bool == true)
            #expect(
                try await house.request("GET", "/metrics").text
                    .contains("trunkline_opt_outs_total{source=\"api\"} 2\n"))
            for body in [#"{"number":"x"}"#, #"{"number":""}"#, "{}", #"{"number":null}"#] {
                for path in [path, path + "/check"] {
                    let reply = try await house.request("POST", path, body)
                    expectError(reply, 400, "invalid_request", field: "number")
                }
            }
        }
    }

    @Test func blockedContactsGetARecordAndAreNeverDialled() async throws {
        let trunk = try await TestTrunk(.busy)
        try await House.open(configure: { openGate(&$0, trunk: trunk.port) }) { house in
            _ = try await house.request("POST", "/v1/dnc/internal", #"{"number":"+12125550103"}"#)
            let made = try await house.json("POST", "/v1/campaigns", campaignBody())
            let id = made["campaign_id"].string ?? ""
            let csv =
                csvHead + csvRow("+12125550101") + csvRow("+12125550102", consent: "none")
                + csvRow("+12125550103")
            _ = try await house.json("POST", "/v1/campaigns/\(id)/contacts", csv)
            #expect(
                try await house.json("POST", "/v1/campaigns/\(id)/start")["status"].string
                    == "running")
            try await eventually("the campaign to be completed") {
                try await house.json("GET", "/v1/campaigns/\(id)")["status"].string == "completed"
            }
            let records = try await house.json("GET", "/v1/campaigns/\(id)/records")["records"]
            #expect(
                records.array.compactMap { $0["end_reason"].string }.sorted() == [
                    "busy", "gate_blocked", "gate_blocked",
                ])
            #expect(trunk.dialled == ["+12125550101"])
            #expect(records.array.allSatisfy { $0["decision_id"].string?.isEmpty == false })
            let analytics = try await house.json(
                "POST", "/api/campaign-analytics", #"{"campaign_id":"\#(id)"}"#)
            #expect(analytics["total_records"].int == 3)
            #expect(analytics["outcome_distribution"].keys.count == 10)
        }
        try await trunk.close()
    }

    /// A completed campaign dials nobody any more: who adds people to it is told.
    @Test func aCompletedCampaignTakesNoContacts() async throws {
        let trunk = try await TestTrunk(.busy)
        try await House.open(configure: { openGate(&$0, trunk: trunk.port) }) { house in
            let id =
                try await house.json("POST", "/v1/campaigns", campaignBody())["campaign_id"].string
                ?? ""
            let path = "/v1/campaigns/\(id)/contacts"
            _ = try await house.json("POST", path, csvHead + csvRow("+12125550101"))
            _ = try await house.json("POST", "/v1/campaigns/\(id)/start")
            try await eventually("the campaign to be completed") {
                try await house.json("GET", "/v1/campaigns/\(id)")["status"].string == "completed"
            }
            let late = try await house.request("POST", path, csvHead + csvRow("+12125550102"))
            expectError(late, 409, "conflict")
            #expect(late.error["message"].string?.contains("completed") == true)
            #expect(
                try await house.json("GET", "/v1/campaigns/\(id)")["contacts"]["pending"].int == 0)
        }
        try await trunk.close()
    }

    /// A pause leaves live calls alone; they still count against the campaign when it goes on.
    @Test func callsFromBeforeAPauseStillCountAgainstTheLimit() async throws {
        let trunk = try await TestTrunk(.answers)
        try await House.open(configure: { openGate(&$0, trunk: trunk.port) }) { house in
            func make(_ csv: String, _ extra: [String: any Sendable] = [:]) async throws -> String {
                let id =
                    try await house.json("POST", "/v1/campaigns", campaignBody(extra))[
                        "campaign_id"
                    ]
                    .string ?? ""
                _ = try await house.json("POST", "/v1/campaigns/\(id)/contacts", csvHead + csv)
                return id
            }
            let one = try await make(
                csvRow("+12125550101") + csvRow("+12125550102"), ["max_concurrent_calls": 1])
            _ = try await house.json("POST", "/v1/campaigns/\(one)/start")
            try await eventually("the first call") { trunk.dialled.count == 1 }
            _ = try await house.json("POST", "/v1/campaigns/\(one)/pause")
            _ = try await house.json("POST", "/v1/campaigns/\(one)/start")
            // Several rounds of the runner, seen in another campaign that blocks one contact each.
            let rounds = try await make(
                (10..<16).map { csvRow("+121255501\($0)", consent: "none") }.joined())
            _ = try await house.json("POST", "/v1/campaigns/\(rounds)/start")
            try await eventually("six rounds") {
                try await house.json("GET", "/v1/campaigns/\(rounds)")["status"].string
                    == "completed"
            }
            #expect(trunk.dialled.count == 1)
            let live = try await house.json("GET", "/v1/calls")["live"].array
            #expect(live.count == 1)
            _ = try await house.request("DELETE", "/v1/calls/\(live[0]["call_id"].string ?? "")")
            try await eventually("the second call") { trunk.dialled.count == 2 }
        }
        try await trunk.close()
    }
}
