import Base
import Testing

@testable import Audio

@Suite struct OggOpusTests {
    /// The check value of this CRC (CRC-32/CKSUM without its final inversion) for "123456789".
    @Test func checksumIsTheOneOfRFC3533() {
        #expect(OggOpusWriter.checksum(Array("123456789".utf8)) == 0x89A1_897F)
    }

    @Test func headersAreThoseOfRFC7845() throws {
        var writer = OggOpusWriter(serial: 0x0102_0304, sampleRate: 8000, lookahead: 52)
        let pages = try oggPages(writer.headers(vendor: "v"))
        #expect(pages.count == 2)
        #expect(pages[0].flags == 2 && pages[0].sequence == 0 && pages[0].granule == 0)
        #expect(pages[0].serial == 0x0102_0304)
        // "OpusHead", version 1, 2 channels, pre-skip 312, 8000 Hz, gain 0, family 1: 2 streams,
        // none coupled, channel 0 is stream 0, channel 1 stream 1.
        #expect(
            pages[0].body == Array("OpusHead".utf8) + [1, 2, 0x38, 1, 0x40, 0x1F, 0, 0, 0, 0, 1, 2]
                + [0, 0, 1])
        #expect(pages[1].flags == 0 && pages[1].sequence == 1 && pages[1].granule == 0)
        #expect(pages[1].body == Array("OpusTags".utf8) + [1, 0, 0, 0, 0x76, 0, 0, 0, 0])
    }

    @Test func aPageHoldsASecondAtMostAndWholePackets() throws {
        var writer = OggOpusWriter(serial: 1, sampleRate: 8000, lookahead: 52)
        let packet = [UInt8](repeating: 7, count: 80)
        var taken = 0
        while packet.withUnsafeBytes({ writer.add($0) }) { taken += 1 }
        #expect(taken == 50)
        let page = try #require(try oggPages(writer.page()).first)
        #expect(
            page.granule == 48_000 && page.packets.map(\.count) == [Int](repeating: 80, count: 50))
        #expect(writer.page().isEmpty)
    }

    @Test func lacingOfLongPacketsNeverOverflowsAPage() throws {
        var writer = OggOpusWriter(serial: 1, sampleRate: 48_000, lookahead: 0)
        var generator = SeededGenerator(seed: 5)
        var lengths: [Int] = []
        var pages: [OggPage] = []
        for _ in 0..<300 {
            let count = Int.random(in: 1...OpusPairEncoder.maximumPacket, using: &generator)
            let packet = [UInt8](repeating: 1, count: count)
            if !packet.withUnsafeBytes({ writer.add($0) }) {
                pages += try oggPages(writer.page())
                #expect(packet.withUnsafeBytes { writer.add($0) })
            }
            lengths.append(count)
        }
        pages += try oggPages(writer.finish(samples: 300 * 960 - 400))
        #expect(pages.flatMap { $0.packets.map(\.count) } == lengths)
        #expect(pages.map(\.sequence) == pages.indices.map { UInt32($0) })
        #expect(pages.last?.flags == 4 && pages.last?.granule == 300 * 960 - 400)
        #expect(pages.dropLast().allSatisfy { $0.flags == 0 })
    }

    @Test func packetsOf255BytesAndOfNoneEndWithAShortLacingValue() throws {
        var writer = OggOpusWriter(serial: 1, sampleRate: 8000, lookahead: 0)
        for count in [255, 510, 254, 256] {
            let packet = [UInt8](repeating: 1, count: count)
            #expect(packet.withUnsafeBytes { writer.add($0) })
        }
        let page = try #require(try oggPages(writer.page()).first)
        #expect(page.lacing == [255, 0, 255, 255, 0, 254, 255, 1])
        #expect(page.granule == 4 * 960)
    }

    /// A voice on one side leaves the other side untouched: each stream is decoded by itself.
    @Test func theSidesDoNotLeakIntoEachOther() throws {
        var encoder = try OpusPairEncoder(sampleRate: 8000, bitrate: 24_000, complexity: 5)
        var left = try OpusDecoder(sampleRate: 8000)
        var right = try OpusDecoder(sampleRate: 8000)
        var packet = [UInt8](repeating: 0, count: OpusPairEncoder.maximumPacket)
        var loud: Int = 0
        var quiet: Int = 0
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<100 {
            var frame = [Int16](repeating: 0, count: 320)
            for index in stride(from: 0, to: 320, by: 2) {
                frame[index] = Int16.random(in: -12_000...12_000, using: &generator)
            }
            let count = try packet.withUnsafeMutableBytes { packet in
                try frame.withUnsafeBufferPointer { try encoder.encode($0, into: packet) }
            }
            let parts = try selfDelimited(Array(packet[0..<count]))
            loud = max(loud, try peak(&left, parts.first))
            quiet = max(quiet, try peak(&right, parts.second))
        }
        #expect(loud > 4000)
        #expect(quiet <= 1)
    }

    private func peak(_ decoder: inout OpusDecoder, _ packet: [UInt8]) throws -> Int {
        var samples = [Int16](repeating: 0, count: 160)
        let count = try packet.withUnsafeBytes { packet in
            try samples.withUnsafeMutableBufferPointer { try decoder.decode(packet, into: $0) }
        }
        return samples[0..<count].map { Int($0.magnitude) }.max() ?? 0
    }

    /// Splits a packet of two streams: the first is self-delimited (RFC 6716 B), one frame each.
    private func selfDelimited(_ packet: [UInt8]) throws -> (first: [UInt8], second: [UInt8]) {
        try #require(packet.count > 3 && packet[0] & 3 == 0)
        var length = Int(packet[1])
        var start = 2
        if length >= 252 {
            length += 4 * Int(packet[2])
            start = 3
        }
        try #require(start + length < packet.count)
        return ([packet[0]] + packet[start..<start + length], Array(packet[(start + length)...]))
    }
}

