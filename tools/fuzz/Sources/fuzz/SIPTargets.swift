import Base
import SIP

extension FuzzTarget {
    /// One message: read, its values read, written, read again.
    static let sip = FuzzTarget(name: "sip", maximumInput: 4096) { bytes in
        guard let message = try? SIPMessage(parsing: Array(bytes)) else { return }
        _ = (message.contentType, message.sdp, message.contactURI, message.requestURI)
        for name: HeaderName in [.via, .from, .to, .contact, .route, .recordRoute] {
            for value in message.headers.values(name) {
                if name == .via {
                    if let via = try? Via(value) {
                        expect((try? Via(via.serialised)) == via, "Via")
                    }
                } else {
                    checkAddress(value, of: name)
                }
            }
        }
        for value in message.headers.lines(.wwwAuthenticate) {
            _ = DigestChallenge.parse(value)
        }
        if message.defect == nil { checkMessage(message) }
    }

    /// Written and read again: the same message, and a response to it that can be read.
    private static func checkMessage(_ message: SIPMessage) {
        let written = message.serialised
        let facts = Facts(written)
        expect(facts != nil || written.count > SIPLimits.headerBytes, "cannot read what it wrote")
        guard let facts else { return }
        expect(facts.method == message.method, "the method changed")
        expect(facts.status == message.status, "the status changed")
        expect(facts.body == message.body, "the body changed")
        let isWhole = (try? MessageEssentials(message)) != nil
        expect(facts.isWhole == isWhole, "the essentials changed")
        // A bare CR is written as a space; after that nothing changes.
        expect(Facts(facts.written)?.written == facts.written, "the second trip differs")
        guard message.method != nil, isWhole else { return }
        let response = message.makeResponse(200, toTag: "t").serialised
        let status = Facts(response)?.status
        expect(status == 200 || response.count > SIPLimits.headerBytes, "our response")
    }

    /// What is compared of a message that was read.
    private struct Facts {
        var method: SIPMethod?
        var status: Int?
        var body: [UInt8]
        var isWhole: Bool
        var written: [UInt8]

        // Swift 6.3.1 crashes in its ownership checker when this is inlined.
        @inline(never)
        init?(_ bytes: [UInt8]) {
            guard let message = try? SIPMessage(parsing: bytes) else { return nil }
            method = message.method
            status = message.status
            body = message.body
            isWhole = (try? MessageEssentials(message)) != nil
            written = message.serialised
        }
    }

    /// URIs, as text alone.
    static let uri = FuzzTarget(name: "uri", maximumInput: 256) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        if let uri = try? SIPURI(text) {
            expect((try? SIPURI(uri.serialised)) == uri, "read, written, read again differs")
            _ = uri.user
        }
        if let any = try? AnyURI(text) {
            expect((try? AnyURI(any.serialised)) == any, "any: read again differs")
        }
        checkAddress(text, of: .to)
    }

    /// Read, written, read again: the same address. NUL and line breaks in quotes are written as
    /// spaces, so quoted texts are compared from the second trip on.
    private static func checkAddress(_ text: String, of name: HeaderName) {
        guard let first = try? NameAddress(text, of: name) else { return }
        guard let second = try? NameAddress(first.serialised, of: name) else {
            return expect(false, "cannot read the \(name) it wrote")
        }
        expect(second.uri == first.uri, "\(name): another URI when written")
        expect(
            second.parameters.items.map(\.name) == first.parameters.items.map(\.name),
            "\(name): other parameters when written")
        expect(
            (try? NameAddress(second.serialised, of: name)) == second,
            "\(name): the second trip differs")
    }

    /// A whole user agent: calls placed and taken, messages of every kind, answers to what it sent,
    /// time. At the end every call has ended once and nothing is left behind.
    static let agent = FuzzTarget(name: "agent", maximumInput: 1024) { bytes in
        var script = Script(bytes)
        var story = AgentStory(seed: UInt64(script.byte()))
        // An input that looks like a message is one.
        if bytes.count > 40, bytes[0] > 0x20, bytes[1] > 0x20, bytes[2] > 0x20, bytes[3] > 0x20 {
            story.receive(Array(bytes))
        } else {
            while !script.isAtEnd { story.step(&script) }
        }
        story.finish()
    }
}
