internal import Base
internal import CallModel

/// Gives finished tones their names: part of a special information tone, fax, network tone, digit,
/// or, when the beep network hears one and they are none of these, a beep.
///
/// ```
/// Segment ───► digit? pair? ─► SIT step ─► CED, CNG ─► 400…450 Hz: cadence ─► tone
/// Candidate ─► digit? pair? named already? speech? ─► may it be the first burst of a cadence, a step
///                     of SIT, a note of a tune? ─► held until that is known ─► beep
/// ```
struct ToneClassifier: Sendable {
    /// What the rest of the chain knows when a tone ends.
    struct Context: Sendable {
        var now: Int
        /// Speech heard since the answer, ms; before the answer 0.
        var speechMs: Int
        /// Samples until which a digit sounded, one block of one included, and one that was recognised.
        var lastDigit: Int
        var lastPress = -1_000_000
        /// Where the last digit began and ended that no telephone sends: its tones are 2 % off or more.
        var offPitch = (start: -1_000_000, end: -1_000_000)
        /// Samples until which a pair sounded.
        var lastPair: Int
        /// The best that the beep network has thought of the last 160 ms, 0…1.
        var beepScore: Float = 0
        /// A beep has been heard, and nobody since: what follows is more likely the network's.
        var isAfterBeep = false
        /// A person has answered, for good: what beeps now is rather a warning tone of the line's than a mailbox.
        var isPerson = false
        /// What sounds in this hop, and where its strongest line lies.
        var levelDBm0: Float = -100
        var peakHz: Float = 0
    }

    enum Finding: Sendable, Equatable {
        case beep(start: Int, end: Int, hertz: Float, levelDBm0: Float)
        case tone(ToneKind, start: Int, information: SpecialInformation? = nil)
    }

    /// 80 ms as codecs leave them.
    static let shortestBeepMs = 65
    /// The same before anybody has spoken: shorter ones are a receiver off the hook.
    static let shortestLoneMs = 75
    static let longestBeepMs = 5200
    /// Of two tones beside a digit's: shorter ones are a digit that was not heard whole.
    static let shortestPairMs = 100
    /// What the voice network rather takes for speech is no beep: some voices are so high and hold a vowel so
    /// steadily that only it hears the difference. Of 500 beeps one came to 0.5, the next to 0.3.
    /// It is not asked where a steady line is neither a vowel nor a whistled s.
    static let voiceScore: Float = 0.5
    static let voicelessHz: ClosedRange<Float> = 1200...2600
    /// Where no greeting announces a beep a note of a tune is likelier: something as loud (dB) follows at
    /// this distance from its end, on another pitch, and stays there for so many hops. Noise 5 dB below
    /// the beep does not. The centre of a hop's window lies 16 ms before its end.
    private static let tuneFall: Float = 1
    private static let tuneFrom = 46 * 8
    private static let tuneWait = 130 * 8
    private static let shortTuneWait = 190 * 8
    private static let tuneHops = 2
    /// A shorter one that is followed so by the same pitch is a receiver off the hook.
    private static let shortLoneMs = 110
    private static let samePitch: Float = 0.012
    /// How long a 400…450 Hz burst is held back, in case it repeats; before anybody has spoken one that is as
    /// short as those of call waiting and congestion tones longer (ITU-T E.180 supplement 2: 250 ms on, 750 off).
    private static let cadenceWait = 580 * 8
    private static let shortBurstMs = 350
    private static let shortBurstWait = 800 * 8
    /// From here on a lone one is the first of a ringing cadence: Russia's is 800 ms long.
    private static let ringMs = 700
    private static let longestWaitingMs = 550
    /// After a greeting a pair at a network's pitches is a beep as well, unless it is as long as a network's.
    private static let longestPairBeepMs = 1000
    /// How long after its end a tone at a network's or a fax's pitch may yet get its name:
    /// `ToneTracker` is sure of an end 60 ms after it.
    private static let nameWait = 100 * 8
    /// A steady line as long as this is a beep, whatever the network makes of it: nobody holds a note
    /// so well for so long.
    private static let longToneMs = 1600
    private static let highHz: Float = 1500
    /// How long a tone at the pitch of the first step of special information tones is held back.
    private static let stepWait = 130 * 8
    /// ITU-T T.30: 1100 ± 38 Hz, half a second.
    private static func isFaxCallHz(_ hertz: Float) -> Bool { (1061...1139).contains(hertz) }
    /// ITU-T T.30: a called fax's 2100 Hz takes 2.6 s at least. After a greeting a mailbox's beep is likelier.
    private static let faxAnswerMs = 1000
    private static let faxAnswerAfterSpeechMs = 2200
    /// So much speech is a greeting, after which a beep is expected.
    private static let greetingMs = 1000
    /// So much speech is somebody's, and no click.
    static let spokenMs = 300
    /// A network repeats its tones within this time.
    private static let rhythmSamples = 7 * 8000
    /// From one warning that a call is recorded to the next: 15 s. What comes sooner is a mailbox's second beep.
    private static let warningPeriod = 10 * 8000..<20 * 8000

