internal import Base
internal import Crypto

/// What of an X.509 certificate a PASSporT needs: its P-256 key and when it is valid (RFC 5280 4.1).
struct SignerCertificate {
    let key: P256.Signing.PublicKey
    /// Seconds since 1970.
    let notBefore: Int64
    let notAfter: Int64

    /// nil for what is no PEM certificate with a P-256 key.
    init?(pem: String) {
        guard let start = pem.range(of: "-----BEGIN CERTIFICATE-----"),
            let end = pem.range(of: "-----END CERTIFICATE-----"),
            start.upperBound <= end.lowerBound
        else { return nil }
        let text = pem[start.upperBound..<end.lowerBound].utf8.filter { $0 > 0x20 }
        guard let der = Base64.decode(text) else { return nil }
        var outer = DERReader(der[...])
        guard var certificate = outer.enter(0x30), var body = certificate.enter(0x30) else {
            return nil
        }
        // version [0] is left out by version 1.
        _ = body.take(0xA0)
        // serial, signature algorithm, issuer
        guard body.take(0x02) != nil, body.take(0x30) != nil, body.take(0x30) != nil,
            var validity = body.enter(0x30), let from = validity.time(), let to = validity.time(),
            body.take(0x30) != nil,
            let publicKey = body.whole(0x30),
            let key = try? P256.Signing.PublicKey(derRepresentation: Array(publicKey))
        else { return nil }
        self.key = key
        notBefore = from
        notAfter = to
    }
}

/// Reads DER one element after another; nil for whatever does not fit.
private struct DERReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The contents of the next element when it has this tag.
    mutating func take(_ tag: UInt8) -> ArraySlice<UInt8>? {
        guard let (header, length) = header(tag) else { return nil }
        let contents = rest.dropFirst(header).prefix(length)
        rest = rest.dropFirst(header + length)
        return contents
    }

    mutating func enter(_ tag: UInt8) -> DERReader? { take(tag).map { DERReader($0) } }

    /// The next element with its tag and length.
    mutating func whole(_ tag: UInt8) -> ArraySlice<UInt8>? {
        guard let (header, length) = header(tag) else { return nil }
        let element = rest.prefix(header + length)
        rest = rest.dropFirst(header + length)
        return element
    }

    private func header(_ tag: UInt8) -> (header: Int, length: Int)? {
        let bytes = rest.prefix(6)
        guard bytes.count >= 2, bytes[bytes.startIndex] == tag else { return nil }
        let first = Int(bytes[bytes.startIndex + 1])
        var (header, length) = (2, first)
        if first >= 0x80 {
            let count = first & 0x7F
            guard (1...3).contains(count), bytes.count >= 2 + count else { return nil }
            length = bytes.dropFirst(2).prefix(count).reduce(0) { $0 << 8 | Int($1) }
            header = 2 + count
        }
        guard header + length <= rest.count else { return nil }
        return (header, length)
    }

    /// UTCTime `YYMMDDhhmmssZ` or GeneralizedTime `YYYYMMDDhhmmssZ`, in seconds since 1970.
    mutating func time() -> Int64? {
        let isShort = rest.first == 0x17
        guard let text = take(isShort ? 0x17 : 0x18), text.count == (isShort ? 13 : 15),
            text.last == UInt8(ascii: "Z")
        else { return nil }
        var digits: [Int] = []
        for byte in text.dropLast() {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            digits.append(Int(byte) - 0x30)
        }
        let shift = isShort ? 2 : 4
        func two(_ place: Int) -> Int { digits[shift + place] * 10 + digits[shift + place + 1] }
        var year = digits[0] * 10 + digits[1]
        year = isShort ? year + (year < 50 ? 2000 : 1900) : year * 100 + digits[2] * 10 + digits[3]
        let date = CivilDate(year: year, month: two(0), day: two(2))
        guard date.isValid else { return nil }
        return date.daysSince1970 * 86_400 + Int64(two(4) * 3600 + two(6) * 60 + two(8))
    }
}
