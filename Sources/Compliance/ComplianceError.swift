/// Why rule data, zone data or a list could not be used.
public enum ComplianceError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A rule table is not what its header promises; `line` counts from 1.
    case table(name: String, line: Int, problem: String)
    /// A TZif file ends early (RFC 8536 3).
    case zoneTruncated(needed: Int, have: Int)
    /// A TZif file breaks RFC 8536; `problem` says where.
    case zoneInvalid(problem: String)
    /// A POSIX TZ rule that cannot be read at this byte.
    case posixRule(offset: Int)
    /// More than this room is willing to hold.
    case limit(name: String, maximum: Int)

    /// One line for a log or an operator.
    public var description: String {
        switch self {
        case .table(let name, let line, let problem): "\(name), line \(line): \(problem)"
        case .zoneTruncated(let needed, let have):
            "time zone file ends early: needs \(needed) more bytes, has \(have)"
        case .zoneInvalid(let problem): "time zone file is invalid: \(problem)"
        case .posixRule(let offset): "POSIX time zone rule is invalid at byte \(offset)"
        case .limit(let name, let maximum): "\(name) exceeds the limit of \(maximum)"
        }
    }
}
