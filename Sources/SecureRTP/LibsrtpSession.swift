internal import COpenSSL
internal import CSRTP

/// SRTP and SRTCP of one direction over the system's libsrtp2, which holds keys, rollover counters
/// and replay windows of all its sources.
struct LibsrtpSession: ~Copyable {
    // srtp_t is an opaque pointer.
    private let session: OpaquePointer
    private let usesIdentifier: UInt32

    /// Calls srtp_init once for the process (thread-safe as every lazy global).
    private static let libraryStatus = srtp_init()

    /// - Parameter key: master key ‖ salt; the caller has checked its length.
    init(
        suite: SRTPSuite, key: UnsafeMutableRawBufferPointer, isOutbound: Bool,
        masterKeyIdentifier: [UInt8]
    ) throws(SRTPError) {
        guard Self.libraryStatus == srtp_err_status_ok else {
            throw .library(Int(Self.libraryStatus.rawValue))
        }
        var policy = srtp_policy_t()
        Self.choose(suite, &policy)
        policy.ssrc.type = isOutbound ? ssrc_any_outbound : ssrc_any_inbound
        policy.window_size = UInt(SRTPContext.replayWindow)
        var identifier = masterKeyIdentifier
        var created: OpaquePointer?
        let status = identifier.withUnsafeMutableBufferPointer { identifier in
            // SAFETY: the library copies keys and identifier during srtp_create; all pointers of
            // the policy stay valid until it returned.
            let keyBytes = key.baseAddress?.assumingMemoryBound(to: UInt8.self)
            guard !identifier.isEmpty else {
                policy.key = keyBytes
                return srtp_create(&created, &policy)
            }
            var master = srtp_master_key_t(
                key: keyBytes, mki_id: identifier.baseAddress, mki_size: UInt32(identifier.count))
            return withUnsafeMutablePointer(to: &master) { master in
                var list: UnsafeMutablePointer<srtp_master_key_t>? = master
                return withUnsafeMutablePointer(to: &list) { list in
                    policy.keys = list
                    policy.num_master_keys = 1
                    return srtp_create(&created, &policy)
                }
            }
        }
        guard status == srtp_err_status_ok, let created else {
            throw .library(Int(status.rawValue))
        }
        session = created
        usesIdentifier = masterKeyIdentifier.isEmpty ? 0 : 1
    }

    deinit {
        // Zeroes the session keys before it frees them.
        srtp_dealloc(session)
    }

    private static func choose(_ suite: SRTPSuite, _ policy: inout srtp_policy_t) {
        switch suite {
        case .aesCM128HMACSHA1_80:
            srtp_crypto_policy_set_rtp_default(&policy.rtp)
            srtp_crypto_policy_set_rtcp_default(&policy.rtcp)
        case .aesCM128HMACSHA1_32:
            srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy.rtp)
            srtp_crypto_policy_set_rtcp_default(&policy.rtcp)
        case .aesCM256HMACSHA1_80:
            srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy.rtp)
            srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy.rtcp)
        case .aesCM256HMACSHA1_32:
            srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(&policy.rtp)
            srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy.rtcp)
        case .aeadAES128GCM:
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp)
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp)
        case .aeadAES256GCM:
            srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp)
            srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp)
        }
    }

    func protect(_ packet: UnsafeMutableRawPointer, count: Int) throws(SRTPError) -> Int {
        var length = Int32(truncatingIfNeeded: count)
        try Self.check(srtp_protect_mki(session, packet, &length, usesIdentifier, 0))
        return Int(length)
    }

    func unprotect(_ packet: UnsafeMutableRawPointer, count: Int) throws(SRTPError) -> Int {
        var length = Int32(truncatingIfNeeded: count)
        try Self.check(srtp_unprotect_mki(session, packet, &length, usesIdentifier))
        return Int(length)
    }

    func protectRTCP(_ packet: UnsafeMutableRawPointer, count: Int) throws(SRTPError) -> Int {
        var length = Int32(truncatingIfNeeded: count)
        try Self.check(srtp_protect_rtcp_mki(session, packet, &length, usesIdentifier, 0))
        return Int(length)
    }

    func unprotectRTCP(_ packet: UnsafeMutableRawPointer, count: Int) throws(SRTPError) -> Int {
        var length = Int32(truncatingIfNeeded: count)
        try Self.check(srtp_unprotect_rtcp_mki(session, packet, &length, usesIdentifier))
        return Int(length)
    }

    func rolloverCounter(of ssrc: UInt32) -> UInt32? {
        var counter: UInt32 = 0
        return srtp_get_stream_roc(session, ssrc, &counter) == srtp_err_status_ok ? counter : nil
    }

    private static func check(_ status: srtp_err_status_t) throws(SRTPError) {
        switch status {
        case srtp_err_status_ok: return
        case srtp_err_status_auth_fail: throw .authenticationFailed
        case srtp_err_status_bad_mki: throw .unknownMasterKey
        case srtp_err_status_replay_fail: throw .replayed
        case srtp_err_status_replay_old: throw .tooOld
        case srtp_err_status_parse_err, srtp_err_status_bad_param: throw .malformed
        case srtp_err_status_key_expired: throw .keyExpired
        default: throw .library(Int(status.rawValue))
        }
    }
}
