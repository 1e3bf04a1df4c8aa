public import Base
public import SIP

/// Whom we ask for a password before a call is taken (RFC 3261 22).
public struct CallerAuthentication: Sendable {
    /// What passwords are for; stands in every challenge.
    public var realm: String
    /// Passwords by user name.
    public var users: [String: Redacted<String>]
    /// How long a challenge is good for.
    public var nonceLifetime: Interval
    /// In the order they are offered. Some clients look at the first challenge only: give those MD5
    /// alone.
    public var algorithms: [DigestChallenge.Algorithm]

    /// Nothing is checked here: without users only trunks can call.
    public init(
        realm: String, users: [String: Redacted<String>], nonceLifetime: Interval = .seconds(300),
        algorithms: [DigestChallenge.Algorithm] = [.sha256, .md5]
    ) {
        self.algorithms = algorithms
        self.realm = realm
        self.users = users
        self.nonceLifetime = nonceLifetime
    }
}

/// That a trunk wants us to register (RFC 3261 10).
public struct TrunkRegistration: Sendable {
    /// User part of our address there; nil: the trunk's user name.
    public var user: String?
    /// What we ask for, 1 s to a day; the registrar may grant less.
    public var expires: Interval
    /// Value of Route when the trunk's address is an outbound proxy in front of the registrar.
    public var outboundProxy: String?

    /// Nothing is checked here.
    public init(
        user: String? = nil, expires: Interval = .seconds(3600), outboundProxy: String? = nil
    ) {
        self.user = user
        self.expires = expires
        self.outboundProxy = outboundProxy
    }
}

/// STIR/SHAKEN (RFC 8224, 8225, 8588): signing of our calls and checking of others'.
public struct IdentityConfiguration: Sendable {
    /// What our calls are signed with (ES256).
    public struct Signing: Sendable {
        /// PEM of a P-256 private key.
        public var privateKey: Redacted<String>
        /// Where others find the certificate.
        public var certificateURL: String
        /// What each signature of ours says.
        public var attestation: Attestation

        /// Nothing is checked here: `CallAgent.start` throws `SignallingError.identity`.
        public init(
            privateKey: Redacted<String>, certificateURL: String, attestation: Attestation
        ) {
            self.privateKey = privateKey
            self.certificateURL = certificateURL
            self.attestation = attestation
        }
    }

    /// nil: our calls go unsigned.
    public var signing: Signing?
    /// PEM certificates that signatures are checked with, by their URL. They are trusted as they
    /// stand here: nothing is fetched, and no chain is followed.
    public var certificates: [String: String]

    /// Nothing is checked here: `CallAgent.start` throws `SignallingError.identity`.
    public init(signing: Signing? = nil, certificates: [String: String] = [:]) {
        self.signing = signing
        self.certificates = certificates
    }
}
