"""Sentences put together by chance: what people, mailboxes, menus, networks and call screens say. Written for this project.

`human(rng, language)`, `voicemail(…)`, `menu(…)`, `unavailable(…)` and `screening(…)` return a list of clauses; whoever
speaks them decides how long the pauses between are.
"""
LANGUAGES = ("en", "es", "fr", "de", "pt")

NAMES = {
    "en": "Anna|Ben|Carla|Derek|Emily|Frank|Grace|Henry|Irene|Jack|Kim|Laura|Mike|Nora|Oscar|Paula|Rick|Susan|Victor|Wendy".split("|"),
    "es": "Carlos|Marta|Pilar|Javier|Rosa|Andrés|Elena|Pablo|Teresa|Diego".split("|"),
    "fr": "Claire|Julien|Sophie|Marc|Nathalie|Luc|Camille|Pierre|Hélène|Antoine".split("|"),
    "de": "Jürgen|Sabine|Petra|Markus|Anke|Stefan|Monika|Uwe|Katrin|Holger".split("|"),
    "pt": "João|Ana|Paulo|Beatriz|Rafael|Luciana|Marcos|Fernanda|Tiago|Helena".split("|")}
FAMILIES = {
    "en": "Harris|Turner|Collins|Murphy|Bennett|Foster|Reyes|Simmons|Walsh|Porter".split("|"),
    "es": "Ortega|Molina|Vargas|Herrera|Castillo|Rojas".split("|"), "fr": "Lambert|Girard|Bouchard|Roy|Fontaine|Mercier".split("|"),
    "de": "Vogel|Krause|Hartmann|Schuster|Lorenz|Brandt".split("|"), "pt": "Almeida|Barbosa|Cardoso|Moreira|Teixeira|Pinto".split("|")}
FIRMS = {
    "en": ["{f} Plumbing", "{f} and {f2}", "Riverside Dental", "{f} Insurance", "Oak Street Garage", "the front desk", "City Florist", "{f} Law Office",
           "Sunrise Bakery", "Hillcrest Medical", "Maple Veterinary Clinic", "{f} Realty"],
    "es": ["Clínica {f}", "Ferretería {f}", "Seguros {f}", "Restaurante El Puerto", "Taller {f}"],
    "fr": ["Garage {f}", "le cabinet {f}", "Boulangerie {f}", "Assurances {f}", "la clinique du parc"],
    "de": ["Autohaus {f}", "Praxis {f}", "Kanzlei {f}", "Bäckerei {f}", "Hotel am Markt"],
    "pt": ["Clínica {f}", "Oficina {f}", "Seguros {f}", "Padaria do Sol", "Escritório {f}"]}

