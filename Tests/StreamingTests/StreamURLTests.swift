import Testing

@testable import Streaming

@Suite struct StreamURLTests {
    @Test func schemeHostPortAndTargetAreTakenApart() throws {
        let plain = try StreamURL(parsing: "ws://127.0.0.1:8765/bot?lang=en")
        #expect(!plain.isSecure)
        #expect(plain.host == "127.0.0.1")
        #expect(plain.port == 8765)
        #expect(plain.target == "/bot?lang=en")
        #expect(plain.hostField == "127.0.0.1:8765")

        let secure = try StreamURL(parsing: "WSS://Bot.example")
        #expect(secure.isSecure)
        #expect(secure.host == "Bot.example")
        #expect(secure.port == 443)
        #expect(secure.target == "/")
        #expect(secure.hostField == "Bot.example")
        #expect(secure.address == "Bot.example:443")
    }

    @Test func ipv6LiteralKeepsItsBracketsOutsideTheHost() throws {
        let url = try StreamURL(parsing: "ws://[::1]:9000?x=1")
        #expect(url.host == "::1")
        #expect(url.port == 9000)
        #expect(url.target == "/?x=1")
        #expect(url.hostField == "[::1]:9000")
    }

    @Test(arguments: [
        "", "ws:", "ws://", "http://bot/", "bot:80", "ws://:80/", "ws://bot:0/", "ws://bot:65536",
        "ws://bot:x/", "ws://bot:+80/", "ws://bot:/", "ws://[::1/", "ws://[::1]x/",
        "ws://user:secret@bot/", "ws://bot/#part", "ws://bot/a b", "ws://b\u{00F6}t/",
        "ws://bot/\n",
        "ws://bot/" + String(repeating: "a", count: 4096),
    ])
    func unusableURLsAreRefused(text: String) {
        #expect(throws: StreamError.self) { try StreamURL(parsing: text) }
    }

    @Test func errorsDoNotRepeatTheURL() {
        do {
            _ = try StreamURL(parsing: "ws://user:geheim@bot/?token=geheim")
            Issue.record("accepted")
        } catch {
            #expect(!error.description.contains("geheim"))
        }
    }

    @Test func headersThatWouldBreakTheUpgradeAreRefused() throws {
        try StreamURL.check(headers: [("Authorization", "Bearer x"), ("X-Call", "a\tb")])
        try StreamURL.check(headers: [("Sec-WebSocket-Protocol", "media")])
        for name in ["Host", "UPGRADE", "connection", "Sec-WebSocket-Key", "", "a b", "a:"] {
            #expect(throws: StreamError.badHeader(name: name)) {
                try StreamURL.check(headers: [(name, "v")])
            }
        }
        #expect(throws: StreamError.badHeader(name: "X")) {
            try StreamURL.check(headers: [("X", "a\r\nEvil: 1")])
        }
    }
}
