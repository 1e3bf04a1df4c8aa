import SDP
import Testing

private func key(_ suite: CryptoSuite, _ byte: UInt8) -> [UInt8] {
    [UInt8](repeating: byte, count: suite.keyCount)
}

private func secureOffer(
    _ capabilities: AudioCapabilities = AudioCapabilities(srtp: .required),
    keys: (CryptoSuite) -> [UInt8]? = { key($0, 0x11) }
) throws(SDPError) -> SessionDescription {
    try OfferAnswer.makeOffer(
        localAddress: "192.0.2.1", port: 20_000, capabilities: capabilities, sessionID: 42,
        cryptoKeys: keys)
}

private func answer(
    _ offer: SessionDescription, _ suites: [CryptoSuite] = CryptoSuite.allCases,
    keys: (CryptoSuite) -> [UInt8]? = { key($0, 0x22) }
) throws(SDPError) -> (answer: SessionDescription, negotiated: NegotiatedAudio) {
    try OfferAnswer.answer(
        to: offer, localAddress: "192.0.2.2", port: 30_000,
        capabilities: AudioCapabilities(srtp: .optional, cryptoSuites: suites), sessionID: 43,
        cryptoKeys: keys)
}

@Suite struct CryptoSuiteTests {
    @Test func namesAndKeyLengthsAreThoseOfTheRFCs() {
        #expect(
            CryptoSuite.allCases.map(\.name) == [
                "AES_256_CM_HMAC_SHA1_80", "AEAD_AES_256_GCM", "AEAD_AES_128_GCM",
                "AES_CM_128_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_32",
            ])
        #expect(CryptoSuite.allCases.map(\.keyCount) == [46, 44, 28, 30, 46, 30])
        #expect(CryptoSuite(name: "aead_aes_128_gcm") == .aeadAES128GCM)
        #expect(CryptoSuite(name: "F8_128_HMAC_SHA1_80") == nil)
    }

    @Test func offerListsEverySuiteWithAKeyOfItsLength() throws {
        let offer = try secureOffer()
        let crypto = offer.media[0].crypto
        #expect(crypto.map(\.tag) == [1, 2, 3, 4, 5, 6])
        #expect(crypto.map(\.suite) == CryptoSuite.allCases.map(\.name))
        #expect(crypto.map(\.key.count) == [46, 44, 28, 30, 46, 30])
        #expect(
            offer.serialised.contains(
                "a=crypto:3 AEAD_AES_128_GCM inline:EREREREREREREREREREREREREREREREREREREQ==\r\n"))
        // And it survives the wire.
        let read = try SessionDescription(parsing: offer.serialisedBytes)
        #expect(read.media[0].crypto == crypto)
    }

    @Test func keyOfTheWrongLengthIsNamed() {
        #expect(throws: SDPError.missingKey(expected: 46, have: 30)) {
            try secureOffer { _ in [UInt8](repeating: 1, count: 30) }
        }
        #expect(throws: SDPError.missingKey(expected: 44, have: 0)) {
            try secureOffer { $0 == .aeadAES256GCM ? nil : key($0, 1) }
        }
    }

    @Test(arguments: CryptoSuite.allCases)
    func eachSuiteIsAgreedOn(suite: CryptoSuite) throws {
        let offer = try secureOffer()
        let (answered, negotiated) = try answer(offer, [suite])
        #expect(answered.media[0].crypto.map(\.suite) == [suite.name])
        #expect(
            answered.media[0].crypto.map(\.tag)
                == offer.media[0].crypto.filter {
                    $0.suite == suite.name
                }.map(\.tag))
        let expected = NegotiatedSRTP(
            suite: suite.name, localKey: key(suite, 0x22), remoteKey: key(suite, 0x11))
        #expect(negotiated.srtp == expected)
        let accepted = try OfferAnswer.accept(answer: answered, toOffer: offer)
        #expect(
            accepted.srtp
                == NegotiatedSRTP(
                    suite: suite.name, localKey: key(suite, 0x11), remoteKey: key(suite, 0x22)))
    }

    @Test func offerersFirstUsableLineIsTaken() throws {
        #expect(try answer(secureOffer()).negotiated.srtp?.suite == "AES_256_CM_HMAC_SHA1_80")
        // The twelve lines: 3 and 4 have keys of the wrong length for AES-GCM.
        let twelve = try description("savp-twelve-crypto-lines.sdp")
        #expect(try answer(twelve).answer.media[0].crypto.map(\.tag) == [1])
        #expect(
            try answer(twelve, [.aeadAES256GCM, .aeadAES128GCM, .aesCM128HMACSHA1_80])
                .answer.media[0].crypto.map(\.tag) == [8])
        #expect(
            try answer(twelve, [.aesCM128HMACSHA1_32]).answer.media[0].crypto.map(\.tag) == [11])
        #expect(throws: SDPError.noUsableCrypto) { try answer(twelve, [.aeadAES256GCM]) }
    }

    @Test func keysAreAskedForTheTakenSuiteAlone() throws {
        var asked: [CryptoSuite] = []
        _ = try answer(secureOffer(), [.aeadAES128GCM, .aesCM128HMACSHA1_32]) {
            asked.append($0)
            return key($0, 3)
        }
        #expect(asked == [.aeadAES128GCM])
    }

    @Test func answerWithAnotherSuiteOrKeyLengthIsRefused() throws {
        let offer = try secureOffer()
        var answered = try answer(offer).answer
        answered.media[0].crypto[0].suite = "AEAD_AES_256_GCM"
        #expect(throws: SDPError.answerMismatch("crypto suite")) {
            try OfferAnswer.accept(answer: answered, toOffer: offer)
        }
        answered = try answer(offer).answer
        answered.media[0].crypto[0].key.removeLast(16)
        #expect(throws: SDPError.noUsableCrypto) {
            try OfferAnswer.accept(answer: answered, toOffer: offer)
        }
    }
}
