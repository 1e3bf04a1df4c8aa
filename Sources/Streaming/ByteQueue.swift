/// A growing ring of bytes: append at the end, take from the front, both by the span.
struct ByteQueue: Sendable {
    /// Storage a queue begins with; an emptied one keeps this much, and more goes back to the allocator.
    static let keptCapacity = 1024

    private var storage: [UInt8] = []
    private var head = 0
    private(set) var count = 0

    var capacity: Int { storage.count }

    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        grow(toHold: count + bytes.count)
        let start = (head + count) & (storage.count - 1)
        let first = min(bytes.count, storage.count - start)
        storage.withUnsafeMutableBufferPointer { ring in
            guard let base = ring.baseAddress else { return }
            // SAFETY: `grow` made room: start + first ≤ ring.count and the rest ≤ head.
            (base + start).update(from: source, count: first)
            base.update(from: source + first, count: bytes.count - first)
        }
        count += bytes.count
    }

    /// Shows `body` the longest span at the front that lies in one piece, at most `limit` bytes,
    /// and drops as many bytes from the front as `body` returns. False when there is nothing.
    mutating func takeSpan(
        upTo limit: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Int
    ) -> Bool {
        let length = min(limit, count, storage.count - head)
        guard length > 0 else { return false }
        let taken = storage.withUnsafeBufferPointer { ring in
            body(UnsafeBufferPointer(rebasing: ring[head..<head + length]))
        }
        drop(min(max(taken, 0), length))
        return taken > 0
    }

    mutating func removeAll() {
        head = 0
        count = 0
        if storage.count > Self.keptCapacity { storage = [] }
    }

    private mutating func drop(_ dropped: Int) {
        count -= dropped
        if count == 0 { removeAll() } else { head = (head + dropped) & (storage.count - 1) }
    }

    /// Doubles until `wanted` bytes fit; the ring is then straight from index 0.
    private mutating func grow(toHold wanted: Int) {
        guard wanted > storage.count else { return }
        var size = max(storage.count, Self.keptCapacity)
        while size < wanted { size *= 2 }
        var larger: [UInt8] = []
        larger.reserveCapacity(size)
        let first = min(count, storage.count - head)
        larger.append(contentsOf: storage[head..<head + first])
        larger.append(contentsOf: storage[0..<count - first])
        larger.append(contentsOf: repeatElement(0, count: size - count))
        storage = larger
        head = 0
    }
}
