internal import Audio

/// Constant tables of the 256-point transform, made once a process and shared by all legs.
final class SpectrumTables: Sendable {
    /// Periodic Hann window, 256 values.
    let window: [Float]
    /// Twiddle factors (w¹, w², w³ as re, im) of the radix-4 stages for n = 128, 32 and 8.
    let stages: [[Float]]
    /// e^(−2πik/256) for k = 0…64, all real parts and then all imaginary ones: unpacks the half-size
    /// transform.
    let unpack: [Float]

    static let shared = SpectrumTables()

    private init() {
        let tau = 2 * Double.pi
        window = (0..<Spectrum.windowCount).map {
            Float(0.5 - 0.5 * Elementary.cos(tau * Double($0) / Double(Spectrum.windowCount)))
        }
        stages = [128, 32, 8].map { n in
            (0..<n / 4).flatMap { p in
                (1...3).flatMap { k -> [Float] in
                    let angle = -tau * Double(k * p) / Double(n)
                    return [Float(Elementary.cos(angle)), Float(Elementary.sin(angle))]
                }
            }
        }
        let angles = (0...64).map { -tau * Double($0) / 256 }
        unpack =
            angles.map { Float(Elementary.cos($0)) } + angles.map { Float(Elementary.sin($0)) }
    }
}

/// The power spectrum of the last 32 ms: 256-point Hann window, 31.25 Hz a bin.
///
/// A real transform through a complex one of half the size (radix 4·4·4·2, Stockham's order, so no
/// bit reversal).
struct Spectrum: Sendable {
    static let windowCount = 256
    static let binCount = 129
    static let binHz: Float = 31.25
    /// Σ of the window's squares (96) × 256 / 2: the summed power of a sine's main lobe divided by
    /// this is the sine's mean square.
    static let meanSquareScale: Float = 12_288

    // In place, not in arrays of their own: a thousand legs are walked through in turn, so what is
    // together in memory is what costs least.
    private var bins = InlineArray<129, Float>(repeating: 0)
    private var history = InlineArray<256, Int16>(repeating: 0)
    private let tables = SpectrumTables.shared
    /// The line's direct current, followed over a second, in samples' units. (The window keeps it
    /// out of the bins from 2 on.)
    private(set) var offset: Float = 0

    /// Power of bins 0…128; a copy.
    var power: [Float] { bins.span.withUnsafeBufferPointer { Array($0) } }

    mutating func withPower<Result>(_ body: (UnsafeBufferPointer<Float>) -> Result) -> Result {
        bins.span.withUnsafeBufferPointer(body)
    }

    /// Slides the window over `hop` (at most 256 samples) and computes `power`.
    mutating func advance(_ hop: UnsafeBufferPointer<Int16>) {
        var sum: Int32 = 0
        for sample in hop { sum &+= Int32(sample) }
        offset += (Float(sum) / Float(max(hop.count, 1)) - offset) * 0.02
        Self.advance(&history, &bins, tables, hop)
    }

    private static func advance(
        _ history: inout InlineArray<256, Int16>, _ bins: inout InlineArray<129, Float>,
        _ tables: SpectrumTables, _ hop: UnsafeBufferPointer<Int16>
    ) {
        // Two complex buffers of 128: re, im, re, im, one after the other; on the stack, so that
        // all legs of a thread use the same memory.
        var scratch = InlineArray<512, Float>(repeating: 0)
        var work = scratch.mutableSpan
        var past = history.mutableSpan
        var power = bins.mutableSpan
        work.withUnsafeMutableBufferPointer { work in
            past.withUnsafeMutableBufferPointer { past in
                slide(past, hop)
                tables.window.withUnsafeBufferPointer {
                    packWindowed(UnsafeBufferPointer(past), $0, into: work)
                }
            }
            transform128(work, tables)
            power.withUnsafeMutableBufferPointer { power in
                tables.unpack.withUnsafeBufferPointer { unpackPower(work, $0, into: power) }
            }
        }
    }
}

// SAFETY (all functions below): the buffers have the fixed counts that `Spectrum` allocates, and
// every index below follows from these counts.

private func slide(_ history: UnsafeMutableBufferPointer<Int16>, _ hop: UnsafeBufferPointer<Int16>)
{
    let count = min(hop.count, history.count)
    guard let base = history.baseAddress, let source = hop.baseAddress else { return }
    let kept = history.count - count
    base.update(from: base + count, count: kept)
    (base + kept).update(from: source, count: count)
}