# Each entry: clauses with a pause between, divided by "|".
HUMAN = {
    "en": ["Hello?", "Hello?", "Hello?", "Hi.", "Yes?", "Yeah?", "Hello?|Hello?", "Hey.", "Good morning.", "Hi, {n} here.", "{n}.", "{n} speaking.", "This is {n}.",
           "Hello, this is {n}.", "Hello, {n} speaking, how can I help?", "{firm}, this is {n}.", "{firm}, good morning.", "{firm}, how can I help you?",
           "Good afternoon, {firm}, {n} speaking, how may I direct your call?", "Thank you for calling {firm}, this is {n}, how can I help you today?",
           "Hi, thanks for calling {firm}, {n} speaking.", "Hello, who is this?", "Who's calling please?", "Hey, what's going on?", "Hello, {f} residence.",
           "Um, hello?", "Yeah, this is {n}.", "Yes, hello, {n} here.|Who am I speaking with?", "Hold on.|Okay, hello?", "Hello?|Is anybody there?",
           "Hey {n}, can I call you right back?", "Sorry, hang on one second.|Hi, who is it?", "Good evening.", "Hi there, you've got {n}.", "Okay, go ahead.",
           "Hello?|Sorry, I just walked in, who's this?", "What's up?", "Yo, what's up?", "Uh huh?", "Hello, can you hear me?", "Talk to me.",
           "{firm}, {n}, can you hold please?", "Hello, {n}'s phone.", "No, wait.|Hello?", "Hi, is this {n}?", "Hello there, {n} speaking."],
    "es": ["¿Hola?", "¿Bueno?", "¿Sí?", "¿Diga?", "¿Dígame?", "Hola, habla {n}.", "¿Aló, quién habla?", "{firm}, buenos días.", "Buenas tardes, {firm}, le atiende {n}.",
           "¿Sí, con quién hablo?", "Soy {n}, dime.", "¿Hola?|¿Quién es?", "Sí, un momento.|¿Diga?", "{firm}, ¿en qué puedo ayudarle?"],
    "fr": ["Allô ?", "Oui allô ?", "Oui ?", "Bonjour.", "{n} à l'appareil.", "Allô, qui est là ?", "{firm}, bonjour.", "{firm} bonjour, {n} à votre écoute.",
           "Oui, bonjour, c'est {n}.", "Allô ?|Vous m'entendez ?", "Attendez une seconde.|Oui, allô ?", "{firm}, que puis-je faire pour vous ?"],
    "de": ["Hallo?", "Ja?", "Ja, hallo?", "{f}.", "{n} {f}.", "{f}, guten Tag.", "Hallo, wer ist da?", "{firm}, guten Morgen.", "{firm}, mein Name ist {n} {f}, was kann ich für Sie tun?",
           "Moment bitte.|Ja, hallo?", "Hallo?|Ist da jemand?", "Guten Abend."],
    "pt": ["Alô?", "Oi?", "Sim?", "Pois não?", "Alô, quem é?", "Aqui é {n}.", "{firm}, bom dia.", "{firm}, boa tarde, {n} falando, em que posso ajudar?",
           "Oi, pode falar.", "Alô?|Quem fala?", "Só um momento.|Oi, alô?", "Estou?"]}

OPENING = {
    "en": ["Hi, you've reached {n}.", "Hello, you have reached {n} {f}.", "You have reached the {f} family.", "Hi, this is {n}.", "Hey, it's {n}.", "This is {n} with {firm}.",
           "Thank you for calling {firm}.", "You've reached {firm}.", "You have reached the voice mailbox of {digits}.", "Your call has been forwarded to voicemail.",
           "Your call has been forwarded to an automated voice messaging system.", "The person you are calling is not available.", "Hi there, sorry I missed you.",
           "Hello.|You have reached the desk of {n} {f}.", "The number you have dialed is not available right now.", "Welcome to the voicemail service.",
           "Hello?|Ha, just kidding.", "Sorry, {n} is not available.", "{digits} is not available.", "Please leave your message for {digits}."],
    "es": ["Hola, soy {n}.", "Ha llamado a {firm}.", "Hola, has llamado a {n}.", "El número {digits} no está disponible.", "Bienvenido al buzón de voz de {n}.",
           "La persona a la que llama no está disponible.", "Hola, te has comunicado con {n} {f}."],
    "fr": ["Bonjour, vous êtes bien chez {n}.", "Vous êtes sur la messagerie de {n} {f}.", "Bonjour, vous avez joint {firm}.", "Salut, c'est {n}.",
           "Votre correspondant n'est pas disponible.", "Vous êtes sur le répondeur du {digits}."],
    "de": ["Hallo, hier ist {n}.", "Guten Tag, Sie sind verbunden mit {firm}.", "Sie sind verbunden mit der Mailbox von {n} {f}.", "Der gewünschte Gesprächspartner ist nicht erreichbar.",
           "Hier ist der Anrufbeantworter der Familie {f}.", "Die Mailbox der Nummer {digits}."],
    "pt": ["Olá, você ligou para {n}.", "Oi, aqui é {n}.", "Você ligou para {firm}.", "O número {digits} não está disponível.", "Sua chamada foi encaminhada para a caixa postal.",
           "Olá, esta é a caixa postal de {n}."]}
