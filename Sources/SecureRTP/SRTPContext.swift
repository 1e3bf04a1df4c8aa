internal import COpenSSL
internal import CSRTP

//   RTP ── protect ──▶ ciphertext ‖ tag          (in place, count grows by suite.overhead)
//   SRTP ─ unprotect ─▶ tag? ─ replay? ─▶ RTP    (in place, count shrinks)
//
// One context a direction of a leg, one owner, any number of SSRCs: a stream's state is made when
// its first packet has passed authentication, never before.

/// The SRTP and SRTCP state of one direction of one media leg (RFC 3711), over libsrtp2.
///
/// The caller's packet is changed in place. The master key is copied into the library, which
/// derives the session keys; our copy is zeroed at once, the library's keys in `deinit`.
public struct SRTPContext: ~Copyable, @unchecked Sendable {
    // Sendable: the session pointer is private and this value is its one owner; libsrtp keeps no
    // state between sessions after srtp_init.

    public enum Direction: Sendable { case inbound, outbound }

    /// Packets the replay window reaches back (RFC 3711 3.3.2 wants at least 64): 2.5 s at 20 ms.
    public static let replayWindow = 128
    /// RTP header, and RTCP header with SSRC.
    private static let rtpHeaderCount = 12
    private static let rtcpHeaderCount = 8

    public let suite: SRTPSuite
    public let direction: Direction
    // srtp_t is an opaque pointer.
    private let session: OpaquePointer

    /// Calls srtp_init once for the process (thread-safe as every lazy global).
    private static let libraryStatus = srtp_init()

    /// - Parameter key: master key ‖ master salt, `suite.keyAndSaltCount` bytes.
    /// - Throws: `badKey`, `library`.
    public init(suite: SRTPSuite, key: [UInt8], direction: Direction) throws(SRTPError) {
        guard key.count == suite.keyAndSaltCount else {
            throw .badKey(expected: suite.keyAndSaltCount, have: key.count)
        }
        guard Self.libraryStatus == srtp_err_status_ok else {
            throw .library(Int(Self.libraryStatus.rawValue))
        }
        var policy = srtp_policy_t()
        switch suite {
        case .aesCM128HMACSHA1_80:
            srtp_crypto_policy_set_rtp_default(&policy.rtp)
        case .aesCM128HMACSHA1_32:
            srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy.rtp)
        }
        srtp_crypto_policy_set_rtcp_default(&policy.rtcp)
        policy.ssrc.type = direction == .inbound ? ssrc_any_inbound : ssrc_any_outbound
        policy.window_size = UInt(Self.replayWindow)
        // SAFETY: the library reads keyAndSaltCount bytes during srtp_create only; the copy is ours
        // alone, so zeroing reaches it (an Array's copy-on-write would zero another copy).
        let master = UnsafeMutableRawBufferPointer.allocate(byteCount: key.count, alignment: 16)
        master.copyBytes(from: key)
        defer {
            OPENSSL_cleanse(master.baseAddress, master.count)
            master.deallocate()
        }
        policy.key = master.bindMemory(to: UInt8.self).baseAddress
        var created: OpaquePointer?
        let status = srtp_create(&created, &policy)
        guard status == srtp_err_status_ok, let created else {
            throw .library(Int(status.rawValue))
        }
        session = created
        self.suite = suite
        self.direction = direction
    }

    deinit {
        // Zeroes the session keys before it frees them.
        srtp_dealloc(session)
    }

    /// Encrypts and authenticates the RTP packet in the first `count` bytes of `buffer`.
    ///
    /// - Returns: the new count, `count + suite.overhead`.
    /// - Throws: `truncated`, `noRoom`, `wrongDirection`, `malformed`, `replayed` (a sequence
    ///   number used before), `keyExpired`.
    public mutating func protect(
        _ buffer: UnsafeMutableRawBufferPointer, count: Int
    ) throws(SRTPError) -> Int {
        guard direction == .outbound else { throw .wrongDirection }
        let base = try check(
            buffer, count: count, least: Self.rtpHeaderCount, growth: suite.overhead)
        var length = Int32(truncatingIfNeeded: count)
        try Self.check(srtp_protect(session, base, &length))
        return Int(length)
    }

    /// Verifies and decrypts the SRTP packet in the first `count` bytes of `buffer`.
    ///
    /// - Returns: the count of the RTP packet. On a throw the buffer's contents are undefined.
    /// - Throws: `truncated`, `wrongDirection`, `authenticationFailed`, `replayed`, `tooOld`,
    ///   `malformed`.
    public mutating func unprotect(
        _ buffer: UnsafeMutableRawBufferPointer, count: Int
    ) throws(SRTPError) -> Int {
        guard direction == .inbound else { throw .wrongDirection }
        let base = try check(
            buffer, count: count, least: Self.rtpHeaderCount + suite.tagCount, growth: 0)
        var length = Int32(truncatingIfNeeded: count)
        try Self.check(srtp_unprotect(session, base, &length))
        return Int(length)
    }

    /// As `protect`, for one compound RTCP packet; it grows by `suite.rtcpOverhead`.
    public mutating func protectRTCP(
        _ buffer: UnsafeMutableRawBufferPointer, count: Int
    ) throws(SRTPError) -> Int {
        guard direction == .outbound else { throw .wrongDirection }
        let base = try check(
            buffer, count: count, least: Self.rtcpHeaderCount, growth: suite.rtcpOverhead)
        var length = Int32(truncatingIfNeeded: count)
        try Self.check(srtp_protect_rtcp(session, base, &length))
        return Int(length)
    }

    /// As `unprotect`, for one SRTCP packet.
    public mutating func unprotectRTCP(
        _ buffer: UnsafeMutableRawBufferPointer, count: Int
    ) throws(SRTPError) -> Int {
        guard direction == .inbound else { throw .wrongDirection }
        let base = try check(
            buffer, count: count, least: Self.rtcpHeaderCount + suite.rtcpOverhead, growth: 0)
        var length = Int32(truncatingIfNeeded: count)
        try Self.check(srtp_unprotect_rtcp(session, base, &length))
        return Int(length)
    }

    /// The lengths that libsrtp itself does not check before it subtracts.
    private func check(
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

    private static func check(_ status: srtp_err_status_t) throws(SRTPError) {
        switch status {
        case srtp_err_status_ok: return
        case srtp_err_status_auth_fail: throw .authenticationFailed
        case srtp_err_status_replay_fail: throw .replayed
        case srtp_err_status_replay_old: throw .tooOld
        case srtp_err_status_parse_err, srtp_err_status_bad_param: throw .malformed
        case srtp_err_status_key_expired: throw .keyExpired
        default: throw .library(Int(status.rawValue))
        }
    }
}
