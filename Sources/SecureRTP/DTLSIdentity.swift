public import Base
internal import COpenSSL

/// Who this process is in DTLS: a self-signed certificate with its key, made at the start and never
/// written down, and the settings that all associations share. Thread-safe.
///
/// Signalling tells the fingerprint (RFC 8122), so the certificate needs no name and no authority;
/// its life is short because the process's is.
public final class DTLSIdentity: @unchecked Sendable {
    // @unchecked: immutable after `init`; SSL_CTX counts its references atomically.

    /// Bytes of the longest certificate chain that a far end may present.
    public static let certificateLimit = 16_384
    /// Days that our certificate is valid for, from a day before it was made.
    private static let validDays = 397
    /// With forward secrecy and authenticated encryption; RFC 8827 6.5 demands the first of them.
    private static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"
    private static let groups = "P-256:X25519:P-384"
    private static let optionNoQueryMTU: UInt64 = 1 << 12
    private static let optionNoTicket: UInt64 = 1 << 14
    private static let optionNoCompression: UInt64 = 1 << 17
    private static let optionNoRenegotiation: UInt64 = 1 << 30

    let context: OpaquePointer
    /// Of the cookies (RFC 6347 4.2.1).
    let cookieSecret: [UInt8]
    private let fingerprints: [DTLSParameters.FingerprintHash: [UInt8]]

    /// - Parameter now: the day, for the certificate's validity.
    /// - Throws: `library` when libcrypto refuses, as it does without entropy.
    public convenience init(now: WallTime) throws(SRTPError) {
        try self.init(
            notBefore: now + .seconds(-86_400),
            notAfter: now + .seconds(86_400 * Int64(Self.validDays)), padding: 0)
    }

    /// - Parameter padding: names of 64 bytes that make the certificate long, for tests.
    init(notBefore: WallTime, notAfter: WallTime, padding: Int) throws(SRTPError) {
        ERR_clear_error()
        var secret = [UInt8](repeating: 0, count: 32)
        guard let context = SSL_CTX_new(DTLS_method()),
            secret.withUnsafeMutableBufferPointer({
                RAND_bytes($0.baseAddress, Int32($0.count)) == 1
            })
        else { throw Self.failure() }
        self.context = context
        cookieSecret = secret
        var fingerprints: [DTLSParameters.FingerprintHash: [UInt8]] = [:]
        let key = Self.makeKey()
        let certificate = Self.makeCertificate(
            key, notBefore: notBefore, notAfter: notAfter, padding: padding)
        // The context keeps its own references.
        defer {
            EVP_PKEY_free(key)
            X509_free(certificate)
        }
        if let certificate {
            for hash in DTLSParameters.FingerprintHash.allCases {
                fingerprints[hash] = hash.digest(of: certificate)
            }
        }
        self.fingerprints = fingerprints
        guard let key, let certificate, SSL_CTX_use_certificate(context, certificate) == 1,
            SSL_CTX_use_PrivateKey(context, key) == 1, Self.configure(context)
        else { throw Self.failure() }
    }

    // Frees the key with the last association; libcrypto zeroes it (BN_clear_free).
    deinit { SSL_CTX_free(context) }

    /// Of our certificate, as SDP tells it (RFC 8122 5).
    public func fingerprint(_ hash: DTLSParameters.FingerprintHash) -> [UInt8] {
        fingerprints[hash] ?? []
    }

    private static func failure() -> SRTPError {
        .library(Int(truncatingIfNeeded: ERR_get_error()))
    }

    // MARK: settings