    /// Of five tones in this time the fifth is no beep.
    private static let manySamples = 6 * 8000

    private var held: BeepDetector.Candidate?
    private var heldForCadence = false
    private var heldForTune = false
    /// The note that follows what is held: where it began to stay, and for how many hops it has.
    private var nextNoteHz: Float = 0
    private var nextNoteHops = 0
    private var heldDeadline = 0
    private var steps = InformationSteps()
    /// Until here a third step that was cut in two may go on.
    private var sitRestUntil = 0
    private var swallowsActive = false
    /// Everything up to this sample has a name already.
    private var namedUntil = 0
    /// Up to this sample the network has heard a beep.
    private var heardUntil = 0
    private var lastLone: BeepDetector.Candidate?
    private var repeats = 0
    /// Where the last candidates began, the latest first.
    private var earlier = InlineArray<4, Int>(repeating: -1_000_000)
    private var lastWarning = -1_000_000
    private(set) var judge = CadenceJudge()
    /// A ring has sounded since `takeRing`.
    private var hasRung = false
    /// Speech heard up to the last burst that `judge` was told of, ms.
    private var speechAtBurst = 0
    /// What sounded before; fed each hop.
    var notes = NoteMemory()

    /// What may be a beep is over and held back.
    var isHolding: Bool { held != nil }

    /// The call was answered: what the network sounded before is no note, no rhythm and no beep of who
    /// answered.
    mutating func answered() {
        held = nil
        // A tone that goes on over the answer is the other side's from here on.
        swallowsActive = false
        lastLone = nil
        repeats = 0
        earlier = InlineArray<4, Int>(repeating: -1_000_000)
        notes = NoteMemory()
        judge.answered()
        speechAtBurst = 0
    }

    /// Whether a ring has sounded since this was asked last: what comes next may be who answers it.
    mutating func takeRing() -> Bool {
        defer { hasRung = false }
        return hasRung
    }

    /// The audio is over: a tone still held back is a beep.
    mutating func finish(_ context: Context) -> Finding? { release(context) }

    // MARK: tones under way

    /// Looks at the tone that is sounding, if any: fax and dial tones do not wait for their end.
    mutating func sounding(
        _ tracker: inout ToneTracker, _ context: Context
    ) -> Finding? {
        guard tracker.isActive else {
            swallowsActive = false
            return nil
        }
        guard !swallowsActive else {
            hasName(from: tracker.activeStart, to: context.now)
            return nil
        }
        let ms = tracker.activeMilliseconds
        let hertz = tracker.activeHz
        if (2070...2130).contains(hertz),
            ms
                >= (context.speechMs < Self.spokenMs
                    ? Self.faxAnswerMs : Self.faxAnswerAfterSpeechMs)
        {
            return swallow(.ced, start: tracker.activeStart, context)
        }
        if ms >= InformationSteps.provenMs,
            steps.isFollowed(by: hertz, since: tracker.activeStart)
        {
            sitRestUntil = context.now + InformationSteps.rest
            return swallow(
                .sit, start: steps.start, information: steps.complete(), context)
        }
        // One line of a pair is no tone of its own.
        if Self.isNetworkHz(hertz), context.speechMs == 0,
            context.lastPair <= tracker.activeStart
        {
            let burst = PairDetector.Burst(
                tone: .single, start: tracker.activeStart, end: context.now)
            if let kind = judge.sounding(burst, now: context.now) {
                return swallow(kind, start: burst.start, context)
            }
        }
        return nil
    }

    /// The tone under way is of this kind, and what is left of it needs no other name.
    private mutating func swallow(
        _ kind: ToneKind, start: Int, information: SpecialInformation? = nil, _ context: Context
    ) -> Finding {
        swallowsActive = true
        hasName(from: start, to: context.now)
        held = nil
        return .tone(kind, start: start, information: information)
    }

