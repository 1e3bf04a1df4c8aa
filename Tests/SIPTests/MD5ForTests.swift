// RFC 1321, for the digest vectors: the room itself is handed its hash functions.

import Base
import SIP

func md5(_ message: [UInt8]) -> [UInt8] {
    let shifts: [UInt32] =
        [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]
    var k: [UInt32] = []
    for i in 0..<64 { k.append(sineTable(i)) }
    var padded = message + [0x80]
    while padded.count % 64 != 56 { padded.append(0) }
    let bits = UInt64(message.count) * 8
    for i in 0..<8 { padded.append(UInt8(truncatingIfNeeded: bits >> UInt64(8 * i))) }
    var state: (UInt32, UInt32, UInt32, UInt32) =
        (0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476)
    for start in stride(from: 0, to: padded.count, by: 64) {
        let words = (0..<16).map { w in
            (0..<4).reduce(UInt32(0)) { $0 | UInt32(padded[start + 4 * w + $1]) << UInt32(8 * $1) }
        }
        var (a, b, c, d) = state
        for i in 0..<64 {
            let f: UInt32
            let g: Int
            switch i / 16 {
            case 0: (f, g) = ((b & c) | (~b & d), i)
            case 1: (f, g) = ((d & b) | (~d & c), (5 * i + 1) % 16)
            case 2: (f, g) = (b ^ c ^ d, (3 * i + 5) % 16)
            default: (f, g) = (c ^ (b | ~d), (7 * i) % 16)
            }
            let sum = a &+ f &+ k[i] &+ words[g]
            let s = shifts[i / 16 * 4 + i % 4]
            (a, d, c, b) = (d, c, b, b &+ (sum << s | sum >> (32 - s)))
        }
        state = (state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d)
    }
    return [state.0, state.1, state.2, state.3].flatMap { word in
        (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) }
    }
}

/// floor(2^32 · |sin(i + 1)|), by the Taylor series: no Foundation needed.
private func sineTable(_ i: Int) -> UInt32 {
    var x = Double(i + 1).truncatingRemainder(dividingBy: 2 * Double.pi)
    if x > Double.pi { x -= 2 * Double.pi }
    var term = x
    var sum = x
    for n in 1..<20 {
        term *= -x * x / Double((2 * n) * (2 * n + 1))
        sum += term
    }
    return UInt32(sum.magnitude * 4_294_967_296)
}

let testHashes = DigestHashes(md5: md5, sha256: { SHA256Hasher.hash($0) })