/// One page, its checksum verified bit by bit: a second reading of RFC 3533.
struct OggPage {
    var flags: UInt8
    var granule: Int
    var serial: UInt32
    var sequence: UInt32
    var lacing: [UInt8]
    var body: [UInt8]

    var packets: [[UInt8]] {
        var packets: [[UInt8]] = []
        var packet: [UInt8] = []
        var rest = body[...]
        for value in lacing {
            packet += rest.prefix(Int(value))
            rest = rest.dropFirst(Int(value))
            if value < 255 {
                packets.append(packet)
                packet = []
            }
        }
        return packets
    }
}

func oggPages(_ bytes: [UInt8]) throws -> [OggPage] {
    var rest = bytes[...]
    var pages: [OggPage] = []
    while !rest.isEmpty {
        try #require(rest.count >= 27 && rest.prefix(5).elementsEqual(Array("OggS".utf8) + [0]))
        let head = Array(rest.prefix(27))
        func number(_ offset: Int, _ count: Int) -> Int {
            (0..<count).reversed().reduce(0) { $0 << 8 | Int(head[offset + $1]) }
        }
        let lacing = Array(rest.dropFirst(27).prefix(number(26, 1)))
        let length = lacing.reduce(0) { $0 + Int($1) }
        let page = Array(rest.prefix(27 + lacing.count + length))
        try #require(page.count == 27 + lacing.count + length)
        var crc: UInt32 = 0
        for (index, byte) in page.enumerated() {
            let value = (22..<26).contains(index) ? 0 : byte
            for bit in (0..<8).reversed() {
                let feedback = (crc >> 31) ^ UInt32(value >> UInt8(bit) & 1)
                crc = crc << 1 ^ (feedback == 1 ? 0x04C1_1DB7 : 0)
            }
        }
        #expect(Int(crc) == number(22, 4))
        pages.append(
            OggPage(
                flags: head[5], granule: number(6, 8), serial: UInt32(number(14, 4)),
                sequence: UInt32(number(18, 4)), lacing: lacing,
                body: Array(page[(27 + lacing.count)...])))
        rest = rest.dropFirst(page.count)
    }
    return pages
}
