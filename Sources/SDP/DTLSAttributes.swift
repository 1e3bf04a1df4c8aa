/// `a=setup` (RFC 4145 4): who begins.
public enum DTLSSetup: String, Sendable, CaseIterable {
    /// Sends the ClientHello, waits for it, takes either part.
    case active, passive, actpass
    /// "No connection for now"; RFC 8842 5 leaves it without meaning for DTLS-SRTP.
    case holdconn
}

/// `a=fingerprint` (RFC 8122 5): the hash of the certificate that its sender will show.
public struct CertificateFingerprint: Equatable, Sendable {
    /// The hashes we check. md5 and sha-1 prove nothing any more and are refused.
    public enum Hash: String, Sendable, CaseIterable {
        // In our order of preference.
        case sha512 = "sha-512"
        case sha384 = "sha-384"
        case sha256 = "sha-256"

        /// Octets of the hash.
        public var byteCount: Int {
            switch self {
            case .sha512: 64
            case .sha384: 48
            case .sha256: 32
            }
        }
    }

    /// What `bytes` was made with.
    public var hash: Hash
    /// The hash, as many octets as `hash.byteCount`.
    public var bytes: [UInt8]

    /// nil when `bytes` is not of the hash's length.
    public init?(hash: Hash, bytes: [UInt8]) {
        guard bytes.count == hash.byteCount else { return nil }
        self.hash = hash
        self.bytes = bytes
    }

    /// Reads `sha-256 4A:AD:…`; nil for another hash, another length or a broken text.
    init?(parsing value: String) {
        let fields = value.split(whereSeparator: { $0 == " " || $0 == "\t" })
        guard fields.count == 2, let hash = Hash(rawValue: fields[0].lowercased()) else {
            return nil
        }
        var bytes: [UInt8] = []
        for part in fields[1].split(separator: ":", omittingEmptySubsequences: false) {
            guard part.utf8.count == 2, part.utf8.allSatisfy(\.isHexadecimal),
                let byte = UInt8(part, radix: 16)
            else { return nil }
            bytes.append(byte)
        }
        self.init(hash: hash, bytes: bytes)
    }

    /// The attribute's value on the wire: upper case, as RFC 8122 5 wants it.
    var serialised: String {
        let digits = Array("0123456789ABCDEF")
        let octets = bytes.map { byte in
            String([digits[Int(byte >> 4)], digits[Int(byte & 15)]])
        }
        return "\(hash.rawValue) \(octets.joined(separator: ":"))"
    }
}

/// The DTLS association that offer and answer agreed on (RFC 5763 5).
public struct NegotiatedDTLS: Equatable, Sendable {
    /// We send the ClientHello.
    public var isClient: Bool
    /// Of the certificates of which the far end must show one: all of one hash, in the order of their
    /// bytes, 1 to `fingerprintLimit`.
    public var remoteFingerprints: [CertificateFingerprint]

    /// Certificates of one peer; further ones are not looked for.
    public static let fingerprintLimit = 8

    /// Nothing is checked here.
    public init(isClient: Bool, remoteFingerprints: [CertificateFingerprint]) {
        self.isClient = isClient
        self.remoteFingerprints = remoteFingerprints
    }
}

/// Our end of DTLS-SRTP.
public struct DTLSIdentity: Equatable, Sendable {
    /// Of the certificate we show.
    public var fingerprint: CertificateFingerprint
    /// Answer `actpass` with `active`, which saves the peer's first flight (RFC 5763 5).
    public var answersActively: Bool
    /// The association in use: as long as the peer's fingerprints stay, so do the roles (RFC 8842
    /// 5.3).
    public var current: NegotiatedDTLS?

    /// `current` is nil in the first description of a session.
    public init(
        fingerprint: CertificateFingerprint, answersActively: Bool = true,
        current: NegotiatedDTLS? = nil
    ) {
        self.fingerprint = fingerprint
        self.answersActively = answersActively
        self.current = current
    }
}

extension SessionDescription {
    /// Whether a line has a fingerprint, readable or not: a DTLS peer, then.
    func hasFingerprint(_ media: MediaDescription) -> Bool {
        !values("fingerprint", of: media).isEmpty
    }

    /// The fingerprints of which one must match: those of the strongest hash (RFC 8122 5: several
    /// hashes are of the same certificates, several fingerprints of one hash are of several
    /// certificates). Their order means nothing. A media line's own replace the session's. Empty: none
    /// is readable.
    func fingerprints(of media: MediaDescription) -> [CertificateFingerprint] {
        let readable = values("fingerprint", of: media).compactMap {
            CertificateFingerprint(parsing: $0)
        }
        for hash in CertificateFingerprint.Hash.allCases {
            var found: [CertificateFingerprint] = []
            for fingerprint in readable where fingerprint.hash == hash {
                guard found.count < NegotiatedDTLS.fingerprintLimit else { break }
                if !found.contains(fingerprint) { found.append(fingerprint) }
            }
            guard found.isEmpty else {
                return found.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
            }
        }
        return []
    }

    /// The setup of a line; nil when none is stated.
    ///
    /// - Throws: `unusableSetup` for a word that is not RFC 4145's.
    func setup(of media: MediaDescription) throws(SDPError) -> DTLSSetup? {
        guard let text = values("setup", of: media).first else { return nil }
        guard let setup = DTLSSetup(rawValue: text.lowercased()) else {
            throw .unusableSetup(String(text.prefix(16)))
        }
        return setup
    }

    /// The values of an attribute on a media line, else in the session.
    private func values(_ name: String, of media: MediaDescription) -> [String] {
        let own = media.attributes.values(name)
        return own.isEmpty ? attributes.values(name) : own
    }
}

extension [SDPAttribute] {
    /// The values of every attribute of this name, trimmed.
    func values(_ name: String) -> [String] {
        compactMap { attribute in
            attribute.name.lowercased() == name ? (attribute.value ?? "").trimmed : nil
        }
    }
}

extension MediaDescription {
    /// Our certificate and part on a line.
    mutating func describe(_ identity: DTLSIdentity, _ setup: DTLSSetup) {
        attributes.append(SDPAttribute("setup", setup.rawValue))
        attributes.append(SDPAttribute("fingerprint", identity.fingerprint.serialised))
    }
}
