/// What a transcript of the first seconds gives away, in the five languages that calls are made in.
/// Written for this project. Lower case, without accents and punctuation, as `AnswerHints` makes
/// transcripts; a phrase is found at word boundaries only. Order matters: the first list that has a
/// phrase in the transcript decides.
enum AnswerPhrases {
    /// Network announcements and full or missing mailboxes.
    static let unavailable = [
        // English
        "mailbox is full", "mailbox full", "cannot accept any messages", "cannot accept messages",
        "can not accept any messages", "not accepting messages", "not in service",
        "no longer in service", "has been disconnected", "been disconnected", "cannot be completed",
        "could not be completed", "did not go through", "circuits are busy",
        "has not been set up", "hasn t been set up", "not set up a voice", "not yet set up",
        "has been changed", "try your call again later", "please try again later",
        "try your call later", "not a working number", "check the number",
        "does not accept calls", "network difficulties", "temporarily unavailable",
        // Spanish
        "no existe", "buzon esta lleno", "buzon de voz esta lleno", "fuera de servicio",
        "no se encuentra en servicio", "intente mas tarde", "no puede ser completada",
        // French
        "n est pas en service", "n est pas attribue", "n est plus en service",
        "boite vocale est pleine", "messagerie est pleine", "veuillez rappeler plus tard",
        // German
        "nicht vergeben", "kein anschluss unter", "mailbox ist voll", "zurzeit nicht erreichbar",
        "voruebergehend nicht erreichbar", "spaeter noch einmal",
        // Portuguese
        "nao existe", "caixa postal esta cheia", "fora da area", "tente mais tarde",
        "nao esta recebendo chamadas",
    ]

    /// Assistants that ask the caller's business before they ring.
    static let screening = [
        "record your name and reason", "say your name and why", "name and reason for calling",
        "see if this person is available", "screening service", "using a screening",
        "call assistant", "may i ask who is calling before", "before i try to connect",
        "i will try to connect you", "state your name after",
        "graba su nombre", "grabe su nombre y el motivo", "diga su nombre y por que",
        "motivo de su llamada",
        "raison de votre appel", "enregistrez votre nom et la raison", "dites votre nom",
        "grund ihres anrufs", "ihren namen und den grund", "nennen sie bitte ihren namen",
        "motivo da ligacao", "gravar seu nome e o motivo", "diga seu nome e",
    ]

    /// Menus that want digits or words.
    static let menu = [
        "press one", "press 1", "press two", "press 2", "press three", "press 3", "press four",
        "press 4", "press five", "press 5", "press six", "press seven", "press eight",
        "press nine", "press 9", "press zero", "press 0", "menu options", "our menu", "menu has",
        "main menu", "following options", "party s extension", "dial it at any time",
        "enter your account", "enter the extension", "account number followed", "for english",
        "to repeat this menu", "say or enter", "press star",
        "oprima", "marque uno", "marque 1", "marque dos", "marque 2", "marque cero", "pulse uno",
        "faites le", "appuyez sur", "composez le", "tapez",
        "druecken sie", "waehlen sie die", "sagen sie ja",
        "digite um", "digite 1", "digite dois", "digite zero", "tecle",
    ]

    /// Mailboxes and answering machines.
    static let voicemail = [
        "leave a message", "leave your message", "leave me a message", "leave us a message",
        "leave a short message", "leave a brief message", "leave a detailed message",
        "leave a voice", "leave your name", "leave it at", "record your message",
        "after the tone", "after the beep", "at the tone", "at the beep", "wait for the tone",
        "wait for the beep", "the signal", "voicemail", "voice mail", "voice mailbox", "mailbox",
        "voice messaging", "voice message system", "message center", "answering machine",
        "been forwarded", "is not available", "not available to take", "no one is available",
        "nobody is available", "can t come to the phone", "cannot come to the phone",
        "can t take your call", "cannot take your call", "cannot be taken", "unable to take",
        "unable to answer", "can t answer", "get back to you", "call you back as",
        "i ll call you back", "we ll call you back", "return your call", "you have reached",
        "you ve reached", "sorry i missed", "missed your call", "away from my desk",
        "office is closed", "office is currently closed", "currently closed", "our hours are",
        "out of the office", "you know what to do", "finished recording", "are not at home",
        "not home right now", "isn t available", "when you are finished",
        "deje su mensaje", "deja tu mensaje", "deje un mensaje", "deja un mensaje",
        "dejar un mensaje", "despues del tono", "despues de la senal", "buzon de voz",
        "no esta disponible", "no puedo contestar", "no podemos atender", "ha llamado a",
        "has llamado a", "deje su nombre", "grabe su mensaje", "oficinas estan cerradas",
        "laissez un message", "laissez moi un message", "laisser un message", "apres le bip",
        "apres le signal", "repondeur", "messagerie", "pas disponible", "pas repondre",
        "vous etes bien chez", "je vous rappelle", "bureaux sont fermes", "votre message",
        "hinterlassen sie", "nach dem ton", "nach dem signal", "nach dem piep",
        "anrufbeantworter", "mailbox", "nicht zu erreichen", "nicht erreichbar", "eine nachricht",
        "sie sind verbunden mit", "rufe sie zurueck", "rufen sie zurueck",
        "deixe sua mensagem", "deixe seu recado", "deixe um recado", "deixe seu nome",
        "apos o sinal", "depois do bipe", "depois do sinal", "caixa postal", "nao posso atender",
        "nao podemos atender", "voce ligou para", "nao esta disponivel",
    ]

    /// What only people say first.
    static let human = [
        "hello", "hi", "hey", "yes", "yeah", "yep", "yo", "good morning", "good afternoon",
        "good evening", "speaking", "who is this", "who s this", "who is calling", "how can i",
        "how may i", "can i help", "what s up", "go ahead", "hold on", "one moment", "this is",
        "hola", "bueno", "diga", "digame", "si", "alo", "quien habla", "quien es", "buenos dias",
        "buenas tardes", "allo", "oui", "bonjour", "bonsoir", "qui est", "hallo", "ja",
        "guten tag", "guten morgen", "wer ist", "wer spricht", "oi", "pois nao", "quem fala",
        "quem e", "bom dia", "boa tarde", "pronto", "sim",
    ]
}
