import Base
import CVector
import Testing

@testable import Audio

/// G.722 with AVX2 and without: the same octets, samples and state, whatever the sound and however it is cut.
@Suite struct G722VectorTests {
    private static func sound(_ kind: Int, _ random: inout SeededGenerator) -> [Int16] {
        switch kind {
        case 0: [Int16](repeating: 0, count: 4000)
        case 1: (0..<4000).map { _ in Int16.random(in: .min ... .max, using: &random) }
        // What drives the predictor to its bounds: the same extreme for long, and then the other.
        case 2: (0..<8000).map { $0 / 1000 % 2 == 0 ? Int16.max : .min }
        case 3: (0..<4000).map { _ in Bool.random(using: &random) ? Int16.max : .min }
        default:
            (0..<4000).map { Int16(clamping: Int(20_000 * Elementary.sin(Double($0) * 0.3))) }
        }
    }

    private func equal(_ a: tl_g722, _ b: tl_g722) -> Bool {
        withUnsafeBytes(of: a) { a in withUnsafeBytes(of: b) { a.elementsEqual($0) } }
    }

    @Test(arguments: 0...4)
    func bothWays(kind: Int) {
        var random = SeededGenerator(seed: 722)
        let input = Self.sound(kind, &random)
        var wide = tl_g722(reset: ())
        var narrow = wide
        var octets: [UInt8] = []
        var start = 0
        while start < input.count {
            let pairs = min(Int.random(in: 1...400, using: &random), (input.count - start) / 2)
            let piece = Array(input[start..<start + 2 * pairs])
            var a = [UInt8](repeating: 1, count: pairs)
            var b = [UInt8](repeating: 2, count: pairs)
            tl_g722_encode(&wide, piece, Int32(pairs), &a)
            tl_g722_encode_narrow(&narrow, piece, Int32(pairs), &b)
            #expect(a == b)
            octets += a
            start += 2 * pairs
        }
        #expect(equal(wide, narrow))
        // As a whole, and octets that no encoder made.
        var once = G722Encoder()
        var whole = [UInt8](repeating: 0, count: octets.count)
        input.withUnsafeBufferPointer { input in
            whole.withUnsafeMutableBytes { _ = once.encode(input, into: $0) }
        }
        #expect(whole == octets)
        octets += (0..<2000).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        for auxiliary: Int32 in 0...2 {
            wide = tl_g722(reset: ())
            narrow = wide
            var rest = octets[...]
            while !rest.isEmpty {
                let piece = Array(rest.prefix(Int.random(in: 1...400, using: &random)))
                var a = [Int16](repeating: 1, count: 2 * piece.count)
                var b = [Int16](repeating: 2, count: 2 * piece.count)
                tl_g722_decode(&wide, auxiliary, piece, Int32(piece.count), &a)
                tl_g722_decode_narrow(&narrow, auxiliary, piece, Int32(piece.count), &b)
                #expect(a == b)
                rest = rest.dropFirst(piece.count)
            }
            #expect(equal(wide, narrow))
        }
    }
}
