/// ITU-T G.722: 7 kHz speech in 64 kbit/s. Two bands by a 24-tap quadrature mirror filter, each
/// coded as ADPCM with a backward-adaptive predictor (2 poles, 6 zeros) and quantiser.
///
/// ```
///            ┌► low  ──► G722Band ──► 6 bits ┐
/// 16 kHz ──► QMF                             ├► one octet for two samples
///            └► high ──► G722Band ──► 2 bits ┘
/// ```
/// RTP counts 8000 a second for it although it samples at 16 kHz (RFC 3551 4.5.2), so 20 ms are 160
/// octets, 160 ticks and 320 samples. Integer arithmetic throughout, as the Recommendation's own: an
/// encoder and a decoder give the same bits everywhere.
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
}

/// One G.722 stream out, always 64 kbit/s.
public struct G722Encoder: Sendable {
    private var low = G722Band(initialStep: 32)
    private var high = G722Band(initialStep: 8)
    private var delay = G722Delay()

    /// The Recommendation's reset state.
    public init() {}

    /// Encodes pairs of 16 kHz samples, as many as fit; returns the number of octets written. A
    /// single last sample is left out: hand over whole milliseconds.
    @discardableResult
    public mutating func encode(
        _ samples: UnsafeBufferPointer<Int16>, into payload: UnsafeMutableRawBufferPointer
    ) -> Int {
        let count = min(samples.count / 2, payload.count)
        for index in 0..<count {
            delay.push(Int32(samples[2 * index]), Int32(samples[2 * index + 1]))
            let (early, late) = delay.filtered()
            // Within ±15 bits for any input: the filter's gain is 1.
            payload[index] = encode(low: (late &+ early) >> 14, high: (late &- early) >> 14)
        }
        return count
    }

    private mutating func encode(low lowSample: Int32, high highSample: Int32) -> UInt8 {
        let lowError = saturated(lowSample &- low.prediction)
        let lowCode = Self.quantised(lowError, step: low.step)
        low.updateLow(code: Int(lowCode >> 2))

        let highError = saturated(highSample &- high.prediction)
        let magnitude = highError >= 0 ? highError : ~highError
        let isLarge = magnitude >= (564 &* high.step) >> 12
        let highCode: UInt8 =
            highError < 0 ? (isLarge ? 0 : 1) : (isLarge ? 2 : 3)
        high.updateHigh(code: Int(highCode))
        return highCode << 6 | lowCode
    }

    /// QUANTL: the six-bit code of a lower-band difference. The decision levels rise, so the place
    /// of `error` among them is found by halving.
    private static func quantised(_ error: Int32, step: Int32) -> UInt8 {
        let magnitude = error >= 0 ? error : ~error
        var below = 0
        var above = 29
        while below < above {
            let middle = (below + above) / 2
            if magnitude < (G722Tables.decisionLevels[middle] &* step) >> 12 {
                above = middle
            } else {
                below = middle + 1
            }
        }
        // Interval 0 and 1 from zero have the highest codes; below zero the two are 63 and 62.
        if error >= 0 { return UInt8(61 - below) }
        return below < 2 ? UInt8(63 - below) : UInt8(33 - below)
    }
}

/// One G.722 stream in.
public struct G722Decoder: Sendable {
    private var low = G722Band(initialStep: 32)
    private var high = G722Band(initialStep: 8)
    private var delay = G722Delay()
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
        let count = min(payload.count, samples.count / 2)
        for index in 0..<count {
            let octet = Int(payload[index])
            let lowCode = octet & 0x3F
            let level =
                switch mode {
                case .bits64k: G722Tables.sixBits[lowCode]
                case .bits56k: G722Tables.fiveBits[lowCode >> 1]
                case .bits48k: G722Tables.fourBits[lowCode >> 2]
                }
            let lowSample = limited(low.prediction &+ (low.step &* level) >> 15)
            low.updateLow(code: lowCode >> 2)
            let highCode = octet >> 6
            let highSample = limited(
                high.prediction &+ (high.step &* G722Tables.twoBits[highCode]) >> 15)
            high.updateHigh(code: highCode)
            delay.push(lowSample &+ highSample, lowSample &- highSample)
            let (second, first) = delay.filtered()
            samples[2 * index] = Int16(truncatingIfNeeded: saturated(first >> 11))
            samples[2 * index + 1] = Int16(truncatingIfNeeded: saturated(second >> 11))
        }
        return 2 * count
    }
}

/// The last twelve pairs of samples in front of the quadrature mirror filter (blocks 2L/2H and 4).
struct G722Delay: Sendable {
    // Newest first; lanes 12…15 stay 0.
    private var early = SIMD16<Int32>.zero
    private var late = SIMD16<Int32>.zero
    /// Twelve taps of the even phase, newest sample first; the odd phase has them reversed.
    private static let taps = SIMD16<Int32>(
        -11, 53, -156, 362, -805, 3876, 951, -210, 32, 12, -11, 3, 0, 0, 0, 0)
    private static let reversedTaps = SIMD16<Int32>(
        3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11, 0, 0, 0, 0)

    @inline(__always)
    mutating func push(_ first: Int32, _ second: Int32) {
        early = Self.shifted(early, first)
        late = Self.shifted(late, second)
    }

    /// Both phases' sums. |sample| < 2¹⁶ and the taps' magnitudes sum to 6482: 30 bits suffice.
    @inline(__always)
    func filtered() -> (early: Int32, late: Int32) {
        ((early &* Self.taps).wrappedSum(), (late &* Self.reversedTaps).wrappedSum())
    }

    @inline(__always)
    private static func shifted(_ v: SIMD16<Int32>, _ newest: Int32) -> SIMD16<Int32> {
        SIMD16(
            newest, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10], 0, 0, 0, 0)
    }
}

/// SATURATE: to 16 bits.
@inline(__always)
func saturated(_ value: Int32) -> Int32 { min(max(value, -32768), 32767) }

/// LIMIT: to 15 bits.
@inline(__always)
private func limited(_ value: Int32) -> Int32 { min(max(value, -16384), 16383) }
