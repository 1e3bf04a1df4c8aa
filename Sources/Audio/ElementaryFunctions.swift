/// Sine, cosine, logarithm and exponential in plain Swift: the core rooms import neither Glibc nor
/// Foundation, and one implementation gives the same bits on every machine. Errors stay below 1e-12
/// (relative, or absolute near 0); none of them is meant for a per-sample loop.
public enum Elementary {
    /// π, rounded to Double.
    public static let pi = Double.pi
    static let ln2 = 0.693_147_180_559_945_309_4
    static let ln10 = 2.302_585_092_994_045_684

    /// Sine of `x` radians, |x| < 1e6.
    public static func sin(_ x: Double) -> Double {
        guard x.isFinite, x.magnitude < 1e6 else { return .nan }
        let (quadrant, r) = reduce(x)
        let value = quadrant & 1 == 0 ? sineKernel(r) : cosineKernel(r)
        return quadrant & 2 == 0 ? value : -value
    }

    /// Cosine of `x` radians, |x| < 1e6.
    public static func cos(_ x: Double) -> Double {
        guard x.isFinite, x.magnitude < 1e6 else { return .nan }
        let (quadrant, r) = reduce(x)
        let value = quadrant & 1 == 0 ? cosineKernel(r) : sineKernel(r)
        return quadrant == 1 || quadrant == 2 ? -value : value
    }

    /// Natural logarithm; −∞ for 0, not-a-number below it.
    public static func log(_ x: Double) -> Double {
        guard x > 0 else { return x == 0 ? -.infinity : .nan }
        guard x.isFinite else { return x }
        var exponent = Double(x.exponent)
        var m = x.significand
        if m > 1.414_213_562_373_095_1 {
            m /= 2
            exponent += 1
        }
        // ln m = 2 artanh((m − 1)/(m + 1)), |argument| ≤ 0.172
        let s = (m - 1) / (m + 1)
        let s2 = s * s
        var sum = 0.0
        var odd = 23.0
        while odd >= 1 {
            sum = sum * s2 + 1 / odd
            odd -= 2
        }
        return exponent * ln2 + 2 * s * sum
    }

    /// Logarithm to base 10; −∞ for 0, not-a-number below it.
    public static func log10(_ x: Double) -> Double { log(x) / ln10 }

    /// e to the power `x`; 0 and ∞ outside the range of Double.
    public static func exp(_ x: Double) -> Double {
        guard !x.isNaN else { return x }
        guard x > -745 else { return 0 }
        guard x < 709.7 else { return .infinity }
        let k = (x / ln2).rounded()
        // ln 2 in two parts, so that k × high is exact.
        let r = (x - k * 0.693_147_180_369_123_8) - k * 1.908_214_929_270_587_7e-10
        var sum = 1.0
        var n = 16.0
        while n >= 1 {
            sum = 1 + sum * r / n
            n -= 1
        }
        return sum * Double(sign: .plus, exponent: Int(k), significand: 1)
    }

    /// The amplitude ratio of `decibels`: 10^(dB/20).
    public static func amplitude(decibels: Double) -> Double { exp(decibels * ln10 / 20) }

    /// 10 log₁₀ of a power ratio, not below −200 dB.
    public static func decibels(power: Double) -> Double { 10 * log10(max(power, 1e-20)) }

    /// `x` = quadrant × π/2 + r with |r| ≤ π/4 (Cody and Waite, two parts of π/2).
    private static func reduce(_ x: Double) -> (quadrant: Int, r: Double) {
        let k = (x * (2 / Double.pi)).rounded()
        let high = 1.570_796_326_734_125_6
        let low = 6.077_100_506_506_192e-11
        return (Int(k) & 3, (x - k * high) - k * low)
    }

    /// Taylor to r¹⁷ for |r| ≤ π/4.
    private static func sineKernel(_ r: Double) -> Double {
        let r2 = r * r
        var sum = 1.0
        var n = 16.0
        while n >= 2 {
            sum = 1 - sum * r2 / (n * (n + 1))
            n -= 2
        }
        return r * sum
    }

    /// Taylor to r¹⁸ for |r| ≤ π/4.
    private static func cosineKernel(_ r: Double) -> Double {
        let r2 = r * r
        var sum = 1.0
        var n = 17.0
        while n >= 1 {
            sum = 1 - sum * r2 / (n * (n + 1))
            n -= 2
        }
        return sum
    }
}
