import CallModel
import Testing

@testable import Detection

/// `AnswerHints` over 550 sentences of `AnswerSentences`, as a recogniser says them: word by word.
@Suite struct AnswerSentenceTests {
    /// The hint that decides, when every word is a transcript of its own: the first of a machine, else a
    /// person's or none.
    private static func decision(_ sentence: Substring) -> AnswerVerdict? {
        let words = sentence.split(separator: " ")
        var found: AnswerVerdict?
        for count in 1...max(words.count, 1) {
            let known = words.prefix(count).joined(separator: " ")
            guard let verdict = AnswerHints.verdict(of: known) else { continue }
            if verdict != .human { return verdict }
            found = verdict
        }
        return found
    }

    private static func sentences(_ text: String) -> [Substring] {
        text.split(separator: "\n").map { $0.dropFirst(3) }
    }

    /// Machines' verdicts are final at once: not a word of a person's may look like one.
    @Test func noPersonIsAMachineAtAnyWord() {
        let people =
            Self.sentences(AnswerSentences.human) + Self.sentences(AnswerSentences.nearMachines)
        #expect(people.count == 200)
        for sentence in people {
            let decision = Self.decision(sentence)
            #expect(
                decision == nil || decision == .human,
                "\(sentence): \(String(describing: decision))")
        }
    }

    @Test(arguments: [
        (AnswerVerdict.voicemail, AnswerSentences.voicemail, 112, 0),
        (.ivr, AnswerSentences.ivr, 112, 1), (.screening, AnswerSentences.screening, 60, 2),
        (.unavailable, AnswerSentences.unavailable, 66, 2),
    ])
    func machinesAreToldFromPeopleAndFromOneAnother(
        verdict: AnswerVerdict, text: String, count: Int, mistakes: Int
    ) {
        let machines = Self.sentences(text)
        #expect(machines.count == count)
        let decisions = machines.map { ($0, Self.decision($0)) }
        let wrong = decisions.filter { $0.1 != verdict }
        #expect(wrong.count <= mistakes, "\(wrong)")
        // What is left is another machine; one call screen says nothing that people do not say.
        let missed = decisions.filter { $0.1 == nil || $0.1 == .human }
        #expect(missed.count <= (verdict == .screening ? 1 : 0), "\(missed)")
    }

    /// The next words turn them: no hint, so that the sound or the rest of the sentence decides.
    @Test(arguments: [
        "You've reached", "Hi, you've reached Dana", "Dana isn't available",
        "Se ha comunicado con Dental Sur", "Vous êtes bien", "Sie sind verbunden mit der Praxis",
        "Você ligou para a recepção", "This call is being recorded", "He's on another line",
    ])
    func aWeakPhraseDecidesNothing(beginning: String) {
        let verdict = AnswerHints.verdict(of: beginning)
        #expect(verdict == nil || verdict == .human)
    }

    @Test func twoWeakPhrasesOrOneAndManyWordsAreAMachine() {
        #expect(AnswerHints.verdict(of: "You've reached Dana. Text me.") == .voicemail)
        #expect(
            AnswerHints.verdict(of: "Please hold. Calls are recorded.") == .ivr)
        let eleven = "one of the oldest and best known shops for boots here"
        #expect(AnswerHints.verdict(of: "You've reached " + eleven) == nil)
        #expect(AnswerHints.verdict(of: "You've reached " + eleven + " and") == .voicemail)
        // Who asks is there, however long he talks.
        #expect(
            AnswerHints.verdict(of: "You've reached " + eleven + " how may I help you?") == .human)
    }

    @Test func aMenuIsFoundWhateverItsKeys() {
        let keys = [
            "press 0", "press six", "press the pound key", "press #", "press *", "hit star",
            "pulse 1", "presione uno", "marque el dos", "oprima la tecla asterisco",
            "Wählen Sie 1", "drücken Sie die Raute", "wählen Sie bitte die Neun",
            "tapez 4", "appuyez sur la touche dièse", "faites le zéro",
            "disque 1", "aperte 1", "pressione dois", "digite 3", "tecle asterisco",
        ]
        for key in keys { #expect(AnswerHints.verdict(of: key) == .ivr, "\(key)") }
        #expect(AnswerHints.verdict(of: "for a press release, hello") == nil)
    }

    @Test func accentsAndApostrophesMayBeMissing() {
        for text in [
            "you can’t reach us, can't", "We cant come to the phone", "We can´t come to the phone",
        ] {
            #expect(TranscriptWords.of(text, limit: 100).contains("not"), "\(text)")
        }
        #expect(AnswerHints.verdict(of: "We cannot come to the phone") == .voicemail)
        #expect(AnswerHints.verdict(of: "Youve reached reception, whos calling") == .human)
        #expect(AnswerHints.verdict(of: "DESPUES DE LA SENAL") == .voicemail)
        #expect(AnswerHints.verdict(of: "apre\u{300}s le bip") == .voicemail)
        #expect(
            TranscriptWords.of("Je t'appelle d'ici", limit: 100) == [
                "je", "t", "appelle", "d", "ici",
            ])
    }

    /// "Sí" is a person's, "si conoce" a menu's: a word that both say is nobody's.
    @Test func humanWordsCountAtTheBeginningOnly() {
        #expect(AnswerHints.verdict(of: "Si") == nil)
        #expect(AnswerHints.verdict(of: "Sí, dígame") == .human)
        #expect(AnswerHints.verdict(of: "Um, hello?") == .human)
        #expect(AnswerHints.verdict(of: "Smith and Sons hello") == nil)
    }
}
