internal import Audio
public import Base
public import CallModel

/// All detectors of one leg's received audio.
///
/// ```
/// push(any count) ─► hop (10 ms) ─┬─► DTMFDetector, PairDetector (Goertzel) ──┐
///                                 └─► Spectrum (256-point FFT) ─► HopFeatures │
///                                       ├─► ToneTracker ─► ToneClassifier ◄───┘
///                                       ├─► BeepDetector (GRU) ──┘ beep, SIT, CNG, CED, cadences
///                                       └─► VoiceActivityDetector ─► SpeechSegmenter ─► OwnVoice ─► barge-in
///                                                  └─► AnswerClassifier ─┤
///                        events ◄── AnswerMachine (verdict, greeting, ready) ◄┘
/// ```
/// Work happens at hop ends only, so the result does not depend on how the samples are cut into
/// pushes. After `init` nothing is allocated, except by `out` when it has to grow and by the VAD
/// trace when that is switched on.
public struct DetectorChain: ~Copyable, Sendable {
    /// The one rate the detectors run at, Hz.
    public static let sampleRate = 8000
    /// 10 ms.
    static let hopCount = 80
    /// A beep this soon after the answer overrules a verdict of `human`.
    public static let lateBeepMs = 20_000

    /// For the chain's whole life.
    public let policy: DetectionPolicy
    /// Score of the last whole 20 ms frame, 0…1.
    public private(set) var vadScore: Float = 0
    /// Somebody's turn goes on (`DetectionPolicy.endpointing`, hangover included).
    public var isSpeaking: Bool { turn.isSpeaking }
    /// Keeps every frame's score for `takeVADTrace`; allocates, so for offline use.
    public var tracesVAD = false
    private var trace: [VADScore] = []
    /// Leave out what is optional: call progress tones and speech once the answer's verdict is
    /// final, it is no mailbox's, and 20 s have passed since a person's. Beeps, digits, fax and information
    /// tones are always heard. Speech that is going on when this takes effect is ended.
    public var isEconomical = false
    /// Somebody says what is understood (`hint`): until then no pause is short enough for a person
    /// (`DetectionPolicy.toldPauseMs`). May change at any time.
    public var expectsTranscript = false {
        didSet { machine.expectsTranscript = expectsTranscript }
    }
    /// Samples pushed so far.
    public private(set) var samplesPushed = 0
    /// The answer's sample, nil before it.
    private var answerSample: Int?

    private var pending = InlineArray<80, Int16>(repeating: 0)
    private var pendingCount = 0
    /// End of the last whole hop, in samples since the first.
    private var hopEnd = 0
    private var spectrum = Spectrum()
    private var rows = EarFeatures()
    private var dtmf = DTMFDetector()
    private var pairs = PairDetector()
    private var tracker = ToneTracker()
    private var beeps = BeepDetector()
    private var classifier = ToneClassifier()
    private var vad = VoiceActivityDetector()
    /// Speech as the verdict takes it, as the events tell it, and as it may stop us.
    private var segmenter: SpeechSegmenter
    private var turn: SpeechSegmenter
    private var interruption: SpeechSegmenter
    private var ownVoice = OwnVoice()
    /// Somebody has barged in, and speaks.
    private var hasBargedIn = false
    private var interrupterSpeaks = false
    /// The verdict's rule has heard him, and says when he is silent.
    private var interrupterIsVoice = false
    /// The level of the hop at hand and of the one before, and where its strongest line lies.
    private var hopLevel: Float = -100
    private var earlierLevel: Float = -100
    private var peakHz: Float = 0
    private var machine: AnswerMachine
    private var answerer = AnswerClassifier()
    private var lastDigit = -1_000_000
    private var lastPress = -1_000_000
    private var lastPair = -1_000_000

    /// `sampleRate` must be 8000: resample wider audio first (`WAVFile.channel(_:at:)`).
    public init(sampleRate: Int = 8000, policy: DetectionPolicy = .balanced) {
        precondition(sampleRate == Self.sampleRate, "detectors run at 8 kHz")
        self.policy = policy
        machine = AnswerMachine(policy: policy)
        segmenter = SpeechSegmenter(DetectionPolicy.speech)
        turn = SpeechSegmenter(policy.endpointing)
        interruption = SpeechSegmenter(policy.bargeIn)
    }

