/// Recognises the wish not to be called again, in English, Spanish, French, German and Portuguese.
///
/// Errs on the side of the person: a needless entry on the list costs a lead, a missed one breaks
/// the law. So the words that 47 CFR 64.1200(a)(10) names (stop, quit, end, revoke, opt out,
/// cancel, unsubscribe) count when they are all that was said, and "no" before a phrase is heard as
/// "no: …". Only a negated verb ("don't stop calling") is taken at its word.
public enum OptOut {
    /// The raw value is the ISO 639-1 code.
    public enum Language: String, Sendable, CaseIterable {
        case english = "en"
        case spanish = "es"
        case french = "fr"
        case german = "de"
        case portuguese = "pt"
    }

    /// What in an utterance was the wish.
    public struct Match: Sendable, Equatable {
        /// Of the list that the phrase is in; some words are in several.
        public var language: Language
        /// The words that matched, in plain form: lower case, without accents.
        public var phrase: String
    }

    /// True when `match` finds the wish.
    public static func detects(utterance: String) -> Bool { match(in: utterance) != nil }

    /// The first phrase found, English first; nil when there is none. `utterance` is one turn, in
    /// any case, with or without accents.
    public static func match(in utterance: String) -> Match? { match(Utterance(utterance)) }

    static func match(_ utterance: Utterance) -> Match? {
        if let word = soleWord(utterance) { return word }
        for table in tables {
            for phrase in table.phrases.phrases {
                for position in utterance.positions(of: phrase)
                where !isExcused(phrase, at: position, in: utterance) {
                    return Match(language: table.language, phrase: phrase.joined(separator: " "))
                }
            }
        }
        return nil
    }

    private static func isExcused(
        _ phrase: [String], at position: Utterance.Position, in utterance: Utterance
    ) -> Bool {
        if utterance.isNegated(at: position) { return true }
        // "I don't call that cheap" is no request.
        guard phrase.last == "call" else { return false }
        let next = utterance.word(phrase.count, from: position)
        return next.map { ["that", "it", "him", "her", "them", "this"].contains($0) } ?? false
            && utterance.word(phrase.count + 1, from: position) != "number"
    }

    /// "Stop", "stop, stop" and "please stop": nothing else was said in the clause or the turn.
    private static func soleWord(_ utterance: Utterance) -> Match? {
        let everything = utterance.clauses.flatMap { $0 }
        for table in tables {
            let isSole = !everything.isEmpty && everything.allSatisfy(table.alone.contains)
            if isSole { return Match(language: table.language, phrase: everything[0]) }
            for clause in utterance.clauses where clause.allSatisfy(table.aloneInClause.contains) {
                return Match(language: table.language, phrase: clause[0])
            }
        }
        return nil
    }

    private struct Table {
        var language: Language
        /// A whole turn of these words is an opt-out.
        var alone: Set<String>
        /// A clause of these words is one, whatever else the turn says.
        var aloneInClause: Set<String>
        var phrases: PhraseList
    }

