internal import COpenSSL

//   RTP ── protect ──▶ ciphertext ‖ tag          (in place, count grows by the overhead)
//   SRTP ─ unprotect ─▶ tag? ─ replay? ─▶ RTP    (in place, count shrinks)
//                 │
//                 ├── LibcryptoSession   own RFC 3711/6188/7714 on libcrypto (default)
//                 └── LibsrtpSession     the system's libsrtp2, the reference
//
// One context a direction of a leg, one owner, several SSRCs: a source's state is made when its
// first packet has passed authentication, never before.

/// The SRTP and SRTCP state of one direction of one media leg (RFC 3711).
///
/// The caller's packet is changed in place. The session keys are derived once, in `init`; every
/// copy of a key is zeroed before its memory is given back.
public struct SRTPContext: ~Copyable, @unchecked Sendable {
    // Sendable: the sessions' pointers are private and this value is their one owner; libcrypto
    // contexts share nothing, and libsrtp keeps no state between sessions after srtp_init.

    /// Inbound contexts unprotect, outbound ones protect; the other way throws `wrongDirection`.
    public enum Direction: Sendable { case inbound, outbound }

    /// What an authentic packet is among those of its source.
    public struct Arrival: Equatable, Sendable {
        /// The source's first under this key, RTP and RTCP apart.
        public var isFirst = false
        /// Its index is above all others of the source: nobody can have held it back while the source
        /// went on.
        public var isNewest = true
    }

    /// Packets the replay window reaches back (RFC 3711 3.3.2 wants at least 64): 2.5 s at 20 ms.
    public static let replayWindow = Int(ReplayWindow.reach)
    /// Sources (SSRCs) that one context follows with whole replay windows; the one that was silent
    /// longest makes room for another.
    public static let sourceLimit = 64
    /// Sources that made room, of which the highest indices are kept: forgetting one would let its
    /// packets be replayed (RFC 3711 3.3.2), or its key stream be used twice. 16 KB, of a peer that
    /// changes its SSRC a thousand times in a call; one more is refused.
    public static let retiredSourceLimit = 1024
    /// Bytes of the longest master key identifier (RFC 4568 6.1).
    public static let masterKeyIdentifierLimit = 128
    static let rtpHeaderCount = 12
    /// RTCP header with SSRC.
    static let rtcpHeaderCount = 8

    /// The protection profile, for RTP and RTCP alike.
    public let suite: SRTPSuite
    /// What this context may be asked to do.
    public let direction: Direction
    /// The code that runs it.
    public let backend: SRTPBackend
    /// Bytes that `protect` appends: the suite's and the master key identifier's.
    public private(set) var overhead: Int
    /// Bytes that `protectRTCP` appends.
    public private(set) var rtcpOverhead: Int
    // One of the two.
    private var own: LibcryptoSession?
    private var reference: LibsrtpSession?

    /// - Parameters:
    ///   - key: master key ‖ master salt, `suite.keyAndSaltCount` bytes.
    ///   - masterKeyIdentifier: sent with, and demanded of, every packet; empty for none.
    ///   - rolloverCounter: of the first packet of every source (RFC 3711 3.3.1), for a stream that
    ///     is joined or taken over in its course.
    ///   - formerIndex: inbound: `newestIndex(of:)` under the key before this one. Some far ends go
    ///     on with their rollover counter when they change their key, others begin anew; the first
    ///     packet shows which (libcrypto only). A new key has no old packets to replay.
    /// - Throws: `badKey`, `badMasterKeyIdentifier`, `unsupportedByBackend`, `library`.
    public init(
        suite: SRTPSuite, key: [UInt8], direction: Direction, backend: SRTPBackend = .libcrypto,
        masterKeyIdentifier: [UInt8] = [], rolloverCounter: UInt32 = 0,
        formerIndex: UInt64? = nil
    ) throws(SRTPError) {
        guard key.count == suite.keyAndSaltCount else {
            throw .badKey(expected: suite.keyAndSaltCount, have: key.count)
        }
        guard masterKeyIdentifier.count <= Self.masterKeyIdentifierLimit else {
            throw .badMasterKeyIdentifier(
                limit: Self.masterKeyIdentifierLimit, have: masterKeyIdentifier.count)
        }
        // SAFETY: a copy that is ours alone, so zeroing reaches it (an Array's copy-on-write would
        // zero another copy).
        let master = UnsafeMutableRawBufferPointer.allocate(byteCount: key.count, alignment: 16)
        master.copyBytes(from: key)
        defer {
            OPENSSL_cleanse(master.baseAddress, master.count)
            master.deallocate()
        }
        switch backend {
        case .libcrypto:
            own = try LibcryptoSession(
                suite: suite, key: UnsafeRawBufferPointer(master),
                isOutbound: direction == .outbound, masterKeyIdentifier: masterKeyIdentifier,
                rolloverCounter: rolloverCounter,
                formerIndex: direction == .inbound ? formerIndex : nil)
            reference = nil
        case .libsrtp2:
            // It sets a counter only on a source that it already knows.
            guard rolloverCounter == 0 else { throw .unsupportedByBackend }
            reference = try LibsrtpSession(
                suite: suite, key: master, isOutbound: direction == .outbound,
                masterKeyIdentifier: masterKeyIdentifier)
            own = nil
        }
        self.suite = suite
        self.direction = direction
        self.backend = backend
        overhead = suite.overhead + masterKeyIdentifier.count
        rtcpOverhead = suite.rtcpOverhead + masterKeyIdentifier.count
    }

