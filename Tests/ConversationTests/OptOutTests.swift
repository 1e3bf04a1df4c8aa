import Testing

@testable import Conversation

@Suite struct OptOutTests {
    @Test(arguments: [
        "Stop.", "stop", "Please stop!", "STOP STOP STOP", "Stop. I mean it.", "quit", "cancel",
        "Unsubscribe", "Opt out.", "end", "revoke",
        "Stop calling me", "Will you people please stop calling?", "Don't call me again",
        "do not call this number", "Don\u{2019}t ever call here again.", "Please don't call.",
        "Never call me again!", "Take me off your list.", "Could you take my number off your list",
        "Remove me from your list, please", "remove my number", "I want to be removed, remove me",
        "Put me on your do-not-call list", "put me on the do not call list", "no more calls",
        "Lose my number", "I don't want you to call me anymore", "I don't want any more calls",
        "Why don't you stop calling me", "Why don't you take me off your list?",
        "I'd like to opt out of this", "Not interested, please remove me", "I revoke my consent",
        "I'm not interested please remove me", "I am not interested stop calling",
        "No thanks, stop",
        "I don't know you, stop calling me", "why did you not take me off the list",
        "Quit calling me", "yeah unsubscribe me", "No, stop calling",
    ]) func english(text: String) {
        #expect(OptOut.match(in: text)?.language == .english)
    }

    @Test(arguments: [
        "Don't stop.", "Don't stop calling me", "Please don't take me off your list",
        "I don't want you to remove me", "do not remove me", "you should never stop calling",
        "I was at the bus stop", "we will stop by tomorrow", "stop by at five",
        "Can I cancel my appointment on Monday?", "at the end of the month", "I'll call you back",
        "Don't call it a day yet", "I don't call that cheap", "you can call me tomorrow",
        "put me on the list", "take your time", "Yes, that is fine.", "", "...", "not interested",
        "I did not stop you", "the last stop on the line", "I quit my job last year",
    ]) func englishThatIsNone(text: String) {
        #expect(OptOut.match(in: text) == nil)
    }

    @Test(arguments: [
        ("No me llame más, por favor.", OptOut.Language.spanish),
        ("Dejen de llamarme", .spanish), ("Quíteme de su lista", .spanish),
        ("no vuelvan a llamar", .spanish), ("Quiero darme de baja", .spanish),
        ("¡Pare!", .spanish), ("Borre mi número de su sistema", .spanish),
        ("Por favor, no me llamen", .spanish), ("No, deje de llamarme", .spanish),
        ("Ne m'appelez plus.", .french), ("Arrêtez de m'appeler, s'il vous plaît", .french),
        ("Retirez-moi de votre liste", .french), ("Supprimez mon numéro", .french),
        ("Désinscrivez-moi", .french), ("Arrêtez !", .french),
        ("Je ne veux plus être appelé", .french),
        ("Rufen Sie mich bitte nicht mehr an!", .german), ("Stopp", .german),
        ("Streichen Sie mich von Ihrer Liste", .german),
        ("Bitte löschen Sie meine Nummer", .german), ("Hören Sie auf, mich anzurufen", .german),
        ("Keine Anrufe mehr", .german), ("Rufen Sie nie wieder an", .german),
        ("Não me ligue mais", .portuguese), ("Parem de me ligar", .portuguese),
        ("Me tire da lista, por favor", .portuguese), ("Remova meu número", .portuguese),
        ("Não quero mais receber ligações", .portuguese),
    ]) func otherLanguages(text: String, language: OptOut.Language) {
        #expect(OptOut.match(in: text)?.language == language)
    }

    @Test(arguments: [
        "Llámeme mañana", "¿Puede llamar más tarde?", "No quiero que dejen de avisarme",
        "Rappelez-moi demain", "J'appelle de Paris", "N'arrêtez pas",
        "Rufen Sie mich morgen an", "An der Haltestelle", "Ich habe keine Zeit",
        "Me ligue amanhã", "Não tenho interesse", "Gracias, adiós",
    ]) func otherLanguagesThatAreNone(text: String) {
        #expect(OptOut.match(in: text) == nil)
    }

    @Test func phraseIsGivenInPlainForm() {
        #expect(
            OptOut.match(in: "Arrêtez de m’appeler !")
                == OptOut.Match(language: .french, phrase: "arretez de m appeler"))
        #expect(OptOut.detects(utterance: "take me off"))
        #expect(!OptOut.detects(utterance: "take me to the office"))
    }

    @Test func longAndOddTextIsRead() {
        let long = String(repeating: "bla ", count: 10_000)
        #expect(!OptOut.detects(utterance: long))
        #expect(OptOut.detects(utterance: "stop calling " + long))
        #expect(!OptOut.detects(utterance: "🙂🙂 ’’’ ''' \u{0} 停"))
    }
}

@Suite struct VoiceCommandTests {
    @Test(arguments: [
        ("Are you a robot?", VoiceCommand.askIfMachine),
        ("Am I talking to a machine", .askIfMachine),
        ("Sind Sie ein Roboter?", .askIfMachine),
        ("Let me speak to a person", .speakToPerson),
        ("I want to talk to your manager... speak to a manager", .speakToPerson),
        ("Quiero hablar con una persona", .speakToPerson),
        ("Could you call me back on Monday?", .callBack),
        ("Can you repeat that please", .repeat),
        ("stop recording this", .stopRecording),
        ("Please don't record me", .stopRecording),
        ("Goodbye", .goodbye),
        ("Goodbye, and take me off your list", .optOut),
        ("Are you a robot? Stop calling me.", .optOut),
    ]) func commandIsFound(text: String, command: VoiceCommand) {
        #expect(VoiceCommand.detect(utterance: text) == command)
    }

    @Test(arguments: ["Yes", "Tell me more", "", "What is the price?"])
    func ordinaryTalkIsNoCommand(text: String) {
        #expect(VoiceCommand.detect(utterance: text) == nil)
    }
}