    private static let tables: [Table] = [
        Table(
            language: .english,
            alone: ["stop", "quit", "end", "revoke", "cancel", "unsubscribe", "optout"],
            aloneInClause: ["stop", "unsubscribe"],
            phrases: PhraseList(
                """
                stop calling|stop phoning|stop ringing|stop contacting|stop bothering
                stop these calls|stop the calls|stop with the calls|stop harassing|quit calling
                quit phoning|quit bothering|do not call|dont call|do not phone|dont phone
                do not contact me|dont contact me|do not ring|dont you call|do not you call
                never call|never phone|never contact me|take me off|take my name off
                take my number off|take us off|take this number off|get me off your|remove me
                remove us|remove my number|remove my name|remove this number|remove my phone number
                remove our number|delete my number|erase my number|lose my number|lose this number
                opt out|opt me out|opting out|unsubscribe|no more calls|no calls anymore
                not want to be called|dont want to be called|dont want you to call
                dont want you calling|do not want you to call|do not want you calling
                dont want any more calls|do not want any more calls|dont want these calls
                do not want these calls|dont want calls|not to be called|not to be contacted
                put me on the do not|put me on your do not|revoke my consent|withdraw my consent
                """)),
        Table(
            language: .spanish, alone: ["pare", "paren", "basta", "baja"], aloneInClause: [],
            phrases: PhraseList(
                """
                no me llame|no me llamen|no me llames|no llame mas|no llamen mas|no llames mas
                deje de llamar|dejen de llamar|deja de llamar|deje de llamarme|dejen de llamarme
                deja de llamarme|no me vuelva a llamar|no me vuelvan a llamar|no vuelva a llamar
                no vuelvan a llamar|no vuelvas a llamar|no vuelva a llamarme|no vuelvan a llamarme
                no quiero que me llame|no quiero que me llamen|no quiero mas llamadas
                no quiero recibir llamadas|no quiero recibir mas llamadas|quiteme de|quitenme de
                quitame de|saqueme de|saquenme de|sacame de|borreme|borrenme|borre mi numero
                borren mi numero|elimineme|eliminenme|elimine mi numero|eliminen mi numero
                dar de baja|deme de baja|denme de baja|darme de baja|no me contacte|no me contacten
                """)),
        Table(
            language: .french, alone: ["arretez", "arrete", "desinscription", "stop"],
            aloneInClause: [],
            phrases: PhraseList(
                """
                ne m appelez plus|ne m appelez pas|ne m appelle plus|m appelez plus
                ne me rappelez plus|ne me rappelez pas|me rappelez plus|ne me telephonez plus
                arretez de m appeler|arrete de m appeler|arretez d appeler|arreter de m appeler
                cessez de m appeler|ne me contactez plus|ne m appelez jamais|retirez moi de
                enlevez moi de|retirez mon numero|enlevez mon numero|supprimez mon numero
                supprimez moi|effacez mon numero|desinscrivez moi|desabonnez moi
                rayez moi de|plus d appels|je ne veux plus d appels|je ne veux plus etre appele
                """)),
        Table(
            language: .german, alone: ["stopp", "stop", "aufhoren"], aloneInClause: ["stopp"],
            phrases: PhraseList(
                """
                rufen sie mich nicht|rufen sie nicht|rufen sie mich nie|rufen sie nie
                rufen sie hier nicht|rufen sie uns nicht|ruf mich nicht|nicht mehr anrufen
                nie wieder anrufen|nie mehr anrufen|nicht wieder anrufen|nicht mehr an
                horen sie auf mich anzurufen|horen sie auf anzurufen|horen sie auf mit den anrufen
                streichen sie mich|streichen sie meine nummer|loschen sie meine nummer
                loschen sie mich|nehmen sie mich von|nehmen sie mich aus|nehmen sie meine nummer
                keine anrufe mehr|keine weiteren anrufe|tragen sie mich aus|melden sie mich ab
                mochte nicht mehr angerufen werden|will nicht mehr angerufen werden
                will keine anrufe|mochte keine anrufe|widerrufe meine einwilligung
                """)),
        Table(
            language: .portuguese, alone: ["pare", "parem", "parar"], aloneInClause: [],
            phrases: PhraseList(
                """
                nao me ligue|nao me liguem|nao me liga|nao ligue|nao liguem|nao liga mais
                pare de ligar|parem de ligar|para de ligar|pare de me ligar|parem de me ligar
                para de me ligar|me tire da|me tirem da|me tira da|tire meu numero
                tirem meu numero|tira meu numero|remova meu numero|removam meu numero
                retire meu numero|retirem meu numero|me remova|me removam|me retire da
                me descadastre|me descadastra|descadastrar|nao quero receber ligacoes
                nao quero mais receber ligacoes|nao quero receber mais ligacoes
                nao quero mais ligacoes|nao quero que me ligue|nao quero que me liguem
                nao me telefone|nao me telefonem|apague meu numero|apaguem meu numero
                """)),
    ]
}
