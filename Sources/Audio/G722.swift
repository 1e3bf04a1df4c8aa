import CVector

/// ITU-T G.722: 7 kHz speech in 64 kbit/s. Two bands by a 24-tap quadrature mirror filter, each
/// coded as ADPCM with a backward-adaptive predictor (2 poles, 6 zeros) and quantiser.
///
/// ```
///            ┌► low  ──► ADPCM ──► 6 bits ┐
/// 16 kHz ──► QMF                             ├► one octet for two samples
///            └► high ──► ADPCM ──► 2 bits ┘
/// ```
/// RTP counts 8000 a second for it although it samples at 16 kHz (RFC 3551 4.5.2), so 20 ms are 160
/// octets, 160 ticks and 320 samples. Integer arithmetic throughout, as the Recommendation's own: an
/// encoder and a decoder give the same bits everywhere. The arithmetic is CVector's (`tl_g722`).
public enum G722 {
    /// Rate of the samples, Hz.
    public static let sampleRate = 16_000
    /// Rate of the RTP timestamp, Hz: 8000 by the mistake that RFC 3551 4.5.2 keeps.
    public static let clockRate = 8000
    /// RFC 3551 table 4.
    public static let staticPayloadType: UInt8 = 9

    /// How many of an octet's bits carry speech; the others (the lowest) are an auxiliary data
    /// channel (G.722 clause 1.4). RTP has only the first.
    public enum Mode: Sendable, CaseIterable {
        case bits64k, bits56k, bits48k
    }

    /// Pairs of samples of one call at most: none of a leg's is near.
    static let largest = Int(Int32.max / 2)
}

/// One G.722 stream out, always 64 kbit/s.
public struct G722Encoder: Sendable {
    private var codec = tl_g722(reset: ())

    /// The Recommendation's reset state.
    public init() {}

    /// Encodes pairs of 16 kHz samples, as many as fit; returns the number of octets written. A
    /// single last sample is left out: hand over whole milliseconds.
    @discardableResult
    public mutating func encode(
        _ samples: UnsafeBufferPointer<Int16>, into payload: UnsafeMutableRawBufferPointer
    ) -> Int {
        let octets = payload.assumingMemoryBound(to: UInt8.self)
        let count = min(samples.count / 2, octets.count, G722.largest)
        // SAFETY: `samples` holds count pairs, `octets` has room for count.
        tl_g722_encode(&codec, samples.baseAddress, Int32(count), octets.baseAddress)
        return count
    }
}

/// One G.722 stream in.
public struct G722Decoder: Sendable {
    private var codec = tl_g722(reset: ())
    /// Must be the sender's: an octet does not tell.
    public let mode: G722.Mode

    /// A decoder in the Recommendation's reset state.
    public init(mode: G722.Mode = .bits64k) { self.mode = mode }

    /// Decodes octets to two 16 kHz samples each, as many as fit; returns the number of samples.
    /// Every octet is valid.
    @discardableResult
    public mutating func decode(
        _ payload: UnsafeRawBufferPointer, into samples: UnsafeMutableBufferPointer<Int16>
    ) -> Int {
        let octets = payload.assumingMemoryBound(to: UInt8.self)
        let count = min(octets.count, samples.count / 2, G722.largest)
        let auxiliary: Int32 =
            switch mode {
            case .bits64k: 0
            case .bits56k: 1
            case .bits48k: 2
            }
        // SAFETY: `octets` holds count, `samples` has room for count pairs.
        tl_g722_decode(
            &codec, auxiliary, octets.baseAddress, Int32(count), samples.baseAddress)
        return 2 * count
    }
}

extension tl_g722 {
    /// The Recommendation's reset state: all zeros but the steps.
    init(reset: Void) {
        self.init()
        low.step = 32
        high.step = 8
    }
}
