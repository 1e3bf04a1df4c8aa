import Foundation
import Testing

/// A re-INVITE without an offer gets a fresh one, and what comes of it is what the ACK says
/// (RFC 3261 14.2, RFC 3264 8, RFC 6337 5.2.5).
@Suite(.serialized, .timeLimit(.minutes(5))) struct OfferlessReInviteTests {
    /// A call whose INVITE brought the offer, moved to another port by the answer in the ACK.
    @Test func theAnswerInTheACKMovesTheMedia() async throws {
        try await House.open { house in
            let peer = try await ScriptedPeer("mover", sipPort: house.sipPort)
            let answer = try await peer.call("echo", peer.sdp(peer.rtp))
            try await peer.acknowledge()
            try await echo(peer.rtp, answer.port)

            let offer = try await peer.request("INVITE")
            #expect(offer.status == 200)
            #expect(offer.port == answer.port)
            #expect(offer.version == answer.version + 1)
            #expect(answer.formats == ["0"])
            #expect(offer.formats.starts(with: ["0", "8"]))
            #expect(offer.values("a=sendrecv").count == 1)
            try await peer.acknowledge(peer.sdp(peer.other, version: 2))
            try await echo(peer.other, answer.port)
            #expect(try await peer.request("BYE").status == 200)
            try await peer.close()
        }
    }

    /// A call whose first INVITE had none either (13.2.1): each answer is read against its own offer.
    @Test func aCallMayNeverBringAnOffer() async throws {
        try await House.open { house in
            let peer = try await ScriptedPeer("asker", sipPort: house.sipPort)
            let first = try await peer.call("echo", "")
            #expect(first.formats == ["0", "8", "101"])
            try await peer.acknowledge(peer.sdp(peer.rtp))
            try await echo(peer.rtp, first.port)
            let second = try await peer.request("INVITE")
            #expect(second.version == first.version + 1)
            try await peer.acknowledge(peer.sdp(peer.other, version: 2))
            try await echo(peer.other, first.port)
            #expect(try await peer.request("BYE").status == 200)
            try await peer.close()
        }
    }

    /// A hold that ends without an offer of the peer's: the house must not offer its held side.
    @Test(arguments: [("sendonly", "recvonly"), ("inactive", "inactive")])
    func aHeldCallIsResumed(held: String, ours: String) async throws {
        try await House.open { house in
            let peer = try await ScriptedPeer("holder", sipPort: house.sipPort)
            _ = try await peer.call("silence", peer.sdp(peer.rtp))
            try await peer.acknowledge()
            try await eventually("media") { peer.rtp.datagrams.count >= 3 }
            let hold = try await peer.request(
                "INVITE", peer.sdp(peer.rtp, version: 2, ["a=" + held]))
            #expect(hold.values("a=" + ours).count == 1)
            try await peer.acknowledge()

            let offer = try await peer.request("INVITE")
            #expect(offer.values("a=sendrecv").count == 1)
            #expect(offer.version == hold.version + 1)
            // Where nothing has been sent to yet.
            try await peer.acknowledge(peer.sdp(peer.other, version: 3))
            try await eventually("media again") { peer.other.datagrams.count >= 3 }
            #expect(try await peer.request("BYE").status == 200)
            try await peer.close()
        }
    }

    /// Our first offer had another suite at the tag that the peer's own offer, and so our second, has.
    @Test func theAnswersKeysAreReadAgainstTheOfferTheyAnswer() async throws {
        let suite = "AES_CM_128_HMAC_SHA1_80"
        func line(_ tag: String, _ byte: UInt8) -> [String] {
            let key = Data(repeating: byte, count: 30).base64EncodedString()
            return ["a=crypto:\(tag) \(suite) inline:\(key)"]
        }
        try await House.open {
            $0.negotiation.srtp = .required
        } _: { house in
            let peer = try await ScriptedPeer("keeper", sipPort: house.sipPort)
            let placed = try await house.json(
                "POST", "/v1/calls",
                #"{"to":"sip:keeper@127.0.0.1:\#(peer.sip.port)","detect_answer":false}"#)
            let id = try #require(placed["call_id"].string)
            let invite = try await peer.invited()
            #expect(invite.crypto.first?[1] == "AES_256_CM_HMAC_SHA1_80")
            let chosen = try #require(invite.crypto.first { $0[1] == suite })
            #expect(chosen[0] == "4")
            let secure = "RTP/SAVP"
            try await peer.answer(invite, peer.sdp(peer.rtp, secure, line(chosen[0], 1)))

            let changed = try await peer.request(
                "INVITE", peer.sdp(peer.rtp, secure, version: 2, line("1", 2)))
            #expect(changed.crypto == [["1", suite, chosen[2]]])
            try await peer.acknowledge()

            let offer = try await peer.request("INVITE")
            #expect(offer.values("m=audio ").first?.contains(" RTP/SAVP ") == true)
            #expect(offer.version == changed.version + 1)
            // What is in use is the first, and its key is the same.
            #expect(offer.crypto.first == ["1", suite, chosen[2]])
            #expect(offer.crypto.count == 6)
            try await peer.acknowledge(peer.sdp(peer.rtp, secure, version: 3, line("1", 3)))

            // Comes behind the ACK: a call that could not use its answer would be over.
            let after = try await peer.request(
                "INVITE", peer.sdp(peer.rtp, secure, version: 4, line("1", 3)))
            #expect(after.status == 200)
            #expect(after.version == offer.version + 1)
            try await peer.acknowledge()
            #expect(try await house.json("GET", "/v1/calls/\(id)")["phase"].string == "talking")
            #expect(try await peer.request("BYE").status == 200)
            try await peer.close()
        }
    }

    /// Our refresh says our answer again, o= and all; the peer's answer to it may be another than its
    /// offer was (RFC 4028 7.4).
    @Test func theAnswerToOurRefreshMovesTheMedia() async throws {
        try await House.open { settings in
            // Refreshed half-way; at 2 s a busy machine's answer came when the session was over.
            settings.signalling.policy.sessionTimer = .init(minimum: .seconds(8))
        } _: { house in
            let peer = try await ScriptedPeer("fresh", sipPort: house.sipPort)
            let answer = try await peer.call(
                "silence", peer.sdp(peer.rtp),
                extra: ["Supported: timer", "Min-SE: 8", "Session-Expires: 8;refresher=uas"])
            #expect(answer.status == 200)
            try await peer.acknowledge()
            let refresh = try await peer.invited()
            #expect(refresh.body == answer.body)
            try await peer.answer(refresh, peer.sdp(peer.other, version: 2))
            try await eventually("media") { peer.other.datagrams.count >= 3 }
            #expect(try await peer.request("BYE").status == 200)
            try await peer.close()
        }
    }

    /// Speaks from `ear` until it hears itself, which a source that is not believed does not in so few
    /// packets.
    private func echo(_ ear: UDPEar, _ port: Int) async throws {
        var number = 0
        try await eventually("the echo") {
            if number < 20 { try await ear.send(number, fill: 0x55, to: port) }
            number += 1
            return ear.datagrams.contains {
                $0.suffix(160) == ArraySlice(repeating: 0x55, count: 160)
            }
        }
    }
}
