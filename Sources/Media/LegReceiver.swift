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

    /// What timestamps can say: `LegHearing` limits what is heard of it, less what it has filled.
    static let longestGap = Int(Int32.max)

    /// What a payload type means on this leg.
    enum Content { case audio(AudioCodec), telephoneEvent(clockRate: Int), comfortNoise }

    var tap = InOrderTap(
        capacityPackets: LegReceiver.tapPackets, maximumPayload: LegReceiver.tapPayload,
        clockRate: AudioCodec.pcmu.clockRate, maximumConcealment: LegReceiver.longestGap)
    var statistics = ReceiverStatistics(clockRate: AudioCodec.pcmu.clockRate)
    var telephoneEvents = TelephoneEventReceiver()
    /// RTP clock of the source, Hz: that of its last audio packet.
    private(set) var clockRate = AudioCodec.pcmu.clockRate
    /// The source counts by twice that (`InOrderTap.countsTwice`), and jitter is measured so.
    private var countsTwice = false
    private var tapRoom = LegReceiver.tapPayload
    /// What the last audio packet lasted, units of `clockRate`; 0 before the first.
    var packetUnits = 0
    /// Bursts and gaps of all sources.
    var losses = LossPattern()
    var srtp: SRTPContext?
    var isSecure = false
    var receives = false
    var formats = ReceiveFormats()
    var eventFormats: [ReceiveEventFormat] = []

    /// Identity of the last packet accepted.
    private(set) var stream: SourceRule.Stream?
    /// The next packet may bring any SSRC: the far end was (re)configured.
    var expectsNewSource = true
    private var candidate: (ssrc: UInt32, sequence: UInt16)?
    var held = HeldPacket(capacity: LegReceiver.tapPayload)
    /// Brings telephone-events beside the audio of `stream`, and what may turn out to.
    private var eventSource: UInt32?
    private var eventCandidate: (ssrc: UInt32, sequence: UInt16)?

    /// Accepted RTP packets of all sources.
    private(set) var accepted = 0
    /// Of these, telephone-events of an SSRC beside the one that was followed.
    private var beside = 0
    /// Packets of the source that was followed, of a type that nobody agreed on.
    private var ignored = 0
    /// Datagrams dropped.
    var rejected = 0
    /// Loss of sources that have been replaced.
    private var earlierLost = 0
    private var reportedLost = 0
    var lastReceived: Instant?

    /// Packets lost so far, all sources (RFC 3550 A.3).
    var lost: Int { earlierLost + max(0, statistics.lost) }

    /// Packets of the sources followed, whatever their type.
    var heard: Int { accepted - beside + ignored }

    /// What a packet of the source lasts, by its last one of audio.
    var packetMilliseconds: Int {
        packetUnits > 0
            ? max(1, (packetUnits * 1000 + clockRate / 2) / clockRate)
            : Int(MediaLeg.tick.nanoseconds / 1_000_000)
    }

    /// (Mutating, as everything here that is asked for each packet: else a copy of all is lent.)
    mutating func content(of type: UInt8) -> Content? {
        if let codec = formats.codec(of: type) { return .audio(codec) }
        for format in eventFormats where format.payloadType == type {
            return .telephoneEvent(clockRate: format.clockRate)
        }
        return formats.isComfortNoise(type) ? .comfortNoise : nil
    }

    /// Audio of `codec` needs another clock, or more room in the tap.
    func needsChange(for codec: AudioCodec) -> Bool {
        codec.clockRate != clockRate || Self.tapPayload(of: codec) > tapRoom
    }

    /// The audio that follows counts by the clock of `codec`; what the tap held must have been
    /// drained. Its timeline goes on, by arrival.
    mutating func changeClock(for codec: AudioCodec) {
        if codec.clockRate != clockRate {
            statistics.changeClock(to: codec.clockRate)
            countsTwice = false
        }
        clockRate = codec.clockRate
        tapRoom = max(tapRoom, Self.tapPayload(of: codec))
        tap.reset(clockRate: clockRate, maximumPayload: tapRoom)
        held.grow(to: tapRoom)
    }

    static func tapPayload(of codec: AudioCodec) -> Int {
        switch codec {
        case .pcmu, .pcma, .g722: tapPayload
        case .l16, .l16Wide, .opus: longTapPayload
        }
    }

    /// What to do with a packet's SSRC.
    enum SourceDecision { case follow, change, beside, hold, reject }

    /// A new SSRC is followed at once when it is expected or authenticated, otherwise from its
    /// second packet in sequence on (RFC 3550 A.1, MIN_SEQUENTIAL), and the first is heard then. So is,
    /// under SRTP, one that was heard before, but for that first: a single packet of it may have been held
    /// back. Memory does not grow with SSRCs.
    /// Telephone-events change no source: some far ends give them an SSRC of their own, between the
    /// packets of the audio.
    ///
    /// - Parameter arrival: of an SRTP packet whose tag was right; nil: plain RTP.
    mutating func decide(
        _ header: RTPHeader, isEvent: Bool, arrival: SRTPContext.Arrival?
    ) -> SourceDecision {
        guard let stream else { return .follow }
        if header.ssrc == stream.ssrc {
            // A source that brings digits alone gives way to audio between them.
            if !isEvent { candidate = nil }
            return .follow
        }
        if isEvent { return hearsBeside(header, arrival) ? .beside : .reject }
        if let arrival {
            if arrival.isFirst { return .change }
            guard arrival.isNewest else { return .reject }
        } else if expectsNewSource {
            return .change
        }
        if let candidate, candidate.ssrc == header.ssrc,
            header.sequence == candidate.sequence &+ 1
        {
            return .change
        }
        candidate = (header.ssrc, header.sequence)
        return arrival == nil ? .hold : .reject
    }

    /// Telephone-events under an SSRC beside the one that is followed: believed when a new SSRC would
    /// be followed, but for numbers between its packets that other types have, or loss.
    private mutating func hearsBeside(
        _ header: RTPHeader, _ arrival: SRTPContext.Arrival?
    ) -> Bool {
        // Audio that goes on with its numbers is followed at once.
        candidate = (header.ssrc, header.sequence)
        if header.ssrc == eventSource { return true }
        var isBelieved = expectsNewSource && arrival == nil
        if let eventCandidate, eventCandidate.ssrc == header.ssrc {
            let step = header.sequence &- eventCandidate.sequence
            isBelieved = isBelieved || step >= 1 && step <= SourceRule.continuity
        }
        if let arrival { isBelieved = arrival.isFirst || isBelieved && arrival.isNewest }
        eventCandidate = isBelieved ? nil : candidate
        if isBelieved { eventSource = header.ssrc }
        return isBelieved
    }

    /// Starts over for another SSRC; what the tap still held must have been drained. Presses are
    /// remembered: one may go on under the new SSRC, or under the old one.
    mutating func beginSource() {
        earlierLost = lost
        statistics = ReceiverStatistics(clockRate: clockRate)
        countsTwice = false
        tap.reset()
        losses.beginSource()
        candidate = nil
    }

    /// The far end may send again. What it sent meanwhile was not taken, and is not lost: nothing waits
    /// for its numbers.
    mutating func resume() {
        tap.resume()
        statistics.resume()
        losses.resume()
    }

    /// Counts an accepted packet; true for the very first of the leg.
    mutating func accept(_ header: RTPHeader, as content: Content, now: Instant) -> Bool {
        expectsNewSource = false
        stream = SourceRule.Stream(
            ssrc: header.ssrc, payloadType: header.payloadType, sequence: header.sequence)
        count(header, isTimed: isTimed(content, header.payloadType), now: now)
        lastReceived = now
        accepted += 1
        return accepted == 1
    }

    /// Counts an accepted telephone-event of an SSRC beside the one that is followed: a sign of life,
    /// and nothing about the numbers of the audio.
    mutating func acceptBeside(now: Instant) {
        lastReceived = now
        accepted += 1
        beside += 1
    }

    /// A packet of a codec of another clock, or that needs more room, is from before those that have come:
    /// overtaken at the change, or a copy.
    func isFromBeforeChange(_ header: RTPHeader) -> Bool {
        guard let stream, stream.ssrc == header.ssrc else { return false }
        let behind = stream.sequence &- header.sequence
        return behind < UInt16(InOrderTap.maximumMisorder)
    }

    /// Counts it. Its timestamp is of a clock that is used no more.
    mutating func acceptFromBeforeChange(_ header: RTPHeader, now: Instant) {
        count(header, isTimed: false, now: now)
        losses.discard(sequence: header.sequence)
        lastReceived = now
        accepted += 1
    }

    /// Jitter is measured on what has its time in the audio's clock.
    private mutating func isTimed(_ content: Content, _ type: UInt8) -> Bool {
        switch content {
        case .audio: true
        case .telephoneEvent: false
        case .comfortNoise: formats.describesNoise(type)
        }
    }

    /// Counts a packet of the source followed whose type nobody agreed on: ignored, not lost (RFC 3550
    /// 5.1). It is no life, for there is nothing to hear in it.
    mutating func ignore(_ header: RTPHeader, now: Instant) {
        stream?.sequence = header.sequence
        count(header, isTimed: false, now: now)
        losses.receive(sequence: header.sequence)
        _ = tap.insertOther(sequence: header.sequence, now: now)
        ignored += 1
    }

    private mutating func count(_ header: RTPHeader, isTimed: Bool, now: Instant) {
        let isDouble = tap.countsTwice
        if isDouble != countsTwice {
            countsTwice = isDouble
            statistics.changeClock(to: isDouble ? 2 * clockRate : clockRate)
        }
        let restarts = statistics.restarts
        let lostBefore = statistics.lost
        statistics.receive(
            sequence: header.sequence, timestamp: header.timestamp, arrival: now, isTimed: isTimed)
        guard statistics.restarts != restarts else { return }
        // The source numbers anew and its statistics begin anew (A.1 init_seq). What it lost before
        // stays lost.
        earlierLost += max(0, lostBefore)
        losses.restart(at: header.sequence)
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
