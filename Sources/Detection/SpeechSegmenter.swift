/// Turns 20 ms scores into speech spans with hysteresis and hangover.
struct SpeechSegmenter: Sendable {
    enum Change: Sendable, Equatable {
        case none
        /// Speech began at this sample (before now).
        case started(at: Int)
        /// Speech ended at this sample (before now).
        case ended(at: Int)
    }

    /// 20 ms.
    static let frameCount = 160

    let rule: SpeechRule
    private(set) var isSpeaking = false
    /// End of the last frame with speech, in samples.
    private(set) var lastVoice = 0
    private var runStart = 0
    private var runFrames = 0
    private var gapFrames = 0

    /// Where a word that is not yet believed may have begun, nil when nothing has.
    var onset: Int? { isSpeaking || runFrames == 0 ? nil : runStart }

    init(_ rule: SpeechRule) { self.rule = rule }

    mutating func push(score: Float, frameEnd: Int) -> Change {
        if isSpeaking {
            if score >= rule.offScore {
                lastVoice = frameEnd
            } else if frameEnd - lastVoice >= rule.hangoverMs * 8 {
                isSpeaking = false
                runFrames = 0
                return .ended(at: lastVoice)
            }
            return .none
        }
        guard score >= rule.onScore else {
            // One weak frame does not end a beginning word.
            gapFrames += 1
            if gapFrames > 1 { runFrames = 0 }
            return .none
        }
        if runFrames == 0 { runStart = frameEnd - Self.frameCount }
        gapFrames = 0
        runFrames += 1
        guard runFrames * 20 >= rule.minimumMs else { return .none }
        isSpeaking = true
        lastVoice = frameEnd
        return .started(at: runStart)
    }

    /// Ends an open span: the audio is over, or speech is not looked for just now.
    mutating func finish() -> Change {
        runFrames = 0
        guard isSpeaking else { return .none }
        isSpeaking = false
        return .ended(at: lastVoice)
    }
}
