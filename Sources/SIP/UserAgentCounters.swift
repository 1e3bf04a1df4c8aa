/// What kind of message it is, for counters.
public enum MessageKind: Int, Sendable, CaseIterable {
    case invite, ack, bye, cancel, options, info, update, register, prack, refer, notify
    case other
    case provisional, success, redirection, clientError, serverError, globalError

    /// The metric's label.
    public var label: String {
        switch self {
        case .invite: "INVITE"
        case .ack: "ACK"
        case .bye: "BYE"
        case .cancel: "CANCEL"
        case .options: "OPTIONS"
        case .info: "INFO"
        case .update: "UPDATE"
        case .register: "REGISTER"
        case .prack: "PRACK"
        case .refer: "REFER"
        case .notify: "NOTIFY"
        case .other: "other"
        case .provisional: "1xx"
        case .success: "2xx"
        case .redirection: "3xx"
        case .clientError: "4xx"
        case .serverError: "5xx"
        case .globalError: "6xx"
        }
    }

    /// A class of responses; false: a method.
    public var isResponse: Bool { rawValue >= Self.provisional.rawValue }

    init(_ message: SIPMessage) {
        switch message.start {
        case .request(let method, _): self = Self.of(method.name)
        case .response(let status, _): self = Self.of(statusClass: status / 100)
        }
    }

    /// Of serialised bytes.
    init(_ bytes: [UInt8]) {
        if bytes.starts(with: "SIP/2.0 ".utf8), bytes.count > 8 {
            self = Self.of(statusClass: Int(bytes[8]) - 0x30)
        } else {
            self = Self.of(String(ascii: bytes.prefix { $0 != 0x20 }))
        }
    }

    private static func of(_ method: String) -> MessageKind {
        allCases.first { !$0.isResponse && $0.label == method } ?? .other
    }

    private static func of(statusClass: Int) -> MessageKind {
        switch statusClass {
        case 1: .provisional
        case 2: .success
        case 3: .redirection
        case 4: .clientError
        case 5: .serverError
        default: .globalError
        }
    }
}

/// Totals since the start; the owner publishes them.
public struct UserAgentCounters: Sendable, Equatable {
    private var receivedByKind = [Int](repeating: 0, count: MessageKind.allCases.count)
    private var sentByKind = [Int](repeating: 0, count: MessageKind.allCases.count)
    private var parseErrorsByLabel = [Int](repeating: 0, count: SIPError.labels.count)
    /// Messages a transaction sent again.
    public internal(set) var retransmissions = 0
    /// Copies of requests that a peer sent again.
    public internal(set) var repeatedRequests = 0
    /// Responses and ACKs that match nothing (late, or forged).
    public internal(set) var strays = 0
    /// Requests refused with 503 because a limit was reached.
    public internal(set) var overloads = 0
    /// Early descriptions of calls that had `SIPLimits.earlyDescriptions` before.
    public internal(set) var ignoredDescriptions = 0
    /// Offers within calls that had more than `SIPLimits.offersPerSecond` lets through.
    public internal(set) var refusedOffers = 0

    /// Messages that could be read at all, copies and those with a `defect` included.
    public func received(_ kind: MessageKind) -> Int { receivedByKind[kind.rawValue] }
    /// Messages handed out for sending, copies included.
    public func sent(_ kind: MessageKind) -> Int { sentByKind[kind.rawValue] }
    /// Messages with a fault of this `SIPError.label`; 0 for another word.
    public func parseErrors(_ label: String) -> Int {
        SIPError.labels.firstIndex(of: label).map { parseErrorsByLabel[$0] } ?? 0
    }
    /// Messages with a fault of any kind.
    public var parseErrors: Int { parseErrorsByLabel.reduce(0, +) }

    mutating func countReceived(_ kind: MessageKind) { receivedByKind[kind.rawValue] += 1 }
    mutating func countSent(_ kind: MessageKind) { sentByKind[kind.rawValue] += 1 }
    mutating func count(_ error: SIPError) {
        if let index = SIPError.labels.firstIndex(of: error.label) {
            parseErrorsByLabel[index] += 1
        }
    }
}
