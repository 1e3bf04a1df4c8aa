extension OfferAnswer {
    /// Where the keys of a line come from.
    enum Keying {
        case plain
        /// The offer's crypto line that we take, and its suite.
        case keys(CryptoAttribute, CryptoSuite)
        case dtls(DTLSIdentity, NegotiatedDTLS)

        var isPlain: Bool { if case .plain = self { true } else { false } }
    }

    /// What an answer will use of an offer.
    struct Choice {
        var index: Int
        var codec: AudioCodec
        var payloadType: UInt8
        var telephoneEvent: (payloadType: UInt8, clockRate: Int)?
        var comfortNoise: UInt8?
        var keying: Keying

        /// What stands on the answer's m= line, by the offer's numbers.
        var formats: [AudioFormat] {
            var formats = [AudioFormat(.codec(codec), payloadType: payloadType)]
            if let comfortNoise {
                formats.append(AudioFormat(.comfortNoise, payloadType: comfortNoise))
            }
            if let (type, clockRate) = telephoneEvent {
                formats.append(
                    AudioFormat(.telephoneEvent(clockRate: clockRate), payloadType: type))
            }
            return formats
        }

        func opus(_ offered: MediaDescription) -> OpusParameters? {
            codec == .opus ? OpusParameters(parsing: offered.fmtp(of: payloadType)) : nil
        }
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
                let keying = try keying(of: media, in: offer, capabilities)
                let choice = try choose(media, index, keying, capabilities)
                if !keying.isPlain || capabilities.srtp == .none { return choice }
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
        _ media: MediaDescription, _ index: Int, _ keying: Keying,
        _ capabilities: AudioCapabilities
    ) throws(SDPError) -> Choice {
        // RFC 3264 6.1: the answerer keeps the offerer's order of preference.
        let offered = media.payloadTypes.compactMap { type -> (codec: AudioCodec, type: UInt8)? in
            guard let codec = media.encoding(of: type).flatMap({ AudioCodec($0) }),
                capabilities.supports(codec)
            else { return nil }
            return (codec, type)
        }
        var chosen = offered.first
        if capabilities.preference == .own {
            chosen =
                capabilities.codecs.lazy.compactMap { format in
                    offered.first { format.encoding == .codec($0.codec) }
                }.first
        }
        guard let (codec, type) = chosen else { throw .noCommonCodec }
        var event: (UInt8, Int)?
        // Digits at the audio's clock (RFC 4733 2.1); many peers with Opus have 8000 only.
        for clockRate in [codec.clockRate, 8000] where event == nil {
            if capabilities.supports(.telephoneEvent(clockRate: clockRate)),
                let type = media.telephoneEventType(clockRate: clockRate)
            {
                event = (type, clockRate)
            }
        }
        let takesNoise = codec.clockRate == 8000 && capabilities.supports(.comfortNoise)
        return Choice(
            index: index, codec: codec, payloadType: type, telephoneEvent: event,
            comfortNoise: takesNoise ? media.comfortNoiseType : nil, keying: keying)
    }

    /// How a line is to be protected: keys in the description before DTLS where a line has both.
    private static func keying(
        of media: MediaDescription, in offer: SessionDescription,
        _ capabilities: AudioCapabilities
    ) throws(SDPError) -> Keying {
        guard let profile = TransportProfile(media.protocolName) else {
            throw .unsupportedTransport(String(media.protocolName.prefix(32)))
        }
        switch profile {
        case .plain:
            guard capabilities.srtp != .none else { return .plain }
            // RFC 8643: keys or a fingerprint on a plain profile are an invitation.
            if let keying = firstUsable(of: media, capabilities) { return keying }
            if let keying = try? association(of: media, in: offer, capabilities) {
                return keying
            }
            guard !capabilities.srtp.refusesPlain else { throw .srtpRequired }
            return .plain
        case .secure:
            guard capabilities.srtp != .none else { throw .srtpNotSupported }
            if let keying = firstUsable(of: media, capabilities) { return keying }
            guard offer.hasFingerprint(media), capabilities.srtp.takesDTLS,
                capabilities.dtls != nil
            else { throw .noUsableCrypto }
            return try association(of: media, in: offer, capabilities)
        case .dtls:
            guard capabilities.srtp != .none else { throw .srtpNotSupported }
            return try association(of: media, in: offer, capabilities)
        }
    }

    /// The offer's most preferred line that we can run (RFC 4568 5.1.2, 7.1.2).
    private static func firstUsable(
        of media: MediaDescription, _ capabilities: AudioCapabilities
    ) -> Keying? {
        guard capabilities.srtp.takesKeys else { return nil }
        for line in media.crypto {
            if let suite = line.usableSuite(among: capabilities.cryptoSuites) {
                return .keys(line, suite)
            }
        }
        return nil
    }

    /// Our part in an offered DTLS association (RFC 5763 5, RFC 8842 5.3).
    private static func association(
        of media: MediaDescription, in offer: SessionDescription,
        _ capabilities: AudioCapabilities
    ) throws(SDPError) -> Keying {
        guard capabilities.srtp.takesDTLS, let identity = capabilities.dtls else {
            throw .dtlsNotSupported
        }
        let fingerprints = offer.fingerprints(of: media)
        guard !fingerprints.isEmpty else { throw .noUsableFingerprint }
        let isClient: Bool
        // RFC 4145 4: an offer without it means active.
        switch try offer.setup(of: media) ?? .active {
        case .active: isClient = false
        case .passive: isClient = true
        case .actpass:
            if let current = identity.current, current.remoteFingerprints == fingerprints {
                isClient = current.isClient
            } else {
                isClient = identity.answersActively
            }
        case .holdconn: throw .unusableSetup("holdconn")
        }
        return .dtls(
            identity, NegotiatedDTLS(isClient: isClient, remoteFingerprints: fingerprints))
    }
}
