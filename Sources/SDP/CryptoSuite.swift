/// A protection profile that offers and answers can agree on (RFC 4568 6.2, RFC 6188 2, RFC 7714
/// 14.2). The SRTP rooms have their own value; the owner maps by name.
public enum CryptoSuite: String, Sendable, CaseIterable {
    // In our order of preference: long keys first; among equals the one that peers know best; those
    // of short tags last.
    case aesCM256HMACSHA1_80 = "AES_256_CM_HMAC_SHA1_80"
    case aeadAES256GCM = "AEAD_AES_256_GCM"
    case aeadAES128GCM = "AEAD_AES_128_GCM"
    case aesCM128HMACSHA1_80 = "AES_CM_128_HMAC_SHA1_80"
    case aesCM256HMACSHA1_32 = "AES_256_CM_HMAC_SHA1_32"
    case aesCM128HMACSHA1_32 = "AES_CM_128_HMAC_SHA1_32"

    /// The suite of a crypto line's name, which is compared without regard to case.
    public init?(name: String) {
        self.init(rawValue: name.uppercased())
    }

    /// The name in a crypto line.
    public var name: String { rawValue }

    /// Bytes of master key ‖ master salt.
    public var keyCount: Int {
        switch self {
        case .aesCM256HMACSHA1_80, .aesCM256HMACSHA1_32: 32 + 14
        case .aeadAES256GCM: 32 + 12
        case .aeadAES128GCM: 16 + 12
        case .aesCM128HMACSHA1_80, .aesCM128HMACSHA1_32: 16 + 14
        }
    }
}
