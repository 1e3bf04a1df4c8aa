public import Base

/// `192.0.2.0/24`, `2001:db8::/32`, or one address.
public struct AddressRange: Sendable, Hashable {
    private let bytes: [UInt8]
    private let bits: Int

    /// nil for anything else than an address in digits with an optional prefix length.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let bytes = addressBytes(String(parts[0])) else {
            return nil
        }
        let all = bytes.count * 8
        var bits = all
        if parts.count == 2 {
            guard let number = parseDecimal(parts[1].utf8), number <= all else { return nil }
            bits = number
        }
        self.bytes = bytes
        self.bits = bits
    }

    /// `host`: an address in digits. False for anything else, and for the other family; an IPv4
    /// address mapped into IPv6 is IPv4.
    public func contains(_ host: String) -> Bool {
        guard let other = addressBytes(host), other.count == bytes.count else { return false }
        for index in bytes.indices {
            let left = bits - index * 8
            if left <= 0 { return true }
            let mask: UInt8 = left >= 8 ? 0xFF : ~(0xFF >> UInt8(left))
            if bytes[index] & mask != other[index] & mask { return false }
        }
        return true
    }
}

/// Four or sixteen bytes of an address in digits; an IPv4 address mapped into IPv6 is IPv4.
public func addressBytes(_ text: String) -> [UInt8]? {
    let utf8 = Array(text.utf8)
    guard !utf8.isEmpty, utf8.count <= 45 else { return nil }
    guard utf8.contains(UInt8(ascii: ":")) else { return ipv4Bytes(utf8[...]) }
    // At most one `::`; it stands for one or more groups of zeros.
    let gaps = utf8.indices.dropLast().filter {
        utf8[$0] == UInt8(ascii: ":") && utf8[$0 + 1] == UInt8(ascii: ":")
    }
    let groups: [[UInt8]]
    if let gap = gaps.first {
        guard gaps.count == 1, let before = ipv6Groups(utf8[..<gap]),
            let after = ipv6Groups(utf8[(gap + 2)...]), before.count + after.count < 8
        else { return nil }
        let zeros = Array(repeating: [UInt8(0), 0], count: 8 - before.count - after.count)
        groups = before + zeros + after
    } else {
        guard let all = ipv6Groups(utf8[...]) else { return nil }
        groups = all
    }
    guard groups.count == 8 else { return nil }
    let bytes = groups.flatMap { $0 }
    if bytes.prefix(10).allSatisfy({ $0 == 0 }), bytes[10] == 0xFF, bytes[11] == 0xFF {
        return Array(bytes[12...])
    }
    return bytes
}

/// What counts as one source where sources are counted: an address, of IPv6 its /64, of which one
/// machine may take every address (RFC 7421 2).
public func sourceNetwork(_ host: String) -> String {
    guard host.utf8.contains(UInt8(ascii: ":")), let bytes = addressBytes(host), bytes.count == 16
    else { return host }
    return bytes[..<8].map { String($0, radix: 16) }.joined(separator: ".") + "/64"
}

/// `2001:db8:192.0.2.1` in pairs of bytes; none for empty text.
private func ipv6Groups(_ text: ArraySlice<UInt8>) -> [[UInt8]]? {
    guard !text.isEmpty else { return [] }
    var groups: [[UInt8]] = []
    let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() {
        if part.contains(UInt8(ascii: ".")) {
            guard index == parts.count - 1, let four = ipv4Bytes(part) else { return nil }
            groups += [[four[0], four[1]], [four[2], four[3]]]
            continue
        }
        guard (1...4).contains(part.count) else { return nil }
        var value = 0
        for byte in part {
            guard let digit = SIPCharacter.hexValue(byte) else { return nil }
            value = value << 4 | Int(digit)
        }
        groups.append([UInt8(value >> 8), UInt8(value & 0xFF)])
    }
    return groups
}

private func ipv4Bytes(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bytes: [UInt8] = []
    for part in parts {
        guard let value = parseDecimal(part), value <= 255, part.count <= 3 else { return nil }
        bytes.append(UInt8(value))
    }
    return bytes
}

/// Who may send to us at all, and how much: asked for each datagram and connection before anything
/// is parsed.
public struct SourceGate: Sendable {
    /// What becomes of a message or connection.
    public enum Verdict: Sendable, Equatable {
        case pass
        /// Not in the access list.
        case denied
        /// Too many messages a second.
        case limited
    }

    /// Sources with a bucket. When so many have one the older half is forgotten: a forgotten source
    /// begins with a full bucket again.
    public static let maximumSources = 8_192

    /// Empty: everybody.
    public var allowed: [AddressRange]
    /// Sources that no rate holds: our trunks.
    public var exempt: [AddressRange]
    /// Messages a second of one `sourceNetwork`; nil: any number.
    public let rate: Double?
    /// Messages at once of one `sourceNetwork`: twice `rate` unless given; less than 1 counts as 1.
    public let burst: Double
    private var current: [String: TokenBucket] = [:]
    private var previous: [String: TokenBucket] = [:]
    /// Verdicts of the access list, so that it is read once a source.
    private var known: [String: Bool] = [:]
    /// Hosts that we turned to ourselves: their answers are wanted.
    private var expected: Set<String> = []
    /// Verdicts `denied` so far.
    public private(set) var denied = 0
    /// Verdicts `limited` so far.
    public private(set) var limited = 0

    /// - Parameter rate: messages a second of one source; nil: any number.
    public init(
        allowed: [AddressRange] = [], exempt: [AddressRange] = [], rate: Double? = nil,
        burst: Double? = nil
    ) {
        self.allowed = allowed
        self.exempt = exempt
        self.rate = rate
        self.burst = burst ?? (rate ?? 0) * 2
    }

    /// We send to this host: what comes from it is let through.
    public mutating func expect(_ host: String) {
        if expected.count >= Self.maximumSources { expected.removeAll() }
        expected.insert(host)
    }

    /// Buckets held, at most `maximumSources`; a source may be among the old and the new ones.
    public var sourceCount: Int { current.count + previous.count }

    /// Judges one message or connection of `host`, and takes a token of its network where a rate
    /// holds. Who is in `expect` passes always.
    public mutating func admit(_ host: String, now: Instant) -> Verdict {
        if expected.contains(host) { return .pass }
        if !allowed.isEmpty, !isAllowed(host) {
            denied += 1
            return .denied
        }
        guard let rate, !exempt.contains(where: { $0.contains(host) }) else { return .pass }
        let source = sourceNetwork(host)
        var bucket = current[source] ?? previous[source] ?? TokenBucket(rate: rate, burst: burst)
        let passes = bucket.take(now: now)
        if current[source] == nil, current.count >= Self.maximumSources / 2 {
            previous = current
            current = [:]
        }
        current[source] = bucket
        if !passes { limited += 1 }
        return passes ? .pass : .limited
    }

    private mutating func isAllowed(_ host: String) -> Bool {
        if let verdict = known[host] { return verdict }
        let verdict = allowed.contains { $0.contains(host) }
        if known.count >= Self.maximumSources { known.removeAll() }
        known[host] = verdict
        return verdict
    }
}
