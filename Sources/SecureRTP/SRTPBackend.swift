/// Which code runs the packets of a context. Both write and accept the same bytes; a differential
/// test holds them against each other.
public enum SRTPBackend: String, Sendable, CaseIterable {
    /// This room's own, on libcrypto contexts that the SRTP context owns. No allocation and no lock
    /// per packet.
    case libcrypto
    /// The system's libsrtp2. Debian 12's is built on NSS, which takes process-wide locks and
    /// allocates for every packet: for comparison, and for when a defect of ours is suspected.
    case libsrtp2

    /// Starts what the first context would start, which takes libsrtp2 some 50 ms.
    ///
    /// - Throws: `library`.
    public func load() throws(SRTPError) {
        switch self {
        case .libcrypto: return
        case .libsrtp2: try LibsrtpSession.load()
        }
    }
}
