import Media
import SecureRTP
import Testing

@testable import Orchestrator

private let certificate = [UInt8](repeating: 0xAB, count: 32)

private func agreed(_ rest: String) throws -> RemoteMedia {
    var negotiation = MediaNegotiation(
        address: "192.0.2.1", port: 20_000, settings: NegotiationSettings(),
        certificate: certificate)
    let media = try negotiation.answer(
        Array("v=0\nc=IN IP4 198.51.100.7\nm=audio 5000 \(rest)".utf8)
    ).media
    try media.validate()
    return media
}

/// Everything that a far end may come with reaches the leg.
@Suite struct KeyNegotiationTests {
    @Test func everyKeyOfACryptoLineReachesTheMediaLeg() throws {
        func inline(_ four: String, _ name: Int) -> String {
            "inline:" + String(repeating: four, count: 10) + "|2^31|\(name):2"
        }
        let line = [inline("CgoK", 1), inline("CwsL", 2), inline("DAwM", 258)]
            .joined(separator: ";")
        let keys = try #require(
            try agreed("RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 \(line)").srtp)
        #expect(keys.remote == [UInt8](repeating: 10, count: 30))
        #expect(keys.remoteMKI == [0, 1])
        #expect(
            keys.furtherRemote == [
                SRTPMasterKey(key: [UInt8](repeating: 11, count: 30), identifier: [0, 2]),
                SRTPMasterKey(key: [UInt8](repeating: 12, count: 30), identifier: [1, 2]),
            ])
        #expect(keys.localMKI == [0, 1])
    }

    @Test func everyFingerprintReachesTheMediaLeg() throws {
        func octets(_ octet: String) -> String {
            [String](repeating: octet, count: 32).joined(separator: ":")
        }
        let dtls = try agreed(
            "UDP/TLS/RTP/SAVP 0\na=setup:actpass\na=fingerprint:sha-256 \(octets("02"))\n"
                + "a=fingerprint:sha-256 \(octets("01"))"
        ).dtls
        #expect(
            dtls?.fingerprints
                == [[UInt8](repeating: 1, count: 32), [UInt8](repeating: 2, count: 32)])
    }
}
