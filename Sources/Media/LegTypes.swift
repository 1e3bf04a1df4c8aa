public import Audio
public import Base
public import CallModel
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
    /// For the leg's whole life.
    public var mode: LegMode
    /// Run the detector chain on what is received.
    public var detection: Bool
    /// Times and thresholds of the detectors, where `detection` is on.
    public var policy: DetectionPolicy
    /// Record from the start into this file (MediaEngine; nil: not until `startRecording`).
    public var record: String?
    /// Without SRTP, let a run of packets from any host prove a far end that has not spoken yet,
    /// not only from the SDP's host (`SourceRule`). For far ends behind a NAT on a network that
    /// strangers cannot send to.
    public var learnsAnyHost = false
    /// Send nothing but a description of the background (RFC 3389) while there is nothing to say,
    /// where the far end agreed to it; with Opus its own discontinuous transmission, where the far
    /// end likes it (`OpusLimits.usesDTX`).
    public var discontinuous: Bool
    /// Effort of the Opus encoder, 0…10; `LegWorkspace.opusComplexityLimit` may lower it.
    public var opusComplexity: Int
    /// Opus, bits per second, 6000…510000; `OpusLimits.bitrate` may lower it.
    public var opusBitrate: Int
    /// May receive on a port that other legs use too (MediaEngine, when it has such ports).
    public var sharedPort = false
    /// The far end's media address, where an offer has named it before our port is chosen.
    public var farEnd: SocketAddressValue?
    /// Which code protects packets.
    public var srtpBackend = SRTPBackend.libcrypto
    /// A speech recogniser says what it understands (`MediaLeg.hint`): who answered waits for that.
    public var expectsTranscript = false

    /// The settings without a parameter have the defaults above; numbers out of range are brought
    /// into it by the encoder.
    public init(
        mode: LegMode = .normal, detection: Bool = true, policy: DetectionPolicy = .balanced,
        record: String? = nil, discontinuous: Bool = false, opusComplexity: Int = 5,
        opusBitrate: Int = 24_000
    ) {
        self.mode = mode
        self.detection = detection
        self.policy = policy
        self.record = record
        self.discontinuous = discontinuous
        self.opusComplexity = opusComplexity
        self.opusBitrate = opusBitrate
    }
}

/// SDES keys of one leg (RFC 4568): master key followed by master salt, for each direction.
public struct SRTPKeys: Sendable, Equatable {
    /// Of both directions.
    public var suite: SRTPSuite
    /// Protects what we send.
    public var local: [UInt8]
    /// Opens what we receive.
    public var remote: [UInt8]
    /// Master key identifiers (RFC 3711 3.1); empty: none.
    public var localMKI: [UInt8]
    /// Of `remote`; empty: packets carry none.
    public var remoteMKI: [UInt8]
    /// Further keys that the far end may change to with any packet, by their identifiers (RFC 4568
    /// 6.1): of other bytes, and named otherwise in as many bytes as `remoteMKI`.
    public var furtherRemote: [SRTPMasterKey]

    /// Nothing is checked here: `RemoteMedia.validate` throws `badKeys`.
    public init(
        suite: SRTPSuite, local: [UInt8], remote: [UInt8], localMKI: [UInt8] = [],
        remoteMKI: [UInt8] = [], furtherRemote: [SRTPMasterKey] = []
    ) {
        self.suite = suite
        self.local = local
        self.remote = remote
        self.localMKI = localMKI
        self.remoteMKI = remoteMKI
        self.furtherRemote = furtherRemote
    }

    /// Whole keys, and of several for one direction none that could be taken for another.
    var isUsable: Bool {
        let remotes = [SRTPMasterKey(key: remote, identifier: remoteMKI)] + furtherRemote
        let needed = suite.keyAndSaltCount
        guard local.count == needed, remotes.allSatisfy({ $0.key.count == needed }),
            localMKI.count <= SRTPContext.masterKeyIdentifierLimit,
            remoteMKI.count <= SRTPContext.masterKeyIdentifierLimit,
            remotes.count <= SRTPKeyring.listLimit
        else { return false }
        return furtherRemote.isEmpty
            || !remoteMKI.isEmpty
                && remotes.allSatisfy { $0.identifier.count == remoteMKI.count }
                && Set(remotes.map(\.identifier)).count == remotes.count
                && Set(remotes.map(\.key)).count == remotes.count
    }
}

