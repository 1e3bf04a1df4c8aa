internal import COpenSSL
internal import CSRTP

//   protect    libsrtp2 ─► room for the identifier ─► identifier
//   unprotect  identifier? ─► taken out ─► libsrtp2 ─► who, and how new
//
// The identifier (RFC 3711 3.1) is covered by no tag, so it is added and taken out here: libsrtp2 cannot
// give a key another one without forgetting which packets it has seen, and 2.5 looks for that of SRTCP in
// the wrong place where RTP's tag is short.

/// SRTP and SRTCP of one direction over the system's libsrtp2, which holds keys, rollover counters
/// and replay windows of all its sources.
struct LibsrtpSession: ~Copyable {
    // srtp_t is an opaque pointer.
    private let session: OpaquePointer
    private let suite: SRTPSuite
    private var masterKeyIdentifier: [UInt8]
    /// What libsrtp2 does not say: how many sources there are, and which packet is the newest.
    private var sources = SourceTable()
    private var arrival = SRTPContext.Arrival()

    /// Calls srtp_init once for the process (thread-safe as every lazy global), and leaves one session open
    /// that protects nothing: Debian's libsrtp2 loads NSS's modules anew for each session that is the
    /// only one, which no media worker has the time for.
    private static let libraryStatus: srtp_err_status_t = {
        let status = srtp_init()
        guard status == srtp_err_status_ok else { return status }
        var policy = srtp_policy_t()
        choose(.aesCM128HMACSHA1_80, &policy)
        policy.ssrc.type = ssrc_any_inbound
        var key = [UInt8](repeating: 0, count: SRTPSuite.aesCM128HMACSHA1_80.keyAndSaltCount)
        return key.withUnsafeMutableBufferPointer { key in
            // SAFETY: the library copies the key during srtp_create.
            policy.key = key.baseAddress
            var kept: OpaquePointer?
            return srtp_create(&kept, &policy)
        }
    }()

    static func load() throws(SRTPError) { try check(libraryStatus) }

