internal import Audio

/// What we say ourselves, as the received side may hear it again: on an analogue line the hybrid returns
/// it some 12 to 30 dB quieter and up to a third of a second later (ITU-T G.168). Speech that is louder
/// than that is somebody's who speaks while we do. A tone at a pitch that we have just sent is ours, too,
/// and so is a digit that we have sent as tones.
struct OwnVoice: Sendable {
    /// How much quieter than what was sent an echo is at least, dB.
    static let returnLossDB = 12.0
    /// How long after it was sent, in hops of 10 ms.
    static let tailHops = 35
    /// Below this what we send is a pause of ours, dBm0.
    static let floorDBm0 = -50.0

    /// A pure tone of ours.
    private struct Tone {
        /// `PureTone.coefficient`
        var coefficient: Float = 0
        var levelDBm0 = Level.silenceDBm0
        /// Hops since it was sent.
        var age = OwnVoice.toneHops
    }

    /// A digit of ours, sent as tones.
    private struct Digit {
        /// ASCII; 0: none.
        var ascii: UInt8 = 0
        var levelDBm0 = Level.silenceDBm0
        /// Hops since it was sent.
        var age = OwnVoice.toneHops
    }

    /// How long after it was sent a tone may have come back, be over and be known, in hops.
    private static let toneHops = tailHops + 15
    /// How much quieter it comes back at least, dB.
    private static let toneLossDB = 3.0

    /// The last two pitches, the latest first.
    private var tones = InlineArray<2, Tone>(repeating: Tone())
    /// The last digits, the latest first: those of 40 ms come every 100.
    private var digits = InlineArray<4, Digit>(repeating: Digit())
    /// The loudest of these and of the 35 hops before them: what may still come back, and at most as much again.
    private var recent = Level.silenceDBm0
    private var earlier = Level.silenceDBm0
    private var recentHops = 0
    /// Hops since we spoke.
    private var age = OwnVoice.tailHops
    /// Of the speech that is going on, frames of 20 ms too loud to be ours.
    private var loudFrames = 0
    private var hasReported = false

    private var loudest: Double { max(recent, earlier) }

    /// A frame of so much was sent just now; a pure tone has its `PureTone.coefficient`, a pair of tones the
    /// digit that it is.
    mutating func said(levelDBm0 level: Double, tone coefficient: Float?, digit: Character?) {
        guard level >= Self.floorDBm0 else { return }
        if let coefficient { said(tone: coefficient, levelDBm0: level) }
        if let digit { said(digit: digit, levelDBm0: level) }
        if age >= Self.tailHops {
            (recent, earlier, recentHops) = (Level.silenceDBm0, Level.silenceDBm0, 0)
        }
        recent = max(recent, level)
        age = 0
    }

    private mutating func said(tone coefficient: Float, levelDBm0 level: Double) {
        let goesOn =
            tones[0].age < Self.toneHops && (tones[0].coefficient - coefficient).magnitude <= 0.01
        if !goesOn { tones[1] = tones[0] }
        // Its last frame may hold only the end of it.
        let loudest = goesOn ? max(level, tones[0].levelDBm0) : level
        tones[0] = Tone(coefficient: coefficient, levelDBm0: loudest, age: 0)
    }

    private mutating func said(digit: Character, levelDBm0 level: Double) {
        let ascii = digit.asciiValue ?? 0
        if digits[0].ascii != ascii {
            for index in stride(from: 3, to: 0, by: -1) { digits[index] = digits[index - 1] }
            digits[0] = Digit(ascii: ascii, levelDBm0: level)
        }
        digits[0].levelDBm0 = max(level, digits[0].levelDBm0)
        digits[0].age = 0
    }

    /// A digit that sounds as loud as this is ours come back.
    func isOurs(digit: Character, levelDBm0 level: Double) -> Bool {
        func fits(_ sent: Digit) -> Bool {
            sent.age < Self.toneHops && sent.ascii == digit.asciiValue
                && level <= sent.levelDBm0 - Self.toneLossDB
        }
        return fits(digits[0]) || fits(digits[1]) || fits(digits[2]) || fits(digits[3])
    }

    /// A tone of this pitch and level that is over now is ours come back.
    func isOurs(hertz: Float, levelDBm0 level: Float) -> Bool {
        func fits(_ tone: Tone) -> Bool {
            tone.age < Self.toneHops && Double(level) <= tone.levelDBm0 - Self.toneLossDB
                && PureTone.isSame(tone.coefficient, as: Double(hertz))
        }
        return fits(tones[0]) || fits(tones[1])
    }

    /// 10 ms have passed.
    mutating func advance() {
        for index in 0..<2 where tones[index].age < Self.toneHops { tones[index].age += 1 }
        for index in 0..<4 where digits[index].age < Self.toneHops { digits[index].age += 1 }
        guard age < Self.tailHops else { return }
        age += 1
        recentHops += 1
        guard recentHops >= Self.tailHops else { return }
        (recent, earlier, recentHops) = (Level.silenceDBm0, recent, 0)
    }

    /// We speak, or did just now.
    private var isSpeaking: Bool { age < Self.tailHops }

    /// 20 ms of somebody's speech at `level`.
    ///
    /// - Returns: true once a stretch of speech: it has gone on against us for `needed` ms.
    mutating func heard(levelDBm0 level: Double, needed: Int) -> Bool {
        guard !hasReported, isSpeaking, level > loudest - Self.returnLossDB else { return false }
        loudFrames += 1
        guard loudFrames * 20 >= needed else { return false }
        hasReported = true
        return true
    }

    /// The stretch is over.
    mutating func speechEnded() {
        loudFrames = 0
        hasReported = false
    }
}
