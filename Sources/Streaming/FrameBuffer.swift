/// Bytes that are put in at the end and taken from the front, in one piece and in storage that is kept:
/// frames on their way out, a message in fragments, what a socket did not take.
final class FrameBuffer {
    /// Bytes of storage that an emptied buffer keeps; more goes back to the allocator.
    let keptCapacity: Int
    private var base: UnsafeMutableRawPointer?
    private(set) var capacity = 0
    private var head = 0
    private var end = 0

    init(capacity: Int = 0, keeping kept: Int = 1 << 16) {
        keptCapacity = kept
        if capacity > 0 { grow(toHold: capacity) }
    }

    deinit { base?.deallocate() }

    var count: Int { end - head }

    /// What is in it; until the next change.
    var bytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: base.map { $0 + head }, count: end - head)
    }

    /// Room for at least `count` bytes behind the last one, for `commit`; until the next change.
    func reserve(_ count: Int) -> UnsafeMutableRawBufferPointer {
        if capacity - end < count { makeRoom(count) }
        return UnsafeMutableRawBufferPointer(start: base.map { $0 + end }, count: capacity - end)
    }

    /// The first `count` bytes of what `reserve` gave are written.
    func commit(_ count: Int) {
        precondition(count >= 0 && count <= capacity - end)
        end += count
    }

    func append(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        reserve(bytes.count).copyMemory(from: bytes)
        end += bytes.count
    }

    func removeFirst(_ count: Int) {
        precondition(count >= 0 && count <= end - head)
        head += count
        if head == end { removeAll() }
    }

    func removeLast(_ count: Int) {
        precondition(count >= 0 && count <= end - head)
        end -= count
    }

    func removeAll() {
        head = 0
        end = 0
        guard capacity > keptCapacity else { return }
        base?.deallocate()
        base = nil
        capacity = 0
    }

    /// Gives all storage back.
    func release() {
        removeAll()
        base?.deallocate()
        base = nil
        capacity = 0
    }

    /// What was taken from the front makes room first, then the storage doubles.
    private func makeRoom(_ count: Int) {
        let used = end - head
        if head >= used, capacity - used >= count, let base {
            // SAFETY: head ≥ used, so that both spans lie apart and inside the storage.
            base.copyMemory(from: base + head, byteCount: used)
            (head, end) = (0, used)
            return
        }
        grow(toHold: used + count)
    }

    private func grow(toHold wanted: Int) {
        var size = max(capacity, 512)
        while size < wanted { size *= 2 }
        let larger = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        let used = end - head
        if let base {
            // SAFETY: size ≥ wanted ≥ used.
            larger.copyMemory(from: base + head, byteCount: used)
            base.deallocate()
        }
        base = larger
        capacity = size
        (head, end) = (0, used)
    }
}
