import Foundation
import Testing

@testable import Detection

private func power(of samples: [Int16]) -> [Float] {
    var spectrum = Spectrum()
    for start in stride(from: 0, to: samples.count, by: 64) {
        Array(samples[start..<min(start + 64, samples.count)]).withUnsafeBufferPointer {
            spectrum.advance($0)
        }
    }
    return spectrum.power
}

@Test func spectrumIsTheDiscreteFourierTransformOfTheWindowedSamples() {
    var seed: UInt32 = 12345
    let samples = (0..<256).map { _ -> Int16 in
        seed = seed &* 1_664_525 &+ 1_013_904_223
        return Int16(truncatingIfNeeded: Int32(bitPattern: seed) >> 18)
    }
    let power = power(of: samples)
    #expect(power.count == 129)
    for k in 0...128 {
        var re = 0.0
        var im = 0.0
        for n in 0..<256 {
            let w = 0.5 - 0.5 * cos(2 * .pi * Double(n) / 256)
            re += Double(samples[n]) * w * cos(2 * .pi * Double(n * k) / 256)
            im -= Double(samples[n]) * w * sin(2 * .pi * Double(n * k) / 256)
        }
        let expected = re * re + im * im
        #expect(abs(Double(power[k]) - expected) <= 1e-4 * expected + 1000, "bin \(k)")
    }
}

@Test func windowHoldsTheLatest256Samples() {
    // 256 samples of a tone, then 256 zeros: nothing of the tone is left.
    let tone = (0..<256).map { Int16(10_000 * sin(2 * .pi * Double($0) / 8)) }
    let power = power(of: tone + [Int16](repeating: 0, count: 256))
    #expect(power.allSatisfy { $0 == 0 })
}

@Test func fastLogarithmsAreGoodToAHundredthOfADecibel() {
    for exponent in stride(from: -25.0, through: 30, by: 0.137) {
        let value = Float(pow(10, exponent))
        #expect(abs(Double(fastDecibels(value)) - 10 * log10(Double(value))) < 0.01)
    }
    #expect(fastDecibels(0) == -300)
}

@Test(arguments: [400.0, 699, 1000, 1004.7, 1776.7, 2999])
func featuresTellASinesFrequencyLevelAndPurity(hertz: Double) {
    let amplitude = 8000.0
    let samples = (0..<256).map {
        Int16((amplitude * sin(2 * .pi * hertz * Double($0) / 8000)).rounded())
    }
    let power = power(of: samples)
    let features = samples.suffix(80).withUnsafeBufferPointer { hop in
        power.withUnsafeBufferPointer { HopFeatures(hop: hop, power: $0) }
    }
    #expect(abs(Double(features.peakHz) - hertz) < 0.5)
    // 20 log₁₀(8000 / 32768) + 3.14
    #expect(abs(features.peakDBm0 - (-9.11)) < 0.1)
    #expect(features.share > 0.99)
    #expect(features.secondRatio < 0.01)
}

@Test func silenceHasNoPeak() {
    let zeros = [Int16](repeating: 0, count: 256)
    let power = power(of: zeros)
    let features = zeros.prefix(80).withUnsafeBufferPointer { hop in
        power.withUnsafeBufferPointer { HopFeatures(hop: hop, power: $0) }
    }
    #expect(features.levelDBm0 == -100)
    #expect(features.share == 0)
}
