extension RTCPPacket {
    /// Reads the packets of one datagram, plain or already unprotected (RFC 3550 6.1, RFC 5506).
    ///
    /// A lie inside is not fatal: a count that exceeds the packet's length yields the blocks that
    /// fit, a length that exceeds the datagram ends the reading with what came before.
    ///
    /// - Throws: when not even the first packet is RTCP: `truncated`, `badVersion`, `notRTCP`.
    public static func parseCompound(
        _ bytes: UnsafeRawBufferPointer
    ) throws(RTPError) -> [RTCPPacket] {
        guard bytes.count >= 4 else { throw .truncated(needed: 4, have: bytes.count) }
        guard bytes[0] >> 6 == 2 else { throw .badVersion(bytes[0] >> 6) }
        guard (192...223).contains(bytes[1]) else { throw .notRTCP(bytes[1]) }
        let firstLength = (Int(bytes.uint16(at: 2)) + 1) * 4
        guard bytes.count >= firstLength else {
            throw .truncated(needed: firstLength, have: bytes.count)
        }
        var packets: [RTCPPacket] = []
        var offset = 0
        while packets.count < maximumPackets, bytes.count - offset >= 4 {
            guard bytes[offset] >> 6 == 2, (192...223).contains(bytes[offset + 1]) else { break }
            let length = (Int(bytes.uint16(at: offset + 2)) + 1) * 4
            guard bytes.count - offset >= length else { break }
            var body = UnsafeRawBufferPointer(rebasing: bytes[offset + 4..<offset + length])
            if bytes[offset] & 0x20 != 0, let padding = body.last {
                // Padding is part of the last packet only (6.4.1); an impossible count is ignored.
                guard padding >= 1, Int(padding) <= body.count else { break }
                body = UnsafeRawBufferPointer(rebasing: body[0..<body.count - Int(padding)])
            }
            if let packet = parse(
                type: bytes[offset + 1], count: bytes[offset] & 0x1F, body: body)
            {
                packets.append(packet)
            }
            offset += length
        }
        return packets
    }

    /// The same over an array, for tools and tests.
    public static func parseCompound(_ bytes: [UInt8]) throws(RTPError) -> [RTCPPacket] {
        let result: Result<[RTCPPacket], RTPError> = bytes.withUnsafeBytes { buffer in
            do throws(RTPError) {
                return .success(try parseCompound(buffer))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// nil when the packet is too short to say anything.
    private static func parse(
        type: UInt8, count: UInt8, body: UnsafeRawBufferPointer
    ) -> RTCPPacket? {
        switch type {
        case 200:
            guard body.count >= 24 else { return nil }
            return .senderReport(
                SenderReport(
                    ssrc: body.uint32(at: 0),
                    ntpTimestamp: UInt64(body.uint32(at: 4)) << 32 | UInt64(body.uint32(at: 8)),
                    rtpTimestamp: body.uint32(at: 12), packetCount: body.uint32(at: 16),
                    octetCount: body.uint32(at: 20),
                    blocks: reportBlocks(body, from: 24, count: Int(count))))
        case 201:
            guard body.count >= 4 else { return nil }
            return .receiverReport(
                ReceiverReport(
                    ssrc: body.uint32(at: 0),
                    blocks: reportBlocks(body, from: 4, count: Int(count))))
        case 202: return .sourceDescription(chunks(body, count: Int(count)))
        case 203: return .bye(goodbye(body, count: Int(count)))
        case 204:
            guard body.count >= 8 else { return nil }
            return .app(
                ApplicationDefined(
                    subtype: count, ssrc: body.uint32(at: 0), name: body.uint32(at: 4),
                    body: Array(body[8...])))
        default: return .unknown(type: type, count: count, body: Array(body))
        }
    }

    private static func reportBlocks(
        _ body: UnsafeRawBufferPointer, from start: Int, count: Int
    ) -> [ReportBlock] {
        var blocks: [ReportBlock] = []
        var offset = start
        while blocks.count < count, body.count - offset >= 24 {
            let lossWord = body.uint32(at: offset + 4)
            blocks.append(
                ReportBlock(
                    ssrc: body.uint32(at: offset), fractionLost: UInt8(lossWord >> 24),
                    // Sign-extends the 24-bit count.
                    cumulativeLost: Int32(bitPattern: lossWord << 8) >> 8,
                    extendedHighestSequence: body.uint32(at: offset + 8),
                    jitter: body.uint32(at: offset + 12),
                    lastSenderReport: body.uint32(at: offset + 16),
                    delaySinceLastSenderReport: body.uint32(at: offset + 20)))
            offset += 24
        }
        return blocks
    }

    private static func chunks(
        _ body: UnsafeRawBufferPointer, count: Int
    ) -> [SourceDescriptionChunk] {
        var chunks: [SourceDescriptionChunk] = []
        var offset = 0
        while chunks.count < count, body.count - offset >= 4 {
            var chunk = SourceDescriptionChunk(ssrc: body.uint32(at: offset), items: [])
            offset += 4
            while offset < body.count, body[offset] != 0 {
                guard body.count - offset >= 2 else { break }
                let length = Int(body[offset + 1])
                guard body.count - offset >= 2 + length else { break }
                chunk.items.append(
                    .init(type: body[offset], text: Array(body[offset + 2..<offset + 2 + length])))
                offset += 2 + length
            }
            chunks.append(chunk)
            // A cut item ends the packet; otherwise the null item pads to the next word (6.5).
            guard offset < body.count, body[offset] == 0 else { break }
            offset = (offset / 4 + 1) * 4
        }
        return chunks
    }

    private static func goodbye(_ body: UnsafeRawBufferPointer, count: Int) -> Goodbye {
        var bye = Goodbye(sources: [])
        var offset = 0
        while bye.sources.count < count, body.count - offset >= 4 {
            bye.sources.append(body.uint32(at: offset))
            offset += 4
        }
        if bye.sources.count == count, offset < body.count {
            let length = min(Int(body[offset]), body.count - offset - 1)
            bye.reason = Array(body[offset + 1..<offset + 1 + length])
        }
        return bye
    }
}
