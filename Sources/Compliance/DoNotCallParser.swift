/// Reads a do-not-call list in the flat forms of the national registry, one number a line:
/// `212,5551234` or `2125551234`, CRLF or LF, last line break optional.
///
/// Fed in pieces of any size, so that a list of gigabytes never has to be in memory as text.
public struct DoNotCallParser: Sendable {
    /// A line that is not a number. Holds no part of the line: it may be somebody's number.
    public struct LineError: Sendable, Equatable {
        /// From 1, counted over all pieces fed.
        public var line: Int
        /// What is wrong with it.
        public var message: String
    }

    /// Errors kept; all are counted.
    public static let errorLimit = 100
    /// Longer lines are an error and are skipped.
    static let lineLimit = 64

    /// The numbers read so far. A last line without a line break is in it after `finish`.
    public private(set) var set: NumberSet
    /// The first `errorLimit` lines that are no number.
    public private(set) var errors: [LineError] = []
    /// All lines that are no number; empty ones are not counted.
    public private(set) var errorCount = 0
    /// Lines that held a number, repeated ones included.
    public private(set) var numberCount = 0

    private var line = 1
    private var length = 0
    private var digits: [UInt8] = []
    private var commaAfter: Int?
    private var problem: String?

    /// - Parameter version: becomes `NumberSet.version`.
    /// - Parameter areaCodes: area codes the list was fetched for, nil for all.
    public init(version: String = "", areaCodes: Set<String>? = nil) {
        set = NumberSet(version: version, areaCodes: areaCodes)
        digits.reserveCapacity(16)
    }

    /// Reads the whole of a small list.
    public static func parse(
        _ bytes: [UInt8], version: String = "", areaCodes: Set<String>? = nil
    ) -> (set: NumberSet, errors: [LineError]) {
        var parser = DoNotCallParser(version: version, areaCodes: areaCodes)
        bytes.withUnsafeBytes { parser.feed($0) }
        parser.finish()
        return (parser.set, parser.errors)
    }

    /// Reads the next piece; it may begin and end anywhere in a line.
    public mutating func feed(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes { take(byte) }
    }

    /// Ends the last line.
    public mutating func finish() {
        if length > 0 { endLine() }
    }

    private mutating func take(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\n"): endLine()
        case UInt8(ascii: "\r"): break
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            length += 1
            if digits.count < 16 { digits.append(byte - UInt8(ascii: "0")) }
        case UInt8(ascii: ","):
            length += 1
            if commaAfter != nil { problem = "more than one comma" }
            commaAfter = digits.count
        default:
            length += 1
            problem = "a character that is neither digit nor comma"
        }
        if length > Self.lineLimit { problem = "line longer than \(Self.lineLimit) bytes" }
    }

    private mutating func endLine() {
        defer {
            line += 1
            length = 0
            digits.removeAll(keepingCapacity: true)
            commaAfter = nil
            problem = nil
        }
        guard length > 0 else { return }
        if problem == nil, digits.count != 10 { problem = "not ten digits" }
        if problem == nil, let commaAfter, commaAfter != 3 {
            problem = "the comma does not follow the area code"
        }
        if problem == nil, !set.insert(digits: digits) {
            problem = "area code or exchange begins with 0 or 1"
        }
        guard let problem else {
            numberCount += 1
            return
        }
        errorCount += 1
        if errors.count < Self.errorLimit { errors.append(LineError(line: line, message: problem)) }
    }
}
