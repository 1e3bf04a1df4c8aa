internal import COpenSSL

/// The contexts of keys that are out of use, for when a key comes back (a forked call whose answers
/// choose another suite and the first again, a hold without protection): it must go on where it was.
/// A fresh context would encrypt other packets with the same key stream, or take old packets for new.
///
/// One owner. Allocates when a key is retired, never for a packet.
public struct SRTPKeyring {
    /// Keys of one direction that are remembered; the longest unused is forgotten.
    public static let limit = 8

    private final class Entry {
        let suite: SRTPSuite
        let direction: SRTPContext.Direction
        /// A copy that is ours alone, zeroed with the entry.
        private let key: UnsafeMutableRawBufferPointer
        var context: SRTPContext?

        init(_ context: consuming SRTPContext, _ bytes: [UInt8]) {
            suite = context.suite
            direction = context.direction
            key = .allocate(byteCount: bytes.count, alignment: 16)
            key.copyBytes(from: bytes)
            self.context = consume context
        }

        deinit {
            OPENSSL_cleanse(key.baseAddress, key.count)
            key.deallocate()
        }

        func isOf(_ suite: SRTPSuite, _ bytes: [UInt8], _ direction: SRTPContext.Direction) -> Bool
        {
            guard suite == self.suite, direction == self.direction, bytes.count == key.count else {
                return false
            }
            return bytes.withUnsafeBytes {
                CRYPTO_memcmp($0.baseAddress, key.baseAddress, key.count) == 0
            }
        }
    }

    /// The longest unused first.
    private var entries: [Entry] = []

    public init() {}

    /// Keeps the context of `key`, unless nothing was ever done with it.
    public mutating func retire(_ context: consuming SRTPContext, key: [UInt8]) {
        guard context.isUsed() else { return }
        let direction = context.direction
        entries.append(Entry(context, key))
        guard entries.count(where: { $0.direction == direction }) > Self.limit,
            let oldest = entries.firstIndex(where: { $0.direction == direction })
        else { return }
        entries.remove(at: oldest)
    }

    public func holds(
        _ suite: SRTPSuite, key: [UInt8], _ direction: SRTPContext.Direction
    ) -> Bool {
        entries.contains { $0.isOf(suite, key, direction) }
    }

    /// The context of `key` as it was left; nil: it was not used, or too long ago.
    public mutating func take(
        _ suite: SRTPSuite, key: [UInt8], _ direction: SRTPContext.Direction
    ) -> SRTPContext? {
        guard let place = entries.firstIndex(where: { $0.isOf(suite, key, direction) }) else {
            return nil
        }
        let entry = entries.remove(at: place)
        return entry.context.take()
    }
}
