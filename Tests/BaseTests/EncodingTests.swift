import Base
import Testing

/// RFC 4648 section 10.
@Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
])
func base64VectorsOfTheRFC(plain: String, encoded: String) {
    #expect(Base64.encode(Array(plain.utf8)) == encoded)
    #expect(Base64.decode(encoded) == Array(plain.utf8))
    #expect(Base64.encodedCount(plain.utf8.count) == encoded.utf8.count)
}

@Test func base64EveryByteValueSurvives() {
    let bytes = (0...255).map { UInt8($0) }
    for count in 0...bytes.count {
        let slice = Array(bytes[..<count])
        #expect(Base64.decode(Base64.encode(slice)) == slice)
    }
    #expect(Base64.encode([0xFB, 0xEF, 0xFF]) == "++//")
}

@Test func base64AcceptsMissingPadding() {
    #expect(Base64.decode("Zg") == [0x66])
    #expect(Base64.decode("Zm8") == [0x66, 0x6F])
}

@Test(arguments: [
    "Z", "Zg=", "Zg===", "=", "====", "Zm9v=", "Zm9v====", "Zg==Zg==", "Z=g=", "Zm 9v", "Zm9v\n",
    "Zm9_", "Zm9-", "Zm9vY", "ä===", "\u{0}AAA",
])
func base64RefusesWhatNoEncoderMakes(text: String) {
    #expect(Base64.decode(text) == nil)
}

@Test func base64RandomTextNeverTrapsAndOnlyDecodesTheAlphabet() {
    var generator = SeededGenerator(seed: 4648)
    for _ in 0..<3000 {
        let text = (0..<Int(generator.next() % 12)).map { _ in
            UInt8(truncatingIfNeeded: generator.next())
        }
        guard let bytes = Base64.decode(text) else { continue }
        let significant = text.filter { $0 != UInt8(ascii: "=") }
        #expect(bytes.count == significant.count * 3 / 4)
    }
}

@Test func hexReadsBothCasesAndWritesLowerCase() {
    #expect(Hex.encode([0x00, 0x0F, 0xA5, 0xFF]) == "000fa5ff")
    #expect(Hex.decode("000Fa5fF") == [0x00, 0x0F, 0xA5, 0xFF])
    #expect(Hex.decode("") == [])
    for bad in ["0", "0g", "g0", " 0", "0x", "ää", "000"] { #expect(Hex.decode(bad) == nil) }
}

@Test func readerReadsBigAndLittleEndian() throws {
    var reader = ByteReader((1...21).map { UInt8($0) })
    #expect(try reader.readUInt8() == 0x01)
    #expect(try reader.readUInt16() == 0x0203)
    #expect(try reader.readUInt32() == 0x0405_0607)
    #expect(try reader.readUInt64() == 0x0809_0A0B_0C0D_0E0F)
    #expect(try reader.readUInt16LE() == 0x1110)
    #expect(try reader.readBytes(2) == [18, 19])
    try reader.skip(1)
    #expect(reader.remaining == 1)
    #expect(!reader.isAtEnd)
    #expect(try reader.readUInt8() == 21)
    #expect(reader.isAtEnd)
    var little = ByteReader([0x78, 0x56, 0x34, 0x12])
    #expect(try little.readUInt32LE() == 0x1234_5678)
}

/// Every read on every too short buffer throws with the facts, and consumes nothing.
@Test func readerRefusesTruncationAtEveryByteAndStaysPut() {
    typealias Read = (inout ByteReader) throws(ByteError) -> Void
    let reads: [(Int, Read)] = [
        (1, { (r: inout ByteReader) throws(ByteError) in _ = try r.readUInt8() }),
        (2, { (r: inout ByteReader) throws(ByteError) in _ = try r.readUInt16() }),
        (4, { (r: inout ByteReader) throws(ByteError) in _ = try r.readUInt32() }),
        (8, { (r: inout ByteReader) throws(ByteError) in _ = try r.readUInt64() }),
        (2, { (r: inout ByteReader) throws(ByteError) in _ = try r.readUInt16LE() }),
        (4, { (r: inout ByteReader) throws(ByteError) in _ = try r.readUInt32LE() }),
        (5, { (r: inout ByteReader) throws(ByteError) in _ = try r.readBytes(5) }),
        (3, { (r: inout ByteReader) throws(ByteError) in try r.skip(3) }),
    ]
    for (needed, read) in reads {
        for have in 0..<needed {
            var reader = ByteReader([UInt8](repeating: 0xAA, count: have))
            #expect(throws: ByteError.truncated(needed: needed, have: have)) {
                try read(&reader)
            }
            #expect(reader.position == 0)
        }
    }
}

@Test func readerRefusesNegativeAndHugeCounts() {
    for count in [-1, Int.min, Int.max, 4] {
        var reader = ByteReader([1, 2, 3])
        #expect(throws: ByteError.truncated(needed: count, have: 3)) {
            _ = try reader.readBytes(count)
        }
        #expect(throws: ByteError.truncated(needed: count, have: 3)) { try reader.skip(count) }
        #expect(reader.position == 0)
    }
}

@Test func writerWritesWhatTheReaderReads() throws {
    var writer = ByteWriter(reserving: 32)
    writer.write(UInt8(0x80))
    writer.write(UInt16(0x1234))
    writer.write(UInt32(0xDEAD_BEEF))
    writer.write(UInt64(0x0102_0304_0506_0708))
    writer.writeLE(UInt16(0x1234))
    writer.writeLE(UInt32(0x1234_5678))
    writer.write([9, 9])
    writer.write(ascii: "RIFF")
    #expect(
        writer.bytes == [
            0x80, 0x12, 0x34, 0xDE, 0xAD, 0xBE, 0xEF, 1, 2, 3, 4, 5, 6, 7, 8, 0x34, 0x12, 0x78,
            0x56, 0x34, 0x12, 9, 9, 0x52, 0x49, 0x46, 0x46,
        ])
    var reader = ByteReader(writer.bytes)
    #expect(try reader.readUInt8() == 0x80)
    #expect(try reader.readUInt16() == 0x1234)
    #expect(try reader.readUInt32() == 0xDEAD_BEEF)
    #expect(try reader.readUInt64() == 0x0102_0304_0506_0708)
}
