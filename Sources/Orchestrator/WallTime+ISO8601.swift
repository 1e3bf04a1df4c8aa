public import Base

extension WallTime {
    /// Reads an RFC 3339 time with offset (`2026-11-23T10:00:00-05:00`); a bare date is midnight
    /// UTC. nil for anything else.
    public init?(iso8601 text: String) {
        self.init(rfc3339: text.utf8.count == 10 ? text + "T00:00:00Z" : text)
    }
}
