/// What somebody said, cut into clauses of plain words for phrase matching: lower case, without
/// accents, without politeness ("please", "bitte", "por favor").
struct Utterance {
    /// Longer texts are cut: no turn of a call is longer.
    static let characterLimit = 4000

    /// Words of each clause; a clause ends at punctuation.
    private(set) var clauses: [[String]] = []
    /// The clauses, then each sentence that commas cut into several: "no, thank you" is one phrase,
    /// but what stands before a comma does not negate what stands after it.
    private var segments: [[String]] = []

    init(_ text: String) {
        var clause: [String] = []
        var sentence: [[String]] = []
        var joined: [[String]] = []
        var word = ""
        func closeWord() {
            if !word.isEmpty { clause.append(word) }
            word = ""
        }
        func closeClause() {
            closeWord()
            let words = Self.withoutFillers(clause)
            if !words.isEmpty {
                clauses.append(words)
                sentence.append(words)
            }
            clause = []
        }
        func closeSentence() {
            closeClause()
            if sentence.count > 1 { joined.append(sentence.flatMap { $0 }) }
            sentence = []
        }
        let characters = Array(text.lowercased().prefix(Self.characterLimit))
        for index in characters.indices {
            let character = characters[index]
            if let folded = Self.folded(character) {
                word += folded
            } else if character == "'" || character == "\u{2019}" {
                // "don't" is one word, "m'appelez" two.
                if !Self.isContraction(characters[(index + 1)...]) { closeWord() }
            } else if character == "," {
                closeClause()
            } else if Self.sentenceEnds.contains(character) {
                closeSentence()
            } else {
                closeWord()
            }
        }
        closeSentence()
        segments = clauses + joined
    }

    /// Where a phrase begins: segment and word.
    struct Position {
        fileprivate var segment: Int
        fileprivate var word: Int
    }

    /// Every place where the words stand next to each other, within clauses first.
    func positions(of phrase: [String]) -> [Position] {
        guard !phrase.isEmpty else { return [] }
        var found: [Position] = []
        for (segment, words) in segments.enumerated() where words.count >= phrase.count {
            for start in 0...(words.count - phrase.count)
            where words[start..<start + phrase.count].elementsEqual(phrase) {
                found.append(Position(segment: segment, word: start))
            }
        }
        return found
    }

    /// The word `offset` words after (before, if negative) a position, in the same segment.
    func word(_ offset: Int, from position: Position) -> String? {
        let words = segments[position.segment]
        let index = position.word + offset
        return words.indices.contains(index) ? words[index] : nil
    }

    /// Whether the phrase is negated: "don't stop calling", "I don't want you to remove me". Only
    /// words that bind a verb to its negation may stand between ("not interested, stop calling" is a
    /// request, with or without the comma), and a question ("why don't you stop") does not negate.
    func isNegated(at position: Position) -> Bool {
        for distance in 1...6 {
            guard let word = word(-distance, from: position) else { return false }
            if Self.negations.contains(word) {
                let before = (1...3).compactMap { self.word(-distance - $0, from: position) }
                return !before.contains("why")
            }
            guard Self.links.contains(word) else { return false }
        }
        return false
    }

    private static let negations: Set<String> = ["dont", "not", "never", "didnt", "doesnt"]
    private static let links: Set<String> = [
        "want", "wanted", "need", "ask", "asked", "asking", "tell", "told", "think", "say", "said",
        "mean", "going", "have", "you", "them", "us", "him", "her", "i", "we", "to", "that",
    ]
    private static let sentenceEnds: Set<Character> = [
        ".", "!", "?", ";", ":", "\n", "…", "¡", "¿",
    ]

    private static let fillers: Set<String> = [
        "please", "just", "ever", "kindly", "bitte", "doch", "endlich", "svp", "really",
    ]
    private static let fillerPhrases = [
        ["por", "favor"], ["s", "il", "vous", "plait"], ["s", "il", "te", "plait"],
    ]

    private static func withoutFillers(_ words: [String]) -> [String] {
        var kept: [String] = []
        var index = 0
        while index < words.count {
            let rest = words[index...]
            if let phrase = fillerPhrases.first(where: { rest.starts(with: $0) }) {
                index += phrase.count
                continue
            }
            if !fillers.contains(words[index]) { kept.append(words[index]) }
            index += 1
        }
        return kept
    }

    /// English endings after an apostrophe: n't, 's, 're, 'll, 've, 'm, 'd, each at the end of a word.
    private static func isContraction(_ rest: ArraySlice<Character>) -> Bool {
        let ending = String(rest.prefix { folded($0) != nil })
        return ["t", "s", "re", "ll", "ve", "m", "d"].contains(ending)
    }

    /// A letter or digit without its accent; nil for anything else.
    private static func folded(_ character: Character) -> String? {
        if character.isASCII {
            return character.isLetter || character.isNumber ? String(character) : nil
        }
        switch character {
        case "á", "à", "â", "ä", "ã", "å": return "a"
        case "é", "è", "ê", "ë": return "e"
        case "í", "ì", "î", "ï": return "i"
        case "ó", "ò", "ô", "ö", "õ": return "o"
        case "ú", "ù", "û", "ü": return "u"
        case "ñ": return "n"
        case "ç": return "c"
        case "ß": return "ss"
        default: return character.isLetter || character.isNumber ? String(character) : nil
        }
    }
}

/// Phrases of one language, one string a list, phrases parted by `|`.
struct PhraseList {
    let phrases: [[String]]

    init(_ text: String) {
        phrases = text.split { $0 == "|" || $0 == "\n" }
            .map { $0.split(separator: " ").map(String.init) }
            .filter { !$0.isEmpty }
    }

    /// The first phrase found that no negation stands before.
    func first(in utterance: Utterance) -> (phrase: String, position: Utterance.Position)? {
        for phrase in phrases {
            for position in utterance.positions(of: phrase) where !utterance.isNegated(at: position)
            {
                return (phrase.joined(separator: " "), position)
            }
        }
        return nil
    }
}
