internal import Crypto
internal import SIP

extension DigestHashes {
    /// MD5 and SHA-256 of swift-crypto. MD5 is what RFC 3261 servers still ask for; it is used when
    /// nothing better is offered.
    static let crypto = DigestHashes(
        md5: { Array(Insecure.MD5.hash(data: $0)) },
        sha256: { Array(SHA256.hash(data: $0)) })
}
