extension AnswerPhrases {
    /// A message may be left, whatever else has been said.
    static let invitation = PhraseList([
        "leave _ _ message/messages/voicemail/name/number/details/note",
        "!le/les/te/me/ya/yo deje/deja/dejar/dejarnos/dejarme/dejes _ mensaje/recado/nombre/datos/número/teléfono",
        "déjame/déjanos/déjeme/déjenos _ mensaje/recado/nombre/datos/número/teléfono",
        "laiss* _ _ message/nom/coordonnées/numéro", "hinterlass*",
        "deixe/deixa/deixar/deixem o/a/um/uma/seu/sua/me/nos seu/sua/um/breve? recado/mensagem/nome/telefone/contato",
    ])

    /// Mailboxes and answering machines, by what else they say.
    static let voicemail = PhraseList([
        // English
        "leave it at", "leave word", "leaving your/a message/name", "to leave a voice",
        "reached/welcome/is _ voicemail/mailbox/voice/machine", "this is a/the machine",
        "tell the machine", "talk/talking to a/the machine", "never answer", "it/this is _ text me",
        "it/this is ... send/shoot me a text", "voicemail of/for/system/service",
        "voice message/messaging/messages", "message center/service", "messaging service",
        "answering machine", "call has/is been/being forwarded",
        "forwarded/transferred/diverted to _ voice/voicemail/mailbox", "automated voice",
        "no/nobody one? is _ available/home/here",
        "available/able/unable to _ take/answer/receive/get to? your/the? call/calls/phone",
        "i/we/i/everyone can not/unable/could _ _ come/get/reach to? the/my? phone/telephone",
        "!he/she/they can/could not _ take/answer/receive your/the call/phone", "can not be taken",
        "can not answer", "unable to answer/take/come", "not able to come/take/answer",
        "get back to/with you as/soon/shortly/when/at", "get right back", "back to you as soon",
        "!he/she/they will return your call/message", "i/we will return", "and i will return",
        "sorry we missed", "i/we am/are _ away from _ desk/phone", "either on",
        "know the drill/deal", "know what to do", "do your thing", "nobody/one is at? home",
        "we are not at? home/in/here", "never/not listen to", "never/not check my/these/this",
        "speak clearly", "speak now", "you may/can hang up", "finished recording", "are finished",
        "brief/detailed/short/quick message", "subscriber/customer ... not available",
        "person/party/customer/user/number/phone you ... not available/able/answering",
        "person/party/customer/user/number/phone you ... unavailable/take/answer",
        "say something nice", "drop me a",
        // Spanish
        "grabe/graba/grabar _ mensaje/recado/voz", "al/el/este/a/es/por/voz/mi buzón de voz de",
        "al/a/este/mi buzón", "soy/habla _ mándame", "contestador*", "correo de voz",
        "no puedo/podemos _ atender*/contestar*/responder/coger/tomar",
        "línea ... no puede contestar", "devolveremos/regresaremos _ llamada",
        "persona/abonado/usuario/cliente ... no _ _ disponible/atender*/contesta*",
        "oficinas _ cerradas", "ya sabes qué hacer", "ya sabes lo que",
        "habla/hable/hablen después/tras/luego", "pondré/pondremos en contacto",
        "no estamos en casa", "para dejar un",
        // French
        "répondeur", "sur/vers/de/à/sa/ma la/ma? messagerie/boîte", "c est/ici ... envoyez*",
        "personne ne peut", "je/nous ne? peux/pouvons pas _ répondre/prendre/décrocher",
        "ligne ne peut pas", "parlez après", "vous la parole", "rappellerons", "bureaux ... fermés",
        "suis absent*", "sommes absents/en? congés?", "correspondant _ _ pas disponible",
        "correspondant _ pas vous? répondre", "en mesure de prendre/répondre",
        "enregistrez/enregistrer votre message", "votre message après", "titulaire de",
        "sais/savez quoi faire",
        // German
        "anrufbeantworter*", "mailbox/mobilbox/voicemail/sprachbox von/der/erreicht",
        "mit/ist/meine/bei/auf der/die/meine? mailbox/mobilbox/voicemail/sprachbox",
        "sprechen/sprich sie? jetzt", "hier ist ... schreib*", "nachricht nach",
        "nachricht*/nachrichten bitte", "sprich/sprechen sie? mir/uns/auf/nach/ihre", "sprich mir",
        "was drauf", "nicht _ entgegennehmen/annehmen", "ich/wir _ _ nicht ans telefon",
        "ich/wir _ _ nicht rangehen", "nicht persönlich", "ich bin _ _ nicht da/erreichbar/zu",
        "wir sind _ _ nicht da/erreichbar/zu", "ihr gesprächspartner ... nicht",
        "außerhalb unserer/der", "ist _ anschluss von", "büro ist _ nicht besetzt",
        "weißt _ was zu tun", "weißt was", "was zu tun ist", "nicht gestört",
        // Portuguese
        "para/na/da/é a/uma? caixa postal", "para/na a? caixa de mensagens",
        "aqui é ... mande/manda/escreve", "correio de voz", "secretária eletrônica",
        "não posso/podemos/consigo/podendo _ atender/atendê*", "não estou podendo",
        "não podemos atender", "grave/gravar _ _ recado/mensagem", "retornaremos",
        "sabe o que fazer", "expediente _ encerrado", "fale/fala/falar após/depois",
        "pessoa/cliente/assinante/usuário ... não _ _ disponível/atender", "pessoa chamada",
    ])

