internal import Audio
internal import Base
internal import Media
internal import SDP
internal import SecureRTP

/// The SDP side of one media leg: makes our offers and answers, and turns what was agreed into what
/// the media leg needs.
struct MediaNegotiation: Sendable {
    let address: String
    let port: Int
    let settings: NegotiationSettings
    /// SHA-256 of our certificate; empty: no DTLS-SRTP.
    let certificate: [UInt8]
    private let sessionID: UInt64
    private var version: UInt64 = 1
    /// Our master key and salt of each suite; made when first needed. After an answer the one in
    /// use is kept and the others are forgotten: a key that protected anything never comes back
    /// under a fresh rollover counter.
    private var localKeys: [CryptoSuite: [UInt8]] = [:]
    private var association: NegotiatedDTLS?
    /// Where media last went: the hold of RFC 2543 (c=0.0.0.0) names no place, and the leg keeps its
    /// own.
    private var place: (address: String, port: Int, rtcpHost: String?, rtcpPort: Int)?

    init(address: String, port: Int, settings: NegotiationSettings, certificate: [UInt8] = []) {
        self.address = address
        self.port = port
        self.settings = settings
        self.certificate = certificate
        var system = SystemRandomNumberGenerator()
        // RFC 8866 5.2: numeric; 62 bits so that no peer's signed parser overflows.
        sessionID = system.next() >> 2
    }

    mutating func offer() throws -> SessionDescription {
        try OfferAnswer.makeOffer(
            localAddress: address, port: port,
            capabilities: settings.offering(certificate: certificate), sessionID: sessionID,
            version: version
        ) { localKey($0) }
    }

    /// Answers an offer (initial or re-INVITE). Thrown from, it leaves what was agreed before.
    mutating func answer(_ bytes: [UInt8]) throws -> (sdp: [UInt8], media: RemoteMedia) {
        var capabilities = settings.answering(certificate: certificate)
        capabilities.dtls?.current = association
        let offer = try SessionDescription(parsing: bytes)
        let (answer, negotiated) = try OfferAnswer.answer(
            to: offer, localAddress: address, port: port, capabilities: capabilities,
            sessionID: sessionID, version: version + 1
        ) { localKey($0) }
        let media = placed(try media(negotiated))
        version += 1
        association = negotiated.dtls
        let suite = negotiated.srtp.flatMap { CryptoSuite(name: $0.suite) }
        localKeys = localKeys.filter { $0.key == suite }
        return (Array(answer.serialised.utf8), media)
    }

    /// Throws when an offer cannot be answered, whatever port it would get; else what it asks for.
    @discardableResult
    static func check(
        offer: [UInt8], address: String, settings: NegotiationSettings, certificate: [UInt8]
    ) throws -> RemoteMedia {
        var trial = MediaNegotiation(
            address: address, port: 9, settings: settings, certificate: certificate)
        return try trial.answer(offer).media
    }

    mutating func accept(_ bytes: [UInt8], offer: SessionDescription) throws -> RemoteMedia {
        let answer = try SessionDescription(parsing: bytes)
        let negotiated = try OfferAnswer.accept(
            answer: answer, toOffer: offer,
            capabilities: settings.offering(certificate: certificate))
        let media = placed(try media(negotiated))
        association = negotiated.dtls
        return media
    }

    /// Media that is held without an address stays where it was; else remembers where it goes.
    private mutating func placed(_ media: RemoteMedia) -> RemoteMedia {
        guard !mayReach(media.address), let place else {
            place = (media.address, media.port, media.rtcpHost, media.rtcpPort)
            return media
        }
        var media = media
        (media.address, media.port, media.rtcpHost, media.rtcpPort) = place
        return media
    }

    private func mayReach(_ host: String) -> Bool { isUsableMediaAddress(host, from: address) }

    private mutating func localKey(_ suite: CryptoSuite) -> [UInt8] {
        if let key = localKeys[suite] { return key }
        var system = SystemRandomNumberGenerator()
        var key: [UInt8] = []
        for _ in 0..<suite.keyCount { key.append(UInt8.random(in: 0...255, using: &system)) }
        localKeys[suite] = key
        return key
    }

