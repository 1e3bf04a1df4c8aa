internal import Glibc

/// Appends client frames, which are masked (RFC 6455 section 5.3).
struct WebSocketEncoder {
    /// Random words taken from the kernel at a time: one call for so many frames.
    static let keysAtOnce = 64

    private var keys: [UInt32] = []

    /// One unfragmented frame with a fresh unpredictable masking key.
    mutating func write(
        _ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer, into out: FrameBuffer
    ) {
        write(opcode, count: payload.count, into: out) { $0.copyMemory(from: payload) }
    }

    /// As `write`, for a payload of `count` bytes that `fill` writes into its place. `fill` must
    /// write every byte.
    @inline(__always)
    mutating func write(
        _ opcode: WebSocketOpcode, count: Int, into out: FrameBuffer,
        fill: (UnsafeMutableRawBufferPointer) -> Void
    ) {
        Self.write(opcode, count: count, key: nextKey(), into: out, fill: fill)
    }

    /// `key` holds the masking key's first byte in its lowest byte.
    @inline(__always)
    static func write(
        _ opcode: WebSocketOpcode, count: Int, key: UInt32, into out: FrameBuffer,
        fill: (UnsafeMutableRawBufferPointer) -> Void
    ) {
        let space = out.reserve(count + headerLimit)
        let header = writeHeader(opcode, count: count, key: key, into: space)
        let payload = UnsafeMutableRawBufferPointer(rebasing: space[header..<header + count])
        fill(payload)
        mask(payload, key: key)
        out.commit(header + count)
    }

    static func write(
        _ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer, key: UInt32,
        into out: FrameBuffer
    ) {
        write(opcode, count: payload.count, key: key, into: out) { $0.copyMemory(from: payload) }
    }

    /// Longest header of a client frame, bytes.
    static let headerLimit = 14

    static func headerCount(_ count: Int) -> Int {
        count <= 125 ? 6 : count <= 0xFFFF ? 8 : headerLimit
    }

    /// Writes the header of a final frame with `count` bytes of payload to the front of `space`, which
    /// must hold `headerLimit` bytes, and returns its length.
    static func writeHeader(
        _ opcode: WebSocketOpcode, count: Int, key: UInt32,
        into space: UnsafeMutableRawBufferPointer
    ) -> Int {
        let header = headerCount(count)
        precondition(space.count >= header)
        space[0] = 0x80 | opcode.rawValue
        switch header {
        case 6: space[1] = 0x80 | UInt8(truncatingIfNeeded: count)
        case 8:
            space[1] = 0x80 | 126
            space.storeBytes(
                of: UInt16(truncatingIfNeeded: count).bigEndian, toByteOffset: 2, as: UInt16.self)
        default:
            space[1] = 0x80 | 127
            space.storeBytes(of: UInt64(count).bigEndian, toByteOffset: 2, as: UInt64.self)
        }
        space.storeBytes(of: key.littleEndian, toByteOffset: header - 4, as: UInt32.self)
        return header
    }

    /// XORs `bytes` with `key`, 32 bytes at a time as far as they go.
    static func mask(_ bytes: UnsafeMutableRawBufferPointer, key: UInt32) {
        guard let base = bytes.baseAddress else { return }
        let wide = SIMD8<UInt32>(repeating: key.littleEndian)
        var index = 0
        // SAFETY: index + 32 ≤ bytes.count.
        while index + 32 <= bytes.count {
            let block = base.loadUnaligned(fromByteOffset: index, as: SIMD8<UInt32>.self)
            base.storeBytes(of: block ^ wide, toByteOffset: index, as: SIMD8<UInt32>.self)
            index += 32
        }
        while index < bytes.count {
            bytes[index] ^= UInt8(truncatingIfNeeded: key >> (8 * UInt32(index & 3)))
            index += 1
        }
    }

    /// Unpredictable, from the kernel (RFC 6455 section 5.3).
    mutating func nextKey() -> UInt32 {
        if let key = keys.popLast() { return key }
        keys.append(contentsOf: repeatElement(0, count: Self.keysAtOnce))
        let done = keys.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) }
        guard done == 0, let key = keys.popLast() else {
            keys.removeAll(keepingCapacity: true)
            return UInt32.random(in: .min ... .max)
        }
        return key
    }
}
