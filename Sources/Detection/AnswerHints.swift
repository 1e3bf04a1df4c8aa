public import CallModel

/// What a transcript of the far end's first words says about who answered: the second source of an
/// answer verdict, when speech recognition is on. Phrases are data (`AnswerPhrases`).
///
/// ```
/// words ─► questions to the caller are taken out
///       ─► a strong phrase (screening, tone, unavailable, menu, voicemail): that machine
///       ─► a question was taken out, or somebody talks of himself or others: human
///       ─► weak phrases: two, or one and a dozen words more: a machine; one: nothing yet
///       ─► a greeting first: human
/// ```
/// A machine's verdict is final, and transcripts grow: what the next words may turn is no hint yet.
public enum AnswerHints {
    /// Longer transcripts are read up to here: what matters is said first.
    public static let characterLimit = 2000
    /// Words behind a weak phrase without a question: nobody who is there talks on for so long.
    private static let longSpeech = 12

    /// `.voicemail`, `.ivr`, `.screening` or `.unavailable` when a phrase of theirs is in the
    /// transcript, `.human` when it asks or begins as only people do, nil when it says nothing.
    public static func verdict(of transcript: String) -> AnswerVerdict? {
        var words = TranscriptWords.of(transcript, limit: characterLimit)
        let questions = AnswerPhrases.questions.places(in: words)
        for place in questions.joined() { words[place] = "" }
        if AnswerPhrases.screening.isIn(words) { return .screening }
        // "... or press one for more options": who names the tone waits for a message.
        if AnswerPhrases.tone.isIn(words) { return .voicemail }
        let isInvited = AnswerPhrases.invitation.isIn(words)
        if !isInvited, AnswerPhrases.unavailable.isIn(words) { return .unavailable }
        if AnswerPhrases.menu.isIn(words) { return .ivr }
        if !isInvited, AnswerPhrases.others.isIn(words) { return .human }
        if isInvited || AnswerPhrases.voicemail.isIn(words) { return .voicemail }
        if !questions.isEmpty || AnswerPhrases.talk.isIn(words) { return .human }
        let weak = AnswerPhrases.weak.places(in: words)
        let weakMenu = AnswerPhrases.weakMenu.places(in: words)
        if let first = (weak + weakMenu).min(by: { $0.lowerBound < $1.lowerBound }) {
            let isEnough =
                weak.count + weakMenu.count > 1 || words.count - first.upperBound >= longSpeech
            return isEnough ? weakMenu.count > weak.count ? .ivr : .voicemail : nil
        }
        let start = words.firstIndex { !AnswerPhrases.fillers.contains($0) } ?? words.count
        return AnswerPhrases.greeting.begins(words, at: start) ? .human : nil
    }
}
