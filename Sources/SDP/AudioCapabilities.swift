/// What we can do on an audio line.
public struct AudioCapabilities: Equatable, Sendable {
    /// How media is protected. Whatever stands here, an offer on a secure profile is never answered
    /// plain.
    public enum SRTP: Equatable, Sendable {
        /// Plain RTP only: secure profiles are refused.
        case none
        /// Offers RTP/AVP with crypto lines (RFC 8643); uses SRTP when the peer does.
        case optional
        /// Keys in the description (RFC 4568) or nothing; offers RTP/SAVP.
        case required
        /// DTLS-SRTP (RFC 5763) or nothing; offers UDP/TLS/RTP/SAVP.
        case dtls
        /// Either of the two; offers RTP/SAVP with crypto lines and a fingerprint, as rtpengine
        /// does.
        case any

        var takesKeys: Bool { self == .optional || self == .required || self == .any }
        var takesDTLS: Bool { self == .optional || self == .dtls || self == .any }
        var refusesPlain: Bool { self == .required || self == .dtls || self == .any }
    }

    /// Whose order of codecs decides an answer.
    public enum Preference: Equatable, Sendable {
        /// The offerer's, as RFC 3264 6.1 recommends.
        case offerer
        /// That of `codecs`.
        case own
    }

    /// In order of preference.
    public var codecs: [AudioFormat]
    /// Decides answers only: our offers have the order of `codecs`.
    public var preference: Preference
    /// What we would like to receive, milliseconds.
    public var ptime: Int
    /// What we can send, milliseconds, ascending.
    public var sendablePtimes: [Int]
    /// What our offers carry and what we take of others'.
    public var srtp: SRTP
    /// What we protect media with, in the order of our crypto lines.
    public var cryptoSuites: [CryptoSuite]
    /// nil: no DTLS-SRTP.
    public var dtls: DTLSIdentity?
    /// In our offers; an answer has it exactly when the offer had.
    public var rtcpMux: Bool
    /// Ask for RTCP XR VoIP metrics (RFC 3611 5.2) in offers, and in answers to those who do.
    public var extendedReports: Bool
    /// What we like to receive with Opus.
    public var opus: OpusParameters

    /// Nothing is checked here: `sendablePtimes` is to be ascending, payload types 0…127.
    public init(
        codecs: [AudioFormat] = [.pcmu, .pcma, .telephoneEvent], ptime: Int = 20,
        sendablePtimes: [Int] = [10, 20, 30, 40, 60], srtp: SRTP = .none, rtcpMux: Bool = false,
        cryptoSuites: [CryptoSuite] = CryptoSuite.allCases, dtls: DTLSIdentity? = nil,
        preference: Preference = .offerer, extendedReports: Bool = false,
        opus: OpusParameters = .ours
    ) {
        self.codecs = codecs
        self.preference = preference
        self.ptime = ptime
        self.sendablePtimes = sendablePtimes
        self.srtp = srtp
        self.rtcpMux = rtcpMux
        self.cryptoSuites = cryptoSuites
        self.dtls = dtls
        self.extendedReports = extendedReports
        self.opus = opus
    }

    func supports(_ codec: AudioCodec) -> Bool {
        codecs.contains { $0.encoding == .codec(codec) }
    }

    func supports(_ encoding: AudioFormat.Encoding) -> Bool {
        codecs.contains { $0.encoding == encoding }
    }

    /// The packet length we send: the peer's wish when we can, else the nearest below it; without a
    /// wish our own. Always within the peer's limits when anything of ours is.
    func sendPtime(_ wish: PacketLengthWish, codec: AudioCodec) -> Int {
        let possible = sendablePtimes.filter { codec.carries(milliseconds: $0) }
        let allowed = possible.filter {
            $0 <= wish.maximum ?? .max && $0 >= wish.minimum ?? 0
        }
        if let wanted = wish.wanted {
            if let nearest = allowed.last(where: { $0 <= wanted }) { return nearest }
            if let shortest = allowed.first { return shortest }
        }
        if allowed.contains(ptime) { return ptime }
        return allowed.last ?? possible.first ?? ptime
    }
}

/// What a peer says about packet lengths, milliseconds.
struct PacketLengthWish {
    /// a=ptime.
    var wanted: Int?
    /// a=maxptime.
    var maximum: Int?
    /// `minptime` of Opus' fmtp, or a=minptime.
    var minimum: Int?

    init(_ media: MediaDescription, payloadType: UInt8) {
        wanted = media.ptime
        maximum = media.maxptime
        minimum = OpusParameters(parsing: media.fmtp(of: payloadType)).minimumPtime
        if minimum == nil, let text = media.attributes.values("minptime").first {
            minimum = Int(text).flatMap { (1...1000).contains($0) ? $0 : nil }
        }
    }
}
