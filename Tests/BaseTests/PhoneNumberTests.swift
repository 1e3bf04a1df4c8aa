import Base
import Testing

@Test(arguments: [
    ("+12125551234", "+12125551234"), ("2125551234", "+12125551234"),
    ("12125551234", "+12125551234"), ("(212) 555-1234", "+12125551234"),
    ("1-212-555-1234", "+12125551234"), ("212.555.1234", "+12125551234"),
    ("+49 30 123456", "+4930123456"), ("+4412345", "+4412345"),
    ("+123456789012345".replacingFirst("1", with: "9"), "+923456789012345"),
])
func numbersAreReadIntoE164(text: String, e164: String) throws {
    #expect(try PhoneNumber(text).e164 == e164)
}

extension String {
    fileprivate func replacingFirst(_ old: Character, with new: Character) -> String {
        guard let index = firstIndex(of: old) else { return self }
        return String(self[..<index]) + String(new) + String(self[self.index(after: index)...])
    }
}

@Test(arguments: [
    ("", PhoneNumber.ParseError.empty), ("+", .empty), (" - ", .empty),
    ("abc", .invalidCharacter(offset: 0)), ("212555123x", .invalidCharacter(offset: 9)),
    ("++12125551234", .invalidCharacter(offset: 1)), ("2+125551234", .invalidCharacter(offset: 1)),
    ("555-1234", .wrongLength(digits: 7)), ("22125551234", .wrongLength(digits: 11)),
    ("+123456", .wrongLength(digits: 6)), ("+9234567890123456", .wrongLength(digits: 16)),
    ("+0123456789", .wrongLength(digits: 10)), ("+1212555123", .wrongLength(digits: 10)),
    ("+121255512345", .wrongLength(digits: 12)), ("1125551234", .notNANP),
    ("2121551234", .notNANP), ("0125551234", .notNANP),
    ("٢١٢٥٥٥١٢٣٤", .invalidCharacter(offset: 0)),
])
func badNumbersSayWhy(text: String, error: PhoneNumber.ParseError) {
    #expect(throws: error) { try PhoneNumber(text) }
}

@Test func areaCodeOnlyInTheNorthAmericanPlan() throws {
    #expect(try PhoneNumber("+12125551234").npa == "212")
    #expect(try PhoneNumber("+12125551234").isNANP)
    #expect(try PhoneNumber("+4930123456").npa == nil)
}

@Test func aNumberPrintsOnlyItsLastTwoDigits() throws {
    let number = try PhoneNumber("+12125551234")
    #expect("\(number)" == "…34")
    #expect(String(reflecting: number) == "…34")
    #expect("\(Optional(number) as Any)".contains("555") == false)
    #expect("\([number])" == "[…34]")
    var dumped = ""
    dump(["number": number], to: &dumped)
    #expect(!dumped.contains("555"))
}

@Test func aRedactedValuePrintsNothingOfItself() {
    struct Holder { var name = Redacted("Ada Lovelace") }
    var dumped = ""
    dump(Holder(), to: &dumped)
    for text in ["\(Redacted("Ada"))", "\(Holder())", String(reflecting: Holder()), dumped] {
        #expect(text.contains("<redacted>"))
        #expect(!text.contains("Ada"))
    }
    #expect(Redacted("Ada").value == "Ada")
    #expect(Redacted(1) == Redacted(1))
    #expect(Set([Redacted(1), Redacted(1)]).count == 1)
}

@Test func numbersSortAndHashByTheirDigits() throws {
    let a = try PhoneNumber("2125550001")
    let b = try PhoneNumber("+12125550002")
    #expect(a < b)
    #expect(try Set([a, b, PhoneNumber("1 212 555 0001")]).count == 2)
}

@Test func anyTextIsRefusedOrBecomesE164() {
    var generator = SeededGenerator(seed: 164)
    let alphabet = Array("0123456789+-(). x".utf8)
    var accepted = 0
    for _ in 0..<5000 {
        let count = Int(generator.next() % 20)
        let text = (0..<count).map { _ in alphabet[Int(generator.next() % 17)] }
        guard let number = try? PhoneNumber(String(decoding: text, as: UTF8.self)) else { continue }
        accepted += 1
        #expect(number.e164.hasPrefix("+"))
        #expect((8...16).contains(number.e164.utf8.count))
        #expect((try? PhoneNumber(number.e164)) == number)
    }
    #expect(accepted > 50)
}
