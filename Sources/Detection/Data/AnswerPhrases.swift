/// What machines say that answer, in the five languages that calls are made in. Written for this
/// project, with the signs of `PhraseList`. Each of these is enough by itself, also when more words
/// may follow; what people may say, too, is in `weak` and `weakMenu`.
enum AnswerPhrases {
    /// Assistants that ask the caller's business before they ring.
    static let screening = PhraseList([
        // English
        "say/state/give/record/tell/provide your/their/me? your? name and _ reason*/why/purpose/what",
        "state your name", "say your name and/after", "recording your name",
        "record your/their name before", "record their name", "see if this person",
        "screening service", "call screen/screening/assist", "call assistant", "is being screened",
        "say/state who you are", "call blocker", "say/state the reason for your",
        "call will be announced", "announce your call", "try to connect you state",
        "google voice will try", "copy of this conversation", "google assistant",
        "recording this call for", "call is being transcribed", "and why you are calling",
        "state/say/tell ... purpose of your call",
        // Spanish
        "diga/di/indique/grabe/graba/grabas/mencione _ nombre y _ motivo/razón/por/para/asunto",
        "diga/di/indique/mencione el motivo/asunto de su/tu/la", "filtrado/filtro de llamadas",
        "llamada _ filtrada", "filtra sus llamadas", "ver/vere si _ esta persona",
        "copia de esta conversación", "diga quién es y por", "asistente de google",
        "asistente de llamadas",
        // French
        "dites/dire/indique*/donnez/enregistrez/préciser _ nom et _ raison/motif/objet/pourquoi",
        "et pourquoi vous appelez", "filtrage d? appels/appel", "appel est filtré",
        "filtre ses appels", "copie de cette conversation", "veuillez vous présenter",
        "déclinez votre identité", "voir/verrai si cette/la personne", "assistant google",
        "dites/indiquez/précisez le/la raison/motif/objet de votre appel",
        // German
        "namen/name und _ grund/anliegen/anrufgrund/warum/weshalb", "anruffilter",
        "anruf* wird/werden gefiltert", "und warum/weshalb sie/du anrufen/anrufst",
        "wer sie sind und", "kopie dieser/des/der unterhaltung/gesprächs", "ob diese/die person",
        "google assistant", "nennen/sagen sie bitte? _ grund ihres anrufs", "screening dienst",
        // Portuguese
        "diga/fale/informe/grave/gravar/gravando/dizer _ nome e _ motivo/razão/assunto/por/porque",
        "diga/informe/fale o motivo/assunto d*", "filtro/filtragem de chamadas",
        "chamada _ filtrada", "cópia desta/dessa conversa", "ver se essa/esta/a pessoa",
        "identifique se", "google assistente", "assistente do google",
        "informe/diga _ _ motivo do contato",
    ])

    /// The tone behind which a message is recorded: mailboxes, also those that offer a menu besides
    /// or say that somebody is unavailable.
    static let tone = PhraseList([
        "after/at/following/until/hear/for the/this/a sound? of? the? tone/beep/bleep/signal",
        "record your/a? brief? message/messages", "speak after/at the/this?",
        "begin/start speaking", "después de/del _ tono/señal/pitido/bip/beep",
        "al oír/escuchar/sonar _ tono/señal/pitido/bip",
        "tras/oír el/la/oír? el/la? tono/señal/pitido/bip", "después del/de la/oír? tono/señal",
        "al tono", "après/au/dès/suivant le/la/l? bip/signal/tonalité/top",
        "nach/beim dem? signal*/ton/piep*/pieps", "auf den signalton",
        "após/depois/ouvir/ao o/do/da/ouvir? o? sinal/bip/bipe/beep/tom/toque",
    ])

