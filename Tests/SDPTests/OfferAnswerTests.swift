import Base
import SDP
import Testing

private let ourKey = [UInt8](repeating: 0x55, count: 30)

private func answer(
    _ offer: SessionDescription, _ capabilities: AudioCapabilities = AudioCapabilities(),
    key: [UInt8]? = ourKey, direction: MediaDirection = .sendrecv
) throws(SDPError) -> (answer: SessionDescription, negotiated: NegotiatedAudio) {
    try OfferAnswer.answer(
        to: offer, localAddress: "192.0.2.1", port: 20_000, capabilities: capabilities,
        sessionID: 42, version: 3, cryptoKey: key, direction: direction)
}

private func offer(
    _ capabilities: AudioCapabilities = AudioCapabilities(), key: [UInt8]? = ourKey,
    direction: MediaDirection = .sendrecv
) throws(SDPError) -> SessionDescription {
    try OfferAnswer.makeOffer(
        localAddress: "192.0.2.1", port: 20_000, capabilities: capabilities, sessionID: 42,
        cryptoKey: key, direction: direction)
}

private func audio(_ rest: String, port: Int = 5000) throws(SDPError) -> SessionDescription {
    try lines(
        "v=0\no=- 1 1 IN IP4 198.51.100.7\ns=-\nc=IN IP4 198.51.100.7\nt=0 0\n"
            + "m=audio \(port) \(rest)"
    )
}

@Suite struct OfferTests {
    @Test func plainOfferIsWrittenLineByLine() throws {
        #expect(
            try offer(key: nil).serialised == """
                v=0\r
                o=- 42 1 IN IP4 192.0.2.1\r
                s=-\r
                c=IN IP4 192.0.2.1\r
                t=0 0\r
                m=audio 20000 RTP/AVP 0 8 101\r
                a=rtpmap:0 PCMU/8000\r
                a=rtpmap:8 PCMA/8000\r
                a=rtpmap:101 telephone-event/8000\r
                a=fmtp:101 0-15\r
                a=ptime:20\r
                a=sendrecv\r

                """)
    }

    @Test func secureOfferHasTheProfileAndOneKey() throws {
        let session = try offer(AudioCapabilities(srtp: .required))
        #expect(session.media[0].protocolName == "RTP/SAVP")
        #expect(
            session.serialised.contains(
                "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "
                    + "inline:VVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVV\r\n"
            ))
        let optional = try offer(AudioCapabilities(srtp: .optional))
        #expect(optional.media[0].protocolName == "RTP/AVP")
        #expect(optional.media[0].crypto.count == 1)
    }

    @Test func keyOfTheWrongLengthIsRefused() {
        #expect(throws: SDPError.missingKey(expected: 30, have: 0)) {
            try offer(AudioCapabilities(srtp: .required), key: nil)
        }
        #expect(throws: SDPError.missingKey(expected: 30, have: 16)) {
            try offer(AudioCapabilities(srtp: .optional), key: [UInt8](repeating: 1, count: 16))
        }
    }

    @Test func ipv6AddressMakesIP6Lines() throws {
        let session = try OfferAnswer.makeOffer(
            localAddress: "2001:db8::1", port: 20_000, capabilities: AudioCapabilities(),
            sessionID: 1)
        #expect(session.serialised.contains("c=IN IP6 2001:db8::1\r\n"))
        #expect(session.serialised.contains("o=- 1 1 IN IP6 2001:db8::1\r\n"))
    }
}

