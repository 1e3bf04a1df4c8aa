public import Base

//   Authorization ─▶ ours by its seal? ─▶ young? ─▶ nc above the last? ─▶ response right? ─▶ accepted
//                       │ no               │ no         │ no                │ no
//                       └─ challenge       └─ challenge, stale=true         └─ challenge
//
// A nonce holds the time it was made and a seal over it, so that a challenge costs no memory; only a
// nonce that was answered is remembered, for its count (RFC 7616 3.3, 3.4.5, 5.12; RFC 8760).

/// Asks callers for a password.
public struct DigestServer: Sendable {
    enum Verdict: Sendable {
        case accepted(String)
        case challenge(RequestRefusal)
    }

    /// Answered nonces that are remembered; an older one is called stale.
    public static let nonceLimit = 4_096

    private let realm: String
    private let users: [String: Redacted<String>]
    private let seal: [UInt8]
    private let lifetime: Interval
    private let algorithms: [DigestChallenge.Algorithm]
    private let hashes: DigestHashes
    /// The highest count of each nonce in use.
    private var counts: [String: UInt32] = [:]
    /// In the order they were first used.
    private var order: [String] = []

    /// - Parameters:
    ///   - users: passwords by user name.
    ///   - secret: seals our nonces: at least 16 bytes that nobody can guess, new in each process.
    ///   - lifetime: of a nonce; after it the client is told `stale=true` and asked again.
    ///   - algorithms: offered in this order and accepted: MD5 alone for clients that look at the
    ///     first challenge only and know no other.
    public init(
        realm: String, users: [String: Redacted<String>], secret: [UInt8], hashes: DigestHashes,
        lifetime: Interval = .seconds(300),
        algorithms: [DigestChallenge.Algorithm] = [.sha256, .md5]
    ) {
        self.algorithms = algorithms
        self.realm = realm
        self.users = users
        seal = secret
        self.lifetime = lifetime
        self.hashes = hashes
    }

    mutating func check(
        _ request: SIPMessage, now: Instant, entropy: inout SeededGenerator
    ) -> Verdict {
        var isStale = false
        for line in request.headers.lines(.authorization).prefix(4) {
            guard let answer = DigestAnswer(line), answer.realm == realm,
                algorithms.contains(answer.algorithm)
            else { continue }
            guard let made = timeOfOurs(answer.nonce) else { break }
            // Proved first: a stranger must not learn or use up anything.
            guard proves(answer, request) else { break }
            guard now - made <= lifetime, made <= now, count(answer) else {
                isStale = true
                break
            }
            return .accepted(answer.username)
        }
        return .challenge(challenge(isStale, now, &entropy))
    }

    // MARK: challenge

    private func challenge(
        _ isStale: Bool, _ now: Instant, _ entropy: inout SeededGenerator
    ) -> RequestRefusal {
        var refusal = RequestRefusal(401)
        let nonce = makeNonce(now, entropy.token(8))
        // The strongest first (RFC 8760 2.4); the user agent takes the first it knows.
        for algorithm in algorithms {
            let value =
                "Digest realm=" + quoted(realm) + ", nonce=\"" + nonce + "\", algorithm="
                + algorithm.rawValue + ", qop=\"auth\"" + (isStale ? ", stale=true" : "")
            refusal.headers.append(
                SIPHeaders.Line(name: .wwwAuthenticate, value: value))
        }
        return refusal
    }

    private func makeNonce(_ now: Instant, _ salt: String) -> String {
        let body = String(now.nanoseconds, radix: 36) + "." + salt
        return body + "." + sealOf(body)
    }

    private func sealOf(_ body: String) -> String {
        let inner = hashes.sha256(seal + Array(body.utf8))
        return String(Hex.encode(hashes.sha256(seal + inner)).prefix(32))
    }

