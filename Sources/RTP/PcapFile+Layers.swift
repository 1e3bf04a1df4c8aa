/// The link layers that carry IP in captures (tcpdump.org/linktypes.html).
enum PcapLink {
    case null, ethernet, raw, linuxCooked, linuxCooked2

    init?(_ type: UInt32) {
        switch type {
        case 0, 108: self = .null
        case 1: self = .ethernet
        // DLT_RAW is 12 or 14 on disk by some systems, LINKTYPE_RAW 101, IPV4 228, IPV6 229.
        case 12, 14, 101, 228, 229: self = .raw
        case 113: self = .linuxCooked
        case 276: self = .linuxCooked2
        default: return nil
        }
    }
}

/// Reads the layers of one captured frame. Every read is checked against the frame's end.
struct PcapCursor {
    let bytes: [UInt8]

    struct Datagram {
        var source: PcapEndpoint
        var destination: PcapEndpoint
        var payload: Range<Int>
    }

    func big16(_ offset: Int) -> UInt16 {
        guard offset >= 0, offset + 2 <= bytes.count else { return 0 }
        return UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
    }

    func big32(_ offset: Int) -> UInt32 {
        UInt32(big16(offset)) << 16 | UInt32(big16(offset + 2))
    }

    /// nil for anything but a whole UDP datagram.
    func datagram(in frame: Range<Int>, link: PcapLink, isLittleEndian: Bool) -> Datagram? {
        switch link {
        case .raw: return ip(frame)
        case .null:
            // Four bytes of address family in the writer's order; the IP version says the same.
            return ip(frame.dropFirst(4))
        case .ethernet:
            guard frame.count >= 14 else { return nil }
            return network(frame.dropFirst(14), protocolNumber: big16(frame.lowerBound + 12))
        case .linuxCooked:
            guard frame.count >= 16 else { return nil }
            return network(frame.dropFirst(16), protocolNumber: big16(frame.lowerBound + 14))
        case .linuxCooked2:
            guard frame.count >= 20 else { return nil }
            return network(frame.dropFirst(20), protocolNumber: big16(frame.lowerBound))
        }
    }

    private func network(_ frame: Range<Int>, protocolNumber: UInt16) -> Datagram? {
        var frame = frame
        var number = protocolNumber
        // 802.1Q and 802.1ad tags, at most two deep.
        for _ in 0..<2 where number == 0x8100 || number == 0x88A8 || number == 0x9100 {
            guard frame.count >= 4 else { return nil }
            number = big16(frame.lowerBound + 2)
            frame = frame.dropFirst(4)
        }
        guard number == 0x0800 || number == 0x86DD else { return nil }
        return ip(frame)
    }

    private func ip(_ frame: Range<Int>) -> Datagram? {
        guard let first = frame.first else { return nil }
        switch bytes[first] >> 4 {
        case 4: return ipv4(frame)
        case 6: return ipv6(frame)
        default: return nil
        }
    }

    private func ipv4(_ frame: Range<Int>) -> Datagram? {
        let start = frame.lowerBound
        guard frame.count >= 20 else { return nil }
        let headerCount = Int(bytes[start] & 15) * 4
        let total = Int(big16(start + 2))
        // Fragments (more to come, or an offset) are not put together.
        guard headerCount >= 20, total >= headerCount, frame.count >= total,
            big16(start + 6) & 0x3FFF == 0, bytes[start + 9] == 17
        else { return nil }
        return udp(
            start + headerCount..<start + total, source: start + 12..<start + 16,
            destination: start + 16..<start + 20)
    }

    private func ipv6(_ frame: Range<Int>) -> Datagram? {
        let start = frame.lowerBound
        guard frame.count >= 40 else { return nil }
        let total = 40 + Int(big16(start + 4))
        guard frame.count >= total else { return nil }
        var next = bytes[start + 6]
        var rest = start + 40..<start + total
        // Hop-by-hop, routing and destination options in front of UDP; at most eight.
        for _ in 0..<8 where next == 0 || next == 43 || next == 60 {
            guard rest.count >= 8 else { return nil }
            let length = 8 + Int(bytes[rest.lowerBound + 1]) * 8
            guard rest.count >= length else { return nil }
            next = bytes[rest.lowerBound]
            rest = rest.dropFirst(length)
        }
        guard next == 17 else { return nil }
        return udp(
            rest, source: start + 8..<start + 24, destination: start + 24..<start + 40)
    }

    private func udp(_ rest: Range<Int>, source: Range<Int>, destination: Range<Int>) -> Datagram? {
        let start = rest.lowerBound
        guard rest.count >= 8 else { return nil }
        let length = Int(big16(start + 4))
        guard length >= 8, length <= rest.count else { return nil }
        return Datagram(
            source: PcapEndpoint(address: Array(bytes[source]), port: big16(start)),
            destination: PcapEndpoint(address: Array(bytes[destination]), port: big16(start + 2)),
            payload: start + 8..<start + length)
    }
}
