import Base
import CallModel
import Foundation
import Store
import Testing

@Suite(.serialized) struct CallRouteTests {
    /// The house calls itself: its own SIP socket answers `silence`.
    @Test func aCallIsPlacedSeenEndedAndRecorded() async throws {
        try await House.open { house in
            let placed = try await house.request(
                "POST", "/v1/calls",
                #"{"to":"sip:silence@127.0.0.1:\#(house.sipPort)","detect_answer":false}"#)
            #expect(placed.status == 202)
            let id = try #require(placed.json["call_id"].string)
            try await eventually("the answer") {
                try await house.json("GET", "/v1/calls/\(id)")["answered_at"].string != nil
            }
            let live = try await house.json("GET", "/v1/calls/\(id)")
            #expect(live["status"].string == "live")
            #expect(live["phase"].string == "talking")
            #expect(live["events"].array.first?["event"].string == "dialing")
            let listed = try await house.json("GET", "/v1/calls?limit=5")["live"].array
            // Both ends are ours.
            #expect(Set(listed.compactMap { $0["direction"].string }) == ["outbound", "inbound"])
            #expect(try await house.request("DELETE", "/v1/calls/\(id)").status == 202)
            try await eventually("the record") {
                let call = try await house.request("GET", "/v1/calls/\(id)")
                return call.json["status"].string == "ended"
            }
            let record = try await house.json("GET", "/v1/calls/\(id)")
            #expect(record["end_reason"].string == "local_hangup")
            #expect(record["events"].array.last?["event"].string == "ended")
            expectError(try await house.request("DELETE", "/v1/calls/\(id)"), 404, "not_found")
            try await eventually("both records") {
                try await house.json("GET", "/v1/calls")["records"].array.count == 2
            }
        }
    }

    @Test func badCallRequestsNameTheirField() async throws {
        try await House.open { house in
            let sip = #""to":"sip:silence@127.0.0.1:9""#
            let cases = [
                ("{}", "to"), (#"{"to":7}"#, "to"), (#"{"to":""}"#, "to"),
                (#"{"to":"banana"}"#, "to"), (#"{"to":"911"}"#, "to"),
                (#"{"to":"sip:"}"#, "to"), (#"{"to":"http://a/"}"#, "to"),
                (#"{"to":"sip:a@b\r\nX-Evil: 1"}"#, "to"),
                (#"{\#(sip),"from":"me"}"#, "from"),
                (#"{\#(sip),"ring_timeout_seconds":0}"#, "ring_timeout_seconds"),
                (#"{\#(sip),"ring_timeout_seconds":181}"#, "ring_timeout_seconds"),
                (#"{\#(sip),"maximum_seconds":-1}"#, "maximum_seconds"),
                (#"{\#(sip),"consent":"maybe"}"#, "consent"),
                (#"{\#(sip),"consent_at":"+292277026596-12-04T15:30:07Z"}"#, "consent_at"),
                (#"{\#(sip),"purpose":"fun"}"#, "purpose"),
                (#"{\#(sip),"stream_url":"file:///etc/passwd"}"#, "stream_url"),
                (#"{\#(sip),"play":"../../../etc/passwd"}"#, "play"),
                (#"{\#(sip),"play":"trunkline.sqlite"}"#, "play"),
                (#"{\#(sip),"voicemail":"/etc/passwd"}"#, "voicemail"),
                (#"{\#(sip),"parameters":{"a":1}}"#, "parameters.a"),
                (#"{\#(sip),"answer_policy":"quick"}"#, "answer_policy"),
                (
                    #"{\#(sip),"transcript_url":"ws://127.0.0.1:1/","detect_answer":false}"#,
                    "transcript_url"
                ),
            ]
            for (body, field) in cases {
                let reply = try await house.request("POST", "/v1/calls", body)
                expectError(reply, 400, "invalid_request", field: field)
            }
            let huge = try await house.request(
                "POST", "/v1/calls", #"{\#(sip),"maximum_seconds":1e99}"#)
            #expect(huge.status == 400)
            expectError(try await house.request("GET", "/v1/calls/none"), 404, "not_found")
            expectError(try await house.request("DELETE", "/v1/calls/none"), 404, "not_found")
            #expect(try await house.json("GET", "/v1/calls")["live"].array.isEmpty)
        }
    }

    /// No way of writing a telephone number gets around the gate.
    @Test func everySpellingOfANumberMeetsTheGate() async throws {
        let trunk = try await TestTrunk(.busy)
        try await House.open(configure: { settings in
            settings.trunk = .init(endpoint: .init(host: "127.0.0.1", port: trunk.port))
            settings.callerID = try? PhoneNumber("+12125550100")
        }) { house in
            let at = "@127.0.0.1:\(trunk.port)"
            for target in [
                "+12125550142", "12125550142", "(212) 555-0142", "tel:+12125550142",
                "TEL:+1-212-555-0142;phone-context=x", "sip:+12125550142" + at,
                "SIP:+12125550142" + at, "sip:%2B12125550142" + at, "sip:%2b1%32125550142" + at,
                "sip:+12125550142:secret" + at, "sip:+12125550142;npdi" + at,
                "sip:212-555-0142" + at,
            ] {
                let reply = try await house.request("POST", "/v1/calls", #"{"to":"\#(target)"}"#)
                expectError(reply, 403, "gate_blocked", field: "to")
            }
            // What looks like a number and cannot be judged is refused, not dialled.
            for target in [
                "sip:0012125550142" + at, "sip:912125550142" + at, "sip:442071838750" + at,
                "sip:2125550142#" + at, "0012125550142", "tel:911",
            ] {
                let reply = try await house.request("POST", "/v1/calls", #"{"to":"\#(target)"}"#)
                expectError(reply, 400, "invalid_request", field: "to")
            }
            #expect(trunk.requests.isEmpty)
        }
        try await trunk.close()
    }

    @Test func aTestTrunksBusyLineEndsInARecord() async throws {
        let trunk = try await TestTrunk(.busy)
        try await House.open(configure: { settings in
            settings.trunk = .init(endpoint: .init(host: "127.0.0.1", port: trunk.port))
        }) { house in
            let id = try await house.json(
                "POST", "/v1/calls", #"{"to":"sip:desk@127.0.0.1:\#(trunk.port)"}"#)["call_id"]
            try await eventually("the record") {
                try await house.request("GET", "/v1/calls/\(id.string ?? "")")
                    .json["end_reason"].string == "busy"
            }
            #expect(trunk.dialled == ["desk"])
        }
        try await trunk.close()
    }

    /// SIGTERM: live calls get their BYE and their records, and open feeds do not hold it up.
    @Test(.timeLimit(.minutes(10)))
    func shutdownEndsLiveCallsAndFeedsAndLosesNoRecord() async throws {
        let trunk = try await TestTrunk(.answers)
        let call = Locked("")
        try await House.open(
            configure: { settings in
                settings.trunk = .init(endpoint: .init(host: "127.0.0.1", port: trunk.port))
            },
            afterwards: { directory in
                #expect(trunk.requests.contains { $0.hasPrefix("BYE ") })
                let store = try Store(path: directory + "/trunkline.sqlite")
                let record = try await store.callRecord(CallID(call.value))
                #expect(record?.endReason == .localHangup)
                #expect(record?.answeredAt != nil)
                try store.close()
            }
        ) { house in
            call.value =
                try await house.json(
                    "POST", "/v1/calls",
                    #"{"to":"sip:desk@127.0.0.1:\#(trunk.port)","detect_answer":false}"#
                )["call_id"].string ?? ""
            try await eventually("the answer") {
                try await house.json("GET", "/v1/calls/\(call.value)")["phase"].string == "talking"
            }
            // One feed of each kind, one resting connection, one that never says anything.
            let feed = try await Wire(port: house.httpPort)
            try await feed.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try await feed.until(": trunkline events")
            let socket = try await EventSocket(house)
            let resting = try await Wire(port: house.httpPort)
            try await resting.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try await resting.until("\"checks\"")
            let mute = try await Wire(port: house.httpPort)
            kept.value = [feed, socket.wire, resting, mute]
        }
        kept.value = []
        try await trunk.close()
    }

    private let kept = Locked<[Wire]>([])
}

/// A value that a test's closures share.
final class Locked<Value: Sendable>: @unchecked Sendable {
    // @unchecked: guarded by the lock.
    private let lock = NSLock()
    private var stored: Value
    init(_ value: Value) { stored = value }
    var value: Value {
        get { lock.withLock { stored } }
        set { lock.withLock { stored = newValue } }
    }
}
