/// Offer and answer for one audio line (RFC 3264), with SRTP keys in the description (RFC 4568).
///
/// The rules that matter most: an RTP/SAVP offer is never answered plain; an answer has the offer's
/// m= lines in the offer's order, refused ones with port 0; rtcp-mux is answered only when offered.
public struct OfferAnswer: Sendable {
    /// Our offer.
    ///
    /// - Parameters:
    ///   - localAddress: an IPv4 or IPv6 address, for c= and o=.
    ///   - port: of RTP; RTCP is one above.
    ///   - version: one more with each new description of the session (RFC 3264 8).
    ///   - cryptoKeys: gives `keyCount` fresh bytes, master key ‖ salt, for each suite that we offer;
    ///     not called when `capabilities.srtp` is none. In a later offer of the same session the same
    ///     bytes, unless the key is to change.
    ///   - direction: what we want, for hold.
    /// - Throws: `missingKey`.
    public static func makeOffer(
        localAddress: String, port: Int, capabilities: AudioCapabilities, sessionID: UInt64,
        version: UInt64 = 1, direction: MediaDirection = .sendrecv,
        cryptoKeys: (CryptoSuite) -> [UInt8]?
    ) throws(SDPError) -> SessionDescription {
        var media = MediaDescription(
            kind: "audio", port: port,
            protocolName: capabilities.srtp == .required ? "RTP/SAVP" : "RTP/AVP",
            formats: capabilities.codecs.map { String($0.payloadType) })
        for format in capabilities.codecs { media.describe(format) }
        media.ptime = capabilities.ptime
        media.direction = direction
        media.rtcpMux = capabilities.rtcpMux
        if capabilities.srtp != .none {
            for (index, suite) in capabilities.cryptoSuites.enumerated() {
                media.crypto.append(
                    CryptoAttribute(
                        tag: index + 1, suite: suite.name,
                        key: try checkedKey(cryptoKeys(suite), suite)))
            }
        }
        return SessionDescription(
            origin: OriginField(
                sessionID: String(sessionID), version: String(version), address: localAddress),
            connection: ConnectionField(address: localAddress), media: [media])
    }

    /// Our answer to a peer's offer, and what it means for the leg.
    ///
    /// - Parameter cryptoKeys: as for `makeOffer`; asked for the one suite that the answer takes.
    /// - Throws: `noAudio`, `unsupportedTransport`, `noCommonCodec`, `noConnection`,
    ///   `srtpNotSupported`, `srtpRequired`, `noUsableCrypto`, `missingKey`: the whole offer is
    ///   then to be refused (488).
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
            formats: [String(choice.payloadType)])
        media.describe(AudioFormat(.codec(choice.codec), payloadType: choice.payloadType))
        if let event = choice.telephoneEvent {
            media.formats.append(String(event))
            media.describe(AudioFormat(.telephoneEvent, payloadType: event))
        }
        media.ptime = capabilities.ptime
        let ours = offer.direction(of: offered).reversed.intersection(direction)
        media.direction = ours
        media.rtcpMux = offered.rtcpMux
        var srtp: NegotiatedSRTP?
        if let (crypto, suite) = choice.crypto {
            let key = try checkedKey(cryptoKeys(suite), suite)
            media.crypto = [CryptoAttribute(tag: crypto.tag, suite: crypto.suite, key: key)]
            srtp = NegotiatedSRTP(suite: suite.name, localKey: key, remoteKey: crypto.key)
        }
        var answer = SessionDescription(
            origin: OriginField(
                sessionID: String(sessionID), version: String(version), address: localAddress),
            connection: ConnectionField(address: localAddress))
        for (index, line) in offer.media.enumerated() {
            answer.media.append(index == choice.index ? media : line.rejected)
        }
        let remote = remoteEnds(of: offered, connection.address, mux: offered.rtcpMux)
        let negotiated = NegotiatedAudio(
            remoteAddress: connection.address, remotePort: offered.port,
            remoteRTCPAddress: remote.address, remoteRTCPPort: remote.port, codec: choice.codec,
            payloadType: choice.payloadType, receivePayloadType: choice.payloadType,
            telephoneEventPayloadType: choice.telephoneEvent,
            receiveTelephoneEventPayloadType: choice.telephoneEvent,
            ptimeMilliseconds: capabilities.sendPtime(
                wanted: offered.ptime, maximum: offered.maxptime),
            direction: ours, srtp: srtp, rtcpMux: offered.rtcpMux, mediaIndex: choice.index)
        return (answer, negotiated)
    }

    /// What a peer's answer to our offer means for the leg.
    ///
    /// - Throws: `noAudio`, `mediaRejected`, `answerMismatch`, `noCommonCodec`, `noConnection`,
    ///   `srtpRequired` (we offered RTP/SAVP, the answer has no crypto line), `noUsableCrypto`.
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
        guard answered.protocolName == offered.protocolName else {
            throw .answerMismatch("transport")
        }
        guard let connection = answer.address(of: answered) else { throw .noConnection }
        let srtp = try acceptedSRTP(offered: offered, answered: answered)
        let (codec, payloadType, receiveType) = try acceptedCodec(
            offered: offered, answered: answered)
        let event = offered.telephoneEventType(clockRate: 8000)
        // An answer may list the offer's payload type without its rtpmap.
        let theirEvent =
            answered.telephoneEventType(clockRate: 8000)
            ?? event.flatMap { type in
                answered.payloadTypes.contains(type) && answered.encoding(of: type) == nil
                    ? type : nil
            }
        let hasEvents = event != nil && theirEvent != nil
        let ours = (offered.direction ?? offer.direction ?? .sendrecv)
        let rtcpMux = offered.rtcpMux && answered.rtcpMux
        let remote = remoteEnds(of: answered, connection.address, mux: rtcpMux)
        return NegotiatedAudio(
            remoteAddress: connection.address, remotePort: answered.port,
            remoteRTCPAddress: remote.address, remoteRTCPPort: remote.port, codec: codec,
            payloadType: payloadType, receivePayloadType: receiveType,
            telephoneEventPayloadType: hasEvents ? theirEvent : nil,
            receiveTelephoneEventPayloadType: hasEvents ? event : nil,
            ptimeMilliseconds: capabilities.sendPtime(
                wanted: answered.ptime, maximum: answered.maxptime),
            direction: ours.intersection(answer.direction(of: answered).reversed), srtp: srtp,
            rtcpMux: rtcpMux, mediaIndex: index)
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
