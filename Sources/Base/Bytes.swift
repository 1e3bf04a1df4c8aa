/// Why a byte string could not be read.
public enum ByteError: Error, Equatable, Sendable {
    case truncated(needed: Int, have: Int)
}

/// Reads big-endian fields from bytes that came from a stranger: every read is checked and throws,
/// nothing traps. A read that throws has consumed nothing.
public struct ByteReader: Sendable {
    public let bytes: [UInt8]
    public private(set) var position: Int
    public let end: Int

    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
        position = 0
        end = bytes.count
    }

    public var remaining: Int { end - position }
    public var isAtEnd: Bool { position >= end }

    private func need(_ count: Int) throws(ByteError) {
        guard count >= 0, remaining >= count else {
            throw .truncated(needed: count, have: remaining)
        }
    }

    public mutating func readUInt8() throws(ByteError) -> UInt8 {
        try need(1)
        defer { position += 1 }
        return bytes[position]
    }

    public mutating func readUInt16() throws(ByteError) -> UInt16 {
        try need(2)
        defer { position += 2 }
        return UInt16(bytes[position]) << 8 | UInt16(bytes[position + 1])
    }

    public mutating func readUInt32() throws(ByteError) -> UInt32 {
        try need(4)
        return UInt32(try readUInt16()) << 16 | UInt32(try readUInt16())
    }

    public mutating func readUInt64() throws(ByteError) -> UInt64 {
        try need(8)
        return UInt64(try readUInt32()) << 32 | UInt64(try readUInt32())
    }

    public mutating func readUInt16LE() throws(ByteError) -> UInt16 { try readUInt16().byteSwapped }
    public mutating func readUInt32LE() throws(ByteError) -> UInt32 { try readUInt32().byteSwapped }

    public mutating func readBytes(_ count: Int) throws(ByteError) -> ArraySlice<UInt8> {
        try need(count)
        defer { position += count }
        return bytes[position..<position + count]
    }

    public mutating func skip(_ count: Int) throws(ByteError) {
        try need(count)
        position += count
    }
}

/// Appends big-endian fields to a growing byte array. For control data; the packet path writes into
/// buffers it owns.
public struct ByteWriter: Sendable {
    public private(set) var bytes: [UInt8] = []

    public init(reserving capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    public mutating func write(_ value: UInt8) { bytes.append(value) }
    public mutating func write(_ value: UInt16) {
        bytes.append(UInt8(truncatingIfNeeded: value >> 8))
        bytes.append(UInt8(truncatingIfNeeded: value))
    }
    public mutating func write(_ value: UInt32) {
        write(UInt16(truncatingIfNeeded: value >> 16))
        write(UInt16(truncatingIfNeeded: value))
    }
    public mutating func write(_ value: UInt64) {
        write(UInt32(truncatingIfNeeded: value >> 32))
        write(UInt32(truncatingIfNeeded: value))
    }
    public mutating func writeLE(_ value: UInt16) { write(value.byteSwapped) }
    public mutating func writeLE(_ value: UInt32) { write(value.byteSwapped) }
    public mutating func write(_ slice: some Sequence<UInt8>) { bytes.append(contentsOf: slice) }
    public mutating func write(ascii text: String) { bytes.append(contentsOf: text.utf8) }
}
