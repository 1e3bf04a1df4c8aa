import Base
import SIP

/// A user agent, the network and the peer, as the script tells it.
struct AgentStory {
    static let peer = SIPAddress(host: "192.0.2.20", port: 5060)
    static let stranger = SIPAddress(host: "198.51.100.9", port: 5062)
    static let description = Array(
        ("v=0\r\no=- 1 1 IN IP4 192.0.2.20\r\ns=-\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\n"
            + "m=audio 4000 RTP/AVP 0\r\n").utf8)
    /// More than any input can start.
    static let callLimit = 32

    private var agent: UserAgent
    private var now = Instant.zero
    private var out = Outbox<UserAgentOutput>()
    /// What it sent last, newest at the end.
    private var sent: [SIPMessage] = []
    private var keys: [CallKey] = []
    private var ended: Set<CallKey> = []
    private var placed: UInt64 = 0

    init(seed: UInt64) {
        var configuration = UserAgent.Configuration(
            party: LocalParty(host: "192.0.2.10", port: 5060, product: "Fuzz"),
            hashes: DigestHashes(
                md5: { Array(SHA256Hasher.hash($0).prefix(16)) }, sha256: { SHA256Hasher.hash($0) })
        )
        configuration.maximumCalls = 8
        configuration.maximumTransactions = 32
        if seed & 1 == 1 { configuration.policy.redirects = RedirectPolicy(limit: 3) }
        if seed & 6 == 6 {
            configuration.callerAuthentication = DigestServer(
                realm: "r", users: ["u": Redacted("p")], secret: Array("0123456789abcdef".utf8),
                hashes: configuration.hashes)
        }
        agent = UserAgent(configuration, entropy: SeededGenerator(seed: seed))
    }

    mutating func step(_ script: inout Script) {
        switch script.choice(16) {
        case 0: place(&script)
        case 1...4: reply(&script)
        case 5...8: request(&script)
        case 9: receive(mutated(&script))
        case 10: receive(script.take(script.choice(256)), from: Self.stranger)
        case 11: command(&script)
        case 12: toDeadline()
        case 13: advance(.milliseconds(Int64(script.word()) * 4))
        case 14: answerCalls(&script)
        default: repeated(&script)
        }
    }

    // MARK: the owner

    private mutating func place(_ script: inout Script) {
        guard placed < Self.callLimit, let target = try? SIPURI("sip:+12125550100@192.0.2.20")
        else { return }
        let isKnown = script.choice(8) == 0
        if !isKnown { placed += 1 }
        let key = CallKey.outbound(placed)
        let isNew = !keys.contains(key)
        let setup = CallSetup(
            target: target,
            from: NameAddress(uri: .sip(SIPURI(user: "100", host: "192.0.2.10"))),
            offer: script.choice(4) == 0 ? [] : Self.description, destination: Self.peer,
            ringTimeout: .seconds(Int64(script.choice(60))),
            credentials: script.flag()
                ? DigestCredentials(username: "u", password: Redacted("p")) : nil)
        // A key in use is refused with an `ended` of its own, which would look like a second one.
        guard isNew else { return }
        keys.append(key)
        agent.place(setup, key: key, now: now, out: &out)
        collect()
    }

    private mutating func command(_ script: inout Script) {
        guard !keys.isEmpty else { return }
        let key = keys[script.choice(keys.count)]
        switch script.choice(14) {
        case 4: agent.changeMedia(key, offer: Self.description, now: now, out: &out)
        case 5: agent.askForOffer(key, now: now, out: &out)
        case 6: agent.sendDigit(key, "5", now: now, out: &out)
        case 7: agent.acceptTransfer(key, now: now, out: &out)
        case 8: agent.refuseTransfer(key, now: now, out: &out)
        case 9: agent.reportTransfer(key, status: script.choice(700), now: now, out: &out)
        case 10: agent.progress(key, sdp: Self.description, now: now, out: &out)
        case 11, 12:
            guard let target = try? SIPURI("sip:desk@192.0.2.50") else { return }
            let other = keys[script.choice(keys.count)]
            agent.transfer(
                key, to: target, consulted: script.flag() ? other : nil, now: now, out: &out)
        case 13:
            guard let uri = try? SIPURI("sip:u@192.0.2.20") else { return }
            let setup = RegistrationSetup(
                address: uri, registrar: uri, destination: Self.peer, contactUser: "u")
            if script.flag() {
                agent.register(setup, key: script.choice(2), now: now, out: &out)
            } else {
                agent.unregister(script.choice(2), now: now, out: &out)
            }
        case 0: agent.hangUp(key, now: now, out: &out)
        case 1: agent.answerOffer(key, sdp: Self.description, now: now, out: &out)
        case 2: agent.refuseOffer(key, now: now, out: &out)
        default: agent.reject(key, status: 400 + script.choice(200), now: now, out: &out)
        }
        collect()
    }

