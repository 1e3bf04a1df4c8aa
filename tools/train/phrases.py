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
           "Sunrise Bakery", "Hillcrest Medical", "Maple Veterinary Clinic", "{f} Realty",
           "Doctor {f}'s surgery", "the {f} company", "reception", "customer service", "the parts department", "dispatch", "the sales team", "{f} Hardware", "Blue Moon Pizza", "the office of {n} {f}",
           "Lakeside Apartments", "Northern Heating", "{f} Accounting", "the warehouse", "Central High School", "the bar", "Golden Dragon", "{f} Motors", "Saint Mary's Church", "the nurses' station"],
    "es": ["Clínica {f}", "Ferretería {f}", "Seguros {f}", "Restaurante El Puerto", "Taller {f}", "Farmacia {f}", "la oficina del doctor {f}", "Hotel Central", "recepción", "Ferretería La Unión", "Panadería {f}"],
    "fr": ["Garage {f}", "le cabinet {f}", "Boulangerie {f}", "Assurances {f}", "la clinique du parc", "Pharmacie {f}", "Restaurant Le Soleil", "l'étude {f}", "Plomberie {f}", "l'accueil", "Hôtel du Lac"],
    "de": ["Autohaus {f}", "Praxis {f}", "Kanzlei {f}", "Bäckerei {f}", "Hotel am Markt", "Firma {f}", "Apotheke am Rathaus", "Zahnarztpraxis {f}", "Elektro {f}", "der Empfang", "Gasthaus zum Löwen", "Steuerbüro {f}"],
    "pt": ["Clínica {f}", "Oficina {f}", "Seguros {f}", "Padaria do Sol", "Escritório {f}", "Farmácia {f}", "consultório da doutora {n}", "Restaurante Bom Gosto", "recepção", "Auto Peças {f}", "Hotel Atlântico"]}

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

# What a person says is often put together: a greeting, who it is, what he wants to know; each of them may be missing.
GREET = {
    "en": ["Hello", "Hello", "Hello", "Hi", "Hi", "Hey", "Yes", "Yeah", "Good morning", "Good afternoon", "Good evening", "Morning", "Oh, hello", "Uh, hi", "Yes, hi", "Hi there", "Yep"],
    "es": ["Hola", "Hola", "Sí", "Bueno", "Aló", "Buenos días", "Buenas tardes", "Buenas"], "fr": ["Allô", "Allô", "Oui", "Oui, allô", "Bonjour", "Bonsoir"],
    "de": ["Hallo", "Hallo", "Ja", "Ja, hallo", "Guten Tag", "Guten Morgen", "Guten Abend", "Moin"], "pt": ["Alô", "Alô", "Oi", "Sim", "Bom dia", "Boa tarde", "Boa noite", "Olá"]}
WHO = {
    "en": ["this is {n}", "this is {n} {f}", "{n} speaking", "{n} here", "{f} here", "{firm}", "{firm}, {n} speaking", "{firm}, this is {n}", "it's {n}", "you've got {n}", "{n} {f} speaking",
           "the {f} house", "{n}'s phone", "{n} at {firm}", "thanks for calling {firm}, {n} speaking", "thank you for calling {firm}", "you're speaking with {n}", "front desk, {n}"],
    "es": ["soy {n}", "habla {n}", "habla {n} {f}", "{firm}", "{firm}, le atiende {n}", "{firm}, habla {n}", "casa de la familia {f}", "aquí {n}"],
    "fr": ["{n} à l'appareil", "c'est {n}", "{firm}", "{firm}, {n} à votre écoute", "ici {n} {f}", "{n} {f} à l'appareil", "chez {f}"],
    "de": ["hier ist {n}", "{f}", "{n} {f}", "{f} am Apparat", "{firm}", "{firm}, {f} am Apparat", "hier spricht {n} {f}", "bei {f}"],
    "pt": ["aqui é {n}", "é {n}", "{n} falando", "{firm}", "{firm}, {n} falando", "aqui quem fala é {n} {f}", "casa da família {f}"]}
