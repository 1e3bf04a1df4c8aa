/// Tells the tones of a network apart by their rhythm.
struct CadenceJudge: Sendable {
    private static let forgetSamples = 8 * 8000
    /// Between the bursts of one group, ms, and how long those of a short one are.
    private static let longestRest = 850
    private static let longestShort = 450

    private var last = PairDetector.Burst()
    private var lastHz: Float = 0
    /// Bursts of the same tone one after the other.
    private var run = 0
    private var reported: ToneKind?
    private var reportedUntil = 0

    /// The kind last reported is still in force at `sample`.
    func isInForce(at sample: Int) -> Bool { reported != nil && sample < reportedUntil }

    /// It has rung, and may ring again.
    func isRinging(at sample: Int) -> Bool { reported == .ringback && sample < reportedUntil }

    /// When a ring was last heard that may go on; nil when none does.
    func lastRing(at sample: Int) -> Int? {
        isRinging(at: sample) ? reportedUntil - Self.forgetSamples : nil
    }

    /// The call was answered: rings go on being known, and what sounds from now on is the other side's, also
    /// when the network said the same before.
    mutating func answered() {
        forgetRhythm()
        if reported != .ringback { reported = nil }
    }

    /// The next burst is the first of its rhythm.
    mutating func forgetRhythm() { last = PairDetector.Burst() }

    /// The burst before this one had the same tone and ended less than 8 s ago.
    func repeats(_ tone: NetworkTone, hertz: Float, start: Int) -> Bool {
        last.tone == tone && start - last.end < Self.forgetSamples && start >= last.end
            && (tone != .single || (hertz - lastHz).magnitude < 8)
    }

    /// A burst that is under way, and has been for `atLeast` ms: what can be said before it ends.
    mutating func sounding(
        _ burst: PairDetector.Burst, atLeast: Int = 0, now: Int
    ) -> ToneKind? {
        let ms = (now - burst.start) / 8
        guard ms >= atLeast else { return nil }
        switch burst.tone {
        case .ringPair where ms >= 400: return report(.ringback, now)
        case .ringPairUK where ms >= 300: return report(.ringback, now)
        case .dialPair where ms >= 1000: return report(.dial, now)
        case .single where ms >= 2600: return report(.dial, now)
        default: return nil
        }
    }

    /// A burst that is over. `hertz` matters for `.single` only.
    mutating func ended(_ burst: PairDetector.Burst, hertz: Float, now: Int) -> ToneKind? {
        let isRepeat = repeats(burst.tone, hertz: hertz, start: burst.start)
        let gap = (burst.start - last.end) / 8
        let on = burst.milliseconds
        let before = last.milliseconds
        let group = run
        last = burst
        lastHz = hertz
        run = isRepeat && gap <= Self.longestRest ? run + 1 : 1
        guard isRepeat, burst.tone == .busyPair || burst.tone == .single else { return nil }
        let isEven = (on - before).magnitude <= max(on, before) / 4 + 20
        guard isEven else {
            // Congestion in the United Kingdom: 400 on, 350 off, 225 on, 525 off.
            return run >= 4 && on <= Self.longestShort ? report(.reorder, now) : nil
        }
        if (150...330).contains(on), (150...340).contains(gap) {
            // Two bursts and a long rest are call waiting.
            return burst.tone == .busyPair || run >= 3 ? report(.reorder, now) : nil
        }
        if (150...330).contains(on), run >= 3 { return report(.reorder, now) }
        if (330...800).contains(on), (290...850).contains(gap) { return report(.busy, now) }
        guard burst.tone == .single, (1500...6000).contains(gap) else { return nil }
        if (600...2400).contains(on) { return report(.ringback, now) }
        return group == 2 && on <= Self.longestShort ? report(.callWaiting, now) : nil
    }

    /// A burst that says nothing by itself while a kind is in force: it is one more of that.
    mutating func goesOn(now: Int) {
        if isInForce(at: now) { reportedUntil = now + Self.forgetSamples }
    }

    /// A single burst that can only be the first of a ringing cadence.
    mutating func firstRing(now: Int) -> ToneKind? { report(.ringback, now) }

    private mutating func report(_ kind: ToneKind, _ now: Int) -> ToneKind? {
        let isNew = reported != kind || now >= reportedUntil
        reported = kind
        reportedUntil = now + Self.forgetSamples
        return isNew ? kind : nil
    }
}
