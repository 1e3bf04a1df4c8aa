internal import COpenSSL

/// One session encryption key in a libcrypto context that lives as long as the key does: AES in
/// counter mode (RFC 3711 4.1.1, RFC 6188) or AES-GCM (RFC 7714 8, 9).
///
/// The key schedule is made once, a packet sets only the initial vector, and nothing is allocated.
struct PacketCipher: ~Copyable {
    /// Bytes of an AES-GCM tag.
    static let tagCount = 16

    private let context: OpaquePointer

    /// - Parameters:
    ///   - key: 16 or 32 bytes.
    ///   - isEncrypting: matters for AES-GCM only; counter mode is the same both ways.
    init(
        key: UnsafeRawBufferPointer, isAEAD: Bool, isEncrypting: Bool
    ) throws(SRTPError) {
        let cipher =
            switch (key.count, isAEAD) {
            case (16, false): EVP_aes_128_ctr()
            case (16, true): EVP_aes_128_gcm()
            case (_, false): EVP_aes_256_ctr()
            case (_, true): EVP_aes_256_gcm()
            }
        guard let context = EVP_CIPHER_CTX_new() else { throw .library(0) }
        // SAFETY: the cipher reads exactly its key length, which the caller has.
        guard
            EVP_CipherInit_ex(
                context, cipher, nil, key.baseAddress, nil, isEncrypting ? 1 : 0) == 1
        else {
            EVP_CIPHER_CTX_free(context)
            ERR_clear_error()
            throw .library(0)
        }
        self.context = context
    }

    deinit {
        // Cleanses the key schedule before it is freed.
        EVP_CIPHER_CTX_free(context)
    }

    /// Counter mode over `count` bytes in place.
    @inline(__always)
    func run(
        _ bytes: UnsafeMutableRawPointer, count: Int, vector: InitialVector
    ) throws(SRTPError) {
        guard count > 0 else { return }
        guard begin(vector), update(bytes, count, into: bytes) else { throw failure }
    }

    /// Encrypts in place and writes the tag over `associated` (and `trailer`, when given) and the
    /// ciphertext.
    func seal(
        _ bytes: UnsafeMutableRawPointer, count: Int, vector: InitialVector,
        associated: UnsafeRawPointer, associatedCount: Int, trailer: UnsafeRawBufferPointer? = nil,
        tag: UnsafeMutableRawPointer
    ) throws(SRTPError) {
        guard begin(vector), update(associated, associatedCount, into: nil),
            trailer.map({ update($0.baseAddress, $0.count, into: nil) }) ?? true,
            update(bytes, count, into: bytes)
        else { throw failure }
        var none: Int32 = 0
        guard EVP_CipherFinal_ex(context, tag.assumingMemoryBound(to: UInt8.self), &none) == 1,
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagCount), tag) == 1
        else { throw failure }
    }

    /// Decrypts in place. libcrypto compares the tag in constant time.
    func open(
        _ bytes: UnsafeMutableRawPointer, count: Int, vector: InitialVector,
        associated: UnsafeRawPointer, associatedCount: Int, trailer: UnsafeRawBufferPointer? = nil,
        tag: UnsafeMutableRawPointer
    ) throws(SRTPError) {
        guard begin(vector),
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagCount), tag) == 1,
            update(associated, associatedCount, into: nil),
            trailer.map({ update($0.baseAddress, $0.count, into: nil) }) ?? true,
            update(bytes, count, into: bytes)
        else { throw failure }
        var none: Int32 = 0
        // SAFETY: a GCM final writes no bytes; the pointer only has to be one.
        guard EVP_CipherFinal_ex(context, tag.assumingMemoryBound(to: UInt8.self), &none) == 1
        else {
            // Nothing of ours may be found by whoever reads this thread's error queue next.
            ERR_clear_error()
            throw .authenticationFailed
        }
    }

    @inline(__always)
    private func begin(_ vector: InitialVector) -> Bool {
        withUnsafeBytes(of: vector) { bytes in
            // SAFETY: 16 bytes; GCM reads the first 12.
            EVP_CipherInit_ex(
                context, nil, nil, nil, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), -1)
                == 1
        }
    }

    @inline(__always)
    private func update(
        _ bytes: UnsafeRawPointer?, _ count: Int, into output: UnsafeMutableRawPointer?
    ) -> Bool {
        guard count > 0 else { return true }
        var written: Int32 = 0
        return EVP_CipherUpdate(
            context, output?.assumingMemoryBound(to: UInt8.self), &written,
            bytes?.assumingMemoryBound(to: UInt8.self), Int32(truncatingIfNeeded: count)) == 1
    }

    private var failure: SRTPError {
        ERR_clear_error()
        return .library(0)
    }
}

/// Sixteen bytes, of which AES-GCM uses twelve. In memory the bytes are in network order.
struct InitialVector {
    private let high: UInt64
    private let low: UInt64

    /// - Parameters:
    ///   - salt: the session salt from its first byte on, then zeros.
    ///   - index: of the packet, 48 bits.
    @inline(__always)
    init(salt: SessionSalt, ssrc: UInt32, index: UInt64, isAEAD: Bool) {
        if isAEAD {
            // RFC 7714 8.1, 9.1: (00 00 ‖ SSRC ‖ 48-bit index) XOR salt.
            high = (salt.high ^ UInt64(ssrc) << 16 ^ index >> 32).bigEndian
            low = (salt.low ^ index << 32).bigEndian
        } else {
            // RFC 3711 4.1.1: (salt · 2^16) XOR (SSRC · 2^64) XOR (index · 2^16).
            high = (salt.high ^ UInt64(ssrc)).bigEndian
            low = (salt.low ^ index << 16).bigEndian
        }
    }
}

/// A session salt of 12 or 14 bytes, followed by zeros to 16, as two numbers.
struct SessionSalt {
    var high: UInt64 = 0
    var low: UInt64 = 0

    init() {}

    /// - Parameter bytes: at most 16.
    init(_ bytes: UnsafeRawBufferPointer) {
        for (index, byte) in bytes.enumerated() {
            if index < 8 {
                high |= UInt64(byte) << UInt64(56 - 8 * index)
            } else if index < 16 {
                low |= UInt64(byte) << UInt64(120 - 8 * index)
            }
        }
    }
}
