/// A header name: written in its usual form, compared without regard to case, compact forms known.
public struct HeaderName: Hashable, Sendable, CustomStringConvertible {
    /// As sent.
    public let text: String
    private let key: String

    /// Compact forms (RFC 3261 7.3.3, and the registry's) become the long name.
    public init(_ name: String) {
        let lower = name.asciiLowercased
        if let known = Self.known[lower] {
            self = known
        } else {
            text = name
            key = lower
        }
    }

    private init(known text: String) {
        self.text = text
        key = text.asciiLowercased
    }

    public static func == (a: HeaderName, b: HeaderName) -> Bool { a.key == b.key }
    public func hash(into hasher: inout Hasher) { hasher.combine(key) }
    public var description: String { text }

    public static let via = HeaderName(known: "Via")
    public static let from = HeaderName(known: "From")
    public static let to = HeaderName(known: "To")
    public static let callID = HeaderName(known: "Call-ID")
    public static let cseq = HeaderName(known: "CSeq")
    public static let contact = HeaderName(known: "Contact")
    public static let maxForwards = HeaderName(known: "Max-Forwards")
    public static let route = HeaderName(known: "Route")
    public static let recordRoute = HeaderName(known: "Record-Route")
    public static let contentLength = HeaderName(known: "Content-Length")
    public static let contentType = HeaderName(known: "Content-Type")
    public static let contentEncoding = HeaderName(known: "Content-Encoding")
    public static let accept = HeaderName(known: "Accept")
    public static let acceptEncoding = HeaderName(known: "Accept-Encoding")
    public static let allow = HeaderName(known: "Allow")
    public static let supported = HeaderName(known: "Supported")
    public static let unsupported = HeaderName(known: "Unsupported")
    public static let require = HeaderName(known: "Require")
    public static let userAgent = HeaderName(known: "User-Agent")
    public static let server = HeaderName(known: "Server")
    public static let reason = HeaderName(known: "Reason")
    public static let retryAfter = HeaderName(known: "Retry-After")
    public static let timestamp = HeaderName(known: "Timestamp")
    public static let warning = HeaderName(known: "Warning")
    public static let wwwAuthenticate = HeaderName(known: "WWW-Authenticate")
    public static let proxyAuthenticate = HeaderName(known: "Proxy-Authenticate")
    public static let authorization = HeaderName(known: "Authorization")
    public static let proxyAuthorization = HeaderName(known: "Proxy-Authorization")
    public static let sessionExpires = HeaderName(known: "Session-Expires")
    public static let minSE = HeaderName(known: "Min-SE")
    public static let rseq = HeaderName(known: "RSeq")
    public static let rack = HeaderName(known: "RAck")
    public static let referTo = HeaderName(known: "Refer-To")
    public static let referredBy = HeaderName(known: "Referred-By")
    public static let replaces = HeaderName(known: "Replaces")
    public static let event = HeaderName(known: "Event")
    public static let allowEvents = HeaderName(known: "Allow-Events")
    public static let subscriptionState = HeaderName(known: "Subscription-State")
    public static let path = HeaderName(known: "Path")
    public static let serviceRoute = HeaderName(known: "Service-Route")
    public static let expires = HeaderName(known: "Expires")
    public static let minExpires = HeaderName(known: "Min-Expires")
    public static let assertedIdentity = HeaderName(known: "P-Asserted-Identity")
    public static let preferredIdentity = HeaderName(known: "P-Preferred-Identity")
    public static let privacy = HeaderName(known: "Privacy")
    public static let identity = HeaderName(known: "Identity")
    public static let date = HeaderName(known: "Date")
    public static let authenticationInfo = HeaderName(known: "Authentication-Info")

    /// Lower-case long and compact names → the name.
    static let known: [String: HeaderName] = {
        var table: [String: HeaderName] = [:]
        let long: [HeaderName] = [
            .via, .from, .to, .callID, .cseq, .contact, .maxForwards, .route, .recordRoute,
            .contentLength, .contentType, .contentEncoding, .accept, .acceptEncoding, .allow,
            .supported, .unsupported, .require, .userAgent, .server, .reason, .retryAfter,
            .timestamp, .warning, .wwwAuthenticate, .proxyAuthenticate, .authorization,
            .proxyAuthorization, .sessionExpires, .minSE, .rseq, .rack, .referTo, .referredBy,
            .replaces, .event, .allowEvents, .subscriptionState, .path, .serviceRoute, .expires,
            .minExpires, .assertedIdentity, .preferredIdentity, .privacy, .identity, .date,
            .authenticationInfo,
        ]
        for name in long { table[name.key] = name }
        let compact: [(String, HeaderName)] = [
            ("v", .via), ("f", .from), ("t", .to), ("i", .callID), ("m", .contact),
            ("l", .contentLength), ("c", .contentType), ("e", .contentEncoding),
            ("k", .supported), ("s", HeaderName(known: "Subject")),
            ("r", .referTo), ("b", .referredBy),
            ("o", .event), ("u", .allowEvents),
            ("x", .sessionExpires),
            ("a", HeaderName(known: "Accept-Contact")),
            ("j", HeaderName(known: "Reject-Contact")),
            ("d", HeaderName(known: "Request-Disposition")),
            ("y", .identity),
        ]
        for (letter, name) in compact { table[letter] = name }
        return table
    }()
}

/// The header lines of a message in their order.
public struct SIPHeaders: Sendable, Equatable {
    public struct Line: Sendable, Equatable {
        public var name: HeaderName
        /// Unfolded, without spaces at the ends.
        public var value: String
    }

    public private(set) var lines: [Line] = []

    public init() {}

    mutating func reserve(_ count: Int) { lines.reserveCapacity(count) }

    public mutating func append(_ name: HeaderName, _ value: String) {
        lines.append(Line(name: name, value: value))
    }

    /// Replaces every line of `name` by one, in the first one's place.
    public mutating func set(_ name: HeaderName, _ value: String) {
        guard let first = lines.firstIndex(where: { $0.name == name }) else {
            append(name, value)
            return
        }
        lines[first].value = value
        var index = lines.count - 1
        while index > first {
            if lines[index].name == name { lines.remove(at: index) }
            index -= 1
        }
    }

    /// Replaces the value of the first line of `name`, leaving later lines of that name alone.
    public mutating func replaceFirst(_ name: HeaderName, _ value: String) {
        if let first = lines.firstIndex(where: { $0.name == name }) { lines[first].value = value }
    }

    public mutating func removeAll(_ name: HeaderName) { lines.removeAll { $0.name == name } }

    /// The value of the first line of `name`.
    public subscript(_ name: HeaderName) -> String? {
        lines.first { $0.name == name }?.value
    }

    /// One string a line.
    public func lines(_ name: HeaderName) -> [String] {
        lines.lazy.filter { $0.name == name }.map(\.value)
    }

    public func count(_ name: HeaderName) -> Int {
        lines.reduce(0) { $1.name == name ? $0 + 1 : $0 }
    }

    /// The values of a list header across its lines, split at commas; empty ones left out.
    public func values(_ name: HeaderName) -> [String] {
        var values: [String] = []
        for line in lines where line.name == name {
            for value in splitList(line.value) where !value.isEmpty {
                values.append(value)
                if values.count >= SIPLimits.valuesPerHeader { return values }
            }
        }
        return values
    }
}
