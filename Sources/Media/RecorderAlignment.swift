/// Ties one side's media clock to positions of a recording.
///
/// ```
/// first packet ─► anchor: position = media + offset, kept as long as it agrees with the clock
/// off by more than 180 ms ─► placed by the clock meanwhile (a burst after a stall: not lost)
///        └─ for half a second, or by more than a second ─► that is the new anchor
/// ```
/// A late burst therefore moves nothing behind it, while a sender whose clock jumped, stood still
/// during hold, or ran away from ours is followed.
struct RecorderAlignment {
    /// Further off than this from the clock, audio is placed by the clock, samples (180 ms). Below
    /// `LegRecorderTap.holdMilliseconds`, so that nothing falls out of the window before.
    private let maximumDrift: Int64
    /// So far off is no delay: the media clock has been set anew, samples (1 s).
    private let maximumDelay: Int64
    /// Pieces in a row that drifted before the anchor follows: half a second of 20 ms.
    static let patience = 25

    /// Position minus media clock.
    private var offset: Int64?
    private var strayOffset: Int64?
    private var strays = 0

    /// - Parameter rate: of positions and of the media clock as it is given, Hz.
    init(rate: Int = 8000) {
        maximumDrift = Int64(rate * 180 / 1000)
        maximumDelay = Int64(rate)
    }

    /// The position of audio that begins at `media`.
    /// - Parameter expected: position by the clock.
    mutating func place(_ media: Int64, expected: Int64) -> Int64 {
        guard let offset else { return anchor(media, expected) }
        let drift = abs(media &+ offset &- expected)
        if drift <= maximumDrift {
            strays = 0
            strayOffset = nil
            return media &+ offset
        }
        if drift > maximumDelay { return anchor(media, expected) }
        strays += 1
        var stray = strayOffset ?? expected &- media
        if abs(media &+ stray &- expected) > maximumDrift { stray = expected &- media }
        strayOffset = stray
        if strays >= Self.patience { self.offset = stray }
        return media &+ stray
    }

    private mutating func anchor(_ media: Int64, _ expected: Int64) -> Int64 {
        offset = expected &- media
        strayOffset = nil
        strays = 0
        return expected
    }
}
