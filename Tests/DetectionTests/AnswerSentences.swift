import CallModel

/// What people, mailboxes, menus, call screens and networks say, written for this project before the rules
/// of `AnswerHints` (2026-11-30). One line a sentence: language, then words.
enum AnswerSentences {
    static let voicemail = """
        en Hi, this is Bob, I can't come to the phone right now, so please leave your name and number
        en The person you are trying to reach is not available. At the tone, please record your message
        en Your call has been forwarded to an automated voice message system
        en Hey, you've reached Jenny's cell. You know what to do
        en You have reached the voicemail box of 4 1 5 5 5 5 0 1 2 3
        en We can't take your call at the moment but if you leave a message we'll get back to you
        en This is Tom. I'm either on the phone or away from my desk. Leave me a message and I'll return your call
        en Hello, you've reached the Millers. We're not home right now. Please leave a message after the beep
        en Sorry we missed you. Please leave your details and someone will ring you back
        en You've reached Karen in human resources. I'm on vacation until Monday
        en Hi, I'm unable to answer the phone. Please leave a short message
        en The Google subscriber you have called is not available. Please leave a message after the tone
        en Welcome to the O2 messaging service. The person you called can't take your call
        en No one is available to take your call
        en Hi it's Dave, drop me a text or leave a voicemail, cheers
        en The wireless customer you called is unavailable right now. To leave a voice message, press one or just wait for the tone
        en Please leave your message for six one seven five five five
        en Our office is currently closed. Our hours are Monday through Friday, nine to five. Leave us a message
        en Record your message at the tone. When you are finished, hang up or press pound for more options
        en Hi you've reached Sam, I must have my hands full, so say something nice and I'll call you when I can
        es Hola, soy Ana, ahora no puedo atenderte, deja tu mensaje y te llamo
        es Ha llamado al buzón de voz de Pedro Sánchez
        es En este momento no podemos atender su llamada. Por favor deje su nombre y número de teléfono
        es Su llamada será transferida al buzón de voz
        es La persona a la que está llamando no se encuentra disponible. Grabe su mensaje al escuchar el tono
        es Te comunicaste con Luis, déjame un mensaje y te regreso la llamada
        es Hola, no estoy en casa, deja tu recado después de la señal
        es El abonado al que llama no está disponible, deje su mensaje
        es Este es el contestador automático de la familia Torres
        es Si quieres, deja un mensaje y en cuanto pueda te contesto
        es Le damos la bienvenida al servicio contestador de Movistar
        es No puedo coger el teléfono ahora mismo. Habla después del pitido
        es Usted se ha comunicado con el despacho Herrera. Nuestro horario es de nueve a seis. Deje sus datos y le devolveremos la llamada
        es Hola, este es el celular de Sofía. Por favor deje su mensaje
        es Gracias por llamar, nuestras oficinas están cerradas en este momento. Puede dejarnos un mensaje
        es Grabe su mensaje y al terminar cuelgue
        es Soy Carlos. Ya sabes qué hacer
        es La línea que usted marcó no puede contestar, su llamada será enviada a buzón
        es Deja tu mensaje y me pondré en contacto contigo lo antes posible
        es Después de oír la señal puede grabar su mensaje
        fr Bonjour, vous êtes bien sur le répondeur de Camille
        fr Votre correspondant n'est pas disponible pour le moment. Veuillez laisser un message
        fr Salut, c'est Lucas, je ne suis pas là, laissez un message après le bip
        fr Vous êtes bien sur la messagerie vocale du 0 6 1 2 3 4
        fr Bonjour, je ne peux pas vous répondre pour l'instant. Merci de me laisser vos coordonnées
        fr Nous ne sommes pas en mesure de prendre votre appel. Laissez-nous votre nom et votre numéro, nous vous rappellerons
        fr Bienvenue sur la messagerie SFR
        fr Vous pouvez laisser votre message après le signal sonore
        fr Bonjour, vous êtes bien chez les Dubois, nous sommes absents, merci de rappeler plus tard ou de laisser un message
        fr Je ne suis pas disponible, envoyez-moi un SMS
        fr Nos bureaux sont actuellement fermés. Nos horaires sont du lundi au vendredi de neuf heures à dix-sept heures
        fr Le titulaire de cette ligne ne peut pas vous répondre. Parlez après le bip
        fr Vous avez bien joint le secrétariat de maître Roux. Laissez votre message, je vous rappelle dès que possible
        fr Bonjour, c'est Emma, laisse-moi un petit message et je te rappelle
        fr Boîte vocale de Denis Gagnon. À vous la parole après la tonalité
        fr Vous êtes en communication avec un répondeur
        fr Merci de patienter, vous allez être redirigé vers la messagerie de votre correspondant
        fr Bonjour, ici le cabinet Leroy, nous sommes en congé jusqu'au quinze août, merci de laisser un message
        fr Enregistrez votre message puis raccrochez
        fr Je ne peux pas décrocher, tu sais quoi faire
        de Guten Tag, hier ist der Anschluss von Familie Becker. Wir sind zurzeit nicht da
        de Hallo, hier ist die Mailbox von Tim. Bitte sprechen Sie nach dem Ton
        de Sie sind mit dem Anrufbeantworter von Kerstin Wolf verbunden
        de Leider kann ich Ihren Anruf gerade nicht entgegennehmen. Bitte hinterlassen Sie Name und Telefonnummer
        de Hi, hier ist Jan, ich bin gerade nicht erreichbar, sprich mir was drauf
        de Willkommen bei der Mobilbox der Rufnummer 0 1 7 6
        de Sie rufen außerhalb unserer Geschäftszeiten an. Unsere Öffnungszeiten sind Montag bis Freitag von acht bis siebzehn Uhr
        de Ihr Gesprächspartner ist im Moment nicht erreichbar. Sie können nach dem Signalton eine Nachricht hinterlassen
        de Ich bin momentan nicht zu Hause, ich rufe Sie gern zurück, wenn Sie mir eine Nachricht hinterlassen
        de Dies ist der automatische Anrufbeantworter der Firma Lange
        de Bitte nennen Sie uns Ihren Namen und Ihre Rufnummer nach dem Signalton
        de Unser Büro ist derzeit nicht besetzt. Bitte hinterlassen Sie uns eine Nachricht
        de Sprechen Sie Ihre Nachricht nach dem Piepton auf
        de Sie haben die Voicemail von Peter Hahn erreicht
        de Hallo, ich kann gerade nicht rangehen, schick mir eine Nachricht
        de Guten Tag, die Praxis Doktor Vogt ist heute geschlossen. In dringenden Fällen wenden Sie sich an den Notdienst
        de Wir können Ihren Anruf leider nicht persönlich annehmen, rufen Sie aber gern zurück
        de Der von Ihnen gewählte Teilnehmer möchte zurzeit nicht gestört werden. Hinterlassen Sie eine Nachricht
        de Du weißt, was zu tun ist
        de Hier spricht der Anrufbeantworter, mein Mensch ist unterwegs
        pt Você ligou para o Marcelo, no momento não posso atender, deixe seu recado
        pt Olá, você ligou para a caixa postal de Juliana
        pt Sua chamada está sendo encaminhada para a caixa de mensagens
        pt Grave seu recado após o sinal
        pt Oi, aqui é a Bia, não estou podendo atender, me manda um WhatsApp
        pt No momento não podemos atender a sua ligação. Deixe seu nome e telefone que retornaremos
        pt Esta é a secretária eletrônica da família Souza
        pt A pessoa para quem você ligou não está disponível. Deixe sua mensagem
        pt O assinante não pode atender. Após o bip, grave a sua mensagem
        pt Nosso horário de atendimento é de segunda a sexta das oito às dezoito horas. Deixe uma mensagem
        pt Chamada a cobrar não aceita. Deixe o recado na caixa postal depois do sinal
        pt Bem-vindo à caixa postal. Deixe sua mensagem e desligue
        pt Oi, é o Pedro. Deixa um recado que eu te ligo de volta
        pt Não estou em casa, deixe o seu nome e o telefone
        pt O cliente Vivo não pode atender agora. Deixe o seu recado
        pt Você ligou para a Imobiliária Horizonte, nosso expediente está encerrado
        pt Fale após o sinal
        pt Deixe a sua mensagem que assim que possível entrarei em contato
        pt Correio de voz do número nove oito sete
        pt Você já sabe o que fazer
        en Hey there, you've reached Mike. I'm probably on a job site. Leave your name and number and I'll call you back.
        en Thanks for calling Anderson Law. All of our attorneys are in court. Kindly leave a message.
        en The AT&T subscriber you are calling has not answered. Please leave a voicemail after the tone.
        en You've got Rachel's phone, you know the deal, beep's coming
        es Hola, te comunicaste con Diego. Estoy ocupado. Después del bip deja tu mensaje.
        es En estos momentos no me encuentro disponible. Por favor, déjeme su mensaje con su nombre y teléfono.
        fr Bonjour et bienvenue sur le répondeur de l'entreprise Faure. Laissez-nous un message, on vous recontactera.
        fr Votre correspondant ne peut pas prendre votre appel. Laissez un message.
        de Moin, hier ist der Anrufbeantworter von Lars. Nachricht nach dem Piep.
        de Guten Tag, leider rufen Sie außerhalb unserer Sprechzeiten an. Sie erreichen uns montags bis freitags.
        pt Oi, você ligou para a Fê. Agora não dá pra atender. Deixa seu recado.
        pt Deixe a sua mensagem após o sinal e retornaremos assim que possível.
        """

