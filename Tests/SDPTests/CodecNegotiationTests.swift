import SDP
import Testing

/// An offer from 198.51.100.7 with this m= line and what follows it.
private func offer(_ rest: String) throws(SDPError) -> SessionDescription {
    try lines("v=0\nc=IN IP4 198.51.100.7\nm=audio 5000 \(rest)")
}

private func answer(
    _ offer: SessionDescription, _ capabilities: AudioCapabilities = able(.none)
) throws(SDPError) -> (answer: SessionDescription, negotiated: NegotiatedAudio) {
    try OfferAnswer.answer(
        to: offer, localAddress: "192.0.2.1", port: 20_000, capabilities: capabilities,
        sessionID: 42)
}

private func makeOffer(_ capabilities: AudioCapabilities) throws(SDPError) -> SessionDescription {
    try OfferAnswer.makeOffer(
        localAddress: "192.0.2.1", port: 20_000, capabilities: capabilities, sessionID: 42)
}

@Suite struct CodecOfferTests {
    @Test func everyCodecIsOfferedAsItsRFCWritesIt() throws {
        let codecs: [AudioCodec] = [.opus, .g722, .pcmu, .pcma, .l16Wideband, .l16]
        #expect(
            try makeOffer(able(.none, codecs)).media[0].lines == """
                m=audio 20000 RTP/AVP 111 9 0 8 97 96 13 110 102 101
                a=rtpmap:111 opus/48000/2
                a=rtpmap:9 G722/8000
                a=rtpmap:0 PCMU/8000
                a=rtpmap:8 PCMA/8000
                a=rtpmap:97 L16/16000
                a=rtpmap:96 L16/8000
                a=rtpmap:13 CN/8000
                a=rtpmap:110 telephone-event/48000
                a=rtpmap:102 telephone-event/16000
                a=rtpmap:101 telephone-event/8000
                a=fmtp:111 minptime=10;useinbandfec=1;usedtx=0;stereo=0;sprop-stereo=0;\
                maxplaybackrate=16000;sprop-maxcapturerate=16000
                a=fmtp:110 0-15
                a=fmtp:102 0-15
                a=fmtp:101 0-15
                a=ptime:20
                a=rtcp-xr:voip-metrics
                a=sendrecv
                """)
    }

    @Test func eventsAreOfferedAtTheRatesThatTheCodecsNeed() {
        func rates(_ codecs: [AudioCodec]) -> [UInt8] {
            AudioFormat.formats(of: codecs).map(\.payloadType)
        }
        #expect(rates([.pcmu]) == [0, 101])
        #expect(rates([.g722, .pcma]) == [9, 8, 101])
        #expect(rates([.opus]) == [111, 110, 101])
        #expect(rates([.l16Wideband]) == [97, 102, 101])
    }
}

@Suite struct CodecAnswerTests {
    @Test(arguments: [
        ("9", "", AudioCodec.g722, UInt8(9)),
        ("9", "a=rtpmap:9 g722/8000", .g722, 9),
        ("100", "a=rtpmap:100 G722/8000/1", .g722, 100),
        ("107", "a=rtpmap:107 OPUS/48000/2", .opus, 107),
        ("107", "a=rtpmap:107 opus/48000", .opus, 107),
        ("98", "a=rtpmap:98 L16/8000", .l16, 98),
        ("98", "a=rtpmap:98 L16/16000/1", .l16Wideband, 98),
    ])
    func everyCodecIsUnderstood(
        type: String, map: String, codec: AudioCodec, payloadType: UInt8
    ) throws {
        let negotiated = try answer(try offer("RTP/AVP \(type)\n\(map)")).negotiated
        #expect(negotiated.codec == codec)
        #expect(negotiated.payloadType == payloadType)
    }

    @Test(arguments: [
        "RTP/AVP 10", "RTP/AVP 11", "RTP/AVP 98\na=rtpmap:98 L16/16000/2",
        "RTP/AVP 98\na=rtpmap:98 L16/44100", "RTP/AVP 98\na=rtpmap:98 G722/16000",
        "RTP/AVP 98\na=rtpmap:98 opus/16000/2", "RTP/AVP 98\na=rtpmap:98 opus/48000/6",
        "RTP/AVP 3 18 4", "RTP/AVP 13 101\na=rtpmap:101 telephone-event/8000",
    ])
    func whatWeCannotDecodeIsNoCommonCodec(rest: String) throws {
        #expect(throws: SDPError.noCommonCodec) { try answer(try offer(rest)) }
    }

