/// Something a callee says that the platform acts on by itself, whatever the bot does.
public enum VoiceCommand: String, Sendable, CaseIterable {
    /// Put me on the do-not-call list.
    case optOut = "opt_out"
    /// Let me talk to a person.
    case speakToPerson = "speak_to_person"
    /// Are you a machine? Must be answered truthfully (Utah Code 13-2-12, Cal. PUC 2874).
    case askIfMachine = "ask_if_machine"
    /// Call me at another time.
    case callBack = "call_back"
    case `repeat` = "repeat"
    case stopRecording = "stop_recording"
    case goodbye

    /// The command in an utterance; an opt-out wins over everything else.
    public static func detect(utterance: String) -> VoiceCommand? { detect(Utterance(utterance)) }

    static func detect(_ utterance: Utterance) -> VoiceCommand? {
        if OptOut.match(utterance) != nil { return .optOut }
        for (command, phrases) in tables where phrases.first(in: utterance) != nil {
            return command
        }
        return nil
    }

    private static let tables: [(VoiceCommand, PhraseList)] = [
        (
            .stopRecording,
            PhraseList(
                """
                stop recording|dont record|do not record|not be recorded|turn off the recording
                no grabe|dejen de grabar|n enregistrez pas|nicht aufnehmen|nao grave
                """)
        ),
        (
            .askIfMachine,
            PhraseList(
                """
                are you a robot|is this a robot|are you a machine|is this a machine|are you an ai
                is this an ai|are you a bot|is this a bot|are you a real person
                is this a real person|are you human|are you a human|is this a recording
                am i talking to a robot|am i talking to a machine|am i talking to a computer
                es usted un robot|eres un robot|es una maquina|etes vous un robot
                sind sie ein roboter|bist du ein roboter|voce e um robo|e um robo
                """)
        ),
        (.speakToPerson, EvidencePhrases.escalation),
        (.callBack, EvidencePhrases.callback),
        (
            .repeat,
            PhraseList(
                """
                say that again|repeat that|can you repeat|could you repeat|come again
                i didnt hear|i did not hear|i didnt catch|puede repetir|repita|repetez
                pouvez vous repeter|konnen sie das wiederholen|wiederholen sie|pode repetir
                """)
        ),
        (
            .goodbye,
            PhraseList(
                """
                goodbye|good bye|bye bye|bye|have a good day|talk to you later|adios|au revoir
                auf wiederhoren|tschuss|tchau
                """)
        ),
    ]
}
