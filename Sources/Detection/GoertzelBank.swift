internal import Audio
internal import CVector

/// What eight Goertzel filters of given frequencies share on all legs; made once a process.
final class GoertzelTables: @unchecked Sendable {
    // @unchecked: written in init only.
    let constants: UnsafePointer<tl_goertzel_bank>
    let coefficients: SIMD8<Float>

    /// - Parameter frequencies: eight, Hz, above 0 and below half the sample rate.
    init(frequencies: [Double]) {
        let made = UnsafeMutablePointer<tl_goertzel_bank>.allocate(capacity: 1)
        made.initialize(to: tl_goertzel_bank())
        let omegas = frequencies.prefix(8).map {
            2 * Double.pi * $0 / Double(DetectorChain.sampleRate)
        }
        var coefficients = SIMD8<Float>.zero
        for (index, omega) in omegas.enumerated() {
            coefficients[index] = Float(2 * Elementary.cos(omega))
        }
        self.coefficients = coefficients
        withUnsafeMutableBytes(of: &made.pointee.coefficients) {
            $0.storeBytes(of: coefficients, as: SIMD8<Float>.self)
        }
        withUnsafeMutableBytes(of: &made.pointee.free) { bytes in
            for (index, omega) in omegas.enumerated() {
                for (row, offset) in stride(from: 0, to: bytes.count, by: 32).enumerated() {
                    let value = Elementary.sin(Double(row - 1) * omega) / Elementary.sin(omega)
                    bytes.storeBytes(
                        of: Float(value), toByteOffset: offset + 4 * index, as: Float.self)
                }
            }
        }
        constants = UnsafePointer(made)
    }

    deinit { constants.deallocate() }
}

/// Eight Goertzel filters that run side by side over one block, and the block's energy.
struct GoertzelBank: Sendable {
    private var state = tl_goertzel_state()
    private let tables: GoertzelTables
    private(set) var energy: Float = 0
    /// Energy of the hop under way; added to `energy` when it ends, as one sum.
    private var hopEnergy: Int64 = 0

    init(_ tables: GoertzelTables) { self.tables = tables }

    var coefficients: SIMD8<Float> { tables.coefficients }

    /// Power at each frequency: a sine of mean square m over N samples gives m N²/2.
    var power: SIMD8<Float> {
        let (s1, s2) = outputs
        return s1 * s1 + s2 * s2 - coefficients * s1 * s2
    }

    /// The filters' last two outputs, the later first: what a phase is computed from.
    var outputs: (SIMD8<Float>, SIMD8<Float>) {
        withUnsafeBytes(of: state) {
            (
                $0.loadUnaligned(as: SIMD8<Float>.self),
                $0.loadUnaligned(fromByteOffset: 32, as: SIMD8<Float>.self)
            )
        }
    }

    mutating func endHop() {
        energy += Float(hopEnergy)
        hopEnergy = 0
    }

    mutating func beginBlock() {
        state = tl_goertzel_state()
        energy = 0
    }

    /// Feeds both banks in one loop: one bank alone leaves the processor idle (`tl_goertzel`). Each
    /// bank's sums are those it would have alone, bit for bit.
    static func run(
        _ first: inout GoertzelBank, _ second: inout GoertzelBank,
        _ samples: UnsafeBufferPointer<Int16>
    ) {
        guard let base = samples.baseAddress else { return }
        let count = Int32(truncatingIfNeeded: samples.count)
        var squares: Int64 = 0
        var sum: Int32 = 0
        tl_squares(base, count, &squares, &sum)
        first.hopEnergy += squares
        second.hopEnergy += squares
        tl_goertzel(
            base, count, first.tables.constants, &first.state, second.tables.constants,
            &second.state)
    }
}
