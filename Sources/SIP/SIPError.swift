/// Why bytes are not an acceptable SIP message or value.
public enum SIPError: Error, Equatable, Sendable {
    /// Octets of the message, or of what its head announces.
    case tooLarge(bytes: Int, limit: Int)
    /// No start line of SIP: not worth an answer.
    case notSIP
    /// Other than one space between the words of a request line, or another number of words.
    case badStartLine
    /// Not SIP/2.0.
    case badVersion
    /// Not three digits of 100…699.
    case badStatusCode
    /// Octets of the start line or of one header field with its folds.
    case headerTooLong(limit: Int)
    /// Header lines.
    case tooManyHeaders(limit: Int)
    /// A line without colon or with a name that is no token. The start line is line 1.
    case badHeaderLine(line: Int)
    /// The message ends within its head.
    case missingBlankLine
    /// No number, or several that differ; on a stream also a message that did not come whole in
    /// time.
    case badContentLength
    /// Octets that Content-Length names, and those that are there.
    case bodyTruncated(needed: Int, have: Int)
    /// A header that no message can do without (RFC 3261 8.1.1), or a stream's Content-Length.
    case missing(HeaderName)
    /// A header that stands once.
    case repeated(HeaderName)
    /// Its value cannot be read.
    case malformed(HeaderName)
    /// No URI that can be read.
    case badURI
    /// The scheme of a Request-URI is neither sip nor sips.
    case unsupportedScheme
    /// CSeq names another method than the start line.
    case methodMismatch

    /// The answer to a request with this fault.
    public var status: Int {
        switch self {
        case .badVersion: 505
        case .tooLarge: 513
        default: 400
        }
    }

    /// A word for the metric's `reason` label: one of a small fixed set.
    public var label: String {
        switch self {
        case .tooLarge, .headerTooLong, .tooManyHeaders: "limit"
        case .notSIP: "not_sip"
        case .badStartLine, .badStatusCode: "start_line"
        case .badVersion: "version"
        case .badHeaderLine, .missingBlankLine: "header_line"
        case .badContentLength, .bodyTruncated: "content_length"
        case .missing, .repeated: "header_set"
        case .malformed, .methodMismatch: "header_value"
        case .badURI, .unsupportedScheme: "uri"
        }
    }

    /// Every word that `label` can be.
    public static let labels = [
        "limit", "not_sip", "start_line", "version", "header_line", "content_length",
        "header_set", "header_value", "uri",
    ]
}
