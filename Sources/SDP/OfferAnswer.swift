/// Offer and answer for one audio line (RFC 3264), with SRTP keys in the description (RFC 4568) or
/// from DTLS (RFC 5763).
///
/// The rules that matter most: an offer on a secure profile is never answered plain; an answer has
/// the offer's m= lines in the offer's order, refused ones with port 0; rtcp-mux is answered only
/// when offered.
public struct OfferAnswer: Sendable {
    /// Our offer.
    ///
    /// - Parameters:
    ///   - localAddress: an IPv4 or IPv6 address, for c= and o=.
    ///   - port: of RTP; RTCP is one above.
    ///   - version: one more with each new description of the session (RFC 3264 8).
    ///   - cryptoKeys: gives `keyCount` fresh bytes, master key ‖ salt, for each suite that we offer;
    ///     not called when `capabilities.srtp` takes no keys. In a later offer of the same session
    ///     the same bytes, unless the key is to change.
    ///   - direction: what we want, for hold.
    /// - Throws: `missingKey`, `missingCertificate`.
    public static func makeOffer(
        localAddress: String, port: Int, capabilities: AudioCapabilities, sessionID: UInt64,
        version: UInt64 = 1, direction: MediaDirection = .sendrecv,
        cryptoKeys: (CryptoSuite) -> [UInt8]?
    ) throws(SDPError) -> SessionDescription {
        var media = MediaDescription(
            kind: "audio", port: port,
            protocolName: TransportProfile.offered(capabilities.srtp),
            formats: capabilities.codecs.map { String($0.payloadType) })
        for format in capabilities.codecs { media.describe(format, opus: capabilities.opus) }
        media.ptime = capabilities.ptime
        media.direction = direction
        media.rtcpMux = capabilities.rtcpMux
        if capabilities.srtp.takesKeys {
            for (index, suite) in capabilities.cryptoSuites.enumerated() {
                media.crypto.append(
                    CryptoAttribute(
                        tag: index + 1, suite: suite.name,
                        key: try checkedKey(cryptoKeys(suite), suite)))
            }
        }
        if capabilities.srtp == .dtls || capabilities.srtp == .any {
            if let identity = capabilities.dtls {
                media.describe(identity, .actpass)
            } else if capabilities.srtp == .dtls {
                throw .missingCertificate
            }
        }
        if capabilities.extendedReports { media.attributes.append(.voipMetrics) }
        return SessionDescription(
            origin: OriginField(
                sessionID: String(sessionID), version: String(version), address: localAddress),
            connection: ConnectionField(address: localAddress), media: [media])
    }

    /// Our answer to a peer's offer, and what it means for the leg.
    ///
    /// - Parameter cryptoKeys: as for `makeOffer`; asked for the one suite that the answer takes.
    /// - Throws: `noAudio`, `unsupportedTransport`, `noCommonCodec`, `noConnection`,
    ///   `srtpNotSupported`, `srtpRequired`, `noUsableCrypto`, `missingKey`, `dtlsNotSupported`,
    ///   `noUsableFingerprint`, `unusableSetup`: the whole offer is then to be refused (488).
    public static func answer(
        to offer: SessionDescription, localAddress: String, port: Int,
        capabilities: AudioCapabilities, sessionID: UInt64, version: UInt64 = 1,
        direction: MediaDirection = .sendrecv, cryptoKeys: (CryptoSuite) -> [UInt8]?
    ) throws(SDPError) -> (answer: SessionDescription, negotiated: NegotiatedAudio) {
        let choice = try choose(from: offer, capabilities)
        let offered = offer.media[choice.index]
        guard let connection = offer.address(of: offered) else { throw .noConnection }
        var media = MediaDescription(
            kind: "audio", port: port, protocolName: offered.protocolName,
            formats: choice.formats.map { String($0.payloadType) })
        for format in choice.formats { media.describe(format, opus: capabilities.opus) }
        media.ptime = capabilities.ptime
        let ours = offer.direction(of: offered).reversed.intersection(direction)
        media.direction = ours
        media.rtcpMux = offered.rtcpMux
        media.attributes = offered.identification
        let remote = remoteEnds(of: offered, connection.address, mux: offered.rtcpMux)
        var negotiated = NegotiatedAudio(
            remoteAddress: connection.address, remotePort: offered.port,
            remoteRTCPAddress: remote.address, remoteRTCPPort: remote.port, codec: choice.codec,
            payloadType: choice.payloadType, receivePayloadType: choice.payloadType,
            telephoneEventPayloadType: choice.telephoneEvent?.payloadType,
            receiveTelephoneEventPayloadType: choice.telephoneEvent?.payloadType,
            ptimeMilliseconds: capabilities.sendPtime(
                PacketLengthWish(offered, payloadType: choice.payloadType), codec: choice.codec),
            direction: ours, srtp: nil, rtcpMux: offered.rtcpMux, mediaIndex: choice.index,
            telephoneEventClockRate: choice.telephoneEvent?.clockRate ?? 8000,
            comfortNoisePayloadType: choice.comfortNoise, opus: choice.opus(offered),
            wantsExtendedReports: offer.wantsVoIPMetrics(offered))
        switch choice.keying {
        case .plain: break
        case .keys(let line, let suite):
            let key = try checkedKey(cryptoKeys(suite), suite)
            // Who names its key gets ours named in the same way.
            media.crypto = [
                CryptoAttribute(tag: line.tag, suite: line.suite, key: key, mki: line.mki)
            ]
            let identifier = line.mki?.bytes ?? []
            negotiated.srtp = NegotiatedSRTP(
                suite: suite.name, localKey: key, remoteKey: line.key, localMKI: identifier,
                remoteMKI: identifier, furtherRemoteKeys: line.furtherNamedKeys)
        case .dtls(let identity, let agreed):
            media.describe(identity, agreed.isClient ? .active : .passive)
            negotiated.dtls = agreed
        }
        if capabilities.extendedReports, negotiated.wantsExtendedReports {
            media.attributes.append(.voipMetrics)
        }
        var answer = SessionDescription(
            origin: OriginField(
                sessionID: String(sessionID), version: String(version), address: localAddress),
            connection: ConnectionField(address: localAddress))
        answer.attributes = offer.bundle(with: offered)
        for (index, line) in offer.media.enumerated() {
            answer.media.append(index == choice.index ? media : line.rejected)
        }
        return (answer, negotiated)
    }

