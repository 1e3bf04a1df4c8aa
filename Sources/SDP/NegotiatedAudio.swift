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
    /// Master key identifiers as they stand in packets (RFC 3711 3.1); empty: none.
    public var localMKI: [UInt8]
    /// Of `remoteKey`; empty: the peer's packets carry none.
    public var remoteMKI: [UInt8]
    /// Further keys that the peer may change to with any packet (RFC 4568 6.1), each named otherwise.
    public var furtherRemoteKeys: [NamedKey]

    /// A key and its master key identifier. Never printed.
    public struct NamedKey: Equatable, Sendable, CustomStringConvertible,
        CustomDebugStringConvertible, CustomReflectable
    {
        /// Master key ‖ salt.
        public var key: [UInt8]
        /// As it stands in packets, big-endian (RFC 3711 3.1).
        public var mki: [UInt8]

        /// Lengths are not checked here.
        public init(key: [UInt8], mki: [UInt8]) {
            self.key = key
            self.mki = mki
        }

        /// Nothing of the key.
        public var description: String { "<redacted>" }
        /// As `description`.
        public var debugDescription: String { description }
        /// No children: dumps and mirrors do not reach the key.
        public var customMirror: Mirror { Mirror(self, children: []) }
    }

    /// Lengths are not checked here.
    public init(
        suite: String, localKey: [UInt8], remoteKey: [UInt8], localMKI: [UInt8] = [],
        remoteMKI: [UInt8] = [], furtherRemoteKeys: [NamedKey] = []
    ) {
        self.suite = suite
        self.localKey = localKey
        self.remoteKey = remoteKey
        self.localMKI = localMKI
        self.remoteMKI = remoteMKI
        self.furtherRemoteKeys = furtherRemoteKeys
    }

    /// The suite, nothing of the keys.
    public var description: String { "\(suite) <redacted>" }
    /// As `description`.
    public var debugDescription: String { description }
    /// No children: dumps and mirrors do not reach the keys.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// What offer and answer agreed on for the audio line.
public struct NegotiatedAudio: Sendable, Equatable {
    /// A codec that the answer has kept beside the chosen one.
    public struct Alternative: Sendable, Equatable {
        /// What it comes with: our offer's number, 0…127.
        public var payloadType: UInt8
        /// Never the chosen one.
        public var codec: AudioCodec

        /// Values as given; nothing is checked.
        public init(payloadType: UInt8, codec: AudioCodec) {
            self.payloadType = payloadType
            self.codec = codec
        }
    }

    /// A payload type that digits may come with (RFC 4733).
    public struct EventFormat: Sendable, Equatable {
        /// What they come with: our offer's number, 0…127.
        public var payloadType: UInt8
        /// Of timestamps and durations, Hz.
        public var clockRate: Int

        /// Values as given; nothing is checked.
        public init(payloadType: UInt8, clockRate: Int) {
            self.payloadType = payloadType
            self.clockRate = clockRate
        }
    }

    /// Where to send. May be 0.0.0.0 while held: ask `isUsableMediaAddress`.
    public var remoteAddress: String
    /// Where RTP goes, 1…65535.
    public var remotePort: Int
    /// Where RTCP goes: that of a=rtcp (RFC 3605) without rtcp-mux, else `remoteAddress`.
    public var remoteRTCPAddress: String
    /// With rtcp-mux `remotePort`, else that of a=rtcp or the next port.
    public var remoteRTCPPort: Int
    /// What we send, and expect of the peer.
    public var codec: AudioCodec
    /// What we send with.
    public var payloadType: UInt8
    /// What the peer sends with; the same unless an answer renumbers.
    public var receivePayloadType: UInt8
    /// What we send digits with; nil: the peer takes none.
    public var telephoneEventPayloadType: UInt8?
    /// What the peer sends digits with, by the offer's number; nil: none were agreed.
    public var receiveTelephoneEventPayloadType: UInt8?
    /// Of digits' durations, Hz: the codec's clock, or 8000 from a peer that has no other.
    public var telephoneEventClockRate: Int
    /// What silence may be sent as, both ways; nil: the peer takes none.
    public var comfortNoisePayloadType: UInt8?
    /// Further types that the peer may change to in mid-call (RFC 3264 6.1), by our numbers.
    public var alternatives: [Alternative]
    /// Further types that its digits may come with, by our numbers: a codec of another clock brings
    /// its own (RFC 4733 2.1).
    public var alternativeEvents: [EventFormat] = []
    /// What the peer says about Opus; nil with other codecs.
    public var opus: OpusParameters?
    /// Length of the packets we send.
    public var ptimeMilliseconds: Int
    /// Ours: `sends` says whether we may.
    public var direction: MediaDirection
    /// At most one of the two; neither: plain RTP.
    public var srtp: NegotiatedSRTP?
    /// nil: `srtp`, or plain RTP.
    public var dtls: NegotiatedDTLS?
    /// RTCP comes and goes on the RTP port (RFC 5761).
    public var rtcpMux: Bool
    /// The peer asks for RTCP XR VoIP metrics.
    public var wantsExtendedReports: Bool
    /// Which m= line this is, from 0.
    public var mediaIndex: Int

    /// Values as given; nothing is checked. `alternativeEvents` is empty.
    public init(
        remoteAddress: String, remotePort: Int, remoteRTCPAddress: String, remoteRTCPPort: Int,
        codec: AudioCodec, payloadType: UInt8, receivePayloadType: UInt8,
        telephoneEventPayloadType: UInt8?, receiveTelephoneEventPayloadType: UInt8?,
        ptimeMilliseconds: Int, direction: MediaDirection, srtp: NegotiatedSRTP?, rtcpMux: Bool,
        mediaIndex: Int, telephoneEventClockRate: Int = 8000,
        comfortNoisePayloadType: UInt8? = nil, alternatives: [Alternative] = [],
        opus: OpusParameters? = nil, dtls: NegotiatedDTLS? = nil,
        wantsExtendedReports: Bool = false
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
        self.telephoneEventClockRate = telephoneEventClockRate
        self.comfortNoisePayloadType = comfortNoisePayloadType
        self.alternatives = alternatives
        self.opus = opus
        self.ptimeMilliseconds = ptimeMilliseconds
        self.direction = direction
        self.srtp = srtp
        self.dtls = dtls
        self.rtcpMux = rtcpMux
        self.wantsExtendedReports = wantsExtendedReports
        self.mediaIndex = mediaIndex
    }
}
