public import Base
internal import Foundation

extension WallTime {
    /// Reads an RFC 3339 time or date-time with offset (`2026-11-23T10:00:00-05:00`); a bare date
    /// is midnight UTC. nil for anything else.
    public init?(iso8601 text: String) {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: text.contains("."))
        if let date = try? style.parse(text) {
            self.init(milliseconds: Int64((date.timeIntervalSince1970 * 1000).rounded()))
        } else if let date = try? Date.ISO8601FormatStyle().year().month().day().parse(text) {
            self.init(milliseconds: Int64((date.timeIntervalSince1970 * 1000).rounded()))
        } else {
            return nil
        }
    }
}
