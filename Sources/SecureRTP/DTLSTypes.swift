internal import COpenSSL

/// Where a datagram came from, as far as an association must know it: enough to tell two sources
/// apart, and for a cookie that is good for one of them only.
public struct DTLSSource: Hashable, Sendable {
    /// The first eight bytes of an IPv6 address as a big-endian number; 0 for IPv4.
    public var high: UInt64
    /// The last eight bytes of an IPv6 address, or the four of IPv4 in the low half.
    public var low: UInt64
    /// UDP port, host order.
    public var port: UInt16

    /// Without `high`: an IPv4 address.
    public init(high: UInt64 = 0, low: UInt64, port: UInt16) {
        self.high = high
        self.low = low
        self.port = port
    }
}

/// Why a handshake ended without keys. The call lives on, in silence.
public enum DTLSFailure: Error, Equatable, Sendable {
    /// The certificate is not the one whose fingerprint signalling told.
    case fingerprintMismatch
    case noCertificate
    /// No SRTP protection profile in common (RFC 5764 4.1).
    case noProfile
    /// The far end said nothing, or not enough, for `DTLSAssociation.handshakeLimit`.
    case timeout
    /// The far end refused with this alert (RFC 5246 7.2).
    case alert(Int)
    /// Versions, ciphers, signatures, lengths: libssl's reason code.
    case handshake(Int)

    /// The label value of `trunkline_dtls_handshakes_total`.
    public var label: String {
        switch self {
        case .fingerprintMismatch: "fingerprint"
        case .noCertificate: "no_certificate"
        case .noProfile: "no_profile"
        case .timeout: "timeout"
        case .alert: "alert"
        case .handshake: "handshake"
        }
    }
}

/// What an association agreed on: the suite, and a master key ‖ master salt for each direction.
/// Zeroed when it goes.
public struct DTLSKeys: ~Copyable, @unchecked Sendable {
    // Sendable: the pointer is private, this value is its one owner, and it is written in `init`.
    /// Says how long keys and salts are.
    public let suite: SRTPSuite
    private let bytes: UnsafeMutableRawBufferPointer

    /// - Parameter material: what RFC 5764 4.2 exports, `2 * suite.keyAndSaltCount` bytes: client
    ///   key ‖ server key ‖ client salt ‖ server salt.
    init(suite: SRTPSuite, material: UnsafeRawBufferPointer, role: DTLSParameters.Role) {
        let key = suite.keyCount
        let salt = suite.saltCount
        precondition(material.count == 2 * (key + salt))
        self.suite = suite
        bytes = .allocate(byteCount: material.count, alignment: 16)
        // Ours first.
        let first = role == .client ? 0 : 1
        for place in 0..<2 {
            let end = place == 0 ? first : 1 - first
            let start = place * (key + salt)
            let keyPart = material[end * key..<end * key + key]
            let saltStart = 2 * key + end * salt
            let saltPart = material[saltStart..<saltStart + salt]
            UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + key])
                .copyBytes(from: keyPart)
            UnsafeMutableRawBufferPointer(rebasing: bytes[start + key..<start + key + salt])
                .copyBytes(from: saltPart)
        }
    }

    deinit {
        // SAFETY: allocated in `init`; it holds no references.
        OPENSSL_cleanse(bytes.baseAddress, bytes.count)
        bytes.deallocate()
    }

    /// Protects what we send. The caller zeroes its copy.
    public borrowing func copyLocal() -> [UInt8] { Array(bytes[0..<suite.keyAndSaltCount]) }
    /// Opens what we receive.
    public borrowing func copyRemote() -> [UInt8] { Array(bytes[suite.keyAndSaltCount...]) }

    /// An SRTP context of one direction; every copy of the key is zeroed.
    public borrowing func makeContext(
        _ direction: SRTPContext.Direction, backend: SRTPBackend = .libcrypto
    ) throws(SRTPError) -> SRTPContext {
        var key = direction == .outbound ? copyLocal() : copyRemote()
        defer { key.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        return try SRTPContext(suite: suite, key: key, direction: direction, backend: backend)
    }
}

extension SRTPSuite {
    /// The suites that have a DTLS-SRTP protection profile (RFC 5764 4.1.2, RFC 7714 14.2), in the
    /// order in which we prefer them.
    static let dtlsProfiles: [(suite: SRTPSuite, number: UInt, name: String)] = [
        (.aeadAES256GCM, 8, "SRTP_AEAD_AES_256_GCM"),
        (.aeadAES128GCM, 7, "SRTP_AEAD_AES_128_GCM"),
        (.aesCM128HMACSHA1_80, 1, "SRTP_AES128_CM_SHA1_80"),
        (.aesCM128HMACSHA1_32, 2, "SRTP_AES128_CM_SHA1_32"),
    ]
}
