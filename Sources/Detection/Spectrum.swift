internal import Audio
internal import CVector

/// Constant tables of the 256-point transform, made once a process and shared by all legs.
final class SpectrumTables: @unchecked Sendable {
    // @unchecked: written in init only.
    let constants: UnsafePointer<tl_spectrum_tables>
    static let shared = SpectrumTables()

    private init() {
        let made = UnsafeMutablePointer<tl_spectrum_tables>.allocate(capacity: 1)
        made.initialize(to: tl_spectrum_tables())
        let tau = 2 * Double.pi
        // Periodic Hann window.
        Self.fill(&made.pointee.window) { index in
            let sample = index < 128 ? 2 * index : 2 * (index - 128) + 1
            return 0.5 - 0.5 * Elementary.cos(tau * Double(sample) / Double(Spectrum.windowCount))
        }
        // Eight real and eight imaginary parts of wᵏ, k = 1, 2, 3, a butterfly; `place` of the lanes.
        func twiddle(_ index: Int, _ n: Int, _ place: (Int, Int) -> Int) -> Double {
            let (group, part) = (index / 48, index % 48)
            let p = place(group, part % 8)
            let angle = -tau * Double((part / 16 + 1) * p) / Double(n)
            return part % 16 < 8 ? Elementary.cos(angle) : Elementary.sin(angle)
        }
        Self.fill(&made.pointee.first) { twiddle($0, 128) { 8 * $0 + $1 } }
        Self.fill(&made.pointee.second) { twiddle($0, 32) { 2 * $0 + $1 / 4 } }
        Self.fill(&made.pointee.third) { twiddle($0, 8) { group, _ in group } }
        Self.fill(&made.pointee.unpack) { index in
            let angle = -tau * Double(index % 64 + 1) / 256
            return index < 64 ? Elementary.cos(angle) : Elementary.sin(angle)
        }
        constants = UnsafePointer(made)
    }

    deinit { constants.deallocate() }

    /// `field` is an array of floats in C.
    private static func fill<Field>(_ field: inout Field, _ value: (Int) -> Double) {
        withUnsafeMutableBytes(of: &field) { bytes in
            for (index, offset) in stride(from: 0, to: bytes.count, by: 4).enumerated() {
                bytes.storeBytes(of: Float(value(index)), toByteOffset: offset, as: Float.self)
            }
        }
    }
}

/// The power spectrum of the last 32 ms: 256-point Hann window, 31.25 Hz a bin.
///
/// The transform itself is `tl_spectrum` of CVector.
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
        var past = history.mutableSpan
        var power = bins.mutableSpan
        past.withUnsafeMutableBufferPointer { past in
            slide(past, hop)
            power.withUnsafeMutableBufferPointer { power in
                guard let past = past.baseAddress, let power = power.baseAddress else { return }
                // SAFETY: 256 samples and 129 bins, as their types say.
                tl_spectrum(past, tables.constants, power)
            }
        }
    }
}

/// SAFETY: `count` is at most what either buffer holds.
private func slide(_ history: UnsafeMutableBufferPointer<Int16>, _ hop: UnsafeBufferPointer<Int16>)
{
    let count = min(hop.count, history.count)
    guard let base = history.baseAddress, let source = hop.baseAddress else { return }
    let kept = history.count - count
    base.update(from: base + count, count: kept)
    (base + kept).update(from: source, count: count)
}

/// Of any alignment.
@inline(__always)
func load4(_ p: UnsafePointer<Float>) -> SIMD4<Float> {
    UnsafeRawPointer(p).loadUnaligned(as: SIMD4<Float>.self)
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
