extension AnswerSentences {
    /// Who picks up, also offices, and those who have no time.
    static let human = """
        en You've reached reception, how may I help you?
        en Thank you for calling Smith and Sons, this is Karen, how may I direct your call?
        en Hello? Sorry, the signal is terrible
        en Northgate Veterinary, this line is recorded, you're speaking with Tom
        en Good morning, Riverside Clinic, may I have your name and number please?
        en Accounts payable, who's calling please?
        en Dana isn't available, can I take a message?
        en Hi, no, he's not home right now, who is this?
        en Hey, I can't talk right now, I'm driving, what's up?
        en He's on another line, would you like to leave a message?
        en Law office of Baker and Stone, how can I direct your call?
        en You've reached the front desk of the Hilton, this is Marco speaking, how can I assist you?
        en Yeah, hello, I can barely hear you, who is it?
        en Sorry, we're closed right now, is there anything I can do for you?
        en She's away from her desk at the moment, may I ask who is calling?
        en Hello, hi, I was just about to call you back
        en Thanks for holding, this is Priya, how can I help?
        en Joe's Pizza, pick up or delivery?
        en I'm sorry, she is out of the office this week, can I put you through to her voicemail?
        en Uh, yes, this is he
        es ¿Sí, dígame?
        es Hola, ¿quién habla?
        es Clínica Santa Elena, buenos días, ¿en qué le puedo ayudar?
        es Ha llamado a recepción, le atiende Lucía, ¿en qué puedo servirle?
        es No, él no está disponible ahora, ¿quiere dejarle un recado?
        es Bueno, ¿con quién desea hablar?
        es Gracias por llamar a Muebles Rivera, soy Marta, ¿cómo le puedo ayudar?
        es Sí, soy yo, ¿de parte de quién?
        es Está en otra llamada, ¿me dice su nombre y su teléfono, por favor?
        es Perdone, la señal está muy mal, ¿me oye?
        es Aló, un momentito, ahora se lo paso
        es Estamos cerrados, señora, ¿qué necesita?
        es Talleres Gómez, dígame
        es Ahora mismo no puedo hablar, te llamo luego
        es Oye, ¿qué pasa?
        es No se encuentra, ¿gusta dejar algún mensaje?
        es Hola, hola, no te escucho bien
        es Restaurante La Parra, buenas noches, ¿para cuántas personas?
        es ¿Quién es? No conozco este número
        es Habla Roberto, ¿qué se le ofrece?
        fr Allô, oui, qui est à l'appareil ?
        fr Cabinet du docteur Morel, bonjour, que puis-je faire pour vous ?
        fr Vous êtes bien au service client, Julie à votre écoute, en quoi puis-je vous aider ?
        fr Oui, bonjour, c'est de la part de qui ?
        fr Il n'est pas disponible pour le moment, voulez-vous laisser un message ?
        fr Allô ? Je vous entends très mal
        fr Monsieur Petit est absent aujourd'hui, je peux prendre un message ?
        fr Mairie de Saint-Denis, bonjour, j'écoute
        fr Ne quittez pas, je vous la passe
        fr Je suis en réunion là, je te rappelle, d'accord ?
        fr Bonjour, ici Claire, je vous écoute
        fr Boulangerie Martin, bonjour
        fr Elle n'est pas là, c'est à quel sujet ?
        fr Merci d'avoir appelé l'hôtel Bellevue, Antoine à l'appareil, comment puis-je vous aider ?
        fr Allô, allô, il y a quelqu'un ?
        fr Vous avez fait un faux numéro, madame
        fr On est fermés aujourd'hui, vous vouliez quoi ?
        fr Oui, c'est moi-même
        fr Vous pouvez me donner votre nom et votre numéro s'il vous plaît ?
        fr Salut, ça va ?
        de Hallo, Sie sind verbunden mit der Praxis Müller, was kann ich für Sie tun?
        de Schmidt, guten Tag
        de Ja, hallo, wer ist denn da?
        de Autohaus Weber, mein Name ist Klein, wie kann ich Ihnen helfen?
        de Der Chef ist gerade nicht da, kann ich etwas ausrichten?
        de Hallo? Der Empfang ist ganz schlecht
        de Meine Frau ist nicht zu Hause, wer spricht denn da?
        de Möchten Sie eine Nachricht hinterlassen? Ich schreibe es gern auf
        de Guten Morgen, Hotel Adler, Sie sprechen mit Frau Lang
        de Moment bitte, ich verbinde Sie
        de Ja bitte?
        de Sie haben die Zentrale erreicht, Neumann am Apparat, womit kann ich dienen?
        de Ich kann gerade nicht, ich rufe dich zurück, ja?
        de Wir haben heute eigentlich geschlossen, worum geht es denn?
        de Herr Doktor ist in einer Behandlung, sagen Sie mir Ihren Namen und Ihre Nummer?
        de Nee, hier ist nicht Familie Braun
        de Grüß Gott, Bäckerei Huber
        de Ja, am Apparat
        de Hören Sie mich? Hallo?
        de Servus, was gibt's?
        pt Alô, quem está falando?
        pt Clínica Boa Vida, bom dia, em que posso ajudar?
        pt Você ligou para a recepção, aqui é a Carla, como posso ajudá-lo?
        pt Oi, tudo bem?
        pt Ele não está disponível agora, quer deixar recado?
        pt Pois não, pode falar
        pt Alô? A ligação está muito ruim
        pt Não posso falar agora, estou dirigindo, o que foi?
        pt Obrigada por ligar para a Auto Peças Silva, meu nome é Renata, em que posso ser útil?
        pt Ela saiu, quem gostaria?
        pt Só um instante que eu já vou transferir
        pt Estamos fechados hoje, senhor, precisa de alguma coisa?
        pt Fala, meu amigo
        pt Escritório do doutor Nunes, boa tarde, com quem eu falo?
        pt Sou eu mesmo, de onde é?
        pt Pode me passar seu nome e telefone, por favor?
        pt Alô, alô, tá me ouvindo?
        pt Não é daqui não, foi engano
        pt Quem é? Não estou reconhecendo a voz
        pt Padaria Real, boa noite
        en Good afternoon, you've reached Maple Realty, Steve here, what can I help you with?
        en Thank you for calling Dr. Patel's office, please hold
        en Hello, you have reached customer support, my name is Angela, may I have your account number?
        en Sorry, wrong number
        en He just stepped out, can you call again later?
        en Yes hi I'm in the middle of something, can you text me?
        en I'm not interested, please take me off your list
        en How did you get my number?
        en Hi, this is the operator, which extension would you like?
        en Front gate, go ahead
        en She's on vacation until Monday, do you want her voicemail?
        en Oh hey, I missed your call earlier, what's up?
        en Sorry about the beep, that's my smoke alarm, who's this?
        en Our hours are nine to five, when would you like to come in?
        en Pharmacy, can you hold?
        en I can hear you fine, go ahead
        en Let me get a pen, okay, what's your number?
        en You need to press the buzzer twice, it's broken, hello?
        en We don't accept cash, can I help you with something else?
        en Is this about the message you left me yesterday?
        es Buenas tardes, se ha comunicado con Dental Sur, le habla Paola, ¿en qué le ayudo?
        es No está, salió, llame más tarde
        es ¿Me puede repetir su nombre?
        es Perdón, estaba en el buzón de correo, ¿quién habla?
        es Número equivocado, aquí no vive ninguna Ana
        es Sí, él es mi esposo, ahora no está en casa
        es No me interesa, gracias
        es Un momento, no cuelgue, por favor
        es Ya le dejé un mensaje a usted ayer
        es Policía local, dígame
        fr Bonjour, vous êtes bien au cabinet dentaire, que puis-je faire pour vous ?
        fr Non, il n'est pas là, rappelez plus tard
        fr Je n'ai pas le temps, désolé
        fr Vous avez eu mon message ?
        fr Ici l'accueil, ne quittez pas s'il vous plaît
        fr Quel est votre numéro, je vous rappelle
        fr Ça ne m'intéresse pas, merci
        fr Pharmacie du Centre, bonjour, je vous écoute
        fr Je peux lui laisser un message de votre part ?
        fr Oui, c'est bien le bon numéro
        de Praxis Doktor Sommer, Sie sprechen mit Frau Keller, was kann ich für Sie tun?
        de Er ist gerade nicht erreichbar, soll ich ihm etwas ausrichten?
        de Falsch verbunden
        de Kein Interesse, danke
        de Haben Sie mir eine Nachricht geschickt?
        de Rufen Sie bitte später noch einmal an
        de Ja, Schneider hier
        de Bleiben Sie bitte dran, ich hole ihn
        de Wie war noch mal Ihr Name?
        de Wir haben bis achtzehn Uhr geöffnet, um was geht es?
        pt Você ligou para a Clínica Vida, quem fala é a Paula, em que posso ajudar?
        pt Ele não está, liga mais tarde
        pt Não tenho interesse, obrigado
        pt Pode deixar que eu dou o recado
        pt Qual é o seu nome, por favor?
        pt Só um minutinho que eu vou chamar
        pt Recepção, boa tarde
        pt Esse número não é mais dela
        pt Estou no trânsito, me liga depois
        pt Opa, beleza?
        """

