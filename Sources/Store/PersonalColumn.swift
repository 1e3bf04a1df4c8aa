internal import Base
internal import CallModel
internal import Foundation

/// The one place where people's data (numbers, names, free columns) becomes a column of the
/// database and comes back. Encryption at rest, when it comes, changes this file and no other:
/// numbers are looked up by equality, so `number` must stay deterministic; texts need not.
struct PersonalColumn: Sendable {
    func seal(_ number: PhoneNumber) -> String { number.e164 }

    func number(_ column: String) throws(StoreError) -> PhoneNumber {
        do { return try PhoneNumber(column) } catch { throw Self.unreadable("number") }
    }

    func seal(_ text: Redacted<String>) -> String { text.value }

    func text(_ column: String) -> Redacted<String> { Redacted(column) }

    /// A JSON object with its keys in order.
    func seal(_ attributes: [String: String]) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            for (key, value) in attributes.sorted(by: { $0.key < $1.key }) {
                writer.field(key, value)
            }
        }
        return writer.string
    }

    func attributes(_ column: String) throws(StoreError) -> [String: String] {
        do {
            return try JSONDecoder().decode([String: String].self, from: Data(column.utf8))
        } catch {
            throw Self.unreadable("attributes")
        }
    }

    static func unreadable(_ column: String) -> StoreError {
        .database(code: 0, reason: "a stored value of column \(column) cannot be read")
    }
}
