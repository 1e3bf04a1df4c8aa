/// Ties one side's media clock to positions of a recording.
///
/// ```
/// first packet ─► anchor: position = media + offset, kept as long as it agrees with the clock
/// least deviation of 5 s beyond 40 ms ─► the anchor follows, a sample each 100 ms (clocks drift)
/// off by more than 180 ms ─► placed by the clock meanwhile (a burst after a stall: not lost)
///        └─ for half a second, or by more than a second ─► that is the new anchor
/// ```
/// A late burst therefore moves nothing behind it, while a sender whose clock jumped, stood still
/// during hold, or runs away from ours is followed. The network only ever adds delay, so the least
/// deviation is the drift of the clocks, and within 40 ms both sides keep their places to the sample.
struct RecorderAlignment {
    /// Further off than this from the clock, audio is placed by the clock, ms. Below
    /// `LegRecorderTap.holdMilliseconds`, so that nothing falls out of the window before.
    static let maximumDrift: Int64 = 180
    /// Placed by the clock, audio goes back to the anchor from here on, ms, or sooner behind a burst:
    /// deviations about the limit must not send every other piece elsewhere.
    static let returnDrift: Int64 = 120
    /// Deviation that is left alone, ms.
    static let tolerance: Int64 = 40
    /// Pieces in a row that drifted before the anchor follows: half a second of 20 ms.
    static let patience = 25
    /// Pieces in a window before its least deviation is believed.
    static let windowPieces = 30

    /// Of positions and of the media clock as it is given, Hz.
    private let rate: Int64
    /// Position minus media clock.
    private var offset: Int64?
    private var strayOffset: Int64?
    private var strays = 0
    private var lastExpected: Int64 = 0
    /// Of this window of 5 s: where it began, by the media clock, and the least that audio came late.
    private var windowStart: Int64 = 0
    private var pieces = 0
    private var least = Int64.max
    /// Samples by which the anchor has yet to move, and when it did last.
    private var owed: Int64 = 0
    private var lastStep: Int64 = 0

    init(rate: Int = 8000) { self.rate = Int64(rate) }

    /// The position of audio that begins at `media`. Pieces that follow each other are a sample apart
    /// or overlap by one where the anchor moves.
    ///
    /// - Parameter expected: position by the clock.
    mutating func place(_ media: Int64, expected: Int64) -> Int64 {
        guard let offset else { return anchor(media, expected) }
        // What came together with the piece before it was held up together with it.
        let isBurst = expected &- lastExpected <= samples(5)
        lastExpected = expected
        let deviation = expected &- media &- offset
        // So far off is no delay: the media clock has been set anew.
        if deviation.magnitude > UInt64(rate) { return anchor(media, expected) }
        let limit = strays > 0 && !isBurst ? Self.returnDrift : Self.maximumDrift
        if deviation.magnitude <= UInt64(samples(limit)) {
            strays = 0
            strayOffset = nil
            return media &+ offset &+ slew(media, deviation)
        }
        strays += 1
        var stray = strayOffset ?? expected &- media
        if (media &+ stray &- expected).magnitude > UInt64(samples(Self.maximumDrift)) {
            stray = expected &- media
        }
        strayOffset = stray
        if strays >= Self.patience { tie(media, stray) }
        return media &+ stray
    }

    private func samples(_ milliseconds: Int64) -> Int64 { rate * milliseconds / 1000 }

    private mutating func anchor(_ media: Int64, _ expected: Int64) -> Int64 {
        lastExpected = expected
        tie(media, expected &- media)
        return expected
    }

    private mutating func tie(_ media: Int64, _ offset: Int64) {
        self.offset = offset
        strayOffset = nil
        strays = 0
        owed = 0
        lastStep = media
        watch(from: media)
    }

    private mutating func watch(from media: Int64) {
        windowStart = media
        pieces = 0
        least = .max
    }

    /// Follows the drift of the clocks; returns by how much the anchor has moved: 0, 1 or −1.
    private mutating func slew(_ media: Int64, _ deviation: Int64) -> Int64 {
        least = min(least, deviation)
        pieces += 1
        if media &- windowStart >= rate * 5 {
            if pieces >= Self.windowPieces {
                let bound = samples(Self.tolerance)
                owed = least > bound ? least - bound : min(0, least + bound)
            }
            watch(from: media)
        }
        guard owed != 0, media &- lastStep >= rate / 10 else { return 0 }
        lastStep = media
        let step: Int64 = owed.signum()
        owed -= step
        offset = offset.map { $0 &+ step }
        // What was seen so far was against the anchor before.
        if least != .max { least -= step }
        return step
    }
}
