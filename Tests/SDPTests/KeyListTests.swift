import SDP
import Testing

/// The key of 30 times `byte`, as it stands in a crypto line.
private func inline(_ byte: UInt8, _ rest: String = "") -> String {
    // Three equal bytes are four letters, ten times over.
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    let word = UInt32(byte) << 16 | UInt32(byte) << 8 | UInt32(byte)
    let four = (0..<4).map { letters[Int(word >> (18 - 6 * UInt32($0)) & 63)] }
    return "inline:" + String(repeating: String(four), count: 10) + rest
}

private func key(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 30) }

/// Crypto lines with several keys (RFC 4568 6.1).
@Suite struct KeyListTests {
    @Test func everyKeyOfALineMayCome() throws {
        let line =
            inline(10, "|2^31|1:4") + ";" + inline(11, "|2^20|2:4") + ";"
            + inline(12, "|258:4")
        let (answer, negotiated) = try keyedAnswer(line)
        let srtp = try #require(negotiated.srtp)
        #expect(srtp.remoteKey == key(10))
        #expect(srtp.remoteMKI == [0, 0, 0, 1])
        #expect(
            srtp.furtherRemoteKeys == [
                NegotiatedSRTP.NamedKey(key: key(11), mki: [0, 0, 0, 2]),
                NegotiatedSRTP.NamedKey(key: key(12), mki: [0, 0, 1, 2]),
            ])
        // Ours is one, by the first one's name.
        #expect(srtp.localMKI == [0, 0, 0, 1])
        #expect(answer.media[0].crypto.count == 1)
        #expect(answer.media[0].crypto[0].furtherKeys.isEmpty)
        #expect(
            answer.serialised.contains("inline:IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIi|1:4\r\n"))
    }

    @Test func anAnswerMayHaveSeveralToo() throws {
        let offer = try OfferAnswer.makeOffer(
            localAddress: "192.0.2.1", port: 20_000, capabilities: able(.required), sessionID: 1
        ) { [UInt8](repeating: 0x11, count: $0.keyCount) }
        let answered = try lines(
            "v=0\nc=IN IP4 192.0.2.9\nm=audio 5000 RTP/SAVP 0\n"
                + "a=crypto:4 AES_CM_128_HMAC_SHA1_80 \(inline(10, "|9:1"));\(inline(11, "|8:1"))")
        let srtp = try OfferAnswer.accept(answer: answered, toOffer: offer).srtp
        #expect(srtp?.remoteMKI == [9])
        #expect(srtp?.furtherRemoteKeys == [NegotiatedSRTP.NamedKey(key: key(11), mki: [8])])
        #expect(srtp?.localMKI == [])
    }

    @Test func oneKeyIsNoList() throws {
        #expect(try keyedAnswer(inline(10, "|1:4")).negotiated.srtp?.furtherRemoteKeys == [])
        #expect(try keyedAnswer(inline(10)).negotiated.srtp?.furtherRemoteKeys == [])
    }

    /// Whoever accepted such a line would be deaf, or take one key for another.
    @Test(arguments: [
        // Without names nobody could tell them apart, nor with the same ones.
        inline(10) + ";" + inline(11), inline(10, "|1:4") + ";" + inline(11),
        inline(10) + ";" + inline(11, "|1:4"), inline(10, "|1:4") + ";" + inline(11, "|1:4"),
        // One key by two names has one replay window, which two contexts would have twice.
        inline(10, "|1:4") + ";" + inline(10, "|2:4"),
        // Names of two lengths.
        inline(10, "|1:4") + ";" + inline(11, "|2:2"),
        inline(10, "|1:4") + ";" + inline(11, "|256:1"),
        // A second key that is used up in a call, cut short, or none.
        inline(10, "|1:4") + ";" + inline(11, "|2^10|2:4"), inline(10, "|1:4") + ";inline:CwsL|2:4",
        inline(10, "|1:4") + ";future:CwsL|2:4", inline(10, "|1:4") + ";inline:|2:4",
    ])
    func aListThatCannotBeHeardWholeIsPassedOver(line: String) throws {
        #expect(throws: SDPError.noUsableCrypto) { try keyedAnswer(line) }
    }

    @Test func eightKeysAreTakenAndNineAreNot() throws {
        func line(_ count: Int) -> String {
            (1...count).map { inline(UInt8($0), "|\($0):2") }.joined(separator: ";")
        }
        #expect(try keyedAnswer(line(8)).negotiated.srtp?.furtherRemoteKeys.count == 7)
        #expect(throws: SDPError.noUsableCrypto) { try keyedAnswer(line(9)) }
        // The next line may do.
        let both = try lines(
            "v=0\nc=IN IP4 192.0.2.9\nm=audio 5000 RTP/SAVP 0\n"
                + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 \(line(9))\n"
                + "a=crypto:2 AES_CM_128_HMAC_SHA1_80 \(line(2))")
        let negotiated = try OfferAnswer.answer(
            to: both, localAddress: "192.0.2.2", port: 30_000, capabilities: able(.required),
            sessionID: 43
        ) { [UInt8](repeating: 0x22, count: $0.keyCount) }.negotiated
        #expect(negotiated.srtp?.furtherRemoteKeys.count == 1)
    }

    @Test func aListReadsBackAsItWasWritten() throws {
        let line =
            inline(10, "|2^31|1:4") + ";" + inline(11, "|1048577|2:4") + ";" + inline(12, "|3:4")
        let media = try keyedOffer(line + " WSH=64")
        #expect(media.serialised.contains(" \(line) WSH=64\r\n"))
    }

    @Test func keysOfAListDoNotPrintThemselves() throws {
        let line = inline(0xAB, "|1:4") + ";" + inline(0xAC, "|2:4")
        let offer = try keyedOffer(line)
        let srtp = try #require(try keyedAnswer(line).negotiated.srtp)
        for text in [
            "\(offer.media[0].crypto)", "\(srtp)", "\(srtp.furtherRemoteKeys)",
            String(reflecting: offer.media[0].crypto[0].furtherKeys),
        ] {
            #expect(!text.contains("171") && !text.contains("172") && !text.contains("rKys"))
        }
    }
}
