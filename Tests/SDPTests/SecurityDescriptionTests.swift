import SDP
import Testing

private let thirtyTens = "inline:CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoK"
private let thirtyElevens = "inline:CwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsL"

/// An offer with one crypto line.
func keyedOffer(_ crypto: String) throws(SDPError) -> SessionDescription {
    try lines(
        "v=0\nc=IN IP4 192.0.2.9\nm=audio 5000 RTP/SAVP 0\n"
            + "a=crypto:7 AES_CM_128_HMAC_SHA1_80 \(crypto)")
}

/// What is said to it, and agreed on.
func keyedAnswer(
    _ crypto: String
) throws(SDPError) -> (answer: SessionDescription, negotiated: NegotiatedAudio) {
    try OfferAnswer.answer(
        to: try keyedOffer(crypto), localAddress: "192.0.2.2", port: 30_000,
        capabilities: able(.required), sessionID: 43
    ) { [UInt8](repeating: 0x22, count: $0.keyCount) }
}

@Suite struct SecurityDescriptionTests {
    @Test func lifetimesThatACallDoesNotExhaustAreTaken() throws {
        for lifetime in ["", "|2^48", "|2^31", "|2^20", "|1048576", "|281474976710656"] {
            let srtp = try #require(try keyedAnswer(thirtyTens + lifetime).negotiated.srtp)
            #expect(srtp.remoteKey == [UInt8](repeating: 10, count: 30))
            #expect(srtp.remoteMKI.isEmpty)
        }
        #expect(throws: SDPError.noUsableCrypto) { try keyedAnswer(thirtyTens + "|2^10") }
        #expect(throws: SDPError.noUsableCrypto) { try keyedAnswer(thirtyTens + "|0") }
    }

    @Test(arguments: [
        ("|2^31|1:4", [UInt8]([0, 0, 0, 1])), ("|1:1", [1]), ("|258:2", [1, 2]),
        ("|18446744073709551615:8", [255, 255, 255, 255, 255, 255, 255, 255]),
        ("|2^20|5:10", [0, 0, 0, 0, 0, 0, 0, 0, 0, 5]),
    ])
    func identifiersGoIntoPacketsBigEndian(rest: String, bytes: [UInt8]) throws {
        let (answer, negotiated) = try keyedAnswer(thirtyTens + rest)
        #expect(negotiated.srtp?.remoteMKI == bytes)
        #expect(negotiated.srtp?.localMKI == bytes)
        let text = try #require(rest.split(separator: "|").last)
        #expect(answer.serialised.contains("IiIiIiIi|\(text)\r\n"))
    }

    @Test func identifierLongerThanItsLengthIsRefused() throws {
        #expect(throws: SDPError.noUsableCrypto) { try keyedAnswer(thirtyTens + "|256:1") }
        #expect(throws: SDPError.noUsableCrypto) { try keyedAnswer(thirtyTens + "|65536:2") }
        #expect(throws: SDPError.noUsableCrypto) { try keyedAnswer(thirtyTens + "|1:129") }
        #expect(try keyedAnswer(thirtyTens + "|1:128").negotiated.srtp?.remoteMKI.count == 128)
    }

    @Test(arguments: [
        "KDR=1", "KDR=24", "UNENCRYPTED_SRTP", "UNENCRYPTED_SRTCP", "UNAUTHENTICATED_SRTP",
        "FEC_ORDER=FEC_SRTP", "FEC_KEY=\(thirtyElevens)", "FUTURE", "WSH=64 KDR=3",
    ])
    func parametersThatChangeTheProtectionAreRefused(parameters: String) throws {
        #expect(throws: SDPError.noUsableCrypto) { try keyedAnswer("\(thirtyTens) \(parameters)") }
    }

    @Test(arguments: ["WSH=64", "WSH=1024", "-FUTURE", "-FUTURE=1 WSH=128"])
    func parametersThatMayBeIgnoredAre(parameters: String) throws {
        let (answer, negotiated) = try keyedAnswer("\(thirtyTens) \(parameters)")
        #expect(negotiated.srtp != nil)
        #expect(answer.media[0].crypto[0].sessionParameters.isEmpty)
        #expect(answer.media[0].crypto[0].tag == 7)
    }

