/// Why a byte string could not be read.
public enum ByteError: Error, Equatable, Sendable {
    case truncated(needed: Int, have: Int)
}

/// Reads big-endian fields from bytes that came from a stranger: every read is checked and throws,
/// nothing traps. A read that throws has consumed nothing.
public struct ByteReader: Sendable {
    /// Everything to be read, what has been read included.
    public let bytes: [UInt8]
    /// Index into `bytes` of the next byte to be read.
    public private(set) var position: Int
    /// Index after the last byte: `bytes.count`.
    public let end: Int

    /// Starts at the first of `bytes`.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
        position = 0
        end = bytes.count
    }

    /// Bytes not yet read.
    public var remaining: Int { end - position }
    /// True when nothing is left to read.
    public var isAtEnd: Bool { position >= end }

    private func need(_ count: Int) throws(ByteError) {
        guard count >= 0, remaining >= count else {
            throw .truncated(needed: count, have: remaining)
        }
    }

    /// The next byte.
    ///
    /// - Throws: `ByteError.truncated` at the end.
    public mutating func readUInt8() throws(ByteError) -> UInt8 {
        try need(1)
        defer { position += 1 }
        return bytes[position]
    }

    /// Two bytes, the high one first.
    ///
    /// - Throws: `ByteError.truncated` with fewer than 2 bytes left.
    public mutating func readUInt16() throws(ByteError) -> UInt16 {
        try need(2)
        defer { position += 2 }
        return UInt16(bytes[position]) << 8 | UInt16(bytes[position + 1])
    }

    /// Four bytes, the highest first.
    ///
    /// - Throws: `ByteError.truncated` with fewer than 4 bytes left.
    public mutating func readUInt32() throws(ByteError) -> UInt32 {
        try need(4)
        return UInt32(try readUInt16()) << 16 | UInt32(try readUInt16())
    }

    /// Eight bytes, the highest first.
    ///
    /// - Throws: `ByteError.truncated` with fewer than 8 bytes left.
    public mutating func readUInt64() throws(ByteError) -> UInt64 {
        try need(8)
        return UInt64(try readUInt32()) << 32 | UInt64(try readUInt32())
    }

    /// Two bytes, the low one first.
    ///
    /// - Throws: `ByteError.truncated` with fewer than 2 bytes left.
    public mutating func readUInt16LE() throws(ByteError) -> UInt16 { try readUInt16().byteSwapped }
    /// Four bytes, the lowest first.
    ///
    /// - Throws: `ByteError.truncated` with fewer than 4 bytes left.
    public mutating func readUInt32LE() throws(ByteError) -> UInt32 { try readUInt32().byteSwapped }

    /// The next `count` bytes, with the indices that they have in `bytes`.
    ///
    /// - Throws: `ByteError.truncated` with fewer left or for a negative `count`.
    public mutating func readBytes(_ count: Int) throws(ByteError) -> ArraySlice<UInt8> {
        try need(count)
        defer { position += count }
        return bytes[position..<position + count]
    }

    /// Passes over `count` bytes.
    ///
    /// - Throws: `ByteError.truncated` with fewer left or for a negative `count`.
    public mutating func skip(_ count: Int) throws(ByteError) {
        try need(count)
        position += count
    }
}

/// Appends big-endian fields to a growing byte array. For control data; the packet path writes into
/// buffers it owns.
public struct ByteWriter: Sendable {
    /// Everything written so far.
    public private(set) var bytes: [UInt8] = []

    /// `capacity` is the number of bytes to make room for; writing more is no error.
    public init(reserving capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    /// One byte.
    public mutating func write(_ value: UInt8) { bytes.append(value) }
    /// Two bytes, the high one first.
    public mutating func write(_ value: UInt16) {
        bytes.append(UInt8(truncatingIfNeeded: value >> 8))
        bytes.append(UInt8(truncatingIfNeeded: value))
    }
    /// Four bytes, the highest first.
    public mutating func write(_ value: UInt32) {
        write(UInt16(truncatingIfNeeded: value >> 16))
        write(UInt16(truncatingIfNeeded: value))
    }
    /// Eight bytes, the highest first.
    public mutating func write(_ value: UInt64) {
        write(UInt32(truncatingIfNeeded: value >> 32))
        write(UInt32(truncatingIfNeeded: value))
    }
    /// Two bytes, the low one first.
    public mutating func writeLE(_ value: UInt16) { write(value.byteSwapped) }
    /// Four bytes, the lowest first.
    public mutating func writeLE(_ value: UInt32) { write(value.byteSwapped) }
    /// The bytes as they are, without a length before them.
    public mutating func write(_ slice: some Sequence<UInt8>) { bytes.append(contentsOf: slice) }
    /// The UTF-8 bytes of `text`, no length before and no zero after; that it is ASCII is not
    /// checked.
    public mutating func write(ascii text: String) { bytes.append(contentsOf: text.utf8) }
}
