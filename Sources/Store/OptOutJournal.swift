public import Base
public import CallModel
internal import Foundation
internal import Synchronization

/// Do-not-call requests that the store could not take, kept in room that was set aside before.
///
/// A database needs new room for each write; on a full disk it has none, and who pressed the opt-out key
/// would be forgotten with the process. This file has its whole length from the start: an entry replaces
/// zeros that are on the disk already, which a full disk does not refuse. (A file system that never writes
/// in place, such as Btrfs or ZFS, may refuse it all the same; `add` says so.) At the next start the
/// entries go to the store.
///
/// ```
/// slot 0 … 1023, 128 bytes each:  "1 +12125550101 dtmf 1700000000000 call-id\n" and zeros
/// ```
/// A slot lies within one sector of the disk: it is written whole or not at all.
public final class OptOutJournal: Sendable {
    /// Requests that fit: one of each of a thousand calls.
    public static let limit = 1024
    private static let slotBytes = 128
    private static let version = "1"

    /// One wish not to be called again.
    public struct Entry: Equatable, Sendable {
        /// Whose wish it is.
        public var number: PhoneNumber
        /// How the wish was made: `dtmf`, `speech`, `api`…
        public var source: String
        /// The call on which it was made; nil: none.
        public var call: CallID?
        /// When it was made.
        public var at: WallTime

        /// Nothing is checked; `add` refuses what does not fit a slot.
        public init(number: PhoneNumber, source: String, call: CallID?, at: WallTime) {
            self.number = number
            self.source = source
            self.call = call
            self.at = at
        }
    }

    private struct State {
        var descriptor: Int32
        /// What each slot holds.
        var slots: [Entry?]
    }

    /// Of the file, which is 128 KiB long.
    public let path: String
    private let state: Mutex<State>

    /// Opens the journal, making and filling the file where it is missing or short.
    ///
    /// - Throws: `cannotOpen`, `writeFailed` when there is no room for it.
    public init(path: String) throws(StoreError) {
        self.path = path
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw .cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        do {
            let bytes = try Self.load(descriptor, path)
            let slots = (0..<Self.limit).map { slot in
                Self.entry(bytes[slot * Self.slotBytes..<(slot + 1) * Self.slotBytes])
            }
            state = Mutex(State(descriptor: descriptor, slots: slots))
        } catch {
            _ = close(descriptor)
            throw error
        }
    }

    deinit { state.withLock { _ = close($0.descriptor) } }

    /// What the store has not taken yet, the oldest first.
    public var pending: [Entry] {
        state.withLock { $0.slots.compactMap(\.self) }.sorted { $0.at < $1.at }
    }

    /// Keeps an entry; on disk when this returns true. Blocks for the time of an fsync.
    ///
    /// - Returns: false when there is no slot, or the disk refuses.
    public func add(_ entry: Entry) -> Bool {
        let text = Self.text(entry)
        guard text.count < Self.slotBytes else { return false }
        return state.withLock { state in
            guard let slot = state.slots.firstIndex(of: nil),
                Self.write(text, to: slot, of: state.descriptor)
            else { return false }
            state.slots[slot] = entry
            return true
        }
    }

    /// The store has it. An entry that cannot be removed comes to the store again at the next start, where
    /// it changes nothing.
    public func remove(_ entry: Entry) {
        state.withLock { state in
            guard let slot = state.slots.firstIndex(of: entry) else { return }
            state.slots[slot] = nil
            _ = Self.write([], to: slot, of: state.descriptor)
        }
    }

    // MARK: the file

    private static func load(_ descriptor: Int32, _ path: String) throws(StoreError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit * slotBytes)
        let count = bytes.withUnsafeMutableBytes { room in
            // SAFETY: pread(2) writes at most `room.count` bytes.
            pread(descriptor, room.baseAddress, room.count, 0)
        }
        guard count >= 0 else {
            throw .cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        guard count < bytes.count else { return bytes }
        // Real zeros, not a hole: a hole has no room.
        let filled = bytes.withUnsafeBytes { zeros in
            pwrite(descriptor, zeros.baseAddress, zeros.count, 0) == zeros.count
        }
        guard filled, fsync(descriptor) == 0 else {
            throw .writeFailed(path: path, reason: String(cString: strerror(errno)))
        }
        return bytes
    }

    private static func write(_ text: [UInt8], to slot: Int, of descriptor: Int32) -> Bool {
        let padded = text + [UInt8](repeating: 0, count: slotBytes - text.count)
        let count = padded.withUnsafeBytes { bytes in
            pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(slot * slotBytes))
        }
        return count == slotBytes && fdatasync(descriptor) == 0
    }

    /// Source and call are words of ours; what is none would break the line and is left out.
    private static func text(_ entry: Entry) -> [UInt8] {
        func word(_ text: String?) -> String {
            guard let text, !text.isEmpty, text.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
                return "-"
            }
            return text.utf8.count <= 64 ? text : "-"
        }
        return Array(
            "\(version) \(PersonalColumn().seal(entry.number)) \(word(entry.source)) \(entry.at.milliseconds) \(word(entry.call?.value))\n"
                .utf8)
    }

    /// nil for an empty slot, and for one that holds something else.
    private static func entry(_ slot: ArraySlice<UInt8>) -> Entry? {
        guard let end = slot.firstIndex(of: 10) else { return nil }
        let words = String(decoding: slot[..<end], as: UTF8.self)
            .split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 5, words[0] == version,
            let number = try? PersonalColumn().number(words[1]), let at = Int64(words[3])
        else { return nil }
        return Entry(
            number: number, source: words[2], call: words[4] == "-" ? nil : CallID(words[4]),
            at: WallTime(milliseconds: at))
    }
}