@Suite struct AnswerTests {
    @Test func offerOfRFC3264GetsPCMUAndTwoRejectedLines() throws {
        let (answer, negotiated) = try answer(try description("rfc3264-offer.sdp"))
        #expect(
            answer.serialised == """
                v=0\r
                o=- 42 3 IN IP4 192.0.2.1\r
                s=-\r
                c=IN IP4 192.0.2.1\r
                t=0 0\r
                m=audio 20000 RTP/AVP 0\r
                a=rtpmap:0 PCMU/8000\r
                a=ptime:20\r
                a=sendrecv\r
                m=video 0 RTP/AVP 31\r
                m=video 0 RTP/AVP 32\r

                """)
        #expect(negotiated.telephoneEventPayloadType == nil)
        #expect(negotiated.remotePort == 49_170)
        #expect(negotiated.remoteAddress == "host.anywhere.com")
        #expect(!isUsableMediaAddress(negotiated.remoteAddress, from: "127.0.0.1"))
    }

    @Test func staticPayloadTypeNeedsNoRtpmap() throws {
        let negotiated = try answer(try description("static-only.sdp")).negotiated
        #expect(negotiated.codec == .pcmu)
        #expect(negotiated.payloadType == 0)
        #expect(negotiated.remoteRTCPPort == 6001)
        #expect(negotiated.ptimeMilliseconds == 20)
        #expect(negotiated.direction == .sendrecv)
        #expect(negotiated.srtp == nil)
    }

    @Test func offerersOrderAndNumbersAreKept() throws {
        let (answer, negotiated) = try answer(try description("bare-lf-event-127.sdp"))
        #expect(negotiated.codec == .pcma)
        #expect(negotiated.payloadType == 8)
        #expect(negotiated.telephoneEventPayloadType == 127)
        #expect(negotiated.remoteAddress == "192.0.2.11")
        #expect(negotiated.remoteRTCPAddress == "192.0.2.12")
        #expect(negotiated.remoteRTCPPort == 30_500)
        #expect(answer.media[0].formats == ["8", "127"])
        #expect(answer.media[0].fmtp(of: 127) == "0-15")
        #expect(!answer.media[0].rtcpMux)
    }

    @Test func codecsOnDynamicNumbersAreUnderstood() throws {
        let negotiated = try answer(
            try audio("RTP/AVP 97 96\na=rtpmap:97 pcmu/8000\na=rtpmap:96 TELEPHONE-EVENT/8000")
        ).negotiated
        #expect(negotiated.codec == .pcmu)
        #expect(negotiated.payloadType == 97)
        #expect(negotiated.telephoneEventPayloadType == 96)
    }

    @Test func rtpmapOverridesAStaticNumberAndStereoIsNotOurs() throws {
        #expect(throws: SDPError.noCommonCodec) {
            try answer(try audio("RTP/AVP 0\na=rtpmap:0 L16/44100"))
        }
        #expect(throws: SDPError.noCommonCodec) {
            try answer(try audio("RTP/AVP 97\na=rtpmap:97 PCMU/8000/2"))
        }
        #expect(throws: SDPError.noCommonCodec) {
            try answer(try audio("RTP/AVP 97\na=rtpmap:97 PCMU/16000"))
        }
        #expect(throws: SDPError.noCommonCodec) {
            try answer(try audio("RTP/AVP 18 101\na=rtpmap:101 telephone-event/8000"))
        }
    }

    @Test func telephoneEventOfAnotherClockIsNotTaken() throws {
        let negotiated = try answer(
            try audio(
                "RTP/AVP 0 100 101\na=rtpmap:100 telephone-event/48000\n"
                    + "a=rtpmap:101 telephone-event/8000"
            )
        ).negotiated
        #expect(negotiated.telephoneEventPayloadType == 101)
    }

    @Test func packetLengthFollowsThePeerWithinWhatWeCan() throws {
        func length(_ wish: String, _ can: [Int]) throws -> Int {
            try answer(try audio("RTP/AVP 0\n\(wish)"), AudioCapabilities(sendablePtimes: can))
                .negotiated.ptimeMilliseconds
        }
        #expect(try length("a=ptime:30", [20]) == 20)
        #expect(try length("a=ptime:30", [10, 20, 30]) == 30)
        #expect(try length("a=ptime:50", [10, 20, 30, 40, 60]) == 40)
        #expect(try length("a=ptime:200", [10, 20, 30, 40, 60]) == 60)
        #expect(try length("a=ptime:5", [10, 20]) == 10)
        #expect(try length("a=minptime:40", [10, 20, 40]) == 40)
        #expect(try length("a=ptime:20\na=minptime:30", [10, 20, 30, 40]) == 30)
        #expect(try length("a=ptime:40\na=maxptime:20", [20, 40]) == 20)
        #expect(try length("a=maxptime:10", [10, 20]) == 10)
        #expect(try length("a=maxptime:10", [20]) == 20)
        #expect(try length("", [10, 20, 30]) == 20)
    }

    @Test(arguments: [
        ("sendonly", MediaDirection.recvonly), ("recvonly", .sendonly), ("inactive", .inactive),
        ("sendrecv", .sendrecv),
    ])
    func directionIsMirrored(stated: String, ours: MediaDirection) throws {
        let media = try answer(try audio("RTP/AVP 0\na=\(stated)"))
        #expect(media.negotiated.direction == ours)
        #expect(media.answer.media[0].direction == ours)
        // At session level it stands for lines without their own.
        let session = try lines("v=0\nc=IN IP4 192.0.2.9\na=\(stated)\nm=audio 5000 RTP/AVP 0")
        #expect(try answer(session).negotiated.direction == ours)
        let both = try lines(
            "v=0\nc=IN IP4 192.0.2.9\na=inactive\nm=audio 5000 RTP/AVP 0\na=\(stated)")
        #expect(try answer(both).negotiated.direction == ours)
    }

    @Test func ownHoldNarrowsTheAnswer() throws {
        let held = try answer(try audio("RTP/AVP 0"), direction: .sendonly)
        #expect(held.negotiated.direction == .sendonly)
        let none = try answer(try audio("RTP/AVP 0\na=sendonly"), direction: .sendonly)
        #expect(none.negotiated.direction == .inactive)
    }

    @Test func zeroAddressIsHold() throws {
        let (answer, negotiated) = try answer(try description("hold-2543.sdp"))
        #expect(negotiated.direction == .recvonly)
        #expect(answer.media[0].direction == .recvonly)
        #expect(negotiated.remoteAddress == "0.0.0.0")
    }

    @Test func sessionInactiveAndIPv6() throws {
        let negotiated = try answer(try description("ipv6-session-inactive.sdp")).negotiated
        #expect(negotiated.direction == .inactive)
        #expect(negotiated.remoteAddress == "2001:db8::7")
        #expect(isUsableMediaAddress(negotiated.remoteAddress, from: "127.0.0.1"))
    }

    @Test func rtcpMuxIsAnsweredOnlyWhenOffered() throws {
        let with = try answer(try audio("RTP/AVP 0\na=rtcp-mux\na=rtcp:5000"))
        #expect(with.answer.media[0].rtcpMux)
        #expect(with.negotiated.rtcpMux)
        #expect(with.negotiated.remoteRTCPPort == 5000)
        let without = try answer(try audio("RTP/AVP 0"), AudioCapabilities(rtcpMux: true))
        #expect(!without.answer.media[0].rtcpMux)
        #expect(without.negotiated.remoteRTCPPort == 5001)
    }

    @Test func secureOfferGetsTheUsableCryptoLine() throws {
        let session = try description("savp-twelve-crypto-lines.sdp")
        let (answer, negotiated) = try answer(session, AudioCapabilities(srtp: .optional))
        #expect(answer.media[0].protocolName == "RTP/SAVP")
        // The eighth names its key, so ours has a name too.
        let identifier = CryptoAttribute.MasterKeyIdentifier(value: 1, byteCount: 4)
        #expect(
            answer.media[0].crypto == [CryptoAttribute(tag: 8, key: ourKey, mki: identifier)])
        #expect(
            negotiated.srtp
                == NegotiatedSRTP(
                    suite: "AES_CM_128_HMAC_SHA1_80", localKey: ourKey,
                    remoteKey: [UInt8](repeating: 8, count: 30), localMKI: [0, 0, 0, 1],
                    remoteMKI: [0, 0, 0, 1]))
        #expect(negotiated.telephoneEventPayloadType == 96)
        #expect(negotiated.rtcpMux)
        #expect(negotiated.remoteRTCPPort == 30_018)
    }

    @Test func secureOfferIsNeverAnsweredPlain() throws {
        let session = try description("savp-twelve-crypto-lines.sdp")
        #expect(throws: SDPError.srtpNotSupported) { try answer(session) }
        var bare = session
        bare.media[0].crypto = []
        for srtp in [AudioCapabilities.SRTP.optional, .required] {
            #expect(throws: SDPError.noUsableCrypto) {
                try answer(bare, AudioCapabilities(srtp: srtp))
            }
        }
        #expect(throws: SDPError.missingKey(expected: 30, have: 0)) {
            try answer(session, AudioCapabilities(srtp: .optional), key: nil)
        }
    }

    @Test func plainOfferIsRefusedWhenSecurityIsRequired() throws {
        #expect(throws: SDPError.srtpRequired) {
            try answer(try audio("RTP/AVP 0"), AudioCapabilities(srtp: .required))
        }
        // RFC 8643: crypto lines on the plain profile satisfy it.
        let opportunistic = try answer(
            try offer(AudioCapabilities(srtp: .optional)), AudioCapabilities(srtp: .required))
        #expect(opportunistic.answer.media[0].protocolName == "RTP/AVP")
        #expect(opportunistic.negotiated.srtp?.remoteKey == ourKey)
        // And mean nothing to one without SRTP.
        let plain = try answer(try offer(AudioCapabilities(srtp: .optional)))
        #expect(plain.negotiated.srtp == nil)
        #expect(plain.answer.media[0].crypto.isEmpty)
    }

    @Test func secureLineIsTakenBeforeThePlainOneAndTheRestIsRejectedInOrder() throws {
        let session = try description("secure-or-plain.sdp")
        let secure = try answer(session, AudioCapabilities(srtp: .optional))
        #expect(secure.negotiated.mediaIndex == 1)
        #expect(secure.negotiated.codec == .pcmu)
        #expect(secure.answer.media.map(\.port) == [0, 20_000, 0, 0])
        #expect(secure.answer.media.map(\.kind) == ["audio", "audio", "image", "audio"])
        #expect(
            secure.answer.media.map(\.protocolName)
                == ["RTP/AVP", "RTP/SAVP", "UDPTL", "RTP/AVP"])
        let plain = try answer(session)
        #expect(plain.negotiated.mediaIndex == 0)
        #expect(plain.answer.media.map(\.port) == [20_000, 0, 0, 0])
    }

    @Test func whatCannotBeAnsweredIsNamed() throws {
        #expect(throws: SDPError.noAudio) { try answer(try lines("v=0\nc=IN IP4 1.2.3.4")) }
        #expect(throws: SDPError.noAudio) { try answer(try audio("RTP/AVP 0", port: 0)) }
        #expect(throws: SDPError.noAudio) {
            try answer(try lines("v=0\nm=image 5000 udptl t38"))
        }
        #expect(throws: SDPError.unsupportedTransport("TCP/RTP/AVP")) {
            try answer(try audio("TCP/RTP/AVP 0"))
        }
        #expect(throws: SDPError.noConnection) {
            try answer(try lines("v=0\nm=audio 5000 RTP/AVP 0"))
        }
        #expect(throws: SDPError.noCommonCodec) { try answer(try audio("RTP/AVP")) }
    }
}

