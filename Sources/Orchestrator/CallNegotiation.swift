internal import Audio
internal import Media
internal import SDP
internal import SecureRTP

//   INVITE ─────────────── offer ──► o= 1 ─┐
//   INVITE with offer ──── answer ─► o= 1 ─┤
//   re-INVITE, UPDATE ──── answer ─► o= n ─┼─► said ◄── accept: every answer of the peer's is of this
//   re-INVITE without one  offer ──► o= n ─┘    │
//   session refresh ◄──── the dialog says it once more, o= as it was

/// Offer and answer over the life of a call (RFC 3264 8): what we said last, and what came of it.
struct CallNegotiation: Sendable {
    private var leg: MediaNegotiation
    /// What we said last, offer or answer. An answer of ours becomes an offer when the dialog repeats it
    /// to refresh the session (RFC 4028 7.4).
    private var said: SessionDescription?
    /// The offer that `said` answers. A call that is answered after an UPDATE of its early dialog
    /// (RFC 3311 5.1) is told of it once more: that is no answer to us.
    private var answered: (offer: [UInt8], media: RemoteMedia)?
    /// What offer and answer last agreed on.
    private var inUse: RemoteMedia?
    /// Of `said`: one more with each description.
    private var version: UInt64 = 0
    /// What our descriptions have called their formats, each number once, the latest first.
    private var numbering: [RTPMap] = []

    init(address: String, port: Int, settings: NegotiationSettings, certificate: [UInt8] = []) {
        leg = MediaNegotiation(
            address: address, port: port, settings: settings, certificate: certificate)
    }

    /// Our offer: the first of a call, later a fresh one over what is in use. `accept` takes its answer.
    mutating func offer() throws -> [UInt8] {
        var offer = try leg.offer()
        if let said, let inUse { offer = try self.offer(after: said, inUse, as: offer) }
        answered = nil
        return say(offer)
    }

    /// Answers an offer, the first or a later one. Thrown from, it leaves what was agreed before.
    mutating func answer(_ offer: [UInt8]) throws -> (sdp: [UInt8], media: RemoteMedia) {
        var next = leg
        let (sdp, media) = try next.answer(offer)
        let answer = try SessionDescription(parsing: sdp)
        (leg, inUse, answered) = (next, media, (offer, media))
        return (say(answer), media)
    }

    /// What the peer's answer means for the leg: an answer to what we said last.
    mutating func accept(_ answer: [UInt8]) throws -> RemoteMedia {
        guard let said else { throw SDPError.answerMismatch("nothing was offered") }
        let media: RemoteMedia
        if let answered, answered.offer == answer {
            media = answered.media
        } else {
            media = try leg.accept(answer, offer: said)
        }
        inUse = media
        return media
    }

    /// Keeps a description as the session's latest.
    private mutating func say(_ description: SessionDescription) -> [UInt8] {
        var description = description
        version += 1
        description.origin.version = String(version)
        said = description
        if let line = description.media.first(where: \.isAudioInUse) {
            numbering =
                line.rtpmaps
                + numbering.filter { known in
                    !line.rtpmaps.contains { $0.payloadType == known.payloadType }
                }
        }
        return description.serialisedBytes
    }

    /// The offer of a call that stands: as of a new call, sendrecv, with every codec that we offer or
    /// take, but one that the peer can take again (RFC 3261 14.2, RFC 6337 5.2.5). The lines are those
    /// there were (RFC 3264 8), the transport is the same.
    private func offer(
        after said: SessionDescription, _ inUse: RemoteMedia, as new: SessionDescription
    ) throws -> SessionDescription {
        guard let index = said.media.firstIndex(where: \.isAudioInUse) else {
            throw SDPError.noAudio
        }
        let before = said.media[index]
        var line = try freshLine(over: inUse, keys: new.media.first?.keys ?? [:])
        line.protocolName = before.protocolName
        line.attributes = before.attributes.filter { $0.name == "mid" } + line.attributes
        // Who names its key gets ours named in the same way.
        if let ours = before.crypto.first(where: { $0.key == line.crypto.first?.key }) {
            line.crypto[0].mki = ours.mki
        }
        line.renumber(as: numbering)
        var offer = said
        offer.media[index] = line
        return offer
    }

