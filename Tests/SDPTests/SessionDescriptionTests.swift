import Base
import Foundation
import Testing

@testable import SDP

func fixture(_ name: String) throws -> [UInt8] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    return [UInt8](try Data(contentsOf: root.appending(path: "Fixtures/sdp/\(name)")))
}

func description(_ name: String) throws -> SessionDescription {
    try SessionDescription(parsing: try fixture(name))
}

/// A description from lines without their ends.
func lines(_ text: String) throws(SDPError) -> SessionDescription {
    try SessionDescription(parsing: Array(text.utf8))
}

/// Everything we can do, with a certificate of bytes 0xAB.
func able(
    _ srtp: AudioCapabilities.SRTP, _ codecs: [AudioCodec] = AudioCodec.allCases
) -> AudioCapabilities {
    let certificate = CertificateFingerprint(
        hash: .sha256, bytes: [UInt8](repeating: 0xAB, count: 32))
    return AudioCapabilities(
        codecs: AudioFormat.formats(of: codecs, comfortNoise: true), srtp: srtp,
        dtls: certificate.map { DTLSIdentity(fingerprint: $0) }, extendedReports: true)
}

let fixtures = [
    "rfc3264-offer.sdp", "static-only.sdp", "bare-lf-event-127.sdp",
    "savp-twelve-crypto-lines.sdp", "secure-or-plain.sdp", "hold-2543.sdp",
    "ipv6-session-inactive.sdp", "baresip-dtls.sdp", "browser.sdp",
]