    private mutating func answerCalls(_ script: inout Script) {
        for key in keys where key.isInbound {
            if script.flag() { agent.ring(key, now: now, out: &out) }
            if script.flag() { agent.answer(key, sdp: Self.description, now: now, out: &out) }
            collect()
        }
    }

    // MARK: the peer

    /// A response to one of the requests it sent.
    private mutating func reply(_ script: inout Script) {
        let requests = sent.filter { $0.method != nil }
        guard !requests.isEmpty else { return }
        let request = requests[requests.count - 1 - script.choice(min(8, requests.count))]
        let status = [
            100, 180, 183, 200, 200, 202, 301, 302, 401, 407, 408, 481, 486, 491, 500, 503, 603,
            699, 405, 415, 422, 423,
        ][script.choice(22)]
        var response = request.makeResponse(status, toTag: ["a", "b", "c"][script.choice(3)])
        if script.flag() {
            response.headers.append(.contact, "<sip:peer@192.0.2.20:5070>")
        }
        if script.choice(4) == 0 { response.headers.append(.recordRoute, "<sip:192.0.2.30;lr>") }
        if status == 401 || status == 407 {
            response.headers.append(
                status == 401 ? .wwwAuthenticate : .proxyAuthenticate,
                "Digest realm=\"r\", nonce=\"n\(script.choice(3))\", algorithm="
                    + (script.flag() ? "MD5" : "SHA-256") + (script.flag() ? ", qop=\"auth\"" : ""))
        }
        if script.choice(4) == 0 {
            let seconds = script.choice(4) * 60
            response.headers.append(
                .sessionExpires, "\(seconds);refresher=\(script.flag() ? "uac" : "uas")")
            response.headers.append(.minSE, "\(seconds * 2)")
            response.headers.append(.minExpires, "\(seconds * 100)")
        }
        if script.choice(4) == 0 {
            response.headers.append(.allow, "INVITE, UPDATE, INFO, PRACK")
        }
        if script.choice(6) == 0 {
            response.headers.append(HeaderName("Require"), "100rel")
            response.headers.append(HeaderName("RSeq"), "\(script.choice(4))")
        }
        if script.flag() {
            response.headers.append(.contentType, "application/sdp")
            response.body = Self.description
        }
        receive(response.serialised)
    }