    @Test func offerersOrderDecidesUnlessOursIsToldTo() throws {
        let offered = try offer("RTP/AVP 8 0 9 111\na=rtpmap:111 opus/48000/2")
        var capabilities = able(.none, [.opus, .g722, .pcmu, .pcma])
        #expect(try answer(offered, capabilities).negotiated.codec == .pcma)
        capabilities.preference = .own
        #expect(try answer(offered, capabilities).negotiated.codec == .opus)
        capabilities.codecs = AudioFormat.formats(of: [.g722, .opus])
        #expect(try answer(offered, capabilities).negotiated.codec == .g722)
        #expect(throws: SDPError.noCommonCodec) {
            try answer(try offer("RTP/AVP 0"), capabilities)
        }
    }

    @Test func eventsGoAtTheAudiosClockElseAt8000() throws {
        let both =
            "RTP/AVP 111 0 101 110\na=rtpmap:111 opus/48000/2\n"
            + "a=rtpmap:101 telephone-event/8000\na=rtpmap:110 telephone-event/48000"
        let opus = try answer(try offer(both))
        #expect(opus.negotiated.telephoneEventPayloadType == 110)
        #expect(opus.negotiated.telephoneEventClockRate == 48_000)
        #expect(opus.answer.media[0].formats == ["111", "110"])
        #expect(opus.answer.media[0].encoding(of: 110)?.clockRate == 48_000)
        let narrow = try answer(try offer(both), able(.none, [.pcmu]))
        #expect(narrow.negotiated.telephoneEventPayloadType == 101)
        #expect(narrow.negotiated.telephoneEventClockRate == 8000)
        // A peer with Opus and digits at 8000 only.
        let only8000 = try answer(
            try offer(
                "RTP/AVP 111 101\na=rtpmap:111 opus/48000/2\na=rtpmap:101 telephone-event/8000"))
        #expect(only8000.negotiated.codec == .opus)
        #expect(only8000.negotiated.telephoneEventPayloadType == 101)
        #expect(only8000.negotiated.telephoneEventClockRate == 8000)
    }

    @Test func comfortNoiseIsTakenBesideAn8000HertzClockAlone() throws {
        let taken = try answer(try offer("RTP/AVP 0 13"))
        #expect(taken.negotiated.comfortNoisePayloadType == 13)
        #expect(taken.answer.media[0].formats == ["0", "13"])
        #expect(taken.answer.serialised.contains("a=rtpmap:13 CN/8000\r\n"))
        let opus = try answer(try offer("RTP/AVP 111 13\na=rtpmap:111 opus/48000/2"))
        #expect(opus.negotiated.comfortNoisePayloadType == nil)
        let none = try answer(
            try offer("RTP/AVP 0 13"), AudioCapabilities(codecs: AudioFormat.formats(of: [.pcmu])))
        #expect(none.negotiated.comfortNoisePayloadType == nil)
        #expect(none.answer.media[0].formats == ["0"])
    }

    @Test func packetLengthsAreThoseOfTheCodec() throws {
        func length(_ rest: String) throws -> Int {
            try answer(try offer(rest)).negotiated.ptimeMilliseconds
        }
        let opus = "RTP/AVP 111\na=rtpmap:111 opus/48000/2\n"
        #expect(try length("RTP/AVP 0\na=ptime:30") == 30)
        #expect(try length(opus + "a=ptime:30") == 20)
        #expect(try length(opus + "a=ptime:60") == 60)
        #expect(try length(opus + "a=ptime:10\na=fmtp:111 minptime=20") == 20)
        #expect(try length("RTP/AVP 98\na=rtpmap:98 L16/16000\na=ptime:60") == 40)
        #expect(try length("RTP/AVP 98\na=rtpmap:98 L16/8000\na=ptime:60") == 60)
    }

    @Test func opusParametersAreReadAndNonsenseIsPassedOver() throws {
        let negotiated = try answer(try description("baresip-dtls.sdp"), able(.dtls)).negotiated
        var expected = OpusParameters()
        expected.prefersStereo = true
        expected.maximumAverageBitrate = 28_000
        #expect(negotiated.opus == expected)
        var full = OpusParameters()
        full.usesInbandFEC = true
        full.usesDTX = true
        full.wantsConstantBitrate = true
        full.maximumPlaybackRate = 8000
        full.captureRate = 12_000
        full.minimumPtime = 20
        #expect(
            OpusParameters(
                parsing: " useinbandfec=1; USEDTX = 1;cbr=1;maxplaybackrate=8000;"
                    + "sprop-maxcapturerate=12000;minptime=20") == full)
        #expect(
            OpusParameters(
                parsing: ";;=;useinbandfec;usedtx=x;stereo=2;maxaveragebitrate=1;minptime=999;"
                    + "maxplaybackrate=99999999999999999999;cbr=-1") == OpusParameters())
        #expect(OpusParameters(parsing: nil) == OpusParameters())
        // Nobody makes us read a thousand of them.
        let many = String(repeating: "x=1;", count: 32) + "useinbandfec=1"
        #expect(OpusParameters(parsing: many) == OpusParameters())
        #expect(try answer(try offer("RTP/AVP 0")).negotiated.opus == nil)
    }
}

