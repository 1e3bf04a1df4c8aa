internal import NIOSSL
internal import SIP

/// Is this the certificate of the SIP domain we meant to reach? RFC 5922 7.
enum CertificateIdentity {
    /// - Parameters:
    ///   - uris: subjectAltName URIs. When one of them is a SIP URI, DNS names do not count (7.1).
    ///   - names: subjectAltName DNS names.
    ///   - addresses: subjectAltName addresses as text: what a numeric target is compared with.
    static func matches(
        _ domain: String, uris: [String], names: [String], addresses: [String],
        allowsWildcards: Bool
    ) -> Bool {
        let wanted = normal(domain)
        guard !wanted.isEmpty else { return false }
        let domains = uris.compactMap(sipDomain)
        if !domains.isEmpty { return domains.contains(wanted) || addresses.contains(wanted) }
        if addresses.contains(wanted) { return true }
        return names.contains { name in
            let offered = normal(name)
            if offered == wanted { return true }
            guard allowsWildcards, offered.hasPrefix("*."), let dot = wanted.firstIndex(of: ".")
            else { return false }
            return wanted[dot...] == offered.dropFirst()
        }
    }

    /// `sip:example.com` → `example.com`; a URI with a user part identifies a person (7.1).
    private static func sipDomain(_ uri: String) -> String? {
        let lower = uri.lowercased()
        guard lower.hasPrefix("sip:"), !lower.contains("@") else { return nil }
        let host = lower.dropFirst(4).prefix { $0 != ";" && $0 != "?" }
        return host.isEmpty ? nil : normal(String(host))
    }

    private static func normal(_ name: String) -> String {
        let lower = name.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }

    static func matches(
        _ certificate: NIOSSLCertificate?, domain: String, allowsWildcards: Bool
    ) -> Bool {
        guard let certificate else { return false }
        var uris: [String] = []
        var names: [String] = []
        var addresses: [String] = []
        for name in certificate._subjectAlternativeNames() {
            // SAFETY: the bytes are copied before the collection of names goes.
            let bytes = name.contents.withUnsafeBufferPointer { Array($0) }
            switch name.nameType {
            case .uri: uris.append(String(decoding: bytes, as: UTF8.self))
            case .dnsName: names.append(String(decoding: bytes, as: UTF8.self))
            case .ipAddress: if let text = addressText(bytes) { addresses.append(text) }
            default: break
            }
        }
        return matches(
            domain, uris: uris, names: names, addresses: addresses,
            allowsWildcards: allowsWildcards)
    }

    /// Four or sixteen octets, written as `SocketAddress` writes them.
    static func addressText(_ bytes: [UInt8]) -> String? {
        if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
        return bytes.count == 16 ? ipv6Text(bytes) : nil
    }
}
