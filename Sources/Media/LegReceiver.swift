internal import Base
internal import RTP
internal import SecureRTP

/// The receiving half of a leg up to the tap: which SSRC it follows, what RFC 3550 says about it,
/// and the packets put in order.
struct LegReceiver: ~Copyable {
    /// Slots of the analysis tap: 16 packets of up to 80 ms of G.711 are 10 KB a leg.
    static let tapPackets = 16
    static let tapPayload = 640

    /// What a payload type means on this leg.
    enum Content { case audio, telephoneEvent, comfortNoise }

    var tap = InOrderTap(
        capacityPackets: LegReceiver.tapPackets, maximumPayload: LegReceiver.tapPayload,
        clockRate: MediaLeg.clockRate)
    var statistics = ReceiverStatistics(clockRate: MediaLeg.clockRate)
    var telephoneEvents = TelephoneEventReceiver(clockRate: MediaLeg.clockRate)
    /// Bursts and gaps of all sources.
    var losses = LossPattern()
    var srtp: SRTPContext?
    var isSecure = false
    var receives = false
    var payloadType: UInt8 = 0
    var telephoneEventPayloadType: UInt8?

    /// Identity of the last packet accepted.
    private(set) var stream: SourceRule.Stream?
    /// The next packet may bring any SSRC: the far end was (re)configured.
    var expectsNewSource = true
    private var candidate: (ssrc: UInt32, sequence: UInt16)?

    /// Accepted RTP packets of all sources.
    private(set) var accepted = 0
    /// Datagrams dropped.
    var rejected = 0
    /// Loss of sources that have been replaced.
    private var earlierLost = 0
    private var reportedLost = 0
    var lastReceived: Instant?

    /// Packets lost so far, all sources (RFC 3550 A.3).
    var lost: Int { earlierLost + max(0, statistics.lost) }

    func content(of type: UInt8) -> Content? {
        if type == payloadType { return .audio }
        if type == telephoneEventPayloadType { return .telephoneEvent }
        // RFC 3389 3: the static type of comfort noise; ours is silence.
        return type == 13 ? .comfortNoise : nil
    }

    /// What to do with a packet's SSRC.
    enum SourceDecision { case follow, change, reject }

    /// A new SSRC is followed at once when it is expected or authenticated, otherwise from its
    /// second packet in sequence on (RFC 3550 A.1, MIN_SEQUENTIAL). Memory does not grow with
    /// SSRCs.
    mutating func decide(_ header: RTPHeader) -> SourceDecision {
        guard let stream else { return .follow }
        if header.ssrc == stream.ssrc {
            candidate = nil
            return .follow
        }
        if expectsNewSource || isSecure { return .change }
        if let candidate, candidate.ssrc == header.ssrc,
            header.sequence == candidate.sequence &+ 1
        {
            return .change
        }
        candidate = (header.ssrc, header.sequence)
        return .reject
    }

    /// Starts over for another SSRC; what the tap still held must have been drained.
    mutating func beginSource() {
        earlierLost = lost
        statistics = ReceiverStatistics(clockRate: MediaLeg.clockRate)
        telephoneEvents = TelephoneEventReceiver(clockRate: MediaLeg.clockRate)
        tap.reset()
        losses.beginSource()
        candidate = nil
    }

    /// Counts an accepted packet; true for the very first of the leg.
    mutating func accept(_ header: RTPHeader, now: Instant) -> Bool {
        expectsNewSource = false
        stream = SourceRule.Stream(
            ssrc: header.ssrc, payloadType: header.payloadType, sequence: header.sequence)
        statistics.receive(sequence: header.sequence, timestamp: header.timestamp, arrival: now)
        lastReceived = now
        accepted += 1
        return accepted == 1
    }

    /// Growth of `lost` since the last call, for totals that may not fall.
    mutating func takeNewLoss() -> Int {
        let grown = max(0, lost - reportedLost)
        reportedLost += grown
        return grown
    }

    /// The fixed header fields alone. Under SRTP the rest (padding) is still encrypted.
    static func peekHeader(_ bytes: UnsafeRawBufferPointer) -> RTPHeader? {
        guard bytes.count >= RTPHeader.byteCount, bytes[0] >> 6 == 2 else { return nil }
        func word(_ offset: Int) -> UInt32 {
            // SAFETY: offset + 3 ≤ 11, and count ≥ 12 was checked above.
            UInt32(bytes[offset]) << 24 | UInt32(bytes[offset + 1]) << 16
                | UInt32(bytes[offset + 2]) << 8 | UInt32(bytes[offset + 3])
        }
        return RTPHeader(
            marker: bytes[1] & 0x80 != 0, payloadType: bytes[1] & 0x7F,
            sequence: UInt16(bytes[2]) << 8 | UInt16(bytes[3]), timestamp: word(4), ssrc: word(8))
    }
}