@Suite struct CodecAcceptTests {
    private func accept(
        _ rest: String, _ capabilities: AudioCapabilities = able(.none)
    ) throws(SDPError) -> NegotiatedAudio {
        try OfferAnswer.accept(
            answer: try offer(rest), toOffer: try makeOffer(capabilities),
            capabilities: capabilities)
    }

    @Test func opusAnsweredWithItsOwnNumbers() throws {
        let negotiated = try accept(
            "RTP/AVP 107 100\na=rtpmap:107 opus/48000/2\na=fmtp:107 useinbandfec=1\n"
                + "a=rtpmap:100 telephone-event/48000")
        #expect(negotiated.codec == .opus)
        #expect(negotiated.payloadType == 107)
        #expect(negotiated.receivePayloadType == 111)
        #expect(negotiated.telephoneEventPayloadType == 100)
        #expect(negotiated.receiveTelephoneEventPayloadType == 110)
        #expect(negotiated.telephoneEventClockRate == 48_000)
        #expect(negotiated.opus?.usesInbandFEC == true)
    }

    @Test func opusAnsweredWithEventsAt8000() throws {
        let negotiated = try accept(
            "RTP/AVP 111 101\na=rtpmap:111 opus/48000/2\na=rtpmap:101 telephone-event/8000")
        #expect(negotiated.telephoneEventPayloadType == 101)
        #expect(negotiated.telephoneEventClockRate == 8000)
    }

    /// RFC 4733 2.1: with PCMU come digits of its clock, whatever those beside Opus are.
    @Test func digitsOfEveryAgreedClockMayCome() throws {
        let wide = able(.none, [.opus, .l16Wideband, .pcmu])
        let both = try accept(
            "RTP/AVP 111 0 110 101\na=rtpmap:111 opus/48000/2\n"
                + "a=rtpmap:110 telephone-event/48000\na=rtpmap:101 telephone-event/8000", wide)
        #expect(both.receiveTelephoneEventPayloadType == 110)
        #expect(both.alternativeEvents == [.init(payloadType: 101, clockRate: 8000)])
        // By our numbers, one of them without its rtpmap; the clock of no codec chosen is one too.
        let renumbered = try accept(
            "RTP/AVP 0 97 100 102\na=rtpmap:97 L16/16000\na=rtpmap:100 telephone-event/48000",
            wide)
        #expect(renumbered.telephoneEventPayloadType == nil)
        #expect(
            renumbered.alternativeEvents == [
                .init(payloadType: 110, clockRate: 48_000),
                .init(payloadType: 102, clockRate: 16_000),
            ])
        // What the answer does not list, or we never offered, cannot come.
        #expect(try accept("RTP/AVP 0 101", wide).alternativeEvents.isEmpty)
        #expect(
            try accept(
                "RTP/AVP 0 101 110\na=rtpmap:110 telephone-event/48000", able(.none, [.pcmu])
            ).alternativeEvents.isEmpty)
    }

    @Test func otherCodecsOfTheAnswerMayComeAtAnyTime() throws {
        let negotiated = try accept("RTP/AVP 9 0 13")
        #expect(negotiated.codec == .g722)
        #expect(negotiated.comfortNoisePayloadType == 13)
        #expect(negotiated.alternatives == [.init(payloadType: 0, codec: .pcmu)])
        #expect(try accept("RTP/AVP 9").alternatives.isEmpty)
        #expect(try accept("RTP/AVP 9").comfortNoisePayloadType == nil)
        // What we never offered cannot come.
        #expect(try accept("RTP/AVP 0 8", able(.none, [.pcmu])).alternatives.isEmpty)
    }
}

