import Base
import Foundation
import Testing

/// STYLE 12: people's data is in the store and on the trunk, and nowhere else.
@Suite(.serialized) struct RedactionTests {
    @Test func noNumberOrNameReachesLogsMetricsOrEvents() async throws {
        let trunk = try await TestTrunk(.busy)
        let log = LogCapture()
        let people = [
            "+12125550131", "+13125550132", "+13035550133", "+16175550134", "+14045550135",
        ]
        let asked = [
            "+12065550141", "+14155550142", "+15035550143", "+12125550144", "+12125550145",
        ]
        let seen = Locked("")
        try await House.open(log: log, configure: { openGate(&$0, trunk: trunk.port) }) { house in
            let feed = try await Wire(port: house.httpPort)
            try await feed.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try await feed.until(": trunkline events")
            var replies = ""
            func call(_ method: String, _ path: String, _ body: String? = nil) async throws -> JSON
            {
                let reply = try await house.request(method, path, body)
                replies += reply.text
                return reply.json
            }
            _ = try await call("POST", "/v1/dnc/internal", #"{"number":"\#(people[2])"}"#)
            let id =
                try await call("POST", "/v1/campaigns", campaignBody())["campaign_id"].string ?? ""
            let csv =
                "phone_number,name,state,consent,consent_at,note\n"
                + "\(people[0]),Zebulon Quirk,NY,written,2026-05-04T09:00:00Z,owes\n"
                + "\(people[1]),Zebulon Quirk,IL,none,,x\n"
                + "\(people[2]),Zebulon Quirk,CO,written,2026-05-04T09:00:00Z,x\n"
                + "\(people[3]),Zebulon Quirk,ZZ,written,2026-05-04T09:00:00Z,x\n"
                + "\(people[4]),Zebulon Quirk,GA,written,2026-05-04T09:00:00Z,x\n"
                + "\(people[0]),Zebulon Quirk,NY,written,2026-05-04T09:00:00Z,x\n"
                + "\(asked[4])9,Zebulon Quirk,NY,written,2026-05-04T09:00:00Z,x\n"
            _ = try await call("POST", "/v1/campaigns/\(id)/contacts", csv)
            _ = try await call("POST", "/v1/campaigns/\(id)/start")
            try await eventually("the campaign to be completed") {
                try await house.json("GET", "/v1/campaigns/\(id)")["status"].string == "completed"
            }
            _ = try await call("GET", "/v1/campaigns/\(id)/records")
            // Calls that the gate refuses, that are malformed, that the trunk refuses.
            _ = try await call("POST", "/v1/calls", #"{"to":"\#(asked[0])"}"#)
            _ = try await call(
                "POST", "/v1/calls", #"{"to":"sip:0\#(asked[1].dropFirst())@127.0.0.1"}"#)
            _ = try await call(
                "POST", "/api/check-compliance", #"{"phone_number":"\#(asked[2])"}"#)
            _ = try await call(
                "POST", "/api/initiate-call",
                #"{"customer_data":{"phone_number":"\#(asked[3])","consent":"written","consent_at":"2026-05-04T09:00:00Z","state":"NY"}}"#
            )
            _ = try await call("GET", "/v1/calls/\(asked[3])")
            _ = try await call("POST", "/v1/dnc/internal", #"{"number":"\#(asked[4])0000000"}"#)
            try await eventually("the last call's record") {
                try await house.json("GET", "/v1/calls")["live"].array.isEmpty
            }
            _ = try await call("GET", "/v1/calls")
            _ = try await call("GET", "/metrics")
            seen.value = feed.text + replies
        }
        // The test looks at something: numbers were dialled, events and log lines were written.
        #expect(trunk.dialled.contains(people[0]) && trunk.dialled.contains(asked[3]))
        #expect(!trunk.dialled.contains(people[1]) && !trunk.dialled.contains(people[2]))
        #expect(seen.value.contains("gate_blocked") && seen.value.contains("gate_allowed"))
        #expect(log.text.contains("campaign completed"))
        for number in people + asked {
            let national = number.dropFirst(2)
            for form in [String(national), String(national.suffix(7))] {
                #expect(!log.text.contains(form), "a number is in the log")
                #expect(!seen.value.contains(form), "a number is in an event, metric or reply")
            }
        }
        #expect(!log.text.contains("Quirk") && !seen.value.contains("Quirk"))
        try await trunk.close()
    }
}
