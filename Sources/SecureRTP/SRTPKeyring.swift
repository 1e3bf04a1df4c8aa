internal import COpenSSL

/// The contexts of keys beside the one that is in use.
///
/// Of keys that are out of use, for when one comes back (a forked call whose answers choose another suite
/// and the first again, a hold without protection): it must go on where it was. A fresh context would
/// encrypt other packets with the same key stream, or take old packets for new.
///
/// Of keys that the far end may change to without a word: SRTPKeyring+List.swift.
///
/// One owner. Allocates when a key is retired or first named, never for a packet.
public struct SRTPKeyring {
    /// Keys of one direction that are remembered; the longest unused is forgotten.
    public static let limit = 8

    final class Entry {
        let suite: SRTPSuite
        let direction: SRTPContext.Direction
        /// A copy that is ours alone, zeroed with the entry.
        private let key: UnsafeMutableRawBufferPointer
        /// Of a key of the list.
        var identifier: [UInt8] = []
        /// Of a key of the list: made when a packet first names it.
        var context: SRTPContext?

        init(
            _ suite: SRTPSuite, _ direction: SRTPContext.Direction, _ bytes: [UInt8],
            _ context: consuming SRTPContext?
        ) {
            self.suite = suite
            self.direction = direction
            key = .allocate(byteCount: bytes.count, alignment: 16)
            key.copyBytes(from: bytes)
            self.context = consume context
        }

        deinit {
            OPENSSL_cleanse(key.baseAddress, key.count)
            key.deallocate()
        }

        var isUsed: Bool { context?.isUsed() ?? false }

        func isOf(_ suite: SRTPSuite, _ bytes: [UInt8], _ direction: SRTPContext.Direction) -> Bool
        {
            guard suite == self.suite, direction == self.direction, bytes.count == key.count else {
                return false
            }
            return bytes.withUnsafeBytes {
                CRYPTO_memcmp($0.baseAddress, key.baseAddress, key.count) == 0
            }
        }

        /// The context of a key of the list, which has none yet.
        func open(_ backend: SRTPBackend) throws(SRTPError) {
            var bytes = Array(key)
            defer { bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
            context = try SRTPContext(
                suite: suite, key: bytes, direction: direction, backend: backend,
                masterKeyIdentifier: identifier)
        }
    }

    let backend: SRTPBackend
    /// The longest unused first.
    private var entries: [Entry] = []
    /// Further keys that may come (SRTPKeyring+List.swift).
    var listed: [Entry] = []
    /// Whose packet was the newest; nil: that of the context in use.
    var latest: Entry?
    /// Where a stream was when the keys changed, until a packet shows under which of them it goes on.
    var carried: (ssrc: UInt32, index: UInt64)?

    /// - Parameter backend: of the contexts that are made here.
    public init(backend: SRTPBackend = .libcrypto) { self.backend = backend }

    /// Keeps the context of `key`, unless nothing was ever done with it.
    public mutating func retire(_ context: consuming SRTPContext, key: [UInt8]) {
        let suite = context.suite
        let direction = context.direction
        retire(Entry(suite, direction, key, context))
    }

    mutating func retire(_ entry: Entry) {
        guard entry.isUsed else { return }
        entries.append(entry)
        guard entries.count(where: { $0.direction == entry.direction }) > Self.limit,
            let oldest = entries.firstIndex(where: { $0.direction == entry.direction })
        else { return }
        entries.remove(at: oldest)
    }

    /// Whether `take` has something to give.
    public func holds(
        _ suite: SRTPSuite, key: [UInt8], _ direction: SRTPContext.Direction
    ) -> Bool {
        (entries + listed).contains { $0.isUsed && $0.isOf(suite, key, direction) }
    }

    /// The context of `key` as it was left; nil: it was not used, or too long ago.
    ///
    /// - Parameter formerIndex: inbound: as `SRTPContext.init`'s, of what came under other keys since.
    public mutating func take(
        _ suite: SRTPSuite, key: [UInt8], _ direction: SRTPContext.Direction,
        formerIndex: UInt64? = nil
    ) -> SRTPContext? {
        let entry = takeEntry(suite, key, direction)
        if direction == .inbound { entry?.context?.setFormerIndex(formerIndex) }
        return entry?.context.take()
    }

    mutating func takeEntry(
        _ suite: SRTPSuite, _ key: [UInt8], _ direction: SRTPContext.Direction
    ) -> Entry? {
        if let place = entries.firstIndex(where: { $0.isOf(suite, key, direction) }) {
            return entries.remove(at: place)
        }
        guard
            let place = listed.firstIndex(where: { $0.isUsed && $0.isOf(suite, key, direction) })
        else { return nil }
        return listed.remove(at: place)
    }
}
