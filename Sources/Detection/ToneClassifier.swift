internal import Base

/// Gives finished tones their names: part of a special information tone, fax, network tone, digit,
/// or, when they are none of these, a beep.
///
/// ```
/// Segment ─► digit? pair? ─► SIT step ─► CED, CNG ─► 400…450 Hz: cadence ─► beep
///                              └─ held while the next tone of a chain is under way ─┘
/// ```
struct ToneClassifier: Sendable {
    /// What the rest of the chain knows when a tone ends.
    struct Context: Sendable {
        var now: Int
        /// Speech heard since the answer, ms; before the answer 0.
        var speechMs: Int
        /// Samples until which a digit sounded.
        var lastDigit: Int
        /// Samples until which a pair sounded.
        var lastPair: Int
    }

    enum Finding: Sendable, Equatable {
        case beep(start: Int, end: Int, hertz: Float, levelDBm0: Float)
        case tone(ToneKind, start: Int)
    }

    static let shortestBeepMs = 75
    static let longestBeepMs = 5200
    /// A melody has more steps than any record tone.
    private static let maximumSteps = 3
    /// How long a 400…450 Hz burst is held back, in case it repeats.
    private static let cadenceWait = 580 * 8
    /// How long the next tone of a chain may take to prove itself.
    private static let chainWait = 90 * 8
    /// The same between the steps of special information tones. A step proves itself after 10 to 14
    /// hops, as its edges lie to the hops; what it delays is only a two-step beep at SIT pitches.
    private static let stepWait = 170 * 8

    private var held: ToneTracker.Segment?
    /// Tones joined in `held`.
    private var heldSteps = 0
    /// `held` waits for a repetition, not for the next step of a chain.
    private var heldForCadence = false
    private var heldStart = 0
    private var heldDeadline = 0
    private var sitStage = 0
    private var sitEnd = 0
    private var sitStart = 0
    private var swallowsActive = false
    private(set) var judge = CadenceJudge()

    /// The audio is over: a tone still held back is a beep.
    mutating func finish(_ context: Context) -> Finding? { release(context) }

    // MARK: tones under way

    /// Looks at the tone that is sounding, if any: fax and dial tones do not wait for their end.
    mutating func sounding(
        _ tracker: borrowing ToneTracker, _ context: Context
    ) -> Finding? {
        guard tracker.isActive else {
            swallowsActive = false
            return nil
        }
        guard !swallowsActive else { return nil }
        let ms = tracker.activeMilliseconds
        let hertz = tracker.activeHz
        if (2070...2130).contains(hertz), ms >= 1000 {
            swallowsActive = true
            held = nil
            return .tone(.ced, start: tracker.activeStart)
        }
        if sitStage == 2, (1745...1810).contains(hertz), ms >= 120,
            tracker.activeStart - sitEnd < 120 * 8
        {
            swallowsActive = true
            sitStage = 0
            held = nil
            return .tone(.sit, start: sitStart)
        }
        if Self.isNetworkHz(hertz), context.speechMs == 0 {
            let burst = PairDetector.Burst(
                tone: .single, start: tracker.activeStart, end: context.now)
            if let kind = judge.sounding(burst, now: context.now) {
                swallowsActive = true
                return .tone(kind, start: burst.start)
            }
        }
        return nil
    }

    /// A pair's burst, under way (`isOver` false) or over.
    mutating func pair(
        _ burst: PairDetector.Burst, isOver: Bool, _ context: Context
    ) -> Finding? {
        held = nil
        let kind =
            isOver
            ? judge.ended(burst, hertz: 0, now: context.now)
            : judge.sounding(burst, now: context.now)
        return kind.map { .tone($0, start: burst.start) }
    }

    // MARK: tones that are over

    mutating func ended(_ segment: ToneTracker.Segment, _ context: Context) -> Finding? {
        if swallowsActive {
            swallowsActive = segment.wasTakenOver
            return nil
        }
        // 30 ms: the blocks of the digit and pair detectors lag the tone's own edges.
        guard context.lastDigit < segment.start - 240, context.lastPair < segment.start - 240 else {
            held = nil
            return nil
        }
        if isSITStep(segment) { return nil }
        let ms = segment.milliseconds
        if (1070...1130).contains(segment.hertz), (400...620).contains(ms), held == nil,
            context.speechMs < 1500, segment.isPure
        {
            return .tone(.cng, start: segment.start)
        }
        if Self.isNetworkHz(segment.hertz), segment.isPure, held == nil || heldForCadence,
            !(segment.isShort && (segment.wasTakenOver || segment.tookOver))
        {
            return network(segment, context)
        }
        return chain(segment, context)
    }

