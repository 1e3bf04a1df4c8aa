/// One header line, unfolded.
struct HeaderLine {
    var name: HeaderName
    var value: String

    /// nil for a line without colon, or with a name that is no token, or with a bare CR: a name with
    /// spaces or control characters inside would let one header pose as another to a less careful
    /// reader (CVE-2020-28361), and so would a CR in the value.
    static func parse(_ line: ArraySlice<UInt8>) -> HeaderLine? {
        line.withUnsafeBufferPointer { buffer in parse(buffer) }
    }

    /// SAFETY: every index below is compared with `count` before it is used, and the buffer is not
    /// kept.
    private static func parse(_ buffer: UnsafeBufferPointer<UInt8>) -> HeaderLine? {
        let count = buffer.count
        var start = 0
        while start < count, SIPCharacter.isSpace(buffer[start]) { start += 1 }
        var end = start
        while end < count, TokenSet.contains(buffer[end]) { end += 1 }
        var colon = end
        while colon < count, SIPCharacter.isSpace(buffer[colon]) { colon += 1 }
        guard end > start, colon < count, buffer[colon] == UInt8(ascii: ":") else { return nil }
        var first = colon + 1
        while first < count, SIPCharacter.isSpace(buffer[first]) { first += 1 }
        var last = count
        while last > first, SIPCharacter.isSpace(buffer[last - 1]) { last -= 1 }
        for index in 0..<count where buffer[index] == 13 { return nil }
        let name = UnsafeBufferPointer(rebasing: buffer[start..<end])
        let value = UnsafeBufferPointer(rebasing: buffer[first..<last])
        return HeaderLine(
            name: HeaderNameTable.shared.name(name),
            value: String(decoding: value, as: UTF8.self))
    }
}

/// `SIPCharacter.isToken` as two words of bits.
enum TokenSet {
    private static let low: UInt64 = bits(0..<64)
    private static let high: UInt64 = bits(64..<128)

    private static func bits(_ range: Range<UInt8>) -> UInt64 {
        range.reduce(0) {
            SIPCharacter.isToken($1) ? $0 | 1 << UInt64($1 - range.lowerBound) : $0
        }
    }

    @inline(__always)
    static func contains(_ byte: UInt8) -> Bool {
        if byte < 64 { return low >> UInt64(byte) & 1 != 0 }
        return byte < 128 && high >> UInt64(byte - 64) & 1 != 0
    }
}

/// The names we know, found by their bytes without making a string of them.
struct HeaderNameTable: Sendable {
    static let shared = HeaderNameTable()

    private struct Slot: Sendable {
        /// Lower case.
        var bytes: [UInt8]
        var name: HeaderName
    }

    /// A power of two, several times the number of names.
    private static let size = 512
    private var slots: [Slot?] = Array(repeating: nil, count: size)

    private init() {
        for (text, name) in HeaderName.known.sorted(by: { $0.key < $1.key }) {
            let bytes = Array(text.utf8)
            var place = bytes.withUnsafeBufferPointer { Self.hash($0) }
            while slots[place] != nil { place = (place + 1) & (Self.size - 1) }
            slots[place] = Slot(bytes: bytes, name: name)
        }
    }

    /// Length and four characters: enough to part the names there are.
    @inline(__always)
    private static func hash(_ name: UnsafeBufferPointer<UInt8>) -> Int {
        let count = name.count
        guard count > 0 else { return 0 }
        var hash = count
        for index in [0, count / 3, count / 2, count - 1] {
            hash = hash &* 31 &+ Int(SIPCharacter.lower(name[index]))
        }
        return hash & (size - 1)
    }

    /// The known name, else one made of these bytes.
    func name(_ name: UnsafeBufferPointer<UInt8>) -> HeaderName {
        var place = Self.hash(name)
        while let slot = slots[place] {
            if slot.bytes.count == name.count, Self.equal(slot.bytes, name) { return slot.name }
            place = (place + 1) & (Self.size - 1)
        }
        return HeaderName(String(decoding: name, as: UTF8.self))
    }

    @inline(__always)
    private static func equal(_ lower: [UInt8], _ name: UnsafeBufferPointer<UInt8>) -> Bool {
        for index in lower.indices where lower[index] != SIPCharacter.lower(name[index]) {
            return false
        }
        return true
    }
}
