internal import Audio

/// Hears record tones with a recurrent network that listens only while something tonal sounds.
///
/// ```
/// hop ─► a steady line within 160 ms? ─► row + the pause before it ─► RecurrentState ─► sounding, ended
///              └ no: nothing to do                                 │
///                                      ToneSpan: edges, pitch, level ┴─► Candidate, once a tone
/// ```
/// The memory of the network skips what the gate leaves out, so it still knows the note before a
/// rest. What is a beep to the network may yet be a network's tone or a digit: `ToneClassifier`
/// decides.
struct BeepDetector: Sendable {
    /// A tone that is over and sounds like a beep.
    struct Candidate: Sendable, Equatable {
        /// Samples.
        var start = 0
        var end = 0
        var hertz: Float = 0
        var levelDBm0: Float = -100
        /// What the network made of it, 0…1.
        var score: Float = 0
        /// What the voice network made of it, 0…1, the mean of its last third of a second.
        var voice: Float = 0

        var milliseconds: Int { (end - start) / 8 }
    }

    /// Values a step: a row of `EarFeatures` and the pause before it.
    static let inputCount = EarFeatures.count + 1
    /// Hops that the network goes on listening after the last tonal one; tools/train does the same.
    static let listeningHops = 16
    /// The network's second output from which a tone was a beep, after a greeting …
    static let endedScore: Float = 0.5
    /// … and when nobody has spoken, where tunes and networks are likelier.
    static let loneScore: Float = 0.9
    /// The network's first output from which a beep is sounding.
    static let soundingScore: Float = 0.5
    /// Within so many hops of the audio's end a beep is over, however little of the silence after it was heard.
    private static let endHops = 5
    /// Hops after a candidate before the next: the pulses of a double beep lie further apart.
    private static let restHops = 10
    private static let longestPause = 100
    /// From hop to hop; the steepest chirps move 60 Hz.
    private static let steadyHz: Float = 75

    /// What sounds, or has sounded within 100 ms, is taken for a beep.
    var isSounding: Bool { sinceSounding < Self.restHops }
    private var sinceSounding = BeepDetector.restHops
    private var net = RecurrentState(TrainedWeights.beepNet)
    private var span = ToneSpan()
    private var sinceTonal = BeepDetector.listeningHops + 1
    private var pause = BeepDetector.longestPause
    private var sinceFired = BeepDetector.restHops
    private var wasEnded = false
    /// The best of the second output since something tonal began to be heard, fading.
    private(set) var recentScore: Float = 0
    private var lastHz: Float = 0
    private var isLine = false
    private var wasSteadyLine = false
    /// The gate is open: this hop belongs to a steady line.
    private(set) var isTonal = false
    /// What has sounded so far is forgotten as soon as it is over.
    private var forgets = false

    /// The call was answered, or it rings: a tune of the network's is not what goes before who answers.
    mutating func forgetNetwork() { forgets = true }

    /// The gate: one or two lines, or one and its harmonics, hold half of the power and stay.
    private mutating func hearsTone(_ features: HopFeatures) -> Bool {
        let isSteady = (features.peakHz - lastHz).magnitude < Self.steadyHz
        lastHz = features.peakHz
        isLine =
            features.peakHz >= 360 && features.peakHz <= 3150 && features.levelDBm0 > -56
            && (features.share + features.secondShare >= 0.5 || features.harmonicShare >= 0.5)
        defer { wasSteadyLine = isLine && isSteady }
        return isLine && isSteady && wasSteadyLine
    }

