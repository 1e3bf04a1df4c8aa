import Base
import Foundation
import SIP

/// Reads a file below Fixtures/.
func fixture(_ path: String) -> [UInt8] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    return (try? Data(contentsOf: root.appendingPathComponent("Fixtures/" + path))).map {
        [UInt8]($0)
    } ?? []
}

func bytes(_ lines: [String], body: String = "") -> [UInt8] {
    Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

let sampleOffer = Array("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n".utf8)
let sampleAnswer = Array("v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\n".utf8)

/// One user agent in virtual time; the test plays the network and the peer, whose address is known.
struct Bench {
    struct Sent: Equatable {
        var ms: Int64
        var message: SIPMessage
        var to: SIPAddress
    }

    static let peer = SIPAddress(host: "192.0.2.20", port: 5060)
    var agent: UserAgent
    var now = Instant.zero
    var sent: [Sent] = []
    var notices: [CallNotice] = []
    var incoming: [(key: CallKey, invite: IncomingInvite)] = []
    var registrations: [(key: Int, notice: RegistrationNotice)] = []
    private var out = Outbox<UserAgentOutput>()

    init(seed: UInt64 = 1, change: (inout UserAgent.Configuration) -> Void = { _ in }) {
        var configuration = UserAgent.Configuration(
            party: LocalParty(host: "192.0.2.10", port: 5060, product: "Test"),
            hashes: testHashes)
        configuration.trustedSources = [Bench.peer.host]
        change(&configuration)
        agent = UserAgent(configuration, entropy: SeededGenerator(seed: seed))
    }

    static let key = CallKey.outbound(1)

    mutating func place(
        key: CallKey = Bench.key, credentials: DigestCredentials? = nil,
        ringTimeout: Interval = .seconds(30), headers: [(name: String, value: String)] = [],
        target: String = "sip:+12125550100@192.0.2.20"
    ) throws {
        let setup = CallSetup(
            target: try SIPURI(target),
            from: NameAddress(uri: .sip(SIPURI(user: "+12125550199", host: "192.0.2.10"))),
            offer: sampleOffer, destination: Bench.peer, ringTimeout: ringTimeout,
            headers: headers, credentials: credentials)
        act { $0.place(setup, key: key, now: $1, out: &$2) }
    }

    mutating func act(
        _ body: (inout UserAgent, Instant, inout Outbox<UserAgentOutput>) -> Void
    ) {
        body(&agent, now, &out)
        collect()
    }

    mutating func hangUp(_ key: CallKey = Bench.key) {
        act { $0.hangUp(key, now: $1, out: &$2) }
    }

    mutating func inject(_ message: SIPMessage, from: SIPAddress = Bench.peer) {
        inject(message.serialised, from: from)
    }

    mutating func inject(_ bytes: [UInt8], from: SIPAddress = Bench.peer) {
        act { $0.receive(bytes, from: from, now: $1, out: &$2) }
    }

    /// Runs every timer that falls due until `ms`, each at its own time.
    mutating func advance(toMs ms: Int64) {
        let end = Instant(milliseconds: ms)
        while let next = agent.nextDeadline(), next <= end {
            now = max(now, next)
            act { $0.handleTimers(now: $1, out: &$2) }
        }
        now = end
    }

    mutating func collect() {
        for output in out.takeAll() {
            switch output {
            case .send(let bytes, let to):
                if let message = try? SIPMessage(parsing: bytes) {
                    sent.append(Sent(ms: now.milliseconds, message: message, to: to))
                }
            case .notice(_, let notice): notices.append(notice)
            case .incoming(let key, let invite): incoming.append((key, invite))
            case .registration(let key, let notice): registrations.append((key, notice))
            }
        }
    }

    /// Messages sent since the last call, in short: `INVITE`, `ACK`, `200 INVITE`.
    mutating func takeSent() -> [String] {
        defer { sent.removeAll() }
        return sent.map { Bench.label($0.message) }
    }

    mutating func takeNotices() -> [CallNotice] {
        defer { notices.removeAll() }
        return notices
    }

    static func label(_ message: SIPMessage) -> String {
        if let method = message.method { return method.name }
        let method = (message.headers[.cseq] ?? "").split(separator: " ").last ?? ""
        return "\(message.status ?? 0) \(method)"
    }

    /// The last request of `method` that was sent.
    func last(_ method: SIPMethod) throws -> SIPMessage {
        try sent.last { $0.message.method == method }.map(\.message).orThrow()
    }

    func lastResponse() throws -> SIPMessage {
        try sent.last { $0.message.status != nil }.map(\.message).orThrow()
    }
}

struct Missing: Error {}
extension Optional {
    func orThrow() throws -> Wrapped {
        guard let self else { throw Missing() }
        return self
    }
}

extension SIPMessage {
    /// A response of the peer to this request.
    func reply(
        _ status: Int, tag: String? = "peer", contact: String? = "<sip:peer@192.0.2.20>",
        sdp: [UInt8] = [], extra: [(HeaderName, String)] = []
    ) -> SIPMessage {
        var response = makeResponse(status, toTag: tag)
        if let contact { response.headers.append(.contact, contact) }
        for line in extra { response.headers.append(line.0, line.1) }
        if !sdp.isEmpty {
            response.headers.append(.contentType, "application/sdp")
            response.body = sdp
        }
        return response
    }
}

/// A request of the peer within the dialog that `invite` (ours) and tag `peer` made.
func peerRequest(
    _ method: SIPMethod, in invite: SIPMessage, cseq: Int, tag: String = "peer",
    branch: String = "z9hG4bKpeer", sdp: [UInt8] = [], type: String = "application/sdp"
) -> SIPMessage {
    var request = SIPMessage(.request(method: method, uri: "sip:+12125550199@192.0.2.10"))
    request.headers.append(.via, "SIP/2.0/UDP 192.0.2.20;branch=\(branch)\(cseq)\(method.name)")
    request.headers.append(.from, "<sip:+12125550100@192.0.2.20>;tag=\(tag)")
    request.headers.append(.to, invite.headers[.from] ?? "")
    request.headers.append(.callID, invite.headers[.callID] ?? "")
    request.headers.append(.cseq, "\(cseq) \(method.name)")
    request.headers.append(.contact, "<sip:peer@192.0.2.20>")
    request.headers.append(.maxForwards, "70")
    if !sdp.isEmpty {
        request.headers.append(.contentType, type)
        request.body = sdp
    }
    return request
}

/// A caller's INVITE.
func callerInvite(
    branch: String = "z9hG4bKin1", callID: String = "in-1", cseq: Int = 1,
    user: String = "echo", via: String? = nil, sdp: [UInt8] = sampleOffer,
    extra: [(HeaderName, String)] = []
) -> SIPMessage {
    var request = SIPMessage(.request(method: .invite, uri: "sip:\(user)@192.0.2.10"))
    request.headers.append(.via, via ?? "SIP/2.0/UDP 192.0.2.20;branch=\(branch)")
    request.headers.append(.from, "<sip:caller@192.0.2.20>;tag=callertag")
    request.headers.append(.to, "<sip:\(user)@192.0.2.10>")
    request.headers.append(.callID, callID)
    request.headers.append(.cseq, "\(cseq) INVITE")
    request.headers.append(.contact, "<sip:caller@192.0.2.20>")
    request.headers.append(.maxForwards, "70")
    for line in extra { request.headers.append(line.0, line.1) }
    if !sdp.isEmpty {
        request.headers.append(.contentType, "application/sdp")
        request.body = sdp
    }
    return request
}

/// A caller's request within the dialog its INVITE and our 200 made.
func callerRequest(
    _ method: SIPMethod, after ok: SIPMessage, cseq: Int, branch: String = "z9hG4bKnext"
) -> SIPMessage {
    var request = SIPMessage(.request(method: method, uri: "sip:echo@192.0.2.10"))
    request.headers.append(.via, "SIP/2.0/UDP 192.0.2.20;branch=\(branch)\(cseq)\(method.name)")
    request.headers.append(.from, ok.headers[.from] ?? "")
    request.headers.append(.to, ok.headers[.to] ?? "")
    request.headers.append(.callID, ok.headers[.callID] ?? "")
    request.headers.append(.cseq, "\(cseq) \(method.name)")
    request.headers.append(.maxForwards, "70")
    return request
}

/// Places a call and returns the INVITE.
func calling(_ bench: inout Bench) throws -> SIPMessage {
    try bench.place()
    return try bench.last(.invite)
}

/// A call that the peer has answered.
func answered(_ bench: inout Bench) throws -> SIPMessage {
    let invite = try calling(&bench)
    bench.inject(invite.reply(200, sdp: sampleAnswer))
    _ = bench.takeSent()
    _ = bench.takeNotices()
    return invite
}

/// An inbound call that is answered and acknowledged.
func inboundCall(
    _ bench: inout Bench, extra: [(HeaderName, String)] = []
) throws -> (key: CallKey, ok: SIPMessage) {
    bench.inject(callerInvite(extra: extra))
    let key = try bench.incoming.last.orThrow().key
    bench.act { $0.answer(key, sdp: sampleAnswer, now: $1, out: &$2) }
    let ok = try bench.lastResponse()
    bench.inject(callerRequest(.ack, after: ok, cseq: 1))
    _ = bench.takeSent()
    _ = bench.takeNotices()
    return (key, ok)
}