ASK = {
    "en": ["how can I help you?", "how may I help you today?", "who's calling?", "who is this?", "what can I do for you?", "go ahead.", "can you hear me?", "who am I speaking with?", "what's this about?",
           "can I help you?", "how can I direct your call?", "is that you, {n}?", "who are you looking for?", "I was just about to call you.", "sorry, who is this?", "can I put you on hold?",
           "make it quick, I'm at work.", "I don't know this number.", "do I know you?", "what do you need?", "is everything okay?", "give me one second."],
    "es": ["¿en qué puedo ayudarle?", "¿quién habla?", "¿con quién hablo?", "¿quién llama?", "¿qué desea?", "dígame.", "¿me oye?", "espere un momento."],
    "fr": ["que puis-je faire pour vous ?", "qui est à l'appareil ?", "je vous écoute.", "vous m'entendez ?", "c'est de la part de qui ?", "ne quittez pas."],
    "de": ["wie kann ich Ihnen helfen?", "wer ist da?", "mit wem spreche ich?", "was gibt es?", "hören Sie mich?", "einen Moment bitte."],
    "pt": ["em que posso ajudar?", "quem fala?", "quem está falando?", "pode falar.", "está me ouvindo?", "só um instante."]}

OPENING = {
    "en": ["Hi, you've reached the voicemail of {n} {f}.", "You've reached {n}.", "Hello, this is {n} {f}.", "Hi, this is {n} at {firm}.", "Hey there, this is {n}.", "This is the {f} residence.", "Hello, you've reached {n} and {n}.", "Hi, {n} here.", "You have reached a number that is not being answered.", "The Verizon customer you are trying to call is unavailable.", "The subscriber you have dialed can't be reached.", "I'm sorry, but the person you called has a voice mailbox.", "{n} {f}.", "Your call is being transferred to a mailbox.", "Good day, you have reached {firm}.", "You're through to {n}'s voicemail.", "This is {n}'s cell phone.", "You have dialed {digits}.", "The person at {digits} can't take your call.", "Hi, it's {n}.", "Hey, this is {n}, sorry.", "You've got {n}'s answering machine.", "We are unable to take your call.", "Hey, you just missed me.", "Hello and thanks for calling.", "Greetings, you have reached {n}.", "The wireless subscriber is not available.", "What's up, it's {n}.",
           "Hi, you've reached {n}.", "Hello, you have reached {n} {f}.", "You have reached the {f} family.", "Hi, this is {n}.", "Hey, it's {n}.", "This is {n} with {firm}.",
           "Thank you for calling {firm}.", "You've reached {firm}.", "You have reached the voice mailbox of {digits}.", "Your call has been forwarded to voicemail.",
           "Your call has been forwarded to an automated voice messaging system.", "The person you are calling is not available.", "Hi there, sorry I missed you.",
           "Hello.|You have reached the desk of {n} {f}.", "The number you have dialed is not available right now.", "Welcome to the voicemail service.",
           "Hello?|Ha, just kidding.", "Sorry, {n} is not available.", "{digits} is not available.", "Please leave your message for {digits}."],
    "es": ["Te has comunicado con {n}.", "Este es el buzón de voz de {n} {f}.", "Gracias por llamar a {firm}.", "Hola, este es el contestador de {n}.", "El usuario al que llama no contesta.", "Su llamada ha sido transferida al buzón.", "Hola, somos la familia {f}.", "Buenos días, ha llamado a {firm}.",
           "Hola, soy {n}.", "Ha llamado a {firm}.", "Hola, has llamado a {n}.", "El número {digits} no está disponible.", "Bienvenido al buzón de voz de {n}.",
           "La persona a la que llama no está disponible.", "Hola, te has comunicado con {n} {f}."],
    "fr": ["Bonjour, vous êtes bien sur le répondeur de {n} {f}.", "Vous avez appelé {firm}.", "Bonjour, c'est le répondeur de {n}.", "Merci d'avoir appelé {firm}.", "La personne que vous essayez de joindre ne répond pas.", "Le numéro {digits} n'est pas disponible.", "Bonjour, ici {n}.",
           "Bonjour, vous êtes bien chez {n}.", "Vous êtes sur la messagerie de {n} {f}.", "Bonjour, vous avez joint {firm}.", "Salut, c'est {n}.",
           "Votre correspondant n'est pas disponible.", "Vous êtes sur le répondeur du {digits}."],
    "de": ["Hallo, Sie haben {n} {f} angerufen.", "Dies ist die Mailbox von {n}.", "Guten Tag, hier ist die {firm}.", "Vielen Dank für Ihren Anruf.", "Der Teilnehmer ist derzeit nicht erreichbar.", "Ihr Anruf wird an die Mailbox weitergeleitet.", "Hallo, das ist der Anschluss von {n} {f}.",
           "Hallo, hier ist {n}.", "Guten Tag, Sie sind verbunden mit {firm}.", "Sie sind verbunden mit der Mailbox von {n} {f}.", "Der gewünschte Gesprächspartner ist nicht erreichbar.",
           "Hier ist der Anrufbeantworter der Familie {f}.", "Die Mailbox der Nummer {digits}."],
    "pt": ["Você está falando com a secretária eletrônica de {n}.", "Você ligou para o celular de {n} {f}.", "Olá, aqui é da {firm}.", "Obrigado por ligar para {firm}.", "O cliente para quem você ligou não pode atender.", "Oi, é o {n}.",
           "Olá, você ligou para {n}.", "Oi, aqui é {n}.", "Você ligou para {firm}.", "O número {digits} não está disponível.", "Sua chamada foi encaminhada para a caixa postal.",
           "Olá, esta é a caixa postal de {n}."]}
