import Base
import RTP
import Testing

/// Parses bytes of an array; the packet's offsets are into it.
func parse(_ bytes: [UInt8]) throws(RTPError) -> RTPPacket {
    let result: Result<RTPPacket, RTPError> = bytes.withUnsafeBytes { buffer in
        do throws(RTPError) { return .success(try RTPPacket(parsing: buffer)) } catch {
            return .failure(error)
        }
    }
    return try result.get()
}

@Suite struct RTPPacketTests {
    static let header = RTPHeader(
        marker: true, payloadType: 101, sequence: 0x1234, timestamp: 0xDEAD_BEEF, ssrc: 0x0102_0304)

    /// CC = 2, X, P: RFC 3550 5.1 laid out by hand.
    static let full: [UInt8] = [
        0xB2, 0x80, 0xFF, 0xFE, 0, 0, 0, 160, 0xAA, 0xBB, 0xCC, 0xDD,
        0, 0, 0, 1, 0, 0, 0, 2,
        0xBE, 0xDE, 0, 1, 0x10, 0xFF, 0, 0,
        7, 8, 9, 0, 0, 3,
    ]

    @Test func headerIsWrittenInTwelveBytes() {
        var bytes = [UInt8](repeating: 0xFF, count: 12)
        let count = bytes.withUnsafeMutableBytes { Self.header.write(into: $0) }
        #expect(count == 12)
        #expect(
            bytes == [0x80, 0xE5, 0x12, 0x34, 0xDE, 0xAD, 0xBE, 0xEF, 0x01, 0x02, 0x03, 0x04])
    }

    @Test func headerWritesNothingIntoElevenBytes() {
        var bytes = [UInt8](repeating: 0x55, count: 11)
        let count = bytes.withUnsafeMutableBytes { Self.header.write(into: $0) }
        #expect(count == 0)
        #expect(bytes == [UInt8](repeating: 0x55, count: 11))
    }

    @Test func sourcesExtensionAndPaddingAreFound() throws {
        let packet = try parse(Self.full)
        #expect(
            packet.header
                == RTPHeader(
                    marker: true, payloadType: 0, sequence: 0xFFFE, timestamp: 160,
                    ssrc: 0xAABB_CCDD))
        #expect(packet.csrcCount == 2)
        #expect(packet.extensionProfile == 0xBEDE)
        #expect(packet.extensionOffset == 24)
        #expect(packet.extensionCount == 4)
        #expect(packet.payloadOffset == 28)
        #expect(packet.payloadCount == 3)
        #expect(packet.paddingCount == 3)
        Self.full.withUnsafeBytes { buffer in
            #expect(Array(packet.payload(of: buffer)) == [7, 8, 9])
            #expect(packet.contributingSource(1, of: buffer) == 2)
            #expect(packet.contributingSource(2, of: buffer) == nil)
        }
    }

    @Test func generalWriterMakesTheSameBytes() throws {
        var bytes = [UInt8](repeating: 0xEE, count: 34)
        let payload: [UInt8] = [7, 8, 9]
        let count = try bytes.withUnsafeMutableBytes { buffer in
            try payload.withUnsafeBytes { payload in
                try RTPPacket.write(
                    RTPHeader(
                        marker: true, payloadType: 0, sequence: 0xFFFE, timestamp: 160,
                        ssrc: 0xAABB_CCDD),
                    contributingSources: [1, 2], extensionProfile: 0xBEDE,
                    extensionBody: [0x10, 0xFF, 0, 0], payload: payload, paddingCount: 3,
                    into: buffer)
            }
        }
        #expect(count == 34)
        #expect(bytes == Self.full)
    }

    @Test func everyTruncationOfTheHeadersThrows() {
        for count in 0..<28 {
            // Without P, so that only lengths can be wrong.
            var bytes = Array(Self.full[0..<count])
            if count > 0 { bytes[0] &= ~0x20 }
            #expect(throws: RTPError.self) { try parse(bytes) }
        }
    }

    @Test func errorsCarryTheFacts() {
        #expect(throws: RTPError.truncated(needed: 12, have: 3)) { try parse([0x80, 0, 0]) }
        #expect(throws: RTPError.badVersion(1)) { try parse([UInt8](repeating: 0x40, count: 12)) }
        var short = [UInt8](repeating: 0, count: 12)
        short[0] = 0x83
        #expect(throws: RTPError.truncated(needed: 24, have: 12)) { try parse(short) }
        short[0] = 0x90
        #expect(throws: RTPError.badExtension(needed: 16, have: 12)) { try parse(short) }
        short[0] = 0xA0
        #expect(throws: RTPError.badPadding(count: 0, have: 0)) { try parse(short) }
        #expect(throws: RTPError.badPadding(count: 0, have: 2)) { try parse(short + [1, 0]) }
        #expect(throws: RTPError.badPadding(count: 3, have: 2)) { try parse(short + [1, 3]) }
        #expect(throws: RTPError.badExtension(needed: 262_156, have: 20)) {
            try parse([0x90] + short[1...] + [0, 0, 0xFF, 0xFF, 0, 0, 0, 0])
        }
    }

    @Test func paddingMayBeTheWholePayload() throws {
        var bytes = [UInt8](repeating: 0, count: 12)
        bytes[0] = 0xA0
        let packet = try parse(bytes + [0, 2])
        #expect(packet.payloadCount == 0)
        #expect(packet.paddingCount == 2)
    }

    @Test func writerRefusesShapesTheFormatHasNot() {
        var buffer = [UInt8](repeating: 0, count: 600)
        func write(
            sources: Int = 0, body: Int = 0, padding: Int = 0, room: Int = 600
        ) throws(RTPError) -> Int {
            let result: Result<Int, RTPError> = buffer.withUnsafeMutableBytes { bytes in
                do throws(RTPError) {
                    return .success(
                        try RTPPacket.write(
                            Self.header,
                            contributingSources: [UInt32](repeating: 0, count: sources),
                            extensionProfile: 1,
                            extensionBody: [UInt8](repeating: 0, count: body),
                            payload: UnsafeRawBufferPointer(start: nil, count: 0),
                            paddingCount: padding,
                            into: UnsafeMutableRawBufferPointer(rebasing: bytes[0..<room])))
                } catch {
                    return .failure(error)
                }
            }
            return try result.get()
        }
        #expect(throws: RTPError.badShape) { try write(sources: 16) }
        #expect(throws: RTPError.badShape) { try write(body: 5) }
        #expect(throws: RTPError.badShape) { try write(padding: 256) }
        #expect(throws: RTPError.noRoom(needed: 16, have: 15)) { try write(room: 15) }
        #expect(throws: Never.self) { try write(sources: 15, body: 8, padding: 255) }
    }

    @Test func mutatedPacketsNeverTrap() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<20_000 {
            var bytes = Self.full
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
            guard let packet = try? parse(bytes) else { continue }
            #expect(packet.payloadOffset + packet.payloadCount + packet.paddingCount == bytes.count)
            bytes.withUnsafeBytes { #expect(packet.payload(of: $0).count == packet.payloadCount) }
        }
    }

    @Test func firstBytesTellTheKindOfDatagram() {
        func kind(_ bytes: [UInt8]) -> PacketKind { bytes.withUnsafeBytes { PacketKind($0) } }
        #expect(kind([]) == .unknown)
        #expect(kind([0, 1]) == .stun)
        #expect(kind([22, 254]) == .dtls)
        #expect(kind([0x80, 0]) == .rtp)
        #expect(kind([0x80, 0xE5]) == .rtp)
        #expect(kind([0x80, 200]) == .rtcp)
        #expect(kind([0x81, 207]) == .rtcp)
        #expect(kind([0x80]) == .unknown)
        #expect(kind([0xC0, 0]) == .unknown)
    }
}