    private func timeOfOurs(_ nonce: String) -> Instant? {
        let parts = nonce.utf8.split(
            separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, nonce.utf8.count < 128,
            let time = Int64(String(Substring(parts[0])), radix: 36)
        else { return nil }
        let body = String(Substring(parts[0])) + "." + String(Substring(parts[1]))
        guard Self.areEqual(sealOf(body), String(Substring(parts[2]))) else { return nil }
        return Instant(nanoseconds: time)
    }

    // MARK: proof

    /// Takes as long for a user that does not exist as for a wrong password.
    private func proves(_ answer: DigestAnswer, _ request: SIPMessage) -> Bool {
        guard isFor(answer.uri, request.requestURI ?? "") else { return false }
        let known = users[answer.username]
        let expected = DigestAuthenticator.response(
            username: answer.username, password: known?.value ?? "\u{0}", realm: realm,
            nonce: answer.nonce, algorithm: answer.algorithm, qop: answer.qop,
            method: request.method ?? .invite, uri: answer.uri, body: request.body,
            count: answer.count, cnonce: answer.cnonce, hashes: hashes)
        return Self.areEqual(expected, answer.response.asciiLowercased) && known != nil
    }

    /// RFC 7616 3.4.6: the URI of the answer is that of the request; a proxy may have changed
    /// parameters.
    private func isFor(_ uri: String, _ requestURI: String) -> Bool {
        if uri == requestURI { return true }
        guard let a = try? SIPURI(uri), let b = try? SIPURI(requestURI) else { return false }
        return a.user == b.user && a.host.equalsIgnoringCase(b.host)
    }

    /// Each count once, and upwards; without qop a nonce is good for one request.
    private mutating func count(_ answer: DigestAnswer) -> Bool {
        let last = counts[answer.nonce]
        guard answer.qop != nil else {
            guard last == nil else { return false }
            remember(answer.nonce, .max)
            return true
        }
        guard let count = UInt32(answer.count, radix: 16), count > last ?? 0 else { return false }
        // A nonce that was forgotten starts at 1 like a new one; higher is a replay or too old.
        guard last != nil || count == 1 else { return false }
        remember(answer.nonce, count)
        return true
    }

    private mutating func remember(_ nonce: String, _ count: UInt32) {
        if counts.updateValue(count, forKey: nonce) == nil {
            order.append(nonce)
            if order.count > Self.nonceLimit {
                // Half at once: removing from the front costs what it moves.
                let gone = order.prefix(Self.nonceLimit / 2)
                for nonce in gone { counts[nonce] = nil }
                order.removeFirst(gone.count)
            }
        }
    }

    /// Looks at every byte: the time tells nothing about where they differ.
    static func areEqual(_ a: String, _ b: String) -> Bool {
        let (x, y) = (Array(a.utf8), Array(b.utf8))
        guard x.count == y.count else { return false }
        var difference: UInt8 = 0
        for (p, q) in zip(x, y) { difference |= p ^ q }
        return difference == 0
    }
}

/// An Authorization value of scheme Digest, as a client sends it.
struct DigestAnswer {
    var username: String
    var realm: String
    var nonce: String
    var uri: String
    var response: String
    var algorithm: DigestChallenge.Algorithm
    var qop: DigestChallenge.QualityOfProtection?
    var cnonce: String
    var count: String

    init?(_ line: String) {
        var scanner = TextScanner(line)
        scanner.skipSpace()
        guard scanner.token()?.equalsIgnoringCase("Digest") == true else { return nil }
        var fields: [String: String]? = [:]
        for part in splitList(String(ascii: scanner.rest())) {
            DigestChallenge.add(Array(part.utf8)[...], to: &fields)
        }
        guard let fields, fields.count <= 32, let username = fields["username"],
            let realm = fields["realm"], let nonce = fields["nonce"], let uri = fields["uri"],
            let response = fields["response"]
        else { return nil }
        let name = fields["algorithm"] ?? DigestChallenge.Algorithm.md5.rawValue
        guard
            let algorithm = DigestChallenge.Algorithm.allCases.first(where: {
                $0.rawValue.equalsIgnoringCase(name)
            })
        else { return nil }
        if let text = fields["qop"] {
            guard let qop = DigestChallenge.QualityOfProtection(rawValue: text.asciiLowercased),
                let count = fields["nc"], count.utf8.count == 8,
                count.utf8.allSatisfy(SIPCharacter.isHex), fields["cnonce"] != nil
            else { return nil }
            self.qop = qop
            self.count = count
        } else {
            qop = nil
            count = ""
        }
        self.username = username
        self.realm = realm
        self.nonce = nonce
        self.uri = uri
        self.response = response
        self.algorithm = algorithm
        cnonce = fields["cnonce"] ?? ""
    }
}