    private func media(_ negotiated: NegotiatedAudio) throws -> RemoteMedia {
        // A hold by c=0.0.0.0 sends nothing anywhere; anything else must be an address to send to.
        guard !negotiated.direction.sends || mayReach(negotiated.remoteAddress) else {
            throw MediaError.unusableAddress(
                negotiated.remoteAddress, port: negotiated.remotePort)
        }
        guard let codec = Audio.AudioCodec(rawValue: negotiated.codec.rawValue) else {
            throw MediaError.unsupportedCodec
        }
        var keys: SRTPKeys?
        if let srtp = negotiated.srtp {
            guard let suite = SRTPSuite(sdpName: srtp.suite) else { throw MediaError.badKeys }
            keys = SRTPKeys(
                suite: suite, local: srtp.localKey, remote: srtp.remoteKey,
                localMKI: srtp.localMKI, remoteMKI: srtp.remoteMKI,
                furtherRemote: srtp.furtherRemoteKeys.map {
                    SRTPMasterKey(key: $0.key, identifier: $0.mki)
                })
        }
        var media = RemoteMedia(
            address: negotiated.remoteAddress, port: negotiated.remotePort,
            rtcpPort: negotiated.remoteRTCPPort, rtcpMux: negotiated.rtcpMux, codec: codec,
            payloadType: negotiated.payloadType,
            telephoneEventPayloadType: negotiated.telephoneEventPayloadType,
            receivePayloadType: negotiated.receivePayloadType,
            receiveTelephoneEventPayloadType: negotiated.receiveTelephoneEventPayloadType,
            telephoneEventClockRate: negotiated.telephoneEventClockRate,
            comfortNoisePayloadType: negotiated.comfortNoisePayloadType,
            alternatives: negotiated.alternatives.prefix(MediaLeg.alternativeLimit)
                .compactMap { other in
                    Audio.AudioCodec(rawValue: other.codec.rawValue).map {
                        ReceiveFormat(payloadType: other.payloadType, codec: $0)
                    }
                },
            ptimeMilliseconds: negotiated.ptimeMilliseconds, srtp: keys,
            sends: negotiated.direction.sends, receives: negotiated.direction.receives)
        media.opus = negotiated.opus.map(Self.limits)
        media.wantsExtendedReports = negotiated.wantsExtendedReports
        let reports = negotiated.remoteRTCPAddress
        // Another host that must not get media, or is a name, is no reason to refuse the call.
        if reports != negotiated.remoteAddress, mayReach(reports) {
            media.rtcpHost = reports
        }
        media.alternativeEvents = negotiated.alternativeEvents.prefix(MediaLeg.alternativeLimit)
            .map { ReceiveEventFormat(payloadType: $0.payloadType, clockRate: $0.clockRate) }
        if let association = negotiated.dtls {
            guard let dtls = Self.dtls(association) else { throw MediaError.badKeys }
            media.dtls = dtls
        }
        return media
    }

    /// What the far end likes to be sent of Opus (RFC 7587 7.1: each side states it for itself).
    private static func limits(_ opus: OpusParameters) -> OpusLimits {
        OpusLimits(
            bitrate: opus.maximumAverageBitrate,
            bandwidth: opus.maximumPlaybackRate.map { OpusEncoder.Bandwidth(playbackRate: $0) },
            isConstant: opus.wantsConstantBitrate, usesInbandFEC: opus.usesInbandFEC,
            usesDTX: opus.usesDTX)
    }

    /// The association for the media leg.
    static func dtls(_ negotiated: NegotiatedDTLS) -> DTLSParameters? {
        guard let first = negotiated.remoteFingerprints.first,
            let hash = DTLSParameters.FingerprintHash(rawValue: first.hash.rawValue)
        else { return nil }
        return DTLSParameters(
            role: negotiated.isClient ? .client : .server, fingerprintHash: hash,
            fingerprints: negotiated.remoteFingerprints.map(\.bytes))
    }
}
