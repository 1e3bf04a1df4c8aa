import Audio
import Base
import CVector
import Testing

@testable import Detection

/// What CVector does with a hop: wide vectors against narrow ones, bit for bit, and both against the
/// definition written out here.
@Suite struct HopVectorTests {
    private var random = SeededGenerator(seed: 21)

    private mutating func samples(_ count: Int, _ most: Int16 = .max) -> [Int16] {
        (0..<count).map { _ in Int16.random(in: -most...most, using: &random) }
    }

    /// Bins as of a spectrum: of all magnitudes.
    private mutating func bins() -> [Float] {
        (0..<129).map { _ in
            Float(Elementary.exp(Double.random(in: -5...30, using: &random)))
        }
    }

    @Test mutating func theSpectrumIsTheSameInNarrowAndWideVectors() {
        for most: Int16 in [1, 300, .max] {
            let input = samples(256, most)
            var wide = [Float](repeating: -1, count: 129)
            var narrow = wide
            tl_spectrum(input, SpectrumTables.shared.constants, &wide)
            tl_spectrum_narrow(input, SpectrumTables.shared.constants, &narrow)
            #expect(wide == narrow)
        }
    }

    @Test mutating func peaksAreTheFirstOfTheLargest() {
        for round in 0..<200 {
            var power = bins()
            // Equal ones, in one lane and in several.
            if round % 3 == 0 {
                for bin in [11, 19, 20, 67, 124, 125] { power[bin] = 1e20 }
            }
            if round % 7 == 0 { power = [Float](repeating: 0, count: 129) }
            let first = Int.random(in: 0...60, using: &random)
            let last = Int.random(in: first...128, using: &random)
            let most = power[first...last].max() ?? 0
            let expected = power[first...last].firstIndex(of: most)
            for peak in [tl_band_peak, tl_band_peak_narrow] {
                var sum: Float = -1
                var bin: Int32 = -1
                peak(power, Int32(first), Int32(last), &sum, &bin)
                #expect(Int(bin) == expected)
                let exact = power[first...last].reduce(0.0) { $0 + Double($1) }
                #expect((Double(sum) - exact).magnitude <= 1e-5 * exact)
            }
        }
    }

    @Test mutating func theRunnerUpIsNoHarmonicAndNoNeighbour() {
        for round in 0..<300 {
            var power = bins()
            if round % 5 == 0 { power = power.indices.map { $0 % 9 == 0 ? 7 : 0 } }
            let middle = Int.random(in: 3...125, using: &random)
            let (second, third) = (2 * middle, 3 * middle + 1)
            let allowed = (3...125).filter {
                abs($0 - middle) > 4 && abs($0 - second) > 2 && abs($0 - third) > 2
            }
            let most = allowed.map { power[$0] }.max() ?? 0
            let expected = most > 0 ? allowed.first { power[$0] == most } : 0
            for search in [tl_peak_elsewhere, tl_peak_elsewhere_narrow] {
                var bin: Int32 = -1
                search(power, 3, 125, Int32(middle), Int32(second), Int32(third), &bin)
                #expect(Int(bin) == expected)
            }
        }
    }

    @Test func aPeakFarOutsideTheSpectrumBlanksNothingThere() {
        let power = [Float](repeating: 1, count: 129)
        for far: Int32 in [-1000, -3, 131, 1000] {
            var bin: Int32 = -1
            tl_peak_elsewhere(power, 3, 125, far, far, far, &bin)
            #expect(bin == 3)
        }
        var bin: Int32 = -1
        tl_peak_elsewhere([Float](repeating: 0, count: 129), 3, 125, 9, 18, 27, &bin)
        #expect(bin == 0)
    }

    @Test mutating func bandsAndFloorsAreTheSameInNarrowAndWideVectors() {
        let tables = EarTables.shared.constants
        var floors = [[Float](repeating: 25, count: 18), [Float](repeating: 25, count: 18)]
        for age in 0..<40 {
            let power = bins()
            var rows = [[Float](repeating: -1, count: 36), [Float](repeating: -1, count: 36)]
            let before = floors[0]
            for (index, measure) in [tl_ear_bands, tl_ear_bands_narrow].enumerated() {
                rows[index].withUnsafeMutableBufferPointer { row in
                    guard let row = row.baseAddress else { return }
                    measure(power, tables, Int32(age), &floors[index], row, row + 18)
                }
            }
            #expect(rows[0] == rows[1])
            #expect(floors[0] == floors[1])
            for band in 0..<18 {
                // What was written is what the floor and the level say (EarFeatures).
                let level = rows[0][band] * 30 + 30
                let floor = floors[0][band]
                #expect((rows[0][18 + band] * 15 - (level - floor)).magnitude < 1e-4)
                let expected =
                    age == 0
                    ? level
                    : age < 10
                        ? min(before[band], level)
                        : level < before[band]
                            ? before[band] + 0.3 * (level - before[band]) : before[band] + 0.017
                #expect((floor - expected).magnitude < 1e-4, "band \(band), hop \(age)")
            }
        }
    }

