internal import Audio
internal import Base
internal import CVector

/// A small recurrent network: a dense layer with ReLU, one gated recurrent unit (GRU) and a dense
/// layer, as tools/train makes them (PyTorch's equations and gate order: reset, update, new).
///
/// ```
/// row ─► dense, ReLU ─► r = σ(Wr x + Ur h)   z = σ(Wz x + Uz h)      outputs
///                       n = tanh(Wn x + r ⊙ (Un h))                   ▲ dense
///                       h ← (1 − z) ⊙ n + z ⊙ h ─────────────────────┘
/// ```
/// Weights are made once a process and shared by all legs; a leg holds `state`. Sums of products are
/// of whole numbers (weights of 8 bits, values of 16) in the widest vectors of the processor, so
/// they are the same on every machine; all else is done element by element.
final class RecurrentWeights: @unchecked Sendable {
    // @unchecked: written in init only.
    /// Of `embedded` and `hidden`: what a step has room for.
    static let widest = Int(TL_WIDEST)
    /// Of `inputs`.
    static let mostInputs = Int(TL_MOST_INPUTS)

    let inputs: Int
    let embedded: Int
    let hidden: Int
    let outputs: Int
    /// For `tl_network_step`.
    let network: UnsafePointer<tl_network>

    /// Reads what tools/train wrote, in Base64: four little-endian 16-bit widths, then the four
    /// layers; each is its rows (a 32-bit float scale and signed 8-bit weights) and then its biases
    /// (32-bit floats). Nil when the bytes do not add up.
    init?(base64: String) {
        guard let bytes = Base64.decode(base64) else { return nil }
        var reader = WeightReader(bytes: bytes)
        guard let inputs = reader.width(), let embedded = reader.width(),
            let hidden = reader.width(), let outputs = reader.width(),
            (1...Self.mostInputs).contains(inputs), outputs > 0,
            (1...Self.widest).contains(embedded),
            (1...Self.widest).contains(hidden),
            let dense = reader.layer(rows: embedded, columns: inputs),
            let input = reader.layer(rows: 3 * hidden, columns: embedded),
            let recurrent = reader.layer(rows: 3 * hidden, columns: hidden),
            let head = reader.layer(rows: outputs, columns: hidden), reader.isAtEnd
        else { return nil }
        self.inputs = inputs
        self.embedded = embedded
        self.hidden = hidden
        self.outputs = outputs
        let network = UnsafeMutablePointer<tl_network>.allocate(capacity: 1)
        network.initialize(
            to: tl_network(
                dense: dense.integers(columns: inputs), input: input.integers(columns: embedded),
                recurrent: recurrent.integers(columns: hidden),
                head: copied(head.floats(columns: hidden)), head_biases: copied(head.biases),
                inputs: Int32(inputs), embedded: Int32(embedded), hidden: Int32(hidden),
                outputs: Int32(outputs)))
        self.network = UnsafePointer(network)
    }

    deinit {
        for layer in [network.pointee.dense, network.pointee.input, network.pointee.recurrent] {
            layer.weights.deallocate()
            layer.scales.deallocate()
            layer.biases.deallocate()
        }
        network.pointee.head.deallocate()
        network.pointee.head_biases.deallocate()
        network.deallocate()
    }
}

/// One layer as it was written.
private struct ReadLayer {
    var scales: [Float] = []
    /// Row by row.
    var weights: [Int8] = []
    var biases: [Float] = []

    func floats(columns: Int) -> [Float] {
        weights.indices.map { Float(weights[$0]) * scales[$0 / columns] }
    }

    /// For `tl_matrix_i8`: two columns of a row lie side by side, then the same two of the next row;
    /// padded with zeros to even columns and to 16 rows.
    func integers(columns: Int) -> tl_layer {
        let count = scales.count
        let pairs = (columns + 1) / 2
        let rows = (count + 15) / 16 * 16
        var ordered = [Int8](repeating: 0, count: pairs * rows * 2)
        for row in 0..<count {
            for column in 0..<columns {
                ordered[(column / 2 * rows + row) * 2 + column % 2] =
                    weights[row * columns + column]
            }
        }
        let padding = [Float](repeating: 0, count: rows - count)
        return tl_layer(
            weights: copied(ordered), scales: copied(scales + padding),
            biases: copied(biases + padding), pairs: Int32(pairs), rows: Int32(rows))
    }
}

