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
final class RecurrentWeights: Sendable {
    /// Of `embedded` and `hidden`: what a step has room for.
    static let widest = 64
    /// Of `inputs`.
    static let mostInputs = 128

    let inputs: Int
    let embedded: Int
    let hidden: Int
    let outputs: Int
    fileprivate let dense: IntegerLayer
    fileprivate let input: IntegerLayer
    fileprivate let recurrent: IntegerLayer
    /// Row by row.
    fileprivate let head: [Float]
    fileprivate let headBias: [Float]

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
        self.dense = IntegerLayer(dense, columns: inputs)
        self.input = IntegerLayer(input, columns: embedded)
        self.recurrent = IntegerLayer(recurrent, columns: hidden)
        self.head = head.floats(columns: hidden)
        headBias = head.biases
    }

    /// Multiplications of one step.
    var multiplications: Int {
        embedded * inputs + 3 * hidden * (embedded + hidden) + head.count
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
}

/// A matrix for `tl_matrix_i8`: two columns of a row lie side by side, then the same two of the
/// next row; padded with zeros to even columns and to 16 rows.
private struct IntegerLayer {
    let pairs: Int
    let rows: Int
    let weights: [Int8]
    let scales: [Float]
    let biases: [Float]

    init(_ layer: ReadLayer, columns: Int) {
        let count = layer.scales.count
        pairs = (columns + 1) / 2
        rows = (count + 15) / 16 * 16
        var weights = [Int8](repeating: 0, count: pairs * rows * 2)
        for row in 0..<count {
            for column in 0..<columns {
                weights[(column / 2 * rows + row) * 2 + column % 2] =
                    layer.weights[row * columns + column]
            }
        }
        self.weights = weights
        let padding = [Float](repeating: 0, count: rows - count)
        scales = layer.scales + padding
        biases = layer.biases + padding
    }
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
            let row = row.baseAddress
        else { return }
        // On the stack, so that all legs of a thread use the same memory. (A temporary allocation of
        // more than 1 KiB would come from the heap.)
        var scratch = InlineArray<448, Float>(repeating: 0)
        var room = scratch.mutableSpan
        let weights = weights
        var memory = state.mutableSpan
        room.withUnsafeMutableBufferPointer { room in
            memory.withUnsafeMutableBufferPointer { memory in
                guard let room = room.baseAddress, let memory = memory.baseAddress else { return }
                weights.step(row, state: memory, room: room, output)
            }
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

extension RecurrentWeights {
    // SAFETY: `row` has `inputs` places, `state` `widest`, `room` 7 · `widest`, `output` `outputs`;
    // `init` keeps the widths within. Each layer has `rows` scales and biases and pairs · rows · 2
    // weights.

    fileprivate func step(
        _ row: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>,
        room: UnsafeMutablePointer<Float>, _ output: UnsafeMutableBufferPointer<Float>
    ) {
        let values = room
        let fromInput = room + Self.widest
        let fromState = room + 4 * Self.widest
        dense.affine(row, inputs, largest: Self.largest(row, inputs), values)
        for index in 0..<embedded { values[index] = max(values[index], 0) }
        input.affine(values, embedded, largest: Self.largest(values, embedded), fromInput)
        recurrent.affine(state, hidden, largest: 1, fromState)
        tl_gru_gates(fromInput, fromState, state, Int32(truncatingIfNeeded: hidden))
        head.withUnsafeBufferPointer { head in
            for index in 0..<outputs {
                var sum = headBias[index]
                for column in 0..<hidden { sum += head[index * hidden + column] * state[column] }
                output[index] = sum
            }
        }
    }

    private static func largest(_ values: UnsafePointer<Float>, _ count: Int) -> Float {
        var largest: Float = 0
        for index in 0..<count { largest = max(largest, values[index].magnitude) }
        return largest
    }
}

extension IntegerLayer {
    /// `sums` = biases + matrix · values. The values are rounded to 1/32767 of `largest`, above which
    /// none of them may lie.
    fileprivate func affine(
        _ values: UnsafePointer<Float>, _ count: Int, largest: Float,
        _ sums: UnsafeMutablePointer<Float>
    ) {
        let most = RecurrentWeights.mostInputs
        withUnsafeTemporaryAllocation(of: Int16.self, capacity: most) { rounded in
            withUnsafeTemporaryAllocation(of: Int32.self, capacity: 3 * most / 2) { totals in
                weights.withUnsafeBufferPointer { weights in
                    scales.withUnsafeBufferPointer { scales in
                        biases.withUnsafeBufferPointer { biases in
                            guard let rounded = rounded.baseAddress,
                                let totals = totals.baseAddress,
                                let weights = weights.baseAddress,
                                let scales = scales.baseAddress,
                                let biases = biases.baseAddress
                            else { return }
                            let step = max(largest, 1e-20) / 32_767
                            let up = 1 / step
                            // Adding 1.5 · 2²³ rounds to a whole number, which then stands in the
                            // low bits; what is not a number gives some number.
                            for index in 0..<count {
                                let shifted = values[index] * up + 12_582_912
                                rounded[index] = Int16(truncatingIfNeeded: shifted.bitPattern)
                            }
                            if count % 2 == 1 { rounded[count] = 0 }
                            tl_matrix_i8(
                                weights, rounded, Int32(truncatingIfNeeded: pairs),
                                Int32(truncatingIfNeeded: rows), totals)
                            for row in 0..<rows {
                                sums[row] = Float(totals[row]) * (scales[row] * step) + biases[row]
                            }
                        }
                    }
                }
            }
        }
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
