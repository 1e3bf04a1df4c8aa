import Base
import CVector
import Testing

@testable import Audio

/// The half-band filter's sums in wide and in narrow vectors, bit for bit, and both against the definition.
@Suite struct HalfBandVectorTests {
    private static let past = Int(TL_HALF_BAND_TAPS) - 1
    private static let largest = Int(TL_HALF_BAND_PASS)
    private var random = SeededGenerator(seed: 31)

    private mutating func samples(_ count: Int, _ most: Int16) -> [Int16] {
        (0..<count).map { _ in Int16.random(in: -most...most, using: &random) }
    }

    private mutating func line() -> [Float] {
        samples(Self.past + Self.largest, .max).map(Float.init)
    }

    /// Σ of the 32 taps over what ends at `end`, in `Double`.
    private func filtered(_ line: [Double], _ end: Int) -> Double {
        let half = HalfBand.taps.map(Double.init)
        let taps = half + half.reversed()
        return taps.indices.reduce(0) { $0 + taps[$1] * line[end - Self.past + $1] }
    }

    /// Off by no more than rounding may be, clipped to 16 bits.
    private func isRounded(_ sample: Int16, _ exact: Double) -> Bool {
        (Double(sample) - min(max(exact, -32768), 32767)).magnitude <= 0.51
    }

    @Test(arguments: [1, 2, 31, 32, 33, 80, 160, 319, 320], [Int16(100), .max])
    mutating func doubling(count: Int, most: Int16) {
        let input = samples(count, most)
        var wideLine = line()
        var narrowLine = wideLine
        let whole = (wideLine[..<Self.past] + input.map(Float.init)).map(Double.init)
        var wide = [Int16](repeating: 0, count: 2 * count)
        var narrow = wide
        tl_half_band_up(&wideLine, HalfBand.taps, input, Int32(count), &wide)
        tl_half_band_up_narrow(&narrowLine, HalfBand.taps, input, Int32(count), &narrow)
        #expect(wide == narrow)
        #expect(wideLine[..<Self.past] == narrowLine[..<Self.past])
        #expect(wideLine[..<Self.past].elementsEqual(whole.suffix(Self.past).map(Float.init)))
        for n in 0..<count {
            #expect(isRounded(wide[2 * n], filtered(whole, Self.past + n)))
            #expect(Double(wide[2 * n + 1]) == whole[Self.past + n - 15])
        }
    }

    @Test(arguments: [1, 2, 31, 32, 33, 80, 160, 319, 320], [Int16(100), .max])
    mutating func halving(count: Int, most: Int16) {
        let input = samples(2 * count, most)
        var wideLine = line()
        var wideDelayed = line()
        var narrowLine = wideLine
        var narrowDelayed = wideDelayed
        let odd = (0..<count).map { Float(input[2 * $0 + 1]) }
        let even = (0..<count).map { Float(input[2 * $0]) }
        let whole = (wideLine[..<Self.past] + odd).map(Double.init)
        let delayed = (wideDelayed[..<Self.past] + even).map(Double.init)
        var wide = [Int16](repeating: 0, count: count)
        var narrow = wide
        tl_half_band_down(
            &wideLine, &wideDelayed, HalfBand.taps, input, Int32(count), &wide)
        tl_half_band_down_narrow(
            &narrowLine, &narrowDelayed, HalfBand.taps, input, Int32(count), &narrow)
        #expect(wide == narrow)
        #expect(wideLine[..<Self.past] == narrowLine[..<Self.past])
        #expect(wideDelayed[..<Self.past].elementsEqual(delayed.suffix(Self.past).map(Float.init)))
        for n in 0..<count {
            let exact = (filtered(whole, Self.past + n) + delayed[Self.past + n - 15]) / 2
            #expect(isRounded(wide[n], exact))
        }
    }
}
