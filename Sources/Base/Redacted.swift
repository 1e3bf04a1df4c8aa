/// A value about a person (name, transcript, number). Prints as `<redacted>` wherever it is
/// interpolated, dumped or logged; `value` is the one, visible way out.
public struct Redacted<Value>: CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// The thing itself, for the one place that must have it.
    public var value: Value

    /// Hides `value` from every print of it.
    public init(_ value: Value) { self.value = value }

    /// `<redacted>`, whatever the value.
    public var description: String { "<redacted>" }
    /// `<redacted>`, whatever the value.
    public var debugDescription: String { "<redacted>" }
    /// Nothing for `dump` to show.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
extension Redacted: Sendable where Value: Sendable {}
extension Redacted: Equatable where Value: Equatable {}
extension Redacted: Hashable where Value: Hashable {}