/// A payload type that the far end may send audio with.
public struct ReceiveFormat: Sendable, Equatable {
    /// 0…127, by the receiver's numbering (ours).
    public var payloadType: UInt8
    /// What packets of that type hold.
    public var codec: AudioCodec

    /// Neither value is checked.
    public init(payloadType: UInt8, codec: AudioCodec) {
        self.payloadType = payloadType
        self.codec = codec
    }
}

/// A payload type that the far end may send telephone-events with.
public struct ReceiveEventFormat: Sendable, Equatable {
    /// 0…127, by the receiver's numbering (ours).
    public var payloadType: UInt8
    /// Of its timestamps and durations, Hz.
    public var clockRate: Int

    /// A rate outside 8000…192 000 Hz makes `RemoteMedia.validate` throw `unsupportedEventRate`.
    public init(payloadType: UInt8, clockRate: Int) {
        self.payloadType = payloadType
        self.clockRate = clockRate
    }
}

/// What the far end's description says about the Opus that it is sent (RFC 7587 6.1, 7.1). It
/// limits what the leg's own settings would send, and never asks for more. Stereo is a preference
/// (6.1) and of no use here: a leg speaks mono, which every decoder takes.
public struct OpusLimits: Sendable, Equatable {
    /// maxaveragebitrate, bits per second; nil: no limit.
    public var bitrate: Int?
    /// Of maxplaybackrate; nil: no limit.
    public var bandwidth: OpusEncoder.Bandwidth?
    /// cbr: packets of one size.
    public var isConstant: Bool
    /// useinbandfec: it can use a copy of the frame before. Unless it says so, it cannot.
    public var usesInbandFEC: Bool
    /// usedtx: it likes pauses left out. Unless it says so, it does not.
    public var usesDTX: Bool

    /// Without arguments: what a description without format parameters says (RFC 7587 6.1).
    public init(
        bitrate: Int? = nil, bandwidth: OpusEncoder.Bandwidth? = nil, isConstant: Bool = false,
        usesInbandFEC: Bool = false, usesDTX: Bool = false
    ) {
        self.bitrate = bitrate
        self.bandwidth = bandwidth
        self.isConstant = isConstant
        self.usesInbandFEC = usesInbandFEC
        self.usesDTX = usesDTX
    }
}

/// What offer and answer agreed on, as the media leg needs it.
public struct RemoteMedia: Sendable, Equatable {
    /// Numeric IPv4 or IPv6 address of the SDP's connection line.
    public var address: String
    /// UDP port of RTP, 1…65 535; `validate` throws `unusableAddress` for any other.
    public var port: Int
    /// Where RTCP goes; `port + 1` unless `a=rtcp` said otherwise (RFC 3605).
    public var rtcpPort: Int
    /// Numeric address of RTCP where `a=rtcp` names another than RTP's (RFC 3605 2.1); nil: `address`.
    public var rtcpHost: String?
    /// RTP and RTCP share the port (RFC 5761).
    public var rtcpMux: Bool
    /// What we send, and what the first of the types that we receive holds.
    public var codec: AudioCodec
    /// Of what we send, 0…127.
    public var payloadType: UInt8
    /// Of the digits that we send; nil: none was agreed, and digits are tones in the audio.
    public var telephoneEventPayloadType: UInt8?
    /// The types the far end uses towards us where they differ from ours (RFC 3264 6.1: an answer
    /// may renumber); nil: the same.
    public var receivePayloadType: UInt8?
    /// nil: `telephoneEventPayloadType`.
    public var receiveTelephoneEventPayloadType: UInt8?
    /// RTP clock of the telephone-event type, Hz: that of the audio type (RFC 4733 2.1), 48000
    /// beside Opus.
    public var telephoneEventClockRate: Int
    /// Comfort noise (RFC 3389), both ways; nil: 13 is understood beside an 8 kHz clock, none is
    /// sent.
    public var comfortNoisePayloadType: UInt8?
    /// Further types that the far end may change to at any time (RFC 3264 6.1), at most
    /// `alternativeLimit`.
    public var alternatives: [ReceiveFormat]
    /// Further types that its digits may come with, at most `alternativeLimit`: each codec of an
    /// `alternatives` may bring those of its own clock (RFC 4733 2.1).
    public var alternativeEvents: [ReceiveEventFormat] = []
    /// What we send: 10, 20, 30, 40 or 60 ms, where the codec has it (`frameMilliseconds`).
    public var ptimeMilliseconds: Int
    /// SDES keys (RFC 4568); nil: plain RTP, unless `dtls` is set. Both together are `badKeys`.
    public var srtp: SRTPKeys?
    /// What the far end says about Opus; nil: nothing is known of it, and `LegOptions` alone decide.
    public var opus: OpusLimits?
    /// The far end asks for RTCP XR VoIP metrics (SDP `a=rtcp-xr`, RFC 3611 5).
    public var wantsExtendedReports = false
    /// We send audio (SDP direction sendrecv or sendonly, ours).
    public var sends: Bool
    /// We take audio (sendrecv or recvonly, ours).
    public var receives: Bool
    /// Keys come by DTLS instead of `srtp` (RFC 5763). Until they have, nothing but DTLS is sent or
    /// taken.
    public var dtls: DTLSParameters?
    /// We may send before we have heard anything. False: the address may be made up, and nothing goes
    /// there, no report and no DTLS either, until media has come from it; nothing of a bridge's is lost
    /// meanwhile.
    public var speaksFirst = true