EXCUSE = {
    "en": ["I'm unable to take your call at the moment.", "I can't get to my phone.", "I'm in class or at work.", "If you got this message, I'm with a client.", "We're on vacation.", "I am on the other line.", "I'm currently traveling.", "We're closed for the holiday.", "All of our agents are busy.", "I missed your call.", "I've stepped away.", "My phone is off.", "I'm out with the kids.", "You've called outside of business hours.", "I'll be back in the office tomorrow.", "The office opens at eight.", "I am sorry that I can't answer.",
           "I can't come to the phone right now.", "I'm not available to take your call.", "I'm either away from my desk or on another line.", "We're not home right now.",
           "Our office is currently closed.", "Our hours are nine to five, Monday through Friday.", "I'm probably driving.", "No one is available to take your call.",
           "I'll be out of the office until Monday.", "We are helping other customers.", "Sorry I missed your call.", "I don't check this very often, so text me."],
    "es": ["No estoy en casa.", "No puedo atenderte ahora.", "Estamos de vacaciones.", "En este momento estamos cerrados.", "Todos nuestros agentes están ocupados.",
           "Ahora no puedo contestar.", "En este momento no podemos atender su llamada.", "Nuestro horario es de nueve a seis.", "Estoy ocupado."],
    "fr": ["Je suis absent.", "Je suis en réunion.", "Nous ne pouvons pas répondre à votre appel.", "Le cabinet est fermé.", "Toutes nos lignes sont occupées.",
           "Je ne suis pas disponible pour le moment.", "Nos bureaux sont fermés.", "Nous sommes absents.", "Je ne peux pas vous répondre."],
    "de": ["Ich kann gerade nicht ans Telefon.", "Wir sind im Urlaub.", "Ich bin unterwegs.", "Alle Mitarbeiter sind im Gespräch.", "Unsere Praxis ist geschlossen.",
           "Ich bin gerade nicht zu erreichen.", "Unser Büro ist zurzeit geschlossen.", "Wir sind leider nicht da.", "Sie rufen außerhalb der Öffnungszeiten an."],
    "pt": ["Não estou em casa.", "Estou em reunião.", "Estamos fechados.", "Todos os atendentes estão ocupados.", "Não consigo atender agora.",
           "No momento não posso atender.", "Nosso escritório está fechado.", "Estamos ocupados agora.", "Nosso horário é das nove às seis."]}