    /// Called each hop: reports what has been held back long enough.
    mutating func poll(_ tracker: borrowing ToneTracker, _ context: Context) -> Finding? {
        guard let segment = held, context.now >= heldDeadline else { return nil }
        if heldForCadence {
            // The next burst has begun: its end decides.
            if tracker.isActive, (tracker.activeHz - segment.hertz).magnitude < 8 { return nil }
        } else if tracker.isSteady, tracker.activeStart - segment.end < 60 * 8 {
            return nil
        }
        return release(context)
    }

    private mutating func release(_ context: Context) -> Finding? {
        guard let segment = held else { return nil }
        held = nil
        sitStage = 0
        // A short "tone" that ran into another one and led nowhere was a vowel.
        if heldSteps == 1, segment.isShort, segment.wasTakenOver { return nil }
        let ms = (segment.end - heldStart) / 8
        if heldForCadence, context.speechMs < 300, (segment.hertz - 440).magnitude <= 4,
            (250...350).contains(ms)
        {
            return .tone(.callWaiting, start: heldStart)
        }
        guard segment.isPure, (Self.shortestBeepMs...Self.longestBeepMs).contains(ms) else {
            return nil
        }
        return .beep(
            start: heldStart, end: segment.end, hertz: segment.hertz, levelDBm0: segment.levelDBm0)
    }

    /// Steps of a SIT: 914 or 985, 1371 or 1429, 1777 Hz; 276 or 380 ms each (ITU-T E.180,
    /// Bellcore). Returns true while the pattern holds; its tones are held as a possible beep.
    private mutating func isSITStep(_ segment: ToneTracker.Segment) -> Bool {
        let follows = sitStage > 0 && (segment.start - sitEnd).magnitude < 120 * 8
        let fits = (200...480).contains(segment.milliseconds)
        if !follows { sitStage = 0 }
        if sitStage == 0, fits, (890...1010).contains(segment.hertz), segment.wasTakenOver {
            sitStage = 1
            sitStart = segment.start
            hold(segment, start: segment.start, deadline: segment.end + Self.stepWait)
        } else if sitStage == 1, fits, (1340...1460).contains(segment.hertz) {
            sitStage = 2
            hold(segment, start: heldStart, deadline: segment.end + Self.stepWait)
        } else {
            return false
        }
        sitEnd = segment.end
        return true
    }

    /// 400…450 Hz: the first burst of a cadence, or a beep that happens to lie there.
    private mutating func network(
        _ segment: ToneTracker.Segment, _ context: Context
    ) -> Finding? {
        let burst = PairDetector.Burst(tone: .single, start: segment.start, end: segment.end)
        let isRepeat = judge.repeats(.single, hertz: segment.hertz, start: segment.start)
        let inForce = judge.isInForce(at: context.now)
        if let kind = judge.ended(burst, hertz: segment.hertz, now: context.now) {
            held = nil
            return .tone(kind, start: segment.start)
        }
        if inForce || isRepeat && context.speechMs == 0 {
            held = nil
            return nil
        }
        if segment.milliseconds >= 800, context.speechMs < 300 {
            return judge.firstRing(now: context.now).map { .tone($0, start: segment.start) }
        }
        let wait = segment.milliseconds < 800 ? Self.cadenceWait : 0
        hold(segment, start: segment.start, deadline: segment.end + wait)
        heldForCadence = true
        return releaseIfDue(context)
    }

    private mutating func chain(
        _ segment: ToneTracker.Segment, _ context: Context
    ) -> Finding? {
        if let previous = held, segment.start - previous.end < 60 * 8, !heldForCadence {
            heldSteps += 1
            guard heldSteps <= Self.maximumSteps else {
                held = nil
                return nil
            }
            let longer = segment.milliseconds > previous.milliseconds ? segment : previous
            var joined = longer
            joined.end = segment.end
            joined.isPure = segment.isPure && previous.isPure
            held = joined
        } else {
            guard segment.isPure, !(segment.isShort && segment.tookOver) else { return nil }
            hold(segment, start: segment.start, deadline: 0)
        }
        heldDeadline = segment.wasTakenOver ? segment.end + Self.chainWait : context.now
        return releaseIfDue(context)
    }

    private mutating func hold(_ segment: ToneTracker.Segment, start: Int, deadline: Int) {
        held = segment
        heldStart = start
        heldSteps = 1
        heldForCadence = false
        heldDeadline = deadline
    }

    private mutating func releaseIfDue(_ context: Context) -> Finding? {
        context.now >= heldDeadline ? release(context) : nil
    }

    /// 400, 425, 440 and 450 Hz, ±1.5 %.
    static func isNetworkHz(_ hertz: Float) -> Bool {
        (hertz - 425).magnitude <= 7 || (hertz - 400).magnitude <= 6
            || (hertz - 445).magnitude <= 11
    }
}
