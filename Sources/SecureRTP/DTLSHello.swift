/// What tells one client's handshake from its next one: the random bytes of its ClientHello (RFC 5246
/// 7.4.1.2), the same in the copy with a cookie and in what is sent again (RFC 6347 4.2.1).
public struct DTLSHello: Equatable, Sendable {
    private let random: SIMD32<UInt8>

    private static let handshakeRecord: UInt8 = 22
    private static let clientHello: UInt8 = 1
    /// Record header 13, handshake header 12, version 2.
    private static let randomOffset = 27

    /// Reads the first record of a datagram. nil: it is no ClientHello in the clear, or not the
    /// beginning of one. What is in it is anybody's claim.
    public init?(_ datagram: UnsafeRawBufferPointer) {
        guard datagram.count >= Self.randomOffset + 32, datagram[0] == Self.handshakeRecord,
            datagram[13] == Self.clientHello,
            // Epoch 0 (RFC 6347 4.1), fragment offset 0 (4.2.2).
            datagram[3] == 0, datagram[4] == 0, datagram[19] == 0, datagram[20] == 0,
            datagram[21] == 0
        else { return nil }
        random = datagram.loadUnaligned(fromByteOffset: Self.randomOffset, as: SIMD32<UInt8>.self)
    }
}
