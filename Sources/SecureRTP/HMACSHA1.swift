internal import COpenSSL

/// The two SHA-1 states behind an HMAC key (RFC 2104 4: "storing intermediate results"), so that a
/// packet costs its own blocks and one more.
///
/// Low-level SHA-1, because EVP_MAC of OpenSSL 3.0 duplicates its digest contexts, and so
/// allocates, for every message.
struct HMACMidStates {
    private var inner: (UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0)
    private var outer: (UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0)

    private static let blockCount = 64
    private static let digestCount = 20

    /// All zero: authenticates nothing.
    init() {}

    /// - Parameter key: at most one block; SRTP's is 20 bytes.
    init(key: UnsafeRawBufferPointer) {
        inner = Self.midState(key, pad: 0x36)
        outer = Self.midState(key, pad: 0x5C)
    }

    private static func midState(
        _ key: UnsafeRawBufferPointer, pad: UInt8
    ) -> (UInt32, UInt32, UInt32, UInt32, UInt32) {
        var context = SHA_CTX()
        SHA1_Init(&context)
        withUnsafeTemporaryAllocation(byteCount: blockCount, alignment: 8) { block in
            for index in 0..<blockCount { block[index] = pad }
            for index in 0..<min(key.count, blockCount) { block[index] ^= key[index] }
            // SAFETY: one whole block was written above.
            SHA1_Update(&context, block.baseAddress, blockCount)
            OPENSSL_cleanse(block.baseAddress, blockCount)
        }
        let state = (context.h0, context.h1, context.h2, context.h3, context.h4)
        OPENSSL_cleanse(&context, MemoryLayout<SHA_CTX>.size)
        return state
    }

    /// Writes the first bytes of HMAC-SHA1 of `count` bytes at `message`, then `suffix` when given
    /// (RFC 3711 4.2: the rollover counter, which is not sent).
    ///
    /// - Parameter scratch: 160 bytes; the 20 of the whole digest are at its start afterwards.
    @inline(__always)
    func digest(
        _ message: UnsafeRawPointer, count: Int, suffix: UInt32?,
        scratch: UnsafeMutableRawPointer
    ) {
        // SAFETY: `tail` is 128 bytes of scratch behind the 20 of the digest (rounded to 32); at
        // most 63 message bytes, 4 of suffix, the 0x80 and 8 of length fit in its two blocks.
        let tail = scratch + 32
        let whole = count & ~(Self.blockCount - 1)
        var used = count - whole
        tail.copyMemory(from: message + whole, byteCount: used)
        if let suffix {
            tail.storeBytes(of: suffix.bigEndian, toByteOffset: used, as: UInt32.self)
            used += 4
        }
        let blocks = used < Self.blockCount - 8 ? 1 : 2
        let end = blocks * Self.blockCount
        (tail + used).initializeMemory(as: UInt8.self, repeating: 0, count: end - 8 - used)
        tail.storeBytes(of: 0x80, toByteOffset: used, as: UInt8.self)
        tail.storeBytes(
            of: UInt64((Self.blockCount + whole + used) * 8).bigEndian, toByteOffset: end - 8,
            as: UInt64.self)

        // Only whole blocks go in, so the context's own buffer stays empty (num is 0) and its
        // length count is never asked for.
        var context = SHA_CTX()
        (context.h0, context.h1, context.h2, context.h3, context.h4) = inner
        if whole > 0 { SHA1_Update(&context, message, whole) }
        SHA1_Update(&context, tail, end)
        Self.write(context, to: tail)
        (tail + Self.digestCount).initializeMemory(
            as: UInt8.self, repeating: 0, count: Self.blockCount - Self.digestCount)
        tail.storeBytes(of: 0x80, toByteOffset: Self.digestCount, as: UInt8.self)
        tail.storeBytes(
            of: UInt64((Self.blockCount + Self.digestCount) * 8).bigEndian,
            toByteOffset: Self.blockCount - 8, as: UInt64.self)
        (context.h0, context.h1, context.h2, context.h3, context.h4) = outer
        SHA1_Update(&context, tail, Self.blockCount)
        Self.write(context, to: scratch)
    }

    @inline(__always)
    private static func write(_ context: SHA_CTX, to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: context.h0.bigEndian, as: UInt32.self)
        bytes.storeBytes(of: context.h1.bigEndian, toByteOffset: 4, as: UInt32.self)
        bytes.storeBytes(of: context.h2.bigEndian, toByteOffset: 8, as: UInt32.self)
        bytes.storeBytes(of: context.h3.bigEndian, toByteOffset: 12, as: UInt32.self)
        bytes.storeBytes(of: context.h4.bigEndian, toByteOffset: 16, as: UInt32.self)
    }
}
