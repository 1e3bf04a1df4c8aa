/// What words of the callee say about the outcome.
enum Evidence: String, Sendable, CaseIterable {
    case doNotCall = "asked not to be called"
    case escalation = "asked for a person"
    case wrongNumber = "said it is the wrong number"
    case sale = "agreed"
    case callback = "asked for another time"
    case refusal = "declined"
    case objection = "raised an objection"

    /// The evidence in one utterance, in no particular order.
    static func found(in text: String) -> [Evidence] {
        let utterance = Utterance(text)
        var found: [Evidence] = []
        if OptOut.match(utterance) != nil { found.append(.doNotCall) }
        if EvidencePhrases.escalation.first(in: utterance) != nil { found.append(.escalation) }
        if EvidencePhrases.wrongNumber.first(in: utterance) != nil { found.append(.wrongNumber) }
        if EvidencePhrases.refusal.first(in: utterance) != nil { found.append(.refusal) }
        if EvidencePhrases.sale.first(in: utterance) != nil { found.append(.sale) }
        if EvidencePhrases.callback.first(in: utterance) != nil { found.append(.callback) }
        if EvidencePhrases.objection.first(in: utterance) != nil { found.append(.objection) }
        return found
    }
}

/// What people say, by what it shows. A list is one language after the other.
enum EvidencePhrases {
    static let escalation = PhraseList(
        """
        speak to a person|talk to a person|speak with a person|talk with a person
        speak to a human|talk to a human|speak with a human|talk with a human|real person please
        speak to someone|talk to someone|speak with someone|speak to an agent|talk to an agent
        speak to a representative|talk to a representative|speak with a representative
        speak to your manager|speak to a manager|talk to a manager|your supervisor
        want a human|want a real person|get me a person|transfer me|connect me to
        hablar con una persona|hablar con alguien|hablar con un agente|parler a quelqu un
        parler a une personne|parler a un conseiller|mit einem menschen sprechen
        mit jemandem sprechen|einen mitarbeiter sprechen|falar com uma pessoa|falar com alguem
        falar com um atendente
        """)

    static let wrongNumber = PhraseList(
        """
        wrong number|wrong person|no one here by that name|nobody here by that name
        no one by that name|nobody by that name|doesnt live here|does not live here
        dont know that person|not my name|numero equivocado|se ha equivocado
        faux numero|mauvais numero|falsche nummer|falsch verbunden|verwahlt|numero errado
        """)

    static let sale = PhraseList(
        """
        sign me up|i will take it|ill take it|i would like to buy|id like to buy|i want to buy
        lets do it|lets go ahead|go ahead and sign|go ahead with it|i agree to|i accept
        i want to order|id like to order|i would like to order|you can charge|use my card
        my card number is|count me in|im in|book it|i want to sign up|id like to sign up
        i would like to sign up|lo quiero|lo compro|me apunto|quiero contratar|je le prends
        je suis d accord|je veux m inscrire|ich nehme es|ich bin dabei|ich mochte bestellen
        eu quero comprar|quero contratar|pode fechar|fechado
        """)

    static let callback = PhraseList(
        """
        call me back|call back later|call me later|call me tomorrow|call again tomorrow
        call me next week|call me in the|call me after|call me on|ring me back|bad time
        not a good time|im busy|i am busy|in a meeting|im driving|i am driving|another time
        try again later|cant talk right now|cant talk now|cannot talk right now
        llameme mas tarde|llameme manana|llame mas tarde|estoy ocupado|estoy ocupada
        no es buen momento|rappelez moi|rappelez plus tard|je suis occupe
        rufen sie spater|rufen sie morgen|rufen sie mich spater|rufen sie mich morgen
        keine zeit|me ligue mais tarde|ligue mais tarde|me ligue amanha|estou ocupado
        estou ocupada
        """)

    static let refusal = PhraseList(
        """
        not interested|no interest|no thank you|no thanks|dont want it|do not want it
        dont need it|do not need it|dont need any|im good thanks|im all set|i am all set
        ill pass|i will pass|not for me|dont want to sign up|dont want to buy
        no me interesa|no estoy interesado|no estoy interesada|no gracias|no lo necesito
        pas interesse|pas interessee|non merci|ca ne m interesse pas|kein interesse
        nicht interessiert|nein danke|nao tenho interesse|nao estou interessado
        nao estou interessada|nao obrigado|nao obrigada
        """)

    static let objection = PhraseList(
        """
        too expensive|too much money|cant afford|cannot afford|how much is it|what does it cost
        need to think|have to think|think about it|ask my wife|ask my husband|talk to my wife
        talk to my husband|already have|happy with my|under contract|send me something
        send me an email|is this a scam|how did you get my number|dont trust
        muy caro|demasiado caro|tengo que pensarlo|trop cher|je dois reflechir
        zu teuer|muss ich uberlegen|muss daruber nachdenken|muito caro|preciso pensar
        """)
}
