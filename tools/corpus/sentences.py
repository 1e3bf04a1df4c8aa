"""What the synthetic talkers of the call openings say. Every line was written for this project and
none of them is in tools/train/texts.py: what the networks learned from is not what they are judged
by."""

HUMAN = {
    "en": [
        "Hello.",
        "Hello?",
        "Yeah?",
        "Yes, hello.",
        "Hi there.",
        "Speaking.",
        "Good afternoon.",
        "Who is this?",
        "Mm hm?",
        "Hey.",
        "Evening.",
        "Uh, hello?",
        "This is Marcus.",
        "Nadia speaking.",
        "Hi, Grandma.",
        "Doctor Feld's office.",
        "Yes, I can hear you.",
        "Hello, can you hear me?",
        "Hi, yeah, go ahead.",
        "Hello, hello, is anybody there?",
        "Hey, sorry, I was just outside. Who's this?",
        "Hello, this is Irene from the front desk, how can I help?",
        "Good morning, Harbor Street Dental, Paula speaking, how may I help you?",
        "Hi, thanks for calling the west side garage, this is Leo.",
        "Yes? I'm driving, so make it quick, please.",
        "Hello, you've got Vincent.",
        "One moment please. Okay, hello?",
        "Kitchen, Amir here.",
        "Hello? Sorry, bad line.",
        "Lost and found, good evening.",
        "Hi, you're through to accounts, Beth speaking.",
        "Not now, I'm in a meeting. Hello?",
    ],
    "es": [
        "¿Bueno?",
        "Hola, dígame.",
        "¿Quién es?",
        "Sí, buenas tardes.",
        "Habla Ernesto, ¿quién llama?",
        "Taller Mendoza, buenos días, ¿en qué le ayudo?",
    ],
    "fr": [
        "Oui, allô.",
        "Bonsoir.",
        "Oui, bonjour, qui est-ce ?",
        "Garage Lefort, bonjour.",
        "C'est Amélie, j'écoute.",
    ],
    "de": [
        "Ja, bitte?",
        "Hallo, hier Brandt.",
        "Guten Tag, Bäckerei Vogel, was kann ich für Sie tun?",
        "Ja?",
        "Wer spricht da?",
    ],
    "pt": [
        "Oi, quem é?",
        "Alô, bom dia.",
        "Sim, pode falar.",
        "Padaria Central, bom dia, em que posso ajudar?",
        "Oi.",
    ],
}

