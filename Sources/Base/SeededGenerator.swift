/// Entropy for core rooms: the edge seeds it from the system, tests and the simulator with a
/// constant. xoshiro256** 1.0 (Blackman and Vigna), seeded through SplitMix64. Not for keys.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    /// Equal seeds give equal sequences. Every seed will do, 0 too.
    public init(seed: UInt64) {
        var x = seed
        func splitMix() -> UInt64 {
            x &+= 0x9E37_79B9_7F4A_7C15
            var z = x
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        state = (splitMix(), splitMix(), splitMix(), splitMix())
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        func rotateLeft(_ value: UInt64, _ by: UInt64) -> UInt64 {
            (value << by) | (value >> (64 - by))
        }
        let result = rotateLeft(state.1 &* 5, 7) &* 9
        let t = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= t
        state.3 = rotateLeft(state.3, 45)
        return result
    }

    /// `count` characters of [0-9a-z], for SIP tags and branches.
    public mutating func token(_ count: Int) -> String {
        let alphabet = Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)
        var output: [UInt8] = []
        for _ in 0..<count { output.append(alphabet[Int(next() % 36)]) }
        return String(decoding: output, as: UTF8.self)
    }
}
