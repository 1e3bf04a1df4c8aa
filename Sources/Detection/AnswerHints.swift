public import CallModel

/// What a transcript of the far end's first words says about who answered: the second source of an
/// answer verdict, when speech recognition is on. Phrases are data (`AnswerPhrases`).
public enum AnswerHints {
    /// Longer transcripts are read up to here: what matters is said first.
    public static let characterLimit = 2000

    /// `.voicemail`, `.ivr`, `.screening` or `.unavailable` when a phrase of theirs is in the
    /// transcript, `.human` when it begins as only people do, nil when it says nothing.
    public static func verdict(of transcript: String) -> AnswerVerdict? {
        let text = " " + folded(transcript) + " "
        func has(_ phrases: [String]) -> Bool { phrases.contains { contains(text, " \($0) ") } }
        if has(AnswerPhrases.screening) { return .screening }
        // "... or press one for more options": who names the tone waits for a message.
        if has(AnswerPhrases.tone) { return .voicemail }
        if has(AnswerPhrases.unavailable) { return .unavailable }
        if has(AnswerPhrases.menu) { return .ivr }
        if has(AnswerPhrases.voicemail) { return .voicemail }
        return has(AnswerPhrases.human) ? .human : nil
    }

    /// Lower case, letters without accents, digits; everything else is one space between words.
    static func folded(_ transcript: String) -> String {
        var out = ""
        var isGap = true
        for character in transcript.prefix(characterLimit).lowercased() {
            if let plain = plain[character] {
                out += plain
                isGap = false
            } else if character.isASCII, character.isLetter || character.isNumber {
                out.append(character)
                isGap = false
            } else if !isGap {
                out.append(" ")
                isGap = true
            }
        }
        if out.last == " " { out.removeLast() }
        return out
    }

    /// The accented letters of the five languages.
    private static let plain: [Character: String] = [
        "á": "a", "à": "a", "â": "a", "ã": "a", "ä": "ae", "é": "e", "è": "e", "ê": "e",
        "ë": "e", "í": "i", "ì": "i", "î": "i", "ï": "i", "ó": "o", "ò": "o", "ô": "o", "õ": "o",
        "ö": "oe", "ú": "u", "ù": "u", "û": "u", "ü": "ue", "ç": "c", "ñ": "n", "ß": "ss",
        "œ": "oe",
    ]

    private static func contains(_ text: String, _ phrase: String) -> Bool {
        let text = text.utf8, phrase = phrase.utf8
        guard let first = phrase.first, text.count >= phrase.count else { return false }
        var place = text.startIndex
        while let found = text[place...].firstIndex(of: first) {
            if text[found...].starts(with: phrase) { return true }
            place = text.index(after: found)
        }
        return false
    }
}
