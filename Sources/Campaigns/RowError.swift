public import Base

/// What is wrong with one row of an import. Names the place, never the person.
public struct RowError: Sendable, Equatable {
    /// Line of the file, from 1.
    public var line: Int
    /// Field of the row, from 1; 0 when the row as a whole is meant.
    public var column: Int
    /// Header of that column, if any.
    public var field: String?
    /// One phrase for the person who made the file. Holds no part of a field.
    public var message: String

    /// Takes the place as it is; nothing is checked.
    public init(line: Int, column: Int, field: String? = nil, message: String) {
        self.line = line
        self.column = column
        self.field = field
        self.message = message
    }

    /// One object with `line`, `column`, `field` where there is one, and `message`.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("line", line)
            writer.field("column", column)
            if let field { writer.field("field", field) }
            writer.field("message", message)
        }
    }
}
