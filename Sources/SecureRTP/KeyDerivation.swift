internal import COpenSSL

/// Session keys from a master key (RFC 3711 4.3, with a key derivation rate of 0: once).
///
/// The master salt of the AEAD suites has 12 bytes; it is used as if two zero bytes followed
/// (RFC 7714 11), the pseudo-random function is AES in counter mode with the master key's length
/// (RFC 6188 3).
struct KeyDerivation: ~Copyable {
    enum Label: UInt8 {
        case rtpEncryption = 0
        case rtpAuthentication = 1
        case rtpSalt = 2
        case rtcpEncryption = 3
        case rtcpAuthentication = 4
        case rtcpSalt = 5
    }

    /// Bytes of the longest derived key.
    static let maximumCount = 32

    private let cipher: PacketCipher
    private let salt: SessionSalt

    /// - Parameter key: master key ‖ master salt of `suite`, whole.
    init(suite: SRTPSuite, key: UnsafeRawBufferPointer) throws(SRTPError) {
        cipher = try PacketCipher(
            key: UnsafeRawBufferPointer(rebasing: key[0..<suite.keyCount]), isAEAD: false,
            isEncrypting: true)
        salt = SessionSalt(UnsafeRawBufferPointer(rebasing: key[suite.keyCount...]))
    }

    /// Calls `body` with `count` derived bytes (at most `maximumCount`), and zeroes them afterwards.
    func with<Result>(
        _ label: Label, count: Int, _ body: (UnsafeRawBufferPointer) throws(SRTPError) -> Result
    ) throws(SRTPError) -> Result where Result: ~Copyable {
        let bytes = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.maximumCount, alignment: 16)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        defer {
            OPENSSL_cleanse(bytes.baseAddress, bytes.count)
            bytes.deallocate()
        }
        guard let base = bytes.baseAddress, count <= bytes.count else { throw .library(0) }
        // x = (label · 2^48) XOR master salt: in the vector's arithmetic the label stands where an
        // index's 48th bit would be, one byte before the index's six.
        var labelled = salt
        labelled.high ^= UInt64(label.rawValue)
        try cipher.run(
            base, count: count,
            vector: InitialVector(salt: labelled, ssrc: 0, index: 0, isAEAD: false))
        return try body(UnsafeRawBufferPointer(rebasing: bytes[0..<count]))
    }
}
