import Foundation
import Testing

/// What one of the control routes leaves behind, another one meets.
@Suite(.serialized) struct ControlCornerTests {
    private func links(_ house: House) async throws -> [JSON] {
        try await house.json("GET", "/v1/links")["links"].array
    }

    /// Listen, whisper, take over: each then hears the other once.
    @Test func aSupervisorWhoTakesOverIsBridgedWithoutASecondVoice() async throws {
        try await House.open { house in
            let callee = try await LegCaller(house)
            let boss = try await LegCaller(house)
            let with = "{\"with\":\"\(boss.leg)\"}"
            let ear = try await house.json("POST", "/v1/legs/\(callee.leg)/listen", with)
            let mouth = try await house.json("POST", "/v1/legs/\(callee.leg)/whisper", with)
            let made = try await house.json("POST", "/v1/legs/\(callee.leg)/bridge", with)
            // What carries both sides carries what the bridge would: the links are those that are there.
            #expect(
                made["links"].array.map { $0["link_id"].string }
                    == [ear, mouth].map { $0["links"][0]["link_id"].string })
            #expect(try await links(house).count == 2)
            // And a bridge that is asked for twice is one bridge.
            let again = try await house.json(
                "POST", "/v1/legs/\(boss.leg)/bridge", "{\"with\":\"\(callee.leg)\"}")
            #expect(again["links"].array.count == 2)
            #expect(try await links(house).count == 2)
            for caller in [callee, boss] { try await caller.phone.close() }
        }
    }

    /// Who hears the far end by a bridge hears it once, whatever else he listens to.
    @Test func whoIsBridgedAndListensHearsTheOtherSideToo() async throws {
        try await House.open { house in
            let callee = try await LegCaller(house)
            let agent = try await LegCaller(house)
            let with = "{\"with\":\"\(agent.leg)\"}"
            _ = try await house.json("POST", "/v1/legs/\(callee.leg)/bridge", with)
            for taps in [["sent"], []] {
                let ear = try await house.json("POST", "/v1/legs/\(callee.leg)/listen", with)
                #expect(ear["links"].array.map { $0["tap"].string } == taps)
            }
            for caller in [callee, agent] { try await caller.phone.close() }
        }
    }

    /// A muted link is heard by nobody: who supervises again is given another one in its place.
    @Test func aMutedLinkIsNoVoiceAndNoEar() async throws {
        try await House.open { house in
            let callee = try await LegCaller(house)
            let boss = try await LegCaller(house)
            let with = "{\"with\":\"\(boss.leg)\"}"
            for kind in ["listen", "whisper"] {
                let path = "/v1/legs/\(callee.leg)/" + kind
                let first = try await house.json("POST", path, with)
                let id = try #require(first["links"][0]["link_id"].string)
                _ = try await house.json("PATCH", "/v1/links/\(id)", #"{"muted":true}"#)
                let second = try await house.json("POST", path, with)
                #expect(second["links"].array.count == 1)
                #expect(second["links"][0]["muted"].bool == false)
                #expect(second["links"][0]["link_id"].string != id)
            }
            #expect(try await links(house).map { $0["muted"].bool } == [false, false])
            for caller in [callee, boss] { try await caller.phone.close() }
        }
    }

    /// What gives its place to another link is no reason to refuse that one.
    @Test func aLinkIsReplacedThoughThereIsNoRoomForANinth() async throws {
        try await House.open { house in
            let callee = try await LegCaller(house)
            let boss = try await LegCaller(house)
            for index in 0..<8 {
                let made = try await house.json(
                    "POST", "/v1/links",
                    "{\"from\":\"\(callee.leg)\",\"to\":\"\(boss.leg)\"}")
                let id = try #require(made["link_id"].string)
                if index == 5 {
                    _ = try await house.json("PATCH", "/v1/links/\(id)", #"{"muted":true}"#)
                }
            }
            let with = "{\"with\":\"\(boss.leg)\"}"
            let ear = try await house.json("POST", "/v1/legs/\(callee.leg)/listen", with)
            #expect(ear["links"].array.map { $0["tap"].string } == ["sent"])
            #expect(
                try await links(house).map { $0["muted"].bool }
                    == [Bool](repeating: false, count: 8))
            // No room, and nothing that gives way: nothing is changed.
            let more = try await house.request(
                "POST", "/v1/links",
                "{\"from\":\"\(callee.leg)\",\"to\":\"\(boss.leg)\"}")
            #expect(more.status == 409)
            let made = try await house.json(
                "POST", "/v1/legs/\(callee.leg)/bridge",
                "{\"with\":\"\(boss.leg)\",\"digits\":true}")
            #expect(made["links"].array.map { $0["digits"].bool } == [true, true])
            #expect(try await links(house).count == 3)
            for caller in [callee, boss] { try await caller.phone.close() }
        }
    }

    /// What is said to the supervisor, passed on, is not what he says.
    @Test func whatIsSentToASupervisorIsNotHisVoice() async throws {
        try await House.open { house in
            let callee = try await LegCaller(house)
            let boss = try await LegCaller(house)
            _ = try await house.json(
                "POST", "/v1/links",
                "{\"from\":\"\(boss.leg)\",\"to\":\"\(callee.leg)\",\"tap\":\"sent\"}")
            let made = try await house.json(
                "POST", "/v1/legs/\(callee.leg)/whisper", "{\"with\":\"\(boss.leg)\"}")
            #expect(made["links"].array.map { $0["tap"].string } == ["received"])
            for caller in [callee, boss] { try await caller.phone.close() }
        }
    }

    /// Digits that the links there are do not pass on are a reason to replace them.
    @Test func aBridgeWithDigitsTakesThePlaceOfOneWithout() async throws {
        try await House.open { house in
            let a = try await LegCaller(house)
            let b = try await LegCaller(house)
            for _ in 0..<2 {
                _ = try await house.json(
                    "POST", "/v1/legs/\(a.leg)/bridge", "{\"with\":\"\(b.leg)\"}")
            }
            let made = try await house.json(
                "POST", "/v1/legs/\(a.leg)/bridge", "{\"with\":\"\(b.leg)\",\"digits\":true}")
            #expect(made["links"].array.map { $0["digits"].bool } == [true, true])
            #expect(try await links(house).count == 2)
            for caller in [a, b] { try await caller.phone.close() }
        }
    }

    /// Whose leg is deleted still wants the file.
    @Test func theEndOfARecordingIsToldThoughItsLegWasDeleted() async throws {
        try await House.open { house in
            let caller = try await LegCaller(house)
            let feed = try await Wire(port: house.httpPort)
            try await feed.send(
                "GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:\(house.httpPort)\r\n\r\n")
            try await feed.until(": trunkline events")
            #expect(
                try await house.request(
                    "POST", "/v1/legs/\(caller.leg)/record", #"{"path":"recordings/last.wav"}"#
                ).status == 202)
            #expect(try await house.request("DELETE", "/v1/legs/\(caller.leg)").status == 204)
            try await feed.until("event: recording_finished")
            try await caller.phone.close()
        }
    }
}
