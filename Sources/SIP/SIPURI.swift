/// A sip: or sips: URI (RFC 3261 19.1). Escapes stay as they are, so that `%40` in a user part never
/// becomes a separator and a URI goes out as it came in.
public struct SIPURI: Sendable, Equatable {
    /// sips: instead of sip:.
    public var isSecure: Bool
    /// As written, escapes included, with the password if there is one; nil without `@`.
    public var rawUser: String?
    /// Without the brackets of an IPv6 reference.
    public var host: String
    /// 1…65535; nil: the transport's own.
    public var port: Int?
    /// `transport`, `lr` and the like, escapes included.
    public var parameters: SIPParameters
    /// After `?`, as written.
    public var rawHeaders: String?

    /// A sip: URI. `user` without escapes: they are put in here (RFC 3261 25.1).
    public init(
        user: String? = nil, host: String, port: Int? = nil,
        parameters: SIPParameters = SIPParameters()
    ) {
        isSecure = false
        rawUser = user.map(Self.escapeUser)
        self.host = host
        self.port = port
        self.parameters = parameters
        rawHeaders = nil
    }

    /// The user part with its escapes resolved, without password.
    public var user: String? {
        guard let rawUser else { return nil }
        let bytes = Array(rawUser.utf8)
        let name = bytes.prefix { $0 != UInt8(ascii: ":") }
        return String(ascii: Self.unescape(name))
    }

    /// - Throws: `.unsupportedScheme` for a well-formed URI of another scheme, `.badURI` otherwise.
    public init(_ text: String) throws(SIPError) {
        let bytes = Array(text.utf8)
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { throw .badURI }
        switch String(ascii: bytes[..<colon]).asciiLowercased {
        case "sip": isSecure = false
        case "sips": isSecure = true
        default:
            guard AnyURI.isAbsolute(bytes) else { throw .badURI }
            throw .unsupportedScheme
        }
        guard bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7F && !Self.isDelimiter($0) }) else {
            throw .badURI
        }
        var rest = bytes[(colon + 1)...]
        rawHeaders = nil
        // The user part may hold `;` and `?`, so `@` is looked for first (RFC 4475 semiuri).
        if let at = rest.firstIndex(of: UInt8(ascii: "@")) {
            let user = rest[..<at]
            guard !user.isEmpty, Self.escapesAreWhole(user) else { throw .badURI }
            rawUser = String(ascii: user)
            rest = rest[(at + 1)...]
        } else {
            rawUser = nil
        }
        if let question = rest.firstIndex(of: UInt8(ascii: "?")) {
            rawHeaders = String(ascii: rest[(question + 1)...])
            rest = rest[..<question]
        }
        if let semicolon = rest.firstIndex(of: UInt8(ascii: ";")) {
            parameters = try SIPParameters(uriText: rest[(semicolon + 1)...])
            rest = rest[..<semicolon]
        } else {
            parameters = SIPParameters()
        }
        guard let (host, port) = parseHostPort(rest) else { throw .badURI }
        self.host = host
        self.port = port
    }

    /// The URI as it goes out, without brackets around it.
    public var serialised: String {
        var text = isSecure ? "sips:" : "sip:"
        if let rawUser { text += rawUser + "@" }
        text += hostPortText(host, port) + parameters.serialised
        if let rawHeaders { text += "?" + rawHeaders }
        return text
    }

    private static func isDelimiter(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "<") || byte == UInt8(ascii: ">") || byte == UInt8(ascii: "\"")
    }

    /// Every `%` is followed by two hexadecimal digits.
    private static func escapesAreWhole(_ bytes: ArraySlice<UInt8>) -> Bool {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == UInt8(ascii: "%") {
                guard index + 2 < bytes.endIndex, SIPCharacter.isHex(bytes[index + 1]),
                    SIPCharacter.isHex(bytes[index + 2])
                else { return false }
                index += 2
            }
            index += 1
        }
        return true
    }

    static func unescape(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.endIndex,
                let high = SIPCharacter.hexValue(bytes[index + 1]),
                let low = SIPCharacter.hexValue(bytes[index + 2])
            {
                output.append(high << 4 | low)
                index += 3
            } else {
                output.append(bytes[index])
                index += 1
            }
        }
        return output
    }

    /// Escapes what hnv-unreserved and unreserved do not hold (RFC 3261 25.1): a header in a URI.
    static func escapeHeaderValue(_ value: String) -> String {
        escape(value, keeping: "-_.!~*'()[]/?:+$")
    }

    /// Escapes what user-unreserved and unreserved do not hold (RFC 3261 25.1).
    static func escapeUser(_ user: String) -> String {
        escape(user, keeping: "-_.!~*'()&=+$,;?/")
    }

    private static func escape(_ text: String, keeping marks: String) -> String {
        let plain = Array(marks.utf8)
        let digits = Array("0123456789ABCDEF".utf8)
        var output: [UInt8] = []
        for byte in text.utf8 {
            if SIPCharacter.isAlphanumeric(byte) || plain.contains(byte) {
                output.append(byte)
            } else {
                output.append(UInt8(ascii: "%"))
                output.append(digits[Int(byte >> 4)])
                output.append(digits[Int(byte & 15)])
            }
        }
        return String(ascii: output)
    }
}

