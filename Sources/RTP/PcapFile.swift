public import Base

/// One end of a UDP packet in a capture.
public struct PcapEndpoint: Hashable, Sendable {
    /// 4 or 16 bytes, network order.
    public let address: [UInt8]
    /// UDP port, host order.
    public let port: UInt16

    /// Neither the length of `address` nor the port is checked.
    public init(address: [UInt8], port: UInt16) {
        self.address = address
        self.port = port
    }
}

/// One UDP packet of a capture.
public struct PcapPacket: Equatable, Sendable {
    /// Since the first record of the file; negative when the file is not in order.
    public let time: Interval
    /// Sender, from the IP and UDP headers.
    public let source: PcapEndpoint
    /// Receiver, from the IP and UDP headers.
    public let destination: PcapEndpoint
    /// The UDP payload, within `PcapFile.bytes`.
    public let payload: Range<Int>
}

/// A libpcap capture in memory: both byte orders, microseconds and nanoseconds; Ethernet with VLAN
/// tags, Linux cooked (v1, v2), raw IP and loopback; UDP over IPv4 and IPv6
/// (draft-ietf-opsawg-pcap, tcpdump.org link types). Anything else in it is skipped and counted.
public struct PcapFile: Sendable {
    /// UDP packets read from one file: 5.5 hours of one 20 ms stream both ways.
    public static let maximumPackets = 2_000_000

    /// The whole file; the ranges of `packets` are into it.
    public let bytes: [UInt8]
    /// The link type of the file header.
    public let linkType: UInt32
    /// In file order.
    public let packets: [PcapPacket]
    /// Records that are not whole UDP: other protocols, fragments, packets cut by the snap length.
    public let skipped: Int
    /// The file ends within a record; what came before is in `packets`.
    public let isTruncated: Bool

    /// - Throws: `truncated` (no whole file header), `notPcap`, `pcapng`, `unsupportedLinkType`,
    ///   `tooManyPackets`.
    public init(
        parsing bytes: [UInt8], maximumPackets: Int = Self.maximumPackets
    ) throws(RTPError) {
        guard bytes.count >= 4 else { throw .truncated(needed: 24, have: bytes.count) }
        let cursor = PcapCursor(bytes: bytes)
        let magic = cursor.big32(0)
        let isLittle: Bool
        let isNanoseconds: Bool
        switch magic {
        case 0xA1B2_C3D4: (isLittle, isNanoseconds) = (false, false)
        case 0xD4C3_B2A1: (isLittle, isNanoseconds) = (true, false)
        case 0xA1B2_3C4D: (isLittle, isNanoseconds) = (false, true)
        case 0x4D3C_B2A1: (isLittle, isNanoseconds) = (true, true)
        case 0x0A0D_0D0A: throw .pcapng
        default: throw .notPcap
        }
        guard bytes.count >= 24 else { throw .truncated(needed: 24, have: bytes.count) }
        func word(_ offset: Int) -> UInt32 {
            isLittle ? cursor.big32(offset).byteSwapped : cursor.big32(offset)
        }
        // The upper bits of the field carry the length of a frame check sequence.
        linkType = word(20) & 0x0FFF_FFFF
        guard let link = PcapLink(linkType) else { throw .unsupportedLinkType(linkType) }
        var packets: [PcapPacket] = []
        var skipped = 0
        var isTruncated = false
        var first: Int64?
        var offset = 24
        while offset < bytes.count {
            guard bytes.count - offset >= 16 else {
                isTruncated = true
                break
            }
            let fraction = Int64(word(offset + 4)) * (isNanoseconds ? 1 : 1000)
            let time = Int64(word(offset)) * 1_000_000_000 + fraction
            let length = Int(word(offset + 8))
            let start = offset + 16
            guard bytes.count - start >= length else {
                isTruncated = true
                break
            }
            offset = start + length
            let origin = first ?? time
            first = origin
            guard
                let datagram = cursor.datagram(
                    in: start..<offset, link: link, isLittleEndian: isLittle)
            else {
                skipped += 1
                continue
            }
            guard packets.count < maximumPackets else {
                throw .tooManyPackets(limit: maximumPackets)
            }
            packets.append(
                PcapPacket(
                    time: .nanoseconds(time - origin), source: datagram.source,
                    destination: datagram.destination, payload: datagram.payload))
        }
        self.bytes = bytes
        self.packets = packets
        self.skipped = skipped
        self.isTruncated = isTruncated
    }