EXCUSE = {
    "en": ["I can't come to the phone right now.", "I'm not available to take your call.", "I'm either away from my desk or on another line.", "We're not home right now.",
           "Our office is currently closed.", "Our hours are nine to five, Monday through Friday.", "I'm probably driving.", "No one is available to take your call.",
           "I'll be out of the office until Monday.", "We are helping other customers.", "Sorry I missed your call.", "I don't check this very often, so text me."],
    "es": ["Ahora no puedo contestar.", "En este momento no podemos atender su llamada.", "Nuestro horario es de nueve a seis.", "Estoy ocupado."],
    "fr": ["Je ne suis pas disponible pour le moment.", "Nos bureaux sont fermés.", "Nous sommes absents.", "Je ne peux pas vous répondre."],
    "de": ["Ich bin gerade nicht zu erreichen.", "Unser Büro ist zurzeit geschlossen.", "Wir sind leider nicht da.", "Sie rufen außerhalb der Öffnungszeiten an."],
    "pt": ["No momento não posso atender.", "Nosso escritório está fechado.", "Estamos ocupados agora.", "Nosso horário é das nove às seis."]}
REQUEST = {
    "en": ["Please leave a message after the tone.", "Leave a message.", "Leave your name and number and I'll call you back.", "At the tone, please record your message.",
           "Please leave a message and I'll get back to you as soon as I can.", "You know what to do.", "Do your thing at the beep.", "Leave it at the beep.",
           "When you have finished recording, you may hang up.", "Please record your message after the tone.|When you are done, press pound for more options.",
           "Please leave your name, your number and the reason for your call.|Thank you.", "Have a great day.", "Wait for the beep."],
    "es": ["Deja tu mensaje después del tono.", "Por favor, deje su nombre y su teléfono.", "Grabe su mensaje después de la señal.|Gracias.", "Deja un mensaje y te llamo."],
    "fr": ["Laissez un message après le bip.", "Merci de laisser votre nom et votre numéro.", "Laissez-moi un message.|Je vous rappellerai.", "Veuillez parler après le signal sonore."],
    "de": ["Bitte hinterlassen Sie eine Nachricht nach dem Ton.", "Sprechen Sie nach dem Signal.", "Ich rufe Sie zurück.|Danke.", "Hinterlassen Sie Name und Telefonnummer."],
    "pt": ["Deixe sua mensagem após o sinal.", "Por favor, deixe seu nome e telefone.", "Deixe um recado que eu retorno.|Obrigado.", "Grave sua mensagem depois do bipe."]}
MENU_OPENING = {
    "en": ["Thank you for calling {firm}.", "Welcome to {firm}.", "Hello, and thank you for calling {firm}.", "You have reached {firm}.", "Please listen carefully as our menu options have changed.",
           "This call may be recorded for quality and training.", "If this is an emergency, hang up and dial nine one one.", "If you know your party's extension, dial it now."],
    "es": ["Bienvenido a {firm}.", "Gracias por llamar a {firm}.", "Su llamada puede ser grabada."], "fr": ["Bienvenue chez {firm}.", "Merci d'avoir appelé {firm}.", "Cet appel peut être enregistré."],
    "de": ["Willkommen bei {firm}.", "Vielen Dank für Ihren Anruf bei {firm}.", "Dieses Gespräch kann aufgezeichnet werden."], "pt": ["Bem-vindo à {firm}.", "Obrigado por ligar para {firm}.", "Esta ligação pode ser gravada."]}
MENU_ITEM = {
    "en": ["For sales, press {d}.", "For billing, press {d}.", "To make a payment, press {d}.", "For support, press {d}.", "To speak with a representative, press zero.", "For store hours, press {d}.",
           "For Spanish, press {d}.", "For appointments, press {d}.", "Press {d} for the pharmacy.", "To repeat this menu, press star.", "Please enter your account number.", "Say yes or press one."],
    "es": ["Para ventas, marque {d}.", "Para soporte, oprima {d}.", "Para hablar con un agente, marque cero."], "fr": ["Pour les ventes, faites le {d}.", "Pour le soutien technique, appuyez sur le {d}."],
    "de": ["Für den Verkauf drücken Sie die {d}.", "Für Fragen zur Rechnung drücken Sie die {d}."], "pt": ["Para vendas, digite {d}.", "Para suporte, tecle {d}.", "Para falar com um atendente, digite zero."]}
