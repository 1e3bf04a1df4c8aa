import Foundation
import Testing

/// A caller of the test on a leg of the house.
struct LegCaller: Sendable {
    var phone: UDPEar
    var leg: String
    var port: Int

    init(_ house: House, mode: String = "bridge") async throws {
        phone = try await UDPEar()
        let made = try await house.json(
            "POST", "/v1/legs",
            "{\"offer\":\"\(offer(port: phone.port))\",\"mode\":\"\(mode)\",\"options\":"
                + "{\"detection\":false}}")
        #expect(made["mode"].string == mode)
        leg = try #require(made["leg_id"].string)
        port = try #require(made["port"].int)
    }

    /// Speaks µ-law 0x20 (or silence) until `isDone`.
    func speak(
        loud: Bool = true, _ what: String, until isDone: () async throws -> Bool
    ) async throws {
        for number in 0..<500 {
            if try await isDone() { return }
            try await phone.send(number, fill: loud ? 0x20 : 0xFF, to: port)
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Failed("waited in vain for \(what)")
    }

    /// Packets of PCMU with a sample louder than some −15 dB of full scale.
    var loudPackets: Int {
        phone.datagrams.count { packet in
            packet.count > 12 && packet[1] & 0x7F == 0
                && packet.dropFirst(12).contains { ~$0 & 0x7F > 0x50 }
        }
    }

    func events(_ house: House) async throws -> [JSON] {
        try await house.json("GET", "/v1/legs/\(leg)")["events"].array
    }
}

/// 8 kHz, 16 bits, mono: a square wave, loud.
func wav(milliseconds: Int) -> Data {
    func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let samples = (0..<milliseconds * 8).flatMap { little($0 / 8 % 2 == 0 ? 16_000 : -16_000, 2) }
    let format = little(1, 2) + little(1, 2) + little(8000, 4) + little(16_000, 4) + little(2, 2)
    return Data(
        Array("RIFF".utf8) + little(36 + samples.count, 4) + Array("WAVEfmt ".utf8) + little(16, 4)
            + format + little(16, 2) + Array("data".utf8) + little(samples.count, 4) + samples)
}

@Suite(.serialized) struct ControlRouteTests {
    @Test func twoCallersBridgedOverTheAPIHearEachOther() async throws {
        try await House.open { house in
            let a = try await LegCaller(house)
            let b = try await LegCaller(house)
            let made = try await house.json(
                "POST", "/v1/legs/\(a.leg)/bridge", "{\"with\":\"\(b.leg)\"}")
            let links = made["links"].array
            #expect(links.map { $0["from"].string } == [a.leg, b.leg])
            #expect(links.map { $0["to"].string } == [b.leg, a.leg])
            #expect(links.map { $0["tap"].string } == ["received", "received"])
            try await a.speak("a to be heard") { b.loudPackets >= 3 }
            #expect(a.loudPackets == 0)
            try await b.speak("b to be heard") { a.loudPackets >= 3 }
            #expect(try await house.json("GET", "/v1/links")["links"].array.count == 2)
            #expect(try await house.request("DELETE", "/v1/legs/\(b.leg)").status == 204)
            try await eventually("the links to go") {
                try await house.json("GET", "/v1/links")["links"].array.isEmpty
            }
            try await eventually("the end to be told") {
                try await a.events(house).contains {
                    $0["event"].string == "link_ended" && $0["reason"].string == "source_closed"
                        && $0["link_id"].string == links[1]["link_id"].string
                }
            }
            for caller in [a, b] { try await caller.phone.close() }
        }
    }

    @Test func aSupervisorListensWhispersAndBargesIn() async throws {
        try await House.open { house in
            let callee = try await LegCaller(house)
            let agent = try await LegCaller(house)
            let boss = try await LegCaller(house)
            _ = try await house.json(
                "POST", "/v1/legs/\(callee.leg)/bridge", "{\"with\":\"\(agent.leg)\"}")
            let with = "{\"with\":\"\(boss.leg)\"}"
            let ear = try await house.json("POST", "/v1/legs/\(agent.leg)/listen", with)
            #expect(ear["links"].array.map { $0["tap"].string } == ["both"])
            let mouth = try await house.json("POST", "/v1/legs/\(agent.leg)/whisper", with)
            #expect(mouth["links"].array.map { $0["to"].string } == [agent.leg])
            try await boss.speak("the whisper") { agent.loudPackets >= 3 }
            #expect(callee.loudPackets == 0)
            try await callee.speak("the callee to be heard by both") {
                boss.loudPackets >= 3
            }
            // What is missing for a barge is one link: to the callee.
            let barge = try await house.json("POST", "/v1/legs/\(agent.leg)/barge", with)
            #expect(barge["links"].array.map { $0["to"].string } == [callee.leg])
            try await boss.speak("the barge") { callee.loudPackets >= 3 }
            for caller in [callee, agent, boss] { try await caller.phone.close() }
        }
    }

