public import Base

/// One RTP packet of a capture.
public struct PcapRTPPacket: Equatable, Sendable {
    /// As `PcapPacket.time`.
    public let time: Interval
    /// The fixed header; sources and extension are passed over.
    public let header: RTPHeader
    /// The whole RTP packet, within `PcapFile.bytes`.
    public let datagram: Range<Int>
    /// The RTP payload, within `PcapFile.bytes`.
    public let payload: Range<Int>
}

/// One source's packets on one path, in file order.
public struct PcapRTPStream: Equatable, Sendable {
    /// With the two endpoints the stream's identity: the same SSRC on another path is another
    /// stream.
    public let ssrc: UInt32
    /// Where its packets come from.
    public let source: PcapEndpoint
    /// Where its packets go.
    public let destination: PcapEndpoint
    /// In order of first appearance.
    public internal(set) var payloadTypes: [UInt8]
    /// In file order, repeated and reordered ones as they were captured.
    public internal(set) var packets: [PcapRTPPacket]
}

extension PcapFile {
    /// Streams looked for in one file.
    public static let maximumStreams = 4096
    /// Packets with numbers close to one another that make a stream of what looks like RTP.
    public static let minimumStreamPackets = 3

    private struct StreamKey: Hashable {
        var source: PcapEndpoint
        var destination: PcapEndpoint
        var ssrc: UInt32
    }

    /// The RTP streams by address pair and SSRC, in order of first appearance. UDP payloads that
    /// only look like RTP are left out: a stream has at least `minimumStreamPackets` packets, and
    /// most of them follow their predecessor's sequence number closely.
    public func rtpStreams() -> [PcapRTPStream] {
        var streams: [PcapRTPStream] = []
        var places: [StreamKey: Int] = [:]
        for packet in packets {
            guard let rtp = rtpPacket(packet) else { continue }
            let key = StreamKey(
                source: packet.source, destination: packet.destination, ssrc: rtp.header.ssrc)
            if let place = places[key] {
                streams[place].packets.append(rtp)
                if !streams[place].payloadTypes.contains(rtp.header.payloadType) {
                    streams[place].payloadTypes.append(rtp.header.payloadType)
                }
            } else if streams.count < Self.maximumStreams {
                places[key] = streams.count
                streams.append(
                    PcapRTPStream(
                        ssrc: rtp.header.ssrc, source: packet.source,
                        destination: packet.destination,
                        payloadTypes: [rtp.header.payloadType], packets: [rtp]))
            }
        }
        return streams.filter(Self.isPlausible)
    }

    private func rtpPacket(_ packet: PcapPacket) -> PcapRTPPacket? {
        bytes.withUnsafeBytes { buffer -> PcapRTPPacket? in
            guard packet.payload.upperBound <= buffer.count else { return nil }
            let datagram = UnsafeRawBufferPointer(rebasing: buffer[packet.payload])
            guard PacketKind(datagram) == .rtp,
                let rtp = try? RTPPacket(parsing: datagram)
            else { return nil }
            let start = packet.payload.lowerBound + rtp.payloadOffset
            return PcapRTPPacket(
                time: packet.time, header: rtp.header, datagram: packet.payload,
                payload: start..<start + rtp.payloadCount)
        }
    }

    private static func isPlausible(_ stream: PcapRTPStream) -> Bool {
        guard stream.packets.count >= minimumStreamPackets else { return false }
        var close = 0
        for (before, after) in zip(stream.packets, stream.packets.dropFirst()) {
            let step = Int16(bitPattern: after.header.sequence &- before.header.sequence)
            if abs(Int(step)) <= 100 { close += 1 }
        }
        return close * 2 >= stream.packets.count - 1
    }
}