    /// A request of the peer: new, or inside one of the dialogs it has seen.
    private mutating func request(_ script: inout Script) {
        let method = [
            "INVITE", "ACK", "BYE", "CANCEL", "INFO", "OPTIONS", "UPDATE", "PRACK", "REGISTER",
            "NOTIFY", "REFER", "MESSAGE", "X",
        ][script.choice(13)]
        let branch = "z9hG4bK\(script.choice(6))"
        var lines = [
            "\(method) sip:100@192.0.2.10 SIP/2.0",
            "Via: SIP/2.0/UDP 192.0.2.20:5060;branch=\(branch)\(script.flag() ? ";rport" : "")",
            "Max-Forwards: \(script.choice(8) == 0 ? 0 : 70)",
        ]
        if script.flag(), let inside = sent.last(where: { $0.headers[.callID] != nil }) {
            // The other way round: its From is our To.
            let isRequest = inside.method != nil
            let from = inside.headers[isRequest ? .to : .from] ?? ""
            let to = inside.headers[isRequest ? .from : .to] ?? ""
            let tag = isRequest && !from.contains("tag=") ? ";tag=a" : ""
            lines += [
                "From: \(from)\(tag)", "To: \(to)", "Call-ID: \(inside.headers[.callID] ?? "")",
            ]
        } else {
            lines += [
                "From: <sip:200@192.0.2.20>;tag=f\(script.choice(3))",
                "To: <sip:100@192.0.2.10>\(script.choice(4) == 0 ? ";tag=x" : "")",
                "Call-ID: c\(script.choice(4))",
            ]
        }
        lines += ["CSeq: \(script.choice(8)) \(method)", "Contact: <sip:200@192.0.2.20:5070>"]
        if script.choice(8) == 0 { lines.append("Require: \(script.flag() ? "100rel" : "foo")") }
        if script.choice(8) == 0 { lines.append("RAck: 1 1 INVITE") }
        if method == "PRACK", let rseq = sent.last(where: { $0.headers[.rseq] != nil }) {
            let number = (rseq.headers[.cseq] ?? "").split(separator: " ").first ?? "1"
            lines.append("RAck: \(rseq.headers[.rseq] ?? "1") \(number) INVITE")
        }
        if method == "REFER" {
            lines.append(
                "Refer-To: <sip:desk@192.0.2.50\(script.flag() ? "?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2" : "")>"
            )
        }
        if method == "NOTIFY" {
            lines.append("Event: refer")
            lines.append("Subscription-State: \(script.flag() ? "active" : "terminated")")
        }
        if script.choice(4) == 0 {
            lines.append("Supported: timer, 100rel")
            lines.append("Session-Expires: \(script.choice(4) * 60);refresher=uac")
        }
        if script.choice(8) == 0, let inside = sent.last {
            lines.append(
                "Replaces: \(inside.headers[.callID] ?? "x");to-tag=\(script.flag() ? "a" : "b");from-tag=f1"
            )
        }
        var body = ""
        switch method == "NOTIFY" ? 4 : script.choice(4) {
        case 0: break
        case 4:
            lines.append("Content-Type: message/sipfrag")
            body = "SIP/2.0 \(100 + script.choice(200)) x\r\n"
        case 1:
            lines.append("Content-Type: application/dtmf-relay")
            body = "Signal=\(script.choice(12))\r\nDuration=160\r\n"
        default:
            lines.append("Content-Type: application/sdp")
            body = String(decoding: Self.description, as: UTF8.self)
        }
        lines.append("Content-Length: \(body.utf8.count)")
        receive(Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8))
    }

    /// Something it sent, with a few octets changed, back at it.
    private mutating func mutated(_ script: inout Script) -> [UInt8] {
        guard let last = sent.last else { return [] }
        var bytes = last.serialised
        for _ in 0..<(1 + script.choice(4)) where !bytes.isEmpty {
            bytes[Int(script.word()) % bytes.count] = script.byte()
        }
        return bytes
    }

    private mutating func repeated(_ script: inout Script) {
        guard !sent.isEmpty else { return }
        receive(sent[sent.count - 1 - script.choice(min(8, sent.count))].serialised)
    }

    // MARK: network and time

    mutating func receive(_ bytes: [UInt8], from source: SIPAddress = Self.peer) {
        agent.receive(bytes, from: source, now: now, out: &out)
        collect()
    }

    private mutating func advance(_ interval: Interval) {
        now += interval
        agent.handleTimers(now: now, out: &out)
        collect()
        if let next = agent.nextDeadline() { expect(next > now, "a timer that is due stays") }
    }

    private mutating func toDeadline() {
        guard let next = agent.nextDeadline() else { return }
        advance(max(.zero, next - now))
    }

    private mutating func collect() {
        expect(out.count <= 64, "\(out.count) outputs for one input")
        for output in out.takeAll() {
            switch output {
            case .send(let bytes, _):
                guard let message = try? SIPMessage(parsing: bytes) else {
                    expect(bytes.count > SIPLimits.headerBytes, "sent what it cannot read")
                    continue
                }
                expect(message.defect == nil, "sent a defect: \(message.defect?.label ?? "")")
                sent.append(message)
                if sent.count > 16 { sent.removeFirst() }
            case .registration: break
            case .notice(let key, .ended):
                expect(keys.contains(key), "the end of a call nobody knows")
                expect(ended.insert(key).inserted, "a call ended twice")
            case .notice(let key, let notice):
                expect(!ended.contains(key), "\(notice) after the end")
            case .incoming(let key, _):
                expect(key.isInbound && !keys.contains(key), "an incoming call twice")
                keys.append(key)
            }
        }
        expect(agent.activeCalls >= 0 && agent.activeCalls <= 8, "active calls")
        expect(agent.activeCalls == keys.count - ended.count, "\(agent.activeCalls) active calls")
        // 40 of peers, 8 calls with at most 16 requests of ours each, and their INVITEs.
        expect(agent.transactionCount <= 208, "\(agent.transactionCount) transactions")
    }

    /// Hangs up and lets every timer run: nothing may stay.
    mutating func finish() {
        agent.hangUpAll(now: now, out: &out)
        collect()
        var steps = 0
        while agent.nextDeadline() != nil {
            toDeadline()
            steps += 1
            expect(steps < 10_000, "timers never end")
        }
        expect(ended.count == keys.count, "a call never ended")
        expect(agent.transactionCount == 0 && agent.isIdle, "something is left behind")
    }
}
