import Audio
import Base
import Media
import SDP
import SecureRTP
import Testing

@testable import Orchestrator

private let certificate = [UInt8](repeating: 0xAB, count: 32)

private func negotiation(
    _ change: (inout NegotiationSettings) -> Void = { _ in }
) -> MediaNegotiation {
    var settings = NegotiationSettings()
    change(&settings)
    return MediaNegotiation(
        address: "192.0.2.1", port: 20_000, settings: settings, certificate: certificate)
}

private func offer(_ rest: String, address: String = "198.51.100.7") -> [UInt8] {
    Array("v=0\nc=IN IP4 \(address)\nm=audio 5000 \(rest)".utf8)
}

private func keyed(_ byte: String, _ rest: String = "") -> String {
    "RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"
        + String(repeating: byte, count: 10) + rest
}

@Test func offersAreG711AloneUnlessToldOtherwise() throws {
    var plain = negotiation()
    #expect(try plain.offer().media[0].formats == ["0", "8", "101"])
    #expect(try plain.offer().media[0].protocolName == "RTP/AVP")
    var rich = negotiation {
        $0.offeredCodecs = [.opus, .g722, .pcmu, .pcma, .l16, .cn]
        $0.ptimeMilliseconds = 40
    }
    let media = try rich.offer().media[0]
    #expect(media.formats == ["111", "9", "0", "8", "96", "13", "110", "101"])
    #expect(media.ptime == 40)
}

@Test(arguments: [
    (NegotiationSettings.SRTPMode.none, "RTP/AVP", 0, false), (.accept, "RTP/AVP", 0, false),
    (.optional, "RTP/AVP", 6, false), (.required, "RTP/SAVP", 6, false),
    (.dtls, "UDP/TLS/RTP/SAVP", 0, true), (.any, "RTP/SAVP", 6, true),
])
func everyModeHasItsOffer(
    mode: NegotiationSettings.SRTPMode, profile: String, keys: Int, hasFingerprint: Bool
) throws {
    var negotiation = negotiation { $0.srtp = mode }
    let media = try negotiation.offer().media[0]
    #expect(media.protocolName == profile)
    #expect(media.crypto.count == keys)
    #expect(media.attributes.contains { $0.name == "fingerprint" } == hasFingerprint)
    // Handshake and media share a port where they may.
    #expect(media.rtcpMux == hasFingerprint)
}

@Test(arguments: [
    (NegotiationSettings.SRTPMode.none, true, false), (.accept, true, true),
    (.optional, true, true), (.required, false, true), (.dtls, false, false), (.any, false, true),
])
func everyModeAnswersPlainAndKeyedOffersInItsWay(
    mode: NegotiationSettings.SRTPMode, takesPlain: Bool, takesKeys: Bool
) throws {
    var first = negotiation { $0.srtp = mode }
    let plain = try? first.answer(offer("RTP/AVP 0"))
    #expect((plain != nil) == takesPlain)
    var second = negotiation { $0.srtp = mode }
    let secure = try? second.answer(offer(keyed("CgoK")))
    #expect((secure != nil) == takesKeys)
    #expect(!takesKeys || secure?.media.srtp != nil)
}

@Test func whatWasAgreedReachesTheMediaLeg() throws {
    var negotiation = negotiation()
    let media = try negotiation.answer(
        offer(
            "RTP/AVP 8 13 96\na=rtpmap:96 telephone-event/8000\na=ptime:40\na=rtcp:6000\n"
                + "a=rtcp-xr:voip-metrics\na=sendonly")
    ).media
    #expect(media.address == "198.51.100.7")
    #expect(media.port == 5000)
    #expect(media.rtcpPort == 6000)
    #expect(media.codec == .pcma)
    #expect(media.payloadType == 8)
    #expect(media.telephoneEventPayloadType == 96)
    #expect(media.ptimeMilliseconds == 40)
    #expect(media.wantsExtendedReports)
    #expect(!media.sends && media.receives)
    #expect(media.srtp == nil)
}

@Test func holdWithoutAnAddressLeavesTheLegItsPlace() throws {
    var negotiation = negotiation()
    let before = try negotiation.answer(offer("RTP/AVP 0\na=rtcp:6000")).media
    let held = try negotiation.answer(offer("RTP/AVP 0", address: "0.0.0.0")).media
    #expect(!held.sends && held.receives)
    #expect(held.address == before.address)
    #expect(held.port == 5000 && held.rtcpPort == 6000)
    try held.validate()
    let resumed = try negotiation.answer(offer("RTP/AVP 0", address: "198.51.100.9")).media
    #expect(resumed.sends && resumed.address == "198.51.100.9")
}