    /// A pair's burst, under way (`isOver` false) or over.
    mutating func pair(
        _ burst: PairDetector.Burst, isOver: Bool, _ context: Context
    ) -> Finding? {
        if let other = held, heldForCadence, burst.start > other.end { held = nil }
        let isAfterGreeting = Self.mayBePairBeep(context)
        let isInForce = judge.isInForce(at: context.now)
        if isOver { mindSpeech(context) }
        let kind =
            isOver
            ? judge.ended(burst, hertz: 0, now: context.now)
            : judge.sounding(
                burst, atLeast: isAfterGreeting ? Self.longestPairBeepMs : 0, now: context.now)
        if kind == nil, isAfterGreeting, !isInForce, burst.milliseconds < Self.longestPairBeepMs {
            return nil
        }
        held = nil
        hasName(from: burst.start, to: burst.end)
        return kind.map { .tone($0, start: burst.start) }
    }

    // MARK: steady lines that are over

    /// A steady line that `ToneTracker` followed: is it a step, a fax tone, part of a rhythm?
    mutating func ended(_ segment: ToneTracker.Segment, _ context: Context) -> Finding? {
        if swallowsActive {
            swallowsActive = segment.wasTakenOver
            return nil
        }
        guard !overlapsDigitOrPair(segment.start, segment.milliseconds, context) else { return nil }
        if steps.take(segment) { return nil }
        let ms = segment.milliseconds
        if Self.isFaxCallHz(segment.hertz), (400...620).contains(ms),
            context.speechMs < Self.spokenMs, segment.isPure
        {
            return name(.cng, from: segment.start, to: segment.end)
        }
        guard segment.isPure else { return nil }
        if (1379...1421).contains(segment.hertz), (400...600).contains(ms) {
            // ITU-T E.180: 1400 Hz for half a second, again every fifteen.
            let repeats = Self.warningPeriod.contains(segment.start - lastWarning)
            lastWarning = segment.start
            if repeats || context.isPerson || context.speechMs < Self.greetingMs / 3 {
                return name(.recordWarning, from: segment.start, to: segment.end)
            }
        }
        if Self.isNetworkHz(segment.hertz),
            !(segment.isShort && (segment.wasTakenOver || segment.tookOver))
        {
            return network(segment, context)
        }
        // Nobody sings so high so steadily.
        let isHigh = segment.hertz >= Self.highHz && context.speechMs >= Self.spokenMs
        let isBell = context.beepScore >= 0.3 && !segment.isShort
        guard ms >= Self.longToneMs || isHigh || isBell, segment.start >= heardUntil else {
            return nil
        }
        return candidate(
            BeepDetector.Candidate(
                start: segment.start, end: segment.end, hertz: segment.hertz,
                levelDBm0: segment.levelDBm0, score: 1), context)
    }

    /// What sounded from here to there is no beep, and no note, either, unless it sounded in a tune.
    private mutating func hasName(from start: Int, to end: Int) {
        namedUntil = max(namedUntil, end)
        guard !notes.hasMany(before: start, hopEnd: end) else { return }
        notes.forget(since: start)
        if judge.isRinging(at: end) { hasRung = true }
    }

    private mutating func name(_ kind: ToneKind, from start: Int, to end: Int) -> Finding {
        hasName(from: start, to: end)
        if let other = held, other.end > start { held = nil }
        return .tone(kind, start: start)
    }

    /// A burst is over. One that somebody's words part from the burst before it goes on with no rhythm.
    private mutating func mindSpeech(_ context: Context) {
        if context.speechMs - speechAtBurst >= Self.spokenMs { judge.forgetRhythm() }
        speechAtBurst = context.speechMs
    }

    /// 400…450 Hz: a burst of a cadence, or a beep that happens to lie there.
    private mutating func network(
        _ segment: ToneTracker.Segment, _ context: Context
    ) -> Finding? {
        let burst = PairDetector.Burst(tone: .single, start: segment.start, end: segment.end)
        mindSpeech(context)
        let isRepeat = judge.repeats(.single, hertz: segment.hertz, start: segment.start)
        let inForce = judge.isInForce(at: context.now)
        if let kind = judge.ended(burst, hertz: segment.hertz, now: context.now) {
            held = nil
            return name(kind, from: segment.start, to: segment.end)
        }
        // After a greeting a lone one is a mailbox's beep, however often it has rung before.
        if inForce && context.speechMs < Self.spokenMs || isRepeat && context.speechMs == 0 {
            held = nil
            judge.goesOn(now: context.now)
            hasName(from: segment.start, to: segment.end)
        } else if segment.milliseconds >= Self.ringMs, context.speechMs < Self.spokenMs,
            let kind = judge.firstRing(now: context.now)
        {
            return name(kind, from: segment.start, to: segment.end)
        }
        return nil
    }