    /// What mailboxes say and people may say, too.
    static let weak = PhraseList([
        "you have reached", "the person/party/customer/subscriber/user you", "your call has been",
        "voicemail", "mailbox", "missed your call", "sorry i missed", "get back to you",
        "call you back", "can not talk", "can not pick up", "on vacation/holiday", "not home",
        "not at home", "not in right now", "text me", "send/shoot me? a text", "email me",
        "send me? an email", "closed", "call again later", "name and phone? number", "your details",
        "hours are", "business/office/opening hours", "for emergencies", "is an emergency",
        "comunicado con", "comunicaste con", "ha/has llamado a", "no estoy", "estamos cerrados",
        "cerrad*", "abrimos", "mándame/envíame un", "escríbeme", "llame más tarde",
        "a la/al que _ llama*/llamando/marcó", "buzón", "de vacaciones", "vous êtes bien",
        "avez bien? joint", "suis pas là", "rappelle", "rappeler/rappelez plus tard", "fermé*",
        "sms", "envoyez moi un", "messagerie", "boîte vocale", "verbunden mit", "erreicht",
        "haben ... angerufen", "geschlossen", "der teilnehmer", "gesprächspartner",
        "schreib*/schick* mir/uns", "rufe/rufen/ruf _ zurück", "melde/melden mich/uns", "unterwegs",
        "im urlaub", "name/namen und _ nummer/telefonnummer/rufnummer", "eine nachricht",
        "dringenden fällen", "mailbox", "mobilbox", "später noch einmal", "você ligou para",
        "não estou", "fechad*", "manda/mande/mandar _ mensagem/whatsapp/zap", "me escreve",
        "ligue mais tarde", "caixa postal/de", "recado para", "voice mail",
        "call you right? back as/when soon? as? i/we? can?", "as soon as i/we can", "hours of",
        "horario de", "nuestro horario", "horaires sont", "öffnungszeiten", "geschäftszeiten",
        "sprechzeiten", "horário de", "expediente", "lo antes posible", "en cuanto pueda",
        "a la brevedad", "dès que possible", "sobald ich/wir", "schnellstmöglich",
        "assim que possível/puder", "retorn* _ ligação", "devolver*/devuelvo/regreso _ llamada",
        "rückruf", "que eu te ligo",
    ])

    /// What menus and queues say and people may say, too.
    static let weakMenu = PhraseList([
        "stay/remain on the line", "please hold", "recorded/monitored",
        "quality and/purposes/assurance", "training purposes", "motivos de calidad",
        "merci de patienter", "veuillez patienter", "enregistré*", "fins de formation",
        "aufgezeichnet", "schulungszwecken", "moment geduld", "gravada", "sua segurança",
        "aguarde na", "restez en ligne", "ne raccrochez pas", "não desligue", "legen sie nicht auf",
        "espere/manténgase en la? línea", "in der leitung",
    ])
}
