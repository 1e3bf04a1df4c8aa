import Foundation
import SIP
import Testing

/// What our server does with each message of RFC 4475 and RFC 5118 over UDP, written out.
/// `answer`: the final status; `call` = an incoming call with 100; `drop` = nothing sent.
private struct Verdict {
    var name: String
    var answer: String
    /// Why we differ from expected.tsv; nil: we agree with it.
    var differs: String?

    init(_ name: String, _ answer: String, differs: String? = nil) {
        self.name = name
        self.answer = answer
        self.differs = differs
    }
}

private let notRegistrar = "no registrar here: REGISTER is 405 whatever it carries"

private let rfc4475: [Verdict] = [
    Verdict("wsinv", "481"), Verdict("intmeth", "405"), Verdict("esc01", "call"),
    Verdict("escnull", "405", differs: notRegistrar), Verdict("esc02", "405"),
    Verdict("lwsdisp", "200"), Verdict("longreq", "call"),
    Verdict("dblreq", "405", differs: notRegistrar), Verdict("semiuri", "200"),
    Verdict("transports", "200"), Verdict("mpart01", "405"), Verdict("unreason", "drop"),
    Verdict("noreason", "drop"), Verdict("badinv01", "drop"), Verdict("clerr", "400"),
    Verdict("ncl", "400"), Verdict("scalar02", "400"), Verdict("scalarlg", "drop"),
    Verdict("quotbal", "400"), Verdict("ltgtruri", "400"), Verdict("lwsruri", "400"),
    Verdict("lwsstart", "400"), Verdict("trws", "200"), Verdict("escruri", "400"),
    Verdict("baddate", "call"), Verdict("regbadct", "400"), Verdict("badaspec", "200"),
    Verdict("baddn", "400"), Verdict("badvers", "505"), Verdict("mismatch01", "400"),
    Verdict("mismatch02", "400"), Verdict("bigcode", "drop"), Verdict("badbranch", "200"),
    Verdict("insuf", "400"), Verdict("unkscm", "416"), Verdict("novelsc", "416"),
    Verdict("unksm2", "405", differs: notRegistrar), Verdict("bext01", "420"),
    Verdict("invut", "415"), Verdict("regaut01", "405"), Verdict("multi01", "400"),
    Verdict("mcl01", "400"), Verdict("bcast", "drop"), Verdict("zeromf", "200"),
    Verdict("cparam01", "405", differs: notRegistrar),
    Verdict("cparam02", "405", differs: notRegistrar),
    Verdict("regescrt", "405", differs: notRegistrar), Verdict("sdp01", "406"),
    Verdict("inv2543", "call"), Verdict("test", "drop"),
]

private let rfc5118: [Verdict] = [
    Verdict("ipv6-good", "405", differs: notRegistrar), Verdict("ipv6-bad", "400"),
    Verdict("port-ambiguous", "405", differs: notRegistrar),
    Verdict("port-unambiguous", "405", differs: notRegistrar),
    Verdict("via-received-param-with-delim", "481"),
    Verdict("via-received-param-no-delim", "200"), Verdict("ipv6-in-sdp", "call"),
    Verdict("mult-ip-in-header", "481"), Verdict("mult-ip-in-sdp", "call"),
    Verdict("ipv4-mapped-ipv6", "call"), Verdict("ipv6-bug-abnf-3-colons", "200"),
    Verdict("ipv6-correct-abnf-2-colons", "200"),
]

private func outcome(_ bytes: [UInt8]) -> String {
    var bench = Bench()
    bench.inject(bytes)
    if !bench.incoming.isEmpty { return "call" }
    let answers = bench.sent.compactMap(\.message.status).filter { $0 >= 200 }
    return answers.last.map(String.init) ?? "drop"
}

/// True when the file's words allow `answer`.
private func allows(_ row: [String], _ answer: String) -> Bool {
    let words = row.dropFirst(3).prefix(4).joined(separator: " ")
    switch answer {
    case "call": return words.contains("normal") || words.contains("accept (")
    case "200":
        return words.contains("200") || words.contains("normal") || words.contains("accept (")
    default: return words.contains(answer)
    }
}

