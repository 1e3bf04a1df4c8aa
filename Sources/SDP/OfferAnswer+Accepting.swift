extension OfferAnswer {
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

    /// The other codecs of an answer that we offered: the peer may send any of them.
    static func alternatives(
        offered: MediaDescription, answered: MediaDescription, besides chosen: AudioCodec
    ) -> [NegotiatedAudio.Alternative] {
        let theirs = answered.payloadTypes.compactMap { type in
            (answered.encoding(of: type) ?? offered.encoding(of: type)).flatMap { AudioCodec($0) }
        }
        var found: [NegotiatedAudio.Alternative] = []
        for type in offered.payloadTypes {
            guard let codec = offered.encoding(of: type).flatMap({ AudioCodec($0) }),
                codec != chosen, theirs.contains(codec),
                !found.contains(where: { $0.codec == codec })
            else { continue }
            found.append(NegotiatedAudio.Alternative(payloadType: type, codec: codec))
        }
        return found
    }

    typealias AgreedEvent = (theirs: UInt8, ours: UInt8, clockRate: Int)

    /// Digits at the codec's clock, else at 8000, as far as both have them: what to send them with,
    /// and what they come with.
    static func acceptedEvent(
        _ codec: AudioCodec, offered: MediaDescription, answered: MediaDescription
    ) -> AgreedEvent? {
        for clockRate in [codec.clockRate, 8000] {
            if let event = agreedEvent(clockRate, offered, answered) { return event }
        }
        return nil
    }

    /// The other types of digits of an answer that we offered: the peer may send any of them.
    static func alternativeEvents(
        offered: MediaDescription, answered: MediaDescription, besides chosen: AgreedEvent?
    ) -> [NegotiatedAudio.EventFormat] {
        var found: [NegotiatedAudio.EventFormat] = []
        for clockRate in offered.telephoneEventRates where clockRate != chosen?.clockRate {
            guard let event = agreedEvent(clockRate, offered, answered) else { continue }
            found.append(
                NegotiatedAudio.EventFormat(payloadType: event.ours, clockRate: clockRate))
        }
        return found
    }

    private static func agreedEvent(
        _ clockRate: Int, _ offered: MediaDescription, _ answered: MediaDescription
    ) -> AgreedEvent? {
        guard let ours = offered.telephoneEventType(clockRate: clockRate) else { return nil }
        // An answer may list the offer's payload type without its rtpmap.
        let isBare = answered.payloadTypes.contains(ours) && answered.encoding(of: ours) == nil
        let theirs = answered.telephoneEventType(clockRate: clockRate) ?? (isBare ? ours : nil)
        return theirs.map { ($0, ours, clockRate) }
    }

    /// The keys of an answered line, or the DTLS association; neither when both sides go plain.
    static func acceptedKeying(
        _ offer: SessionDescription, _ offered: MediaDescription,
        _ answer: SessionDescription, _ answered: MediaDescription
    ) throws(SDPError) -> (srtp: NegotiatedSRTP?, dtls: NegotiatedDTLS?) {
        let isSecureProfile = TransportProfile(offered.protocolName) != .plain
        if let crypto = answered.crypto.first, !offered.crypto.isEmpty {
            return (try acceptedKeys(crypto, offered), nil)
        }
        if offer.hasFingerprint(offered), answer.hasFingerprint(answered) {
            return (nil, try acceptedAssociation(offer, offered, answer, answered))
        }
        // Crypto lines that we never offered mean nothing on a plain profile.
        guard !isSecureProfile else { throw .srtpRequired }
        return (nil, nil)
    }

    private static func acceptedKeys(
        _ crypto: CryptoAttribute, _ offered: MediaDescription
    ) throws(SDPError) -> NegotiatedSRTP {
        guard let ours = offered.crypto.first(where: { $0.tag == crypto.tag }) else {
            throw .answerMismatch("crypto tag")
        }
        guard ours.suite.uppercased() == crypto.suite.uppercased() else {
            throw .answerMismatch("crypto suite")
        }
        guard let suite = crypto.usableSuite(among: CryptoSuite.allCases) else {
            throw .noUsableCrypto
        }
        return NegotiatedSRTP(
            suite: suite.name, localKey: ours.key, remoteKey: crypto.key,
            localMKI: ours.mki?.bytes ?? [], remoteMKI: crypto.mki?.bytes ?? [],
            furtherRemoteKeys: crypto.furtherNamedKeys)
    }

    private static func acceptedAssociation(
        _ offer: SessionDescription, _ offered: MediaDescription,
        _ answer: SessionDescription, _ answered: MediaDescription
    ) throws(SDPError) -> NegotiatedDTLS {
        let fingerprints = answer.fingerprints(of: answered)
        guard !fingerprints.isEmpty else { throw .noUsableFingerprint }
        // RFC 4145 4: an offer without it means active, an answer passive.
        let ours = try offer.setup(of: offered) ?? .active
        let theirs = try answer.setup(of: answered) ?? .passive
        switch (ours, theirs) {
        case (.actpass, .active), (.passive, .active):
            return NegotiatedDTLS(isClient: false, remoteFingerprints: fingerprints)
        case (.actpass, .passive), (.active, .passive):
            return NegotiatedDTLS(isClient: true, remoteFingerprints: fingerprints)
        case (_, .holdconn): throw .unusableSetup("holdconn")
        default: throw .answerMismatch("setup")
        }
    }
}
