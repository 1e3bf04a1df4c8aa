import SIP
import Testing

@Test(
    arguments: [
        ("\"A. G. Bell\" <sip:agb@bell.com>;tag=a48s", "A. G. Bell", "sip:agb@bell.com", "a48s"),
        (
            "sip:+12125551212@server.phone2net.com;tag=887s", nil,
            "sip:+12125551212@server.phone2net.com", "887s"
        ),
        (
            "Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8", "Anonymous",
            "sip:c8oqz84zk7z@privacy.org", "hyh8"
        ),
        ("\"a \\\"b\\\\\" <sip:x@y;lr> ; tag = q", "a \"b\\", "sip:x@y;lr", "q"),
        ("< sip:t.watson@example.org >", nil, "sip:t.watson@example.org", nil),
        ("Bell, Alexander <sip:a@b>;tag=43", "Bell, Alexander", "sip:a@b", "43"),
        ("<tel:+1-212>", nil, "tel:+1-212", nil),
    ] as [(String, String?, String, String?)])
func nameAddressIsRead(_ text: String, _ name: String?, _ uri: String, _ tag: String?) throws {
    let address = try NameAddress(text, of: .from)
    #expect(address.displayName == name)
    #expect(address.uri.serialised == uri)
    #expect(address.tag == tag)
}

@Test(arguments: [
    "", "\"Mr. J. User <sip:j.user@example.com>", "<sip:a@b", "sip:a@b?Route=x", "sip:a@b,c",
    "<sip:a@b>;", "<sip:a@b>;;", "<sip:a@b> junk", "<sip:a@b>;tag=\"open", "\"n\" sip:a@b", "<>",
    "<sip:a@b>;tag=",
])
func badNameAddressIsRefused(_ text: String) {
    #expect(throws: SIPError.malformed(.to)) { try NameAddress(text, of: .to) }
}

@Test func displayNameIsEscapedWhenSent() throws {
    let address = NameAddress(
        displayName: "a\"b\\c\r\nX: y", uri: try AnyURI("sip:x@y"), tag: "1")
    #expect(address.serialised == "\"a\\\"b\\\\c  X: y\" <sip:x@y>;tag=1")
}

@Test func viaIsReadInAllItsForms() throws {
    let plain = try Via("SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bK77;rport")
    #expect(plain.transport == "UDP")
    #expect(plain.host == "192.0.2.1")
    #expect(plain.port == 5061)
    #expect(plain.branch == "z9hG4bK77")
    #expect(plain.hasCookie)
    #expect(plain.parameters.contains("rport"))
    let spaced = try Via("SIP  / 2.0  / TCP     spindle.example.com   ;  branch  =   z9hG4bK9ikj8")
    #expect(spaced.host == "spindle.example.com")
    #expect(spaced.branch == "z9hG4bK9ikj8")
    let six = try Via("SIP/2.0/UDP [2001:db8::9:1]:6050;received=[2001:db8::9:255];branch=z9hG4bKa")
    #expect(six.host == "2001:db8::9:1")
    #expect(six.port == 6050)
    #expect(six.parameters["received"] == "[2001:db8::9:255]")
    #expect(
        try Via("SIP/2.0/UDP h;received=2001:db8::9:255").parameters["received"]
            == "2001:db8::9:255")
    #expect(try !Via("SIP/2.0/UDP h;branch=z9hG4bK").hasCookie)
    #expect(try !Via("SIP/2.0/UDP h;branch=390skdjuw").hasCookie)
}

@Test(arguments: [
    "", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0 UDP h", "SIP/2.0/UDP h;;,;,,",
    "SIP/2.0/UDP h:99999", "SIP/2.0/UDP h:-1", "SIP/2.0/UDP [::1;branch=x", "XXX/2.0/UDP h",
    "SIP/2.0/UDP ;branch=x",
])
func badViaIsRefused(_ text: String) {
    #expect(throws: SIPError.malformed(.via)) { try Via(text) }
}

@Test func cseqIsRead() throws {
    #expect(try CSeq("4711 INVITE") == CSeq(number: 4711, method: .invite))
    #expect(try CSeq("0009    INVITE") == CSeq(number: 9, method: .invite))
    #expect(try CSeq("4294967295 X").number == 4_294_967_295)
    for bad in [
        "", "INVITE", "1", "1INVITE", "4294967296 X", "-1 X", "1 X Y", "99999999999999999999 X",
    ] {
        #expect(throws: SIPError.malformed(.cseq)) { try CSeq(bad) }
    }
}

@Test func compactNamesAndCaseAreOneName() {
    #expect(HeaderName("v") == .via)
    #expect(HeaderName("L") == .contentLength)
    #expect(HeaderName("CALL-id") == .callID)
    #expect(HeaderName("call-ID").text == "Call-ID")
    #expect(HeaderName("X-Custom") == HeaderName("x-custom"))
    #expect(HeaderName("x").text == "Session-Expires")
}

@Test func listValuesAreSplitOutsideQuotesAndBrackets() {
    var headers = SIPHeaders()
    headers.append(.contact, "\"a, b\" <sip:x,y@h>, <sip:z@h>;q=0.1")
    headers.append(.via, "other")
    headers.append(.contact, "sip:c@h, , \"\\\",\" <sip:d@h>")
    #expect(
        headers.values(.contact) == [
            "\"a, b\" <sip:x,y@h>", "<sip:z@h>;q=0.1", "sip:c@h", "\"\\\",\" <sip:d@h>",
        ])
}