    static let ivr = """
        en Thank you for calling Smith and Sons. For sales, press one
        en If you know your party's extension, you may dial it at any time
        en To speak with a pharmacist, press 7
        en For billing questions press 6, or to hear these options again press the pound key
        en Your call is important to us. Please stay on the line for the next available agent
        en This call may be monitored or recorded for quality assurance. Please listen closely as our menu has changed
        en Please enter your sixteen digit card number followed by the pound sign
        en Hi, I'm Ava, the virtual agent. In a few words, how can I help you today?
        en Para español, marque el dos. Otherwise please hold
        en Press 8 for store hours and directions
        en Press the star key to return to the main menu
        en All of our representatives are busy helping other customers. Your estimated wait time is five minutes
        en Welcome to First Bank's automated telephone banking
        en For new patients say new. For existing patients say existing
        en Using your keypad, please enter your date of birth
        en Dial zero for the operator
        en If this is a medical emergency, hang up and dial nine one one. If you are a physician, press 2
        en Tell me in a few words what you're calling about. You can say things like pay my bill
        en Calls are answered in the order they are received
        en To continue in English, press nine now
        es Si conoce el número de extensión, márquelo ahora
        es Para ventas, pulse 1
        es Para consultar su saldo presione uno, para hablar con un asesor presione cero
        es Gracias por llamar a Banco Azul. Escuche atentamente nuestro menú
        es Si desea información sobre su pedido, pulse dos. Si no, espere
        es Todos nuestros operadores están ocupados. Por favor permanezca a la espera
        es Para español oprima el número dos
        es Esta llamada puede ser grabada por motivos de calidad
        es Marque la extensión que desea o espere en la línea
        es Introduzca su número de cuenta seguido de la tecla almohadilla
        es Diga o marque su número de identificación
        es Teclee los diez dígitos de su número de cliente
        es Bienvenido a Correos. Seleccione una de las siguientes opciones
        es Si es usted cliente, diga sí o pulse uno
        es Para volver al menú principal presione la tecla asterisco
        es Su llamada será atendida en breve por uno de nuestros agentes
        es Para ser atendido en catalán, pulse 3
        es Soy el asistente virtual. Dígame brevemente el motivo de su consulta
        es Presione el nueve para repetir las opciones
        es Si se trata de una emergencia cuelgue y marque el uno uno dos
        fr Pour le service commercial, tapez 1
        fr Bienvenue chez Orange. Pour suivre votre commande, dites commande
        fr Pour joindre un conseiller, appuyez sur la touche étoile
        fr Tous nos conseillers sont en ligne. Merci de patienter
        fr Si vous connaissez le numéro de poste, composez-le maintenant
        fr Votre appel est susceptible d'être enregistré
        fr Veuillez saisir votre numéro de client suivi de la touche dièse
        fr Pour le service en français, faites le deux
        fr Pour revenir au menu principal, faites le zéro
        fr Votre temps d'attente est estimé à moins de trois minutes
        fr Pour la facturation, appuyez sur 4
        fr Expliquez-moi en quelques mots la raison de votre appel
        fr Vous allez être mis en relation avec un conseiller. Veuillez ne pas raccrocher
        fr Si vous êtes professionnel de santé, tapez deux
        fr Merci de choisir parmi les options suivantes
        fr Cet appel pourra être enregistré à des fins de formation
        fr Composez le 3 pour les urgences
        fr Votre appel va être pris en charge dans quelques instants
        fr Pour les horaires d'ouverture, tapez cinq
        fr Je suis votre assistant vocal. Que puis-je faire pour vous ?
        de Für den Vertrieb wählen Sie die Eins
        de Wählen Sie 1 für Rechnungen und 2 für technische Fragen
        de Zurzeit sind alle unsere Mitarbeiter im Gespräch. Bitte haben Sie etwas Geduld
        de Bitte geben Sie Ihre Kundennummer ein und drücken Sie anschließend die Rautetaste
        de Herzlich willkommen bei der Stadtwerke Hotline. Bitte wählen Sie aus folgenden Möglichkeiten
        de Wenn Sie die Durchwahl kennen, geben Sie sie jetzt ein
        de Zu Schulungszwecken kann dieses Gespräch aufgezeichnet werden
        de Haben Sie Fragen zu Ihrer Bestellung, sagen Sie Bestellung
        de Für eine Terminvereinbarung drücken Sie bitte die 3
        de Der nächste freie Mitarbeiter ist gleich für Sie da
        de Um das Menü zu wiederholen, drücken Sie die Sterntaste
        de Ihre voraussichtliche Wartezeit beträgt vier Minuten
        de Sagen Sie mir bitte in wenigen Worten, worum es geht
        de Tippen Sie jetzt Ihre PIN ein
        de Drücken Sie die Null, um mit der Zentrale verbunden zu werden
        de Bitte legen Sie nicht auf, Sie werden gleich verbunden
        de For English please press nine
        de Ich bin der digitale Assistent von Hermes. Wie kann ich helfen?
        de Möchten Sie mit einem Berater sprechen, drücken Sie die fünf
        de Aufgrund des hohen Anrufaufkommens kann es zu längeren Wartezeiten kommen
        pt Para falar com o financeiro, disque 1
        pt Aperte 1 para português
        pt Se você já é cliente, pressione dois
        pt Digite 3 para segunda via da fatura
        pt Sua ligação é muito importante para nós. Aguarde um momento
        pt Todos os nossos atendentes estão ocupados
        pt Digite os números do seu CPF
        pt Para sua segurança esta ligação está sendo gravada
        pt Caso saiba o ramal, digite agora
        pt Bem-vindo à central de atendimento. Escolha uma das opções a seguir
        pt Para voltar ao menu anterior tecle asterisco
        pt Tecle nove para falar com um de nossos atendentes
        pt Eu sou a assistente virtual. Me diga em poucas palavras o que você precisa
        pt Se deseja cancelar, diga cancelar
        pt Para emergências disque zero
        pt O tempo estimado de espera é de dez minutos
        pt Disque o ramal desejado ou aguarde para ser atendido
        pt Por favor, não desligue. Você será atendido em instantes
        pt Selecione a opção desejada
        pt Anote o número do seu protocolo
        en Welcome to Metro Gas. If you smell gas, press 1 now. For billing, say billing.
        en For reservations, press 4. To speak with housekeeping, dial 5.
        en Please say or enter your nine digit member ID
        en You may press the pound key at any time to skip this message
        es Bienvenido. Para atención en español oprima uno.
        es Si llama por una factura, pulse 4. Para averías, pulse 5.
        fr Pour prendre un rendez-vous, appuyez sur 1. Pour annuler, appuyez sur 2.
        fr Toutes nos lignes sont occupées, un conseiller va vous répondre
        de Für Fragen zur Rechnung drücken Sie die 2, für alle anderen Anliegen die 9
        de Alle unsere Mitarbeiter befinden sich derzeit im Kundengespräch. Sie werden mit dem nächsten freien Platz verbunden.
        pt Para consultar saldo aperte 2, para falar com atendente aperte 9
        pt Sua ligação será transferida para um de nossos atendentes, aguarde
        """

