//  one binary WebSocket message, all numbers little-endian
//
//  ┌─────────┬───────┬─────────────┐┌──────┬───────┬────────┬─────┬───────────┬─────────┐┌─────
//  │ version │   0   │ record count ││ type │ flags │ length │ leg │ timestamp │ payload ││ next
//  │   u8    │  u8   │     u16      ││  u8  │  u8   │  u16   │ u32 │    u64    │ length  ││ record
//  └─────────┴───────┴──────────────┘└──────┴───────┴────────┴─────┴───────────┴─────────┘└─────

/// The multiplexed stream's wire format (docs/STREAMING.md).
public enum Mux {
    /// First byte of each message.
    public static let version: UInt8 = 1
    /// Offered as `Sec-WebSocket-Protocol`; the bot's answer must name it.
    public static let subprotocol = "trunkline.mux.1"
    /// Bytes of a message before its first record.
    public static let messageHeader = 4
    /// Bytes of a record before its payload.
    public static let recordHeader = 16
    /// Longest message we send, bytes.
    public static let maximumMessage = 65_535
    /// Records read from one message of a bot; further ones are counted and skipped.
    public static let maximumRecords = 4096

    /// What a record is. Unknown ones are skipped by their length.
    public enum Kind: UInt8, Sendable {
        /// Leg 0: the connection's own greeting; JSON.
        case hello = 0
        /// Samples.
        case audio = 1
        /// A leg is here; JSON. To the bot only.
        case start = 2
        /// The leg is over: the last record of a leg. To the bot: JSON with the reason.
        case stop = 3
        /// A name in UTF-8: from the bot after audio, back when that audio has been sent.
        case mark = 4
        /// Barge-in, no payload. From the bot only.
        case clear = 5
        /// One ASCII character. To the bot only.
        case dtmf = 6
        /// Something was detected; JSON. To the bot only.
        case event = 7
        /// What has been understood of the far end since the leg's start, UTF-8. From the bot only.
        case transcript = 8
    }

    /// The second byte of a record (docs/STREAMING.md). Bits without a name are kept as they came.
    public struct Flags: OptionSet, Sendable, Equatable {
        /// The byte as it stands on the wire.
        public let rawValue: UInt8
        /// Any byte; bits without a name stay.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Bits 0–1: what the samples are; 3 is not in use.
        static let encodingBits: UInt8 = 0b11
        /// Whether somebody speaks is known: `speech` counts.
        public static let speechKnown = Flags(rawValue: 1 << 2)
        /// Somebody speaks, says the voice detector; counts with `speechKnown` only.
        public static let speech = Flags(rawValue: 1 << 3)
        /// Some of these samples were lost in the network and filled in.
        public static let concealed = Flags(rawValue: 1 << 4)
        /// Nothing comes after this record of this leg.
        public static let end = Flags(rawValue: 1 << 7)
    }

    /// One record as it stands in a message.
    public struct Record: Sendable, Equatable {
        /// A `Kind`, or a type of a later version.
        public var type: UInt8
        /// How audio is encoded and what is known about it.
        public var flags: Flags
        /// Chosen by us, never 0 but for `hello`; not used again soon.
        public var leg: UInt32
        /// Samples since the leg's start, at the leg's rate; 0 from a bot.
        public var timestamp: UInt64
        /// Bytes of the message.
        public var payload: Range<Int>
    }

    /// Why a message, or the rest of one, cannot be read.
    public enum Fault: Error, Equatable, Sendable {
        case truncated(needed: Int, have: Int)
        case version(UInt8)
        case tooManyRecords(limit: Int)
    }

    /// Walks over the records of one message. Nothing is copied; every read is checked.
    public struct Reader {
        private let bytes: UnsafeRawBufferPointer
        private var position = Mux.messageHeader
        private var taken = 0
        private let maximumRecords: Int

        /// `bytes` must stay until the last `next`.
        /// - Throws: `.truncated`, `.version`. The header's record count is a hint and not relied on.
        public init(
            _ bytes: UnsafeRawBufferPointer, maximumRecords: Int = Mux.maximumRecords
        ) throws(Fault) {
            guard bytes.count >= Mux.messageHeader else {
                throw .truncated(needed: Mux.messageHeader, have: bytes.count)
            }
            guard bytes[0] == Mux.version else { throw .version(bytes[0]) }
            self.bytes = bytes
            self.maximumRecords = maximumRecords
        }

        /// The next record; nil after the last. After an error nothing more can be read.
        public mutating func next() throws(Fault) -> Record? {
            let left = bytes.count - position
            guard left > 0 else { return nil }
            guard left >= Mux.recordHeader else {
                position = bytes.count
                throw .truncated(needed: Mux.recordHeader, have: left)
            }
            guard taken < maximumRecords else {
                position = bytes.count
                throw .tooManyRecords(limit: maximumRecords)
            }
            let start = position + Mux.recordHeader
            let length = Int(load(2, UInt16.self))
            guard left - Mux.recordHeader >= length else {
                position = bytes.count
                throw .truncated(needed: Mux.recordHeader + length, have: left)
            }
            let record = Record(
                type: bytes[position], flags: Flags(rawValue: bytes[position + 1]),
                leg: load(4, UInt32.self), timestamp: load(8, UInt64.self),
                payload: start..<(start + length))
            position = start + length
            taken += 1
            return record
        }

        /// The record's payload.
        public func payload(of record: Record) -> UnsafeRawBufferPointer {
            let range = record.payload.clamped(to: 0..<bytes.count)
            return UnsafeRawBufferPointer(rebasing: bytes[range])
        }

        private func load<Word: FixedWidthInteger>(_ offset: Int, _: Word.Type) -> Word {
            Word(
                littleEndian: bytes.loadUnaligned(fromByteOffset: position + offset, as: Word.self))
        }
    }
}

extension Mux.Flags {
    /// The encoding bits alone.
    var format: Mux.Flags { Mux.Flags(rawValue: rawValue & Self.encodingBits) }

    init(_ encoding: StreamEncoding, _ rate: Int) {
        switch (encoding, rate) {
        case (.muLaw, _): self.init(rawValue: 0)
        case (.linear16, 8000): self.init(rawValue: 1)
        case (.linear16, _): self.init(rawValue: 2)
        }
    }
}
