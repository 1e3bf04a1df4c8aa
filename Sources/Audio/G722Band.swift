/// The adaptive part of one G.722 band, the same in encoder and decoder (clause 3.6): scale factor
/// and predictor, both driven by the transmitted code alone. Names in the comments are the blocks of
/// the Recommendation.
struct G722Band: Sendable {
    /// Quantiser step (DETL, DETH).
    private(set) var step: Int32
    /// What the predictor expects next (SL, SH).
    private(set) var prediction: Int32 = 0

    private var logStep: Int32 = 0
    private var zeroPart: Int32 = 0
    private var pole1: Int32 = 0
    private var pole2: Int32 = 0
    // Lanes 6 and 7 stay 0.
    private var zeros = SIMD8<Int32>.zero
    private var differences = SIMD8<Int32>.zero
    private var reconstructed1: Int32 = 0
    private var reconstructed2: Int32 = 0
    private var partial1: Int32 = 0
    private var partial2: Int32 = 0

    init(initialStep: Int32) { step = initialStep }

    /// One lower-band code, its four upper bits: 0…15.
    @inline(__always)
    mutating func updateLow(code: Int) {
        let difference = (step &* G722Tables.fourBits[code]) >> 15
        // LOGSCL and SCALEL.
        logStep = min(max((logStep &* 127) >> 7 &+ G722Tables.lowWeights[code], 0), 18_432)
        step = Self.linear(logStep, shift: 8)
        adapt(difference)
    }

    /// One upper-band code: 0…3.
    @inline(__always)
    mutating func updateHigh(code: Int) {
        let difference = (step &* G722Tables.twoBits[code]) >> 15
        // LOGSCH and SCALEH.
        let weight: Int32 = code & 1 == 0 ? 798 : -214
        logStep = min(max((logStep &* 127) >> 7 &+ weight, 0), 22_528)
        step = Self.linear(logStep, shift: 10)
        adapt(difference)
    }

    @inline(__always)
    private static func linear(_ logStep: Int32, shift: Int32) -> Int32 {
        let mantissa = G722Tables.powers[Int(logStep >> 6 & 31)]
        // logStep ≤ 22528, so the difference is −3…10.
        let right = shift - logStep >> 11
        return (right < 0 ? mantissa << -right : mantissa >> right) << 2
    }

    /// Block 4: predictor update with the quantised `difference`, then the next prediction.
    @inline(__always)
    private mutating func adapt(_ difference: Int32) {
        let reconstructed = saturated(prediction &+ difference)  // RECONS
        let partial = saturated(zeroPart &+ difference)  // PARREC
        let sameSign1 = partial ^ partial1 >= 0
        let sameSign2 = partial ^ partial2 >= 0

        // UPPOL2
        let scaled = saturated(pole1 << 2)
        let turned = min(sameSign1 ? 0 &- scaled : scaled, 32767)
        let second = (sameSign2 ? 128 : -128) &+ turned >> 7 &+ (pole2 &* 32512) >> 15
        pole2 = min(max(second, -12288), 12288)
        // UPPOL1
        let bound = 15360 &- pole2
        let first = (sameSign1 ? 192 : -192) &+ (pole1 &* 32640) >> 15
        pole1 = min(max(first, 0 &- bound), bound)
        // UPZERO: towards the sign each older difference shares with this one.
        let stride: Int32 = difference == 0 ? 0 : 128
        let opposite = (differences ^ SIMD8(repeating: difference)) &>> 31
        let move = (SIMD8(repeating: stride) ^ opposite) &- opposite
        zeros = Self.saturated8(move &+ (zeros &* 32640) &>> 15)
        zeros[6] = 0
        zeros[7] = 0

        // DELAYA
        let d = differences
        differences = SIMD8(difference, d[0], d[1], d[2], d[3], d[4], 0, 0)
        reconstructed2 = reconstructed1
        reconstructed1 = reconstructed
        partial2 = partial1
        partial1 = partial

        // FILTEP, FILTEZ, PREDIC
        let poles = saturated(
            (pole1 &* saturated(reconstructed1 << 1)) >> 15
                &+ (pole2 &* saturated(reconstructed2 << 1)) >> 15)
        let products = (zeros &* Self.saturated8(differences &<< 1)) &>> 15
        zeroPart = saturated(products.wrappedSum())
        prediction = saturated(poles &+ zeroPart)
    }

    @inline(__always)
    private static func saturated8(_ value: SIMD8<Int32>) -> SIMD8<Int32> {
        value.clamped(
            lowerBound: SIMD8(repeating: -32768), upperBound: SIMD8(repeating: 32767))
    }
}

/// The constants of G.722 (tables 14 to 21).
enum G722Tables {
    /// Decision levels of the lower band over the step (Q6), the first left out.
    static let decisionLevels: [Int32] = [
        35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940,
        1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
    ]
    /// Output values by four (QQ4), five (QQ5) and six bits (QQ6), and the upper band's two (QQ2).
    static let fourBits: [Int32] = [
        0, -20456, -12896, -8968, -6288, -4240, -2584, -1200,
        20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
    ]
    static let fiveBits: [Int32] = [
        -280, -280, -23352, -17560, -14120, -11664, -9752, -8184,
        -6864, -5712, -4696, -3784, -2960, -2208, -1520, -880,
        23352, 17560, 14120, 11664, 9752, 8184, 6864, 5712,
        4696, 3784, 2960, 2208, 1520, 880, 280, -280,
    ]
    static let sixBits: [Int32] = [
        -136, -136, -136, -136, -24808, -21904, -19008, -16704,
        -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
        -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576,
        -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
        24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192,
        10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
        4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032,
        1688, 1360, 1040, 728, 432, 136, -432, -136,
    ]
    static let twoBits: [Int32] = [-7408, -1616, 7408, 1616]
    /// Multipliers of the lower band's log step (WL by RL42), by four-bit code.
    static let lowWeights: [Int32] = [
        -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60,
    ]
    /// 2048 × 2^(i/32) (ILB).
    static let powers: [Int32] = [
        2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774,
        2834, 2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838,
        3922, 4008,
    ]
}
