import SDP
import Testing

private let ours = [UInt8](repeating: 0xAB, count: 32)
private let theirs = (0..<32).map { UInt8($0) }
private let line =
    "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:"
    + "10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F"

private func described(_ rest: String, session: String = "") throws(SDPError)
    -> SessionDescription
{
    try lines("v=0\nc=IN IP4 198.51.100.7\n\(session)\nm=audio 5000 \(rest)")
}

private func answer(
    _ offer: SessionDescription, _ capabilities: AudioCapabilities = able(.dtls)
) throws(SDPError) -> (answer: SessionDescription, negotiated: NegotiatedAudio) {
    try OfferAnswer.answer(
        to: offer, localAddress: "192.0.2.1", port: 20_000, capabilities: capabilities,
        sessionID: 42
    ) { [UInt8](repeating: 0x55, count: $0.keyCount) }
}

private func makeOffer(
    _ capabilities: AudioCapabilities = able(.dtls, [.pcmu])
) throws(SDPError) -> SessionDescription {
    try OfferAnswer.makeOffer(
        localAddress: "192.0.2.1", port: 20_000, capabilities: capabilities, sessionID: 42
    ) { [UInt8](repeating: 0x55, count: $0.keyCount) }
}

private func agreed(isClient: Bool) -> NegotiatedDTLS? {
    CertificateFingerprint(hash: .sha256, bytes: theirs).map {
        NegotiatedDTLS(isClient: isClient, remoteFingerprints: [$0])
    }
}

@Suite struct DTLSOfferTests {
    @Test func offerHasProfileSetupAndFingerprint() throws {
        let media = try makeOffer().media[0]
        #expect(media.protocolName == "UDP/TLS/RTP/SAVP")
        #expect(media.crypto.isEmpty)
        #expect(media.attributes.map(\.name) == ["setup", "fingerprint", "rtcp-xr"])
        #expect(media.attributes[0].value == "actpass")
        #expect(
            media.attributes[1].value
                == "sha-256 AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:"
                + "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB")
    }

    @Test func eitherKindIsOfferedInOneLine() throws {
        let media = try makeOffer(able(.any)).media[0]
        #expect(media.protocolName == "RTP/SAVP")
        #expect(media.crypto.count == 6)
        #expect(media.attributes.map(\.name).prefix(2) == ["setup", "fingerprint"])
        var keysOnly = able(.any)
        keysOnly.dtls = nil
        #expect(try makeOffer(keysOnly).media[0].attributes.map(\.name) == ["rtcp-xr"])
    }

    @Test func withoutACertificateThereIsNoOffer() {
        var capabilities = able(.dtls)
        capabilities.dtls = nil
        #expect(throws: SDPError.missingCertificate) { try makeOffer(capabilities) }
    }
}

@Suite struct DTLSAnswerTests {
    @Test(arguments: [
        ("a=setup:actpass", true, "active"), ("a=setup:active", false, "passive"),
        ("a=setup:passive", true, "active"), ("a=setup:ACTPASS", true, "active"),
        // RFC 4145 4: without it, active.
        ("", false, "passive"),
    ])
    func rolesFollowTheTable(setup: String, isClient: Bool, answered: String) throws {
        let (answer, negotiated) = try answer(
            try described("UDP/TLS/RTP/SAVP 0\n\(setup)\na=fingerprint:sha-256 \(line)"))
        #expect(negotiated.dtls == agreed(isClient: isClient))
        #expect(negotiated.srtp == nil)
        let setup = answer.media[0].attributes.first { $0.name == "setup" }
        #expect(setup?.value == answered)
        #expect(answer.media[0].protocolName == "UDP/TLS/RTP/SAVP")
    }

    @Test func actpassIsAnsweredPassivelyWhenToldTo() throws {
        var capabilities = able(.dtls)
        capabilities.dtls?.answersActively = false
        let negotiated = try answer(
            try described("UDP/TLS/RTP/SAVP 0\na=setup:actpass\na=fingerprint:sha-256 \(line)"),
            capabilities
        ).negotiated
        #expect(negotiated.dtls?.isClient == false)
    }

    @Test func rolesStayInALaterOfferWhileTheCertificateDoes() throws {
        let offer = try described(
            "UDP/TLS/RTP/SAVP 0\na=setup:actpass\na=fingerprint:sha-256 \(line)")
        var capabilities = able(.dtls)
        capabilities.dtls?.current = agreed(isClient: false)
        #expect(try answer(offer, capabilities).negotiated.dtls?.isClient == false)
        capabilities.dtls?.current?.remoteFingerprints[0].bytes[0] = 0xFF
        #expect(try answer(offer, capabilities).negotiated.dtls?.isClient == true)
    }