    private static func configure(_ context: OpaquePointer) -> Bool {
        let profiles = SRTPSuite.dtlsProfiles.map(\.name).joined(separator: ":")
        SSL_CTX_set_options(
            context,
            optionNoQueryMTU | optionNoTicket | optionNoCompression | optionNoRenegotiation)
        // Without a session cache there is no resumption: each association has its own exchange.
        SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_CERT_LIST, certificateLimit, nil)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        SSL_CTX_set_cert_verify_callback(
            context,
            { store, _ in
                DTLSIdentity.checkCertificate(store)
            }, nil)
        SSL_CTX_set_cookie_generate_cb(context) { ssl, cookie, count in
            guard let cookie, let count, let made = DTLSIdentity.makeCookie(ssl) else { return 0 }
            for index in 0..<made.count { cookie[index] = made[index] }
            count.pointee = UInt32(made.count)
            return 1
        }
        SSL_CTX_set_cookie_verify_cb(context) { ssl, cookie, count in
            guard let cookie, let made = DTLSIdentity.makeCookie(ssl), Int(count) == made.count
            else { return 0 }
            return CRYPTO_memcmp(cookie, made, made.count) == 0 ? 1 : 0
        }
        let version = Int(DTLS1_2_VERSION)
        return SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, version, nil) == 1
            && SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, version, nil) == 1
            && SSL_CTX_set_cipher_list(context, ciphers) == 1
            && groups.withCString({ names in
                SSL_CTX_ctrl(
                    context, SSL_CTRL_SET_GROUPS_LIST, 0, UnsafeMutableRawPointer(mutating: names))
            }) == 1
            && SSL_CTX_set_tlsext_use_srtp(context, profiles) == 0
    }

    /// RFC 8122 5: the fingerprints that came by signalling, of which one must match, are the whole of
    /// the trust. Dates, names and issuers say nothing more.
    private static func checkCertificate(_ store: OpaquePointer?) -> Int32 {
        guard
            let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
            let transport = DTLSTransport.of(ssl: OpaquePointer(ssl)),
            let certificate = X509_STORE_CTX_get0_cert(store)
        else { return 0 }
        transport.presentedCertificate = true
        let expected = transport.expected
        let have = expected.fingerprintHash.digest(of: certificate)
        let isRight =
            have.count == expected.fingerprintHash.byteCount
            && expected.fingerprints.contains { fingerprint in
                fingerprint.count == have.count
                    && CRYPTO_memcmp(have, fingerprint, have.count) == 0
            }
        transport.isMismatch = !isRight
        X509_STORE_CTX_set_error(
            store, isRight ? Int32(X509_V_OK) : Int32(X509_V_ERR_CERT_REJECTED))
        return isRight ? 1 : 0
    }

    /// Good for one source, until the process ends.
    private static func makeCookie(_ ssl: OpaquePointer?) -> [UInt8]? {
        guard let transport = DTLSTransport.of(ssl: ssl) else { return nil }
        let source = transport.source
        var message: [UInt8] = []
        for word in [source.high, source.low, UInt64(source.port)] {
            withUnsafeBytes(of: word) { message.append(contentsOf: $0) }
        }
        var mac = [UInt8](repeating: 0, count: 32)
        var count: UInt32 = 0
        let secret = transport.cookieSecret
        guard
            HMAC(EVP_sha256(), secret, Int32(secret.count), message, message.count, &mac, &count)
                != nil, count == 32
        else { return nil }
        return mac
    }

    // MARK: the certificate

    private static func makeKey() -> OpaquePointer? {
        guard let maker = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil) else { return nil }
        defer { EVP_PKEY_CTX_free(maker) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(maker) == 1, EVP_PKEY_CTX_set_group_name(maker, "P-256") == 1,
            EVP_PKEY_generate(maker, &key) == 1
        else { return nil }
        return key
    }

    private static func makeCertificate(
        _ key: OpaquePointer?, notBefore: WallTime, notAfter: WallTime, padding: Int
    ) -> OpaquePointer? {
        guard let key, let certificate = X509_new() else { return nil }
        var serial: UInt64 = 0
        let isRandom = withUnsafeMutableBytes(of: &serial) { bytes in
            RAND_bytes(bytes.bindMemory(to: UInt8.self).baseAddress, Int32(bytes.count)) == 1
        }
        // Positive, and never 0 (RFC 5280 4.1.2.2).
        serial = serial >> 1 | 1
        let name = X509_get_subject_name(certificate)
        var isNamed = add("CN", "media", to: name)
        for number in 0..<padding {
            let text = String(number) + String(repeating: "x", count: 50)
            isNamed = isNamed && add("OU", text, to: name)
        }
        guard isRandom, isNamed, X509_set_version(certificate, 2) == 1,
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1,
            ASN1_TIME_set(
                X509_getm_notBefore(certificate), Int(notBefore.milliseconds / 1000)) != nil,
            ASN1_TIME_set(
                X509_getm_notAfter(certificate), Int(notAfter.milliseconds / 1000)) != nil,
            X509_set_issuer_name(certificate, name) == 1,
            X509_set_pubkey(certificate, key) == 1,
            X509_sign(certificate, key, EVP_sha256()) > 0
        else {
            X509_free(certificate)
            return nil
        }
        return certificate
    }

    private static func add(_ field: String, _ text: String, to name: OpaquePointer?) -> Bool {
        let bytes = Array(text.utf8)
        // MBSTRING_ASC
        return X509_NAME_add_entry_by_txt(
            name, field, 0x1001, bytes, Int32(bytes.count), -1, 0) == 1
    }
}

extension DTLSParameters.FingerprintHash {
    /// Of a certificate in DER.
    func digest(of certificate: OpaquePointer) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 64)
        var count: UInt32 = 0
        let algorithm =
            switch self {
            case .sha256: EVP_sha256()
            case .sha384: EVP_sha384()
            case .sha512: EVP_sha512()
            }
        guard X509_digest(certificate, algorithm, &bytes, &count) == 1 else { return [] }
        return Array(bytes.prefix(Int(count)))
    }
}
