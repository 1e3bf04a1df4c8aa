/// One report about one source, 24 bytes (RFC 3550 6.4.1).
public struct ReportBlock: Equatable, Sendable {
    /// The source that the block is about, not the one that sends the report.
    public var ssrc: UInt32
    /// Lost since the last report, in 256ths.
    public var fractionLost: UInt8
    /// 24-bit signed.
    public var cumulativeLost: Int32
    /// Highest sequence number received in the lower, its wraps in the upper 16 bits.
    public var extendedHighestSequence: UInt32
    /// Timestamp units.
    public var jitter: UInt32
    /// Middle 32 bits of the last SR's NTP time; 0 for none.
    public var lastSenderReport: UInt32
    /// Units of 1/65 536 s.
    public var delaySinceLastSenderReport: UInt32

    /// Defaults: a source of which nothing was lost and no sender report came. A `cumulativeLost`
    /// beyond 24 bits is clamped when it is written.
    public init(
        ssrc: UInt32, fractionLost: UInt8 = 0, cumulativeLost: Int32 = 0,
        extendedHighestSequence: UInt32 = 0, jitter: UInt32 = 0, lastSenderReport: UInt32 = 0,
        delaySinceLastSenderReport: UInt32 = 0
    ) {
        self.ssrc = ssrc
        self.fractionLost = fractionLost
        self.cumulativeLost = cumulativeLost
        self.extendedHighestSequence = extendedHighestSequence
        self.jitter = jitter
        self.lastSenderReport = lastSenderReport
        self.delaySinceLastSenderReport = delaySinceLastSenderReport
    }

    /// Round trip in 1/65 536 s from the middle 32 bits of our NTP clock when the report arrived
    /// (6.4.1); nil when the peer has had no SR of ours or the numbers make no sense.
    public func roundTrip(arrivalNTPMiddle: UInt32) -> UInt32? {
        guard lastSenderReport != 0 else { return nil }
        let value = arrivalNTPMiddle &- lastSenderReport &- delaySinceLastSenderReport
        return value < 0x8000_0000 ? value : nil
    }
}

/// RFC 3550 6.4.1.
public struct SenderReport: Equatable, Sendable {
    /// Who sends the report.
    public var ssrc: UInt32
    /// Seconds since 1900 in the upper, fraction in the lower half.
    public var ntpTimestamp: UInt64
    /// The moment of `ntpTimestamp` on the clock of the source's RTP timestamps.
    public var rtpTimestamp: UInt32
    /// RTP packets sent since the source began, modulo 2³².
    public var packetCount: UInt32
    /// Payload bytes sent since the source began, headers and padding not counted, modulo 2³².
    public var octetCount: UInt32
    /// At most 31.
    public var blocks: [ReportBlock]

    /// More than 31 `blocks` are refused when the report is written, not here.
    public init(
        ssrc: UInt32, ntpTimestamp: UInt64, rtpTimestamp: UInt32, packetCount: UInt32,
        octetCount: UInt32, blocks: [ReportBlock] = []
    ) {
        self.ssrc = ssrc
        self.ntpTimestamp = ntpTimestamp
        self.rtpTimestamp = rtpTimestamp
        self.packetCount = packetCount
        self.octetCount = octetCount
        self.blocks = blocks
    }
}

/// RFC 3550 6.4.2.
public struct ReceiverReport: Equatable, Sendable {
    /// Who sends the report.
    public var ssrc: UInt32
    /// At most 31.
    public var blocks: [ReportBlock]

    /// Without blocks: an empty report, which begins a compound of a receiver that heard nothing
    /// (6.4.2). More than 31 are refused when it is written, not here.
    public init(ssrc: UInt32, blocks: [ReportBlock] = []) {
        self.ssrc = ssrc
        self.blocks = blocks
    }
}

/// RFC 3550 6.5: one source and its items.
public struct SourceDescriptionChunk: Equatable, Sendable {
    /// One item (6.5): a type, and text that nothing terminates.
    public struct Item: Equatable, Sendable {
        /// 1 = CNAME … 8 = PRIV.
        public var type: UInt8
        /// At most 255 bytes.
        public var text: [UInt8]
        /// A type of 0 or a longer text is refused when the chunk is written, not here.
        public init(type: UInt8, text: [UInt8]) {
            self.type = type
            self.text = text
        }
    }
    /// The source that the items describe.
    public var ssrc: UInt32
    /// In the order of the packet; the null item that ends the list is not one of them.
    public var items: [Item]

    /// Takes the items as they are; what does not fit is refused when the chunk is written.
    public init(ssrc: UInt32, items: [Item]) {
        self.ssrc = ssrc
        self.items = items
    }

    /// A chunk with the CNAME alone (6.5.1), cut to its first 255 bytes of UTF-8.
    public init(ssrc: UInt32, cname: String) {
        self.init(ssrc: ssrc, items: [Item(type: 1, text: Array(cname.utf8.prefix(255)))])
    }

    /// The CNAME item, if there is one.
    public var cname: [UInt8]? { items.first { $0.type == 1 }?.text }
}

/// RFC 3550 6.6.
public struct Goodbye: Equatable, Sendable {
    /// At most 31.
    public var sources: [UInt32]
    /// Why they leave, UTF-8 of at most 255 bytes; empty when nothing is said.
    public var reason: [UInt8]

    /// Too many sources or too long a reason are refused when the packet is written, not here.
    public init(sources: [UInt32], reason: [UInt8] = []) {
        self.sources = sources
        self.reason = reason
    }
}

/// RFC 3550 6.7.
public struct ApplicationDefined: Equatable, Sendable {
    /// 0…31
    public var subtype: UInt8
    /// Who sends the packet.
    public var ssrc: UInt32
    /// Four ASCII characters, the first in the highest byte.
    public var name: UInt32
    /// The application's data: whole 32-bit words, or the packet is refused when it is written.
    public var body: [UInt8]

    /// A subtype above 31 is refused when the packet is written, not here.
    public init(subtype: UInt8, ssrc: UInt32, name: UInt32, body: [UInt8]) {
        self.subtype = subtype
        self.ssrc = ssrc
        self.name = name
        self.body = body
    }
}

/// One packet of a compound.
public enum RTCPPacket: Equatable, Sendable {
    /// Packets of one datagram beyond this are not read: no sender needs more.
    public static let maximumPackets = 32

    case senderReport(SenderReport)
    case receiverReport(ReceiverReport)
    case sourceDescription([SourceDescriptionChunk])
    case bye(Goodbye)
    case app(ApplicationDefined)
    /// Feedback, XR and whatever comes: type, the five count bits, everything after the header.
    case unknown(type: UInt8, count: UInt8, body: [UInt8])
}
