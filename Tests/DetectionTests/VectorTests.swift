import Base
import CVector
import Testing

@testable import Detection

/// What networks are computed with: each variant against sums written out here.
@Suite struct VectorTests {
    @Test(arguments: [(1, 16), (27, 64), (32, 192), (16, 48), (9, 208), (64, 16)])
    func everyVariantGivesTheSameSums(pairs: Int, rows: Int) {
        var random = SeededGenerator(seed: 7)
        let weights = (0..<pairs * rows * 2).map { _ in Int8.random(in: -128...127, using: &random)
        }
        let values = (0..<2 * pairs).map { _ in
            Int16.random(in: Int16.min...Int16.max, using: &random)
        }
        var expected = [Int32](repeating: 0, count: rows)
        for row in 0..<rows {
            for pair in 0..<pairs {
                let at = (pair * rows + row) * 2
                expected[row] &+= Int32(weights[at]) &* Int32(values[2 * pair])
                expected[row] &+= Int32(weights[at + 1]) &* Int32(values[2 * pair + 1])
            }
        }
        var variants = 0
        for kind in Int32(0)...3 {
            var sums = [Int32](repeating: -1, count: rows)
            guard
                tl_matrix_i8_by(kind, weights, values, Int32(pairs), Int32(rows), &sums) == 1
            else { continue }
            variants += 1
            #expect(sums == expected, "variant \(kind)")
        }
        #expect(variants >= 1)
        var sums = [Int32](repeating: -1, count: rows)
        tl_matrix_i8(weights, values, Int32(pairs), Int32(rows), &sums)
        #expect(sums == expected)
    }

    @Test(arguments: [16, 24, 64]) func gatesAreTheSameInNarrowAndWideVectors(hidden: Int) {
        var random = SeededGenerator(seed: 11)
        func numbers(_ count: Int, _ most: Float) -> [Float] {
            (0..<count).map { _ in Float.random(in: -most...most, using: &random) }
        }
        for most: Float in [0.1, 3, 60] {
            var wide = numbers(3 * hidden, most)
            let recurrent = numbers(3 * hidden, most)
            var narrow = wide
            var expected = wide
            var states = [numbers(hidden, 1)]
            states += [states[0], states[0]]
            tl_gru_gates(&wide, recurrent, &states[0], Int32(hidden))
            tl_gru_gates_narrow(&narrow, recurrent, &states[1], Int32(hidden))
            #expect(states[0] == states[1])
            for index in 0..<hidden {
                let reset = sigmoid(expected[index] + recurrent[index])
                let update = sigmoid(expected[hidden + index] + recurrent[hidden + index])
                let sum = expected[2 * hidden + index] + reset * recurrent[2 * hidden + index]
                expected[index] = 2 * sigmoid(2 * sum) - 1
                states[2][index] =
                    expected[index] + update * (states[2][index] - expected[index])
            }
            #expect(states[0] == states[2])
        }
    }

    @Test func rowsThatAreNoMultipleOfSixteenAreRefused() {
        let zeros = [Int8](repeating: 0, count: 64)
        let values = [Int16](repeating: 0, count: 2)
        var sums = [Int32](repeating: -1, count: 32)
        #expect(tl_matrix_i8_by(0, zeros, values, 1, 15, &sums) == 0)
        tl_matrix_i8(zeros, values, 1, 15, &sums)
        tl_matrix_i8(zeros, values, 1, -16, &sums)
        #expect(sums.allSatisfy { $0 == -1 })
    }
}
