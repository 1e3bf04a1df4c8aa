import Base
import CallModel
import Foundation
import Testing

/// A WebSocket client by hand: RFC 6455 handshake, masked frames out, frames in.
final class EventSocket: Sendable {
    let wire: Wire

    init(_ house: House, _ query: String = "", headers: String = "") async throws {
        wire = try await Wire(port: house.httpPort)
        try await wire.send(
            "GET /v1/events\(query) HTTP/1.1\r\nHost: 127.0.0.1:\(house.httpPort)\r\n"
                + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\(headers)\r\n")
        try await wire.until("\r\n\r\n")
    }

    /// Of the sample nonce of RFC 6455 1.3.
    var isUpgraded: Bool {
        wire.text.hasPrefix("HTTP/1.1 101") && wire.text.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    func send(opcode: UInt8, _ payload: [UInt8]) async throws {
        let mask: [UInt8] = [1, 2, 3, 4]
        let masked = payload.enumerated().map { $1 ^ mask[$0 % 4] }
        try await wire.send([0x80 | opcode, 0x80 | UInt8(payload.count)] + mask + masked)
    }

    /// Whole frames received so far.
    var frames: [(opcode: UInt8, payload: [UInt8])] {
        let bytes = wire.bytes
        guard let head = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return [] }
        var rest = bytes[head.upperBound...]
        var frames: [(UInt8, [UInt8])] = []
        while rest.count >= 2, let first = rest.first {
            var count = Int(rest[rest.startIndex + 1] & 0x7F)
            var start = rest.startIndex + 2
            if count == 126 {
                guard rest.count >= 4 else { break }
                count = Int(rest[start]) << 8 | Int(rest[start + 1])
                start += 2
            }
            guard start + count <= rest.endIndex else { break }
            frames.append((first & 0x0F, Array(rest[start..<start + count])))
            rest = rest[(start + count)...]
        }
        return frames
    }

    var events: [JSON] {
        frames.filter { $0.opcode == 1 }.map {
            JSON(text: String(decoding: $0.payload, as: UTF8.self))
        }
    }
}

private func event(_ call: String, campaign: String? = nil) -> CallEvent {
    CallEvent(
        call: CallID(call), campaign: campaign.map { CampaignID($0) },
        at: WallTime(seconds: 1_700_000_000), kind: .dialing)
}

@Suite(.serialized) struct EventFeedTests {
    private func subscribe(_ house: House, _ query: String = "") async throws -> Wire {
        let before = house.platform.bus.subscriberCount
        let wire = try await Wire(port: house.httpPort)
        try await wire.send(
            "GET /v1/events\(query) HTTP/1.1\r\nHost: 127.0.0.1:\(house.httpPort)\r\n\r\n")
        try await wire.until(": trunkline events")
        #expect(house.platform.bus.subscriberCount == before + 1)
        return wire
    }

    @Test func anEventReachesBothKindsOfFeedOnce() async throws {
        try await House.open { house in
            let feed = try await subscribe(house)
            let socket = try await EventSocket(house)
            #expect(socket.isUpgraded)
            try await eventually("both to listen") { house.platform.bus.subscriberCount == 2 }
            #expect(feed.text.contains("HTTP/1.1 200 OK"))
            #expect(feed.text.lowercased().contains("content-type: text/event-stream"))
            house.platform.bus.publish(event("c1", campaign: "k1"))
            try await feed.until("event: dialing\ndata: {")
            try await eventually("the frame") { socket.events.count == 1 }
            #expect(socket.events[0]["event"].string == "dialing")
            #expect(socket.events[0]["call_id"].string == "c1")
            #expect(socket.events[0]["campaign_id"].string == "k1")
            #expect(socket.events[0]["at"].string == "2023-11-14T22:13:20.000Z")
            #expect(feed.text.components(separatedBy: "event: ").count == 2)
        }
    }