/// Even samples become the real part, odd samples the imaginary part.
private func packWindowed(
    _ history: UnsafeBufferPointer<Int16>, _ window: UnsafeBufferPointer<Float>,
    into work: UnsafeMutableBufferPointer<Float>
) {
    guard let x = history.baseAddress, let w = window.baseAddress, let z = work.baseAddress else {
        return
    }
    for n in 0..<128 {
        z[n] = Float(x[2 * n]) * w[2 * n]
        z[128 + n] = Float(x[2 * n + 1]) * w[2 * n + 1]
    }
}

/// Complex transform of 128 points; the result lies in the second half of `work`'s 512 floats.
private func transform128(_ work: UnsafeMutableBufferPointer<Float>, _ tables: SpectrumTables) {
    guard let a = work.baseAddress else { return }
    let b = a + 256
    tables.stages[0].withUnsafeBufferPointer { w in
        guard let w = w.baseAddress else { return }
        for p in 0..<32 { radix4Scalar(a + p, b + 4 * p, w + 6 * p) }
    }
    tables.stages[1].withUnsafeBufferPointer { w in
        guard let w = w.baseAddress else { return }
        for p in 0..<8 { radix4(b + 4 * p, a + 16 * p, stride: 4, w + 6 * p) }
    }
    tables.stages[2].withUnsafeBufferPointer { w in
        guard let w = w.baseAddress else { return }
        for p in 0..<2 {
            for q in stride(from: 0, to: 16, by: 4) {
                radix4(a + 16 * p + q, b + 64 * p + q, stride: 16, w + 6 * p)
            }
        }
    }
    // The last factor of 2, in place.
    for q in stride(from: 0, to: 64, by: 8) {
        let re0 = load8(b + q), re1 = load8(b + 64 + q)
        let im0 = load8(b + 128 + q), im1 = load8(b + 192 + q)
        store8(re0 + re1, b + q)
        store8(re0 - re1, b + 64 + q)
        store8(im0 + im1, b + 128 + q)
        store8(im0 - im1, b + 192 + q)
    }
}

@inline(__always)
private func load8(_ p: UnsafeMutablePointer<Float>) -> SIMD8<Float> {
    UnsafeRawPointer(p).loadUnaligned(as: SIMD8<Float>.self)
}

@inline(__always)
private func store8(_ value: SIMD8<Float>, _ p: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(p).storeBytes(of: value, as: SIMD8<Float>.self)
}

/// Of any alignment.
@inline(__always)
func load4(_ p: UnsafePointer<Float>) -> SIMD4<Float> {
    UnsafeRawPointer(p).loadUnaligned(as: SIMD4<Float>.self)
}

@inline(__always)
private func store4(_ value: SIMD4<Float>, _ p: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(p).storeBytes(of: value, as: SIMD4<Float>.self)
}

@inline(__always)
private func reversed(_ v: SIMD4<Float>) -> SIMD4<Float> { SIMD4(v[3], v[2], v[1], v[0]) }

/// One butterfly of the first stage (n = 128, stride 1).
@inline(__always)
private func radix4Scalar(
    _ x: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>,
    _ w: UnsafePointer<Float>
) {
    let ar = x[0], br = x[32], cr = x[64], dr = x[96]
    let ai = x[128], bi = x[160], ci = x[192], di = x[224]
    let sumR = ar + cr, sumI = ai + ci, differenceR = ar - cr, differenceI = ai - ci
    let pairR = br + dr, pairI = bi + di, turnR = di - bi, turnI = br - dr
    y[0] = sumR + pairR
    y[128] = sumI + pairI
    let r1 = differenceR - turnR, i1 = differenceI - turnI
    y[1] = r1 * w[0] - i1 * w[1]
    y[129] = r1 * w[1] + i1 * w[0]
    let r2 = sumR - pairR, i2 = sumI - pairI
    y[2] = r2 * w[2] - i2 * w[3]
    y[130] = r2 * w[3] + i2 * w[2]
    let r3 = differenceR + turnR, i3 = differenceI + turnI
    y[3] = r3 * w[4] - i3 * w[5]
    y[131] = r3 * w[5] + i3 * w[4]
}

