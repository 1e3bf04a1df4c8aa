internal import Base
internal import RTP

/// RTCP of one leg: when to report, what about, and the bytes, written without allocation (RFC 3550
/// 6).
struct LegReports: ~Copyable {
    /// Unix seconds to NTP seconds, RFC 3550 4.
    static let ntpEpoch: Int64 = 2_208_988_800
    /// SR 28, one block 24, SDES with the longest CNAME 272, XR 72, BYE 8, SRTCP trailer.
    static let packetCapacity = 512
    /// A longer round trip than this, in 1/65,536 s, is no conversation but a lie: ten seconds.
    static let roundTripLimit: UInt32 = 10 << 16

    private var schedule: RTCPSchedule
    private let cname: [UInt8]
    private let ntpOrigin: Int64
    private var packetsBeforeLast = 0
    /// Of the far end's packets, how many had come when we last reported.
    private var heardAtReport = 0
    /// From the far end's report blocks.
    private(set) var roundTripMilliseconds: Double?
    private(set) var remoteFractionLost: Double?
    /// The same, until it is taken.
    private var newFractionLost: Double?
    /// Of all that we have sent, under whatever SSRC.
    var remotePacketsLost: Int? { lostByReport.map { lostBefore + $0.count } }
    private var lostByReport: (ssrc: UInt32, count: Int)?
    private var lostBefore = 0
    private(set) var remoteJitterMilliseconds: Double?
    /// The newest VoIP metrics that the far end gave about our audio (RFC 3611 4.7).
    private(set) var remoteMetrics: VoIPMetrics?
    private(set) var received = 0
    private(set) var sent = 0
    /// Middle 32 bits of the NTP time in our newest SRs, and in our newest receiver reference times:
    /// a report that answers none of them says nothing about the round trip.
    private var sentTimes = SIMD8<UInt32>()
    private var sentReferences = SIMD8<UInt32>()
    var lastReceived: Instant?
    /// Send extended reports, whatever the far end does (SDP `a=rtcp-xr`, RFC 3611 5).
    var offersExtendedReports = false
    /// The far end speaks RFC 3611: answer in kind.
    private var heardExtendedReport = false
    /// The far end's newest receiver reference time, for DLRR (RFC 3611 4.4, 4.5).
    private var reference: (ssrc: UInt32, ntpMiddle: UInt32, arrival: Instant)?
    /// A compound under our own SSRC came: true when it bore our own CNAME.
    private var ownSource: Bool?

    var usesExtendedReports: Bool { offersExtendedReports || heardExtendedReport }

    init(identity: LegIdentity, now: Instant) {
        schedule = RTCPSchedule(seed: identity.seed, now: now)
        cname = Array(identity.cname.utf8.prefix(255))
        ntpOrigin = identity.ntpOrigin
    }

    /// Whether our SSRC was seen since the last call: true for our own reports coming back, false
    /// for somebody else's, nil for neither.
    mutating func takeOwnSource() -> Bool? {
        defer { ownSource = nil }
        return ownSource
    }

    /// What a block about us has said of our loss since the last call; nil: none came.
    mutating func takeFractionLost() -> Double? {
        defer { newFractionLost = nil }
        return newFractionLost
    }

    /// Reads a compound that has passed the source rule (and SRTCP), in place. False when it is
    /// not RTCP. `clockRate`: of what we send, Hz.
    mutating func receive(
        _ bytes: UnsafeRawBufferPointer, ourSSRC: UInt32, clockRate: Int, theirSSRC: UInt32?,
        statistics: inout ReceiverStatistics, now: Instant
    ) -> Bool {
        var compound: RTCPCompoundView
        do throws(RTPError) {
            compound = try RTCPCompoundView(bytes)
        } catch {
            return false
        }
        received += 1
        lastReceived = now
        schedule.receivedReport(now: now)
        schedule.note(datagramBytes: bytes.count)
        // A BYE does not end a leg: signalling does, and a stranger could forge one.
        while let packet = compound.next() {
            if packet.ssrc == ourSSRC, ownSource == nil { ownSource = false }
            if let name = packet.canonicalName(of: ourSSRC), name.elementsEqual(cname) {
                ownSource = true
            }
            if let ntp = packet.senderNTPTimestamp, packet.ssrc == theirSSRC {
                statistics.receiveSenderReport(ntpTimestamp: ntp, now: now)
            }
            for index in 0..<packet.reportBlockCount {
                if let block = packet.reportBlock(index) {
                    read(block, ourSSRC, clockRate, now)
                }
            }
            if packet.type == 207 { readExtended(packet, ourSSRC, now) }
            if let theirSSRC, packet.saysGoodbye(theirSSRC) { schedule.receivedGoodbye(now: now) }
        }
        return true
    }

