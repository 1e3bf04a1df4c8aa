import Base
import Testing

@testable import SIP

private let invite = Array(
    """
    INVITE sip:+12125550100@192.0.2.20 SIP/2.0\r
    Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1\r
    call-id : abc@192.0.2.10\r
    Proxy-Authorization: Digest username="acme",\r
     response="5ecre7"\r
    Authorization: Digest response="5ecre7"\r
    Identity: 5ecre7token;info=<https://x.example>\r
    X-Note: kept\r
    Content-Type: application/sdp\r
    \r
    v=0\r
    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:5ecre7key|2^20|1:32\r
    k=base64:5ecre7\r
    m=audio 4000 RTP/SAVP 0\r

    """.utf8)

private let peer = SIPAddress(host: "192.0.2.20", port: 5060)
private let time = WallTime(milliseconds: 1_795_000_000_123)

@Test func traceShowsNoSecret() {
    let text = String(decoding: TraceRedaction.redact(invite), as: UTF8.self)
    #expect(!text.contains("5ecre7"))
    #expect(text.contains("Proxy-Authorization: (redacted)\r\n (redacted)\r\n"))
    #expect(text.contains("Identity: (redacted)\r\n"))
    #expect(text.contains("X-Note: kept\r\n"))
    #expect(text.contains("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:(redacted)\r\n"))
    #expect(text.contains("k=(redacted)\r\nm=audio 4000 RTP/SAVP 0\r\n"))
    let plain = Array("SIP/2.0 200 OK\r\nCall-ID: a\r\n\r\nv=0\r\n".utf8)
    #expect(TraceRedaction.redact(plain) == plain)
}

@Test(arguments: [
    // Empty lines before the start line are no end of the head.
    "\r\n\nINVITE sip:a SIP/2.0\r\nAuthorization: Digest response=\"5ecre7\"\r\n\r\n",
    "INVITE sip:a SIP/2.0\r\nY : 5ecre7\r\n\r\n",
    // Whatever the SDP reader takes for a key.
    "INVITE sip:a SIP/2.0\r\n\r\nv=0\ra=crypto:1 AES_256_CM inline:5ecre7\rm=audio 4 RTP/AVP 0\r",
    "INVITE sip:a SIP/2.0\r\n\r\nv=0\r\na=crypto:1\tAES_256_CM\tinline:5ecre7\r\n",
    "INVITE sip:a SIP/2.0\r\n\r\nv=0\r\na=CRYPTO: 1  AES_256_CM  inline:5ecre7 UNENCRYPTED_SRTP\r\n",
    "INVITE sip:a SIP/2.0\r\n\r\nv=0\r\n a= Crypto :1 inline:5ecre7\r\n",
    "INVITE sip:a SIP/2.0\r\n\r\nv=0\r\na=key-mgmt:mikey 5ecre7\r\na=ice-pwd:5ecre7\r\nK=clear:5ecre7",
])
func traceShowsNoSecretHoweverItIsWritten(message: String) {
    let redacted = TraceRedaction.redact(Array(message.utf8))
    let text = String(decoding: redacted, as: UTF8.self)
    #expect(!text.contains("5ecre7"), "\(text)")
    #expect(text.contains("(redacted)"))
    // Every line is still there, and no other has changed.
    let before = message.utf8.split(omittingEmptySubsequences: false) { $0 == 10 || $0 == 13 }
    let after = redacted.split(omittingEmptySubsequences: false) { $0 == 10 || $0 == 13 }
    #expect(before.count == after.count)
    for (was, now) in zip(before, after) {
        let isHidden = String(decoding: now, as: UTF8.self).contains("(redacted)")
        #expect(isHidden || was.elementsEqual(now))
    }
}