    /// Takes one hop: its row, what the row was made of, the voice network's last score, and whether
    /// somebody has spoken.
    mutating func push(
        _ row: UnsafeBufferPointer<Float>, _ features: HopFeatures, voice: Float,
        afterSpeech: Bool, hopEnd: Int
    ) -> Candidate? {
        isTonal = hearsTone(features)
        if forgets, !isTonal { self = BeepDetector() }
        sinceTonal = isTonal ? 0 : min(sinceTonal + 1, Self.listeningHops + 1)
        sinceFired = min(sinceFired + 1, Self.restHops)
        guard sinceTonal <= Self.listeningHops else {
            pause = min(pause + 1, Self.longestPause)
            wasEnded = false
            sinceSounding = Self.restHops
            recentScore = 0
            span.clear()
            return nil
        }
        let outputs = step(row)
        sinceSounding = outputs.x >= Self.soundingScore ? 0 : min(sinceSounding + 1, Self.restHops)
        pause = 0
        span.push(features, isTonal: isLine, voice: voice, sounding: outputs.x, hopEnd: hopEnd)
        recentScore = max(outputs.y, recentScore * 0.9)
        let isEnded = outputs.y >= (afterSpeech ? Self.endedScore : Self.loneScore)
        defer { wasEnded = isEnded }
        guard isEnded, !wasEnded, sinceFired == Self.restHops else { return nil }
        sinceFired = 0
        var candidate = span.finish(hopEnd: hopEnd)
        candidate.score = outputs.y
        return candidate
    }

    /// The audio is over: what is sounding ends here.
    mutating func finish(hopEnd: Int) -> Candidate? {
        guard sinceSounding <= Self.endHops, sinceFired == Self.restHops else { return nil }
        return span.finish(hopEnd: hopEnd, audioEnds: true)
    }

    /// (A beep is sounding, a beep has just ended), 0…1.
    private mutating func step(_ row: UnsafeBufferPointer<Float>) -> SIMD2<Float> {
        var room = InlineArray<47, Float>(repeating: 0)
        var result = InlineArray<2, Float>(repeating: 0)
        guard row.count >= EarFeatures.count else { return .zero }
        for index in 0..<EarFeatures.count { room[index] = row[index] }
        room[EarFeatures.count] = Float(pause) / Float(Self.longestPause)
        var output = result.mutableSpan
        room.span.withUnsafeBufferPointer { room in
            output.withUnsafeMutableBufferPointer { net.step(room, into: $0) }
        }
        return SIMD2(sigmoid(result[0]), sigmoid(result[1]))
    }
}

/// Where the tone that the network hears began and ended, its pitch and its level.
///
/// A tone's edge lies where its level passes −6 dB: there it fills half of the Hann window.
struct ToneSpan: Sendable {
    /// One hop: the level of its lines together, dBm0, and where the two strongest lie, Hz.
    private struct Hop {
        var level: Float = -100
        var hertz: Float = 0
        var second: Float = 0
        var isTonal = false
        var voice: Float = 0
    }

    /// The window's centre lies 16 ms before the hop's end.
    private static let windowCentre = 128
    private static let remembered = 32
    private static let fall: Float = 6
    /// A line that moves further from hop to hop is another line; the steepest chirps move 60 Hz.
    private static let continuityHz: Float = 75

    private var hops = InlineArray<32, Hop>(repeating: Hop())
    private var cursor = 0
    private var start: Int?
    private var end: Int?
    private var reference: Float = -100
    private var isClear = true

    /// Nobody listens any more: the next hop does not follow the last one.
    mutating func clear() {
        guard !isClear else { return }
        self = ToneSpan()
    }

    private mutating func forget() {
        start = nil
        end = nil
    }

    mutating func push(
        _ features: HopFeatures, isTonal: Bool, voice: Float, sounding: Float, hopEnd: Int
    ) {
        cursor = (cursor + 1) % Self.remembered
        isClear = false
        let share = max(features.share + features.secondShare, features.harmonicShare)
        let power = min(share, 1) * features.bandPower / Spectrum.meanSquareScale
        let level = dBm0(meanSquare: power)
        hops[cursor] = Hop(
            level: level, hertz: features.peakHz, second: features.secondHz, isTonal: isTonal,
            voice: voice)
        guard start != nil else {
            if sounding >= BeepDetector.soundingScore, isTonal { begin(hopEnd, sounds: true) }
            return
        }
        if isTonal, level >= reference - Self.fall {
            reference += (level - reference) * 0.25
            end = nil
        } else if end == nil {
            end = crossing(before: 0, hopEnd, target: reference - Self.fall, rising: false)
        }
    }

