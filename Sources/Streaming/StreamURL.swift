/// A WebSocket URL taken apart (RFC 6455 section 3): no user part. What such a URL may not have, a
/// fragment, holds our own options (`#frame=100`) and never travels; so does `mux+` or `call+` in
/// front of the scheme.
struct StreamURL: Equatable, Sendable {
    /// Longer ones are refused; proxies cut lines at about this length.
    static let maximumLength = 4096

    let isSecure: Bool
    /// Without the brackets of an IPv6 literal.
    let host: String
    let port: Int
    /// Path and query as they go into the request line, at least `/`.
    let target: String
    /// nil where the URL leaves it to the defaults.
    let mode: StreamMode?
    private(set) var frameMilliseconds: Int?
    private(set) var encoding: StreamEncoding?
    private(set) var sampleRate: Int?

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
        case "ws": (isSecure, mode) = (false, nil)
        case "wss": (isSecure, mode) = (true, nil)
        case "mux+ws": (isSecure, mode) = (false, .multiplexed)
        case "mux+wss": (isSecure, mode) = (true, .multiplexed)
        case "call+ws": (isSecure, mode) = (false, .call)
        case "call+wss": (isSecure, mode) = (true, .call)
        default: throw .badURL("it must start with ws:// or wss://")
        }
        let rest = text[colon.upperBound...]
        let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let whole = rest[authorityEnd...]
        let tail = whole.prefix { $0 != "#" }
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
        if let portText {
            guard let port = Int(portText), (1...65535).contains(port), !portText.hasPrefix("+")
            else { throw .badURL("the port is not a number from 1 to 65535") }
            self.port = port
        } else {
            port = isSecure ? 443 : 80
        }
        if tail.endIndex < whole.endIndex {
            try read(options: whole[whole.index(after: tail.endIndex)...])
        }
    }

    private mutating func read(options: Substring) throws(StreamError) {
        for option in options.split(separator: "&", omittingEmptySubsequences: false) {
            let parts = option.split(separator: "=", maxSplits: 1)
            let value = parts.count == 2 ? parts[1] : ""
            switch parts.first ?? "" {
            case "frame":
                guard let milliseconds = Int(value),
                    StreamDefaults.frameChoices.contains(milliseconds)
                else { throw .badURL("#frame= must be 20, 40, 60, 80 or 100") }
                frameMilliseconds = milliseconds
            case "encoding":
                guard let encoding = StreamEncoding(rawValue: String(value)) else {
                    throw .badURL("#encoding= must be mulaw or linear16")
                }
                self.encoding = encoding
            case "rate":
                guard let rate = Int(value), StreamDefaults.rateChoices.contains(rate) else {
                    throw .badURL("#rate= must be 8000 or 16000")
                }
                sampleRate = rate
            default: throw .badURL("its fragment may hold frame, encoding and rate only")
            }
        }
    }

    /// The frames that this URL asks for, or that `defaults` say.
    func format(_ defaults: StreamDefaults) throws(StreamError) -> StreamFormat {
        let mode = self.mode ?? defaults.mode
        let frame = frameMilliseconds ?? defaults.frameMilliseconds
        guard mode == .multiplexed else {
            guard encoding ?? .muLaw == .muLaw, sampleRate ?? 8000 == 8000 else {
                throw .badURL("the per-call dialect knows µ-law of 8000 Hz only; use mux+ws://")
            }
            return StreamFormat(
                mode: .call, frameMilliseconds: frame, encoding: .muLaw, sampleRate: 8000)
        }
        let encoding = self.encoding ?? defaults.encoding
        // Who names µ-law in the URL does not want the defaults' 16 kHz.
        let rate = sampleRate ?? (encoding == .muLaw ? 8000 : defaults.sampleRate)
        guard encoding == .linear16 || rate == 8000 else {
            throw .badURL("µ-law runs at 8000 Hz; use #encoding=linear16&rate=16000")
        }
        return StreamFormat(
            mode: .multiplexed, frameMilliseconds: frame, encoding: encoding, sampleRate: rate)
    }

    /// Two legs may share a connection when these are equal.
    var origin: String { (isSecure ? "wss://" : "ws://") + address + target }

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
