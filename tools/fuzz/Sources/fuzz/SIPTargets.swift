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
                    if let via = try? Via(value) { expect((try? Via(via.serialised)) == via, "Via") }
                } else if let address = try? NameAddress(value, of: name) {
                    expect(
                        (try? NameAddress(address.serialised, of: name)) == address,
                        "\(name) reads differently when written")
                }
            }
        }
        for value in message.headers.lines(.wwwAuthenticate) {
            _ = DigestChallenge.parse(value)
        }
        let essentials = try? MessageEssentials(message)
        guard message.defect == nil else { return }
        let written = message.serialised
        guard let again = try? SIPMessage(parsing: written) else {
            return expect(written.count > SIPLimits.headerBytes, "cannot read what it wrote")
        }
        expect(again.start == message.start, "the start line changed")
        expect(again.body == message.body, "the body changed")
        expect((try? MessageEssentials(again)) == essentials, "the essentials changed")
        guard message.method != nil, essentials != nil else { return }
        let response = message.makeResponse(200, toTag: "t")
        guard let read = try? SIPMessage(parsing: response.serialised) else {
            return expect(response.serialised.count > SIPLimits.headerBytes, "our response")
        }
        expect(read.status == 200, "our response has another status")
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
        if let address = try? NameAddress(text, of: .to) {
            expect((try? NameAddress(address.serialised, of: .to)) == address, "name-addr differs")
        }
    }

    /// A whole user agent: calls placed and taken, messages of every kind, answers to what it sent,
    /// time. At the end every call has ended once and nothing is left behind.
    static let agent = FuzzTarget(name: "agent", maximumInput: 2048) { bytes in
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