    /// The next samples of the leg, in order, gaps already concealed; any count.
    public mutating func push(
        _ samples: UnsafeBufferPointer<Int16>, out: inout Outbox<DetectionEvent>
    ) {
        samplesPushed += samples.count
        var rest = samples
        while !rest.isEmpty {
            if pendingCount == 0, rest.count >= Self.hopCount {
                // Whole hops are heard where they lie.
                hopEnd += Self.hopCount
                processHop(UnsafeBufferPointer(rebasing: rest[..<Self.hopCount]), &out)
                rest = UnsafeBufferPointer(rebasing: rest.dropFirst(Self.hopCount))
                continue
            }
            let count = min(rest.count, Self.hopCount - pendingCount)
            for index in 0..<count { pending[pendingCount + index] = rest[index] }
            pendingCount += count
            rest = UnsafeBufferPointer(rebasing: rest.dropFirst(count))
            if pendingCount == Self.hopCount {
                pendingCount = 0
                hopEnd += Self.hopCount
                processPending(&out)
            }
        }
    }

    /// The call was answered: verdict timers start, and all times count from here, or from `ahead` samples
    /// further on where what was heard before the answer has not all been pushed yet.
    public mutating func answered(ahead: Int = 0) {
        guard answerSample == nil else { return }
        answerSample = samplesPushed + ahead
        machine = AnswerMachine(policy: policy)
        machine.expectsTranscript = expectsTranscript
        answerer = AnswerClassifier()
        classifier.answered()
        beeps.forgetNetwork()
        if segmenter.isSpeaking { machine.speechStarted(at: 0) }
    }

    /// A frame of our own audio of so much has been sent just now: what comes back of it is no barge-in, of
    /// a pure tone (`PureTone.coefficient`) no beep, and of a digit no digit.
    public mutating func said(
        levelDBm0 level: Double, tone: Float? = nil, digit: Character? = nil
    ) {
        ownVoice.said(levelDBm0: level, tone: tone, digit: digit)
    }

    /// What a speech recogniser has understood of the far end since the answer, from its first word
    /// on, as `AnswerHints.verdict(of:)` reads it: the second source of the verdict, beside the
    /// sound. Ignored before the answer and once the verdict is final.
    public mutating func hint(_ verdict: AnswerVerdict?, out: inout Outbox<DetectionEvent>) {
        guard answerSample != nil else { return }
        expectsTranscript = true
        machine.hear(transcript: verdict, now: max(0, sinceAnswer(hopEnd)), out: &out)
    }

    /// Who answered is a mailbox, whatever the verdict was, and its message may begin: `ready_for_message`
    /// comes again when it has spoken on. Ignored before the answer.
    public mutating func isVoicemail() {
        guard answerSample != nil else { return }
        machine.isVoicemail()
    }

    /// The audio is over: ends open speech and gives the verdict that is still owed.
    public mutating func finish(out: inout Outbox<DetectionEvent>) {
        if let segment = tracker.finish(hopEnd: hopEnd),
            let finding = classifier.ended(segment, context())
        {
            report(finding, &out)
        }
        if let heard = beeps.finish(hopEnd: hopEnd),
            let finding = classifier.candidate(heard, context())
        {
            report(finding, &out)
        }
        if let finding = classifier.finish(context()) { report(finding, &out) }
        endSpeech(&out)
        if answerSample != nil { machine.finish(now: max(0, sinceAnswer(hopEnd)), out: &out) }
    }

    /// The frames scored since the last call; empty unless `tracesVAD`.
    public mutating func takeVADTrace() -> [VADScore] {
        let taken = trace
        trace.removeAll(keepingCapacity: true)
        return taken
    }

    // MARK: one hop

    private mutating func processPending(_ out: inout Outbox<DetectionEvent>) {
        // A copy, so that the detectors may change what it was copied from.
        let hop = pending
        hop.span.withUnsafeBufferPointer { processHop($0, &out) }
    }

    /// Nothing in here allocates.
    private mutating func processHop(
        _ hop: UnsafeBufferPointer<Int16>, _ out: inout Outbox<DetectionEvent>
    ) {
        let features = Self.look(hop, &spectrum, &rows)
        earlierLevel = hopLevel
        hopLevel = features.levelDBm0
        peakHz = features.peakHz
        let rests = mayRest
        hearDigits(hop, &out)
        if rests {
            pairs.forget()
            // While nobody says what is speech, a vowel cannot be told from a note.
            classifier.notes = NoteMemory()
        } else {
            hearPairs(features, &out)
        }
        hearTones(features, &out)
        ownVoice.advance()
        if rests { restSpeech(&out) } else { hearSpeech(&out) }
        if answerSample != nil {
            var onset: Int?
            if let sample = segmenter.onset { onset = sinceAnswer(sample) }
            machine.advance(
                to: sinceAnswer(hopEnd), onset: onset,
                isBeeping: beeps.isSounding || classifier.isHolding,
                rangAt: classifier.judge.lastRing(at: hopEnd).map { sinceAnswer($0) },
                odds: answerer.odds, out: &out)
        }
    }

