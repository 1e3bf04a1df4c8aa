/// An IP address and a UDP port as three machine words: compared and copied on the packet path
/// without touching memory of its own. The edge converts to and from `sockaddr`.
public struct SocketAddressValue: Hashable, Sendable, CustomStringConvertible {
    /// The first 8 address bytes in network order; for IPv4 the address is in the low 32 bits of
    /// `low` and `high` is 0.
    public var high: UInt64
    /// The last 8 address bytes of IPv6, or the 4 of IPv4 in the low half.
    public var low: UInt64
    /// UDP port, host order.
    public var port: UInt16
    /// An IPv4 address and the IPv6 address that maps it (RFC 4291 2.5.5.2) are two.
    public var isIPv6: Bool

    /// The parts as they are: `high` must be 0 for IPv4.
    public init(high: UInt64 = 0, low: UInt64, port: UInt16, isIPv6: Bool = false) {
        self.high = high
        self.low = low
        self.port = port
        self.isIPv6 = isIPv6
    }

    /// `a.b.c.d:port`
    public init(ipv4 a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, port: UInt16) {
        high = 0
        low = UInt64(a) << 24 | UInt64(b) << 16 | UInt64(c) << 8 | UInt64(d)
        self.port = port
        isIPv6 = false
    }

    /// Reads a dotted-quad IPv4 address or an RFC 4291 2.2 IPv6 address (no zone, brackets
    /// allowed). nil when `text` is neither or the port does not fit.
    public init?(address text: String, port: Int) {
        guard let port = UInt16(exactly: port) else { return nil }
        self.port = port
        var bytes = Array(text.utf8)
        if bytes.first == UInt8(ascii: "["), bytes.last == UInt8(ascii: "]") {
            bytes = Array(bytes.dropFirst().dropLast())
        }
        if let value = Self.parseIPv4(bytes[...]) {
            (high, low, isIPv6) = (0, UInt64(value), false)
        } else if let groups = Self.parseIPv6(bytes) {
            high = groups[0..<4].reduce(0) { $0 << 16 | UInt64($1) }
            low = groups[4..<8].reduce(0) { $0 << 16 | UInt64($1) }
            isIPv6 = true
        } else {
            return nil
        }
    }

    /// The same address, whatever the port.
    public func hasSameHost(as other: SocketAddressValue) -> Bool {
        low == other.low && high == other.high && isIPv6 == other.isIPv6
    }

    /// The same address with another port.
    public func withPort(_ port: UInt16) -> SocketAddressValue {
        var copy = self
        copy.port = port
        return copy
    }

    /// False for what must never be a media destination: "this network" (0.0.0.0/8), ::, multicast and
    /// the limited broadcast (RFC 1122 3.2.1.3, RFC 4291 2.7), IPv4 addresses mapped into IPv6 (RFC 4291
    /// 2.5.5.2), to which our sockets cannot send, and port 0.
    public var isUsableDestination: Bool {
        guard port != 0 else { return false }
        if isIPv6 {
            let isMapped = high == 0 && low >> 32 == 0xFFFF
            return (high | low) != 0 && high >> 56 != 0xFF && !isMapped
        }
        return low >> 24 != 0 && low >> 28 != 0xE && low != 0xFFFF_FFFF
    }

    /// `a.b.c.d:port`, or `[…]:port` with all eight groups of an IPv6 address.
    public var description: String {
        if !isIPv6 {
            let bytes = [24, 16, 8, 0].map { String(low >> UInt64($0) & 255) }
            return bytes.joined(separator: ".") + ":\(port)"
        }
        let groups = (0..<8).map { index in
            String((index < 4 ? high : low) >> UInt64(48 - index % 4 * 16) & 0xFFFF, radix: 16)
        }
        return "[" + groups.joined(separator: ":") + "]:\(port)"
    }

    private static func parseIPv4(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        var result: UInt32 = 0
        var value: UInt32 = 0
        var digits = 0
        var parts = 0
        for byte in bytes {
            if byte == UInt8(ascii: ".") {
                guard digits > 0, parts < 3 else { return nil }
                result = result << 8 | value
                (value, digits, parts) = (0, 0, parts + 1)
            } else {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), digits < 3 else {
                    return nil
                }
                value = value * 10 + UInt32(byte - UInt8(ascii: "0"))
                digits += 1
                guard value <= 255 else { return nil }
            }
        }
        return parts == 3 && digits > 0 ? result << 8 | value : nil
    }

    /// RFC 4291 2.2: eight groups, or fewer around one "::".
    private static func parseIPv6(_ bytes: [UInt8]) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        guard bytes.count <= 45, bytes.contains(colon) else { return nil }
        let double = bytes.indices.dropLast().first { bytes[$0] == colon && bytes[$0 + 1] == colon }
        guard let double else {
            let groups = parseGroups(bytes[...])
            return groups?.count == 8 ? groups : nil
        }
        guard let before = parseGroups(bytes[..<double]),
            let after = parseGroups(bytes[(double + 2)...]), before.count + after.count < 8
        else { return nil }
        return before + Array(repeating: 0, count: 8 - before.count - after.count) + after
    }

    /// Groups between single colons, the last perhaps as a dotted quad; none for an empty text.
    private static func parseGroups(_ bytes: ArraySlice<UInt8>) -> [UInt16]? {
        guard !bytes.isEmpty else { return [] }
        let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, let quad = parseIPv4(part) {
                groups += [UInt16(quad >> 16), UInt16(quad & 0xFFFF)]
                continue
            }
            guard (1...4).contains(part.count), part.first != UInt8(ascii: "+"),
                let value = UInt16(String(decoding: part, as: UTF8.self), radix: 16)
            else { return nil }
            groups.append(value)
        }
        return groups
    }
}
