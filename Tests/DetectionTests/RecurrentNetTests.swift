import Audio
import Base
import Testing

@testable import Detection

@Suite struct RecurrentNetTests {
    /// NumPy in double precision, of the same 8-bit weights and of rows sin(0.1 · n).
    private static let reference: [Float] = [
        -1.57829, -2.44120, -3.68716, -4.48424, -4.46293, -5.38314,
    ]

    @Test func theNetworkComputesWhatItsReferenceDoes() {
        let weights = TrainedWeights.voiceNet
        #expect(weights.inputs == VoiceActivityDetector.inputCount && weights.outputs == 1)
        var net = RecurrentState(weights)
        for (step, expected) in Self.reference.enumerated() {
            let row = (0..<weights.inputs).map {
                Float(Elementary.sin(0.1 * Double(step * weights.inputs + $0)))
            }
            var output: [Float] = [0]
            row.withUnsafeBufferPointer { row in
                output.withUnsafeMutableBufferPointer { net.step(row, into: $0) }
            }
            #expect((output[0] - expected).magnitude < 0.001)
        }
    }

    @Test func weightsThatDoNotAddUpAreRefused() {
        let whole = TrainedWeights.voice
        #expect(RecurrentWeights(base64: whole) != nil)
        #expect(RecurrentWeights(base64: "") == nil)
        #expect(RecurrentWeights(base64: "not base64!") == nil)
        for count in stride(from: 0, to: whole.count, by: 4001) {
            #expect(RecurrentWeights(base64: String(whole.prefix(count / 4 * 4))) == nil)
        }
        #expect(RecurrentWeights(base64: whole + "AAAA") == nil)
        // Widths of 65 535 are more than a step has room for.
        #expect(RecurrentWeights(base64: "////////" + whole.dropFirst(8)) == nil)
    }

    @Test func theSigmoidIsExactEnoughAndNeverLeavesItsRange() {
        for tenth in -500...500 {
            let x = Float(tenth) / 10
            let expected = 1 / (1 + Elementary.exp(-Double(x)))
            #expect((Double(sigmoid(x)) - expected).magnitude < 1e-6)
        }
        #expect(sigmoid(.infinity) == 1)
        #expect(sigmoid(-.infinity) < 1e-16)
    }

    /// The bands against their definition: triangles between 20 edges, equally wide in mel.
    @Test func bandsAreTrianglesInMel() {
        var generator = SeededGenerator(seed: 5)
        let noise = (0..<256).map { _ in Int16(truncatingIfNeeded: generator.next() >> 50) - 8192 }
        var spectrum = Spectrum()
        var features = EarFeatures()
        noise.withUnsafeBufferPointer { spectrum.advance($0) }
        let power = spectrum.power
        noise.withUnsafeBufferPointer { noise in
            power.withUnsafeBufferPointer {
                features.advance(HopFeatures(hop: noise, power: $0), power: $0)
            }
        }
        func mel(_ hertz: Double) -> Double { 1127 * Elementary.log(1 + hertz / 700) }
        let edges = (0..<20).map { mel(90) + (mel(3800) - mel(90)) * Double($0) / 19 }
            .map { 700 * (Elementary.exp($0 / 1127) - 1) }
        for band in 0..<18 {
            var sum = 0.0
            for bin in 3...121 {
                let hertz = Double(bin) * 31.25
                let (low, middle, high) = (edges[band], edges[band + 1], edges[band + 2])
                guard hertz >= low, hertz < high else { continue }
                let share =
                    hertz < middle
                    ? (hertz - low) / (middle - low) : (high - hertz) / (high - middle)
                sum += share * Double(power[bin])
            }
            let level = (10 * Elementary.log(sum + 1) / Elementary.log(10) - 30) / 30
            #expect((Double(features.row[band]) - level).magnitude < 0.001, "band \(band)")
        }
    }

    @Test func rowsFollowLevelAndShape() {
        let silence = EarFeatures.rows(of: [Int16](repeating: 0, count: 8000))
        #expect(silence.count == 100 * EarFeatures.count)
        #expect(silence.allSatisfy { $0.isFinite })
        let tone = (0..<8000).map { Int16(8000 * Elementary.sin(Double($0) * 0.7854)) }
        let rows = EarFeatures.rows(of: tone)
        let last = rows.suffix(EarFeatures.count)
        // 1000 Hz, nearly all of the power.
        #expect((last[last.startIndex + 36] * 2000 - 1000).magnitude < 5)
        #expect(last[last.startIndex + 37] > 0.98)
    }
}
