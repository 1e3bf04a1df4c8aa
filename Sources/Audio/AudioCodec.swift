/// A codec of a media leg. The raw value is the RTP encoding name (RFC 3551 6).
public enum AudioCodec: String, Sendable, Hashable, CaseIterable {
    case pcmu = "PCMU"
    case pcma = "PCMA"

    /// The static payload type of RFC 3551 table 4.
    public var staticPayloadType: UInt8 {
        switch self {
        case .pcmu: 0
        case .pcma: 8
        }
    }

    /// Rate of samples and of the RTP timestamp, Hz.
    public var clockRate: Int { 8000 }

    /// The byte that encodes silence.
    public var silence: UInt8 {
        switch self {
        case .pcmu: G711.muLawSilence
        case .pcma: G711.aLawSilence
        }
    }

    /// Decodes `payload`, as much as fits; returns the number of samples written.
    @discardableResult
    public func decode(
        _ payload: UnsafeRawBufferPointer, into samples: UnsafeMutableBufferPointer<Int16>
    ) -> Int {
        switch self {
        case .pcmu: G711.decodeMuLaw(payload, into: samples)
        case .pcma: G711.decodeALaw(payload, into: samples)
        }
    }

    /// Encodes `samples`, as many as fit; returns the number of payload bytes written.
    @discardableResult
    public func encode(
        _ samples: UnsafeBufferPointer<Int16>, into payload: UnsafeMutableRawBufferPointer
    ) -> Int {
        switch self {
        case .pcmu: G711.encodeMuLaw(samples, into: payload)
        case .pcma: G711.encodeALaw(samples, into: payload)
        }
    }
}
