import Base
import RTP

extension FuzzTarget {
    /// RTP header, payload view, and back through the writer (RFC 3550 5.1).
    static let rtp = FuzzTarget(name: "rtp", maximumInput: 1600) { bytes in
        guard let packet = try? RTPPacket(parsing: bytes) else { return }
        expect(bytes.count >= RTPHeader.byteCount, "accepted a short packet")
        expect(
            packet.payloadOffset + packet.payloadCount + packet.paddingCount == bytes.count,
            "parts do not add up")
        let payload = packet.payload(of: bytes)
        expect(payload.count == packet.payloadCount, "payload view")
        _ = packet.payload(of: UnsafeRawBufferPointer(rebasing: bytes[0..<bytes.count / 2]))
        let sources = (0..<packet.csrcCount).map { packet.contributingSource($0, of: bytes) ?? 0 }
        expect(packet.contributingSource(packet.csrcCount, of: bytes) == nil, "a CSRC too many")
        var body: [UInt8] = []
        if packet.extensionProfile != nil {
            let end = packet.extensionOffset + packet.extensionCount
            expect(end <= packet.payloadOffset, "extension reaches into the payload")
            body = Array(bytes[packet.extensionOffset..<end])
        }
        var copy = [UInt8](repeating: 0, count: bytes.count)
        let again = copy.withUnsafeMutableBytes { buffer -> RTPPacket? in
            let written = try? RTPPacket.write(
                packet.header, contributingSources: sources,
                extensionProfile: packet.extensionProfile, extensionBody: body, payload: payload,
                paddingCount: packet.paddingCount, into: buffer)
            expect(written == bytes.count, "rewritten to another length")
            return try? RTPPacket(parsing: UnsafeRawBufferPointer(buffer))
        }
        expect(again == packet, "read, written and read again differs")
    }

    /// What a datagram is, by its first bytes (RFC 7983 7, RFC 5761 4).
    static let demux = FuzzTarget(name: "demux", maximumInput: 64) { bytes in
        let kind = PacketKind(bytes)
        guard let first = bytes.first else { return expect(kind == .unknown, "empty") }
        let expected: PacketKind
        switch first {
        case ...3: expected = .stun
        case 20...63: expected = .dtls
        case 128...191 where bytes.count > 1: expected = bytes[1] & 0xE0 == 0xC0 ? .rtcp : .rtp
        default: expected = .unknown
        }
        expect(kind == expected, "first byte \(first) is \(kind)")
    }

    /// Compounds: read, written and read again, nothing changes (RFC 3550 6).
    static let rtcp = FuzzTarget(name: "rtcp", maximumInput: 1500) { bytes in
        guard let packets = try? RTCPPacket.parseCompound(bytes) else { return }
        expect(packets.count <= RTCPPacket.maximumPackets, "more packets than the limit")
        checkView(bytes, packets)
        for packet in packets {
            guard case .receiverReport(let report) = packet else { continue }
            for block in report.blocks { _ = block.roundTrip(arrivalNTPMiddle: 0x1234_5678) }
        }
        guard let written = try? RTCPPacket.serialise(packets), !written.isEmpty else { return }
        guard let again = try? RTCPPacket.parseCompound(written) else {
            return expect(false, "cannot read what it wrote")
        }
        // An item's or a body's odd end is padded when written: the second trip is exact.
        let twice = (try? RTCPPacket.serialise(again)) ?? []
        expect(again.count == packets.count, "packets lost on the way")
        expect((try? RTCPPacket.parseCompound(twice)) == again, "the second trip differs")
    }

    /// The view that the media path reads says what the parser says.
    private static func checkView(_ bytes: UnsafeRawBufferPointer, _ packets: [RTCPPacket]) {
        guard var view = try? RTCPCompoundView(bytes) else { return expect(false, "no view") }
        var blocks: [ReportBlock] = []
        while let packet = view.next() {
            blocks += (0..<packet.reportBlockCount).compactMap { packet.reportBlock($0) }
            expect(packet.reportBlock(packet.reportBlockCount) == nil, "a block too many")
            _ = (packet.ssrc, packet.senderNTPTimestamp, packet.saysGoodbye(7))
            _ = packet.canonicalName(of: 7)
            var extended = packet.extendedBlocks
            while let block = extended.next() {
                guard case .delaySinceLastReceiverReport(let delays) = block else { continue }
                for index in 0...delays.count {
                    expect((delays.subBlock(index) == nil) == (index == delays.count), "DLRR")
                }
            }
        }
        let parsed = packets.flatMap { packet -> [ReportBlock] in
            switch packet {
            case .senderReport(let report): report.blocks
            case .receiverReport(let report): report.blocks
            default: []
            }
        }
        expect(blocks == parsed, "view and parser disagree")
    }

    /// Telephone-event presses (RFC 4733).
    static let event = FuzzTarget(name: "event", maximumInput: 512) { bytes in
        var script = Script(bytes)
        var receiver = TelephoneEventReceiver(clockRate: [8000, 16_000, 48_000][script.choice(3)])
        var now = Instant(milliseconds: 1000)
        var timestamp = script.long()
        var sequence = script.word()
        var packets = 0
        while !script.isAtEnd {
            timestamp &+= [0, 0, 160, 320, 0xFFFF, UInt32(script.word())][script.choice(6)]
            sequence &+= UInt16(script.choice(3))
            now += .milliseconds(Int64(script.choice(100)) * 10)
            let payload = script.take([4, 4, 4, 4, 8, script.choice(5)][script.choice(6)])
            let marker = script.flag()
            let before = receiver.digits
            let digit = payload.withUnsafeBytes {
                receiver.receive(
                    payload: $0, marker: marker, timestamp: timestamp, sequence: sequence, now: now)
            }
            packets += 1
            expect(receiver.digits == before + (digit == nil ? 0 : 1), "digits miscounted")
            expect(digit == nil || payload[0] <= 15, "a digit from event \(payload.first ?? 0)")
            let again = payload.withUnsafeBytes {
                receiver.receive(
                    payload: $0, marker: marker, timestamp: timestamp, sequence: sequence, now: now)
            }
            expect(again == nil, "the copy of a packet was a press")
        }
        expect(
            receiver.digits + receiver.malformed + receiver.otherEvents <= packets * 2,
            "counted more than it was given")
    }

    /// Captures: every payload inside the file, every stream's packets readable.
    static let pcap = FuzzTarget(name: "pcap", maximumInput: 8192) { bytes in
        guard let file = try? PcapFile(parsing: Array(bytes)) else { return }
        for packet in file.packets {
            expect(packet.payload.upperBound <= bytes.count, "payload beyond the file")
            expect(file.payload(packet).count == packet.payload.count, "payload view")
        }
        for stream in file.rtpStreams() {
            for packet in stream.packets {
                expect(packet.header.ssrc == stream.ssrc, "packet in another's stream")
                expect(
                    packet.datagram.lowerBound <= packet.payload.lowerBound
                        && packet.payload.upperBound <= packet.datagram.upperBound,
                    "payload outside its datagram")
            }
        }
    }
}