REQUEST = {
    "en": ["Leave a brief message and I'll return your call.", "Please leave your name and telephone number.", "Speak after the tone.", "Kindly leave us a message.", "Leave your details and someone will call you.", "If you'd like to leave a message, stay on the line.", "Record your message at the beep.|To send a page, press five.", "Send me a text.", "Try me later.", "Just leave a message, thanks.|Bye.", "Call me back later.", "Please leave a detailed message.|I'll call you as soon as possible.", "To leave a callback number, press four.|At the tone, speak.", "Drop me a line.", "Catch you later.",
           "Please leave a message after the tone.", "Leave a message.", "Leave your name and number and I'll call you back.", "At the tone, please record your message.",
           "Please leave a message and I'll get back to you as soon as I can.", "You know what to do.", "Do your thing at the beep.", "Leave it at the beep.",
           "When you have finished recording, you may hang up.", "Please record your message after the tone.|When you are done, press pound for more options.",
           "Please leave your name, your number and the reason for your call.|Thank you.", "Have a great day.", "Wait for the beep."],
    "es": ["Por favor deje un mensaje.", "Después de la señal deje su mensaje y le devolveremos la llamada.", "Llame más tarde.", "Mándame un mensaje.",
           "Deja tu mensaje después del tono.", "Por favor, deje su nombre y su teléfono.", "Grabe su mensaje después de la señal.|Gracias.", "Deja un mensaje y te llamo."],
    "fr": ["Laissez votre message après le signal.", "Parlez après le bip.", "Rappelez plus tard.", "Envoyez-moi un texto.",
           "Laissez un message après le bip.", "Merci de laisser votre nom et votre numéro.", "Laissez-moi un message.|Je vous rappellerai.", "Veuillez parler après le signal sonore."],
    "de": ["Bitte hinterlassen Sie Ihren Namen und Ihre Telefonnummer.", "Sprich nach dem Piep.", "Versuchen Sie es später noch einmal.", "Schreib mir einfach.",
           "Bitte hinterlassen Sie eine Nachricht nach dem Ton.", "Sprechen Sie nach dem Signal.", "Ich rufe Sie zurück.|Danke.", "Hinterlassen Sie Name und Telefonnummer."],
    "pt": ["Após o sinal, deixe o seu recado.", "Mande uma mensagem.", "Ligue mais tarde.", "Deixe seu nome e número que retornaremos.",
           "Deixe sua mensagem após o sinal.", "Por favor, deixe seu nome e telefone.", "Deixe um recado que eu retorno.|Obrigado.", "Grave sua mensagem depois do bipe."]}
# A mailbox's opening is often put together, too: a greeting, whose mailbox it is; and its request: leave what, when, and then what.
REACHED = {
    "en": ["you've reached {n}", "you've reached {n} {f}", "you have reached the mailbox of {n} {f}", "this is {n}'s voicemail", "you got {n}'s phone", "it's {n}", "this is {n}", "this is {n} {f}",
           "{n} here", "{n} and {n} here", "we're the {f}s", "you've called {firm}", "this is {firm}", "you're connected to {firm}", "this is the machine", "it's {n}'s machine", "you have dialed {n}",
           "you've reached the voice mail box of {firm}", "this is the {f} family", "{n} {f}'s line", "this is {n} on the mobile", "that's {n}'s number"],
    "es": ["soy {n}", "has llamado a {n}", "este es el buzón de {n} {f}", "se ha comunicado con {firm}", "habla {n} {f}", "este es el contestador de la familia {f}", "llamaste a {n}", "aquí {n}"],
    "fr": ["c'est {n}", "vous êtes sur le répondeur de {n}", "vous êtes bien chez {n} {f}", "ici le répondeur de {firm}", "messagerie de {n} {f}", "vous avez joint {n}", "ici {n} {f}", "répondeur de la famille {f}"],
    "de": ["hier ist {n}", "Sie haben {firm} angerufen", "das ist die Mailbox von {n} {f}", "hier ist der Anrufbeantworter von {firm}", "Anrufbeantworter {f}", "ihr habt {n} angerufen", "Mailbox von {n}", "hier sind {n} und {n}"],
    "pt": ["aqui é {n}", "você ligou para {n} {f}", "caixa postal de {n}", "esta é a secretária eletrônica da família {f}", "aqui é da {firm}", "você ligou para o número de {n}", "é a {n}", "recado para {n}"]}
AWAY = {
    "en": ["I'm out", "I'm not in", "not in right now", "I can't talk", "I'm busy", "we're out", "we're away", "nobody's here", "I'm off today", "I'm on the road", "I've lost my phone again", "I'm asleep",
           "I can't pick up", "my hands are full", "we're closed today", "everyone is with a customer", "I'm gone fishing", "I never answer this phone"],
    "es": ["no estoy", "no puedo hablar", "ahora no contesto", "hemos salido", "estoy en una junta", "está cerrado", "no hay nadie"],
    "fr": ["je ne suis pas là", "je suis occupé", "je suis sorti", "on n'est pas là", "nous sommes fermés", "personne ne peut répondre", "je conduis"],
    "de": ["ich bin nicht da", "ich bin beschäftigt", "wir sind unterwegs", "gerade geht es nicht", "niemand ist zu Hause", "wir haben geschlossen", "ich bin im Termin"],
    "pt": ["não estou", "estou ocupado", "agora não dá", "saímos", "não tem ninguém em casa", "a loja está fechada", "estou dirigindo"]}
