/// A queue that the caller owns and a core value fills: results leave a sans-IO machine here.
/// Draining keeps the storage, so a warm outbox allocates nothing.
public struct Outbox<Element> {
    @usableFromInline var items: [Element] = []

    /// `capacity` is the number of elements to make room for; more is no error.
    public init(reserving capacity: Int = 0) { items.reserveCapacity(capacity) }

    /// Puts `element` last.
    @inlinable public mutating func push(_ element: Element) { items.append(element) }
    /// True when there is nothing to drain.
    @inlinable public var isEmpty: Bool { items.isEmpty }
    /// Elements queued.
    @inlinable public var count: Int { items.count }
    /// The element at `index`, 0 the first in; traps outside 0..<count.
    @inlinable public subscript(index: Int) -> Element { items[index] }

    /// Hands each element to `body` in order and leaves the outbox empty. When `body` throws, what
    /// it has been given, the element it threw on included, is gone and the rest stays.
    @inlinable public mutating func drain(_ body: (Element) throws -> Void) rethrows {
        var given = 0
        defer {
            if given == items.count {
                items.removeAll(keepingCapacity: true)
            } else {
                items.removeFirst(given)
            }
        }
        while given < items.count {
            given += 1
            try body(items[given - 1])
        }
    }

    /// Everything queued, in order; the outbox is empty afterwards.
    @inlinable public mutating func takeAll() -> [Element] {
        let taken = items
        items.removeAll(keepingCapacity: true)
        return taken
    }
}
extension Outbox: Sendable where Element: Sendable {}
