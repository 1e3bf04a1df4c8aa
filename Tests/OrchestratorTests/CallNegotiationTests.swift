import Foundation
import Media
import SDP
import SecureRTP
import Testing

@testable import Orchestrator

// The descriptions of one call in their order: what a fresh offer says, and what an answer is read
// against.

private let certificate = [UInt8](repeating: 0xAB, count: 32)
private let suite = "AES_CM_128_HMAC_SHA1_80"

private func negotiation(
    _ change: (inout NegotiationSettings) -> Void = { _ in }
) -> CallNegotiation {
    var settings = NegotiationSettings()
    change(&settings)
    return CallNegotiation(
        address: "192.0.2.1", port: 20_000, settings: settings, certificate: certificate)
}

private func remote(_ rest: String, address: String = "198.51.100.7") -> [UInt8] {
    Array("v=0\no=- 7 1 IN IP4 \(address)\nc=IN IP4 \(address)\nm=audio \(rest)".utf8)
}

private func crypto(_ tag: Int, _ byte: UInt8, _ rest: String = "") -> String {
    let key = Data(repeating: byte, count: 30).base64EncodedString()
    return "a=crypto:\(tag) \(suite) inline:\(key)\(rest)\n"
}

private func read(_ sdp: [UInt8]) throws -> SessionDescription {
    try SessionDescription(parsing: sdp)
}

private func line(_ sdp: [UInt8]) throws -> MediaDescription {
    try #require(try read(sdp).media.first { $0.port > 0 })
}

// MARK: what is offered

/// An inbound call that brought its offer: the answer had one codec, the offer has all.
@Test func aFreshOfferHasEverythingAndTheCodecInUseFirst() throws {
    var call = negotiation { $0.acceptedCodecs = [.g722, .pcmu, .pcma, .cn] }
    let answer = try call.answer(remote("5000 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000"))
    #expect(try line(answer.sdp).formats == ["8", "101"])
    let offer = try call.offer()
    #expect(try line(offer).formats == ["8", "0", "9", "13", "101"])
    #expect(try line(offer).direction == .sendrecv)
    #expect(try line(offer).port == 20_000)
    #expect(try line(offer).protocolName == "RTP/AVP")
}

/// RFC 3264 8: one session, each description one more.
@Test func everyDescriptionCountsOne() throws {
    var call = negotiation()
    let said = [
        try call.answer(remote("5000 RTP/AVP 0")).sdp, try call.offer(),
        try call.answer(remote("5000 RTP/AVP 0 8")).sdp, try call.offer(), try call.offer(),
    ].map { try? read($0).origin }
    #expect(said.map { $0?.version } == ["1", "2", "3", "4", "5"])
    #expect(Set(said.map { $0?.sessionID }).count == 1)
}

@Test(arguments: ["sendonly", "inactive"]) func aHoldEndsWithAFreshOffer(held: String) throws {
    var call = negotiation()
    _ = try call.answer(remote("5000 RTP/AVP 0"))
    let hold = try call.answer(remote("5000 RTP/AVP 0\na=\(held)"))
    #expect(!hold.media.sends)
    #expect(try line(try call.offer()).direction == .sendrecv)
    // It may go on holding, and is still where it was.
    let still = try call.accept(remote("5000 RTP/AVP 0\na=\(held)"))
    #expect(!still.sends)
    _ = try call.offer()
    let resumed = try call.accept(remote("5004 RTP/AVP 0"))
    #expect(resumed.sends && resumed.receives && resumed.port == 5004)
}

/// RFC 3264 8.3.2: 101 was Opus and is, 100 its digits; what used these numbers in a new call moves.
@Test func aPayloadTypeMeansTheSameForTheWholeCall() throws {
    var call = negotiation { $0.acceptedCodecs = [.opus, .pcmu] }
    _ = try call.answer(
        remote(
            "5000 RTP/AVP 101 100\na=rtpmap:101 opus/48000/2\na=rtpmap:100 telephone-event/48000"))
    // The numbers are forgotten by nobody while another codec is in use.
    _ = try call.answer(remote("5000 RTP/AVP 0"))
    let offer = try line(try call.offer())
    #expect(offer.formats == ["0", "8", "101", "100", "127"])
    #expect(offer.encoding(of: 101)?.encoding == "opus")
    #expect(offer.fmtp(of: 101)?.contains("useinbandfec=1") == true)
    #expect(offer.encoding(of: 100)?.clockRate == 48_000)
    #expect(offer.encoding(of: 127)?.encoding == "telephone-event")
    let media = try call.accept(
        remote(
            "5000 RTP/AVP 101 100\na=rtpmap:101 opus/48000/2\na=rtpmap:100 telephone-event/48000"))
    #expect(media.codec == .opus)
    #expect(media.receivePayloadType == 101 && media.receiveTelephoneEventPayloadType == 100)
}