LEAVE = {
    "en": ["leave a message", "leave me a message", "leave your message", "leave a short message", "leave your name and number", "leave word", "leave me a voicemail", "talk", "speak now", "say your piece",
           "tell me what's up", "tell the machine", "record a message", "you can leave a message", "go ahead and leave a message", "text me", "drop me a text", "try again later", "call my office", "say something nice"],
    "es": ["deja un mensaje", "deje su mensaje", "deje su nombre y número", "habla", "deja tu recado", "escríbeme", "graba un mensaje"],
    "fr": ["laissez un message", "laisse un message", "laissez vos nom et numéro", "parlez", "un petit message", "dites-moi tout", "envoyez un message"],
    "de": ["hinterlassen Sie eine Nachricht", "Nachricht bitte", "sprich mir was drauf", "sprechen Sie jetzt", "Name und Nummer bitte", "eine Nachricht", "schreiben Sie mir"],
    "pt": ["deixe uma mensagem", "deixa um recado", "deixe seu nome e número", "fale", "manda um áudio", "grave uma mensagem", "me escreve"]}
WHEN = {
    "en": ["after the beep", "at the beep", "after the tone", "at the tone", "when you hear the tone", "once you hear the beep", "after the signal", "when it beeps"],
    "es": ["después del tono", "tras la señal", "después del pitido", "al oír el tono"], "fr": ["après le bip", "après le signal", "au bip sonore", "dès le bip"],
    "de": ["nach dem Ton", "nach dem Piepton", "nach dem Signal", "beim Piep"], "pt": ["depois do bipe", "após o sinal", "depois do tom", "quando ouvir o bipe"]}
AFTER = {
    "en": ["and I'll call you back", "and we'll get back to you", "and someone will return your call", "and I'll be in touch", "thanks", "bye", "thank you for calling", "and have a nice day", "and I might call back"],
    "es": ["y te llamo", "y le devolveremos la llamada", "gracias", "adiós"], "fr": ["et je vous rappelle", "et nous vous rappellerons", "merci", "à bientôt"],
    "de": ["und ich rufe zurück", "wir melden uns", "danke", "tschüss"], "pt": ["e eu ligo de volta", "e retornaremos", "obrigada", "tchau"]}
# Assistants that ask in whole sentences instead of offering digits.
ASSISTANT = {
    "en": ["I'm the automated assistant at {firm}.", "Briefly, what is the reason for your call?", "Please say what you need, for example, opening hours.", "You can also say, speak to someone.",
           "I can help you with orders, returns and deliveries.", "Are you calling about an existing appointment?", "To get started, please say your date of birth.", "Sorry, I didn't get that.|Please say it again.",
           "Please say or enter your phone number.", "Tell me, are you a new or an existing customer?", "How may I assist you today?|You can say, check my order.", "If that is right, say yes.",
           "Your call is important to us.|Please stay on the line.", "You are number {d} in the queue.", "While you wait, visit our website.", "All calls are answered in the order they were received."],
    "es": ["Dígame brevemente el motivo de su llamada.", "Puede decir, por ejemplo, hacer un pago.", "Permanezca en la línea.", "Su llamada es importante para nosotros."],
    "fr": ["Dites-nous la raison de votre appel.", "Vous pouvez dire, par exemple, suivre ma commande.", "Veuillez patienter.", "Votre appel est important pour nous."],
    "de": ["Bitte sagen Sie kurz, worum es geht.", "Sie können zum Beispiel sagen, Adresse ändern.", "Bitte bleiben Sie in der Leitung.", "Der nächste freie Mitarbeiter ist gleich für Sie da."],
    "pt": ["Diga em poucas palavras o que você precisa.", "Você pode dizer, por exemplo, segunda via da conta.", "Aguarde na linha.", "Sua ligação é muito importante para nós."]}
