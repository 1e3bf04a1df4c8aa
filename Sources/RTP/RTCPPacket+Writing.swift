internal import Base

extension RTCPPacket {
    /// Serialises packets one after the other. A valid compound starts with a sender or receiver
    /// report and holds a CNAME (RFC 3550 6.1): `report` makes one.
    ///
    /// - Throws: `badShape` for more than 31 blocks, chunks or sources, an over-long text, or a
    ///   body that is not whole words.
    public static func serialise(_ packets: [RTCPPacket]) throws(RTPError) -> [UInt8] {
        var writer = ByteWriter(reserving: 128)
        for packet in packets { try packet.write(to: &writer) }
        return writer.bytes
    }

    /// A complete report: SR when something was sent since the last one, else RR, then the CNAME,
    /// then BYE when the session ends (RFC 3550 6.1).
    ///
    /// - Throws: as `serialise`.
    public static func report(
        sender: SenderReport?, ssrc: UInt32, blocks: [ReportBlock], cname: String, bye: Bool = false
    ) throws(RTPError) -> [UInt8] {
        var packets: [RTCPPacket] = []
        if var sender {
            sender.blocks = blocks
            packets.append(.senderReport(sender))
        } else {
            packets.append(.receiverReport(ReceiverReport(ssrc: ssrc, blocks: blocks)))
        }
        packets.append(.sourceDescription([SourceDescriptionChunk(ssrc: ssrc, cname: cname)]))
        if bye { packets.append(.bye(Goodbye(sources: [ssrc]))) }
        return try serialise(packets)
    }

    private func write(to writer: inout ByteWriter) throws(RTPError) {
        var body = ByteWriter()
        let type: UInt8
        let count: Int
        switch self {
        case .senderReport(let report):
            type = 200
            count = report.blocks.count
            body.write(report.ssrc)
            body.write(report.ntpTimestamp)
            body.write(report.rtpTimestamp)
            body.write(report.packetCount)
            body.write(report.octetCount)
            Self.write(report.blocks, to: &body)
        case .receiverReport(let report):
            type = 201
            count = report.blocks.count
            body.write(report.ssrc)
            Self.write(report.blocks, to: &body)
        case .sourceDescription(let chunks):
            type = 202
            count = chunks.count
            for chunk in chunks { try Self.write(chunk, to: &body) }
        case .bye(let bye):
            type = 203
            count = bye.sources.count
            for source in bye.sources { body.write(source) }
            if !bye.reason.isEmpty {
                guard bye.reason.count <= 255 else { throw .badShape }
                body.write(UInt8(bye.reason.count))
                body.write(bye.reason)
                while body.bytes.count % 4 != 0 { body.write(UInt8(0)) }
            }
        case .app(let app):
            type = 204
            count = Int(app.subtype)
            body.write(app.ssrc)
            body.write(app.name)
            body.write(app.body)
        case .unknown(let unknownType, let unknownCount, let bytes):
            type = unknownType
            count = Int(unknownCount)
            body.write(bytes)
        }
        guard count <= 31, body.bytes.count % 4 == 0, body.bytes.count / 4 <= 0xFFFF else {
            throw .badShape
        }
        writer.write(0x80 | UInt8(count))
        writer.write(type)
        writer.write(UInt16(body.bytes.count / 4))
        writer.write(body.bytes)
    }

    private static func write(_ blocks: [ReportBlock], to body: inout ByteWriter) {
        for block in blocks {
            body.write(block.ssrc)
            let lost = UInt32(bitPattern: max(-0x80_0000, min(0x7F_FFFF, block.cumulativeLost)))
            body.write(UInt32(block.fractionLost) << 24 | lost & 0xFF_FFFF)
            body.write(block.extendedHighestSequence)
            body.write(block.jitter)
            body.write(block.lastSenderReport)
            body.write(block.delaySinceLastSenderReport)
        }
    }

    private static func write(
        _ chunk: SourceDescriptionChunk, to body: inout ByteWriter
    ) throws(RTPError) {
        body.write(chunk.ssrc)
        for item in chunk.items {
            guard item.text.count <= 255, item.type != 0 else { throw .badShape }
            body.write(item.type)
            body.write(UInt8(item.text.count))
            body.write(item.text)
        }
        // At least one null ends the list, then nulls to the word (6.5).
        repeat { body.write(UInt8(0)) } while body.bytes.count % 4 != 0
    }
}