/// RFC 3264 8: no line goes, none changes its place.
@Test func theLinesOfTheSessionStay() throws {
    var call = negotiation()
    _ = try call.answer(
        Array(
            ("v=0\no=- 7 1 IN IP4 198.51.100.7\nc=IN IP4 198.51.100.7\na=group:BUNDLE v a\n"
                + "m=video 5002 RTP/AVP 96\na=mid:v\na=rtcp-mux\n"
                + "m=audio 5000 RTP/AVPF 0\na=mid:a\na=rtcp-mux").utf8))
    let offer = try read(try call.offer())
    #expect(offer.media.map(\.kind) == ["video", "audio"])
    #expect(offer.media.map(\.port) == [0, 20_000])
    let audio = try #require(offer.media.last)
    #expect(audio.protocolName == "RTP/AVPF")
    #expect(audio.rtcpMux)
    #expect(audio.attributes.first == SDPAttribute("mid", "a"))
    #expect(offer.attributes == [SDPAttribute("group", "BUNDLE a")])
    let media = try call.accept(
        Array(
            ("v=0\nc=IN IP4 198.51.100.7\nm=video 0 RTP/AVP 96\n"
                + "m=audio 5004 RTP/AVPF 0\na=mid:a\na=rtcp-mux").utf8))
    #expect(media.port == 5004 && media.rtcpMux)
}

// MARK: keys

/// The third trigger of the bug that this came from: tag 4 of our first offer, then tag 1 of the
/// peer's, then our offer again.
@Test func theAnswerToAFreshOfferIsReadAgainstThatOffer() throws {
    var call = negotiation { $0.srtp = .required }
    let first = try line(try call.offer())
    #expect(first.crypto.map(\.tag) == [1, 2, 3, 4, 5, 6])
    #expect(first.crypto[0].suite == "AES_256_CM_HMAC_SHA1_80" && first.crypto[3].suite == suite)
    let key = first.crypto[3].key
    let answered = try call.accept(remote("5000 RTP/SAVP 0\n" + crypto(4, 1)))
    #expect(answered.srtp?.local == key)
    let changed = try call.answer(remote("5000 RTP/SAVP 0\n" + crypto(1, 2)))
    #expect(try line(changed.sdp).crypto.map(\.tag) == [1])
    #expect(changed.media.srtp?.local == key)
    let fresh = try line(try call.offer())
    #expect(fresh.protocolName == "RTP/SAVP")
    #expect(fresh.crypto.count == 6)
    #expect(fresh.crypto[0].tag == 1 && fresh.crypto[0].suite == suite)
    #expect(fresh.crypto[0].key == key)
    let media = try call.accept(remote("5000 RTP/SAVP 0\n" + crypto(1, 3)))
    #expect(media.srtp?.local == key)
    #expect(media.srtp?.remote == [UInt8](repeating: 3, count: 30))
    // Of the keys that the first offer had, those that nothing was protected with are not reused.
    #expect(Set(fresh.crypto.dropFirst().map(\.key)).isDisjoint(with: first.crypto.map(\.key)))
}

/// The default takes keys and offers none: what is in use is offered all the same, never plain.
@Test func keysInUseAreOfferedWhereNewCallsGoPlain() throws {
    var call = negotiation()
    let answer = try call.answer(
        remote("5000 RTP/SAVP 0\n" + crypto(7, 1, "|2^31|3:4")))
    let fresh = try line(try call.offer())
    #expect(fresh.protocolName == "RTP/SAVP")
    #expect(fresh.crypto.map(\.suite) == [suite])
    #expect(fresh.crypto[0].key == answer.media.srtp?.local)
    #expect(fresh.crypto[0].mki == CryptoAttribute.MasterKeyIdentifier(value: 3, byteCount: 4))
    #expect(throws: SDPError.answerMismatch("transport")) {
        try call.accept(remote("5000 RTP/AVP 0"))
    }
    let media = try call.accept(remote("5000 RTP/SAVP 0\n" + crypto(1, 1, "|2^31|3:4")))
    #expect(media.srtp == answer.media.srtp)
}

