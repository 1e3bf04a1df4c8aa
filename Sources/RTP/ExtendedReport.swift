/// RTCP extended reports (RFC 3611): the blocks that a telephone call needs, read in place and
/// written into the caller's buffer.

/// The report blocks of one XR packet, in place. Unknown and short blocks are passed over by their
/// length; a length beyond the packet ends the reading (RFC 3611 3).
public struct ExtendedReportView {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// The next block that is understood and whole; nil at the end.
    public mutating func next() -> ExtendedReportBlock? {
        while bytes.count - offset >= 4 {
            let type = bytes[offset]
            let length = Int(bytes.uint16(at: offset + 2)) * 4
            let start = offset + 4
            guard bytes.count - start >= length else { return nil }
            offset = start + length
            let body = UnsafeRawBufferPointer(rebasing: bytes[start..<start + length])
            switch type {
            case 4 where length >= 8:
                return .receiverReferenceTime(
                    ntp: UInt64(body.uint32(at: 0)) << 32 | UInt64(body.uint32(at: 4)))
            case 5 where length >= 12: return .delaySinceLastReceiverReport(DelayBlockView(body))
            case 7:
                if let metrics = VoIPMetrics(parsing: body) { return .voipMetrics(metrics) }
            default: continue
            }
        }
        return nil
    }
}

/// One block of an extended report.
public enum ExtendedReportBlock {
    /// RFC 3611 4.4: the NTP time at a receiver.
    case receiverReferenceTime(ntp: UInt64)
    /// RFC 3611 4.5: the answer to it.
    case delaySinceLastReceiverReport(DelayBlockView)
    /// RFC 3611 4.7.
    case voipMetrics(VoIPMetrics)
}

/// The sub-blocks of a DLRR block, in place (RFC 3611 4.5).
public struct DelayBlockView {
    private let bytes: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Whole sub-blocks of twelve bytes.
    public var count: Int { bytes.count / 12 }

    /// nil outside 0..<count.
    public func subBlock(_ index: Int) -> ReceiverDelay? {
        guard index >= 0, index < count else { return nil }
        return ReceiverDelay(
            ssrc: bytes.uint32(at: 12 * index),
            lastReceiverReport: bytes.uint32(at: 12 * index + 4),
            delaySinceLastReceiverReport: bytes.uint32(at: 12 * index + 8))
    }
}

/// One sub-block of DLRR (RFC 3611 4.5): what a receiver without media needs for a round trip.
public struct ReceiverDelay: Equatable, Sendable {
    /// Bytes of a whole DLRR block with one sub-block.
    public static let byteCount = 16

    /// The receiver that sent the reference time.
    public var ssrc: UInt32
    /// Middle 32 bits of its last reference time; 0 for none.
    public var lastReceiverReport: UInt32
    /// Units of 1/65 536 s.
    public var delaySinceLastReceiverReport: UInt32

    /// Values as they stand in the packet: `roundTrip` reads 0 in `lastReceiverReport` as none.
    public init(ssrc: UInt32, lastReceiverReport: UInt32, delaySinceLastReceiverReport: UInt32) {
        self.ssrc = ssrc
        self.lastReceiverReport = lastReceiverReport
        self.delaySinceLastReceiverReport = delaySinceLastReceiverReport
    }

    /// Round trip in 1/65 536 s, from the middle 32 bits of our NTP clock on arrival; nil when the
    /// peer has had no reference time of ours or the numbers make no sense.
    public func roundTrip(arrivalNTPMiddle: UInt32) -> UInt32? {
        guard lastReceiverReport != 0 else { return nil }
        let value = arrivalNTPMiddle &- lastReceiverReport &- delaySinceLastReceiverReport
        return value < 0x8000_0000 ? value : nil
    }

    /// Writes a DLRR block with this one sub-block. Returns 16, or 0 when it does not fit.
    public func write(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard buffer.count >= Self.byteCount else { return 0 }
        buffer.put(UInt32(0x0500_0003), at: 0)
        buffer.put(ssrc, at: 4)
        buffer.put(lastReceiverReport, at: 8)
        buffer.put(delaySinceLastReceiverReport, at: 12)
        return Self.byteCount
    }
}

/// Writer of the block of RFC 3611 4.4.
public enum ReceiverReferenceTime {
    /// Bytes of the whole block, its header included.
    public static let byteCount = 12

    /// Returns 12, or 0 when it does not fit.
    public static func write(ntp: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard buffer.count >= byteCount else { return 0 }
        buffer.put(UInt32(0x0400_0002), at: 0)
        buffer.put(UInt32(truncatingIfNeeded: ntp >> 32), at: 4)
        buffer.put(UInt32(truncatingIfNeeded: ntp), at: 8)
        return byteCount
    }
}

