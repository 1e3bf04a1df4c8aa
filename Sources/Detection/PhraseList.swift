/// Phrases that are looked for in a transcript, compiled once.
///
/// A phrase is words in their usual spelling and order; `TranscriptWords` spells both sides alike. A
/// word may be
/// ```
/// tone/beep   one of several          leav*   how a word begins      the?   there or not
/// #           a key: digit, star, …   _       up to three words      ...    up to sixteen words
/// !if         (first) what must not stand before
/// ```
struct PhraseList: Sendable {
    private enum Token: Sendable {
        case word([String], isOptional: Bool)
        case key
        case gap(Int)
    }

    private struct Phrase: Sendable {
        var tokens: [Token] = []
        var notAfter: [String] = []
    }

    private var phrases: [Phrase] = []
    /// Places in `phrases` by their first word; those that begin otherwise are `others`.
    private var beginning: [String: [Int]] = [:]
    private var others: [Int] = []

    init(_ sources: [String]) {
        for source in sources {
            var phrase = Phrase()
            for part in source.split(separator: " ") { Self.read(part, into: &phrase) }
            if case .word(let words, false)? = phrase.tokens.first,
                !words.contains(where: { $0.last == "*" })
            {
                for word in words { beginning[word, default: []].append(phrases.count) }
            } else {
                others.append(phrases.count)
            }
            phrases.append(phrase)
        }
    }

    private static func read(_ part: Substring, into phrase: inout Phrase) {
        switch part {
        case "#": phrase.tokens.append(.key)
        case "_": phrase.tokens.append(.gap(3))
        case "...": phrase.tokens.append(.gap(16))
        default:
            let isOptional = part.last == "?"
            let body = part.drop { $0 == "!" }.prefix { $0 != "?" }
            let words = body.split(separator: "/").map { word in
                TranscriptWords.folded(String(word)) + (word.last == "*" ? "*" : "")
            }
            if part.first == "!" {
                phrase.notAfter = words
            } else {
                phrase.tokens.append(.word(words, isOptional: isOptional))
            }
        }
    }

    // MARK: looking

    func isIn(_ words: [String]) -> Bool {
        words.indices.contains { match(words, at: $0) != nil }
    }

    /// Whether the transcript begins with one of them, `start` words left out.
    func begins(_ words: [String], at start: Int) -> Bool {
        start < words.count && match(words, at: start) != nil
    }

    /// Where the phrases are, none over another.
    func places(in words: [String]) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var place = 0
        while place < words.count {
            if let end = match(words, at: place), end > place {
                found.append(place..<end)
                place = end
            } else {
                place += 1
            }
        }
        return found
    }

    /// The end of the longest phrase that begins at `place`.
    private func match(_ words: [String], at place: Int) -> Int? {
        var longest: Int?
        for index in (beginning[words[place]] ?? []) + others {
            let phrase = phrases[index]
            if place > 0, phrase.notAfter.contains(words[place - 1]) { continue }
            if let end = Self.end(phrase.tokens[...], words, place) {
                longest = max(longest ?? end, end)
            }
        }
        return longest
    }

    private static func end(
        _ tokens: ArraySlice<Token>, _ words: [String], _ place: Int
    ) -> Int? {
        guard let token = tokens.first else { return place }
        let rest = tokens.dropFirst()
        switch token {
        case .key:
            guard place < words.count, TranscriptWords.isKey(words[place]) else { return nil }
            return end(rest, words, place + 1)
        case .word(let choices, let isOptional):
            if place < words.count, choices.contains(where: { fits(words[place], $0) }),
                let found = end(rest, words, place + 1)
            {
                return found
            }
            return isOptional ? end(rest, words, place) : nil
        case .gap(let most):
            for next in place...min(place + most, words.count) {
                if let found = end(rest, words, next) { return found }
                // What is taken out is no bridge.
                if next < words.count, words[next].isEmpty { return nil }
            }
            return nil
        }
    }

    private static func fits(_ word: String, _ choice: String) -> Bool {
        choice.last == "*" ? !word.isEmpty && word.hasPrefix(choice.dropLast()) : word == choice
    }
}