private func check(_ table: [Verdict], folder: String, suffix: String, tsv: String) {
    let rows = text(fixture(tsv)).split(separator: "\n").filter { !$0.hasPrefix("#") }
        .map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
    #expect(rows.map { $0[0] }.sorted() == table.map(\.name).sorted())
    for verdict in table {
        let bytes = fixture("\(folder)/\(verdict.name)\(suffix)")
        #expect(!bytes.isEmpty, "\(verdict.name)")
        #expect(outcome(bytes) == verdict.answer, "\(verdict.name)")
        guard let row = rows.first(where: { $0[0] == verdict.name }) else { continue }
        let agrees = allows(row, verdict.answer)
        #expect(
            agrees == (verdict.differs == nil), "\(verdict.name): \(row.joined(separator: " | "))")
    }
}

@Test func everyMessageOfRFC4475GetsItsAnswer() {
    check(
        rfc4475, folder: "sip/torture/rfc4475", suffix: ".dat",
        tsv: "sip/torture/rfc4475/expected.tsv")
    #expect(rfc4475.filter { $0.differs == nil }.count == 44)
    #expect(rfc4475.count == 50)
}

@Test func everyMessageOfRFC5118GetsItsAnswer() {
    check(
        rfc5118, folder: "sip/torture/rfc5118/wire", suffix: "",
        tsv: "sip/torture/rfc5118/expected.tsv")
    #expect(rfc5118.filter { $0.differs == nil }.count == 9)
    #expect(rfc5118.count == 12)
}

// MARK: what the two RFCs ask to look at

private func parse4475(_ name: String) throws -> SIPMessage {
    try SIPMessage(parsing: fixture("sip/torture/rfc4475/\(name).dat"))
}

@Test func wsinvIsReadToTheLetter() throws {
    let message = try parse4475("wsinv")
    let essentials = try MessageEssentials(message)
    #expect(essentials.cseq == CSeq(number: 9, method: .invite))
    #expect(essentials.vias.map(\.host) == ["192.0.2.2", "spindle.example.com", "192.168.255.111"])
    #expect(essentials.vias.map(\.branch) == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"])
    #expect(essentials.to.tag == "1918181833n")
    #expect(essentials.from.displayName == "J Rosenberg \\\"")
    #expect(
        message.headers[HeaderName("NewFangledHeader")]
            == "newfangled value continued newfangled value")
    #expect(message.headers[HeaderName("UnknownHeaderWithUnusualValue")] == ";;,,;;,;")
    #expect(message.body.count == 150)
}

@Test func intmethMethodIsAnyToken() throws {
    let message = try parse4475("intmeth")
    #expect(message.method?.name == "!interesting-Method0123456789_*+`.%indeed'~")
    let to = try MessageEssentials(message).to
    #expect(to.displayName == "BEL:\u{7} NUL:\u{0} DEL:\u{7F}")
}

@Test func escapedMethodIsNotRegister() throws {
    let message = try parse4475("esc02")
    #expect(message.method != .register)
    #expect(message.headers.values(.contact).count == 2)
}

@Test func octetsAfterTheBodyAreNoMessage() throws {
    let message = try parse4475("dblreq")
    #expect(message.method == .register)
    #expect(message.body.isEmpty)
}

@Test func longRequestIsReadWhole() throws {
    let essentials = try MessageEssentials(try parse4475("longreq"))
    #expect(essentials.vias.count == 34)
}

@Test func nulInUserPartDoesNotCutIt() throws {
    let contacts = try parse4475("escnull").headers.values(.contact)
    #expect(contacts.count == 2)
    let users = try contacts.map { try NameAddress($0, of: .contact).uri.sip?.user }
    #expect(users == ["\u{0}", "\u{0}\u{0}"])
}

@Test func parametersOfContactAndOfItsURIAreToldApart() throws {
    func contact(_ name: String) throws -> NameAddress {
        try NameAddress(try parse4475(name).headers[.contact] ?? "", of: .contact)
    }
    #expect(try contact("cparam01").parameters.contains("unknownparam"))
    #expect(try contact("cparam01").uri.sip?.parameters.contains("unknownparam") == false)
    #expect(try contact("cparam02").uri.sip?.parameters.contains("unknownparam") == true)
}

@Test func ambiguousPortBelongsToTheAddress() throws {
    func uri(_ name: String) throws -> SIPURI {
        let message = try SIPMessage(parsing: fixture("sip/torture/rfc5118/wire/\(name)"))
        return try SIPURI(message.requestURI ?? "")
    }
    #expect(try uri("port-ambiguous").host == "2001:db8::10:5070")
    #expect(try uri("port-ambiguous").port == nil)
    #expect(try uri("port-unambiguous").host == "2001:db8::10")
    #expect(try uri("port-unambiguous").port == 5070)
}
