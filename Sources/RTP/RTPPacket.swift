// The RTP room: bytes to facts and back, no clock, no socket, no copy on the packet path.
//
//   datagram ─ PacketKind ─┬─ RTPPacket ─┬─ ReceiverStatistics ──▶ report block
//                          │             ├─ TelephoneEventReceiver ──▶ digit
//                          │             └─ InOrderTap ──▶ payload | gap, in order
//                          └─ RTCPPacket.parseCompound ──▶ SR RR SDES BYE APP
//   send: RTPHeader.write, TelephoneEventSender, RTCPPacket.serialise on RTCPSchedule

/// The twelve fixed bytes of an RTP packet without padding, extension or sources, which is all that
/// our own media packets use (RFC 3550 5.1).
public struct RTPHeader: Equatable, Sendable {
    /// Bytes that `write` needs.
    public static let byteCount = 12

    /// Set on the first packet of a talkspurt (RFC 3551 4.1) and of a telephone-event (RFC 4733
    /// 2.5.1).
    public var marker: Bool
    /// 0…127
    public var payloadType: UInt8
    /// One up for each packet sent, modulo 2¹⁶; begins anywhere.
    public var sequence: UInt16
    /// Sampling moment of the payload's first sample, in units of the payload type's RTP clock,
    /// modulo 2³²; begins anywhere.
    public var timestamp: UInt32
    /// The synchronisation source: whose sequence numbers and timestamps these are.
    public var ssrc: UInt32

    /// A `payloadType` above 127 is kept, and cut to its seven bits by `write`.
    public init(
        marker: Bool = false, payloadType: UInt8, sequence: UInt16, timestamp: UInt32, ssrc: UInt32
    ) {
        self.marker = marker
        self.payloadType = payloadType
        self.sequence = sequence
        self.timestamp = timestamp
        self.ssrc = ssrc
    }

    /// Writes version 2, no padding, no extension, no sources. Returns 12, or 0 when the buffer is
    /// shorter (nothing is written then).
    public func write(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard buffer.count >= Self.byteCount else { return 0 }
        buffer[0] = 0x80
        buffer[1] = (marker ? 0x80 : 0) | (payloadType & 0x7F)
        buffer.put(sequence, at: 2)
        buffer.put(timestamp, at: 4)
        buffer.put(ssrc, at: 8)
        return Self.byteCount
    }
}

/// Where the parts of a received RTP packet stand in the caller's buffer. Holds offsets, copies
/// nothing (RFC 3550 5.1).
public struct RTPPacket: Equatable, Sendable {
    /// The twelve fixed bytes; the P, X and CC fields show in the counts below.
    public let header: RTPHeader
    /// 0…15 contributing sources, four bytes each, from byte 12.
    public let csrcCount: Int
    /// "Defined by profile" field, nil without an extension. 0xBEDE: RFC 8285 one-byte elements.
    public let extensionProfile: UInt16?
    /// First byte after the extension's own four-byte header; 0 without an extension.
    public let extensionOffset: Int
    /// Bytes of extension, a multiple of four.
    public let extensionCount: Int
    /// First byte of the payload: behind sources and extension. It equals the datagram's length
    /// when nothing follows.
    public let payloadOffset: Int
    /// Bytes of payload without padding; may be 0.
    public let payloadCount: Int
    /// Bytes of padding, its count byte included; 0 without.
    public let paddingCount: Int

    /// Reads the header of one datagram.
    ///
    /// - Throws: `truncated`, `badVersion`, `badExtension` or `badPadding`.
    public init(parsing bytes: UnsafeRawBufferPointer) throws(RTPError) {
        let count = bytes.count
        guard count >= 12 else { throw .truncated(needed: 12, have: count) }
        let first = bytes[0]
        guard first >> 6 == 2 else { throw .badVersion(first >> 6) }
        header = RTPHeader(
            marker: bytes[1] & 0x80 != 0, payloadType: bytes[1] & 0x7F,
            sequence: bytes.uint16(at: 2), timestamp: bytes.uint32(at: 4),
            ssrc: bytes.uint32(at: 8))
        csrcCount = Int(first & 0x0F)
        var offset = 12 + 4 * csrcCount
        guard count >= offset else { throw .truncated(needed: offset, have: count) }
        if first & 0x10 != 0 {
            guard count >= offset + 4 else { throw .badExtension(needed: offset + 4, have: count) }
            extensionProfile = bytes.uint16(at: offset)
            extensionCount = Int(bytes.uint16(at: offset + 2)) * 4
            extensionOffset = offset + 4
            offset += 4 + extensionCount
            guard count >= offset else { throw .badExtension(needed: offset, have: count) }
        } else {
            extensionProfile = nil
            extensionCount = 0
            extensionOffset = 0
        }
        if first & 0x20 != 0 {
            let padding = count > offset ? Int(bytes[count - 1]) : 0
            guard padding >= 1, padding <= count - offset else {
                throw .badPadding(count: padding, have: count - offset)
            }
            paddingCount = padding
        } else {
            paddingCount = 0
        }
        payloadOffset = offset
        payloadCount = count - offset - paddingCount
    }

