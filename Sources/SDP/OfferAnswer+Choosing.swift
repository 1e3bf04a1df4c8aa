extension OfferAnswer {
    /// What an answer will use of an offer.
    struct Choice {
        var index: Int
        var codec: AudioCodec
        var payloadType: UInt8
        var telephoneEvent: UInt8?
        /// The offer's line that we take, and its suite.
        var crypto: (line: CryptoAttribute, suite: CryptoSuite)?
    }

    /// The audio line to answer: the first that works, a secure one before a plain one unless we
    /// have no SRTP.
    static func choose(
        from offer: SessionDescription, _ capabilities: AudioCapabilities
    ) throws(SDPError) -> Choice {
        var plain: Choice?
        var failure = SDPError.noAudio
        for (index, media) in offer.media.enumerated() where media.kind == "audio" && media.port > 0
        {
            do throws(SDPError) {
                let choice = try choose(media, index, capabilities)
                if choice.crypto != nil || capabilities.srtp == .none { return choice }
                plain = plain ?? choice
            } catch {
                // The first line's failure is what the caller is told, unless it says only "none".
                if failure == .noAudio { failure = error }
            }
        }
        guard let plain else { throw failure }
        return plain
    }

    private static func choose(
        _ media: MediaDescription, _ index: Int, _ capabilities: AudioCapabilities
    ) throws(SDPError) -> Choice {
        let crypto: (line: CryptoAttribute, suite: CryptoSuite)?
        switch media.protocolName {
        case "RTP/SAVP", "RTP/SAVPF":
            guard capabilities.srtp != .none else { throw .srtpNotSupported }
            guard let usable = firstUsable(of: media, capabilities) else { throw .noUsableCrypto }
            crypto = usable
        case "RTP/AVP", "RTP/AVPF":
            // RFC 8643: crypto lines on a plain profile are an invitation.
            crypto = capabilities.srtp == .none ? nil : firstUsable(of: media, capabilities)
            if crypto == nil, capabilities.srtp == .required { throw .srtpRequired }
        default: throw .unsupportedTransport(String(media.protocolName.prefix(32)))
        }
        // RFC 3264 6.1: the answerer keeps the offerer's order of preference.
        for payloadType in media.payloadTypes {
            guard let map = media.encoding(of: payloadType), let codec = AudioCodec(map),
                capabilities.supports(codec)
            else { continue }
            return Choice(
                index: index, codec: codec, payloadType: payloadType,
                telephoneEvent: capabilities.supportsTelephoneEvent
                    ? media.telephoneEventType(clockRate: map.clockRate) : nil,
                crypto: crypto)
        }
        throw .noCommonCodec
    }

    /// The offer's most preferred line that we can run (RFC 4568 5.1.2, 7.1.2).
    private static func firstUsable(
        of media: MediaDescription, _ capabilities: AudioCapabilities
    ) -> (line: CryptoAttribute, suite: CryptoSuite)? {
        for line in media.crypto {
            if let suite = line.usableSuite(among: capabilities.cryptoSuites) {
                return (line, suite)
            }
        }
        return nil
    }

    /// The answer's first codec that we offered: what to send it with, and what it comes with.
    static func acceptedCodec(
        offered: MediaDescription, answered: MediaDescription
    ) throws(SDPError) -> (codec: AudioCodec, payloadType: UInt8, receive: UInt8) {
        for payloadType in answered.payloadTypes {
            guard let map = answered.encoding(of: payloadType) ?? offered.encoding(of: payloadType),
                let codec = AudioCodec(map)
            else { continue }
            let ours = offered.payloadTypes.first { type in
                offered.encoding(of: type).flatMap { AudioCodec($0) } == codec
            }
            if let ours { return (codec, payloadType, ours) }
        }
        throw .noCommonCodec
    }

    /// The keys of an answered line; nil when both sides go plain.
    static func acceptedSRTP(
        offered: MediaDescription, answered: MediaDescription
    ) throws(SDPError) -> NegotiatedSRTP? {
        let isSecureProfile = offered.protocolName.hasPrefix("RTP/SAVP")
        guard let crypto = answered.crypto.first else {
            if isSecureProfile { throw .srtpRequired }
            return nil
        }
        guard let ours = offered.crypto.first(where: { $0.tag == crypto.tag }) else {
            // Crypto lines that we never offered mean nothing on a plain profile.
            if !isSecureProfile, offered.crypto.isEmpty { return nil }
            throw .answerMismatch("crypto tag")
        }
        guard ours.suite.uppercased() == crypto.suite.uppercased() else {
            throw .answerMismatch("crypto suite")
        }
        guard let suite = crypto.usableSuite(among: CryptoSuite.allCases) else {
            throw .noUsableCrypto
        }
        return NegotiatedSRTP(suite: suite.name, localKey: ours.key, remoteKey: crypto.key)
    }
}

extension MediaDescription {
    /// The line with port 0 that refuses this one (RFC 3264 6): same kind, transport and formats.
    var rejected: MediaDescription {
        MediaDescription(kind: kind, port: 0, protocolName: protocolName, formats: formats)
    }

    /// The payload type of telephone-event at a clock rate, wherever the offer put it.
    func telephoneEventType(clockRate: Int) -> UInt8? {
        payloadTypes.first { type in
            guard let map = encoding(of: type) else { return false }
            return map.encoding.lowercased() == "telephone-event" && map.clockRate == clockRate
        }
    }

    mutating func describe(_ format: AudioFormat) {
        switch format.encoding {
        case .codec(let codec):
            rtpmaps.append(
                RTPMap(
                    payloadType: format.payloadType, encoding: codec.rawValue, clockRate: 8000))
        case .telephoneEvent:
            rtpmaps.append(
                RTPMap(
                    payloadType: format.payloadType, encoding: "telephone-event", clockRate: 8000))
            fmtps.append(FormatParameters(payloadType: format.payloadType, text: "0-15"))
        }
    }
}
