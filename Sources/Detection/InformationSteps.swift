internal import CallModel

/// The three rising steps of special information tones, as they come.
///
/// ```
/// 914 or 985 Hz ─► 1371 or 1429 Hz ─► 1777 Hz        274 or 380 ms each, at most 50 ms apart
///                                                    (Bellcore's code; ITU-T E.180: 950, 1400, 1800 Hz)
/// ```
/// A lost packet cuts a step into two of its pitch. Of the first step nothing may be left when the line opens.
struct InformationSteps: Sendable {
    /// One of the first two steps.
    private struct Step: Sendable {
        var start = 0
        var end = 0
        var hertz: Float = 0
        var milliseconds: Int { (end - start) / 8 }
    }

    /// A step of which so much was heard is the last (ms), and what is left of it comes within so many samples.
    static let provenMs = 120
    static let rest = 340 * 8
    /// From one step's end to the beginning of the next, in samples.
    private static let longestGap = 120 * 8
    /// What is no step for its length, ms.
    private static let lengths = 200...480
    /// The nominal lengths, and how far one may be off them, ms.
    private static let shortMs = 274
    private static let longMs = 380
    private static let toleranceMs = 40
    /// How far a pitch may be off its nominal, of it: half-way to ITU-T's.
    private static let pitchTolerance: Float = 0.014

    private var first = Step()
    private var second = Step()
    /// Steps heard: 0 to 2.
    private(set) var count = 0
    /// The first step was not heard from its beginning, or not at all.
    private var isIncomplete = false

    /// The first step's beginning, and the last one's end so far, in samples.
    private(set) var start = 0
    private(set) var end = 0

    /// 1777 Hz, or ITU-T E.180's 1800 ± 50.
    static func isLast(_ hertz: Float) -> Bool { (1745...1851).contains(hertz) }

    /// A tone that began here and is as high as the last step follows in time.
    func isFollowed(by hertz: Float, since begin: Int, within gap: Int = longestGap) -> Bool {
        count == 2 && Self.isLast(hertz) && begin - end < gap
    }

    /// Takes a steady line that is over.
    ///
    /// - Returns: true while the pattern holds: the line is one of its steps.
    mutating func take(_ segment: ToneTracker.Segment) -> Bool {
        if count == 0 || (segment.start - end).magnitude >= Self.longestGap { count = 0 }
        let fits = Self.lengths.contains(segment.milliseconds)
        let step = Step(start: segment.start, end: segment.end, hertz: segment.hertz)
        let isFirst = (890...1010).contains(segment.hertz)
        let isSecond = (1340...1460).contains(segment.hertz)
        switch count {
        case 0 where fits && isFirst:
            first = step
            (count, start, isIncomplete) = (1, segment.start, false)
        case 1 where isSecond && segment.milliseconds <= Self.lengths.upperBound:
            second = step
            count = 2
        case 1 where isFirst: first.end = segment.end
        case 2 where isSecond: second.end = segment.end
        case 0 where fits && isSecond:
            // The first may have been over, or half over, when the line opened. Alone it may be another
            // tone, too.
            second = step
            (count, start, end, isIncomplete) = (2, segment.start, segment.end, true)
            return false
        default: return false
        }
        end = segment.end
        return true
    }

    /// The last step has come.
    mutating func complete() -> SpecialInformation? {
        count = 0
        guard !isIncomplete, let isFirstHigh = Self.isHigh(first.hertz, low: 913.8, high: 985.2),
            let isSecondHigh = Self.isHigh(second.hertz, low: 1370.6, high: 1428.5)
        else { return nil }
        let (short, long) = (Self.shortMs, Self.longMs)
        return switch (isFirstHigh, isSecondHigh) {
        case (false, false):
            nearest((short, short, .intercept), (long, long, .carrierNoCircuit))
        case (true, false): nearest((long, short, .vacantCode), (short, long, .carrierReorder))
        case (false, true): nearest((short, long, .reorder), (long, short, .reserved1))
        case (true, true): nearest((long, long, .noCircuit), (short, short, .reserved2))
        }
    }

    /// nil: neither the one nor the other.
    private static func isHigh(_ hertz: Float, low: Float, high: Float) -> Bool? {
        if (hertz - low).magnitude <= pitchTolerance * low { return false }
        return (hertz - high).magnitude <= pitchTolerance * high ? true : nil
    }

    private func nearest(
        _ one: (Int, Int, SpecialInformation), _ other: (Int, Int, SpecialInformation)
    ) -> SpecialInformation? {
        func error(_ code: (Int, Int, SpecialInformation)) -> Int {
            max(
                abs(first.milliseconds - code.0), abs(second.milliseconds - code.1))
        }
        let best = error(one) <= error(other) ? one : other
        return error(best) <= Self.toleranceMs ? best.2 : nil
    }
}
