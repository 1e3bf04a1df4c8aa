"""What people and machines say when a call is answered; written for this project."""

HUMAN = {
    "en": ["Hello?", "Yes?", "Hi.", "Yeah, hello?", "Good afternoon.", "Hello, who is calling?", "Speaking.", "Hey, how are you?", "Hello, Miller residence.",
           "This is Karen.", "Hello? Hello?", "Hi there, what can I do for you?", "Harbor Dental, this is Monica.", "One moment please. Yes, hello?",
           "Hi honey.", "Good morning, Fischer and Lane, this is Paul, how can I help you today?", "Who is this?", "Sorry, I can't hear you. Hello?",
           "Hello, this is Anna from the front desk, how may I help?", "Reception, Grace speaking.", "Yo.", "Mm hm?", "Hello, go ahead.",
           "Ellis Roofing, how can I direct your call?", "Thanks for calling Corner Pharmacy, this is Ben.", "Hi, you got Steve.", "Okay, hello?",
           "Hey, I'm driving, can you call me back?", "Hello, is that you, Maria?", "Evans speaking, hello?", "Yes, good evening.", "Hello there."],
    "es": ["¿Bueno?", "¿Sí, dígame?", "Hola, buenos días.", "¿Aló?", "Sí, ¿con quién hablo?", "Taller Ramírez, buenas tardes.", "¿Quién es?"],
    "fr": ["Oui, allô ?", "Allô, bonjour.", "Oui ?", "Cabinet du docteur Morin, bonjour.", "Bonsoir, qui est-ce ?", "Oui, j'écoute."],
    "de": ["Ja, bitte?", "Hallo, guten Tag.", "Becker, guten Morgen.", "Ja?", "Praxis Doktor Klein, was kann ich für Sie tun?", "Wer spricht da bitte?"],
    "pt": ["Alô, bom dia.", "Oi?", "Sim, quem é?", "Padaria Central, boa tarde.", "Pronto.", "Oi, pode falar."],
}
VOICEMAIL = {
    "en": ["Hello, you have reached Frank and Julie. We are not at home. Leave us a message and we will call you back.",
           "The person you are trying to reach is not available. Please leave a message after the beep. When you are finished, you may hang up or press pound for more options.",
           "Hi, this is Marcus. Sorry I missed you. Leave your name and number and I'll get back to you as soon as I can.",
           "You've reached the voicemail of six one two, four four zero. No one is available to take your call.",
           "Hey, leave a message.", "Hi, it's Zoe, I'm probably at work. You can text me.", "This is Robert Hale. Please record your message.",
           "Thank you for calling Green Valley Animal Clinic. We are currently closed. If this is an emergency, please call the number on our web page. Otherwise leave a message.",
           "Hi, you've reached Olivia with Summit Insurance. I am in a meeting or on another call. Please leave a detailed message.",
           "The mobile customer you are calling is away or has switched off the phone. Please leave a message after the tone.",
           "Hello. We can't answer right now. Speak after the signal.", "Please leave your message for, Daniel Ortiz, after the tone.",
           "You have reached the Nguyen family. We do not answer numbers that we do not know. Leave a message.",
           "Welcome to the message center. Your party did not answer. To leave a voice message, wait for the tone.",
           "Hi! Sorry! I can't talk now. Talk to me after the beep!"],
    "es": ["El número que usted marcó no está disponible. Por favor, deje su mensaje después de la señal.", "Hola, soy Carlos, ahora no puedo contestar. Deja un mensaje.",
           "Ha llamado a Seguros del Norte. Nuestras oficinas están cerradas. Deje su nombre y su número.", "Buzón de voz. Grabe su mensaje al escuchar el tono."],
    "fr": ["Vous êtes sur le répondeur de Claire. Je ne suis pas disponible. Merci de laisser un message après le bip.",
           "Bonjour, nous sommes absents. Laissez votre nom et votre numéro, nous vous rappellerons.", "La personne que vous appelez n'est pas joignable. Veuillez laisser un message."],
    "de": ["Der gewünschte Gesprächspartner ist zurzeit nicht erreichbar. Bitte sprechen Sie nach dem Ton.", "Hallo, hier ist Jana. Ich rufe zurück. Hinterlasst mir was.",
           "Sie haben die Praxis Doktor Klein erreicht. Wir haben geschlossen. Bitte nennen Sie Ihren Namen und Ihre Nummer."],
    "pt": ["Sua chamada está sendo encaminhada para a caixa postal. Deixe sua mensagem após o sinal.", "Oi, aqui é o Pedro. Agora não posso atender. Deixe um recado.",
           "Você ligou para a clínica São Lucas. Estamos fechados. Deixe seu nome e telefone."],
}
INTERCEPT = {
    "en": ["The number you have dialed is not in service. Please check the number and dial again.", "We're sorry, your call did not go through.",
           "The mailbox of the person you are calling is full.", "The number you have reached has been changed to an unlisted number.",
           "The person you are calling has a voice mailbox that has not been set up yet. Goodbye.",
           "Due to network difficulties, your call cannot be completed at this time."],
    "es": ["El número que usted marcó no existe."], "fr": ["Le numéro que vous avez composé n'est pas attribué."],
    "de": ["Die gewählte Rufnummer ist nicht vergeben."], "pt": ["O número chamado não existe."],
}
IVR = {
    "en": ["Welcome to First Harbor Credit Union. If you know your party's extension, you may dial it at any time. For account balances, press one. For loans, press two.",
           "Thank you for calling. Please listen carefully, as our menu has changed. For billing, press one. For technical support, press two. For all other questions, stay on the line.",
           "Your call may be recorded for quality. Please say or enter your account number, followed by the pound key.",
           "Hello, you have reached the city water office. For English, press one. For service outages, press three. To speak to an operator, press zero."],
    "es": ["Bienvenido. Para ventas, marque uno. Para soporte, marque dos."], "fr": ["Bienvenue. Pour le service en français, faites le un."],
    "de": ["Willkommen. Für den Vertrieb drücken Sie die eins, für den Service die zwei."], "pt": ["Bem-vindo. Para vendas, digite um. Para suporte, digite dois."],
}