@Suite struct ExtendedReportNegotiationTests {
    @Test func metricsAreSentToWhoAsksAndAskedOfWhoKnowsThem() throws {
        let asked = try answer(try offer("RTP/AVP 0\na=rtcp-xr:rcvr-rtt=all voip-metrics"))
        #expect(asked.negotiated.wantsExtendedReports)
        #expect(asked.answer.serialised.contains("a=rtcp-xr:voip-metrics\r\n"))
        let silent = try answer(try offer("RTP/AVP 0"))
        #expect(!silent.negotiated.wantsExtendedReports)
        #expect(!silent.answer.serialised.contains("rtcp-xr"))
        let other = try answer(try offer("RTP/AVP 0\na=rtcp-xr:pkt-loss-rle"))
        #expect(!other.negotiated.wantsExtendedReports)
        let session = try answer(
            try lines("v=0\nc=IN IP4 192.0.2.9\na=rtcp-xr:voip-metrics\nm=audio 5000 RTP/AVP 0"))
        #expect(session.negotiated.wantsExtendedReports)
        let ours = try makeOffer(able(.none))
        #expect(
            try OfferAnswer.accept(
                answer: try offer("RTP/AVP 0\na=rtcp-xr:voip-metrics"), toOffer: ours
            ).wantsExtendedReports)
    }
}

@Suite struct ManyAttributesTests {
    @Test func browsersOfferGetsAnAnswerWithoutICEInABundleOfOne() throws {
        let (answer, negotiated) = try answer(try description("browser.sdp"), able(.dtls))
        #expect(
            answer.serialised == """
                v=0\r
                o=- 42 1 IN IP4 192.0.2.1\r
                s=-\r
                c=IN IP4 192.0.2.1\r
                t=0 0\r
                a=group:BUNDLE 0\r
                m=audio 20000 UDP/TLS/RTP/SAVPF 111 110\r
                a=rtpmap:111 opus/48000/2\r
                a=rtpmap:110 telephone-event/48000\r
                a=fmtp:111 minptime=10;useinbandfec=1;usedtx=0;stereo=0;sprop-stereo=0;\
                maxplaybackrate=16000;sprop-maxcapturerate=16000\r
                a=fmtp:110 0-15\r
                a=ptime:20\r
                a=rtcp-mux\r
                a=mid:0\r
                a=setup:active\r
                a=fingerprint:sha-256 AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:\
                AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB\r
                a=sendrecv\r
                m=video 0 UDP/TLS/RTP/SAVPF 96\r
                a=mid:1\r

                """)
        #expect(negotiated.remoteAddress == "198.51.100.30")
        #expect(negotiated.remoteRTCPPort == 54_400)
        #expect(negotiated.dtls?.remoteFingerprints.first?.hash == .sha512)
    }

    @Test func bundleNeedsAMemberOfThatNameAndASharedPort() throws {
        func group(_ session: String, _ media: String) throws -> [SDPAttribute] {
            try answer(
                try lines(
                    "v=0\nc=IN IP4 192.0.2.9\n\(session)\nm=audio 5000 RTP/AVP 0\n\(media)")
            ).answer.attributes
        }
        #expect(
            try group("a=group:BUNDLE a v", "a=mid:a\na=rtcp-mux")
                == [SDPAttribute("group", "BUNDLE a")])
        #expect(try group("a=group:BUNDLE a v", "a=mid:a").isEmpty)
        #expect(try group("a=group:BUNDLE v", "a=mid:a\na=rtcp-mux").isEmpty)
        #expect(try group("a=group:LS a v", "a=mid:a\na=rtcp-mux").isEmpty)
        #expect(try group("", "a=mid:a\na=rtcp-mux").isEmpty)
    }

    @Test func bandwidthAndSourceLinesChangeNothing() throws {
        let plain = try answer(try offer("RTP/AVP 0"))
        let dressed = try answer(
            try offer(
                "RTP/AVP 0\nb=AS:64\nb=TIAS:64000\nb=RS:0\nb=RR:0\na=ssrc:1 cname:x\n"
                    + "a=ssrc-group:FID 1 2\na=candidate:1 1 UDP 1 198.51.100.7 5000 typ host\n"
                    + "a=ice-ufrag:x\na=ice-pwd:y"))
        #expect(dressed.answer == plain.answer)
        #expect(dressed.negotiated == plain.negotiated)
    }
}

extension MediaDescription {
    /// What stands on the wire from the m= line on.
    fileprivate var lines: String {
        let session = SessionDescription(
            origin: OriginField(sessionID: "1", version: "1", address: "192.0.2.1"),
            connection: nil, media: [self])
        let text = session.serialised.split(separator: "\r\n").map(String.init)
        return text.drop { !$0.hasPrefix("m=") }.joined(separator: "\n")
    }
}
