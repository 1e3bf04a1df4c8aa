/// The networks that tools/train made; their weights are in Data/.
enum TrainedWeights {
    static let voiceNet = net(voice)
    static let beepNet = net(beep)

    private static func net(_ base64: String) -> RecurrentWeights {
        guard let weights = RecurrentWeights(base64: base64) else {
            // The text is part of this program, and a test reads it.
            preconditionFailure("the trained weights do not add up")
        }
        return weights
    }
}
