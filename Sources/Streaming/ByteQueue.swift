/// A queue of bytes: append at the end, take from the front, both by the span.
///
/// It grows by chunks of one size, so that what one queue gives back fits the next one: queues that
/// doubled left holes of all sizes behind them, as much memory again as they held.
struct ByteQueue: Sendable {
    static let chunkSize = 1024

    /// All but the last are full; those before `first` are empty.
    private var chunks: [[UInt8]] = []
    private var first = 0
    /// Bytes of the first chunk that have been taken.
    private var head = 0
    private(set) var count = 0

    /// Bytes of storage. An emptied queue keeps one chunk.
    var capacity: Int { chunks.reduce(0) { $0 + $1.capacity } }

    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        var rest = bytes
        while !rest.isEmpty {
            var room = Self.chunkSize - (chunks.last?.count ?? Self.chunkSize)
            if room == 0 {
                var chunk: [UInt8] = []
                chunk.reserveCapacity(Self.chunkSize)
                chunks.append(chunk)
                room = Self.chunkSize
            }
            let part = UnsafeBufferPointer(rebasing: rest.prefix(room))
            chunks[chunks.count - 1].append(contentsOf: part)
            rest = UnsafeBufferPointer(rebasing: rest.dropFirst(room))
        }
        count += bytes.count
    }

    /// Shows `body` the longest span at the front that lies in one piece, at most `limit` bytes,
    /// and drops as many bytes from the front as `body` returns. False when there is nothing.
    mutating func takeSpan(
        upTo limit: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Int
    ) -> Bool {
        guard limit > 0, count > 0 else { return false }
        var length = 0
        let taken = chunks[first].withUnsafeBufferPointer { chunk in
            length = min(limit, chunk.count - head)
            return body(UnsafeBufferPointer(rebasing: chunk[head..<head + length]))
        }
        drop(min(max(taken, 0), length))
        return taken > 0
    }

    mutating func removeAll() {
        if var kept = chunks.popLast() {
            kept.removeAll(keepingCapacity: true)
            chunks.removeAll(keepingCapacity: chunks.count < 8)
            chunks.append(kept)
        }
        (first, head, count) = (0, 0, 0)
    }

    /// At most what is left of the first chunk.
    private mutating func drop(_ dropped: Int) {
        count -= dropped
        head += dropped
        if count == 0 { return removeAll() }
        guard head == Self.chunkSize else { return }
        chunks[first] = []
        first += 1
        head = 0
        if first >= 8, first * 2 >= chunks.count {
            chunks.removeFirst(first)
            first = 0
        }
    }
}