/// Any absolute URI: what From and To may hold.
public enum AnyURI: Sendable, Equatable {
    /// sip: or sips:.
    case sip(SIPURI)
    /// Another scheme, kept as written.
    case other(String)

    /// - Throws: `.badURI` for what is no absolute URI, or no sip: URI although it says so.
    public init(_ text: String) throws(SIPError) {
        do throws(SIPError) {
            self = .sip(try SIPURI(text))
        } catch {
            guard error == .unsupportedScheme else { throw error }
            self = .other(text)
        }
    }

    /// The URI as it goes out, without brackets around it.
    public var serialised: String {
        switch self {
        case .sip(let uri): uri.serialised
        case .other(let text): text
        }
    }

    /// nil for another scheme.
    public var sip: SIPURI? {
        if case .sip(let uri) = self { return uri }
        return nil
    }

    /// scheme ":" something, without spaces and delimiters.
    static func isAbsolute(_ bytes: [UInt8]) -> Bool {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0,
            colon + 1 < bytes.count
        else { return false }
        let scheme = bytes[..<colon]
        guard let first = scheme.first, SIPCharacter.isAlphanumeric(first),
            !SIPCharacter.isDigit(first),
            scheme.allSatisfy({
                SIPCharacter.isAlphanumeric($0) || $0 == UInt8(ascii: "+")
                    || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
            })
        else { return false }
        return bytes[(colon + 1)...].allSatisfy {
            $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">")
                && $0 != UInt8(ascii: "\"")
        }
    }
}

/// `host[:port]`, where an IPv6 reference stands in brackets. What is inside the brackets is not
/// judged beyond its characters: RFC 5118 4.10 asks to tolerate three colons.
func parseHostPort(_ bytes: ArraySlice<UInt8>) -> (host: String, port: Int?)? {
    guard let first = bytes.first else { return nil }
    var host: ArraySlice<UInt8>
    var rest: ArraySlice<UInt8>
    if first == UInt8(ascii: "[") {
        guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
        host = bytes[(bytes.startIndex + 1)..<close]
        guard !host.isEmpty, host.contains(UInt8(ascii: ":")),
            host.allSatisfy({
                SIPCharacter.isHex($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
            })
        else { return nil }
        rest = bytes[(close + 1)...]
    } else {
        host = bytes.prefix { $0 != UInt8(ascii: ":") }
        guard !host.isEmpty, host.allSatisfy(SIPCharacter.isHost) else { return nil }
        rest = bytes[host.endIndex...]
    }
    let name = String(ascii: host)
    guard let colon = rest.first else { return (name, nil) }
    guard colon == UInt8(ascii: ":"), rest.count <= 6, let port = parseDecimal(rest.dropFirst()),
        (1...65_535).contains(port)
    else { return nil }
    return (name, port)
}

/// `host:port` with brackets around IPv6.
public func hostPortText(_ host: String, _ port: Int?) -> String {
    let text = host.utf8.contains(UInt8(ascii: ":")) ? "[" + host + "]" : host
    guard let port else { return text }
    return text + ":" + String(port)
}
