internal import Synchronization

/// Which of many bridges have work for the stream side: one bit a bridge. Any thread sets bits, one
/// thread takes them a word at a time, so that a wake-up costs what there is to do and not what is
/// open.
public final class WakeSet: @unchecked Sendable {
    // @unchecked: `words` never moves and holds nothing but atomics.
    /// Bits there are; a multiple of 64.
    public let capacity: Int
    private let words: UnsafeMutablePointer<Atomic<UInt64>>

    /// `capacity` is rounded up to a multiple of 64.
    public init(capacity: Int) {
        let count = max(1, (capacity + 63) / 64)
        self.capacity = count * 64
        words = .allocate(capacity: count)
        for index in 0..<count { (words + index).initialize(to: Atomic(0)) }
    }

    deinit {
        words.deinitialize(count: wordCount)
        words.deallocate()
    }

    /// Words of 64 bits: what `take` counts by.
    public var wordCount: Int { capacity / 64 }

    /// Sets bit `index`; one outside the set is ignored.
    public func insert(_ index: Int) {
        guard index >= 0, index < capacity else { return }
        // SAFETY: index / 64 < wordCount.
        words[index / 64].bitwiseOr(1 << UInt64(index % 64), ordering: .releasing)
    }

    /// The bits of word `word` (0..<`wordCount`), which are cleared.
    public func take(word: Int) -> UInt64 {
        guard word >= 0, word < wordCount, words[word].load(ordering: .relaxed) != 0 else {
            return 0
        }
        return words[word].exchange(0, ordering: .acquiringAndReleasing)
    }

    /// True when a bit of these words is set.
    public func hasWork(in range: Range<Int>) -> Bool {
        for word in range.clamped(to: 0..<wordCount)
        where words[word].load(ordering: .relaxed) != 0 {
            return true
        }
        return false
    }
}