    @Test func identifierOfAnAnswerIsThePeers() throws {
        let offer = try OfferAnswer.makeOffer(
            localAddress: "192.0.2.1", port: 20_000, capabilities: able(.required),
            sessionID: 1
        ) { [UInt8](repeating: 0x11, count: $0.keyCount) }
        let answered = try lines(
            "v=0\nc=IN IP4 192.0.2.9\nm=audio 5000 RTP/SAVP 0\n"
                + "a=crypto:4 AES_CM_128_HMAC_SHA1_80 \(thirtyTens)|2^31|9:2")
        let srtp = try OfferAnswer.accept(answer: answered, toOffer: offer).srtp
        #expect(srtp?.remoteMKI == [0, 9])
        #expect(srtp?.localMKI == [])
    }
}

@Suite struct DirectionTests {
    /// RFC 3264 6.1: what may answer what, for every pair.
    @Test func answersFollowTheTable() throws {
        let table: [(offered: MediaDirection, ours: [MediaDirection])] = [
            (.sendrecv, [.sendrecv, .sendonly, .recvonly, .inactive]),
            (.sendonly, [.recvonly, .inactive, .recvonly, .inactive]),
            (.recvonly, [.sendonly, .sendonly, .inactive, .inactive]),
            (.inactive, [.inactive, .inactive, .inactive, .inactive]),
        ]
        for (offered, expected) in table {
            for (wish, ours) in zip(MediaDirection.allCases, expected) {
                let offer = try lines(
                    "v=0\nc=IN IP4 192.0.2.9\nm=audio 5000 RTP/AVP 0\na=\(offered.rawValue)")
                let answer = try OfferAnswer.answer(
                    to: offer, localAddress: "192.0.2.2", port: 30_000,
                    capabilities: able(.none), sessionID: 1, direction: wish)
                #expect(answer.negotiated.direction == ours, "\(offered) \(wish)")
                #expect(answer.answer.media[0].direction == ours)
            }
        }
    }

    @Test func holdComesInTwoForms() throws {
        func ours(_ address: String, _ direction: String) throws -> MediaDirection {
            let offer = try lines(
                "v=0\nc=IN IP4 192.0.2.9\nm=audio 5000 RTP/AVP 0\nc=IN \(address)\n\(direction)")
            return try OfferAnswer.answer(
                to: offer, localAddress: "192.0.2.2", port: 30_000, capabilities: able(.none),
                sessionID: 1
            ).negotiated.direction
        }
        #expect(try ours("IP4 192.0.2.9", "a=sendonly") == .recvonly)
        #expect(try ours("IP4 0.0.0.0", "") == .recvonly)
        #expect(try ours("IP4 0.0.0.0", "a=sendonly") == .recvonly)
        #expect(try ours("IP4 0.0.0.0", "a=inactive") == .inactive)
        #expect(try ours("IP4 0.0.0.0", "a=recvonly") == .inactive)
        #expect(try ours("IP6 ::", "") == .recvonly)
        #expect(try ours("IP4 192.0.2.9", "a=sendrecv") == .sendrecv)
    }

    @Test func linesKeepTheirOrderAndNamesWhateverIsTaken() throws {
        let offer = try lines(
            "v=0\nc=IN IP4 192.0.2.9\nm=video 4000 RTP/AVP 31\na=mid:v\nm=audio 0 RTP/AVP 0\n"
                + "m=audio 5000 RTP/AVP 18\nm=audio 5002 RTP/AVP 0\na=mid:two\n"
                + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:d\nm=audio 5004 RTP/AVP 8"
        )
        let (answer, negotiated) = try OfferAnswer.answer(
            to: offer, localAddress: "192.0.2.2", port: 30_000, capabilities: able(.none),
            sessionID: 1)
        #expect(negotiated.mediaIndex == 3)
        #expect(answer.media.map(\.port) == [0, 0, 0, 30_000, 0, 0])
        #expect(
            answer.media.map(\.kind)
                == ["video", "audio", "audio", "audio", "application", "audio"])
        #expect(
            answer.media.map { $0.attributes.first { $0.name == "mid" }?.value }
                == ["v", nil, nil, "two", "d", nil])
        #expect(answer.serialised.contains("m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"))
    }
}
