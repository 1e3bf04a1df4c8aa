/// Keeps what is sent of Opus within the average that the far end takes (RFC 7587 6.1,
/// maxaveragebitrate).
///
/// libopus aims at its bitrate and misses it by a third for as long as some sounds last (several
/// steady tones). What one frame leaves others may use; when nothing is left a frame gets what is due
/// to it and no more, as with a constant bitrate.
struct OpusBudget: Equatable {
    /// What pauses may save up, of the time that it would be sent in, ms.
    static let savingsMilliseconds = 1000
    /// What there is to begin with: the first frames of a talkspurt are large.
    static let startMilliseconds = 100

    private let bitrate: Int
    private var bits: Int

    /// - Parameter bitrate: bits per second.
    init(bitrate: Int) {
        self.bitrate = bitrate
        bits = bitrate * Self.startMilliseconds / 1000
    }

    /// Octets that the next frame may take.
    mutating func room(milliseconds: Int) -> Int {
        bits = min(
            bits + bitrate * milliseconds / 1000, bitrate * Self.savingsMilliseconds / 1000)
        return bits / 8
    }

    /// What the frame took of that.
    mutating func spend(octets: Int) { bits -= octets * 8 }
}