/// RFC 3605 2.1: RTCP may have a host of its own.
@Test func aHostOfItsOwnForRTCPReachesTheMediaLeg() throws {
    var negotiation = negotiation()
    let line = "RTP/AVP 0\na=rtcp:6000 IN IP4 "
    let media = try negotiation.answer(offer(line + "198.51.100.9")).media
    #expect(media.rtcpHost == "198.51.100.9")
    #expect(media.address == "198.51.100.7" && media.rtcpPort == 6000)
    // A hold without an address leaves it where it was.
    let held = try negotiation.answer(offer("RTP/AVP 0", address: "0.0.0.0")).media
    #expect(held.rtcpHost == "198.51.100.9" && held.rtcpPort == 6000)
    for host in ["198.51.100.7", "224.0.0.1", "rtcp.example.org", "0.0.0.0"] {
        let other = try negotiation.answer(offer(line + host)).media
        #expect(other.rtcpHost == nil)
        #expect(other.rtcpPort == 6000)
    }
}

@Test func opusReachesTheMediaLegWithItsEvents() throws {
    var negotiation = negotiation()
    let media = try negotiation.answer(
        offer(
            "RTP/AVP 107 100\na=rtpmap:107 opus/48000/2\na=rtpmap:100 telephone-event/48000")
    ).media
    #expect(media.codec == .opus)
    #expect(media.payloadType == 107)
    #expect(media.telephoneEventPayloadType == 100)
    #expect(media.telephoneEventClockRate == 48_000)
    try media.validate()
    let noise = try negotiation.answer(offer("RTP/AVP 9 13")).media
    #expect(noise.codec == .g722)
    #expect(noise.comfortNoisePayloadType == 13)
}

/// RFC 7587 6.1, 7.1: each side says what it likes to be sent.
@Test func whatTheFarEndSaysAboutOpusReachesTheMediaLeg() throws {
    let line = "RTP/AVP 107\na=rtpmap:107 opus/48000/2"
    let all =
        "\na=fmtp:107 maxaveragebitrate=12000;maxplaybackrate=8000;cbr=1;useinbandfec=1;usedtx=1;"
        + "stereo=1"
    let limits = OpusLimits(
        bitrate: 12_000, bandwidth: .narrow, isConstant: true, usesInbandFEC: true, usesDTX: true)
    var negotiation = negotiation { $0.offeredCodecs = [.opus, .pcmu] }
    #expect(try negotiation.answer(offer(line + all)).media.opus == limits)
    // A re-INVITE without them: everything has its default (6.1).
    #expect(try negotiation.answer(offer(line)).media.opus == OpusLimits())
    #expect(try negotiation.answer(offer("RTP/AVP 0")).media.opus == nil)
    let ours = try negotiation.offer()
    let answered = offer("RTP/AVP 111\na=rtpmap:111 opus/48000/2\na=fmtp:111 maxplaybackrate=16000")
    #expect(
        try negotiation.accept(answered, offer: ours).opus == OpusLimits(bandwidth: .wide))
}

/// From a description to the wire: a leg with what the answer agreed on.
@Test func anOffersOpusLimitsShowInThePackets() throws {
    func packets(_ parameters: String) throws -> [[UInt8]] {
        var negotiation = negotiation()
        let media = try negotiation.answer(
            offer("RTP/AVP 107\na=rtpmap:107 opus/48000/2\n\(parameters)")
        ).media
        var now = Instant(milliseconds: 0)
        var leg = MediaLeg(
            LegOptions(detection: false),
            identity: LegIdentity(ssrc: 1, sequence: 1, timestamp: 1, seed: 1, cname: "c"),
            now: now)
        try leg.configure(media, now: now)
        var workspace = LegWorkspace()
        var out = Outbox<LegOutput>()
        var tones = ToneGenerator(
            frequencies: [150, 450, 900, 2600, 5200], levelDBm0: -18, sampleRate: 16_000)
        // Of such a sound libopus makes a third more than it was told.
        let said = tones.next(64_000).enumerated().map { index, sample in
            Int16(Int(sample) * abs(index % 4000 - 2000) / 2000)
        }
        leg.play(id: 1, clip: PlaybackClip(samples: said, sampleRate: 16_000), out: &out)
        var payloads: [[UInt8]] = []
        for _ in 0..<200 {
            leg.tick(now: now, workspace: &workspace, out: &out) { bytes, _, channel in
                if channel == .rtp { payloads.append(Array(bytes.dropFirst(12))) }
                return true
            }
            now += MediaLeg.tick
        }
        return payloads
    }
    func bitrate(_ payloads: [[UInt8]]) -> Int { payloads.reduce(0) { $0 + $1.count } * 8 / 4 }
    let free = try packets("")
    let limited = try packets("a=fmtp:107 maxaveragebitrate=12000")
    #expect(free.count == 200 && limited.count == 200)
    #expect(bitrate(free) > 18_000, "\(bitrate(free))")
    // A tenth of a second's bits may come on top.
    #expect(bitrate(limited) <= 12_300, "\(bitrate(limited))")
    // RFC 6716 3.1: narrow band is configuration 0 to 3 or 16 to 19.
    func isNarrow(_ payload: [UInt8]) -> Bool {
        payload[0] >> 3 < 4 || (16..<20).contains(payload[0] >> 3)
    }
    let narrow = try packets("a=fmtp:107 maxplaybackrate=8000").count(where: isNarrow)
    #expect(free.count(where: isNarrow) == 0)
    #expect(narrow == 200)
}