VOICEMAIL = {
    "en": [
        "Hi, this is Marcus. Sorry I missed you. Leave a message and I'll get right back to you.",
        "You have reached Nadia Brenner. I am away from my phone. Please leave your name, number and the reason for your call.",
        "The person you are trying to reach is not available. At the tone, please record your message. When you have finished "
        "recording, you may hang up.",
        "The number you have dialed, two oh two, five five five, zero one eight eight, is not available. Please leave a message.",
        "Hey, it's Leo. Text me instead.",
        "You've reached the Feld family. Nobody is home. You know the drill.",
        "Thanks for calling Harbor Street Dental. We are helping other patients or the office is closed. Leave a message after "
        "the tone and we will return your call within one business day.",
        "Hello, you have reached the desk of Irene Castellano. I will be out until the twelfth. For anything urgent, please call "
        "the front desk. Otherwise, leave me a message.",
        "Welcome to voice mail. No one can take your call. Record after the tone, and press pound for more options.",
        "Hi. I never listen to these. Send an email. Bye.",
        "Yo, leave it at the beep.",
        "You have reached a mailbox that belongs to an employee of Larkin Freight. Please speak clearly after the beep.",
        "Hello? Hello? I can't hear you. Ha, got you. Leave a message.",
        "Your call has been forwarded to voice mail. The person at extension four four one is unavailable. Please leave a message.",
        "We're out picking apples. If you are calling about the wagon, it is still for sale. Leave your number.",
        "Hi, it's me. You know what to do, and if you don't, wait for the beep.",
    ],
    "es": [
        "Se ha comunicado con el buzón de Ernesto Mendoza. Después del tono grabe su mensaje.",
        "Hola, no estoy. Deja un recado.",
        "La persona a la que llama no puede atenderle. Si lo desea, deje un mensaje después de la señal.",
        "Gracias por llamar al taller. Ahora está cerrado. Abrimos de lunes a viernes a las nueve.",
    ],
    "fr": [
        "Bonjour, vous êtes sur la messagerie d'Amélie Lefort. Laissez-moi un message.",
        "C'est le répondeur. À vous après le bip.",
        "Votre correspondant n'est pas disponible. Veuillez laisser un message après le signal sonore.",
        "Le garage est fermé. Rappelez demain à partir de huit heures ou laissez vos coordonnées.",
    ],
    "de": [
        "Hier ist der Anrufbeantworter von Brandt. Nachrichten bitte nach dem Piepton.",
        "Ich bin gerade nicht da. Bis später.",
        "Die Bäckerei Vogel hat geschlossen. Sie können uns eine Nachricht hinterlassen, wir melden uns morgen.",
        "Der Teilnehmer ist vorübergehend nicht erreichbar. Bitte hinterlassen Sie eine Nachricht.",
    ],
    "pt": [
        "Você ligou para Renata. Não posso falar agora. Deixe uma mensagem depois do bipe.",
        "Não estou. Manda mensagem.",
        "A pessoa chamada não está disponível. Grave o seu recado após o tom.",
        "A padaria está fechada. Funcionamos das seis às vinte horas. Deixe seu recado.",
    ],
}

INTERCEPT = {
    "en": [
        "The number you dialed is not a working number. Please check the number and try again.",
        "We are sorry. The subscriber you have dialed is not in service.",
        "This mailbox is full. Please try again later. Goodbye.",
        "Your call cannot be completed at this time because the network is busy. Please hang up and try again.",
        "The person you called has not set up a voice mailbox yet. Please call again later. Goodbye.",
        "The number you have reached has been temporarily disconnected.",
        "At the subscriber's request, this phone does not accept incoming calls.",
        "You must first dial a one and the area code when calling this number.",
    ],
    "es": ["El número que usted ha marcado no está en servicio. Verifique el número."],
    "fr": ["Le numéro que vous demandez n'est plus en service."],
    "de": ["Kein Anschluss unter dieser Nummer. Bitte fragen Sie die Auskunft."],
    "pt": ["Este número não está em serviço. Verifique o número discado."],
}

IVR = {
    "en": [
        "Thank you for calling Larkin Freight. If you know the extension, dial it now. For shipping, press one. For claims, press "
        "two. To speak with somebody, stay on the line.",
        "Welcome. To continue in English, press one. Para continuar en español, oprima el número dos.",
        "You have reached the pharmacy. To refill a prescription, press one. For store hours, press two. For the pharmacist, "
        "press zero.",
        "Please hold while we connect your call. Calls are recorded for training. Press nine to leave this menu.",
        "In a few words, tell me what you are calling about. You can say things like billing, repair, or talk to an agent.",
    ],
    "es": ["Gracias por su llamada. Para reparaciones, marque uno. Para presupuestos, marque dos."],
    "fr": [
        "Merci de votre appel. Pour prendre rendez-vous, tapez un. Pour toute autre demande, tapez deux."
    ],
    "de": ["Willkommen. Für Bestellungen drücken Sie die eins, für alles andere die zwei."],
    "pt": ["Obrigado por ligar. Para pedidos, digite um. Para outros assuntos, digite dois."],
}

SCREENING = {
    "en": [
        "Hi. If you record your name and reason for calling, I'll see if this person is available.",
        "Hi, the person you are calling is using a screening service and will get a copy of this conversation. Go ahead and say "
        "your name and why you are calling.",
        "Please say your name after the tone and your call will be announced.",
        "The subscriber does not accept calls from unknown numbers. To be connected, state your name.",
    ],
}
