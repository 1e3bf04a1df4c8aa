import Base

/// Packs Opus packets of 20 ms into an Ogg stream (RFC 3533, RFC 7845), as bytes.
///
/// ```
/// headers ─► page: OpusHead (BOS) ─ page: OpusTags
/// add ─────► packets of the open page ─► page(): at most a second, whole packets only
/// finish ──► last page (EOS), whose position cuts off what the encoder padded
/// ```
/// Two sides are two uncoupled streams (channel mapping family 1): left is channel 0. No packet
/// crosses a page, so a file that ends anywhere plays up to its last whole page.
public struct OggOpusWriter: Sendable {
    /// Granule positions count samples at this rate, whatever was encoded (RFC 7845 4).
    public static let granuleRate = 48_000
    /// Packets of a page at most: a second of 20 ms (RFC 7845 6).
    public static let pagePackets = 50
    /// Lacing values of a page at most (RFC 3533 6).
    static let maximumSegments = 255
    static let packetGranules = 960

    private let serial: UInt32
    private let preSkip: Int
    private let sampleRate: Int
    private var sequence: UInt32 = 0
    /// Position after the last packet added.
    private var granule = 0
    private var lacing: [UInt8] = []
    private var body: [UInt8] = []
    private var packets = 0

    /// - Parameters:
    ///   - serial: distinguishes logical streams; any number.
    ///   - sampleRate: of the encoder's input, Hz; a note to players.
    ///   - lookahead: the encoder's, at `sampleRate`.
    public init(serial: UInt32, sampleRate: Int, lookahead: Int) {
        self.serial = serial
        self.sampleRate = max(1, sampleRate)
        preSkip = max(0, lookahead) * Self.granuleRate / self.sampleRate
    }

    /// The two pages that every file begins with; once, before any packet.
    public mutating func headers(vendor: String) -> [UInt8] {
        var head = ByteWriter(reserving: 21)
        head.write(ascii: "OpusHead")
        head.write([1, 2])
        head.writeLE(UInt16(clamping: preSkip))
        head.writeLE(UInt32(clamping: sampleRate))
        // No output gain; family 1 with two uncoupled streams, each its own channel (5.1.1.2).
        head.writeLE(UInt16(0))
        head.write([1, 2, 0, 0, 1])
        var tags = ByteWriter(reserving: 64)
        tags.write(ascii: "OpusTags")
        let vendor = Array(vendor.utf8.prefix(200))
        tags.writeLE(UInt32(vendor.count))
        tags.write(vendor)
        tags.writeLE(UInt32(0))
        return wholePage(head.bytes, flags: 2) + wholePage(tags.bytes, flags: 0)
    }

    /// False when the open page has no room: take `page` first.
    public mutating func add(_ packet: UnsafeRawBufferPointer) -> Bool {
        let segments = packet.count / 255 + 1
        guard packets < Self.pagePackets, lacing.count + segments <= Self.maximumSegments else {
            return false
        }
        for _ in 1..<segments { lacing.append(255) }
        lacing.append(UInt8(packet.count % 255))
        body.append(contentsOf: packet)
        packets += 1
        granule += Self.packetGranules
        return true
    }

    /// The open page, closed; empty when it has no packet.
    public mutating func page() -> [UInt8] {
        guard packets > 0 else { return [] }
        return closePage(flags: 0, position: granule)
    }

    /// The last page (EOS).
    /// - Parameter samples: of one side at `sampleRate`, in the whole recording.
    public mutating func finish(samples: Int) -> [UInt8] {
        let end = preSkip + max(0, samples) * Self.granuleRate / sampleRate
        return closePage(flags: 4, position: min(end, granule))
    }

    // MARK: pages

    private mutating func wholePage(_ packet: [UInt8], flags: UInt8) -> [UInt8] {
        lacing = [UInt8](repeating: 255, count: packet.count / 255) + [UInt8(packet.count % 255)]
        body = packet
        return closePage(flags: flags, position: 0)
    }

    private mutating func closePage(flags: UInt8, position: Int) -> [UInt8] {
        var writer = ByteWriter(reserving: 27 + lacing.count + body.count)
        writer.write(ascii: "OggS")
        writer.write([0, flags])
        writer.writeLE(UInt32(truncatingIfNeeded: position))
        writer.writeLE(UInt32(truncatingIfNeeded: position >> 32))
        writer.writeLE(serial)
        writer.writeLE(sequence)
        writer.writeLE(UInt32(0))
        writer.write([UInt8(lacing.count)])
        writer.write(lacing)
        writer.write(body)
        var bytes = writer.bytes
        let checksum = Self.checksum(bytes)
        for index in 0..<4 {
            bytes[22 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index))
        }
        sequence &+= 1
        lacing.removeAll(keepingCapacity: true)
        body.removeAll(keepingCapacity: true)
        packets = 0
        return bytes
    }

    /// CRC of a page whose checksum field is zero: polynomial 0x04C11DB7, most significant bit first,
    /// nothing inverted (RFC 3533 6).
    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0
        for byte in bytes {
            crc = crc << 8 ^ table[Int(UInt8(truncatingIfNeeded: crc >> 24) ^ byte)]
        }
        return crc
    }

    private static let table: [UInt32] = (0..<256).map { value in
        var crc = UInt32(value) << 24
        for _ in 0..<8 { crc = crc & 0x8000_0000 == 0 ? crc << 1 : crc << 1 ^ 0x04C1_1DB7 }
        return crc
    }
}
