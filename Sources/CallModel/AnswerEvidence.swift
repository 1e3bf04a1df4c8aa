public import Base

/// What a verdict was given on, so that an operator can see why. Times in ms of audio.
public struct AnswerEvidence: Sendable, Equatable {
    /// Speech heard since the answer.
    public var speechMs = 0
    /// From the answer to the first word; 0 when nobody spoke.
    public var firstSpeechMs = 0
    /// The pause since the last word.
    public var pauseMs = 0
    /// A record tone has been heard.
    public var hasBeep = false
    /// How much the voice sounded like a person who has picked up, 0…1 (`AnswerClassifier`).
    public var personScore = 0.5
    /// What a transcript said, nil without one.
    public var hint: AnswerVerdict?

    /// Nothing heard yet: a person is as likely as not.
    public init() {}

    /// The fields of a JSON object.
    public func write(into writer: inout JSONWriter) {
        writer.field("speech_ms", speechMs)
        writer.field("first_speech_ms", firstSpeechMs)
        writer.field("pause_ms", pauseMs)
        writer.field("beep", hasBeep)
        writer.field("person_score", personScore)
        if let hint { writer.field("hint", hint.rawValue) }
    }
}
