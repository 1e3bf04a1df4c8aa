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
    let requireSRTP: Bool
    private let sessionID: UInt64
    private var version: UInt64 = 1
    /// Our master key and salt of each suite; made when first needed, kept for the leg's life.
    private var localKeys: [CryptoSuite: [UInt8]] = [:]

    init(address: String, port: Int, requireSRTP: Bool) {
        self.address = address
        self.port = port
        self.requireSRTP = requireSRTP
        var system = SystemRandomNumberGenerator()
        // RFC 8866 5.2: numeric; 62 bits so that no peer's signed parser overflows.
        sessionID = system.next() >> 2
    }

    mutating func offer() throws -> SessionDescription {
        var capabilities = AudioCapabilities()
        capabilities.srtp = requireSRTP ? .required : .none
        return try OfferAnswer.makeOffer(
            localAddress: address, port: port, capabilities: capabilities, sessionID: sessionID,
            version: version
        ) { localKey($0) }
    }

    /// Answers an offer (initial or re-INVITE).
    mutating func answer(_ bytes: [UInt8]) throws -> (sdp: [UInt8], media: RemoteMedia) {
        var capabilities = AudioCapabilities()
        capabilities.srtp = requireSRTP ? .required : .optional
        defer { version += 1 }
        let offer = try SessionDescription(parsing: bytes)
        let (answer, negotiated) = try OfferAnswer.answer(
            to: offer, localAddress: address, port: port, capabilities: capabilities,
            sessionID: sessionID, version: version
        ) { localKey($0) }
        return (Array(answer.serialised.utf8), try Self.media(negotiated))
    }

    /// Throws when an offer cannot be answered, whatever port it would get.
    static func check(offer: [UInt8], address: String, requireSRTP: Bool) throws {
        var trial = MediaNegotiation(address: address, port: 9, requireSRTP: requireSRTP)
        _ = try trial.answer(offer)
    }

    func accept(_ bytes: [UInt8], offer: SessionDescription) throws -> RemoteMedia {
        let answer = try SessionDescription(parsing: bytes)
        return try Self.media(try OfferAnswer.accept(answer: answer, toOffer: offer))
    }

    private mutating func localKey(_ suite: CryptoSuite) -> [UInt8] {
        if let key = localKeys[suite] { return key }
        var system = SystemRandomNumberGenerator()
        var key: [UInt8] = []
        for _ in 0..<suite.keyCount { key.append(UInt8.random(in: 0...255, using: &system)) }
        localKeys[suite] = key
        return key
    }

    static func media(_ negotiated: NegotiatedAudio) throws -> RemoteMedia {
        // A hold by c=0.0.0.0 sends nothing anywhere; anything else must be an address to send to.
        guard !negotiated.direction.sends || isUsableMediaAddress(negotiated.remoteAddress) else {
            throw MediaError.unusableAddress(
                negotiated.remoteAddress, port: negotiated.remotePort)
        }
        var keys: SRTPKeys?
        if let srtp = negotiated.srtp {
            guard let suite = SRTPSuite(sdpName: srtp.suite) else { throw MediaError.badKeys }
            keys = SRTPKeys(suite: suite, local: srtp.localKey, remote: srtp.remoteKey)
        }
        return RemoteMedia(
            address: negotiated.remoteAddress, port: negotiated.remotePort,
            rtcpPort: negotiated.remoteRTCPPort, rtcpMux: negotiated.rtcpMux,
            codec: negotiated.codec == .pcma ? .pcma : .pcmu,
            payloadType: negotiated.payloadType,
            telephoneEventPayloadType: negotiated.telephoneEventPayloadType,
            receivePayloadType: negotiated.receivePayloadType,
            receiveTelephoneEventPayloadType: negotiated.receiveTelephoneEventPayloadType,
            ptimeMilliseconds: negotiated.ptimeMilliseconds, srtp: keys,
            sends: negotiated.direction.sends, receives: negotiated.direction.receives)
    }
}