# What people add once they have said who they are.
ASIDE = {
    "en": ["sorry, I was in the garden", "sorry, the dog is barking", "I was just thinking of you", "I'm in the car", "I'm just about to eat", "I can barely hear you", "it's a bad line", "speak up a bit", "I'm with a customer",
           "my mother is asleep", "he's not here", "she just left", "hang on, let me turn this down", "I'm on another call", "you just caught me", "wait, let me get a pen"],
    "es": ["estaba en la cocina", "se oye mal", "voy manejando", "no está en casa", "espere, bajo la música"], "fr": ["j'étais dans le jardin", "ça capte mal", "je suis en voiture", "il n'est pas là", "attendez, je baisse la radio"],
    "de": ["ich war im Garten", "die Leitung ist schlecht", "ich bin im Auto", "er ist nicht da", "warten Sie, ich hole einen Stift"], "pt": ["estava na cozinha", "a ligação está ruim", "estou no carro", "ele não está", "espera, vou abaixar a música"]}
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
    firm = _pick(rng, FIRMS[language]).format(n=_pick(rng, NAMES[language]), f=_pick(rng, FAMILIES[language]), f2=_pick(rng, FAMILIES[language]))
    words = DIGITS[language].split()
    digits = ", ".join(_pick(rng, words) for _ in range(int(rng.integers(4, 9))))
    return pattern.format(n=_pick(rng, NAMES[language]), f=_pick(rng, FAMILIES[language]), firm=firm, digits=digits, d=words[int(rng.integers(1, 10))]).split("|")


def _sentence(parts, end="."):
    text = ", ".join(parts)
    return text[0].upper() + text[1:] + ("" if text[-1] in ".?!" else end)


def human(rng, language):
    if rng.random() < 0.4:
        return _fill(rng, language, _pick(rng, HUMAN[language]))
    tables = ((GREET, 0.85), (WHO, 0.55), (ASIDE, 0.2), (ASK, 0.4))
    parts = [_pick(rng, table[language]) for table, chance in tables if rng.random() < chance] or [_pick(rng, GREET[language])]
    cut = int(rng.integers(1, len(parts))) if len(parts) > 1 and rng.random() < 0.3 else len(parts)
    return _fill(rng, language, "|".join(_sentence(x, "?" if rng.random() < 0.4 else ".") for x in (parts[:cut], parts[cut:]) if x))


def _mailbox(rng, language):
    """A mailbox in the words of its owner: any of its three sentences may be missing, but not all."""
    while True:
        out = []
        if rng.random() < 0.75:
            out.append(_sentence([_pick(rng, t[language]) for t, chance in ((GREET, 0.6), (REACHED, 1.0)) if rng.random() < chance]))
        if rng.random() < 0.45:
            out.append(_sentence([_pick(rng, AWAY[language])]))
        if rng.random() < 0.85:
            request = _pick(rng, LEAVE[language]) + (" " + _pick(rng, WHEN[language]) if rng.random() < 0.55 else "")
            out.append(_sentence([request] + ([_pick(rng, AFTER[language])] if rng.random() < 0.4 else [])))
        if out:
            return _fill(rng, language, "|".join(out))


def voicemail(rng, language):
    if rng.random() < 0.5:
        return _mailbox(rng, language)
    out = []
    for table, chance in ((OPENING, 0.9), (EXCUSE, 0.6), (REQUEST, 0.85)):
        if rng.random() < chance:
            out += _fill(rng, language, _pick(rng, table[language]))
    return out or _fill(rng, language, _pick(rng, REQUEST[language]))


def menu(rng, language):
    out = _fill(rng, language, _pick(rng, MENU_OPENING[language])) if rng.random() < 0.85 else []
    if rng.random() < 0.35:
        out += _fill(rng, language, _pick(rng, MENU_OPENING[language]))
    items = ASSISTANT if rng.random() < 0.4 else MENU_ITEM
    for _ in range(int(rng.integers(1, 5))):
        out += _fill(rng, language, _pick(rng, items[language]))
    return out


def unavailable(rng, language):
    return _fill(rng, language, _pick(rng, UNAVAILABLE[language]))


def screening(rng, language):
    return _fill(rng, language, _pick(rng, SCREENING[language]))
