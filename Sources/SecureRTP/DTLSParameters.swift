/// What offer and answer say about a DTLS-SRTP association (RFC 5763 5, RFC 8842 5).
public struct DTLSParameters: Sendable, Equatable {
    /// Which end sends the ClientHello (RFC 4145: `active` is the client).
    public enum Role: Sendable, Equatable {
        case client
        case server
    }

    /// The hash of a certificate fingerprint (RFC 8122 5).
    public enum FingerprintHash: String, Sendable, CaseIterable {
        case sha256 = "sha-256"
        case sha384 = "sha-384"
        case sha512 = "sha-512"

        /// Bytes of the fingerprint.
        public var byteCount: Int {
            switch self {
            case .sha256: 32
            case .sha384: 48
            case .sha512: 64
            }
        }
    }

    /// Ours.
    public var role: Role
    public var fingerprintHash: FingerprintHash
    /// Of the certificate that the far end must present.
    public var fingerprint: [UInt8]

    public init(role: Role, fingerprintHash: FingerprintHash, fingerprint: [UInt8]) {
        self.role = role
        self.fingerprintHash = fingerprintHash
        self.fingerprint = fingerprint
    }
}