/// Four butterflies that share their twiddles. The inputs lie 32 floats apart, the outputs `stride`;
/// the imaginary parts lie 128 floats behind the real ones. (Concrete SIMD4, the machine's own
/// width: generic code is a hundred times slower in debug builds.)
@inline(__always)
private func radix4(
    _ x: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>, stride: Int,
    _ w: UnsafePointer<Float>
) {
    let quarter = 32
    func load(_ offset: Int) -> SIMD4<Float> {
        UnsafeRawPointer(x + offset).loadUnaligned(as: SIMD4<Float>.self)
    }
    func store(_ value: SIMD4<Float>, _ offset: Int) {
        UnsafeMutableRawPointer(y + offset).storeBytes(of: value, as: SIMD4<Float>.self)
    }
    let ar = load(0), br = load(quarter), cr = load(2 * quarter), dr = load(3 * quarter)
    let ai = load(128), bi = load(128 + quarter)
    let ci = load(128 + 2 * quarter), di = load(128 + 3 * quarter)
    let sumR = ar + cr, sumI = ai + ci, differenceR = ar - cr, differenceI = ai - ci
    let pairR = br + dr, pairI = bi + di, turnR = di - bi, turnI = br - dr
    store(sumR + pairR, 0)
    store(sumI + pairI, 128)
    let r1 = differenceR - turnR, i1 = differenceI - turnI
    store(r1 * w[0] - i1 * w[1], stride)
    store(r1 * w[1] + i1 * w[0], 128 + stride)
    let r2 = sumR - pairR, i2 = sumI - pairI
    store(r2 * w[2] - i2 * w[3], 2 * stride)
    store(r2 * w[3] + i2 * w[2], 128 + 2 * stride)
    let r3 = differenceR + turnR, i3 = differenceI + turnI
    store(r3 * w[4] - i3 * w[5], 3 * stride)
    store(r3 * w[5] + i3 * w[4], 128 + 3 * stride)
}

/// Power of the 129 bins of the real transform from the half-size complex one.
private func unpackPower(
    _ work: UnsafeMutableBufferPointer<Float>, _ unpack: UnsafeBufferPointer<Float>,
    into power: UnsafeMutableBufferPointer<Float>
) {
    guard let base = work.baseAddress, let w = unpack.baseAddress, let p = power.baseAddress else {
        return
    }
    let re = base + 256
    let im = base + 384
    p[0] = (re[0] + im[0]) * (re[0] + im[0])
    p[128] = (re[0] - im[0]) * (re[0] - im[0])
    for k in stride(from: 1, to: 65, by: 4) {
        // Bins k…k + 3 and their mirrors 128 − k…125 − k, as vectors in the order of the former.
        let m = 125 - k
        let reK = load4(re + k), imK = load4(im + k)
        let reM = reversed(load4(re + m)), imM = reversed(load4(im + m))
        let cosines = load4(w + k), sines = load4(w + 65 + k)
        // Even part E = (Z[k] + Z*[m]) / 2, odd part O = (Z[k] − Z*[m]) / 2i.
        let evenR = (reK + reM) * 0.5, evenI = (imK - imM) * 0.5
        let oddR = (imK + imM) * 0.5, oddI = (reM - reK) * 0.5
        let turnedR = oddR * cosines - oddI * sines
        let turnedI = oddR * sines + oddI * cosines
        let highR = evenR + turnedR, highI = evenI + turnedI
        let lowR = evenR - turnedR, lowI = evenI - turnedI
        store4(highR * highR + highI * highI, p + k)
        // Bin 64 is its own mirror: the second value stands.
        store4(reversed(lowR * lowR + lowI * lowI), p + m)
    }
}

/// 10 log₁₀ of a power, to 0.01 dB, without a library: exponent plus a polynomial of the mantissa.
/// 0 and everything below 1e-30 read as −300.
@inline(__always)
func fastDecibels(_ power: Float) -> Float {
    guard power > 1e-30 else { return -300 }
    return 3.010_3 * fastLog2(power)
}

/// log₂ for positive normal numbers, to 0.0002.
@inline(__always)
func fastLog2(_ x: Float) -> Float {
    let bits = x.bitPattern
    let exponent = Float(Int32(bits >> 23) - 127)
    let m = Float(bitPattern: (bits & 0x7F_FFFF) | 0x3F80_0000) - 1
    // Least-squares polynomial of log2(1 + m) with both ends exact.
    return exponent + m * (1.438_07 + m * (-0.674_77 + m * (0.317_0 - m * 0.080_3)))
}

/// The same of four.
@inline(__always)
func fastLog2(_ x: SIMD4<Float>) -> SIMD4<Float> {
    let bits = unsafeBitCast(x, to: SIMD4<UInt32>.self)
    let exponent = SIMD4<Float>(SIMD4<Int32>(truncatingIfNeeded: bits &>> 23) &- 127)
    let m = unsafeBitCast((bits & 0x7F_FFFF) | 0x3F80_0000, to: SIMD4<Float>.self) - 1
    let inner = 0.317_0 - m * 0.080_3
    return exponent + m * (1.438_07 + m * (-0.674_77 + m * inner))
}
