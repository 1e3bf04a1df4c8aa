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
