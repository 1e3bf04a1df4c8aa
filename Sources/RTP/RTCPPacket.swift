/// One report about one source, 24 bytes (RFC 3550 6.4.1).
public struct ReportBlock: Equatable, Sendable {
    public var ssrc: UInt32
    /// Lost since the last report, in 256ths.
    public var fractionLost: UInt8
    /// 24-bit signed.
    public var cumulativeLost: Int32
    public var extendedHighestSequence: UInt32
    /// Timestamp units.
    public var jitter: UInt32
    /// Middle 32 bits of the last SR's NTP time; 0 for none.
    public var lastSenderReport: UInt32
    /// Units of 1/65 536 s.
    public var delaySinceLastSenderReport: UInt32

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
    public var ssrc: UInt32
    /// Seconds since 1900 in the upper, fraction in the lower half.
    public var ntpTimestamp: UInt64
    public var rtpTimestamp: UInt32
    public var packetCount: UInt32
    public var octetCount: UInt32
    /// At most 31.
    public var blocks: [ReportBlock]

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
    public var ssrc: UInt32
    /// At most 31.
    public var blocks: [ReportBlock]

    public init(ssrc: UInt32, blocks: [ReportBlock] = []) {
        self.ssrc = ssrc
        self.blocks = blocks
    }
}

/// RFC 3550 6.5: one source and its items.
public struct SourceDescriptionChunk: Equatable, Sendable {
    public struct Item: Equatable, Sendable {
        /// 1 = CNAME … 8 = PRIV.
        public var type: UInt8
        /// At most 255 bytes.
        public var text: [UInt8]
        public init(type: UInt8, text: [UInt8]) {
            self.type = type
            self.text = text
        }
    }
    public var ssrc: UInt32
    public var items: [Item]

    public init(ssrc: UInt32, items: [Item]) {
        self.ssrc = ssrc
        self.items = items
    }

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
    public var reason: [UInt8]

    public init(sources: [UInt32], reason: [UInt8] = []) {
        self.sources = sources
        self.reason = reason
    }
}

/// RFC 3550 6.7.
public struct ApplicationDefined: Equatable, Sendable {
    /// 0…31
    public var subtype: UInt8
    public var ssrc: UInt32
    public var name: UInt32
    public var body: [UInt8]

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
