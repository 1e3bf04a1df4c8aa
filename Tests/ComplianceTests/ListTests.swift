import Base
import Testing

@testable import Compliance

@Suite struct ListTests {
    private func parse(_ text: String) -> (set: NumberSet, errors: [DoNotCallParser.LineError]) {
        DoNotCallParser.parse(Array(text.utf8))
    }

    @Test func bothFlatFormsAndBothLineEndsAreRead() throws {
        let (set, errors) = parse("212,5551234\r\n4155550100\r\n907,2000000\n3059999999")
        #expect(errors.isEmpty)
        #expect(set.count == 4)
        for text in ["+12125551234", "+14155550100", "+19072000000", "+13059999999"] {
            #expect(set.contains(try PhoneNumber(text)))
        }
        for text in ["+12125551235", "+14155551234", "+19072000001", "+442079460000"] {
            #expect(!set.contains(try PhoneNumber(text)))
        }
    }

    @Test func badLinesAreReportedByNumberAndHoldNoContent() {
        let (set, errors) = parse(
            "2125551234\nabc\n212555123\n21255512345\n2,125551234\n0125551234\n2120551234\n"
                + "212,555,1234\n\n" + String(repeating: "1", count: 70) + "\n4155550100\n")
        #expect(set.count == 2)
        #expect(
            errors == [
                .init(line: 2, message: "a character that is neither digit nor comma"),
                .init(line: 3, message: "not ten digits"),
                .init(line: 4, message: "not ten digits"),
                .init(line: 5, message: "the comma does not follow the area code"),
                .init(line: 6, message: "area code or exchange begins with 0 or 1"),
                .init(line: 7, message: "area code or exchange begins with 0 or 1"),
                .init(line: 8, message: "more than one comma"),
                .init(line: 10, message: "line longer than 64 bytes"),
            ])
    }

    @Test func repeatedNumbersCountOnceInTheSet() {
        var parser = DoNotCallParser()
        Array("2125551234\n212,5551234\n".utf8).withUnsafeBytes { parser.feed($0) }
        parser.finish()
        #expect(parser.numberCount == 2)
        #expect(parser.set.count == 1)
    }

    @Test func piecesOfAnySizeGiveTheSameSet() throws {
        let text = Array("212,5551234\r\n4155550100\r\nx\r\n3059999999".utf8)
        for size in 1...text.count {
            var parser = DoNotCallParser()
            for start in stride(from: 0, to: text.count, by: size) {
                Array(text[start..<min(start + size, text.count)]).withUnsafeBytes {
                    parser.feed($0)
                }
            }
            parser.finish()
            #expect(parser.set.count == 3)
            #expect(parser.errors.map(\.line) == [3])
        }
    }

    @Test func errorsAreCountedBeyondTheOnesKept() {
        var parser = DoNotCallParser()
        let text = Array(String(repeating: "no\n", count: 150).utf8)
        text.withUnsafeBytes { parser.feed($0) }
        #expect(parser.errorCount == 150)
        #expect(parser.errors.count == DoNotCallParser.errorLimit)
    }

    @Test func randomBytesNeverTrap() {
        var generator = SeededGenerator(seed: 5)
        let alphabet = Array("0123456789,\r\n x".utf8)
        for _ in 0..<200 {
            let bytes = (0..<200).map { _ in
                alphabet[Int(generator.next() % UInt64(alphabet.count))]
            }
            let (set, errors) = DoNotCallParser.parse(bytes)
            #expect(set.count + errors.count <= 200)
        }
    }

    @Test func setAgreesWithAnExactSetOverRandomNumbers() throws {
        var generator = SeededGenerator(seed: 6)
        var set = NumberSet()
        var reference = Set<PhoneNumber>()
        func number() throws -> PhoneNumber {
            let npa = ["212", "999", "200"][Int(generator.next() % 3)]
            let nxx = 200 + Int(generator.next() % 800)
            let line = Int(generator.next() % 3) * 4999
            return try PhoneNumber("+1\(npa)\(nxx)\(padded(line, 4))")
        }
        for _ in 0..<1500 {
            let number = try number()
            set.insert(number)
            reference.insert(number)
        }
        #expect(set.count == reference.count)
        for _ in 0..<1500 {
            let number = try number()
            #expect(set.contains(number) == reference.contains(number))
        }
    }

    @Test func foreignNumbersAreNotTaken() throws {
        var set = NumberSet()
        #expect(!set.insert(try PhoneNumber("+442079460000")))
        #expect(set.count == 0)
    }
}
