/// Who is speaking, a person who has picked up or a machine, by the sound of it: two recurrent
/// networks over the same steps as the voice detector's, which hear words, melody, pace and pauses
/// since the answer. They were trained on what people, mailboxes, menus, networks and call screens
/// say in five languages (tools/train); what they reach is in docs/DETECTION.md.
///
/// ```
/// steps of VoiceActivityDetector ─┬─► RecurrentState ─┬─► mean: natural logarithm of
///                                 └─► RecurrentState ─┘   person : machine
/// ```
/// Two, because each is sure of other things of a voice that neither has heard before.
struct AnswerClassifier: Sendable {
    /// Neither: nothing has been heard.
    static let noOpinion: Float = 0
    private static let surest: Float = 20

    private var first = RecurrentState(TrainedWeights.firstAnswerNet)
    private var second = RecurrentState(TrainedWeights.secondAnswerNet)
    /// Natural logarithm of the odds that it is a person; 3 is about 20 to 1.
    private(set) var odds = Self.noOpinion

    /// One step of 20 ms, `VoiceActivityDetector.inputCount` values.
    mutating func push(_ step: UnsafeBufferPointer<Float>) {
        let mean = (first.output(step) + second.output(step)) / 2
        odds = mean.isFinite ? min(max(mean, -Self.surest), Self.surest) : Self.noOpinion
    }
}