    private mutating func read(
        _ block: ReportBlock, _ ourSSRC: UInt32, _ clockRate: Int, _ now: Instant
    ) {
        guard block.ssrc == ourSSRC else { return }
        remoteFractionLost = Double(block.fractionLost) / 256
        newFractionLost = remoteFractionLost
        // It counts from the start of a source (6.4.1), and we may change ours (8.2).
        if let last = lostByReport, last.ssrc != ourSSRC { lostBefore += last.count }
        lostByReport = (ourSSRC, Int(block.cumulativeLost))
        remoteJitterMilliseconds = Double(block.jitter) * 1000 / Double(clockRate)
        guard any(sentTimes .== block.lastSenderReport) else { return }
        note(roundTrip: block.roundTrip(arrivalNTPMiddle: ntpMiddle(now)))
    }

    private mutating func readExtended(
        _ packet: RTCPPacketView, _ ourSSRC: UInt32, _ now: Instant
    ) {
        guard let sender = packet.ssrc, sender != ourSSRC else { return }
        heardExtendedReport = true
        var blocks = packet.extendedBlocks
        while let block = blocks.next() {
            switch block {
            case .receiverReferenceTime(let ntp):
                reference = (sender, UInt32(truncatingIfNeeded: ntp >> 16), now)
            case .delaySinceLastReceiverReport(let delays):
                for index in 0..<delays.count {
                    guard let delay = delays.subBlock(index), delay.ssrc == ourSSRC,
                        any(sentReferences .== delay.lastReceiverReport)
                    else { continue }
                    note(roundTrip: delay.roundTrip(arrivalNTPMiddle: ntpMiddle(now)))
                }
            case .voipMetrics(let metrics):
                if metrics.ssrc == ourSSRC { remoteMetrics = metrics }
            }
        }
    }

    private mutating func note(roundTrip units: UInt32?) {
        guard let units, units <= Self.roundTripLimit else { return }
        roundTripMilliseconds = Double(units) * 1000 / 65_536
    }

    /// `lastMedia`: when the newest RTP packet of the far end came.
    mutating func isDue(now: Instant, lastMedia: Instant?) -> Bool {
        schedule.poll(now: now, lastMedia: lastMedia)
    }

    /// Keeps the newest eight.
    private static func remember(_ ntp: UInt64, in times: inout SIMD8<UInt32>, at place: Int) {
        times[place & 7] = UInt32(truncatingIfNeeded: ntp >> 16)
    }

    /// Writes SR (or RR, when nothing was sent since the last two reports) + SDES (+ XR) (+ BYE).
    /// `heard`: packets that came from the far end, in all. `metrics`: about it, nil to send no XR.
    /// Returns the bytes written; 0 when `buffer` is shorter than `packetCapacity`.
    mutating func write(
        into buffer: UnsafeMutableRawBufferPointer, sender: borrowing LegSender,
        packetsSinceLast: Int, statistics: inout ReceiverStatistics, theirSSRC: UInt32?,
        heard: Int, metrics: VoIPMetrics?, bye: Bool, now: Instant
    ) -> Int {
        guard buffer.count >= Self.packetCapacity else { return 0 }
        let isSender = packetsSinceLast > 0 || packetsBeforeLast > 0
        packetsBeforeLast = packetsSinceLast
        schedule.noteSending(isSender)
        var writer = PacketWriter(buffer: buffer)
        // 6.4: about a source that has sent something since the last report, and no other.
        let hasBlock = theirSSRC != nil && statistics.isValid && heard != heardAtReport
        heardAtReport = heard
        writer.begin(type: isSender ? 200 : 201, count: hasBlock ? 1 : 0)
        writer.put(sender.ssrc)
        if isSender {
            let ntp = ntp(now)
            Self.remember(ntp, in: &sentTimes, at: sent)
            writer.put(UInt32(truncatingIfNeeded: ntp >> 32))
            writer.put(UInt32(truncatingIfNeeded: ntp))
            writer.put(sender.timestamp(at: now))
            writer.put(UInt32(truncatingIfNeeded: sender.streamPackets))
            writer.put(UInt32(truncatingIfNeeded: sender.streamPayloadBytes))
        }
        if hasBlock, let theirSSRC {
            writer.put(statistics.makeReportBlock(ssrc: theirSSRC, now: now))
        }
        writer.end()
        writer.begin(type: 202, count: 1)
        writer.put(sender.ssrc)
        writer.putItem(type: 1, text: cname)
        writer.end()
        if let metrics, hasBlock || !isSender || reference != nil {
            writer.begin(type: 207, count: 0)
            writer.put(sender.ssrc)
            if !isSender {
                // Who sends no SR learns the round trip from the answer to this (RFC 3611 4.4).
                let ntp = ntp(now)
                Self.remember(ntp, in: &sentReferences, at: sent)
                writer.append { ReceiverReferenceTime.write(ntp: ntp, into: $0) }
            }
            if let delay = delaySinceReference(now) {
                writer.append { delay.write(into: $0) }
            }
            if hasBlock { writer.append { metrics.write(into: $0) } }
            writer.end()
        }
        if bye {
            writer.begin(type: 203, count: 1)
            writer.put(sender.ssrc)
            writer.end()
        }
        sent += 1
        schedule.note(datagramBytes: writer.count)
        return writer.count
    }

