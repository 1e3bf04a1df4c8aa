public import Base

/// The hash functions of digest authentication. Handed in, because this room imports Base only.
public struct DigestHashes: Sendable {
    /// RFC 1321: 16 octets.
    public var md5: @Sendable ([UInt8]) -> [UInt8]
    /// FIPS 180-4: 32 octets.
    public var sha256: @Sendable ([UInt8]) -> [UInt8]

    /// Lengths are not checked: a wrong one gives answers that prove nothing.
    public init(
        md5: @escaping @Sendable ([UInt8]) -> [UInt8],
        sha256: @escaping @Sendable ([UInt8]) -> [UInt8]
    ) {
        self.md5 = md5
        self.sha256 = sha256
    }
}

/// What we prove to the trunk.
public struct DigestCredentials: Sendable, Equatable {
    /// Goes out in the clear, between quotes.
    public var username: String
    /// In the clear inside, for hashing; never sent.
    public var password: Redacted<String>

    /// The password in the clear, as UTF-8.
    public init(username: String, password: Redacted<String>) {
        self.username = username
        self.password = password
    }
}

/// Answers the challenges of one call (RFC 3261 22, RFC 7616, RFC 8760).
///
/// SHA-256 is preferred to MD5. A challenge for a realm already answered is answered again only
/// when the nonce was stale; after `SIPLimits.authenticationTries` answers the call gives up.
/// Inside a dialog only realms answered for its INVITE are answered: a peer further on must not be
/// able to ask for proof of the trunk's password (CVE-2021-41158).
public struct DigestAuthenticator: Sendable {
    private struct Answered: Sendable {
        var challenge: DigestChallenge
        var isProxy: Bool
        var nonceCount: UInt32
    }

    private let credentials: DigestCredentials?
    private let hashes: DigestHashes
    private var answered: [Answered] = []
    private var tries = 0

    /// - Parameter credentials: nil: no challenge is answered.
    public init(credentials: DigestCredentials?, hashes: DigestHashes) {
        self.credentials = credentials
        self.hashes = hashes
    }

    /// Takes the challenges of a 401 or 407.
    ///
    /// - Returns: true when the request is worth sending again after `authorize`.
    public mutating func accept(_ response: SIPMessage, inDialog: Bool) -> Bool {
        guard credentials != nil, tries < SIPLimits.authenticationTries else { return false }
        var taken = false
        for (header, isProxy) in [
            (HeaderName.wwwAuthenticate, false), (.proxyAuthenticate, true),
        ] {
            let challenges = response.headers.lines(header).flatMap(DigestChallenge.parse)
            guard let best = Self.preferred(challenges) else { continue }
            guard take(best, isProxy: isProxy, inDialog: inDialog) else { return false }
            taken = true
        }
        if taken { tries += 1 }
        return taken
    }

    /// A dialog may be challenged anew for each request; the loop guard starts again.
    public mutating func resetTries() { tries = 0 }

    private mutating func take(
        _ challenge: DigestChallenge, isProxy: Bool, inDialog: Bool
    ) -> Bool {
        let index = answered.firstIndex {
            $0.isProxy == isProxy && $0.challenge.realm == challenge.realm
        }
        guard let index else {
            guard !inDialog else { return false }
            answered.append(Answered(challenge: challenge, isProxy: isProxy, nonceCount: 0))
            return true
        }
        // The same realm again: wrong password, unless the nonce aged. A new nonce starts nc anew.
        guard challenge.isStale || inDialog, challenge.nonce != answered[index].challenge.nonce
        else { return false }
        answered[index] = Answered(challenge: challenge, isProxy: isProxy, nonceCount: 0)
        return true
    }

    /// RFC 8760 2.4: the server lists what it accepts; we take the strongest, then the first.
    private static func preferred(_ challenges: [DigestChallenge]) -> DigestChallenge? {
        challenges.first { $0.algorithm.isSHA256 } ?? challenges.first
    }

    /// Replaces the Authorization headers of `request` with answers to every challenge taken.
    public mutating func authorize(
        _ request: inout SIPMessage, entropy: inout SeededGenerator
    ) {
        guard let credentials else { return }
        request.headers.removeAll(.authorization)
        request.headers.removeAll(.proxyAuthorization)
        for index in answered.indices {
            answered[index].nonceCount &+= 1
            let item = answered[index]
            let value = Self.header(
                challenge: item.challenge, credentials: credentials,
                method: request.method ?? .invite, uri: request.requestURI ?? "",
                body: request.body, nonceCount: item.nonceCount, cnonce: entropy.token(16),
                hashes: hashes)
            request.headers.append(
                item.isProxy ? .proxyAuthorization : .authorization, value)
        }
    }

    /// One Authorization value (RFC 7616 3.4).
    static func header(
        challenge: DigestChallenge, credentials: DigestCredentials, method: SIPMethod,
        uri: String, body: [UInt8], nonceCount: UInt32, cnonce: String, hashes: DigestHashes
    ) -> String {
        let user = credentials.username
        let count = hexCount(nonceCount)
        let response = response(
            username: user, password: credentials.password.value, realm: challenge.realm,
            nonce: challenge.nonce, algorithm: challenge.algorithm, qop: challenge.qop,
            method: method, uri: uri, body: body, count: count, cnonce: cnonce, hashes: hashes)
        var value =
            "Digest username=" + quoted(user) + ", realm=" + quoted(challenge.realm)
            + ", nonce=" + quoted(challenge.nonce) + ", uri=" + quoted(uri)
            + ", response=\"" + response + "\", algorithm=" + challenge.algorithm.rawValue
        if let qop = challenge.qop {
            value += ", cnonce=\"" + cnonce + "\", qop=" + qop.rawValue + ", nc=" + count
        } else if challenge.algorithm.isSession {
            // A session hash without qop still has to name the cnonce it used.
            value += ", cnonce=\"" + cnonce + "\""
        }
        if let opaque = challenge.opaque { value += ", opaque=" + quoted(opaque) }
        return value
    }

    /// The proof (RFC 7616 3.4.1), for whoever makes it and whoever checks it.
    static func response(
        username: String, password: String, realm: String, nonce: String,
        algorithm: DigestChallenge.Algorithm, qop: DigestChallenge.QualityOfProtection?,
        method: SIPMethod, uri: String, body: [UInt8], count: String, cnonce: String,
        hashes: DigestHashes
    ) -> String {
        let hash = algorithm.isSHA256 ? hashes.sha256 : hashes.md5
        func h(_ text: String) -> String { Hex.encode(hash(Array(text.utf8))) }
        var ha1 = h(username + ":" + realm + ":" + password)
        if algorithm.isSession { ha1 = h(ha1 + ":" + nonce + ":" + cnonce) }
        var a2 = method.name + ":" + uri
        if qop == .authInt { a2 += ":" + Hex.encode(hash(body)) }
        guard let qop else { return h(ha1 + ":" + nonce + ":" + h(a2)) }
        return h([ha1, nonce, count, cnonce, qop.rawValue, h(a2)].joined(separator: ":"))
    }

    /// Eight hexadecimal digits.
    private static func hexCount(_ count: UInt32) -> String {
        let digits = String(count, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