    /// Words of machines in the mouths of people: what rules that went too far took for machines.
    static let nearMachines = """
        en Sorry, could you say that again? For some reason I can't hear you
        en No, I don't know the extension, ask the front desk
        en We don't accept sales calls here
        en He's no longer in this department
        en She's unable to take your call right now, may I ask what it's about?
        en I'll call you back as soon as I can, I'm driving
        en Doctor Lee's answering service, how can I help?
        en Did you leave me a message? My phone was turned off
        en Who is it and what's the purpose of your call?
        en Our office is closed but I can take a message
        en You can come in and enter through the back
        en Have you seen our menu? It's on the website
        en His phone is turned off, he's on a plane
        en I'm just next to the machine, it's loud, hello?
        es ¿Para qué? Diga
        es ¿Me puede decir su número de cuenta?
        es Perdón, tenía el celular apagado
        es Él no contesta, está en una junta
        es Ahora no puede atenderle, ¿quiere dejarle un recado?
        es Si quiere, espere un momento
        es ¿Qué tal? Hoy el menú del día es paella
        fr C'est pour quoi ? Dites-moi
        fr Pourquoi vous appelez ?
        fr Elle ne peut pas vous répondre, je peux prendre un message ?
        fr Vous m'avez laissé un message hier ?
        fr Je vous rappelle dans cinq minutes
        fr Restez en ligne, je vous la passe
        de Warum rufen Sie an?
        de Haben Sie einen Termin? Sagen Sie mir Ihren Namen
        de Der Kollege ist gerade nicht da
        de Zwei für heute Abend, auf welchen Namen?
        de Geben Sie mir bitte Ihre Nummer
        de Darf ich Ihren Namen und Ihr Anliegen erfahren?
        de Hatten Sie mir eine Nachricht hinterlassen?
        de Mein Handy war ausgeschaltet, Entschuldigung
        pt Você pode dizer seu nome de novo?
        pt Ele não pode atender agora, quer deixar recado?
        pt Desculpa, meu celular estava desligado
        pt Não desligue, vou chamar
        pt Você me deixou uma mensagem ontem?
        """
}