/// The VoIP metrics block (RFC 3611 4.7). 127 means "not available" in levels and scores.
public struct VoIPMetrics: Equatable, Sendable {
    /// Bytes of the whole block.
    public static let byteCount = 36
    /// In a level, a loss of echo or a score: nothing is known (RFC 3611 4.7.4, 4.7.5).
    public static let unavailable: UInt8 = 127

    /// The source that the metrics are about.
    public var ssrc: UInt32
    /// 256ths of the packets expected.
    public var lossRate: UInt8 = 0
    /// 256ths of the packets expected: arrived too late or too early.
    public var discardRate: UInt8 = 0
    /// 256ths lost or discarded within bursts.
    public var burstDensity: UInt8 = 0
    /// 256ths lost or discarded within gaps.
    public var gapDensity: UInt8 = 0
    /// Mean, ms.
    public var burstDuration: UInt16 = 0
    /// Mean, ms.
    public var gapDuration: UInt16 = 0
    /// ms; 0 when unknown.
    public var roundTripDelay: UInt16 = 0
    /// ms; 0 when unknown.
    public var endSystemDelay: UInt16 = 0
    /// dBm0, signed.
    public var signalLevel: Int8 = 127
    /// dBm0, signed.
    public var noiseLevel: Int8 = 127
    /// Residual echo return loss, dB.
    public var residualEchoReturnLoss: UInt8 = unavailable
    /// Gmin: packets received in a row that end a burst; 16 is recommended (4.7.6).
    public var gapThreshold: UInt8 = 16
    /// 0…100.
    public var rFactor: UInt8 = unavailable
    /// 0…100, of a network segment behind.
    public var externalRFactor: UInt8 = unavailable
    /// Listening quality MOS × 10.
    public var listeningMOS: UInt8 = unavailable
    /// Conversational quality MOS × 10.
    public var conversationalMOS: UInt8 = unavailable
    /// PLC (2 bits), jitter buffer kind (2), its adjustment rate (4): 4.7.6.
    public var receiverConfiguration: UInt8 = 0
    /// ms
    public var jitterBufferNominal: UInt16 = 0
    /// ms
    public var jitterBufferMaximum: UInt16 = 0
    /// ms
    public var jitterBufferAbsoluteMaximum: UInt16 = 0

    /// Metrics of which nothing is known yet: levels and scores unavailable, the rest 0, Gmin 16.
    public init(ssrc: UInt32) { self.ssrc = ssrc }

    /// Reads what follows the four-byte block header; nil when shorter than 32 bytes.
    public init?(parsing body: UnsafeRawBufferPointer) {
        guard body.count >= Self.byteCount - 4 else { return nil }
        ssrc = body.uint32(at: 0)
        lossRate = body[4]
        discardRate = body[5]
        burstDensity = body[6]
        gapDensity = body[7]
        burstDuration = body.uint16(at: 8)
        gapDuration = body.uint16(at: 10)
        roundTripDelay = body.uint16(at: 12)
        endSystemDelay = body.uint16(at: 14)
        signalLevel = Int8(bitPattern: body[16])
        noiseLevel = Int8(bitPattern: body[17])
        residualEchoReturnLoss = body[18]
        gapThreshold = body[19]
        rFactor = body[20]
        externalRFactor = body[21]
        listeningMOS = body[22]
        conversationalMOS = body[23]
        receiverConfiguration = body[24]
        jitterBufferNominal = body.uint16(at: 26)
        jitterBufferMaximum = body.uint16(at: 28)
        jitterBufferAbsoluteMaximum = body.uint16(at: 30)
    }

    /// Writes the whole block. Returns 36, or 0 when it does not fit.
    public func write(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard buffer.count >= Self.byteCount else { return 0 }
        buffer.put(UInt32(0x0700_0008), at: 0)
        buffer.put(ssrc, at: 4)
        buffer[8] = lossRate
        buffer[9] = discardRate
        buffer[10] = burstDensity
        buffer[11] = gapDensity
        buffer.put(burstDuration, at: 12)
        buffer.put(gapDuration, at: 14)
        buffer.put(roundTripDelay, at: 16)
        buffer.put(endSystemDelay, at: 18)
        buffer[20] = UInt8(bitPattern: signalLevel)
        buffer[21] = UInt8(bitPattern: noiseLevel)
        buffer[22] = residualEchoReturnLoss
        buffer[23] = gapThreshold
        buffer[24] = rFactor
        buffer[25] = externalRFactor
        buffer[26] = listeningMOS
        buffer[27] = conversationalMOS
        buffer[28] = receiverConfiguration
        buffer[29] = 0
        buffer.put(jitterBufferNominal, at: 30)
        buffer.put(jitterBufferMaximum, at: 32)
        buffer.put(jitterBufferAbsoluteMaximum, at: 34)
        return Self.byteCount
    }
}