    static let screening = """
        en Hi, if you record your name and reason for calling, I'll see if this person is available
        en The person you're calling is using a screening service from Google and will get a copy of this conversation. Go ahead and say your name and why you're calling
        en Please state your name and reason for calling
        en Hello, before I connect you, please say who you are and why you are calling
        en Please stay on the line while I try to reach the person. I am recording your name
        en This call is being screened. Please say your name after the tone and press pound
        en Thanks, I'll pass that along. Stay on the line
        en Google Voice will try to connect you. Please state your name
        en Hi, you've reached an assistant for Michael. Who is calling and what is this about? This call is being transcribed
        en The person you are calling uses call screening
        en Your call is being screened by an assistant. Tell me your name and the purpose of your call
        en Unknown callers are asked to record their name before the call is put through
        en Hello, this number is protected by a call blocker. To be put through please state your name
        en The Google assistant is answering for this person. Please say the reason for your call
        en Who shall I say is calling? State your name now and I will announce you
        es Diga su nombre y el motivo de la llamada
        es Hola, si grabas tu nombre y el motivo de tu llamada, veré si esta persona está disponible
        es La persona a la que llama usa un servicio de filtrado de llamadas de Google y recibirá una copia de esta conversación
        es Por favor, indique su nombre y por qué llama
        es Grabe su nombre y la razón de su llamada y veré si puede atenderle
        es Antes de conectarle, diga quién es y por qué está llamando
        es Esta llamada está siendo filtrada. Diga su nombre
        es La persona que llama debe identificarse. Diga su nombre después del tono y espere
        es Di tu nombre y para qué llamas
        es El asistente de Google contesta por esta persona. Diga el motivo de su llamada
        fr Bonjour, si vous enregistrez votre nom et la raison de votre appel, je verrai si cette personne est disponible
        fr La personne que vous appelez utilise un service de filtrage d'appels de Google et recevra une copie de cette conversation
        fr Veuillez indiquer votre nom et le motif de votre appel
        fr Dites votre nom et pourquoi vous appelez
        fr Avant de vous mettre en relation, merci de dire votre nom et l'objet de votre appel
        fr Cet appel est filtré. Veuillez vous présenter
        fr Déclinez votre identité et le motif de votre appel
        fr L'assistant Google répond pour cette personne. Pourquoi appelez-vous ?
        fr Enregistrez votre nom et je vais voir si la personne peut prendre l'appel
        fr Votre correspondant filtre ses appels, donnez votre nom après le bip
        de Hallo, wenn du deinen Namen und den Grund für deinen Anruf aufnimmst, schaue ich, ob diese Person verfügbar ist
        de Die Person, die Sie anrufen, verwendet einen Anruffilter von Google und erhält eine Kopie dieser Unterhaltung
        de Bitte nennen Sie Ihren Namen und den Grund Ihres Anrufs
        de Sagen Sie bitte, wer Sie sind und warum Sie anrufen
        de Dieser Anruf wird gefiltert. Bitte sagen Sie Ihren Namen
        de Bevor ich Sie verbinde, nennen Sie bitte Ihren Namen und Ihr Anliegen
        de Wenn Sie Ihren Namen und den Grund Ihres Anrufs angeben, prüfe ich, ob diese Person erreichbar ist
        de Der Google Assistant nimmt diesen Anruf entgegen. Warum rufen Sie an?
        de Nehmen Sie Ihren Namen auf, ich sehe nach, ob die Person da ist
        de Bitte geben Sie Ihren Namen und den Anrufgrund an
        pt Olá, se você gravar seu nome e o motivo da ligação, vou ver se essa pessoa está disponível
        pt A pessoa para quem você está ligando usa um serviço de filtro de chamadas do Google e vai receber uma cópia desta conversa
        pt Diga seu nome e por que está ligando
        pt Por favor, informe o seu nome e o motivo do contato
        pt Esta chamada está sendo filtrada. Diga quem está ligando
        pt Antes de completar a ligação, fale o seu nome e o assunto
        pt Grave seu nome e o motivo da chamada para eu ver se a pessoa pode atender
        pt O Google Assistente está atendendo por esta pessoa. Diga o motivo da ligação
        pt Identifique-se e diga o motivo da sua ligação
        pt Fale seu nome e a razão do seu contato
        en Hi, please tell me your name and why you're calling, and I'll check if they can talk
        es Por favor diga su nombre y el motivo de su llamada y veré si la persona puede contestar
        fr Dites votre nom et la raison de votre appel après le bip
        de Bitte sagen Sie Ihren Namen und warum Sie anrufen
        pt Por favor, diga o seu nome e o motivo da ligação
        """

