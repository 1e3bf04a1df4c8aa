import SDP
import Testing

private func octets(_ byte: UInt8, _ count: Int = 32) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    let octet = digits.count == 1 ? "0" + digits : digits
    return (0..<count).map { _ in octet }.joined(separator: ":")
}

private func offer(_ prints: [String], session: [String] = []) throws(SDPError)
    -> SessionDescription
{
    let own = prints.map { "\na=fingerprint:\($0)" }.joined()
    let common = session.map { "a=fingerprint:\($0)\n" }.joined()
    return try lines(
        "v=0\nc=IN IP4 198.51.100.7\n\(common)m=audio 5000 UDP/TLS/RTP/SAVP 0\na=setup:actpass\(own)"
    )
}

private func agreed(
    _ offer: SessionDescription, _ capabilities: AudioCapabilities = able(.dtls)
) throws(SDPError) -> NegotiatedDTLS? {
    try OfferAnswer.answer(
        to: offer, localAddress: "192.0.2.1", port: 20_000, capabilities: capabilities,
        sessionID: 42
    ) { _ in nil }.negotiated.dtls
}

/// A peer with several certificates (RFC 8122 5): whichever it shows must match one of its fingerprints.
@Suite struct FingerprintSetTests {
    @Test func allOfTheStrongestHashCount() throws {
        let dtls = try #require(
            try agreed(
                try offer([
                    "sha-256 \(octets(3))", "sha-384 \(octets(9, 48))", "sha-1 \(octets(1, 20))",
                    "SHA-384 \(octets(5, 48))", "sha-384 \(octets(7, 47))",
                ])))
        #expect(dtls.remoteFingerprints.map(\.hash) == [.sha384, .sha384])
        #expect(dtls.remoteFingerprints.map(\.bytes.first) == [5, 9])
    }

    @Test func anAnswerMayHaveSeveralToo() throws {
        let ours = try OfferAnswer.makeOffer(
            localAddress: "192.0.2.1", port: 20_000, capabilities: able(.dtls), sessionID: 42
        ) { _ in nil }
        let answered = try lines(
            "v=0\nc=IN IP4 198.51.100.7\nm=audio 5000 UDP/TLS/RTP/SAVP 0\na=setup:active\n"
                + "a=fingerprint:sha-256 \(octets(2))\na=fingerprint:sha-256 \(octets(1))")
        let dtls = try OfferAnswer.accept(answer: answered, toOffer: ours).dtls
        #expect(dtls?.remoteFingerprints.map(\.bytes.first) == [1, 2])
    }

    @Test func aLinesOwnReplaceAllOfTheSessions() throws {
        let session = ["sha-256 \(octets(1))", "sha-256 \(octets(2))"]
        #expect(try agreed(try offer([], session: session))?.remoteFingerprints.count == 2)
        let own = try agreed(try offer(["sha-256 \(octets(3))"], session: session))
        #expect(own?.remoteFingerprints.map(\.bytes.first) == [3])
    }

    @Test func moreThanEightAreNotLookedAtAndTwiceIsOnce() throws {
        let many = try offer((1...20).map { "sha-256 \(octets(UInt8($0)))" })
        #expect(try agreed(many)?.remoteFingerprints.map(\.bytes.first) == Array(1...8))
        let twice = try offer((1...20).map { "sha-256 \(octets(UInt8($0 % 2)))" })
        #expect(try agreed(twice)?.remoteFingerprints.map(\.bytes.first) == [0, 1])
    }

    /// The same certificates are the same association, in whatever order they are told; one more or one
    /// less is another (RFC 8842 4).
    @Test func theirOrderMeansNothing() throws {
        var capabilities = able(.dtls)
        capabilities.dtls?.answersActively = false
        let a = "sha-256 \(octets(1))"
        let b = "sha-256 \(octets(2))"
        let first = try agreed(try offer([a, b]))
        #expect(first?.isClient == true)
        capabilities.dtls?.current = first
        #expect(try agreed(try offer([b, a]), capabilities) == first)
        #expect(try agreed(try offer([a]), capabilities)?.isClient == false)
        #expect(
            try agreed(try offer([a, b, "sha-256 \(octets(3))"]), capabilities)?.isClient == false)
    }
}
