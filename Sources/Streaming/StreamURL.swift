/// A WebSocket URL taken apart (RFC 6455 section 3): no user part, no fragment.
struct StreamURL: Equatable, Sendable {
    /// Longer ones are refused; proxies cut lines at about this length.
    static let maximumLength = 4096

    let isSecure: Bool
    /// Without the brackets of an IPv6 literal.
    let host: String
    let port: Int
    /// Path and query as they go into the request line, at least `/`.
    let target: String

    init(parsing text: String) throws(StreamError) {
        guard text.utf8.count <= Self.maximumLength else {
            throw .badURL("it is longer than \(Self.maximumLength) characters")
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .badURL("it holds a space, a control character or a character beyond ASCII")
        }
        guard let colon = text.range(ofScheme: "://") else {
            throw .badURL("it must start with ws:// or wss://")
        }
        switch text[..<colon.lowerBound].lowercased() {
        case "ws": isSecure = false
        case "wss": isSecure = true
        default: throw .badURL("it must start with ws:// or wss://")
        }
        let rest = text[colon.upperBound...]
        let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let tail = rest[authorityEnd...]
        guard !tail.contains("#") else { throw .badURL("it has a fragment") }
        target = tail.hasPrefix("/") ? String(tail) : "/" + tail

        let authority = rest[..<authorityEnd]
        guard !authority.contains("@") else {
            throw .badURL("it holds credentials; put them into a header")
        }
        let portText: Substring?
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else {
                throw .badURL("the IPv6 address has no closing bracket")
            }
            host = String(authority[authority.index(after: authority.startIndex)..<bracket])
            let after = authority[authority.index(after: bracket)...]
            guard after.isEmpty || after.hasPrefix(":") else { throw .badURL("no such host") }
            portText = after.isEmpty ? nil : after.dropFirst()
        } else if let colon = authority.firstIndex(of: ":") {
            host = String(authority[..<colon])
            portText = authority[authority.index(after: colon)...]
        } else {
            host = String(authority)
            portText = nil
        }
        guard !host.isEmpty, host.utf8.count <= 253 else { throw .badURL("it names no host") }
        guard let portText else {
            port = isSecure ? 443 : 80
            return
        }
        guard let port = Int(portText), (1...65535).contains(port), !portText.hasPrefix("+") else {
            throw .badURL("the port is not a number from 1 to 65535")
        }
        self.port = port
    }

    /// `host:port` for logs and errors; an IPv6 address in brackets.
    var address: String { "\(bracketedHost):\(port)" }

    /// The `Host` field (RFC 9110 section 7.2): the port only when it is not the scheme's own.
    var hostField: String {
        port == (isSecure ? 443 : 80) ? bracketedHost : address
    }

    private var bracketedHost: String { host.contains(":") ? "[\(host)]" : host }

    /// Throws unless `headers` are well formed (RFC 9110 section 5) and none is part of the upgrade
    /// itself.
    static func check(headers: [(name: String, value: String)]) throws(StreamError) {
        for (name, value) in headers {
            let lower = name.lowercased()
            guard !name.isEmpty, name.utf8.allSatisfy(isToken),
                !["host", "upgrade", "connection", "content-length", "transfer-encoding"]
                    .contains(lower),
                !lower.hasPrefix("sec-websocket-") || lower == "sec-websocket-protocol",
                value.utf8.allSatisfy({ $0 == 9 || ($0 >= 0x20 && $0 != 0x7F) })
            else { throw .badHeader(name: String(name.prefix(64))) }
        }
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension String {
    /// The first occurrence of `separator`, without Foundation.
    fileprivate func range(ofScheme separator: String) -> Range<String.Index>? {
        guard let colon = firstIndex(of: ":"), self[colon...].hasPrefix(separator) else {
            return nil
        }
        return colon..<index(colon, offsetBy: separator.count)
    }
}
