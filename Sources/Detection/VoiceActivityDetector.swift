/// Speech or not: a recurrent network over the levels of 18 bands, their height over a floor and
/// their movement. It was trained on talkers among noise, music, tones and other people
/// (tools/train); what it reaches, and on what, is in docs/DETECTION.md.
///
/// ```
/// two rows of EarFeatures ─► means of 36 values, change of 18 levels ─► RecurrentState ─► σ
/// ```
struct VoiceActivityDetector: Sendable {
    private static let bands = EarFeatures.bandCount
    /// Values a step of 20 ms.
    static let inputCount = 3 * bands

    private var net = RecurrentState(TrainedWeights.voiceNet)
    /// The last whole step, `inputCount` values: valid after a score has come, until the next row.
    private(set) var step = InlineArray<54, Float>(repeating: 0)
    private var isSecond = false

    /// Takes the row of one hop; a new score, 0…1, comes with every second.
    mutating func push(_ row: UnsafeBufferPointer<Float>) -> Float? {
        guard row.count >= 2 * Self.bands else { return nil }
        defer { isSecond.toggle() }
        guard isSecond else {
            for index in 0..<2 * Self.bands { step[index] = row[index] }
            return nil
        }
        for index in 0..<Self.bands { step[2 * Self.bands + index] = row[index] - step[index] }
        for index in 0..<2 * Self.bands { step[index] = (step[index] + row[index]) * 0.5 }
        let whole = step
        return sigmoid(whole.span.withUnsafeBufferPointer { net.output($0) })
    }
}