UNAVAILABLE = {
    "en": ["The number you have dialed is not in service.|Please check the number and try again.", "We're sorry, your call cannot be completed as dialed.",
           "The subscriber you are trying to reach is not available.|Please try again later.", "The mailbox is full.|Goodbye.", "We're sorry, the number you have reached has been disconnected.",
           "The person you are calling has not set up a voicemail box yet.|Please try again later.|Goodbye.", "All circuits are busy.|Please try your call later.",
           "The mailbox belonging to {n} {f} is full and cannot accept messages right now.", "The customer you are calling is unavailable.", "This number does not accept calls from private numbers."],
    "es": ["El número que ha marcado no existe.", "El buzón de voz está lleno.|Adiós.", "El cliente no está disponible en este momento.|Intente más tarde."],
    "fr": ["Le numéro que vous avez composé n'est pas en service.", "La boîte vocale est pleine.|Au revoir.", "Le numéro demandé n'est pas attribué."],
    "de": ["Die gewählte Rufnummer ist nicht vergeben.", "Kein Anschluss unter dieser Nummer.", "Die Mailbox ist voll.|Auf Wiederhören."],
    "pt": ["Este número não existe.", "A caixa postal está cheia.|Até logo.", "O número chamado está desligado ou fora da área de cobertura."]}
SCREENING = {
    "en": ["Hi, if you record your name and reason for calling, I'll see if this person is available.", "Hi, the person you are calling is using a screening service.|Please say your name and why you're calling.",
           "Hello.|Before I try to connect you, may I ask who is calling?", "The caller you are trying to reach is using a call assistant.|Go ahead and say your name and why you are calling.",
           "Please state your name after the tone and I will try to connect you."],
    "es": ["Hola, si graba su nombre y el motivo de su llamada, veré si esta persona está disponible.", "Diga su nombre y por qué llama."],
    "fr": ["Bonjour, si vous enregistrez votre nom et la raison de votre appel, je verrai si cette personne est disponible.", "Dites votre nom et la raison de votre appel."],
    "de": ["Hallo, wenn Sie Ihren Namen und den Grund Ihres Anrufs aufnehmen, prüfe ich, ob die Person erreichbar ist.", "Nennen Sie bitte Ihren Namen und den Grund Ihres Anrufs."],
    "pt": ["Olá, se você gravar seu nome e o motivo da ligação, vou ver se esta pessoa está disponível.", "Diga seu nome e o motivo da ligação."]}
DIGITS = {"en": "zero one two three four five six seven eight nine", "es": "cero uno dos tres cuatro cinco seis siete ocho nueve",
          "fr": "zéro un deux trois quatre cinq six sept huit neuf", "de": "null eins zwei drei vier fünf sechs sieben acht neun",
          "pt": "zero um dois três quatro cinco seis sete oito nove"}


def _pick(rng, choices):
    return choices[int(rng.integers(len(choices)))]


def _fill(rng, language, pattern):
    firm = _pick(rng, FIRMS[language]).format(f=_pick(rng, FAMILIES[language]), f2=_pick(rng, FAMILIES[language]))
    words = DIGITS[language].split()
    digits = ", ".join(_pick(rng, words) for _ in range(int(rng.integers(4, 9))))
    return pattern.format(n=_pick(rng, NAMES[language]), f=_pick(rng, FAMILIES[language]), firm=firm, digits=digits, d=words[int(rng.integers(1, 10))]).split("|")


def human(rng, language):
    return _fill(rng, language, _pick(rng, HUMAN[language]))


def voicemail(rng, language):
    out = []
    for table, chance in ((OPENING, 0.9), (EXCUSE, 0.6), (REQUEST, 0.85)):
        if rng.random() < chance:
            out += _fill(rng, language, _pick(rng, table[language]))
    return out or _fill(rng, language, _pick(rng, REQUEST[language]))


def menu(rng, language):
    out = _fill(rng, language, _pick(rng, MENU_OPENING[language]))
    if rng.random() < 0.4:
        out += _fill(rng, language, _pick(rng, MENU_OPENING[language]))
    for _ in range(int(rng.integers(1, 5))):
        out += _fill(rng, language, _pick(rng, MENU_ITEM[language]))
    return out


def unavailable(rng, language):
    return _fill(rng, language, _pick(rng, UNAVAILABLE[language]))


def screening(rng, language):
    return _fill(rng, language, _pick(rng, SCREENING[language]))
