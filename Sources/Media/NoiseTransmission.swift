internal import Audio

/// Decides, frame by frame, whether there is anything to be sent but background noise, and learns
/// that noise (RFC 3389 5): what makes discontinuous transmission of G.711 and G.722.
///
/// ```
/// frame louder than the threshold ─► speech, and 200 ms after it
/// quieter ─► first a description of the noise, then one each 400 ms or when its level moves
/// ```
struct NoiseTransmission {
    enum Decision: Equatable { case speech, describe, nothing }

    /// Below this a frame is background.
    static let thresholdDBm0 = -50.0
    /// Speech goes on this long after its last loud frame, ms.
    static let hangoverMilliseconds = 200
    /// A description is repeated this often, ms: it also keeps NAT bindings open.
    static let periodMilliseconds = 400
    /// A change of level that is told at once, dB.
    static let levelStep = 6.0

    /// Of the samples, Hz.
    let rate: Int
    private var encoder: ComfortNoiseEncoder
    private var quiet = 0
    private var sinceDescription: Int?
    private var describedLevel = 0.0

    init(rate: Int) {
        self.rate = rate
        encoder = ComfortNoiseEncoder(order: 8, capacity: rate * 60 / 1000)
    }

    mutating func decide(
        _ frame: UnsafeBufferPointer<Int16>, milliseconds: Int
    ) -> Decision {
        let level = Level.dBm0(frame)
        guard level < Self.thresholdDBm0 else {
            quiet = 0
            sinceDescription = nil
            return .speech
        }
        quiet += milliseconds
        encoder.hear(frame)
        if quiet <= Self.hangoverMilliseconds { return .speech }
        quiet = min(quiet, Self.hangoverMilliseconds + 1)
        let since = (sinceDescription ?? Self.periodMilliseconds) + milliseconds
        let isNew = sinceDescription == nil || abs(level - describedLevel) >= Self.levelStep
        guard isNew || since >= Self.periodMilliseconds else {
            sinceDescription = since
            return .nothing
        }
        sinceDescription = 0
        describedLevel = level
        return .describe
    }

    /// Writes the description; returns its bytes.
    mutating func write(into payload: UnsafeMutableRawBufferPointer) -> Int {
        encoder.write(into: payload)
    }
}