@Test func otherCodecsOfAnAnswerAreExpected() throws {
    var negotiation = negotiation()
    let ours = try negotiation.offer()
    let media = try negotiation.accept(offer("RTP/AVP 8 0"), offer: ours)
    #expect(media.codec == .pcma)
    #expect(media.alternatives == [ReceiveFormat(payloadType: 0, codec: .pcmu)])
}

/// With PCMU the far end may bring digits of its clock (RFC 4733 2.1).
@Test func digitsOfTheOtherCodecsClockAreExpected() throws {
    var negotiation = negotiation { $0.offeredCodecs = [.opus, .pcmu] }
    let ours = try negotiation.offer()
    let media = try negotiation.accept(
        offer(
            "RTP/AVP 111 0 110 101\na=rtpmap:111 opus/48000/2\n"
                + "a=rtpmap:110 telephone-event/48000\na=rtpmap:101 telephone-event/8000"),
        offer: ours)
    #expect(media.receiveTelephoneEventPayloadType == 110)
    #expect(media.alternativeEvents == [ReceiveEventFormat(payloadType: 101, clockRate: 8000)])
    try media.validate()
}

@Test func ourKeyStaysWhileThePeersChanges() throws {
    var negotiation = negotiation()
    let first = try #require(try negotiation.answer(offer(keyed("CgoK"))).media.srtp)
    let moved = try negotiation.answer(offer(keyed("CgoK"), address: "198.51.100.8")).media
    #expect(moved.srtp == first)
    #expect(moved.address == "198.51.100.8")
    let changed = try #require(try negotiation.answer(offer(keyed("CwsL"))).media.srtp)
    #expect(changed.remote == [UInt8](repeating: 11, count: 30))
    #expect(changed.local == first.local)
    let named = try #require(try negotiation.answer(offer(keyed("CwsL", "|1:2"))).media.srtp)
    #expect(named.remoteMKI == [0, 1])
}

@Test func aKeyThatWasUsedNeverComesBackAfterPlainMedia() throws {
    var negotiation = negotiation()
    let first = try #require(try negotiation.answer(offer(keyed("CgoK"))).media.srtp)
    _ = try negotiation.answer(offer("RTP/AVP 0"))
    let later = try #require(try negotiation.answer(offer(keyed("CgoK"))).media.srtp)
    #expect(later.local != first.local)
}

@Test func aRefusedOfferLeavesTheKeysAsTheyWere() throws {
    var negotiation = negotiation()
    let first = try #require(try negotiation.answer(offer(keyed("CgoK"))).media.srtp)
    #expect(throws: SDPError.noCommonCodec) { try negotiation.answer(offer("RTP/AVP 18")) }
    #expect(throws: MediaError.unusableAddress("224.0.0.1", port: 5000)) {
        try negotiation.answer(offer("RTP/AVP 0", address: "224.0.0.1"))
    }
    #expect(try negotiation.answer(offer(keyed("CgoK"))).media.srtp == first)
}

@Test func descriptionsOfOneSessionCountUp() throws {
    var negotiation = negotiation()
    let first = try SessionDescription(parsing: try negotiation.answer(offer("RTP/AVP 0")).sdp)
    let second = try SessionDescription(parsing: try negotiation.answer(offer("RTP/AVP 8")).sdp)
    #expect(first.origin.sessionID == second.origin.sessionID)
    let versions = [first, second].compactMap { Int($0.origin.version) }
    #expect(versions.count == 2 && versions[1] == versions[0] + 1)
}