private let fingerprint =
    "a=fingerprint:sha-256 "
    + (0..<32).map { $0 < 16 ? "0\(String($0, radix: 16))" : String($0, radix: 16) }.joined(
        separator: ":")

private func dtls(_ port: Int, _ setup: String) -> [UInt8] {
    remote("\(port) UDP/TLS/RTP/SAVP 0\na=setup:\(setup)\n\(fingerprint)\na=rtcp-mux")
}

/// RFC 8842 5: actpass, the same certificates, and so the same association with its roles.
@Test func anAssociationInUseIsOfferedAgainAndStays() throws {
    var call = negotiation()
    let answer = try call.answer(dtls(5000, "actpass"))
    #expect(answer.media.dtls?.role == .client)
    let fresh = try line(try call.offer())
    #expect(fresh.protocolName == "UDP/TLS/RTP/SAVP")
    #expect(fresh.crypto.isEmpty && fresh.rtcpMux)
    #expect(fresh.attributes.filter { $0.name == "setup" }.map(\.value) == ["actpass"])
    #expect(fresh.attributes.filter { $0.name == "fingerprint" }.count == 1)
    let media = try call.accept(dtls(5000, "passive"))
    #expect(media.dtls == answer.media.dtls)
    #expect(media.srtp == nil)
}

// MARK: what is answered

/// A session refresh says our answer again, as an offer: the peer may have moved (RFC 4028 7.4).
@Test func theAnswerToARefreshIsReadAgainstWhatWeSaidLast() throws {
    var call = negotiation { $0.srtp = .required }
    _ = try call.offer()
    _ = try call.accept(remote("5000 RTP/SAVP 0\n" + crypto(4, 1)))
    let ours = try call.answer(remote("5000 RTP/SAVP 0\n" + crypto(1, 2)))
    let media = try call.accept(remote("5008 RTP/SAVP 0\n" + crypto(1, 2)))
    #expect(media.port == 5008)
    #expect(media.srtp == ours.media.srtp)
}

/// RFC 3311 5.1: an UPDATE changes the media before the call is answered. The 2xx says nothing then, and
/// the dialog tells the UPDATE's offer once more.
@Test func anOfferThatWasAnsweredIsNoAnswer() throws {
    var call = negotiation { $0.srtp = .dtls }
    _ = try call.offer()
    #expect(try call.accept(dtls(5000, "active")).dtls?.role == .server)
    let updated = try call.answer(dtls(5004, "actpass"))
    let told = try call.accept(dtls(5004, "actpass"))
    #expect(told.port == 5004 && told.dtls == updated.media.dtls)
    // After a fresh offer the same words are an answer, if a wrong one.
    _ = try call.offer()
    #expect(throws: SDPError.answerMismatch("setup")) { try call.accept(dtls(5004, "actpass")) }
}

@Test func aRefusedOfferLeavesWhatWasSaid() throws {
    var call = negotiation()
    _ = try call.answer(remote("5000 RTP/AVP 8"))
    #expect(throws: SDPError.noCommonCodec) { try call.answer(remote("5000 RTP/AVP 18")) }
    #expect(try call.accept(remote("5002 RTP/AVP 8")).port == 5002)
    #expect(try read(try call.offer()).origin.version == "2")
}

/// Nothing but o= of what we answer is another than the room's below.
@Test func anAnswerIsWrittenAsItWasMade() throws {
    let text =
        "5000 RTP/SAVPF 111 9 0 101\na=rtpmap:111 opus/48000/2\na=rtpmap:101 telephone-event/8000\n"
        + "a=mid:a\na=rtcp-mux\na=rtcp-xr:voip-metrics\na=ptime:40\n"
        + crypto(3, 1, "|2^31|3:4") + "m=video 5002 RTP/AVP 96\na=mid:v"
    var leg = MediaNegotiation(
        address: "192.0.2.1", port: 20_000, settings: NegotiationSettings(),
        certificate: certificate)
    var below = try read(try leg.answer(remote(text)).sdp)
    var call = negotiation()
    let above = try read(try call.answer(remote(text)).sdp)
    below.origin = above.origin
    below.media[0].crypto[0].key = above.media[0].crypto[0].key
    #expect(above == below)
}
