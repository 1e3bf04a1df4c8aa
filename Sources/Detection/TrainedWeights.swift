/// The networks that tools/train made; their weights are in Data/.
enum TrainedWeights {
    static let voiceNet = net(voice)
    static let beepNet = net(beep)
    /// Two of the same kind, trained from other seeds.
    static let firstAnswerNet = net(answer1)
    static let secondAnswerNet = net(answer2)

    private static func net(_ base64: String) -> RecurrentWeights {
        guard let weights = RecurrentWeights(base64: base64) else {
            // The text is part of this program, and a test reads it.
            preconditionFailure("the trained weights do not add up")
        }
        return weights
    }
}