@Test func redactionNeverTraps() {
    for count in 0...invite.count {
        let text = String(
            decoding: TraceRedaction.redact(Array(invite.prefix(count))), as: UTF8.self)
        // A line that was cut inside its secret is still the line of a secret.
        if count > 300 { #expect(!text.contains("5ecre7"), "\(count)") }
    }
}

@Test func ladderIsThatOfOneCall() throws {
    var store = TraceStore()
    store.record(invite, isOutgoing: true, peer: peer, at: time)
    let ringing = Array("SIP/2.0 180 Ringing\r\ni: abc@192.0.2.10\r\n\r\n".utf8)
    store.record(ringing, isOutgoing: false, peer: peer, at: time + .milliseconds(40))
    store.record(
        Array("BYE sip:x SIP/2.0\r\nCall-ID: other\r\n\r\n".utf8), isOutgoing: true, peer: peer,
        at: time)
    store.record(Array("\r\n\r\n".utf8), isOutgoing: false, peer: peer, at: time)
    #expect(store.messages(of: "CA1") == nil)
    store.link("abc@192.0.2.10", to: "CA1")
    let found = try #require(store.messages(of: "CA1"))
    #expect(found.messages.map(\.summary) == ["INVITE sip:+12125550100@192.0.2.20", "180 Ringing"])
    let text = TracedMessage.ladder(found.messages, missing: 2, own: "us")
    #expect(
        text.hasPrefix(
            "2026-11-18T11:06:40.123Z  us ──▶ 192.0.2.20:5060/udp  INVITE "
                + "sip:+12125550100@192.0.2.20\n"
                + "2026-11-18T11:06:40.163Z  us ◀── 192.0.2.20:5060/udp  180 Ringing\n"
                + "… and 2 more\n"))
    #expect(!text.contains("5ecre7"))
}

@Test func traceMemoryIsBounded() {
    var limits = TraceStore.Limits()
    limits.calls = 10
    limits.messagesPerCall = 3
    limits.messageBytes = 100
    limits.bytes = 2_000
    var store = TraceStore(limits)
    for call in 0..<5_000 {
        store.link("c\(call)", to: "n\(call)")
        for _ in 0..<5 {
            store.record(
                Array(
                    "OPTIONS x SIP/2.0\r\nCall-ID: c\(call)\r\nX: \(String(repeating: "y", count: 200))\r\n"
                        .utf8),
                isOutgoing: true, peer: peer, at: time)
        }
        #expect(store.callCount <= 10)
        #expect(store.bytes <= 2_000)
    }
    #expect(store.messages(of: "n4999")?.messages.count == 3)
    #expect(store.messages(of: "n4999")?.missing == 2)
    #expect(store.messages(of: "n4000") == nil)
}

@Test func homerPacketIsHEPVersion3() throws {
    let payload = Array("OPTIONS".utf8)
    let packet = try #require(
        HEPPacket.sip(
            payload, from: SIPAddress(host: "192.0.2.10", port: 5060), to: peer, at: time,
            agent: 7, password: "pw", correlation: "id"))
    // Each chunk: vendor 0, type, length with its six bytes, value.
    let expected: [UInt8] =
        [0, 0, 0, 1, 0, 7, 2] + [0, 0, 0, 2, 0, 7, 17] + [0, 0, 0, 3, 0, 10, 192, 0, 2, 10]
        + [0, 0, 0, 4, 0, 10, 192, 0, 2, 20] + [0, 0, 0, 7, 0, 8, 0x13, 0xC4]
        + [0, 0, 0, 8, 0, 8, 0x13, 0xC4] + [0, 0, 0, 9, 0, 10, 0x6A, 0xFD, 0x86, 0xC0]
        + [0, 0, 0, 10, 0, 10, 0, 1, 0xE0, 0x78] + [0, 0, 0, 11, 0, 7, 1]
        + [0, 0, 0, 12, 0, 10, 0, 0, 0, 7] + [0, 0, 0, 14, 0, 8] + Array("pw".utf8)
        + [0, 0, 0, 15, 0, 13] + payload + [0, 0, 0, 17, 0, 8] + Array("id".utf8)
    #expect(packet == Array("HEP3".utf8) + [0, UInt8(expected.count + 6)] + expected)
    let six = HEPPacket.sip(
        payload, from: SIPAddress(host: "2001:db8::1", port: 1), to: peer, at: time, agent: 1,
        password: nil, correlation: nil)
    #expect(six == nil)
}