    /// - Parameter key: master key ‖ salt; the caller has checked its length.
    init(
        suite: SRTPSuite, key: UnsafeMutableRawBufferPointer, isOutbound: Bool,
        masterKeyIdentifier: [UInt8]
    ) throws(SRTPError) {
        try Self.load()
        var policy = srtp_policy_t()
        Self.choose(suite, &policy)
        policy.ssrc.type = isOutbound ? ssrc_any_outbound : ssrc_any_inbound
        policy.window_size = UInt(SRTPContext.replayWindow)
        var created: OpaquePointer?
        // SAFETY: the library copies the key during srtp_create.
        policy.key = key.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let status = srtp_create(&created, &policy)
        guard status == srtp_err_status_ok, let created else {
            throw .library(Int(status.rawValue))
        }
        session = created
        self.suite = suite
        self.masterKeyIdentifier = masterKeyIdentifier
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

    mutating func setMasterKeyIdentifier(_ identifier: [UInt8]) {
        masterKeyIdentifier = identifier
    }

    // SAFETY of the four: as in LibcryptoSession.

    mutating func protect(_ packet: UnsafeMutableRawPointer, count: Int) throws(SRTPError) -> Int {
        let ssrc = Self.word(packet, 8)
        let place = try place(of: ssrc)
        let window = sources.packets(place, of: ssrc)
        let index = window.estimate(Self.sequence(packet), rolloverCounter: 0)
        var length = Int32(truncatingIfNeeded: count)
        try Self.check(srtp_protect_mki(session, packet, &length, 0, 0))
        let committed = try sources.commit(place, ssrc)
        if let index { sources[committed].rtp.store(index) }
        return insertIdentifier(packet, Int(length), tagCount: suite.tagCount)
    }

    mutating func unprotect(
        _ packet: UnsafeMutableRawPointer, count: Int
    ) throws(SRTPError) -> Int {
        let ssrc = Self.word(packet, 8)
        let sequence = Self.sequence(packet)
        var length = try removeIdentifier(packet, count, tagCount: suite.tagCount)
        let place = try place(of: ssrc)
        let window = sources.packets(place, of: ssrc)
        try Self.check(srtp_unprotect_mki(session, packet, &length, 0))
        let committed = try sources.commit(place, ssrc)
        if let index = window.estimate(sequence, rolloverCounter: 0) {
            arrival = window.arrival(index)
            sources[committed].rtp.store(index)
        }
        return Int(length)
    }

    mutating func protectRTCP(
        _ packet: UnsafeMutableRawPointer, count: Int
    ) throws(SRTPError) -> Int {
        let ssrc = Self.word(packet, 4)
        let place = try place(of: ssrc)
        var length = Int32(truncatingIfNeeded: count)
        try Self.check(srtp_protect_rtcp_mki(session, packet, &length, 0, 0))
        _ = try sources.commit(place, ssrc)
        return insertIdentifier(packet, Int(length), tagCount: suite.rtcpTagCount)
    }

    mutating func unprotectRTCP(
        _ packet: UnsafeMutableRawPointer, count: Int
    ) throws(SRTPError) -> Int {
        let ssrc = Self.word(packet, 4)
        var length = try removeIdentifier(packet, count, tagCount: suite.rtcpTagCount)
        let place = try place(of: ssrc)
        let window = sources.reports(place, of: ssrc)
        let trailer = Int(length) - 4 - (suite.isAEAD ? 0 : suite.rtcpTagCount)
        let index = UInt64(Self.word(packet, trailer) & 0x7FFF_FFFF)
        try Self.check(srtp_unprotect_rtcp_mki(session, packet, &length, 0))
        let committed = try sources.commit(place, ssrc)
        arrival = window.arrival(index)
        sources[committed].rtcp.store(index)
        return Int(length)
    }

    /// Whom libsrtp2 would remember beyond our limit it does not get to see.
    private mutating func place(of ssrc: UInt32) throws(SRTPError) -> Int? {
        if let place = sources.place(of: ssrc) { return place }
        guard sources.hasRoom(for: ssrc) else {
            throw .tooManySources(
                limit: SRTPContext.sourceLimit + SRTPContext.retiredSourceLimit)
        }
        return nil
    }

    /// Before the tag of HMAC (RFC 3711 3.1, 3.4), behind all of AEAD (RFC 7714 8.2, 9.2).
    private func insertIdentifier(
        _ packet: UnsafeMutableRawPointer, _ count: Int, tagCount: Int
    ) -> Int {
        guard !masterKeyIdentifier.isEmpty else { return count }
        let tail = suite.isAEAD ? 0 : tagCount
        let place = packet + count - tail
        (place + masterKeyIdentifier.count).copyMemory(from: place, byteCount: tail)
        masterKeyIdentifier.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { place.copyMemory(from: base, byteCount: bytes.count) }
        }
        return count + masterKeyIdentifier.count
    }

    /// - Returns: the count without it. A packet that names another key stays as it is.
    private func removeIdentifier(
        _ packet: UnsafeMutableRawPointer, _ count: Int, tagCount: Int
    ) throws(SRTPError) -> Int32 {
        let tail = suite.isAEAD ? 0 : tagCount
        let place = packet + count - tail - masterKeyIdentifier.count
        for (index, byte) in masterKeyIdentifier.enumerated()
        where place.load(fromByteOffset: index, as: UInt8.self) != byte {
            throw .unknownMasterKey
        }
        place.copyMemory(from: place + masterKeyIdentifier.count, byteCount: tail)
        return Int32(truncatingIfNeeded: count - masterKeyIdentifier.count)
    }

    private static func word(_ packet: UnsafeRawPointer, _ at: Int) -> UInt32 {
        UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: at, as: UInt32.self))
    }

    private static func sequence(_ packet: UnsafeRawPointer) -> UInt16 {
        UInt16(bigEndian: packet.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
    }

    func newestIndex(of ssrc: UInt32) -> UInt64? { sources.newestIndex(of: ssrc) }
    func isUsed() -> Bool { !sources.isEmpty }
    func lastArrival() -> SRTPContext.Arrival { arrival }

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
