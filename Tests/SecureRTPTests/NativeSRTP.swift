import CSRTP
import SecureRTP

/// libsrtp2 by itself, as a far end uses it that has several master keys in one session: one replay window and
/// one rollover counter for all of them, and its own way with identifiers.
final class NativeSRTP {
    private let session: OpaquePointer
    private let suite: SRTPSuite

    struct Failure: Error { var status: Int }

    init(_ suite: SRTPSuite, _ keys: [SRTPMasterKey], outbound: Bool) throws {
        // Somebody's context has initialised the library by then.
        _ = try SRTPContext(
            suite: suite, key: keys[0].key, direction: .inbound, backend: .libsrtp2)
        var policy = srtp_policy_t()
        switch suite {
        case .aesCM128HMACSHA1_80, .aesCM128HMACSHA1_32:
            srtp_crypto_policy_set_rtp_default(&policy.rtp)
            srtp_crypto_policy_set_rtcp_default(&policy.rtcp)
            if suite == .aesCM128HMACSHA1_32 {
                srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy.rtp)
            }
        case .aesCM256HMACSHA1_80, .aesCM256HMACSHA1_32:
            srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy.rtp)
            srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy.rtcp)
            if suite == .aesCM256HMACSHA1_32 {
                srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(&policy.rtp)
            }
        case .aeadAES128GCM:
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp)
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp)
        case .aeadAES256GCM:
            srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp)
            srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp)
        }
        policy.ssrc.type = outbound ? ssrc_any_outbound : ssrc_any_inbound
        policy.window_size = 128
        var masters = keys.map { key in
            srtp_master_key_t(
                key: Self.copy(key.key), mki_id: Self.copy(key.identifier),
                mki_size: UInt32(key.identifier.count))
        }
        defer { for master in masters { master.key.deallocate(); master.mki_id.deallocate() } }
        var created: OpaquePointer?
        let status = masters.withUnsafeMutableBufferPointer { masters in
            var list = masters.indices.map { index -> UnsafeMutablePointer<srtp_master_key_t>? in
                masters.baseAddress.map { $0 + index }
            }
            return list.withUnsafeMutableBufferPointer { list in
                policy.keys = list.baseAddress
                policy.num_master_keys = UInt(list.count)
                return srtp_create(&created, &policy)
            }
        }
        guard status == srtp_err_status_ok, let created else {
            throw Failure(status: Int(status.rawValue))
        }
        session = created
        self.suite = suite
    }

    deinit { srtp_dealloc(session) }

    private static func copy(_ bytes: [UInt8]) -> UnsafeMutablePointer<UInt8> {
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
        copy.initialize(repeating: 0, count: max(1, bytes.count))
        copy.update(from: bytes, count: bytes.count)
        return copy
    }

    /// Under the key at `place` of the list.
    func run(
        _ operation: Session.Operation, _ packet: [UInt8], key place: UInt32 = 0
    ) throws -> [UInt8] {
        var bytes = packet + [UInt8](repeating: 0, count: 200)
        var count = Int32(packet.count)
        let status = bytes.withUnsafeMutableBytes { buffer in
            let base = buffer.baseAddress
            return switch operation {
            case .protect: srtp_protect_mki(session, base, &count, 1, place)
            case .unprotect: srtp_unprotect_mki(session, base, &count, 1)
            case .protectRTCP: srtp_protect_rtcp_mki(session, base, &count, 1, place)
            case .unprotectRTCP: srtp_unprotect_rtcp_mki(session, base, &count, 1)
            }
        }
        guard status == srtp_err_status_ok else { throw Failure(status: Int(status.rawValue)) }
        return Array(bytes[0..<Int(count)])
    }
}