    private func delaySinceReference(_ now: Instant) -> ReceiverDelay? {
        guard let reference else { return nil }
        let waited = max(0, (now - reference.arrival).nanoseconds)
        let seconds = min(waited / 1_000_000_000, 0xFFFF)
        let rest = waited % 1_000_000_000
        return ReceiverDelay(
            ssrc: reference.ssrc, lastReceiverReport: reference.ntpMiddle,
            delaySinceLastReceiverReport: UInt32(seconds) << 16
                | UInt32(rest << 16 / 1_000_000_000))
    }

    private func ntpMiddle(_ now: Instant) -> UInt32 {
        UInt32(truncatingIfNeeded: ntp(now) >> 16)
    }

    /// NTP time: seconds since 1900 in the upper, fraction in the lower 32 bits.
    private func ntp(_ now: Instant) -> UInt64 {
        let unix = ntpOrigin &+ now.nanoseconds
        let seconds = unix.flooredDivision(by: 1_000_000_000)
        let rest = UInt64(unix - seconds * 1_000_000_000)
        return UInt64(bitPattern: seconds &+ Self.ntpEpoch) << 32 | (rest << 32) / 1_000_000_000
    }
}

/// Appends RTCP packets to a buffer whose size the caller has checked.
private struct PacketWriter {
    let buffer: UnsafeMutableRawBufferPointer
    private(set) var count = 0
    private var start = 0

    init(buffer: UnsafeMutableRawBufferPointer) { self.buffer = buffer }

    mutating func begin(type: UInt8, count blocks: UInt8) {
        start = count
        put(UInt32(0x80 | blocks) << 24 | UInt32(type) << 16)
    }

    /// Writes the length in words minus one (RFC 3550 6.4.1).
    mutating func end() {
        let words = (count - start) / 4 - 1
        buffer[start + 2] = UInt8(truncatingIfNeeded: words >> 8)
        buffer[start + 3] = UInt8(truncatingIfNeeded: words)
    }

    mutating func put(_ value: UInt32) {
        put(UInt8(truncatingIfNeeded: value >> 24))
        put(UInt8(truncatingIfNeeded: value >> 16))
        put(UInt8(truncatingIfNeeded: value >> 8))
        put(UInt8(truncatingIfNeeded: value))
    }

    mutating func put(_ byte: UInt8) {
        // SAFETY: 52 + 272 + 72 + 8 bytes at most, below `LegReports.packetCapacity`.
        buffer[count] = byte
        count += 1
    }

    /// Appends what `write` puts into the rest of the buffer; it returns how much that is.
    mutating func append(_ write: (UnsafeMutableRawBufferPointer) -> Int) {
        count += write(UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
    }

    mutating func put(_ block: ReportBlock) {
        put(block.ssrc)
        let lost = UInt32(bitPattern: max(-0x80_0000, min(0x7F_FFFF, block.cumulativeLost)))
        put(UInt32(block.fractionLost) << 24 | lost & 0xFF_FFFF)
        put(block.extendedHighestSequence)
        put(block.jitter)
        put(block.lastSenderReport)
        put(block.delaySinceLastSenderReport)
    }

    /// One SDES item, the end of the list and the padding to a word (6.5).
    mutating func putItem(type: UInt8, text: [UInt8]) {
        put(type)
        put(UInt8(truncatingIfNeeded: text.count))
        for byte in text { put(byte) }
        repeat { put(UInt8(0)) } while (count - start) % 4 != 0
    }
}