    /// Without `rtcpPort`: the port above RTP's. Nothing is checked here: see `validate`.
    public init(
        address: String, port: Int, rtcpPort: Int? = nil, rtcpMux: Bool = false,
        codec: AudioCodec = .pcmu, payloadType: UInt8 = 0,
        telephoneEventPayloadType: UInt8? = 101, receivePayloadType: UInt8? = nil,
        receiveTelephoneEventPayloadType: UInt8? = nil, telephoneEventClockRate: Int = 8000,
        comfortNoisePayloadType: UInt8? = nil, alternatives: [ReceiveFormat] = [],
        ptimeMilliseconds: Int = 20, srtp: SRTPKeys? = nil, sends: Bool = true,
        receives: Bool = true, dtls: DTLSParameters? = nil
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
        self.telephoneEventClockRate = telephoneEventClockRate
        self.comfortNoisePayloadType = comfortNoisePayloadType
        self.alternatives = alternatives
        self.ptimeMilliseconds = ptimeMilliseconds
        self.srtp = srtp
        self.sends = sends
        self.receives = receives
        self.dtls = dtls
    }
}

/// Why a leg refused a setting.
public enum MediaError: Error, Equatable, Sendable {
    /// Not a numeric address that may receive media.
    case unusableAddress(String, port: Int)
    case unsupportedPtime(milliseconds: Int)
    /// libopus could not be had.
    case unsupportedCodec
    case unsupportedEventRate(Int)
    case tooManyFormats(limit: Int)
    case badKeys
    /// DTLS was agreed and the leg has no certificate of its own.
    case noCertificate
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
    /// The clip's first packet was handed to the socket; `atSample` is the media time sent before
    /// it in units of 1/8000 s, whatever the leg's codec and rate.
    case playStarted(id: Int, atSample: Int)
    /// `completed` is false when the clip was stopped, replaced or refused.
    case playFinished(id: Int, completed: Bool)
    /// The first packet was accepted.
    case mediaStarted
    /// DTLS gave keys; how long the handshake took from its first datagram.
    case mediaSecured(SRTPSuite, handshake: Interval)
    /// DTLS gave none. Said once for each association; the leg stays silent and goes on.
    case mediaSecurityFailed(DTLSFailure)
    /// Neither RTP nor RTCP for the configured time after the answer. Said once until media
    /// returns.
    case mediaTimeout
    /// A link that led to this leg has ended. Said once a link.
    case linkEnded(LinkID, LinkEndReason)
}

/// Hands one packet to the network. Returns false when it could not be sent (and was dropped).
public typealias PacketSend = (UnsafeRawBufferPointer, SocketAddressValue, LegChannel) -> Bool
