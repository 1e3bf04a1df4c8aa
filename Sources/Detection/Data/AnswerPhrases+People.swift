extension AnswerPhrases {
    /// What only somebody asks who is there to hear the answer. It is taken out before the rest is
    /// read: "would you like to leave a message?" is no mailbox.
    static let questions = PhraseList([
        // English
        "how can/may/could/might/do/should i/we", "what can/may/could i/we",
        "can/could/may/shall/should/might i/we take a message", "message with me",
        "can/could/may/shall/should/might i/we get/have/ask/help/tell/put/transfer/call/speak/give",
        "can/could/may/shall/should/might i/we pass/assist/offer/know/take/leave/see/connect",
        "!say/state/tell/me/know who is this/calling/it/there/speaking/that/he/she", "who am i",
        "with whom", "who do you",
        "would/do/did you like/want/care/mind/wish/need to? leave/hold/wait? a? message?",
        "would/do/did you", "are you there/calling/looking/still",
        "can/could you hear/hold/repeat/speak/say/tell/spell/call",
        "what is this/it/that about/regarding/in/concerning", "what is your name/number/the",
        "what is going/up", "is there anything/something", "what do you", "how are you",
        "how is it", "anybody/anyone there", "is anybody/anyone",
        "through to his/her/their voicemail", "his/her/their voicemail/mailbox",
        "pickup/up or delivery",
        // Spanish
        "en qué _ ayudar*/servir*/atender*/puedo/podemos", "en qué le/te",
        "cómo le/te/lo/la? puedo/podemos", "cómo puedo", "qué se le",
        "qué desea/necesita/quiere/busca/quería/pasa",
        "!diga/di/indique quién habla/es/llama/le/eres/me/pregunta", "con quién", "de parte de",
        "a quién", "!si/que/usted quiere/desea/gusta/quieres/prefiere dej* _ mensaje/recado",
        "!si/que/usted gusta/quiere dejar*", "le gustaría",
        "me dice/da/escucha/oye/oyes/escuchas/puede/regala/permite", "cuál es",
        "puedo ayudar*/tomar*/saber", "le tomo/paso/comunico/ayudo", "se lo/la paso/comunico",
        "te/le escucho/oigo", "para cuántas",
        // French
        "en quoi puis/peux/pouvons", "que puis/peux/pouvons je/nous", "comment puis/peux/pouvons",
        "qu est ce que", "qui est à/ce/là", "c est qui", "qui êtes", "de la part", "à qui ai",
        "à quel sujet", "voulez/souhaitez/désirez vous _ laisser _ message",
        "!si vous voulez/souhaitez/désirez laisser _ message", "voulez/souhaitez/désirez vous",
        "vous vouliez", "je peux/puis prendre/vous/lui", "puis je", "prendre un message",
        "lui laisser un message", "je peux/puis lui laisser un message", "m entendez",
        "pouvez vous me/patienter/répéter/épeler/rappeler",
        "vous pouvez me donner/dire/répéter/épeler", "je vous le/la/entends/passe", "qui dois je",
        "il y a quelqu",
        // German
        "was/wie/womit kann/darf/können/könnte ich/wir",
        "kann/darf/dürfte/soll/könnte ich ihnen/etwas/was/helfen/ausrichten/fragen/ihm/ihr/ihren",
        "wer ist/sind da/denn/dran/dort/am", "wer spricht/redet", "mit wem", "worum geht/handelt",
        "um was geht", "möchten/wollen sie _ _ hinterlassen", "möchten/wollen sie",
        "soll/sollen ich/wir", "was gibt", "hören sie mich", "können sie mich/das/noch/später",
        "wie war/ist ihr/der", "ihren namen und ihre nummer",
        // Portuguese
        "em/no que posso/podemos/eu", "como posso/podemos/eu",
        "quem fala/é/gostaria/está/quer/deseja", "com quem", "de onde",
        "!se/você/caso quer/gostaria/deseja deixar/de _ recado/mensagem",
        "posso ajudar/anotar/saber/ajudá*", "pode me passar/dizer/dar/falar/repetir",
        "o que foi/deseja/seria", "me ouvindo/ouve/escuta/escutando", "precisa de", "qual o/é",
        "pode deixar que", "tudo bem/bom", "quer que eu", "did/do you leave _ _ message",
        "i can/could/will leave _ _ message",
        "haben/hatten/hat/hast sie/er/du? mir/ihm/uns? eine nachricht hinterlassen",
        "avez/ai/a/ont/as laissé _ _ message", "darf/dürfte ich _ namen und _ _ anliegen/grund",
    ])

    /// Somebody who says who he is, or speaks of others or to the caller.
    static let talk = PhraseList([
        "!start/begin/before/finished/stop/are speaking", "you are speaking with/to", "my name is",
        "i will put/transfer/connect you", "let me", "recorded line",
        "thanks for holding", "le atiende/habla", "soy yo", "ahora se/le", "un momentito",
        "à l appareil", "à votre écoute", "je vous écoute", "j écoute", "je vous la/le passe",
        "c est moi", "am apparat", "sie sprechen mit", "mein name ist", "ich verbinde sie",
        "meu nome é", "falando", "sou eu", "vou transferir",
    ])

    /// Speaks of somebody who is not at the telephone: not of itself, as a mailbox does.
    static let others = PhraseList([
        "he/she is/can/will/has/just/does", "él/ella no/está/es/salió", "no se encuentra él/ella",
        "il/elle n? est pas/en/sorti*/absent*", "er ist", "ele/ela não/está/saiu/foi",
    ])

    /// What people say first.
    static let greeting = PhraseList([
        "hello", "hi", "hey", "yes", "yeah", "yep", "yo", "good morning/afternoon/evening",
        "morning", "speaking", "who is", "what is", "go ahead", "hold on", "hang on",
        "one moment/second", "this is", "mm", "sorry", "hola", "bueno", "buenas", "buenos", "diga",
        "dígame", "aló", "quién", "soy", "habla", "oye", "perdone",
        "sí dígame/diga/hola/bueno/buenas/buenos/soy/quién/aló/si/un", "no", "allô", "oui",
        "bonjour", "bonsoir", "salut", "qui est", "hallo", "ja", "guten", "grüß", "moin", "servus",
        "wer", "nee", "moment", "oi", "olá", "alô", "pois não", "quem", "bom dia",
        "boa tarde/noite", "sim", "pronto", "só um", "fala", "estou",
    ])

    /// What may stand before it.
    static let fillers: Set<String> = [
        "um", "uh", "oh", "ah", "well", "okay", "ok", "eh", "euh", "aeh", "hm", "hmm", "ach", "na",
        "ya",
    ]
}
