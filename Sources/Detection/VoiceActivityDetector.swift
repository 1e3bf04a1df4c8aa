/// Speech or not, from the level over an adaptive noise floor in six bands, the spectrum's shape
/// (vowels are peaky, noise is flat) and its movement (speech changes within 100 ms, tones and
/// machines do not).
///
/// ```
/// band levels ─► − floor ─► loudness evidence ─┐
/// flatness ────────────────► voicing evidence ─┼─► × ─► × (1 − tonality) ─► smoothed score
/// change of band levels ───► movement ─────────┘
/// ```
struct VoiceActivityDetector: Sendable {
    static let bandCount = 6
    /// First bins of the bands and the end of the last: 187, 500, 1000, 1500, 2000, 3000, 3500 Hz.
    private static let edges = [6, 16, 32, 48, 64, 96, 112]
    /// A line never is quieter than that for long; the floor starts there.
    private static let initialFloor: Float = -66
    /// Below this level nothing is speech.
    private static let minimumLevel: Float = -52
    /// The floor creeps up by 3 dB a second.
    private static let floorRise: Float = 0.03
    /// A sound that has moved by less than this for `steadyHops` is background, whatever its level.
    private static let steadyDecibels: Float = 1.6
    private static let steadyHops = 35

    private var floor = SIMD8<Float>(repeating: initialFloor)
    private var fast = SIMD8<Float>(repeating: initialFloor)
    private var slow = SIMD8<Float>(repeating: initialFloor)
    /// Mean absolute difference of band levels to their own 250 ms average, smoothed.
    private var movement: Float = 0
    private var steadyRun = 0
    private var voicedHold: Float = 0
    private var tonalRun = 0
    private(set) var score: Float = 0

    /// Scores one hop, 0…1. `toneActive`: another detector hears a network tone, digit or beep.
    mutating func push(
        _ features: HopFeatures, power: UnsafeBufferPointer<Float>, toneActive: Bool
    ) -> Float {
        let levels = Self.bandLevels(power)
        trackMovement(levels)
        let evidence = loudness(levels)
        let voiced = Self.ramp(0.42 - features.flatness, 0, 0.2)
        voicedHold = max(voiced, voicedHold - 0.07)
        let tonal = tonality(features, toneActive)
        trackFloor(levels)
        var instant = evidence * (0.15 + 0.85 * voicedHold) * (1 - tonal)
        instant *= 0.25 + 0.75 * Self.ramp(movement, 0.8, 2.2)
        if features.levelDBm0 < Self.minimumLevel, features.peakDBm0 < Self.minimumLevel {
            instant = 0
        }
        let rate: Float = instant > score ? 0.5 : 0.3
        score += (instant - score) * rate
        return score
    }

    // MARK: evidence

    /// Mean excess over the floor of the three loudest bands, as 0…1 for 4…14 dB.
    private func loudness(_ levels: SIMD8<Float>) -> Float {
        let excess = (levels - floor).clamped(
            lowerBound: SIMD8(repeating: 0), upperBound: SIMD8(repeating: 30))
        var best = SIMD3<Float>.zero
        for index in 0..<Self.bandCount {
            let value = excess[index]
            if value > best.x {
                best = SIMD3(value, best.x, best.y)
            } else if value > best.y {
                best = SIMD3(best.x, value, best.y)
            } else if value > best.z {
                best.z = value
            }
        }
        return Self.ramp(best.sum() / 3, 4, 14)
    }

    /// 1 for one or two pure lines that stay, 0 for anything else.
    private mutating func tonality(_ features: HopFeatures, _ toneActive: Bool) -> Float {
        if toneActive { return 1 }
        // Peak and strongest other component hold nearly everything, and nothing moves.
        let lines = features.share * (1 + features.secondRatio)
        tonalRun = lines > 0.9 && movement < 3 ? min(tonalRun + 1, 20) : max(tonalRun - 2, 0)
        return max(Self.ramp(Float(tonalRun), 4, 10), lines > 0.95 ? 0.6 : 0)
    }

    private mutating func trackMovement(_ levels: SIMD8<Float>) {
        slow += (levels - slow) * 0.06
        fast += (levels - fast) * 0.4
        var distance: Float = 0
        for index in 0..<Self.bandCount { distance += (fast[index] - slow[index]).magnitude }
        distance /= Float(Self.bandCount)
        movement += (distance - movement) * (distance > movement ? 0.4 : 0.08)
        steadyRun = movement < Self.steadyDecibels ? min(steadyRun + 1, 1000) : 0
    }

    /// Follows minima at once, rises slowly; takes a steady sound for background.
    private mutating func trackFloor(_ levels: SIMD8<Float>) {
        let below = levels .< floor
        let step = (levels - floor) * 0.25
        let rise = SIMD8<Float>(repeating: steadyRun > Self.steadyHops ? 0.6 : Self.floorRise)
        let up = pointwiseMin(floor + rise, levels)
        floor = up.replacing(with: floor + step, where: below)
        floor = pointwiseMax(floor, SIMD8(repeating: Self.initialFloor))
    }

    private static func bandLevels(_ power: UnsafeBufferPointer<Float>) -> SIMD8<Float> {
        var levels = SIMD8<Float>(repeating: initialFloor)
        guard power.count == Spectrum.binCount else { return levels }
        for band in 0..<bandCount {
            var sum: Float = 0
            for k in edges[band]..<edges[band + 1] { sum += power[k] }
            levels[band] = max(dBm0(meanSquare: sum / Spectrum.meanSquareScale), initialFloor)
        }
        return levels
    }

    @inline(__always)
    private static func ramp(_ x: Float, _ low: Float, _ high: Float) -> Float {
        min(max((x - low) / (high - low), 0), 1)
    }
}

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

    private(set) var isSpeaking = false
    /// End of the last frame with speech, in samples.
    private(set) var lastVoice = 0
    private var runStart = 0
    private var runFrames = 0
    private var gapFrames = 0

    /// Where a word that is not yet believed may have begun, nil when nothing has.
    var onset: Int? { isSpeaking || runFrames == 0 ? nil : runStart }

    mutating func push(score: Float, frameEnd: Int, policy: DetectionPolicy) -> Change {
        if isSpeaking {
            if score >= policy.speechOffScore {
                lastVoice = frameEnd
            } else if frameEnd - lastVoice >= policy.speechHangoverMs * 8 {
                isSpeaking = false
                runFrames = 0
                return .ended(at: lastVoice)
            }
            return .none
        }
        guard score >= policy.speechOnScore else {
            // One weak frame does not end a beginning word.
            gapFrames += 1
            if gapFrames > 1 { runFrames = 0 }
            return .none
        }
        if runFrames == 0 { runStart = frameEnd - Self.frameCount }
        gapFrames = 0
        runFrames += 1
        guard runFrames * 20 >= policy.speechMinimumMs else { return .none }
        isSpeaking = true
        lastVoice = frameEnd
        return .started(at: runStart)
    }

    /// Ends an open span at the end of the audio.
    mutating func finish() -> Change {
        guard isSpeaking else { return .none }
        isSpeaking = false
        return .ended(at: lastVoice)
    }
}
