/// The packets of one key press, one each 20 ms (RFC 4733 2.5.1): the marker on the first only, the
/// timestamp fixed at the start, the duration growing, the end packet three times. A press longer
/// than 0xFFFF units continues in segments (2.5.1.3), whose last packet goes three times as well; the
/// next one begins behind the copies with the time they took. The caller numbers the packets.
public struct TelephoneEventSender: Sendable {
    /// What goes into the header of the packet whose payload `next` wrote.
    public typealias Step = (payloadCount: Int, marker: Bool, timestamp: UInt32, isLast: Bool)

    /// Copies of the last packet of a press and of each segment, 2.5.1.4.
    public static let endPackets = 3
    /// Longest press, seconds: nobody holds a key longer on purpose.
    public static let maximumSeconds = 60

    private let event: UInt8
    private let volume: UInt8
    private var total: Int
    private let startTimestamp: UInt32
    private var clockRate: Int
    private var unitsPerTick: Int
    private var elapsed = 0
    private var segmentStart = 0
    private var isFirst = true
    private var endPacketsLeft = Self.endPackets
    private var segmentPacketsLeft = Self.endPackets

    /// - Parameters:
    ///   - durationSamples: length of the press in timestamp units.
    ///   - startTimestamp: RTP timestamp of its first sample.
    ///   - volume: level below 0 dBm0 in dB, 0…63.
    ///   - clockRate: Hz.
    /// - Returns: nil for a character without an event code, a length of nothing or more than 60 s, or a clock
    ///   below 50 Hz.
    public init?(
        digit: Character, durationSamples: Int, startTimestamp: UInt32, volume: UInt8 = 10,
        clockRate: Int = 8000
    ) {
        guard let code = TelephoneEvent.code(digit), clockRate >= 50, durationSamples > 0,
            durationSamples <= clockRate * Self.maximumSeconds
        else { return nil }
        event = code
        self.volume = min(volume, 63)
        total = durationSamples
        self.startTimestamp = startTimestamp
        self.clockRate = clockRate
        unitsPerTick = clockRate / 50
    }

    /// True when every packet has been handed out.
    public var isFinished: Bool { endPacketsLeft == 0 }

    /// The payload type counts by another clock from the next packet on (a codec change, RFC 4733 2.1): the press
    /// is as long as before. The timestamp, its name, stays. A clock below 50 Hz is passed over.
    public mutating func changeClock(to rate: Int) {
        guard rate != clockRate, rate >= 50 else { return }
        elapsed = elapsed * rate / clockRate
        total = total * rate / clockRate
        segmentStart = segmentStart * rate / clockRate
        clockRate = rate
        unitsPerTick = rate / 50
    }

    /// Writes the payload of this tick's packet; nil when the press is over or `payload` is shorter
    /// than four bytes.
    public mutating func next(into payload: UnsafeMutableRawBufferPointer) -> Step? {
        guard endPacketsLeft > 0, payload.count >= TelephoneEvent.byteCount else { return nil }
        elapsed = min(elapsed + unitsPerTick, total)
        let timestamp = startTimestamp &+ UInt32(truncatingIfNeeded: segmentStart)
        var duration = elapsed - segmentStart
        var isEnd = false
        if duration > 0xFFFF || (duration == 0xFFFF && elapsed < total) {
            duration = 0xFFFF
            segmentPacketsLeft -= 1
            if segmentPacketsLeft == 0 {
                segmentPacketsLeft = Self.endPackets
                segmentStart += 0xFFFF
            }
        } else if elapsed == total {
            isEnd = true
            endPacketsLeft -= 1
        }
        payload[0] = event
        payload[1] = (isEnd ? 0x80 : 0) | volume
        payload.put(UInt16(truncatingIfNeeded: duration), at: 2)
        defer { isFirst = false }
        return (TelephoneEvent.byteCount, isFirst, timestamp, isFinished)
    }
}
