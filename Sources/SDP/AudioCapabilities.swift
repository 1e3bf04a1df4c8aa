/// The codecs that this room negotiates. Audio rooms have their own codec value; the owner maps.
public enum AudioCodec: String, Sendable, CaseIterable {
    case pcmu = "PCMU"
    case pcma = "PCMA"

    /// RFC 3551 table 4.
    public var staticPayloadType: UInt8 { self == .pcmu ? 0 : 8 }

    init?(_ map: RTPMap) {
        guard map.clockRate == 8000, map.channels == 1,
            let codec = Self(rawValue: map.encoding.uppercased())
        else { return nil }
        self = codec
    }
}

/// One format we offer or accept.
public struct AudioFormat: Equatable, Sendable {
    public enum Encoding: Equatable, Sendable {
        case codec(AudioCodec)
        case telephoneEvent
    }
    public var encoding: Encoding
    /// Used in our offers; answers use the offer's.
    public var payloadType: UInt8

    public init(_ encoding: Encoding, payloadType: UInt8) {
        self.encoding = encoding
        self.payloadType = payloadType
    }

    public static let pcmu = AudioFormat(.codec(.pcmu), payloadType: 0)
    public static let pcma = AudioFormat(.codec(.pcma), payloadType: 8)
    public static let telephoneEvent = AudioFormat(.telephoneEvent, payloadType: 101)
}

/// What we can do on an audio line.
public struct AudioCapabilities: Equatable, Sendable {
    public enum SRTP: Equatable, Sendable {
        /// Plain RTP only: RTP/SAVP is refused.
        case none
        /// Offers RTP/AVP with crypto lines (RFC 8643), uses SRTP when the peer does.
        case optional
        /// RTP/SAVP or nothing.
        case required
    }

    /// In order of preference.
    public var codecs: [AudioFormat]
    /// What we would like to receive, milliseconds.
    public var ptime: Int
    /// What we can send, milliseconds, ascending.
    public var sendablePtimes: [Int]
    public var srtp: SRTP
    /// What we protect media with, in the order of our crypto lines.
    public var cryptoSuites: [CryptoSuite]
    /// In our offers; an answer has it exactly when the offer had.
    public var rtcpMux: Bool

    public init(
        codecs: [AudioFormat] = [.pcmu, .pcma, .telephoneEvent], ptime: Int = 20,
        sendablePtimes: [Int] = [20], srtp: SRTP = .none, rtcpMux: Bool = false,
        cryptoSuites: [CryptoSuite] = CryptoSuite.allCases
    ) {
        self.codecs = codecs
        self.ptime = ptime
        self.sendablePtimes = sendablePtimes
        self.srtp = srtp
        self.rtcpMux = rtcpMux
        self.cryptoSuites = cryptoSuites
    }

    func supports(_ codec: AudioCodec) -> Bool {
        codecs.contains { $0.encoding == .codec(codec) }
    }
    var supportsTelephoneEvent: Bool { codecs.contains { $0.encoding == .telephoneEvent } }

    /// The packet length we send to a peer that asked for `ptime` and allows `maxptime`: its wish
    /// when we can, else our own, else the longest within its limit.
    func sendPtime(wanted: Int?, maximum: Int?) -> Int {
        let allowed = sendablePtimes.filter { $0 <= maximum ?? .max }
        if let wanted, allowed.contains(wanted) { return wanted }
        if allowed.contains(ptime) { return ptime }
        return allowed.last ?? sendablePtimes.first ?? ptime
    }
}

/// The keys of both directions (RFC 4568). Never prints them.
public struct NegotiatedSRTP: Equatable, Sendable, CustomStringConvertible,
    CustomDebugStringConvertible, CustomReflectable
{
    /// An SDP crypto suite name.
    public var suite: String
    /// What we send with: master key ‖ salt.
    public var localKey: [UInt8]
    /// What the peer sends with.
    public var remoteKey: [UInt8]

    public init(suite: String, localKey: [UInt8], remoteKey: [UInt8]) {
        self.suite = suite
        self.localKey = localKey
        self.remoteKey = remoteKey
    }

    public var description: String { "\(suite) <redacted>" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// What offer and answer agreed on for the audio line.
public struct NegotiatedAudio: Sendable, Equatable {
    /// Where to send. May be 0.0.0.0 while held: ask `isUsableMediaAddress`.
    public var remoteAddress: String
    public var remotePort: Int
    public var remoteRTCPAddress: String
    public var remoteRTCPPort: Int
    public var codec: AudioCodec
    /// What we send with.
    public var payloadType: UInt8
    /// What the peer sends with; the same unless an answer renumbers.
    public var receivePayloadType: UInt8
    /// What we send digits with; nil: the peer takes none.
    public var telephoneEventPayloadType: UInt8?
    public var receiveTelephoneEventPayloadType: UInt8?
    /// Length of the packets we send.
    public var ptimeMilliseconds: Int
    /// Ours: `sends` says whether we may.
    public var direction: MediaDirection
    public var srtp: NegotiatedSRTP?
    public var rtcpMux: Bool
    /// Which m= line this is, from 0.
    public var mediaIndex: Int

    public init(
        remoteAddress: String, remotePort: Int, remoteRTCPAddress: String, remoteRTCPPort: Int,
        codec: AudioCodec, payloadType: UInt8, receivePayloadType: UInt8,
        telephoneEventPayloadType: UInt8?, receiveTelephoneEventPayloadType: UInt8?,
        ptimeMilliseconds: Int, direction: MediaDirection, srtp: NegotiatedSRTP?, rtcpMux: Bool,
        mediaIndex: Int
    ) {
        self.remoteAddress = remoteAddress
        self.remotePort = remotePort
        self.remoteRTCPAddress = remoteRTCPAddress
        self.remoteRTCPPort = remoteRTCPPort
        self.codec = codec
        self.payloadType = payloadType
        self.receivePayloadType = receivePayloadType
        self.telephoneEventPayloadType = telephoneEventPayloadType
        self.receiveTelephoneEventPayloadType = receiveTelephoneEventPayloadType
        self.ptimeMilliseconds = ptimeMilliseconds
        self.direction = direction
        self.srtp = srtp
        self.rtcpMux = rtcpMux
        self.mediaIndex = mediaIndex
    }
}