    /// Network announcements and full or missing mailboxes.
    static let unavailable = PhraseList([
        // English
        "mailbox/inbox/voicemail ... full",
        "not/unable accept/accepting/receive/receiving/to _ messages",
        "not accept/accepting/receive/receiving any/incoming? calls", "not in service",
        "out of service", "no longer in service/use",
        "number/line ... no longer valid/active/assigned/available", "been disconnected",
        "temporarily disconnected", "not been? yet? set up", "not yet been set up",
        "!my/his/her/their number ... been/has changed", "not be completed/connected",
        "unable to complete/connect your call", "did not go through", "circuits are",
        "try your call", "not a working/valid number", "check the number", "number does not exist",
        "number you _ does not exist", "invalid number", "as dialed",
        "not been recognised/recognized",
        "!my/his/her/their phone/mobile/cell/handset/customer/subscriber ... switched/turned/powered off",
        "out of the? coverage/service", "calling restrictions",
        "network difficulties/congestion/busy", "network is _ busy",
        "subscriber/customer/party/user/person/phone ... can not be", "lines are busy",
        "temporarily unavailable/out/suspended/not", "must first dial", "dial a one/1",
        "outside the coverage", "unallocated", "not authorized to call",
        // Spanish
        "número _ no existe", "no existe", "no está asignado/registrado/activo/habilitado",
        "no está/encuentra en servicio", "no corresponde a", "buzón ... lleno/llena",
        "fuera de servicio/cobertura/área",
        "teléfono/número/móvil/celular/terminal ... está/encuentra apagado",
        "cliente/abonado ... apagado", "no puede/pudo ser completada/cursada/procesada",
        "no es/fue posible completar/cursar/establecer", "inténtelo/intente _ más tarde",
        "intente nuevamente", "verifique el número", "líneas _ ocupadas",
        "no acepta/recibe/admite _ llamadas/mensajes", "no puede recibir",
        "restringidas las llamadas", "tiene restringid*", "número _ ha sido cambiado/suspendido",
        "saturación", "congestión", "número no está disponible", "número _ no es válido",
        // French
        "n est pas/plus attribué/accessible/joignable/valide/utilisé", "injoignable",
        "numéro ... n est plus", "boîte/messagerie ... pleine/saturée", "ne peut aboutir",
        "ne peut être joint/établi/établie", "n a pas? pu aboutir/être", "lignes _ _ occupées",
        "n accepte pas _ appels", "n existe pas", "numéro _ incorrect/invalide/erroné/inexistant",
        "vérifier/vérifiez _ numéro", "pas d abonné", "encombrement*", "hors de portée",
        "renouveler votre appel", "veuillez rappeler/réessayer", "réessayer ultérieurement",
        "rappeler/rappelez ultérieurement", "n est pas/plus en service",
        // German
        "nicht vergeben", "kein anschluss unter",
        "mailbox/mobilbox/speicher/postfach/voicemail/sprachbox ... voll",
        "der/des/gewünschte teilnehmer*/gesprächspartner* ... nicht erreichbar/verfügbar",
        "rufnummer/anschluss/nummer/kunde ... nicht erreichbar/verfügbar/zu", "nicht in betrieb",
        "leitungen sind _ belegt/besetzt", "fragen sie die auskunft", "rufnummer/nummer _ geändert",
        "nicht verbunden/vermittelt werden", "anschluss _ gesperrt",
        "!mein telefon/handy/mobiltelefon ist? _ ausgeschaltet", "außerhalb des netz*/versorgung*",
        "keine weiteren? nachrichten", "ungültig", "angerufene person ... nicht erreichbar",
        "nummer/rufnummer ist _ nicht bekannt", "prüfen sie die nummer/rufnummer",
        "nummer existiert nicht", "nicht geschaltet",
        // Portuguese
        "não existe", "não está/foi atribuído/habilitado/ativo", "não está em serviço",
        "caixa ... cheia/lotada", "fora da/de área/serviço/cobertura/alcance",
        "telefone/número/celular/aparelho ... está/encontra _ desligado", "está desligado",
        "não recebe/aceita/está? recebendo? chamadas/ligações/novos/novas/mensagens",
        "não pode/pôde/poderá ser completada", "não foi possível completar", "tente novamente",
        "tente _ mais tarde", "verifique o número", "linhas _ ocupadas",
        "temporariamente indisponível/fora/desligado/bloqueado", "número inválido", "número mudou",
    ])

