internal import Audio
internal import Base
internal import RTP
internal import SecureRTP

/// The receiving half of a leg up to the tap: which SSRC it follows, what RFC 3550 says about it,
/// and the packets put in order.
struct LegReceiver: ~Copyable {
    /// Slots of the analysis tap, which is emptied after each packet: two that wait, one that looks
    /// like a restart, and the newest. Four of up to 80 ms of G.711 or G.722 are 2.5 KB a leg.
    static let tapPackets = 4
    static let tapPayload = 640
    /// Of L16 and Opus, whose packets may be as long as a datagram.
    static let longTapPayload = MediaLeg.maximumDatagram - RTPHeader.byteCount

    /// What a payload type means on this leg.
    enum Content { case audio(AudioCodec), telephoneEvent, comfortNoise }

    var tap = InOrderTap(
        capacityPackets: LegReceiver.tapPackets, maximumPayload: LegReceiver.tapPayload,
        clockRate: AudioCodec.pcmu.clockRate)
    var statistics = ReceiverStatistics(clockRate: AudioCodec.pcmu.clockRate)
    var telephoneEvents = TelephoneEventReceiver(clockRate: 8000)
    /// RTP clock of the source, Hz: that of its last audio packet.
    private(set) var clockRate = AudioCodec.pcmu.clockRate
    private var tapRoom = LegReceiver.tapPayload
    /// Bursts and gaps of all sources.
    var losses = LossPattern()
    var srtp: SRTPContext?
    var isSecure = false
    var receives = false
    var formats = ReceiveFormats()
    var telephoneEventPayloadType: UInt8?
    private var eventClockRate = 8000

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

    /// (Mutating, as everything here that is asked for each packet: else a copy of all is lent.)
    mutating func content(of type: UInt8) -> Content? {
        if let codec = formats.codec(of: type) { return .audio(codec) }
        if type == telephoneEventPayloadType { return .telephoneEvent }
        return formats.isComfortNoise(type) ? .comfortNoise : nil
    }

    /// Audio of `codec` needs another clock, or more room in the tap.
    func needsChange(for codec: AudioCodec) -> Bool {
        codec.clockRate != clockRate || Self.tapPayload(of: codec) > tapRoom
    }

    /// The audio that follows counts by the clock of `codec`; what the tap held must have been
    /// drained. Its timeline goes on, by arrival.
    mutating func changeClock(for codec: AudioCodec) {
        if codec.clockRate != clockRate { statistics.changeClock(to: codec.clockRate) }
        clockRate = codec.clockRate
        tapRoom = max(tapRoom, Self.tapPayload(of: codec))
        tap.reset(clockRate: clockRate, maximumPayload: tapRoom)
    }

    /// The clock of telephone-event packets changed; presses under way are forgotten.
    mutating func setEventClock(_ rate: Int) {
        guard rate != eventClockRate else { return }
        eventClockRate = rate
        telephoneEvents = TelephoneEventReceiver(clockRate: rate)
    }

    static func tapPayload(of codec: AudioCodec) -> Int {
        switch codec {
        case .pcmu, .pcma, .g722: tapPayload
        case .l16, .l16Wide, .opus: longTapPayload
        }
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
        statistics = ReceiverStatistics(clockRate: clockRate)
        telephoneEvents = TelephoneEventReceiver(clockRate: eventClockRate)
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
