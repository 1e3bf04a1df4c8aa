import Audio
import Foundation
import Testing

private func sine(_ hertz: [Double], rate: Int, amplitude: Double = 8000) -> [Int16] {
    (0..<rate / 50).map { index in
        let time = Double(index) / Double(rate)
        return clippedSample(
            hertz.reduce(0) { $0 + amplitude * sin(2 * .pi * $1 * time + 0.3) })
    }
}

private func coefficient(_ samples: [Int16], rate: Int) -> Float? {
    samples.withUnsafeBufferPointer { PureTone.coefficient(of: $0, rate: rate) }
}

@Test(arguments: [8000, 16_000, 48_000])
func aSineHasItsCoefficientAtEveryRate(rate: Int) throws {
    for hertz in [400.0, 850, 1000, 1760, 2600] {
        let found = try #require(coefficient(sine([hertz], rate: rate), rate: rate))
        #expect(PureTone.isSame(found, as: hertz), "\(hertz)")
        #expect(!PureTone.isSame(found, as: hertz * 1.05), "\(hertz)")
        #expect(!PureTone.isSame(found, as: hertz * 0.95), "\(hertz)")
    }
}

@Test func aSineThroughG711IsStillOne() throws {
    let coded = sine([1000], rate: 8000).map { G711.sample(muLaw: G711.muLaw($0)) }
    #expect(PureTone.isSame(try #require(coefficient(coded, rate: 8000)), as: 1000))
}

@Test func whatIsNoSineHasNone() {
    var generator = SystemRandomNumberGenerator()
    let noise = (0..<160).map { _ in Int16.random(in: -8000...8000, using: &generator) }
    for samples in [
        sine([697, 1209], rate: 8000), sine([600, 900], rate: 8000, amplitude: 2000), noise,
        [Int16](repeating: 0, count: 160), sine([1000], rate: 8000, amplitude: 20), [], [1, 2],
    ] {
        #expect(coefficient(samples, rate: 8000) == nil, "\(samples.prefix(4))")
    }
}
