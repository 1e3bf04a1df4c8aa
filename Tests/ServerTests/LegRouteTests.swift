import Foundation
import Testing

func offer(port: Int) -> String {
    [
        "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
        "m=audio \(port) RTP/AVP 0 101", "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000", "",
    ].joined(separator: "\\r\\n")
}

@Suite(.serialized) struct LegRouteTests {
    @Test func audioSentToAnEchoLegComesBackByteForByte() async throws {
        try await House.open { house in
            let phone = try await UDPEar()
            let leg = try await house.json(
                "POST", "/v1/legs", "{\"offer\":\"\(offer(port: phone.port))\"}")
            #expect(leg["mode"].string == "echo")
            let port = try #require(leg["port"].int)
            #expect(leg["answer"].string?.contains("m=audio \(port) RTP/AVP 0 101") == true)
            let id = try #require(leg["leg_id"].string)
            for number in 1...60 {
                try await phone.send(number, fill: 0x5A, to: port)
                try await Task.sleep(for: .milliseconds(2))
            }
            let wanted = [UInt8](repeating: 0x5A, count: 160)
            try await eventually("the echo") {
                phone.datagrams.contains { $0.count == 172 && Array($0.dropFirst(12)) == wanted }
            }
            #expect(try await house.json("GET", "/v1/legs/\(id)")["leg_id"].string == id)
            #expect(try await house.request("DELETE", "/v1/legs/\(id)").status == 204)
            expectError(try await house.request("GET", "/v1/legs/\(id)"), 404, "not_found")
            expectError(try await house.request("DELETE", "/v1/legs/\(id)"), 404, "not_found")
            try await phone.close()
        }
    }