    /// Not while a beep would still say that a person was none (`lateBeepMs`): without the voice a vowel that
    /// somebody holds cannot be told from it.
    private var mayRest: Bool {
        isEconomical && machine.isSettled
            && (machine.final != .human || sinceAnswer(hopEnd) >= Self.lateBeepMs * 8)
    }

    /// A function of two parts: what is lent out of `self` is copied.
    private static func look(
        _ hop: UnsafeBufferPointer<Int16>, _ spectrum: inout Spectrum, _ rows: inout EarFeatures
    ) -> HopFeatures {
        spectrum.advance(hop)
        let offset = spectrum.offset
        return spectrum.withPower { power in
            let features = HopFeatures(hop: hop, power: power, offset: offset)
            rows.advance(features, power: power)
            return features
        }
    }

    private mutating func hearDigits(
        _ hop: UnsafeBufferPointer<Int16>, _ out: inout Outbox<DetectionEvent>
    ) {
        // Both banks of filters in one go: each alone would wait for its own last sum.
        if let hit = dtmf.push(hop, beside: &pairs.bank),
            !ownVoice.isOurs(digit: hit.digit, levelDBm0: Double(max(hopLevel, earlierLevel)))
        {
            out.push(
                .dtmf(hit.digit, startMs: ms(hit.startSample), knownAtMs: ms(hopEnd)))
        }
        if dtmf.sounding >= 0 { lastPress = hopEnd }
        lastDigit = dtmf.sounding >= 0 ? hopEnd : max(lastDigit, dtmf.lastPair)
    }

    private mutating func hearPairs(
        _ features: HopFeatures, _ out: inout Outbox<DetectionEvent>
    ) {
        let over = pairs.heardHop(levelDBm0: features.levelDBm0, hopEnd: hopEnd)
        if pairs.isActive { lastPair = hopEnd }
        let burst = over ?? pairs.burst
        guard burst.tone != .none else { return }
        if let finding = classifier.pair(burst, isOver: over != nil, context()) {
            report(finding, &out)
        }
    }

    private mutating func hearTones(
        _ features: HopFeatures, _ out: inout Outbox<DetectionEvent>
    ) {
        let context = context()
        if let segment = tracker.push(features, hopEnd: hopEnd),
            !ownVoice.isOurs(hertz: segment.hertz, levelDBm0: segment.levelDBm0),
            let finding = classifier.ended(segment, context)
        {
            report(finding, &out)
        }
        let afterSpeech = context.speechMs >= 300
        let heard = Self.hear(
            &rows, features, &beeps, voice: vadScore, afterSpeech: afterSpeech, hopEnd: hopEnd)
        classifier.notes.push(
            hertz: features.peakHz, isTonal: beeps.isTonal, voice: vadScore, hopEnd: hopEnd)
        if let heard, !ownVoice.isOurs(hertz: heard.hertz, levelDBm0: heard.levelDBm0),
            let finding = classifier.candidate(heard, context)
        {
            report(finding, &out)
        }
        if let finding = classifier.poll(&tracker, context) { report(finding, &out) }
        if let finding = classifier.sounding(&tracker, context) { report(finding, &out) }
        if classifier.takeRing() { beeps.forgetNetwork() }
    }

    private static func hear(
        _ rows: inout EarFeatures, _ features: HopFeatures, _ beeps: inout BeepDetector,
        voice: Float, afterSpeech: Bool, hopEnd: Int
    ) -> BeepDetector.Candidate? {
        rows.withRow {
            beeps.push($0, features, voice: voice, afterSpeech: afterSpeech, hopEnd: hopEnd)
        }
    }

    private static func hear(
        _ rows: inout EarFeatures, _ vad: inout VoiceActivityDetector
    ) -> Float? {
        rows.withRow { vad.push($0) }
    }

