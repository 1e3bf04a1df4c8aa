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
    /// The hash that all of `fingerprints` are of.
    public var fingerprintHash: FingerprintHash
    /// Of the certificates of which the far end must present one (RFC 8122 5: several of one hash are
    /// several certificates), 1 to `fingerprintLimit`.
    public var fingerprints: [[UInt8]]

    /// Certificates of a far end that are believed; a list of more is not usable.
    public static let fingerprintLimit = 8

    /// Counts and lengths are not checked here: see `isUsable`.
    public init(role: Role, fingerprintHash: FingerprintHash, fingerprints: [[UInt8]]) {
        self.role = role
        self.fingerprintHash = fingerprintHash
        self.fingerprints = fingerprints
    }

    /// Of a far end with one certificate.
    public init(role: Role, fingerprintHash: FingerprintHash, fingerprint: [UInt8]) {
        self.init(role: role, fingerprintHash: fingerprintHash, fingerprints: [fingerprint])
    }

    /// A fingerprint whose length is not its hash's; nil: all are, and there are as many as may be.
    var wrongFingerprint: [UInt8]? {
        guard (1...Self.fingerprintLimit).contains(fingerprints.count) else { return [] }
        return fingerprints.first { $0.count != fingerprintHash.byteCount }
    }

    /// There are 1 to `fingerprintLimit` fingerprints, each as long as its hash. What is not makes
    /// `DTLSAssociation` throw `badKey`.
    public var isUsable: Bool { wrongFingerprint == nil }
}
