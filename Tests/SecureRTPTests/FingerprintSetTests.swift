import SecureRTP
import Testing

/// A far end with several certificates (RFC 8122 5).
@Suite struct FingerprintSetTests {
    private static let here = DTLSSource(low: 1, port: 1)

    /// Ann as client, who expects `expected`; Bob answers. How it ended for Ann.
    private func outcome(_ expected: [[UInt8]]) throws -> DTLSAssociation.State {
        var ann = try DTLSAssociation(
            DTLSParameters(role: .client, fingerprintHash: .sha256, fingerprints: expected),
            identity: DTLSParty.ann, source: Self.here)
        var bob = try DTLSAssociation(
            DTLSParameters(
                role: .server, fingerprintHash: .sha256,
                fingerprint: DTLSParty.ann.fingerprint(.sha256)), identity: DTLSParty.bob)
        var flight: [[UInt8]] = []
        ann.start(now: .zero) { flight.append(Array($0)) }
        for _ in 0..<10 {
            var answer: [[UInt8]] = []
            for bytes in flight {
                bytes.withUnsafeBytes { datagram in
                    bob.receive(datagram, from: Self.here, now: .zero) { answer.append(Array($0)) }
                }
            }
            flight = []
            for bytes in answer {
                bytes.withUnsafeBytes { datagram in
                    ann.receive(datagram, from: Self.here, now: .zero) { flight.append(Array($0)) }
                }
            }
        }
        return ann.state
    }

    @Test func oneOfThemMustMatch() throws {
        let right = DTLSParty.bob.fingerprint(.sha256)
        let wrong = DTLSParty.stranger.fingerprint(.sha256)
        #expect(try outcome([wrong, right]) == .established(.aeadAES256GCM))
        #expect(try outcome([right, wrong]) == .established(.aeadAES256GCM))
        let others = (0..<7).map { [UInt8](repeating: UInt8($0), count: 32) }
        #expect(try outcome(others + [right]) == .established(.aeadAES256GCM))
        #expect(try outcome([wrong] + others) == .failed(.fingerprintMismatch))
    }

    @Test func noneOrTooManyOrShortOnesAreRefusedAtOnce() {
        let right = DTLSParty.bob.fingerprint(.sha256)
        #expect(throws: SRTPError.badKey(expected: 32, have: 0)) { try outcome([]) }
        #expect(throws: SRTPError.badKey(expected: 32, have: 31)) {
            try outcome([right, Array(right.dropLast())])
        }
        #expect(throws: SRTPError.badKey(expected: 32, have: 0)) {
            try outcome([[UInt8]](repeating: right, count: 9))
        }
    }
}