    @Test(arguments: [
        "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF", "RTP/SAVP", "RTP/SAVPF", "RTP/AVP", "RTP/AVPF",
    ])
    func everyProfileIsTakenAndAnsweredInKind(profile: String) throws {
        let (answer, negotiated) = try answer(
            try described("\(profile) 0\na=setup:actpass\na=fingerprint:sha-256 \(line)"))
        #expect(answer.media[0].protocolName == profile)
        #expect(negotiated.dtls != nil)
    }

    @Test func setupAndFingerprintOfTheSessionStandForLinesWithoutTheirOwn() throws {
        let session = "a=setup:passive\na=fingerprint:sha-256 \(line)"
        #expect(
            try answer(try described("UDP/TLS/RTP/SAVP 0", session: session)).negotiated.dtls
                == agreed(isClient: true))
        let own = try answer(
            try described(
                "UDP/TLS/RTP/SAVP 0\na=setup:active\na=fingerprint:sha-256 "
                    + line.replacing("00:", with: "FF:"), session: session)
        ).negotiated
        #expect(own.dtls?.isClient == false)
        #expect(own.dtls?.remoteFingerprints[0].bytes.first == 0xFF)
    }

    @Test func strongestHashIsChecked() throws {
        let long = String(repeating: "0a:", count: 47) + "0a"
        let negotiated = try answer(
            try described(
                "UDP/TLS/RTP/SAVP 0\na=fingerprint:sha-1 "
                    + "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13\n"
                    + "a=fingerprint:sha-256 \(line)\na=fingerprint:SHA-384 \(long)\n"
                    + "a=fingerprint:sha-384 FF")
        ).negotiated
        #expect(negotiated.dtls?.remoteFingerprints.first?.hash == .sha384)
        #expect(
            negotiated.dtls?.remoteFingerprints.first?.bytes == [UInt8](repeating: 10, count: 48))
    }

    @Test(arguments: [
        "sha-1 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13",
        "md5 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F",
        "sha-256 00:01", "sha-256", "", "sha-256 \(line):20", "sha-256 \(line) x",
        "sha-256 \(line.replacing("1F", with: "1G"))", "sha-256 \(line.replacing(":", with: ""))",
        "sha-256 \(line.replacing("1F", with: "+F"))",
    ])
    func weakOrBrokenFingerprintIsRefused(value: String) throws {
        #expect(throws: SDPError.noUsableFingerprint) {
            try answer(
                try described("UDP/TLS/RTP/SAVP 0\na=setup:actpass\na=fingerprint:\(value)"))
        }
    }

    @Test func setupsThatLeadNowhereAreRefused() throws {
        for setup in ["holdconn", "both", ""] {
            #expect(throws: SDPError.unusableSetup(setup)) {
                try answer(
                    try described(
                        "UDP/TLS/RTP/SAVP 0\na=setup:\(setup)\na=fingerprint:sha-256 \(line)"))
            }
        }
    }

    @Test func secureOfferIsNeverAnsweredPlainWhateverTheMode() throws {
        let dtls = "\na=setup:actpass\na=fingerprint:sha-256 \(line)"
        let keys =
            "\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoK"
        // Mode, offer, what comes of it: keys, an association, or the reason why not.
        let table: [(AudioCapabilities.SRTP, String, SDPError?)] = [
            (.none, "UDP/TLS/RTP/SAVP 0" + dtls, .srtpNotSupported),
            (.none, "RTP/SAVP 0" + keys, .srtpNotSupported),
            (.none, "RTP/SAVPF 0" + dtls, .srtpNotSupported),
            (.optional, "UDP/TLS/RTP/SAVP 0" + dtls, nil),
            (.optional, "UDP/TLS/RTP/SAVP 0" + keys, .noUsableFingerprint),
            (.optional, "UDP/TLS/RTP/SAVP 0", .noUsableFingerprint),
            (.optional, "RTP/SAVP 0" + keys, nil),
            (.optional, "RTP/SAVP 0" + dtls, nil),
            (.optional, "RTP/SAVP 0", .noUsableCrypto),
            (.required, "UDP/TLS/RTP/SAVP 0" + dtls, .dtlsNotSupported),
            (.required, "RTP/SAVP 0" + dtls, .noUsableCrypto),
            (.required, "RTP/SAVP 0" + keys, nil),
            (.required, "RTP/AVP 0" + dtls, .srtpRequired),
            (.dtls, "RTP/SAVP 0" + keys, .noUsableCrypto),
            (.dtls, "RTP/AVP 0" + keys, .srtpRequired),
            (.dtls, "RTP/AVP 0", .srtpRequired),
            (.dtls, "RTP/SAVP 0" + keys + dtls, nil),
            (.any, "RTP/AVP 0", .srtpRequired),
            (.any, "RTP/AVP 0" + keys, nil),
            (.any, "RTP/AVP 0" + dtls, nil),
            (.any, "UDP/TLS/RTP/SAVPF 0" + dtls, nil),
        ]
        for (mode, text, reason) in table {
            let offer = try described(text)
            if let reason {
                #expect(throws: reason, "\(mode) \(text)") { try answer(offer, able(mode)) }
            } else {
                let negotiated = try answer(offer, able(mode)).negotiated
                #expect((negotiated.srtp != nil) != (negotiated.dtls != nil), "\(mode) \(text)")
            }
        }
    }

    @Test func keysInTheDescriptionComeBeforeDTLSWhereALineHasBoth() throws {
        var session = try description("savp-twelve-crypto-lines.sdp")
        session.media[0].attributes.removeAll { $0.name == "fingerprint" }
        session.media[0].attributes.append(SDPAttribute("fingerprint", "sha-256 \(line)"))
        #expect(try answer(session, able(.any)).negotiated.srtp != nil)
        let association = try answer(session, able(.dtls))
        #expect(association.negotiated.dtls == agreed(isClient: true))
        #expect(association.answer.media[0].crypto.isEmpty)
    }

    @Test func withoutACertificateDTLSIsRefused() throws {
        var capabilities = able(.optional)
        capabilities.dtls = nil
        #expect(throws: SDPError.dtlsNotSupported) {
            try answer(try description("baresip-dtls.sdp"), capabilities)
        }
    }
}

