/// A request method. Any token is one (RFC 3261 25.1); comparison is by case (7.1).
public struct SIPMethod: Hashable, Sendable, CustomStringConvertible {
    /// As in the start line.
    public let name: String
    /// Any text: that it is a token is for the parser to see.
    public init(_ name: String) { self.name = name }
    /// The name.
    public var description: String { name }

    /// RFC 3261 13.
    public static let invite = SIPMethod("INVITE")
    /// RFC 3261 13.2.2.4 for a 2xx, 17.1.1.3 for a refusal.
    public static let ack = SIPMethod("ACK")
    /// RFC 3261 15.
    public static let bye = SIPMethod("BYE")
    /// RFC 3261 9.
    public static let cancel = SIPMethod("CANCEL")
    /// RFC 3261 11.
    public static let options = SIPMethod("OPTIONS")
    /// RFC 6086; here for digits.
    public static let info = SIPMethod("INFO")
    /// RFC 3311.
    public static let update = SIPMethod("UPDATE")
    /// RFC 3261 10; we send it and take none.
    public static let register = SIPMethod("REGISTER")
    /// RFC 3262.
    public static let prack = SIPMethod("PRACK")
    /// RFC 3515.
    public static let refer = SIPMethod("REFER")
    /// RFC 6665; here for what a REFER brings about.
    public static let notify = SIPMethod("NOTIFY")

    /// What we do, as said in Allow.
    public static let supported: [SIPMethod] = [
        .invite, .ack, .cancel, .bye, .options, .info, .update, .prack, .refer, .notify,
    ]

    /// Value of Allow.
    static let supportedNames = supported.map(\.name).joined(separator: ", ")

    /// For metric labels: a method we know by name, or `other`.
    public var label: String {
        Self.supported.contains(self) || self == .register ? name : "other"
    }
}

/// The reason phrases we send (RFC 3261 21 and extensions).
public func reasonPhrase(_ status: Int) -> String {
    switch status {
    case 100: "Trying"
    case 180: "Ringing"
    case 183: "Session Progress"
    case 200: "OK"
    case 202: "Accepted"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 407: "Proxy Authentication Required"
    case 408: "Request Timeout"
    case 415: "Unsupported Media Type"
    case 416: "Unsupported URI Scheme"
    case 420: "Bad Extension"
    case 421: "Extension Required"
    case 422: "Session Interval Too Small"
    case 423: "Interval Too Brief"
    case 428: "Use Identity Header"
    case 436: "Bad Identity Info"
    case 437: "Unsupported Credential"
    case 438: "Invalid Identity Header"
    case 480: "Temporarily Unavailable"
    case 481: "Call/Transaction Does Not Exist"
    case 482: "Loop Detected"
    case 483: "Too Many Hops"
    case 486: "Busy Here"
    case 487: "Request Terminated"
    case 488: "Not Acceptable Here"
    case 489: "Bad Event"
    case 491: "Request Pending"
    case 500: "Server Internal Error"
    case 503: "Service Unavailable"
    case 504: "Server Time-out"
    case 505: "Version Not Supported"
    case 513: "Message Too Large"
    case 600: "Busy Everywhere"
    case 603: "Decline"
    default:
        switch status {
        case 100...199: "Progress"
        case 200...299: "OK"
        case 300...399: "Redirection"
        case 400...499: "Request Failure"
        case 500...599: "Server Failure"
        default: "Global Failure"
        }
    }
}