    /// What a peer's answer to our offer means for the leg.
    ///
    /// - Throws: `noAudio`, `mediaRejected`, `answerMismatch`, `noCommonCodec`, `noConnection`,
    ///   `srtpRequired` (we offered a secure profile, the answer has neither keys nor fingerprint),
    ///   `noUsableCrypto`, `noUsableFingerprint`, `unusableSetup`.
    public static func accept(
        answer: SessionDescription, toOffer offer: SessionDescription,
        capabilities: AudioCapabilities = AudioCapabilities()
    ) throws(SDPError) -> NegotiatedAudio {
        guard let index = offer.media.firstIndex(where: { $0.kind == "audio" && $0.port > 0 })
        else { throw .noAudio }
        guard index < answer.media.count else { throw .answerMismatch("m= lines") }
        let offered = offer.media[index]
        let answered = answer.media[index]
        guard answered.kind == "audio" else { throw .answerMismatch("media kind") }
        guard answered.port > 0 else { throw .mediaRejected }
        guard
            TransportProfile(answered.protocolName) == TransportProfile(offered.protocolName),
            TransportProfile(answered.protocolName) != nil
        else { throw .answerMismatch("transport") }
        guard let connection = answer.address(of: answered) else { throw .noConnection }
        let keying = try acceptedKeying(offer, offered, answer, answered)
        let (codec, payloadType, receiveType) = try acceptedCodec(
            offered: offered, answered: answered)
        let event = acceptedEvent(codec, offered: offered, answered: answered)
        let noise = offered.comfortNoiseType != nil ? answered.comfortNoiseType : nil
        let ours = (offered.direction ?? offer.direction ?? .sendrecv)
        let rtcpMux = offered.rtcpMux && answered.rtcpMux
        let remote = remoteEnds(of: answered, connection.address, mux: rtcpMux)
        var negotiated = NegotiatedAudio(
            remoteAddress: connection.address, remotePort: answered.port,
            remoteRTCPAddress: remote.address, remoteRTCPPort: remote.port, codec: codec,
            payloadType: payloadType, receivePayloadType: receiveType,
            telephoneEventPayloadType: event?.theirs,
            receiveTelephoneEventPayloadType: event?.ours,
            ptimeMilliseconds: capabilities.sendPtime(
                PacketLengthWish(answered, payloadType: payloadType), codec: codec),
            direction: ours.intersection(answer.direction(of: answered).reversed),
            srtp: keying.srtp, rtcpMux: rtcpMux, mediaIndex: index,
            telephoneEventClockRate: event?.clockRate ?? 8000,
            comfortNoisePayloadType: codec.clockRate == 8000 ? noise : nil,
            alternatives: alternatives(offered: offered, answered: answered, besides: codec),
            opus: codec == .opus ? OpusParameters(parsing: answered.fmtp(of: payloadType)) : nil,
            dtls: keying.dtls, wantsExtendedReports: answer.wantsVoIPMetrics(answered))
        negotiated.alternativeEvents = alternativeEvents(
            offered: offered, answered: answered, besides: event)
        return negotiated
    }

    /// Where RTCP goes: a=rtcp (RFC 3605), the RTP port with rtcp-mux, else the next port.
    private static func remoteEnds(
        of media: MediaDescription, _ address: String, mux: Bool
    ) -> (address: String, port: Int) {
        if mux { return (address, media.port) }
        if let port = media.rtcpPort { return (media.rtcpAddress ?? address, port) }
        return (address, min(media.port + 1, 65_535))
    }

    private static func checkedKey(
        _ key: [UInt8]?, _ suite: CryptoSuite
    ) throws(SDPError) -> [UInt8] {
        guard let key, key.count == suite.keyCount else {
            throw .missingKey(expected: suite.keyCount, have: key?.count ?? 0)
        }
        return key
    }
}
