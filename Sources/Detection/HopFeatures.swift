internal import Audio
internal import CVector

/// What one 10 ms hop looks like: the numbers that all detectors share.
struct HopFeatures: Sendable {
    /// Level of the hop's own 80 samples.
    var levelDBm0: Float = -100
    /// Summed power of the telephone band, 94…3906 Hz, of the 32 ms window.
    var bandPower: Float = 0
    /// Interpolated frequency of the strongest component, Hz.
    var peakHz: Float = 0
    /// Its level (±2 bins).
    var peakDBm0: Float = -100
    /// Its share of the band's power, 0…1.
    var share: Float = 0
    /// The share including the second and third harmonic.
    var harmonicShare: Float = 0
    /// Power of the strongest component that is no harmonic of the peak, relative to the peak.
    var secondRatio: Float = 0
    /// Where that component is, Hz, and its share of the band's power.
    var secondHz: Float = 0
    var secondShare: Float = 0
    /// Spectral flatness of 156…1500 Hz: geometric over arithmetic mean; noise 0.56, a vowel 0.1.
    var flatness: Float = 1

    static let silentDBm0: Float = -70
}

extension HopFeatures {
    private static let firstBin: Int32 = 3
    private static let lastBin: Int32 = 125

    /// Measures a hop. `power` has 129 bins; `offset` is the line's direct current, in samples'
    /// units, which is no level.
    init(
        hop: UnsafeBufferPointer<Int16>, power: UnsafeBufferPointer<Float>, offset: Float = 0
    ) {
        levelDBm0 = dBm0(meanSquare: meanSquare(hop, offset: offset))
        guard power.count == Spectrum.binCount, let p = power.baseAddress else { return }
        // SAFETY (here and below): 129 bins, and the band lies within.
        var total: Float = 0
        var strongest: Int32 = 0
        tl_band_peak(p, Self.firstBin, Self.lastBin, &total, &strongest)
        let peak = Int(strongest)
        bandPower = total
        guard total > 1, dBm0(meanSquare: total / Spectrum.meanSquareScale) > Self.silentDBm0 else {
            return
        }
        let lobe = lobePower(p, peak)
        peakHz = interpolatedHz(p, peak)
        peakDBm0 = dBm0(meanSquare: lobe / Spectrum.meanSquareScale)
        share = min(lobe / total, 1)
        let second = Int((2 * peakHz / Spectrum.binHz).rounded())
        let third = Int((3 * peakHz / Spectrum.binHz).rounded())
        var harmonics = lobe
        if second <= Int(Self.lastBin) - 2 { harmonics += lobePower(p, second) }
        if third <= Int(Self.lastBin) - 2 { harmonics += lobePower(p, third) }
        harmonicShare = min(harmonics / total, 1)
        let other = strongestElsewhere(p, peak, second, third)
        secondRatio = other.power / max(lobe, 1)
        secondHz = Float(other.bin) * Spectrum.binHz
        secondShare = min(other.power / total, 1)
        flatness = spectralFlatness(p)
    }

    private func strongestElsewhere(
        _ p: UnsafePointer<Float>, _ peak: Int, _ second: Int, _ third: Int
    ) -> (power: Float, bin: Int) {
        var found: Int32 = 0
        tl_peak_elsewhere(
            p, Self.firstBin, Self.lastBin, Int32(truncatingIfNeeded: peak),
            Int32(truncatingIfNeeded: second), Int32(truncatingIfNeeded: third), &found)
        let bin = Int(found)
        return bin == 0 ? (0, 0) : (lobePower(p, bin), bin)
    }
}

/// Power of the bins k ± 2: a Hann window's whole main lobe. 2 ≤ k ≤ 126.
@inline(__always)
private func lobePower(_ p: UnsafePointer<Float>, _ k: Int) -> Float {
    p[k - 2] + p[k - 1] + p[k] + p[k + 1] + p[k + 2]
}

/// Frequency of a sine from the peak bin and its larger neighbour (exact for a Hann window).
@inline(__always)
private func interpolatedHz(_ p: UnsafePointer<Float>, _ k: Int) -> Float {
    let up = p[k + 1] > p[k - 1]
    let ratio = (max(p[k + 1], p[k - 1]) / max(p[k], 1e-9)).squareRoot()
    let offset = (2 * ratio - 1) / (ratio + 1)
    return (Float(k) + (up ? offset : -offset)) * Spectrum.binHz
}

private func spectralFlatness(_ p: UnsafePointer<Float>) -> Float {
    var logSums = SIMD4<Float>.zero
    var sums = SIMD4<Float>.zero
    for k in stride(from: 5, to: 49, by: 4) {
        var values = load4(p + k)
        values.replace(with: 1, where: values .< 1)
        logSums += fastLog2(values)
        sums += values
    }
    let logSum = logSums[0] + logSums[1] + logSums[2] + logSums[3]
    let sum = sums[0] + sums[1] + sums[2] + sums[3]
    return exp2Approximation(logSum / 44 - fastLog2(sum / 44))
}

/// 2^x for −30 < x ≤ 0, to 0.3 %.
@inline(__always)
private func exp2Approximation(_ x: Float) -> Float {
    let clamped = max(x, -30)
    let whole = clamped.rounded(.down)
    let f = clamped - whole
    let mantissa = 1 + f * (0.656_4 + f * 0.343_6)
    return mantissa * Float(bitPattern: UInt32(Int32(whole) + 127) << 23)
}

@inline(__always)
func dBm0(meanSquare: Float) -> Float {
    // A full-scale sine (mean square 2^29) is +3.14 dBm0.
    max(fastDecibels(meanSquare / 536_870_912) + Float(Level.fullScaleSineDBm0), -100)
}

/// Mean of (sample − offset)².
func meanSquare(_ samples: UnsafeBufferPointer<Int16>, offset: Float = 0) -> Float {
    guard !samples.isEmpty else { return 0 }
    var squares: Int64 = 0
    var sum: Int32 = 0
    tl_squares(
        samples.baseAddress, Int32(truncatingIfNeeded: samples.count), &squares, &sum)
    let count = Float(samples.count)
    return max(Float(squares) / count - 2 * offset * Float(sum) / count + offset * offset, 0)
}
