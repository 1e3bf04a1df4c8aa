/// `;name=value;flag` of a URI or header value, in order.
public struct SIPParameters: Sendable, Equatable {
    /// One `;name=value` or `;name`.
    public struct Parameter: Sendable, Equatable {
        /// As written; compared without regard to case.
        public var name: String
        /// As written, quotes included; nil for a flag.
        public var rawValue: String?
    }

    /// As written, a name that comes twice included.
    public private(set) var items: [Parameter] = []

    /// Without parameters.
    public init() {}

    /// The value with its quotes resolved; nil when absent, "" for a flag.
    public subscript(_ name: String) -> String? {
        guard let item = items.first(where: { $0.name.equalsIgnoringCase(name) }) else {
            return nil
        }
        guard let raw = item.rawValue else { return "" }
        guard raw.utf8.first == UInt8(ascii: "\"") else { return raw }
        var scanner = TextScanner(raw)
        return scanner.quotedString() ?? raw
    }

    /// True for a flag too.
    public func contains(_ name: String) -> Bool {
        items.contains { $0.name.equalsIgnoringCase(name) }
    }

    /// Sets `name` to a token (or a flag when nil), replacing every parameter of that name.
    public mutating func set(_ name: String, _ value: String?) {
        remove(name)
        items.append(Parameter(name: name, rawValue: value))
    }

    /// Removes every parameter of that name, if any.
    public mutating func remove(_ name: String) {
        items.removeAll { $0.name.equalsIgnoringCase(name) }
    }

    /// `;name=value;flag` with the raw values; empty without parameters.
    public var serialised: String {
        var text = ""
        for item in items {
            text += ";" + item.name
            if let value = item.rawValue { text += "=" + value }
        }
        return text
    }

    /// Reads parameters up to the end of the value. Spaces around `;` and `=` are allowed
    /// (RFC 3261 25.1 SEMI, EQUAL); a value is a token, a quoted string or an address.
    ///
    /// - Throws: `.malformed(header)` for an empty parameter, an open quote, or a stray character.
    init(_ scanner: inout TextScanner, of header: HeaderName) throws(SIPError) {
        while true {
            scanner.skipSpace()
            if scanner.isAtEnd { return }
            guard scanner.take(";") else { throw .malformed(header) }
            scanner.skipSpace()
            guard let name = scanner.token(), items.count < SIPLimits.parameterCount else {
                throw .malformed(header)
            }
            scanner.skipSpace()
            var value: String?
            if scanner.take("=") {
                scanner.skipSpace()
                value = try Self.value(&scanner, of: header)
            }
            items.append(Parameter(name: name, rawValue: value))
        }
    }

    private static func value(
        _ scanner: inout TextScanner, of header: HeaderName
    ) throws(SIPError) -> String {
        if scanner.peek == UInt8(ascii: "\"") {
            guard let text = scanner.quotedString() else { throw .malformed(header) }
            return quoted(text)
        }
        // Wider than gen-value: IPv6 with or without brackets (RFC 5118 4.5), URIs, stray `=`.
        let text = scanner.take { byte in
            byte > 0x20 && byte != 0x7F && byte != UInt8(ascii: ";") && byte != UInt8(ascii: ",")
                && byte != UInt8(ascii: "\"")
        }
        guard !text.isEmpty else { throw .malformed(header) }
        return String(ascii: text)
    }

    /// URI parameters: no spaces, names and values from paramchar (RFC 3261 25.1).
    init(uriText text: ArraySlice<UInt8>) throws(SIPError) {
        for part in text.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false) {
            guard !part.isEmpty, items.count < SIPLimits.parameterCount else { throw .badURI }
            let halves = part.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            for half in halves where !half.allSatisfy(Self.isParameterCharacter) { throw .badURI }
            guard let name = halves.first, !name.isEmpty else { throw .badURI }
            items.append(
                Parameter(
                    name: String(ascii: name),
                    rawValue: halves.count > 1 ? String(ascii: halves[1]) : nil))
        }
    }

    /// param-unreserved / unreserved / escaped, and `=` in values as peers write it.
    private static func isParameterCharacter(_ byte: UInt8) -> Bool {
        if SIPCharacter.isToken(byte) { return true }
        switch byte {
        case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "/"), UInt8(ascii: ":"),
            UInt8(ascii: "&"), UInt8(ascii: "$"), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: "="), UInt8(ascii: "@"):
            return true
        default: return false
        }
    }
}