    // MARK: what the network takes for a beep

    /// A tone that sounds like a beep and is over.
    mutating func candidate(
        _ candidate: BeepDetector.Candidate, _ context: Context
    ) -> Finding? {
        guard (Self.shortestBeepMs...Self.longestBeepMs).contains(candidate.milliseconds),
            !overlapsDigitOrPair(candidate.start, candidate.milliseconds, context),
            candidate.voice < Self.voiceScore || Self.voicelessHz.contains(candidate.hertz),
            // The same tone, found by the network and by its steadiness.
            candidate.end > heardUntil + 240,
            // A tone that was named while it sounded, to within the edges' error.
            candidate.end > namedUntil + 240 || candidate.start > namedUntil,
            !(InformationSteps.isLast(candidate.hertz) && candidate.end <= sitRestUntil),
            !swallowsActive
        else { return nil }
        heardUntil = max(heardUntil, candidate.end)
        guard !isFaxCall(candidate, context), !isInRhythm(candidate, context),
            !notes.hasMany(
                before: candidate.start, besides: candidate.hertz, hopEnd: context.now),
            context.speechMs >= Self.spokenMs || candidate.milliseconds >= Self.shortestLoneMs
        else { return nil }
        held = candidate
        heldForCadence = false
        heldForTune = false
        heldDeadline = context.now
        let mayBeSIT = steps.count > 0 && candidate.start < steps.end
        let hasGreeting = context.speechMs >= Self.greetingMs
        if mayBeSIT, context.speechMs < Self.spokenMs || steps.count == 2 {
            heldDeadline = steps.end + Self.stepWait
        } else if context.lastPair >= candidate.start - 240
            || Self.isNetworkHz(candidate.hertz) && candidate.milliseconds < 800
                && (!hasGreeting || context.isAfterBeep || context.isPerson)
        {
            heldForCadence = true
            let isShort =
                candidate.milliseconds <= Self.shortBurstMs && context.speechMs < Self.spokenMs
            heldDeadline = candidate.end + (isShort ? Self.shortBurstWait : Self.cadenceWait)
        } else if Self.mayBeNamed(candidate) {
            heldDeadline = candidate.end + Self.nameWait
        }
        if !hasGreeting {
            heldForTune = true
            nextNoteHops = 0
            let isShort =
                candidate.milliseconds < Self.shortLoneMs && context.speechMs < Self.spokenMs
            heldDeadline = max(
                heldDeadline, candidate.end + (isShort ? Self.shortTuneWait : Self.tuneWait))
        }
        return context.now >= heldDeadline ? release(context) : nil
    }

    /// Called each hop: reports what has been held back long enough.
    mutating func poll(_ tracker: inout ToneTracker, _ context: Context) -> Finding? {
        guard let candidate = held else { return nil }
        if heldForTune, isTune(candidate, context) {
            held = nil
            return nil
        }
        guard context.now >= heldDeadline else { return nil }
        if heldForCadence {
            // The next burst has begun: its end decides.
            if tracker.isActive, (tracker.activeHz - candidate.hertz).magnitude < 8 { return nil }
        } else if tracker.isSteady,
            steps.isFollowed(
                by: tracker.activeHz, since: tracker.activeStart, within: 60 * 8)
        {
            return nil
        }
        return release(context)
    }

    private mutating func release(_ context: Context) -> Finding? {
        guard let candidate = held else { return nil }
        held = nil
        // 440 Hz for 300 ms in North America, 100 ms at most in Britain and Austria, 500 in the Netherlands.
        let isCallWaiting =
            context.isPerson && candidate.milliseconds <= Self.longestWaitingMs
            || context.speechMs < Self.spokenMs
                && ((candidate.hertz - 440).magnitude <= 4
                    && (250...350).contains(candidate.milliseconds)
                    || candidate.milliseconds <= Self.shortLoneMs)
        if heldForCadence, isCallWaiting {
            return .tone(.callWaiting, start: candidate.start)
        }
        return .beep(
            start: candidate.start, end: candidate.end, hertz: candidate.hertz,
            levelDBm0: candidate.levelDBm0)
    }

