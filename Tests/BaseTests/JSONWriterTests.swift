import Base
import Foundation
import Testing

@Test func valuesAreWrittenInOrder() {
    var writer = JSONWriter()
    writer.object { writer in
        writer.field("a", 1)
        writer.array("b") { writer in
            writer.field(nil, "x")
            writer.object { $0.field("deep", true) }
            writer.null()
            writer.array { _ in }
        }
        writer.object("c") { _ in }
        writer.field("d", -2.50)
        writer.field("e", Double.nan)
        writer.raw("f", Array("[1]".utf8))
        writer.null("g")
    }
    #expect(
        writer.string
            == #"{"a":1,"b":["x",{"deep":true},null,[]],"c":{},"d":-2.5,"e":null,"f":[1],"g":null}"#
    )
    writer.removeAll()
    writer.field(nil, "again")
    #expect(writer.string == #""again""#)
}

@Test func stringsAreEscaped() throws {
    let text = "quote \" backslash \\ newline \n tab \t nul \u{0} del \u{7F} é 🎧 \u{2028}"
    var writer = JSONWriter()
    writer.object { $0.field("k\"", text) }
    #expect(writer.string.contains(#"\u000a"#))
    let parsed = try JSONSerialization.jsonObject(with: Data(writer.bytes)) as? [String: String]
    #expect(parsed == ["k\"": text])
}

@Test func anyStringComesBackFromAStandardParser() throws {
    var generator = SeededGenerator(seed: 8259)
    for _ in 0..<300 {
        var text = String.UnicodeScalarView()
        for _ in 0..<Int(generator.next() % 20) {
            if let scalar = Unicode.Scalar(UInt32(generator.next() % 0x11_0000)) {
                text.append(scalar)
            }
        }
        var writer = JSONWriter()
        writer.array { $0.field(nil, String(text)) }
        let parsed = try JSONSerialization.jsonObject(with: Data(writer.bytes)) as? [String]
        #expect(parsed?.first.map { Array($0.unicodeScalars) } == Array(text))
    }
}

@Test func decimalsAreRoundedAndTrimmed() {
    #expect(decimal(0, 3) == "0")
    #expect(decimal(1.23456, 3) == "1.235")
    #expect(decimal(-1.5, 0) == "-2")
    #expect(decimal(-0.0004, 3) == "0")
    #expect(decimal(0.05, 3) == "0.05")
    #expect(decimal(2, 3) == "2")
    #expect(decimal(99.9999, 2) == "100")
    #expect(decimal(.nan, 3) == "null")
    #expect(decimal(-.infinity, 3) == "null")
}

/// Large values and many decimals must not overflow the integer they are scaled into.
@Test func hugeValuesStayValidNumbers() {
    #expect(decimal(123_456_789_012_345, 6) == "123456789012345")
    #expect(decimal(1e14, 9) == "100000000000000")
    #expect(decimal(1e15, 3) == "1000000000000000")
    #expect(decimal(-1e20, 3) == "-1e+20")
    #expect(decimal(-.greatestFiniteMagnitude, 3) == "-1.7976931348623157e+308")
    #expect(decimal(0.1234567891, 40) == "0.123456789")
    #expect(decimal(1.5, -3) == "2")
    for decimals in 0...12 {
        for exponent in -20...20 {
            let value = Double("9.87654321e\(exponent)") ?? 0
            let read = Double(decimal(value, decimals))
            #expect(read.map { abs($0 - value) <= max(0.5, value * 1e-6) } == true)
        }
    }
}
