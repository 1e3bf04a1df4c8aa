/// The protection profiles of RFC 4568 6.2, RFC 6188 and RFC 7714 that this room can run.
public enum SRTPSuite: String, Sendable, CaseIterable {
    case aesCM128HMACSHA1_80 = "AES_CM_128_HMAC_SHA1_80"
    case aesCM128HMACSHA1_32 = "AES_CM_128_HMAC_SHA1_32"
    case aesCM256HMACSHA1_80 = "AES_256_CM_HMAC_SHA1_80"
    case aesCM256HMACSHA1_32 = "AES_256_CM_HMAC_SHA1_32"
    case aeadAES128GCM = "AEAD_AES_128_GCM"
    case aeadAES256GCM = "AEAD_AES_256_GCM"

    /// The name in an SDP crypto attribute.
    public var sdpName: String { rawValue }

    /// The suite of an SDP crypto attribute's name, which is compared without regard to case.
    public init?(sdpName: String) {
        self.init(rawValue: sdpName.uppercased())
    }

    /// AES-GCM (RFC 7714): one tag made with the encryption, on RTP and on RTCP.
    public var isAEAD: Bool { self == .aeadAES128GCM || self == .aeadAES256GCM }

    /// Bytes of master key, which are also the bytes of every session encryption key.
    public var keyCount: Int {
        switch self {
        case .aesCM128HMACSHA1_80, .aesCM128HMACSHA1_32, .aeadAES128GCM: 16
        case .aesCM256HMACSHA1_80, .aesCM256HMACSHA1_32, .aeadAES256GCM: 32
        }
    }
    /// Bytes of master salt.
    public var saltCount: Int { isAEAD ? 12 : 14 }
    /// Bytes of master key and salt together.
    public var keyAndSaltCount: Int { keyCount + saltCount }
    /// Bytes of authentication tag on RTP.
    public var tagCount: Int {
        switch self {
        case .aesCM128HMACSHA1_80, .aesCM256HMACSHA1_80: 10
        case .aesCM128HMACSHA1_32, .aesCM256HMACSHA1_32: 4
        case .aeadAES128GCM, .aeadAES256GCM: 16
        }
    }
    /// Bytes of authentication tag on RTCP: the short suites shorten RTP's alone (RFC 3711 5.2,
    /// RFC 4568 6.2.2, RFC 6188 4).
    public var rtcpTagCount: Int { isAEAD ? 16 : 10 }
    /// Bytes that `protect` appends, without a master key identifier.
    public var overhead: Int { tagCount }
    /// Bytes that `protectRTCP` appends: E and index, and the tag.
    public var rtcpOverhead: Int { 4 + rtcpTagCount }
}