@Suite struct DTLSAcceptTests {
    private func accept(
        _ rest: String, _ capabilities: AudioCapabilities = able(.dtls, [.pcmu])
    ) throws(SDPError) -> NegotiatedAudio {
        try OfferAnswer.accept(
            answer: try described(rest), toOffer: try makeOffer(capabilities))
    }

    @Test func rolesAreTheOtherHalfOfTheTable() throws {
        let rest = "\na=fingerprint:sha-256 \(line)"
        #expect(
            try accept("UDP/TLS/RTP/SAVP 0\na=setup:active" + rest).dtls
                == agreed(isClient: false))
        #expect(
            try accept("UDP/TLS/RTP/SAVP 0\na=setup:passive" + rest).dtls
                == agreed(isClient: true))
        // RFC 4145 4: without it, passive.
        #expect(try accept("UDP/TLS/RTP/SAVP 0" + rest).dtls == agreed(isClient: true))
        #expect(throws: SDPError.answerMismatch("setup")) {
            try accept("UDP/TLS/RTP/SAVP 0\na=setup:actpass" + rest)
        }
        #expect(throws: SDPError.unusableSetup("holdconn")) {
            try accept("UDP/TLS/RTP/SAVP 0\na=setup:holdconn" + rest)
        }
    }

    @Test func theProfileWithFeedbackIsTheSameProfile() throws {
        let rest = " 0\na=setup:active\na=fingerprint:sha-256 \(line)"
        #expect(try accept("UDP/TLS/RTP/SAVPF" + rest).dtls != nil)
        #expect(throws: SDPError.answerMismatch("transport")) { try accept("RTP/AVP" + rest) }
        #expect(throws: SDPError.answerMismatch("transport")) { try accept("RTP/SAVP" + rest) }
    }

    @Test func answerWithoutOrWithAWeakFingerprintIsRefused() throws {
        #expect(throws: SDPError.srtpRequired) {
            try accept("UDP/TLS/RTP/SAVP 0\na=setup:active")
        }
        #expect(throws: SDPError.noUsableFingerprint) {
            try accept("UDP/TLS/RTP/SAVP 0\na=setup:active\na=fingerprint:md5 00")
        }
    }

    @Test func eitherKindMayAnswerTheOfferOfBoth() throws {
        let dtls = try accept(
            "RTP/SAVP 0\na=setup:active\na=fingerprint:sha-256 \(line)", able(.any))
        #expect(dtls.dtls != nil && dtls.srtp == nil)
        let keys = try accept(
            "RTP/SAVP 0\na=crypto:4 AES_CM_128_HMAC_SHA1_80 "
                + "inline:CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoK", able(.any))
        #expect(keys.dtls == nil && keys.srtp?.remoteKey == [UInt8](repeating: 10, count: 30))
        #expect(throws: SDPError.srtpRequired) { try accept("RTP/SAVP 0", able(.any)) }
    }

    @Test func ourAnswerFitsOurOffer() throws {
        for mode: AudioCapabilities.SRTP in [.dtls, .any] {
            let offer = try makeOffer(able(mode))
            let answered = try answer(
                try SessionDescription(parsing: offer.serialisedBytes), able(.dtls))
            let accepted = try OfferAnswer.accept(
                answer: try SessionDescription(parsing: answered.answer.serialisedBytes),
                toOffer: offer)
            #expect(answered.negotiated.dtls?.isClient == true)
            #expect(accepted.dtls?.isClient == false)
            #expect(accepted.dtls?.remoteFingerprints.first?.bytes == ours)
        }
    }
}
