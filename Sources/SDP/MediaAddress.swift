/// What kind of address a peer asks us to send media to.
public enum MediaAddressKind: Equatable, Sendable {
    /// 0.0.0.0/8, ::; 127.0.0.0/8, ::1; 169.254.0.0/16, fe80::/10; 224.0.0.0/4, ff00::/8;
    /// 240.0.0.0/4; all others.
    case unspecified, loopback, linkLocal, multicast, reserved, ordinary
    /// Not an IPv4 or IPv6 address: host names in c= are not looked up.
    case invalid

    /// Judges an address in digits; IPv4 inside IPv6 as the IPv4 address, IPv6 with a zone is
    /// `invalid`.
    public init(_ text: String) {
        if let address = Self.ipv4(text) {
            self.init(ipv4: address)
        } else if let address = Self.ipv6(text) {
            self.init(ipv6: address)
        } else {
            self = .invalid
        }
    }

    private init(ipv4 address: [UInt8]) {
        switch (address[0], address[1]) {
        case (0, _): self = .unspecified
        case (127, _): self = .loopback
        case (169, 254): self = .linkLocal
        case (224...239, _): self = .multicast
        case (240..., _): self = .reserved
        default: self = .ordinary
        }
    }

    private init(ipv6 address: [UInt16]) {
        let isFirstFiveZero = address[0..<5].allSatisfy { $0 == 0 }
        if isFirstFiveZero, address[5] == 0, address[6] == 0, address[7] <= 1 {
            self = address[7] == 1 ? .loopback : .unspecified
        } else if isFirstFiveZero, address[5] == 0xFFFF || address[5] == 0 {
            // ::ffff:a.b.c.d and the old ::a.b.c.d are judged as what they reach.
            self.init(ipv4: [
                UInt8(address[6] >> 8), UInt8(address[6] & 255), UInt8(address[7] >> 8),
                UInt8(address[7] & 255),
            ])
        } else if address[0] & 0xFF00 == 0xFF00 {
            self = .multicast
        } else if address[0] & 0xFFC0 == 0xFE80 {
            self = .linkLocal
        } else {
            self = .ordinary
        }
    }

    /// Dotted quad, decimal, no more than three digits a part.
    static func ipv4(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: [UInt8] = []
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy(\.isDecimal),
                let value = UInt8(part)
            else { return nil }
            address.append(value)
        }
        return address
    }

    /// RFC 4291 2.2, with `::` and a dotted tail; no zone.
    static func ipv6(_ text: String) -> [UInt16]? {
        guard text.utf8.contains(UInt8(ascii: ":")), text.utf8.count <= 45 else { return nil }
        func words(_ side: Substring, endsText: Bool = true) -> [UInt16]? {
            guard !side.isEmpty else { return [] }
            var words: [UInt16] = []
            let parts = side.split(separator: ":", omittingEmptySubsequences: false)
            for (index, part) in parts.enumerated() {
                if endsText, index == parts.count - 1, let tail = ipv4(String(part)) {
                    words.append(UInt16(tail[0]) << 8 | UInt16(tail[1]))
                    words.append(UInt16(tail[2]) << 8 | UInt16(tail[3]))
                    continue
                }
                guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(\.isHexadecimal),
                    let value = UInt16(part, radix: 16)
                else { return nil }
                words.append(value)
            }
            return words
        }
        guard let gap = text.firstDoubleColon else {
            guard let all = words(text[...]), all.count == 8 else { return nil }
            return all
        }
        let tail = text[text.index(gap, offsetBy: 2)...]
        guard let left = words(text[..<gap], endsText: false), let right = words(tail),
            left.count + right.count < 8
        else { return nil }
        return left + [UInt16](repeating: 0, count: 8 - left.count - right.count) + right
    }
}

/// True for an address that media may be sent to: not 0.0.0.0 or ::, multicast, broadcast, reserved
/// or link-local (where cloud metadata services live), and no host name. Loopback only where our own
/// media has a loopback address: nobody else's SDP may point packets at the services of this machine.
public func isUsableMediaAddress(_ text: String, from local: String) -> Bool {
    switch MediaAddressKind(text) {
    case .ordinary: true
    case .loopback: MediaAddressKind(local) == .loopback
    case .unspecified, .linkLocal, .multicast, .reserved, .invalid: false
    }
}

extension UInt8 {
    var isDecimal: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    var isHexadecimal: Bool {
        isDecimal || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self)
            || (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(self)
    }
}

extension String {
    /// Where `::` begins.
    fileprivate var firstDoubleColon: Index? {
        var previous: Index?
        for index in indices {
            if self[index] == ":", let previous, self[previous] == ":" { return previous }
            previous = index
        }
        return nil
    }
}