    /// The audio line of a new call with what is in use first: codec, kind of keys, suite and our key.
    /// DTLS leaves the roles to the peer, who keeps them with the association (RFC 8842 5.3).
    ///
    /// - Parameter keys: those that a new call offers.
    private func freshLine(
        over inUse: RemoteMedia, keys: [CryptoSuite: [UInt8]]
    ) throws -> MediaDescription {
        var keys = keys
        var capabilities = leg.settings.offering(certificate: leg.certificate)
        capabilities.codecs = formats(first: SDP.AudioCodec(rawValue: inUse.codec.rawValue))
        capabilities.rtcpMux = capabilities.rtcpMux || inUse.rtcpMux || inUse.dtls != nil
        if inUse.dtls != nil {
            capabilities.srtp = .dtls
        } else if let srtp = inUse.srtp, let suite = CryptoSuite(name: srtp.suite.sdpName) {
            capabilities.srtp = .required
            keys[suite] = srtp.local
            capabilities.cryptoSuites =
                [suite] + CryptoSuite.allCases.filter { $0 != suite && keys[$0] != nil }
        }
        let fresh = try OfferAnswer.makeOffer(
            localAddress: leg.address, port: leg.port, capabilities: capabilities, sessionID: 0
        ) { keys[$0] }
        guard let line = fresh.media.first else { throw SDPError.noAudio }
        return line
    }

    /// Everything that we offer or take.
    private func formats(first: SDP.AudioCodec?) -> [AudioFormat] {
        let known =
            leg.settings.offering(certificate: []).codecs
            + leg.settings.answering(certificate: []).codecs
        var codecs = [first].compactMap { $0 }
        for case .codec(let codec) in known.map(\.encoding) where !codecs.contains(codec) {
            codecs.append(codec)
        }
        return AudioFormat.formats(
            of: codecs, comfortNoise: known.contains { $0.encoding == .comfortNoise })
    }
}

extension MediaDescription {
    /// The one line that is not refused.
    fileprivate var isAudioInUse: Bool { kind == "audio" && port > 0 }

    fileprivate var keys: [CryptoSuite: [UInt8]] {
        var keys: [CryptoSuite: [UInt8]] = [:]
        for line in crypto {
            if let suite = CryptoSuite(name: line.suite) { keys[suite] = line.key }
        }
        return keys
    }

    /// Calls each format what it was called before, and a new one what nothing was: a number means the
    /// same all through a session (RFC 3264 8.3.2). A format that finds no number is left out.
    fileprivate mutating func renumber(as known: [RTPMap]) {
        var free = (96...127).reversed().filter { number in
            !known.contains { $0.payloadType == number }
                && !rtpmaps.contains { $0.payloadType == number }
        }
        var numbers: [UInt8: UInt8] = [:]
        for map in rtpmaps {
            if let old = known.first(where: { $0.isSameFormat(as: map) }) {
                numbers[map.payloadType] = old.payloadType
            } else if !known.contains(where: { $0.payloadType == map.payloadType }) {
                numbers[map.payloadType] = map.payloadType
            } else if !free.isEmpty {
                numbers[map.payloadType] = UInt8(free.removeFirst())
            }
        }
        formats = payloadTypes.compactMap { numbers[$0].map { String($0) } }
        rtpmaps = rtpmaps.compactMap { map in
            numbers[map.payloadType].map { number in
                var map = map
                map.payloadType = number
                return map
            }
        }
        fmtps = fmtps.compactMap { fmtp in
            numbers[fmtp.payloadType].map { FormatParameters(payloadType: $0, text: fmtp.text) }
        }
    }
}

extension RTPMap {
    fileprivate func isSameFormat(as other: RTPMap) -> Bool {
        encoding.lowercased() == other.encoding.lowercased() && clockRate == other.clockRate
            && channels == other.channels
    }
}
