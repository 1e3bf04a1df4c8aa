/// The words of a transcript, in one spelling however a recogniser writes them.
enum TranscriptWords {
    /// Lower case, without accents and punctuation; "can't", "cant" and "cannot" are "can not"; the keys
    /// "#" and "*" are words.
    static func of(_ transcript: String, limit: Int) -> [String] {
        var words: [String] = []
        for part in transcript.prefix(limit).split(whereSeparator: { isGap($0) }) {
            for word in spelt(part) { append(word, to: &words) }
        }
        return words
    }

    private static func isGap(_ character: Character) -> Bool {
        !(character.isLetter || character.isNumber || character == "#" || character == "*"
            || isApostrophe(character))
    }

    private static func isApostrophe(_ character: Character) -> Bool {
        character == "'" || character == "’" || character == "‘" || character == "`"
            || character == "´" || character == "ʼ"
    }

    /// One word between gaps, cut at apostrophes and keys.
    private static func spelt(_ part: Substring) -> [String] {
        var words = [""]
        for character in part {
            if isApostrophe(character) {
                words.append("")
            } else if character == "#" || character == "*" {
                words += [character == "#" ? "pound" : "star", ""]
            } else {
                words[words.count - 1] += folded(String(character))
            }
        }
        return words.filter { !$0.isEmpty }
    }

    private static func append(_ word: String, to words: inout [String]) {
        if let whole = contracted[word] {
            words += whole
        } else if word == "t", let last = words.last, last.last == "n", last != "n",
            let verb = negated[last]
        {
            words[words.count - 1] = verb
            words.append("not")
        } else if let last = words.last, let verb = ending(word, after: last) {
            words.append(verb)
        } else {
            words.append(word)
        }
    }

    private static func ending(_ word: String, after last: String) -> String? {
        switch word {
        case "ve": "have"
        case "re" where ["you", "we", "they"].contains(last): "are"
        case "ll": "will"
        case "m" where last == "i": "am"
        case "d" where ["i", "you", "we"].contains(last): "would"
        case "s" where named.contains(last): "is"
        default: nil
        }
    }

    /// What "'s" means "is" behind; behind other words it may be a genitive.
    private static let named: Set<String> = [
        "who", "what", "it", "that", "there", "here", "he", "she", "nobody", "one", "how", "name",
    ]
    private static let negated = [
        "isn": "is", "aren": "are", "wasn": "was", "can": "can", "don": "do", "doesn": "does",
        "didn": "did", "won": "will", "couldn": "could", "hasn": "has", "haven": "have",
        "wouldn": "would",
    ]
    private static let contracted: [String: [String]] = [
        "cannot": ["can", "not"], "cant": ["can", "not"], "dont": ["do", "not"],
        "isnt": ["is", "not"], "wont": ["will", "not"], "couldnt": ["could", "not"],
        "hasnt": ["has", "not"], "doesnt": ["does", "not"], "arent": ["are", "not"],
        "youve": ["you", "have"], "youre": ["you", "are"], "whos": ["who", "is"],
        "whats": ["what", "is"], "thats": ["that", "is"], "ive": ["i", "have"],
        "theyre": ["they", "are"], "dialled": ["dialed"],
    ]

    /// Lower case and plain letters.
    static func folded(_ text: String) -> String {
        var out = ""
        for character in text.lowercased() {
            if let letters = plain[character] {
                out += letters
            } else if character.isASCII, character.isLetter || character.isNumber {
                out.append(character)
            }
        }
        return out
    }

    /// The accented letters of the five languages.
    private static let plain: [Character: String] = [
        "á": "a", "à": "a", "â": "a", "ã": "a", "ä": "ae", "é": "e", "è": "e", "ê": "e",
        "ë": "e", "í": "i", "ì": "i", "î": "i", "ï": "i", "ó": "o", "ò": "o", "ô": "o", "õ": "o",
        "ö": "oe", "ú": "u", "ù": "u", "û": "u", "ü": "ue", "ç": "c", "ñ": "n", "ß": "ss",
        "œ": "oe",
    ]

    // MARK: keys

    /// A key of a telephone, as it is said or written.
    static func isKey(_ word: String) -> Bool {
        keys.contains(word)
            || (word.utf8.count == 1 && word.utf8.allSatisfy { (48...57).contains($0) })
    }

    private static let keys: Set<String> = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "star",
        "pound", "hash", "asterisk",
        "cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve",
        "asterisco", "almohadilla", "gato", "numeral",
        "un", "deux", "trois", "quatre", "cinq", "sept", "huit", "neuf", "etoile", "diese",
        "null", "eins", "zwei", "drei", "vier", "fuenf", "sechs", "sieben", "acht", "neun",
        "raute", "rautetaste", "stern", "sterntaste",
        "um", "dois", "quatro", "sete", "oito", "nove", "estrela", "sustenido", "jogo",
    ]
}
