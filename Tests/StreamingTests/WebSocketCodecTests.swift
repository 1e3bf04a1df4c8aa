import Base
import Testing

@testable import Streaming

@Suite struct WebSocketCodecTests {
    private func encode(_ opcode: WebSocketOpcode, _ payload: [UInt8], key: UInt32) -> [UInt8] {
        let out = FrameBuffer()
        payload.withUnsafeBytes { WebSocketEncoder.write(opcode, $0, key: key, into: out) }
        return Array(out.bytes)
    }

    /// What came out, with its bytes.
    enum Heard: Equatable {
        case text([UInt8])
        case data([UInt8])
        case binary(bytes: Int)
        case oversized(bytes: Int)
        case ping([UInt8])
        case pong
        case close(code: UInt16?, reason: String)
        case violation(String)

        init(_ input: WebSocketInput) {
            self =
                switch input {
                case .text(let bytes): .text(Array(bytes))
                case .data(let bytes): .data(Array(bytes))
                case .binary(let bytes): .binary(bytes: bytes)
                case .oversized(let bytes): .oversized(bytes: bytes)
                case .ping(let bytes): .ping(Array(bytes))
                case .pong: .pong
                case .close(let code, let reason):
                    .close(code: code, reason: String(decoding: reason, as: UTF8.self))
                case .violation(let fault): .violation(fault.description)
                }
        }
    }

    private func feed(_ decoder: inout WebSocketDecoder, _ piece: some Collection<UInt8>) -> [Heard]
    {
        // A copy of exactly its length, gone afterwards.
        Array(piece).withUnsafeBytes { bytes in
            var inputs: [Heard] = []
            var rest = bytes
            while let input = decoder.next(&rest) { inputs.append(Heard(input)) }
            #expect(rest.isEmpty)
            return inputs
        }
    }