    /// Encrypts and authenticates the RTP packet in the first `count` bytes of `buffer`.
    ///
    /// - Returns: the new count, `count + overhead`.
    /// - Throws: `truncated`, `noRoom`, `wrongDirection`, `malformed`, `replayed` (a sequence
    ///   number used before), `tooOld`, `tooManySources`, `keyExpired`.
    public mutating func protect(
        _ buffer: UnsafeMutableRawBufferPointer, count: Int
    ) throws(SRTPError) -> Int {
        guard direction == .outbound else { throw .wrongDirection }
        let base = try Self.check(
            buffer, count: count, least: Self.rtpHeaderCount, growth: overhead)
        if let count = try own?.protect(base, count: count) { return count }
        return try reference?.protect(base, count: count) ?? 0
    }

    /// Verifies and decrypts the SRTP packet in the first `count` bytes of `buffer`.
    ///
    /// - Returns: the count of the RTP packet. On a throw the buffer's contents are undefined.
    /// - Throws: `truncated`, `wrongDirection`, `authenticationFailed`, `unknownMasterKey`,
    ///   `replayed`, `tooOld`, `tooManySources`, `malformed`, `keyExpired`.
    public mutating func unprotect(
        _ buffer: UnsafeMutableRawBufferPointer, count: Int
    ) throws(SRTPError) -> Int {
        guard direction == .inbound else { throw .wrongDirection }
        let base = try Self.check(
            buffer, count: count, least: Self.rtpHeaderCount + overhead, growth: 0)
        if let count = try own?.unprotect(base, count: count) { return count }
        return try reference?.unprotect(base, count: count) ?? 0
    }

    /// As `protect`, for one compound RTCP packet; it grows by `rtcpOverhead`.
    public mutating func protectRTCP(
        _ buffer: UnsafeMutableRawBufferPointer, count: Int
    ) throws(SRTPError) -> Int {
        guard direction == .outbound else { throw .wrongDirection }
        let base = try Self.check(
            buffer, count: count, least: Self.rtcpHeaderCount, growth: rtcpOverhead)
        if let count = try own?.protectRTCP(base, count: count) { return count }
        return try reference?.protectRTCP(base, count: count) ?? 0
    }

    /// As `unprotect`, for one SRTCP packet.
    public mutating func unprotectRTCP(
        _ buffer: UnsafeMutableRawBufferPointer, count: Int
    ) throws(SRTPError) -> Int {
        guard direction == .inbound else { throw .wrongDirection }
        let base = try Self.check(
            buffer, count: count, least: Self.rtcpHeaderCount + rtcpOverhead, growth: 0)
        if let count = try own?.unprotectRTCP(base, count: count) { return count }
        return try reference?.unprotectRTCP(base, count: count) ?? 0
    }

    /// Rollover counter ‖ sequence number of a source's newest packet; nil before its first.
    public borrowing func newestIndex(of ssrc: UInt32) -> UInt64? {
        own?.newestIndex(of: ssrc) ?? reference?.newestIndex(of: ssrc)
    }

    /// The rollover counter of a source's newest packet, to hand on to a context that takes over
    /// in its course; nil before its first packet.
    public borrowing func rolloverCounter(of ssrc: UInt32) -> UInt32? {
        switch backend {
        case .libcrypto:
            own?.newestIndex(of: ssrc).map { UInt32(truncatingIfNeeded: $0 >> 16) }
        case .libsrtp2: reference?.rolloverCounter(of: ssrc)
        }
    }

    /// What is waiting to be tried of the `formerIndex` that `init` was given; nil once a packet has
    /// been opened.
    public borrowing func untriedFormerIndex() -> UInt64? { own?.untriedFormerIndex() }

    /// Inbound: as `init`'s `formerIndex`, for the next newcomer (libcrypto only).
    mutating func setFormerIndex(_ index: UInt64?) { own?.formerIndex = index }

    /// Of the packet that `unprotect` or `unprotectRTCP` opened last.
    public borrowing func lastArrival() -> Arrival {
        own?.lastArrival() ?? reference?.lastArrival() ?? Arrival()
    }

    /// Something was protected, or opened.
    public borrowing func isUsed() -> Bool { own?.isUsed() ?? reference?.isUsed() ?? false }

    /// Tags opened for other rollover counters than the likeliest; for tests.
    borrowing func searchCount() -> Int { own?.searchCount() ?? 0 }

    /// The key is the same and has another name from now on. Indices, counters and replay windows go on:
    /// under a fresh context the key would encrypt other packets with the same key stream.
    ///
    /// - Throws: `badMasterKeyIdentifier`.
    public mutating func setMasterKeyIdentifier(_ identifier: [UInt8]) throws(SRTPError) {
        guard identifier.count <= Self.masterKeyIdentifierLimit else {
            throw .badMasterKeyIdentifier(
                limit: Self.masterKeyIdentifierLimit, have: identifier.count)
        }
        own?.setMasterKeyIdentifier(identifier)
        reference?.setMasterKeyIdentifier(identifier)
        overhead = suite.overhead + identifier.count
        rtcpOverhead = suite.rtcpOverhead + identifier.count
    }

    /// Leaves the master key so many packets (RFC 3711 9.2); for tests of what nobody lives to
    /// reach.
    mutating func setPacketsLeft(_ packets: UInt64, reports: UInt64) {
        own?.setPacketsLeft(packets, reports: reports)
    }

    private static func check(
        _ buffer: UnsafeMutableRawBufferPointer, count: Int, least: Int, growth: Int
    ) throws(SRTPError) -> UnsafeMutableRawPointer {
        guard count >= least, count <= buffer.count, count <= 0xFFFF,
            let base = buffer.baseAddress
        else { throw .truncated(needed: least, have: min(count, buffer.count)) }
        guard buffer.count - count >= growth else {
            throw .noRoom(needed: count + growth, have: buffer.count)
        }
        return base
    }
}
