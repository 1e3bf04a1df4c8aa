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

    /// By name without regard to case; `text` may differ.
    public static func == (a: HeaderName, b: HeaderName) -> Bool { a.key == b.key }
    /// Of the name in lower case.
    public func hash(into hasher: inout Hasher) { hasher.combine(key) }
    /// The name as sent.
    public var description: String { text }

    /// The way back for responses, newest first; `Via` reads it (RFC 3261 20.42).
    public static let via = HeaderName(known: "Via")
    /// Who sends the request, with a tag (RFC 3261 20.20).
    public static let from = HeaderName(known: "From")
    /// Whom the request is meant for; a tag once there is a dialog (RFC 3261 20.39).
    public static let to = HeaderName(known: "To")
    /// Names the call or the registration (RFC 3261 20.8).
    public static let callID = HeaderName(known: "Call-ID")
    /// Number and method of the request; `CSeq` reads it (RFC 3261 20.16).
    public static let cseq = HeaderName(known: "CSeq")
    /// Where the sender wants further requests, or a redirection's targets (RFC 3261 20.10).
    public static let contact = HeaderName(known: "Contact")
    /// Hops that are left, 70 in ours (RFC 3261 20.22).
    public static let maxForwards = HeaderName(known: "Max-Forwards")
    /// Proxies that the request must pass, next first (RFC 3261 20.34).
    public static let route = HeaderName(known: "Route")
    /// Proxies that want to stay in the dialog's path (RFC 3261 20.30).
    public static let recordRoute = HeaderName(known: "Record-Route")
    /// Octets of the body; `SIPMessage.serialised` writes its own (RFC 3261 20.14).
    public static let contentLength = HeaderName(known: "Content-Length")
    /// Media type of the body (RFC 3261 20.15).
    public static let contentType = HeaderName(known: "Content-Type")
    /// How the body is packed; we read `identity` only (RFC 3261 20.12).
    public static let contentEncoding = HeaderName(known: "Content-Encoding")
    /// Media types that the sender reads (RFC 3261 20.1).
    public static let accept = HeaderName(known: "Accept")
    /// Codings that the sender reads (RFC 3261 20.2).
    public static let acceptEncoding = HeaderName(known: "Accept-Encoding")
    /// Methods that the sender takes (RFC 3261 20.5).
    public static let allow = HeaderName(known: "Allow")
    /// Option tags that the sender can do (RFC 3261 20.37).
    public static let supported = HeaderName(known: "Supported")
    /// Option tags that a 420 is about (RFC 3261 20.40).
    public static let unsupported = HeaderName(known: "Unsupported")
    /// Option tags that the receiver has to do (RFC 3261 20.32).
    public static let require = HeaderName(known: "Require")
    /// Product that sends the request (RFC 3261 20.41).
    public static let userAgent = HeaderName(known: "User-Agent")
    /// Product that sends the response (RFC 3261 20.35).
    public static let server = HeaderName(known: "Server")
    /// Why a BYE or CANCEL was sent; read in refusals of ours too (RFC 3326 2).
    public static let reason = HeaderName(known: "Reason")
    /// Seconds to leave the sender alone (RFC 3261 20.33).
    public static let retryAfter = HeaderName(known: "Retry-After")
    /// Copied into a 100 as it is (RFC 3261 20.38).
    public static let timestamp = HeaderName(known: "Timestamp")
    /// More about a status, for people; we do not read it (RFC 3261 20.43).
    public static let warning = HeaderName(known: "Warning")
    /// Challenge of a 401; `DigestChallenge` reads it (RFC 3261 20.44).
    public static let wwwAuthenticate = HeaderName(known: "WWW-Authenticate")
    /// Challenge of a 407; `DigestChallenge` reads it (RFC 3261 20.27).
    public static let proxyAuthenticate = HeaderName(known: "Proxy-Authenticate")
    /// Answer to a 401 (RFC 3261 20.7).
    public static let authorization = HeaderName(known: "Authorization")
    /// Answer to a 407 (RFC 3261 20.28).
    public static let proxyAuthorization = HeaderName(known: "Proxy-Authorization")
    /// Seconds that the session lasts without a refresh (RFC 4028 4).
    public static let sessionExpires = HeaderName(known: "Session-Expires")
    /// Seconds, the least that Session-Expires may be (RFC 4028 5).
    public static let minSE = HeaderName(known: "Min-SE")
    /// Number of a reliable provisional response (RFC 3262 7.1).
    public static let rseq = HeaderName(known: "RSeq")
    /// The reliable response that a PRACK acknowledges (RFC 3262 7.2).
    public static let rack = HeaderName(known: "RAck")
    /// Whom a REFER asks to call (RFC 3515 2.1).
    public static let referTo = HeaderName(known: "Refer-To")
    /// Who asked for the call (RFC 3892 3).
    public static let referredBy = HeaderName(known: "Referred-By")
    /// The dialog whose place the call takes; `Replaces` reads it (RFC 3891 6.1).
    public static let replaces = HeaderName(known: "Replaces")
    /// What a NOTIFY is about: `refer` is all we know (RFC 6665 8.2.1).
    public static let event = HeaderName(known: "Event")
    /// Event packages that the sender knows (RFC 6665 8.2.2).
    public static let allowEvents = HeaderName(known: "Allow-Events")
    /// Whether further NOTIFYs come (RFC 6665 8.2.3).
    public static let subscriptionState = HeaderName(known: "Subscription-State")
    /// Proxies between registrar and us; not acted on (RFC 3327).
    public static let path = HeaderName(known: "Path")
    /// Route values for calls through the registrar (RFC 3608 5).
    public static let serviceRoute = HeaderName(known: "Service-Route")
    /// Seconds that a registration is to last (RFC 3261 20.19).
    public static let expires = HeaderName(known: "Expires")
    /// Seconds, the least that a registrar takes, in a 423 (RFC 3261 20.23).
    public static let minExpires = HeaderName(known: "Min-Expires")
    /// Who calls, said by somebody trusted (RFC 3325 9.1).
    public static let assertedIdentity = HeaderName(known: "P-Asserted-Identity")
    /// Who wants to be named as the caller (RFC 3325 9.2).
    public static let preferredIdentity = HeaderName(known: "P-Preferred-Identity")
    /// What of the caller is to be kept from the callee (RFC 3323 4.2).
    public static let privacy = HeaderName(known: "Privacy")
    /// Signature over the numbers; `IdentityHeader` reads it (RFC 8224 4).
    public static let identity = HeaderName(known: "Identity")
    /// When the message was made; not acted on (RFC 3261 20.17).
    public static let date = HeaderName(known: "Date")
    /// The server's own proof; not acted on (RFC 3261 20.6).
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
    /// One line. A list header may have several values in it: see `values`.
    public struct Line: Sendable, Equatable {
        /// A compact form as its long name.
        public var name: HeaderName
        /// Unfolded, without spaces at the ends.
        public var value: String
    }

    /// In the order of the message.
    public private(set) var lines: [Line] = []

    /// Without lines.
    public init() {}

    mutating func reserve(_ count: Int) { lines.reserveCapacity(count) }

    /// Adds a line at the end. A line break in `value` goes out as a space.
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

    /// Removes every line of `name`, if any.
    public mutating func removeAll(_ name: HeaderName) { lines.removeAll { $0.name == name } }

    /// The value of the first line of `name`.
    public subscript(_ name: HeaderName) -> String? {
        lines.first { $0.name == name }?.value
    }

    /// One string a line.
    public func lines(_ name: HeaderName) -> [String] {
        lines.lazy.filter { $0.name == name }.map(\.value)
    }

    /// Lines of `name`, not values.
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