    /// The payload as a view of `bytes`, which must be the buffer this packet was parsed from;
    /// empty for a shorter one.
    @inline(__always)
    public func payload(of bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard bytes.count >= payloadOffset + payloadCount else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeRawBufferPointer(
            rebasing: bytes[payloadOffset..<payloadOffset + payloadCount])
    }

    /// The contributing source at `index`, nil outside 0..<csrcCount.
    public func contributingSource(_ index: Int, of bytes: UnsafeRawBufferPointer) -> UInt32? {
        guard index >= 0, index < csrcCount, bytes.count >= 16 + 4 * index else { return nil }
        return bytes.uint32(at: 12 + 4 * index)
    }
}

extension RTPPacket {
    /// Writes a packet with everything the format allows (RFC 3550 5.1); for tests, relays and
    /// tools. Media packets use `RTPHeader.write`.
    ///
    /// - Parameters:
    ///   - contributingSources: at most 15.
    ///   - extensionBody: whole 32-bit words, at most 65 535 of them; used when `extensionProfile`
    ///     is not nil.
    ///   - paddingCount: 0 (none) … 255, the count byte included.
    /// - Returns: bytes written.
    /// - Throws: `badShape`, `noRoom`.
    public static func write(
        _ header: RTPHeader, contributingSources: [UInt32] = [], extensionProfile: UInt16? = nil,
        extensionBody: [UInt8] = [], payload: UnsafeRawBufferPointer, paddingCount: Int = 0,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws(RTPError) -> Int {
        guard contributingSources.count <= 15, (0...255).contains(paddingCount),
            extensionBody.count % 4 == 0, extensionBody.count / 4 <= 0xFFFF
        else { throw .badShape }
        let extensionBytes = extensionProfile == nil ? 0 : 4 + extensionBody.count
        let total =
            12 + 4 * contributingSources.count + extensionBytes + payload.count + paddingCount
        guard buffer.count >= total else { throw .noRoom(needed: total, have: buffer.count) }
        _ = header.write(into: buffer)
        buffer[0] |= UInt8(contributingSources.count) | (paddingCount > 0 ? 0x20 : 0)
        var offset = 12
        for source in contributingSources {
            buffer.put(source, at: offset)
            offset += 4
        }
        if let extensionProfile {
            buffer[0] |= 0x10
            buffer.put(extensionProfile, at: offset)
            buffer.put(UInt16(extensionBody.count / 4), at: offset + 2)
            offset += 4
            for byte in extensionBody {
                buffer[offset] = byte
                offset += 1
            }
        }
        for byte in payload {
            buffer[offset] = byte
            offset += 1
        }
        if paddingCount > 0 {
            for index in offset..<offset + paddingCount { buffer[index] = 0 }
            buffer[offset + paddingCount - 1] = UInt8(paddingCount)
        }
        return total
    }
}

/// What a datagram on a media port is, by its first bytes (RFC 7983 7, RFC 5761 4).
public enum PacketKind: Equatable, Sendable {
    /// ZRTP, TURN channels and an empty datagram are `unknown`, and so is a lone first byte of RTP.
    case stun, dtls, rtp, rtcp, unknown

    /// Looks at one byte, and for 128…191 at a second: packet types 192…223 are RTCP (RFC 5761 4).
    /// The rest of the packet is not checked.
    public init(_ bytes: UnsafeRawBufferPointer) {
        guard let first = bytes.first else {
            self = .unknown
            return
        }
        switch first {
        case 0...3: self = .stun
        case 20...63: self = .dtls
        case 128...191:
            guard bytes.count >= 2 else {
                self = .unknown
                return
            }
            self = (192...223).contains(bytes[1]) ? .rtcp : .rtp
        default: self = .unknown
        }
    }
}

// SAFETY: each caller has compared the offset with the buffer's count before it reads or writes.
extension UnsafeRawBufferPointer {
    @inline(__always)
    func uint16(at offset: Int) -> UInt16 {
        UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
    }
    @inline(__always)
    func uint32(at offset: Int) -> UInt32 {
        UInt32(uint16(at: offset)) << 16 | UInt32(uint16(at: offset + 2))
    }
}

extension UnsafeMutableRawBufferPointer {
    @inline(__always)
    func put(_ value: UInt16, at offset: Int) {
        self[offset] = UInt8(truncatingIfNeeded: value >> 8)
        self[offset + 1] = UInt8(truncatingIfNeeded: value)
    }
    @inline(__always)
    func put(_ value: UInt32, at offset: Int) {
        put(UInt16(truncatingIfNeeded: value >> 16), at: offset)
        put(UInt16(truncatingIfNeeded: value), at: offset + 2)
    }
}