    /// Feeds `bytes` in pieces of `piece` and returns all that comes out.
    private func decode(_ bytes: [UInt8], piece: Int = .max, maximum: Int = 1 << 20) -> [Heard] {
        var decoder = WebSocketDecoder(maximumMessage: maximum)
        var inputs: [Heard] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            inputs += feed(&decoder, rest.prefix(piece))
            rest = rest.dropFirst(piece)
        }
        return inputs
    }

    private func text(_ string: String) -> Heard { .text(Array(string.utf8)) }

    // RFC 6455 section 5.7: "Hello" masked with 37 fa 21 3d.
    @Test func maskedHelloIsTheOneOfTheRFC() {
        #expect(
            encode(.text, Array("Hello".utf8), key: 0x3D21_FA37) == [
                0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
            ])
    }

    // RFC 6455 section 5.7: the same, unmasked, from a server.
    @Test func unmaskedHelloOfTheRFCIsRead() {
        #expect(decode([0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]) == [text("Hello")])
    }

    // RFC 6455 section 5.7: "Hel" and "lo", with a ping between the fragments.
    @Test func fragmentsOfTheRFCBecomeOneMessageAroundAPing() {
        let bytes: [UInt8] =
            [0x01, 0x03, 0x48, 0x65, 0x6C]
            + [0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F] + [0x80, 0x02, 0x6C, 0x6F]
        #expect(decode(bytes) == [.ping(Array("Hello".utf8)), text("Hello")])
    }

    // RFC 6455 section 5.7: 256 bytes with a 16-bit length, 64 KiB with a 64-bit length.
    @Test func extendedLengthsOfTheRFCAreReadAndWritten() {
        let middle = [UInt8](repeating: 0x61, count: 256)
        let large = [UInt8](repeating: 0x62, count: 65_536)
        #expect(
            decode([0x81, 0x7E, 0x01, 0x00] + middle) == [.text(middle)])
        #expect(
            decode([0x81, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0] + large)
                == [.text(large)])
        #expect(
            encode(.text, middle, key: 0) == [0x81, 0xFE, 0x01, 0x00, 0, 0, 0, 0] + middle)
        #expect(
            encode(.text, large, key: 0)
                == [0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] + large)
    }

    @Test(arguments: [0, 1, 7, 8, 9, 15, 16, 17, 125, 126, 127, 1000, 65_535])
    func maskIsTheXorOfEachByte(count: Int) {
        var random = SeededGenerator(seed: UInt64(count))
        let payload = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let frame = encode(.text, payload, key: 0x0403_0201)
        let masked = frame.suffix(count)
        let key: [UInt8] = [1, 2, 3, 4]
        #expect(Array(frame.dropLast(count).suffix(4)) == key)
        #expect(masked.enumerated().map { $1 ^ key[$0 % 4] } == payload)
    }

    @Test func maskingKeysDiffer() {
        var encoder = WebSocketEncoder()
        var keys: Set<[UInt8]> = []
        for _ in 0..<32 {
            let out = FrameBuffer()
            encoder.write(.ping, UnsafeRawBufferPointer(start: nil, count: 0), into: out)
            keys.insert(Array(out.bytes.dropFirst(2)))
        }
        #expect(keys.count == 32)
    }

    @Test func closeFramesCarryCodeAndReason() {
        #expect(decode([0x88, 0x00]) == [.close(code: nil, reason: "")])
        #expect(decode([0x88, 0x02, 0x03, 0xE8]) == [.close(code: 1000, reason: "")])
        #expect(
            decode([0x88, 0x05, 0x03, 0xF3, 0x62, 0x79, 0x65])
                == [.close(code: 1011, reason: "bye")])
    }

    @Test func binaryMessagesAreSkippedAndCounted() {
        let bytes =
            [0x82, 0x7E, 0x01, 0x2C] + [UInt8](repeating: 0, count: 300)
            + [0x81, 0x02, 0x6F, 0x6B]
        for piece in [1, 7, 1000] {
            #expect(decode(bytes, piece: piece) == [.binary(bytes: 300), text("ok")])
        }
    }

    @Test func oversizedMessagesAreSkippedAndTheNextOneIsRead() {
        let whole = [0x81, 0x7E, 0x01, 0x2C] + [UInt8](repeating: 0x61, count: 300)
        let next: [UInt8] = [0x81, 0x02, 0x6F, 0x6B]
        #expect(decode(whole, maximum: 300) == [.text(Array(whole.dropFirst(4)))])
        for piece in [1, 100, 1000] {
            #expect(
                decode(whole + next, piece: piece, maximum: 299)
                    == [.oversized(bytes: 300), text("ok")])
        }
        // In fragments: 200 + 100 is as much too much as 300.
        let fragments =
            [0x01, 0x7E, 0x00, 0xC8] + [UInt8](repeating: 0x61, count: 200)
            + [0x80, 0x64] + [UInt8](repeating: 0x61, count: 100)
        #expect(
            decode(fragments + next, piece: 64, maximum: 299)
                == [.oversized(bytes: 300), text("ok")])
    }

    @Test func announcedLengthsTakeNoMemory() {
        // 2^62 bytes announced, none kept.
        var decoder = WebSocketDecoder(maximumMessage: 1000)
        #expect(feed(&decoder, [0x81, 0x7F, 0x40, 0, 0, 0, 0, 0, 0, 0]) == [])
        #expect(feed(&decoder, [UInt8](repeating: 0x20, count: 100_000)) == [])
    }

    /// A ping that is cut between the fragments of a message takes nothing of it along.
    @Test func controlFramesInPiecesLeaveTheFragmentsAlone() {
        let bytes: [UInt8] =
            [0x01, 0x03, 0x48, 0x65, 0x6C] + [0x89, 0x02, 0x31, 0x32] + [0x00, 0x01, 0x6C]
            + [0x89, 0x01, 0x33] + [0x80, 0x01, 0x6F] + [0x81, 0x02, 0x6F, 0x6B]
        for piece in 1...bytes.count {
            #expect(
                decode(bytes, piece: piece)
                    == [.ping([0x31, 0x32]), .ping([0x33]), text("Hello"), text("ok")])
        }
    }

    @Test(
        arguments: [
            ([0xC1, 0x00], "reserved bits are set"),
            ([0x83, 0x00], "unknown opcode 3"),
            ([0x8B, 0x00], "unknown opcode 11"),
            ([0x81, 0x80, 0, 0, 0, 0], "a server frame is masked"),
            ([0x09, 0x00], "a control frame is fragmented or too long"),
            ([0x89, 0x7E, 0x00, 0x7E], "a control frame is fragmented or too long"),
            ([0x80, 0x00], "a continuation without a message"),
            ([0x01, 0x00, 0x81, 0x00], "a new message inside a fragmented one"),
            ([0x88, 0x01, 0x03], "a close frame of one byte"),
            ([0x88, 0x02, 0x03, 0xED], "close code 1005 never travels"),
            ([0x88, 0x04, 0x03, 0xE8, 0xC3, 0x28], "text that is no UTF-8"),
            ([0x81, 0x02, 0xC3, 0x28], "text that is no UTF-8"),
            // Cut at the end of the message, not of the fragment.
            ([0x01, 0x01, 0xC3, 0x80, 0x01, 0x28], "text that is no UTF-8"),
            (
                [0x81, 0x7F, 0x80, 0, 0, 0, 0, 0, 0, 0], "a frame length has its highest bit set"
            ),
        ] as [([UInt8], String)])
    func protocolViolationsEndTheDecoder(bytes: [UInt8], reason: String) {
        let after: [UInt8] = [0x81, 0x02, 0x6F, 0x6B]
        #expect(decode(bytes + after, piece: 1) == [.violation(reason)])
        #expect(decode(bytes + after) == [.violation(reason)])
    }

    @Test func onlyCodesThatMayTravelDo() {
        // RFC 6455 section 7.4, and 1012 to 1014 of IANA's registry.
        let allowed = Set([1000, 1001, 1002, 1003] + Array(1007...1014) + Array(3000...4999))
        for code in 0...5100 {
            let heard = decode([0x88, 0x02, UInt8(code >> 8), UInt8(code & 0xFF)])
            let isClose = heard == [.close(code: UInt16(code), reason: "")]
            #expect(isClose == allowed.contains(code), "\(code)")
        }
        #expect(WebSocketFault.badCloseCode(999).closeCode == 1002)
        #expect(WebSocketFault.notUTF8.closeCode == 1007)
    }

    @Test func aCharacterMayBeCutBetweenFragments() {
        // U+20AC, e2 82 ac.
        let bytes: [UInt8] = [0x01, 0x01, 0xE2, 0x00, 0x01, 0x82, 0x80, 0x01, 0xAC]
        for piece in 1...bytes.count { #expect(decode(bytes, piece: piece) == [text("\u{20AC}")]) }
    }

    private static let session: [UInt8] =
        [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F] + [0x89, 0x01, 0x31]
        + [0x01, 0x03, 0x48, 0x65, 0x6C] + [0x8A, 0x00] + [0x80, 0x02, 0x6C, 0x6F]
        + [0x82, 0x7E, 0x00, 0x80] + [UInt8](repeating: 9, count: 128)
        + [0x88, 0x05, 0x03, 0xE8, 0x62, 0x79, 0x65]

    @Test func everyPieceSizeGivesTheSame() {
        let whole = decode(Self.session)
        #expect(whole.count == 6)
        for piece in 1...40 { #expect(decode(Self.session, piece: piece) == whole) }
    }

    @Test func truncationAtEveryByteGivesAPrefixAndNoTrap() {
        let whole = decode(Self.session)
        for end in 0..<Self.session.count {
            let part = decode(Array(Self.session[..<end]), piece: 3)
            #expect(part == Array(whole.prefix(part.count)))
            #expect(part.count < whole.count)
        }
    }

    @Test func randomBytesNeverTrap() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<3000 {
            var bytes = Self.session
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] =
                    UInt8(truncatingIfNeeded: random.next())
            }
            let piece = Int.random(in: 1...200, using: &random)
            let inputs = decode(bytes, piece: piece, maximum: 100)
            #expect(inputs.count <= bytes.count)
            for input in inputs {
                if case .text(let text) = input { #expect(text.count <= 100) }
            }
        }
    }
}
