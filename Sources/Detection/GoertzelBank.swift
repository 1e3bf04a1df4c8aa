internal import Audio

/// Eight Goertzel filters that run side by side over one block, and the block's energy.
struct GoertzelBank: Sendable {
    private var s1 = SIMD8<Float>.zero
    private var s2 = SIMD8<Float>.zero
    let coefficients: SIMD8<Float>
    private(set) var energy: Float = 0
    /// Energy of the hop under way; added to `energy` when it ends, as one sum.
    private var hopEnergy: Float = 0

    /// - Parameter frequencies: eight, Hz.
    init(frequencies: [Double]) {
        var coefficients = SIMD8<Float>.zero
        for (index, hertz) in frequencies.prefix(8).enumerated() {
            let omega = 2 * Double.pi * hertz / Double(DetectorChain.sampleRate)
            coefficients[index] = Float(2 * Elementary.cos(omega))
        }
        self.coefficients = coefficients
    }

    /// Power at each frequency: a sine of mean square m over N samples gives m N²/2.
    var power: SIMD8<Float> { s1 * s1 + s2 * s2 - coefficients * s1 * s2 }

    /// The filters' last two outputs, the later first: what a phase is computed from.
    var outputs: (SIMD8<Float>, SIMD8<Float>) { (s1, s2) }

    mutating func endHop() {
        energy += hopEnergy
        hopEnergy = 0
    }

    mutating func beginBlock() {
        s1 = .zero
        s2 = .zero
        energy = 0
    }

    /// Feeds both banks in one loop: a filter's next sample waits for its last, so one bank alone
    /// leaves the processor idle. Each bank's sums are those it would have alone, bit for bit.
    static func run(
        _ first: inout GoertzelBank, _ second: inout GoertzelBank,
        _ samples: UnsafeBufferPointer<Int16>
    ) {
        var a1 = first.s1
        var a2 = first.s2
        var b1 = second.s1
        var b2 = second.s2
        let a = first.coefficients
        let b = second.coefficients
        var sumA = first.hopEnergy
        var sumB = second.hopEnergy
        for sample in samples {
            let x = Float(sample)
            sumA += x * x
            sumB += x * x
            // Only a product and a sum wait for the last output.
            let nextA = a * a1 + (x - a2)
            a2 = a1
            a1 = nextA
            let nextB = b * b1 + (x - b2)
            b2 = b1
            b1 = nextB
        }
        first.s1 = a1
        first.s2 = a2
        second.s1 = b1
        second.s2 = b2
        first.hopEnergy = sumA
        second.hopEnergy = sumB
    }
}