@Suite struct SessionDescriptionTests {
    @Test func mediaFieldsAreRead() throws {
        let session = try description("bare-lf-event-127.sdp")
        #expect(
            session.origin
                == OriginField(sessionID: "1", version: "1", address: "192.0.2.10"))
        #expect(session.sessionName == "call")
        #expect(session.connection == nil)
        let media = try #require(session.media.first)
        #expect(media.kind == "audio")
        #expect(media.port == 30_000)
        #expect(media.protocolName == "RTP/AVP")
        #expect(media.payloadTypes == [18, 8, 0, 127])
        #expect(media.encoding(of: 127)?.encoding == "telephone-event")
        #expect(media.encoding(of: 8) == RTPMap(payloadType: 8, encoding: "PCMA", clockRate: 8000))
        #expect(media.encoding(of: 126) == nil)
        #expect(media.fmtp(of: 127) == "0-16")
        #expect(media.ptime == 30)
        #expect(media.maxptime == 150)
        #expect(media.rtcpPort == 30_500)
        #expect(media.rtcpAddress == "192.0.2.12")
        #expect(media.direction == .sendrecv)
        #expect(session.address(of: media)?.address == "192.0.2.11")
        #expect(!media.rtcpMux)
    }

    @Test func cryptoLinesAreReadInOrder() throws {
        let media = try #require(try description("savp-twelve-crypto-lines.sdp").media.first)
        #expect(media.crypto.map(\.tag) == Array(1...12))
        #expect(media.crypto[6].key == [UInt8](repeating: 7, count: 30))
        #expect(media.crypto[6].sessionParameters == ["UNENCRYPTED_SRTCP"])
        #expect(media.crypto[7].lifetime == 2_147_483_648)
        #expect(media.crypto[7].mki == .init(value: 1, byteCount: 4))
        #expect(media.crypto[8].mki == nil)
        #expect(media.rtcpMux)
        #expect(media.rtcpPort == 30_018)
        // What this room has no field for is kept.
        #expect(media.attributes.map(\.name) == ["mid", "setup", "fingerprint", "candidate"])
    }

    /// The two lines of RFC 4568 9.1's example.
    @Test func exampleOfRFC4568IsRead() throws {
        let session = try lines(
            """
            v=0
            m=audio 49170 RTP/SAVP 0
            a=crypto:1 AES_CM_128_HMAC_SHA1_32 \
            inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj|2^20|1:32
            a=crypto:2 AES_CM_128_HMAC_SHA1_80 \
            inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm|2^20|1:4;\
            inline:QUJjZGVmMTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5|2^20|2:4
            """)
        let crypto = session.media[0].crypto
        #expect(crypto.count == 2)
        #expect(String(decoding: crypto[0].key, as: UTF8.self) == "70xwPH5@/,L:S1wY\"~='EpgT%(i_Vc")
        #expect(crypto[0].lifetime == 1_048_576)
        #expect(crypto[0].mki == .init(value: 1, byteCount: 32))
        #expect(String(decoding: crypto[1].key, as: UTF8.self) == "123456789ABCDE0123456789ABcdef")
    }

    @Test(arguments: [
        "", "1", "1 X", "x AES_CM_128_HMAC_SHA1_80 inline:AAAA", "-1 A inline:AAAA",
        "1 A inlin:AAAA", "1 A inline:&&&", "1 A inline:AAAA|2^99", "1 A inline:AAAA|x",
        "1 A inline:AAAA|1:0", "1 A inline:AAAA|1:999", "1 A inline:AAAA|9999999999999999999999",
    ])
    func brokenCryptoStaysAnAttribute(value: String) throws {
        let session = try lines("v=0\nm=audio 1 RTP/SAVP 0\na=crypto:\(value)")
        #expect(session.media[0].crypto.isEmpty)
        #expect(session.media[0].attributes.map(\.name) == ["crypto"])
    }

    @Test func keysAreNeverPrinted() throws {
        let crypto = CryptoAttribute(tag: 1, key: [UInt8](repeating: 0x41, count: 30))
        let srtp = NegotiatedSRTP(suite: "S", localKey: [65, 65], remoteKey: [66, 66])
        for text in ["\(crypto)", "\(srtp)", String(reflecting: crypto), String(reflecting: srtp)] {
            #expect(!text.contains("65"))
            #expect(!text.contains("QUFB"))
            #expect(text.contains("redacted"))
        }
        var dumped = ""
        dump([crypto], to: &dumped)
        dump([srtp], to: &dumped)
        #expect(!dumped.contains("65"))
    }

    @Test func sessionLinesAreKeptAndWrittenInOrder() throws {
        let session = try description("ipv6-session-inactive.sdp")
        #expect(session.direction == .inactive)
        #expect(session.media[0].ptime == 20)
        #expect(
            session.serialised == """
                v=0\r
                o=- 7 7 IN IP6 2001:db8::7\r
                s=-\r
                i=info\r
                c=IN IP6 2001:db8::7\r
                b=AS:84\r
                t=3034423619 3042462419\r
                k=prompt\r
                a=inactive\r
                m=audio 42000 RTP/AVP 0\r
                i=title\r
                b=TIAS:64000\r
                a=ptime:20\r
                a=silenceSupp:off - - - -\r

                """)
    }

    @Test(arguments: fixtures)
    func whatIsWrittenReadsBackTheSame(name: String) throws {
        let session = try description(name)
        let again = try SessionDescription(parsing: session.serialisedBytes)
        #expect(again.media == session.media)
        #expect(again.origin == session.origin)
        #expect(again.serialised == session.serialised)
    }

    @Test func noiseIsTolerated() throws {
        let session = try lines(
            "v=0\r\r\n\nnoise\n=\nx\nz=1\na=sendonly\nm=AUDIO 10/2 rtp/avp \t 0  8\na=\na=:\n"
                + "a=rtpmap\na=rtpmap:x y/z\na=rtpmap:300 X/8000\na=rtpmap:8 PCMA/8000/1\n"
                + "a=ptime:0\na=rtcp:70000"
        )
        let media = session.media[0]
        #expect(media.kind == "audio")
        #expect(media.protocolName == "RTP/AVP")
        #expect(media.payloadTypes == [0, 8])
        #expect(media.rtpmaps == [RTPMap(payloadType: 8, encoding: "PCMA", clockRate: 8000)])
        #expect(media.ptime == nil)
        #expect(media.rtcpPort == nil)
        #expect(session.direction == .sendonly)
        #expect(session.otherLines == ["z=1"])
    }

    @Test func lineEndsCannotBeSmuggledIn() throws {
        var session = try description("static-only.sdp")
        session.sessionName = "x\r\na=evil"
        session.media[0].attributes = [SDPAttribute("note", "y\nm=audio 1 RTP/AVP 0")]
        let again = try SessionDescription(parsing: session.serialisedBytes)
        #expect(again.media.count == 1)
        #expect(again.attributes.isEmpty)
    }

    @Test func brokenMediaAndConnectionLinesAreNamed() {
        for bad in [
            "m=", "m=audio", "m=audio 1", "m=audio x RTP/AVP 0", "m=audio 65536 RTP/AVP 0",
            "m=audio -1 RTP/AVP 0", "m=audio / RTP/AVP 0", "c=", "c=IN IP4", "c=IN IP5 1.2.3.4",
            "c=XX IP4 1.2.3.4", "c=IN IP4 /",
        ] {
            #expect(throws: SDPError.badLine(line: 2)) { try lines("v=0\n\(bad)") }
        }
        for text in ["", "hello", "v=1", "o=- 1 1 IN IP4 1.2.3.4"] {
            #expect(throws: SDPError.notSDP) { try lines(text) }
        }
    }

    @Test func everyLimitHolds() {
        func body(_ line: String, _ count: Int) -> String {
            "v=0\n" + String(repeating: line + "\n", count: count)
        }
        #expect(throws: SDPError.tooLong(limit: 65_535, have: 65_536)) {
            try SessionDescription(parsing: [UInt8](repeating: 65, count: 65_536))
        }
        #expect(throws: SDPError.tooManyLines(limit: 1000)) { try lines(body("noise", 1000)) }
        #expect(throws: SDPError.lineTooLong(limit: 8192, line: 2)) {
            try lines("v=0\ns=" + String(repeating: "a", count: 8191))
        }
        #expect(throws: SDPError.tooManyMedia(limit: 32)) {
            try lines(body("m=audio 1 RTP/AVP 0", 33))
        }
        #expect(throws: SDPError.tooManyAttributes(limit: 256)) { try lines(body("a=x", 257)) }
        #expect(throws: SDPError.tooManyAttributes(limit: 256)) {
            try lines("v=0\nm=audio 1 RTP/AVP 0\n" + String(repeating: "b=x\n", count: 257))
        }
        let formats = String(repeating: " 0", count: 129)
        #expect(throws: SDPError.tooManyFormats(limit: 128)) {
            try lines("v=0\nm=audio 1 RTP/AVP\(formats)")
        }
        #expect(throws: Never.self) {
            _ = try lines(body("m=audio 1 RTP/AVP 0", 32))
            _ = try lines(body("a=x", 256))
            _ = try lines("v=0\nm=audio 1 RTP/AVP\(formats.dropLast(2))")
        }
    }

    @Test(arguments: fixtures)
    func everyTruncationIsReadOrRefused(name: String) throws {
        let bytes = try fixture(name)
        let whole = try SessionDescription(parsing: bytes)
        for count in bytes.indices {
            do throws(SDPError) {
                let session = try SessionDescription(parsing: Array(bytes[0..<count]))
                #expect(session.media.count <= whole.media.count)
                let again = try SessionDescription(parsing: session.serialisedBytes)
                #expect(again.media.count == session.media.count)
            } catch .notSDP {
                #expect(count < 3, "v=0 is there")
            } catch .badLine(let line) {
                let lines = bytes[0..<count].split(
                    separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
                #expect(line == lines.count, "only the line that was cut is bad")
            }
        }
    }

    @Test(arguments: fixtures)
    func mutationsNeverTrapAndStayReadable(name: String) throws {
        let whole = try fixture(name)
        var random = SeededGenerator(seed: 9)
        for _ in 0..<150 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(Array(" :/=|;\r\n09".utf8)[place % 10], at: place)
                }
            }
            guard let session = try? SessionDescription(parsing: bytes) else { continue }
            // What we write of it, we read again; and it can always be asked for an answer.
            let again = try? SessionDescription(parsing: session.serialisedBytes)
            #expect(again != nil)
            for srtp: AudioCapabilities.SRTP in [.none, .optional, .required, .dtls, .any] {
                let answered = try? OfferAnswer.answer(
                    to: session, localAddress: "192.0.2.1", port: 4000,
                    capabilities: able(srtp), sessionID: 1
                ) { [UInt8](repeating: 1, count: $0.keyCount) }
                guard let (answer, negotiated) = answered else { continue }
                let line = session.media[negotiated.mediaIndex].protocolName
                let isPlain = negotiated.srtp == nil && negotiated.dtls == nil
                #expect(!isPlain || !line.contains("SAVP"), "a secure offer answered plain")
                #expect(answer.media.count == session.media.count)
            }
            _ = try? OfferAnswer.accept(answer: session, toOffer: session)
        }
    }
}

