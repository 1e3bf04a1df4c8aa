/// Why a packet was not protected or unprotected. None of these ends a call: the caller drops the
/// packet and counts it.
public enum SRTPError: Error, Equatable, Sendable {
    /// The key and salt do not have the suite's length.
    case badKey(expected: Int, have: Int)
    /// A master key identifier longer than RFC 4568 allows.
    case badMasterKeyIdentifier(limit: Int, have: Int)
    /// The chosen backend cannot do what was asked: libsrtp2 starts at rollover counter 0 only.
    case unsupportedByBackend
    /// A context made for one direction was asked for the other.
    case wrongDirection
    /// Shorter than a header and its authentication tag, or a count beyond the buffer.
    case truncated(needed: Int, have: Int)
    /// No room behind the packet for what protection appends.
    case noRoom(needed: Int, have: Int)
    /// The tag does not fit the bytes: wrong key or altered packet.
    case authenticationFailed
    /// Its master key identifier is not the context's.
    case unknownMasterKey
    /// Its index was seen before (RFC 3711 3.3.2).
    case replayed
    /// Its index is older than the replay window.
    case tooOld
    /// Not RTP or RTCP: version, lengths inside; SRTCP that was not encrypted.
    case malformed
    /// An authentic packet of one source more than the context follows.
    case tooManySources(limit: Int)
    /// The key has protected all the packets it may (RFC 3711 9.2).
    case keyExpired
    /// The library reported something else; its number.
    case library(Int)
}