@Suite struct AcceptTests {
    private func accept(
        _ rest: String, to offer: SessionDescription, port: Int = 5000
    ) throws(SDPError) -> NegotiatedAudio {
        try OfferAnswer.accept(answer: try audio(rest, port: port), toOffer: offer)
    }

    @Test func answersFirstCommonCodecIsTaken() throws {
        let negotiated = try accept(
            "RTP/AVP 8 0 101\na=rtpmap:101 telephone-event/8000\na=ptime:20", to: try offer())
        #expect(
            negotiated
                == NegotiatedAudio(
                    remoteAddress: "198.51.100.7", remotePort: 5000,
                    remoteRTCPAddress: "198.51.100.7", remoteRTCPPort: 5001, codec: .pcma,
                    payloadType: 8, receivePayloadType: 8, telephoneEventPayloadType: 101,
                    receiveTelephoneEventPayloadType: 101, ptimeMilliseconds: 20,
                    direction: .sendrecv, srtp: nil, rtcpMux: false, mediaIndex: 0,
                    alternatives: [.init(payloadType: 0, codec: .pcmu)]))
    }

    @Test func renumberedTelephoneEventIsSentAsTheAnswerSays() throws {
        let negotiated = try accept(
            "RTP/AVP 0 96\na=rtpmap:96 telephone-event/8000", to: try offer())
        #expect(negotiated.telephoneEventPayloadType == 96)
        #expect(negotiated.receiveTelephoneEventPayloadType == 101)
    }

    @Test func telephoneEventWithoutItsRtpmapIsStillOurs() throws {
        #expect(try accept("RTP/AVP 0 101", to: try offer()).telephoneEventPayloadType == 101)
        #expect(try accept("RTP/AVP 0", to: try offer()).telephoneEventPayloadType == nil)
    }

    @Test func answeredDirectionIsMirrored() throws {
        #expect(try accept("RTP/AVP 0\na=recvonly", to: try offer()).direction == .sendonly)
        #expect(try accept("RTP/AVP 0\na=inactive", to: try offer()).direction == .inactive)
        #expect(
            try accept("RTP/AVP 0\na=sendrecv", to: try offer(direction: .sendonly)).direction
                == .sendonly)
    }

    @Test func secureAnswerGivesBothKeys() throws {
        let line =
            "RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"
            + "CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoK|2^48"
        let negotiated = try accept(line, to: try offer(AudioCapabilities(srtp: .required)))
        #expect(negotiated.srtp?.localKey == ourKey)
        #expect(negotiated.srtp?.remoteKey == [UInt8](repeating: 10, count: 30))
    }

    @Test func secureOfferAcceptsNoPlainAnswer() throws {
        let secure = try offer(AudioCapabilities(srtp: .required))
        #expect(throws: SDPError.answerMismatch("transport")) {
            try accept("RTP/AVP 0", to: secure)
        }
        #expect(throws: SDPError.srtpRequired) { try accept("RTP/SAVP 0", to: secure) }
        let key = "inline:CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoK"
        #expect(throws: SDPError.answerMismatch("crypto tag")) {
            try accept("RTP/SAVP 0\na=crypto:2 AES_CM_128_HMAC_SHA1_80 \(key)", to: secure)
        }
        #expect(throws: SDPError.answerMismatch("crypto suite")) {
            try accept("RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_32 \(key)", to: secure)
        }
        #expect(throws: SDPError.noUsableCrypto) {
            try accept(
                "RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:CgoK", to: secure)
        }
        #expect(throws: SDPError.noUsableCrypto) {
            try accept(
                "RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 \(key) UNENCRYPTED_SRTP",
                to: secure)
        }
    }

    @Test func optionalSecurityTakesEither() throws {
        let optional = try offer(AudioCapabilities(srtp: .optional))
        #expect(try accept("RTP/AVP 0", to: optional).srtp == nil)
        let line =
            "RTP/AVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"
            + "CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoK"
        #expect(try accept(line, to: optional).srtp != nil)
        // Crypto lines in answer to none offered are ignored.
        #expect(try accept(line, to: try offer()).srtp == nil)
    }

    @Test func answersThatDoNotFitAreNamed() throws {
        let ours = try offer()
        #expect(throws: SDPError.mediaRejected) { try accept("RTP/AVP 0", to: ours, port: 0) }
        #expect(throws: SDPError.answerMismatch("m= lines")) {
            try OfferAnswer.accept(answer: try lines("v=0"), toOffer: ours)
        }
        #expect(throws: SDPError.answerMismatch("media kind")) {
            try OfferAnswer.accept(
                answer: try lines("v=0\nm=video 5 RTP/AVP 31"), toOffer: ours)
        }
        #expect(throws: SDPError.answerMismatch("transport")) {
            try accept("RTP/SAVP 0", to: ours)
        }
        #expect(throws: SDPError.noCommonCodec) { try accept("RTP/AVP 18", to: ours) }
        #expect(throws: SDPError.noConnection) {
            try OfferAnswer.accept(
                answer: try lines("v=0\nm=audio 5 RTP/AVP 0"), toOffer: ours)
        }
    }

    @Test func rtcpMuxNeedsBoth() throws {
        let offered = try offer(AudioCapabilities(rtcpMux: true))
        #expect(try accept("RTP/AVP 0\na=rtcp-mux", to: offered).rtcpMux)
        #expect(try !accept("RTP/AVP 0", to: offered).rtcpMux)
        #expect(try !accept("RTP/AVP 0\na=rtcp-mux", to: try offer()).rtcpMux)
    }

    @Test func ourAnswerIsAcceptableToOurOffer() throws {
        for srtp in [AudioCapabilities.SRTP.none, .optional, .required] {
            let capabilities = AudioCapabilities(srtp: srtp, rtcpMux: true)
            let offered = try SessionDescription(
                parsing: try offer(capabilities).serialisedBytes)
            let theirKey = [UInt8](repeating: 0x66, count: 30)
            let answered = try answer(offered, capabilities, key: theirKey)
            let accepted = try OfferAnswer.accept(
                answer: try SessionDescription(parsing: answered.answer.serialisedBytes),
                toOffer: offered)
            #expect(accepted.codec == answered.negotiated.codec)
            #expect(accepted.srtp?.localKey == answered.negotiated.srtp?.remoteKey)
            #expect(accepted.srtp?.remoteKey == answered.negotiated.srtp?.localKey)
            #expect((accepted.srtp != nil) == (srtp != .none))
            #expect(accepted.rtcpMux)
        }
    }
}