    /// Another note follows. Asked each hop.
    private mutating func isTune(
        _ candidate: BeepDetector.Candidate, _ context: Context
    ) -> Bool {
        func isSame(_ hertz: Float, as other: Float) -> Bool {
            (hertz - other).magnitude <= Self.samePitch * other
        }
        guard (Self.tuneFrom...Self.shortTuneWait).contains(context.now - candidate.end),
            context.levelDBm0 > candidate.levelDBm0 - Self.tuneFall,
            candidate.milliseconds < Self.shortLoneMs && context.speechMs < Self.spokenMs
                || !isSame(context.peakHz, as: candidate.hertz)
        else {
            nextNoteHops = 0
            return false
        }
        if nextNoteHops == 0 || !isSame(context.peakHz, as: nextNoteHz) {
            nextNoteHz = context.peakHz
            nextNoteHops = 0
        }
        nextNoteHops += 1
        return nextNoteHops >= Self.tuneHops
    }

    /// ITU-T T.30: what a calling fax sends; `ended` names it a few hops later.
    private func isFaxCall(_ candidate: BeepDetector.Candidate, _ context: Context) -> Bool {
        Self.isFaxCallHz(candidate.hertz) && (400...620).contains(candidate.milliseconds)
            && context.speechMs < Self.spokenMs
    }

    /// The same tone a third time, as long as before, and nobody has spoken: a network's rhythm. Or a
    /// fifth of anything within six seconds, whoever has spoken: a mailbox beeps three times at most, a
    /// receiver off the hook howls ten times in two seconds.
    private mutating func isInRhythm(
        _ candidate: BeepDetector.Candidate, _ context: Context
    ) -> Bool {
        guard !isOneTooMany(candidate) else { return true }
        guard context.speechMs < Self.spokenMs else { return false }
        defer { lastLone = candidate }
        guard let last = lastLone else { return false }
        let before = last.milliseconds, now = candidate.milliseconds
        let isSame =
            (0..<Self.rhythmSamples).contains(candidate.start - last.end)
            && (candidate.hertz - last.hertz).magnitude < 0.015 * last.hertz
            && (before - now).magnitude <= max(before, now) / 5 + 20
        repeats = isSame ? repeats + 1 : 0
        return repeats >= 2
    }

    private mutating func isOneTooMany(_ candidate: BeepDetector.Candidate) -> Bool {
        let fifthLast = earlier[3]
        for index in stride(from: 3, to: 0, by: -1) { earlier[index] = earlier[index - 1] }
        earlier[0] = candidate.start
        return candidate.start - fifthLast < Self.manySamples
    }

    /// Its pitch is one that `ended` has names for.
    private static func mayBeNamed(_ candidate: BeepDetector.Candidate) -> Bool {
        let hertz = candidate.hertz
        return isNetworkHz(hertz) || isFaxCallHz(hertz)
            || (1379...1421).contains(hertz) && (380...620).contains(candidate.milliseconds)
    }

    /// 30 ms: the blocks of the digit and pair detectors lag the tone's own edges. A pair after a greeting may
    /// be a beep, also one near a digit's; `pair` has taken those that are not (`namedUntil`).
    private func overlapsDigitOrPair(_ start: Int, _ length: Int, _ context: Context) -> Bool {
        guard Self.mayBePairBeep(context), length >= Self.shortestPairMs else {
            return max(context.lastDigit, context.lastPair) >= start - 240
        }
        // A digit lasts until four blocks are without it.
        let isOffPitch =
            context.offPitch.end > start
            && context.lastPress <= context.offPitch.end + 5 * DTMFDetector.blockCount
        return context.lastPress >= start - 240 && !isOffPitch
    }

    /// Somebody has spoken, who is no person for sure, and has not beeped since.
    private static func mayBePairBeep(_ context: Context) -> Bool {
        context.speechMs >= spokenMs && !context.isPerson && !context.isAfterBeep
    }

    /// 400, 425, 440 and 450 Hz, ±1.5 %.
    static func isNetworkHz(_ hertz: Float) -> Bool {
        (hertz - 425).magnitude <= 7 || (hertz - 400).magnitude <= 6
            || (hertz - 445).magnitude <= 11
    }
}