@Test(arguments: [("2", 2), ("", 1), ("many", 1), ("0", nil), ("-5", nil), ("256", nil)])
func channelsOfAFormatAreOneTo255(text: String, channels: Int?) {
    let map = RTPMap(parsing: "111 opus/48000" + (text.isEmpty ? "" : "/" + text))
    #expect(map?.channels == channels)
}

@Test func anIdentifierOfNoLengthHasNoOctets() {
    for count in [-1, Int.min] {
        let mki = CryptoAttribute.MasterKeyIdentifier(value: 0, byteCount: count)
        #expect(mki.bytes == nil)
    }
}

@Suite struct MediaAddressTests {
    @Test(arguments: [
        ("0.0.0.0", MediaAddressKind.unspecified), ("0.1.2.3", .unspecified),
        ("127.0.0.1", .loopback), ("169.254.169.254", .linkLocal), ("224.0.0.1", .multicast),
        ("239.255.255.255", .multicast), ("240.0.0.1", .reserved), ("255.255.255.255", .reserved),
        ("192.0.2.1", .ordinary), ("10.0.0.1", .ordinary),
        ("::", .unspecified), ("::1", .loopback), ("ff02::1", .multicast), ("fe80::1", .linkLocal),
        ("2001:db8::1", .ordinary), ("1:2:3:4:5:6:7:8", .ordinary),
        ("2001:DB8::192.0.2.1", .ordinary),
        ("::ffff:0.0.0.0", .unspecified), ("::ffff:127.0.0.1", .loopback),
        ("::ffff:a9fe:a9fe", .linkLocal), ("::224.0.0.1", .multicast),
        ("0:0:0:0:0:0:0:0", .unspecified),
        ("", .invalid), ("host.example.com", .invalid), ("1.2.3", .invalid),
        ("1.2.3.256", .invalid),
        ("1.2.3.4.5", .invalid), ("1.2.3.", .invalid), ("+1.2.3.4", .invalid),
        ("0x7f.0.0.1", .invalid),
        ("0177.0.0.1", .invalid), (":::", .invalid), ("1::2::3", .invalid),
        ("fe80::1%eth0", .invalid),
        ("12345::", .invalid), ("1:2:3:4:5:6:7", .invalid), ("1:2:3:4:5:6:7:8:9", .invalid),
        ("::1.2.3", .invalid), ("1.2.3.4::1", .invalid), ("1:1.2.3.4::", .invalid),
        ("[::1]", .invalid), (":1:2:3:4:5:6:7:8", .invalid),
    ])
    func addressesAreSorted(text: String, kind: MediaAddressKind) {
        #expect(MediaAddressKind(text) == kind)
    }

    @Test func onlyOrdinaryAndLoopbackAreUsable() {
        #expect(isUsableMediaAddress("192.0.2.1", from: "127.0.0.1"))
        #expect(isUsableMediaAddress("127.0.0.1", from: "127.0.0.1"))
        #expect(isUsableMediaAddress("2001:db8::1", from: "127.0.0.1"))
        for text in ["0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "169.254.169.254", "example"]
        {
            #expect(!isUsableMediaAddress(text, from: "127.0.0.1"))
        }
    }
}
