/// Tells the tones of a network apart by their rhythm.
struct CadenceJudge: Sendable {
    private static let forgetSamples = 8 * 8000
    private var last = PairDetector.Burst()
    private var lastHz: Float = 0
    private var reported: ToneKind?
    private var reportedUntil = 0

    /// The kind last reported is still in force at `sample`.
    func isInForce(at sample: Int) -> Bool { reported != nil && sample < reportedUntil }

    /// It has rung, and may ring again.
    func isRinging(at sample: Int) -> Bool { reported == .ringback && sample < reportedUntil }

    /// The call was answered: rings go on being known, and what sounds from now on is the other side's, also
    /// when the network said the same before.
    mutating func answered() {
        last = PairDetector.Burst()
        if reported != .ringback { reported = nil }
    }

    /// The burst before this one had the same tone and ended less than 8 s ago.
    func repeats(_ tone: NetworkTone, hertz: Float, start: Int) -> Bool {
        last.tone == tone && start - last.end < Self.forgetSamples && start >= last.end
            && (tone != .single || (hertz - lastHz).magnitude < 8)
    }

    /// A burst that is under way: what can be said before it ends.
    mutating func sounding(_ burst: PairDetector.Burst, now: Int) -> ToneKind? {
        let ms = (now - burst.start) / 8
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
        last = burst
        lastHz = hertz
        guard isRepeat, burst.tone == .busyPair || burst.tone == .single else { return nil }
        let isEven = (on - before).magnitude <= max(on, before) / 4 + 20
        guard isEven else { return nil }
        if (150...330).contains(on), (150...340).contains(gap) { return report(.reorder, now) }
        if (330...800).contains(on), (290...850).contains(gap) { return report(.busy, now) }
        if burst.tone == .single, (600...2400).contains(on), (1500...6000).contains(gap) {
            return report(.ringback, now)
        }
        return nil
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
