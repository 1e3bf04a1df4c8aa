internal import COpus

/// A codec of a media leg. The raw value is what `a=rtpmap` calls it, with the clock rate only
/// where one name has two.
public enum AudioCodec: String, Sendable, Hashable, CaseIterable {
    case pcmu = "PCMU"
    case pcma = "PCMA"
    case g722 = "G722"
    case opus
    /// 8 kHz, mono.
    case l16 = "L16"
    /// 16 kHz, mono.
    case l16Wide = "L16/16000"

    /// The RTP encoding name (RFC 3551 6, RFC 7587 7).
    public var encodingName: String {
        switch self {
        case .l16Wide: AudioCodec.l16.rawValue
        default: rawValue
        }
    }

    /// Rate of the RTP timestamp, Hz: 8000 for G.722 although it samples at twice that (RFC 3551
    /// 4.5.2), 48000 for Opus whatever it samples at (RFC 7587 4.1).
    public var clockRate: Int {
        switch self {
        case .pcmu, .pcma, .g722, .l16: 8000
        case .l16Wide: 16_000
        case .opus: 48_000
        }
    }

    /// Rate at which a leg decodes and encodes it, Hz.
    public var sampleRate: Int {
        switch self {
        case .pcmu, .pcma, .l16: 8000
        case .g722, .opus, .l16Wide: 16_000
        }
    }

    /// The static payload type of RFC 3551 table 4; nil: only dynamic ones.
    public var staticPayloadType: UInt8? {
        switch self {
        case .pcmu: 0
        case .pcma: 8
        case .g722: G722.staticPayloadType
        case .opus, .l16, .l16Wide: nil
        }
    }

    /// The byte that encodes silence; nil: silence is no constant of this codec.
    public var silence: UInt8? {
        switch self {
        case .pcmu: G711.muLawSilence
        case .pcma: G711.aLawSilence
        case .l16, .l16Wide: 0
        case .g722, .opus: nil
        }
    }

    /// The frame that is sent when `milliseconds` (10, 20, 30, 40 or 60) are asked for. Opus has no
    /// 30 ms; 60 ms of L16 at 16 kHz do not fit an Ethernet frame.
    public func frameMilliseconds(for milliseconds: Int) -> Int {
        switch (self, milliseconds) {
        case (.opus, 30): 20
        case (.l16Wide, 60): 40
        default: milliseconds
        }
    }

    /// RTP clock units that `payload` lasts; nil when it cannot be decoded.
    public func clockUnits(of payload: UnsafeRawBufferPointer) -> Int? {
        switch self {
        case .pcmu, .pcma, .g722: return payload.count
        case .l16, .l16Wide: return payload.count / 2
        case .opus:
            guard let source = payload.baseAddress, !payload.isEmpty else { return nil }
            // SAFETY: libopus reads at most payload.count octets.
            let count = opus_packet_get_nb_samples(
                source.assumingMemoryBound(to: UInt8.self), Int32(clamping: payload.count), 48_000)
            return count > 0 ? Int(count) : nil
        }
    }

    /// What `AudioDecoder.recover` makes of this payload is a copy of what was lost, not a guess.
    public func carriesCopy(_ payload: UnsafeRawBufferPointer) -> Bool {
        guard self == .opus, let source = payload.baseAddress else { return false }
        // SAFETY: at most payload.count octets are read.
        return trunkline_opus_has_copy(
            source.assumingMemoryBound(to: UInt8.self), Int32(clamping: payload.count)) != 0
    }
}