/// In memory of its own, which does not move; the owner deallocates it.
private func copied<Element: BitwiseCopyable>(_ values: [Element]) -> UnsafePointer<Element> {
    let copy = UnsafeMutablePointer<Element>.allocate(capacity: values.count)
    for (index, value) in values.enumerated() { (copy + index).initialize(to: value) }
    return UnsafePointer(copy)
}

private struct WeightReader {
    let bytes: [UInt8]
    var place = 0

    var isAtEnd: Bool { place == bytes.count }

    mutating func width() -> Int? {
        guard bytes.count - place >= 2 else { return nil }
        defer { place += 2 }
        return Int(bytes[place]) | Int(bytes[place + 1]) << 8
    }

    private mutating func float() -> Float? {
        guard bytes.count - place >= 4 else { return nil }
        var pattern: UInt32 = 0
        for index in 0..<4 { pattern |= UInt32(bytes[place + index]) << UInt32(8 * index) }
        place += 4
        return Float(bitPattern: pattern)
    }

    mutating func layer(rows: Int, columns: Int) -> ReadLayer? {
        var layer = ReadLayer()
        layer.weights.reserveCapacity(rows * columns)
        for _ in 0..<rows {
            guard let scale = float(), scale.isFinite, bytes.count - place >= columns else {
                return nil
            }
            layer.scales.append(scale)
            for _ in 0..<columns {
                layer.weights.append(Int8(bitPattern: bytes[place]))
                place += 1
            }
        }
        for _ in 0..<rows {
            guard let bias = float(), bias.isFinite else { return nil }
            layer.biases.append(bias)
        }
        return layer
    }
}

/// What one leg remembers of one network.
struct RecurrentState: Sendable {
    let weights: RecurrentWeights
    private var state = InlineArray<64, Float>(repeating: 0)

    init(_ weights: RecurrentWeights) { self.weights = weights }

    /// One row of `weights.inputs` values in; writes `weights.outputs` values, before any sigmoid.
    mutating func step(
        _ row: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>
    ) {
        guard row.count >= weights.inputs, output.count >= weights.outputs,
            let row = row.baseAddress, let output = output.baseAddress
        else { return }
        let network = weights.network
        var memory = state.mutableSpan
        memory.withUnsafeMutableBufferPointer { memory in
            guard let memory = memory.baseAddress else { return }
            // SAFETY: `init` of the weights keeps the widths within what the step has room for, and
            // `state` has room for the widest.
            tl_network_step(network, row, memory, output)
        }
    }
}

extension RecurrentState {
    /// `step` of a network with one output.
    mutating func output(_ row: UnsafeBufferPointer<Float>) -> Float {
        var output: Float = 0
        withUnsafeMutablePointer(to: &output) {
            step(row, into: UnsafeMutableBufferPointer(start: $0, count: 1))
        }
        return output
    }
}

/// 1 / (1 + e^−x) to 3e-7: 2^y as a whole power times a polynomial fitted by least squares.
@inline(__always)
func sigmoid(_ x: Float) -> Float {
    let y = min(max(x, -40), 40) * -1.442_695_04
    // Adding 1.5 · 2²³ rounds to a whole number, which then stands in the low bits.
    let shifted = y + 12_582_912
    let f = y - (shifted - 12_582_912)
    var power: Float = 0.001_326_700
    power = power * f + 0.009_675_46
    power = power * f + 0.055_507_43
    power = power * f + 0.240_221_22
    power = power * f + 0.693_146_95
    power = power * f + 1.000_000_07
    return 1 / (1 + Float(bitPattern: power.bitPattern &+ shifted.bitPattern &<< 23))
}