    @Test mutating func squaresAreExact() {
        for count in [0, 1, 7, 80, 102, 255] {
            for input in [samples(count), [Int16](repeating: .min, count: count)] {
                for add in [tl_squares, tl_squares_narrow] {
                    var squares: Int64 = -1
                    var sum: Int32 = -1
                    add(input, Int32(count), &squares, &sum)
                    #expect(squares == input.reduce(0) { $0 + Int64($1) * Int64($1) })
                    #expect(sum == input.reduce(0) { $0 + Int32($1) })
                }
            }
        }
    }

    @Test mutating func filtersInTwoHalvesAreTheRecursion() {
        let frequencies: [[Double]] = [
            DTMF.rows + DTMF.columns, [350, 400, 425, 440, 450, 480, 620, 2900],
        ]
        let tables = frequencies.map { GoertzelTables(frequencies: $0) }
        var wide = (tl_goertzel_state(), tl_goertzel_state())
        var narrow = wide
        var exact = [[(Double, Double)]](
            repeating: [(Double, Double)](repeating: (0, 0), count: 8), count: 2)
        // Odd and even counts, none, one, and more than two halves of the longest.
        for count in [80, 22, 0, 1, 57, 3, 130, 261, 2] {
            let input = samples(count, 8000)
            tl_goertzel(
                input, Int32(count), tables[0].constants, &wide.0, tables[1].constants, &wide.1)
            tl_goertzel_narrow(
                input, Int32(count), tables[0].constants, &narrow.0, tables[1].constants,
                &narrow.1)
            for bank in 0..<2 {
                for filter in 0..<8 {
                    let omega = 2 * Double.pi * frequencies[bank][filter] / 8000
                    for sample in input {
                        let (last, before) = exact[bank][filter]
                        let next = Double(sample) + 2 * Elementary.cos(omega) * last - before
                        exact[bank][filter] = (next, last)
                    }
                }
            }
            for (bank, states) in [(wide.0, narrow.0), (wide.1, narrow.1)].enumerated() {
                let one = withUnsafeBytes(of: states.0) { Array($0.bindMemory(to: Float.self)) }
                let other = withUnsafeBytes(of: states.1) { Array($0.bindMemory(to: Float.self)) }
                #expect(one == other)
                for filter in 0..<8 {
                    let (last, before) = exact[bank][filter]
                    let size = max((last * last + before * before).squareRoot(), 1e5)
                    #expect((Double(one[filter]) - last).magnitude < 2e-4 * size)
                    #expect((Double(one[8 + filter]) - before).magnitude < 2e-4 * size)
                }
            }
        }
    }

    @Test(arguments: [TrainedWeights.voiceNet, TrainedWeights.beepNet])
    func aStepIsTheSameInNarrowAndWideVectors(weights: RecurrentWeights) {
        var random = SeededGenerator(seed: 5)
        var states = [[Float](repeating: 0, count: 64), [Float](repeating: 0, count: 64)]
        for most: Float in [0, 1e-30, 0.5, 3, 1e30] {
            let row = (0..<weights.inputs).map { _ in
                most * Float.random(in: -1...1, using: &random)
            }
            var outputs = [
                [Float](repeating: 9, count: weights.outputs),
                [Float](repeating: 8, count: weights.outputs),
            ]
            tl_network_step(weights.network, row, &states[0], &outputs[0])
            tl_network_step_narrow(weights.network, row, &states[1], &outputs[1])
            #expect(outputs[0] == outputs[1])
            #expect(states[0] == states[1])
            #expect(states[0].allSatisfy { $0.magnitude <= 1 })
        }
    }

    @Test func aStepOfWhatIsNoNumberHarmsNothing() {
        let weights = TrainedWeights.voiceNet
        let usual = (0..<weights.inputs).map { Float($0) / Float(weights.inputs) }
        func first() -> Float {
            var net = RecurrentState(weights)
            return usual.withUnsafeBufferPointer { net.output($0) }
        }
        let before = first()
        #expect(before.isFinite)
        for value in [Float.nan, .infinity, -.infinity] {
            var net = RecurrentState(weights)
            let row = [Float](repeating: value, count: weights.inputs)
            _ = row.withUnsafeBufferPointer { net.output($0) }
            // The weights are all legs'.
            #expect(first() == before)
        }
    }
}