    private mutating func hearSpeech(_ out: inout Outbox<DetectionEvent>) {
        guard let score = Self.hear(&rows, &vad) else { return }
        vadScore = score
        if tracesVAD { trace.append(VADScore(atMs: ms(hopEnd), score: vadScore)) }
        tell(turn.push(score: score, frameEnd: hopEnd), &out)
        note(segmenter.push(score: score, frameEnd: hopEnd))
        machine.voiced(until: sinceAnswer(segmenter.lastVoice))
        if answerSample != nil, machine.final == nil {
            let step = vad.step
            step.span.withUnsafeBufferPointer { answerer.push($0) }
        }
        hearInterruption(score, &out)
    }

    private mutating func hearInterruption(_ score: Float, _ out: inout Outbox<DetectionEvent>) {
        if case .ended = interruption.push(score: score, frameEnd: hopEnd) {
            ownVoice.speechEnded()
        }
        if interruption.isSpeaking, score >= policy.bargeIn.offScore,
            ownVoice.heard(
                levelDBm0: Double(max(hopLevel, earlierLevel)), needed: policy.bargeInMs)
        {
            out.push(.bargeIn(atMs: ms(hopEnd)))
            (hasBargedIn, interrupterSpeaks, interrupterIsVoice) = (true, true, false)
            machine.interrupted(at: sinceAnswer(hopEnd))
        }
        tellInterrupter(&out)
    }

    private mutating func tellInterrupter(_ out: inout Outbox<DetectionEvent>) {
        guard hasBargedIn else { return }
        if segmenter.isSpeaking { interrupterIsVoice = true }
        // An eager rule goes on hearing the noise around who has said his word.
        let speaks = interrupterIsVoice ? segmenter.isSpeaking : interruption.isSpeaking
        guard speaks != interrupterSpeaks else { return }
        interrupterSpeaks = speaks
        if machine.final == .voicemail {
            out.push(.interrupter(speaks: speaks, atMs: ms(hopEnd)))
        }
    }

    /// Speech is not looked for just now.
    private mutating func restSpeech(_ out: inout Outbox<DetectionEvent>) {
        vadScore = 0
        endSpeech(&out)
    }

    private mutating func endSpeech(_ out: inout Outbox<DetectionEvent>) {
        tell(turn.finish(), &out)
        note(segmenter.finish())
        if case .ended = interruption.finish() { ownVoice.speechEnded() }
        tellInterrupter(&out)
    }

    // MARK: results

    private mutating func note(_ change: SpeechSegmenter.Change) {
        switch change {
        case .none: break
        case .started(let sample): machine.speechStarted(at: sinceAnswer(sample))
        case .ended(let sample): machine.speechEnded(at: sinceAnswer(sample))
        }
    }

    private func tell(_ change: SpeechSegmenter.Change, _ out: inout Outbox<DetectionEvent>) {
        switch change {
        case .none: break
        case .started(let sample): out.push(.speechStart(atMs: ms(sample)))
        case .ended(let sample): out.push(.speechEnd(atMs: ms(sample)))
        }
    }

    private mutating func report(
        _ finding: ToneClassifier.Finding, _ out: inout Outbox<DetectionEvent>
    ) {
        switch finding {
        case .beep(let start, let end, let hertz, let level):
            out.push(
                .beep(
                    startMs: ms(start), endMs: ms(end), frequencyHz: Double(hertz),
                    levelDBm0: Double(level), knownAtMs: ms(hopEnd)))
            guard answerSample != nil else { return }
            machine.beep(
                start: sinceAnswer(start), knownAt: sinceAnswer(hopEnd), out: &out)
        case .tone(let kind, let start, let information):
            out.push(
                .tone(
                    kind, startMs: ms(start), knownAtMs: ms(hopEnd), information: information))
            guard answerSample != nil else { return }
            machine.tone(kind, now: sinceAnswer(hopEnd), out: &out)
        }
    }

    private func context() -> ToneClassifier.Context {
        let sinceBeep = machine.speechSinceBeepMs
        return ToneClassifier.Context(
            now: hopEnd, speechMs: answerSample == nil ? 0 : machine.speechMs,
            lastDigit: lastDigit, lastPress: lastPress, offPitch: dtmf.offPitch, lastPair: lastPair,
            beepScore: beeps.recentScore,
            isAfterBeep: sinceBeep.map { $0 < ToneClassifier.spokenMs } ?? false,
            isPerson: machine.final == .human,
            levelDBm0: hopLevel, peakHz: peakHz)
    }

    private func sinceAnswer(_ sample: Int) -> Int { sample - (answerSample ?? 0) }

    private func ms(_ sample: Int) -> Int { sinceAnswer(sample) / 8 }
}
