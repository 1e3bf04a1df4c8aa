/// The packets of one RTCP datagram, read in place: no array, no copy, no allocation. The tolerance
/// is that of `RTCPPacket.parseCompound` (RFC 3550 6.1, RFC 5506), which stays for tools and tests.
///
/// The view borrows the caller's bytes: use it within the call that owns them.
///
/// ```swift
/// var compound = try RTCPCompoundView(bytes)
/// while let packet = compound.next() { … }
/// ```
public struct RTCPCompoundView {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0
    private var count = 0

    /// - Throws: when not even the first packet is RTCP: `truncated`, `badVersion`, `notRTCP`.
    public init(_ bytes: UnsafeRawBufferPointer) throws(RTPError) {
        guard bytes.count >= 4 else { throw .truncated(needed: 4, have: bytes.count) }
        guard bytes[0] >> 6 == 2 else { throw .badVersion(bytes[0] >> 6) }
        guard (192...223).contains(bytes[1]) else { throw .notRTCP(bytes[1]) }
        let first = (Int(bytes.uint16(at: 2)) + 1) * 4
        guard bytes.count >= first else { throw .truncated(needed: first, have: bytes.count) }
        self.bytes = bytes
    }

    /// The next packet; nil at the end, at the first lie about length or padding, and after
    /// `RTCPPacket.maximumPackets`.
    public mutating func next() -> RTCPPacketView? {
        guard count < RTCPPacket.maximumPackets, bytes.count - offset >= 4 else { return nil }
        let first = bytes[offset]
        let type = bytes[offset + 1]
        guard first >> 6 == 2, (192...223).contains(type) else { return nil }
        let length = (Int(bytes.uint16(at: offset + 2)) + 1) * 4
        guard bytes.count - offset >= length else { return nil }
        var end = offset + length
        if first & 0x20 != 0, length > 4 {
            // Padding is part of the last packet only (6.4.1).
            let padding = Int(bytes[end - 1])
            guard padding >= 1, padding <= length - 4 else { return nil }
            end -= padding
        }
        let body = UnsafeRawBufferPointer(rebasing: bytes[offset + 4..<end])
        offset += length
        count += 1
        return RTCPPacketView(type: type, count: first & 0x1F, body: body)
    }
}

/// One packet of a compound, in place.
public struct RTCPPacketView {
    /// 192…223: 200 SR, 201 RR, 202 SDES, 203 BYE, 204 APP, 207 XR.
    public let type: UInt8
    /// The five count bits.
    public let count: UInt8
    /// Everything behind the four-byte header, padding taken off.
    public let body: UnsafeRawBufferPointer

    /// Who sent it: the first word of SR, RR, APP, XR and feedback packets; nil for SDES, BYE and
    /// packets without one.
    public var ssrc: UInt32? {
        type != 202 && type != 203 && body.count >= 4 ? body.uint32(at: 0) : nil
    }

    /// A whole sender report's NTP time (RFC 3550 6.4.1); nil for anything else.
    public var senderNTPTimestamp: UInt64? {
        guard type == 200, body.count >= 24 else { return nil }
        return UInt64(body.uint32(at: 4)) << 32 | UInt64(body.uint32(at: 8))
    }

    private var blocksOffset: Int { type == 200 ? 24 : 4 }

    /// Report blocks of an SR or RR that are really there, whatever the count says.
    public var reportBlockCount: Int {
        guard type == 200 || type == 201, body.count >= blocksOffset else { return 0 }
        return min(Int(count), (body.count - blocksOffset) / 24)
    }

    /// The block at `index`; nil outside 0..<reportBlockCount.
    public func reportBlock(_ index: Int) -> ReportBlock? {
        guard index >= 0, index < reportBlockCount else { return nil }
        let at = blocksOffset + 24 * index
        // 24-bit signed: shift the sign bit up and back.
        let lost = Int32(bitPattern: body.uint32(at: at + 4) << 8) >> 8
        return ReportBlock(
            ssrc: body.uint32(at: at), fractionLost: body[at + 4], cumulativeLost: lost,
            extendedHighestSequence: body.uint32(at: at + 8), jitter: body.uint32(at: at + 12),
            lastSenderReport: body.uint32(at: at + 16),
            delaySinceLastSenderReport: body.uint32(at: at + 20))
    }

    /// True for a BYE that names `ssrc` (6.6).
    public func saysGoodbye(_ ssrc: UInt32) -> Bool {
        guard type == 203 else { return false }
        for index in 0..<min(Int(count), body.count / 4) where body.uint32(at: 4 * index) == ssrc {
            return true
        }
        return false
    }

    /// The canonical name that an SDES packet gives for `ssrc`, in place (6.5.1).
    public func canonicalName(of ssrc: UInt32) -> UnsafeRawBufferPointer? {
        guard type == 202 else { return nil }
        var offset = 0
        var chunks = Int(count)
        while chunks > 0, body.count - offset >= 4 {
            chunks -= 1
            let isWanted = body.uint32(at: offset) == ssrc
            offset += 4
            while body.count - offset >= 2, body[offset] != 0 {
                let length = Int(body[offset + 1])
                guard body.count - offset - 2 >= length else { return nil }
                if isWanted, body[offset] == 1 {
                    return UnsafeRawBufferPointer(
                        rebasing: body[offset + 2..<offset + 2 + length])
                }
                offset += 2 + length
            }
            offset = (offset / 4 + 1) * 4
        }
        return nil
    }

    /// The blocks of an extended report (RFC 3611); empty for any other packet.
    public var extendedBlocks: ExtendedReportView {
        ExtendedReportView(
            type == 207 && body.count >= 4
                ? UnsafeRawBufferPointer(rebasing: body[4...])
                : UnsafeRawBufferPointer(start: nil, count: 0))
    }
}