@Suite struct UnwrapperTests {
    private func unwrapped(_ sequences: [UInt16]) -> [Int64] {
        var unwrapper = SequenceUnwrapper()
        return sequences.map { unwrapper.unwrap($0) }
    }

    @Test func sequenceRunsThroughItsWrap() {
        #expect(
            unwrapped([65_534, 65_535, 1, 0, 65_535, 2])
                == [65_534, 65_535, 65_537, 65_536, 65_535, 65_538])
    }

    @Test func packetBeforeTheFirstIsNegative() {
        #expect(unwrapped([0, 65_535]) == [0, -1])
    }

    @Test func peekRemembersNothing() {
        var unwrapper = SequenceUnwrapper()
        _ = unwrapper.unwrap(10)
        #expect(unwrapper.peek(20_000) == 20_000)
        #expect(unwrapper.highest == 10)
        #expect(unwrapper.peek(40_000) == 40_000 - 65_536)
    }

    @Test func thousandWrapsWithReordering() {
        var random = SeededGenerator(seed: 2)
        var unwrapper = SequenceUnwrapper()
        var truth: Int64 = 0
        _ = unwrapper.unwrap(0)
        var wrong = 0
        for _ in 0..<20_000 {
            truth += Int64.random(in: 1...6000, using: &random)
            if unwrapper.unwrap(UInt16(truncatingIfNeeded: truth)) != truth { wrong += 1 }
            let old = truth - Int64.random(in: 0...3000, using: &random)
            if unwrapper.unwrap(UInt16(truncatingIfNeeded: old)) != old { wrong += 1 }
        }
        #expect(wrong == 0)
        #expect(truth > 65_536 * 500)
    }

    @Test func timestampRunsThroughItsWrap() {
        var unwrapper = TimestampUnwrapper()
        let timestamps: [UInt32] = [0xFFFF_FF60, 0, 0xFFFF_FF60]
        #expect(
            timestamps.map { unwrapper.unwrap($0) }
                == [4_294_967_136, 4_294_967_296, 4_294_967_136])
        #expect(unwrapper.peek(160) == 4_294_967_456)
        #expect(unwrapper.highest == 4_294_967_296)
    }
}
