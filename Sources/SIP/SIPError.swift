/// Why bytes are not an acceptable SIP message or value.
public enum SIPError: Error, Equatable, Sendable {
    case tooLarge(bytes: Int, limit: Int)
    /// No start line of SIP: not worth an answer.
    case notSIP
    case badStartLine
    case badVersion
    case badStatusCode
    case headerTooLong(limit: Int)
    case tooManyHeaders(limit: Int)
    /// A line without colon or with a name that is no token. The start line is line 1.
    case badHeaderLine(line: Int)
    case missingBlankLine
    case badContentLength
    case bodyTruncated(needed: Int, have: Int)
    case missing(HeaderName)
    case repeated(HeaderName)
    case malformed(HeaderName)
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

    public static let labels = [
        "limit", "not_sip", "start_line", "version", "header_line", "content_length",
        "header_set", "header_value", "uri",
    ]
}