    @Test func whatARecogniserUnderstoodDecidesWhoAnswered() async throws {
        try await House.open { house in
            let leg = try await house.json(
                "POST", "/v1/legs",
                "{\"offer\":\"\(offer(port: 4000))\",\"mode\":\"bridge\","
                    + "\"options\":{\"transcript\":true}}")
            let path = "/v1/legs/\(try #require(leg["leg_id"].string))"
            func hear(_ body: String) async throws -> Int {
                try await house.request("POST", path + "/transcript", body).status
            }
            expectError(
                try await house.request("POST", path + "/transcript", "{}"), 400, "invalid_request",
                field: "text")
            #expect(try await hear("{\"text\":\"Thank you for calling\"}") == 202)
            #expect(
                try await hear(
                    "{\"text\":\"Thank you for calling. For billing, press one.\"}") == 202)
            try await eventually("the verdict") {
                try await house.json("GET", path)["events"].array.contains {
                    $0["event"].string == "verdict" && $0["verdict"].string == "ivr"
                        && $0["final"].bool == true && $0["reason"].string == "transcript"
                }
            }
            expectError(
                try await house.request(
                    "POST", "/v1/legs/leg-999/transcript", "{\"text\":\"\"}"), 404, "not_found")
            expectError(
                try await house.request(
                    "POST", "/v1/calls/CAnone/transcript", "{\"text\":\"\"}"), 404, "not_found")
        }
    }

    @Test func aFullPortRangeIsToldAsSuch() async throws {
        try await House.open(legs: 2) { house in
            let body = "{\"offer\":\"\(offer(port: 4000))\",\"mode\":\"silence\"}"
            #expect(try await house.request("POST", "/v1/legs", body).status == 201)
            #expect(try await house.request("POST", "/v1/legs", body).status == 201)
            let full = try await house.request("POST", "/v1/legs", body)
            expectError(full, 503, "ports_exhausted")
            #expect(full.error["message"].string?.contains("--rtp-ports") == true)
        }
    }

    @Test func badLegRequestsNameTheirField() async throws {
        try await House.open { house in
            let good = "\"offer\":\"\(offer(port: 4000))\""
            let cases = [
                ("{}", "offer"), ("{\"offer\":1}", "offer"), ("{\"offer\":\"\"}", "offer"),
                ("{\"offer\":\"v=0\"}", "offer"), ("{\(good),\"mode\":\"loud\"}", "mode"),
                ("{\(good),\"direction\":\"up\"}", "direction"),
                ("{\(good),\"mode\":\"stream\"}", "stream_url"),
                ("{\(good),\"stream_url\":\"http://a/\"}", "stream_url"),
                ("{\(good),\"options\":{\"detection\":\"yes\"}}", "options.detection"),
                ("{\(good),\"options\":{\"record\":\"../x.wav\"}}", "options.record"),
                ("{\(good),\"options\":{\"answer_policy\":\"\"}}", "options.answer_policy"),
                (
                    "{\(good),\"options\":{\"answer_policy\":\"fast\",\"detection\":false}}",
                    "options.answer_policy"
                ),
                (
                    "{\(good),\"options\":{\"transcript\":true,\"detection\":false}}",
                    "options.transcript"
                ),
                ("{\(good),\"options\":{\"record\":\"/etc/x.wav\"}}", "options.record"),
            ]
            for (body, field) in cases {
                expectError(
                    try await house.request("POST", "/v1/legs", body), 400, "invalid_request",
                    field: field)
            }
            for id in ["x", "leg-", "leg-99", "leg-4294967296", "leg--1"] {
                expectError(try await house.request("GET", "/v1/legs/\(id)"), 404, "not_found")
            }
            // None of the refused ones has kept a port.
            for _ in 0..<4 {
                #expect(try await house.request("POST", "/v1/legs", "{\(good)}").status == 201)
            }
        }
    }

    /// A recording is opened with truncation: the name must not be that of the database.
    @Test func aRecordingNeverOverwritesAFileThatIsThere() async throws {
        try await House.open { house in
            let database = house.directory + "/trunkline.sqlite"
            let before = try Data(contentsOf: URL(fileURLWithPath: database))
            try Data("old".utf8).write(
                to: URL(fileURLWithPath: house.directory + "/recordings/old.wav"))
            for name in ["trunkline.sqlite", database, "recordings/old.wav"] {
                expectError(
                    try await house.request(
                        "POST", "/v1/legs",
                        "{\"offer\":\"\(offer(port: 4000))\",\"options\":{\"record\":\"\(name)\"}}"),
                    400, "invalid_request", field: "options.record")
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: database)).count >= before.count)
            let leg = try await house.json(
                "POST", "/v1/legs",
                "{\"offer\":\"\(offer(port: 4000))\",\"options\":{\"record\":\"recordings/a.wav\"}}"
            )
            let path = house.directory + "/recordings/a.wav"
            try await eventually("the recording") { FileManager.default.fileExists(atPath: path) }
            _ = try await house.request("DELETE", "/v1/legs/\(leg["leg_id"].string ?? "")")
        }
    }

    @Test func aLegWhoseOwnerWentSilentGivesItsPortBack() async throws {
        try await House.open(configure: { $0.mediaTimeoutSeconds = 1 }) { house in
            let leg = try await house.json(
                "POST", "/v1/legs", "{\"offer\":\"\(offer(port: 4000))\"}")
            let id = leg["leg_id"].string ?? ""
            try await eventually("the leg to go") {
                try await house.request("GET", "/v1/legs/\(id)").status == 404
            }
        }
    }

    @Test func aBotThatCannotBeReachedShowsInTheLegsEvents() async throws {
        try await House.open { house in
            let leg = try await house.json(
                "POST", "/v1/legs",
                "{\"offer\":\"\(offer(port: 4000))\",\"stream_url\":\"ws://127.0.0.1:1/\"}")
            let id = leg["leg_id"].string ?? ""
            try await eventually("the failure to show") {
                try await house.json("GET", "/v1/legs/\(id)")["events"].array
                    .contains { $0["event"].string == "stream_ended" }
            }
        }
    }
}
