/// A value about a person (name, transcript, number). Prints as `<redacted>` wherever it is
/// interpolated, dumped or logged; `value` is the one, visible way out.
public struct Redacted<Value>: CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    public var value: Value

    public init(_ value: Value) { self.value = value }

    public var description: String { "<redacted>" }
    public var debugDescription: String { "<redacted>" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
extension Redacted: Sendable where Value: Sendable {}
extension Redacted: Equatable where Value: Equatable {}
extension Redacted: Hashable where Value: Hashable {}
