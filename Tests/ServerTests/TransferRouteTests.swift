import Base
import Foundation
import Testing

/// `POST /v1/calls/{id}/transfer`: a call, an agent, and what becomes of both.
@Suite(.serialized) struct TransferRouteTests {
    /// A call of the house to its own echo, talking.
    private func call(_ house: House) async throws -> String {
        let placed = try await house.json(
            "POST", "/v1/calls",
            #"{"to":"sip:echo@127.0.0.1:\#(house.sipPort)","detect_answer":false}"#)
        let id = try #require(placed["call_id"].string)
        try await eventually("the answer") {
            try await house.json("GET", "/v1/calls/\(id)")["phase"].string == "talking"
        }
        return id
    }

    private func transfers(_ house: House, _ id: String) async throws -> [JSON] {
        try await house.json("GET", "/v1/calls/\(id)")["events"].array.filter {
            $0["event"].string == "transfer"
        }
    }

    private func outcome(_ house: House, _ id: String) async throws -> Int? {
        try await eventually("the transfer's end") {
            try await transfers(house, id).contains { $0["final"].bool == true }
        }
        return try await transfers(house, id).last?["status"].int
    }

    private func ended(_ house: House, _ id: String) async throws -> String? {
        try await eventually("the call's end") {
            // Until its record is durable the call is neither live nor found.
            try await house.request("GET", "/v1/calls/\(id)").json["end_reason"].string != nil
        }
        return try await house.json("GET", "/v1/calls/\(id)")["end_reason"].string
    }

    @Test func anAgentWhoAnswersIsBridgedAndTheCallEndsWithHim() async throws {
        let agent = try await TestTrunk(.answers)
        try await House.open(legs: 8) { house in
            try wav(milliseconds: 100).write(
                to: URL(fileURLWithPath: house.directory + "/ring.wav"))
            let id = try await call(house)
            let made = try await house.json(
                "POST", "/v1/calls/\(id)/transfer",
                #"{"to":"sip:desk@127.0.0.1:\#(agent.port)","music":"ring.wav","#
                    + #""headers":{"X-Summary":"wants a quote","X-Mood":"calm"}}"#)
            #expect(made["way"].string == "bridge")
            let desk = try #require(made["call_id"].string)
            #expect(try await outcome(house, id) == 200)
            #expect(try await transfers(house, id).first?["status"].int == 100)
            #expect(try await transfers(house, id).map { $0["to"].string } == [desk, desk])
            for line in ["X-Summary: wants a quote", "X-Mood: calm", "X-Trunkline-Call: \(id)"] {
                #expect(agent.headerLines.contains(line))
            }
            let links = try await house.json("GET", "/v1/links")["links"].array
            #expect(Set(links.map { $0["from"].string }) == [id, desk])
            #expect(Set(links.map { $0["to"].string }) == [id, desk])
            // Over for one is over for both.
            #expect(try await house.request("DELETE", "/v1/calls/\(desk)").status == 202)
            #expect(try await ended(house, desk) == "local_hangup")
            #expect(try await ended(house, id) == "local_hangup")
        }
        try await agent.close()
    }

    @Test(arguments: [(TestTrunk.Manner.busy, 486), (.rings, 487)])
    func withoutAnAgentTheCallGoesOnAsItWas(manner: TestTrunk.Manner, status: Int) async throws {
        let agent = try await TestTrunk(manner)
        let second = try await TestTrunk(.answers)
        try await House.open(legs: 8) { house in
            let id = try await call(house)
            _ = try await house.json(
                "POST", "/v1/calls/\(id)/transfer",
                #"{"to":"sip:desk@127.0.0.1:\#(agent.port)","ring_timeout_seconds":1}"#)
            #expect(try await outcome(house, id) == status)
            #expect(try await house.json("GET", "/v1/calls/\(id)")["phase"].string == "talking")
            #expect(try await house.json("GET", "/v1/links")["links"].array.isEmpty)
            // Resumed, and free for another try.
            _ = try await house.json(
                "POST", "/v1/calls/\(id)/transfer",
                #"{"to":"sip:desk@127.0.0.1:\#(second.port)"}"#)
            try await eventually("the second try") {
                try await transfers(house, id).last?["status"].int == 200
            }
        }
        try await agent.close()
        try await second.close()
    }

    /// On hold before, on hold behind it, with the same music.
    @Test func aHeldCallIsHeldAgainWhenNoAgentComes() async throws {
        let agent = try await TestTrunk(.busy)
        try await House.open(legs: 8) { house in
            try wav(milliseconds: 100).write(
                to: URL(fileURLWithPath: house.directory + "/ring.wav"))
            let id = try await call(house)
            #expect(
                try await house.request(
                    "POST", "/v1/calls/\(id)/hold", #"{"music":"ring.wav"}"#
                ).status == 202)
            _ = try await house.json(
                "POST", "/v1/calls/\(id)/transfer",
                #"{"to":"sip:desk@127.0.0.1:\#(agent.port)"}"#)
            #expect(try await outcome(house, id) == 486)
            _ = try await house.request(
                "POST", "/v1/calls/\(id)/record", #"{"path":"recordings/held.wav"}"#)
            let path = house.directory + "/recordings/held.wav"
            func heard() -> [UInt8] { Array(FileManager.default.contents(atPath: path) ?? Data()) }
            try await eventually("half a second") { heard().count > 44 + 4 * 4000 }
            // The second of each two samples is what we say.
            let bytes = heard()
            let said = stride(from: 46, to: bytes.count - 1, by: 4).map { place in
                Int16(truncatingIfNeeded: Int(bytes[place]) | Int(bytes[place + 1]) << 8)
            }
            #expect(said.contains { $0 > 8000 })
        }
        try await agent.close()
    }

    @Test func theAgentStopsRingingWhenTheCallerHasGone() async throws {
        let agent = try await TestTrunk(.rings)
        try await House.open(legs: 8) { house in
            let id = try await call(house)
            let made = try await house.json(
                "POST", "/v1/calls/\(id)/transfer",
                #"{"to":"sip:desk@127.0.0.1:\#(agent.port)"}"#)
            let desk = try #require(made["call_id"].string)
            try await eventually("the ringing") {
                try await transfers(house, id).contains { $0["status"].int == 180 }
            }
            expectError(
                try await house.request(
                    "POST", "/v1/calls/\(id)/transfer",
                    #"{"to":"sip:desk@127.0.0.1:\#(agent.port)"}"#), 409, "conflict")
            #expect(try await house.request("DELETE", "/v1/calls/\(id)").status == 202)
            #expect(try await ended(house, desk) == "cancelled")
            #expect(agent.requests.contains { $0.hasPrefix("CANCEL ") })
            #expect(try await ended(house, id) == "local_hangup")
        }
        try await agent.close()
    }

    @Test func whenThereIsNoRoomForTheAgentTheCallGoesOn() async throws {
        let agent = try await TestTrunk(.answers)
        // The call and its echo take both legs.
        try await House.open(legs: 2) { house in
            let id = try await call(house)
            _ = try await house.json(
                "POST", "/v1/calls/\(id)/transfer",
                #"{"to":"sip:desk@127.0.0.1:\#(agent.port)"}"#)
            #expect(try await outcome(house, id) == 503)
            #expect(try await house.json("GET", "/v1/calls/\(id)")["phase"].string == "talking")
        }
        #expect(agent.requests.isEmpty)
        try await agent.close()
    }

    @Test func numbersOfOthersAndWrongFieldsAreRefusedInWords() async throws {
        let desk = try PhoneNumber("+12125550177")
        let trunk = try await TestTrunk(.answers)
        try await House.open(legs: 8) { settings in
            settings.trunk = .init(endpoint: .init(host: "127.0.0.1", port: trunk.port))
            settings.transferNumbers = [desk]
        } _: { house in
            let id = try await call(house)
            let path = "/v1/calls/\(id)/transfer"
            for number in ["+12125550178", "sip:+12125550178@127.0.0.1:\(trunk.port)"] {
                expectError(
                    try await house.request("POST", path, "{\"to\":\"\(number)\"}"), 403,
                    "gate_blocked", field: "to")
            }
            expectError(
                try await house.request(
                    "POST", path, #"{"to":"sip:+12125550178@127.0.0.1","way":"refer"}"#), 403,
                "gate_blocked", field: "to")
            let wrong: [(String, String)] = [
                (#"{"to":"sip:a@b","way":"fly"}"#, "way"),
                (#"{"to":"sip:a@b","way":"refer","music":"a.wav"}"#, "way"),
                (#"{"to":"+12125550177","way":"refer"}"#, "to"),
                (#"{"to":"sip:a@b","consulted":"CA1"}"#, "consulted"),
                (#"{"to":"sip:a@b","music":"none.wav"}"#, "music"),
                (#"{"to":"sip:a@b","ring_timeout_seconds":0}"#, "ring_timeout_seconds"),
                (#"{"to":"sip:a@b","headers":{"Route":"<sip:x>"}}"#, "headers"),
                (#"{"to":"sip:a@b","headers":{"X-A":"a\r\nRoute: x"}}"#, "headers"),
                (#"{"to":"sip:911@b"}"#, "to"),
                (#"{"to":"sip:911@b","way":"refer"}"#, "to"),
            ]
            for (body, field) in wrong {
                expectError(
                    try await house.request("POST", path, body), 400, "invalid_request",
                    field: field)
            }
            expectError(
                try await house.request(
                    "POST", "/v1/calls/CAnone/transfer", #"{"to":"sip:a@b"}"#), 404, "not_found")
            #expect(trunk.dialled == ["echo"])
            // A number of ours goes through the trunk.
            _ = try await house.json("POST", path, #"{"to":"+12125550177"}"#)
            #expect(try await outcome(house, id) == 200)
            #expect(trunk.dialled == ["echo", "+12125550177"])
        }
        try await trunk.close()
    }
}