    /// A packet's UDP payload.
    public func payload(_ packet: PcapPacket) -> ArraySlice<UInt8> {
        guard packet.payload.lowerBound >= 0, packet.payload.upperBound <= bytes.count else {
            return []
        }
        return bytes[packet.payload]
    }
}

/// Writes a capture: little-endian, microseconds, Ethernet, IPv4. For fixtures and for `dump`s.
public struct PcapWriter: Sendable {
    /// The file so far: 24 bytes of header, then the records.
    public private(set) var bytes: [UInt8]

    /// A capture without packets: only the file header.
    public init() {
        var writer = ByteWriter(reserving: 24)
        writer.writeLE(0xA1B2_C3D4 as UInt32)
        writer.writeLE(2 as UInt16)
        writer.writeLE(4 as UInt16)
        writer.writeLE(0 as UInt32)
        writer.writeLE(0 as UInt32)
        writer.writeLE(65_535 as UInt32)
        writer.writeLE(1 as UInt32)
        bytes = writer.bytes
    }

    /// Appends one UDP packet.
    ///
    /// - Parameters:
    ///   - time: since 1970, or since any origin.
    ///   - source: an IPv4 endpoint; `destination` too.
    /// - Throws: `badShape` for an address that is not four bytes, a negative time or a payload
    ///   beyond 65 507 bytes.
    public mutating func append(
        payload: some Collection<UInt8>, source: PcapEndpoint, destination: PcapEndpoint,
        time: Interval
    ) throws(RTPError) {
        guard source.address.count == 4, destination.address.count == 4, time >= .zero,
            payload.count <= 65_507,
            time.nanoseconds / 1_000_000_000 <= Int64(UInt32.max)
        else { throw .badShape }
        let length = payload.count
        var frame = ByteWriter(reserving: 58 + length)
        frame.writeLE(UInt32(time.nanoseconds / 1_000_000_000))
        frame.writeLE(UInt32(time.nanoseconds % 1_000_000_000 / 1000))
        frame.writeLE(UInt32(42 + length))
        frame.writeLE(UInt32(42 + length))
        frame.write([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1])
        frame.write(0x0800 as UInt16)
        var ip = ByteWriter(reserving: 20)
        ip.write(0x4500 as UInt16)
        ip.write(UInt16(28 + length))
        ip.write(0x0000_4000 as UInt32)
        ip.write(0x4011 as UInt16)
        ip.write(0 as UInt16)
        ip.write(source.address)
        ip.write(destination.address)
        let sum = Self.checksum(ip.bytes)
        frame.write(ip.bytes[0..<10])
        frame.write(sum)
        frame.write(ip.bytes[12..<20])
        frame.write(source.port)
        frame.write(destination.port)
        frame.write(UInt16(8 + length))
        frame.write(0 as UInt16)  // no UDP checksum: allowed over IPv4
        frame.write(payload)
        bytes.append(contentsOf: frame.bytes)
    }

    /// RFC 1071, over an even number of bytes.
    private static func checksum(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        var index = 0
        while index + 1 < bytes.count {
            sum += UInt32(bytes[index]) << 8 | UInt32(bytes[index + 1])
            index += 2
        }
        while sum > 0xFFFF { sum = (sum & 0xFFFF) + (sum >> 16) }
        return ~UInt16(truncatingIfNeeded: sum)
    }
}