    @Test func feedsAreNarrowedByCallAndCampaign() async throws {
        try await House.open { house in
            let ofCall = try await subscribe(house, "?call_id=c2")
            let ofCampaign = try await subscribe(house, "?campaign_id=k%31")
            let socket = try await EventSocket(house, "?campaign_id=k1")
            try await eventually("all to listen") { house.platform.bus.subscriberCount == 3 }
            house.platform.bus.publish(event("c1", campaign: "k1"))
            house.platform.bus.publish(event("c2", campaign: "k2"))
            house.platform.bus.publish(event("c3", campaign: "k1"))
            house.platform.bus.publish(event("c2"))
            try await ofCampaign.until("\"c3\"")
            try await eventually("two frames") { socket.events.count == 2 }
            try await eventually("two events") {
                ofCall.text.components(separatedBy: "event: ").count == 3
            }
            #expect(socket.events.compactMap { $0["call_id"].string } == ["c1", "c3"])
            #expect(!ofCall.text.contains("\"c1\"") && !ofCall.text.contains("\"c3\""))
            #expect(!ofCampaign.text.contains("\"c2\""))
        }
    }

    @Test func pingIsAnsweredAndCloseIsReturned() async throws {
        try await House.open { house in
            let socket = try await EventSocket(house)
            try await socket.send(opcode: 9, Array("are you there".utf8))
            try await eventually("the pong") { socket.frames.contains { $0.opcode == 10 } }
            #expect(socket.frames[0].payload == Array("are you there".utf8))
            // Words from a subscriber mean nothing and break nothing.
            try await socket.send(opcode: 1, Array("hello".utf8))
            try await socket.send(opcode: 8, [0x03, 0xE8])
            try await eventually("the close") { socket.wire.isClosed }
            #expect(socket.frames.last?.opcode == 8)
            #expect(socket.frames.last?.payload == [0x03, 0xE8])
            try await eventually("the subscription to end") {
                house.platform.bus.subscriberCount == 0
            }
        }
    }

    /// Without a single event that would show the client to be gone.
    @Test func aSubscriberThatGoesGivesItsPlaceBack() async throws {
        try await House.open { house in
            let feed = try await subscribe(house, "?call_id=never")
            let socket = try await EventSocket(house, "?call_id=never")
            try await eventually("both to listen") { house.platform.bus.subscriberCount == 2 }
            try await feed.close()
            try await socket.wire.close()
            try await eventually("both places") { house.platform.bus.subscriberCount == 0 }
        }
    }

    @Test func aWebSocketNeedsTheKeyToo() async throws {
        try await House.open(key: "secret") { house in
            for headers in ["", "Authorization: Bearer wrong\r\n", "Authorization: secret\r\n"] {
                let refused = try await EventSocket(house, headers: headers)
                #expect(!refused.isUpgraded)
                expectError(try Reply(refused.wire.bytes), 401, "unauthorized")
            }
            let socket = try await EventSocket(house, headers: "Authorization: Bearer secret\r\n")
            #expect(socket.isUpgraded)
        }
        try await House.open { house in
            let page = try await EventSocket(house, headers: "Origin: http://evil.example\r\n")
            #expect(!page.isUpgraded)
            expectError(try Reply(page.wire.bytes), 403, "foreign_origin")
        }
    }

    /// An offer to upgrade that comes to nothing is an ordinary request, whoever makes it: some
    /// clients offer h2c with everything they ask.
    @Test func upgradesThatDoNotHappenAreAnsweredAsPlainRequests() async throws {
        try await House.open { house in
            let webSocket =
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            let body = #"{"number":"+12125550177"}"#
            let h2c =
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
            for (head, answer) in [
                ("GET /health HTTP/1.1\r\nHost: localhost\r\n" + webSocket, "\"checks\""),
                ("GET /v1/nothing HTTP/1.1\r\nHost: localhost\r\n" + webSocket, "not_found"),
                (
                    "POST /v1/dnc/internal/check HTTP/1.1\r\nHost: localhost\r\n" + h2c
                        + "Content-Length: \(body.utf8.count)\r\n\r\n" + body, "\"listed\""
                ),
            ] {
                let wire = try await Wire(port: house.httpPort)
                try await wire.send(head)
                try await wire.until(answer)
                #expect(!wire.text.contains("101 Switching"))
            }
        }
    }

    @Test func subscribersBeyondTheLimitAreToldSo() async throws {
        try await House.open { house in
            var held: [AsyncStream<CallEvent>] = []
            while let stream = house.platform.bus.subscribe() { held.append(stream) }
            expectError(
                try await house.request("GET", "/v1/events"), 503, "too_many_subscribers")
            #expect(held.count == 256)
        }
    }
}