    /// The tone is over: what it was. The last 32 hops say how loud and how high.
    mutating func finish(hopEnd: Int, audioEnds: Bool = false) -> BeepDetector.Candidate {
        if start == nil { begin(hopEnd, sounds: false) }
        var result = BeepDetector.Candidate()
        result.end = end ?? (audioEnds ? hopEnd : hopEnd - Self.windowCentre)
        result.start = min(start ?? result.end, result.end)
        measure(&result, hopEnd)
        forget()
        return result
    }

    /// - Parameter sounds: the newest hop is the tone's, and a louder one that it does not follow may be the
    ///   last of a greeting. Else the tone may be over, and the loudest of the last 16 is its.
    private mutating func begin(_ hopEnd: Int, sounds: Bool) {
        var reach = 16
        if sounds {
            reach = 1
            while reach < 16, isNext(hop(reach - 1), to: hop(reach)) { reach += 1 }
        }
        var newest = 0
        reference = -100
        for back in 0..<reach where hop(back).isTonal {
            reference = max(reference, hop(back).level)
        }
        while newest < reach - 1, !hop(newest).isTonal || hop(newest).level < reference - Self.fall
        {
            newest += 1
        }
        var back = newest
        while back < Self.remembered - 2, continues(hop(back), into: hop(back + 1)) { back += 1 }
        start = crossing(before: back, hopEnd, target: reference - Self.fall, rising: true)
        if newest > 0 {
            end = crossing(
                before: newest - 1, hopEnd, target: reference - Self.fall, rising: false)
        }
    }

    /// `earlier` belongs to the same tone as `later`.
    private func continues(_ later: Hop, into earlier: Hop) -> Bool {
        earlier.level >= reference - Self.fall && isNext(later, to: earlier)
    }

    /// The same, however much quieter.
    private func isNext(_ later: Hop, to earlier: Hop) -> Bool {
        guard later.isTonal, earlier.isTonal else { return false }
        return (earlier.hertz - later.hertz).magnitude <= Self.continuityHz
            || (earlier.hertz - later.second).magnitude <= Self.continuityHz
            || (earlier.second - later.hertz).magnitude <= Self.continuityHz
    }

    /// The sample between hop `back` and its neighbour before where the level passed `target`.
    private func crossing(
        before back: Int, _ hopEnd: Int, target: Float, rising: Bool
    ) -> Int {
        let count = DetectorChain.hopCount
        let place = hopEnd - Self.windowCentre - back * count
        let later = hop(back).level
        let earlier = hop(back + 1).level
        let step = rising ? later - earlier : earlier - later
        guard step > 0.1 else { return rising ? place : place - count }
        let along = rising ? (target - earlier) / step : (earlier - target) / step
        return place - count + Int(min(max(along, 0), 1) * Float(count))
    }

    private func measure(_ result: inout BeepDetector.Candidate, _ hopEnd: Int) {
        let count = DetectorChain.hopCount
        // Hops whose window the tone fills, or its middle when it is too short for one.
        let reach = min(Self.windowCentre, (result.end - result.start) / 2 - count / 2)
        var level: Float = 0
        var levels: Float = 0
        var voice: Float = 0
        var middle: Float = 0
        func isInside(_ back: Int) -> Bool {
            let centre = hopEnd - Self.windowCentre - back * count
            return centre >= result.start + reach && centre <= result.end - reach
        }
        var inside = 0
        for back in 0..<Self.remembered where isInside(back) { inside += 1 }
        var seen = 0
        for back in 0..<Self.remembered where isInside(back) {
            level += hop(back).level
            voice += hop(back).voice
            levels += 1
            if seen == inside / 2 { middle = hop(back).hertz }
            seen += 1
        }
        var hertz: Float = 0
        var pitches: Float = 0
        for back in 0..<Self.remembered
        where isInside(back) && (hop(back).hertz - middle).magnitude < 30 {
            hertz += hop(back).hertz
            pitches += 1
        }
        result.levelDBm0 = levels > 0 ? level / levels : reference
        result.voice = levels > 0 ? voice / levels : 0
        result.hertz = pitches > 0 ? hertz / pitches : middle
    }

    /// The hop `back` hops ago, 0 being the newest.
    private func hop(_ back: Int) -> Hop {
        hops[(cursor + Self.remembered - min(back, Self.remembered - 1)) % Self.remembered]
    }
}
