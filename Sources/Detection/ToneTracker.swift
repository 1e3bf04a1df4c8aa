/// Follows the one strongest steady line of the spectrum and reports it, whole, when it is over.
///
/// ```
/// hop ─► tonal? same frequency? ─► candidate: running sums of its interior hops
///                                     │ four hops without it, or another tone takes over
///                                     ▼
///                     edges where the level passes −6 dB; purity, steadiness ─► Segment
/// ```
/// The rule is an FFT tonality test: the peak's share of the band's power, the spread of its
/// frequency and of its level around a straight line (a bell decays).
struct ToneTracker: Sendable {
    /// One steady tone, finished.
    struct Segment: Sendable, Equatable {
        /// Samples from the first pushed.
        var start = 0
        var end = 0
        var hertz: Float = 0
        var levelDBm0: Float = -100
        /// Clean and steady enough to be a beep by itself.
        var isPure = false
        /// How far the sound before and after it lies below it, dB (the smaller of both).
        var contrast: Float = 0
        /// Another tone took over before this one fell silent.
        var wasTakenOver = false
        /// It took over from another tone.
        var tookOver = false

        /// Among speech, tones as short as this need silence around them to be believed.
        var isShort: Bool { SteadinessSums.isShort(milliseconds: milliseconds, hertz: hertz) }

        var milliseconds: Int { (end - start) / 8 }
    }

    /// The window's centre lies 16 ms before the hop's end.
    private static let windowCentre = 128
    private static let lowestHz: Float = 330
    private static let highestHz: Float = 3100
    private static let minimumShare: Float = 0.4
    private static let minimumLevel: Float = -48
    /// A line further than this from the running average is another line.
    private static let maximumDriftHz: Float = 14
    /// A line at least this far away is a successor, not the tone's own decay.
    private static let successorHz: Float = 40
    /// Hops without the tone after which it is over: bridges one lost packet, and reports at most
    /// 60 ms after the end.
    private static let missesToEnd = 4
    /// Hops at either end whose window the tone does not fill.
    private static let edgeHops = 2
    /// From this hop on the window is full, and the reference level is the tone's own.
    private static let establishedHops = 4

    private var active = false
    private var startSample = 0
    private var lastCentre = 0
    private var lastLevel: Float = -100
    private var endSample = -1
    private var referenceHz: Float = 0
    private var referenceLevel: Float = -100
    private var hops = 0
    /// Hops since the beginning or the last bridged gap.
    private var run = 0
    private var misses = 0
    private var sums = SteadinessSums(originHz: 0)
    private var held = (HopFeatures(), HopFeatures())
    /// Frequency and level of the last eight hops' peaks, newest in slot `cursor`.
    private var recent = InlineArray<8, SIMD2<Float>>(repeating: SIMD2(0, -100))
    private var cursor = 0
    /// Levels of the last eight hops, newest first, and what they were when the tone began.
    private var hopLevels = SIMD8<Float>(repeating: -100)
    private var levelBefore: Float = -100
    private var tookOver = false

    /// A tone is under way.
    var isActive: Bool { active }
    var activeHz: Float { referenceHz }
    var activeStart: Int { startSample }
    /// Its length up to the last hop that held it.
    var activeMilliseconds: Int { active ? max(lastCentre - startSample, 0) / 8 : 0 }
    /// It has been steady and pure long enough to be no vowel.
    var isSteady: Bool {
        active && sums.count >= 4 && sums.share > 0.75 * sums.count && sums.hertzDeviation < 4
    }

