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
    /// `inputCount` of them are used.
    private var input = InlineArray<54, Float>(repeating: 0)
    private var isSecond = false

    /// Takes the row of one hop; a new score, 0…1, comes with every second.
    mutating func push(_ row: UnsafeBufferPointer<Float>) -> Float? {
        guard row.count >= 2 * Self.bands else { return nil }
        defer { isSecond.toggle() }
        guard isSecond else {
            for index in 0..<2 * Self.bands { input[index] = row[index] }
            return nil
        }
        var both = input
        for index in 0..<Self.bands { both[2 * Self.bands + index] = row[index] - both[index] }
        for index in 0..<2 * Self.bands { both[index] = (both[index] + row[index]) * 0.5 }
        var output: Float = 0
        both.span.withUnsafeBufferPointer { both in
            withUnsafeMutablePointer(to: &output) {
                net.step(both, into: UnsafeMutableBufferPointer(start: $0, count: 1))
            }
        }
        return sigmoid(output)
    }
}