    @Test func aClipIsPlayedLoopedHeldAndStopped() async throws {
        try await House.open { house in
            let caller = try await LegCaller(house)
            try wav(milliseconds: 100).write(
                to: URL(fileURLWithPath: house.directory + "/ring.wav"))
            let path = "/v1/legs/\(caller.leg)"
            let once = try await house.json("POST", path + "/play", #"{"path":"ring.wav"}"#)
            let id = try #require(once["play_id"].int)
            try await eventually("the clip's end") {
                try await caller.events(house).contains {
                    $0["event"].string == "play_finished" && $0["play_id"].int == id
                        && $0["completed"].bool == true
                }
            }
            // 100 ms are five packets. They were sent before the event; the phone reads them when
            // it comes to it.
            try await eventually("the clip") { caller.loudPackets >= 5 }
            #expect(caller.loudPackets == 5)
            _ = try await house.json(
                "POST", path + "/play", #"{"path":"ring.wav","loop":true,"mix":true}"#)
            try await eventually("the loop") { caller.loudPackets > 20 }
            #expect(try await house.request("POST", path + "/stop").status == 202)
            try await eventually("the stop") {
                try await caller.events(house).contains { $0["completed"].bool == false }
            }
            #expect(
                try await house.request("POST", path + "/hold", #"{"music":"ring.wav"}"#).status
                    == 202)
            let before = caller.loudPackets
            try await eventually("the music") { caller.loudPackets > before + 20 }
            #expect(try await house.request("POST", path + "/resume").status == 202)
            try await caller.phone.close()
        }
    }

    @Test func digitsAndRecordingsAreTakenAndRefused() async throws {
        try await House.open { house in
            let caller = try await LegCaller(house)
            let path = "/v1/legs/\(caller.leg)"
            #expect(
                try await house.request(
                    "POST", path + "/dtmf", ##"{"digits":"1#","duration_ms":60}"##
                ).status == 202)
            try await eventually("both digits") {
                let pressed = caller.phone.datagrams.filter { $0[1] & 0x7F == 101 }.map { $0[12] }
                return Set(pressed) == [1, 11]
            }
            let record = #"{"path":"recordings/talk.wav"}"#
            #expect(try await house.request("POST", path + "/record", record).status == 202)
            expectError(
                try await house.request(
                    "POST", path + "/record", #"{"path":"recordings/other.wav"}"#), 409, "conflict")
            #expect(
                try await house.request("POST", path + "/record", #"{"stop":true}"#).status == 202)
            try await eventually("the recording") {
                try await caller.events(house).contains {
                    $0["event"].string == "recording_finished"
                }
            }
            expectError(
                try await house.request("POST", path + "/record", #"{"stop":true}"#), 409,
                "conflict")
            try await caller.phone.close()
        }
    }

    @Test func aCallHandedOverEndsWithItsPartner() async throws {
        try await House.open(legs: 6) { house in
            let placed = try await house.json(
                "POST", "/v1/calls",
                #"{"to":"sip:echo@127.0.0.1:\#(house.sipPort)","detect_answer":false}"#)
            let id = try #require(placed["call_id"].string)
            let agent = try await LegCaller(house)
            try await eventually("the answer") {
                try await house.json("GET", "/v1/calls/\(id)")["phase"].string == "talking"
            }
            let made = try await house.json(
                "POST", "/v1/calls/\(id)/bridge", "{\"with\":\"\(agent.leg)\"}")
            #expect(made["links"].array.map { $0["from"].string } == [id, agent.leg])
            // The other end of the call is an echo: the agent hears himself by way of the call.
            try await agent.speak("the echo") { agent.loudPackets >= 3 }
            #expect(try await house.request("DELETE", "/v1/legs/\(agent.leg)").status == 204)
            try await eventually("the call's end") {
                // Until its record is durable the call is neither live nor found.
                try await house.request("GET", "/v1/calls/\(id)").json["end_reason"].string
                    == "local_hangup"
            }
            expectError(
                try await house.request("POST", "/v1/calls/\(id)/stop"), 404, "not_found")
            try await agent.phone.close()
        }
    }

    @Test func linksAreMadeChangedAndEnded() async throws {
        try await House.open { house in
            let a = try await LegCaller(house)
            let b = try await LegCaller(house, mode: "echo")
            let made = try await house.json(
                "POST", "/v1/links",
                "{\"from\":\"\(b.leg)\",\"to\":\"\(a.leg)\",\"tap\":\"both\",\"gain\":-6,"
                    + "\"digits\":true}")
            let id = try #require(made["link_id"].string)
            #expect(made["digits"].bool == true && made["muted"].bool == false)
            let changed = try await house.json(
                "PATCH", "/v1/links/\(id)", #"{"muted":true,"gain":3}"#)
            #expect(changed["muted"].bool == true)
            #expect(try await house.json("GET", "/v1/links/\(id)")["muted"].bool == true)
            #expect(try await house.request("DELETE", "/v1/links/\(id)").status == 204)
            for method in ["GET", "DELETE"] {
                expectError(
                    try await house.request(method, "/v1/links/\(id)"), 404, "not_found")
            }
            for index in 0..<8 {
                let reply = try await house.request(
                    "POST", "/v1/links", "{\"from\":\"\(b.leg)\",\"to\":\"\(a.leg)\"}")
                #expect(reply.status == 201, "\(index)")
            }
            expectError(
                try await house.request(
                    "POST", "/v1/links", "{\"from\":\"\(b.leg)\",\"to\":\"\(a.leg)\"}"), 409,
                "too_many_links")
            for caller in [a, b] { try await caller.phone.close() }
        }
    }

    @Test func whatCannotBeDoneIsRefusedInWords() async throws {
        try await House.open { house in
            let a = try await LegCaller(house)
            let echo = try await LegCaller(house, mode: "echo")
            let mute = try await LegCaller(house, mode: "silence")
            let leg = "/v1/legs/\(a.leg)"
            let wrong: [(String, String, String)] = [
                (leg + "/play", "{}", "path"),
                (leg + "/play", #"{"path":"a.wav","url":"http://a/"}"#, "path"),
                (leg + "/play", #"{"path":"../x.wav"}"#, "path"),
                (leg + "/play", #"{"path":"none.wav"}"#, "path"),
                (leg + "/dtmf", #"{"digits":""}"#, "digits"),
                (leg + "/dtmf", #"{"digits":"1x"}"#, "digits"),
                (leg + "/dtmf", "{\"digits\":\"\(String(repeating: "1", count: 33))\"}", "digits"),
                (leg + "/dtmf", #"{"digits":"1","duration_ms":5001}"#, "duration_ms"),
                (leg + "/record", "{}", "path"),
                (leg + "/record", #"{"path":"x.mp3"}"#, "path"),
                (leg + "/hold", #"{"music":"none.wav"}"#, "music"),
                (leg + "/bridge", "{}", "with"),
                (leg + "/bridge", "{\"with\":\"\(a.leg)\"}", "with"),
                (leg + "/listen", "{\"with\":\"\(a.leg)\"}", "with"),
                ("/v1/links", "{\"from\":\"\(a.leg)\",\"to\":\"x\",\"tap\":\"all\"}", "tap"),
                ("/v1/links", "{\"from\":\"\(a.leg)\",\"to\":\"x\",\"gain\":12.5}", "gain"),
            ]
            for (path, body, field) in wrong {
                expectError(
                    try await house.request("POST", path, body), 400, "invalid_request",
                    field: field)
            }
            for verb in ["stop", "resume"] {
                for who in ["/v1/legs/leg-99", "/v1/legs/x", "/v1/calls/CAnone"] {
                    expectError(
                        try await house.request("POST", "\(who)/\(verb)"), 404, "not_found")
                }
            }
            expectError(
                try await house.request("POST", leg + "/bridge", #"{"with":"leg-99"}"#), 404,
                "not_found", field: "with")
            expectError(
                try await house.request(
                    "POST", "/v1/links", "{\"from\":\"\(a.leg)\",\"to\":\"\(a.leg)\"}"), 409,
                "conflict")
            for other in [echo.leg, mute.leg] {
                expectError(
                    try await house.request("POST", leg + "/bridge", "{\"with\":\"\(other)\"}"),
                    409, "conflict")
                expectError(
                    try await house.request("POST", "/v1/legs/\(other)/hold", "{}"), 409,
                    "conflict")
            }
            // Half a bridge is none.
            #expect(try await house.json("GET", "/v1/links")["links"].array.isEmpty)
            for caller in [a, echo, mute] { try await caller.phone.close() }
        }
    }
}
