internal import Audio

/// What we say ourselves, as the received side may hear it again: on an analogue line the hybrid returns
/// it some 12 to 30 dB quieter and up to a third of a second later (ITU-T G.168). Speech that is louder
/// than that is somebody's who speaks while we do.
struct OwnVoice: Sendable {
    /// How much quieter than what was sent an echo is at least, dB.
    static let returnLossDB = 12.0
    /// How long after it was sent, in hops of 10 ms.
    static let tailHops = 35
    /// Below this what we send is a pause of ours, dBm0.
    static let floorDBm0 = -50.0

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

    /// A frame of so much was sent just now.
    mutating func said(levelDBm0 level: Double) {
        guard level >= Self.floorDBm0 else { return }
        if age >= Self.tailHops {
            (recent, earlier, recentHops) = (Level.silenceDBm0, Level.silenceDBm0, 0)
        }
        recent = max(recent, level)
        age = 0
    }

    /// 10 ms have passed.
    mutating func advance() {
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