    /// Menus that want digits or words, and queues.
    static let menu = PhraseList([
        // English
        "press/dial/push/hit/touch/key/enter/select/choose the/number/option/digit? key? #",
        "press the/any _ key", "skip this message", "# key", "keypad",
        "main/previous/phone/options menu", "menu options/has/have", "our menu options/has",
        "to repeat this/these/the menu/options/message", "listen carefully/closely",
        "listen _ options/menu", "options have changed", "following/these/those options",
        "party s extension", "dial it at any", "you know _ extension",
        "enter your/the/a _ _ number/code/pin/extension/account/id/zip/date/digit*",
        "account number followed", "say or enter/press/dial", "say things like",
        "you can/may also say", "you can say things/for", "in a few words", "in your own words",
        "say representative/agent/operator", "virtual/automated/digital assistant/agent/attendant",
        "automated system/phone/telephone/banking/service",
        "next available agent/representative/operator",
        "next available customer/team/associate/specialist/advisor/person/member",
        "order _ received", "your call is very? important", "wait time",
        "representatives/agents/operators/advisors/associates _ _ busy/assisting/helping/serving",
        "other customers/callers", "continue to hold", "for english", "in english press",
        "!sorry/thanks/you for _ say", "for/if ... press #", "in the queue",
        "say your date/zip/account/full", "monitored or recorded", "recorded or monitored",
        "para español", "para continuar en español",
        // Spanish
        "presion*/puls*/oprim*/marqu*/digit*/tecle*/apriet*/seleccion* el/la? tecla/número/opción? #",
        "oprima", "presione", "teclee", "pulse el/la", "marque _ extensión", "márquelo ahora",
        "conoce _ _ extensión", "menú principal/anterior", "escuche _ _ menú",
        "siguientes opciones", "opciones siguientes", "escuche _ atención/atentamente",
        "escuche _ opciones", "permanezca _ línea/espera", "su llamada es muy? importante",
        "su llamada será atendida",
        "operador*/agentes/asesores/ejecutivos/representantes ... ocupad*",
        "nuestros agentes/asesores/operadores", "seguido de la", "seguido del",
        "asistente virtual/digital/automático", "introduzca su/el/la", "ingrese su/el/la",
        "diga o marque/pulse/teclee", "marque o diga", "diga sí",
        "para ... marque/pulse/presione/oprima", "dígame brevemente", "pocas palabras",
        "si desea ... diga", "puede/podrá/pudiera ser grabada",
        // French
        "tapez/appuyez/pressez/composez/faites/choisissez sur? le/la/touche? touche? #", "tapez",
        "appuyez sur", "composez le maintenant", "composez votre", "touche #",
        "menu principal/précédent", "options/choix suivant*",
        "conseillers/opérateurs/agents ... ligne/occupés/communication",
        "veuillez ne pas raccrocher", "temps d attente", "mis en relation",
        "appel ... pris en charge", "assistant/assistante vocal*/virtuel*", "en quelques mots",
        "vous pouvez dire par", "dites par exemple", "pour ... tapez/appuyez/composez",
        "pour suivre/joindre/obtenir/parler/contacter/payer/modifier ... dites",
        "saisir/saisissez _ numéro/code", "votre appel est important", "si vous ... tapez",
        "susceptible d être enregistré", "peut/pourra être enregistré*",
        "connaissez _ numéro de poste",
        // German
        "drücken/wählen/tippen sie bitte/die/jetzt? die? #", "drücken sie",
        "wählen sie die/aus/bitte", "sterntaste", "rautetaste", "geben sie sie jetzt",
        "geben sie ihre _ _ ein", "geben sie bitte? ihre kundennummer/pin/nummer", "tippen sie",
        "wenigen/kurzen worten", "hauptmenü", "das menü zu", "folgenden möglichkeiten/optionen",
        "mitarbeiter/berater/plätze/leitungen ... gespräch/besetzt/belegt/beschäftigt",
        "nächste/nächsten freie/freien/verfügbare", "wartezeit*", "warteschleife",
        "anruf ist uns wichtig", "digitale*/virtuelle* assistent*", "sprachassistent*",
        "sie können zum beispiel sagen", "sagen sie ja/zum", "haben sie fragen ... sagen sie",
        "durchwahl kennen", "anrufaufkommen*", "werden _ gleich verbunden",
        "kann/wird/werden/können _ aufgezeichnet",
        // Portuguese
        "disque/discar/apert*/pression*/selecion*/escolh*/opção o/a? tecla/número/opção? #",
        "digite", "tecle", "pressione", "disque", "ramal desejado", "opções a seguir",
        "seguintes opções", "opção desejada", "menu principal/anterior",
        "ligação/chamada é muito? importante", "atendentes/operadores/agentes ... ocupad*",
        "nossos atendentes", "será atendid*", "aguarde para ser", "assistente virtual/digital",
        "poucas palavras", "você pode dizer por/coisas", "tempo _ espera", "anote/digite _ número",
        "para ... digite/tecle/disque/aperte/pressione", "opções abaixo", "se deseja ... diga",
        "ligação/chamada pode/está/poderá _ gravada",
    ])
}
