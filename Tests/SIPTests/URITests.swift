import SIP
import Testing

@Test(
    arguments: [
        // text, user, host, port
        ("sip:alice@atlanta.com", "alice", "atlanta.com", nil),
        ("sip:+12125551212;phone-context=x@gw.com", "+12125551212;phone-context=x", "gw.com", nil),
        ("sips:1212@gateway.com:5061", "1212", "gateway.com", 5061),
        ("sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com", nil, "atlanta.com", nil),
        ("sip:alice:secret@h", "alice", "h", nil),
        ("SIP:%75ser@host", "user", "host", nil),
        ("sip:sips%3Auser%40example.com@example.net", "sips:user@example.com", "example.net", nil),
        ("sip:user;par=u%40example.net@example.com", "user;par=u@example.net", "example.com", nil),
        ("sip:[2001:db8::10]:5070", nil, "2001:db8::10", 5070),
        ("sip:x@[::ffff:192.0.2.1]", "x", "::ffff:192.0.2.1", nil),
    ] as [(String, String?, String, Int?)])
func uriPartsAreRead(_ text: String, _ user: String?, _ host: String, _ port: Int?) throws {
    let uri = try SIPURI(text)
    #expect(uri.user == user)
    #expect(uri.host == host)
    #expect(uri.port == port)
}

@Test(arguments: [
    "sip:alice@atlanta.com", "sips:1212@gateway.com:5061", "sip:[2001:db8::10]:5070;lr",
    "sip:sips%3Auser%40example.com@example.net;transport=udp?Subject=x",
])
func uriGoesOutAsItCameIn(_ text: String) throws {
    #expect(try SIPURI(text).serialised == text)
}

@Test(arguments: [
    "", ":", "sip:", "sip:@host", "sip:a@", "sip:a@b@c", "sip:2001:db8::10", "sip:host:0",
    "sip:host:65536", "sip:host:99999999999999999999", "sip:host:", "sip:[::1", "sip:[]",
    "sip:[host]", "sip:a b@host", "sip:a%4@host", "sip:a%zz@host", "sip:host;", "sip:host;;a",
    "sip:user@host; lr", "<sip:user@host>", "nocolon", "sip:ho\"st", "sip:h\u{0}",
])
func badURIIsRefused(_ text: String) {
    #expect(throws: SIPError.badURI) { try SIPURI(text) }
}

@Test func otherSchemesAreNamedAsSuch() {
    #expect(throws: SIPError.unsupportedScheme) { try SIPURI("tel:+12125551212") }
    #expect(throws: SIPError.unsupportedScheme) { try SIPURI("nobodyKnows:opaque") }
}

@Test func userIsEscapedWhenSent() {
    #expect(SIPURI(user: "a b@c\r\n", host: "h").serialised == "sip:a%20b%40c%0D%0A@h")
    #expect(
        SIPURI(user: "+12125550100", host: "::1", port: 5).serialised == "sip:+12125550100@[::1]:5")
}

@Test func addressesThatMayNotBeSentToAreKnown() {
    for host in ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1"] {
        #expect(!SIPAddress(host: host, port: 5060).isUnicast)
    }
    for host in ["127.0.0.1", "10.0.0.1", "223.1.1.1", "2001:db8::1"] {
        #expect(SIPAddress(host: host, port: 5060).isUnicast)
        #expect(SIPAddress(host: host, port: 5060).isNumeric)
    }
    for host in ["example.com", "1.2.3", "1.2.3.256", "1.2.3.4.5", ""] {
        #expect(!SIPAddress(host: host, port: 5060).isNumeric)
    }
}
