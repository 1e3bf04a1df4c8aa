/// One record of a CSV file.
public struct CSVRecord: Sendable, Equatable {
    /// Line of the file on which the record begins, from 1.
    public var line: Int
    /// As text, quotes removed and doubled quotes made single; spaces stay.
    public var fields: [String]
    /// What is wrong with the record; its fields are then empty.
    public var problem: CSVProblem?
}

/// Where a record breaks the format or a limit of `CSVReader`.
public struct CSVProblem: Sendable, Equatable {
    /// 1 = the record's first field.
    public var column: Int
    /// One phrase for the person who made the file. Holds nothing of the record.
    public var message: String
}

/// Reads RFC 4180 records one at a time: quotes, doubled quotes, line breaks inside quotes, CRLF, LF
/// or CR, a byte order mark, a last line without a line break.
///
/// A bad record never hides the ones after it: reading goes on at the line after its first line.
public struct CSVReader: Sendable {
    /// Longest field in bytes; a forgotten closing quote must not swallow the file.
    public static let fieldLimit = 4096
    /// Most fields a record may have.
    public static let columnLimit = 200

    private let bytes: [UInt8]
    private let separator: UInt8
    private var position = 0
    private var line = 1

    /// Begins at line 1, after a byte order mark if there is one.
    public init(_ bytes: [UInt8], separator: UInt8 = UInt8(ascii: ",")) {
        self.bytes = bytes
        self.separator = separator
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    /// Of the text's UTF-8 bytes, separated by commas.
    public init(_ text: String) { self.init(Array(text.utf8)) }

    /// The next record, or nil at the end. Empty lines are skipped.
    public mutating func next() -> CSVRecord? {
        while position < bytes.count, isLineBreak(bytes[position]) { skipLineBreak() }
        guard position < bytes.count else { return nil }
        let start = (position: position, line: line)
        var fields: [String] = []
        while true {
            switch readField() {
            case .failure(let message):
                return recover(from: start, column: fields.count + 1, message: message)
            case .success(let text): fields.append(text)
            }
            guard fields.count <= Self.columnLimit else {
                return recover(
                    from: start, column: fields.count,
                    message: "more than \(Self.columnLimit) columns")
            }
            guard position < bytes.count else { break }
            if bytes[position] == separator {
                position += 1
                continue
            }
            skipLineBreak()
            break
        }
        return CSVRecord(line: start.line, fields: fields, problem: nil)
    }

    private enum Field {
        case success(String)
        case failure(String)
    }

    /// Leaves `position` on the separator, the line break or the end.
    private mutating func readField() -> Field {
        var content: [UInt8] = []
        if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
            position += 1
            var closed = false
            while position < bytes.count, !closed {
                let byte = bytes[position]
                if byte == UInt8(ascii: "\"") {
                    position += 1
                    if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
                        content.append(byte)
                        position += 1
                    } else {
                        closed = true
                    }
                } else if isLineBreak(byte) {
                    let before = position
                    skipLineBreak()
                    content.append(contentsOf: bytes[before..<position])
                } else {
                    content.append(byte)
                    position += 1
                }
                if content.count > Self.fieldLimit {
                    return .failure(
                        "field longer than \(Self.fieldLimit) bytes, or an unclosed quote")
                }
            }
            guard closed else { return .failure("quote is never closed") }
            if position < bytes.count, bytes[position] != separator, !isLineBreak(bytes[position]) {
                return .failure("text after a closing quote")
            }
        } else {
            while position < bytes.count {
                let byte = bytes[position]
                if byte == separator || isLineBreak(byte) { break }
                if byte == UInt8(ascii: "\"") { return .failure("quote inside an unquoted field") }
                content.append(byte)
                position += 1
                if content.count > Self.fieldLimit {
                    return .failure("field longer than \(Self.fieldLimit) bytes")
                }
            }
        }
        guard let text = String(validating: content, as: UTF8.self) else {
            return .failure("not valid UTF-8")
        }
        return .success(text)
    }

    private mutating func recover(
        from start: (position: Int, line: Int), column: Int, message: String
    ) -> CSVRecord {
        position = start.position
        line = start.line
        while position < bytes.count, !isLineBreak(bytes[position]) { position += 1 }
        skipLineBreak()
        return CSVRecord(
            line: start.line, fields: [], problem: CSVProblem(column: column, message: message))
    }

    private func isLineBreak(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
    }

    private mutating func skipLineBreak() {
        guard position < bytes.count else { return }
        let wasReturn = bytes[position] == UInt8(ascii: "\r")
        position += 1
        if wasReturn, position < bytes.count, bytes[position] == UInt8(ascii: "\n") {
            position += 1
        }
        line += 1
    }
}
