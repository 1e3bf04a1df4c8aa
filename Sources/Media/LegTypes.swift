public import Audio
public import Detection
public import SecureRTP

/// What a leg does with what it hears.
public enum LegMode: String, Sendable, CaseIterable {
    /// Plays clips and the bridge; silence when there is nothing to play.
    case normal
    /// Sends every received audio packet straight back under our own header; detection stays on.
    case echo
    /// Sends silence only: clips and bridges are refused.
    case silence
}

/// The settings of a leg that are known before its SDP is.
public struct LegOptions: Sendable {
    public var mode: LegMode
    /// Run the detector chain on what is received.
    public var detection: Bool
    public var policy: DetectionPolicy
    /// Record from the start into this file (MediaEngine; nil: not until `startRecording`).
    public var record: String?

    public init(
        mode: LegMode = .normal, detection: Bool = true, policy: DetectionPolicy = .balanced,
        record: String? = nil
    ) {
        self.mode = mode
        self.detection = detection
        self.policy = policy
        self.record = record
    }
}

/// SDES keys of one leg (RFC 4568): master key followed by master salt, for each direction.
public struct SRTPKeys: Sendable, Equatable {
    public var suite: SRTPSuite
    /// Protects what we send.
    public var local: [UInt8]
    /// Opens what we receive.
    public var remote: [UInt8]

    public init(suite: SRTPSuite, local: [UInt8], remote: [UInt8]) {
        self.suite = suite
        self.local = local
        self.remote = remote
    }
}

/// What offer and answer agreed on, as the media leg needs it.
public struct RemoteMedia: Sendable, Equatable {
    /// Numeric IPv4 or IPv6 address of the SDP's connection line.
    public var address: String
    public var port: Int
    /// Where RTCP goes; `port + 1` unless `a=rtcp` said otherwise (RFC 3605).
    public var rtcpPort: Int
    /// RTP and RTCP share the port (RFC 5761).
    public var rtcpMux: Bool
    public var codec: AudioCodec
    public var payloadType: UInt8
    public var telephoneEventPayloadType: UInt8?
    /// The types the far end uses towards us where they differ from ours (RFC 3264 6.1: an answer
    /// may renumber); nil: the same.
    public var receivePayloadType: UInt8?
    public var receiveTelephoneEventPayloadType: UInt8?
    /// What we send: 10, 20, 30, 40 or 60 ms.
    public var ptimeMilliseconds: Int
    public var srtp: SRTPKeys?
    /// We send audio (SDP direction sendrecv or sendonly, ours).
    public var sends: Bool
    /// We take audio (sendrecv or recvonly, ours).
    public var receives: Bool

    public init(
        address: String, port: Int, rtcpPort: Int? = nil, rtcpMux: Bool = false,
        codec: AudioCodec = .pcmu, payloadType: UInt8 = 0,
        telephoneEventPayloadType: UInt8? = 101, receivePayloadType: UInt8? = nil,
        receiveTelephoneEventPayloadType: UInt8? = nil, ptimeMilliseconds: Int = 20,
        srtp: SRTPKeys? = nil, sends: Bool = true, receives: Bool = true
    ) {
        self.address = address
        self.port = port
        self.rtcpPort = rtcpPort ?? port + 1
        self.rtcpMux = rtcpMux
        self.codec = codec
        self.payloadType = payloadType
        self.telephoneEventPayloadType = telephoneEventPayloadType
        self.receivePayloadType = receivePayloadType
        self.receiveTelephoneEventPayloadType = receiveTelephoneEventPayloadType
        self.ptimeMilliseconds = ptimeMilliseconds
        self.srtp = srtp
        self.sends = sends
        self.receives = receives
    }
}

/// Why a leg refused a setting.
public enum MediaError: Error, Equatable, Sendable {
    /// Not a numeric address that may receive media.
    case unusableAddress(String, port: Int)
    case unsupportedPtime(milliseconds: Int)
    case unsupportedCodec
    case badKeys
    case unsupportedBridgeRate(Int)
}

/// Which of a leg's two sockets a packet belongs to.
public enum LegChannel: UInt8, Sendable {
    case rtp
    case rtcp
}

/// Where a digit was heard.
public enum DTMFSource: String, Sendable {
    /// An RTP telephone-event.
    case rfc4733
    /// A tone pair in the audio.
    case inband
}

/// What a leg tells its owner.
public enum LegOutput: Sendable, Equatable {
    case detection(DetectionEvent)
    case dtmf(Character, source: DTMFSource)
    /// The clip's first packet was handed to the socket; `atSample` counts 8 kHz samples sent.
    case playStarted(id: Int, atSample: Int)
    /// `completed` is false when the clip was stopped, replaced or refused.
    case playFinished(id: Int, completed: Bool)
    /// The first packet was accepted.
    case mediaStarted
    /// Neither RTP nor RTCP for the configured time after the answer. Said once until media
    /// returns.
    case mediaTimeout
}

/// Hands one packet to the network. Returns false when it could not be sent (and was dropped).
public typealias PacketSend = (UnsafeRawBufferPointer, SocketAddressValue, LegChannel) -> Bool