@Test func anOfferedAssociationReachesTheMediaLegAndKeepsItsRoles() throws {
    let octets = (0..<32).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
    let line = octets.joined(separator: ":")
    func offered(_ setup: String) -> [UInt8] {
        offer("UDP/TLS/RTP/SAVP 0\na=setup:\(setup)\na=fingerprint:sha-256 \(line)")
    }
    var negotiation = negotiation()
    let media = try negotiation.answer(offered("active")).media
    #expect(media.srtp == nil)
    #expect(
        media.dtls
            == DTLSParameters(
                role: .server, fingerprintHash: .sha256, fingerprint: (0..<32).map { UInt8($0) }))
    // A later offer leaves the choice to us: the association stands, so do its roles.
    #expect(try negotiation.answer(offered("actpass")).media.dtls == media.dtls)
    var fresh = MediaNegotiation(
        address: "192.0.2.1", port: 20_000, settings: NegotiationSettings(),
        certificate: certificate)
    #expect(try fresh.answer(offered("actpass")).media.dtls?.role == .client)
}

@Test func aCertificatesHashBecomesTheLegs() throws {
    let fingerprint = try #require(
        CertificateFingerprint(hash: .sha384, bytes: [UInt8](repeating: 7, count: 48)))
    let client = MediaNegotiation.dtls(
        NegotiatedDTLS(isClient: true, remoteFingerprints: [fingerprint]))
    #expect(
        client
            == DTLSParameters(
                role: .client, fingerprintHash: .sha384,
                fingerprint: [UInt8](repeating: 7, count: 48)))
    let server = MediaNegotiation.dtls(
        NegotiatedDTLS(isClient: false, remoteFingerprints: [fingerprint]))
    #expect(server?.role == .server)
}

@Test func settingsThatNoCallCouldBeMadeWithAreRefused() throws {
    var settings = PlatformConfiguration()
    try settings.validate()
    settings.negotiation.offeredCodecs = [.cn]
    #expect(throws: PlatformConfiguration.Invalid.self) { try settings.validate() }
    settings.negotiation.offeredCodecs = [.pcmu, .pcmu]
    #expect(throws: PlatformConfiguration.Invalid.self) { try settings.validate() }
    settings.negotiation.offeredCodecs = [.pcmu]
    settings.negotiation.ptimeMilliseconds = 50
    #expect(throws: PlatformConfiguration.Invalid.self) { try settings.validate() }
    settings.negotiation.ptimeMilliseconds = 60
    try settings.validate()
    settings.negotiation.acceptedCodecs = []
    #expect(throws: PlatformConfiguration.Invalid.self) { try settings.validate() }
}

@Test func settingsOfOpusHaveTheirRangesAndReachTheLeg() throws {
    func problem(_ change: (inout NegotiationSettings) -> Void) -> String? {
        var settings = PlatformConfiguration()
        change(&settings.negotiation)
        do { try settings.validate() } catch { return error.description }
        return nil
    }
    for bits in [5999, 510_001, 0, -1] {
        #expect(problem { $0.opusBitrate = bits }?.hasPrefix("opus_bitrate \(bits) ") == true)
    }
    for effort in [-1, 11] {
        #expect(
            problem { $0.opusComplexity = effort }?.hasPrefix("opus_complexity \(effort) ")
                == true)
    }
    for bits in [6000, 510_000] { #expect(problem { $0.opusBitrate = bits } == nil) }
    for effort in [0, 10] { #expect(problem { $0.opusComplexity = effort } == nil) }
    var options = LegOptions()
    NegotiationSettings().apply(to: &options)
    #expect(!options.discontinuous && options.opusBitrate == 24_000)
    #expect(options.opusComplexity == 5)
    var settings = NegotiationSettings()
    settings.suppressesSilence = true
    settings.opusBitrate = 16_000
    settings.opusComplexity = 3
    settings.apply(to: &options)
    #expect(options.discontinuous && options.opusBitrate == 16_000)
    #expect(options.opusComplexity == 3)
}

/// An address of this machine in somebody's SDP would have us send RTP to our own services.
@Test func loopbackIsForCallersOfThisMachineOnly() throws {
    var remote = negotiation()
    #expect(throws: MediaError.self) {
        try remote.answer(offer("RTP/AVP 0", address: "127.0.0.1"))
    }
    // Nor its RTCP alone.
    let media = try remote.answer(offer("RTP/AVP 0\na=rtcp:5060 IN IP4 127.0.0.1")).media
    #expect(media.address == "198.51.100.7")
    #expect(media.rtcpHost == nil)
    var local = MediaNegotiation(address: "127.0.0.2", port: 20_000, settings: .init())
    #expect(
        try local.answer(offer("RTP/AVP 0", address: "127.0.0.1")).media.address == "127.0.0.1")
}