    /// Takes one hop; returns a tone that is now over.
    mutating func push(_ features: HopFeatures, hopEnd: Int) -> Segment? {
        cursor = (cursor + 1) & 7
        recent[cursor] = SIMD2(features.peakHz, features.peakDBm0)
        for index in stride(from: 7, to: 0, by: -1) { hopLevels[index] = hopLevels[index - 1] }
        hopLevels[0] = features.levelDBm0
        let centre = hopEnd - Self.windowCentre
        let tonal =
            features.share >= Self.minimumShare
            && features.peakDBm0 >= Self.minimumLevel
            && features.peakHz >= Self.lowestHz && features.peakHz <= Self.highestHz
        guard active else {
            if tonal { begin(features, centre) }
            return nil
        }
        let same = tonal && (features.peakHz - referenceHz).magnitude <= Self.maximumDriftHz
        if same, features.peakDBm0 > referenceLevel - 6 {
            extend(features, centre)
            return nil
        }
        if tonal, hops < Self.establishedHops {
            // Its first windows, half full of something else, gave a wrong frequency.
            begin(features, centre)
            return nil
        }
        if misses == 0 { endSample = endCrossing(same ? features.peakDBm0 : -100, centre) }
        misses += 1
        run = 0
        // What is much quieter, or only a little beside it, is the tone's own decay in a window
        // that it no longer fills.
        if tonal, (features.peakHz - referenceHz).magnitude > Self.successorHz,
            features.peakDBm0 > referenceLevel - 12, misses > 1 || features.share > 0.7
        {
            let finished = end(takenOver: true)
            begin(features, centre)
            tookOver = finished != nil
            return finished
        }
        return misses >= Self.missesToEnd ? end() : nil
    }

    private mutating func begin(_ features: HopFeatures, _ centre: Int) {
        active = true
        startSample = centre
        lastCentre = centre
        lastLevel = features.peakDBm0
        referenceHz = features.peakHz
        referenceLevel = features.peakDBm0
        hops = 1
        run = 1
        misses = 0
        sums = SteadinessSums(originHz: features.peakHz)
        held = (features, features)
        tookOver = false
        // Newest first: hops 0 to 2 may hold the tone already, 3 to 6 lie before it.
        levelBefore = (hopLevels[3] + hopLevels[4] + hopLevels[5] + hopLevels[6]) / 4
    }

    /// The audio is over: the tone that is sounding ends here.
    mutating func finish(hopEnd: Int) -> Segment? {
        guard active else { return nil }
        if misses == 0 { endSample = hopEnd }
        return end()
    }

    private mutating func extend(_ features: HopFeatures, _ centre: Int) {
        misses = 0
        hops += 1
        run += 1
        if hops <= Self.establishedHops {
            referenceHz += (features.peakHz - referenceHz) * 0.5
            referenceLevel = max(referenceLevel, features.peakDBm0)
            if hops == Self.establishedHops { startSample = startCrossing(centre) }
        } else {
            referenceHz += (features.peakHz - referenceHz) * 0.1
            referenceLevel += (features.peakDBm0 - referenceLevel) * 0.25
        }
        if run > 2 * Self.edgeHops { sums.add(held.0) }
        held = (held.1, features)
        lastCentre = centre
        lastLevel = features.peakDBm0
    }

    /// Walks back from the established tone to where its level passed −6 dB.
    private func startCrossing(_ centre: Int) -> Int {
        let target = referenceLevel - 6
        var later = referenceLevel
        for back in 1..<8 {
            let hop = recent[(cursor - back) & 7]
            let isSame = (hop.x - referenceHz).magnitude <= 2 * Self.maximumDriftHz
            let level = isSame ? hop.y : -100
            if level < target {
                let fraction = (target - level) / max(later - level, 0.1)
                let hopCount = Float(DetectorChain.hopCount)
                return centre - back * DetectorChain.hopCount + Int(fraction * hopCount)
            }
            later = level
        }
        return centre - 7 * DetectorChain.hopCount
    }

    /// Between the last hop that held the tone and `centre`, where its level passed −6 dB.
    private func endCrossing(_ level: Float, _ centre: Int) -> Int {
        let target = referenceLevel - 6
        let fraction = min(max((lastLevel - target) / max(lastLevel - level, 0.1), 0), 1)
        return min(lastCentre + Int(fraction * Float(DetectorChain.hopCount)), centre)
    }

