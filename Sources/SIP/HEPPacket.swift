public import Base

/// HEP version 3 (EEP), the capture format of Homer: `HEP3`, the length of all, then chunks of
/// vendor, type, length and value, all big-endian.
public enum HEPPacket {
    /// - Parameters:
    ///   - own, peer: numeric addresses; nil comes back when they are not of one family.
    ///   - correlation: the SIP Call-ID or the call's own id.
    ///   - agent: our number at the collector.
    public static func sip(
        _ payload: [UInt8], from source: SIPAddress, to destination: SIPAddress, at time: WallTime,
        agent: UInt32, password: String?, correlation: String?
    ) -> [UInt8]? {
        guard let sourceBytes = addressBytes(source.host),
            let destinationBytes = addressBytes(destination.host),
            sourceBytes.count == destinationBytes.count
        else { return nil }
        let isIPv4 = sourceBytes.count == 4
        var chunks: [UInt8] = []
        func chunk(_ type: UInt16, _ value: [UInt8]) {
            let length = min(value.count, 65_000)
            append(0, 2, to: &chunks)
            append(Int(type), 2, to: &chunks)
            append(length + 6, 2, to: &chunks)
            chunks.append(contentsOf: value.prefix(length))
        }
        func number(_ type: UInt16, _ value: Int, _ bytes: Int) {
            var field: [UInt8] = []
            append(value, bytes, to: &field)
            chunk(type, field)
        }
        let isDatagram = source.transport == .udp
        let milliseconds = Swift.max(time.milliseconds, 0)
        number(1, isIPv4 ? 2 : 10, 1)
        number(2, isDatagram ? 17 : 6, 1)
        chunk(isIPv4 ? 3 : 5, sourceBytes)
        chunk(isIPv4 ? 4 : 6, destinationBytes)
        number(7, source.port, 2)
        number(8, destination.port, 2)
        number(9, Int(milliseconds / 1_000), 4)
        number(10, Int(milliseconds % 1_000) * 1_000, 4)
        number(11, 1, 1)
        number(12, Int(agent), 4)
        if let password { chunk(14, Array(password.utf8)) }
        chunk(15, payload)
        if let correlation { chunk(17, Array(correlation.utf8)) }
        guard chunks.count + 6 <= 65_535 else { return nil }
        var packet = Array("HEP3".utf8)
        append(chunks.count + 6, 2, to: &packet)
        return packet + chunks
    }

    private static func append(_ value: Int, _ bytes: Int, to output: inout [UInt8]) {
        for shift in stride(from: (bytes - 1) * 8, through: 0, by: -8) {
            output.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}