    static let unavailable = """
        en The number you have dialed is not in service
        en The mailbox is full and cannot accept any messages at this time. Goodbye
        en We're sorry, your call cannot be completed as dialed. Please check the number and dial again
        en The person you are trying to reach has a voice mailbox that has not been set up yet
        en The number you have called has been disconnected or is no longer in service
        en All circuits are busy now. Please try your call again later
        en The mobile phone you are calling is switched off or out of reach
        en The customer you are trying to reach is not accepting calls at this time
        en The number you are calling has calling restrictions that prevent completion of your call
        en You have dialed an invalid number
        en We are unable to complete your call. Please try again
        en The subscriber cannot be reached. Please try later
        en The number you have reached, five five five zero one nine nine, has been changed
        en Due to network difficulties your call could not be connected
        en This number does not exist
        es El número que usted marcó no existe
        es El buzón del usuario está lleno
        es El teléfono al que llama está apagado o fuera de cobertura en este momento
        es El número marcado no corresponde a ningún abonado
        es Lo sentimos, su llamada no puede ser completada. Verifique el número
        es El buzón de voz está lleno y no puede recibir más mensajes
        es El número al que llama no está asignado
        es Por saturación de la red no es posible cursar su llamada. Inténtelo más tarde
        es El abonado tiene restringidas las llamadas entrantes
        es Actualmente este número no está disponible, por favor llame más tarde
        fr Le numéro que vous avez composé n'est pas attribué
        fr La boîte vocale de votre correspondant est pleine
        fr Votre correspondant n'est pas joignable actuellement. Veuillez renouveler votre appel
        fr Le numéro demandé n'est plus en service
        fr Par suite d'encombrement, votre appel ne peut aboutir
        fr Il n'y a pas d'abonné au numéro que vous avez demandé
        fr La messagerie de votre correspondant est saturée et ne peut plus recevoir de messages
        fr Toutes les lignes de votre correspondant sont occupées. Rappelez ultérieurement
        fr Le numéro composé est incorrect. Veuillez vérifier votre numéro
        fr Votre correspondant a éteint son téléphone ou se trouve hors de portée
        de Der Teilnehmer ist nicht erreichbar
        de Kein Anschluss unter dieser Nummer
        de Die gewählte Rufnummer ist nicht vergeben
        de Die Mailbox des Teilnehmers ist voll
        de Der gewünschte Gesprächspartner ist vorübergehend nicht erreichbar
        de Die Rufnummer hat sich geändert
        de Ihr Anruf kann derzeit nicht verbunden werden. Bitte versuchen Sie es später erneut
        de Der Speicher der Mobilbox ist voll, es können keine weiteren Nachrichten aufgenommen werden
        de Dieser Anschluss ist vorübergehend gesperrt
        de Der Teilnehmer hat sein Telefon ausgeschaltet oder befindet sich außerhalb des Netzes
        pt O número chamado não existe
        pt A caixa postal do assinante está cheia
        pt O telefone chamado está desligado ou fora da área de cobertura
        pt Este número não recebe chamadas
        pt Sua chamada não pode ser completada. Verifique o número discado
        pt A caixa de mensagens está cheia e não aceita novos recados
        pt O número que você discou não está atribuído
        pt No momento todas as linhas estão ocupadas. Tente novamente mais tarde
        pt O assinante encontra-se temporariamente indisponível, tente novamente em alguns instantes
        pt Este telefone está temporariamente fora de serviço
        en The number you dialed is not a valid number
        en This phone number is no longer active
        en I'm sorry but the person you called has a voicemail that is full. Goodbye.
        es El número al que llama no existe o ha sido dado de baja
        es El cliente tiene el teléfono apagado o está fuera de servicio
        fr Le numéro que vous avez demandé n'existe pas
        fr Cette boîte vocale est pleine
        de Diese Rufnummer ist uns nicht bekannt. Bitte prüfen Sie die Nummer.
        de Die angerufene Person ist vorübergehend nicht erreichbar
        pt Esse número está temporariamente indisponível
        pt O número que você ligou não existe, verifique e ligue novamente
        """
}