    private mutating func end(takenOver: Bool = false) -> Segment? {
        active = false
        guard hops >= Self.establishedHops, sums.count > 0 else { return nil }
        var segment = Segment()
        segment.start = startSample
        segment.end = max(endSample, startSample)
        segment.hertz = sums.originHz + sums.hertz / sums.count
        segment.levelDBm0 = sums.level / sums.count
        segment.wasTakenOver = takenOver
        segment.tookOver = tookOver
        // The neighbours in a chain of tones say nothing about the sound around it.
        let before = tookOver ? -100 : levelBefore
        segment.contrast = segment.levelDBm0 - max(before, takenOver ? -100 : hopLevels[0])
        segment.isPure = sums.isPure(
            milliseconds: segment.milliseconds, hertz: segment.hertz, contrast: segment.contrast)
        return segment
    }
}

/// Running sums over a tone's interior hops, and the verdict on them.
struct SteadinessSums: Sendable {
    /// Sums run over differences to it, which keeps the squares small.
    let originHz: Float

    init(originHz: Float) { self.originHz = originHz }

    var count: Float = 0
    var hertz: Float = 0
    var hertzSquared: Float = 0
    var level: Float = 0
    var levelSquared: Float = 0
    var timeLevel: Float = 0
    var share: Float = 0
    var harmonicShare: Float = 0
    var second: Float = 0

    mutating func add(_ f: HopFeatures) {
        let offset = f.peakHz - originHz
        hertz += offset
        hertzSquared += offset * offset
        level += f.peakDBm0
        levelSquared += f.peakDBm0 * f.peakDBm0
        timeLevel += count * f.peakDBm0
        share += f.share
        harmonicShare += f.harmonicShare
        second += min(f.secondRatio, 1)
        count += 1
    }

    /// Standard deviation, Hz.
    var hertzDeviation: Float {
        let mean = hertz / max(count, 1)
        return max(hertzSquared / max(count, 1) - mean * mean, 0).squareRoot()
    }

    /// Spread of the level around its straight-line trend, dB.
    var levelDeviation: Float {
        guard count > 1 else { return 0 }
        let mean = level / count
        let variance = levelSquared / count - mean * mean
        // Times are 0, 1, … count − 1.
        let meanTime = (count - 1) / 2
        let timeVariance = (count * count - 1) / 12
        let covariance = timeLevel / count - meanTime * mean
        return max(variance - covariance * covariance / timeVariance, 0).squareRoot()
    }

    static func isShort(milliseconds: Int, hertz: Float) -> Bool {
        milliseconds < 150 || milliseconds < 250 && hertz < 500
    }

    /// - Parameter contrast: how far the tone stands above the sound before and after it, dB.
    func isPure(milliseconds: Int, hertz: Float, contrast: Float) -> Bool {
        guard count >= 2, hertz >= 380, hertz <= 3000 else { return false }
        let share = self.share / count
        let second = self.second / count
        let hertzDeviation = hertzDeviation
        let levelDeviation = levelDeviation
        // Short tones are what vowels imitate best: they must be much cleaner.
        if Self.isShort(milliseconds: milliseconds, hertz: hertz) {
            guard hertz >= 394, contrast > 7 else { return false }
            return share > 0.88 && second < 0.05 && hertzDeviation < 3 && levelDeviation < 0.8
        }
        if share > 0.6, second < 0.12, hertzDeviation < 4, levelDeviation < 1 { return true }
        // An old machine's nearly square wave.
        if share > 0.4, harmonicShare > 0.85 * count, second < 0.1, hertzDeviation < 1.5,
            levelDeviation < 0.7
        {
            return milliseconds >= 200
        }
        // A warbling level with nothing beside it.
        return milliseconds >= 200 && share > 0.94 && second < 0.02 && hertzDeviation < 2.5
            && levelDeviation < 2.2
    }
}
