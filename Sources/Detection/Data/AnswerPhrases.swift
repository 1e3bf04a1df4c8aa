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
        "no longer in service", "been disconnected", "cannot be completed",
        "could not be completed", "did not go through", "circuits are busy",
        "has not been set up", "hasn t been set up", "not set up a voice", "not yet set up",
        "has been changed", "try your call again later", "please try again later",
        "try your call later", "not a working number", "check the number",
        "does not accept calls", "network difficulties", "temporarily unavailable",
        "not accepting calls", "mailbox that is full", "as dialed", "not been recognized",
        "not recognised", "not a valid number", "is switched off", "has been turned off",
        "out of the coverage area", "out of the service area", "must first dial", "dial a one",
        "dial a 1", "calling restrictions", "network is busy", "lines are busy",
        // Spanish
        "no existe", "buzon esta lleno", "buzon de voz esta lleno", "fuera de servicio",
        "no se encuentra en servicio", "intente mas tarde", "no puede ser completada",
        "no esta en servicio", "esta apagado", "fuera de cobertura", "verifique el numero",
        "lineas estan ocupadas", "no acepta llamadas",
        // French
        "n est pas en service", "n est pas attribue", "n est plus en service",
        "boite vocale est pleine", "messagerie est pleine", "veuillez rappeler plus tard",
        "n existe pas", "ne peut aboutir", "n a pas pu aboutir", "lignes sont occupees",
        "n accepte pas les appels",
        // German
        "nicht vergeben", "kein anschluss unter", "mailbox ist voll", "zurzeit nicht erreichbar",
        "voruebergehend nicht erreichbar", "spaeter noch einmal", "nicht in betrieb",
        "nicht verfuegbar", "leitungen sind belegt", "fragen sie die auskunft",
        // Portuguese
        "nao existe", "caixa postal esta cheia", "fora da area", "tente mais tarde",
        "nao esta recebendo chamadas", "nao esta em servico", "esta desligado",
        "verifique o numero", "linhas estao ocupadas",
    ]

    /// Assistants that ask the caller's business before they ring.
    static let screening = [
        "record your name and reason", "say your name and why", "name and reason for calling",
        "see if this person is available", "screening service", "using a screening",
        "call assistant", "may i ask who is calling before", "before i try to connect",
        "i will try to connect you", "state your name", "call assist", "call screen",
        "recording this call for", "call will be announced", "get a copy of this conversation",
        "if you say your name", "announce your call",
        "graba su nombre", "grabe su nombre y el motivo", "diga su nombre y por que",
        "motivo de su llamada",
        "raison de votre appel", "enregistrez votre nom et la raison", "dites votre nom",
        "grund ihres anrufs", "ihren namen und den grund", "nennen sie bitte ihren namen",
        "motivo da ligacao", "gravar seu nome e o motivo", "diga seu nome e",
    ]

    /// The tone behind which a message is recorded: mailboxes, also those that offer a menu besides or say that
    /// somebody is unavailable.
    static let tone = [
        "after the tone", "after the beep", "at the tone", "at the beep", "wait for the tone",
        "wait for the beep", "at the sound of the tone", "record your message",
        "despues del tono", "despues de la senal", "despues del pitido", "al oir el tono",
        "tras la senal",
        "tras el tono", "apres le bip", "apres le signal", "apres la tonalite", "au bip",
        "nach dem ton", "nach dem signal", "nach dem piep", "nach dem signalton",
        "nach dem piepton",
        "apos o sinal", "depois do bipe", "depois do sinal", "apos o tom", "apos o bipe",
        "depois do tom",
    ]

    /// Menus that want digits or words.
    static let menu = [
        "press one", "press 1", "press two", "press 2", "press three", "press 3", "press four",
        "press 4", "press five", "press 5", "press six", "press seven", "press eight",
        "press nine", "press 9", "press zero", "press 0", "menu options", "our menu", "menu has",
        "main menu", "following options", "party s extension", "dial it at any time",
        "enter your account", "enter the extension", "account number followed", "for english",
        "to repeat this menu", "say or enter", "press star", "you can say", "you may also say",
        "say things like", "in a few words", "say representative", "automated assistant",
        "virtual assistant", "automated system", "automated attendant", "listen carefully",
        "options have changed", "call may be recorded", "call may be monitored",
        "calls are recorded", "calls may be recorded", "call is being recorded",
        "training purposes", "quality purposes", "quality assurance", "stay on the line",
        "remain on the line", "next available", "order they were received",
        "order in which they were received", "your call is important", "if you know the extension",
        "extension of the person", "please enter", "para espanol", "para continuar en espanol",
        "puede decir", "permanezca en la linea", "su llamada es importante",
        "llamada puede ser grabada", "escuche con atencion", "siguientes opciones",
        "oprima", "marque uno", "marque 1", "marque dos", "marque 2", "marque cero", "pulse uno",
        "vous pouvez dire", "restez en ligne", "votre appel est important",
        "appel peut etre enregistre", "options suivantes",
        "faites le", "appuyez sur", "composez le", "tapez",
        "sie koennen sagen", "bleiben sie in der leitung", "ihr anruf ist uns wichtig",
        "anruf kann aufgezeichnet", "gespraech kann aufgezeichnet", "naechste freie mitarbeiter",
        "druecken sie", "waehlen sie die", "sagen sie ja",
        "voce pode dizer", "aguarde na linha", "ligacao e muito importante",
        "ligacao pode ser gravada", "seguintes opcoes",
        "digite um", "digite 1", "digite dois", "digite zero", "tecle",
    ]

    /// Mailboxes and answering machines, by what else they say.
    static let voicemail = [
        "leave a message", "leave your message", "leave me a message", "leave us a message",
        "leave a voice", "leave your name", "leave it at",
        "the signal", "voicemail", "voice mail", "mailbox",
        "voice messaging", "voice message system", "message center", "answering machine",
        "been forwarded", "is not available", "not available to take", "no one is available",
        "nobody is available", "can t come to the phone", "cannot come to the phone",
        "can t take your call", "cannot take your call", "cannot be taken", "unable to take",
        "unable to answer", "can t answer", "get back to you", "call you back as",
        "i ll call you back", "we ll call you back", "return your call", "you have reached",
        "you ve reached", "sorry i missed", "missed your call", "away from my desk",
        "office is closed", "currently closed", "our hours are",
        "out of the office", "finished recording",
        "not home right now", "isn t available", "when you are finished",
        "know the drill", "know what to do", "do your thing", "text me", "send a text",
        "send me a text", "shoot me a text", "send an email", "send me an email", "email me",
        "nobody is home", "nobody s home", "no one is home", "no one s home", "not at home",
        "can t get to the phone", "can t get to my phone", "can t pick up", "can t talk right now",
        "can t reach the phone", "cannot answer", "away from my phone",
        "away from the phone", "on another line", "on the other line", "as soon as i can",
        "get right back to you", "get back with you", "return your message", "leave word",
        "leave your number", "leave a number", "leave your details", "your name and number",
        "your name number", "a name and number", "brief message", "detailed message",
        "short message", "speak clearly", "speak after", "speak at the", "start speaking",
        "begin speaking", "you may hang up", "business hours", "closed for", "we are closed",
        "we re closed", "the person you", "the party you", "the customer you",
        "subscriber", "your call has been", "automated voice", "never listen to", "never check",
        "don t check", "don t listen to",
        "deje su mensaje", "deja tu mensaje", "deje un mensaje", "deja un mensaje",
        "dejar un mensaje", "buzon de voz",
        "deja un recado", "deje un recado", "deja tu recado", "deje su recado", "grabe su",
        "contestador", "el buzon",
        "se ha comunicado con", "te has comunicado", "te comunicaste", "llame mas tarde",
        "le devolveremos", "te devuelvo la llamada", "mandame un mensaje", "enviame un mensaje",
        "escribeme", "estamos cerrados", "esta cerrado", "a la que llama", "al que llama",
        "no esta disponible", "no puedo contestar", "no podemos atender", "ha llamado a",
        "has llamado a", "deje su nombre", "oficinas estan cerradas",
        "laissez un message", "laisser un message",
        "repondeur", "messagerie", "pas disponible", "pas repondre",
        "laissez vos", "laissez votre", "laissez moi", "parlez apres",
        "dites le moi apres", "vous rappellerai", "vous rappellerons", "te rappelle",
        "est ferme", "sommes fermes", "suis absent", "sommes absents", "envoyez moi un",
        "votre correspondant", "vous avez joint", "vous etes sur le",
        "vous etes bien chez", "je vous rappelle", "bureaux sont fermes", "votre message",
        "hinterlassen sie",
        "anrufbeantworter", "nicht zu erreichen", "nicht erreichbar", "eine nachricht",
        "nachrichten bitte", "nachricht bitte",
        "sprechen sie nach", "sprich nach", "name und nummer", "namen und ihre",
        "melden uns", "melde mich", "gerade nicht da", "leider nicht da", "nicht zu hause",
        "haben geschlossen", "ist geschlossen", "hat geschlossen", "nicht ans telefon",
        "der teilnehmer", "gespraechspartner", "schreib mir", "schreiben sie mir",
        "sie sind verbunden mit", "rufe sie zurueck", "rufen sie zurueck",
        "deixe sua mensagem", "deixe seu recado", "deixe um recado", "deixe seu nome",
        "caixa postal", "nao posso atender",
        "nao podemos atender", "voce ligou para", "nao esta disponivel", "deixa um recado",
        "deixe o seu recado", "deixe uma mensagem", "deixa uma mensagem", "grave a sua",
        "grave sua", "grave o seu",
        "secretaria eletronica", "retornaremos", "retorno sua", "ligue mais tarde",
        "manda mensagem", "mande uma mensagem", "nao estou em casa", "estamos fechados",
        "esta fechada", "esta fechado", "pessoa chamada", "nao posso falar agora",
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
