import Base
import Foundation
import Testing

@testable import Streaming

@Suite struct BotMessageTests {
    private func parse(_ bytes: [UInt8]) -> (BotMessage, [UInt8]) {
        var payload: [UInt8] = [1, 2, 3]
        let message = bytes.withUnsafeBufferPointer { BotMessage.parse($0, payload: &payload) }
        return (message, payload)
    }

    private func parse(_ text: String) -> BotMessage { parse(Array(text.utf8)).0 }

    // Twilio Media Streams documentation, "Send a media message".
    @Test func mediaMessageOfTheDocumentation() {
        let text = """
            {
              "event": "media",
              "streamSid": "MZ18ad3ab5a668481ce02b83e7395059f0",
              "media": {
                "payload": "a3242sdfsdf4"
              }
            }
            """
        let (message, payload) = parse(Array(text.utf8))
        #expect(message == .media)
        #expect(payload == [0x6B, 0x7D, 0xB8, 0xDA, 0xC7, 0x5F, 0xB1, 0xD7, 0xF8])
    }

    @Test func orderOfFieldsAndUnknownFieldsDoNotMatter() {
        let (message, payload) = parse(
            Array(
                (#"{"media":{"x":[{"payload":"AAAA"}],"payload":"gAE=","track":"outbound"},"#
                    + #""n":-1.5e3,"t":true,"u":null,"o":{"event":"clear"},"event":"media"}"#)
                    .utf8))
        #expect(message == .media)
        #expect(payload == [0x80, 0x01])
    }

    @Test func markAndClear() {
        #expect(
            parse(#"{"event":"mark","streamSid":"MZ1","mark":{"name":"my label"}}"#)
                == .mark(name: "my label"))
        #expect(parse(#"{"event":"clear","streamSid":"MZ1"}"#) == .clear)
        #expect(parse(" {\"event\" :\t\"clear\"}\r\n") == .clear)
    }

    /// Ours, not Twilio's (docs/STREAMING.md).
    @Test func transcriptsAreReadUpToTheirLimit() {
        #expect(
            parse(#"{"event":"transcript","transcript":{"final":true,"text":"All\u00f4 ?"}}"#)
                == .transcript(text: "Allô ?"))
        let longest = String(repeating: "a", count: BotMessage.maximumTranscript)
        #expect(
            parse("{\"event\":\"transcript\",\"transcript\":{\"text\":\"\(longest)\"}}")
                == .transcript(text: longest))
        #expect(
            parse("{\"event\":\"transcript\",\"transcript\":{\"text\":\"\(longest)a\"}}")
                == .malformed)
        #expect(parse(#"{"event":"transcript","transcript":{"text":5}}"#) == .malformed)
        #expect(parse(#"{"event":"transcript","transcript":"hello"}"#) == .malformed)
    }

    @Test func markNamesKeepEscapesAndEveryScript() {
        #expect(
            parse(#"{"event":"mark","mark":{"name":"a\"b\\c\/d\n\u00e9\ud83d\ude00"}}"#)
                == .mark(name: "a\"b\\c/d\né😀"))
        #expect(
            parse(#"{"event":"mark","mark":{"name":"größe 名"}}"#) == .mark(name: "größe 名"))
        #expect(parse(#"{"event":"mark","mark":{"name":""}}"#) == .mark(name: ""))
    }

    @Test func escapedSlashesInBase64AreRead() {
        let text = #"{"event":"media","media":{"payload":"\/\/8="}}"#
        let (message, payload) = parse(Array(text.utf8))
        #expect(message == .media)
        #expect(payload == [0xFF, 0xFF])
    }

    @Test func otherEventsAreUnknown() {
        #expect(parse(#"{"event":"playAudio"}"#) == .unknown)
        #expect(parse(#"{"event":""}"#) == .unknown)
        #expect(parse(#"{"event":"Media","media":{"payload":""}}"#) == .unknown)
    }

    @Test(arguments: [
        "", " ", "null", "[]", "42", "\"media\"", "{", "}", "{}", #"{"event"}"#, #"{"event":}"#,
        #"{"event":5}"#, #"{"event":null}"#, #"{"event":"clear""#, #"{"event":"clear"}}"#,
        #"{"event":"clear"} x"#, #"{"event":"clear",}"#, #"{event:"clear"}"#,
        #"{"event":"media"}"#, #"{"event":"media","media":null}"#,
        #"{"event":"media","media":{}}"#, #"{"event":"media","media":{"payload":7}}"#,
        #"{"event":"media","media":{"payload":"A"}}"#,
        #"{"event":"media","media":{"payload":"AA=A"}}"#,
        #"{"event":"media","media":{"payload":"AAA-"}}"#,
        #"{"event":"media","media":{"payload":"AA==="}}"#,
        #"{"event":"media","media":{"payload":"\q"}}"#,
        #"{"event":"mark"}"#, #"{"event":"mark","mark":"x"}"#, #"{"event":"mark","mark":{}}"#,
        #"{"event":"mark","mark":{"name":3}}"#, #"{"event":"mark","mark":{"name":"\ud83d"}}"#,
        #"{"event":"mark","mark":{"name":"\ude00"}}"#,
        #"{"event":"mark","mark":{"name":"\ud83dx"}}"#, #"{"event":"mark","mark":{"name":"\u12"}}"#,
        "{\"event\":\"mark\",\"mark\":{\"name\":\"a\u{01}b\"}}",
    ])
    func unusableMessagesAreMalformed(text: String) {
        #expect(parse(text) == .malformed)
    }

    @Test func brokenUTF8InANameIsMalformed() {
        let bytes =
            Array(#"{"event":"mark","mark":{"name":""#.utf8) + [0xC3, 0x28]
            + Array(#""}}"#.utf8)
        #expect(parse(bytes).0 == .malformed)
    }

    @Test func longMarkNamesAreMalformed() {
        let fits = String(repeating: "n", count: BotMessage.maximumMarkName)
        #expect(parse(#"{"event":"mark","mark":{"name":"\#(fits)"}}"#) == .mark(name: fits))
        #expect(parse(#"{"event":"mark","mark":{"name":"\#(fits)n"}}"#) == .malformed)
    }

    /// Python's `json.dumps` writes everything beyond ASCII as `\u043f`: six bytes for two, or twelve for four.
    @Test func limitsCountTheTextAndNotItsEscapes() {
        func message(_ event: String, _ field: String, _ escaped: String) -> String {
            "{\"event\":\"\(event)\",\"\(event)\":{\"\(field)\":\"\(escaped)\"}}"
        }
        let letters = BotMessage.maximumTranscript / 2
        let escaped = String(repeating: #"\u043f"#, count: letters)
        #expect(
            parse(message("transcript", "text", escaped))
                == .transcript(text: String(repeating: "п", count: letters)))
        #expect(parse(message("transcript", "text", escaped + "a")) == .malformed)
        let faces = BotMessage.maximumMarkName / 4
        let pairs = String(repeating: #"\ud83d\ude00"#, count: faces)
        #expect(
            parse(message("mark", "name", pairs))
                == .mark(name: String(repeating: "😀", count: faces)))
        #expect(parse(message("mark", "name", pairs + "a")) == .malformed)
    }

    @Test func deepNestingIsMalformedAndDoesNotRecurse() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(parse(#"{"event":"clear","x":\#(deep)"#) == .malformed)
        let levels = JSONScanner.maximumDepth
        let fits = String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        #expect(parse(#"{"event":"clear","x":\#(fits)}"#) == .clear)
        #expect(parse(#"{"event":"clear","x":[\#(fits)]}"#) == .malformed)
    }

    @Test func truncationAtEveryByteIsMalformed() {
        let text = Array(
            #"{"event":"mark","a":[1,{"b":"c\n"}],"mark":{"name":"x\u00e9","y":2},"z":false}"#.utf8)
        #expect(parse(text).0 == .mark(name: "xé"))
        for end in 0..<text.count { #expect(parse(Array(text[..<end])).0 == .malformed) }
    }

    @Test func randomMutationsNeverTrap() {
        let texts = [
            #"{"event":"media","streamSid":"MZ1","media":{"payload":"//79/Pv6+fj39vX08/Lx8A=="}}"#,
            #"{"event":"mark","mark":{"name":"a\"\ud83d\ude00b"},"x":[1,2,{"y":null}]}"#,
        ]
        var random = SeededGenerator(seed: 11)
        for round in 0..<4000 {
            var bytes = Array(texts[round % 2].utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: index)
                default: bytes.insert(bytes.randomElement(using: &random) ?? 0, at: index)
                }
            }
            let (message, payload) = parse(bytes)
            if message == .media { #expect(payload.count <= bytes.count) }
        }
    }

    // RFC 4648 section 10.
    @Test(arguments: [
        ("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"),
        ("Zm9vYmE=", "fooba"), ("Zm9vYmFy", "foobar"), ("Zg", "f"), ("Zm8", "fo"),
        ("Zm9v\r\nYmFy", "foobar"),
    ])
    func base64VectorsOfTheRFC(encoded: String, decoded: String) {
        var output: [UInt8] = [9]
        let valid = Array(encoded.utf8).withUnsafeBufferPointer { decodeBase64($0, into: &output) }
        #expect(valid)
        #expect(output == Array(decoded.utf8))
    }
}

@Suite struct TwilioWriterTests {
    private func make() -> TwilioWriter {
        TwilioWriter(streamID: "MZ1", callID: "CA1", accountID: "AC1")
    }

    private func text(_ writer: TwilioWriter) -> String {
        String(decoding: writer.bytes, as: UTF8.self)
    }

    /// One `media` message, in a buffer of exactly its length.
    private func media(
        _ writer: inout TwilioWriter, _ muLaw: [UInt8], chunk: Int, timestamp: Int
    ) -> String {
        let text = writer.beginMedia(samples: muLaw.count, chunk: chunk, timestamp: timestamp)
        var bytes = [UInt8](repeating: 0, count: writer.count(text))
        bytes.withUnsafeMutableBytes { space in
            muLaw.withUnsafeBufferPointer { writer.write(text, $0, into: space) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// RFC 4648 section 10, and a byte pattern of each length against the slow encoder.
    @Test func base64OfMediaIsThatOfTheRFC() {
        func encoded(_ bytes: [UInt8]) -> String {
            var target = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4)
            target.withUnsafeMutableBytes { space in
                bytes.withUnsafeBufferPointer { FastBase64.encode($0, into: space) }
            }
            return String(decoding: target, as: UTF8.self)
        }
        for (plain, wanted) in [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ] {
            #expect(encoded(Array(plain.utf8)) == wanted)
        }
        for count in 0..<300 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ count) }
            #expect(encoded(bytes) == Data(bytes).base64EncodedString())
        }
    }

    @Test func messagesAreWrittenExactly() {
        var writer = make()
        writer.connected()
        #expect(text(writer) == #"{"event":"connected","protocol":"Call","version":"1.0.0"}"#)
        writer.start(parameters: ["b": "2", "a": "\"1\""])
        #expect(
            text(writer)
                == #"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"#
                + #""streamSid":"MZ1","accountSid":"AC1","callSid":"CA1","tracks":["inbound"],"#
                + #""mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"#
                + #""customParameters":{"a":"\"1\"","b":"2"}}}"#)
        #expect(
            media(&writer, [0xFF, 0x7F, 0x00], chunk: 1, timestamp: 0)
                == #"{"event":"media","sequenceNumber":"2","streamSid":"MZ1","media":{"#
                + #""track":"inbound","chunk":"1","timestamp":"0","payload":"/38A"}}"#)
        writer.dtmf("#")
        #expect(
            text(writer)
                == #"{"event":"dtmf","sequenceNumber":"3","streamSid":"MZ1","dtmf":{"#
                + ##""track":"inbound_track","digit":"#"}}"##)
        writer.mark("say \"hi\"")
        #expect(
            text(writer)
                == #"{"event":"mark","sequenceNumber":"4","streamSid":"MZ1","mark":{"#
                + #""name":"say \"hi\""}}"#)
        writer.stop()
        #expect(
            text(writer)
                == #"{"event":"stop","sequenceNumber":"5","streamSid":"MZ1","stop":{"#
                + #""accountSid":"AC1","callSid":"CA1"}}"#)
    }

    @Test func largeNumbersAreWrittenWhole() {
        var writer = make()
        let text = media(&writer, [], chunk: 4_320_000, timestamp: .max)
        #expect(
            text.contains(
                #""chunk":"4320000","timestamp":"9223372036854775807","payload":""}}"#))
        for number in [0, 9, 10, 99, 100, 999_999, 1_000_000, .max - 1] {
            let text = media(&writer, [], chunk: number, timestamp: 0)
            #expect(text.contains("\"chunk\":\"\(number)\","))
        }
    }

    @Test func identifiersAreEscaped() {
        var writer = TwilioWriter(streamID: "a\"b", callID: "c\\d", accountID: "")
        writer.stop()
        #expect(
            text(writer)
                == #"{"event":"stop","sequenceNumber":"1","streamSid":"a\"b","stop":{"#
                + #""accountSid":"","callSid":"c\\d"}}"#)
    }
}
